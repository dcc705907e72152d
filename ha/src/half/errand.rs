//! Errands: what the machine wants to be asked of a peer, request by request. Pure but for the half that it serves.
//! Must not know how requests travel: [`Clerk::ask`] gives the next body, [`Clerk::handle`] takes its answer, until
//! the errand is over and the machine knows how it ended.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use engine::clock::Mono;
use engine::lease::{Applied, ChangeNumber, LeaseState, LeaseStore, Origin, Overwrite};
use engine::log;

use super::{Half, Job};
use crate::family::{Address, Lease};
use crate::guard::goes_before;
use crate::limits::{MAX_BATCH, PROBE_TIMEOUT, REQUEST_TIMEOUT};
use crate::machine::sync::{Reply, Request, Transfer};
use crate::machine::{
    Announced, CallError, Notification, NotifyAnswer, PartnerStatus, State, UpdateOutcome,
};
use crate::wire::answer::{self, AnswerError, LeasePage};
use crate::wire::batch::{self, Outcome};
use crate::wire::request::{self, LeaseNews};

mod ahead;

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

    /// Takes a page that follows the address `after`; notes what the peer is to be told.
    fn take_page(
        &self,
        sync: &mut Synchronisation,
        after: Option<Address>,
        mut page: LeasePage,
    ) -> Reply {
        let is_last = page.count < self.page_limit as usize;
        let until = page.last.filter(|_| !is_last).unwrap_or(Address::BROADCAST);
        let (mut deleted, mut better) = (0, BTreeSet::new());
        match sync.trust {
            Trust::Newer => {}
            Trust::BothWays => {
                (sync.owed, better) = self.owed(after, until, &page);
                sync.owed.extend(self.gone(after, until, &mut page));
            }
            Trust::Theirs => deleted = self.delete_lacking(after, until, &page, sync.since),
        }
        let is_better = |address| sync.trust == Trust::Theirs || better.contains(&address);
        let since = sync.since;
        let rule = |address| {
            if is_better(address) { Overwrite::NotSince(since) } else { Overwrite::Newer }
        };
        self.apply(page, rule, deleted)
    }

    /// Deletes our leases that the peer lacks, unless they came while the page was on its way. A page with leases that
    /// are not understood says of none that it is lacking.
    fn delete_lacking(
        &self,
        after: Option<Address>,
        until: Address,
        page: &LeasePage,
        since: ChangeNumber,
    ) -> u64 {
        if page.count != page.leases.len() {
            return 0;
        }
        let theirs: BTreeSet<_> = page.leases.iter().map(|lease| lease.address).collect();
        let mut deleted = 0;
        self.each_of_ours(after, until, |lease| {
            let stored = self.store.find(lease.address).filter(|it| it.version <= since);
            if let Some(stored) = stored.filter(|it| !theirs.contains(&it.lease.address)) {
                let (address, version) = (stored.lease.address, stored.version);
                let change = self.store.delete_version(address, version, Origin::Partner);
                deleted += u64::from(change.is_some());
            }
        });
        deleted
    }

    /// The leases that ended here while the peer was away and that it has still; they are taken out of the page.
    fn gone(
        &self,
        after: Option<Address>,
        until: Address,
        page: &mut LeasePage,
    ) -> Vec<(LeaseNews, Lease)> {
        let outbox = self.half.outbox();
        let from = after.map_or(Address::UNSPECIFIED, |after| {
            Address::from_bits(after.to_bits().saturating_add(1))
        });
        let theirs: BTreeMap<_, _> =
            page.leases.iter().map(|lease| (lease.address, lease)).collect();
        let mut owed = BTreeMap::new();
        for ours in outbox.deletions(from..=until) {
            let theirs = theirs.get(&ours.address);
            if theirs.is_some_and(|theirs| !theirs.is_newer_than(&ours)) {
                owed.insert(ours.address, ours);
            } else {
                outbox.forget_deletion(ours.address);
            }
        }
        page.leases.retain(|lease| !owed.contains_key(&lease.address));
        owed.into_values().map(|lease| (LeaseNews::Deleted, lease)).collect()
    }

    /// Whether a lease is one of those that the relationship shares.
    pub(super) fn is_own(&self, lease: &Lease) -> bool {
        self.half.share().has(lease.subnet_id)
    }

    /// Shows our leases above `after` and up to `until`.
    fn each_of_ours(&self, after: Option<Address>, until: Address, mut show: impl FnMut(Lease)) {
        let mut from = after;
        loop {
            let ours = self.store.page(from, SLICE);
            let Some(last) = ours.last().map(|lease| lease.address) else { return };
            let own = |lease: &Lease| lease.address <= until && self.is_own(lease);
            ours.into_iter().filter(own).for_each(&mut show);
            if last >= until {
                return;
            }
            from = Some(last);
        }
    }

    /// Our live leases in the range of a page that the peer lacks there, or has in an older version: granted while
    /// it was away. A lease that ended there early comes back by this, which costs its address some time; one that
    /// the peer never knew would be given to two clients otherwise. Beside them, the addresses of which the peer's
    /// version of the same second goes before ours.
    fn owed(
        &self,
        after: Option<Address>,
        until: Address,
        page: &LeasePage,
    ) -> (VecDeque<(LeaseNews, Lease)>, BTreeSet<Address>) {
        let theirs: BTreeMap<_, _> =
            page.leases.iter().map(|lease| (lease.address, lease)).collect();
        let wall_s = self.half.clock().now().wall_s;
        let peers = self.half.gate().peers();
        let (mut owed, mut better) = (VecDeque::new(), BTreeSet::new());
        self.each_of_ours(after, until, |lease| {
            let ours_counts = match theirs.get(&lease.address) {
                None => true,
                Some(theirs) if ended_early(theirs, &lease, wall_s) => true,
                Some(theirs) if is_tie(&lease, theirs) => {
                    let ours_first = goes_before(peers, &lease, theirs);
                    if !ours_first {
                        better.insert(lease.address);
                    }
                    ours_first
                }
                Some(theirs) => lease.is_newer_than(theirs),
            };
            if ours_counts && lease.holds_address(wall_s) {
                owed.push_back((LeaseNews::Stored, lease));
            }
        });
        (owed, better)
    }

    /// Takes over what `rule` says of each address. The rows are written before the next page is asked for.
    fn apply(&self, page: LeasePage, rule: impl Fn(Address) -> Overwrite, deleted: u64) -> Reply {
        let server = self.half.server();
        log!(HA_LEASES_SYNC_LEASE_PAGE_RECEIVED, "{server}: received {} leases", page.count);
        for why in &page.bad {
            log!(HA_LEASE_SYNC_FAILED, "{server}: {why}");
        }
        let mut last_change = (deleted > 0).then(|| self.store.last_change());
        let mut applied = 0_u64;
        let skewed = self.half.is_skewed();
        let wall_s = self.half.clock().now().wall_s;
        for lease in page.leases.into_iter().filter(|lease| self.is_own(lease)) {
            let ours = self.store.find(lease.address);
            let is_early = |ours: &Lease| {
                ended_early(&lease, ours, wall_s) || (skewed && ends_early(&lease, ours, wall_s))
            };
            if ours.is_some_and(|ours| is_early(&ours.lease)) {
                continue;
            }
            let rule = rule(lease.address);
            match self.store.apply(lease, rule, Origin::Partner) {
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
        log!(
            HA_LEASES_SYNC_APPLIED_LEASES,
            "{server}: took over {applied} leases, deleted {deleted}"
        );
        Reply::Page { count: page.count, last: page.last.map(|address| address.to_string()) }
    }
}

/// Whether neither version is the newer one, and they promise different things.
fn is_tie(ours: &Lease, theirs: &Lease) -> bool {
    let promise = |lease: &Lease| {
        (lease.state, lease.hw_address, lease.client_id.clone(), lease.valid_lifetime_s)
    };
    let none_newer = !ours.is_newer_than(theirs) && !theirs.is_newer_than(ours);
    none_newer && promise(ours) != promise(theirs)
}

/// Whether the partner's version of a lease of ours ends it before its time: clocks that are far apart do not say which
/// version is the newer one, and a client that was promised the longer of them goes on with its address.
fn ends_early(theirs: &Lease, ours: &Lease, wall_s: u64) -> bool {
    let same_client = theirs.hw_address == ours.hw_address && theirs.client_id == ours.client_id;
    let shorter = same_client && theirs.expires_at_s() < ours.expires_at_s();
    ours.holds_address(wall_s) && (shorter || !theirs.holds_address(wall_s))
}

/// Whether the partner ended a newer version of a live lease of ours before its time, as our clock has it. One of the clocks
/// was set since: the client may have renewed later than that version says, and goes on with its address.
fn ended_early(theirs: &Lease, ours: &Lease, wall_s: u64) -> bool {
    let same_client = theirs.hw_address == ours.hw_address && theirs.client_id == ours.client_id;
    let early = theirs.state == LeaseState::Reclaimed && theirs.expires_at_s() > wall_s;
    same_client && early && theirs.is_newer_than(ours) && ours.holds_address(wall_s)
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
