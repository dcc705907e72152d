//! One server without its packets: the product's machine, outbox, listener, client threads and store. Each test
//! has loopback addresses of its own, so that a port once free stays so.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use engine::clock::{Clock, Now, SystemClock};
use engine::control::Registry;
use engine::control::leases::LeaseCommands;
use engine::lease::json::LeaseSubnet;
use engine::lease::memory::MemoryStore;
use engine::lease::{
    Change, ChangeSink, Grant, HwAddress, Identity, Lease4, LeaseState, LeaseStore, Origin,
    Overwrite,
};
use engine::packet::{Departure, Destination};
use engine::pending::{Pending, PendingReply, Release};
use engine::seam::service::Service;
use engine::seam::{GuardPost, Replication};
use engine::stats::Stats;
use engine::sync::Mutex;
use ha::guard::Guard;
use ha::io::client::Target;
use ha::io::listener::{Manners, Patience, Rules, Settings as ListenerSettings};
use ha::io::{Driver, Parts, Settings, StartError};
use ha::machine::{Mode, Parameters, Peer, Peers, Role, State};
use ha::{Half, Memory};
use serde_json::{Value, json};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const SUBNET: u32 = 7;

/// Waits for a condition; says what it waited for if it does not come true.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let clock = SystemClock::start();
    while !holds() {
        assert!(clock.now().mono.since(Default::default()) < PATIENCE, "not within time: {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// Addresses of two servers that nobody else in this run uses.
pub(crate) fn addresses() -> [SocketAddr; 2] {
    addresses_of::<2>()
}

/// Addresses of `N` servers that nobody else in this run uses.
pub(crate) fn addresses_of<const N: usize>() -> [SocketAddr; N] {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let process = std::process::id().to_be_bytes();
    std::array::from_fn(|_| {
        let host = NEXT.fetch_add(1, Ordering::Relaxed);
        let ip = Ipv4Addr::new(127, process[2] | 1, process[3], host);
        TcpListener::bind(SocketAddrV4::new(ip, 0)).unwrap().local_addr().unwrap()
    })
}

/// What the engine is in these tests: replies that were sent, and a sink that tells the outbox.
#[derive(Default)]
pub(crate) struct Released {
    replies: Mutex<Vec<u8>>,
    store: OnceLock<Arc<dyn LeaseStore>>,
}

impl Release for Released {
    fn release(&self, reply: PendingReply) {
        let promised = match (reply.reports, self.store.get()) {
            (Some((address, version)), Some(store)) => {
                store.promise(address, version, reply.acknowledged)
            }
            _ => true,
        };
        if promised {
            self.replies.lock().push(reply.departure.message[0]);
        }
    }
}

#[derive(Default)]
pub(crate) struct Sink(OnceLock<Arc<dyn Replication>>);

impl ChangeSink for Sink {
    fn record(&self, change: &Change<'_>) {
        if let Some(outbox) = self.0.get() {
            outbox.queue(change);
        }
    }
}

pub(crate) struct Node {
    pub(crate) driver: Driver,
    pub(crate) store: Arc<dyn LeaseStore>,
    pub(crate) pending: Arc<Pending>,
    pub(crate) released: Arc<Released>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) service: Arc<Service>,
    pub(crate) stats: Arc<Stats>,
    pub(crate) clock: Arc<dyn Clock>,
    leases: LeaseCommands,
    paired: Arc<Paired>,
}

/// What outlives a process.
#[derive(Default)]
pub(crate) struct Rest {
    leases: Vec<Lease4>,
    paired: bool,
}

/// A wall clock that is not set right.
struct Ahead {
    clock: SystemClock,
    ahead_s: u64,
}

impl Clock for Ahead {
    fn now(&self) -> Now {
        let now = self.clock.now();
        Now { wall_s: now.wall_s + self.ahead_s, ..now }
    }

    fn wall_ms(&self) -> u64 {
        self.clock.wall_ms() + self.ahead_s * 1000
    }
}

struct Paired(Mutex<bool>);

impl Memory for Paired {
    fn is_paired(&self) -> bool {
        *self.0.lock()
    }

    fn set_paired(&self, paired: bool) -> Result<(), String> {
        *self.0.lock() = paired;
        Ok(())
    }
}

pub(crate) fn peers(this: &str, mode: Mode) -> Peers {
    let second = if mode == Mode::LoadBalancing { Role::Secondary } else { Role::Standby };
    let peer = |name: &str, role| Peer { name: name.into(), role, auto_failover: true };
    Peers::new(mode, this, vec![peer("server1", Role::Primary), peer("server2", second)]).unwrap()
}

pub(crate) fn parameters(this: &str, mode: Mode) -> Parameters {
    Parameters {
        heartbeat_delay: Duration::from_millis(20),
        max_response_delay: Duration::from_millis(400),
        max_unacked_clients: 0,
        sync_timeout: Duration::from_secs(5),
        ..Parameters::defaults(peers(this, mode))
    }
}

pub(crate) fn network() -> LeaseSubnet {
    LeaseSubnet {
        id: SUBNET,
        network: Ipv4Addr::new(192, 0, 0, 0),
        prefix_len: 16,
        valid_lifetime_s: 4000,
    }
}

impl Node {
    pub(crate) fn start(place: usize, addresses: [SocketAddr; 2], parameters: Parameters) -> Self {
        Self::try_start(place, addresses, parameters).unwrap()
    }

    pub(crate) fn try_start(
        place: usize,
        addresses: [SocketAddr; 2],
        parameters: Parameters,
    ) -> Result<Self, StartError> {
        Self::start_by(parameters, settings(place, addresses))
    }

    pub(crate) fn start_by(parameters: Parameters, settings: Settings) -> Result<Self, StartError> {
        Self::open(parameters, settings, Rest::default())
    }

    /// Stops it, and gives what outlives the process.
    pub(crate) fn stop(self) -> Rest {
        let Self { driver, store, paired, .. } = self;
        driver.stop();
        Rest { leases: store.page(None, usize::MAX), paired: paired.is_paired() }
    }

    /// Starts it with what a process before it left behind.
    pub(crate) fn restart(
        place: usize,
        addresses: [SocketAddr; 2],
        parameters: Parameters,
        rest: Rest,
    ) -> Self {
        Self::open(parameters, settings(place, addresses), rest).unwrap()
    }

    /// Whether it has written down that its partner knows all its leases.
    pub(crate) fn is_paired(&self) -> bool {
        self.paired.is_paired()
    }

    /// Starts it with a wall clock that is ahead by so many seconds.
    pub(crate) fn start_ahead(
        place: usize,
        addresses: [SocketAddr; 2],
        parameters: Parameters,
        ahead_s: u64,
    ) -> Self {
        let clock = Arc::new(Ahead { clock: SystemClock::start(), ahead_s });
        Self::open_by(clock, parameters, settings(place, addresses), Rest::default()).unwrap()
    }

    fn open(parameters: Parameters, settings: Settings, rest: Rest) -> Result<Self, StartError> {
        Self::open_by(Arc::new(SystemClock::start()), parameters, settings, rest)
    }

    fn open_by(
        clock: Arc<dyn Clock>,
        parameters: Parameters,
        settings: Settings,
        rest: Rest,
    ) -> Result<Self, StartError> {
        let (service, stats) = (Arc::new(Service::default()), Arc::new(Stats::default()));
        let released = Arc::new(Released::default());
        let pending = Arc::new(Pending::new(0, released.clone(), stats.clone()));
        let half = Half::new(0, parameters, pending.clone(), service.clone(), clock.clone());
        let sink = Arc::new(Sink::default());
        assert!(sink.0.set(half.outbox().clone()).is_ok());
        let store: Arc<dyn LeaseStore> = Arc::new(MemoryStore::new(sink));
        for lease in rest.leases {
            store.apply(lease, Overwrite::Always, Origin::Load);
        }
        let paired = Arc::new(Paired(Mutex::new(rest.paired)));
        half.remember_in(paired.clone());
        assert!(released.store.set(store.clone()).is_ok());
        let registry = Arc::new(Registry::default());
        let guard = GuardPost::default();
        assert!(guard.set(Arc::new(Guard::new(half.clone(), stats.clone()))).is_ok());
        let commands = LeaseCommands {
            store: store.clone(),
            clock: clock.clone(),
            subnet: Arc::new(|_| Some(network())),
            written: Arc::new(|_| Ok(())),
            guard,
        };
        commands.clone().register(&registry);
        register_service(&registry, &service, &clock);
        let parts = Parts {
            store: store.clone(),
            leases: commands.clone(),
            flush: Arc::new(|_| Ok(())),
            registry: registry.clone(),
            clock: clock.clone(),
            stats: stats.clone(),
        };
        let driver = Driver::start(half, settings, parts)?;
        let leases = commands;
        Ok(Self {
            driver,
            store,
            pending,
            released,
            registry,
            service,
            stats,
            clock,
            leases,
            paired,
        })
    }

    pub(crate) fn parts(&self) -> Parts {
        Parts {
            store: self.store.clone(),
            leases: self.leases.clone(),
            flush: Arc::new(|_| Ok(())),
            registry: self.registry.clone(),
            clock: self.clock.clone(),
            stats: self.stats.clone(),
        }
    }

    pub(crate) fn state(&self) -> State {
        self.driver.half().act(|machine, _| machine.state())
    }

    pub(crate) fn command(&self, request: Value) -> Value {
        self.registry.execute(&request).into_json()
    }

    pub(crate) fn scopes(&self) -> Vec<String> {
        let names = self.driver.half().act(|machine, _| machine.scope_names());
        names.iter().map(|name| name.to_string()).collect()
    }

    /// Gives `host` its lease as a worker does; its reply waits under a ticket.
    pub(crate) fn grant(&self, host: u8) {
        self.grant_to(host, host);
    }

    /// As [`Self::grant`], to the client of another host.
    pub(crate) fn grant_to(&self, host: u8, client: u8) {
        let now = self.clock.now();
        let lease = Lease4 { hw_address: lease(client, 0).hw_address, ..lease(host, now.wall_s) };
        let ticket = self.pending.reserve(u64::from(host)).unwrap();
        let (address, hw_address) = (lease.address, lease.hw_address);
        let grant = Grant {
            lease,
            identity: Identity { client_id: None, hw_address: &hw_address },
            one_of: &[SUBNET],
            origin: Origin::Client(Some(ticket)),
        };
        let granted = self.store.grant(now, grant).unwrap();
        let reply = PendingReply {
            departure: Departure {
                interface: 1,
                source: Ipv4Addr::LOCALHOST,
                destination: Destination::Ip { to: SocketAddrV4::new(address, 68) },
                message: vec![host],
            },
            reports: Some((address, granted.version)),
            acknowledged: false,
        };
        self.pending.park(ticket, reply);
    }

    pub(crate) fn release(&self, host: u8) {
        self.release_and(host, false);
    }

    /// The lease is kept for its client, as state 3.
    pub(crate) fn release_kept(&self, host: u8) {
        self.release_and(host, true);
    }

    fn release_and(&self, host: u8, keep: bool) {
        let now = self.clock.now();
        let lease = lease(host, 0);
        let identity = Identity { client_id: None, hw_address: &lease.hw_address };
        self.store.release(now, lease.address, identity, keep, Origin::Client(None)).unwrap();
    }

    pub(crate) fn knows(&self, host: u8) -> bool {
        self.store.find(lease(host, 0).address).is_some()
    }

    pub(crate) fn replied(&self, host: u8) -> bool {
        self.released.replies.lock().contains(&host)
    }
}

pub(crate) fn lease(host: u8, cltt_s: u64) -> Lease4 {
    Lease4 {
        address: Ipv4Addr::new(192, 0, 2, host),
        hw_address: HwAddress::new(&[2, 0, 0, 0, 0, host]).unwrap(),
        client_id: None,
        valid_lifetime_s: 4000,
        cltt_s,
        subnet_id: SUBNET,
        fqdn_fwd: false,
        fqdn_rev: false,
        hostname: "".into(),
        state: LeaseState::Assigned,
        user_context: None,
        pool_id: 0,
    }
}

pub(crate) fn settings(place: usize, addresses: [SocketAddr; 2]) -> Settings {
    let other = Target { address: addresses[1 - place], credentials: None, tls: None };
    let name = ["server1", "server2"][1 - place];
    Settings {
        targets: BTreeMap::from([(name.into(), other)]),
        listener: Some(ListenerSettings {
            address: addresses[place],
            threads: 2,
            rules: Rules { credentials: Vec::new(), restrict_commands: true },
            peers: vec![addresses[1 - place].ip()],
            patience: Patience::default(),
            tls: None,
            manners: Manners::default(),
        }),
        client_threads: 2,
        sync_page_limit: 3,
    }
}

/// dhcp-disable and dhcp-enable, as the engine's core has them.
pub(crate) fn register_service(
    registry: &Registry,
    service: &Arc<Service>,
    clock: &Arc<dyn Clock>,
) {
    let core = engine::control::core::Core {
        clock: clock.clone(),
        started: clock.now().mono,
        service: service.clone(),
        served: engine::control::core::Served::live(json!({}), clock.now().mono),
        threads: 1,
        packet_queue_size: 64,
        multi_threading: true,
        lease_file: None,
        shutdown: crossbeam::channel::bounded(1).0,
    };
    core.register(registry, "test");
}

/// Sends a command to a listener, as a partner does; gives the answer's result.
pub(crate) fn post(to: SocketAddr, command: &str, arguments: &Value) -> i64 {
    let body =
        json!({"command": command, "service": ["dhcp4"], "arguments": arguments}).to_string();
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: application/json\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str::<Value>(body).unwrap()[0]["result"].as_i64().unwrap()
}
