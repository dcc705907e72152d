//! The listener and the client over loopback with TLS: who is believed, who is not, and that nobody suffers from others.

use std::io::{Read, Write};
use std::net::TcpStream as Socket;
use std::path::Path;
use std::time::Duration;

use engine::clock::{Clock, SystemClock};
use engine::config::json::parse;
use engine::control::{Answer, Registry};
use engine::stats::Counter;
use rustls::version::TLS12;
use rustls::{ClientConnection, StreamOwned, SupportedProtocolVersion};
use serde_json::json;

use super::*;
use crate::certificates::{Authority, Issued};
use crate::config::{Identity, from_hook};
use crate::io::client::{Connection, ExchangeError, Stopper, Target};
use crate::io::listener::{Listener, Manners, Patience, Rules, Settings};

const SOON: Duration = Duration::from_secs(10);
const HEARTBEAT: &str = r#"{ "command": "ha-heartbeat" }"#;

/// Two authorities that know nothing of each other, in a folder.
struct Town {
    folder: tempfile::TempDir,
    ours: Authority,
    other: Authority,
}

impl Town {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [ours, other] = ["ours", "other"].map(|name| Authority::new(folder.path(), name));
        Self { folder, ours, other }
    }

    /// TLS of a server whose certificate and whose trust are in our authority.
    fn good(&self, name: &str) -> Tls {
        tls(&self.ours.certificate, &self.ours.issue(name))
    }
}

fn tls(anchor: &Path, issued: &Issued) -> Tls {
    let peer = json!({"name": "a", "url": "https://192.0.2.1:1/", "role": "primary",
        "trust-anchor": anchor, "cert-file": issued.certificate, "key-file": issued.key});
    let all = json!({"high-availability": [
        {"this-server-name": "a", "mode": "passive-backup", "peers": [peer]}]});
    let node = parse(&all.to_string(), "f", &mut |_| unreachable!()).unwrap();
    from_hook(&node, &Identity::default()).unwrap().remove(0).servers.remove(0).tls.unwrap()
}

fn listener(tls: &Tls, require_client_certs: bool, patience: Patience) -> Listener {
    let registry = Registry::default();
    registry.register("ha-heartbeat", |_| Answer::success("HA peer status returned."));
    let settings = Settings {
        address: "127.0.0.1:0".parse().unwrap(),
        threads: 1,
        rules: Rules { credentials: Vec::new(), restrict_commands: true },
        peers: vec!["127.0.0.1".parse().unwrap()],
        patience,
        tls: Some(Acceptor::new(tls, require_client_certs)),
        manners: Manners::default(),
    };
    let clock = Arc::new(SystemClock::start());
    Listener::start(settings, Arc::new(registry), clock, Arc::default()).unwrap()
}

fn strict(tls: &Tls) -> Listener {
    listener(tls, true, Patience::default())
}

fn client(listener: &Listener, tls: &Tls) -> Client {
    let (stopper, stop) = Stopper::new();
    let tls = Some(Connector::new(tls));
    let target = Target { address: listener.address(), credentials: None, tls };
    Client { connection: Connection::new(target, stop).unwrap(), _stopper: stopper }
}

struct Client {
    connection: Connection,
    _stopper: Stopper,
}

impl Client {
    fn ask(&mut self) -> Result<String, ExchangeError> {
        let answer = self.connection.exchange(HEARTBEAT.into(), SOON)?;
        Ok(String::from_utf8(answer.to_vec()).unwrap())
    }

    fn works(&mut self) {
        assert!(self.ask().unwrap().contains("HA peer status returned."));
    }

    fn fails(&mut self) -> String {
        self.ask().unwrap_err().to_string()
    }
}

/// A client of rustls that shows no certificate.
fn without_certificate(
    listener: &Listener,
    tls: &Tls,
    versions: &[&'static SupportedProtocolVersion],
) -> StreamOwned<ClientConnection, Socket> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Servers::new(&tls.anchors)))
        .with_no_client_auth();
    let socket = Socket::connect(listener.address()).unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    let name = ServerName::IpAddress(listener.address().ip().into());
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), socket)
}

fn post() -> String {
    format!(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\nConnection: close\r\n\
         Content-Type: application/json\r\n\r\n{HEARTBEAT}",
        HEARTBEAT.len()
    )
}

/// Waits until the listener has turned down this many handshakes.
fn wait_for_refusals(listener: &Listener, number: u64) {
    wait_for(listener, Counter::HaHandshakeFailed, number);
}

fn wait_for(listener: &Listener, counter: Counter, number: u64) {
    let clock = SystemClock::start();
    while listener.stats().value(counter) < number {
        assert!(clock.now().mono.since(Default::default()) < SOON, "no {number} within {SOON:?}");
        std::thread::yield_now();
    }
}

#[test]
fn names_do_not_matter_and_connections_are_kept() {
    let town = Town::new();
    let listener = strict(&town.good("server1"));
    let mut client = client(&listener, &town.good("server2"));
    (0..3).for_each(|_| client.works());
    assert_eq!(listener.stats().value(Counter::HaAccepted), 1);
    client.connection.close();
    client.works();
    assert_eq!(listener.stats().value(Counter::HaAccepted), 2);
    assert_eq!(listener.stats().value(Counter::HaHandshakeFailed), 0);
}

#[test]
fn a_client_without_certificate_is_taken_only_where_none_is_required() {
    let town = Town::new();
    let server = town.good("server1");
    for versions in [rustls::DEFAULT_VERSIONS, &[&TLS12]] {
        let lenient = listener(&server, false, Patience::default());
        let mut stream = without_certificate(&lenient, &server, versions);
        stream.write_all(post().as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("HA peer status returned."), "{answer}");

        let strict = strict(&server);
        let mut stream = without_certificate(&strict, &server, versions);
        let _ = stream.write_all(post().as_bytes());
        let refused = stream.read_to_string(&mut String::new()).unwrap_err();
        let alerts = ["CertificateRequired", "HandshakeFailure"];
        assert!(alerts.iter().any(|alert| refused.to_string().contains(alert)), "{refused}");
        wait_for_refusals(&strict, 1);
        client(&strict, &server).works();
    }
}

#[test]
fn a_server_of_another_authority_is_not_believed() {
    let town = Town::new();
    let server = tls(&town.ours.certificate, &town.other.issue("server1"));
    let listener = strict(&server);
    let why = client(&listener, &town.good("server2")).fails();
    assert!(why.ends_with("failed: its certificate is not signed by our trust-anchor"), "{why}");
    wait_for_refusals(&listener, 1);
}

#[test]
fn a_client_of_another_authority_is_not_believed() {
    let town = Town::new();
    let listener = strict(&town.good("server1"));
    let stranger = tls(&town.ours.certificate, &town.other.issue("server2"));
    let why = client(&listener, &stranger).fails();
    assert!(why.ends_with("failed: it refused with the alert UnknownCA"), "{why}");
    wait_for_refusals(&listener, 1);
    client(&listener, &town.good("server3")).works();
}

/// Each server signed its own certificate, and both trust both.
#[test]
fn certificates_that_signed_themselves_are_believed_if_they_are_known() {
    let town = Town::new();
    let [own, others] = [&town.ours, &town.other].map(Authority::as_issued);
    let both = town.folder.path().join("both.pem");
    let certificates = [&own.certificate, &others.certificate].map(|f| std::fs::read(f).unwrap());
    std::fs::write(&both, certificates.concat()).unwrap();
    let listener = strict(&tls(&both, &own));
    client(&listener, &tls(&both, &others)).works();

    let unknown = Authority::new(town.folder.path(), "unknown").as_issued();
    let why = client(&listener, &tls(&both, &unknown)).fails();
    assert!(why.ends_with("failed: it refused with the alert CertificateUnknown"), "{why}");
    wait_for_refusals(&listener, 1);
    let why = client(&listener, &tls(&unknown.certificate, &others)).fails();
    assert!(why.ends_with("failed: its certificate is refused: CaUsedAsEndEntity"), "{why}");
}

#[test]
fn expired_certificates_are_refused_on_both_sides() {
    let town = Town::new();
    let expired = tls(&town.ours.certificate, &town.ours.issue_expired("old"));
    let good = town.good("server1");
    let why = client(&strict(&expired), &good).fails();
    assert!(why.contains("its certificate is refused: certificate expired"), "{why}");

    let listener = strict(&good);
    let why = client(&listener, &expired).fails();
    assert!(why.ends_with("failed: it refused with the alert CertificateExpired"), "{why}");
    wait_for_refusals(&listener, 1);
}

#[test]
fn an_own_certificate_that_peers_will_refuse_is_noticed() {
    let town = Town::new();
    let doubts = |tls: &Tls, wall_s| {
        [Part::Server, Part::Client].map(|part| doubt(tls, part, wall_s).map(|why| why.to_string()))
    };
    let (in_2020, in_2050) = (1_600_000_000, 2_525_000_000);
    let good = town.good("server1");
    assert_eq!(doubts(&good, in_2020), [None, None]);
    let [server, client] = doubts(&good, in_2050).map(Option::unwrap);
    assert!(server.contains("certificate expired") && client.contains("certificate expired"));
    let foreign = tls(&town.ours.certificate, &town.other.issue("server2"));
    let unsigned = "its certificate is not signed by our trust-anchor".to_owned();
    assert_eq!(doubts(&foreign, in_2020), [Some(unsigned.clone()), Some(unsigned)]);
    let own = tls(&town.ours.certificate, &town.ours.as_issued());
    assert_eq!(doubts(&own, in_2020).map(|why| why.is_some()), [true, true], "not in force yet");
}

#[test]
fn plain_http_is_closed_without_a_byte() {
    let town = Town::new();
    let listener = strict(&town.good("server1"));
    let mut socket = Socket::connect(listener.address()).unwrap();
    socket.write_all(post().as_bytes()).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).expect("an end, not a reset");
    assert_eq!(answer, b"");
    wait_for_refusals(&listener, 1);
    client(&listener, &town.good("server2")).works();
}

#[test]
fn garbage_ends_its_own_connection_only() {
    let town = Town::new();
    let listener = strict(&town.good("server1"));
    let (record, huge) = (&[22, 3, 1, 0, 4, 1, 2, 3, 4][..], &[22, 3, 3, 255, 255, 0, 0][..]);
    let hello = [&[22, 3, 1, 0, 5, 1, 0, 0, 1, 0][..], &[0xff; 300]].concat();
    let all = [record, huge, &hello, &[22; 5_000]];
    for garbage in all {
        let mut socket = Socket::connect(listener.address()).unwrap();
        socket.write_all(garbage).unwrap();
        let _ = socket.shutdown(std::net::Shutdown::Write);
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        assert!(answer.len() < 16, "an alert at most: {answer:?}");
    }
    // Garbage after a good handshake: what cannot be decrypted ends the connection, too.
    let mut client = without_certificate(&listener, &town.good("x"), rustls::DEFAULT_VERSIONS);
    let _ = client.conn.complete_io(&mut client.sock);
    let _ = client.sock.write_all(&[23, 3, 3, 0, 30, 7, 7, 7, 7]);
    wait_for_refusals(&listener, all.len() as u64 + 1);
    self::client(&listener, &town.good("server2")).works();
}

#[test]
fn a_slow_handshake_ends_in_time_and_holds_up_nobody() {
    let town = Town::new();
    let short = Duration::from_millis(300);
    let patience = Patience { request: short, ..Patience::default() };
    let listener = listener(&town.good("server1"), true, patience);
    let silent = Socket::connect(listener.address()).unwrap();
    let mut begun = Socket::connect(listener.address()).unwrap();
    begun.write_all(&[22, 3, 1]).unwrap();
    client(&listener, &town.good("server2")).works();
    for mut socket in [silent, begun] {
        socket.set_read_timeout(Some(SOON)).unwrap();
        let mut answer = Vec::new();
        let _ = socket.read_to_end(&mut answer);
        assert_eq!(answer, b"");
    }
    wait_for_refusals(&listener, 2);
}

#[test]
fn a_connection_that_the_listener_closed_is_opened_again() {
    let town = Town::new();
    let patience = Patience { idle: Duration::from_millis(50), ..Patience::default() };
    let listener = listener(&town.good("server1"), true, patience);
    let mut client = client(&listener, &town.good("server2"));
    for _ in 0..3 {
        client.works();
        wait_for(&listener, Counter::HaTimedOut, listener.stats().value(Counter::HaAccepted));
    }
    client.works();
}

#[test]
fn a_slow_request_under_tls_is_told_so() {
    let town = Town::new();
    let server = town.good("server1");
    let short = Duration::from_millis(300);
    let listener = listener(&server, false, Patience { request: short, ..Patience::default() });
    let mut stream = without_certificate(&listener, &server, rustls::DEFAULT_VERSIONS);
    stream.write_all(&post().as_bytes()[..40]).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an orderly end");
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
}

#[test]
fn a_peer_without_tls_is_told_from_one_that_is_silent() {
    let town = Town::new();
    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = plain.local_addr().unwrap();
    let answering = std::thread::spawn(move || {
        let (mut socket, _) = plain.accept().unwrap();
        socket.read_exact(&mut [0; 5]).unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let (_stopper, stop) = Stopper::new();
    let tls = Some(Connector::new(&town.good("server1")));
    let target = Target { address, credentials: None, tls };
    let mut connection = Connection::new(target, stop).unwrap();
    let error = connection.exchange(HEARTBEAT.into(), SOON).unwrap_err();
    assert!(matches!(error, ExchangeError::Handshake(..)), "{error}");
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
    answering.join().unwrap();
}
