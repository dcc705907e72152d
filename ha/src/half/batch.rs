//! Batches of lease updates between two Peregrines, on both sides: written and settled for the outbox, taken in for the
//! partner. Pure but for the log and what it is given.

use std::sync::Arc;

use engine::control::leases::{LeaseCommands, Taken};
use engine::control::{Answer, Command, Registry, code};
use engine::log;
use serde_json::{Value, json};

use super::Half;
use super::commands::named;
use crate::limits::MAX_REQUEST;
use crate::machine::{Announced, CallError, Incarnation, UpdateOutcome};
use crate::outbox::{PeerQueue, Update};
use crate::stream::{Arrival, Stamp};
use crate::wire::batch::{self, Batch, Outcome};
use crate::wire::request::LeaseNews;

/// The partner as the sender of batches knows it.
#[derive(Debug, Default)]
pub(super) struct Addressee {
    /// The run that takes batches.
    takes: Option<Incarnation>,
    /// The run that announced it and did not.
    refused: Option<Incarnation>,
    /// The number of the last batch.
    last: u64,
}

/// The sender's side.
impl Half {
    /// What the partner announced in its answer to a heartbeat; none if it is a Kea.
    pub(crate) fn see_announced(&self, announced: Option<&Announced>) {
        if let Some(announced) = announced {
            self.stream.lock().answered_by(announced.incarnation);
        }
        let mut addressee = self.addressee.lock();
        let able = announced.filter(|it| it.batches).map(|it| it.incarnation);
        let takes = able.filter(|it| addressee.refused != Some(*it));
        if std::mem::replace(&mut addressee.takes, takes) != takes {
            self.outbox().set_batches(takes.is_some());
        }
    }

    /// The request for a batch; none if the partner takes no batches any more, or this one is too large to be one.
    pub(crate) fn batch_request(&self, updates: &[Update]) -> Option<String> {
        let stamp = {
            let mut addressee = self.addressee.lock();
            let to = addressee.takes?;
            addressee.last += 1;
            Stamp { from: self.incarnation, to, number: addressee.last }
        };
        let leases = updates.iter().map(|update| (update.news, &update.lease));
        let body = batch::request(self.server(), stamp, leases);
        (body.len() <= MAX_REQUEST).then_some(body)
    }

    /// What the answer to a batch says of each update: a refused lease concerns its own client; without an answer nobody's
    /// reply is sent. None if the batch was not taken, and its updates go again singly. `answer` is none if nothing was sent.
    pub(crate) fn end_batch(
        &self,
        updates: Vec<Update>,
        answer: Option<Result<&[u8], CallError>>,
    ) -> Option<Vec<(Update, UpdateOutcome)>> {
        let answer =
            answer.map(|answer| answer.and_then(|body| Ok(batch::outcome(body, updates.len())?)));
        match answer {
            None | Some(Ok(Outcome::NotTaken)) => {
                self.stop_batches();
                self.outbox().put_back(PeerQueue::Partner, updates);
                None
            }
            Some(Ok(Outcome::Each(each))) => {
                let outcomes = each.into_iter().map(UpdateOutcome::from);
                Some(updates.into_iter().zip(outcomes).collect())
            }
            Some(Err(why)) => {
                let failed = |update| (update, UpdateOutcome::Failure(why.clone()));
                Some(updates.into_iter().map(failed).collect())
            }
        }
    }

    /// The partner is another than the one that announced that it takes them: until a new run of it does.
    fn stop_batches(&self) {
        let mut addressee = self.addressee.lock();
        if let Some(run) = addressee.takes.take() {
            addressee.refused = Some(run);
            log!(PEREGRINE_HA_BATCHES_REFUSED, "{}: updates go singly from now on", self.server());
        }
        self.outbox().set_batches(false);
    }
}

/// Registers the command by which partners send batches.
pub(crate) fn register(halves: &[Arc<Half>], leases: &LeaseCommands, registry: &Registry) {
    let (halves, leases): (Arc<[Arc<Half>]>, _) = (halves.into(), leases.clone());
    registry.register(batch::COMMAND, move |command| {
        let half = named(&halves, command).or_else(|| halves.first());
        let half = half.expect("a server with this has a relationship");
        take_in(half, &leases, command).unwrap_or_else(|refusal| refusal)
    });
}

fn take_in(half: &Half, leases: &LeaseCommands, command: &Command<'_>) -> Result<Answer, Answer> {
    let batch = batch::read(command.arguments)?;
    // One batch at a time: the order in which they are looked at is the one in which they are done. Heartbeats do not
    // wait for that.
    let _turn = half.taking.lock();
    let arrival = half.stream.lock().arrive(batch.stamp);
    match arrival {
        Arrival::New => {}
        Arrival::Again(answer) => return Ok(answer),
        Arrival::Late => {
            return Err(Answer::error("a newer batch came before this one").coded(batch::LATE));
        }
        Arrival::OfPastRun => {
            let text = "a batch of an earlier run of this partner";
            return Err(Answer::error(text).coded(batch::LATE));
        }
        Arrival::Unknown => {
            let text = "a batch for another run of this server, or of an unknown one";
            return Err(Answer::error(text).coded(code::UNSUPPORTED));
        }
    }
    let answer = batch::answer(&apply(leases, &batch));
    half.stream.lock().done(batch.stamp, &answer);
    Ok(answer)
}

/// Takes the updates over, and writes all of them at once.
fn apply(leases: &LeaseCommands, batch: &Batch<'_>) -> Vec<Answer> {
    let each = batch.updates.iter().map(|(news, map)| {
        let mut map = (*map).clone();
        map.insert("origin".into(), json!("ha-partner"));
        match news {
            LeaseNews::Deleted => leases.take_deletion(&Value::Object(map)),
            LeaseNews::Stored => {
                map.insert("force-create".into(), json!(true));
                leases.take_update(&Value::Object(map))
            }
        }
    });
    let each: Vec<Taken> = each.collect();
    let last = each.iter().filter_map(|taken| taken.change).max();
    let written = last.map_or(Ok(()), |number| (leases.written)(number));
    let answer = |taken: Taken| match (&written, taken.change) {
        (Err(why), Some(_)) => Answer::error(format!("the lease file was not written: {why}")),
        _ => taken.answer,
    };
    each.into_iter().map(answer).collect()
}
