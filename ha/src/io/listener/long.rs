//! Commands that take their time: nobody else waits for them.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender, bounded, unbounded};
use engine::clock::SystemClock;
use engine::control::{Answer, Registry};
use engine::stats::Counter;
use serde_json::json;

use super::{Listener, Manners, Patience, Rules, Settings};
use crate::limits::{IDLE_TIMEOUT, LARGE_REQUEST, MAX_LONG_COMMANDS, REQUEST_READ_TIMEOUT};

const SOON: Duration = Duration::from_secs(30);

/// A listener of one thread on which `lease4-get-all` takes as long as the test wants.
struct Office {
    listener: Listener,
    registry: Arc<Registry>,
    begun: Receiver<()>,
    end: Sender<()>,
}

impl Office {
    fn open(patience: Patience) -> Self {
        Self::open_to(vec!["127.0.0.1".parse().unwrap()], patience)
    }

    fn open_to(peers: Vec<IpAddr>, patience: Patience) -> Self {
        let (begin, begun) = unbounded();
        let (end, ended) = bounded(0);
        let registry = Arc::new(Registry::default());
        registry.register("ha-heartbeat", |_| Answer::success("HA peer status returned."));
        registry.register("lease4-update", |_| Answer::success("IPv4 lease updated."));
        registry.register("lease4-get-all", move |_| {
            begin.send(()).unwrap();
            Answer::with(json!(ended.recv_timeout(SOON).is_ok()))
        });
        let settings = Settings {
            address: "127.0.0.1:0".parse().unwrap(),
            threads: 1,
            rules: Rules { credentials: Vec::new(), restrict_commands: true },
            peers,
            patience,
            tls: None,
            manners: Manners::default(),
        };
        let clock = Arc::new(SystemClock::start());
        let listener = Listener::start(settings, registry.clone(), clock, Arc::default()).unwrap();
        Self { listener, registry, begun, end }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.listener.address()).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream
    }

    fn send(&self, command: &str) -> TcpStream {
        let mut stream = self.connect();
        stream.write_all(request(command, "").as_bytes()).unwrap();
        stream
    }

    fn heartbeat_works(&self) {
        let answer = rest(self.send("ha-heartbeat"));
        assert!(answer.contains("HA peer status returned."), "{answer}");
    }
}

fn request(command: &str, filling: &str) -> String {
    let body = format!(r#"{{"command": "{command}"{filling}}}"#);
    let length = body.len();
    format!(
        "POST / HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n\
         Content-Type: application/json\r\n\r\n{body}"
    )
}

fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_listing_delays_no_heartbeat_and_no_update() {
    let office = Office::open(Patience::default());
    let listings: Vec<_> =
        (0..MAX_LONG_COMMANDS + 2).map(|_| office.send("lease4-get-all")).collect();
    for _ in 0..MAX_LONG_COMMANDS {
        office.begun.recv_timeout(SOON).unwrap();
    }
    for _ in 0..3 {
        office.heartbeat_works();
    }
    assert!(rest(office.send("lease4-update")).contains("lease updated"));
    assert!(office.begun.is_empty(), "no more than {MAX_LONG_COMMANDS} at a time");
    for listing in listings {
        office.end.send_timeout((), SOON).unwrap();
        drop(listing);
    }
    for _ in 0..2 {
        office.begun.recv_timeout(SOON).unwrap();
    }
}

#[test]
fn a_large_request_is_read_apart_and_answered() {
    let office = Office::open(Patience::default());
    let filling = format!(r#", "arguments": "{}""#, "x".repeat(LARGE_REQUEST));
    let mut stream = office.connect();
    stream.write_all(request("lease4-update", &filling).as_bytes()).unwrap();
    assert!(rest(stream).contains("lease updated"));
    let mut stream = office.connect();
    stream.write_all(request("config-get", &filling).as_bytes()).unwrap();
    assert!(rest(stream).starts_with("HTTP/1.1 403"));
}

/// The bounds of time are for clients: a command of ours may take longer.
#[test]
fn a_long_command_is_answered_even_after_the_time_for_idle_connections() {
    assert_eq!(REQUEST_READ_TIMEOUT, Duration::from_secs(10), "as Kea has it");
    assert_eq!(IDLE_TIMEOUT, Duration::from_secs(30), "as Kea has it");
    let short = Duration::from_millis(100);
    let office = Office::open(Patience { request: short, idle: short });
    let listing = office.send("lease4-get-all");
    office.begun.recv_timeout(SOON).unwrap();
    for _ in 0..2 {
        assert!(
            rest(office.connect()).starts_with("HTTP/1.0 408"),
            "a silent connection is closed"
        );
    }
    assert_eq!(office.listener.stats().value(Counter::HaTimedOut), 2);
    office.end.send_timeout((), SOON).unwrap();
    assert!(rest(listing).contains(r#""arguments": true"#));
}

/// A page of leases over a slow link: what is being read is not cut off.
#[test]
fn a_long_answer_may_take_longer_than_the_time_for_idle_connections() {
    let patience = Patience { request: Duration::from_millis(20), idle: Duration::from_secs(2) };
    let office = Office::open(patience);
    let registry = &office.registry;
    const BYTES: usize = 32 << 20;
    registry.register("lease4-get-page", |_| Answer::success("x".repeat(BYTES)));
    let mut page = office.send("lease4-get-page");
    let mut piece = vec![0; BYTES / 100];
    let mut read = 0;
    // More than the buffers of both sides is read in a hundred steps of twenty milliseconds or more.
    while let n @ 1.. = page.read(&mut piece).unwrap() {
        read += n;
        if read < BYTES && read / piece.len() != (read - n) / piece.len() {
            assert!(rest(office.connect()).starts_with("HTTP/1.0 408"), "a silent one is closed");
        }
    }
    assert!(read > BYTES, "only {read} bytes of {BYTES} came");
}

/// The memory of a listing is taken until it is read: whoever reads none of it must not be given another beside it.
#[test]
fn an_answer_that_nobody_reads_takes_its_room_until_the_connection_is_closed() {
    let patience = Patience { request: SOON, idle: Duration::from_secs(1) };
    let peers = vec!["127.0.0.2".parse().unwrap()];
    let office = Office::open_to(peers, patience);
    let (begin, listings) = unbounded();
    office.registry.register("lease4-get-all", move |_| {
        begin.send(()).unwrap();
        Answer::success("x".repeat(32 << 20))
    });
    let mut unread = office.send("lease4-get-all");
    listings.recv_timeout(SOON).unwrap();
    unread.read_exact(&mut [0]).unwrap();
    let next = office.send("lease4-get-all");
    office.heartbeat_works();
    listings.recv_timeout(SOON).unwrap();
    // It began when the connection of the first was given up, not before.
    assert_eq!(office.listener.stats().value(Counter::HaTimedOut), 1);
    assert!(rest(next).len() > 32 << 20);
}

#[test]
fn a_listener_ends_although_a_command_does_not() {
    let office = Office::open(Patience::default());
    let listing = office.send("lease4-get-all");
    office.begun.recv_timeout(SOON).unwrap();
    drop(office.listener);
    assert_eq!(rest(listing), "");
    drop(office.end);
}
