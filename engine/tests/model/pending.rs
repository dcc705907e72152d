//! Pending replies: each is sent once or dropped once, whoever comes first.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use engine::packet::{Departure, Destination};
use engine::pending::{Pending, PendingReply, Release, Ticket};
use engine::stats::{Counter, Stats};
use engine::sync::Mutex;
use shuttle::thread;

use crate::check;

/// Keeps the names of the replies that are sent.
#[derive(Default)]
struct Sent(Mutex<Vec<u8>>);

impl Release for Sent {
    fn release(&self, reply: PendingReply) {
        self.0.lock().push(reply.departure.message[0]);
    }
}

struct World {
    pending: Pending,
    sent: Arc<Sent>,
    stats: Arc<Stats>,
}

fn world(limit: usize) -> Arc<World> {
    let (sent, stats) = (Arc::new(Sent::default()), Arc::new(Stats::default()));
    Arc::new(World { pending: Pending::new(limit, sent.clone(), stats.clone()), sent, stats })
}

impl World {
    /// Room for a reply of client 7 that needs `needed` acknowledgements.
    fn reserve(&self, needed: usize) -> Ticket {
        let ticket = self.pending.reserve(7).expect("there is room");
        (0..needed).for_each(|_| self.pending.expect(ticket));
        ticket
    }

    /// What a worker does with a reply: it sends at once what is due.
    fn park_or_send(&self, ticket: Ticket, reply: PendingReply) {
        if let Some(due) = self.pending.park_unless_due(ticket, reply) {
            self.sent.release(due);
        }
    }

    fn sent(&self) -> Vec<u8> {
        self.sent.0.lock().clone()
    }

    fn count(&self, counter: Counter) -> u64 {
        self.stats.value(counter)
    }
}

fn reply(name: u8) -> PendingReply {
    let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 68);
    let departure = Departure {
        interface: 1,
        source: Ipv4Addr::LOCALHOST,
        destination: Destination::Ip { to },
        message: vec![name],
    };
    PendingReply { departure, reports: None, acknowledged: false }
}

fn race<const N: usize>(world: &Arc<World>, ticket: Ticket, threads: [fn(&World, Ticket); N]) {
    let threads = threads.map(|run| {
        let world = Arc::clone(world);
        thread::spawn(move || run(&world, ticket))
    });
    for thread in threads {
        thread.join().expect("no thread panics");
    }
}

#[test]
fn acknowledgements_before_and_after_parking_send_once() {
    check(2000, || {
        let world = world(4);
        let ticket = world.reserve(2);
        race(
            &world,
            ticket,
            [
                |world, ticket| world.pending.acknowledge(ticket),
                |world, ticket| world.park_or_send(ticket, reply(1)),
                |world, ticket| world.pending.acknowledge(ticket),
            ],
        );
        assert_eq!(world.sent(), [1]);
        assert!(world.pending.is_empty());
    });
}

#[test]
fn a_replaced_reply_is_sent_or_dropped_and_its_successor_is_sent() {
    check(2000, || {
        let world = world(1);
        let ticket = world.reserve(1);
        race(
            &world,
            ticket,
            [
                |world, ticket| world.pending.park(ticket, reply(1)),
                |world, ticket| world.pending.acknowledge(ticket),
                |world, _| {
                    let newer = world.reserve(1);
                    world.pending.acknowledge(newer);
                    world.pending.park(newer, reply(2));
                },
            ],
        );
        let sent = world.sent();
        let first = sent.iter().filter(|name| **name == 1).count() as u64;
        assert_eq!(sent.iter().filter(|name| **name == 2).count(), 1);
        assert_eq!(first + world.count(Counter::ReplyReplaced), 1, "sent {sent:?}");
        assert!(world.pending.is_empty());
    });
}

#[test]
fn a_failed_acknowledgement_drops_once_and_nothing_is_sent() {
    check(2000, || {
        let world = world(4);
        let ticket = world.reserve(2);
        race(
            &world,
            ticket,
            [
                |world, ticket| world.pending.acknowledge(ticket),
                |world, ticket| world.pending.fail(ticket),
                |world, ticket| world.pending.park(ticket, reply(1)),
            ],
        );
        assert!(world.sent().is_empty());
        assert_eq!(world.count(Counter::ReplyUnacknowledged), 1);
        assert!(world.pending.is_empty());
    });
}

#[test]
fn a_cancelled_ticket_is_over_for_everybody() {
    check(2000, || {
        let world = world(4);
        let ticket = world.reserve(1);
        race(
            &world,
            ticket,
            [
                |world, ticket| world.pending.acknowledge(ticket),
                |world, ticket| world.pending.cancel(ticket),
                |world, _| {
                    let newer = world.reserve(0);
                    world.pending.park(newer, reply(2));
                },
            ],
        );
        assert_eq!(world.sent(), [2]);
        assert!(world.pending.is_empty());
    });
}

#[test]
fn the_limit_holds_and_room_comes_back() {
    check(2000, || {
        let world = world(1);
        let threads = [1, 2].map(|client| {
            let world = Arc::clone(&world);
            thread::spawn(move || match world.pending.reserve(client) {
                Ok(ticket) => {
                    let others = world.pending.reserve(client + 2);
                    assert!(others.is_err(), "two of one place");
                    world.pending.park(ticket, reply(1));
                    1
                }
                Err(_) => 0,
            })
        });
        let served: usize = threads.into_iter().map(|it| it.join().expect("no panic")).sum();
        assert!(served > 0);
        assert_eq!((world.sent().len(), world.pending.len()), (served, 0));
    });
}

/// The fault: acknowledgements that name only the client, so that a late one counts for the next reply.
#[test]
#[should_panic(expected = "sent without its acknowledgement")]
fn tickets_without_a_generation_are_found_out() {
    check(2000, || {
        let outstanding = Arc::new(Mutex::new(1));
        let late = Arc::clone(&outstanding);
        let peer = thread::spawn(move || *late.lock() -= 1);
        *outstanding.lock() = 1;
        let sent = *outstanding.lock() == 0;
        peer.join().expect("no panic");
        assert!(!sent, "sent without its acknowledgement");
    });
}
