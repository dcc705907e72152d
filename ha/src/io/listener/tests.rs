//! The listener over loopback: good requests, bad ones, slow ones, many.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use engine::clock::SystemClock;
use serde_json::json;

use super::super::client::{Connection, ExchangeError, Target};
use engine::control::Answer;

use super::*;
use crate::limits::{MAX_HEAD, MAX_REQUEST};
use crate::wire::auth::Credentials;

const SOON: Duration = Duration::from_secs(10);

fn settings() -> Settings {
    Settings {
        address: "127.0.0.1:0".parse().unwrap(),
        threads: 2,
        rules: Rules { credentials: Vec::new(), restrict_commands: true },
        peers: vec!["127.0.0.1".parse().unwrap()],
        patience: Patience::default(),
        tls: None,
        manners: Manners::default(),
    }
}

fn start(settings: Settings) -> Listener {
    let registry = Registry::default();
    registry.register("ha-heartbeat", |_| Answer::success("HA peer status returned."));
    registry.register("config-get", |_| Answer::success("secret"));
    registry.register("lease4-get-all", |_| Answer::with(json!("x".repeat(1 << 20))));
    Listener::start(settings, Arc::new(registry), Arc::new(SystemClock::start()), Arc::default())
        .unwrap()
}

fn connect(listener: &Listener) -> TcpStream {
    let stream = TcpStream::connect(listener.address()).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

fn post(headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}Content-Length: {length}\r\n\
         Content-Type: application/json\r\n\r\n{body}"
    )
}

/// Sends `request`, says that no more comes, and reads until the listener closes.
fn ask(listener: &Listener, request: impl AsRef<[u8]>) -> String {
    let mut stream = connect(listener);
    stream.write_all(request.as_ref()).unwrap();
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// One answer of a connection that stays open.
fn read_answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    let head = String::from_utf8(answer).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    head + std::str::from_utf8(&body).unwrap()
}

const HEARTBEAT: &str = r#"{ "command": "ha-heartbeat", "service": [ "dhcp4" ] }"#;

fn works(listener: &Listener) {
    assert!(ask(listener, post("", HEARTBEAT)).contains("HA peer status returned."));
}

#[test]
fn an_answer_has_keas_form() {
    let listener = start(settings());
    let answer = ask(&listener, post("", HEARTBEAT));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, r#"[ { "result": 0, "text": "HA peer status returned." } ]"#);
    let lines: Vec<_> = head.split("\r\n").collect();
    assert_eq!(
        lines[..3],
        ["HTTP/1.1 200 OK", "Content-Length: 55", "Content-Type: application/json"]
    );
    assert!(lines[3].starts_with("Date: ") && lines[3].ends_with(" GMT"));
    assert_eq!(lines.len(), 4);
}

#[test]
fn refusals_are_those_of_kea() {
    let listener = start(settings());
    let bad = r#"{ "result": 400, "text": "Bad Request" }"#;
    let typed = |kind: &str| {
        format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: 2\r\n\r\n{{}}"
        )
    };
    let no_length = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\r\n";
    for request in [
        post("", "{bad"),
        post("", HEARTBEAT).replacen("POST", "GET", 1),
        typed("text/plain"),
        typed("application/json; charset=utf-8"),
        no_length.to_owned(),
    ] {
        let answer = ask(&listener, &request);
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{request}: {answer}");
        assert!(answer.ends_with(bad), "{request}: {answer}");
    }
    let forbidden = ask(&listener, post("", r#"{"command": "config-get"}"#));
    assert!(forbidden.starts_with("HTTP/1.1 403 Forbidden\r\n"));
    assert!(forbidden.ends_with(r#"{ "result": 403, "text": "Forbidden" }"#));
    let nothing = ask(&listener, post("", ""));
    let text =
        r#"[ { "result": 1, "text": "Command processing failed: NULL command parameter" } ]"#;
    assert!(nothing.ends_with(text));
    assert!(ask(&listener, post("", "[1]")).contains("expected toplevel entry to be a map"));
    let elsewhere = post("", HEARTBEAT).replacen("/ ", "/foo/bar ", 1);
    assert!(ask(&listener, elsewhere).contains("200 OK"));
}

#[test]
fn credentials_are_asked_for_before_the_command_is_looked_at() {
    let credentials = Credentials::new("u2", "p2").into_iter().collect();
    let rules = Rules { credentials, restrict_commands: true };
    let listener = start(Settings { rules, ..settings() });
    for headers in ["", "Authorization: Basic dTE6eA==\r\n", "Authorization: Bearer abc\r\n"] {
        let answer = ask(&listener, post(headers, r#"{"command": "config-get"}"#));
        assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{answer}");
        assert!(answer.contains("\r\nWww-Authenticate: Basic realm=\"\"\r\n"), "{answer}");
        assert!(answer.ends_with(r#"{ "result": 401, "text": "Unauthorized" }"#));
    }
    let right = ask(&listener, post("Authorization: basic dTI6cDI=\r\n", HEARTBEAT));
    assert!(right.contains("200 OK"));
}

/// An administrator's commands have their control socket; the body is a map there, as Kea has it.
#[test]
fn only_a_partners_commands_are_let_in() {
    let rules = Rules { credentials: Vec::new(), restrict_commands: true };
    let registry = Registry::default();
    let try_one = |name: &str| {
        let body = json!({"command": name, "service": ["dhcp4"]}).to_string();
        super::reply::reply(&rules, &hyper::HeaderMap::new(), body.as_bytes(), &registry)
    };
    let partners = "dhcp-disable dhcp-enable ha-heartbeat ha-maintenance-notify ha-reset ha-sync-complete-notify \
                    lease4-del lease4-get-all lease4-get-page lease4-update list-commands status-get";
    for name in partners.split(' ') {
        assert_eq!(try_one(name).status, 200, "{name}");
    }
    let others = "config-get config-set ha-continue ha-maintenance-cancel ha-maintenance-start ha-scopes ha-sync \
                  lease4-add lease4-get lease4-wipe lease6-update shutdown statistic-get-all version-get nonsense";
    for name in others.split(' ') {
        let reply = try_one(name);
        let expected = (403, r#"{ "result": 403, "text": "Forbidden" }"#);
        assert_eq!((reply.status, &*reply.body), expected, "{name}");
    }
}

#[test]
fn without_restriction_every_command_is_run() {
    let rules = Rules { credentials: Vec::new(), restrict_commands: false };
    let listener = start(Settings { rules, ..settings() });
    assert!(ask(&listener, post("", r#"{"command": "config-get"}"#)).contains("secret"));
}

#[test]
fn a_connection_serves_one_request_after_the_other() {
    let listener = start(settings());
    let mut stream = connect(&listener);
    for _ in 0..3 {
        stream.write_all(post("", HEARTBEAT).as_bytes()).unwrap();
        assert!(read_answer(&mut stream).contains("200 OK"));
    }
    assert_eq!(listener.stats().value(Counter::HaAccepted), 1);

    stream.write_all(post("Connection: close\r\n", HEARTBEAT).as_bytes()).unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("200 OK"));
}

#[test]
fn slow_and_half_requests_end_in_time_and_hurt_nobody() {
    let short = Duration::from_millis(200);
    let patience = Patience { request: short, idle: short };
    let listener = start(Settings { patience, ..settings() });
    let mut silent = connect(&listener);
    let mut half = connect(&listener);
    half.write_all(&post("", HEARTBEAT).as_bytes()[..40]).unwrap();
    let mut no_body = connect(&listener);
    let whole = post("", HEARTBEAT);
    no_body.write_all(&whole.as_bytes()[..whole.len() - 10]).unwrap();
    works(&listener);

    for (stream, version) in [(&mut silent, "1.0"), (&mut half, "1.1"), (&mut no_body, "1.1")] {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let expected = format!("HTTP/{version} 408 Request Timeout\r\n");
        assert!(text.starts_with(&expected), "{text}");
        assert!(text.ends_with(r#"{ "result": 408, "text": "Request Timeout" }"#));
    }
    assert_eq!(listener.stats().value(Counter::HaTimedOut), 3);
    works(&listener);
}

#[test]
fn a_request_may_come_in_pieces() {
    let listener = start(settings());
    let mut stream = connect(&listener);
    stream.set_nodelay(true).unwrap();
    for byte in post("", HEARTBEAT).as_bytes() {
        stream.write_all(&[*byte]).unwrap();
    }
    assert!(read_answer(&mut stream).contains("200 OK"));
}

/// The one answer to a request that cannot be read.
fn is_bad_request(answer: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    assert_eq!(body, r#"{ "result": 400, "text": "Bad Request" }"#, "{head}");
    let lines: Vec<_> = head.split("\r\n").collect();
    let expected =
        ["HTTP/1.0 400 Bad Request", "Content-Length: 40", "Content-Type: application/json"];
    assert_eq!(lines[..3], expected);
    assert!(lines[3].starts_with("Date: ") && lines.len() == 4, "{head}");
}

#[test]
fn what_is_no_http_is_told_so_in_keas_words() {
    let listener = start(settings());
    let long_target = format!("POST /{} HTTP/1.1\r\n\r\n", "x".repeat(MAX_HEAD * 4));
    let long_head = format!("POST / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(MAX_HEAD * 4));
    let many_headers = format!("POST / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(500));
    let cases: [&[u8]; 9] = [
        b"\x16\x03\x01\x02\x00",
        b"GET\r\n\r\n",
        &[0; 4096],
        b"POST / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        long_target.as_bytes(),
        long_head.as_bytes(),
        many_headers.as_bytes(),
    ];
    for (number, garbage) in cases.into_iter().enumerate() {
        let mut stream = connect(&listener);
        // The listener may have closed before all of it was written.
        let _ = stream.write_all(garbage);
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap_or_else(|why| panic!("{number}: {why}"));
        is_bad_request(&answer);
    }
    assert_eq!(listener.stats().value(Counter::HaBadRequest), cases.len() as u64);
    assert_eq!(ask(&listener, "\r\n\r\n\r\n"), "", "empty lines before a request are allowed");
    works(&listener);
}

#[test]
fn garbage_after_a_good_request_does_not_spoil_its_answer() {
    let listener = start(settings());
    let both = ask(&listener, post("", HEARTBEAT) + "garbage\r\n\r\n");
    let (first, second) = both.split_once("returned.\" } ]").unwrap();
    assert!(first.starts_with("HTTP/1.1 200 OK\r\n"));
    is_bad_request(second);
}

#[test]
fn huge_requests_are_refused() {
    let listener = start(settings());
    let mut stream = connect(&listener);
    let huge = " ".repeat(MAX_REQUEST + 1);
    let _ = stream.write_all(post("", &huge).as_bytes());
    assert!(read_answer(&mut stream).starts_with("HTTP/1.1 400"));
    works(&listener);
}

#[test]
fn strangers_cannot_keep_a_peer_out() {
    let peers = vec!["127.0.0.2".parse().unwrap()];
    let listener = start(Settings { peers, ..settings() });
    let crowd: Vec<_> = (0..MAX_STRANGERS).map(|_| connect(&listener)).collect();
    while listener.stats().value(Counter::HaAccepted) < MAX_STRANGERS as u64 {
        std::thread::yield_now();
    }
    let mut refused = connect(&listener);
    let mut text = String::new();
    let _ = refused.read_to_string(&mut text);
    assert_eq!((text.as_str(), listener.stats().value(Counter::HaRefused)), ("", 1));
    let mut peer = connect_from("127.0.0.2", &listener);
    peer.write_all(post("", HEARTBEAT).as_bytes()).unwrap();
    assert!(read_answer(&mut peer).contains("200 OK"));
    assert_eq!(listener.stats().value(Counter::HaRefused), 1);
    drop(crowd);
}

fn connect_from(from: &str, listener: &Listener) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
        socket.connect(listener.address()).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream
}

/// So many open connections would take more files than a test may open: their places are taken without them.
#[test]
fn there_is_an_end_to_the_connections_of_peers_too() {
    let listener = start(settings());
    let peer = "127.0.0.1".parse().unwrap();
    let mut places: Vec<_> =
        (0..MAX_CONNECTIONS).map(|_| Place::take(&listener.shared, peer).unwrap()).collect();
    let mut text = String::new();
    let _ = connect(&listener).read_to_string(&mut text);
    assert_eq!((text.as_str(), listener.stats().value(Counter::HaRefused)), ("", 1));
    places.pop();
    works(&listener);
}

#[test]
fn many_connections_at_once_are_all_answered() {
    let listener = start(settings());
    let mut streams: Vec<_> = (0..100).map(|_| connect(&listener)).collect();
    for stream in &mut streams {
        stream.write_all(post("", HEARTBEAT).as_bytes()).unwrap();
    }
    for stream in &mut streams {
        assert!(read_answer(stream).contains("200 OK"));
    }
}

fn client(listener: &Listener) -> (Stopper, Connection) {
    let (stopper, stop) = Stopper::new();
    let target = Target { address: listener.address(), credentials: None, tls: None };
    (stopper, Connection::new(target, stop).unwrap())
}

#[test]
fn our_own_client_keeps_its_connection() {
    let listener = start(settings());
    let (_stopper, mut client) = client(&listener);
    for _ in 0..3 {
        let answer = client.exchange(HEARTBEAT.into(), SOON).unwrap();
        assert!(answer.starts_with(b"[ { \"result\": 0"));
    }
    assert_eq!(listener.stats().value(Counter::HaAccepted), 1);
    let large = client.exchange(r#"{"command": "lease4-get-all"}"#.into(), SOON).unwrap();
    assert!(large.len() > 1 << 20);
}

/// The same headers in the same order as in every recorded request (`wire/tests.rs`).
#[test]
fn our_own_client_sends_keas_headers() {
    let peer = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for (credentials, presented) in
        [(None, ""), (Credentials::new("u2", "p2"), "Authorization: Basic dTI6cDI=\r\n")]
    {
        let target = Target { address: peer.local_addr().unwrap(), credentials, tls: None };
        let (_stopper, stop) = Stopper::new();
        let mut client = Connection::new(target, stop).unwrap();
        let expected = format!(
            "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n{presented}Content-Length: 53\r\n\
             Content-Type: application/json\r\n\r\n{HEARTBEAT}"
        );
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| client.exchange(HEARTBEAT.into(), SOON));
            let (mut stream, _) = peer.accept().unwrap();
            stream.set_read_timeout(Some(SOON)).unwrap();
            let mut sent = vec![0; expected.len()];
            stream.read_exact(&mut sent).unwrap();
            assert_eq!(String::from_utf8(sent).unwrap(), expected);
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]").unwrap();
            assert_eq!(asking.join().unwrap().unwrap(), "[]");
        });
    }
}

#[test]
fn a_client_finds_that_its_connection_was_closed_and_opens_another() {
    let short = Duration::from_millis(50);
    let patience = Patience { idle: short, ..Patience::default() };
    let listener = start(Settings { patience, ..settings() });
    let (_stopper, mut client) = client(&listener);
    client.exchange(HEARTBEAT.into(), SOON).unwrap();
    while listener.stats().value(Counter::HaTimedOut) == 0 {
        std::thread::yield_now();
    }
    client.exchange(HEARTBEAT.into(), SOON).unwrap();
    assert_eq!(listener.stats().value(Counter::HaAccepted), 2);
}

#[test]
fn a_client_tells_why_it_has_no_answer() {
    let silent = std::net::TcpListener::bind("127.0.91.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let (stopper, stop) = Stopper::new();
    let target = Target { address, credentials: None, tls: None };
    let mut client = Connection::new(target, stop).unwrap();
    let short = Duration::from_millis(20);
    assert!(matches!(client.exchange("{}".into(), short), Err(ExchangeError::TimedOut(..))));
    std::thread::scope(|scope| {
        scope.spawn(|| stopper.stop());
        let stopped = client.exchange("{}".into(), SOON);
        assert!(matches!(stopped, Err(ExchangeError::Stopped(_))), "{stopped:?}");
    });
    let (_stopper, stop) = Stopper::new();
    // Nobody listens on port 1; a port that was listened on may be kept for a moment by another test's child.
    let address = "127.0.91.1:1".parse().unwrap();
    let mut client =
        Connection::new(Target { address, credentials: None, tls: None }, stop).unwrap();
    assert!(matches!(client.exchange("{}".into(), SOON), Err(ExchangeError::Connect(..))));
}
