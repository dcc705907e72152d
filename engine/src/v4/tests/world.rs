//! A server without sockets, and queries to it.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::sync::Arc;

use crate::alloc::Offers;
use crate::classify::ClassNames;
use crate::clock::{Mono, Now};
use crate::codec::options::Definitions;
use crate::codec::v4::{MessageType, Query, code};
use crate::config::model::{
    Compatibility, Dhcp4, ExpiredLeases, Interfaces, LeaseChecks, LeaseDatabase, Lifetime,
    MultiThreading, OptionData, Pool4, Prefix4, Samples, Subnet4,
};
use crate::hosts::IdentifierKind;
use crate::lease::memory::MemoryStore;
use crate::lease::{Change, ChangeSink, Lease4, LeaseStore};
use crate::packet::{Arrival, Buffers, Destination};
use crate::pending::Ticket;
use crate::seam::{Admission, Admitted, Allotment, Client, ServeAll};
use crate::sync::Mutex;
use crate::v4::{
    ClassTrouble, Context, DropReason, Event, NakReason, Outcome, Reply, Snapshot, exchange,
};

/// This server's address.
pub(super) const LOCAL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// A relay in the first subnet.
pub(super) const RELAY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 9);

pub(super) fn ip(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, last)
}

/// Nobody needs to know.
struct Nobody;

impl ChangeSink for Nobody {
    fn record(&self, _change: &Change<'_>) {}
}

/// Serves everybody, from a part of the addresses.
#[derive(Debug)]
struct Allotted(Allotment);

impl Admission for Allotted {
    fn classes(&self) -> Vec<String> {
        unreachable!("the world has them")
    }

    fn admit(&self, client: &Client<'_>, now: Now) -> Admitted {
        ServeAll.admit(client, now)
    }

    fn allotment(&self, _subnet_id: u32) -> Allotment {
        self.0
    }
}

/// One server at one moment.
pub(super) struct World {
    pub(super) snapshot: Snapshot,
    pub(super) store: MemoryStore,
    pub(super) offers: Offers,
    pub(super) now: Now,
    pub(super) replicated: bool,
    /// Which addresses are its to give.
    pub(super) allotment: Allotment,
    pub(super) ticket: Option<Ticket>,
    pub(super) trouble: Mutex<Option<ClassTrouble>>,
}

impl World {
    pub(super) fn new(config: Dhcp4) -> Self {
        Self::admitting(config, &[])
    }

    /// A server whose admission gives these classes.
    pub(super) fn admitting(config: Dhcp4, classes: &[String]) -> Self {
        Self {
            snapshot: Snapshot::build(Arc::new(config), classes),
            store: MemoryStore::new(Arc::new(Nobody)),
            offers: Offers::default(),
            now: Now { mono: Mono::from_ns(0), wall_s: 1_000_000 },
            replicated: false,
            allotment: Allotment::Whole,
            ticket: None,
            trouble: Mutex::new(None),
        }
    }

    /// The subnet 192.0.2.0/24 with `change` made to it.
    pub(super) fn with(change: impl FnOnce(&mut Dhcp4, &mut Subnet4)) -> Self {
        let mut subnet = subnet(1, ip(0), 24, &[(ip(100), ip(120))]);
        let mut config = config();
        change(&mut config, &mut subnet);
        config.subnets.push(Arc::new(subnet));
        Self::new(config)
    }

    pub(super) fn plain() -> Self {
        Self::with(|_, _| {})
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        self.now.mono = self.now.mono + std::time::Duration::from_secs(seconds);
        self.now.wall_s += seconds;
    }

    pub(super) fn ask_as(&self, ask: &Ask, class: Option<usize>) -> Outcome {
        self.ask_with(ask, class, &Allotted(self.allotment))
    }

    /// With an admission that goes by the subnet.
    pub(super) fn ask_by_subnet(&self, ask: &Ask, admission: &dyn Admission) -> Outcome {
        self.ask_with(ask, None, admission)
    }

    fn ask_with(&self, ask: &Ask, class: Option<usize>, admission: &dyn Admission) -> Outcome {
        let bytes = ask.bytes();
        let query = Query::parse_any(&bytes).unwrap();
        let trouble = Cell::new(None);
        let context = Context {
            snapshot: &self.snapshot,
            store: &self.store,
            offers: &self.offers,
            admission,
            now: self.now,
            ticket: self.ticket,
            replicated: self.replicated,
            interface: "eth0",
            local_addresses: &[LOCAL],
            buffers: &Buffers::default(),
            reply_port: None,
            trouble: &trouble,
            shortage: &Default::default(),
        };
        let outcome = exchange(&query, &ask.arrival(), class, &context);
        *self.trouble.lock() = trouble.get();
        outcome
    }

    pub(super) fn ask(&self, ask: &Ask) -> Outcome {
        self.ask_as(ask, None)
    }

    pub(super) fn reply(&self, ask: &Ask) -> Answer {
        match self.ask(ask) {
            Outcome::Reply(reply) => Answer::of(reply),
            other => panic!("no reply to {ask:?}: {other:?}"),
        }
    }

    pub(super) fn dropped(&self, ask: &Ask) -> DropReason {
        match self.ask(ask) {
            Outcome::Drop(reason) => reason,
            other => panic!("not dropped: {ask:?}: {other:?}"),
        }
    }

    /// The reason of the NAK that answers.
    pub(super) fn nak(&self, ask: &Ask) -> NakReason {
        let answer = self.reply(ask);
        assert_eq!(answer.message_type, MessageType::Nak, "{ask:?}");
        match answer.event {
            Event::Refused { reason, .. } => reason,
            other => panic!("{other:?}"),
        }
    }

    /// What happened by a message that is not answered.
    pub(super) fn silent(&self, ask: &Ask) -> Event {
        match self.ask(ask) {
            Outcome::Silent { event, .. } => event,
            other => panic!("not silent: {ask:?}: {other:?}"),
        }
    }

    /// DISCOVER and REQUEST of one client; the ACK.
    pub(super) fn dora(&self, client: &Ask) -> Answer {
        let offer = self.reply(&client.clone().of(MessageType::Discover));
        let ack = self.reply(&client.clone().selecting(offer.yiaddr));
        assert_eq!((ack.message_type, ack.yiaddr), (MessageType::Ack, offer.yiaddr));
        ack
    }

    pub(super) fn lease(&self, address: Ipv4Addr) -> Option<Lease4> {
        self.store.find(address).map(|stored| stored.lease)
    }
}

/// A reply, read back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) message_type: MessageType,
    pub(super) yiaddr: Ipv4Addr,
    pub(super) ciaddr: Ipv4Addr,
    pub(super) siaddr: Ipv4Addr,
    pub(super) giaddr: Ipv4Addr,
    pub(super) flags: u16,
    pub(super) options: Vec<(u8, Vec<u8>)>,
    pub(super) to: Destination,
    pub(super) event: Event,
    pub(super) reply: Reply,
}

impl Answer {
    fn of(reply: Reply) -> Self {
        let read = dhcproto::v4::borrowed::Message::new(&reply.departure.message).unwrap();
        let options = read.opts().map(|option| (option.code().into(), option.data().to_vec()));
        Self {
            message_type: reply.message_type,
            yiaddr: read.yiaddr(),
            ciaddr: read.ciaddr(),
            siaddr: read.siaddr(),
            giaddr: read.giaddr(),
            flags: u16::from(read.flags()),
            options: options.collect(),
            to: reply.departure.destination,
            event: reply.event,
            reply,
        }
    }

    pub(super) fn option(&self, code: u8) -> Option<&[u8]> {
        self.options.iter().find(|(known, _)| *known == code).map(|(_, data)| data.as_slice())
    }

    pub(super) fn number(&self, code: u8) -> Option<u32> {
        self.option(code).map(|data| u32::from_be_bytes(data.try_into().unwrap()))
    }

    pub(super) fn codes(&self) -> Vec<u8> {
        self.options.iter().map(|(code, _)| *code).collect()
    }
}

/// A query to be asked.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) message_type: MessageType,
    /// Without a message type.
    pub(super) bootp: bool,
    pub(super) mac: Vec<u8>,
    pub(super) flags: u16,
    pub(super) ciaddr: Ipv4Addr,
    pub(super) giaddr: Ipv4Addr,
    pub(super) options: Vec<(u8, Vec<u8>)>,
    pub(super) source: SocketAddrV4,
    pub(super) destination: Ipv4Addr,
    pub(super) raw: bool,
}

impl Ask {
    /// A DISCOVER of the client 02:00:00:00:01:`number` on the link.
    pub(super) fn direct(number: u8) -> Self {
        Self {
            message_type: MessageType::Discover,
            bootp: false,
            mac: vec![2, 0, 0, 0, 1, number],
            flags: 0,
            ciaddr: Ipv4Addr::UNSPECIFIED,
            giaddr: Ipv4Addr::UNSPECIFIED,
            options: Vec::new(),
            source: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68),
            destination: Ipv4Addr::BROADCAST,
            raw: true,
        }
    }

    /// A BOOTP request of the client 02:00:00:00:01:`number` on the link.
    pub(super) fn bootp(number: u8) -> Self {
        Self { bootp: true, ..Self::direct(number) }
    }

    /// A DISCOVER of that client through a relay.
    pub(super) fn relayed(number: u8) -> Self {
        Self {
            giaddr: RELAY,
            source: SocketAddrV4::new(RELAY, 67),
            destination: LOCAL,
            raw: false,
            ..Self::direct(number)
        }
    }

    pub(super) fn of(mut self, message_type: MessageType) -> Self {
        self.message_type = message_type;
        self
    }

    pub(super) fn option(mut self, code: u8, data: impl AsRef<[u8]>) -> Self {
        self.options.push((code, data.as_ref().to_vec()));
        self
    }

    /// Without an option that it has.
    pub(super) fn without(mut self, code: u8) -> Self {
        self.options.retain(|(known, _)| *known != code);
        self
    }

    /// REQUEST that takes this server's offer.
    pub(super) fn selecting(self, address: Ipv4Addr) -> Self {
        self.of(MessageType::Request)
            .option(code::REQUESTED_ADDRESS, address.octets())
            .option(code::SERVER_IDENTIFIER, LOCAL.octets())
    }

    /// REQUEST after a reboot.
    pub(super) fn rebooting(self, address: Ipv4Addr) -> Self {
        self.of(MessageType::Request).option(code::REQUESTED_ADDRESS, address.octets())
    }

    /// REQUEST to this server by a client that has the address.
    pub(super) fn renewing(mut self, address: Ipv4Addr) -> Self {
        self.ciaddr = address;
        if self.giaddr.is_unspecified() {
            self.source = SocketAddrV4::new(address, 68);
            self.destination = LOCAL;
            self.raw = false;
        }
        self.of(MessageType::Request)
    }

    /// REQUEST to any server.
    pub(super) fn rebinding(mut self, address: Ipv4Addr) -> Self {
        self.ciaddr = address;
        self.source = SocketAddrV4::new(address, 68);
        self.of(MessageType::Request)
    }

    /// RELEASE of its address.
    pub(super) fn releasing(self, address: Ipv4Addr) -> Self {
        self.renewing(address).of(MessageType::Release)
    }

    /// DECLINE of an address that was given.
    pub(super) fn declining(self, address: Ipv4Addr) -> Self {
        self.of(MessageType::Decline).option(code::REQUESTED_ADDRESS, address.octets())
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; 236];
        bytes[..3].copy_from_slice(&[1, 1, u8::try_from(self.mac.len()).unwrap()]);
        bytes[4..8].copy_from_slice(&[9, 8, 7, 6]);
        bytes[10..12].copy_from_slice(&self.flags.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.ciaddr.octets());
        bytes[24..28].copy_from_slice(&self.giaddr.octets());
        bytes[28..28 + self.mac.len()].copy_from_slice(&self.mac);
        bytes.extend_from_slice(&[99, 130, 83, 99]);
        if !self.bootp {
            bytes.extend_from_slice(&[53, 1, self.message_type as u8]);
        }
        for (code, data) in &self.options {
            bytes.extend_from_slice(&[*code, u8::try_from(data.len()).unwrap()]);
            bytes.extend_from_slice(data);
        }
        bytes.push(code::END);
        bytes
    }

    pub(super) fn arrival(&self) -> Arrival {
        Arrival {
            interface: 2,
            source: self.source,
            destination: self.destination,
            local: LOCAL,
            raw: self.raw,
        }
    }
}

pub(super) fn option(code: u8, data: impl AsRef<[u8]>) -> OptionData {
    OptionData {
        enterprise: None,
        code,
        data: data.as_ref().into(),
        always_send: false,
        never_send: false,
        classes: Vec::new(),
    }
}

pub(super) fn pool(first: Ipv4Addr, last: Ipv4Addr) -> Pool4 {
    Pool4 {
        first,
        last,
        guard: Vec::new(),
        additional: Vec::new(),
        options: Vec::new(),
        id: 0,
        names: None,
    }
}

pub(super) fn subnet(
    id: u32,
    network: Ipv4Addr,
    len: u8,
    pools: &[(Ipv4Addr, Ipv4Addr)],
) -> Subnet4 {
    Subnet4 {
        pools: pools.iter().map(|(first, last)| pool(*first, *last)).collect(),
        lifetime: Lifetime { default_s: 4000, min_s: 4000, max_s: 4000 },
        ..Subnet4::plain(id, Prefix4 { network, len })
    }
}

/// A configuration without subnets and classes.
pub(super) fn config() -> Dhcp4 {
    Dhcp4 {
        samples: Samples { count: 20, age_s: 0 },
        interfaces: Interfaces::default(),
        control_sockets: Vec::new(),
        http_sockets: Vec::new(),
        multi_threading: MultiThreading {
            enabled: true,
            thread_pool_size: 1,
            packet_queue_size: 64,
            pin_threads: None,
        },
        lease_database: LeaseDatabase {
            persist: false,
            file: PathBuf::new(),
            lfc_interval_s: 0,
            max_row_errors: 0,
            sync_to_disk: false,
        },
        expired_leases: ExpiredLeases {
            reclaim_wait_s: 10,
            flush_wait_s: 25,
            hold_s: 3600,
            max_leases: 100,
            max_time_ms: 250,
            unwarned_cycles: 5,
        },
        class_names: ClassNames::default(),
        definitions: Definitions::default(),
        classes: Vec::new(),
        hooks: Vec::new(),
        loggers: Vec::new(),
        echo_client_id: true,
        decline_probation_s: 12,
        authoritative: false,
        stash_agent_options: false,
        parked_packet_limit: 256,
        options: Vec::new(),
        hosts: Arc::default(),
        host_identifiers: IdentifierKind::USUAL.to_vec(),
        early_global_reservations: false,
        flex_id: None,
        compatibility: Compatibility::default(),
        lease_checks: LeaseChecks::default(),
        networks: Vec::new(),
        subnets: Vec::new(),
    }
}
