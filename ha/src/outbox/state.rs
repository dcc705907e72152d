//! What is kept for one peer: its queue, and for the partner what it is told later. Pure.

use std::sync::Arc;

use engine::pending::Ticket;
use engine::stats::{Counter, Stats};

use super::Load;
use super::backlog::Backlog;
use super::gone::Gone;
use super::queue::{Queue, Update};
use crate::limits::{MAX_BATCH, MAX_KEPT_DELETIONS, MAX_LATE_UPDATES, MAX_QUEUED_UPDATES};
use crate::machine::{CallError, ToPartner, UpdatePolicy};

/// The updates for one peer.
pub(super) struct State {
    pub(super) queue: Queue,
    pub(super) backlog: Backlog,
    /// What changed while the service was off and the partner not told: a worker may have been at it when the
    /// partner began to fetch our leases, after the page that would have shown it. Nobody was promised it.
    pub(super) late: Backlog,
    pub(super) gone: Gone,
    pub(super) policy: UpdatePolicy,
    pub(super) stopped: bool,
    /// The peer takes batches, one after the other.
    pub(super) batches: bool,
    /// One is under way.
    pub(super) batch_under_way: bool,
    /// Updates that a backup was not told of, since somebody asked.
    pub(super) missed: u64,
    stats: Arc<Stats>,
}

impl State {
    pub(super) fn new(delayed_updates_limit: usize, stats: Arc<Stats>) -> Self {
        Self {
            queue: Queue::new(MAX_QUEUED_UPDATES),
            backlog: Backlog::new(delayed_updates_limit),
            late: Backlog::new(MAX_LATE_UPDATES),
            gone: Gone::new(MAX_KEPT_DELETIONS),
            policy: UpdatePolicy::default(),
            stopped: false,
            batches: false,
            batch_under_way: false,
            missed: 0,
            stats,
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
            ToPartner::Send | ToPartner::Queue => self.backlog.keep(update),
        };
        left.into_iter().for_each(|update| self.give_up(update));
    }

    /// The partner is not told of an update: it will see what there is when it synchronises, not what is gone.
    pub(super) fn give_up(&mut self, update: Update) {
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
        let under_way = self.queue.abandon();
        let drained = self.queue.drain();
        let tickets = drained.iter().filter_map(|update| update.ticket).collect();
        under_way.into_iter().chain(drained).for_each(|update| self.give_up(update));
        tickets
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

    /// Puts the deletions into the queue, as any other update.
    pub(super) fn send_gone(&mut self) {
        for update in self.gone.take() {
            // A full queue would have failed any other update, too.
            let _ = self.queue.push(Update { delayed: false, ..update });
        }
    }

    /// Puts the delayed updates into the queue; says how it ended if it has.
    pub(super) fn send_backlog(&mut self) -> Option<Result<(), CallError>> {
        let updates = self.backlog.start();
        self.send_delayed(updates)
    }

    /// Puts the deletions into the queue, as delayed updates; says how it ended if it has.
    pub(super) fn send_deletions(&mut self) -> Option<Result<(), CallError>> {
        let updates = self.gone.take();
        self.backlog.join(updates.len());
        self.send_delayed(updates)
    }

    fn send_delayed(&mut self, updates: Vec<Update>) -> Option<Result<(), CallError>> {
        if updates.is_empty() {
            return Some(Ok(()));
        }
        let pushed = updates.into_iter().map(|update| self.queue.push(update));
        let refused = pushed.filter(|taken| !taken).count();
        (refused > 0 && self.backlog.failed())
            .then(|| Err(CallError::Communication("the queue to the partner is full".to_owned())))
    }
}
