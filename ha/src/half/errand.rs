//! Errands: what the machine wants to be asked of a peer, request by request. Pure but for the half that it serves.
//! Must not know how requests travel: [`Clerk::ask`] gives the next body, [`Clerk::handle`] takes its answer, until
//! the errand is over and the machine knows how it ended.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use engine::lease::{Applied, ChangeNumber, LeaseStore, Origin, Overwrite};
use engine::log;

use super::{Half, Job};
use crate::limits::REQUEST_TIMEOUT;
use crate::machine::sync::{Reply, Request, Transfer};
use crate::machine::{CallError, Notification, NotifyAnswer, PartnerStatus, State, UpdateOutcome};
use crate::wire::answer::{self, AnswerError, LeasePage};
use crate::wire::request;

/// Writes the lease file up to a change, or says why not.
pub type Flush = Arc<dyn Fn(ChangeNumber) -> Result<(), String> + Send + Sync>;

/// An errand under way, one request at a time.
#[derive(Clone, Debug)]
pub(crate) enum Errand {
    Heartbeat,
    Reset,
    Maintenance(Notification),
    /// The synchronisation with the peer of this place.
    Sync(usize, Transfer),
}

impl Errand {
    /// The place of the peer that it goes to; the partner if none.
    pub(crate) const fn server(&self) -> Option<usize> {
        match self {
            Errand::Sync(place, _) => Some(*place),
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
            Job::Heartbeat => Errand::Heartbeat,
            Job::Reset => Errand::Reset,
            Job::Maintenance(sent) => Errand::Maintenance(sent),
            Job::Sync(order) => {
                let transfer = Transfer::new(self.page_limit as usize, order.max_period_s);
                Errand::Sync(order.server, transfer)
            }
        })
    }

    /// The next request, and how long its answer may take.
    pub(crate) fn ask(&self, errand: &Errand) -> (String, Duration) {
        let (index, server) = (self.half.index(), self.half.server());
        let body = match errand {
            Errand::Heartbeat => request::heartbeat(server),
            Errand::Reset => request::reset(server),
            Errand::Maintenance(sent) => {
                request::maintenance_notify(server, sent.state.name(), sent.cancel)
            }
            Errand::Sync(_, transfer) => match transfer.next() {
                Ok(Request::Disable(period)) => request::dhcp_disable(index, period.map(u64::from)),
                Ok(Request::Page(after)) => {
                    let after = after.and_then(|address| address.parse().ok());
                    let body = request::lease4_get_page(after, self.page_limit);
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
            Errand::Heartbeat => {
                let result = answer.and_then(heartbeat);
                half.act(|machine, now| machine.handle_heartbeat(now, result));
            }
            Errand::Reset => {
                let result = answer.and_then(|body| Ok(answer::done(body).map(drop)?));
                half.act(|machine, now| machine.handle_reset_answer(now, result));
            }
            Errand::Maintenance(sent) => {
                let result = answer.and_then(notify_answer);
                let answer =
                    half.act(|machine, now| machine.handle_maintenance_answer(now, sent, result));
                half.answer_maintenance(answer);
            }
            Errand::Sync(place, mut transfer) => {
                if let Ok(request) = transfer.next() {
                    transfer.handle(answer.and_then(|body| self.take_in(&request, body)));
                }
                match transfer.next() {
                    Ok(_) => return Some(Errand::Sync(place, transfer)),
                    Err(result) => half.act(|machine, now| machine.handle_sync(now, result)),
                }
            }
        }
        None
    }

    fn take_in(&self, request: &Request, body: &[u8]) -> Result<Reply, CallError> {
        match request {
            Request::Page(_) => return Ok(self.apply(answer::lease_page(body)?)),
            Request::Disable(_) | Request::Enable => drop(answer::done(body)?),
            Request::Notify => match answer::done(body) {
                Ok(_) => {}
                Err(AnswerError::Unsupported(_)) => return Ok(Reply::Unsupported),
                Err(why) => return Err(why.into()),
            },
        }
        Ok(Reply::Done)
    }

    /// Takes over what is newer than ours. The rows are written before the next page is asked for.
    fn apply(&self, page: LeasePage) -> Reply {
        let server = self.half.server();
        log!(HA_LEASES_SYNC_LEASE_PAGE_RECEIVED, "{server}: received {} leases", page.count);
        for why in &page.bad {
            log!(HA_LEASE_SYNC_FAILED, "{server}: {why}");
        }
        let mut last_change = None;
        let mut applied = 0_u64;
        for lease in page.leases {
            match self.store.apply(lease, Overwrite::Newer, Origin::Partner) {
                Applied::Added(number) | Applied::Updated(number) => {
                    applied += 1;
                    last_change = last_change.max(Some(number));
                }
                Applied::Kept => {}
            }
        }
        if let Some(Err(why)) = last_change.map(|number| (self.flush)(number)) {
            // The rows stay with the journal, which tries again with its next write.
            log!(HA_LEASE_SYNC_FAILED, "{server}: the lease file was not written: {why}");
        }
        log!(HA_LEASES_SYNC_APPLIED_LEASES, "{server}: took over {applied} leases");
        Reply::Page { count: page.count, last: page.last.map(|address| address.to_string()) }
    }
}

/// What an exchange means for a lease update.
pub(crate) fn update_outcome(answer: Result<&[u8], CallError>) -> UpdateOutcome {
    let body = match answer {
        Ok(body) => body,
        Err(why) => return UpdateOutcome::Failure(why),
    };
    match answer::done(body) {
        Ok(_) => UpdateOutcome::Success,
        Err(AnswerError::Conflict(_)) => UpdateOutcome::Conflict,
        Err(why) => UpdateOutcome::Failure(why.into()),
    }
}

fn heartbeat(body: &[u8]) -> Result<PartnerStatus, CallError> {
    let heard = answer::heartbeat(body)?;
    let state = State::from_str(&heard.state)
        .map_err(|unknown| CallError::Malformed(unknown.to_string()))?;
    Ok(PartnerStatus {
        state,
        scopes: heard.scopes,
        wall_s: heard.date_time_s,
        unsent_updates: heard.unsent_updates,
    })
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
