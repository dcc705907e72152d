//! Shared networks: one link with several subnets.

use std::net::Ipv4Addr;

use super::world::*;
use crate::codec::v4::{MessageType, code};
use crate::config::parse_text;
use crate::v4::snapshot::LOOKS;
use crate::v4::{AllocationFailure, DropReason, NakReason, Outcome};

/// The world of what stands inside `Dhcp4`.
fn world(inside: &str) -> World {
    let text = format!("{{ \"Dhcp4\": {{ {inside} }} }}");
    World::new(parse_text(&text, "test").unwrap_or_else(|it| panic!("{it:#?}")).dhcp4.unwrap())
}

/// Two subnets behind one relay, two addresses each.
const TWO: &str = r#"
    "valid-lifetime": 1000, "option-data": [ { "name": "domain-name", "data": "global" } ],
    "shared-networks": [ {
        "name": "floor", "relay": { "ip-addresses": [ "192.0.2.9" ] }, "valid-lifetime": 2000,
        "min-valid-lifetime": 1500, "renew-timer": 500, "next-server": "192.0.2.77",
        "option-data": [ { "name": "domain-name", "data": "floor" },
                         { "name": "routers", "data": "10.0.0.254" } ],
        "subnet4": [
            { "id": 1, "subnet": "10.0.0.0/24", "pools": [ { "pool": "10.0.0.1 - 10.0.0.2" } ] },
            { "id": 2, "subnet": "10.0.1.0/24", "renew-timer": 600, "max-valid-lifetime": 3000,
              "option-data": [ { "name": "routers", "data": "10.0.1.254" } ],
              "pools": [ { "pool": "10.0.1.1 - 10.0.1.2",
                           "option-data": [ { "name": "domain-name", "data": "pool" } ] } ] }
        ] } ]"#;

fn address(subnet: u8, last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, subnet, last)
}

#[test]
fn addresses_come_from_the_next_subnet_once_one_is_full() {
    let world = world(TWO);
    let given: Vec<_> = (1..=4).map(|client| world.dora(&Ask::relayed(client)).yiaddr).collect();
    assert_eq!(given, [address(0, 1), address(0, 2), address(1, 1), address(1, 2)]);
    assert_eq!(
        (world.lease(given[1]).unwrap().subnet_id, world.lease(given[2]).unwrap().subnet_id),
        (1, 2)
    );
    let why = world.dropped(&Ask::relayed(5));
    assert_eq!(why, DropReason::NoAddress(AllocationFailure::FullNetwork));
}

#[test]
fn answers_follow_the_subnet_that_was_given_from_and_what_it_inherits() {
    let world = world(TWO);
    let ask = |client| {
        let ask = Ask::relayed(client).option(code::PARAMETER_REQUEST_LIST, [3, 15]);
        ask.option(code::LEASE_TIME, 2500_u32.to_be_bytes())
    };
    let answers: Vec<_> = (1..=3).map(|client| world.dora(&ask(client))).collect();
    let (first, third) = (&answers[0], &answers[2]);
    assert_eq!(
        (first.option(3).unwrap(), third.option(3).unwrap()),
        (&[10, 0, 0, 254][..], &[10, 0, 1, 254][..])
    );
    assert_eq!(
        (first.option(15).unwrap(), third.option(15).unwrap()),
        (&b"floor"[..], &b"pool"[..])
    );
    assert_eq!((first.number(51), third.number(51)), (Some(2000), Some(2500)));
    assert_eq!((first.number(58), third.number(58)), (Some(500), Some(600)));
    assert_eq!((first.siaddr, third.siaddr), (ip(77), ip(77)));
}

#[test]
fn a_client_has_one_lease_in_a_network() {
    let world = world(TWO);
    let first = world.dora(&Ask::relayed(1)).yiaddr;
    let other = address(1, 2);
    let ack = world.reply(&Ask::relayed(1).selecting(other));
    assert_eq!((ack.message_type, ack.yiaddr), (MessageType::Ack, other));
    assert!(world.lease(first).is_none());
    assert_eq!(world.reply(&Ask::relayed(1)).yiaddr, other);
    let rebooted = world.nak(&Ask::relayed(1).rebooting(first));
    assert_eq!(rebooted, NakReason::OtherAddress);
    assert_eq!(world.reply(&Ask::relayed(1).rebooting(other)).yiaddr, other);
}

#[test]
fn a_search_goes_on_where_the_last_address_was_found() {
    let mut world = world(TWO);
    let given: Vec<_> = (1..=3).map(|client| world.dora(&Ask::relayed(client)).yiaddr).collect();
    world.silent(&Ask::relayed(1).releasing(given[0]));
    world.pass(30);
    // An address of the first subnet is free again, and the second one is where addresses were found.
    assert_eq!(world.dora(&Ask::relayed(4)).yiaddr, address(1, 2));
    assert_eq!(world.dora(&Ask::relayed(5)).yiaddr, given[0]);
}

#[test]
fn a_reservation_in_no_pool_of_another_subnet_is_unknown_here() {
    let reserved = r#", "reservations": [ { "hw-address": "02:00:00:00:00:09", "ip-address": "10.0.1.9" },
                                          { "hw-address": "02:00:00:00:00:0a", "ip-address": "10.0.1.1" } ] }
        ] } ]"#;
    let whole = TWO.trim_end().strip_suffix("}\n        ] } ]").unwrap();
    let world = world(&format!("{whole}{reserved}"));
    let ask = Ask::relayed(1);
    assert_eq!(world.dora(&ask).yiaddr, address(0, 1));
    // In a pool it is refused, in none another server may know it.
    assert_eq!(world.nak(&ask.clone().selecting(address(1, 1))), NakReason::Reserved);
    let unknown = world.ask(&ask.selecting(address(1, 9)));
    assert!(matches!(unknown, Outcome::Drop(DropReason::UnknownAddress(_))), "{unknown:?}");
}

#[test]
fn guards_of_the_network_and_of_its_subnets_both_count() {
    let world = world(
        r#""client-classes": [ { "name": "here", "test": "option[60].exists" },
                               { "name": "gold", "test": "option[60].text == 'gold'" } ],
        "shared-networks": [ { "name": "n", "client-class": "here", "relay": { "ip-address": "192.0.2.9" },
            "subnet4": [
                { "id": 1, "subnet": "10.0.0.0/24", "client-class": "gold",
                  "pools": [ { "pool": "10.0.0.1 - 10.0.0.2" } ] },
                { "id": 2, "subnet": "10.0.1.0/24", "pools": [ { "pool": "10.0.1.1 - 10.0.1.2" } ] } ] } ]"#,
    );
    let as_class =
        |client, class: &str| Ask::relayed(client).option(code::VENDOR_CLASS_IDENTIFIER, class);
    assert_eq!(world.dropped(&Ask::relayed(1)), DropReason::NoSubnet);
    assert_eq!(world.dora(&as_class(2, "tin")).yiaddr, address(1, 1));
    assert_eq!(world.dora(&as_class(3, "gold")).yiaddr, address(0, 1));
    // The lease of a subnet that is closed to the client is not offered again.
    assert_eq!(world.reply(&as_class(3, "tin")).yiaddr, address(1, 2));
    assert_eq!(world.nak(&as_class(3, "tin").selecting(address(0, 2))), NakReason::NotAllowed);
    let elsewhere = world.ask(&as_class(3, "tin").selecting(address(7, 2)));
    assert!(matches!(elsewhere, Outcome::Drop(DropReason::UnknownAddress(_))));
}

#[test]
fn ten_thousand_subnets_of_one_network_are_served_from_first_to_last() {
    let subnets: Vec<String> = (0..10_000)
        .map(|number| {
            let (high, low) = (number / 256, number % 256);
            format!(
                r#"{{ "id": {}, "subnet": "10.{high}.{low}.0/24", "pools": [ {{ "pool": "10.{high}.{low}.7/32" }} ] }}"#,
                number + 1
            )
        })
        .collect();
    let world = world(&format!(
        r#""shared-networks": [ {{ "name": "n", "relay": {{ "ip-address": "192.0.2.9" }},
            "subnet4": [ {} ] }} ]"#,
        subnets.join(", ")
    ));
    for number in 0..100_u8 {
        let given = world.dora(&Ask::relayed(number)).yiaddr;
        assert_eq!(given, Ipv4Addr::new(10, 0, number, 7));
    }
    let last = Ipv4Addr::new(10, 39, 15, 7);
    assert_eq!(world.reply(&Ask::relayed(200).selecting(last)).yiaddr, last);
}

/// How many subnets of a network of `count` an exchange looks at.
fn looks(count: usize, inside: &str, network: &str, ask: &Ask) -> usize {
    let subnets: Vec<String> = (0..count)
        .map(|n| {
            let (id, a, b) = (n + 1, n / 256, n % 256);
            format!(r#"{{ "id": {id}, "subnet": "10.{a}.{b}.0/24", "pools": [ {{ "pool": "10.{a}.{b}.1-10.{a}.{b}.9" }} ] }}"#)
        })
        .collect();
    let world = world(&format!(
        r#"{inside} "shared-networks": [ {{ "name": "n", "relay": {{ "ip-address": "192.0.2.9" }}, {network}
            "subnet4": [ {} ] }} ]"#,
        subnets.join(",")
    ));
    LOOKS.set(0);
    world.reply(ask);
    LOOKS.get()
}

#[test]
fn an_exchange_looks_at_as_many_of_ten_thousand_subnets_as_of_two() {
    let asks_108 = Ask::relayed(1).option(code::PARAMETER_REQUEST_LIST, [1, 108]);
    let option = r#""option-data": [ { "name": "v6-only-preferred", "data": "1800" } ],"#;
    let global = r#""reservations-global": true, "reservations": [
        { "hw-address": "02:00:00:00:01:01", "ip-address": "10.0.1.5" } ],"#;
    for (inside, network, ask) in [
        ("", "", Ask::relayed(1)),
        ("", "", asks_108.clone()),
        ("", option, asks_108),
        (global, "", Ask::relayed(1)),
    ] {
        let few = looks(2, inside, network, &ask);
        assert_eq!(looks(10_000, inside, network, &ask), few, "{inside}{network}");
    }
}

#[test]
fn the_nearest_subnet_with_option_108_or_that_holds_a_global_address_counts() {
    let text = |id: u32, rest: &str| {
        format!(
            r#"{{ "id": {id}, "subnet": "10.0.{id}.0/24", "pools": [ {{ "pool": "10.0.{id}.1-10.0.{id}.9" }} ] {rest} }}"#
        )
    };
    let option = |seconds: u32| {
        format!(r#", "option-data": [ {{ "name": "v6-only-preferred", "data": "{seconds}" }} ]"#)
    };
    let closed = format!(r#"{}, "client-class": "UNKNOWN_TO_ALL""#, option(2));
    let world = world(&format!(
        r#""reservations-global": true, "reservations": [ {{ "hw-address": "02:00:00:00:01:02", "ip-address": "10.0.3.200" }} ],
        "shared-networks": [ {{ "name": "n", "relay": {{ "ip-address": "192.0.2.9" }}, "subnet4": [ {}, {}, {}, {} ] }} ]"#,
        text(1, ""),
        text(2, &closed),
        text(3, &option(3)),
        text(4, &option(4))
    ));
    let asked = Ask::relayed(1).option(code::PARAMETER_REQUEST_LIST, [108]);
    assert_eq!(world.reply(&asked).number(108), Some(3));
    assert_eq!(world.reply(&Ask::relayed(2)).yiaddr, address(3, 200));
}
