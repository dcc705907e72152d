//! Errands: what the machine wants to be asked of a peer, request by request. Pure but for the half that it serves.
//! Must not know how requests travel: [`Clerk::ask`] gives the next body, [`Clerk::handle`] takes its answer, until
//! the errand is over and the machine knows how it ended.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use engine::lease::{Applied, ChangeNumber, Lease4, LeaseStore, Origin, Overwrite};
use engine::log;

use super::{Half, Job};
use crate::limits::REQUEST_TIMEOUT;
use crate::machine::sync::{Reply, Request, Transfer};
use crate::machine::{CallError, Notification, NotifyAnswer, PartnerStatus, State, UpdateOutcome};
use crate::wire::answer::{self, AnswerError, LeasePage};
use crate::wire::request::{self, LeaseNews};

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
    },
    Reset,
    Maintenance(Notification),
    Sync(Synchronisation),
}

/// A synchronisation under way.
#[derive(Clone, Debug)]
pub(crate) struct Synchronisation {
    /// The place of the peer.
    server: usize,
    transfer: Transfer,
    /// Whether the peer is told, too, of what it lacks.
    both_ways: bool,
    /// Our leases that the peer lacks, or has in an older version, as far as pages have come.
    owed: VecDeque<Lease4>,
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
            Job::Heartbeat => Errand::Heartbeat { again: false },
            Job::Reset => Errand::Reset,
            Job::Maintenance(sent) => Errand::Maintenance(sent),
            Job::Sync(order) => {
                let transfer = Transfer::new(self.page_limit as usize, order.max_period_s);
                // An administrator may fetch at any time, while updates are on their way; and clocks that are far
                // apart do not say which version is the newer one.
                let both_ways = !order.administrator && !self.half.is_skewed();
                let (server, owed) = (order.server, VecDeque::new());
                Errand::Sync(Synchronisation { server, transfer, both_ways, owed })
            }
        })
    }

    /// The next request, and how long its answer may take.
    pub(crate) fn ask(&self, errand: &Errand) -> (String, Duration) {
        let (index, server) = (self.half.index(), self.half.server());
        let body = match errand {
            Errand::Heartbeat { .. } => request::heartbeat(server),
            Errand::Reset => request::reset(server),
            Errand::Maintenance(sent) => {
                request::maintenance_notify(server, sent.state.name(), sent.cancel)
            }
            Errand::Sync(Synchronisation { owed, .. }) if !owed.is_empty() => {
                request::lease_news(LeaseNews::Stored, &owed[0], self.half.partner_kind())
            }
            Errand::Sync(Synchronisation { transfer, .. }) => match transfer.next() {
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
            Errand::Heartbeat { again } => {
                let result = answer.and_then(heartbeat);
                // A partner that has just cancelled a maintenance answers with the old state until it has heard that
                // we left ours, and by that state we would go back into it.
                let stale = |status: &PartnerStatus| {
                    !again
                        && status.state == State::PartnerInMaintenance
                        && half.take_cancellation()
                };
                if result.as_ref().is_ok_and(stale) {
                    return Some(Errand::Heartbeat { again: true });
                }
                half.act(|machine, now| machine.handle_heartbeat(now, result));
            }
            Errand::Reset => {
                let result = answer.and_then(|body| Ok(answer::done(body).map(drop)?));
                half.act(|machine, now| machine.handle_reset_answer(now, result));
            }
            Errand::Maintenance(sent) => {
                let result = answer.and_then(notify_answer);
                half.end_maintenance(sent, result);
            }
            Errand::Sync(mut sync) => {
                self.go_on(&mut sync, answer);
                match sync.transfer.next() {
                    Ok(_) => return Some(Errand::Sync(sync)),
                    Err(result) => half.act(|machine, now| machine.handle_sync(now, result)),
                }
            }
        }
        None
    }

    fn go_on(&self, sync: &mut Synchronisation, answer: Result<&[u8], CallError>) {
        if sync.owed.pop_front().is_some() {
            // Refused updates do not matter: the peer has its reason, and both go on with what they have.
            if let UpdateOutcome::Failure(why @ CallError::Communication(_)) =
                update_outcome(answer)
            {
                sync.owed.clear();
                sync.transfer.handle(Err(why));
            }
            return;
        }
        if let Ok(request) = sync.transfer.next() {
            let reply = answer.and_then(|body| self.take_in(sync, &request, body));
            sync.transfer.handle(reply);
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
                let page = answer::lease_page(body)?;
                if sync.both_ways {
                    let after = after.as_ref().and_then(|address| address.parse().ok());
                    sync.owed = self.owed(after, &page);
                }
                return Ok(self.apply(page));
            }
            Request::Disable(_) | Request::Enable => drop(answer::done(body)?),
            Request::Notify => match answer::done(body) {
                Ok(_) => {}
                Err(AnswerError::Unsupported(_)) => return Ok(Reply::Unsupported),
                Err(why) => return Err(why.into()),
            },
        }
        Ok(Reply::Done)
    }

    /// Our live leases in the range of a page that the peer lacks there, or has in an older version: granted while
    /// it was away. A lease that ended there early comes back by this, which costs its address some time; one that
    /// the peer never knew would be given to two clients otherwise.
    fn owed(&self, after: Option<Ipv4Addr>, page: &LeasePage) -> VecDeque<Lease4> {
        let is_last = page.count < self.page_limit as usize;
        let until = page.last.filter(|_| !is_last).unwrap_or(Ipv4Addr::BROADCAST);
        let theirs: BTreeMap<_, _> =
            page.leases.iter().map(|lease| (lease.address, lease)).collect();
        let wall_s = self.half.clock().now().wall_s;
        let mut owed = VecDeque::new();
        let mut from = after;
        loop {
            let ours = self.store.page(from, SLICE);
            let Some(last) = ours.last().map(|lease| lease.address) else { return owed };
            owed.extend(ours.into_iter().filter(|lease| {
                let newer =
                    theirs.get(&lease.address).is_none_or(|theirs| lease.is_newer_than(theirs));
                newer
                    && lease.address <= until
                    && lease.holds_address(wall_s)
                    && self.half.share().has(lease.subnet_id)
            }));
            if last >= until {
                return owed;
            }
            from = Some(last);
        }
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
        let own = |lease: &Lease4| self.half.share().has(lease.subnet_id);
        for lease in page.leases.into_iter().filter(own) {
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
