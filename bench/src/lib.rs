//! Fixtures shared by the benches: one server without sockets, and what clients say to it. Pure: no clock, socket,
//! file or thread. Must not know what is measured.

mod seen;

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use engine::alloc::Offers;
use engine::clock::{Mono, Now};
use engine::codec::v4::{COOKIE, MessageType, OPTIONS_AT, Query, code};
use engine::lease::csv::{Durability, Ink, Journal};
use engine::lease::memory::MemoryStore;
use engine::lease::{
    Change, ChangeSink, ClientId, Grant, HostName, HwAddress, Identity, Lease4, LeaseState,
    LeaseStore, Origin,
};
use engine::packet::{Arrival, Buffers};
use engine::seam::ServeAll;
use engine::v4::{Context, Outcome, Snapshot, exchange};
use ha::gate::Gate;
use ha::machine::{Mode, Peer, Peers, Role, Scopes, Standing};

pub use seen::Seen;

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

/// The same with many subnets, each behind a relay of its own, and ten classes, most of which look at the query.
pub fn many_subnets(count: u32) -> String {
    let address = |number: u32, more: u32| Ipv4Addr::from((11 << 24) + number * 256 + more);
    let subnets = (0..count).map(|n| {
        let (first, last, relay) = (address(n, 10), address(n, 250), address(n, 1));
        format!(
            r#"{{ "id": {}, "subnet": "{}/24", "pools": [ {{ "pool": "{first} - {last}" }} ],
                "relay": {{ "ip-addresses": [ "{relay}" ] }} }}"#,
            n + 2,
            address(n, 0)
        )
    });
    let classes = (0..10).map(|n| match n % 3 {
        0 => format!(r#"{{ "name": "c{n}", "test": "substring(pkt4.mac,0,2) == 0x02{n:02x}" }}"#),
        1 => format!(r#"{{ "name": "c{n}", "test": "option[12].text == 'client{n}'" }}"#),
        _ => format!(r#"{{ "name": "c{n}", "test": "relay4[1].exists and member('c0')" }}"#),
    });
    let subnets = subnets.collect::<Vec<_>>().join(",");
    let classes = classes.collect::<Vec<_>>().join(",");
    CONFIG.replace(
        r#""subnet4": ["#,
        &format!(r#""client-classes": [{classes}], "subnet4": [ {subnets},"#),
    )
}

/// Nobody is told of changes: no journal, no partner.
struct Nobody;

impl ChangeSink for Nobody {
    fn record(&self, _change: &Change<'_>) {}
}

/// A lease file that keeps nothing.
struct Nowhere;

impl Ink for Nowhere {
    fn append(&self, rows: &[u8]) -> io::Result<()> {
        std::hint::black_box(rows);
        Ok(())
    }

    fn cut(&self, _len: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A journal whose rows go nowhere.
pub fn journal() -> Arc<Journal> {
    Arc::new(Journal::with_ink(Box::new(Nowhere), 0, Durability::Kernel))
}

/// The journal as the store knows it.
struct Journalled(Arc<Journal>);

impl ChangeSink for Journalled {
    fn record(&self, change: &Change<'_>) {
        self.0.record(change);
    }
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
        let server = Self::configured(CONFIG, Arc::new(Nobody));
        (0..leases).for_each(|number| server.grant(number));
        server
    }

    /// A server without leases whose changes go into a journal.
    pub fn journalled(journal: &Arc<Journal>) -> Self {
        Self::configured(CONFIG, Arc::new(Journalled(Arc::clone(journal))))
    }

    /// A server without leases by the text of a configuration.
    pub fn by_text(text: &str) -> Self {
        Self::configured(text, Arc::new(Nobody))
    }

    fn configured(text: &str, sink: Arc<dyn ChangeSink>) -> Self {
        let configuration = engine::config::parse_text(text, "bench").expect("it is in order");
        let config = configuration.dhcp4.expect("it has a Dhcp4 part");
        Self {
            snapshot: Snapshot::build(Arc::new(config), &[]),
            store: MemoryStore::new(sink),
            offers: Offers::default(),
            buffers: Buffers::default(),
        }
    }

    /// The whole exchange of client `number`: DISCOVER, OFFER, REQUEST, ACK. Gives its address, and keeps the memory of
    /// the replies for later ones, as a worker does.
    pub fn dora(&self, number: u32, messages: &mut Messages) -> Ipv4Addr {
        let offered = self.take(self.answer(messages.discover(number)), MessageType::Offer);
        let given = self.take(self.answer(messages.request(number, offered)), MessageType::Ack);
        assert_eq!(given, offered);
        given
    }

    /// The address in a reply, which must be of this kind.
    fn take(&self, outcome: Outcome, wanted: MessageType) -> Ipv4Addr {
        let Outcome::Reply(reply) = outcome else { panic!("no reply: {outcome:?}") };
        assert_eq!(reply.message_type, wanted);
        let message = reply.departure.message;
        let address = [message[16], message[17], message[18], message[19]];
        self.buffers.give(message);
        address.into()
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
            admission: &ServeAll,
            now: NOW,
            ticket: None,
            replicated: false,
            buffers: &self.buffers,
            interface: "eth0",
            local_addresses: &[SERVER],
            reply_port: None,
            trouble: &Default::default(),
            shortage: &Default::default(),
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

/// What a client says, written over what the one before said: a count of instructions is to be the server's.
pub struct Messages {
    discover: Vec<u8>,
    request: Vec<u8>,
}

impl Default for Messages {
    fn default() -> Self {
        Self { discover: discover(0), request: request(0, FIRST) }
    }
}

impl Messages {
    /// The DISCOVER of client `number`.
    pub fn discover(&mut self, number: u32) -> &[u8] {
        sign(&mut self.discover, number);
        &self.discover
    }

    /// Its REQUEST for `address`.
    pub fn request(&mut self, number: u32, address: Ipv4Addr) -> &[u8] {
        sign(&mut self.request, number);
        let at = find(&self.request, code::REQUESTED_ADDRESS);
        self.request[at..at + 4].copy_from_slice(&address.octets());
        &self.request
    }
}

fn sign(message: &mut [u8], number: u32) {
    let own = hw_address(number);
    message[4..8].copy_from_slice(&number.to_be_bytes());
    message[28..34].copy_from_slice(&own);
    let at = find(message, code::CLIENT_IDENTIFIER);
    message[at + 1..at + 7].copy_from_slice(&own);
}

/// Where the value of an option begins.
fn find(message: &[u8], wanted: u8) -> usize {
    let mut at = OPTIONS_AT;
    while message[at] != wanted {
        at += 2 + usize::from(message[at + 1]);
    }
    at + 2
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
