//! Replies that wait until everybody who must know of their lease does.
//!
//! Call order: [`Pending::reserve`] before anything is stored (no room: the query is dropped and nothing is
//! stored); [`Pending::expect`] for each acknowledgement, under the lock of the lease's address;
//! [`Pending::park`] with the reply once the journal has the change, or [`Pending::cancel`]. The reply is
//! handed to [`Release`] by whoever brings the last acknowledgement, or given back to whoever parks it after that. A newer query of the same client
//! replaces its pending reply; one failed acknowledgement drops the reply.
//!
//! A ticket whose reply has been sent, dropped, replaced or cancelled is stale: whatever is done with it
//! has no effect. So each ticket ends exactly once.
//!
//! Pure but for its locks. Must not know who acknowledges.

use std::collections::HashMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::lease::ChangeNumber;
use crate::limits::{MAX_PENDING_REPLIES, PENDING_SHARDS};
use crate::packet::Departure;
use crate::stats::{Counter, Stats};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering};

#[cfg(test)]
mod tests;

/// Names one pending reply, and no later one in the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    slot: u32,
    generation: u32,
}

/// A reply, and the version of the lease that it reports.
#[derive(Debug)]
pub struct PendingReply {
    /// Where it goes and its bytes.
    pub departure: Departure,
    /// The address it reports, if any.
    pub reports: Option<(Ipv4Addr, ChangeNumber)>,
    /// Whether it waited for an acknowledgement, and has it: set here.
    pub acknowledged: bool,
}

/// Takes replies that may be sent. Implementations check that the lease still has the version that the reply
/// reports, and drop and count it if not.
pub trait Release: Send + Sync {
    /// Sends `reply`, or drops and counts it. Called under no lock of this room.
    fn release(&self, reply: PendingReply);

    /// As [`Self::release`], for several at once.
    fn release_all(&self, replies: Vec<PendingReply>) {
        replies.into_iter().for_each(|reply| self.release(reply));
    }
}

/// There is no room for another pending reply (`parked-packet-limit`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no room for another pending reply")]
pub struct Full;

/// The pending replies of a server. Callable from every thread.
pub struct Pending {
    shards: Vec<Mutex<Shard>>,
    used: AtomicUsize,
    limit: AtomicUsize,
    release: Arc<dyn Release>,
    stats: Arc<Stats>,
}

/// The replies of the clients whose hash falls here.
#[derive(Default)]
struct Shard {
    slots: Vec<Slot>,
    free: Vec<u32>,
    of_client: HashMap<u64, u32>,
}

struct Slot {
    generation: u32,
    /// `None` while the slot is free.
    entry: Option<Entry>,
}

struct Entry {
    client: u64,
    outstanding: u32,
    acknowledged: bool,
    failed: bool,
    reply: Option<PendingReply>,
}

/// How an entry ended, to be acted upon once the shard's lock is free.
enum End {
    Release(PendingReply),
    Unacknowledged,
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("used", &self.len()).field("limit", &self.limit).finish()
    }
}

impl Pending {
    /// Room for `limit` replies (0: [`MAX_PENDING_REPLIES`]), which go to `release`.
    pub fn new(limit: usize, release: Arc<dyn Release>, stats: Arc<Stats>) -> Self {
        let shards = (0..PENDING_SHARDS).map(|_| Mutex::new(Shard::default())).collect();
        let limit = AtomicUsize::new(effective(limit));
        Self { shards, used: AtomicUsize::new(0), limit, release, stats }
    }

    /// From now on there is room for `limit` replies (0: [`MAX_PENDING_REPLIES`]); those that wait go on waiting.
    pub fn set_limit(&self, limit: usize) {
        self.limit.store(effective(limit), Ordering::Release);
    }

    /// Where it counts what becomes of replies.
    pub const fn stats(&self) -> &Arc<Stats> {
        &self.stats
    }

    /// Takes the room for the reply to a query of `client` (a keyed hash of who it is). An older reply of
    /// this client that still waits is dropped and counted.
    pub fn reserve(&self, client: u64) -> Result<Ticket, Full> {
        let index = usize::try_from(client % PENDING_SHARDS as u64).expect("less than a u32");
        let mut shard = self.shards[index].lock();
        let replaced = shard.of_client.get(&client).copied();
        if let Some(local) = replaced {
            shard.vacate(local);
        } else if self.used.fetch_add(1, Ordering::AcqRel) >= self.limit.load(Ordering::Acquire) {
            self.used.fetch_sub(1, Ordering::AcqRel);
            drop(shard);
            self.stats.count(Counter::PendingFull);
            return Err(Full);
        }
        let (local, generation) = shard.occupy(client);
        drop(shard);
        if replaced.is_some() {
            self.stats.count(Counter::ReplyReplaced);
        }
        let slot = local * PENDING_SHARDS + u32::try_from(index).expect("less than a u32");
        Ok(Ticket { slot, generation })
    }

    /// One more acknowledgement is needed.
    pub fn expect(&self, ticket: Ticket) {
        if let Some(entry) = self.shard(ticket).lock().entry(ticket) {
            entry.outstanding = entry.outstanding.saturating_add(1);
        }
    }

    /// One expected acknowledgement is in.
    pub fn acknowledge(&self, ticket: Ticket) {
        if let Some(reply) = self.acknowledge_unsent(ticket) {
            self.release.release(reply);
        }
    }

    /// As [`Self::acknowledge`], but gives the reply back if nothing is outstanding: it is the caller's to
    /// [release](Self::release_all), together with others.
    #[must_use]
    pub fn acknowledge_unsent(&self, ticket: Ticket) -> Option<PendingReply> {
        self.settle(ticket, |entry| {
            entry.outstanding = entry.outstanding.saturating_sub(1);
            entry.acknowledged = true;
        })
    }

    /// Sends what [`Self::acknowledge_unsent`] gave back.
    pub fn release_all(&self, replies: Vec<PendingReply>) {
        if !replies.is_empty() {
            self.release.release_all(replies);
        }
    }

    /// One expected acknowledgement will never come: the reply is not sent.
    pub fn fail(&self, ticket: Ticket) {
        self.update(ticket, |entry| entry.failed = true);
    }

    /// Leaves the reply here until it may be sent; sends it at once if nothing is outstanding.
    pub fn park(&self, ticket: Ticket, reply: PendingReply) {
        self.update(ticket, |entry| entry.reply = Some(reply));
    }

    /// As [`Self::park`], but gives the reply back if nothing is outstanding: it is the caller's to send, in a
    /// batch with others.
    #[must_use]
    pub fn park_unless_due(&self, ticket: Ticket, reply: PendingReply) -> Option<PendingReply> {
        self.settle(ticket, |entry| entry.reply = Some(reply))
    }

    /// There is no reply, or it needs nobody's acknowledgement: gives the room back.
    pub fn cancel(&self, ticket: Ticket) {
        let mut shard = self.shard(ticket).lock();
        if shard.entry(ticket).is_some() {
            shard.vacate(Self::local(ticket));
            self.used.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Whether the ticket's reply still waits or is still to come.
    pub fn is_open(&self, ticket: Ticket) -> bool {
        self.shard(ticket).lock().entry(ticket).is_some()
    }

    /// Number of places taken.
    pub fn len(&self) -> usize {
        self.used.load(Ordering::Acquire)
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Changes the entry of `ticket`, and ends it if that settles its fate.
    fn update(&self, ticket: Ticket, change: impl FnOnce(&mut Entry)) {
        if let Some(reply) = self.settle(ticket, change) {
            self.release.release(reply);
        }
    }

    /// As [`Self::update`], but a reply that may be sent is the caller's to send.
    fn settle(&self, ticket: Ticket, change: impl FnOnce(&mut Entry)) -> Option<PendingReply> {
        let mut shard = self.shard(ticket).lock();
        let entry = shard.entry(ticket)?;
        change(entry);
        let end = entry.end()?;
        shard.vacate(Self::local(ticket));
        self.used.fetch_sub(1, Ordering::AcqRel);
        drop(shard);
        match end {
            End::Release(reply) => Some(reply),
            End::Unacknowledged => {
                self.stats.count(Counter::ReplyUnacknowledged);
                None
            }
        }
    }

    fn shard(&self, ticket: Ticket) -> &Mutex<Shard> {
        &self.shards[(ticket.slot % PENDING_SHARDS) as usize]
    }

    fn local(ticket: Ticket) -> u32 {
        ticket.slot / PENDING_SHARDS
    }
}

const fn effective(limit: usize) -> usize {
    if limit == 0 { MAX_PENDING_REPLIES } else { limit }
}

impl Shard {
    /// The live entry that `ticket` names.
    fn entry(&mut self, ticket: Ticket) -> Option<&mut Entry> {
        let slot = self.slots.get_mut(Pending::local(ticket) as usize)?;
        if slot.generation == ticket.generation { slot.entry.as_mut() } else { None }
    }

    /// Takes a free slot for `client`.
    fn occupy(&mut self, client: u64) -> (u32, u32) {
        let entry =
            Entry { client, outstanding: 0, acknowledged: false, failed: false, reply: None };
        let local = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, entry: None });
            u32::try_from(self.slots.len() - 1).expect("bounded by the limit of pending replies")
        });
        let slot = &mut self.slots[local as usize];
        slot.entry = Some(entry);
        let generation = slot.generation;
        self.of_client.insert(client, local);
        (local, generation)
    }

    /// Frees a slot, reply and all; its ticket is stale from now on.
    fn vacate(&mut self, local: u32) {
        let slot = &mut self.slots[local as usize];
        if let Some(entry) = slot.entry.take() {
            slot.generation = slot.generation.wrapping_add(1);
            self.of_client.remove(&entry.client);
            self.free.push(local);
        }
    }
}

impl Entry {
    /// What is to be done, if nothing more can change it.
    fn end(&mut self) -> Option<End> {
        if self.failed {
            return self.reply.take().map(|_| End::Unacknowledged);
        }
        if self.outstanding > 0 {
            return None;
        }
        let acknowledged = self.acknowledged;
        self.reply.take().map(|reply| End::Release(PendingReply { acknowledged, ..reply }))
    }
}
