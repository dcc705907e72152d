//! What becomes of leases: kept after a release, told of again while young, leased by an offer, noted with their relay.

use super::world::*;
use crate::codec::v4::{MessageType, code};
use crate::config::parse_text;
use crate::lease::{ChangeNumber, LeaseState, LeaseStore};
use crate::v4::Event;

/// One subnet of four addresses with these keys, and these global ones.
fn world(keys: &str, global: &str) -> World {
    let text = format!(
        r#"{{ "Dhcp4": {{ {global} "valid-lifetime": 1000, "subnet4": [ {{ "id": 1, {keys}
            "subnet": "192.0.2.0/24", "pools": [ {{ "pool": "192.0.2.100 - 192.0.2.103" }} ] }} ] }} }}"#
    );
    World::new(parse_text(&text, "test").unwrap_or_else(|it| panic!("{it:#?}")).dhcp4.unwrap())
}

#[test]
fn a_released_lease_is_kept_for_its_client_as_long_as_leases_are_held() {
    let mut kept = world("", "");
    kept.dora(&Ask::direct(1));
    kept.dora(&Ask::direct(2));
    kept.silent(&Ask::direct(1).releasing(ip(100)));
    let ignored = Event::ReleaseIgnored { address: ip(100) };
    assert_eq!(kept.silent(&Ask::direct(1).releasing(ip(100))), ignored);
    kept.pass(100);
    assert_eq!(kept.dora(&Ask::direct(1)).yiaddr, ip(100));
    assert_eq!(kept.lease(ip(100)).unwrap().state, LeaseState::Assigned);
    // Others may have it.
    kept.silent(&Ask::direct(1).releasing(ip(100)));
    kept.pass(1);
    let wish = Ask::direct(3).selecting(ip(100));
    assert_eq!(kept.reply(&wish).message_type, MessageType::Ack);
    for off in [r#""hold-reclaimed-time": 0"#, r#""flush-reclaimed-timer-wait-time": 0"#] {
        let world = world("", &format!(r#""expired-leases-processing": {{ {off} }},"#));
        world.dora(&Ask::direct(1));
        world.silent(&Ask::direct(1).releasing(ip(100)));
        assert_eq!(world.lease(ip(100)), None);
    }
}

#[test]
fn a_released_lease_of_a_subnet_that_is_gone_is_not_kept() {
    let mut world = world("", "");
    world.dora(&Ask::direct(1));
    world.snapshot = World::with(|_, subnet| subnet.id = 2).snapshot;
    world.silent(&Ask::direct(1).releasing(ip(100)));
    assert_eq!(world.lease(ip(100)), None);
}

#[test]
fn a_young_lease_is_told_of_again_and_nothing_is_written() {
    let mut world = world(r#""calculate-tee-times": true,"#, "");
    let first = world.dora(&Ask::direct(1));
    let version = first.reply.reports.unwrap().1;
    world.pass(250);
    let offer = world.reply(&Ask::direct(1));
    assert_eq!((offer.yiaddr, offer.number(51)), (ip(100), Some(750)));
    let again = world.reply(&Ask::direct(1).renewing(ip(100)));
    assert_eq!(again.event, Event::Reused { address: ip(100), left_s: 750 });
    assert_eq!((again.number(51), again.number(58)), (Some(750), Some(375)));
    assert_eq!(again.reply.reports, Some((ip(100), version)));
    assert_eq!(world.store.version(ip(100)), Some(version));
    // A name is a change.
    let named = world.reply(&Ask::direct(1).renewing(ip(100)).option(code::HOST_NAME, "a"));
    assert_eq!(named.number(51), Some(1000));
    assert_eq!(world.reply(&Ask::direct(1).renewing(ip(100))).number(51), Some(1000));
    world.pass(251);
    assert_eq!(world.reply(&Ask::direct(1).renewing(ip(100))).number(51), Some(1000));
}

#[test]
fn the_cache_is_off_or_bounded_as_configured() {
    let left = |keys: &str, passed_s| {
        let mut world = world(keys, "");
        world.dora(&Ask::direct(1));
        world.pass(passed_s);
        world.reply(&Ask::direct(1).renewing(ip(100))).number(51).unwrap()
    };
    assert_eq!(left(r#""cache-threshold": 0,"#, 1), 1000);
    assert_eq!(left(r#""cache-max-age": 0,"#, 1), 1000);
    assert_eq!(left(r#""cache-max-age": 10,"#, 10), 990);
    assert_eq!(left(r#""cache-max-age": 10,"#, 11), 1000);
    assert_eq!(left(r#""cache-threshold": 0.5,"#, 500), 500);
}

#[test]
fn a_lease_that_a_partner_must_know_of_is_told_of_again_only_once_it_does() {
    let mut world = world("", "");
    world.replicated = true;
    let (address, version): (_, ChangeNumber) = world.dora(&Ask::direct(1)).reply.reports.unwrap();
    world.pass(10);
    // The partner did not answer, so the reply was never sent.
    let again = world.reply(&Ask::direct(1).renewing(ip(100)));
    assert_eq!(again.number(51), Some(1000));
    assert!(!world.store.promise(address, version, true));
    assert!(world.store.promise(address, again.reply.reports.unwrap().1, true));
    world.pass(10);
    assert_eq!(world.reply(&Ask::direct(1).renewing(ip(100))).number(51), Some(990));
}

#[test]
fn an_offer_leases_its_address_for_a_while_if_configured() {
    let mut world = world(r#""offer-lifetime": 60,"#, "");
    let offer = world.reply(&Ask::direct(1));
    assert_eq!((offer.yiaddr, offer.number(51)), (ip(100), Some(1000)));
    assert_eq!(offer.reply.last_change, world.store.version(ip(100)));
    let lease = world.lease(ip(100)).unwrap();
    assert_eq!((lease.state, lease.valid_lifetime_s), (LeaseState::Assigned, 60));
    // Longer than an offer is remembered, and nobody else gets it.
    world.pass(59);
    assert_eq!(world.reply(&Ask::direct(2)).yiaddr, ip(101));
    let ack = world.reply(&Ask::direct(1).selecting(ip(100)));
    assert_eq!(ack.number(51), Some(1000));
    assert_eq!(world.lease(ip(100)).unwrap().valid_lifetime_s, 1000);
    // A lease that lasts longer than the offer stays as it is.
    world.reply(&Ask::direct(1));
    assert_eq!(world.lease(ip(100)).unwrap().valid_lifetime_s, 1000);
    let plain = self::world("", "");
    plain.reply(&Ask::direct(1));
    assert!(plain.store.is_empty());
    // A class says it for its clients, before the subnet.
    let of_class = r#""client-classes": [ { "name": "c", "test": "option[60].exists", "offer-lifetime": 70 } ],"#;
    let classed = self::world("", of_class);
    classed.reply(&Ask::direct(1));
    assert!(classed.store.is_empty());
    let member = classed.reply(&Ask::direct(2).option(60, "x")).yiaddr;
    assert_eq!(classed.lease(member).unwrap().valid_lifetime_s, 70);
    assert!(world.snapshot.may_change_lease(MessageType::Discover));
    assert!(!plain.snapshot.may_change_lease(MessageType::Discover));
}

#[test]
fn a_lease_keeps_what_its_relay_said_as_kea_does() {
    let world = world(r#""store-extended-info": true,"#, "");
    let said = [1, 3, b'a', b'b', b'c', 2, 4, b'x', b',', b'y', b'&'];
    world.dora(&Ask::relayed(1).option(82, said));
    let expected = r#"{ "ISC": { "relay-agent-info": { "remote-id": "782C7926", "sub-options": "0x01036162630204782C7926" } } }"#;
    assert_eq!(world.lease(ip(100)).unwrap().user_context.as_deref(), Some(expected));
    // A renewal past the relay leaves it.
    world.reply(&Ask::direct(1).renewing(ip(100)).option(code::HOST_NAME, "n"));
    let lease = world.lease(ip(100)).unwrap();
    assert_eq!((&*lease.hostname, lease.user_context.as_deref()), ("n", Some(expected)));
}
