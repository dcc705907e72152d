//! In the steady state a packet goes through the server without taking memory: what it needs is used again. Counted
//! on the worker's thread, in a server whose sockets are stubs and whose lease file is a file.

#![expect(unsafe_code, reason = "an allocator that counts has no safe form")]
#![expect(clippy::unwrap_used, reason = "an unwrap of a test is an assertion")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::clock::Now;
use engine::config::parse_text;
use engine::log::Writer;
use engine::packet::stub::{self, Stub};
use engine::packet::{Arrival, Packet, Ports};
use engine::seam::{Admission, Admitted, Client, ServeAll};
use engine::server::{Options, Prepared};

/// Allocations that a thousand exchanges may take: the stub's channel takes memory for every 31 replies, and the
/// index of ends some for a new second.
const ALLOWED_PER_THOUSAND: u64 = 80;
const CLIENTS: u8 = 64;
const ROUNDS: u64 = 50;
const PATIENCE: Duration = Duration::from_secs(20);
const LOCAL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// The system's allocator, which counts what the workers ask of it.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static IS_WORKER: Cell<bool> = const { Cell::new(false) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn count() {
    if IS_WORKER.try_with(Cell::get).unwrap_or(false) {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    // SAFETY: as the trait asks of the caller.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are the same.
        unsafe { System.alloc(layout) }
    }

    // SAFETY: as the trait asks of the caller.
    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: `place` came from the same allocator.
        unsafe { System.dealloc(place, layout) }
    }

    // SAFETY: as the trait asks of the caller.
    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: `place` came from the same allocator.
        unsafe { System.realloc(place, layout, size) }
    }
}

/// Serves everybody, and marks the threads that ask it: they are the workers.
#[derive(Debug)]
struct Marking;

impl Admission for Marking {
    fn classes(&self) -> Vec<String> {
        Vec::new()
    }

    fn admit(&self, client: &Client<'_>, now: Now) -> Admitted {
        IS_WORKER.with(|mark| mark.set(true));
        ServeAll.admit(client, now)
    }
}

/// What a client says of its name: nothing, option 12 alone or with a domain, option 81 as text or on the wire.
fn name(client: u8) -> Vec<u8> {
    let (code, data) = match client % 5 {
        0 => return Vec::new(),
        1 => (12, format!("laptop-{client}").into_bytes()),
        2 => (12, format!("laptop-{client}.second-floor.office.example.org").into_bytes()),
        3 => (81, [b"\0\0\0", format!("Phone-{client}").as_bytes()].concat()),
        _ => (81, [&b"\x05\0\0\x07desktop\x09warehouse\x07example\x03org\0"[..]].concat()),
    };
    [&[code, u8::try_from(data.len()).unwrap()], &data[..]].concat()
}

fn message(client: u8, message_type: u8, ciaddr: [u8; 4]) -> Packet {
    let mut message = vec![0; 236];
    message[..3].copy_from_slice(&[1, 1, 6]);
    message[12..16].copy_from_slice(&ciaddr);
    message[24..28].copy_from_slice(&[192, 0, 2, 3]);
    message[28..34].copy_from_slice(&[2, 0, 0, 0, 0, client]);
    message.extend_from_slice(&[99, 130, 83, 99, 53, 1, message_type]);
    message.extend_from_slice(&[61, 7, 1, 2, 0, 0, 0, 0, client, 55, 3, 1, 3, 6]);
    message.extend_from_slice(&name(client));
    message.push(255);
    let relay = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 3), 67);
    let arrival =
        Arrival { interface: 1, source: relay, destination: LOCAL, local: LOCAL, raw: false };
    Packet { arrival, message }
}

/// Lets the server have the packets, and returns what it offers or acknowledges, by client.
fn serve(stub: &Stub, packets: Vec<Packet>) -> Vec<[u8; 4]> {
    let count = packets.len();
    stub.deliver(0, packets);
    let mut addresses = vec![[0; 4]; count];
    for _ in 0..count {
        let reply = stub.sent(PATIENCE).expect("every query has a reply").message;
        addresses[usize::from(reply[33])] = reply[16..20].try_into().unwrap();
    }
    addresses
}

#[test]
fn a_packet_takes_no_memory_once_its_client_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let text = format!(
        r#"{{ "Dhcp4": {{
            "interfaces-config": {{ "interfaces": [] }},
            "multi-threading": {{ "thread-pool-size": 1 }},
            "lease-database": {{ "type": "memfile", "name": "{}" }},
            "valid-lifetime": 4000, "cache-threshold": 0, "ddns-qualifying-suffix": "clients.example.org",
            "loggers": [ {{ "name": "kea-dhcp4", "severity": "WARN" }} ],
            "option-data": [ {{ "name": "routers", "data": "192.0.2.1" }} ],
            "client-classes": [
                {{ "name": "ether", "test": "substring(option[61].hex, 0, 1) == 0x01 and not option[77].exists",
                   "option-data": [ {{ "name": "domain-name", "data": "a.test" }} ] }},
                {{ "name": "late", "test": "member('UNKNOWN') and pkt4.giaddr == 192.0.2.3 and member('ether')" }} ],
            "subnet4": [ {{ "id": 1, "subnet": "192.0.2.0/24",
                           "pools": [ {{ "pool": "192.0.2.10 - 192.0.2.200" }} ] }} ] }} }}"#,
        dir.path().join("leases.csv").display()
    );
    let config = parse_text(&text, "test").unwrap().dhcp4.unwrap();
    let _log = Writer::start(&config.loggers, "kea-dhcp4", Default::default()).unwrap();
    let (sockets, stub) = stub::sockets(1).unwrap();
    let options = Options { ports: Ports::default(), pid_files: Vec::new(), own_name: "test" };
    let config = Arc::new(config);
    let prepared =
        Prepared::with_sockets(config, serde_json::Value::Null, options, sockets).unwrap();
    let server = prepared.start(Arc::new(Marking)).unwrap();

    let discovers = || (0..CLIENTS).map(|client| message(client, 1, [0; 4])).collect();
    let offered = serve(&stub, discovers());
    let renewals = |held: &[[u8; 4]]| {
        held.iter().zip(0..).map(|(address, client)| message(client, 3, *address)).collect()
    };
    let held = serve(&stub, renewals(&offered));
    assert_eq!(held, offered);
    let round = || {
        assert_eq!(serve(&stub, renewals(&held)), held);
        assert_eq!(serve(&stub, discovers()), held);
    };
    (0..10).for_each(|_| round());

    let before = ALLOCATIONS.load(Ordering::Relaxed);
    (0..ROUNDS).for_each(|_| round());
    let taken = ALLOCATIONS.load(Ordering::Relaxed) - before;
    drop(server);
    let exchanges = 2 * ROUNDS * u64::from(CLIENTS);
    let per_thousand = taken * 1000 / exchanges;
    println!("{taken} allocations in {exchanges} exchanges");
    assert!(before > 0, "the worker was not found");
    assert!(per_thousand <= ALLOWED_PER_THOUSAND, "{per_thousand} in a thousand exchanges");
}
