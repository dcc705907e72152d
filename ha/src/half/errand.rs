//! Errands: what the machine wants to be asked of a peer, request by request. Pure but for the half that it serves.
//! Must not know how requests travel: [`Clerk::ask`] gives the next body, [`Clerk::handle`] takes its answer, until
//! the errand is over and the machine knows how it ended.

use std::collections::VecDeque;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use engine::clock::Mono;
use engine::lease::{ChangeNumber, LeaseStore};

use super::{Half, Job};
use crate::family::Lease;
use crate::limits::{MAX_BATCH, PROBE_TIMEOUT, REQUEST_TIMEOUT};
use crate::machine::sync::{Reply, Request, Transfer};
use crate::machine::{
    Announced, CallError, Notification, NotifyAnswer, PartnerStatus, State, UpdateOutcome,
};
use crate::wire::answer::{self, AnswerError};
use crate::wire::batch::{self, Outcome};
use crate::wire::request::{self, LeaseNews};

mod ahead;
mod page;

/// Leases that are taken from the store at a time.
const SLICE: usize = 1024;

/// Writes the lease file up to a change, or says why not.
pub type Flush = Arc<dyn Fn(ChangeNumber) -> Result<(), String> + Send + Sync>;

/// An errand under way, one request at a time.
#[derive(Clone, Debug)]
pub(crate) enum Errand {
    Heartbeat {
        /// Its answer was stale, and it is asked again.
        again: bool,
        /// When it was asked.
        asked: Mono,
    },
    Probe,
    Reset,
    Maintenance(Notification),
    Sync(Box<Synchronisation>),
}

/// A synchronisation under way.
#[derive(Clone, Debug)]
pub(crate) struct Synchronisation {
    /// The place of the peer.
    server: usize,
    transfer: Transfer,
    /// The peer goes on serving.
    serving: bool,
    trust: Trust,
    /// Our last change before the page that is asked for.
    since: ChangeNumber,
    /// What the peer is to be told of the leases in the pages so far.
    owed: VecDeque<(LeaseNews, Lease)>,
    /// There was such a lease.
    tells: bool,
    /// The page that is asked for before its turn.
    ahead: Option<ahead::Ahead>,
    /// The batch of so many of these that is about to be sent.
    telling: Option<(String, usize)>,
    /// For how long the peer's service is switched off, and since when.
    period: Option<Duration>,
    disabled: Mono,
    /// It is about to be switched off again, as what is owed takes its time.
    renewing: bool,
}

/// Whose version of a lease counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// The newer one. What the peer lacks stays as it is.
    Newer,
    /// The newer one, for both: the peer is told what it lacks.
    BothWays,
    /// The peer's, unless ours came since. What it lacks is deleted here.
    Theirs,
}

impl Synchronisation {
    /// The peer is not heard any more.
    fn fail(&mut self, why: CallError) {
        self.owed.clear();
        self.transfer.handle(Err(why));
    }
}

impl Errand {
    /// The place of the peer that it goes to; the partner if none.
    pub(crate) const fn server(&self) -> Option<usize> {
        match self {
            Errand::Sync(sync) => Some(sync.server),
            _ => None,
        }
    }
}

/// Writes the requests and reads the answers.
#[derive(Clone)]
pub(crate) struct Clerk {
    pub(crate) half: Arc<Half>,
    pub(crate) store: Arc<dyn LeaseStore>,
    pub(crate) flush: Flush,
    /// At least 1.
    pub(crate) page_limit: u32,
}

impl Clerk {
    /// The errand for a job; none for the last one.
    pub(crate) fn begin(&self, job: Job) -> Option<Errand> {
        Some(match job {
            Job::End => return None,
            Job::Heartbeat => Errand::Heartbeat { again: false, asked: self.mono() },
            Job::Probe => Errand::Probe,
            Job::Reset => Errand::Reset,
            Job::Maintenance(sent) => Errand::Maintenance(sent),
            Job::Sync(order) => {
                let limit = self.page_limit as usize;
                let transfer = match order.serving {
                    true => Transfer::while_serving(limit),
                    false => Transfer::new(limit, order.max_period_s),
                };
                let trust = match order.administrator {
                    // At any time, while updates are on their way.
                    true => Trust::Newer,
                    // Clocks that are far apart do not say which version is the newer one, nor what has ended.
                    false if self.half.is_skewed() => Trust::Newer,
                    false if self.half.is_paired() && !order.served => Trust::Theirs,
                    false => Trust::BothWays,
                };
                Errand::Sync(Box::new(Synchronisation {
                    server: order.server,
                    transfer,
                    serving: order.serving,
                    trust,
                    since: ChangeNumber::default(),
                    owed: VecDeque::new(),
                    tells: false,
                    ahead: None,
                    telling: None,
                    period: order
                        .max_period_s
                        .filter(|_| !order.serving)
                        .map(|s| Duration::from_secs(s.into())),
                    disabled: Mono::default(),
                    renewing: false,
                }))
            }
        })
    }

    fn mono(&self) -> Mono {
        self.half.clock().now().mono
    }

    /// The next request, and how long its answer may take.
    pub(crate) fn ask(&self, errand: &Errand) -> (String, Duration) {
        let server = self.half.server();
        let body = match errand {
            Errand::Heartbeat { .. } => request::heartbeat(server, Some(&self.half.announced())),
            Errand::Probe => {
                return (request::heartbeat(server, Some(&self.half.announced())), PROBE_TIMEOUT);
            }
            Errand::Reset => request::reset(server),
            Errand::Maintenance(sent) => {
                request::maintenance_notify(server, sent.state.name(), sent.cancel)
            }
            Errand::Sync(sync) => return self.ask_of(sync),
        };
        (body, REQUEST_TIMEOUT)
    }

    fn ask_of(&self, sync: &Synchronisation) -> (String, Duration) {
        let (index, server) = (self.half.index(), self.half.server());
        let body = match sync {
            Synchronisation { renewing: true, period, .. } => {
                request::dhcp_disable(index, period.map(|period| period.as_secs()))
            }
            Synchronisation { telling: Some((body, _)), .. } => body.clone(),
            Synchronisation { owed, .. } if !owed.is_empty() => {
                let (news, lease) = &owed[0];
                request::lease_news(*news, lease, self.half.partner_kind())
            }
            Synchronisation { transfer, .. } => match transfer.next() {
                // A partner that has not said who it is refuses what names nobody.
                Ok(Request::Begin) => self.half.begin_return().unwrap_or_default(),
                Ok(Request::Disable(period)) => request::dhcp_disable(index, period.map(u64::from)),
                Ok(Request::Page(after)) => {
                    let after = after.and_then(|address| address.parse().ok());
                    let body = request::lease_page(after, self.page_limit);
                    return (body, self.half.sync_timeout());
                }
                Ok(Request::Notify) => request::sync_complete_notify(index, server),
                // A transfer that has ended is never asked.
                Ok(Request::Enable) | Err(_) => request::dhcp_enable(index),
            },
        };
        (body, REQUEST_TIMEOUT)
    }

    /// The answer to the request; gives what is left of the errand. At its end the machine is told.
    pub(crate) fn handle(
        &self,
        errand: Errand,
        answer: Result<&[u8], CallError>,
    ) -> Option<Errand> {
        let half = &self.half;
        match errand {
            Errand::Heartbeat { again, asked } => {
                let (result, announced) = match answer.and_then(heartbeat) {
                    Ok((status, announced)) => (Ok(status), Some(announced)),
                    Err(why) => (Err(why), None),
                };
                // A partner that has just cancelled a maintenance answers with the old state until it has heard that
                // we left ours, and by that state we would go back into it.
                let stale = |status: &PartnerStatus| {
                    !again
                        && status.state == State::PartnerInMaintenance
                        && half.take_cancellation()
                };
                if result.as_ref().is_ok_and(stale) {
                    return Some(Errand::Heartbeat { again: true, asked: self.mono() });
                }
                if !half.hears(announced.as_ref().and_then(Option::as_ref)) {
                    let settled = half.act(|machine, now| {
                        machine.handle_outdated_heartbeat(now);
                        machine.is_settled()
                    });
                    half.end_heartbeat(settled);
                    return None;
                }
                let announced = announced.map(|it| (half.offset(asked, it.as_ref()), it));
                if let Some((offset, announced)) = &announced {
                    half.see_announced(announced.as_ref(), *offset);
                }
                let settled = half.act(|machine, now| {
                    if let Some((offset, announced)) = announced {
                        let told = announced.as_ref().and_then(|it| it.told);
                        machine.handle_announced(announced, offset);
                        if told == Some(half.incarnation()) {
                            machine.handle_told_all();
                        }
                    }
                    machine.handle_heartbeat(now, result);
                    machine.is_settled()
                });
                half.end_heartbeat(settled);
            }
            Errand::Probe => half.end_probe(answer.and_then(heartbeat)),
            Errand::Reset => {
                let result = answer.and_then(|body| Ok(answer::done(body).map(drop)?));
                half.act(|machine, now| machine.handle_reset_answer(now, result));
            }
            Errand::Maintenance(sent) => {
                let result = answer.and_then(notify_answer);
                half.end_maintenance(sent, result);
            }
            Errand::Sync(mut sync) => {
                if answer.is_ok() {
                    half.act(|machine, now| machine.handle_contact(now));
                }
                self.go_on(&mut sync, answer);
                match sync.transfer.next() {
                    Ok(_) => return Some(Errand::Sync(sync)),
                    // What the last page showed to be lacking there.
                    Err(Ok(_)) if !sync.owed.is_empty() => return Some(Errand::Sync(sync)),
                    Err(result) => {
                        if result.is_ok() && sync.serving && sync.trust != Trust::Newer {
                            half.end_return();
                        }
                        half.act(|machine, now| machine.handle_sync(now, result));
                    }
                }
            }
        }
        None
    }

    fn go_on(&self, sync: &mut Synchronisation, answer: Result<&[u8], CallError>) {
        let now = self.half.clock().now().mono;
        if std::mem::take(&mut sync.renewing) {
            match answer.and_then(|body| Ok(answer::done(body).map(drop)?)) {
                Ok(()) => sync.disabled = now,
                Err(why) => sync.fail(why),
            }
        } else if let Some((_, count)) = sync.telling.take() {
            self.told(sync, count, answer);
        } else if let Some((news, lease)) = sync.owed.pop_front() {
            // Refused updates do not matter: the peer has its reason, and both go on with what they have.
            match update_outcome(answer) {
                UpdateOutcome::Failure(why @ CallError::Communication(_)) => sync.fail(why),
                _ if news == LeaseNews::Deleted => {
                    self.half.outbox().forget_deletion(lease.address);
                }
                _ => {}
            }
        } else if let Ok(request) = sync.transfer.next() {
            if matches!(request, Request::Disable(_)) {
                sync.disabled = now;
            }
            let reply = answer.and_then(|body| self.take_in(sync, &request, body));
            sync.transfer.handle(reply);
            sync.since = sync.since_next(self.store.last_change());
            sync.tells |= !sync.owed.is_empty();
        }
        let is_late = |period| now.since(sync.disabled) > period / 2;
        sync.renewing = !sync.owed.is_empty() && sync.period.is_some_and(is_late);
        if !sync.renewing {
            let batch = sync.owed.iter().take(MAX_BATCH).map(|(news, lease)| (*news, lease, false));
            let count = batch.len();
            let body = (count > 0).then(|| self.half.batch_of(batch)).flatten();
            sync.telling = body.map(|body| (body, count));
        }
    }

    /// The answer to a batch of what is owed. One that was not taken goes singly.
    fn told(&self, sync: &mut Synchronisation, count: usize, answer: Result<&[u8], CallError>) {
        match answer.and_then(|body| Ok(batch::outcome(body, count)?)) {
            Err(why @ CallError::Communication(_)) => sync.fail(why),
            Ok(Outcome::NotTaken) => self.half.stop_batches(),
            // It goes again.
            Ok(Outcome::Overtaken) => {}
            Ok(Outcome::Each(_)) | Err(_) => {
                for (news, lease) in sync.owed.drain(..count) {
                    if news == LeaseNews::Deleted {
                        self.half.outbox().forget_deletion(lease.address);
                    }
                }
            }
        }
    }

    fn take_in(
        &self,
        sync: &mut Synchronisation,
        request: &Request,
        body: &[u8],
    ) -> Result<Reply, CallError> {
        match request {
            Request::Page(after) => {
                let mut page = answer::lease_page(body)?;
                for lease in &mut page.leases {
                    lease.cltt_s = self.half.in_our_time(lease.cltt_s);
                }
                let after = after.as_ref().and_then(|address| address.parse().ok());
                if sync.trust == Trust::Theirs && after.is_none() && page.count == 0 {
                    // It has rather lost its leases than ended all of them.
                    sync.trust = Trust::BothWays;
                }
                return Ok(self.take_page(sync, after, page));
            }
            Request::Begin | Request::Disable(_) | Request::Enable => drop(answer::done(body)?),
            Request::Notify => match answer::done(body) {
                Ok(_) => {}
                Err(AnswerError::Unsupported(_)) => return Ok(Reply::Unsupported),
                Err(why) => return Err(why.into()),
            },
        }
        Ok(Reply::Done)
    }
}

impl From<Result<(), AnswerError>> for UpdateOutcome {
    fn from(result: Result<(), AnswerError>) -> Self {
        match result {
            Ok(()) => UpdateOutcome::Success,
            Err(AnswerError::Conflict(_)) => UpdateOutcome::Conflict,
            Err(why) => UpdateOutcome::Failure(why.into()),
        }
    }
}

/// What an exchange means for a lease update.
pub(crate) fn update_outcome(answer: Result<&[u8], CallError>) -> UpdateOutcome {
    let body = match answer {
        Ok(body) => body,
        Err(why) => return UpdateOutcome::Failure(why),
    };
    answer::done(body).map(drop).into()
}

/// What a heartbeat's answer tells, and what it announces.
fn heartbeat(body: &[u8]) -> Result<(PartnerStatus, Option<Announced>), CallError> {
    let heard = answer::heartbeat(body)?;
    let state = State::from_str(&heard.state)
        .map_err(|unknown| CallError::Malformed(unknown.to_string()))?;
    let status = PartnerStatus {
        state,
        scopes: heard.scopes,
        wall_s: heard.date_time_s,
        unsent_updates: heard.unsent_updates,
    };
    Ok((status, heard.announced))
}

fn notify_answer(body: &[u8]) -> Result<NotifyAnswer, CallError> {
    let answer = answer::parse(body)?;
    let state = answer.arguments.get("state").and_then(serde_json::Value::as_str);
    let state = state.and_then(|name| State::from_str(name).ok());
    Ok(NotifyAnswer { result: answer.result, text: answer.text, state })
}

impl From<AnswerError> for CallError {
    fn from(why: AnswerError) -> Self {
        match why {
            AnswerError::Garbled { .. } => CallError::Communication(why.to_string()),
            AnswerError::Unsupported(text) => CallError::Refused { result: 2, text },
            AnswerError::Conflict(text) => CallError::Refused { result: 4, text },
            AnswerError::Failed { result, text } => CallError::Refused { result, text },
        }
    }
}

#[cfg(test)]
mod tests;
