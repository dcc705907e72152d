//! Two machines, their gates and their services on a virtual clock: a network with latency, cuts
//! and loss, and no socket. Lease updates and synchronisations are only their outcomes.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::clock::{Mono, Now};
use engine::rng::Rng;
use engine::seam::service::{Origin, Service};
use engine::seam::{Admission, Client, Waiting};

use super::{EPOCH_S, drain, parameters};
use crate::gate::Gate;
use crate::machine::{
    Action, CallError, ClientKey, Mode, Note, Notification, NotifyAnswer, Parameters,
    PartnerStatus, Relationship, State, SyncDone, ToPartner, UpdateOutcome,
};

/// How long a call takes to be given up when nobody answers.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The world of a pair.
pub(super) struct Pair {
    now: Mono,
    servers: [Option<Server>; 2],
    parameters: [Parameters; 2],
    events: BTreeMap<(Mono, u64), Event>,
    sequence: u64,
    rng: Rng,
    /// One way of each message.
    pub(super) latency: Duration,
    /// Of 1000 calls, how many are lost.
    pub(super) loss: u64,
    /// Whether the link is cut.
    pub(super) cut: bool,
    /// Seconds by which each server's wall clock is off.
    pub(super) wall_off_s: [i64; 2],
    /// Of the updates that a server receives from the other, refuse all.
    pub(super) refuses_updates: [bool; 2],
    /// Each state that was entered: seconds since the start, server, state.
    pub(super) history: Vec<(f64, usize, State)>,
    /// Each note that was made.
    pub(super) notes: Vec<(usize, Note)>,
    /// Answers to ha-maintenance-start and -cancel, and to ha-sync.
    pub(super) answers: Vec<String>,
    /// Start-ups so far: what was sent by an earlier one is lost.
    starts: [u32; 2],
}

pub(super) struct Server {
    pub(super) machine: Relationship,
    gate: Gate,
    service: Service,
    delayed: usize,
}

/// Something that will happen to a server.
enum Event {
    /// A request arrives, and is answered if the server is there.
    Request { to: usize, ask: Ask },
    /// A call ends.
    Answer { to: usize, start: u32, answer: Outcome },
}

#[derive(Clone)]
enum Ask {
    Heartbeat,
    Sync { period_s: Option<u32> },
    SyncEnd,
    Reset,
    Backlog,
    Update(ClientKey),
    Maintenance(Notification),
}

enum Outcome {
    Heartbeat(Result<PartnerStatus, CallError>),
    Sync(Result<SyncDone, CallError>),
    Reset(Result<(), CallError>),
    Backlog(Result<(), CallError>),
    Update(ClientKey, UpdateOutcome),
    Maintenance(Notification, Result<NotifyAnswer, CallError>),
}

impl Pair {
    /// Two servers that are not started yet.
    pub(super) fn new(mode: Mode, change: impl Fn(&mut Parameters)) -> Self {
        let parameters = ["server1", "server2"].map(|name| {
            let mut parameters = parameters(mode, name);
            change(&mut parameters);
            parameters
        });
        Self {
            now: Mono::from_ns(0),
            servers: [None, None],
            parameters,
            events: BTreeMap::new(),
            sequence: 0,
            rng: Rng::seeded(1),
            latency: Duration::from_millis(1),
            loss: 0,
            cut: false,
            wall_off_s: [0, 0],
            refuses_updates: [false, false],
            history: Vec::new(),
            notes: Vec::new(),
            answers: Vec::new(),
            starts: [0, 0],
        }
    }

    /// Both servers started and in normal operation, with nothing in the history.
    pub(super) fn in_normal_operation(mode: Mode, change: impl Fn(&mut Parameters)) -> Self {
        let mut pair = Self::new(mode, change);
        pair.start(0);
        pair.start(1);
        pair.run_for(6.0);
        assert_eq!(pair.states(), [mode.normal(); 2].map(Some));
        pair.history.clear();
        pair.notes.clear();
        pair
    }

    pub(super) fn start(&mut self, server: usize) {
        let parameters = self.parameters[server].clone();
        let gate = Gate::new(parameters.peers.clone(), parameters.max_ack_delay);
        let machine = Relationship::new(parameters, self.clock(server));
        let service = Service::default();
        self.starts[server] += 1;
        self.servers[server] = Some(Server { machine, gate, service, delayed: 0 });
        self.act(server);
    }

    pub(super) fn kill(&mut self, server: usize) {
        self.servers[server] = None;
    }

    pub(super) fn clock(&self, server: usize) -> Now {
        let wall_s = (EPOCH_S + self.now.as_ns() / 1_000_000_000)
            .checked_add_signed(self.wall_off_s[server])
            .unwrap();
        Now { mono: self.now, wall_s }
    }

    pub(super) fn server(&mut self, server: usize) -> &mut Server {
        self.servers[server].as_mut().unwrap()
    }

    pub(super) fn states(&self) -> [Option<State>; 2] {
        [0, 1].map(|n| self.servers[n].as_ref().map(|server| server.machine.state()))
    }

    /// The names of the scopes that each server serves: none while its service is off.
    pub(super) fn serving(&self) -> [Vec<String>; 2] {
        [0, 1].map(|n| match &self.servers[n] {
            Some(server) if server.service.is_enabled() => {
                server.machine.scope_names().iter().map(|name| name.to_string()).collect()
            }
            _ => vec![],
        })
    }

    /// States entered by a server, in order.
    pub(super) fn entered_by(&self, server: usize) -> Vec<State> {
        self.history.iter().filter(|entry| entry.1 == server).map(|entry| entry.2).collect()
    }

    /// When `server` entered `state` first, in seconds.
    pub(super) fn first(&self, server: usize, state: State) -> Option<f64> {
        self.history.iter().find(|entry| (entry.1, entry.2) == (server, state)).map(|e| e.0)
    }

    /// Gives a command or an input to a server, and does what follows from it.
    pub(super) fn with<T>(
        &mut self,
        server: usize,
        command: impl FnOnce(&mut Relationship, Now) -> T,
    ) -> T {
        let now = self.clock(server);
        let result = command(&mut self.server(server).machine, now);
        self.act(server);
        result
    }

    /// A DHCP query as both servers receive it. Gives who answered.
    pub(super) fn query(&mut self, id: u8, secs: u16) -> Vec<usize> {
        let key = [2, 0, 0, 0, 1, id];
        let client = Client {
            key: Some(&key),
            hw_address: &key,
            client_id: &[],
            waiting: Waiting::Seconds(secs),
            balanced: true,
        };
        let mut answered = Vec::new();
        for n in [0, 1] {
            let now = self.clock(n);
            let Some(server) = &mut self.servers[n] else { continue };
            if !server.service.is_enabled() {
                continue;
            }
            let mut serve = server.gate.admit(&client, now).serve;
            if server.gate.is_in_doubt() {
                // The partner, gone or behind the cut, does not say, and the client asks again.
                server.gate.trust(false);
                serve = server.gate.admit(&client, now).serve;
            }
            if serve {
                answered.push(n);
                self.lease(n, ClientKey::new(&key, &[]).unwrap());
                continue;
            }
            while let Some(unserved) = server.gate.poll_unserved() {
                server.machine.handle_unserved(now, &unserved.as_client());
            }
            self.act(n);
        }
        answered
    }

    /// A lease was given by a server: what becomes of its update.
    fn lease(&mut self, n: usize, client: ClientKey) {
        let limit = self.parameters[n].delayed_updates_limit as usize;
        let server = self.servers[n].as_mut().unwrap();
        match server.gate.standing().updates.partner {
            ToPartner::Nothing => {}
            ToPartner::Send => return self.call(n, Ask::Update(client)),
            ToPartner::Queue if server.delayed < limit => server.delayed += 1,
            ToPartner::Queue => server.machine.handle_backlog_overflow(),
            ToPartner::Count => server.machine.handle_unsent(1),
        }
        self.act(n);
    }

    /// Lets `seconds` pass.
    pub(super) fn run_for(&mut self, seconds: f64) {
        let end = self.now + Duration::from_secs_f64(seconds);
        loop {
            let event = self.events.keys().next().map(|key| key.0);
            let timers = self.servers.iter().flatten().filter_map(|s| s.machine.poll_timeout());
            let timer = timers.min();
            let Some(next) = event.into_iter().chain(timer).min().filter(|at| *at <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            while let Some(entry) = self.events.first_entry().filter(|e| e.key().0 <= self.now) {
                let event = entry.remove();
                self.happen(event);
            }
            for n in [0, 1] {
                let now = self.clock(n);
                if let Some(server) = &mut self.servers[n] {
                    server.machine.handle_timeout(now);
                    self.act(n);
                }
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Request { to, ask } => self.serve(to, ask),
            Event::Answer { to, start, answer } => {
                if self.servers[to].is_some() && self.starts[to] == start {
                    let text = self.with(to, |machine, now| take(machine, now, answer));
                    self.answers.extend(text);
                }
            }
        }
    }

    fn schedule(&mut self, after: Duration, event: Event) {
        self.sequence += 1;
        self.events.insert((self.now + after, self.sequence), event);
    }

    /// Sends a request to the other server.
    fn call(&mut self, from: usize, ask: Ask) {
        let lost = self.rng.next_u64() % 1000 < self.loss;
        if self.cut || lost {
            self.answer(from, TIMEOUT, failed(&ask, "Operation timed out"));
        } else {
            self.schedule(self.latency, Event::Request { to: 1 - from, ask });
        }
    }

    fn answer(&mut self, to: usize, after: Duration, answer: Outcome) {
        let start = self.starts[to];
        self.schedule(after, Event::Answer { to, start, answer });
    }

    /// A request has arrived at a server that may be dead.
    fn serve(&mut self, to: usize, ask: Ask) {
        let from = 1 - to;
        if self.servers[to].is_none() || self.cut {
            return self.answer(from, self.latency, failed(&ask, "Connection refused"));
        }
        let outcome = match ask {
            Ask::Heartbeat => {
                let status = self.with(to, |machine, now| machine.heartbeat_status(now));
                Outcome::Heartbeat(Ok(PartnerStatus {
                    state: status.state,
                    scopes: status.scopes.iter().map(|name| name.to_string()).collect(),
                    wall_s: status.wall_s,
                    unsent_updates: status.unsent_updates,
                }))
            }
            Ask::Sync { period_s } => {
                let now = self.now;
                let period = period_s.map(|s| Duration::from_secs(s.into()));
                self.server(to).service.disable(Origin::ha_remote(0), now, period);
                self.with(to, |machine, _| machine.handle_service(true));
                return self.schedule(self.latency * 4, Event::Request { to, ask: Ask::SyncEnd });
            }
            Ask::SyncEnd => {
                self.with(to, |machine, now| machine.sync_complete(now, Some(2000)));
                Outcome::Sync(Ok(SyncDone { leases: 0 }))
            }
            Ask::Reset => {
                self.with(to, |machine, now| machine.reset_by_partner(now));
                Outcome::Reset(Ok(()))
            }
            Ask::Backlog => Outcome::Backlog(Ok(())),
            Ask::Update(client) if self.refuses_updates[to] => {
                Outcome::Update(client, UpdateOutcome::Conflict)
            }
            Ask::Update(client) => Outcome::Update(client, UpdateOutcome::Success),
            Ask::Maintenance(sent) => {
                let answer = self.with(to, |machine, now| {
                    machine.notify_maintenance(now, sent.cancel, Some(sent.state))
                });
                let state = answer.arguments.as_ref().and_then(|map| map["state"].as_str());
                let state = state.map(|name| name.parse().unwrap());
                let (result, text) = (answer.result, answer.text.unwrap_or_default());
                Outcome::Maintenance(sent, Ok(NotifyAnswer { result, text, state }))
            }
        };
        self.answer(from, self.latency, outcome);
    }

    /// Does what a machine asks for.
    fn act(&mut self, n: usize) {
        let Some(server) = &mut self.servers[n] else { return };
        let held = server.service.disabled_by().iter().any(|origin| *origin != Origin::ha_local(0));
        server.machine.handle_service(held);
        for action in drain(&mut server.machine) {
            self.perform(n, action);
        }
        self.check(n);
    }

    fn perform(&mut self, n: usize, action: Action) {
        let now = self.now;
        let server = self.servers[n].as_mut().unwrap();
        match action {
            Action::SendHeartbeat => self.call(n, Ask::Heartbeat),
            Action::StartSync(order) => {
                self.call(n, Ask::Sync { period_s: order.max_period_s });
            }
            Action::AnswerSync(answer) => self.answers.extend(answer.text),
            Action::SendBacklog | Action::SendDeletions => self.call(n, Ask::Backlog),
            Action::ClearBacklog => server.delayed = 0,
            Action::SendReset => self.call(n, Ask::Reset),
            Action::SendMaintenanceNotify(sent) => self.call(n, Ask::Maintenance(sent)),
            Action::Publish(standing) => server.gate.publish(standing),
            Action::SetService(true) => server.service.enable(Origin::ha_local(0)),
            Action::SetService(false) => {
                server.service.disable(Origin::ha_local(0), now, None);
            }
            Action::ReleaseRemoteOrigin(_) => {
                server.service.enable(Origin::ha_remote(0));
                server.machine.handle_service(false);
            }
            Action::Note(note) => {
                if let Note::Transition { to, .. } = note {
                    let seconds = now.as_ns() as f64 / 1e9;
                    self.history.push((seconds, n, to));
                }
                self.notes.push((n, note));
            }
        }
    }

    /// What holds after each step.
    fn check(&mut self, n: usize) {
        let now = self.clock(n);
        let server = self.server(n);
        assert_eq!(server.gate.standing(), server.machine.standing(now), "published");
        let held = server.service.disabled_by().contains(&Origin::ha_local(0));
        assert_eq!(held, !server.machine.serves(), "{:?}", server.machine.state());
    }
}

/// Gives the end of a call to the machine; an answer for an administrator comes out.
fn take(machine: &mut Relationship, now: Now, answer: Outcome) -> Option<String> {
    match answer {
        Outcome::Heartbeat(result) => machine.handle_heartbeat(now, result),
        Outcome::Sync(result) => machine.handle_sync(now, result),
        Outcome::Reset(result) => machine.handle_reset_answer(now, result),
        Outcome::Backlog(result) => machine.handle_backlog_sent(now, result),
        Outcome::Update(client, outcome) => machine.handle_update(now, Some(client), outcome),
        Outcome::Maintenance(sent, result) => {
            return machine.handle_maintenance_answer(now, sent, result).text;
        }
    }
    None
}

/// How a call ends that nobody answers.
fn failed(ask: &Ask, why: &str) -> Outcome {
    let error = CallError::Communication(why.into());
    match ask {
        Ask::Heartbeat => Outcome::Heartbeat(Err(error)),
        Ask::Sync { .. } | Ask::SyncEnd => Outcome::Sync(Err(error)),
        Ask::Reset => Outcome::Reset(Err(error)),
        Ask::Backlog => Outcome::Backlog(Err(error)),
        Ask::Update(client) => Outcome::Update(client.clone(), UpdateOutcome::Failure(error)),
        Ask::Maintenance(sent) => Outcome::Maintenance(*sent, Err(error)),
    }
}
