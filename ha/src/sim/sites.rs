//! The world's servers: processes that start, are touched and crash, and the requests between them. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use super::breakage::Breakage;
use super::dialect;
use super::late::Late;
use super::net::Fate;
use super::server::{Sent, Server};
use super::tampering;
use super::world::{Event, Request, Site, World};
use crate::machine::{CallError, Mode, Relationship, State};

/// A start of a server, by what the first two are.
const MEETINGS: [[&str; 3]; 3] = [
    ["starts: Peregrine, Peregrine", "starts: Peregrine, older one", "starts: Peregrine, Kea"],
    ["starts: older one, Peregrine", "starts: older one, older one", "starts: older one, Kea"],
    ["starts: Kea, Peregrine", "starts: Kea, older one", "starts: Kea, Kea"],
];

impl World {
    pub(super) fn start(&mut self, server: usize) {
        let site = &mut self.sites[server];
        if site.server.is_some() {
            return;
        }
        site.process += 1;
        site.forget();
        site.clock.set(self.now, site.error);
        if self.plan.replaces && self.dice.chance(300) {
            site.is_kea ^= true;
            self.report.count("replaced by the other program");
        }
        let site = &mut self.sites[server];
        if self.plan.replaces && self.dice.chance(300) {
            site.is_older ^= true;
            self.report.count(match site.is_older {
                true => "replaced by an older version",
                false => "replaced by a newer version",
            });
        }
        let run = match self.breakage {
            Some(Breakage::SameRun) => 0,
            _ => site.process,
        };
        let started = Server::start(
            &self.plan,
            server,
            run,
            site.setup,
            &site.disk,
            &site.clock,
            self.breakage,
        );
        site.server = Some(started);
        let process = site.process;
        self.tell(|world| format!("{} starts", world.name(server)));
        self.count_kinds();
        self.touch(server, |_| ());
        self.after(Duration::from_secs(10), Event::Housekeeping { server, process });
    }

    /// Which programs meet.
    fn count_kinds(&mut self) {
        let kind = |site: &Site| match (site.is_kea, site.is_older) {
            (true, _) => 2,
            (_, true) => 1,
            _ => 0,
        };
        let meeting = MEETINGS[kind(&self.sites[0])][kind(&self.sites[1])];
        self.report.count(meeting);
    }

    /// The process is gone, and with power the machine's memory.
    pub(super) fn crash(&mut self, server: usize, power: bool) {
        self.count_rules_of(server);
        let site = &mut self.sites[server];
        if site.server.is_none() && !power {
            return;
        }
        site.disk.close();
        site.server = None;
        site.process += 1;
        site.forget();
        self.tell(|world| {
            format!("{} crashes{}", world.name(server), if power { " (power)" } else { "" })
        });
        if power {
            let lost = self.sites[server].disk.lose_power();
            if self.plan.servers[server].durability == engine::lease::csv::Durability::Kernel {
                self.ledger.lost(self.now, server, lost);
            }
        }
        self.look_at_scopes();
    }

    /// Does something to a running server, and sends what it wants to send.
    pub(super) fn touch<R>(&mut self, at: usize, act: impl FnOnce(&mut Server) -> R) -> Option<R> {
        let site = &mut self.sites[at];
        let server = site.server.as_mut()?;
        site.clock.set(self.now, site.error);
        if !site.startled {
            // Its driver looks each second; that is not played event by event.
            server.half.skip();
        }
        let before = server.state();
        let result = act(server);
        let mut sent = Vec::new();
        server.poll_sent(&mut sent);
        let changed = server.take_changed();
        let state = server.state();
        if state != before {
            let partner = server.partner();
            self.tell(|world| {
                format!("{}: {before} -> {state}, partner {partner:?}", world.name(at))
            });
        }
        if state != before {
            self.sites[at].entered = self.now;
            self.note_synchronisation(at, before, state);
        }
        if state != before && state == State::CommunicationRecovery {
            self.notice_recovery(at);
        }
        if state != before && matches!(state, State::HotStandby | State::LoadBalancing) {
            self.begin_normal(at, before);
        }
        let heard = self.now - self.silence(at);
        let site = &mut self.sites[at];
        site.look(state, state != before, heard);
        if site.disk.has_died() {
            self.crash(at, false);
            self.start_later(at);
            return None;
        }
        let dies = site.dies_after.take();
        if let Some(after) = dies {
            sent.truncate(after);
        }
        for one in sent {
            self.send(at, one, dies.is_some());
        }
        if dies.is_some() {
            self.crash(at, false);
            self.start_later(at);
            return None;
        }
        self.set_timer(at);
        self.look_at_scopes();
        if !changed.is_empty() {
            self.check_kept(at, &changed);
        }
        Some(result)
    }

    fn begin_normal(&mut self, at: usize, before: State) {
        if let Some(server) = &self.sites[at].server {
            server.settle();
        }
        if before == State::Ready {
            self.check_handed_over(at);
        }
        if matches!(before, State::Ready | State::Syncing) {
            self.check_hand_over_is_complete(at);
        }
    }

    fn note_synchronisation(&mut self, at: usize, before: State, state: State) {
        match (before, state) {
            (_, State::Syncing) => {
                self.sites[at].syncs_since = self.now;
                if self.dice.chance(500) {
                    // Its lease may be in a page that is read already.
                    let client = self.dice.place(self.clients.len());
                    let after = self.dice.span(0, 40);
                    self.after(after, Event::Leave { client });
                }
            }
            (State::Syncing, State::Ready) => {
                self.ledger.synchronised(self.sites[at].syncs_since);
            }
            _ => {}
        }
    }

    pub(super) fn start_later(&mut self, server: usize) {
        let down = match self.dice.below(3) {
            0 => self.dice.span(10, 3_000),
            1 => self.dice.span(3_000, 60_000),
            _ => self.dice.span(60_000, 400_000),
        };
        self.after(down, Event::Start { server });
    }

    fn set_timer(&mut self, at: usize) {
        let site = &mut self.sites[at];
        let due = site.server.as_ref().and_then(Server::poll_timeout);
        let Some(due) = due.map(|due| site.error.when(due)) else { return };
        let due = due.max(self.now + 100_000);
        if site.timer.is_none_or(|set| due < set) {
            site.timer = Some(due);
            let process = site.process;
            self.at(due, Event::Timer { server: at, process });
        }
    }

    /// `dies`: it is the last that the process does.
    fn send(&mut self, from: usize, sent: Sent, dies: bool) {
        match sent {
            Sent::Reply(departure) => self.reply(from, departure),
            Sent::Request { call, to, body, timeout } => {
                let to = self.plan.servers.iter().position(|member| member.name == to);
                let to = to.expect("a peer is a server of the plan");
                let process = self.sites[from].process;
                let why = CallError::Communication("no answer in time".into());
                let lost = Event::Answer { to: from, process, call, answer: Err(why) };
                self.after(timeout, lost);
                let state = self.sites[from].server.as_ref().map(Server::state);
                let body = tampering::leaves(self.breakage, state.unwrap_or(State::Waiting), body);
                let body = if self.sites[from].is_kea { dialect::ask(&body) } else { body };
                let request = Request { from, process, call, to, body };
                if let Fate::Arrives(delay) = self.net.between(from, to, &mut self.dice) {
                    if self.dice.chance(self.net.duplication) {
                        self.report.count("requests twice");
                        let again = self.again(&request.body);
                        self.after(delay + again, Event::Request(Box::new(request.clone())));
                    }
                    let delay = delay + self.held_up(&request.body, dies);
                    self.after(delay, Event::Request(Box::new(request)));
                }
            }
        }
    }

    /// A request arrives at a server.
    pub(super) fn request(&mut self, request: Request) {
        let Request { from, process, call, to, body } = request;
        let asker = &self.sites[from];
        let waits = asker.process == process
            && asker.server.as_ref().is_some_and(|server| server.waits_for(call));
        if !waits {
            // Who has given up has closed the connection; the request may have been read before that.
            let late = Late::of(&body);
            if late.as_ref().is_some_and(|late| !self.is_seen_through(from, to, late)) {
                self.report.count(
                    "lease updates that would come late, and cannot be seen through: left out",
                );
                return;
            }
            if self.dice.chance(500) {
                return;
            }
            self.report.count(match late {
                Some(_) => "lease updates done late, or twice",
                None => "requests done for nobody",
            });
        }
        let past = self.before_past_run(&body, to);
        let of_past_run = self.sites[from].process != process;
        if of_past_run && self.breakage == Some(Breakage::LateOfPastRun) {
            for single in tampering::singly(&body) {
                self.touch(to, |server| server.request(&single));
            }
        }
        self.tell(|world| format!("{} asks {}: {body}", world.name(from), world.name(to)));
        let is_kea = self.sites[to].is_kea;
        let is_older = self.sites[from].is_older || self.sites[to].is_older;
        let body = if is_kea { dialect::heard(body) } else { body };
        let body = if is_older { dialect::older(&body) } else { body };
        let answer = match self.touch(to, |server| server.request(&body)) {
            Some(answer) if is_kea => Ok(dialect::answer(&answer)),
            Some(answer) if is_older => Ok(dialect::older(&answer)),
            Some(answer) => Ok(answer),
            None => Err(CallError::Communication("connection refused".into())),
        };
        past.into_iter().for_each(|leases| self.check_past_run(to, &leases));
        let asker = self.sites[from].server.as_ref().map(Server::state);
        let (breakage, mode) = (self.breakage, self.plan.mode);
        let answer = answer.map(|answer| tampering::heard(breakage, asker, mode, answer));
        self.tell(|_| format!("    {answer:?}"));
        if let Fate::Arrives(delay) = self.net.between(to, from, &mut self.dice) {
            self.after(delay, Event::Answer { to: from, process, call, answer });
        }
    }

    /// Nanoseconds since a server last heard of its partner.
    pub(super) fn silence(&self, server: usize) -> u64 {
        let silence_s = self.sites[server].server.as_ref().map_or(0, Server::silence_s);
        (silence_s * 1_000_000_000).min(self.now)
    }

    pub(super) fn name(&self, server: usize) -> &str {
        &self.plan.servers[server].name
    }
}

/// Stopped processes.
impl World {
    /// The process stops where it is; its clock may stand still meanwhile, as a virtual machine's does. One whose wall clock
    /// is not set right when it goes on is left out: nothing tells it that it stood still, so that it serves by what it
    /// knew until its next heartbeat, which is E1 as far as leases go, and leads to a termination if it stood for longer
    /// than the clocks may be apart. A clock that is set back shows the latter.
    pub(super) fn freeze(&mut self, server: usize, for_how_long: Duration, clock_stands: bool) {
        let site = &mut self.sites[server];
        if site.server.is_none() || site.inbox.is_some() {
            return;
        }
        site.inbox = Some(Vec::new());
        let thaw = Event::Thaw { server, process: site.process, since: self.now, clock_stands };
        self.after(for_how_long, thaw);
    }

    /// It goes on: what has come meanwhile is handled at once, not quite in the order in which it came.
    pub(super) fn thaw(&mut self, server: usize, since: u64, clock_stands: bool) {
        let Some(mut inbox) = self.sites[server].inbox.take() else { return };
        self.tell(|world| format!("{} goes on", world.name(server)));
        let site = &mut self.sites[server];
        if clock_stands {
            // The host sets the wall clock right.
            let stood = self.now - since;
            site.error.stand(stood);
        }
        // Nobody waits any more for an answer whose time is over.
        let over: BTreeSet<u64> = inbox.iter().filter_map(Event::call_that_failed).collect();
        let late = |event: &Event| matches!(event, Event::Answer { call, answer: Ok(_), .. } if over.contains(call));
        inbox.retain(|event| !late(event));
        for _ in 0..inbox.len() / 4 {
            let place = self.dice.place(inbox.len() - 1);
            inbox.swap(place, place + 1);
        }
        site.timer = None;
        site.startled = true;
        self.set_timer(server);
        inbox.into_iter().for_each(|event| self.happen(event));
        self.wake_up(server);
    }

    /// The driver looks: the machine has its turn.
    pub(super) fn wake_up(&mut self, server: usize) {
        self.sites[server].startled = true;
        self.touch(server, Server::handle_timeout);
        self.sites[server].startled = false;
    }
}

impl Site {
    /// The scopes that are served here now. The one scope of other modes has all clients: a partner that was started with
    /// load-balancing serves some of them, too.
    pub(super) fn served(&self) -> u32 {
        let awake = self.server.as_ref().filter(|it| self.inbox.is_none() && it.is_enabled());
        let Some(server) = awake else { return 0 };
        match (server.standing().scopes.bits(), server.half.gate().peers().mode()) {
            (0, _) => 0,
            (own, Mode::LoadBalancing) => own,
            _ => u32::MAX,
        }
    }

    /// A process that is not there any more leaves nothing of this.
    fn forget(&mut self) {
        self.timer = None;
        self.startled = false;
        self.dies_after = None;
        self.alone = true;
        self.took_over = None;
        self.scopes_by_hand = false;
        self.expected.clear();
        self.inbox = None;
        self.arrived.clear();
    }

    /// Notes what the state of its server tells.
    fn look(&mut self, state: State, changed: bool, heard: u64) {
        self.took_over = (state == State::PartnerDown).then(|| self.took_over.unwrap_or(heard));
        let behind = |server: &Server| server.half.look(Relationship::is_behind);
        let behind = self.server.as_ref().is_some_and(behind);
        use State::{CommunicationRecovery, HotStandby, LoadBalancing, Ready, Syncing, Waiting};
        self.scopes_by_hand &= !changed;
        match state {
            // It lacks what its partner grants meanwhile.
            Ready if behind => self.alone = true,
            CommunicationRecovery | HotStandby | LoadBalancing | Ready => self.alone = false,
            Syncing | Waiting => self.alone = true,
            _ => {}
        }
    }
}
