//! What batches are worth: the same clients before two pairs of Peregrines, one that sends each lease update by itself, as to
//! a Kea, and one that sends them in batches. Prints requests for each lease, and leases per second:
//!
//!     PEREGRINE_BATCHES=20000 cargo test --release --test interop batches:: -- --nocapture

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use perf::clock::Clock;
use perf::fleet::{BASE_MAC, Fleet};
use serde_json::json;

use crate::support::loopback::Loopback;

/// Clients, unless `PEREGRINE_BATCHES` says otherwise, and how many of them ask at a time.
const CLIENTS: u32 = 600;
const WINDOW: u32 = 256;
/// Who announces this takes batches.
const ANNOUNCED: &[u8] = b"\"batches\"";
const UNKNOWN: &[u8] = b"\"batched\"";

/// A line between two servers, on which requests are counted. On a plain one nobody is heard to take batches.
struct Line {
    is_plain: bool,
    requests: Arc<AtomicU64>,
}

impl Line {
    fn new(is_plain: bool) -> Self {
        Self { is_plain, requests: Arc::default() }
    }

    /// Another way to `url`, over the line.
    fn reach(&self, url: &str) -> String {
        let server: SocketAddr =
            url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
        let listener = TcpListener::bind((server.ip(), 0)).unwrap();
        let there = listener.local_addr().unwrap();
        let (is_plain, requests) = (self.is_plain, Arc::clone(&self.requests));
        // They end with the test's process.
        std::thread::spawn(move || {
            for asking in listener.incoming().map_while(Result::ok) {
                let Ok(asked) = TcpStream::connect(server) else { continue };
                let way = |stream: &TcpStream| stream.try_clone().unwrap();
                let ways = [(way(&asking), way(&asked)), (asked, asking)];
                for (from, to) in ways {
                    let requests = Arc::clone(&requests);
                    std::thread::spawn(move || carry(from, to, is_plain, &requests));
                }
            }
        });
        format!("http://{there}/")
    }
}

/// Carries bytes until either end is closed.
fn carry(mut from: TcpStream, mut to: TcpStream, is_plain: bool, requests: &AtomicU64) {
    let mut bytes = vec![0; 1 << 17];
    from.set_nodelay(true).unwrap();
    to.set_nodelay(true).unwrap();
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        let told = &mut bytes[..read];
        let commands = find(told, b"\"command\"").count() - find(told, b"\"ha-heartbeat\"").count();
        requests.fetch_add(commands as u64, Ordering::Relaxed);
        if is_plain {
            let places: Vec<usize> = find(told, ANNOUNCED).collect();
            for at in places {
                told[at..at + UNKNOWN.len()].copy_from_slice(UNKNOWN);
            }
        }
        if to.write_all(told).is_err() {
            break;
        }
    }
    for stream in [from, to] {
        // It may be closed already.
        let _ = stream.shutdown(Shutdown::Both);
    }
}

fn find(told: &[u8], what: &'static [u8]) -> impl Iterator<Item = usize> {
    told.windows(what.len()).enumerate().filter(move |(_, it)| *it == what).map(|(at, _)| at)
}

/// What a run came to.
#[derive(Debug)]
struct Run {
    requests_per_lease: f64,
    leases_per_s: f64,
}

/// All clients get a lease from a pair on this kind of line.
fn run(is_plain: bool, number: u32) -> Run {
    let (place, folder) = (Loopback::new(2), tempfile::tempdir().unwrap());
    let line = Line::new(is_plain);
    let pools = json!([
        {"pool": "10.16.0.0 - 10.31.255.255", "client-class": "HA_server1"},
        {"pool": "10.32.0.0 - 10.47.255.255", "client-class": "HA_server2"}
    ]);
    let reach = |url: &str| line.reach(url);
    let servers = place.pair_reached_by(reach, &json!({}), "load-balancing", &pools, folder.path());
    let before = line.requests.load(Ordering::Relaxed);
    let mut fleet = Fleet::new(BASE_MAC, number);
    let clock = Clock::start();
    let mut spent = Duration::ZERO;
    loop {
        let missing = fleet.without_lease();
        if missing.is_empty() {
            break;
        }
        let start = clock.now();
        let completed = place.join(&mut fleet, missing, WINDOW).completed;
        spent += clock.now().saturating_sub(start);
        assert!(completed > 0, "{} clients without a lease", fleet.without_lease().len());
    }
    let requests = line.requests.load(Ordering::Relaxed) - before;
    let batches: u64 = servers.iter().map(|it| it.statistics()["peregrine-ha-batches-sent"]).sum();
    assert_eq!(batches == 0, is_plain, "{batches} batches");
    for server in &servers {
        assert_eq!(server.leases().len(), number as usize, "each lease is at both");
    }
    assert_eq!(fleet.duplicate_addresses(), 0);
    let leases = f64::from(number);
    Run { requests_per_lease: requests as f64 / leases, leases_per_s: leases / spent.as_secs_f64() }
}

#[test]
fn batches_take_fewer_requests_for_each_lease() {
    let number = std::env::var("PEREGRINE_BATCHES");
    let number = number.map_or(CLIENTS, |text| text.parse().expect("a number of clients"));
    let [plain, batched] = [true, false].map(|is_plain| run(is_plain, number));
    println!("{number} clients, {WINDOW} at a time, each gets a lease that both servers know:");
    println!("                    single updates  batches  ratio");
    let row = |what: &str, of: fn(&Run) -> f64| {
        let (plain, batched) = (of(&plain), of(&batched));
        println!("{what:20}{plain:14.3}{batched:9.3}{:7.2}", batched / plain);
    };
    row("requests per lease", |run| run.requests_per_lease);
    row("leases per second", |run| run.leases_per_s);
    assert!(plain.requests_per_lease >= 1.0, "{plain:?}");
    assert!(batched.requests_per_lease < plain.requests_per_lease / 2.0, "{batched:?}");
}
