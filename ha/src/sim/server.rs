//! One whole server: the product's packet path, store, journal, machine, gate, outbox and commands, on a disk and a
//! clock of the simulation. What it wants to send comes out of [`Server::poll_sent`]; nothing here decides anything.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::RandomState;
use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::Receiver;
use engine::alloc::Offers;
use engine::clock::{Clock, Mono};
use engine::config::model::Dhcp4;
use engine::control::core::{Core, Served};
use engine::control::leases::LeaseCommands;
use engine::control::{Answer, Channel, Command, Registry};
use engine::lease::csv::{self, Journal};
use engine::lease::{Change, LeaseStore, Origin, Overwrite};
use engine::packet::{Buffers, Departure, Links, Packet, Transmit};
use engine::pending::Pending;
use engine::seam::service::Service;
use engine::seam::{Admission, GuardPost, Replication};
use engine::server::{Pipeline, ReplySender, Sanity, Storage, lease_subnet};
use engine::stats::Stats;
use engine::sync::Live;
use engine::sync::{Mutex, RwLock};
use engine::v4::Snapshot;
use engine::worker::{Job as Work, Pipeline as _};
use hyper::HeaderMap;
use serde_json::{Value, json};

use super::breakage::Breakage;
use super::clock::ServerClock;
use super::disk::{Disk, DiskMemory};
use super::plan::{Plan, Setup};
use crate::family::{Address, Lease};
use crate::guard::Guard;
use crate::half::commands::{self, Begun};
use crate::half::errand::{Clerk, Errand, update_outcome};
use crate::half::{Half, Receivers, all_of, batch, homecoming};
use crate::hub::Share;
use crate::io::listener::{Rules, reply};
use crate::limits::REQUEST_TIMEOUT;
use crate::machine::{CallError, Incarnation, Relationship, Seen, Standing, State};
use crate::outbox::{Load, PeerQueue, Update};
use crate::wire::request::{PartnerKind, lease_news};

/// Seconds that reclaimed leases are kept, as the plan's configuration has it.
const HOLD_S: u64 = 300;

/// Something that leaves a server.
#[derive(Debug)]
pub(super) enum Sent {
    /// A reply to a client.
    Reply(Departure),
    /// A request to a peer of this name.
    Request { call: u64, to: Arc<str>, body: String, timeout: Duration },
}

/// A request that waits for its answer.
#[derive(Debug)]
enum Call {
    Errand(Errand),
    Ahead(Box<Early>),
    Update(PeerQueue, PartnerKind, Box<Update>),
    Batch(Vec<Update>),
}

/// What an errand asks before its turn. What was answered before is taken in as late as can be: once this is answered, too.
#[derive(Debug)]
struct Early {
    errand: Errand,
    answered: Vec<u8>,
    body: String,
    timeout: Duration,
}

/// A running server. A crash drops it.
pub(super) struct Server {
    pub(super) clock: Arc<ServerClock>,
    pub(super) half: Arc<Half>,
    pipeline: Arc<Pipeline>,
    joined: Arc<Joined>,
    clerk: Clerk,
    registry: Registry,
    receivers: Receivers,
    outgoing: Arc<Outgoing>,
    calls: BTreeMap<u64, Call>,
    next_call: u64,
    /// The peers that are sent updates, their names, and requests under way.
    queues: Vec<(PeerQueue, Arc<str>, usize)>,
    senders: usize,
    /// Recalls of updates that were seen.
    recalls: u64,
    /// Errands whose next request is to be sent, and updates that go once more.
    resumed: Vec<u64>,
    commands_waiting: Vec<Receiver<Answer>>,
}

/// What the store tells of its changes, until the server goes: outbox, pending replies and store hold each other.
struct Joined {
    replication: RwLock<Option<Arc<dyn Replication>>>,
    /// The addresses whose leases changed, but not by their own client.
    changed: Mutex<Vec<Address>>,
    /// Those that changed since normal operation began.
    fresh: Mutex<BTreeSet<Address>>,
}

impl Replication for Joined {
    fn queue(&self, change: &Change<'_>) {
        let by_client = matches!(change.origin, Origin::Client(_));
        self.fresh.lock().insert(change.lease.address);
        let before = change.before.map(|before| before.hw_address);
        if !(by_client && before.is_none_or(|before| before == change.lease.hw_address)) {
            self.changed.lock().push(change.lease.address);
        }
        if let Some(replication) = &*self.replication.read() {
            replication.queue(change);
        }
    }

    fn reclaims(&self, lease: &Lease) -> bool {
        self.replication.read().as_ref().is_none_or(|replication| replication.reclaims(lease))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        *self.joined.replication.write() = None;
    }
}

/// Takes replies until they are fetched.
#[derive(Default)]
struct Outgoing(Mutex<Vec<Departure>>);

impl Transmit for Outgoing {
    fn transmit(&self, batch: &mut Vec<Departure>) {
        self.0.lock().append(batch);
    }
}

/// The one interface.
struct Link(Address);

impl Links for Link {
    fn name(&self, _interface: u32) -> Arc<str> {
        "eth0".into()
    }

    fn addresses(&self) -> Arc<[Address]> {
        [self.0].into()
    }
}

impl Server {
    /// Starts the server of place `server`: reads its disk, joins the parts, is silent until it is touched.
    pub(super) fn start(
        plan: &Plan,
        server: usize,
        run: u32,
        setup: Setup,
        disk: &Disk,
        clock: &Arc<ServerClock>,
        breakage: Option<Breakage>,
    ) -> Self {
        let member = &plan.servers[server];
        let stats = Arc::new(Stats::default());
        let (text, ink) = disk.open();
        let length = text.len() as u64;
        let memory = Arc::new(DiskMemory(ink.clone()));
        let journal = Journal::with_ink(Box::new(ink), length, member.durability);
        let mut storage = Storage::on(journal, Arc::clone(&stats));
        storage.store = Breakage::wrap_store(breakage, storage.store);
        csv::load_text(&text, &*storage.store).expect("a server's own lease file can be read");
        put_right(&*storage.store, plan.config(setup));
        let outgoing = Arc::<Outgoing>::default();
        let transmit = Arc::clone(&outgoing) as Arc<dyn Transmit>;
        let sender = ReplySender { storage: storage.clone(), transmit, stats: Arc::clone(&stats) };
        let pending = Arc::new(Pending::new(256, Arc::new(sender), Arc::clone(&stats)));
        let service = Arc::<Service>::default();
        let time: Arc<dyn Clock> = Arc::<ServerClock>::clone(clock);
        let parameters = plan.parameters(server, setup);
        let place = u64::try_from(server).expect("few");
        let half = Half::of_share(
            0,
            parameters,
            Share::All,
            Incarnation((place + 1) << 32 | u64::from(run)),
            Arc::clone(&pending),
            Arc::clone(&service),
            Arc::clone(&time),
        );
        half.remember_in(memory);
        half.follow(plan.config(setup));
        if breakage == Some(Breakage::OtherHalf) {
            half.gate().share_pools(false);
        }
        let replication = Breakage::wrap(breakage, &half);
        let joined = Arc::new(Joined {
            replication: RwLock::new(Some(replication)),
            changed: Mutex::default(),
            fresh: Mutex::default(),
        });
        storage.replicate_to(Arc::<Joined>::clone(&joined));
        let admission = Arc::clone(half.gate()) as Arc<dyn Admission>;
        let snapshot = Snapshot::build(Arc::clone(plan.config(setup)), &admission.classes());
        let registry = registry(plan.config(setup), &half, &storage, &service, &time, &stats);
        let flush = storage.clone();
        let clerk = Clerk {
            half: Arc::clone(&half),
            store: Arc::clone(&storage.store),
            flush: Arc::new(move |number| flush.write_through(number)),
            page_limit: plan.page_limit,
        };
        let pipeline = Arc::new(Pipeline {
            snapshot: Live::new(Arc::new(snapshot)),
            admission,
            service,
            storage,
            pending,
            offers: Offers::with_capacity(4096),
            links: Arc::new(Link(member.address)),
            stats: Arc::clone(&stats),
            key: RandomState::new(),
            reply_port: None,
            commits: None,
        });
        Self {
            clock: Arc::clone(clock),
            receivers: half.take_receivers().expect("nobody took them before"),
            queues: queues(&half),
            half,
            pipeline,
            joined,
            clerk,
            registry,
            outgoing,
            calls: BTreeMap::new(),
            next_call: 0,
            senders: plan.senders,
            recalls: 0,
            resumed: Vec::new(),
            commands_waiting: Vec::new(),
        }
    }
}

/// What happens to it.
impl Server {
    /// Packets arrive together.
    pub(super) fn receive(&mut self, packets: Vec<Packet>) {
        let now = self.clock.now();
        let mut batch = Vec::new();
        for packet in packets {
            if let Some(dispatch) = self.pipeline.admit(&packet, now) {
                batch.push(Work { packet, dispatch });
            }
        }
        if !batch.is_empty() {
            let mut out = Vec::new();
            let mut desk = Arc::clone(&self.pipeline).desk();
            desk.serve(&mut batch, now, &Buffers::default(), &mut out);
            self.outgoing.transmit(&mut out);
        }
    }

    /// A peer's request arrives; gives the answer.
    pub(super) fn request(&mut self, body: &str) -> String {
        let rules = Rules { credentials: Vec::new(), restrict_commands: true };
        let listener = self.registry.over(Channel::Partner(self.half.index()));
        reply(&rules, &HeaderMap::new(), body.as_bytes(), &listener).body
    }

    /// The answer to a request, or its failure. One that is not waited for any more is ignored.
    pub(super) fn answer(&mut self, call: u64, answer: Result<&[u8], CallError>) {
        match self.calls.remove(&call) {
            None => {}
            Some(Call::Errand(errand)) => self.go_on(errand, answer),
            Some(Call::Ahead(early)) => {
                let Early { errand, answered, body, .. } = *early;
                match self.clerk.handle(errand, Ok(&answered)) {
                    Some(rest) if self.clerk.ask(&rest).0 == body => self.go_on(rest, answer),
                    Some(rest) => self.resume(Call::Errand(rest)),
                    None => {}
                }
            }
            Some(Call::Update(peer, kind, update)) => {
                let outcome = update_outcome(answer);
                if self.half.refuses_state(peer, kind, &update, &outcome) {
                    self.resume(Call::Update(peer, PartnerKind::Kea2, update));
                    return;
                }
                self.half.outbox().settle(peer, &update, outcome);
                self.sent(peer);
            }
            Some(Call::Batch(updates)) => {
                let stats = &self.pipeline.stats;
                if let Some(settled) = self.clerk.end_batch(updates, Some(answer), stats) {
                    self.half.outbox().settle_batch(PeerQueue::Partner, settled);
                }
                self.sent(PeerQueue::Partner);
            }
        }
    }

    /// The answer to the request of an errand.
    fn go_on(&mut self, mut errand: Errand, answer: Result<&[u8], CallError>) {
        let ahead = answer.as_ref().ok().and_then(|it| self.clerk.ahead(&mut errand, it));
        if let (Ok(answered), Some((body, timeout))) = (&answer, ahead) {
            let answered = answered.to_vec();
            self.resume(Call::Ahead(Box::new(Early { errand, answered, body, timeout })));
        } else if let Some(rest) = self.clerk.handle(errand, answer) {
            self.resume(Call::Errand(rest));
        }
    }

    /// Has a request sent. A new number: a late answer to the last one must not be taken for one to the next.
    fn resume(&mut self, call: Call) {
        let call = self.call(call);
        self.resumed.push(call);
    }

    /// A request of a queue has ended.
    fn sent(&mut self, peer: PeerQueue) {
        let queue = self.queues.iter_mut().find(|(queue, ..)| *queue == peer);
        queue.expect("an update came from a queue").2 -= 1;
    }

    /// Whether a request still waits for its answer.
    pub(super) fn waits_for(&self, call: u64) -> bool {
        self.calls.contains_key(&call)
    }

    /// Time has passed.
    pub(super) fn handle_timeout(&mut self) {
        self.half.handle_timeout();
    }

    /// When [`Self::handle_timeout`] is due, by the server's own clock.
    pub(super) fn poll_timeout(&self) -> Option<Mono> {
        self.half.poll_timeout()
    }

    /// What the housekeeping thread does from time to time.
    pub(super) fn housekeep(&mut self) {
        let storage = &self.pipeline.storage;
        storage.store.watch(self.clock.now());
        if storage.store.expire(self.clock.now(), HOLD_S, 100) > 0 {
            // A failure is counted; the rows are written with the next ones.
            let _ = storage.flush();
        }
        storage.retry();
    }

    /// An administrator's command. Its answer may come later, and nobody looks at it then.
    pub(super) fn command(&mut self, name: &str, arguments: Option<Value>) -> Option<Answer> {
        let command = Command { name, arguments: arguments.as_ref(), channel: Channel::Control };
        match commands::begin(&self.half, &command) {
            Some(Begun::Done(answer)) => Some(answer),
            Some(Begun::Waits(answer, _)) => {
                self.commands_waiting.retain(|answer| answer.is_empty());
                self.commands_waiting.push(answer);
                None
            }
            None => {
                let mut request = json!({ "command": name });
                if let Some(arguments) = arguments {
                    request["arguments"] = arguments;
                }
                Some(self.registry.execute(&request))
            }
        }
    }
}

/// What comes out of it.
impl Server {
    /// The next thing that it sends.
    pub(super) fn poll_sent(&mut self, sent: &mut Vec<Sent>) {
        sent.extend(self.outgoing.0.lock().drain(..).map(Sent::Reply));
        while let Ok(job) = self.receivers.heartbeats.try_recv() {
            self.begin(job, sent);
        }
        while let Ok(job) = self.receivers.others.try_recv() {
            self.begin(job, sent);
        }
        while self.receivers.wake.try_recv().is_ok() {}
        for call in std::mem::take(&mut self.resumed) {
            sent.extend(self.next_request(call));
        }
        self.recall();
        for place in 0..self.queues.len() {
            while self.queues[place].2 < self.senders {
                let (peer, to, _) = &self.queues[place];
                let (peer, to) = (*peer, Arc::clone(to));
                let Some(load) = self.half.outbox().try_next(peer) else { break };
                let (body, call) = match load {
                    Load::One(update) => {
                        let kind = self.half.kind_of(peer);
                        let body = lease_news(update.news, &update.lease, kind);
                        (body, Call::Update(peer, kind, Box::new(update)))
                    }
                    Load::Batch(updates) => match self.half.batch_request(&updates) {
                        Some(body) => (body, Call::Batch(updates)),
                        None => {
                            self.half.end_batch(updates, None);
                            continue;
                        }
                    },
                };
                self.queues[place].2 += 1;
                let call = self.call(call);
                sent.push(Sent::Request { call, to, body, timeout: REQUEST_TIMEOUT });
            }
        }
    }

    /// The addresses whose leases changed since the last call, but not by their own client.
    pub(super) fn take_changed(&self) -> Vec<Address> {
        std::mem::take(&mut self.joined.changed.lock())
    }

    /// Normal operation begins: all that changed before has been told.
    pub(super) fn settle(&self) {
        self.joined.fresh.lock().clear();
    }

    /// Whether the lease of an address changed since normal operation began.
    pub(super) fn is_fresh(&self, address: Address) -> bool {
        self.joined.fresh.lock().contains(&address)
    }

    /// Whether its partner is being told of an address.
    pub(super) fn is_telling(&self, address: Address) -> bool {
        self.half.outbox().is_telling(address)
    }

    /// The run of its partner whose updates it takes.
    pub(super) fn hears_run(&self) -> Option<Incarnation> {
        self.half.announced().applied.map(|(run, _)| run)
    }

    /// Whether it and its partner serve while the other returns.
    pub(super) fn hands_over(&self) -> bool {
        self.half.look(|machine| machine.announces_return().is_some())
    }

    /// Nobody waits any more for the answers to updates that were recalled.
    fn recall(&mut self) {
        let recalls = self.half.outbox().recalls();
        if std::mem::replace(&mut self.recalls, recalls) == recalls {
            return;
        }
        let to_partner =
            |call: &Call| matches!(call, Call::Update(PeerQueue::Partner, ..) | Call::Batch(_));
        let calls = self.calls.iter().filter(|(_, call)| to_partner(call));
        for call in calls.map(|(number, _)| *number).collect::<Vec<_>>() {
            self.answer(call, Err(CallError::Communication("recalled".to_owned())));
        }
    }

    fn begin(&mut self, job: crate::half::Job, sent: &mut Vec<Sent>) {
        if let Some(errand) = self.clerk.begin(job) {
            let call = self.call(Call::Errand(errand));
            sent.extend(self.next_request(call));
        }
    }

    /// The request of an errand that goes on, or of an update that goes once more.
    fn next_request(&self, call: u64) -> Option<Sent> {
        let (errand, (body, timeout)) = match self.calls.get(&call)? {
            Call::Errand(errand) => (errand, self.clerk.ask(errand)),
            Call::Ahead(early) => (&early.errand, (early.body.clone(), early.timeout)),
            Call::Update(peer, kind, update) => {
                let queue = self.queues.iter().find(|(queue, ..)| queue == peer);
                let to = Arc::clone(&queue.expect("an update came from a queue").1);
                let body = lease_news(update.news, &update.lease, *kind);
                return Some(Sent::Request { call, to, body, timeout: REQUEST_TIMEOUT });
            }
            Call::Batch(_) => return None,
        };
        let peers = self.half.gate().peers();
        let named = errand.server().and_then(|place| peers.all().get(place));
        let to = Arc::clone(&named.or_else(|| peers.partner())?.name);
        Some(Sent::Request { call, to, body, timeout })
    }

    fn call(&mut self, call: Call) -> u64 {
        self.next_call += 1;
        self.calls.insert(self.next_call, call);
        self.next_call
    }

    pub(super) fn state(&self) -> State {
        self.half.look(Relationship::state)
    }

    pub(super) fn standing(&self) -> Standing {
        self.half.gate().standing()
    }

    /// Seconds since it last heard of its partner.
    pub(super) fn silence_s(&self) -> u64 {
        let now = self.clock.now();
        self.half.look(|machine| match machine.peers().is_active_pair() {
            true => machine.partner_age_s(now),
            false => 0,
        })
    }

    /// What it last knew of its partner's state.
    pub(super) fn partner(&self) -> Seen {
        self.half.look(|machine| machine.situation(self.clock.now()).partner)
    }

    pub(super) fn is_paused(&self) -> bool {
        self.half.look(Relationship::is_paused)
    }

    /// Whether packets are served.
    pub(super) fn is_enabled(&self) -> bool {
        self.pipeline.service.is_enabled()
    }

    /// Its lease of an address.
    pub(super) fn lease(&self, address: Address) -> Option<Lease> {
        self.pipeline.storage.store.find(address).map(|stored| stored.lease)
    }

    /// All its leases.
    pub(super) fn leases(&self) -> Vec<Lease> {
        self.pipeline.storage.store.page(None, usize::MAX)
    }

    /// Replies that wait for an acknowledgement.
    pub(super) fn pending(&self) -> usize {
        self.pipeline.pending.len()
    }
}

/// Leases from before the configuration was put right, or went wrong, are of the subnet of their address.
fn put_right(store: &dyn LeaseStore, config: &Arc<Dhcp4>) {
    let known = |lease: &Lease| config.subnets.iter().any(|subnet| subnet.id == lease.subnet_id);
    let strange = store.page(None, usize::MAX).into_iter().filter(|lease| !known(lease));
    let sanity = Sanity::new(Arc::clone(config));
    for lease in strange.filter_map(|lease| sanity.amend(lease)) {
        store.apply(lease, Overwrite::Always, Origin::Load);
    }
}

fn queues(half: &Half) -> Vec<(PeerQueue, Arc<str>, usize)> {
    let peers = half.gate().peers();
    let partner = peers.is_active_pair().then(|| peers.partner()).flatten();
    let partner = partner.map(|peer| (PeerQueue::Partner, Arc::clone(&peer.name), 0));
    let backups = crate::half::backups(peers).enumerate();
    let backups = backups.map(|(place, name)| (PeerQueue::Backup(place), Arc::clone(name), 0));
    partner.into_iter().chain(backups).collect()
}

fn registry(
    config: &Arc<Dhcp4>,
    half: &Arc<Half>,
    storage: &Storage,
    service: &Arc<Service>,
    clock: &Arc<dyn Clock>,
    stats: &Arc<Stats>,
) -> Registry {
    let registry = Registry::default();
    let core = Core {
        clock: Arc::clone(clock),
        started: clock.now().mono,
        service: Arc::clone(service),
        served: Served::live(Value::Null, clock.now().mono),
        threads: 1,
        packet_queue_size: 64,
        multi_threading: true,
        lease_file: None,
        shutdown: crossbeam::channel::bounded(1).0,
    };
    core.register(&registry, "simulation");
    let config = Arc::clone(config);
    let written = storage.clone();
    let guard = GuardPost::default();
    let own = Arc::new(Guard::new(Arc::clone(half), Arc::clone(stats)));
    assert!(guard.set(own).is_ok(), "nobody was joined before");
    let leases = LeaseCommands {
        store: Arc::clone(&storage.store),
        clock: Arc::clone(clock),
        subnet: Arc::new(move |key| lease_subnet(&config, key)),
        written: Arc::new(move |number| written.write_through(number)),
        guard,
    };
    let halves = all_of(std::slice::from_ref(half));
    batch::register(&halves, &leases, &registry);
    homecoming::register(&halves, &registry);
    leases.register(&registry);
    commands::register(&halves, &registry);
    registry
}
