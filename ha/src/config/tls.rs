//! `trust-anchor`, `cert-file` and `key-file`: which of them hold for a peer, and what is in the files. Pure, but for
//! reading these. Must not know how a handshake is made.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::config::json::{Mistake, Node};
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;

use crate::limits::{MAX_ANCHORS, MAX_PEM_FILE};

const KEYS: [&str; 3] = ["trust-anchor", "cert-file", "key-file"];

/// What is needed to talk TLS with a peer: read, and checked to belong together.
#[derive(Clone, Debug)]
pub struct Tls {
    /// `trust-anchor`: who may have signed the other side's certificate.
    pub(crate) anchors: Arc<Anchors>,
    /// `cert-file` and `key-file`: what is shown to the other side.
    pub(crate) identity: Arc<CertifiedKey>,
}

impl Tls {
    /// TLS by these three files: those of `trust-anchor`, `cert-file` and `key-file`.
    ///
    /// # Errors
    /// What is wrong with the first of them that cannot be used.
    pub fn of_files(anchor: &Path, certificate: &Path, key: &Path) -> Result<Self, String> {
        let told = |word: &str, path: &Path, error: FileError| {
            format!("got {word} \"{}\", but {error}", path.display())
        };
        let anchors = anchors(anchor).map_err(|error| told("trust-anchor", anchor, error))?;
        let chain = chain(certificate).map_err(|error| told("cert-file", certificate, error))?;
        let signing = private_key(key).map_err(|error| told("key-file", key, error))?;
        let signing = ring::default_provider().key_provider.load_private_key(signing);
        let signing = signing.map_err(|error| told("key-file", key, FileError::BadKey(error)))?;
        let identity = CertifiedKey::new(chain, signing);
        match identity.keys_match() {
            Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
                Err(format!(
                    "got key-file \"{}\", expected the key of the first certificate in \"{}\"",
                    key.display(),
                    certificate.display()
                ))
            }
            _ => Ok(Self { anchors: Arc::new(anchors), identity: Arc::new(identity) }),
        }
    }

    /// Whether both show and believe the same certificates.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.identity.cert == other.identity.cert
            && self.anchors.certificates == other.anchors.certificates
    }
}

/// The certificates of a `trust-anchor`, at least one.
#[derive(Debug)]
pub struct Anchors {
    /// As those that sign.
    pub(crate) store: Arc<RootCertStore>,
    /// As they are.
    pub(crate) certificates: Vec<CertificateDer<'static>>,
}

/// What is wrong with one of the files.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    #[error("it is longer than {MAX_PEM_FILE} bytes, expected PEM")]
    TooLong,
    #[error("it has no \"BEGIN CERTIFICATE\", expected PEM with one")]
    NoCertificate,
    #[error("it has no \"BEGIN PRIVATE KEY\", expected PEM with one")]
    NoKey,
    #[error("its key is encrypted, expected one without a passphrase")]
    Encrypted,
    #[error("it is not PEM: {0}")]
    NotPem(pem::Error),
    #[error("its certificate is not usable: {0}, expected X.509 version 3")]
    BadCertificate(rustls::Error),
    #[error(
        "its key is not usable: {0}, expected RSA of 2048 bits or more, P-256, P-384 or Ed25519"
    )]
    BadKey(rustls::Error),
    #[error("it has no file named by a hash, such as 1a2b3c4d.0; see \"openssl rehash\"")]
    NoHashedFile,
    #[error("it has more than {MAX_ANCHORS} certificates")]
    TooMany,
}

/// TLS for the entry `peer` of `relationship`; the outer `None`: with a mistake, the inner one: without TLS.
pub(super) fn tls(
    peer: &Node,
    relationship: &Node,
    mistakes: &mut Vec<Mistake>,
) -> Option<Option<Tls>> {
    let [anchor, certificate, key] = KEYS.map(|key| setting(key, peer, relationship));
    match (anchor, certificate, key) {
        (None, None, None) => without(peer, mistakes),
        (Some(anchor), Some(certificate), Some(key)) => {
            let anchors = read("trust-anchor", anchor, anchors, mistakes);
            let identity = identity(certificate, key, mistakes);
            let (anchors, identity) = anchors.zip(identity)?;
            Some(Some(Tls { anchors: Arc::new(anchors), identity: Arc::new(identity) }))
        }
        _ => {
            let given = KEYS.iter().zip([anchor, certificate, key]);
            let missing = given.filter(|(_, given)| given.is_none());
            let missing: Vec<String> = missing.map(|(key, _)| format!("\"{key}\"")).collect();
            let message = format!(
                "got TLS for this peer without {}, expected \"trust-anchor\", \"cert-file\" and \
                 \"key-file\" or none of them",
                missing.join(" and ")
            );
            mistakes.push(Mistake::new(&peer.at, message));
            None
        }
    }
}

/// The peer's value, else the relationship's; an empty one is none.
fn setting<'a>(key: &str, peer: &'a Node, relationship: &'a Node) -> Option<&'a Node> {
    let node = peer.get(key).or_else(|| relationship.get(key))?;
    node.as_str().is_some_and(|text| !text.is_empty()).then_some(node)
}

fn without(peer: &Node, mistakes: &mut Vec<Mistake>) -> Option<Option<Tls>> {
    let Some(url) = peer.get("url").filter(|url| is_https(url)) else { return Some(None) };
    let expected =
        "expected \"trust-anchor\", \"cert-file\" and \"key-file\" for this peer, or http";
    mistakes.push(Mistake::new(&url.at, format!("got url {}, {expected}", url.describe())));
    None
}

fn is_https(url: &Node) -> bool {
    let scheme = url.as_str().and_then(|text| text.trim().split_once("://"));
    scheme.is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("https"))
}

/// Reads the file that `node` names.
fn read<T>(
    key: &str,
    node: &Node,
    how: impl FnOnce(&Path) -> Result<T, FileError>,
    mistakes: &mut Vec<Mistake>,
) -> Option<T> {
    let path = node.as_str()?;
    let error = match how(Path::new(path)) {
        Ok(value) => return Some(value),
        Err(error) => error,
    };
    mistakes.push(Mistake::new(&node.at, format!("got {key} \"{path}\", but {error}")));
    None
}

fn identity(certificate: &Node, key: &Node, mistakes: &mut Vec<Mistake>) -> Option<CertifiedKey> {
    let chain = read("cert-file", certificate, chain, mistakes);
    let signing = read("key-file", key, private_key, mistakes);
    let (chain, signing) = chain.zip(signing)?;
    let load = ring::default_provider().key_provider.load_private_key(signing);
    let signing = read("key-file", key, |_| load.map_err(FileError::BadKey), mistakes)?;
    let identity = CertifiedKey::new(chain, signing);
    if let Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) =
        identity.keys_match()
    {
        let (path, certificate) = (key.describe(), certificate.describe());
        let expected = format!("expected the key of the first certificate in {certificate}");
        mistakes.push(Mistake::new(&key.at, format!("got key-file {path}, {expected}")));
        return None;
    }
    Some(identity)
}

/// The certificates of a file, or of a folder as "openssl rehash" makes it.
fn anchors(path: &Path) -> Result<Anchors, FileError> {
    let files = if path.is_dir() { hashed_files(path)? } else { vec![path.to_owned()] };
    let mut store = RootCertStore::empty();
    let mut all = Vec::new();
    for file in files {
        all.extend(certificates(&file)?);
        if all.len() > MAX_ANCHORS {
            return Err(FileError::TooMany);
        }
    }
    for certificate in &all {
        store.add(certificate.clone()).map_err(FileError::BadCertificate)?;
    }
    Ok(Anchors { store: Arc::new(store), certificates: all })
}

fn hashed_files(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_hashed) {
            files.push(entry.path());
        }
        if files.len() > MAX_ANCHORS {
            return Err(FileError::TooMany);
        }
    }
    if files.is_empty() { Err(FileError::NoHashedFile) } else { Ok(files) }
}

/// Eight hexadecimal digits, a dot, and a number.
fn is_hashed(name: &str) -> bool {
    name.split_once('.').is_some_and(|(hash, number)| {
        hash.len() == 8
            && hash.bytes().all(|b| b.is_ascii_hexdigit())
            && number.parse::<u16>().is_ok()
    })
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let chain = certificates(path)?;
    for certificate in &chain {
        ParsedCertificate::try_from(certificate).map_err(FileError::BadCertificate)?;
    }
    Ok(chain)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let text = contents(path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let all = all.map_err(FileError::NotPem)?;
    if all.is_empty() { Err(FileError::NoCertificate) } else { Ok(all) }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, FileError> {
    let text = contents(path)?;
    if text.windows(9).any(|word| word == b"ENCRYPTED") {
        return Err(FileError::Encrypted);
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => FileError::NoKey,
        error => FileError::NotPem(error),
    })
}

fn contents(path: &Path) -> Result<Vec<u8>, FileError> {
    let mut contents = Vec::new();
    File::open(path)?.take(MAX_PEM_FILE + 1).read_to_end(&mut contents)?;
    if contents.len() as u64 > MAX_PEM_FILE { Err(FileError::TooLong) } else { Ok(contents) }
}

#[cfg(test)]
mod tests;
