//! TLS of the relationship and of a peer, and every file that is not what it should be.

use std::fs;
use std::path::Path;

use engine::config::json::parse;
use serde_json::{Value, json};

use crate::certificates::{Authority, Issued, openssl};
use crate::config::{Identity, Relationship, from_hook};

/// A pair of which `relationship` and the entry of `a` have these keys, too.
fn read(relationship: Value, a: Value) -> Result<Relationship, Vec<String>> {
    let mut first = json!({"name": "a", "url": "https://192.0.2.1:1/", "role": "primary"});
    let second = json!({"name": "b", "url": "http://192.0.2.2:1/", "role": "standby"});
    first.as_object_mut().unwrap().extend(a.as_object().unwrap().clone());
    let mut all = json!({"this-server-name": "a", "mode": "hot-standby", "peers": [first, second]});
    all.as_object_mut().unwrap().extend(relationship.as_object().unwrap().clone());
    let text = json!({"high-availability": [all]}).to_string();
    match from_hook(&parse(&text, "f", &mut |_| unreachable!()).unwrap(), &Identity::default()) {
        Ok(mut relationships) => Ok(relationships.remove(0)),
        Err(mistakes) => Err(mistakes.into_iter().map(|mistake| mistake.message).collect()),
    }
}

fn keys(anchor: &Path, issued: &Issued) -> Value {
    json!({"trust-anchor": anchor, "cert-file": issued.certificate, "key-file": issued.key})
}

/// The one mistake about the files of `a`, without the folder's name.
fn mistake(folder: &Path, keys: Value) -> String {
    let mistakes = read(json!({}), keys).unwrap_err();
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    mistakes[0].replace(&format!("{}/", folder.display()), "")
}

#[test]
fn the_relationship_has_it_for_all_and_a_peer_may_differ() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "authority");
    let issued = authority.issue("a");
    let keys = keys(&authority.certificate, &issued);

    let both = read(keys.clone(), json!({})).unwrap();
    assert!(both.servers.iter().all(|server| server.tls.is_some()));
    assert!(both.require_client_certs);

    // As in Kea's template: http in the URL, the keys at the peer, and one there that nobody reads.
    let mut first = keys.clone();
    first["url"] = json!("http://192.0.2.1:1/");
    first["require-client-certs"] = json!(true);
    let one = read(json!({"require-client-certs": false}), first).unwrap();
    assert!(one.servers[0].tls.is_some() && one.servers[1].tls.is_none());
    assert!(!one.require_client_certs);

    let off =
        json!({"trust-anchor": "", "cert-file": "", "key-file": "", "url": "http://192.0.2.1:1/"});
    let second = read(keys.clone(), off).unwrap();
    assert!(second.servers[0].tls.is_none() && second.servers[1].tls.is_some());

    let half = read(keys, json!({"key-file": ""})).unwrap_err();
    assert_eq!(
        half,
        [
            "got TLS for this peer without \"key-file\", expected \"trust-anchor\", \"cert-file\" and \
          \"key-file\" or none of them"
        ]
    );
}

#[test]
fn https_needs_files() {
    let mistakes = read(json!({}), json!({})).unwrap_err();
    assert_eq!(
        mistakes,
        ["got url string \"https://192.0.2.1:1/\", expected \"trust-anchor\", \"cert-file\" and \
          \"key-file\" for this peer, or http"]
    );
}

#[test]
fn each_file_is_looked_into() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = Authority::new(folder, "authority");
    let issued = authority.issue("a");
    let good = keys(&authority.certificate, &issued);
    let with = |key: &str, file: &str| {
        let mut keys = good.clone();
        keys[key] = json!(folder.join(file));
        mistake(folder, keys)
    };
    fs::write(folder.join("empty"), "").unwrap();
    fs::write(folder.join("torn"), "-----BEGIN CERTIFICATE-----\nMIIB\n").unwrap();
    let nonsense = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    fs::write(folder.join("nonsense"), nonsense).unwrap();
    fs::write(folder.join("long"), vec![b' '; (1 << 20) + 1]).unwrap();

    for key in ["trust-anchor", "cert-file", "key-file"] {
        let missing = format!("got {key} \"none\", but it cannot be read: No such file");
        assert!(with(key, "none").starts_with(&missing), "{}", with(key, "none"));
        let long = format!("got {key} \"long\", but it is longer than 1048576 bytes, expected PEM");
        assert_eq!(with(key, "long"), long);
    }
    for key in ["trust-anchor", "cert-file"] {
        let empty = "but it has no \"BEGIN CERTIFICATE\", expected PEM with one";
        assert_eq!(with(key, "empty"), format!("got {key} \"empty\", {empty}"));
        assert!(with(key, "torn").starts_with(&format!("got {key} \"torn\", but it is not PEM:")));
        let unusable = format!("got {key} \"nonsense\", but its certificate is not usable:");
        assert!(with(key, "nonsense").starts_with(&unusable), "{}", with(key, "nonsense"));
    }
    assert_eq!(
        with("key-file", "a.pem"),
        "got key-file \"a.pem\", but it has no \"BEGIN PRIVATE KEY\", expected PEM with one"
    );
    assert_eq!(
        with("key-file", "authority.key"),
        "got key-file string \"authority.key\", expected the key of the first certificate in \
         string \"a.pem\""
    );
}

#[test]
fn keys_and_certificates_of_other_kinds() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = Authority::new(folder, "authority");
    let file = |name: &str| folder.join(name);
    let issued =
        |certificate: &str, key: &str| Issued { certificate: file(certificate), key: file(key) };
    let anchor = authority.certificate.as_path();
    let make = |line: &str| openssl(folder, &line.split(' ').collect::<Vec<_>>());

    make("req -x509 -newkey rsa:2048 -nodes -subj /CN=r -keyout r8.key -out r.pem");
    make("rsa -in r8.key -traditional -out r1.key");
    for key in ["r8.key", "r1.key"] {
        read(json!({}), keys(anchor, &issued("r.pem", key))).unwrap();
    }
    make("rsa -in r8.key -aes128 -passout pass:word -out locked8.key");
    make("rsa -in r8.key -traditional -aes128 -passout pass:word -out locked1.key");
    for key in ["locked8.key", "locked1.key"] {
        let expected = "but its key is encrypted, expected one without a passphrase";
        let found = mistake(folder, keys(anchor, &issued("r.pem", key)));
        assert_eq!(found, format!("got key-file \"{key}\", {expected}"));
    }
    make("req -newkey rsa:1024 -nodes -subj /CN=w -keyout w.key -out w.csr");
    let sign = "-CA authority.pem -CAkey authority.key -CAcreateserial";
    make(&format!("x509 -req -in w.csr {sign} -out w.pem"));
    // Without an extension file, openssl makes certificates of version 1.
    let old = Issued { certificate: file("w.pem"), key: file("w.key") };
    let mistakes = read(json!({}), keys(anchor, &old)).unwrap_err();
    assert!(mistakes[0].contains("expected X.509 version 3"), "{mistakes:?}");
    make("req -x509 -key w.key -subj /CN=w -out w3.pem");
    let weak = mistake(folder, keys(anchor, &issued("w3.pem", "w.key")));
    assert!(weak.contains("expected RSA of 2048 bits or more"), "{weak}");
}

#[test]
fn a_folder_of_anchors_is_one_of_hashed_names() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "authority");
    let issued = authority.issue("a");
    let anchors = folder.path().join("anchors");
    fs::create_dir(&anchors).unwrap();
    fs::copy(&authority.certificate, anchors.join("authority.pem")).unwrap();
    assert_eq!(
        mistake(folder.path(), keys(&anchors, &issued)),
        "got trust-anchor \"anchors\", but it has no file named by a hash, such as 1a2b3c4d.0; see \
         \"openssl rehash\""
    );
    openssl(folder.path(), &["rehash", "anchors"]);
    let relationship = read(json!({}), keys(&anchors, &issued)).unwrap();
    assert_eq!(relationship.servers[0].tls.as_ref().unwrap().anchors.store.len(), 1);
}
