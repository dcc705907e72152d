//! Workers do not wait for one another: several of them under load, in a server whose sockets are stubs and whose
//! lease file is a file. Addresses are given at random, so that the clients are as far from one another as those of a
//! server with many more of them. Prints for each place where they take a lock how often, how often somebody else had it, and
//! for how long it was held at most.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Now;
use crate::config::parse_text;
use crate::packet::stub::{self, Stub};
use crate::packet::{Arrival, Packet, Ports};
use crate::seam::{Admission, Admitted, Client, ServeAll};
use crate::server::{Options, Prepared};
use crate::sync::counted;

const WORKERS: usize = 4;
/// Clients that ask at the same time, each of them again and again.
const CLIENTS: u16 = 2048;
const ROUNDS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(60);
const LOCAL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// One of so many times that a lock is taken somebody may have to wait. Without optimisation locks are held for longer, and
/// beside other tests whoever holds one is stopped more often.
const SELDOM: u64 = if cfg!(debug_assertions) { 100 } else { 1000 };

/// Serves everybody, and has the threads noted that ask it: they are the workers.
#[derive(Debug)]
struct Noting;

impl Admission for Noting {
    fn classes(&self) -> Vec<String> {
        Vec::new()
    }

    fn admit(&self, client: &Client<'_>, now: Now) -> Admitted {
        assert_eq!(counted::held(), 0, "a worker takes packets while it holds a lock");
        counted::note_this_thread();
        ServeAll.admit(client, now)
    }
}

fn message(client: u16, message_type: u8, ciaddr: [u8; 4]) -> Packet {
    let [high, low] = client.to_be_bytes();
    let mut message = vec![0; 236];
    message[..3].copy_from_slice(&[1, 1, 6]);
    message[12..16].copy_from_slice(&ciaddr);
    message[24..28].copy_from_slice(&[192, 0, 2, 3]);
    message[28..34].copy_from_slice(&[2, 0, 0, 0, high, low]);
    message.extend_from_slice(&[99, 130, 83, 99, 53, 1, message_type]);
    message.extend_from_slice(&[61, 7, 1, 2, 0, 0, 0, high, low, 55, 3, 1, 3, 6, 255]);
    let relay = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 3), 67);
    let arrival =
        Arrival { interface: 1, source: relay, destination: LOCAL, local: LOCAL, raw: false };
    Packet { arrival, message }
}

/// Lets all workers have a share of everybody's packets at once, and returns the addresses in the replies, by client.
fn serve(stub: &Stub, message_type: u8, held: &[[u8; 4]]) -> Vec<[u8; 4]> {
    let packets: Vec<_> =
        held.iter().zip(0..).map(|(held, client)| message(client, message_type, *held)).collect();
    for (worker, share) in packets.chunks(packets.len().div_ceil(WORKERS)).enumerate() {
        stub.deliver(worker, share.to_vec());
    }
    let mut addresses = vec![[0; 4]; held.len()];
    for _ in held {
        let reply = stub.sent(PATIENCE).expect("every query has a reply").message;
        let client = u16::from_be_bytes([reply[32], reply[33]]);
        addresses[usize::from(client)] = reply[16..20].try_into().expect("four bytes");
    }
    addresses
}

fn load(folder: &std::path::Path) {
    crate::log::silence();
    let text = format!(
        r#"{{ "Dhcp4": {{
            "interfaces-config": {{ "interfaces": [] }},
            "multi-threading": {{ "thread-pool-size": {WORKERS}, "packet-queue-size": 4096 }},
            "lease-database": {{ "type": "memfile", "name": "{}" }},
            "valid-lifetime": 4000, "cache-threshold": 0,
            "subnet4": [ {{ "id": 1, "subnet": "10.0.0.0/8",
                           "relay": {{ "ip-addresses": [ "192.0.2.3" ] }},
                           "allocator": "random",
                           "pools": [ {{ "pool": "10.1.0.0 - 10.1.255.255" }} ] }} ] }} }}"#,
        folder.join("leases.csv").display()
    );
    let config = parse_text(&text, "test").expect("it is in order");
    let config = config.dhcp4.expect("it has a Dhcp4 part");
    let (sockets, stub) = stub::sockets(WORKERS).expect("stubs open");
    let options = Options { ports: Ports::default(), pid_files: Vec::new(), own_name: "test" };
    let prepared =
        Prepared::with_sockets(Arc::new(config), serde_json::Value::Null, options, sockets);
    let _server = prepared.expect("a new file").start(Arc::new(Noting)).expect("it starts");
    let nobody = vec![[0; 4]; usize::from(CLIENTS)];
    let held = serve(&stub, 1, &nobody);
    for _ in 0..ROUNDS {
        assert_eq!(serve(&stub, 3, &held), held);
        assert_eq!(serve(&stub, 1, &nobody), held);
    }
}

#[test]
fn workers_hardly_ever_wait_for_one_another() {
    let folder = tempfile::tempdir().expect("a folder");
    load(folder.path());
    let mut places: Vec<_> = counted::total().into_iter().collect();
    // The stub is the test's.
    places.retain(|((file, _), _)| !file.ends_with("packet/stub.rs"));
    places.sort_by_key(|(_, profile)| std::cmp::Reverse(profile.taken));
    println!("     taken  waited  longest, us");
    for ((file, line), profile) in &places {
        let (taken, waited) = (profile.taken, profile.waited);
        let longest_us = profile.longest_ns as f64 / 1000.0;
        println!("{taken:>10} {waited:>7} {longest_us:>12.1}  {file}:{line}");
    }
    let taken: u64 = places.iter().map(|(_, profile)| profile.taken).sum();
    let waited: u64 = places.iter().map(|(_, profile)| profile.waited).sum();
    println!("{taken:>10} {waited:>7}               in all");
    assert!(taken > 20 * u64::from(CLIENTS), "the workers were not noted: {taken}");
    assert!(waited * SELDOM <= taken, "{waited} of {taken} had to wait");
}
