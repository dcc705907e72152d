//! Two halves of a pair in one process, over loopback: the product's machines, outboxes, listeners and stores.
//! Each test has loopback addresses of its own, so that a port once free stays so.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic")]

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use engine::clock::{Clock, SystemClock};
use engine::control::Registry;
use engine::control::leases::LeaseCommands;
use engine::lease::json::LeaseSubnet;
use engine::lease::memory::MemoryStore;
use engine::lease::{
    Change, ChangeSink, Grant, HwAddress, Identity, Lease4, LeaseState, LeaseStore, Origin,
};
use engine::packet::{Departure, Destination};
use engine::pending::{Pending, PendingReply, Release};
use engine::seam::service::Service;
use engine::seam::{Admission, Replication};
use engine::stats::{Counter, Stats};
use engine::sync::Mutex;
use ha::io::client::Target;
use ha::io::listener::{Patience, Rules, Settings as ListenerSettings};
use ha::io::{Driver, Half, Parts, Settings};
use ha::machine::{Mode, Parameters, Peer, Peers, Role, State};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(20);
const SUBNET: u32 = 7;

/// Waits for a condition; says what it waited for if it does not come true.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let clock = SystemClock::start();
    while !holds() {
        assert!(clock.now().mono.since(Default::default()) < PATIENCE, "not within time: {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// Addresses of two servers that nobody else in this run uses.
fn addresses() -> [SocketAddr; 2] {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let process = std::process::id().to_be_bytes();
    let test = NEXT.fetch_add(1, Ordering::Relaxed);
    [1, 2].map(|server| {
        let ip = Ipv4Addr::new(127, process[2] | 1, process[3], test * 2 + server);
        TcpListener::bind(SocketAddrV4::new(ip, 0)).unwrap().local_addr().unwrap()
    })
}

/// What the engine is in these tests: replies that were sent, and a sink that tells the outbox.
#[derive(Default)]
struct Released(Mutex<Vec<u8>>);

impl Release for Released {
    fn release(&self, reply: PendingReply) {
        self.0.lock().push(reply.departure.message[0]);
    }
}

#[derive(Default)]
struct Sink(OnceLock<Arc<dyn Replication>>);

impl ChangeSink for Sink {
    fn record(&self, change: &Change<'_>) {
        if let Some(outbox) = self.0.get() {
            outbox.queue(change);
        }
    }
}

struct Node {
    driver: Driver,
    store: Arc<dyn LeaseStore>,
    pending: Arc<Pending>,
    released: Arc<Released>,
    registry: Arc<Registry>,
    service: Arc<Service>,
    stats: Arc<Stats>,
    clock: Arc<dyn Clock>,
}

fn peers(this: &str, mode: Mode) -> Peers {
    let second = if mode == Mode::LoadBalancing { Role::Secondary } else { Role::Standby };
    let peer = |name: &str, role| Peer { name: name.into(), role, auto_failover: true };
    Peers::new(mode, this, vec![peer("server1", Role::Primary), peer("server2", second)]).unwrap()
}

fn parameters(this: &str, mode: Mode) -> Parameters {
    Parameters {
        heartbeat_delay: Duration::from_millis(20),
        max_response_delay: Duration::from_millis(400),
        max_unacked_clients: 0,
        sync_timeout: Duration::from_secs(5),
        ..Parameters::defaults(peers(this, mode))
    }
}

fn network() -> LeaseSubnet {
    LeaseSubnet {
        id: SUBNET,
        network: Ipv4Addr::new(192, 0, 2, 0),
        prefix_len: 24,
        valid_lifetime_s: 4000,
    }
}

impl Node {
    fn start(place: usize, addresses: [SocketAddr; 2], parameters: Parameters) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let (service, stats) = (Arc::new(Service::default()), Arc::new(Stats::default()));
        let released = Arc::new(Released::default());
        let pending = Arc::new(Pending::new(0, released.clone(), stats.clone()));
        let half = Half::new(0, parameters, pending.clone(), service.clone(), clock.clone());
        let sink = Arc::new(Sink::default());
        assert!(sink.0.set(half.outbox().clone()).is_ok());
        let store: Arc<dyn LeaseStore> = Arc::new(MemoryStore::new(sink));
        let registry = Arc::new(Registry::default());
        let commands = LeaseCommands {
            store: store.clone(),
            clock: clock.clone(),
            subnet: Arc::new(|_| Some(network())),
            written: Arc::new(|_| Ok(())),
        };
        commands.register(&registry);
        register_service(&registry, &service, &clock);
        let parts = Parts {
            store: store.clone(),
            flush: Arc::new(|_| Ok(())),
            registry: registry.clone(),
            clock: clock.clone(),
        };
        let driver = Driver::start(half, settings(place, addresses), parts).unwrap();
        Self { driver, store, pending, released, registry, service, stats, clock }
    }

    fn state(&self) -> State {
        self.driver.half().act(|machine, _| machine.state())
    }

    fn command(&self, request: Value) -> Value {
        self.registry.execute(&request).to_json()
    }

    fn scopes(&self) -> Vec<String> {
        let names = self.driver.half().act(|machine, _| machine.scope_names());
        names.iter().map(|name| name.to_string()).collect()
    }

    /// Gives `host` its lease as a worker does; its reply waits under a ticket.
    fn grant(&self, host: u8) {
        let now = self.clock.now();
        let lease = lease(host, now.wall_s);
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
        };
        self.pending.park(ticket, reply);
    }

    fn release(&self, host: u8) {
        let now = self.clock.now();
        let lease = lease(host, 0);
        let identity = Identity { client_id: None, hw_address: &lease.hw_address };
        let ticket = self.pending.reserve(u64::from(host)).unwrap();
        self.store.release(now, lease.address, identity, Origin::Client(Some(ticket))).unwrap();
    }

    fn knows(&self, host: u8) -> bool {
        self.store.find(lease(host, 0).address).is_some()
    }

    fn replied(&self, host: u8) -> bool {
        self.released.0.lock().contains(&host)
    }
}

fn lease(host: u8, cltt_s: u64) -> Lease4 {
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

fn settings(place: usize, addresses: [SocketAddr; 2]) -> Settings {
    let other = Target { address: addresses[1 - place], credentials: None };
    let name = ["server1", "server2"][1 - place];
    Settings {
        targets: BTreeMap::from([(name.into(), other)]),
        listener: Some(ListenerSettings {
            address: addresses[place],
            threads: 2,
            rules: Rules { credentials: None, restrict_commands: true },
            peers: vec![addresses[1 - place].ip()],
            patience: Patience::default(),
        }),
        client_threads: 2,
        sync_page_limit: 3,
    }
}

/// dhcp-disable and dhcp-enable, as the engine's core has them.
fn register_service(registry: &Registry, service: &Arc<Service>, clock: &Arc<dyn Clock>) {
    let core = engine::control::core::Core {
        clock: clock.clone(),
        started: clock.now().mono,
        service: service.clone(),
        stats: Arc::default(),
        config: Arc::new(json!({})),
        threads: 1,
        packet_queue_size: 64,
        multi_threading: true,
        lease_file: None,
        shutdown: crossbeam::channel::bounded(1).0,
    };
    core.register(registry, "test");
}

fn pair(mode: Mode) -> (Node, Node, [SocketAddr; 2]) {
    let addresses = addresses();
    let first = Node::start(0, addresses, parameters("server1", mode));
    let second = Node::start(1, addresses, parameters("server2", mode));
    let normal = mode.normal();
    until("normal operation", || first.state() == normal && second.state() == normal);
    (first, second, addresses)
}

#[test]
fn a_load_balancing_pair_shares_clients_and_leases() {
    let (first, second, _) = pair(Mode::LoadBalancing);
    assert_eq!((first.scopes(), second.scopes()), (vec!["server1".into()], vec!["server2".into()]));
    until("service on both", || first.service.is_enabled() && second.service.is_enabled());
    assert_eq!(first.driver.half().gate().classes(), ["HA_server1", "HA_server2"]);

    for host in 1..=50 {
        let giver = if host % 2 == 0 { &first } else { &second };
        giver.grant(host);
    }
    until("all replies", || {
        (1..=50).all(|host| if host % 2 == 0 { first.replied(host) } else { second.replied(host) })
    });
    assert!((1..=50).all(|host| first.knows(host) && second.knows(host)));

    first.release(2);
    until("the release at the partner", || !second.knows(2));
    assert!(first.pending.is_empty() || first.pending.len() == 1);
}

#[test]
fn status_and_heartbeat_have_keas_shape() {
    let (first, second, _) = pair(Mode::LoadBalancing);
    until("the partner in its last state", || {
        first.command(json!({"command": "status-get"}))["arguments"]["high-availability"][0]["ha-servers"]
            ["remote"]["last-state"]
            == "load-balancing"
    });
    let mut status =
        first.command(json!({"command": "status-get"}))["arguments"]["high-availability"][0].take();
    let remote = &mut status["ha-servers"]["remote"];
    assert!(remote["clock-skew"].as_i64().unwrap().abs() <= 1);
    assert_eq!(remote["system-time"].as_str().unwrap().len(), "2026-11-20 10:34:46".len());
    (remote["clock-skew"], remote["system-time"]) = (json!(0), json!(null));
    status["ha-servers"]["local"]["system-time"] = json!(null);
    let expected = json!({"ha-mode": "load-balancing", "ha-servers": {
        "local": {"role": "primary", "scopes": ["server1"], "server-name": "server1",
            "state": "load-balancing", "system-time": null},
        "remote": {"age": 0, "analyzed-packets": 0, "clock-skew": 0,
            "communication-interrupted": false, "connecting-clients": 0, "in-touch": true,
            "last-scopes": ["server2"], "last-state": "load-balancing", "role": "secondary",
            "server-name": "server2", "system-time": null, "unacked-clients": 0,
            "unacked-clients-left": 0}}});
    assert_eq!(status, expected);

    let heartbeat = second.command(json!({"command": "ha-heartbeat"}));
    assert_eq!(heartbeat["text"], "HA peer status returned.");
    assert_eq!(heartbeat["arguments"]["scopes"], json!(["server2"]));
    assert_eq!(heartbeat["arguments"]["unsent-update-count"], 0);
    let unknown = json!({"command": "ha-heartbeat", "arguments": {"server-name": "x"}});
    assert_eq!(second.command(unknown)["text"], "x matches no configured 'server-name'");
}

#[test]
fn the_survivor_serves_all_and_the_returning_server_synchronises() {
    let (first, second, addresses) = pair(Mode::LoadBalancing);
    first.grant(1);
    until("the first reply", || first.replied(1));
    drop(second);
    until("partner-down", || first.state() == State::PartnerDown);
    assert_eq!(first.scopes(), ["server1", "server2"]);
    for host in 10..30 {
        first.grant(host);
        assert!(first.replied(host), "alone, nobody is waited for");
    }
    let unsent = first.command(json!({"command": "ha-heartbeat"}));
    assert_eq!(unsent["arguments"]["unsent-update-count"], 20);

    let second = Node::start(1, addresses, parameters("server2", Mode::LoadBalancing));
    until("both back", || {
        first.state() == State::LoadBalancing && second.state() == State::LoadBalancing
    });
    assert!((10..30).chain([1]).all(|host| second.knows(host)));
    until("service on both", || first.service.is_enabled() && second.service.is_enabled());
    second.grant(40);
    until("a reply of the returned server", || second.replied(40));
    assert!(first.knows(40));
}

#[test]
fn a_reply_that_the_partner_cannot_acknowledge_is_dropped() {
    let slow = |this| Parameters {
        max_response_delay: Duration::from_secs(60),
        delayed_updates_limit: 0,
        ..parameters(this, Mode::HotStandby)
    };
    let addresses = addresses();
    let first = Node::start(0, addresses, slow("server1"));
    let second = Node::start(1, addresses, slow("server2"));
    until("hot-standby", || {
        first.state() == State::HotStandby && second.state() == State::HotStandby
    });
    drop(second);
    first.grant(1);
    until("the reply dropped", || first.stats.value(Counter::ReplyUnacknowledged) == 1);
    assert!(first.knows(1) && !first.replied(1));
    assert!(first.pending.is_empty());
}

#[test]
fn updates_made_while_the_partner_is_silent_are_sent_when_it_is_back() {
    let patient = |this| Parameters {
        max_response_delay: Duration::from_secs(60),
        ..parameters(this, Mode::LoadBalancing)
    };
    let addresses = addresses();
    let first = Node::start(0, addresses, patient("server1"));
    let mut second = Node::start(1, addresses, patient("server2"));
    let normal = State::LoadBalancing;
    until("load-balancing", || first.state() == normal && second.state() == normal);
    // Only its listener goes: a short silence, not the end of the server.
    second.driver.close_listener();
    until("communication-recovery", || first.state() == State::CommunicationRecovery);
    for host in 1..=5 {
        first.grant(host);
        assert!(first.replied(host), "delayed updates are not waited for");
    }
    assert!(!second.knows(1));
    second.driver.open_listener().unwrap();
    until("load-balancing again", || first.state() == normal && second.state() == normal);
    assert!((1..=5).all(|host| second.knows(host)));
}

#[test]
fn too_many_delayed_updates_lead_to_a_synchronisation() {
    let patient = |this| Parameters {
        max_response_delay: Duration::from_secs(60),
        delayed_updates_limit: 3,
        ..parameters(this, Mode::LoadBalancing)
    };
    let addresses = addresses();
    let first = Node::start(0, addresses, patient("server1"));
    let mut second = Node::start(1, addresses, patient("server2"));
    let normal = State::LoadBalancing;
    until("load-balancing", || first.state() == normal && second.state() == normal);
    second.driver.close_listener();
    until("communication-recovery", || first.state() == State::CommunicationRecovery);
    (1..=8).for_each(|host| first.grant(host));
    second.driver.open_listener().unwrap();
    until("all leases at the partner", || (1..=8).all(|host| second.knows(host)));
    until("load-balancing again", || first.state() == normal && second.state() == normal);
}

#[test]
fn maintenance_goes_to_and_fro() {
    let (first, second, _) = pair(Mode::LoadBalancing);
    let start = first.command(json!({"command": "ha-maintenance-start"}));
    assert_eq!(start["result"], 0, "{start}");
    assert_eq!(
        (first.state(), second.state()),
        (State::PartnerInMaintenance, State::InMaintenance)
    );
    let cancel = first.command(json!({"command": "ha-maintenance-cancel"}));
    assert_eq!(cancel["text"], "Server maintenance successfully canceled.");
    let normal = State::LoadBalancing;
    until("both back", || first.state() == normal && second.state() == normal);
    let sync = json!({"command": "ha-sync", "arguments": {"server-name": "server2"}});
    assert_eq!(first.command(sync)["text"], "Lease database synchronization complete.");
}
