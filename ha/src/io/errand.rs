//! Errands (*shell*): what the machine wants to be asked of a peer, on threads of their own, so that neither a
//! heartbeat nor a synchronisation waits for anything else.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::Receiver;
use engine::lease::{Applied, ChangeNumber, LeaseStore, Origin, Overwrite};
use engine::log;

use super::client::{Connection, Stop, Target};
use super::half::{Half, Job};
use crate::limits::REQUEST_TIMEOUT;
use crate::machine::sync::{Reply, Request, Transfer};
use crate::machine::{
    CallError, Notification, NotifyAnswer, PartnerStatus, State, SyncDone, SyncOrder,
};
use crate::wire::answer::{self, AnswerError, LeasePage};
use crate::wire::request;

/// Writes the lease file up to a change, or says why not.
pub type Flush = Arc<dyn Fn(ChangeNumber) -> Result<(), String> + Send + Sync>;

/// What an errand thread works with.
#[derive(Clone)]
pub(super) struct Runner {
    pub(super) half: Arc<Half>,
    pub(super) partner: Target,
    /// The targets of all peers, by their place.
    pub(super) targets: Vec<Target>,
    pub(super) store: Arc<dyn LeaseStore>,
    pub(super) flush: Flush,
    pub(super) sync_timeout: Duration,
    pub(super) page_limit: u32,
    pub(super) stop: Stop,
}

impl Runner {
    /// Runs jobs until the signal to stop, each of `jobs`; `connection` is kept for heartbeats.
    pub(super) fn run(&self, jobs: &Receiver<Job>, mut connection: Connection) {
        while let Ok(job) = jobs.recv() {
            if self.stop.is_given() {
                return;
            }
            match job {
                Job::End => return,
                Job::Heartbeat => {
                    let result = self.heartbeat(&mut connection);
                    self.half.act(|machine, now| machine.handle_heartbeat(now, result));
                }
                Job::Sync(order) => {
                    let result = self.synchronise(order);
                    self.half.act(|machine, now| machine.handle_sync(now, result));
                }
                Job::Reset => {
                    let result = self.reset();
                    self.half.act(|machine, now| machine.handle_reset_answer(now, result));
                }
                Job::Maintenance(sent) => {
                    let result = self.notify_maintenance(sent);
                    self.half.end_maintenance(sent, result);
                }
            }
        }
    }

    /// A partner that has just cancelled a maintenance is asked again: it answers with the old state until it
    /// has heard that we left ours, and by that state we would go back into it.
    fn heartbeat(&self, connection: &mut Connection) -> Result<PartnerStatus, CallError> {
        let status = self.ask_status(connection)?;
        let stale = status.state == State::PartnerInMaintenance && self.half.take_cancellation();
        if stale { self.ask_status(connection) } else { Ok(status) }
    }

    fn ask_status(&self, connection: &mut Connection) -> Result<PartnerStatus, CallError> {
        let body = connection.exchange(request::heartbeat(self.half.server()), REQUEST_TIMEOUT)?;
        let heard = answer::heartbeat(&body)?;
        let state = State::from_str(&heard.state)
            .map_err(|unknown| CallError::Malformed(unknown.to_string()))?;
        Ok(PartnerStatus {
            state,
            scopes: heard.scopes,
            wall_s: heard.date_time_s,
            unsent_updates: heard.unsent_updates,
        })
    }

    fn reset(&self) -> Result<(), CallError> {
        let mut connection = self.open(&self.partner)?;
        let body = connection.exchange(request::reset(self.half.server()), REQUEST_TIMEOUT)?;
        answer::done(&body)?;
        Ok(())
    }

    fn notify_maintenance(&self, sent: Notification) -> Result<NotifyAnswer, CallError> {
        let mut connection = self.open(&self.partner)?;
        let server = self.half.server();
        let request = request::maintenance_notify(server, sent.state.name(), sent.cancel);
        let answer = answer::parse(&connection.exchange(request, REQUEST_TIMEOUT)?)?;
        let state = answer.arguments.get("state").and_then(serde_json::Value::as_str);
        let state = state.and_then(|name| State::from_str(name).ok());
        Ok(NotifyAnswer { result: answer.result, text: answer.text, state })
    }

    /// The whole of a synchronisation, over one connection.
    fn synchronise(&self, order: SyncOrder) -> Result<SyncDone, CallError> {
        let target = self.targets.get(order.server).unwrap_or(&self.partner);
        let mut connection = self.open(target)?;
        let mut transfer = Transfer::new(self.page_limit as usize, order.max_period_s);
        loop {
            match transfer.next() {
                Ok(request) => transfer.handle(self.ask(&mut connection, request)),
                Err(end) => return end,
            }
        }
    }

    fn ask(&self, connection: &mut Connection, request: Request) -> Result<Reply, CallError> {
        let index = self.half.index();
        let mut exchange = |body| connection.exchange(body, REQUEST_TIMEOUT);
        match request {
            Request::Disable(period) => {
                let body = request::dhcp_disable(index, period.map(u64::from));
                answer::done(&exchange(body)?)?;
            }
            Request::Enable => drop(answer::done(&exchange(request::dhcp_enable(index))?)?),
            Request::Notify => {
                let body = request::sync_complete_notify(index, self.half.server());
                match answer::done(&exchange(body)?) {
                    Ok(_) => {}
                    Err(AnswerError::Unsupported(_)) => return Ok(Reply::Unsupported),
                    Err(why) => return Err(why.into()),
                }
            }
            Request::Page(after) => {
                let after = after.and_then(|address| address.parse().ok());
                let body = request::lease4_get_page(after, self.page_limit);
                let page = answer::lease_page(&connection.exchange(body, self.sync_timeout)?)?;
                return Ok(self.apply(page));
            }
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

    fn open(&self, target: &Target) -> Result<Connection, CallError> {
        Connection::new(target.clone(), self.stop.clone())
            .map_err(|why| CallError::Communication(why.to_string()))
    }
}
