//! What is kept for one peer: its queue, and for the partner what it is told later. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::pending::Ticket;
use engine::stats::{Counter, Stats};

use super::Load;
use super::backlog::Backlog;
use super::behind::Greeting;
use super::gone::Gone;
use super::queue::{Queue, Update};
use super::untold::Untold;
use crate::family::Address;
use crate::limits::{MAX_BATCH, MAX_KEPT_DELETIONS, MAX_LATE_UPDATES, MAX_QUEUED_UPDATES};
use crate::machine::{CallError, ToPartner, UpdatePolicy};
use crate::wire::request::LeaseNews;

/// How much is kept for a peer that is silent.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `delayed-updates-limit`.
    pub delayed_updates: usize,
    /// Addresses whose newest change is kept for a Peregrine, a backup as well.
    pub untold: usize,
}

/// The updates for one peer.
pub(super) struct State {
    pub(super) queue: Queue,
    pub(super) backlog: Backlog,
    /// What changed while the service was off and the partner not told: a worker may have been at it when the
    /// partner began to fetch our leases, after the page that would have shown it. Nobody was promised it.
    pub(super) late: Backlog,
    pub(super) gone: Gone,
    pub(super) untold: Untold,
    /// It refused a lease that its client has already been promised.
    pub(super) lacks: bool,
    pub(super) policy: UpdatePolicy,
    pub(super) stopped: bool,
    /// The peer takes batches, one after the other.
    pub(super) batches: bool,
    /// One is under way.
    pub(super) batch_under_way: bool,
    /// Updates that a backup was not told of, since somebody asked.
    pub(super) missed: u64,
    pub(super) is_backup: bool,
    pub(super) greeting: Greeting,
    stats: Arc<Stats>,
}

impl State {
    pub(super) fn new(limits: Limits, stats: &Arc<Stats>) -> Self {
        Self {
            queue: Queue::new(MAX_QUEUED_UPDATES),
            backlog: Backlog::new(limits.delayed_updates),
            late: Backlog::new(MAX_LATE_UPDATES),
            gone: Gone::new(MAX_KEPT_DELETIONS),
            untold: Untold::new(limits.untold),
            lacks: false,
            policy: UpdatePolicy::default(),
            stopped: false,
            batches: false,
            batch_under_way: false,
            missed: 0,
            is_backup: false,
            greeting: Greeting::default(),
            stats: Arc::clone(stats),
        }
    }

    /// The next that may be sent, if anything may; a batch once no other is under way.
    pub(super) fn take(&mut self) -> Option<Load> {
        if !self.batches {
            return self.queue.take().map(Load::One);
        }
        if self.batch_under_way {
            return None;
        }
        let batch: Vec<_> = std::iter::from_fn(|| self.queue.take()).take(MAX_BATCH).collect();
        self.batch_under_way = !batch.is_empty();
        self.batch_under_way.then_some(Load::Batch(batch))
    }

    /// The peer did not look at what was under way: it goes again, or later. Gives the tickets of what does not go any
    /// more.
    pub(super) fn put_back(&mut self, batch: Vec<Update>) -> Vec<Ticket> {
        let mut failed = Vec::new();
        for update in batch.into_iter().rev() {
            failed.extend(self.queue.put_back(update).and_then(|update| update.ticket));
        }
        if self.policy.partner != ToPartner::Send && !self.backlog.is_sending() {
            failed.extend(self.lose(None));
        }
        failed
    }

    /// The partner is told of an update later, by the update itself or at least of a deletion.
    pub(super) fn delay(&mut self, update: Update) {
        let left = match self.policy.partner {
            // Nothing is delayed until the partner has synchronised.
            ToPartner::Count | ToPartner::Nothing => Some(update),
            // It is told once the partner is heard again, in whatever state that finds this server.
            ToPartner::Send if self.untold.run().is_some() => Some(update),
            ToPartner::Send | ToPartner::Queue => self.backlog.keep(update),
        };
        left.into_iter().for_each(|update| self.give_up(update));
    }

    /// The partner is not told of an update: it will see what there is when it synchronises, not what is gone.
    pub(super) fn give_up(&mut self, update: Update) {
        self.untold.note(&update);
        if !self.gone.note(update) {
            self.stats.count(Counter::HaDeletionsForgotten);
        }
    }

    /// Gives the delayed updates up.
    pub(super) fn drop_backlog(&mut self) {
        self.backlog.take().into_iter().for_each(|update| self.give_up(update));
    }

    /// Gives up what is queued or under way; gives the tickets of what was queued.
    pub(super) fn give_up_queue(&mut self) -> Vec<Ticket> {
        for update in self.queue.abandon() {
            self.untold.note(&update);
            if update.news == LeaseNews::Deleted {
                self.give_up(update);
            }
        }
        let drained = self.queue.drain();
        let tickets = drained.iter().filter_map(|update| update.ticket).collect();
        drained.into_iter().for_each(|update| self.give_up(update));
        tickets
    }

    /// The lease of an address has a newer version at the partner than any that is kept for it.
    pub(super) fn outdate(&mut self, address: Address) {
        self.backlog.outdate(address);
        self.late.outdate(address);
        self.gone.outdate(address);
        self.untold.outdate(address);
    }

    /// The peer fell silent, over `update` if that is still of use: gives the tickets of what waited behind it.
    pub(super) fn lose(&mut self, update: Option<&Update>) -> Vec<Ticket> {
        let behind = self.queue.drain();
        let tickets = behind.iter().filter_map(|update| update.ticket).collect();
        for update in update.cloned().into_iter().chain(behind) {
            self.delay(update);
        }
        tickets
    }

    /// Puts what changed too late for the partner's synchronisation into the queue.
    pub(super) fn send_late(&mut self) {
        for update in self.late.take() {
            // A full queue would have failed any other update, too.
            let _ = self.queue.push(Update { delayed: false, ..update });
        }
    }

    /// Puts the deletions into the queue, and what else the partner was not told, as any other update.
    pub(super) fn send_gone(&mut self) {
        for update in newest(self.gone.take().into_iter().chain(self.untold.take())) {
            // A full queue would have failed any other update, too.
            let _ = self.queue.push(Update { delayed: false, ..update });
        }
    }

    /// Puts what a backup missed into the queue, and says how much that is.
    pub(super) fn send_missed(&mut self) -> usize {
        let missed = self.untold.take();
        let number = missed.len();
        self.stats.add(Counter::HaResent, number as u64);
        for update in missed {
            let update = Update { delayed: false, ..update };
            if self.queue.is_full() {
                self.untold.note(&update);
            } else {
                // It has room.
                let _ = self.queue.push(update);
            }
        }
        number - self.untold.len()
    }

    /// Puts the delayed updates into the queue, and what else the partner was not told; says how it ended if it has.
    pub(super) fn send_backlog(&mut self) -> Option<Result<(), CallError>> {
        let kept = self.backlog.start();
        if self.untold.run().is_none() {
            return self.send_delayed(kept);
        }
        let updates = newest(kept.into_iter().chain(self.untold.take()));
        self.backlog.expect(updates.len());
        self.send_delayed(updates)
    }

    /// Puts what the partner was not told into the queue, as delayed updates: the deletions, and if one of its runs is
    /// followed, all else. Says how it ended if it has.
    pub(super) fn send_untold(&mut self) -> Option<Result<(), CallError>> {
        let updates = newest(self.gone.take().into_iter().chain(self.untold.take()));
        self.backlog.join(updates.len());
        self.send_delayed(updates)
    }

    fn send_delayed(&mut self, updates: Vec<Update>) -> Option<Result<(), CallError>> {
        if updates.is_empty() {
            return (!self.backlog.is_sending()).then_some(Ok(()));
        }
        self.stats.add(Counter::HaResent, updates.len() as u64);
        let mut refused = false;
        for update in updates {
            if !self.queue.push(update.clone()) {
                refused = true;
                self.give_up(update);
            }
        }
        (refused && self.backlog.failed())
            .then(|| Err(CallError::Communication("the queue to the partner is full".to_owned())))
    }
}

/// The newest update of each address, in the order of the changes.
fn newest(updates: impl Iterator<Item = Update>) -> Vec<Update> {
    let mut newest = BTreeMap::<Address, Update>::new();
    for update in updates {
        let address = update.lease.address;
        if newest.get(&address).is_none_or(|kept| kept.number <= update.number) {
            newest.insert(address, update);
        }
    }
    let mut updates: Vec<_> = newest.into_values().collect();
    updates.sort_by_key(|update| update.number);
    updates
}
