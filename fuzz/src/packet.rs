//! Packets: read and answered by a server with a bit of everything; what it answers is held against what any reply is.

use std::cell::Cell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use engine::alloc::Offers;
use engine::clock::{Mono, Now};
use engine::codec::v4::{MessageType, OPTIONS_AT, Query, code};
use engine::lease::memory::MemoryStore;
use engine::lease::{Change, ChangeSink, LeaseStore};
use engine::packet::{Arrival, Buffers};
use engine::seam::ServeAll;
use engine::v4::{Context, Outcome, Reply, Snapshot, exchange};

use crate::Target;

/// A bit of everything that a configuration can ask of a reply.
pub(crate) const CONFIG: &str = r#"{ "Dhcp4": {
    "interfaces-config": { "interfaces": [] },
    "lease-database": { "type": "memfile", "persist": false },
    "hooks-libraries": [ { "library": "libdhcp_bootp.so" } ],
    "valid-lifetime": 3600, "min-valid-lifetime": 60, "max-valid-lifetime": 7200, "calculate-tee-times": true,
    "ddns-qualifying-suffix": "example.org", "ddns-replace-client-name": "when-not-present",
    "option-def": [
        { "name": "outer", "code": 222, "type": "uint16", "encapsulate": "inner" },
        { "name": "pair", "code": 1, "space": "inner", "type": "record", "record-types": "uint8, string" },
        { "name": "vlan", "code": 2, "space": "vendor-339", "type": "uint32" } ],
    "client-classes": [
        { "name": "DROP", "test": "pkt4.mac == 0x0200000000ff" },
        { "name": "VENDOR_CLASS_acme", "boot-file-name": "acme.img",
          "option-def": [ { "name": "vendor-encapsulated-options", "code": 43, "type": "empty", "encapsulate": "inner" } ],
          "option-data": [ { "name": "vendor-encapsulated-options" }, { "name": "pair", "space": "inner", "data": "1, x" } ] },
        { "name": "port", "template-test": "relay4[1].hex" },
        { "name": "SPAWN_port_one", "option-data": [ { "name": "domain-name", "data": "one.test" } ] },
        { "name": "late", "test": "option[43].option[1].exists and uint8totext(option[77].hex) == '1'", "only-in-additional-list": true },
        { "name": "guests", "test": "member('UNKNOWN') and match('[a-z]+', option[12].text)", "valid-lifetime": 600 } ],
    "option-data": [
        { "name": "domain-name-servers", "data": "10.0.0.53, 10.0.1.53", "always-send": true },
        { "name": "domain-search", "data": "a.test, b.test" },
        { "name": "classless-static-route", "data": "10.2.0.0/16 - 10.1.0.1" },
        { "name": "outer", "data": "7" }, { "name": "pair", "space": "inner", "data": "1, abc" },
        { "name": "vivso-suboptions", "data": "339" }, { "name": "vivco-suboptions", "data": "9, 0178" },
        { "name": "vlan", "space": "vendor-339", "data": "12", "always-send": true },
        { "name": "tftp-servers", "space": "vendor-4491", "data": "10.0.0.9" } ],
    "shared-networks": [ { "name": "net", "evaluate-additional-classes": [ "late" ], "subnet4": [
        { "id": 1, "subnet": "10.1.0.0/24", "pools": [ { "pool": "10.1.0.10 - 10.1.0.12", "client-classes": [ "guests", "KNOWN" ] },
            { "pool": "10.1.0.20 - 10.1.0.24" } ],
          "reservations": [ { "hw-address": "02:00:00:00:00:01", "ip-address": "10.1.0.11", "hostname": "reserved" } ],
          "option-data": [ { "name": "routers", "data": "10.1.0.1" } ] },
        { "id": 2, "subnet": "10.2.0.0/24", "pools": [ { "pool": "10.2.0.10 - 10.2.0.12" } ],
          "option-data": [ { "name": "v6-only-preferred", "data": "1800" } ] } ] } ],
    "subnet4": [ { "id": 3, "subnet": "10.3.0.0/24", "match-client-id": false, "authoritative": true,
        "relay": { "ip-addresses": [ "10.9.0.1" ] }, "pools": [ { "pool": "10.3.0.10/31" } ] } ]
} }"#;

/// The server's address.
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 1);
/// The longest datagram that is sent.
const MAX_REPLY: usize = 1472;

/// Nobody is told of changes.
struct Nobody;

impl ChangeSink for Nobody {
    fn record(&self, _change: &Change<'_>) {}
}

/// The first byte of an input says how the packet came and how much time passed, the rest is the packet.
pub(crate) struct Packets {
    snapshot: Snapshot,
    store: MemoryStore,
    offers: Offers,
    buffers: Buffers,
    now: Now,
}

impl Packets {
    pub(crate) fn new() -> Self {
        let configuration = engine::config::parse_text(CONFIG, "fuzz");
        let configuration = configuration.unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
        let config = configuration.dhcp4.expect("it has a Dhcp4 part");
        Self {
            snapshot: Snapshot::build(Arc::new(config), &[]),
            store: MemoryStore::new(Arc::new(Nobody)),
            offers: Offers::default(),
            buffers: Buffers::default(),
            now: Now { mono: Mono::from_ns(0), wall_s: 1_800_000_000 },
        }
    }

    fn arrival(how: u8) -> Arrival {
        let (source, destination, raw) = match how & 3 {
            0 => (Ipv4Addr::UNSPECIFIED, Ipv4Addr::BROADCAST, true),
            1 => (Ipv4Addr::new(10, 1, 0, 2), SERVER, false),
            2 => (Ipv4Addr::new(10, 1, 0, 20), SERVER, false),
            _ => (Ipv4Addr::new(10, 3, 0, 10), Ipv4Addr::BROADCAST, false),
        };
        let source = SocketAddrV4::new(source, 68);
        Arrival { interface: 2, source, destination, local: SERVER, raw }
    }

    /// What holds for every reply.
    fn check(&self, query: &Query<'_>, reply: &Reply) {
        let message = &reply.departure.message;
        assert!((OPTIONS_AT..=MAX_REPLY).contains(&message.len()), "{} bytes", message.len());
        assert_eq!((message[0], &message[4..8]), (2, &query.header()[4..8]));
        let read = Query::parse_any(message);
        match (query.is_bootp(), read) {
            (false, Ok(read)) => assert_eq!(read.message_type(), reply.message_type),
            // A BOOTP reply has no type, and is read to its end before that is found.
            (true, Err(engine::codec::v4::Malformed::NoMessageType)) => {}
            (_, other) => panic!("the reply is read as {other:?}"),
        }
        let yiaddr = Ipv4Addr::new(message[16], message[17], message[18], message[19]);
        let in_network = |subnet: u8| yiaddr.octets()[..3] == [10, subnet, 0];
        let nothing = yiaddr.is_unspecified();
        assert!(nothing || (1..=3).any(in_network), "yiaddr {yiaddr}");
        if reply.message_type == MessageType::Nak {
            assert!(nothing, "a NAK with an address");
        }
        if let Some((address, version)) = reply.reports {
            assert_eq!(self.store.version(address), Some(version));
            assert_eq!(address, yiaddr);
        }
    }
}

impl Target for Packets {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let options: &[&[u8]] = &[
            &[53, 1, 1, 55, 4, 1, 3, 6, 15, 12, 3, b'a', b'b', b'c', 255],
            &[53, 1, 3, 54, 4, 10, 1, 0, 1, 50, 4, 10, 1, 0, 20, 51, 4, 0, 0, 1, 0, 255],
            &[53, 1, 3, 61, 7, 1, 2, 0, 0, 0, 0, 2, 81, 6, 5, 0, 0, 2, b'h', b'i', 255],
            &[
                53, 1, 1, 60, 4, b'a', b'c', b'm', b'e', 55, 2, 43, 222, 43, 3, 1, 1, 5, 77, 1, 1,
                255,
            ],
            &[
                53, 1, 1, 125, 9, 0, 0, 17, 139, 4, 1, 2, 2, 7, 124, 5, 0, 0, 1, 83, 0, 55, 2, 124,
                125, 255,
            ],
            &[53, 1, 1, 82, 11, 1, 3, b'o', b'n', b'e', 5, 4, 10, 3, 0, 0, 255],
            &[53, 1, 1, 55, 1, 108, 118, 4, 10, 2, 0, 0, 255],
            &[53, 1, 8, 55, 3, 119, 121, 3, 255],
            &[53, 1, 7, 54, 4, 10, 1, 0, 1, 255],
            &[53, 1, 4, 50, 4, 10, 1, 0, 20, 54, 4, 10, 1, 0, 1, 255],
            &[52, 1, 3, 53, 1, 1, 12, 1, b'x', 12, 1, b'y', 255],
            &[1, 4, 255, 255, 255, 0, 255],
        ];
        let mut seeds = Vec::new();
        for (number, options) in (0..).zip(options) {
            for (how, giaddr) in [(0, [0; 4]), (1, [10, 1, 0, 2]), (2, [0; 4])] {
                let mut seed = vec![how];
                let mut header = [0; 236];
                header[..3].copy_from_slice(&[1, 1, 6]);
                header[24..28].copy_from_slice(&giaddr);
                header[28..34].copy_from_slice(&[2, 0, 0, 0, 0, number]);
                if how == 2 {
                    header[12..16].copy_from_slice(&[10, 1, 0, 20]);
                }
                seed.extend_from_slice(&header);
                seed.extend_from_slice(&[99, 130, 83, 99]);
                seed.extend_from_slice(options);
                seeds.push(seed);
            }
        }
        seeds
    }

    fn words(&self) -> Vec<Vec<u8>> {
        let words: &[&[u8]] = &[
            &[code::REQUESTED_ADDRESS, 4, 10, 1, 0, 11],
            &[code::LEASE_TIME, 4, 0, 0, 0, 1],
            &[code::SERVER_IDENTIFIER, 4, 10, 1, 0, 1],
            &[code::PARAMETER_REQUEST_LIST, 6, 3, 108, 43, 125, 222, 12],
            &[code::CLIENT_IDENTIFIER, 3, 1, 2, 3],
            &[code::OPTION_OVERLOAD, 1, 3],
            &[code::MESSAGE_TYPE, 1, 1],
            &[code::MESSAGE_TYPE, 1, 3],
            &[code::VENDOR_OPTIONS, 7, 0, 0, 17, 139, 2, 1, 0],
            &[code::RELAY_AGENT_INFORMATION, 6, 11, 4, 10, 1, 0, 1],
            &[81, 3, 0, 0, 0],
            &[81, 8, 4, 0, 0, 3, b'a', b'-', b'b', 0],
            &[12, 1, b'.'],
            &[99, 130, 83, 99],
            &[10, 2, 0, 11],
            &[10, 3, 0, 10],
            &[0xff; 4],
            &[0; 4],
        ];
        words.iter().map(|word| word.to_vec()).collect()
    }

    fn run(&mut self, input: &[u8]) -> u64 {
        let Some((how, message)) = input.split_first() else { return 0 };
        let mut hasher = DefaultHasher::new();
        self.now.mono = self.now.mono + Duration::from_secs(u64::from(how >> 4));
        self.now.wall_s += u64::from(how >> 2) * 60;
        let query = match Query::parse_any(message) {
            Ok(query) => query,
            Err(why) => {
                why.reason().hash(&mut hasher);
                return hasher.finish();
            }
        };
        let trouble = Cell::new(None);
        let context = Context {
            snapshot: &self.snapshot,
            store: &self.store,
            offers: &self.offers,
            admission: &ServeAll,
            now: self.now,
            ticket: None,
            replicated: false,
            interface: "eth0",
            local_addresses: &[SERVER],
            buffers: &self.buffers,
            reply_port: None,
            trouble: &trouble,
            shortage: &Default::default(),
        };
        let outcome = exchange(&query, &Self::arrival(*how), None, &context);
        trouble.get().map(|trouble| trouble.class).hash(&mut hasher);
        match outcome {
            Outcome::Reply(reply) => {
                self.check(&query, &reply);
                let kinds = Query::parse_any(&reply.departure.message);
                let carried = kinds.map(|read| {
                    (0..=255).filter(|code| read.has_option(*code)).collect::<Vec<u8>>()
                });
                (1, reply.message_type, carried.ok()).hash(&mut hasher);
                self.buffers.give(reply.departure.message);
            }
            Outcome::Silent { event, .. } => (2, std::mem::discriminant(&event)).hash(&mut hasher),
            Outcome::Drop(why) => (3, std::mem::discriminant(&why)).hash(&mut hasher),
        }
        hasher.finish()
    }
}
