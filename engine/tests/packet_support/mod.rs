//! A server that tells what it gets and answers as the message says: shared by the tests of the packet rooms.
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part")]

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::ThreadId;
use std::time::Duration;

use engine::clock::{Now, SystemClock};
use engine::config::model::{InterfaceSpec, Interfaces};
use engine::packet::{self, Arrival, Buffers, Departure, Destination, OpenError, Packet, Ports};
use engine::stats::{Counter, Stats};
use engine::worker::{Desk, Dispatch, Job, PinPolicy, Pipeline, Pool, Settings};

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How a message wants to be answered: its first byte.
#[derive(Clone, Copy, Debug)]
pub enum Ask {
    /// To its sender.
    Source = 0,
    /// Below IP, to its hardware address and [`OFFERED`].
    Link = 1,
    /// To 255.255.255.255 port 68.
    Broadcast = 2,
    /// Not at all.
    Silence = 3,
}

/// The address that a client without one is given.
pub const OFFERED: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 77);

/// A message of DHCP's shape as far as the packet rooms look: `chaddr` of `client` at 28, `number` at the end.
pub fn message(ask: Ask, client: u8, number: u16) -> Vec<u8> {
    let mut message = vec![0; 244];
    message[0] = ask as u8;
    message[28..34].copy_from_slice(&mac(client));
    message[242..].copy_from_slice(&number.to_be_bytes());
    message
}

/// The hardware address of `client`.
pub fn mac(client: u8) -> [u8; 6] {
    [2, 0, 0, 0, 1, client]
}

/// What one packet was to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// How it came in.
    pub arrival: Arrival,
    /// Its bytes.
    pub message: Vec<u8>,
    /// Who took it from its socket.
    pub taken_by: ThreadId,
}

/// A running server.
pub struct Server {
    /// Its workers.
    pub pool: Pool,
    /// Every packet, in the order in which they were taken.
    pub seen: mpsc::Receiver<Seen>,
    /// Its counters.
    pub stats: Arc<Stats>,
}

struct Echo(mpsc::Sender<Seen>);

impl Pipeline for Echo {
    fn admit(&self, packet: &Packet, _now: Now) -> Option<Dispatch> {
        let taken_by = std::thread::current().id();
        let (arrival, message) = (packet.arrival, packet.message.clone());
        let hash = u64::from(message.get(33).copied().unwrap_or(0));
        let _ = self.0.send(Seen { arrival, message, taken_by });
        Some(Dispatch { hash, class: None, yields: false, outline: None })
    }

    fn desk(self: Arc<Self>) -> Box<dyn Desk> {
        Box::new(EchoDesk)
    }

    fn dropped(&self, _job: Job) {}
}

struct EchoDesk;

impl Desk for EchoDesk {
    fn serve(
        &mut self,
        batch: &mut Vec<Job>,
        _now: Now,
        _buffers: &Buffers,
        out: &mut Vec<Departure>,
    ) {
        for job in batch.drain(..) {
            let Packet { arrival, message } = job.packet;
            let destination = match message.first() {
                Some(0) => Destination::Ip { to: arrival.source },
                Some(1) => {
                    let mac = std::array::from_fn(|index| message[28 + index]);
                    Destination::Link { mac, to: SocketAddrV4::new(OFFERED, 68) }
                }
                Some(2) => Destination::Ip { to: SocketAddrV4::new(Ipv4Addr::BROADCAST, 68) },
                _ => continue,
            };
            let (interface, source) = (arrival.interface, arrival.local);
            out.push(Departure { interface, source, destination, message });
        }
    }
}

/// Starts a server on `listen`.
pub fn serve(
    listen: &[InterfaceSpec],
    raw: bool,
    ports: Ports,
    threads: usize,
) -> Result<Server, OpenError> {
    serve_as(&interfaces(listen, raw), ports, threads)
}

/// Starts a server with this `interfaces-config`.
pub fn serve_as(wanted: &Interfaces, ports: Ports, threads: usize) -> Result<Server, OpenError> {
    let stats = Arc::<Stats>::default();
    let sockets = packet::open(wanted, ports, threads, &stats)?;
    let (told, seen) = mpsc::channel();
    let settings = Settings { threads, queue_size: 4096, pin: PinPolicy::Never };
    let clock = Arc::new(SystemClock::start());
    let pool = Pool::start(&settings, sockets, Arc::new(Echo(told)), clock, stats.clone());
    Ok(Server { pool: pool.expect("threads"), seen, stats })
}

/// `interfaces-config`.
pub fn interfaces(listen: &[InterfaceSpec], raw: bool) -> Interfaces {
    Interfaces { listen: listen.to_vec(), raw, ..Interfaces::default() }
}

impl Server {
    /// The next packet.
    pub fn next(&self) -> Seen {
        self.seen.recv_timeout(PATIENCE).expect("a packet in time")
    }

    /// Its counter.
    pub fn count(&self, counter: Counter) -> u64 {
        self.stats.value(counter)
    }
}

/// An address of the loopback that no other test uses.
pub fn own_loopback() -> Ipv4Addr {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    let next = NEXT.fetch_add(1, Ordering::Relaxed) % 250;
    let process = std::process::id();
    Ipv4Addr::new(127, (1 + process / 256 % 250) as u8, (process % 256) as u8, next as u8)
}

/// `lo/ADDRESS`.
pub fn on_loopback(address: Ipv4Addr) -> InterfaceSpec {
    InterfaceSpec::Address("lo".into(), address)
}
