//! The client threads (*shell*): each empties the outbox over a connection of its own.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use engine::log;
use engine::stats::{Counter, Stats};

use super::client::{Connection, ExchangeError, Stop, Target};
use crate::half::errand::{Clerk, update_outcome};
use crate::limits::REQUEST_TIMEOUT;
use crate::machine::{CallError, UpdateOutcome};
use crate::outbox::{Greeted, Load, PeerQueue, Recall, Turn, Update};
use crate::wire::answer;
use crate::wire::request::{self, PartnerKind, lease_news};

/// What a client thread works with.
#[derive(Clone)]
pub(super) struct Courier {
    pub(super) clerk: Clerk,
    pub(super) peer: PeerQueue,
    pub(super) target: Target,
    pub(super) stats: Arc<Stats>,
    pub(super) stop: Stop,
}

impl Courier {
    /// Starts `number` threads, which end when the outbox is stopped.
    pub(super) fn start(&self, number: usize) -> io::Result<Vec<JoinHandle<()>>> {
        let spawn = |i: usize| {
            let connection = Connection::new(self.target.clone(), self.stop.clone())?;
            let courier = self.clone();
            let name = format!("ha-client-{i}");
            std::thread::Builder::new().name(name).spawn(move || courier.run(connection))
        };
        (0..number).map(spawn).collect()
    }

    fn run(&self, mut connection: Connection) {
        while let Some(turn) = self.clerk.half.outbox().turn(self.peer) {
            match turn {
                Turn::Send(Load::One(update), recall) => {
                    self.send(&mut connection, &update, recall)
                }
                Turn::Send(Load::Batch(updates), recall) => {
                    self.send_batch(&mut connection, updates, recall);
                }
                Turn::Greet => self.greet(&mut connection),
            }
            self.tell_missed();
        }
    }

    fn send_batch(&self, connection: &mut Connection, updates: Vec<Update>, recall: Recall) {
        let answer = self.clerk.half.batch_request(&updates).map(|body| {
            self.stats.count(Counter::HaBatches);
            self.stats.add(Counter::HaBatchedUpdates, updates.len() as u64);
            connection.exchange_unless(recall, body, REQUEST_TIMEOUT).map_err(CallError::from)
        });
        let answer = answer.as_ref().map(|answer| answer.as_deref().map_err(Clone::clone));
        let Some(settled) = self.clerk.end_batch(updates, answer, &self.stats) else { return };
        settled.iter().for_each(|(update, outcome)| self.tell(update, outcome));
        self.clerk.half.outbox().settle_batch(self.peer, settled);
    }

    fn send(&self, connection: &mut Connection, update: &Update, recall: Recall) {
        let half = &self.clerk.half;
        let mut ask = |kind| {
            let body = lease_news(update.news, &update.lease, kind);
            let answer = connection.exchange_unless(recall.clone(), body, REQUEST_TIMEOUT);
            update_outcome(answer.map_err(CallError::from).as_deref().map_err(Clone::clone))
        };
        let kind = half.kind_of(self.peer);
        let mut outcome = ask(kind);
        if half.refuses_state(self.peer, kind, update, &outcome) {
            outcome = ask(PartnerKind::Kea2);
        }
        self.tell(update, &outcome);
        self.clerk.half.outbox().settle(self.peer, update, outcome);
    }

    /// Asks a backup that missed updates whether it is there, and tells it what it missed if it is a Peregrine.
    fn greet(&self, connection: &mut Connection) {
        let half = &self.clerk.half;
        let body = request::heartbeat(half.server(), Some(&half.announced()));
        let answer = connection.exchange(body, REQUEST_TIMEOUT).map_err(CallError::from);
        let heard = answer.and_then(|body| Ok(answer::heartbeat(&body)?));
        let who = match heard {
            Ok(heard) if heard.announced.is_some() => Greeted::Peregrine,
            Ok(_) | Err(CallError::Refused { .. }) => Greeted::Kea,
            Err(_) => Greeted::Nobody,
        };
        let told = half.outbox().greeted(self.peer, who);
        if told > 0 {
            let (server, peer) = (half.server(), self.target.address);
            log!(
                PEREGRINE_HA_BACKUP_RETURNED,
                "{server}: {peer} is told {told} leases that changed while it did not answer"
            );
        }
    }

    /// The partner is synchronised when it missed something; a backup is told later if it is a Peregrine, and fetches
    /// everything if it is not.
    fn tell_missed(&self) {
        let missed = self.clerk.half.outbox().take_missed(self.peer);
        if missed > 0 && matches!(self.peer, PeerQueue::Backup(_)) {
            let (server, peer) = (self.clerk.half.server(), self.target.address);
            self.stats.add(Counter::HaBackupMissed, missed);
            log!(PEREGRINE_HA_BACKUP_BEHIND, "{server}: {peer} misses {missed} lease updates more");
        }
    }

    fn tell(&self, update: &Update, outcome: &UpdateOutcome) {
        let (server, peer, address) =
            (self.clerk.half.server(), self.target.address, update.lease.address);
        match outcome {
            UpdateOutcome::Success => {}
            UpdateOutcome::Conflict => {
                log!(
                    HA_LEASE_UPDATE_CONFLICT,
                    "{server}: update of lease {address} is in conflict at {peer}"
                );
            }
            UpdateOutcome::Failure(CallError::Communication(why)) => {
                log!(
                    HA_LEASE_UPDATE_COMMUNICATIONS_FAILED,
                    "{server}: update of lease {address}: {why}"
                );
            }
            UpdateOutcome::Failure(why) => {
                log!(
                    HA_LEASE_UPDATE_FAILED,
                    "{server}: update of lease {address} at {peer}: {why}"
                );
            }
        }
    }
}

impl From<ExchangeError> for CallError {
    fn from(why: ExchangeError) -> Self {
        CallError::Communication(why.to_string())
    }
}
