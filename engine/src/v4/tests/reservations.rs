//! Host reservations: who is known, what is kept for whom, and conflicts.

use std::net::Ipv4Addr;

use super::world::*;
use crate::codec::v4::{MessageType, code};
use crate::config::parse_text;
use crate::v4::{AllocationFailure, DropReason, Event, NakReason};

/// The world of what stands inside `Dhcp4`.
fn world(inside: &str) -> World {
    let text = format!("{{ \"Dhcp4\": {{ {inside} }} }}");
    World::new(parse_text(&text, "test").unwrap_or_else(|it| panic!("{it:#?}")).dhcp4.unwrap())
}

/// One subnet with these keys and reservations.
fn subnet_with(keys: &str, reservations: &str) -> World {
    world(&format!(
        r#""subnet4": [ {{ "id": 1, "subnet": "192.0.2.0/24", {keys}
            "pools": [ {{ "pool": "192.0.2.100 - 192.0.2.103" }} ],
            "reservations": [ {reservations} ] }} ]"#
    ))
}

#[test]
fn each_identifier_is_matched_and_the_first_in_order_counts() {
    let reservations = r#"
        { "hw-address": "02:00:00:00:01:01", "ip-address": "192.0.2.11" },
        { "client-id": "01:aa:bb", "ip-address": "192.0.2.12" },
        { "duid": "00:03:00:01:0a", "ip-address": "192.0.2.13" },
        { "circuit-id": "'port 7'", "ip-address": "192.0.2.14" },
        { "flex-id": "'x'", "ip-address": "192.0.2.15" }"#;
    let usual = subnet_with("", reservations);
    let given = |world: &World, ask: &Ask| world.dora(ask).yiaddr;
    let duid = [255, 1, 2, 3, 4, 0, 3, 0, 1, 10];
    let circuit = [&[1, 6][..], b"port 7"].concat();
    assert_eq!(given(&usual, &Ask::direct(1)), ip(11));
    assert_eq!(given(&usual, &Ask::direct(2).option(61, [1, 0xaa, 0xbb])), ip(12));
    assert_eq!(given(&usual, &Ask::direct(3).option(61, duid)), ip(13));
    assert_eq!(given(&usual, &Ask::relayed(4).option(82, circuit)), ip(14));
    assert_eq!(given(&usual, &Ask::direct(5)), ip(100));
    // Both match: by default the hardware address comes first.
    let both = Ask::direct(1).option(61, [1, 0xaa, 0xbb]);
    let offer = |world: &World| world.reply(&both).yiaddr;
    assert_eq!(offer(&subnet_with("", reservations)), ip(11));
    let other_order = world(&format!(
        r#""host-reservation-identifiers": [ "client-id", "hw-address" ],
        "subnet4": [ {{ "id": 1, "subnet": "192.0.2.0/24", "reservations": [ {reservations} ] }} ]"#
    ));
    assert_eq!(offer(&other_order), ip(12));
}

#[test]
fn a_reserved_address_is_given_to_nobody_else() {
    let world =
        subnet_with("", r#"{ "hw-address": "02:00:00:00:01:09", "ip-address": "192.0.2.101" }"#);
    let given: Vec<_> = (1..=3).map(|client| world.dora(&Ask::direct(client)).yiaddr).collect();
    assert_eq!(given, [ip(100), ip(102), ip(103)]);
    let full = DropReason::NoAddress(AllocationFailure::Full);
    assert_eq!(world.dropped(&Ask::direct(4)), full);
    let wish = Ask::direct(4).option(code::REQUESTED_ADDRESS, ip(101).octets());
    assert_eq!(world.dropped(&wish), full);
    assert_eq!(world.nak(&Ask::direct(4).selecting(ip(101))), NakReason::Reserved);
    assert_eq!(world.dora(&Ask::direct(9)).yiaddr, ip(101));
}

#[test]
fn a_client_that_holds_another_address_is_led_to_its_reserved_one() {
    let reserved = r#"{ "hw-address": "02:00:00:00:01:01", "ip-address": "192.0.2.50" }"#;
    let world = subnet_with("", reserved);
    // It was offered a dynamic address once, before the reservation.
    assert_eq!(world.nak(&Ask::direct(1).selecting(ip(100))), NakReason::OtherReserved(ip(50)));
    assert_eq!(world.nak(&Ask::direct(1).renewing(ip(100))), NakReason::OtherReserved(ip(50)));
    assert_eq!(world.dora(&Ask::direct(1)).yiaddr, ip(50));
    assert_eq!(world.reply(&Ask::direct(1).renewing(ip(50))).message_type, MessageType::Ack);
    let anything = world.reply(&Ask::direct(1).of(MessageType::Request));
    assert_eq!((anything.message_type, anything.yiaddr), (MessageType::Ack, ip(50)));
}

#[test]
fn a_reserved_address_that_another_holds_is_missed_until_its_holder_comes_back() {
    let mut world = subnet_with("", "");
    assert_eq!(world.dora(&Ask::direct(2)).yiaddr, ip(100));
    let reserved = r#"{ "hw-address": "02:00:00:00:01:01", "ip-address": "192.0.2.100" }"#;
    world.snapshot = subnet_with("", reserved).snapshot;
    let offer = world.reply(&Ask::direct(1));
    assert_eq!(offer.event, Event::Offered { address: ip(101), missed: Some(ip(100)) });
    assert_eq!(world.dora(&Ask::direct(1)).yiaddr, ip(101));
    // The holder loses it, and is offered another one.
    assert_eq!(world.nak(&Ask::direct(2).renewing(ip(100))), NakReason::Reserved);
    assert_eq!(world.dora(&Ask::direct(2)).yiaddr, ip(102));
    let offer = world.reply(&Ask::direct(1));
    assert_eq!(offer.event, Event::Offered { address: ip(100), missed: None });
    assert_eq!(world.dora(&Ask::direct(1)).yiaddr, ip(100));
    assert!(world.lease(ip(101)).is_none());
}

#[test]
fn which_reservations_count_is_told_by_flags_and_by_the_old_mode() {
    let reserved = |keys: &str, address: &str| {
        let own = format!(r#"{{ "hw-address": "02:00:00:00:01:01", "ip-address": "{address}" }}"#);
        let world = world(&format!(
            r#""reservations": [ {{ "hw-address": "02:00:00:00:01:01", "ip-address": "192.0.2.60" }} ],
            "subnet4": [ {{ "id": 1, "subnet": "192.0.2.0/24", {keys}
                "pools": [ {{ "pool": "192.0.2.100 - 192.0.2.103" }} ], "reservations": [ {own} ] }} ]"#
        ));
        world.reply(&Ask::direct(1)).yiaddr
    };
    assert_eq!(reserved("", "192.0.2.50"), ip(50));
    assert_eq!(reserved(r#""reservation-mode": "all","#, "192.0.2.50"), ip(50));
    assert_eq!(reserved(r#""reservation-mode": "disabled","#, "192.0.2.50"), ip(100));
    assert_eq!(reserved(r#""reservations-in-subnet": false,"#, "192.0.2.50"), ip(100));
    assert_eq!(reserved(r#""reservation-mode": "global","#, "192.0.2.50"), ip(60));
    let global = r#""reservations-global": true, "reservations-in-subnet": false,"#;
    assert_eq!(reserved(global, "192.0.2.50"), ip(60));
    assert_eq!(reserved(r#""reservations-global": true,"#, "192.0.2.50"), ip(50));
    assert_eq!(reserved(r#""reservations-out-of-pool": true,"#, "192.0.2.50"), ip(50));
    // Out of pool, a reservation of a pool's address does not count, for anybody.
    assert_eq!(reserved(r#""reservations-out-of-pool": true,"#, "192.0.2.102"), ip(100));
    assert_eq!(reserved(r#""reservation-mode": "out-of-pool","#, "192.0.2.102"), ip(100));
}

#[test]
fn a_reservation_gives_names_options_boot_fields_and_classes() {
    let world = world(
        r#""client-classes": [
            { "name": "gold", "option-data": [ { "name": "domain-name", "data": "gold" } ] },
            { "name": "plain", "test": "not member('gold')",
              "option-data": [ { "name": "domain-name", "data": "plain" } ] },
            { "name": "strangers", "test": "member('UNKNOWN')", "valid-lifetime": 60 },
            { "name": "friends", "test": "member('KNOWN')", "valid-lifetime": 600 } ],
        "subnet4": [ { "id": 1, "subnet": "192.0.2.0/24", "next-server": "192.0.2.2",
            "option-data": [ { "name": "routers", "data": "192.0.2.254" } ],
            "pools": [ { "pool": "192.0.2.100 - 192.0.2.101", "client-class": "gold" },
                       { "pool": "192.0.2.150 - 192.0.2.155" } ],
            "reservations": [ { "hw-address": "02:00:00:00:01:01", "hostname": "Host.One",
                "client-classes": [ "gold" ], "next-server": "192.0.2.3", "boot-file-name": "boot",
                "option-data": [ { "name": "routers", "data": "192.0.2.253" } ] } ] } ]"#,
    );
    let known = world.dora(&Ask::direct(1));
    let stranger = world.dora(&Ask::direct(2));
    assert_eq!((known.yiaddr, stranger.yiaddr), (ip(100), ip(150)));
    assert_eq!((known.option(15), stranger.option(15)), (Some(&b"gold"[..]), Some(&b"plain"[..])));
    assert_eq!(
        (known.option(3), stranger.option(3)),
        (Some(&[192, 0, 2, 253][..]), Some(&[192, 0, 2, 254][..]))
    );
    assert_eq!((known.number(51), stranger.number(51)), (Some(600), Some(60)));
    assert_eq!((known.siaddr, stranger.siaddr), (ip(3), ip(2)));
    assert_eq!((known.option(12), stranger.option(12)), (Some(&b"host.one"[..]), None));
    assert_eq!(&*world.lease(ip(100)).unwrap().hostname, "host.one");
    assert!(known.reply.departure.message[108..].starts_with(b"boot\0"));
    // Asked by option 81, it is answered there.
    let fqdn = [&[1, 0, 0][..], b"mine"].concat();
    let answer = world.reply(&Ask::direct(1).option(81, fqdn));
    assert_eq!(&answer.option(81).unwrap()[3..], b"host.one.");
}

#[test]
fn in_a_shared_network_a_client_is_served_where_its_reservation_is() {
    let network = |more: &str| {
        world(&format!(
            r#""shared-networks": [ {{ "name": "n", "interface": "eth0", {more} "subnet4": [
                {{ "id": 1, "subnet": "10.0.0.0/24", "pools": [ {{ "pool": "10.0.0.1 - 10.0.0.9" }} ] }},
                {{ "id": 2, "subnet": "10.0.1.0/24", "pools": [ {{ "pool": "10.0.1.1 - 10.0.1.9" }} ],
                  "reservations": [
                    {{ "hw-address": "02:00:00:00:01:01", "ip-address": "10.0.1.200",
                       "client-classes": [ "vip" ] }},
                    {{ "hw-address": "02:00:00:00:01:02", "hostname": "two" }},
                    {{ "hw-address": "02:00:00:00:01:03", "ip-address": "10.0.1.1" }} ] }} ] }} ],
            "reservations": [ {{ "hw-address": "02:00:00:00:01:04", "ip-address": "10.0.1.77" }} ],
            "client-classes": [ {{ "name": "vip", "option-data": [ {{ "name": "domain-name", "data": "vip" }} ] }} ]"#
        ))
    };
    let address = |subnet: u8, last: u8| Ipv4Addr::new(10, 0, subnet, last);
    let usual = network("");
    let first = usual.dora(&Ask::direct(1));
    assert_eq!((first.yiaddr, first.option(15)), (address(1, 200), Some(&b"vip"[..])));
    assert_eq!(usual.lease(address(1, 200)).unwrap().subnet_id, 2);
    let second = usual.dora(&Ask::direct(2));
    assert_eq!((second.yiaddr, second.option(12)), (address(1, 2), Some(&b"two"[..])));
    assert_eq!(usual.nak(&Ask::direct(9).selecting(address(1, 1))), NakReason::Reserved);
    assert_eq!(network("").reply(&Ask::direct(4)).yiaddr, address(0, 1));
    assert_eq!(
        network(r#""reservations-global": true,"#).reply(&Ask::direct(4)).yiaddr,
        address(1, 77)
    );
}

/// As Kea: where a network has more subnets than the query has identifiers, its last identifier with a reservation counts.
#[test]
fn which_of_a_clients_reservations_in_one_subnet_counts_depends_on_how_many_subnets_there_are() {
    let network = |others: &[u8]| {
        let others: Vec<_> = others
            .iter()
            .map(|id| format!(r#"{{ "id": {id}, "subnet": "10.0.{id}.0/24" }},"#))
            .collect();
        world(&format!(
            r#""shared-networks": [ {{ "name": "n", "interface": "eth0", "subnet4": [ {}
                {{ "id": 1, "subnet": "10.0.1.0/24", "reservations": [
                    {{ "hw-address": "02:00:00:00:01:01", "ip-address": "10.0.1.11" }},
                    {{ "client-id": "01:aa:bb", "ip-address": "10.0.1.12" }} ] }} ] }} ]"#,
            others.concat()
        ))
    };
    let given = |others: &[u8], more: &Ask| network(others).reply(more).yiaddr.octets()[3];
    let one = Ask::direct(1);
    let two = Ask::direct(1).option(61, [1, 0xaa, 0xbb]);
    assert_eq!([&[][..], &[2], &[2, 3]].map(|others| given(others, &one)), [11; 3]);
    assert_eq!([&[][..], &[2], &[2, 3]].map(|others| given(others, &two)), [11, 11, 12]);
    // A third identifier, of which nothing is reserved, counts among them.
    let three = Ask::direct(1).option(61, [1, 0xaa, 0xbb]).option(82, [1, 1, 7]);
    assert_eq!([&[2][..], &[2, 3], &[2, 3, 4]].map(|others| given(others, &three)), [11, 11, 12]);
}

#[test]
fn global_reservations_can_choose_the_subnet_by_their_classes() {
    let world = |early: bool| {
        world(&format!(
            r#""early-global-reservations-lookup": {early}, "reservations-global": true,
            "client-classes": [ {{ "name": "blue" }}, {{ "name": "red", "test": "not member('blue')" }} ],
            "reservations": [ {{ "hw-address": "02:00:00:00:01:01", "client-classes": [ "blue" ] }} ],
            "subnet4": [
                {{ "id": 1, "subnet": "10.0.0.0/24", "client-class": "red", "interface": "eth0",
                  "pools": [ {{ "pool": "10.0.0.1 - 10.0.0.9" }} ] }},
                {{ "id": 2, "subnet": "10.0.1.0/24", "interface": "eth0",
                  "pools": [ {{ "pool": "10.0.1.1 - 10.0.1.9" }} ] }} ]"#
        ))
    };
    assert_eq!(world(true).reply(&Ask::direct(1)).yiaddr, Ipv4Addr::new(10, 0, 1, 1));
    assert_eq!(world(true).reply(&Ask::direct(2)).yiaddr, Ipv4Addr::new(10, 0, 0, 1));
    assert_eq!(world(false).reply(&Ask::direct(2)).yiaddr, Ipv4Addr::new(10, 0, 0, 1));
}

#[test]
fn allocation_passes_over_what_is_kept_out_and_may_start_anywhere() {
    let ends = world(
        r#""compatibility": { "exclude-first-last-24": true }, "subnet4": [ { "id": 1,
            "interface": "eth0", "subnet": "10.0.0.0/23", "pools": [ { "pool": "10.0.0.254 - 10.0.1.1" } ] } ]"#,
    );
    let given: Vec<_> = (1..=2).map(|client| ends.dora(&Ask::direct(client)).yiaddr).collect();
    assert_eq!(given, [Ipv4Addr::new(10, 0, 0, 254), Ipv4Addr::new(10, 0, 1, 1)]);
    assert_eq!(ends.dropped(&Ask::direct(3)), DropReason::NoAddress(AllocationFailure::Full));
    for allocator in ["random", "flq"] {
        let world = world(&format!(
            r#""allocator": "{allocator}", "subnet4": [ {{ "id": 1, "interface": "eth0",
                "subnet": "10.0.0.0/16", "pools": [ {{ "pool": "10.0.0.0 - 10.0.0.199" }} ] }} ]"#
        ));
        let given: Vec<_> =
            (0..200).map(|client| world.dora(&Ask::direct(client)).yiaddr).collect();
        let mut sorted = given.clone();
        sorted.sort_unstable();
        assert_ne!(given, sorted);
        sorted.dedup();
        assert_eq!(sorted.len(), 200);
    }
}

/// Kea guide, "Multiple Reservations for the Same IP": whoever asks first has the address, and the next one once it is
/// free.
#[test]
fn clients_that_share_a_reserved_address_have_it_one_after_the_other() {
    for place in ["global", "subnet"] {
        let both = r#""reservations": [ { "hw-address": "02:00:00:00:01:01", "ip-address": "192.0.2.105" },
            { "hw-address": "02:00:00:00:01:02", "ip-address": "192.0.2.105" } ]"#;
        let (global, local) = match place {
            "global" => (format!(r#"{both}, "reservations-global": true,"#), String::new()),
            _ => (String::new(), format!("{both},")),
        };
        let world = world(&format!(
            r#""ip-reservations-unique": false, {global} "subnet4": [ {{ "id": 1, "subnet": "192.0.2.0/24", {local}
                "pools": [ {{ "pool": "192.0.2.100-192.0.2.110" }} ] }} ]"#
        ));
        let [one, two, stranger] = [1, 2, 3].map(Ask::direct);
        assert_eq!(world.dora(&one).yiaddr, ip(105), "{place}");
        let offer = world.reply(&two);
        assert_eq!(offer.event.missed_reservation(), Some(ip(105)), "{place}");
        let dynamic = world.dora(&two).yiaddr;
        assert!(dynamic == offer.yiaddr && dynamic != ip(105), "{place}");
        // No stranger is given it in its subnet, and the second gets it once the first has given it back.
        world.silent(&one.clone().releasing(ip(105)));
        if place == "subnet" {
            assert_eq!(world.nak(&stranger.selecting(ip(105))), NakReason::Reserved);
        }
        assert_eq!(world.dora(&two).yiaddr, ip(105), "{place}");
        assert_ne!(world.dora(&one).yiaddr, ip(105), "{place}");
    }
}
