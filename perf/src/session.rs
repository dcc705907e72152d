//! The exchanges under way: which query is due, and whether an answer is the one that was asked
//! for. Pure.
//!
//! The caller's order, for each turn: [`Session::handle_timeouts`], [`Session::handle_datagram`]
//! for each that came, [`Session::poll_transmit`] until it is empty, then sleep until
//! [`Session::poll_deadline`]; and [`Session::finish`] once [`Session::is_finished`].

use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::fleet::{Fleet, Lease};
use crate::limits::UNDER_WAY;
use crate::pace::Pacer;
use crate::plan::{Exchange, MaxDrop, Plan};
use crate::tally::{Stage, Tally};
use crate::wire::{self, Datagram, Form, Kind, Query, Reply};

/// A run in progress.
#[derive(Debug)]
pub struct Session<'a> {
    plan: &'a Plan,
    fleet: &'a mut Fleet,
    pacer: Pacer,
    start: Duration,
    next_xid: u32,
    under_way: HashMap<u32, UnderWay>,
    /// Queries in the order in which they were sent; some were answered since.
    waiting: VecDeque<Sent>,
    /// Exchanges whose REQUEST is due.
    requests: VecDeque<u32>,
    ending: Option<Ending>,
    tally: Tally,
}

#[derive(Clone, Copy, Debug)]
struct UnderWay {
    client: u32,
    step: Step,
    sent_at: Duration,
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
        Self {
            plan,
            fleet,
            pacer: Pacer::new(plan.pace, now),
            start: now,
            next_xid: plan.first_xid,
            under_way: HashMap::new(),
            waiting: VecDeque::new(),
            requests: VecDeque::new(),
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

    /// Takes a datagram from the socket.
    pub fn handle_datagram(&mut self, now: Duration, octets: &[u8]) {
        match wire::decode(octets) {
            Ok(reply) => self.handle_reply(now, &reply),
            Err(_) => self.tally.malformed += 1,
        }
    }

    /// Counts the answers that are missing by `now`, and sees whether the run is over.
    pub fn handle_timeouts(&mut self, now: Duration) {
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
        for exchange in self.under_way.values() {
            match exchange.step {
                Step::Offer => self.tally.offer.drops += 1,
                Step::Ack { .. } => self.tally.ack.drops += 1,
                Step::Request { .. } => {}
            }
        }
        self.tally.elapsed = now.saturating_sub(self.start);
        self.tally
    }

    fn begin(&mut self, now: Duration) -> Option<Datagram> {
        let round = u64::try_from(self.plan.clients.len()).unwrap_or(u64::MAX);
        let turn = usize::try_from(self.pacer.begun().checked_rem(round)?).ok()?;
        let client = *self.plan.clients.get(turn)?;
        self.pacer.begin();
        let xid = self.next_xid;
        if self.under_way.len() >= UNDER_WAY || self.under_way.contains_key(&xid) {
            self.tally.local_limit += 1;
            return None;
        }
        self.next_xid = xid.wrapping_add(1);
        let kept = self.fleet.lease(client).filter(|_| self.plan.exchange == Exchange::Rebind);
        let (step, form) = match kept {
            Some(Lease { address, .. }) => (Step::Ack { address }, Form::Rebind { address }),
            None => (Step::Offer, Form::Discover),
        };
        self.under_way.insert(xid, UnderWay { client, step, sent_at: now });
        Some(self.send(now, xid, client, form))
    }

    fn send_request(&mut self, now: Duration, xid: u32) -> Option<Datagram> {
        let exchange = self.under_way.get_mut(&xid)?;
        let Step::Request { address, server } = exchange.step else { return None };
        exchange.step = Step::Ack { address };
        exchange.sent_at = now;
        let client = exchange.client;
        Some(self.send(now, xid, client, Form::Select { address, server }))
    }

    fn send(&mut self, now: Duration, xid: u32, client: u32, form: Form) -> Datagram {
        let stage =
            if form == Form::Discover { &mut self.tally.offer } else { &mut self.tally.ack };
        stage.sent += 1;
        self.waiting.push_back(Sent { xid, at: now });
        let (giaddr, secs) = (self.plan.giaddr, self.plan.secs);
        wire::encode(&Query { xid, secs, mac: self.fleet.mac(client), giaddr, form })
    }

    fn handle_reply(&mut self, now: Duration, reply: &Reply) {
        let exchange = self.under_way.get(&reply.xid).copied();
        let exchange = exchange.filter(|exchange| self.fleet.mac(exchange.client) == reply.mac);
        match (reply.kind, exchange.map(|exchange| (exchange, exchange.step))) {
            (Kind::Offer, Some((exchange, Step::Offer))) => self.take_offer(now, reply, exchange),
            (Kind::Offer, _) => self.tally.offer.orphans += 1,
            (Kind::Ack, Some((exchange, Step::Ack { address }))) => {
                self.take_ack(now, reply, exchange, address);
            }
            (Kind::Nak, Some((exchange, Step::Ack { .. }))) => {
                self.tally.ack.answer(now.saturating_sub(exchange.sent_at));
                self.tally.ack.rejected += 1;
                // Who is refused starts from the beginning (RFC 2131 section 4.4.5).
                self.fleet.forget(exchange.client);
                self.under_way.remove(&reply.xid);
            }
            (Kind::Ack | Kind::Nak, _) => self.tally.ack.orphans += 1,
        }
    }

    fn take_offer(&mut self, now: Duration, reply: &Reply, exchange: UnderWay) {
        self.tally.offer.answer(now.saturating_sub(exchange.sent_at));
        let Some(server) = reply.server.filter(|_| !reply.address.is_unspecified()) else {
            self.tally.offer.rejected += 1;
            self.under_way.remove(&reply.xid);
            return;
        };
        if self.fleet.is_held_by_another(exchange.client, reply.address) {
            self.tally.offer.duplicates += 1;
        }
        if self.plan.exchange == Exchange::Offer {
            self.complete(now, reply.xid, server);
        } else if let Some(exchange) = self.under_way.get_mut(&reply.xid) {
            exchange.step = Step::Request { address: reply.address, server };
            self.requests.push_back(reply.xid);
        }
    }

    fn take_ack(&mut self, now: Duration, reply: &Reply, exchange: UnderWay, asked: Ipv4Addr) {
        self.tally.ack.answer(now.saturating_sub(exchange.sent_at));
        let Some(server) = reply.server.filter(|_| reply.address == asked) else {
            self.tally.ack.wrong_address += 1;
            self.under_way.remove(&reply.xid);
            return;
        };
        if self.fleet.is_held_by_another(exchange.client, reply.address) {
            self.tally.ack.duplicates += 1;
        }
        self.fleet.grant(exchange.client, Lease { address: reply.address, server });
        self.complete(now, reply.xid, server);
    }

    fn complete(&mut self, now: Duration, xid: u32, server: Ipv4Addr) {
        self.under_way.remove(&xid);
        self.tally.completed += 1;
        self.tally.completed_in = now.saturating_sub(self.start);
        *self.tally.by_server.entry(server).or_default() += 1;
    }

    fn is_waiting(&self, sent: Sent) -> bool {
        self.under_way.get(&sent.xid).is_some_and(|exchange| {
            exchange.sent_at == sent.at && !matches!(exchange.step, Step::Request { .. })
        })
    }

    fn drop_exchange(&mut self, xid: u32) {
        match self.under_way.remove(&xid).map(|exchange| exchange.step) {
            Some(Step::Offer) => self.tally.offer.drops += 1,
            Some(Step::Ack { .. }) => self.tally.ack.drops += 1,
            Some(Step::Request { .. }) | None => {}
        }
    }

    fn see_end(&mut self, now: Duration) {
        if self.plan.max_drop.is_some_and(|limit| self.has_dropped_too_many(limit)) {
            self.ending = Some(Ending::Aborted);
        }
        let enough = self.plan.exchanges.is_some_and(|limit| self.pacer.begun() >= limit);
        let over = self.plan.period.is_some_and(|period| self.elapsed(now) >= period);
        if self.ending.is_none() && (enough || over || self.plan.clients.is_empty()) {
            self.ending = Some(Ending::Draining(self.plan.exit_wait.map(|wait| now + wait)));
        }
    }

    fn has_dropped_too_many(&self, limit: MaxDrop) -> bool {
        [&self.tally.offer, &self.tally.ack].into_iter().any(|stage: &Stage| match limit {
            MaxDrop::Count(count) => stage.drops >= count.max(1),
            MaxDrop::Percent(percent) => {
                stage.sent >= 10 && stage.drop_percent().is_some_and(|found| found >= percent)
            }
        })
    }
}

#[cfg(test)]
mod tests;
