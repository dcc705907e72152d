//! The outgoing queue: what peers are told of our leases. Pure but for its locks;
//! [`crate::io::pool`] empties it.
//!
//! Each peer has one queue in change order, and an address has at most one request under way: its next change
//! waits for the answer. A Peregrine takes batches of them, one after the other. An update knows its reply's ticket: applied means acknowledged, anything else means
//! that the reply is dropped. What becomes of an update is told by the machine ([`Outbox::set_policy`]): sent,
//! kept for later, or only counted. Must not know HTTP or why the policy is what it is.

mod backlog;
mod behind;
mod ending;
mod gone;
mod intake;
mod queue;
mod recall;
mod state;
mod untold;

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Arc, Weak};

use engine::lease::ClientId;
use engine::pending::{Pending, Ticket};
use engine::seam::service::Service;
use engine::sync::atomic::{AtomicU64, Ordering};
use engine::sync::{Condvar, Mutex};

pub use behind::{Greeted, Turn};
pub use queue::Update;
pub use recall::Recall;
pub(crate) use recall::Recalls;
pub use state::Limits;
use state::State;

use crate::family::{Address, Lease};
use crate::machine::{
    CallError, ClientKey, Incarnation, Owed, ToPartner, UpdateOutcome, UpdatePolicy,
};

/// Who learns what became of updates. The first two are called under the lock of an address: they may set
/// flags and wake threads, nothing else.
pub trait Observer: Send + Sync {
    /// An update was refused because the partner's queue is full.
    fn queue_is_full(&self);
    /// More updates were delayed than there is room for ([`Outbox::has_overflowed`]).
    fn backlog_overflowed(&self);
    /// The partner answered an update of `client`, or failed to.
    fn partner_updated(&self, client: Option<ClientKey>, outcome: UpdateOutcome);
    /// The delayed updates were all sent, or one of them failed.
    fn backlog_sent(&self, result: Result<(), CallError>);
}

/// A peer as the outbox counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerQueue {
    /// The partner.
    Partner,
    /// A backup, by its number.
    Backup(usize),
}

/// What is sent to a peer in one request.
#[derive(Debug, PartialEq, Eq)]
pub enum Load {
    /// One update, as to a Kea.
    One(Update),
    /// Updates of different addresses, to a Peregrine that takes batches.
    Batch(Vec<Update>),
}

#[cfg(test)]
impl Load {
    /// The one update that it is.
    pub(crate) fn one(self) -> Update {
        match self {
            Load::One(update) => update,
            Load::Batch(updates) => panic!("a batch: {updates:?}"),
        }
    }
}

/// The queues of one relationship.
pub struct Outbox {
    pending: Arc<Pending>,
    observer: Weak<dyn Observer>,
    service: Arc<Service>,
    partner: Option<Side>,
    backups: Vec<Side>,
    unsent: AtomicU64,
    refused: AtomicU64,
}

/// One peer's queue and who waits for it.
struct Side {
    state: Mutex<State>,
    wake: Condvar,
    recalls: Recalls,
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("backups", &self.backups.len()).finish_non_exhaustive()
    }
}

impl Outbox {
    /// Queues for a partner, if there is one, and for `backups` backups. Nothing is sent until a policy says so.
    pub fn new(
        pending: Arc<Pending>,
        observer: Weak<dyn Observer>,
        service: Arc<Service>,
        has_partner: bool,
        backups: usize,
        limits: Limits,
    ) -> Self {
        Self {
            observer,
            service,
            partner: has_partner.then(|| Side::of(State::new(limits, pending.stats()))),
            backups: (0..backups)
                .map(|_| {
                    let limits = Limits { delayed_updates: 0, ..limits };
                    Side::of(State::new(limits, pending.stats()).of_backup())
                })
                .collect(),
            pending,
            unsent: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// What becomes of updates from now on. When the partner is no longer sent to, what waits for it fails;
    /// the leases themselves are kept for later if the policy says so.
    pub fn set_policy(&self, policy: UpdatePolicy) {
        for side in &self.backups {
            side.state.lock().policy = policy;
        }
        let Some(side) = &self.partner else {
            return;
        };
        let mut state = side.state.lock();
        let before = std::mem::replace(&mut state.policy, policy).partner;
        let failed = match (before, policy.partner) {
            // Something else of the policy has changed: what is kept stays.
            (before, now) if before == now => Vec::new(),
            (ToPartner::Send, ToPartner::Queue) => {
                let drained = state.queue.drain();
                let failed = drained.iter().filter_map(|update| update.ticket).collect();
                drained.into_iter().for_each(|update| state.delay(update));
                failed
            }
            (ToPartner::Queue, ToPartner::Send) => {
                // What came since the delayed updates were sent goes behind them.
                state.send_backlog();
                state.backlog.clear();
                Vec::new()
            }
            // What one of its runs lacks is sent as delayed updates, which are counted.
            (ToPartner::Count, ToPartner::Send) if state.untold.run().is_some() => {
                state.send_untold();
                state.send_late();
                Vec::new()
            }
            (ToPartner::Count, ToPartner::Send) => {
                state.send_gone();
                state.send_late();
                Vec::new()
            }
            (ToPartner::Count, ToPartner::Queue) => {
                state.late.take().into_iter().for_each(|update| state.delay(update));
                Vec::new()
            }
            (_, ToPartner::Nothing | ToPartner::Count) => {
                state.drop_backlog();
                state.late.clear();
                // In time: the partner may be back before it is given up by itself, and synchronise first.
                side.recalls.give();
                state.give_up_queue()
            }
            _ => Vec::new(),
        };
        drop(state);
        side.wake.notify_all();
        self.fail(failed);
    }

    /// Number of changes since the last call that the partner was not told of.
    pub fn take_unsent(&self) -> u64 {
        self.unsent.swap(0, Ordering::AcqRel)
    }

    /// Whether more updates were delayed than there is room for.
    pub fn has_overflowed(&self) -> bool {
        self.partner.as_ref().is_some_and(|side| {
            let state = side.state.lock();
            state.backlog.has_overflowed() && !state.untold.is_whole()
        })
    }

    /// Number of updates that met a full queue.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Number of updates since the last call that `peer` misses because they found its queue full, waited in it when it
    /// fell silent, or, at a backup, were refused or not answered.
    pub fn take_missed(&self, peer: PeerQueue) -> u64 {
        self.side(peer).map_or(0, |side| std::mem::take(&mut side.state.lock().missed))
    }

    /// Sends the delayed updates. Gives the result if there is one already, else it comes by
    /// [`Observer::backlog_sent`]. What is queued meanwhile is sent behind them, and no reply waits for it.
    pub fn send_backlog(&self) -> Option<Result<(), CallError>> {
        let side = self.partner.as_ref()?;
        let result = side.state.lock().send_backlog();
        side.wake.notify_all();
        result
    }

    /// Forgets the delayed updates that were not sent, but for deletions.
    pub fn clear_backlog(&self) {
        if let Some(side) = &self.partner {
            side.state.lock().drop_backlog();
        }
    }

    /// Sends what the partner was not told of: the deletions, and to a run that is followed all else, as
    /// [`Self::send_backlog`] does.
    pub fn send_untold(&self) -> Option<Result<(), CallError>> {
        let side = self.partner.as_ref()?;
        let result = side.state.lock().send_untold();
        side.wake.notify_all();
        result
    }

    /// As [`Self::send_untold`], in normal operation: nobody is told how it ends.
    pub fn resend(&self) {
        if let Some(side) = &self.partner {
            side.state.lock().send_gone();
            side.wake.notify_all();
        }
    }

    /// Whether the partner refused a lease that its client has been promised, and has not begun to fetch all of a server that
    /// serves since.
    pub fn partner_lacks(&self) -> bool {
        self.partner.as_ref().is_some_and(|side| side.state.lock().lacks)
    }

    /// What is kept for the partner.
    pub fn owed(&self) -> Owed {
        let Some(side) = &self.partner else { return Owed::default() };
        let state = side.state.lock();
        let under_way = state.backlog.is_sending();
        let nothing = state.untold.len() == 0 && state.gone.is_empty() && !under_way;
        Owed {
            deletions: !state.gone.is_empty(),
            changes: state.untold.len() + state.gone.len(),
            follows: state.untold.run(),
            told: nothing && state.untold.is_whole(),
        }
    }

    /// A run of the partner begins to fetch all leases: what changes from now on is kept for it, what is queued or under way
    /// included. None: the partner does not take part.
    pub fn follow(&self, run: Option<Incarnation>) {
        let Some(side) = &self.partner else { return };
        side.state.lock().untold.follow(run);
    }

    /// As [`Self::follow`], at the beginning of a synchronisation: nothing more of what is queued or under way is to
    /// arrive in between.
    pub fn follow_anew(&self, run: Incarnation) {
        let Some(side) = &self.partner else { return };
        let mut state = side.state.lock();
        state.untold.follow_anew(run);
        state.lacks = false;
        state.drop_backlog();
        side.recalls.give();
        let failed = state.give_up_queue();
        drop(state);
        self.fail(failed);
    }

    /// Both servers are in normal operation, in which each change is told: this run knows all but what is kept for it.
    pub fn settle_with(&self, run: Incarnation) {
        if let Some(side) = &self.partner {
            let mut state = side.state.lock();
            state.untold.follow_anew(run);
            state.untold.complete();
        }
    }

    /// The run that is followed knows all that is not kept for it.
    pub fn complete(&self) {
        if let Some(side) = &self.partner {
            side.state.lock().untold.complete();
        }
    }

    /// The last versions of leases in a range of addresses that ended, and the partner was not told.
    pub fn deletions(&self, range: RangeInclusive<Address>) -> Vec<Lease> {
        let within = |side: &Side| side.state.lock().gone.within(range);
        self.partner.as_ref().map(within).unwrap_or_default()
    }

    /// The partner knows that the address has no lease, or what it has is to hold.
    pub fn forget_deletion(&self, address: Address) {
        if let Some(side) = &self.partner {
            side.state.lock().gone.outdate(address);
        }
    }

    /// Number of updates that wait for `peer` and are not under way.
    pub fn waiting(&self, peer: PeerQueue) -> usize {
        self.side(peer).map_or(0, |side| side.state.lock().queue.len())
    }

    /// Whether the partner takes batches from now on: one at a time, while the next gathers.
    pub fn set_batches(&self, batches: bool) {
        if let Some(side) = &self.partner {
            side.state.lock().batches = batches;
            side.wake.notify_all();
        }
    }

    /// As [`Outbox::turn`], for who greets nobody.
    #[cfg(test)]
    pub(crate) fn next(&self, peer: PeerQueue) -> Option<(Load, Recall)> {
        loop {
            match self.turn(peer)? {
                Turn::Send(load, recall) => return Some((load, recall)),
                Turn::Greet => drop(self.greeted(peer, Greeted::Nobody)),
            }
        }
    }

    /// The next load for `peer`, without waiting: `None` if nothing may be sent at the moment. Nobody is greeted.
    pub fn try_next(&self, peer: PeerQueue) -> Option<Load> {
        loop {
            let mut state = self.side(peer)?.state.lock();
            let load = if state.stopped { None } else { state.take() }?;
            drop(state);
            match load {
                Load::One(update) if update.asks => {
                    self.settle(peer, &update, UpdateOutcome::Conflict);
                }
                load => return Some(load),
            }
        }
    }

    /// Whether the partner is being told of an address.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn is_telling(&self, address: Address) -> bool {
        self.partner.as_ref().is_some_and(|side| side.state.lock().queue.has(address))
    }

    /// How often what was under way to the partner was recalled.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn recalls(&self) -> u64 {
        self.partner.as_ref().map_or(0, |side| side.recalls.number())
    }

    /// Fails everything that waits, and lets [`Outbox::turn`] return `None`.
    pub fn stop(&self) {
        for side in self.partner.iter().chain(&self.backups) {
            let mut state = side.state.lock();
            state.stopped = true;
            let drained = state.queue.drain();
            drop(state);
            side.wake.notify_all();
            self.fail(drained.iter().filter_map(|update| update.ticket));
        }
    }

    fn side(&self, peer: PeerQueue) -> Option<&Side> {
        match peer {
            PeerQueue::Partner => self.partner.as_ref(),
            PeerQueue::Backup(number) => self.backups.get(number),
        }
    }

    fn tell(&self, what: impl FnOnce(&dyn Observer)) {
        if let Some(observer) = self.observer.upgrade() {
            what(&*observer);
        }
    }

    fn fail(&self, tickets: impl IntoIterator<Item = Ticket>) {
        for ticket in tickets {
            self.pending.fail(ticket);
        }
    }
}

impl Side {
    fn of(state: State) -> Self {
        Self { state: Mutex::new(state), wake: Condvar::new(), recalls: Recalls::default() }
    }
}

fn holder(lease: &Lease) -> Option<ClientKey> {
    let client_id = lease.client_id.as_ref().map_or(&[][..], ClientId::as_bytes);
    ClientKey::new(lease.hw_address.as_bytes(), client_id)
}

#[cfg(test)]
mod tests;
