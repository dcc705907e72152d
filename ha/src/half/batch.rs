//! Batches of lease updates between two Peregrines, on both sides: written and settled for the outbox, taken in for the
//! partner. Pure but for the log and what it is given.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::clock::Mono;
use engine::control::leases::{LeaseCommands, Taken};
use engine::control::{Answer, Channel, Command, Registry, code};
use engine::log;
use serde_json::{Value, json};

use super::commands::named;
use super::{Half, Halves};
use crate::family::Lease;
use crate::limits::MAX_REQUEST;
use crate::machine::{
    Announced, CallError, Incarnation, Mode, Offset, Relationship, UpdateOutcome,
};
use crate::outbox::{PeerQueue, Update};
use crate::stream::{Arrival, Stamp};
use crate::wire::batch::{self, Batch, Outcome};
use crate::wire::request::LeaseNews;

/// Milliseconds by which the difference of the clocks may move without being another.
const STEADY_MS: u64 = 2_000;

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
    pub(crate) fn see_announced(&self, announced: Option<&Announced>, offset: Option<Offset>) {
        self.reckon(announced, offset);
        self.compare(announced);
        self.tell_of_shared_pools(announced);
        if let Some(announced) = announced {
            self.stream.lock().answered_by(announced, self.clock().now().mono);
        }
        let mut addressee = self.addressee.lock();
        let able = announced.filter(|it| it.batches).map(|it| it.incarnation);
        let takes = able.filter(|it| addressee.refused != Some(*it));
        if std::mem::replace(&mut addressee.takes, takes) != takes {
            self.outbox().set_batches(takes.is_some());
        }
    }

    /// A Kea gives any address of a pool that is open to both servers' clients, and so does this server beside it.
    fn tell_of_shared_pools(&self, announced: Option<&Announced>) {
        let shares = self.gate().shares_pools()
            && self.gate().peers().mode() == Mode::LoadBalancing
            && announced.is_none_or(|it| !it.halves);
        if shares && !self.told_of_pools.swap(true, Ordering::AcqRel) {
            log!(PEREGRINE_HA_POOLS_SHARED, "{}: the partner is a Kea", self.server());
        }
        if !shares {
            self.told_of_pools.store(false, Ordering::Release);
        }
    }

    /// Holds the partner's configuration against ours. A difference is told once, and when it is another.
    fn compare(&self, announced: Option<&Announced>) {
        let theirs = announced.and_then(|it| it.agreement.as_ref());
        let ours = self.agreement.lock().clone();
        let both = ours.zip(theirs);
        let drift = both.map_or_else(Vec::new, |(ours, theirs)| ours.differences(theirs));
        let before = std::mem::replace(&mut *self.drift.lock(), drift.clone());
        if drift == before {
            return;
        }
        let (server, keys) = (self.server(), drift.join(", "));
        if drift.is_empty() {
            log!(PEREGRINE_HA_CONFIG_AGREES, "{server}: the configurations agree again");
        } else {
            log!(
                PEREGRINE_HA_CONFIG_DRIFT,
                "{server}: the partner's configuration differs in {keys}"
            );
        }
    }

    /// The request for a batch; none if the partner takes no batches any more, or this one is too large to be one.
    pub(crate) fn batch_request(&self, updates: &[Update]) -> Option<String> {
        self.batch_of(updates.iter().map(|update| (update.news, &update.lease, update.asks)))
    }

    /// As [`Self::batch_request`], for what is no update of the outbox.
    pub(crate) fn batch_of<'a>(
        &self,
        leases: impl Iterator<Item = (LeaseNews, &'a Lease, bool)>,
    ) -> Option<String> {
        let stamp = {
            let mut addressee = self.addressee.lock();
            let to = addressee.takes?;
            addressee.last += 1;
            Stamp { from: self.incarnation, to, number: addressee.last }
        };
        let body = batch::request(self.server(), stamp, self.clock().now(), leases);
        (body.len() <= MAX_REQUEST).then_some(body)
    }

    /// What the answer to a batch says of each update: a refused lease concerns its own client; without an answer nobody's
    /// reply is sent. None if the batch was not taken, and its updates go again, singly if the partner takes no batches. `answer`
    /// is none if nothing was sent.
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
            Some(Ok(Outcome::Overtaken)) => {
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
    pub(crate) fn stop_batches(&self) {
        let mut addressee = self.addressee.lock();
        if let Some(run) = addressee.takes.take() {
            addressee.refused = Some(run);
            log!(PEREGRINE_HA_BATCHES_REFUSED, "{}: updates go singly from now on", self.server());
        }
        self.outbox().set_batches(false);
    }
}

/// The clocks.
impl Half {
    /// How far the partner's clock is ahead by what it announced in its answer to what was `asked` then.
    pub(crate) fn offset(&self, asked: Mono, announced: Option<&Announced>) -> Option<Offset> {
        let theirs_ms = i64::try_from(announced?.wall_ms?).ok()?;
        let ours_ms = i64::try_from(self.clock().wall_ms()).ok()?;
        let way_ms = u64::try_from(self.clock().now().mono.since(asked).as_millis()).ok()?;
        let within_ms = way_ms.div_ceil(2);
        let then_ms = ours_ms.saturating_sub_unsigned(within_ms);
        Some(Offset { ms: theirs_ms.saturating_sub(then_ms), within_ms })
    }

    /// Reckons with the difference of the clocks from now on, if both servers do. Small changes of it are none: a time
    /// that is turned into ours is the same each time.
    fn reckon(&self, announced: Option<&Announced>, offset: Option<Offset>) {
        let both = self.tolerates_skew && announced.is_some_and(|it| it.tolerates_skew);
        let ahead_s = self.ahead_s.load(Ordering::Acquire);
        let new_s = match offset.filter(|_| both) {
            Some(Offset { ms, within_ms }) => {
                let moved = (ms - ahead_s * 1000).unsigned_abs();
                if moved > STEADY_MS + within_ms { (ms + 500).div_euclid(1000) } else { ahead_s }
            }
            None if both => ahead_s,
            None => 0,
        };
        self.ahead_s.store(new_s, Ordering::Release);
    }

    /// A time by the partner's clock as ours has it.
    pub(crate) fn in_our_time(&self, theirs_s: u64) -> u64 {
        theirs_s.saturating_add_signed(-self.ahead_s.load(Ordering::Acquire))
    }
}

impl Half {
    /// Whether the sender of a batch does not wait for its answer any more.
    pub(super) fn is_given_up(&self, batch: &Batch<'_>) -> bool {
        let now = self.clock().now().mono;
        let given_up = |sent_ms| self.stream.lock().is_given_up(batch.stamp.from, sent_ms, now);
        batch.sent_ms.is_some_and(given_up)
    }
}

/// Registers the command by which partners send batches.
pub(crate) fn register(halves: &Halves, leases: &LeaseCommands, registry: &Registry) {
    let (halves, leases) = (Arc::clone(halves), leases.clone());
    registry.register(batch::COMMAND, move |command| {
        let halves = halves.load();
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
    if half.is_given_up(&batch) {
        half.act(Relationship::handle_given_up);
        let text = "a batch that was on its way for longer than its sender waits for it";
        return Err(Answer::error(text).coded(batch::LATE));
    }
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
    let each = apply(half, leases, &batch, command.channel);
    let maps: Vec<_> = batch.updates.iter().map(|(_, map)| *map).collect();
    let answer = batch::answer(&each, half.held_instead(leases, &maps, &each));
    half.stream.lock().done(batch.stamp, &answer);
    Ok(answer)
}

/// Takes the updates over, and writes all of them at once.
fn apply(half: &Half, leases: &LeaseCommands, batch: &Batch<'_>, channel: Channel) -> Vec<Answer> {
    let sent_s = half.in_our_time(batch.sent_s);
    let each = batch.updates.iter().map(|(news, map)| {
        let mut map = (*map).clone();
        map.insert("origin".into(), json!("ha-partner"));
        let remaining = map.remove("remaining").as_ref().and_then(Value::as_i64);
        if let Some(expire) = remaining.map(|s| sent_s.saturating_add_signed(s)) {
            map.insert("expire".into(), json!(expire));
        }
        match news {
            LeaseNews::Deleted => leases.take_deletion(&Value::Object(map), channel),
            LeaseNews::Stored => {
                map.insert("force-create".into(), json!(true));
                leases.take_update(&Value::Object(map), channel)
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
