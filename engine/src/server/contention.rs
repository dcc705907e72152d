//! Workers do not wait for one another: several of them under load, in a server whose sockets are stubs and whose
//! lease file is a file. Addresses are given at random, so that the clients are as far from one another as those of a
//! server with many more of them. Prints for each place where they take a lock how often, how often somebody else had it, and
//! for how long it was held at most. No such lock is held across input or output, by whomever.
//!
//! For how long locks are held is measured with one worker, several times over, in time of its own thread. That includes
//! what interrupts it, which never hits the same place twice: the shortest time of each turn counts, so that what
//! remains is the code's. Who waits is counted without the clock, which takes longer to read than most locks are held.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Now;
use crate::config::parse_text;
use crate::packet::stub::{self, Stub};
use crate::packet::{Arrival, Packet, Ports};
use crate::seam::{Admission, Admitted, Client, ServeAll};
use crate::server::{Options, Prepared};
use crate::sync::counted::{self, Book, Place, Profile, What};

const WORKERS: usize = 4;
/// Clients that ask at the same time, each of them again and again.
const CLIENTS: u16 = 2048;
/// Clients that come before the others, whole batches of them, and their first one's number.
const EARLY_CLIENTS: u16 = 256;
const FIRST_EARLY: u16 = 50_000;
const ROUNDS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(60);
const LOCAL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// One of so many times that a lock is taken somebody may have to wait. Without optimisation locks are held for longer.
const SELDOM: u64 = if cfg!(debug_assertions) { 100 } else { 1000 };

/// Runs with one worker, of which the shortest times count.
const RUNS: u32 = 5;
/// No lock that workers wait for is held for longer, but for one in [`RARE`] turns: memory that is touched for the first time
/// is the kernel's to find.
const LONG_NS: u64 = if cfg!(debug_assertions) { 100_000 } else { 5000 };
const RARE: usize = 1000;
/// And none at all for longer than this.
const LONGEST_NS: u64 = 5 * LONG_NS;
/// Loads of which one must be without much waiting: whoever holds a lock may be stopped by others on the machine.
const TRIALS: Book = 5;

/// Serves everybody, and has the threads noted that ask it: they are the workers.
#[derive(Debug)]
struct Noting(Book, What);

impl Admission for Noting {
    fn classes(&self) -> Vec<String> {
        Vec::new()
    }

    fn admit(&self, client: &Client<'_>, now: Now) -> Admitted {
        assert_eq!(counted::held(), 0, "a worker takes packets while it holds a lock");
        match client.hw_address {
            [.., high, low] if u16::from_be_bytes([*high, *low]) >= FIRST_EARLY => counted::pause(),
            _ => counted::note_this_thread(self.0, self.1),
        }
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

/// Clients that talk to the server, and what they hold.
struct Clients<'a> {
    stub: &'a Stub,
    workers: usize,
    held: Vec<[u8; 4]>,
    /// By those that come before the others each time: a worker that slept finds its caches cold, which is not the locks' fault.
    held_early: Vec<[u8; 4]>,
}

impl Clients<'_> {
    /// Lets all workers have a share of everybody's packets at once, and notes the addresses in the replies.
    fn serve(&mut self, message_type: u8) {
        let asks = message_type == 3;
        let packets = |first: u16, held: &[[u8; 4]]| -> Vec<Packet> {
            let clients = held.iter().zip(first..);
            let address = |held: &[u8; 4]| if asks { *held } else { [0; 4] };
            clients.map(|(held, client)| message(client, message_type, address(held))).collect()
        };
        let early = packets(FIRST_EARLY, &self.held_early);
        let later = packets(0, &self.held);
        let share = |packets: &[Packet], worker: usize| -> Vec<Packet> {
            let size = packets.len().div_ceil(self.workers);
            packets.iter().skip(worker * size).take(size).cloned().collect()
        };
        for worker in 0..self.workers {
            let all = [share(&early, worker), share(&later, worker)].concat();
            self.stub.deliver(worker, all);
        }
        for _ in 0..self.held.len() + self.held_early.len() {
            let reply = self.stub.sent(PATIENCE).expect("every query has a reply").message;
            let client = u16::from_be_bytes([reply[32], reply[33]]);
            let address = reply[16..20].try_into().expect("four bytes");
            match client.checked_sub(FIRST_EARLY) {
                Some(early) => self.held_early[usize::from(early)] = address,
                None => self.held[usize::from(client)] = address,
            }
        }
    }

    /// All come, get their leases, and renew them.
    fn come(&mut self) {
        self.serve(1);
        let held = self.held.clone();
        for _ in 0..ROUNDS {
            self.serve(3);
            self.serve(1);
            assert_eq!(self.held, held);
        }
    }
}

/// What a server is like.
#[derive(Clone, Copy)]
struct Trial {
    book: Book,
    what: What,
    workers: usize,
    allocator: &'static str,
    durability: &'static str,
}

fn load(trial: Trial) -> BTreeMap<Place, Profile> {
    crate::log::silence();
    let folder = tempfile::tempdir().expect("a folder");
    let Trial { book, what, workers, allocator, durability } = trial;
    let text = format!(
        r#"{{ "Dhcp4": {{
            "interfaces-config": {{ "interfaces": [] }},
            "multi-threading": {{ "thread-pool-size": {workers}, "packet-queue-size": 4096 }},
            "lease-database": {{ "type": "memfile", "name": "{}",
                                 "user-context": {{ "peregrine": {{ "durability": "{durability}" }} }} }},
            "valid-lifetime": 4000, "cache-threshold": 0,
            "subnet4": [ {{ "id": 1, "subnet": "10.0.0.0/8",
                           "relay": {{ "ip-addresses": [ "192.0.2.3" ] }},
                           "allocator": "{allocator}",
                           "pools": [ {{ "pool": "10.1.0.0 - 10.1.255.255" }} ] }} ] }} }}"#,
        folder.path().join("leases.csv").display()
    );
    let config = parse_text(&text, "test").expect("it is in order");
    let config = config.dhcp4.expect("it has a Dhcp4 part");
    let (sockets, stub) = stub::sockets(workers).expect("stubs open");
    let options = Options { ports: Ports::default(), pid_files: Vec::new(), own_name: "test" };
    let prepared =
        Prepared::with_sockets(Arc::new(config), serde_json::Value::Null, options, sockets);
    let server =
        prepared.expect("a new file").start(Arc::new(Noting(book, what))).expect("it starts");
    let [held, held_early] = [CLIENTS, EARLY_CLIENTS].map(|count| vec![[0; 4]; count.into()]);
    Clients { stub: &stub, workers, held, held_early }.come();
    drop(server);
    let mut places = counted::total(book);
    // The stub is the test's.
    places.retain(|(file, _), _| !file.ends_with("packet/stub.rs"));
    let taken: u64 = places.values().map(|profile| profile.taken).sum();
    assert!(taken > 20 * u64::from(CLIENTS), "the workers were not noted: {taken}");
    places
}

/// Prints them, the most often taken first.
fn print(places: &BTreeMap<Place, Profile>) {
    let mut places: Vec<_> = places.iter().collect();
    places.sort_by_key(|(_, profile)| std::cmp::Reverse(profile.taken));
    println!("     taken  waited  longest, us");
    for ((file, line), profile) in places {
        let (taken, waited) = (profile.taken, profile.waited);
        let longest_us = match &profile.held_ns[..] {
            [] => "-".to_owned(),
            _ => format!("{:.1}", longest_us(profile)),
        };
        println!("{taken:>10} {waited:>7} {longest_us:>12}  {file}:{line}");
    }
}

fn longest_us(profile: &Profile) -> f64 {
    profile.held_ns.iter().copied().max().unwrap_or(0) as f64 / 1000.0
}

#[test]
fn workers_hardly_ever_wait_for_one_another() {
    let mut found = Vec::new();
    for book in 0..TRIALS {
        let trial = Trial {
            book,
            what: What::Waits,
            workers: WORKERS,
            allocator: "random",
            durability: "kernel",
        };
        let places = load(trial);
        print(&places);
        let taken: u64 = places.values().map(|profile| profile.taken).sum();
        let waited: u64 = places.values().map(|profile| profile.waited).sum();
        println!("{taken:>10} {waited:>7}               in all");
        if waited * SELDOM <= taken {
            return;
        }
        found.push((waited, taken));
    }
    panic!("of the locks taken so many had to be waited for, each time: {found:?}");
}

#[test]
fn no_lock_that_workers_wait_for_is_held_for_long() {
    let mut shortest = BTreeMap::<Place, Profile>::new();
    for run in 0..RUNS {
        let trial = Trial {
            book: 10 + run,
            what: What::Times,
            workers: 1,
            // The same each time.
            allocator: "iterative",
            durability: "kernel",
        };
        for (place, profile) in load(trial) {
            match shortest.entry(place) {
                Entry::Vacant(entry) => drop(entry.insert(profile)),
                Entry::Occupied(mut entry) => {
                    let so_far = entry.get_mut().held_ns.iter_mut();
                    so_far.zip(profile.held_ns).for_each(|(least, ns)| *least = ns.min(*least));
                }
            }
        }
    }
    print(&shortest);
    let is_long = |profile: &Profile| {
        let over = |limit: u64| profile.held_ns.iter().filter(|ns| **ns > limit).count();
        over(LONG_NS) * RARE > profile.held_ns.len() + RARE || over(LONGEST_NS) > 0
    };
    let long: Vec<_> = shortest.iter().filter(|(_, profile)| is_long(profile)).collect();
    let long: Vec<_> = long.iter().map(|(place, it)| (place, longest_us(it))).collect();
    assert!(long.is_empty(), "held for more than {LONG_NS} ns: {long:?} us at most");
}

#[test]
fn no_lock_that_workers_wait_for_is_held_across_io() {
    for (book, durability) in [(20, "kernel"), (21, "disk")] {
        load(Trial { book, what: What::Waits, workers: WORKERS, allocator: "random", durability });
    }
    let mut found = counted::held_across_io();
    // Those of the counting's own test.
    found.retain(|(file, _)| !file.ends_with("sync/counted.rs"));
    assert!(found.is_empty(), "taken here, and held across input or output: {found:?}");
}
