//! The world: servers, clients and what is on its way between them, one event after the other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use engine::packet::Packet;

use super::agenda::Agenda;
use super::breakage::Breakage;
use super::client::Client;
use super::clock::{Error, ServerClock};
use super::dice::Dice;
use super::disk::Disk;
use super::faults::Fault;
use super::healing::Healing;
use super::ledger::{Ledger, Promise};
use super::net::Net;
use super::plan::{Plan, Setup};
use super::server::Server;
use super::{Failure, Report};
use crate::family::Address;
use crate::machine::CallError;

/// Something that is to happen. A process that is named by its number is not there any more once it crashed.
#[derive(Debug)]
pub(super) enum Event {
    Client {
        client: usize,
        turn: u32,
    },
    /// A client gives its address back.
    Leave {
        client: usize,
    },
    Query {
        server: usize,
        packet: Packet,
        /// The client and the address that it asks for.
        wants: Option<(usize, Address)>,
    },
    /// What has arrived at a server is taken together.
    Receive {
        server: usize,
        process: u32,
    },
    Reply {
        client: usize,
        from: usize,
        message: Vec<u8>,
        promise: Option<Promise>,
    },
    Request(Box<Request>),
    Answer {
        to: usize,
        process: u32,
        call: u64,
        answer: Result<String, CallError>,
    },
    Timer {
        server: usize,
        process: u32,
    },
    Housekeeping {
        server: usize,
        process: u32,
    },
    Start {
        server: usize,
    },
    Thaw {
        server: usize,
        process: u32,
        since: u64,
        clock_stands: bool,
    },
    Fault(Fault),
    Heal(Healing),
}

/// Events that wait for a process that is stopped.
const MOST_WAITING: usize = 256;

impl Event {
    /// Whose process handles it, or would if it were not stopped.
    const fn server(&self) -> Option<usize> {
        match self {
            Event::Query { server, .. }
            | Event::Receive { server, .. }
            | Event::Answer { to: server, .. }
            | Event::Timer { server, .. }
            | Event::Housekeeping { server, .. } => Some(*server),
            Event::Request(request) => Some(request.to),
            _ => None,
        }
    }
}

impl Event {
    /// The call that this says has failed.
    pub(super) const fn call_that_failed(&self) -> Option<u64> {
        match self {
            Event::Answer { call, answer: Err(_), .. } => Some(*call),
            _ => None,
        }
    }
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
    pub(super) clock: Arc<ServerClock>,
    pub(super) error: Error,
    /// The least and the most that its clock was ever ahead.
    pub(super) ahead_s: (i64, i64),
    /// It serves alone, and when it began to had last heard of its partner at this time.
    pub(super) took_over: Option<u64>,
    /// When it last began to synchronise.
    pub(super) syncs_since: u64,
    /// When it entered its present state.
    pub(super) entered: u64,
    /// An administrator waits for it to lose its partner.
    pub(super) takes_over: bool,
    /// How it is configured when it is started next.
    pub(super) setup: Setup,
    pub(super) server: Option<Server>,
    /// Counts the processes.
    pub(super) process: u32,
    pub(super) timer: Option<u64>,
    /// Speaks as a Kea 2.2 does.
    pub(super) is_kea: bool,
    /// Is a Peregrine that does not serve while its partner returns, and knows no halves of pools.
    pub(super) is_older: bool,
    /// The process dies after so many things that it sends.
    pub(super) dies_after: Option<usize>,
    /// Whether it has not synchronised since it was started, or began anew.
    pub(super) alone: bool,
    /// Whether an administrator has set the scopes that it serves.
    pub(super) scopes_by_hand: bool,
    /// It stood still, or its clock was set, and its driver has not looked since.
    pub(super) startled: bool,
    /// What comes for a process that is stopped.
    pub(super) inbox: Option<Vec<Event>>,
    /// Queries that are taken together.
    pub(super) arrived: Vec<Packet>,
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
    /// What the fastest clock said when the clocks were set right; 0 before.
    pub(super) healed_at_s: u64,
    pub(super) clients: Vec<Client>,
    /// Counts what each client was woken for, so that it is woken once.
    pub(super) turns: Vec<u32>,
    pub(super) clients_rest: bool,
    agenda: Agenda,
    pub(super) xid: u32,
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
            ahead_s: (plan.servers[place].clock.ahead_s, plan.servers[place].clock.ahead_s),
            took_over: None,
            syncs_since: 0,
            entered: 0,
            takes_over: false,
            setup: Setup::Right,
            server: None,
            process: 0,
            timer: None,
            is_kea: plan.servers[place].is_kea,
            is_older: plan.servers[place].is_older,
            dies_after: None,
            alone: true,
            scopes_by_hand: false,
            startled: false,
            inbox: None,
            arrived: Vec::new(),
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
            ledger: Ledger::new(plan.takes_over_early()),
            report: Report { seeds: 1, ..Report::default() },
            breakage,
            failure: None,
            ended: false,
            healed_at_s: 0,
            turns: vec![0; clients.len()],
            clients,
            clients_rest: false,
            agenda: Agenda::default(),
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
        while let Some((at, event)) = self.agenda.next() {
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

    pub(super) fn happen(&mut self, event: Event) {
        let stopped = event.server().and_then(|at| self.sites[at].inbox.as_mut());
        if let Some(inbox) = stopped {
            // Much of it is lost, as in the buffers of a kernel.
            if inbox.len() < MOST_WAITING {
                inbox.push(event);
            }
            return;
        }
        match event {
            Event::Client { client, turn } if self.turns[client] == turn => self.let_act(client),
            Event::Client { .. } => {}
            Event::Leave { client } => self.let_leave(client),
            Event::Query { server, packet, wants } => self.query(server, packet, wants),
            Event::Receive { server, process } => {
                if self.sites[server].process == process {
                    self.receive(server);
                }
            }
            Event::Reply { client, from, message, promise } => {
                self.hear(client, from, promise, &message);
            }
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
            Event::Thaw { server, process, since, clock_stands } => {
                if self.sites[server].process == process {
                    self.thaw(server, since, clock_stands);
                }
            }
            Event::Fault(fault) => self.suffer(fault),
            Event::Heal(healing) => self.heal(healing),
        }
    }

    /// Something happens later.
    pub(super) fn after(&mut self, wait: Duration, event: Event) {
        let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        self.at(self.now.saturating_add(wait), event);
    }

    pub(super) fn at(&mut self, when: u64, event: Event) {
        self.agenda.add(when.max(self.now), event);
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
