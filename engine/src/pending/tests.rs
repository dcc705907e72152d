//! Tests of the pending replies, one thread at a time; races are in `tests/model.rs`.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::*;
use crate::packet::Destination;

#[derive(Default)]
struct Sent(Mutex<Vec<u8>>);

impl Release for Sent {
    fn release(&self, reply: PendingReply) {
        self.0.lock().push(reply.departure.message[0]);
    }
}

struct Fixture {
    pending: Pending,
    sent: Arc<Sent>,
    stats: Arc<Stats>,
}

fn fixture(limit: usize) -> Fixture {
    let sent = Arc::new(Sent::default());
    let stats = Arc::new(Stats::default());
    Fixture { pending: Pending::new(limit, sent.clone(), stats.clone()), sent, stats }
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

#[test]
fn a_reply_leaves_with_its_last_acknowledgement() {
    let it = fixture(4);
    let ticket = it.pending.reserve(1).unwrap();
    it.pending.expect(ticket);
    it.pending.expect(ticket);
    it.pending.acknowledge(ticket);
    it.pending.park(ticket, reply(1));
    assert!(it.sent.0.lock().is_empty());
    it.pending.acknowledge(ticket);
    it.pending.acknowledge(ticket);
    assert_eq!(*it.sent.0.lock(), [1]);
    assert!(it.pending.is_empty());
}

#[test]
fn a_reply_that_nobody_must_know_of_leaves_at_once() {
    let it = fixture(4);
    let ticket = it.pending.reserve(1).unwrap();
    it.pending.park(ticket, reply(1));
    assert_eq!(*it.sent.0.lock(), [1]);
    let ticket = it.pending.reserve(1).unwrap();
    it.pending.expect(ticket);
    it.pending.acknowledge(ticket);
    it.pending.park(ticket, reply(2));
    assert_eq!(*it.sent.0.lock(), [1, 2]);
    let ticket = it.pending.reserve(1).unwrap();
    assert!(it.pending.park_unless_due(ticket, reply(3)).is_some(), "the caller sends it");
    let ticket = it.pending.reserve(1).unwrap();
    it.pending.expect(ticket);
    assert!(it.pending.park_unless_due(ticket, reply(4)).is_none());
    it.pending.acknowledge(ticket);
    assert_eq!(*it.sent.0.lock(), [1, 2, 4]);
    assert!(it.pending.is_empty());
}

#[test]
fn a_failed_acknowledgement_drops_the_reply_whenever_it_comes() {
    for early in [true, false] {
        let it = fixture(4);
        let ticket = it.pending.reserve(1).unwrap();
        it.pending.expect(ticket);
        it.pending.expect(ticket);
        if early {
            it.pending.fail(ticket);
        }
        it.pending.park(ticket, reply(1));
        it.pending.fail(ticket);
        it.pending.acknowledge(ticket);
        it.pending.acknowledge(ticket);
        assert!(it.sent.0.lock().is_empty());
        assert_eq!(it.stats.value(Counter::ReplyUnacknowledged), 1);
        assert!(it.pending.is_empty());
    }
}

#[test]
fn a_newer_query_replaces_the_reply_and_stale_tickets_do_nothing() {
    let it = fixture(1);
    let old = it.pending.reserve(7).unwrap();
    it.pending.expect(old);
    it.pending.park(old, reply(1));
    let new = it.pending.reserve(7).unwrap();
    assert!(!it.pending.is_open(old) && it.pending.is_open(new));
    it.pending.expect(new);
    it.pending.park(new, reply(2));
    it.pending.acknowledge(old);
    it.pending.fail(old);
    it.pending.park(old, reply(3));
    it.pending.cancel(old);
    assert!(it.sent.0.lock().is_empty());
    it.pending.acknowledge(new);
    assert_eq!(*it.sent.0.lock(), [2]);
    assert_eq!(it.stats.value(Counter::ReplyReplaced), 1);
}

#[test]
fn no_more_wait_than_the_limit_allows() {
    let it = fixture(2);
    let first = it.pending.reserve(1).unwrap();
    it.pending.reserve(2).unwrap();
    assert_eq!(it.pending.reserve(3), Err(Full));
    assert_eq!(it.stats.value(Counter::PendingFull), 1);
    it.pending.cancel(first);
    it.pending.reserve(3).unwrap();
    assert_eq!(it.pending.len(), 2);
}
