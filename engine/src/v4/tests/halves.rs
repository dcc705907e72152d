//! A pool that is open to the clients of both servers of a pair: whose addresses are whose.

use std::sync::Arc;

use super::world::*;
use crate::codec::v4::{MessageType, code};
use crate::config::parse_text;
use crate::lease::memory::MemoryStore;
use crate::lease::{
    AddressHalf, Change, ChangeSink, Lease4, LeaseStore, Origin, Overwrite, Stored,
};
use crate::pending::{Pending, PendingReply, Release};
use crate::seam::Allotment;
use crate::stats::Stats;
use crate::sync::Mutex;
use crate::v4::{AllocationFailure, DropReason, NakReason};

/// Of 192.0.2.100 to 103 the first and the last are even.
const OURS: AddressHalf = AddressHalf::Even;

#[derive(Default)]
struct Told(Mutex<Vec<Origin>>);

impl ChangeSink for Told {
    fn record(&self, change: &Change<'_>) {
        self.0.lock().push(change.origin);
    }
}

impl Release for Told {
    fn release(&self, _reply: PendingReply) {}
}

/// One subnet of four addresses, as its pools say.
fn world(pools: &str) -> (World, Arc<Told>) {
    let text = format!(
        r#"{{ "Dhcp4": {{ "valid-lifetime": 1000, "cache-threshold": 0.0, "subnet4": [ {{ "id": 1,
            "subnet": "192.0.2.0/24", "reservations": [
                {{ "hw-address": "02:00:00:00:01:09", "ip-address": "192.0.2.50" }} ],
            "pools": [ {pools} ] }} ] }} }}"#
    );
    let config = parse_text(&text, "test").unwrap_or_else(|it| panic!("{it:#?}")).dhcp4.unwrap();
    let told = Arc::new(Told::default());
    let pending = Pending::new(9, told.clone(), Arc::new(Stats::default()));
    let admission = ["HA_a".to_owned(), "HA_b".to_owned()];
    let mut world = World::admitting(config, &admission);
    world.store = MemoryStore::new(told.clone());
    world.ticket = Some(pending.reserve(1).unwrap());
    (world, told)
}

const SHARED: &str = r#"{ "pool": "192.0.2.100 - 192.0.2.103" }"#;
const DIVIDED: &str = r#"{ "pool": "192.0.2.100 - 192.0.2.103", "client-class": "HA_a" }"#;

fn alone(world: &World) -> Allotment {
    Allotment::Alone { half: OURS, since_s: world.now.wall_s }
}

/// The partner told of a lease that it gave to this client.
fn hear(world: &World, client: u8, last: u8) {
    let lease = world.lease(ip(100)).expect("somebody has it");
    let ask = Ask::direct(client);
    let hw_address = crate::lease::HwAddress::new(&ask.mac).unwrap();
    let cltt_s = world.now.wall_s;
    let lease = Lease4 { address: ip(last), hw_address, client_id: None, cltt_s, ..lease };
    world.store.apply(lease, Overwrite::Always, Origin::Partner);
}

#[test]
fn the_own_half_is_given_at_once_and_the_other_if_the_partner_agrees() {
    let (mut world, told) = world(SHARED);
    world.allotment = Allotment::Asking(OURS);
    let given: Vec<_> = (1..=4).map(|client| world.dora(&Ask::direct(client)).yiaddr).collect();
    assert_eq!(given, [ip(100), ip(103), ip(101), ip(102)]);
    let is_asked = |origin: &Origin| matches!(origin, Origin::Asking(_));
    let asked: Vec<_> = told.0.lock().iter().map(is_asked).collect();
    assert_eq!(asked, [false, false, true, true]);
    let nothing = DropReason::NoAddress(AllocationFailure::Full);
    assert_eq!(world.dropped(&Ask::direct(5)), nothing);
    // It was not agreed to yet: it is asked again, and not once it is known.
    world.reply(&Ask::direct(3).renewing(ip(101)));
    assert!(is_asked(told.0.lock().last().unwrap()));
    let Stored { version, .. } = world.store.find(ip(101)).unwrap();
    assert!(world.store.promise(ip(101), version, true));
    world.reply(&Ask::direct(3).renewing(ip(101)));
    assert!(!is_asked(told.0.lock().last().unwrap()));
    // Nobody could be told of a refusal.
    world.ticket = None;
    assert_eq!(world.nak(&Ask::direct(4).renewing(ip(102))), NakReason::InUse);
}

#[test]
fn alone_the_other_half_is_left_to_its_owner() {
    let (mut world, _) = world(SHARED);
    world.allotment = Allotment::Asking(OURS);
    world.dora(&Ask::direct(1));
    hear(&world, 2, 101);
    world.allotment = alone(&world);
    assert_eq!(world.dora(&Ask::direct(3)).yiaddr, ip(103));
    let nothing = DropReason::NoAddress(AllocationFailure::Full);
    assert_eq!(world.dropped(&Ask::direct(4)), nothing);
    let wish = Ask::direct(4).option(code::REQUESTED_ADDRESS, ip(102).octets());
    assert_eq!(world.dropped(&wish), nothing);
    assert_eq!(world.nak(&Ask::direct(4).selecting(ip(102))), NakReason::NotAllowed);
    // Leases are renewed by whoever is asked.
    for (client, last) in [(2, 101), (1, 100)] {
        let renewed = world.reply(&Ask::direct(client).renewing(ip(last)));
        assert_eq!((renewed.message_type, renewed.yiaddr), (MessageType::Ack, ip(last)));
    }
    // What was promised to nobody before is not known to the owner.
    let (mut world, _) = self::world(SHARED);
    world.allotment = Allotment::Asking(OURS);
    (1..=3).for_each(|client| drop(world.dora(&Ask::direct(client))));
    world.allotment = alone(&world);
    assert_eq!(world.nak(&Ask::direct(3).renewing(ip(101))), NakReason::NotAllowed);
}

#[test]
fn alone_an_address_whose_lease_ran_out_is_its_last_holders() {
    let (mut world, _) = world(SHARED);
    world.allotment = Allotment::Asking(OURS);
    world.dora(&Ask::direct(1));
    hear(&world, 2, 103);
    world.allotment = alone(&world);
    world.pass(2000);
    let nothing = DropReason::NoAddress(AllocationFailure::Full);
    assert_eq!(world.dropped(&Ask::direct(3)), nothing);
    for last in [100, 103] {
        assert_eq!(world.nak(&Ask::direct(3).selecting(ip(last))), NakReason::InUse);
    }
    assert_eq!(world.dora(&Ask::direct(2)).yiaddr, ip(103));
    // What is given back is free, and all is once the partner is given up.
    world.silent(&Ask::direct(2).releasing(ip(103)));
    assert_eq!(world.dora(&Ask::direct(3)).yiaddr, ip(103));
    world.allotment = Allotment::Whole;
    assert_eq!(world.dora(&Ask::direct(4)).yiaddr, ip(101));
    assert_eq!(world.dora(&Ask::direct(5)).yiaddr, ip(102));
    assert_eq!(world.dora(&Ask::direct(6)).yiaddr, ip(100));
}

#[test]
fn alone_a_lease_of_the_other_half_that_had_ended_before_is_not_its_holders() {
    let (mut world, _) = world(SHARED);
    world.allotment = Allotment::Asking(OURS);
    world.dora(&Ask::direct(1));
    hear(&world, 2, 101);
    world.pass(1100);
    world.allotment = alone(&world);
    assert_eq!(world.nak(&Ask::direct(2).renewing(ip(101))), NakReason::NotAllowed);
}

#[test]
fn what_is_reserved_or_divided_by_classes_is_not_halved() {
    let (mut world, told) = world(DIVIDED);
    for allotment in [Allotment::Asking(OURS), alone(&world)] {
        world.allotment = allotment;
        assert_eq!(world.dora(&Ask::direct(9)).yiaddr, ip(50));
    }
    let dora = |world: &World, client| {
        let discover = Ask::direct(client);
        let offer = match world.ask_as(&discover, Some(0)) {
            crate::v4::Outcome::Reply(reply) => reply.departure.message[19],
            other => panic!("{other:?}"),
        };
        let request = Ask::direct(client).selecting(ip(offer));
        assert!(matches!(world.ask_as(&request, Some(0)), crate::v4::Outcome::Reply(_)));
        offer
    };
    world.allotment = alone(&world);
    let given: Vec<_> = (1..=4).map(|client| dora(&world, client)).collect();
    assert_eq!(given, [100, 101, 102, 103]);
    world.pass(2000);
    assert_eq!(dora(&world, 5), 100, "it ended, and nobody else gives it");
    assert!(!told.0.lock().iter().any(|origin| matches!(origin, Origin::Asking(_))));
}

#[test]
fn who_took_over_gives_from_the_far_end_and_lets_everybody_keep_what_they_have() {
    let (mut world, told) = world(SHARED);
    let first = world.dora(&Ask::direct(1)).yiaddr;
    assert_eq!(first, ip(100));
    world.allotment = Allotment::FarEnd;
    let given: Vec<_> = (1..=4).map(|client| world.dora(&Ask::direct(client)).yiaddr).collect();
    assert_eq!(given, [ip(100), ip(103), ip(102), ip(101)]);
    assert!(!told.0.lock().iter().any(|origin| matches!(origin, Origin::Asking(_))));
}
