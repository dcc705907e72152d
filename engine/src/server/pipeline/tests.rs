//! The way of a packet through the pipeline: what waits for an acknowledgement, what is repeated, what is lenient.

use std::net::SocketAddrV4;

use super::*;
use crate::clock::Mono;
use crate::codec::v4::code;
use crate::lease::csv::Journal;
use crate::lease::{Change, Origin};
use crate::packet::{Arrival, Transmit};
use crate::seam::{Replication, ServeAll};
use crate::server::ReplySender;
use crate::sync::Mutex;
use crate::worker::Pipeline as _;

const LOCAL: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const RELAY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 9);

struct One;

impl Links for One {
    fn name(&self, _interface: u32) -> Arc<str> {
        Arc::default()
    }

    fn addresses(&self) -> Arc<[Ipv4Addr]> {
        [LOCAL].into()
    }
}

/// Keeps what is sent.
#[derive(Default)]
struct Sent(Mutex<Vec<Departure>>);

impl Transmit for Sent {
    fn transmit(&self, batch: &mut Vec<Departure>) {
        self.0.lock().append(batch);
    }
}

/// A partner that acknowledges when the test says so.
struct Partner {
    pending: Arc<Pending>,
    waiting: Mutex<Vec<Ticket>>,
}

impl Replication for Partner {
    fn queue(&self, change: &Change<'_>) {
        if let Origin::Client(Some(ticket)) = change.origin {
            self.pending.expect(ticket);
            self.waiting.lock().push(ticket);
        }
    }
}

impl Partner {
    fn acknowledge(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock());
        waiting.into_iter().for_each(|ticket| self.pending.acknowledge(ticket));
    }
}

struct World {
    pipeline: Arc<Pipeline>,
    partner: Arc<Partner>,
    later: Arc<Sent>,
}

impl World {
    fn new(inside: &str, replicated: bool) -> Self {
        let text = format!(
            r#"{{ "Dhcp4": {{ {inside} "subnet4": [ {{ "id": 1, "subnet": "192.0.2.0/24",
                "pools": [ {{ "pool": "192.0.2.100-192.0.2.101" }} ] }} ] }} }}"#
        );
        let config = crate::config::parse_text(&text, "test").unwrap().dhcp4.unwrap();
        let stats = Arc::<Stats>::default();
        let storage = Storage::on(Journal::none(), Arc::clone(&stats));
        let later = Arc::<Sent>::default();
        let sender = ReplySender {
            storage: storage.clone(),
            transmit: Arc::<Sent>::clone(&later),
            stats: Arc::clone(&stats),
        };
        let pending = Arc::new(Pending::new(0, Arc::new(sender), Arc::clone(&stats)));
        let waiting = Mutex::default();
        let partner = Arc::new(Partner { pending: Arc::clone(&pending), waiting });
        if replicated {
            storage.replicate_to(Arc::<Partner>::clone(&partner));
        }
        let pipeline = Arc::new(Pipeline {
            snapshot: Live::new(Arc::new(Snapshot::build(Arc::new(config), &[]))),
            admission: Arc::new(ServeAll),
            service: Arc::default(),
            storage,
            pending,
            offers: Offers::default(),
            links: Arc::new(One),
            stats,
            key: RandomState::new(),
            reply_port: None,
            commits: None,
        });
        Self { pipeline, partner, later }
    }

    /// The replies that go at once.
    fn ask(&self, message_type: MessageType, options: &[u8], second: u64) -> Vec<Departure> {
        let mut message = vec![0; 236];
        message[..3].copy_from_slice(&[1, 1, 6]);
        message[24..28].copy_from_slice(&RELAY.octets());
        message[28..34].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
        message.extend([99, 130, 83, 99, code::MESSAGE_TYPE, 1, message_type as u8]);
        message.extend_from_slice(options);
        message.push(code::END);
        let arrival = Arrival {
            interface: 2,
            source: SocketAddrV4::new(RELAY, 67),
            destination: LOCAL,
            local: LOCAL,
            raw: false,
        };
        let packet = Packet { arrival, message };
        let now = Now { mono: Mono::from_ns(second * 1_000_000_000), wall_s: 1_000_000 + second };
        let mut out = Vec::new();
        let Some(dispatch) = self.pipeline.admit(&packet, now) else { return out };
        let mut desk = Arc::clone(&self.pipeline).desk();
        desk.serve(&mut vec![Job { packet, dispatch }], now, &Buffers::default(), &mut out);
        out
    }

    /// The replies that were sent since by whoever brought an acknowledgement.
    fn sent_later(&self) -> usize {
        std::mem::take(&mut *self.later.0.lock()).len()
    }
}

/// REQUEST of 192.0.2.100 from this server.
const SELECTING: [u8; 12] = [50, 4, 192, 0, 2, 100, 54, 4, 192, 0, 2, 1];

#[test]
fn a_repeated_request_is_answered_once_its_lease_is_acknowledged_and_then_at_once() {
    let world = World::new("", true);
    assert!(world.ask(MessageType::Request, &SELECTING, 0).is_empty());
    assert!(world.ask(MessageType::Request, &SELECTING, 1).is_empty());
    assert_eq!((world.sent_later(), world.pipeline.pending.len()), (0, 1));
    world.partner.acknowledge();
    assert_eq!((world.sent_later(), world.pipeline.pending.len()), (1, 0));
    // What everybody knows of is told again, and nobody has to hear of it.
    let [again] = &world.ask(MessageType::Request, &SELECTING, 2)[..] else { panic!("one reply") };
    assert_eq!(again.message[16..20], [192, 0, 2, 100]);
    assert!(world.partner.waiting.lock().is_empty() && world.pipeline.pending.is_empty());
    assert_eq!(world.pipeline.stats.value(Counter::AckSent), 2);
}

#[test]
fn an_acknowledgement_of_a_repetition_that_was_replaced_sends_nothing() {
    let world = World::new("", true);
    world.ask(MessageType::Request, &SELECTING, 0);
    let first = std::mem::take(&mut *world.partner.waiting.lock());
    world.ask(MessageType::Request, &SELECTING, 1);
    first.into_iter().for_each(|ticket| world.pipeline.pending.acknowledge(ticket));
    assert_eq!(world.sent_later(), 0);
    world.partner.acknowledge();
    assert_eq!(world.sent_later(), 1);
}

#[test]
fn a_malformed_query_goes_through_if_the_configuration_is_lenient() {
    // Option 81 with flags that contradict each other: N and S.
    let fqdn = [81, 5, 9, 0, 0, b'a', b'b'];
    for lenient in [false, true] {
        let inside = format!(r#""compatibility": {{ "lenient-option-parsing": {lenient} }},"#);
        let world = World::new(&inside, false);
        let offers = world.ask(MessageType::Discover, &fqdn, 0).len();
        assert_eq!(offers, usize::from(lenient), "lenient: {lenient}");
        let malformed = world.pipeline.stats.value(Counter::MalformedFqdnFlags);
        assert_eq!(malformed, u64::from(!lenient));
    }
}
