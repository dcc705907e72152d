//! The world: servers, clients and what is on its way between them, one event after the other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use engine::codec::v4::MessageType;
use engine::packet::{Departure, Packet};

use super::breakage::Breakage;
use super::client::{Client, Meant, To};
use super::clock::{Error, ServerClock};
use super::dice::Dice;
use super::disk::Disk;
use super::faults::Fault;
use super::healing::Healing;
use super::ledger::Ledger;
use super::message::{Heard, Saying};
use super::net::{Fate, Net};
use super::plan::Plan;
use super::server::{Sent, Server};
use super::{Failure, Report};
use crate::machine::CallError;

/// Something that is to happen. A process that is named by its number is not there any more once it crashed.
#[derive(Debug)]
pub(super) enum Event {
    Client { client: usize, turn: u32 },
    Query { server: usize, packet: Packet },
    Reply { client: usize, message: Vec<u8>, server: usize },
    Request(Box<Request>),
    Answer { to: usize, process: u32, call: u64, answer: Result<String, CallError> },
    Timer { server: usize, process: u32 },
    Housekeeping { server: usize, process: u32 },
    Start { server: usize },
    Fault(Fault),
    Heal(Healing),
}

/// A request between servers.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) from: usize,
    pub(super) process: u32,
    pub(super) call: u64,
    pub(super) to: usize,
    pub(super) body: String,
}

/// A place where a server runs, or does not.
pub(super) struct Site {
    pub(super) disk: Disk,
    clock: Arc<ServerClock>,
    pub(super) error: Error,
    pub(super) server: Option<Server>,
    /// Counts the processes.
    pub(super) process: u32,
    timer: Option<u64>,
    /// The process dies after so many things that it sends.
    pub(super) dies_after: Option<usize>,
    /// Whether the process has worked with its partner.
    pub(super) reached_partner: bool,
    /// Replies that may still come to each query.
    pub(super) expected: BTreeMap<u32, i32>,
}

/// Everything.
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) plan: Plan,
    pub(super) dice: Dice,
    pub(super) now: u64,
    pub(super) sites: Vec<Site>,
    pub(super) net: Net,
    pub(super) ledger: Ledger,
    pub(super) report: Report,
    pub(super) breakage: Option<Breakage>,
    pub(super) failure: Option<String>,
    pub(super) ended: bool,
    pub(super) clients: Vec<Client>,
    /// Counts what each client was woken for, so that it is woken once.
    turns: Vec<u32>,
    pub(super) clients_rest: bool,
    queue: BTreeMap<(u64, u64), Event>,
    sequence: u64,
    xid: u32,
    /// Lines to be shown of a run that fails, at most so many.
    told: Option<VecDeque<String>>,
    shown: usize,
}

impl World {
    pub(super) fn new(seed: u64, breakage: Option<Breakage>, shown: usize) -> Self {
        let mut dice = Dice::new(seed);
        let plan = Plan::draw(&mut dice);
        let site = |place: usize| Site {
            disk: Disk::new(breakage),
            clock: Arc::default(),
            error: plan.servers[place].clock,
            server: None,
            process: 0,
            timer: None,
            dies_after: None,
            reached_partner: false,
            expected: BTreeMap::new(),
        };
        let sites = (0..plan.servers.len()).map(site).collect();
        let number = |place: usize| u8::try_from(place).expect("few clients");
        let clients = (0..plan.clients).map(|place| Client::new(number(place), &mut dice));
        let clients: Vec<_> = clients.collect();
        Self {
            seed,
            now: 1,
            sites,
            net: Net::default(),
            ledger: Ledger::default(),
            report: Report { seeds: 1, ..Report::default() },
            breakage,
            failure: None,
            ended: false,
            turns: vec![0; clients.len()],
            clients,
            clients_rest: false,
            queue: BTreeMap::new(),
            sequence: 0,
            xid: 0,
            told: (shown > 0).then(VecDeque::new),
            shown,
            plan,
            dice,
        }
    }

    /// Lets everything happen until the end, or until a check fails.
    pub(super) fn run(mut self) -> Result<Report, Failure> {
        for server in 0..self.sites.len() {
            let after = self.dice.span(0, 3_000);
            self.after(after, Event::Start { server });
        }
        for client in 0..self.clients.len() {
            let after = self.dice.span(1_000, 120_000);
            self.wake(client, after);
        }
        self.draw_faults();
        self.after(self.plan.trouble, Event::Heal(Healing::Begin));
        while let Some(((at, _), event)) = self.queue.pop_first() {
            self.now = at;
            self.report.steps += 1;
            self.happen(event);
            if self.ended || self.failure.is_some() {
                break;
            }
        }
        self.report.seconds = self.now / 1_000_000_000;
        self.count_rules();
        match self.failure {
            None => Ok(self.report),
            Some(what) => {
                let events = self.told.unwrap_or_default().into();
                Err(Failure { seed: self.seed, what, events })
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Client { client, turn } if self.turns[client] == turn => self.let_act(client),
            Event::Client { .. } => {}
            Event::Query { server, packet } => self.query(server, packet),
            Event::Reply { client, message, server } => self.hear(client, server, &message),
            Event::Request(request) => self.request(*request),
            Event::Answer { to, process, call, answer } => {
                let site = &self.sites[to];
                let waits = |server: &Server| server.waits_for(call);
                if site.process == process && site.server.as_ref().is_some_and(waits) {
                    let answer = answer.as_ref().map(String::as_bytes).map_err(Clone::clone);
                    self.touch(to, |server| server.answer(call, answer));
                }
            }
            Event::Timer { server, process } => {
                let site = &mut self.sites[server];
                // One that was set anew has left its old event behind.
                if site.process == process && site.timer == Some(self.now) {
                    site.timer = None;
                    self.touch(server, Server::handle_timeout);
                }
            }
            Event::Housekeeping { server, process } => {
                if self.sites[server].process == process {
                    self.touch(server, Server::housekeep);
                    let event = Event::Housekeeping { server, process };
                    self.after(Duration::from_secs(10), event);
                }
            }
            Event::Start { server } => self.start(server),
            Event::Fault(fault) => self.suffer(fault),
            Event::Heal(healing) => self.heal(healing),
        }
    }

    /// Something happens later.
    pub(super) fn after(&mut self, wait: Duration, event: Event) {
        let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        self.at(self.now.saturating_add(wait), event);
    }

    fn at(&mut self, when: u64, event: Event) {
        self.sequence += 1;
        self.queue.insert((when.max(self.now), self.sequence), event);
    }

    /// Keeps a line for the case that the run fails, if it is to tell.
    pub(super) fn tell(&mut self, line: impl FnOnce(&Self) -> String) {
        let line = self.told.as_ref().map(|_| line(self));
        if let (Some(told), Some(line)) = (&mut self.told, line) {
            if told.len() >= self.shown {
                told.pop_front();
            }
            told.push_back(format!("{:>9.3} {line}", self.now as f64 / 1e9));
        }
    }

    /// A check has failed; the first one counts.
    pub(super) fn fail(&mut self, what: impl FnOnce(&Self) -> String) {
        if self.failure.is_none() {
            let line = what(self);
            self.tell(|_| line.clone());
            self.failure = Some(line);
        }
    }
}

/// Servers.
impl World {
    fn start(&mut self, server: usize) {
        let site = &mut self.sites[server];
        if site.server.is_some() {
            return;
        }
        site.process += 1;
        site.timer = None;
        site.dies_after = None;
        site.reached_partner = false;
        site.expected.clear();
        site.clock.set(self.now, site.error);
        let started = Server::start(&self.plan, server, &site.disk, &site.clock, self.breakage);
        site.server = Some(started);
        let process = site.process;
        self.tell(|world| format!("{} starts", world.name(server)));
        self.touch(server, |_| ());
        self.after(Duration::from_secs(10), Event::Housekeeping { server, process });
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
        self.tell(|world| {
            format!("{} crashes{}", world.name(server), if power { " (power)" } else { "" })
        });
        if power {
            let lost = self.sites[server].disk.lose_power();
            if self.plan.servers[server].durability == engine::lease::csv::Durability::Kernel {
                self.ledger.lost(self.now, lost);
            }
        }
        self.look_at_scopes();
    }

    /// Does something to a running server, and sends what it wants to send.
    pub(super) fn touch<R>(&mut self, at: usize, act: impl FnOnce(&mut Server) -> R) -> Option<R> {
        let site = &mut self.sites[at];
        let server = site.server.as_mut()?;
        site.clock.set(self.now, site.error);
        let before = self.told.is_some().then(|| server.state());
        let result = act(server);
        let mut sent = Vec::new();
        server.poll_sent(&mut sent);
        if let Some(before) = before {
            let (state, partner) = (server.state(), server.partner());
            if state != before {
                self.tell(|world| {
                    format!("{}: {before} -> {state}, partner {partner:?}", world.name(at))
                });
            }
        }
        let site = &mut self.sites[at];
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
            self.send(at, one);
        }
        if dies.is_some() {
            self.crash(at, false);
            self.start_later(at);
            return None;
        }
        self.set_timer(at);
        self.look_at_scopes();
        Some(result)
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

    fn send(&mut self, from: usize, sent: Sent) {
        match sent {
            Sent::Reply(departure) => self.reply(from, departure),
            Sent::Request { call, to, body, timeout } => {
                let to = self.plan.servers.iter().position(|member| member.name == to);
                let to = to.expect("a peer is a server of the plan");
                let process = self.sites[from].process;
                let why = CallError::Communication("no answer in time".into());
                let lost = Event::Answer { to: from, process, call, answer: Err(why) };
                self.after(timeout, lost);
                let request = Request { from, process, call, to, body };
                if let Fate::Arrives(delay) = self.net.between(from, to, &mut self.dice) {
                    if self.dice.chance(self.net.duplication) {
                        self.report.count("requests twice");
                        let again = self.dice.span(1, 3_000);
                        self.after(delay + again, Event::Request(Box::new(request.clone())));
                    }
                    self.after(delay, Event::Request(Box::new(request)));
                }
            }
        }
    }

    /// A request arrives at a server.
    fn request(&mut self, request: Request) {
        let Request { from, process, call, to, body } = request;
        // Who has given up has closed the connection.
        let asker = &self.sites[from];
        let waits = asker.process == process
            && asker.server.as_ref().is_some_and(|server| server.waits_for(call));
        if !waits {
            return;
        }
        self.tell(|world| format!("{} asks {}: {body}", world.name(from), world.name(to)));
        let answer = match self.touch(to, |server| server.request(&body)) {
            Some(answer) => Ok(answer),
            None => Err(CallError::Communication("connection refused".into())),
        };
        self.tell(|_| format!("    {answer:?}"));
        if let Fate::Arrives(delay) = self.net.between(to, from, &mut self.dice) {
            self.after(delay, Event::Answer { to: from, process, call, answer });
        }
    }

    pub(super) fn name(&self, server: usize) -> &str {
        &self.plan.servers[server].name
    }
}

/// Clients.
impl World {
    fn wake(&mut self, client: usize, after: Duration) {
        self.turns[client] += 1;
        let turn = self.turns[client];
        self.after(after, Event::Client { client, turn });
    }

    fn let_act(&mut self, client: usize) {
        if self.clients_rest {
            return;
        }
        self.xid += 1;
        let held = self.clients[client].held(self.now);
        let (to, wait) = self.clients[client].act(self.now, self.xid, &mut self.dice);
        if let (Some(held), None) = (held, self.clients[client].held(self.now)) {
            self.ledger.release(held.address, client);
        }
        if let Some(to) = to {
            self.say(to);
        }
        self.wake(client, wait);
    }

    fn say(&mut self, to: To) {
        match to {
            To::Everybody(saying) => {
                for server in 0..self.sites.len() {
                    self.say_to(server, &saying, true);
                }
            }
            To::One(address, saying) => {
                let named = self.plan.servers.iter().position(|member| member.address == address);
                if let Some(server) = named {
                    self.say_to(server, &saying, false);
                }
            }
        }
    }

    fn say_to(&mut self, server: usize, saying: &Saying, broadcast: bool) {
        let copies = 1 + usize::from(self.dice.chance(self.net.duplication));
        for _ in 0..copies {
            if let Fate::Arrives(delay) = self.net.to_client(server, &mut self.dice) {
                let packet = saying.packet(self.plan.servers[server].address, broadcast);
                self.after(delay, Event::Query { server, packet });
            }
        }
        if saying.message_type == MessageType::Release {
            self.report.exchanges += 1;
        }
    }

    fn query(&mut self, server: usize, packet: Packet) {
        let xid = u32::from_be_bytes([4, 5, 6, 7].map(|at| packet.message[at]));
        let site = &mut self.sites[server];
        if site.server.is_some() {
            *site.expected.entry(xid).or_default() += 1;
            if site.expected.len() > 4096 {
                site.expected.pop_first();
            }
        }
        self.touch(server, |server| server.receive(vec![packet]));
    }

    /// A reply leaves a server.
    fn reply(&mut self, from: usize, departure: Departure) {
        let Some(heard) = Heard::read(&departure.message) else {
            return self.fail(|_| "a reply that no client understands".into());
        };
        self.tell(|world| {
            let Heard { message_type, yiaddr, hw_address, .. } = heard;
            format!("{}: {} {yiaddr} for {}", world.name(from), message_type.name(), hw_address[5])
        });
        self.check_reply(from, &heard);
        let client = usize::from(heard.hw_address[5]);
        let copies = 1 + usize::from(self.dice.chance(self.net.duplication));
        for _ in 0..copies {
            if let Fate::Arrives(delay) = self.net.to_client(from, &mut self.dice) {
                let message = departure.message.clone();
                self.after(delay, Event::Reply { client, message, server: from });
            }
        }
    }

    fn hear(&mut self, client: usize, server: usize, message: &[u8]) {
        let Some(heard) = Heard::read(message) else { return };
        let held = self.clients[client].held(self.now).map(|held| held.address);
        let meant = self.clients[client].hear(self.now, &heard, &mut self.dice);
        if let (Some(held), now_held) = (held, self.clients[client].held(self.now))
            && now_held.is_none_or(|now_held| now_held.address != held)
        {
            self.ledger.release(held, client);
        }
        if meant != Meant::Nothing {
            self.report.exchanges += u64::from(meant != Meant::More);
        }
        match meant {
            Meant::Nothing => {}
            Meant::More => self.wake(client, Duration::from_millis(1)),
            Meant::Lost => self.wake(client, Duration::from_millis(500)),
            Meant::Bound => {
                self.check_hold(client, server, heard.yiaddr);
                let wait = self.clients[client].renews_in(self.now, &mut self.dice);
                self.wake(client, wait);
            }
            Meant::Declined => {
                self.xid += 1;
                if let Some(to) = self.clients[client].decline(self.now, self.xid) {
                    self.say(to);
                }
                self.wake(client, Duration::from_secs(14));
            }
        }
    }
}
