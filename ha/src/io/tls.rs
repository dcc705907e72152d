//! TLS on both sides of a connection between peers (*shell*): handshakes, and words for why one failed.
//!
//! As in Kea (guide, "Using TLS for HA"), a certificate has to be believed ([`believe`]); the names in it are not
//! compared with the address. Sessions are not resumed: Kea's listener breaks off a handshake that tries it
//! ("session id context uninitialized"), and connections are kept for long anyway.

mod believe;

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use engine::sync::Live;
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ClientConfig, Resumption};
use rustls::crypto::ring;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ServerConfig};
use rustls::sign::SingleCertAndKey;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use believe::{Clients, Servers};

use crate::config::Tls;
use crate::limits::{FAREWELL, FAREWELL_BYTES};

/// The first byte of a TLS connection: a handshake record (RFC 8446 section 5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// Opens connections to one peer with TLS. Its certificates can be renewed; connections that are open go on.
#[derive(Clone)]
pub struct Connector(Arc<Live<ClientConfig>>);

/// Takes connections with TLS. Its certificates can be renewed; connections that are open go on.
#[derive(Clone)]
pub struct Acceptor(Arc<Live<ServerConfig>>);

/// A handshake failed; the other side or the files of either side are to blame.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// What came is not the beginning of TLS.
    #[error("it does not speak TLS (plain HTTP?)")]
    NotTls,
    /// It closed the connection before the end.
    #[error("it closed the connection")]
    Closed,
    /// It showed no certificate where one is required.
    #[error("it showed no certificate, and require-client-certs asks for one")]
    NoCertificate,
    /// Its certificate's signer is another one.
    #[error("its certificate is not signed by our trust-anchor")]
    UnknownSigner,
    /// Its certificate is too old, too new, or for another purpose.
    #[error("its certificate is refused: {0}")]
    BadCertificate(String),
    /// It refused ours, or could not go on.
    #[error("it refused with the alert {0:?}")]
    Alert(AlertDescription),
    /// Anything else that rustls found.
    #[error("{0}")]
    Protocol(Error),
    /// The connection broke.
    #[error("{0}")]
    Io(io::Error),
}

/// In which part a certificate is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// To those who connect to us.
    Server,
    /// To those to whom we connect.
    Client,
}

/// Why the other side will refuse our own certificate at `wall_s` (seconds since 1970 UTC), if it trusts whom we
/// trust. It need not: this is worth a warning only.
pub fn doubt(tls: &Tls, part: Part, wall_s: u64) -> Option<HandshakeError> {
    let (certificate, intermediates) = tls.identity.cert.split_first()?;
    let now = UnixTime::since_unix_epoch(Duration::from_secs(wall_s));
    let judged = match part {
        Part::Server => {
            let name = ServerName::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST).into());
            let servers = Servers::new(&tls.anchors);
            servers.verify_server_cert(certificate, intermediates, &name, &[], now).map(drop)
        }
        Part::Client => {
            let clients = Clients::new(&tls.anchors);
            clients.verify_client_cert(certificate, intermediates, now).map(drop)
        }
    };
    judged.err().map(HandshakeError::from)
}

impl Connector {
    /// For a peer whose entry has `tls`.
    pub fn new(tls: &Tls) -> Self {
        Self(Arc::new(Live::new(Self::config(tls))))
    }

    /// From now on with what was read anew.
    pub fn renew(&self, tls: &Tls) {
        self.0.replace(Self::config(tls));
    }

    fn config(tls: &Tls) -> Arc<ClientConfig> {
        let provider = Arc::new(ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring supports TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Servers::new(&tls.anchors)))
            .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&tls.identity))));
        config.resumption = Resumption::disabled();
        Arc::new(config)
    }

    /// Shakes hands over `stream`.
    pub async fn connect(
        &self,
        stream: TcpStream,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, HandshakeError> {
        let peer = stream.peer_addr().map_err(HandshakeError::Io)?;
        let name = ServerName::IpAddress(peer.ip().into());
        TlsConnector::from(self.0.load()).connect(name, stream).await.map_err(HandshakeError::from)
    }
}

impl Acceptor {
    /// For the own entry's `tls`; clients have to show a certificate if `require_client_certs`.
    pub fn new(tls: &Tls, require_client_certs: bool) -> Self {
        Self(Arc::new(Live::new(Self::config(tls, require_client_certs))))
    }

    /// From now on with what was read anew.
    pub fn renew(&self, tls: &Tls, require_client_certs: bool) {
        self.0.replace(Self::config(tls, require_client_certs));
    }

    fn config(tls: &Tls, require_client_certs: bool) -> Arc<ServerConfig> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring supports TLS 1.2 and 1.3");
        let builder = if require_client_certs {
            builder.with_client_cert_verifier(Arc::new(Clients::new(&tls.anchors)))
        } else {
            builder.with_no_client_auth()
        };
        let identity = SingleCertAndKey::from(Arc::clone(&tls.identity));
        let mut config = builder.with_cert_resolver(Arc::new(identity));
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Arc::new(config)
    }

    /// Shakes hands over `stream`, or gives it back. What does not begin as TLS does gets no answer at all, as
    /// from Kea.
    pub async fn accept(
        &self,
        stream: TcpStream,
    ) -> Result<tokio_rustls::server::TlsStream<TcpStream>, (HandshakeError, TcpStream)> {
        let mut first = [0];
        match stream.peek(&mut first).await {
            Ok(0) => Err((HandshakeError::Closed, stream)),
            Ok(_) if first != [HANDSHAKE_RECORD] => Err((HandshakeError::NotTls, stream)),
            Ok(_) => {
                let acceptor = TlsAcceptor::from(self.0.load());
                let shaken = acceptor.accept(stream).into_fallible().await;
                shaken.map_err(|(error, stream)| (error.into(), stream))
            }
            Err(error) => Err((HandshakeError::Io(error), stream)),
        }
    }
}

/// Ends a connection that is refused, and reads for a moment what may still come: what is unread when a socket is closed
/// makes the kernel send a reset, which can overtake the alert that says why.
pub(super) async fn part(mut stream: TcpStream) {
    let goodbye = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(FAREWELL_BYTES), &mut tokio::io::sink()).await
    };
    // It is refused however this ends.
    let _ = tokio::time::timeout(FAREWELL, goodbye).await;
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector(..)")
    }
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Acceptor(..)")
    }
}

impl HandshakeError {
    /// The refusal that broke a connection after our own part of the handshake was done, if it was one: in TLS 1.3
    /// a client learns only then that the server does not believe it.
    pub(super) fn behind(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let chain = std::iter::successors(Some(error), |error| error.source());
        let broken = chain.filter_map(|error| error.downcast_ref::<io::Error>());
        let mut inner = broken.filter_map(|error| error.get_ref()?.downcast_ref::<Error>());
        inner.find_map(|error| match error {
            Error::AlertReceived(alert) => Some(Self::Alert(*alert)),
            _ => None,
        })
    }
}

impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::Closed;
        }
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            Some(error) => error.clone().into(),
            None => Self::Io(error),
        }
    }
}

impl From<Error> for HandshakeError {
    fn from(error: Error) -> Self {
        match error {
            Error::NoCertificatesPresented => Self::NoCertificate,
            Error::InvalidCertificate(CertificateError::UnknownIssuer) => Self::UnknownSigner,
            Error::InvalidCertificate(CertificateError::Other(why)) => {
                Self::BadCertificate(why.to_string())
            }
            Error::InvalidCertificate(why) => Self::BadCertificate(why.to_string()),
            Error::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NotTls,
            Error::AlertReceived(alert) => Self::Alert(alert),
            error => Self::Protocol(error),
        }
    }
}

#[cfg(test)]
mod tests;
