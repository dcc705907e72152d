//! A server with a long lease file serves while it reads it: who holds a lease renews it, nobody is refused, nothing is
//! given; and what is granted meanwhile is newer than anything that is still to be read.

#![expect(clippy::unwrap_used, reason = "an unwrap of a test is an assertion")]

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use engine::clock::{Clock, Mono, SystemClock};
use engine::config::parse_text;
use engine::lease::csv::row;
use engine::limits::LOAD_AT_ONCE;
use engine::packet::stub::{self, Stub};
use engine::packet::{Arrival, Packet, Ports};
use engine::seam::ServeAll;
use engine::server::{Options, Prepared};
use engine::stats::Counter;

const LOCAL: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const RELAY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
/// Enough to be read for a while.
const ROWS: u32 = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };
const LAST: u32 = ROWS - 1;
/// Who renews first: its row is the last but some, and an older row of its address follows.
const EARLY: u32 = ROWS - 10;

fn address(client: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0a01_0000 + client)
}

fn message(client: u32, message_type: u8, ciaddr: Ipv4Addr) -> Packet {
    let mut message = vec![0; 236];
    message[..3].copy_from_slice(&[1, 1, 6]);
    message[12..16].copy_from_slice(&ciaddr.octets());
    message[24..28].copy_from_slice(&RELAY.octets());
    message[28..30].copy_from_slice(&[2, 0]);
    message[30..34].copy_from_slice(&client.to_be_bytes());
    message.extend_from_slice(&[99, 130, 83, 99, 53, 1, message_type, 255]);
    let source = SocketAddrV4::new(RELAY, 67);
    let arrival = Arrival { interface: 1, source, destination: LOCAL, local: LOCAL, raw: false };
    Packet { arrival, message }
}

/// The type and address of the next reply within `patience`.
fn reply(stub: &Stub, patience: Duration) -> Option<(u8, Ipv4Addr)> {
    let message = stub.sent(patience)?.message;
    let address: [u8; 4] = message[16..20].try_into().unwrap();
    Some((message[242], address.into()))
}

const OFFER: u8 = 2;
const ACK: u8 = 5;
const PATIENCE: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_millis(1);

#[test]
fn leases_are_renewed_before_all_are_read_and_nobody_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("leases.csv");
    let wall_s = SystemClock::start().now().wall_s;
    let mut text = String::from(row::HEADER);
    let mut add = |client: u32, holder: u32, expire_s: u64| {
        let [a, b, c, d] = holder.to_be_bytes();
        let address = address(client);
        writeln!(
            text,
            "{address},02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x},,3600,{expire_s},1,0,0,host-{holder},0,,0"
        )
        .unwrap();
    };
    // Somebody else had its address before.
    add(EARLY, 7_000_000, wall_s - 100);
    (0..ROWS).for_each(|client| add(client, client, wall_s + 3000));
    assert!(text.len() as u64 > LOAD_AT_ONCE);
    std::fs::write(&file, text).unwrap();
    let text = format!(
        r#"{{ "Dhcp4": {{
            "interfaces-config": {{ "interfaces": [] }},
            "multi-threading": {{ "thread-pool-size": 1 }},
            "lease-database": {{ "type": "memfile", "name": "{}", "lfc-interval": 0 }},
            "cache-threshold": 0, "valid-lifetime": 4000, "authoritative": true,
            "loggers": [ {{ "name": "kea-dhcp4", "severity": "WARN" }} ],
            "subnet4": [ {{ "id": 1, "subnet": "10.0.0.0/8",
                           "pools": [ {{ "pool": "10.1.0.0 - 10.200.255.255" }} ] }} ] }} }}"#,
        file.display()
    );
    let config = Arc::new(parse_text(&text, "test").unwrap().dhcp4.unwrap());
    let (sockets, stub) = stub::sockets(1).unwrap();
    let options = Options { ports: Ports::default(), pid_files: Vec::new(), own_name: "test" };
    let prepared =
        Prepared::with_sockets(config, serde_json::Value::Null, options, sockets).unwrap();
    let parts = prepared.parts().clone();
    let store = Arc::clone(&parts.storage.store);
    assert!(!store.is_complete());
    let reload = prepared.reload();
    let server = prepared.start(Arc::new(ServeAll)).unwrap();

    // One after the other they are told what they hold, as soon as it is known; everybody else waits.
    let mut early = None;
    while early.is_none() {
        stub.deliver(
            0,
            [
                message(EARLY, 3, address(EARLY)),
                message(8_000_000, 1, Ipv4Addr::UNSPECIFIED),
                message(8_000_001, 3, address(LAST)),
                message(8_000_002, 3, Ipv4Addr::new(192, 0, 2, 1)),
            ],
        );
        early = reply(&stub, SOON);
        assert!(!store.is_complete(), "all was read before the first answer");
    }
    assert_eq!(early, Some((ACK, address(EARLY))));
    // Another configuration is taken meanwhile.
    assert!(!store.is_complete());
    let changed = parse_text(&text.replace("4000", "5000"), "test").unwrap().dhcp4.unwrap();
    reload.apply(changed, serde_json::Value::Null, |_| ()).unwrap();
    while !store.is_complete() {
        stub.deliver(0, [message(LAST, 3, address(LAST)), message(8_000_001, 3, address(LAST))]);
        if let Some(answer) = reply(&stub, SOON)
            && !store.is_complete()
        {
            assert!([(ACK, address(EARLY)), (ACK, address(LAST))].contains(&answer), "{answer:?}");
        }
    }
    assert!(parts.stats.value(Counter::ServiceDisabled) > 0, "a stranger had to wait");
    assert_eq!(store.len(), ROWS as usize);
    // What was renewed meanwhile stayed so.
    let renewed = store.find(address(EARLY)).unwrap().lease;
    assert_eq!((renewed.valid_lifetime_s, renewed.hw_address.as_bytes()[5]), (4000, EARLY as u8));
    // From now on everybody is served, by the new configuration.
    let mut answers = std::iter::from_fn(|| reply(&stub, PATIENCE));
    stub.deliver(0, [message(8_000_000, 1, Ipv4Addr::UNSPECIFIED)]);
    assert!(answers.any(|(what, _)| what == OFFER));
    stub.deliver(0, [message(LAST, 3, address(LAST))]);
    assert!(answers.any(|answer| answer == (ACK, address(LAST))));
    assert_eq!(store.find(address(LAST)).unwrap().lease.valid_lifetime_s, 5000);
    drop(server);
    let written = std::fs::read_to_string(&file).unwrap();
    assert!(
        written
            .lines()
            .skip(ROWS as usize + 2)
            .any(|row| row.starts_with(&address(EARLY).to_string()))
    );
}

/// A lease for each client, and a server on them that was not started yet.
fn prepared(folder: &Path, bad_rows: usize, more: &str) -> (Prepared, Stub) {
    let file = folder.join("leases.csv");
    let mut text = String::from(row::HEADER);
    // What is bad is the oldest, and so is read last.
    (0..bad_rows).for_each(|_| text.push_str("10.1.0.1,no hardware address,,3600,1,1,0,0,,0,,0\n"));
    for client in 0..ROWS {
        let [_, one, two, three] = client.to_be_bytes();
        let hw_address = format!("02:00:00:{one:02x}:{two:02x}:{three:02x}");
        writeln!(text, "{},{hw_address},,3600,9000000000,1,0,0,,0,,0", address(client)).unwrap();
    }
    std::fs::write(&file, text).unwrap();
    let text = format!(
        r#"{{ "Dhcp4": {{ "interfaces-config": {{ "interfaces": [] }},
            "multi-threading": {{ "thread-pool-size": 1 }},
            "lease-database": {{ "type": "memfile", "name": "{}", {more} "lfc-interval": 0 }},
            "subnet4": [ {{ "id": 1, "subnet": "10.0.0.0/8" }} ] }} }}"#,
        file.display()
    );
    let config = Arc::new(parse_text(&text, "test").unwrap().dhcp4.unwrap());
    let (sockets, stub) = stub::sockets(1).unwrap();
    let options = Options { ports: Ports::default(), pid_files: Vec::new(), own_name: "test" };
    let null = serde_json::Value::Null;
    (Prepared::with_sockets(config, null, options, sockets).unwrap(), stub)
}

/// Who stops a server waits neither for the file nor for a thread that goes on with it.
#[test]
fn a_server_is_stopped_while_it_reads() {
    let folder = tempfile::tempdir().unwrap();
    let (prepared, _stub) = prepared(folder.path(), 0, "");
    let parts = prepared.parts().clone();
    let server = prepared.start(Arc::new(ServeAll)).unwrap();
    parts.shutdown.send(0).unwrap();
    assert_eq!(server.run(), 0);
    assert!(!parts.storage.store.is_complete(), "all was read");
    assert!(parts.storage.store.len() < ROWS as usize);
}

/// More bad rows than `max-row-errors` allows end a server that serves already, as they end one that reads first.
#[test]
fn too_many_bad_rows_end_a_server_that_serves_already() {
    let folder = tempfile::tempdir().unwrap();
    let (prepared, _stub) = prepared(folder.path(), 3, r#""max-row-errors": 2,"#);
    let store = Arc::clone(&prepared.parts().storage.store);
    let server = prepared.start(Arc::new(ServeAll)).unwrap();
    assert_eq!(server.run(), 1);
    assert!(!store.is_complete());
}

/// As many as are allowed are skipped.
#[test]
fn bad_rows_that_are_allowed_are_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let (prepared, _stub) = prepared(folder.path(), 3, r#""max-row-errors": 3,"#);
    let parts = prepared.parts().clone();
    let server = prepared.start(Arc::new(ServeAll)).unwrap();
    let clock = SystemClock::start();
    let is_late = || clock.now().mono.since(Mono::default()) > PATIENCE;
    while !parts.storage.store.is_complete() && !is_late() {
        std::thread::yield_now();
    }
    assert_eq!(parts.storage.store.len(), ROWS as usize);
    parts.shutdown.send(0).unwrap();
    assert_eq!(server.run(), 0);
}
