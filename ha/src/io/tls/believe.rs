//! Whose certificate is believed: one that a trust anchor signed or that is a trust anchor itself, and that is in force.
//! Pure.
//!
//! The second is how pairs work whose servers signed their own certificates and know each other's. What signs is
//! no end entity for webpki, so these are compared byte by byte, and their dates are read here (RFC 5280
//! section 4.1).

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{
    WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use crate::config::Anchors;
use crate::wire::date::timestamp;

const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Judges servers, whatever their names.
#[derive(Debug)]
pub(super) struct Servers {
    anchors: Arc<Anchors>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// Judges clients.
#[derive(Debug)]
pub(super) struct Clients {
    anchors: Arc<Anchors>,
    signed: Arc<dyn ClientCertVerifier>,
}

impl Servers {
    pub(super) fn new(anchors: &Arc<Anchors>) -> Self {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        Self { anchors: Arc::clone(anchors), algorithms }
    }
}

impl Clients {
    pub(super) fn new(anchors: &Arc<Anchors>) -> Self {
        let provider = Arc::new(ring::default_provider());
        let signed =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&anchors.store), provider)
                .build()
                .expect("a trust-anchor has at least one certificate");
        Self { anchors: Arc::clone(anchors), signed }
    }
}

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.anchors.certificates.iter().any(|anchor| anchor == certificate) {
            in_force(certificate, now)?;
        } else {
            verify_server_cert_signed_by_trust_anchor(
                &ParsedCertificate::try_from(certificate)?,
                &self.anchors.store,
                intermediates,
                now,
                self.algorithms.all,
            )?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Clients {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.signed.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if self.anchors.certificates.iter().any(|anchor| anchor == certificate) {
            in_force(certificate, now)?;
            return Ok(ClientCertVerified::assertion());
        }
        self.signed.verify_client_cert(certificate, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signed.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.signed.supported_verify_schemes()
    }
}

/// Whether `certificate` is valid at `now` by its own dates.
fn in_force(certificate: &[u8], now: UnixTime) -> Result<(), Error> {
    let Some([from, to]) = validity(certificate) else {
        return Err(CertificateError::BadEncoding.into());
    };
    let digits = |text: String| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let now = digits(timestamp(now.as_secs()));
    if now < from {
        Err(CertificateError::NotValidYet.into())
    } else if to < now {
        Err(CertificateError::Expired.into())
    } else {
        Ok(())
    }
}

/// The dates of a certificate, each as `20261120103446` in UTC.
fn validity(certificate: &[u8]) -> Option<[String; 2]> {
    let (tag, certificate, _) = element(certificate)?;
    let (inner, body, _) = element(certificate)?;
    if (tag, inner) != (SEQUENCE, SEQUENCE) {
        return None;
    }
    // Version (absent in version 1), serial number, algorithm, issuer; then the dates.
    let (first, _, rest) = element(body)?;
    let mut rest = if first == 0xa0 { element(rest)?.2 } else { rest };
    for _ in 0..2 {
        rest = element(rest)?.2;
    }
    let (tag, dates, _) = element(rest)?;
    let (from_tag, from, rest) = element(dates)?;
    let (to_tag, to, _) = element(rest)?;
    (tag == SEQUENCE).then_some([date(from_tag, from)?, date(to_tag, to)?])
}

/// RFC 5280 section 4.1.2.5: always in UTC with seconds; two-digit years from 50 on are those of the last century.
fn date(tag: u8, text: &[u8]) -> Option<String> {
    let digits = std::str::from_utf8(text.strip_suffix(b"Z")?).ok()?;
    let is_date = digits.bytes().all(|b| b.is_ascii_digit());
    match (tag, digits.len()) {
        (UTC_TIME, 12) if is_date && digits < "50" => Some(format!("20{digits}")),
        (UTC_TIME, 12) if is_date => Some(format!("19{digits}")),
        (GENERALIZED_TIME, 14) if is_date => Some(digits.to_owned()),
        _ => None,
    }
}

/// The first element of DER: its tag, its content, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rustls::pki_types::pem::PemObject;
    use std::time::Duration;

    use super::*;
    use crate::certificates::Authority;

    #[test]
    fn the_dates_of_a_certificate_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path(), "authority");
        let old = authority.issue_expired("old");
        let certificate = CertificateDer::from_pem_file(old.certificate).unwrap();
        let dates = ["20200101000000", "20210101000000"].map(str::to_owned);
        assert_eq!(validity(&certificate), Some(dates));
        let at = |wall_s| {
            in_force(&certificate, UnixTime::since_unix_epoch(Duration::from_secs(wall_s)))
        };
        let (from, to) = (1_577_836_800, 1_609_459_200);
        assert_eq!(at(from - 1), Err(CertificateError::NotValidYet.into()));
        assert_eq!((at(from), at(to)), (Ok(()), Ok(())));
        assert_eq!(at(to + 1), Err(CertificateError::Expired.into()));
        for end in 0..certificate.len() {
            let _ = in_force(&certificate[..end], UnixTime::now());
        }
    }

    #[test]
    fn dates_have_one_form() {
        let utc = |text: &str| date(UTC_TIME, text.as_bytes());
        assert_eq!(utc("491231235959Z").unwrap(), "20491231235959");
        assert_eq!(utc("500101000000Z").unwrap(), "19500101000000");
        let late = date(GENERALIZED_TIME, b"20991231235959Z").unwrap();
        assert_eq!(late, "20991231235959");
        for wrong in ["", "Z", "4912312359Z", "491231235959", "49123123595xZ", "491231235959+0100"]
        {
            assert_eq!(utc(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = validity(&bytes);
        }
    }
}
