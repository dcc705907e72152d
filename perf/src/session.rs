//! The exchanges under way: which query is due, and whether an answer is the one that was asked
//! for. Pure.
//!
//! The caller's order, for each turn: [`Session::handle_timeouts`], [`Session::handle_datagram`]
//! for each that came, [`Session::poll_transmit`] until it is empty, then sleep until
//! [`Session::poll_deadline`]; and [`Session::finish`] once [`Session::is_finished`].

mod slots;

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::fleet::{Fleet, Lease};
use crate::pace::{Pace, Pacer};
use crate::plan::{Exchange, MaxDrop, Mix, Plan};
use crate::tally::{Stage, Tally};
use crate::wire::{self, Datagram, Form, Kind, Query, Reply};
use slots::Slots;

/// A run in progress.
#[derive(Debug)]
pub struct Session<'a> {
    plan: &'a Plan,
    fleet: &'a mut Fleet,
    pacer: Pacer,
    start: Duration,
    /// From when on is counted; not yet known while the run warms up.
    counts_from: Option<Duration>,
    /// Exchanges begun, without renewals and releases.
    turns: u64,
    next_xid: u32,
    under_way: Slots,
    /// Queries in the order in which they were sent; some were answered since.
    waiting: VecDeque<Sent>,
    /// Exchanges whose REQUEST is due.
    requests: VecDeque<u32>,
    /// Clients with leases that may be renewed or released; empty unless that is asked for.
    holders: VecDeque<u32>,
    /// What of the mix is owed, in parts of a query.
    owed: Mix,
    ending: Option<Ending>,
    tally: Tally,
}

#[derive(Clone, Copy, Debug)]
struct UnderWay {
    client: u32,
    step: Step,
    /// A renewal that is mixed in.
    renewal: bool,
    sent_at: Duration,
    /// When the query on its way should have been sent: latency counts from here, so that a stall of this program
    /// hides none of it.
    due_at: Duration,
    /// When the exchange should have begun.
    begin_at: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// DISCOVER sent.
    Offer,
    /// OFFER taken, REQUEST due.
    Request { address: Ipv4Addr, server: Ipv4Addr },
    /// REQUEST sent, for this address.
    Ack { address: Ipv4Addr },
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    xid: u32,
    at: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    /// No exchange begins any more; those under way go on, until a moment if there is one.
    Draining(Option<Duration>),
    /// At once.
    Aborted,
}

impl<'a> Session<'a> {
    /// A run that starts at `now`.
    pub fn new(plan: &'a Plan, fleet: &'a mut Fleet, now: Duration) -> Self {
        // The clock runs already: millions of clients are not gone through for nothing.
        let holders = match plan.mix == Mix::default() {
            true => VecDeque::new(),
            false => fleet.leases().map(|(client, _)| client).collect(),
        };
        Self {
            plan,
            fleet,
            pacer: Pacer::new(plan.pace, now).with_preload(plan.preload),
            start: now,
            counts_from: plan.warm_up.is_zero().then_some(now),
            turns: 0,
            next_xid: plan.first_xid,
            under_way: Slots::new(plan.pace, plan.preload),
            waiting: VecDeque::new(),
            requests: VecDeque::new(),
            holders,
            owed: Mix::default(),
            ending: None,
            tally: Tally::default(),
        }
    }

    /// What was counted up to now; `elapsed` is set by [`Session::finish`].
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The time since the start.
    pub fn elapsed(&self, now: Duration) -> Duration {
        now.saturating_sub(self.start)
    }

    /// Whether nothing is left to be done at `now`.
    pub fn is_finished(&self, now: Duration) -> bool {
        match self.ending {
            None => false,
            Some(Ending::Aborted) => true,
            Some(Ending::Draining(until)) => {
                self.under_way.is_empty() || until.is_some_and(|until| now >= until)
            }
        }
    }

    /// Ends the run early; what is under way counts as dropped.
    pub fn abort(&mut self) {
        self.ending = Some(Ending::Aborted);
    }

    /// Notes datagrams that this machine could not send.
    pub fn note_unsent(&mut self, datagrams: u64) {
        self.tally.local_limit += datagrams;
    }

    /// Sets the time in which the exchanges of the first moment really began: those that were written beforehand.
    pub fn note_begun_in(&mut self, span: Duration) {
        self.tally.begun_in = span;
    }

    /// Takes a datagram from the socket.
    pub fn handle_datagram(&mut self, now: Duration, octets: &[u8]) {
        match wire::decode(octets) {
            Ok(reply) => {
                self.tally.reply_octets += octets.len() as u64;
                self.handle_reply(now, &reply);
            }
            Err(_) => self.tally.malformed += 1,
        }
    }

    /// Counts the answers that are missing by `now`, and sees whether the run is over.
    pub fn handle_timeouts(&mut self, now: Duration) {
        if self.counts_from.is_none() && self.elapsed(now) >= self.plan.warm_up {
            self.counts_from = Some(now);
            self.tally = Tally::default();
        }
        while let Some(sent) = self.waiting.front().copied() {
            let late = now.saturating_sub(sent.at) >= self.plan.drop_time;
            let current = self.is_waiting(sent);
            if current && !late {
                break;
            }
            self.waiting.pop_front();
            if current {
                self.drop_exchange(sent.xid);
            }
        }
        self.see_end(now);
    }

    /// The next query to send, if one is due at `now`.
    pub fn poll_transmit(&mut self, now: Duration) -> Option<Datagram> {
        if matches!(self.ending, Some(Ending::Aborted)) {
            return None;
        }
        while let Some(xid) = self.requests.pop_front() {
            if let Some(datagram) = self.send_request(now, xid) {
                return Some(datagram);
            }
        }
        self.see_end(now);
        if self.ending.is_some() || self.pacer.due(now, self.under_way.len()) == 0 {
            return None;
        }
        self.begin(now)
    }

    /// When something is to be done if no datagram comes before; `None`: nothing is.
    pub fn poll_deadline(&self) -> Option<Duration> {
        let timeout = self.waiting.front().map(|sent| sent.at + self.plan.drop_time);
        let (next, end) = match self.ending {
            None => (self.pacer.next(), self.plan.period.map(|period| self.start + period)),
            Some(Ending::Draining(until)) => (None, until),
            Some(Ending::Aborted) => (None, None),
        };
        [timeout, next, end].into_iter().flatten().min()
    }

    /// Closes the books: what is still under way counts as dropped.
    pub fn finish(mut self, now: Duration) -> Tally {
        for exchange in self.under_way.all() {
            note_drop(&mut self.tally, exchange);
        }
        self.tally.elapsed = self.counted(now);
        self.tally
    }

    /// The time that is counted by `now`.
    fn counted(&self, now: Duration) -> Duration {
        self.counts_from.map_or(Duration::ZERO, |from| now.saturating_sub(from))
    }

    fn begin(&mut self, now: Duration) -> Option<Datagram> {
        let due_at = match self.plan.pace {
            Pace::Rate(_) => self.pacer.next().map_or(now, |due| due.min(now)),
            Pace::Window(_) => now,
        };
        self.pacer.begin();
        if let Some(datagram) = self.mix_in(now, due_at) {
            return Some(datagram);
        }
        let round = u64::try_from(self.plan.clients.len()).unwrap_or(u64::MAX);
        let turn = usize::try_from(self.turns.checked_rem(round)?).ok()?;
        let client = *self.plan.clients.get(turn)?;
        self.turns += 1;
        if self.plan.exchange == Exchange::Release {
            return self.release(now, client);
        }
        let kept = self.fleet.lease(client).filter(|_| self.plan.exchange == Exchange::Rebind);
        let (step, form) = match kept {
            Some(Lease { address, .. }) => (Step::Ack { address }, Form::Rebind { address }),
            None => (Step::Offer, Form::Discover),
        };
        let (renewal, sent_at, begin_at) = (false, now, due_at);
        self.send_first(form, UnderWay { client, step, renewal, sent_at, due_at, begin_at })
    }

    /// A renewal or release, if the mix owes one and somebody has a lease.
    fn mix_in(&mut self, now: Duration, due_at: Duration) -> Option<Datagram> {
        self.owed.renewals += self.plan.mix.renewals;
        self.owed.releases += self.plan.mix.releases;
        let release = self.owed.releases >= 1.0;
        if !release && self.owed.renewals < 1.0 {
            return None;
        }
        let (client, Lease { address, .. }) = self.next_holder()?;
        if release {
            self.owed.releases -= 1.0;
            return self.release(now, client);
        }
        self.owed.renewals -= 1.0;
        let (step, sent_at, begin_at) = (Step::Ack { address }, now, due_at);
        let exchange = UnderWay { client, step, renewal: true, sent_at, due_at, begin_at };
        self.send_first(Form::Rebind { address }, exchange)
    }

    /// Gives back what a client has, if it has something; nobody answers.
    fn release(&mut self, now: Duration, client: u32) -> Option<Datagram> {
        let Lease { address, server } = self.fleet.lease(client)?;
        self.fleet.forget(client);
        self.tally.released += 1;
        let xid = self.next_xid;
        self.next_xid = xid.wrapping_add(1);
        Some(self.query(now, xid, client, Form::Release { address, server }))
    }

    fn next_holder(&mut self) -> Option<(u32, Lease)> {
        while let Some(client) = self.holders.pop_front() {
            if let Some(lease) = self.fleet.lease(client) {
                return Some((client, lease));
            }
        }
        None
    }

    fn send_first(&mut self, form: Form, exchange: UnderWay) -> Option<Datagram> {
        let Some(xid) = self.under_way.free_from(self.next_xid) else {
            self.tally.local_limit += 1;
            return None;
        };
        self.next_xid = xid.wrapping_add(1);
        self.tally.begun_in = self.counted(exchange.sent_at);
        self.under_way.insert(xid, exchange);
        Some(self.send(xid, &exchange, form))
    }

    fn send_request(&mut self, now: Duration, xid: u32) -> Option<Datagram> {
        let exchange = self.under_way.of_mut(xid)?;
        let Step::Request { address, server } = exchange.step else { return None };
        exchange.step = Step::Ack { address };
        exchange.sent_at = now;
        let exchange = *exchange;
        Some(self.send(xid, &exchange, Form::Select { address, server }))
    }

    fn send(&mut self, xid: u32, exchange: &UnderWay, form: Form) -> Datagram {
        let stage = match form {
            Form::Discover => &mut self.tally.offer,
            _ if exchange.renewal => &mut self.tally.renewal,
            _ => &mut self.tally.ack,
        };
        stage.sent += 1;
        self.waiting.push_back(Sent { xid, at: exchange.sent_at });
        self.query(exchange.sent_at, xid, exchange.client, form)
    }

    fn query(&self, now: Duration, xid: u32, client: u32, form: Form) -> Datagram {
        let plan = self.plan;
        wire::encode(&Query {
            xid,
            secs: plan.secs_at(self.elapsed(now)),
            mac: self.fleet.mac(client),
            giaddr: plan.relay_of(client),
            form,
            broadcast: plan.broadcast,
            more: &plan.more,
            circuit: plan.relays.option_82.then_some(client),
        })
    }

    fn handle_reply(&mut self, now: Duration, reply: &Reply<'_>) {
        let exchange = self.under_way.of(reply.xid).copied();
        let exchange = exchange.filter(|exchange| self.fleet.mac(exchange.client) == reply.mac);
        match (reply.kind, exchange.map(|exchange| (exchange, exchange.step))) {
            (Kind::Offer, Some((exchange, Step::Offer))) => self.take_offer(now, reply, exchange),
            (Kind::Offer, _) => self.tally.offer.orphans += 1,
            (Kind::Ack, Some((exchange, Step::Ack { address }))) => {
                self.take_ack(now, reply, exchange, address);
            }
            (Kind::Nak, Some((exchange, Step::Ack { .. }))) => {
                let stage = stage_of(&mut self.tally, &exchange);
                stage.answer(now.saturating_sub(exchange.due_at));
                stage.rejected += 1;
                // Who is refused starts from the beginning (RFC 2131 section 4.4.5).
                self.fleet.forget(exchange.client);
                self.under_way.remove(reply.xid);
            }
            (Kind::Ack | Kind::Nak, _) => self.tally.ack.orphans += 1,
        }
    }

    fn take_offer(&mut self, now: Duration, reply: &Reply<'_>, exchange: UnderWay) {
        self.tally.offer.answer(now.saturating_sub(exchange.due_at));
        let Some(server) = reply.server.filter(|_| !reply.address.is_unspecified()) else {
            self.tally.offer.rejected += 1;
            self.under_way.remove(reply.xid);
            return;
        };
        self.examine(reply, &exchange);
        if self.plan.exchange == Exchange::Offer {
            self.complete(now, reply.xid, server);
        } else if let Some(exchange) = self.under_way.of_mut(reply.xid) {
            exchange.step = Step::Request { address: reply.address, server };
            exchange.due_at = now;
            self.requests.push_back(reply.xid);
        }
    }

    fn take_ack(&mut self, now: Duration, reply: &Reply<'_>, exchange: UnderWay, asked: Ipv4Addr) {
        let stage = stage_of(&mut self.tally, &exchange);
        stage.answer(now.saturating_sub(exchange.due_at));
        let Some(server) = reply.server.filter(|_| reply.address == asked) else {
            stage.wrong_address += 1;
            self.under_way.remove(reply.xid);
            return;
        };
        self.examine(reply, &exchange);
        let newcomer = self.fleet.lease(exchange.client).is_none();
        if self.plan.mix != Mix::default() && (newcomer || exchange.renewal) {
            self.holders.push_back(exchange.client);
        }
        self.fleet.grant(exchange.client, Lease { address: reply.address, server });
        if exchange.renewal {
            self.under_way.remove(reply.xid);
        } else {
            self.complete(now, reply.xid, server);
        }
    }

    /// Counts what is wrong with an answer that gives an address.
    fn examine(&mut self, reply: &Reply<'_>, exchange: &UnderWay) {
        let (plan, client) = (self.plan, exchange.client);
        let duplicate = self.fleet.is_held_by_another(client, reply.address);
        let subnet = plan.expected.is_right_subnet(reply.address, plan.relay_of(client));
        let returned = !plan.relays.option_82
            || reply.relay_information == Some(&wire::relay_information(client, reply.mac));
        let stage = stage_of(&mut self.tally, exchange);
        stage.duplicates += u64::from(duplicate);
        stage.wrong_subnet += u64::from(!subnet);
        let complete = reply.codes.contains_all(&plan.expected.options);
        stage.wrong_options += u64::from(!(complete && returned));
    }

    fn complete(&mut self, now: Duration, xid: u32, server: Ipv4Addr) {
        if let Some(exchange) = self.under_way.remove(xid) {
            self.tally.exchange_ns.record(now.saturating_sub(exchange.begin_at));
        }
        self.tally.completed += 1;
        self.tally.completed_in = self.counted(now);
        *self.tally.by_server.entry(server).or_default() += 1;
    }

    fn is_waiting(&self, sent: Sent) -> bool {
        self.under_way.of(sent.xid).is_some_and(|exchange| {
            exchange.sent_at == sent.at && !matches!(exchange.step, Step::Request { .. })
        })
    }

    fn drop_exchange(&mut self, xid: u32) {
        if let Some(exchange) = self.under_way.remove(xid) {
            note_drop(&mut self.tally, &exchange);
        }
    }

    fn see_end(&mut self, now: Duration) {
        if self.plan.max_drop.is_some_and(|limit| self.has_dropped_too_many(limit)) {
            self.ending = Some(Ending::Aborted);
        }
        let enough = self.plan.exchanges.is_some_and(|limit| self.turns >= limit)
            || self.plan.enough.is_some_and(|limit| self.tally.completed >= limit);
        let over = self.plan.period.is_some_and(|period| self.elapsed(now) >= period);
        if self.ending.is_none() && (enough || over || self.plan.clients.is_empty()) {
            self.ending = Some(Ending::Draining(self.plan.exit_wait.map(|wait| now + wait)));
        }
    }

    fn has_dropped_too_many(&self, limit: MaxDrop) -> bool {
        let stages = [&self.tally.offer, &self.tally.ack, &self.tally.renewal];
        stages.into_iter().any(|stage: &Stage| match limit {
            MaxDrop::Count(count) => stage.drops >= count.max(1),
            MaxDrop::Percent(percent) => {
                stage.sent >= 10 && stage.drop_percent().is_some_and(|found| found >= percent)
            }
        })
    }
}

/// Where an answer to this exchange counts.
fn stage_of<'t>(tally: &'t mut Tally, exchange: &UnderWay) -> &'t mut Stage {
    match exchange.step {
        Step::Offer => &mut tally.offer,
        _ if exchange.renewal => &mut tally.renewal,
        _ => &mut tally.ack,
    }
}

fn note_drop(tally: &mut Tally, exchange: &UnderWay) {
    if !matches!(exchange.step, Step::Request { .. }) {
        stage_of(tally, exchange).drops += 1;
    }
}

#[cfg(test)]
mod tests;
