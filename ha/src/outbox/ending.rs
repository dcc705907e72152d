//! What becomes of updates that were given out: answered, refused, lost, or not looked at; and of the replies that wait for
//! them. Pure but for its locks.

use engine::control::code;
use engine::lease::LeaseState;
use engine::pending::PendingReply;

use super::queue::{Finished, Update};
use super::{Outbox, PeerQueue, holder};
use crate::machine::{CallError, ClientKey, ToPartner, UpdateOutcome};
use crate::wire::request::LeaseNews;

impl Outbox {
    /// What became of each update of a batch that [`Outbox::turn`] gave out. What waits behind one that was lost fails
    /// with it, so that no other batch may go before: it would hang as well, and arrive behind a synchronisation.
    pub fn settle_batch(&self, peer: PeerQueue, settled: Vec<(Update, UpdateOutcome)>) {
        let mut due = Vec::new();
        for (update, outcome) in settled {
            self.settle_unsent(peer, &update, outcome, &mut due);
        }
        self.end_batch(peer);
        self.pending.release_all(due);
    }

    /// The partner did not look at a batch: the updates go again, each before what came for its address since.
    pub fn put_back(&self, peer: PeerQueue, batch: Vec<Update>) {
        let Some(side) = self.side(peer) else { return };
        let failed = side.state.lock().put_back(batch);
        self.fail(failed);
        self.end_batch(peer);
    }

    fn end_batch(&self, peer: PeerQueue) {
        if let Some(side) = self.side(peer) {
            side.state.lock().batch_under_way = false;
            side.wake.notify_one();
        }
    }

    /// What became of an update that [`Outbox::turn`] gave out. After a failure of communication with the peer
    /// what waits behind it fails, too; the leases are kept for later, for their outcome is not known.
    pub fn settle(&self, peer: PeerQueue, update: &Update, outcome: UpdateOutcome) {
        let mut due = Vec::new();
        self.settle_unsent(peer, update, outcome, &mut due);
        self.pending.release_all(due);
    }

    /// As [`Self::settle`]; the reply that may be sent now is put into `due`.
    fn settle_unsent(
        &self,
        peer: PeerQueue,
        update: &Update,
        outcome: UpdateOutcome,
        due: &mut Vec<PendingReply>,
    ) {
        let Some(side) = self.side(peer) else {
            return;
        };
        let lost = matches!(outcome, UpdateOutcome::Failure(CallError::Communication(_)));
        let is_promised = update.ticket.is_none() && update.lease.state == LeaseState::Assigned;
        let mut state = side.state.lock();
        state.lacks |= is_promised
            && update.news == LeaseNews::Stored
            && !lost
            && outcome != UpdateOutcome::Success;
        let Finished { more, abandoned, outdated } = state.queue.finish(update.lease.address);
        if outcome == UpdateOutcome::Success {
            state.gone.told(update);
            state.untold.told(update);
            state.greet_if_behind();
        }
        // Delayed updates that are on their way are over with the first that fails.
        let concerns_backlog = !abandoned && state.backlog.is_sending() && (update.delayed || lost);
        // A partner that does not agree gave the address itself.
        let disagrees = update.asks && outcome == UpdateOutcome::Conflict;
        let is_news = !(disagrees || lost && abandoned);
        // A backup that nobody waits for may be slow for once: what waits for it waits on.
        // What hung when the partner was given up says nothing of the partner that is back.
        let gives_up = (peer == PeerQueue::Partner || update.ticket.is_some()) && !abandoned;
        let mut behind = match lost && gives_up {
            true => state.lose((!outdated).then_some(update)),
            false => Vec::new(),
        };
        let lacks = matches!(peer, PeerQueue::Backup(_)) && outcome != UpdateOutcome::Success;
        if lacks && lost && !gives_up {
            // What it refuses it would refuse again.
            state.untold.note(update);
        }
        state.missed += behind.len() as u64 + u64::from(lacks);
        let backlog_sent = match &outcome {
            _ if !concerns_backlog => None,
            UpdateOutcome::Success => state.backlog.applied().then_some(Ok(())),
            failure => state.backlog.failed().then(|| Err(as_error(failure))),
        };
        if matches!(backlog_sent, Some(Err(_))) && state.policy.partner == ToPartner::Count {
            // What is left is counted anew.
            behind.extend(state.give_up_queue());
        }
        drop(state);
        if more {
            side.wake.notify_one();
        }
        match (update.ticket, &outcome) {
            (Some(ticket), UpdateOutcome::Success) => {
                due.extend(self.pending.acknowledge_unsent(ticket));
            }
            (Some(ticket), _) => self.pending.fail(ticket),
            (None, _) => {}
        }
        self.fail(behind);
        if let Some(result) = backlog_sent {
            self.tell(|observer| observer.backlog_sent(result));
        } else if peer == PeerQueue::Partner && !concerns_backlog && is_news {
            self.tell(|observer| observer.partner_updated(client_of(update), outcome));
        }
    }
}

/// The client of an update, as the table of refused clients knows it.
fn client_of(update: &Update) -> Option<ClientKey> {
    update.declined_by.clone().or_else(|| holder(&update.lease))
}

fn as_error(outcome: &UpdateOutcome) -> CallError {
    match outcome {
        UpdateOutcome::Failure(why) => why.clone(),
        UpdateOutcome::Conflict | UpdateOutcome::Success => {
            CallError::Refused { result: code::CONFLICT, text: "the lease is in conflict".into() }
        }
    }
}
