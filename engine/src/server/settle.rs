//! The last step of a reply: sent, left to wait for acknowledgements, or dropped. Pure but for what it is given.

use std::sync::Arc;

use super::storage::Storage;
use crate::codec::v4::{OPTIONS_AT, code};
use crate::packet::{Departure, Transmit};
use crate::pending::{Pending, PendingReply, Release, Ticket};
use crate::stats::{Counter, Stats};
use crate::v4::Reply;

/// A reply before its changes are written.
pub(super) struct Decided {
    pub(super) reply: Reply,
    pub(super) ticket: Option<Ticket>,
}

/// What becomes of replies once their changes are written, or are not.
pub(super) struct Settling {
    pub(super) storage: Storage,
    pub(super) pending: Arc<Pending>,
    pub(super) stats: Arc<Stats>,
}

impl Settling {
    /// The reply if it may be sent now; otherwise it waits for its acknowledgements, or is dropped because its
    /// change is not written.
    pub(super) fn settle(&self, decided: Decided, written: bool) -> Option<Departure> {
        let Decided { reply, ticket } = decided;
        if reply.last_change.is_some() && !written {
            self.cancel(ticket);
            self.stats.count(Counter::ReceiveDrop);
            return None;
        }
        match ticket {
            Some(ticket) if reply.last_change.is_some() => {
                let released = self.pending.park_unless_due(ticket, parked(reply))?;
                current(released, &self.storage, &self.stats)
            }
            other => {
                self.cancel(other);
                count_sent(&self.stats, &reply.departure);
                Some(reply.departure)
            }
        }
    }

    /// As [`Self::settle`] for a reply that waited for the disk: its lease may be another by now.
    pub(super) fn settle_late(&self, decided: Decided, written: bool) -> Option<Departure> {
        match decided {
            Decided { reply, ticket: None } if written => {
                current(parked(reply), &self.storage, &self.stats)
            }
            decided => self.settle(decided, written),
        }
    }

    fn cancel(&self, ticket: Option<Ticket>) {
        if let Some(ticket) = ticket {
            self.pending.cancel(ticket);
        }
    }
}

fn parked(reply: Reply) -> PendingReply {
    let Reply { departure, reports, .. } = reply;
    PendingReply { departure, reports, acknowledged: false }
}

/// Sends replies that have all their acknowledgements, if their lease is still what they say.
pub struct ReplySender {
    /// Knows the versions of the leases.
    pub storage: Storage,
    /// Takes the replies.
    pub transmit: Arc<dyn Transmit>,
    /// The counters.
    pub stats: Arc<Stats>,
}

impl std::fmt::Debug for ReplySender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReplySender").field("storage", &self.storage).finish_non_exhaustive()
    }
}

impl Release for ReplySender {
    fn release(&self, reply: PendingReply) {
        if let Some(departure) = current(reply, &self.storage, &self.stats) {
            self.transmit.transmit(&mut vec![departure]);
        }
    }

    fn release_all(&self, replies: Vec<PendingReply>) {
        let due = replies.into_iter().filter_map(|it| current(it, &self.storage, &self.stats));
        let mut departures: Vec<_> = due.collect();
        if !departures.is_empty() {
            self.transmit.transmit(&mut departures);
        }
    }
}

/// A reply that has all its acknowledgements, counted as sent; none if its lease is no longer what it says.
fn current(reply: PendingReply, storage: &Storage, stats: &Stats) -> Option<Departure> {
    let acknowledged = reply.acknowledged;
    let promise = |(address, version)| storage.store.promise(address, version, acknowledged);
    if !reply.reports.is_none_or(promise) {
        stats.count(Counter::ReplyOutdated);
        return None;
    }
    count_sent(stats, &reply.departure);
    Some(reply.departure)
}

/// Counts a reply by the type in its option 53, which every reply begins its options with.
fn count_sent(stats: &Stats, departure: &Departure) {
    stats.count(Counter::Sent);
    let options = &departure.message[OPTIONS_AT..];
    // A reply to BOOTP has no type: it is an ACK without its name.
    let message_type = if options[0] == code::MESSAGE_TYPE { options.get(2) } else { Some(&5) };
    match message_type {
        Some(2) => stats.count(Counter::OfferSent),
        Some(5) => stats.count(Counter::AckSent),
        Some(6) => stats.count(Counter::NakSent),
        _ => {}
    }
}
