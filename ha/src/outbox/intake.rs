//! What changes in the store, on its way into the queues (implements [`Replication`]): queued, kept for later or only counted
//! for the partner, as the machine's policy says, and queued for the backups. Pure but for its locks.

use engine::lease::{Change, ChangeKind, LeaseState, Origin};
use engine::seam::Replication;
use engine::sync::MutexGuard;
use engine::sync::atomic::Ordering;

use super::queue::Update;
use super::state::State;
use super::{Outbox, Side, holder};
use crate::family::Address;
use crate::machine::{ClientKey, ToBackups, ToPartner};
use crate::wire::request::LeaseNews;

impl Replication for Outbox {
    fn queue(&self, change: &Change<'_>) {
        let news = match change.kind {
            ChangeKind::Added | ChangeKind::Updated => LeaseNews::Stored,
            ChangeKind::Deleted => LeaseNews::Deleted,
        };
        let Change { number, lease, .. } = *change;
        let asks = matches!(change.origin, Origin::Asking(_));
        let update = |ticket| Update {
            number,
            news,
            lease: lease.clone(),
            declined_by: declined_by(change),
            ticket,
            delayed: false,
            asks,
        };
        let ticket = match change.origin {
            Origin::Client(ticket) => ticket,
            Origin::Asking(ticket) => Some(ticket),
            Origin::Partner => {
                self.outdate_for_backups(lease.address);
                return self.outdate(lease.address);
            }
            Origin::Administrator => return self.note_deletion(update(None)),
            Origin::Reclamation | Origin::Load => return,
        };
        let update = update(ticket);
        for side in &self.backups {
            self.queue_for_backup(side, update.clone());
        }
        if let Some(side) = &self.partner {
            self.queue_for_partner(side, update);
        }
    }
}

impl Outbox {
    fn queue_for_partner(&self, side: &Side, update: Update) {
        let mut state = side.state.lock();
        if update.asks && !(state.batches && state.policy.partner == ToPartner::Send) {
            // Nobody can be asked: nobody is promised the address, so nobody is told.
            drop(state);
            return self.fail(update.ticket);
        }
        let full = match state.policy.partner {
            ToPartner::Nothing => false,
            ToPartner::Count => {
                // A lease that ends with the grant of another is part of the same exchange.
                if update.news == LeaseNews::Stored || update.ticket.is_none() {
                    self.unsent.fetch_add(1, Ordering::AcqRel);
                }
                state.late.outdate(update.lease.address);
                state.give_up(update.clone());
                if update.news == LeaseNews::Stored && !self.service.is_enabled() {
                    // The client asks again: no promise is given that the partner may not hear of.
                    let ticket = update.ticket;
                    // What finds no room was promised to nobody.
                    let _ = state.late.keep(update);
                    drop(state);
                    self.fail(ticket);
                }
                false
            }
            ToPartner::Queue if state.backlog.is_sending() => {
                self.push(side, state, Update { ticket: None, ..update })
            }
            ToPartner::Queue => {
                state.delay(update);
                let overflowed = state.backlog.has_overflowed() && !state.untold.is_whole();
                drop(state);
                if overflowed {
                    self.tell(|observer| observer.backlog_overflowed());
                }
                false
            }
            ToPartner::Send => {
                state.backlog.outdate(update.lease.address);
                state.gone.outdate(update.lease.address);
                state.untold.outdate(update.lease.address);
                self.push(side, state, update)
            }
        };
        if full {
            self.tell(|observer| observer.queue_is_full());
        }
    }

    /// The partner has a newer version of the lease than any that is kept for it, waits for it or is under way to it.
    fn outdate(&self, address: Address) {
        if let Some(side) = &self.partner {
            let mut state = side.state.lock();
            state.outdate(address);
            let outdated = state.queue.outdate(address);
            drop(state);
            self.fail(outdated.into_iter().filter_map(|update| update.ticket));
        }
    }

    /// Administrators tell each server themselves, but not one that is away.
    fn note_deletion(&self, update: Update) {
        if let Some(side) = &self.partner {
            let mut state = side.state.lock();
            if state.policy.partner == ToPartner::Count {
                state.give_up(update);
            }
        }
    }

    /// A backup whose queue is full misses updates, as one does that does not answer.
    fn queue_for_backup(&self, side: &Side, update: Update) {
        let state = side.state.lock();
        match state.policy.backups {
            ToBackups::Nothing => {}
            ToBackups::Send => drop(self.push(side, state, Update { ticket: None, ..update })),
            ToBackups::SendAndWait => drop(self.push(side, state, update)),
        }
    }

    /// Queues an update, or fails it at once; says whether the queue was full.
    fn push(&self, side: &Side, mut state: MutexGuard<'_, State>, update: Update) -> bool {
        let ticket = update.ticket;
        if let Some(ticket) = ticket {
            self.pending.expect(ticket);
        }
        let stopped = state.stopped;
        if state.is_backup && state.queue.is_full() {
            state.untold.note(&update);
        } else if state.is_backup {
            state.untold.outdate(update.lease.address);
        }
        let pushed = !stopped && state.queue.push(update);
        // Whoever has the batch that is under way takes the next.
        let gathers = state.batch_under_way;
        state.missed += u64::from(!pushed);
        drop(state);
        if pushed {
            if !gathers {
                side.wake.notify_one();
            }
            return false;
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.fail(ticket);
        !stopped
    }
}

/// The client that held the lease until it declined the address.
fn declined_by(change: &Change<'_>) -> Option<ClientKey> {
    let declined = change.lease.state == LeaseState::Declined;
    change.before.filter(|_| declined).and_then(holder)
}
