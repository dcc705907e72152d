//! Fixtures shared by the benches: one server without sockets, and what clients say to it. Pure: no clock, socket,
//! file or thread. Must not know what is measured.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use engine::alloc::Offers;
use engine::clock::{Mono, Now};
use engine::codec::v4::{COOKIE, MessageType, OPTIONS_AT, Query, code};
use engine::lease::memory::MemoryStore;
use engine::lease::{
    Change, ChangeSink, ClientId, Grant, HostName, HwAddress, Identity, Lease4, LeaseState,
    LeaseStore, Origin,
};
use engine::packet::{Arrival, Buffers};
use engine::v4::{Context, Outcome, Snapshot, exchange};
use ha::gate::Gate;
use ha::machine::{Mode, Peer, Peers, Role, Scopes, Standing};

/// The server's address.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// The relay that every query comes through.
pub const RELAY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
/// The first address of the only pool.
pub const FIRST: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 0);
/// The last address of the only pool: 65,536 in all.
pub const LAST: Ipv4Addr = Ipv4Addr::new(10, 1, 255, 255);
/// Addresses of the pool.
pub const POOL: u32 = 65_536;
/// The moment of every bench.
pub const NOW: Now = Now { mono: Mono::from_ns(0), wall_s: 1_800_000_000 };

const CONFIG: &str = r#"{ "Dhcp4": {
    "interfaces-config": { "interfaces": [] },
    "lease-database": { "type": "memfile", "persist": false },
    "valid-lifetime": 3600, "renew-timer": 900, "rebind-timer": 1800,
    "option-data": [
        { "name": "domain-name-servers", "data": "10.0.0.53, 10.0.1.53" },
        { "name": "domain-name", "data": "example.org" }
    ],
    "subnet4": [ {
        "id": 1, "subnet": "10.0.0.0/8",
        "pools": [ { "pool": "10.1.0.0 - 10.1.255.255" } ],
        "option-data": [ { "name": "routers", "data": "10.0.0.1" } ]
    } ]
} }"#;

/// Nobody is told of changes: no journal, no partner.
struct Nobody;

impl ChangeSink for Nobody {
    fn record(&self, _change: &Change<'_>) {}
}

/// One server at one moment.
pub struct Server {
    snapshot: Snapshot,
    /// Its leases.
    pub store: MemoryStore,
    offers: Offers,
    buffers: Buffers,
}

impl Server {
    /// A server whose first `leases` clients have leases, in the order of the pool.
    pub fn with_leases(leases: u32) -> Self {
        let configuration = engine::config::parse_text(CONFIG, "bench").expect("it is in order");
        let config = configuration.dhcp4.expect("it has a Dhcp4 part");
        let server = Self {
            snapshot: Snapshot::build(Arc::new(config), &[]),
            store: MemoryStore::new(Arc::new(Nobody)),
            offers: Offers::default(),
            buffers: Buffers::default(),
        };
        (0..leases).for_each(|number| server.grant(number));
        server
    }

    /// Writes the lease of client `number`, or renews it.
    pub fn grant(&self, number: u32) {
        let lease = lease(number);
        let (hw_address, client_id) = (lease.hw_address, lease.client_id.clone());
        let identity = Identity { client_id: client_id.as_ref(), hw_address: &hw_address };
        let grant = Grant { lease, identity, one_of: &[1], origin: Origin::Client(None) };
        self.store.grant(NOW, grant).expect("its address is free or its own");
    }

    /// Reads `message` and answers it.
    pub fn answer(&self, message: &[u8]) -> Outcome {
        self.exchange(&Query::parse(message).expect("a client's message"))
    }

    /// Answers a query that was read.
    pub fn exchange(&self, query: &Query<'_>) -> Outcome {
        let context = Context {
            snapshot: &self.snapshot,
            store: &self.store,
            offers: &self.offers,
            admission: None,
            now: NOW,
            ticket: None,
            replicated: false,
            buffers: &self.buffers,
            interface: "eth0",
            local_addresses: &[SERVER],
            reply_port: None,
            trouble: &Default::default(),
        };
        exchange(query, &ARRIVAL, None, &context)
    }
}

const ARRIVAL: Arrival = Arrival {
    interface: 2,
    source: SocketAddrV4::new(RELAY, 67),
    destination: SERVER,
    local: SERVER,
    raw: false,
};

/// A gate of a load-balancing pair in normal operation.
pub fn load_balancing_gate() -> Gate {
    let peer = |name: &str, role| Peer { name: name.into(), role, auto_failover: true };
    let all = vec![peer("server1", Role::Primary), peer("server2", Role::Secondary)];
    let peers = Peers::new(Mode::LoadBalancing, "server1", all).expect("a pair");
    let scopes = Scopes::NONE.with(peers.primary());
    let gate = Gate::new(peers, std::time::Duration::from_secs(10));
    gate.publish(Standing { scopes, ..Standing::default() });
    gate
}

/// The hardware address of client `number`.
pub fn hw_address(number: u32) -> [u8; 6] {
    let [a, b, c, d] = number.to_be_bytes();
    [2, 0, a, b, c, d]
}

/// The lease that client `number` has in [`Server::with_leases`].
pub fn lease(number: u32) -> Lease4 {
    Lease4 {
        address: Ipv4Addr::from(u32::from(FIRST) + number),
        hw_address: HwAddress::new(&hw_address(number)).expect("6 bytes"),
        client_id: ClientId::new(&client_id(number)),
        valid_lifetime_s: 3600,
        cltt_s: NOW.wall_s,
        subnet_id: 1,
        fqdn_fwd: false,
        fqdn_rev: false,
        hostname: HostName::default(),
        state: LeaseState::Assigned,
        user_context: None,
        pool_id: 0,
    }
}

/// The DISCOVER of client `number`.
pub fn discover(number: u32) -> Vec<u8> {
    message(number, MessageType::Discover, &[])
}

/// The REQUEST with which client `number` takes the offer of `address`.
pub fn request(number: u32, address: Ipv4Addr) -> Vec<u8> {
    let options = [
        (code::REQUESTED_ADDRESS, address.octets().to_vec()),
        (code::SERVER_IDENTIFIER, SERVER.octets().to_vec()),
    ];
    message(number, MessageType::Request, &options)
}

fn client_id(number: u32) -> Vec<u8> {
    [&[1][..], &hw_address(number)].concat()
}

fn message(number: u32, message_type: MessageType, more: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = vec![0; OPTIONS_AT - COOKIE.len()];
    bytes[..4].copy_from_slice(&[1, 1, 6, 1]);
    bytes[4..8].copy_from_slice(&number.to_be_bytes());
    bytes[24..28].copy_from_slice(&RELAY.octets());
    bytes[28..34].copy_from_slice(&hw_address(number));
    bytes.extend_from_slice(&COOKIE);
    let asked = [code::SUBNET_MASK, code::ROUTERS, code::DOMAIN_NAME_SERVERS, code::DOMAIN_NAME];
    let usual = [
        (code::MESSAGE_TYPE, vec![message_type as u8]),
        (code::CLIENT_IDENTIFIER, client_id(number)),
        (code::PARAMETER_REQUEST_LIST, asked.to_vec()),
        (code::HOST_NAME, format!("client{number}").into_bytes()),
    ];
    for (code, data) in usual.iter().chain(more) {
        bytes.extend_from_slice(&[*code, u8::try_from(data.len()).expect("short options")]);
        bytes.extend_from_slice(data);
    }
    bytes.push(code::END);
    bytes
}
