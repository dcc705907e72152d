//! A pair that talks TLS, with basic authentication on top or alone: Peregrine with Kea 2.2 each way round, and what a
//! listener with TLS does to everybody who is no peer.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::certificates::{Authority, Issued};
use crate::pair::{Mode, Pair, configuration};
use crate::support::net;
use crate::support::server::{Kind, PATIENCE, Server};
use crate::support::wait::until;

/// The servers of a site.
const NAMES: [&str; 3] = ["server1", "server2", "server3"];

/// Whom the servers believe, and a certificate for each.
pub(crate) struct Papers {
    anchor: PathBuf,
    issued: [Issued; 3],
}

impl Papers {
    /// All of them signed by `authority`.
    pub(crate) fn of(authority: &Authority) -> Self {
        let issued = NAMES.map(|name| authority.issue(name));
        Self { anchor: authority.certificate.clone(), issued }
    }

    /// Each server signed its own, and both believe both.
    fn self_signed(folder: &Path) -> Self {
        let issued = NAMES.map(|name| Authority::new(folder, name).as_issued());
        let both = issued.each_ref().map(|issued| fs::read(&issued.certificate).unwrap()).concat();
        let anchor = folder.join("both.pem");
        fs::write(&anchor, both).unwrap();
        Self { anchor, issued }
    }

    /// The configuration of a server with its certificate.
    fn configuration(&self, place: usize, mode: Mode, require_client_certs: bool) -> Value {
        let mut all = configuration(mode, NAMES[place]);
        self.secure(&mut all, place, require_client_certs);
        all
    }

    /// Lets a server's configuration use its certificate, towards all peers.
    pub(crate) fn secure(&self, all: &mut Value, place: usize, require_client_certs: bool) {
        let relationship = relationship(all);
        relationship["trust-anchor"] = json!(self.anchor);
        relationship["cert-file"] = json!(self.issued[place].certificate);
        relationship["key-file"] = json!(self.issued[place].key);
        relationship["require-client-certs"] = json!(require_client_certs);
        for peer in relationship["peers"].as_array_mut().unwrap() {
            peer["url"] = json!(peer["url"].as_str().unwrap().replace("http:", "https:"));
        }
    }
}

/// The High Availability part of a configuration.
pub(crate) fn relationship(configuration: &mut Value) -> &mut Value {
    &mut configuration["hooks-libraries"][1]["parameters"]["high-availability"][0]
}

/// What clients must show to each server. Kea 2.2 knows no file for the user, and does not check.
pub(crate) fn add_logins(configuration: &mut Value, kind: Kind, folder: &Path) {
    for peer in relationship(configuration)["peers"].as_array_mut().unwrap() {
        let name = peer["name"].as_str().unwrap().to_owned();
        let (user, password) = (format!("user of {name}"), format!("pass:word of {name}"));
        let (user_file, password_file) =
            (folder.join(format!("{name}.user")), folder.join(format!("{name}.password")));
        fs::write(&user_file, format!("{user}\n")).unwrap();
        fs::write(&password_file, format!("  {password}\n")).unwrap();
        match kind {
            Kind::Peregrine => peer["basic-auth-user-file"] = json!(user_file),
            Kind::Kea => peer["basic-auth-user"] = json!(user),
        }
        match kind {
            Kind::Peregrine => peer["basic-auth-password-file"] = json!(password_file),
            Kind::Kea => peer["basic-auth-password"] = json!(password),
        }
    }
}

/// As [`life`], over plain HTTP with passwords.
fn life_with_passwords(mode: Mode, kinds: [Kind; 2]) {
    let folder = tempfile::tempdir().unwrap();
    life(folder.path(), None, mode, kinds, false);
}

/// As [`life`], with certificates of one authority.
fn life_under_tls(mode: Mode, kinds: [Kind; 2], require_client_certs: bool) {
    let folder = tempfile::tempdir().unwrap();
    let papers = Papers::of(&Authority::new(folder.path(), "authority"));
    life(folder.path(), Some(&papers), mode, kinds, require_client_certs);
}

/// As [`life`], with certificates that signed themselves.
fn life_under_own_certificates(kinds: [Kind; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let papers = Papers::self_signed(folder.path());
    life(folder.path(), Some(&papers), Mode::HotStandby, kinds, true);
}

/// A pair that serves, loses each of its servers and takes it back, all of it with logins and, if there are papers, under
/// TLS.
fn life(
    folder: &Path,
    papers: Option<&Papers>,
    mode: Mode,
    kinds: [Kind; 2],
    require_client_certs: bool,
) {
    if !net::is_possible("a pair of servers in network namespaces") {
        return;
    }
    let configurations = [0, 1].map(|place| {
        let mut all = match papers {
            Some(papers) => papers.configuration(place, mode, require_client_certs),
            None => configuration(mode, NAMES[place]),
        };
        add_logins(&mut all, kinds[place], folder);
        all
    });
    let mut pair = Pair::start_with(mode, kinds, folder, &configurations);
    pair.wait_until_normal();
    pair.drive("02:00:00:00:01:00", 40);
    pair.wait_for_equal_leases(40);
    for victim in [1, 0] {
        pair.servers[victim].kill();
        pair.servers[1 - victim].wait_for_state(&["partner-down"]);
        pair.drive(&format!("02:00:00:00:{:02x}:00", 2 + victim), 10);
        pair.servers[victim].start(&pair.lan);
        pair.wait_until_normal();
    }
    pair.wait_for_equal_leases(60);

    // A stranger's request, without a certificate and without a login.
    for place in [0, 1].into_iter().filter(|place| kinds[*place] == Kind::Peregrine) {
        let answer = match papers {
            Some(_) => ask(&pair, place, &[]),
            None => ask_plainly(&pair, place),
        };
        if require_client_certs {
            assert_eq!(answer, "");
        } else {
            assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{answer}");
        }
    }
}

#[test]
fn our_primary_with_kea_and_passwords_alone() {
    life_with_passwords(Mode::LoadBalancing, [Kind::Peregrine, Kind::Kea]);
    life_with_passwords(Mode::HotStandby, [Kind::Peregrine, Kind::Kea]);
}

#[test]
fn keas_primary_with_ours_and_passwords_alone() {
    life_with_passwords(Mode::LoadBalancing, [Kind::Kea, Kind::Peregrine]);
    life_with_passwords(Mode::HotStandby, [Kind::Kea, Kind::Peregrine]);
}

#[test]
fn our_primary_with_kea_and_client_certificates() {
    life_under_tls(Mode::LoadBalancing, [Kind::Peregrine, Kind::Kea], true);
}

#[test]
fn keas_primary_with_ours_and_client_certificates() {
    life_under_tls(Mode::LoadBalancing, [Kind::Kea, Kind::Peregrine], true);
}

#[test]
fn our_primary_with_kea_without_client_certificates() {
    life_under_tls(Mode::HotStandby, [Kind::Peregrine, Kind::Kea], false);
}

#[test]
fn keas_primary_with_ours_without_client_certificates() {
    life_under_tls(Mode::HotStandby, [Kind::Kea, Kind::Peregrine], false);
}

#[test]
fn two_peregrines_under_tls() {
    life_under_tls(Mode::LoadBalancing, [Kind::Peregrine, Kind::Peregrine], true);
}

#[test]
fn our_primary_with_kea_and_own_certificates() {
    life_under_own_certificates([Kind::Peregrine, Kind::Kea]);
}

/// The scenarios themselves are true of the original.
#[test]
fn two_keas_under_tls() {
    life_under_tls(Mode::LoadBalancing, [Kind::Kea, Kind::Kea], true);
    life_under_own_certificates([Kind::Kea, Kind::Kea]);
}

/// A login that one server got wrong: the other says 401, and the log says who.
#[test]
fn a_wrong_password_is_told() {
    if !net::is_possible("a pair of servers in network namespaces") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let papers = Papers::of(&Authority::new(folder.path(), "authority"));
    let mode = Mode::HotStandby;
    let configurations = [0, 1].map(|place| {
        let mut all = papers.configuration(place, mode, true);
        add_logins(&mut all, Kind::Peregrine, folder.path());
        if place == 0 {
            let wrong = folder.path().join("wrong");
            fs::write(&wrong, "word\n").unwrap();
            relationship(&mut all)["peers"][1]["basic-auth-password-file"] = json!(wrong);
        }
        all
    });
    let pair = Pair::start_with(mode, [Kind::Peregrine; 2], folder.path(), &configurations);
    wait_for_line(&pair.servers[0], "HA_HEARTBEAT", "Unauthorized");
}

fn wait_for_line(server: &Server, id: &str, text: &str) {
    until(&format!("line with {id} and {text}"), PATIENCE, || {
        let log = server.log();
        let found = log.lines().any(|line| line.contains(id) && line.contains(text));
        if found { Ok(()) } else { Err(()) }
    });
}

/// Everybody who is no peer is refused for a reason that the log has, and the pair serves on.
#[test]
fn nobody_else_gets_in_and_nobody_suffers() {
    if !net::is_possible("a pair of servers in network namespaces") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "authority");
    let papers = Papers::of(&authority);
    let (mode, kinds) = (Mode::HotStandby, [Kind::Peregrine, Kind::Kea]);
    let configurations = [0, 1].map(|place| papers.configuration(place, mode, true));
    let pair = Pair::start_with(mode, kinds, folder.path(), &configurations);
    pair.wait_until_normal();

    let slow = r"exec 3<>/dev/tcp/10.0.0.1/8000; printf '\x16\x03\x01' >&3; cat <&3";
    let mut slow = pair.lan.on("relay", "bash").args(["-c", slow]).spawn().unwrap();
    let shown = |issued: &Issued| {
        let [certificate, key] =
            [&issued.certificate, &issued.key].map(|path| path.to_str().unwrap());
        ask(&pair, 0, &["-cert", certificate, "-key", key])
    };
    assert_eq!(ask(&pair, 0, &[]), "");
    let stranger = Authority::new(folder.path(), "stranger");
    assert_eq!(shown(&stranger.issue("server2")), "");
    assert_eq!(shown(&authority.issue_expired("old")), "");
    // Plain HTTP and nonsense get no byte; what looks like TLS at first may get an alert.
    for (what, most) in [
        (r"printf 'POST / HTTP/1.1\r\nHost: a\r\n\r\n'", 0),
        ("head -c 100 /dev/zero", 0),
        (r"printf '\x16\x03\x01\x00\x04abcdefgh'", 7),
    ] {
        // The server may close before all of it was written: through a pipe it is one write.
        let script = format!("exec 3<>/dev/tcp/10.0.0.1/8000; {what} | cat >&3; cat <&3 | wc -c");
        let bytes: u32 = feed(&pair, "bash", &["-c", &script], b"").trim().parse().unwrap();
        assert!(bytes <= most, "{what}: {bytes} bytes");
    }
    let good = shown(&authority.issue("operator"));
    assert!(good.starts_with("HTTP/1.1 200 OK\r\n"), "{good}");
    pair.drive("02:00:00:00:01:00", 20);
    pair.wait_for_equal_leases(20);
    for reason in [
        "it showed no certificate, and require-client-certs asks for one",
        "its certificate is not signed by our trust-anchor",
        "its certificate is refused: certificate expired",
        "it does not speak TLS (plain HTTP?)",
        "corrupt message",
        "it took too long",
    ] {
        wait_for_line(&pair.servers[0], "HTTP_CONNECTION_HANDSHAKE_FAILED", reason);
    }
    slow.wait().unwrap();
    pair.wait_until_normal();
}

/// The address of a server, and a request for its heartbeat.
fn heartbeat(place: usize) -> (&'static str, String) {
    let host = ["10.0.0.1", "10.0.0.2"][place];
    let body = r#"{"command": "ha-heartbeat"}"#;
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\nConnection: close\r\n\
         Content-Type: application/json\r\n\r\n{body}",
        body.len()
    );
    (host, request)
}

/// Asks a server for its heartbeat over HTTP from the relay's host and returns what came back.
fn ask_plainly(pair: &Pair, place: usize) -> String {
    let (host, request) = heartbeat(place);
    let script = format!("exec 3<>/dev/tcp/{host}/8000; cat >&3; cat <&3");
    feed(pair, "bash", &["-c", &script], request.as_bytes())
}

/// Asks a server for its heartbeat over TLS from the relay's host and returns what came back.
fn ask(pair: &Pair, place: usize, options: &[&str]) -> String {
    let (host, request) = heartbeat(place);
    let connect = ["s_client", "-quiet", "-connect", &format!("{host}:8000")];
    feed(pair, "openssl", &[&connect[..], options].concat(), request.as_bytes())
}

/// Runs a program on the relay's host with `input` and returns its output.
fn feed(pair: &Pair, program: &str, arguments: &[&str], input: &[u8]) -> String {
    let mut child = pair
        .lan
        .on("relay", "timeout")
        .args(["20", program])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // A server that refuses closes before it has read everything.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}
