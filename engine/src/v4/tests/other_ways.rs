//! BOOTP, IPv6-only clients, and what relays and clients say about the server and the subnet.

use std::net::Ipv4Addr;

use super::world::*;
use crate::codec::v4::{MessageType, Query, code};
use crate::config::parse_text;
use crate::lease::{INFINITE_LIFETIME, LeaseStore};
use crate::packet::Destination;
use crate::v4::{DropReason, Event, NakReason, Outcome};

fn world(inside: &str, subnet: &str) -> World {
    let text = format!(
        r#"{{ "Dhcp4": {{ {inside} "subnet4": [
            {{ "id": 1, "subnet": "192.0.2.0/24", {subnet} "pools": [ {{ "pool": "192.0.2.100-192.0.2.101" }} ] }},
            {{ "id": 2, "subnet": "10.0.0.0/24", "pools": [ {{ "pool": "10.0.0.10-10.0.0.20" }} ] }} ] }} }}"#
    );
    let config = parse_text(&text, "test").unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    World::new(config.dhcp4.unwrap())
}

const BOOTP: &str = r#" "hooks-libraries": [ { "library": "libdhcp_bootp.so" } ],
    "client-classes": [ { "name": "BOOTP", "boot-file-name": "diskless",
        "option-data": [ { "name": "domain-name", "data": "bootp.test" } ] },
        { "name": "after", "test": "member('BOOTP')", "valid-lifetime": 60 } ],
    "renew-timer": 100, "option-data": [ { "name": "routers", "data": "192.0.2.1" },
        { "name": "dhcp-message", "data": "hello", "always-send": true } ], "#;

#[test]
fn a_bootp_client_gets_an_address_for_ever_and_no_dhcp() {
    let world = world(BOOTP, "");
    assert!(world.snapshot.serves_bootp());
    let answer = world.reply(&Ask::bootp(1));
    assert_eq!(answer.yiaddr, ip(100));
    assert_eq!(answer.codes(), [1, 3, 15]);
    let message = &answer.reply.departure.message;
    assert_eq!((message.len(), message[0], &message[108..116]), (300, 2, &b"diskless"[..]));
    let lease = world.lease(ip(100)).unwrap();
    assert_eq!(lease.valid_lifetime_s, INFINITE_LIFETIME);
    assert_eq!(world.reply(&Ask::bootp(1)).yiaddr, ip(100));
    let mut again = Ask::bootp(1);
    again.ciaddr = ip(100);
    assert_eq!(world.reply(&again).reply.reports.map(|(address, _)| address), Some(ip(100)));
    world.reply(&Ask::bootp(2));
    let full = world.dropped(&Ask::bootp(3));
    assert!(matches!(full, DropReason::BootpRefused(NakReason::NoAddress(_))), "{full:?}");
}

#[test]
fn bootp_is_read_only_where_it_may_be() {
    let bytes = Ask::bootp(1).bytes();
    assert!(Query::parse(&bytes).is_err());
    let query = Query::parse_any(&bytes).unwrap();
    assert_eq!((query.is_bootp(), query.message_type()), (true, MessageType::Request));
    let broken = Ask::bootp(1).option(code::VENDOR_OPTIONS, [0, 0, 1]).bytes();
    let mut reply = bytes;
    reply[0] = 2;
    for other in [reply, broken] {
        assert_eq!(Query::parse_any(&other).unwrap_err().reason(), "no-message-type");
    }
}

const IPV6_ONLY: &str = r#" "option-data": [ { "name": "v6-only-preferred", "data": "1800" } ], "#;

#[test]
fn a_client_that_prefers_ipv6_is_told_so_and_gets_no_address() {
    let world = world("", IPV6_ONLY);
    let ask = Ask::direct(1).option(code::PARAMETER_REQUEST_LIST, [3, 108]);
    let offer = world.reply(&ask);
    assert_eq!((offer.yiaddr, offer.number(108)), (Ipv4Addr::UNSPECIFIED, Some(1800)));
    assert_eq!((offer.codes(), offer.event), (vec![53, 54, 108], Event::Ipv6Only));
    assert!(matches!(offer.to, Destination::Link { to, .. } if to.ip().is_broadcast()));
    let ack = world.reply(&ask.clone().selecting(ip(100)));
    assert_eq!((ack.message_type, ack.yiaddr), (MessageType::Ack, Ipv4Addr::UNSPECIFIED));
    assert!(world.lease(ip(100)).is_none());
    // Who does not ask gets an address, and so does who asks where the option is only global.
    assert_eq!(world.reply(&Ask::direct(1)).yiaddr, ip(100));
    assert_eq!(self::world(IPV6_ONLY, "").reply(&ask).yiaddr, ip(100));
    let never =
        r#" "option-data": [ { "name": "v6-only-preferred", "data": "1", "never-send": true } ], "#;
    assert_eq!(self::world(never, IPV6_ONLY).dropped(&ask), DropReason::Ipv6OnlyHidden);
}

#[test]
fn the_relay_may_name_the_server_the_link_and_its_port() {
    let world = world("", "");
    // Link selection (RFC 3527) goes before giaddr; the reply still goes to giaddr.
    let link = Ask::relayed(1).option(82, [5, 4, 10, 0, 0, 0]);
    let offer = world.reply(&link);
    assert_eq!(offer.yiaddr, Ipv4Addr::new(10, 0, 0, 10));
    assert_eq!((offer.giaddr, offer.option(82)), (RELAY, Some(&[5, 4, 10, 0, 0, 0][..])));
    assert_eq!(offer.to, Destination::Ip { to: std::net::SocketAddrV4::new(RELAY, 67) });
    // Subnet selection (RFC 3011) is echoed.
    let selected = world.reply(&Ask::direct(2).option(118, [10, 0, 0, 0]));
    assert_eq!(selected.option(118), Some(&[10, 0, 0, 0][..]));
    assert_eq!(selected.yiaddr, Ipv4Addr::new(10, 0, 0, 11));
    // The relay's own address as server identifier (RFC 5107).
    let mut renewal = Ask::relayed(3).option(82, [11, 4, 192, 0, 2, 9]);
    renewal =
        renewal.of(MessageType::Request).option(54, [192, 0, 2, 9]).option(50, ip(100).octets());
    assert_eq!(world.reply(&renewal).message_type, MessageType::Ack);
    let elsewhere = Ask::relayed(3).of(MessageType::Request).option(54, [192, 0, 2, 9]);
    assert_eq!(world.dropped(&elsewhere), DropReason::OtherServer(RELAY));
}

#[test]
fn a_repeated_request_gets_the_same_answer() {
    let world = world("", "");
    let ack = world.dora(&Ask::direct(1));
    let (address, version) = ack.reply.reports.unwrap();
    for _ in 0..3 {
        let again = world.reply(&Ask::direct(1).selecting(address));
        assert_eq!(again.options, ack.options);
        // It waits for who must know of the version that it reports, which is never an older one.
        let (same, later) = again.reply.reports.unwrap();
        assert!(same == address && later >= version);
        assert_eq!(world.store.version(address), Some(later));
    }
}

#[test]
fn the_compatibility_flags_change_what_relays_and_clients_say_and_nothing_else() {
    // A query for another server, and a link selection that leads to the other subnet: alone, and with the flag.
    let elsewhere = Ask::relayed(1).selecting(ip(100)).without(54).option(54, [198, 51, 100, 7]);
    let link = Ask::relayed(2).option(82, [5, 4, 10, 0, 0, 0]);
    let both = Ask::relayed(3).option(82, [5, 4, 10, 0, 0, 0]).option(118, [192, 0, 2, 0]);
    let other = Ipv4Addr::new(10, 0, 0, 10);
    for (flag, ours, first, second) in [
        ("", false, other, Ipv4Addr::new(10, 0, 0, 11)),
        ("ignore-dhcp-server-identifier", true, other, Ipv4Addr::new(10, 0, 0, 11)),
        // Option 118 counts on.
        ("ignore-rai-link-selection", false, ip(100), ip(101)),
    ] {
        let inside = match flag {
            "" => String::new(),
            flag => format!(r#""compatibility": {{ "{flag}": true }},"#),
        };
        let world = world(&inside, "");
        let offers = [world.reply(&link).yiaddr, world.reply(&both).yiaddr];
        assert_eq!(offers, [first, second], "{flag}");
        let answer = world.ask(&elsewhere);
        let is_answered = matches!(answer, Outcome::Reply(_));
        assert_eq!(is_answered, ours, "{flag}: {answer:?}");
    }
    // The relay's own subnet counts without its link selection, and option 118 before that.
    let ignoring = world(r#""compatibility": { "ignore-rai-link-selection": true },"#, "");
    let selected = Ask::relayed(4).option(82, [5, 4, 192, 0, 2, 0]).option(118, [10, 0, 0, 0]);
    assert_eq!(ignoring.reply(&selected).yiaddr, other);
}
