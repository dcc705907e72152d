//! Certificates for tests, made with the `openssl` command as operators make them: a name in the subject, no
//! address anywhere.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Who signs certificates; its own is in `certificate`.
pub(crate) struct Authority {
    folder: PathBuf,
    pub(crate) certificate: PathBuf,
    key: PathBuf,
}

/// A certificate and its key, in files.
#[derive(Clone)]
pub(crate) struct Issued {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// What "openssl ca" wants to know.
const SETTINGS: &str = "
[ca]
default_ca = here
[here]
database = INDEX
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
basicConstraints = CA:FALSE
";

const P256: [&str; 4] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

/// Runs openssl in `folder` and fails with its output if it fails.
pub(crate) fn openssl<A: AsRef<std::ffi::OsStr>>(folder: &Path, arguments: &[A]) {
    let mut command = Command::new("openssl");
    let output = command.current_dir(folder).args(arguments).output();
    let output = output.expect("the openssl command is installed");
    assert!(output.status.success(), "{command:?}: {output:?}");
}

impl Authority {
    /// A new one with its files in `folder`.
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let file = |end: &str| format!("{name}.{end}");
        let (subject, certificate, key) = (format!("/CN={name}"), file("pem"), file("key"));
        let request = ["req", "-x509", "-nodes", "-days", "2", "-subj", &subject];
        let files = ["-out", &certificate, "-keyout", &key];
        openssl(folder, &[&request[..], &P256, &files].concat());
        let (certificate, key) = (folder.join(certificate), folder.join(key));
        Self { folder: folder.to_owned(), certificate, key }
    }

    /// Its own certificate and key: a server that signed for itself.
    pub(crate) fn as_issued(&self) -> Issued {
        Issued { certificate: self.certificate.clone(), key: self.key.clone() }
    }

    /// A certificate for `name`, in force for long.
    pub(crate) fn issue(&self, name: &str) -> Issued {
        self.issue_from_to(name, "20200101000000Z", "20491231000000Z")
    }

    /// A certificate for `name` that was in force once.
    pub(crate) fn issue_expired(&self, name: &str) -> Issued {
        self.issue_from_to(name, "20200101000000Z", "20210101000000Z")
    }

    fn issue_from_to(&self, name: &str, from: &str, to: &str) -> Issued {
        let file = |end: &str| self.folder.join(format!("{name}.{end}"));
        let issued = Issued { certificate: file("pem"), key: file("key") };
        let (request, settings, index) = (file("csr"), file("cnf"), file("index"));
        std::fs::write(&index, "").expect("a folder for files");
        std::fs::write(&settings, SETTINGS.replace("INDEX", text(&index))).expect("as above");
        let subject = format!("/CN={name}");
        let key = ["-keyout", text(&issued.key), "-out", text(&request)];
        let ask = [&["req", "-nodes", "-subj", &subject][..], &key, &P256].concat();
        openssl(&self.folder, &ask);
        let ours = ["-cert", text(&self.certificate), "-keyfile", text(&self.key)];
        let theirs = ["-in", text(&request), "-out", text(&issued.certificate)];
        let times = ["-startdate", from, "-enddate", to];
        let sign = ["ca", "-batch", "-notext", "-config", text(&settings)];
        openssl(&self.folder, &[&sign[..], &ours, &theirs, &times].concat());
        issued
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of a test is text")
}
