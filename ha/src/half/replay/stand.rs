//! A server without packets that stands where a recorded one stood: the real half, store and commands behind the real
//! listener, and a clock that the test sets. Its machine gets there by what a partner says, as everywhere.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use engine::clock::{Clock, Mono, Now};
use engine::control::Registry;
use engine::control::core::{Core, Served};
use engine::control::leases::LeaseCommands;
use engine::lease::json::{LeaseSubnet, SubnetKey};
use engine::lease::memory::MemoryStore;
use engine::lease::{Change, ChangeSink, LeaseStore};
use engine::pending::{Pending, PendingReply, Release};
use engine::seam::service::Service;
use serde_json::{Value, json};

use super::super::{Half, Job, Receivers, all_of, batch, commands, homecoming};
use crate::guard::Guard;
use crate::io::listener::{Listener, Manners, Patience, Rules, Settings};
use crate::machine::{
    CallError, Mode, NotifyAnswer, Parameters, PartnerStatus, Pause, Peer, Peers, Relationship,
    Role, Seen, State, SyncDone,
};
use crate::wire::auth::Credentials;

/// A relationship as a recording has it.
#[derive(Clone)]
pub(super) struct Site {
    pub(super) index: u32,
    pub(super) mode: Mode,
    pub(super) this: &'static str,
    pub(super) peers: Vec<(&'static str, Role)>,
    pub(super) subnets: Vec<LeaseSubnet>,
    pub(super) rules: Rules,
    pub(super) pauses: Vec<(State, Pause)>,
    /// The other relationship of the same server.
    pub(super) also: Option<Box<Site>>,
}

/// A subnet of the recordings.
pub(super) fn subnet(id: u32, network: [u8; 4]) -> LeaseSubnet {
    let network = Ipv4Addr::from(network);
    LeaseSubnet { id, network, prefix_len: 24, valid_lifetime_s: 4000 }
}

/// A clock that stands still until it is set.
#[derive(Debug, Default)]
pub(super) struct Hands {
    mono_s: AtomicU64,
    wall_s: AtomicU64,
}

impl Hands {
    pub(super) fn set_wall(&self, wall_s: u64) {
        self.wall_s.store(wall_s, Ordering::Relaxed);
    }
}

impl Clock for Hands {
    fn now(&self) -> Now {
        let mono = Mono::from_ns(self.mono_s.load(Ordering::Relaxed) * 1_000_000_000);
        Now { mono, wall_s: self.wall_s.load(Ordering::Relaxed) }
    }
}

struct Nobody;

impl Release for Nobody {
    fn release(&self, _reply: PendingReply) {}
}

impl ChangeSink for Nobody {
    fn record(&self, _change: &Change<'_>) {}
}

/// A store of its own.
pub(super) fn store() -> Arc<dyn LeaseStore> {
    Arc::new(MemoryStore::new(Arc::new(Nobody)))
}

/// A server that stands somewhere.
pub(super) struct Server {
    site: Site,
    pub(super) half: Arc<Half>,
    pub(super) registry: Arc<Registry>,
    pub(super) store: Arc<dyn LeaseStore>,
    clock: Arc<Hands>,
    listener: Listener,
    jobs: Receivers,
    /// What the partner says it serves; none for what it would in its state.
    partner_serves: Option<Vec<String>>,
    /// The same server in its other relationship.
    pub(super) also: Option<Box<Server>>,
}

impl Server {
    /// A server that has just started.
    pub(super) fn start(site: &Site, store: Arc<dyn LeaseStore>, clock: Arc<Hands>) -> Self {
        let service = Arc::new(Service::default());
        let pending = Arc::new(Pending::new(0, Arc::new(Nobody), Arc::default()));
        let half = Half::new(site.index, parameters(site), pending, service.clone(), clock.clone());
        let registry = Arc::new(Registry::default());
        let subnets = site.subnets.clone();
        let found = move |key| {
            let mut subnets = subnets.iter().copied();
            subnets.find(|subnet| match key {
                SubnetKey::Id(id) => subnet.id == id,
                SubnetKey::Address(address) => {
                    subnet.network.octets()[..3] == address.octets()[..3]
                }
            })
        };
        let guard: Arc<dyn engine::seam::Guard> =
            Arc::new(Guard::new(half.clone(), Arc::default()));
        let leases = LeaseCommands {
            store: store.clone(),
            clock: clock.clone(),
            subnet: Arc::new(found),
            written: Arc::new(|_| Ok(())),
            guard: Arc::new(guard.into()),
        };
        leases.clone().register(&registry);
        core(&clock, &service).register(&registry, "test");
        let also = site.also.as_ref().map(|also| Self::start(also, store.clone(), clock.clone()));
        let others = also.iter().map(|also| also.half.clone());
        let halves: Vec<_> = std::iter::once(half.clone()).chain(others).collect();
        let halves = all_of(&halves);
        commands::register(&halves, &registry);
        batch::register(&halves, &leases, &registry);
        homecoming::register(&halves, &registry);
        let settings = Settings {
            address: "127.0.0.1:0".parse().unwrap(),
            threads: 1,
            rules: site.rules.clone(),
            peers: vec![Ipv4Addr::LOCALHOST.into()],
            patience: Patience::default(),
            tls: None,
            manners: Manners::default(),
        };
        let listener =
            Listener::start(settings, registry.clone(), clock.clone(), Arc::default()).unwrap();
        let jobs = half.take_receivers().unwrap();
        let (site, also) = (site.clone(), also.map(Box::new));
        Self { site, half, registry, store, clock, listener, jobs, partner_serves: None, also }
    }

    pub(super) fn state(&self) -> State {
        self.half.look(|machine| machine.state())
    }

    pub(super) fn unsent(&self) -> u64 {
        self.half.heartbeat_status().unsent_updates
    }

    /// What a heartbeat of the partner's tells; none for no answer.
    pub(super) fn hear(&self, partner: Option<State>) {
        let wall_s = self.clock.now().wall_s;
        let status = partner.map(|state| PartnerStatus {
            state,
            scopes: self.partner_serves.clone().unwrap_or_else(|| self.partner_scopes(state)),
            wall_s,
            unsent_updates: 0,
        });
        let heard = status.ok_or_else(|| CallError::Communication("no answer".into()));
        self.half.act(|machine, now| machine.handle_heartbeat(now, heard));
    }

    /// The scopes that a partner serves in `state`.
    fn partner_scopes(&self, state: State) -> Vec<String> {
        let active = |role| matches!(role, Role::Primary | Role::Secondary);
        let all = self.site.peers.iter().filter(|(_, role)| active(*role));
        let own = all.clone().filter(|(name, _)| *name != self.site.this);
        let names = |peers: &mut dyn Iterator<Item = &(&'static str, Role)>| {
            peers.map(|(name, _)| (*name).to_owned()).collect()
        };
        match state {
            State::PartnerDown | State::PartnerInMaintenance => names(&mut all.into_iter()),
            State::LoadBalancing
            | State::HotStandby
            | State::CommunicationRecovery
            | State::Terminated => names(&mut own.into_iter()),
            _ => Vec::new(),
        }
    }

    /// Lets `seconds` pass.
    pub(super) fn wait(&self, seconds: u64) {
        self.clock.mono_s.fetch_add(seconds, Ordering::Relaxed);
        self.half.skip();
        self.half.handle_timeout();
    }

    /// Leads a server that has just started into `state`.
    pub(super) fn lead_to(&self, state: State) {
        let normal = self.site.mode.normal();
        match state {
            State::Waiting | State::Backup | State::PassiveBackup => {
                self.half.act(|machine, now| {
                    if machine.peers().partner().is_none() || machine.state() != state {
                        machine.handle_timeout(now);
                    }
                });
            }
            State::Syncing => {
                self.half.act(Relationship::resume);
                self.hear(Some(State::Ready));
            }
            State::Ready => {
                self.lead_to(State::Syncing);
                // A primary would go on at once if it saw the other ready.
                self.hear(Some(State::Syncing));
                let done = Ok(SyncDone { leases: 0 });
                self.half.act(|machine, now| machine.handle_sync(now, done));
            }
            State::LoadBalancing | State::HotStandby => {
                self.lead_to(State::Ready);
                self.hear(Some(normal));
            }
            State::CommunicationRecovery => {
                self.lead_to(normal);
                self.hear(None);
            }
            State::PartnerDown => {
                if self.partner_serves.as_ref().is_some_and(|scopes| !scopes.is_empty()) {
                    self.lead_to(normal);
                }
                self.wait(61);
                self.hear(None);
            }
            State::InMaintenance => {
                self.lead_to(normal);
                self.half.act(|machine, now| machine.notify_maintenance(now, false, Some(normal)));
                self.hear(Some(State::PartnerInMaintenance));
            }
            State::PartnerInMaintenance => {
                self.lead_to(normal);
                self.hear(Some(normal));
                self.start_maintenance();
                self.hear(Some(State::InMaintenance));
            }
            State::Terminated => {
                self.lead_to(normal);
                self.hear(Some(State::Terminated));
            }
        }
    }

    fn start_maintenance(&self) {
        self.half.act(|machine, now| {
            machine.start_maintenance().unwrap();
            let sent = crate::machine::Notification {
                cancel: false,
                state: machine.state(),
                repeated: false,
            };
            let answer = NotifyAnswer { result: 0, text: String::new(), state: None };
            machine.handle_maintenance_answer(now, sent, Ok(answer))
        });
    }

    /// From now on the partner says that it serves these scopes.
    pub(super) fn set_partner_scopes(&mut self, scopes: Vec<String>) {
        self.partner_serves = Some(scopes);
    }

    /// Lets the server see its partner in `seen` without leaving its own state, and not hear it for long if `silent`;
    /// whether all that is so then.
    pub(super) fn sees(&self, seen: Seen, silent: bool) -> bool {
        let state = self.state();
        if self.seen() != seen {
            match seen {
                Seen::Unset => {}
                Seen::Unavailable => self.hear(None),
                Seen::In(partner) => self.hear(Some(partner)),
            }
        }
        let remote = || self.half.act(|machine, now| machine.status(now)).remote;
        let is_silent = || remote().is_some_and(|remote| remote.communication_interrupted);
        if silent && !is_silent() {
            self.wait(61);
        }
        self.state() == state && self.seen() == seen && is_silent() == silent
    }

    fn seen(&self) -> Seen {
        let status = self.half.act(|machine, now| machine.status(now));
        status.remote.map_or(Seen::Unset, |remote| remote.last_state)
    }

    /// Runs a command as a control socket does. What it asks of the partner is answered, if there is one.
    pub(super) fn run(&self, request: &Value) -> Value {
        let all = || std::iter::once(self).chain(self.also.as_deref());
        all().for_each(|server| while server.jobs.others.try_recv().is_ok() {});
        std::thread::scope(|scope| {
            let command = scope.spawn(|| self.registry.execute(request).into_json());
            while !command.is_finished() {
                for server in all() {
                    if let Ok(job) = server.jobs.others.recv_timeout(Duration::from_millis(1)) {
                        server.answer(job);
                    }
                }
            }
            command.join().unwrap()
        })
    }

    fn answer(&self, job: Job) {
        let is_there = self.seen() != Seen::Unavailable;
        let none = || CallError::Communication("no answer".into());
        match job {
            Job::Sync(_) => {
                let done = is_there.then_some(SyncDone { leases: 0 }).ok_or_else(none);
                self.half.act(|machine, now| machine.handle_sync(now, done));
            }
            Job::Maintenance(sent) => {
                let state = sent.cancel.then_some(self.site.mode.normal());
                let answer = NotifyAnswer { result: 0, text: String::new(), state };
                self.half.end_maintenance(sent, is_there.then_some(answer).ok_or_else(none));
            }
            Job::Heartbeat | Job::Probe | Job::Reset | Job::End => {}
        }
    }

    /// Sends a request and reads its answer: head and body.
    pub(super) fn exchange(&self, request: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.listener.address()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let mut chunk = [0; 65_536];
        loop {
            let n = stream.read(&mut chunk).unwrap();
            answer.extend_from_slice(&chunk[..n]);
            let text = std::str::from_utf8(&answer).unwrap();
            if let Some((head, body)) = text.split_once("\r\n\r\n")
                && body.len() == length(head)
            {
                return (head.to_owned(), body.to_owned());
            }
            assert!(n > 0, "the answer ends early: {text}");
        }
    }
}

fn length(head: &str) -> usize {
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    length.unwrap().parse().unwrap()
}

fn parameters(site: &Site) -> Parameters {
    let peer = |(name, role): &(&str, Role)| Peer {
        name: (*name).into(),
        role: *role,
        auto_failover: true,
    };
    let peers = Peers::new(site.mode, site.this, site.peers.iter().map(peer).collect()).unwrap();
    let pauses = site.pauses.iter().copied().collect();
    Parameters { max_unacked_clients: 0, pauses, ..Parameters::defaults(peers) }
}

fn core(clock: &Arc<Hands>, service: &Arc<Service>) -> Core {
    Core {
        clock: clock.clone(),
        started: clock.now().mono,
        service: service.clone(),
        served: Served::live(json!({}), clock.now().mono),
        threads: 1,
        packet_queue_size: 64,
        multi_threading: true,
        lease_file: Some("/var/lib/kea/leases.csv".into()),
        shutdown: crossbeam::channel::bounded(1).0,
    }
}

/// The credentials in an `Authorization` header of the recordings: users u1 to u3 with passwords p1 to p3.
pub(super) fn credentials(number: u8) -> Option<Credentials> {
    Credentials::new(&format!("u{number}"), &format!("p{number}"))
}
