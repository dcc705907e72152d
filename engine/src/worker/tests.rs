//! The pool over stub sockets: who serves what, what is dropped, what survives.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use super::*;
use crate::clock::SystemClock;
use crate::packet::stub::{self, Stub};
use crate::packet::{Arrival, Destination};
use crate::stats::{Counter, Stats};

const PATIENCE: Duration = Duration::from_secs(20);
const CLIENT: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 9), 68);

/// A packet whose first byte is its client, whose second is its number.
fn packet(client: u8, number: u8) -> Packet {
    let arrival = Arrival {
        interface: 1,
        source: CLIENT,
        destination: Ipv4Addr::BROADCAST,
        local: Ipv4Addr::LOCALHOST,
        raw: false,
    };
    Packet { arrival, message: vec![client, number] }
}

/// Sends each message back; client 255 is not admitted, client 254 makes its worker wait at the gate.
struct Echo {
    served: mpsc::Sender<(std::thread::ThreadId, Vec<u8>)>,
    dropped: mpsc::Sender<Vec<u8>>,
    gate: Arc<Barrier>,
}

impl Pipeline for Echo {
    fn admit(&self, packet: &Packet, _now: Now) -> Option<Dispatch> {
        let client = packet.message[0];
        (client != 255).then_some(Dispatch {
            hash: u64::from(client),
            class: None,
            yields: false,
            outline: None,
        })
    }

    fn desk(self: Arc<Self>) -> Box<dyn Desk> {
        Box::new(EchoDesk(self))
    }

    fn dropped(&self, job: Job) {
        let _ = self.dropped.send(job.packet.message);
    }
}

struct EchoDesk(Arc<Echo>);

impl Desk for EchoDesk {
    fn serve(
        &mut self,
        batch: &mut Vec<Job>,
        _now: Now,
        _buffers: &Buffers,
        out: &mut Vec<Departure>,
    ) {
        assert!(batch.len() <= crate::limits::BATCH);
        for job in batch.iter() {
            let message = job.packet.message.clone();
            if message[0] == 254 {
                self.0.gate.wait(); // it is here
                self.0.gate.wait(); // it may go on
            }
            let _ = self.0.served.send((std::thread::current().id(), message.clone()));
            out.push(Departure {
                interface: job.packet.arrival.interface,
                source: job.packet.arrival.local,
                destination: Destination::Ip { to: job.packet.arrival.source },
                message,
            });
        }
    }
}

struct Bench {
    pool: Pool,
    stub: Stub,
    served: mpsc::Receiver<(std::thread::ThreadId, Vec<u8>)>,
    dropped: mpsc::Receiver<Vec<u8>>,
    gate: Arc<Barrier>,
    stats: Arc<Stats>,
}

fn bench(threads: usize, queue_size: usize) -> Bench {
    let (sockets, stub) = stub::sockets(threads).expect("two sockets");
    let (served_in, served) = mpsc::channel();
    let (dropped_in, dropped) = mpsc::channel();
    let gate = Arc::new(Barrier::new(2));
    let stats = Arc::<Stats>::default();
    let echo = Echo { served: served_in, dropped: dropped_in, gate: gate.clone() };
    let settings = Settings { threads, queue_size, pin: PinPolicy::Never };
    let clock = Arc::new(SystemClock::start());
    let pool = Pool::start(&settings, sockets, Arc::new(echo), clock, stats.clone());
    let pool = pool.expect("threads");
    Bench { pool, stub, served, dropped, gate, stats }
}

impl Bench {
    fn replies(&self, count: usize) -> Vec<Vec<u8>> {
        let next = |_| self.stub.sent(PATIENCE).expect("a reply in time").message;
        (0..count).map(next).collect()
    }
}

#[test]
fn each_client_has_one_worker_whatever_thread_took_its_packets_and_keeps_its_order() {
    let bench = bench(3, 10_000);
    for round in 0..100 {
        let from = usize::from(round) % 3;
        bench.stub.deliver(from, (0..10).map(|client| packet(client, round)));
        bench.replies(10);
    }
    let mut threads = [const { None }; 10];
    let mut next = [0; 10];
    for (thread, message) in (0..1000).map(|_| bench.served.recv_timeout(PATIENCE).unwrap()) {
        let client = usize::from(message[0]);
        assert_eq!(*threads[client].get_or_insert(thread), thread);
        assert_eq!(message[1], next[client]);
        next[client] += 1;
    }
    assert_eq!(threads[0], threads[3]);
    assert_ne!(threads[0], threads[1]);
    bench.pool.stop();
}

#[test]
fn what_is_not_admitted_is_not_served() {
    let bench = bench(1, 64);
    bench.stub.deliver(0, [packet(255, 0), packet(1, 1), packet(255, 2), packet(2, 3)]);
    assert_eq!(bench.replies(2), [[1, 1], [2, 3]]);
}

#[test]
fn a_queue_that_is_full_loses_its_oldest_and_each_one_is_told() {
    let bench = bench(2, 4);
    // Worker 0 is held at the gate; what worker 1 takes for it piles up.
    bench.stub.deliver(0, [packet(254, 0)]);
    bench.gate.wait();
    bench.stub.deliver(1, (1..=10).map(|number| packet(2, number)));
    let dropped: Vec<_> =
        (0..6).map(|_| bench.dropped.recv_timeout(PATIENCE).unwrap()[1]).collect();
    assert_eq!(dropped, [1, 2, 3, 4, 5, 6]);
    bench.gate.wait();
    assert_eq!(bench.replies(5), [[254, 0], [2, 7], [2, 8], [2, 9], [2, 10]]);
    assert!(bench.dropped.try_recv().is_err());
}

#[test]
fn a_large_burst_is_served_in_batches_and_completely() {
    let bench = bench(1, 16);
    bench.stub.deliver(0, (0..1000_u16).map(|i| packet((i % 250) as u8, (i / 250) as u8)));
    assert_eq!(bench.replies(1000).len(), 1000);
}

#[test]
fn receive_errors_end_nothing_and_are_counted() {
    let bench = bench(1, 16);
    for _ in 0..3 {
        bench.stub.fail(0, std::io::ErrorKind::NetworkDown);
    }
    bench.stub.deliver(0, [packet(1, 1)]);
    assert_eq!(bench.replies(1), [[1, 1]]);
    assert_eq!(bench.stats.value(Counter::ReceiveFailed), 3);
    // More than is borne in a row: the next packet that comes is received all the same.
    for _ in 0..crate::limits::MAX_RECEIVE_ERRORS {
        bench.stub.fail(0, std::io::ErrorKind::NetworkDown);
    }
    bench.stub.deliver(0, [packet(1, 2)]);
    assert_eq!(bench.replies(1), [[1, 2]]);
}

#[test]
fn stopping_ends_every_thread() {
    let bench = bench(4, 16);
    let shared = Arc::downgrade(&bench.stats);
    let Bench { pool, stub, stats, .. } = bench;
    pool.stop();
    drop((stub, stats));
    assert!(shared.upgrade().is_none(), "a thread still has it");
}
