//! TLS on both sides of a connection between peers (*shell*): handshakes, and words for why one failed.
//!
//! As in Kea (guide, "Using TLS for HA"), a certificate has to be signed by the trust anchor and in force;
//! the names in it are not compared with the address. Sessions are not resumed: Kea's listener refuses that,
//! and connections are kept for long anyway.

use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, Resumption, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{
    NoServerSessionStorage, ParsedCertificate, ServerConfig, WebPkiClientVerifier,
};
use rustls::sign::SingleCertAndKey;
use rustls::{
    AlertDescription, CertificateError, DigitallySignedStruct, Error, InvalidMessage,
    RootCertStore, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::config::Tls;

/// The first byte of a TLS connection: a handshake record (RFC 8446 section 5.1).
const HANDSHAKE_RECORD: u8 = 22;

/// Opens connections to one peer with TLS.
#[derive(Clone)]
pub struct Connector(TlsConnector);

/// Takes connections with TLS.
#[derive(Clone)]
pub struct Acceptor(TlsAcceptor);

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
    BadCertificate(CertificateError),
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

impl Connector {
    /// For a peer whose entry has `tls`.
    pub fn new(tls: &Tls) -> Self {
        let provider = Arc::new(ring::default_provider());
        let verifier = SignedByAnchor { anchors: Arc::clone(&tls.anchors), provider };
        let mut config = ClientConfig::builder_with_provider(Arc::clone(&verifier.provider))
            .with_safe_default_protocol_versions()
            .expect("ring supports TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(&tls.identity))));
        config.resumption = Resumption::disabled();
        Self(TlsConnector::from(Arc::new(config)))
    }

    /// Shakes hands over `stream`.
    pub async fn connect(
        &self,
        stream: TcpStream,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, HandshakeError> {
        let peer = stream.peer_addr().map_err(HandshakeError::Io)?;
        let name = ServerName::IpAddress(peer.ip().into());
        self.0.connect(name, stream).await.map_err(HandshakeError::from)
    }
}

impl Acceptor {
    /// For the own entry's `tls`; clients have to show a certificate if `require_client_certs`.
    pub fn new(tls: &Tls, require_client_certs: bool) -> Self {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("ring supports TLS 1.2 and 1.3");
        let builder = if require_client_certs {
            let anchors = Arc::clone(&tls.anchors);
            let verifier = WebPkiClientVerifier::builder_with_provider(anchors, provider)
                .build()
                .expect("a trust-anchor has at least one certificate");
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        let identity = SingleCertAndKey::from(Arc::clone(&tls.identity));
        let mut config = builder.with_cert_resolver(Arc::new(identity));
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Self(TlsAcceptor::from(Arc::new(config)))
    }

    /// Shakes hands over `stream`. What does not begin as TLS does gets no answer at all, as from Kea.
    pub async fn accept(
        &self,
        stream: TcpStream,
    ) -> Result<tokio_rustls::server::TlsStream<TcpStream>, HandshakeError> {
        let mut first = [0];
        match stream.peek(&mut first).await.map_err(HandshakeError::Io)? {
            0 => return Err(HandshakeError::Closed),
            _ if first == [HANDSHAKE_RECORD] => {}
            _ => {
                // What is unread when a socket is closed makes the kernel send a reset.
                let _ = stream.try_read(&mut [0; 4_096]);
                return Err(HandshakeError::NotTls);
            }
        }
        self.0.accept(stream).await.map_err(HandshakeError::from)
    }
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
            Error::InvalidCertificate(why) => Self::BadCertificate(why),
            Error::InvalidMessage(InvalidMessage::InvalidContentType) => Self::NotTls,
            Error::AlertReceived(alert) => Self::Alert(alert),
            error => Self::Protocol(error),
        }
    }
}

/// Believes a server whose certificate the anchors signed, whatever its name.
#[derive(Debug)]
struct SignedByAnchor {
    anchors: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for SignedByAnchor {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = ParsedCertificate::try_from(certificate)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        verify_server_cert_signed_by_trust_anchor(
            &certificate,
            &self.anchors,
            intermediates,
            now,
            algorithms,
        )?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
