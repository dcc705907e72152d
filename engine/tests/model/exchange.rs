//! Whole exchanges: clients that want the last addresses at once, and one client on two workers.
#![expect(clippy::unwrap_used, reason = "an unwrap of a test is an assertion")]

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use engine::alloc::Offers;
use engine::clock::Now;
use engine::codec::v4::{MessageType, Query};
use engine::config::parse_text;
use engine::lease::memory::MemoryStore;
use engine::lease::{Change, ChangeSink, LeaseStore};
use engine::packet::{Arrival, Buffers};
use engine::seam::ServeAll;
use engine::v4::{Context, Outcome, Snapshot, exchange};
use shuttle::thread;

use crate::check;

const LOCAL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const SCHEDULES: usize = 300;

struct Nobody;

impl ChangeSink for Nobody {
    fn record(&self, _change: &Change<'_>) {}
}

struct World {
    snapshot: Snapshot,
    store: MemoryStore,
    offers: Offers,
}

impl World {
    /// A server with the addresses 192.0.2.100 to `last`.
    fn new(last: u8) -> Arc<Self> {
        let text = format!(
            r#"{{ "Dhcp4": {{ "subnet4": [ {{ "id": 1, "subnet": "192.0.2.0/24",
                "pools": [ {{ "pool": "192.0.2.100 - 192.0.2.{last}" }} ] }} ] }} }}"#
        );
        let config = parse_text(&text, "test").unwrap().dhcp4.unwrap();
        Arc::new(Self {
            snapshot: Snapshot::build(Arc::new(config), &[]),
            store: MemoryStore::new(Arc::new(Nobody)),
            offers: Offers::default(),
        })
    }

    /// Type and `yiaddr` of the answer.
    fn ask(&self, message: &[u8]) -> Option<(MessageType, Ipv4Addr)> {
        let arrival = Arrival {
            interface: 1,
            source: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68),
            destination: Ipv4Addr::BROADCAST,
            local: LOCAL,
            raw: true,
        };
        let context = Context {
            snapshot: &self.snapshot,
            store: &self.store,
            offers: &self.offers,
            admission: &ServeAll,
            now: Now::default(),
            ticket: None,
            replicated: false,
            interface: "eth0",
            local_addresses: &[LOCAL],
            buffers: &Buffers::default(),
            reply_port: None,
            trouble: &Default::default(),
            shortage: &Default::default(),
        };
        match exchange(&Query::parse(message).unwrap(), &arrival, None, &context) {
            Outcome::Reply(reply) => {
                let address: [u8; 4] = reply.departure.message[16..20].try_into().unwrap();
                Some((reply.message_type, address.into()))
            }
            _ => None,
        }
    }

    /// DISCOVER and the REQUEST of what was offered; the answer to that.
    fn dora(&self, client: u8) -> Option<(MessageType, Ipv4Addr)> {
        let (_, offered) = self.ask(&message(client, MessageType::Discover, &[]))?;
        let [a, b, c, d] = offered.octets();
        let options = [50, 4, a, b, c, d, 54, 4, 192, 0, 2, 1];
        self.ask(&message(client, MessageType::Request, &options))
    }

    /// REQUEST of any address.
    fn any(&self, client: u8) -> Option<(MessageType, Ipv4Addr)> {
        self.ask(&message(client, MessageType::Request, &[]))
    }
}

fn message(client: u8, message_type: MessageType, options: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 236];
    bytes[..3].copy_from_slice(&[1, 1, 6]);
    bytes[28..34].copy_from_slice(&[2, 0, 0, 0, 0, client]);
    bytes.extend_from_slice(&[99, 130, 83, 99, 53, 1, message_type as u8]);
    bytes.extend_from_slice(options);
    bytes.push(255);
    bytes
}

#[test]
fn two_clients_and_two_addresses() {
    check(SCHEDULES, || {
        let world = World::new(101);
        let other = Arc::clone(&world);
        let second = thread::spawn(move || other.dora(2));
        let first = world.dora(1).unwrap();
        let second = second.join().unwrap().unwrap();
        assert_eq!((first.0, second.0), (MessageType::Ack, MessageType::Ack));
        assert_ne!(first.1, second.1);
    });
}

#[test]
fn a_request_without_an_address_leaves_an_offer_alone() {
    check(SCHEDULES, || {
        let world = World::new(101);
        let other = Arc::clone(&world);
        let second = thread::spawn(move || other.any(2));
        let first = world.dora(1).unwrap();
        let second = second.join().unwrap().unwrap();
        assert_eq!((first.0, second.0), (MessageType::Ack, MessageType::Ack));
        assert_ne!(first.1, second.1);
    });
}

#[test]
fn two_clients_and_one_address() {
    check(SCHEDULES, || {
        let world = World::new(100);
        let other = Arc::clone(&world);
        let second = thread::spawn(move || other.dora(2));
        let answers = [world.dora(1), second.join().unwrap()];
        let is_ack = |answer: &&Option<_>| matches!(answer, Some((MessageType::Ack, _)));
        assert_eq!(answers.iter().filter(is_ack).count(), 1, "{answers:?}");
        assert_eq!(world.store.len(), 1);
    });
}

#[test]
fn one_client_on_two_workers() {
    check(SCHEDULES, || {
        let world = World::new(103);
        let other = Arc::clone(&world);
        let second = thread::spawn(move || other.dora(1));
        world.any(1);
        second.join().unwrap();
        assert_eq!(world.store.len(), 1);
    });
}
