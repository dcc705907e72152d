//! A partner asks for all leases of a large database, and heartbeats and updates are answered meanwhile: on a listener
//! of one thread, over HTTP, with the product's store.
//!
//!     PEREGRINE_LISTED_LEASES=1000000 cargo test --release -p peregrine-ha --test listing -- --nocapture
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic")]

mod support;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::clock::{Clock, SystemClock};
use engine::lease::{HwAddress, Lease4, Origin, Overwrite};
use ha::io::client::{Connection, Stopper, Target};
use ha::machine::Mode;

use support::{Node, PATIENCE, addresses, lease, parameters, settings, until};

const LISTING: &str = r#"{"command": "lease4-get-all"}"#;
const HEARTBEAT: &str = r#"{"command": "ha-heartbeat"}"#;
const UPDATE: &str = r#"{"command": "lease4-update", "arguments": {"ip-address": "192.0.2.9", "subnet-id": 7,
    "hw-address": "02:00:00:00:00:09", "valid-lft": 4000, "force-create": true}}"#;

fn number_of_leases() -> u32 {
    let chosen = std::env::var("PEREGRINE_LISTED_LEASES").ok();
    chosen.map_or(200_000, |text| text.parse().unwrap())
}

fn fill(node: &Node, number: u32) {
    let first = u32::from(Ipv4Addr::new(10, 0, 0, 0));
    for n in 0..number {
        let address = Ipv4Addr::from(first + n);
        let hw_address = HwAddress::new(&[&[2, 0][..], &n.to_be_bytes()].concat()).unwrap();
        let lease = Lease4 { address, hw_address, ..lease(1, 1_800_000_000) };
        node.store.apply(lease, Overwrite::Always, Origin::Partner);
    }
}

fn connect(to: SocketAddr, stopper: &mut Vec<Stopper>) -> Connection {
    let (stop, given) = Stopper::new();
    stopper.push(stop);
    Connection::new(Target { address: to, credentials: None, tls: None }, given).unwrap()
}

/// The longest of `asked` exchanges, which are made until `enough`.
fn longest(connection: &mut Connection, body: &str, enough: impl Fn() -> bool) -> (u32, Duration) {
    let clock = SystemClock::start();
    let (mut asked, mut longest) = (0, Duration::ZERO);
    while asked < 3 || !enough() {
        let before = clock.now().mono;
        let answer = connection.exchange(body.into(), PATIENCE).unwrap();
        assert!(answer.starts_with(b"[ {") && answer.len() < 1_000);
        assert!(clock.now().mono.since(Default::default()) < PATIENCE, "the listing does not end");
        longest = longest.max(clock.now().mono.since(before));
        asked += 1;
    }
    (asked, longest)
}

/// Reads a listing, however large; gives its length.
fn list(to: SocketAddr) -> u64 {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = LISTING.len();
    let head = "POST / HTTP/1.1\r\nConnection: close\r\nContent-Type: application/json\r\n";
    stream
        .write_all(format!("{head}Content-Length: {length}\r\n\r\n{LISTING}").as_bytes())
        .unwrap();
    std::io::copy(&mut stream, &mut std::io::sink()).unwrap()
}

#[test]
fn heartbeats_and_updates_are_answered_during_a_listing() {
    let number = number_of_leases();
    let places = addresses();
    let mut one_thread = settings(1, places);
    one_thread.listener.as_mut().unwrap().threads = 1;
    let node = Node::start_by(parameters("server2", Mode::HotStandby), one_thread).unwrap();
    fill(&node, number);
    until("the listener", || node.driver.listens_on().is_some());
    let to = node.driver.listens_on().unwrap();
    let mut stoppers = Vec::new();
    let [mut heartbeats, mut updates] = [(); 2].map(|()| connect(to, &mut stoppers));
    let over = AtomicBool::new(false);
    let clock = SystemClock::start();
    std::thread::scope(|scope| {
        let listed = scope.spawn(|| {
            let bytes = list(to);
            over.store(true, Ordering::Release);
            (bytes, clock.now().mono.since(Default::default()))
        });
        let is_over = || over.load(Ordering::Acquire);
        let heartbeats =
            scope.spawn(|| longest(&mut heartbeats, HEARTBEAT, || over.load(Ordering::Acquire)));
        let updates = longest(&mut updates, UPDATE, is_over);
        let heartbeats = heartbeats.join().unwrap();
        let (bytes, took) = listed.join().unwrap();
        assert!(bytes > u64::from(number) * 150, "{bytes} bytes for {number} leases");
        eprintln!("{number} leases, {bytes} bytes in {took:?}; exchanges and the longest of them:");
        eprintln!("   heartbeats {heartbeats:?}, updates {updates:?}");
        // Each was answered several times before the listing was.
        assert!(heartbeats.0 > 3 && updates.0 > 3, "{heartbeats:?} {updates:?}");
    });
}
