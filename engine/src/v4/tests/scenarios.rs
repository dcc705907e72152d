//! One test per rule of what a server answers (RFC 2131, and Kea where it leaves a choice).

use std::net::{Ipv4Addr, SocketAddrV4};

use super::world::*;
use crate::codec::v4::{MessageType, code};

use crate::lease::{Lease4, LeaseState, LeaseStore, Origin, Overwrite};
use crate::packet::Destination;
use crate::v4::{AllocationFailure, DropReason, Event, NakReason, Outcome, may_change_lease};

const FOREIGN: Ipv4Addr = Ipv4Addr::new(10, 1, 2, 3);

fn link(mac: [u8; 6], to: Ipv4Addr) -> Destination {
    Destination::Link { mac, to: SocketAddrV4::new(to, 68) }
}

fn by_ip(to: Ipv4Addr, port: u16) -> Destination {
    Destination::Ip { to: SocketAddrV4::new(to, port) }
}

#[test]
fn replies_go_where_the_client_hears_them() {
    const MAC: [u8; 6] = [2, 0, 0, 0, 1, 1];
    let world = World::plain();
    let direct = || Ask::direct(1);
    let to = |ask: &Ask| world.reply(ask).to;

    assert_eq!(to(&direct()), link(MAC, ip(100)));
    let loud = Ask { flags: 0x8000, ..direct() };
    assert_eq!(to(&loud), link([0xff; 6], Ipv4Addr::BROADCAST));
    let udp_only = Ask { raw: false, ..direct() };
    assert_eq!(to(&udp_only), by_ip(Ipv4Addr::BROADCAST, 68));
    assert_eq!(to(&direct().selecting(ip(100))), link(MAC, ip(100)));
    assert_eq!(to(&direct().renewing(ip(100))), by_ip(ip(100), 68));
    // The interface has a raw socket, too, but the client may be behind a router.
    assert_eq!(to(&Ask { raw: true, ..direct().renewing(ip(100)) }), by_ip(ip(100), 68));
    assert_eq!(to(&direct().rebinding(ip(100))), link(MAC, ip(100)));
    // NAKs are broadcast, whatever address the client says that it has.
    assert_eq!(to(&direct().rebooting(ip(101))), link(MAC, Ipv4Addr::BROADCAST));
    assert_eq!(to(&direct().renewing(FOREIGN)), by_ip(Ipv4Addr::BROADCAST, 68));

    let relayed = world.reply(&Ask::relayed(2));
    assert_eq!((relayed.to, relayed.flags), (by_ip(RELAY, 67), 0));
    let port = Ask { source: SocketAddrV4::new(RELAY, 1067), ..Ask::relayed(2) };
    assert_eq!(to(&port), by_ip(RELAY, 67));
    assert_eq!(to(&port.option(82, [19, 0])), by_ip(RELAY, 1067));
    let nak = world.reply(&Ask::relayed(1).rebooting(ip(101)));
    assert_eq!((nak.to, nak.flags), (by_ip(RELAY, 67), 0x8000));

    let no_mac = Ask { mac: Vec::new(), ..direct() };
    let no_mac = no_mac.option(code::CLIENT_IDENTIFIER, b"\0id");
    assert_eq!(to(&no_mac), link([0xff; 6], ip(102)));
}

#[test]
fn an_inform_is_answered_where_it_came_from() {
    let world = World::with(|config, subnet| {
        config.options.push(option(6, [9, 9, 9, 9]));
        subnet.options.push(option(1, [255, 0, 0, 0]));
    });
    let inform = |ask: Ask| ask.of(MessageType::Inform);
    let with_address = Ask { ciaddr: ip(30), ..inform(Ask::direct(1)) };
    let answer = world.reply(&with_address);
    assert_eq!(answer.to, link([2, 0, 0, 0, 1, 1], ip(30)));
    assert_eq!((answer.message_type, answer.yiaddr), (MessageType::Ack, Ipv4Addr::UNSPECIFIED));
    assert_eq!((answer.ciaddr, answer.codes()), (ip(30), vec![53, 6, 54]));
    assert!(answer.reply.reports.is_none());
    assert_eq!(world.reply(&with_address.clone().option(55, [1])).codes(), [53, 1, 6, 54]);

    let source = SocketAddrV4::new(ip(31), 68);
    let by_source = Ask { source, raw: false, destination: LOCAL, ..inform(Ask::direct(1)) };
    assert_eq!(world.reply(&by_source).to, by_ip(ip(31), 68));
    assert_eq!(world.reply(&Ask { raw: true, ..by_source }).to, by_ip(ip(31), 68));

    // Relayed with ciaddr: straight to the client, and nothing of the relay in it.
    let relayed = Ask { ciaddr: ip(32), ..inform(Ask::relayed(1)) }.option(82, b"\x01\x01a");
    let answer = world.reply(&relayed);
    assert_eq!((answer.to, answer.giaddr), (by_ip(ip(32), 68), Ipv4Addr::UNSPECIFIED));
    assert_eq!(answer.option(82), None);
    let answer = world.reply(&Ask { ciaddr: Ipv4Addr::UNSPECIFIED, ..relayed });
    assert_eq!((answer.to, answer.giaddr, answer.flags), (by_ip(RELAY, 67), RELAY, 0x8000));
    assert!(answer.option(82).is_some());

    assert_eq!(world.dropped(&inform(Ask::direct(1))), DropReason::InformWithoutAddress);
    assert_eq!(world.store.len(), 0);
}

#[test]
fn what_is_not_for_us_is_dropped() {
    let other: [u8; 4] = [192, 0, 2, 250];
    let world = World::with(|_, subnet| subnet.options.push(option(54, [192, 0, 2, 99])));
    let request = |server: [u8; 4]| {
        let ask = Ask::direct(1).rebooting(ip(100));
        ask.option(code::SERVER_IDENTIFIER, server)
    };
    assert_eq!(world.dropped(&request(other)), DropReason::OtherServer(other.into()));
    // A relay that stands for the server says so.
    let overridden = [&[11, 4][..], &other].concat();
    assert_eq!(world.reply(&request(other).option(82, overridden)).message_type, MessageType::Ack);
    // A configured server identifier is ours, and is what replies carry.
    let answer = world.reply(&request([192, 0, 2, 99]));
    assert_eq!(answer.option(54), Some(&[192, 0, 2, 99][..]));
    assert_eq!(world.reply(&request(LOCAL.octets())).message_type, MessageType::Ack);

    let named = Ask::direct(1).option(code::SERVER_IDENTIFIER, LOCAL.octets());
    assert_eq!(world.dropped(&named), DropReason::ServerIdentifierInDiscover);
    let nobody = Ask { mac: Vec::new(), ..Ask::direct(1) };
    assert_eq!(world.dropped(&nobody), DropReason::NoIdentity);
    for server_message in [MessageType::Offer, MessageType::Ack, MessageType::Nak] {
        let ask = Ask::direct(1).of(server_message);
        assert_eq!(world.dropped(&ask), DropReason::UnexpectedType(server_message));
    }
}

#[test]
fn without_a_subnet_only_who_asks_us_is_told() {
    let world = World::plain();
    let away = |ask: Ask| Ask { giaddr: Ipv4Addr::new(10, 0, 0, 1), ..ask };
    assert_eq!(world.dropped(&away(Ask::relayed(1))), DropReason::NoSubnet);
    assert_eq!(world.nak(&away(Ask::relayed(1)).selecting(ip(100))), NakReason::NoSubnet);
    assert_eq!(world.dropped(&away(Ask::relayed(1)).rebooting(ip(100))), DropReason::NoSubnet);
    assert_eq!(world.nak(&away(Ask::relayed(1)).renewing(ip(100))), NakReason::NoSubnet);
    assert_eq!(world.nak(&Ask::direct(1).renewing(FOREIGN)), NakReason::NoSubnet);
    let lost = Ask { destination: Ipv4Addr::BROADCAST, ..away(Ask::relayed(1)).renewing(ip(100)) };
    assert_eq!(world.dropped(&lost), DropReason::NoSubnet);
    // A rebinding client on our link that has a foreign address.
    let rebinding = Ask::direct(1).rebinding(FOREIGN);
    assert_eq!(world.dropped(&rebinding), DropReason::UnknownAddress(FOREIGN));
}

#[test]
fn a_discover_writes_nothing_and_gives_the_same_offer_again() {
    let mut world = World::plain();
    assert_eq!(world.reply(&Ask::direct(1)).yiaddr, ip(100));
    assert_eq!(world.reply(&Ask::direct(2)).yiaddr, ip(101));
    world.pass(9);
    assert_eq!(world.reply(&Ask::direct(1)).yiaddr, ip(100));
    world.pass(9);
    // Prolonged by the second DISCOVER; the other one is over, but its address was passed by.
    assert_eq!(world.reply(&Ask::direct(1)).yiaddr, ip(100));
    assert_eq!(world.reply(&Ask::direct(3)).yiaddr, ip(102));
    assert_eq!(world.store.len(), 0);
    let reply = world.reply(&Ask::direct(3)).reply;
    assert_eq!((reply.reports, reply.last_change), (None, None));
}

#[test]
fn a_discover_prefers_the_lease_then_the_wish_then_the_next() {
    let mut world = World::plain();
    assert_eq!(world.dora(&Ask::direct(1)).yiaddr, ip(100));
    let wish = |number| Ask::direct(number).option(code::REQUESTED_ADDRESS, ip(115).octets());
    assert_eq!(world.reply(&wish(1)).yiaddr, ip(100));
    assert_eq!(world.reply(&wish(2)).yiaddr, ip(115));
    // Promised to another, outside the pools: something else.
    assert_eq!(world.reply(&wish(3)).yiaddr, ip(101));
    let outside = Ask::direct(4).option(code::REQUESTED_ADDRESS, ip(99).octets());
    assert_eq!(world.reply(&outside).yiaddr, ip(102));
    // A lease that is over is still its client's first choice.
    world.pass(5000);
    assert_eq!(world.reply(&Ask::direct(1)).yiaddr, ip(100));
    assert_eq!(world.reply(&wish(4)).yiaddr, ip(115));
}

#[test]
fn an_offer_keeps_its_address_while_others_are_free() {
    let two = |subnet: &mut crate::config::model::Subnet4| {
        subnet.pools = vec![pool(ip(100), ip(101))];
    };
    let mut world = World::with(|_, subnet| two(subnet));
    assert_eq!(world.reply(&Ask::direct(1)).yiaddr, ip(100));
    assert_eq!(world.reply(&Ask::direct(2)).yiaddr, ip(101));
    // It is not granted to another on any other way.
    assert_eq!(world.nak(&Ask::direct(3).selecting(ip(100))), NakReason::InUse);
    // Nothing else is free: one of them is offered again, and who asks first has it.
    let third = world.reply(&Ask::direct(3)).yiaddr;
    let first_to_ask = if third == ip(100) { 1 } else { 2 };
    let ack = world.reply(&Ask::direct(first_to_ask).selecting(third));
    assert_eq!(ack.message_type, MessageType::Ack);
    assert_eq!(world.nak(&Ask::direct(3).selecting(third)), NakReason::InUse);
    // An offer that was not taken up is over after some seconds.
    world.pass(11);
    let rest = if third == ip(100) { ip(101) } else { ip(100) };
    assert_eq!(world.dora(&Ask::direct(4)).yiaddr, rest);
    let full = DropReason::NoAddress(AllocationFailure::Full);
    assert_eq!(world.dropped(&Ask::direct(5)), full);
}

#[test]
fn a_request_writes_the_lease_that_its_ack_reports() {
    let world = World::plain();
    let client = Ask::direct(1)
        .option(code::CLIENT_IDENTIFIER, [1, 2, 0, 0, 0, 1, 1])
        .option(code::HOST_NAME, "PC,1\0");
    let ack = world.dora(&client);
    let stored = world.store.find(ip(100)).unwrap();
    assert_eq!(ack.reply.reports, Some((ip(100), stored.version)));
    assert_eq!(ack.reply.last_change, Some(stored.version));
    let lease = stored.lease;
    assert_eq!(lease.hw_address.to_string(), "02:00:00:00:01:01");
    assert_eq!(lease.client_id.unwrap().to_string(), "01:02:00:00:00:01:01");
    assert_eq!((lease.cltt_s, lease.valid_lifetime_s), (1_000_000, 4000));
    assert_eq!((lease.subnet_id, lease.state, &*lease.hostname), (1, LeaseState::Assigned, "pc1"));
    assert_eq!(ack.option(12), Some(&b"pc1"[..]));
    assert_eq!(ack.event, Event::Allocated { address: ip(100), lifetime_s: 4000, renewed: false });
    assert!(world.offers.is_empty());
}

#[test]
fn a_renewal_starts_the_lifetime_again() {
    let mut world = World::plain();
    world.dora(&Ask::direct(1));
    let before = world.store.version(ip(100));
    for ask in [
        Ask::direct(1).renewing(ip(100)),
        Ask::direct(1).rebinding(ip(100)),
        Ask::direct(1).rebooting(ip(100)),
        Ask::direct(1).selecting(ip(100)),
    ] {
        world.pass(2000);
        let ack = world.reply(&ask);
        assert_eq!((ack.message_type, ack.yiaddr), (MessageType::Ack, ip(100)));
        assert_eq!((ack.ciaddr, ack.number(51)), (ask.ciaddr, Some(4000)));
        assert_eq!(world.lease(ip(100)).unwrap().cltt_s, world.now.wall_s);
        assert!(world.store.version(ip(100)) > before);
        assert!(matches!(ack.event, Event::Allocated { renewed: true, .. }));
    }
    assert_eq!(world.store.len(), 1);
}

#[test]
fn a_rebooted_client_must_be_known_and_right() {
    let mut world = World::plain();
    assert_eq!(world.dropped(&Ask::direct(1).rebooting(ip(100))), DropReason::UnknownClient);
    world.dora(&Ask::direct(1));
    assert_eq!(world.nak(&Ask::direct(1).rebooting(ip(101))), NakReason::OtherAddress);
    assert_eq!(world.nak(&Ask::direct(1).rebooting(FOREIGN)), NakReason::OtherAddress);
    world.pass(5000);
    assert_eq!(world.reply(&Ask::direct(1).rebooting(ip(100))).message_type, MessageType::Ack);

    let authoritative = World::with(|_, subnet| subnet.authoritative = true);
    let reason = authoritative.nak(&Ask::direct(1).rebooting(ip(100)));
    assert_eq!(reason, NakReason::UnknownClient);
}

#[test]
fn an_address_that_is_not_the_clients_is_refused() {
    let mut world = World::with(|config, subnet| {
        let guard = config.class_names.intern("locals");
        let mut guarded = pool(ip(130), ip(140));
        guarded.guard.push(guard);
        subnet.pools.push(guarded);
    });
    world.dora(&Ask::direct(1));
    assert_eq!(world.nak(&Ask::direct(2).selecting(ip(100))), NakReason::InUse);
    assert_eq!(world.nak(&Ask::direct(2).renewing(ip(100))), NakReason::InUse);
    assert_eq!(world.nak(&Ask::direct(2).renewing(ip(131))), NakReason::NotAllowed);
    let outside = Ask::direct(2).renewing(ip(50));
    assert_eq!(world.dropped(&outside), DropReason::UnknownAddress(ip(50)));
    // Over and not cleaned up: who asks for it gets it.
    world.pass(5000);
    assert_eq!(world.reply(&Ask::direct(2).selecting(ip(100))).message_type, MessageType::Ack);
    assert_eq!(world.lease(ip(100)).unwrap().hw_address.as_bytes()[5], 2);
}

#[test]
fn a_client_that_moves_leaves_its_old_address() {
    let world = World::plain();
    world.dora(&Ask::direct(1));
    assert_eq!(world.reply(&Ask::direct(1).selecting(ip(110))).yiaddr, ip(110));
    assert_eq!(world.lease(ip(100)), None);
    assert_eq!(world.store.len(), 1);
}

#[test]
fn a_request_without_an_address_gets_one() {
    let world = World::with(|_, subnet| subnet.pools = vec![pool(ip(100), ip(101))]);
    let any = |number| Ask::direct(number).of(MessageType::Request);
    let first = world.reply(&any(1));
    assert_eq!((first.message_type, first.yiaddr), (MessageType::Ack, ip(100)));
    assert_eq!(world.reply(&any(1)).yiaddr, ip(100));
    assert_eq!(world.reply(&any(2)).yiaddr, ip(101));
    let refused = world.reply(&any(3));
    assert_eq!(refused.message_type, MessageType::Nak);
    assert_eq!(refused.event.allocation_failure(), Some(AllocationFailure::Full));
}

#[test]
fn whose_a_lease_is_follows_the_client_identifier() {
    let id = |ask: Ask, id: u8| ask.option(code::CLIENT_IDENTIFIER, [0, id]);
    let world = World::plain();
    assert_eq!(world.dora(&id(Ask::direct(1), 1)).yiaddr, ip(100));
    // Another identifier, the same card: another client. The same identifier, another card: the same.
    assert_eq!(world.dora(&id(Ask::direct(1), 2)).yiaddr, ip(101));
    assert_eq!(world.dora(&id(Ask::direct(2), 1)).yiaddr, ip(100));
    // Without an identifier the card decides.
    assert_eq!(world.dora(&Ask::direct(1)).yiaddr, ip(101));

    let by_card = World::with(|_, subnet| subnet.match_client_id = false);
    assert_eq!(by_card.dora(&id(Ask::direct(1), 1)).yiaddr, ip(100));
    let ack = by_card.dora(&id(Ask::direct(1), 2));
    assert_eq!((ack.yiaddr, ack.option(61)), (ip(100), Some(&[0, 2][..])));
    assert_eq!(by_card.lease(ip(100)).unwrap().client_id, None);
    assert_eq!(by_card.dora(&id(Ask::direct(2), 1)).yiaddr, ip(101));
}

#[test]
fn pools_take_turns_by_their_addresses_and_a_new_round_begins_after_the_last() {
    let world = World::with(|_, subnet| {
        subnet.pools = vec![pool(ip(20), ip(21)), pool(ip(100), ip(101))];
    });
    assert_eq!(
        (1..=2).map(|n| world.dora(&Ask::direct(n)).yiaddr).collect::<Vec<_>>(),
        [ip(20), ip(21)]
    );
    world.silent(&Ask::direct(1).releasing(ip(20)));
    // The address that was given back has its turn in the next round.
    let given = (3..=5).map(|n| world.dora(&Ask::direct(n)).yiaddr);
    assert_eq!(given.collect::<Vec<_>>(), [ip(100), ip(101), ip(20)]);
}

#[test]
fn an_authoritative_server_says_no_to_who_reboots_where_it_has_no_subnet() {
    let mut config = config();
    let reboot = Ask::relayed(1).rebooting(ip(50));
    assert_eq!(World::new(config.clone()).dropped(&reboot), DropReason::NoSubnet);
    config.authoritative = true;
    assert_eq!(World::new(config).reply(&reboot).message_type, MessageType::Nak);
}

#[test]
fn release_and_decline_are_only_for_the_holder() {
    let mut world = World::plain();
    world.dora(&Ask::direct(1));
    world.dora(&Ask::direct(2));
    let ignored = Event::ReleaseIgnored { address: ip(100) };
    assert_eq!(world.silent(&Ask::direct(2).releasing(ip(100))), ignored);
    assert_eq!(
        world.silent(&Ask::direct(2).declining(ip(100))),
        Event::DeclineIgnored { address: ip(100) }
    );
    assert_eq!(world.store.len(), 2);

    let Outcome::Silent { changed: Some(_), event } = world.ask(&Ask::direct(1).releasing(ip(100)))
    else {
        panic!("a release is silent and a change");
    };
    assert_eq!(event, Event::Released { address: ip(100) });
    let kept = world.lease(ip(100)).unwrap();
    assert_eq!((kept.state, kept.valid_lifetime_s), (LeaseState::Released, 0));

    let nameless = Ask::direct(2).of(MessageType::Decline);
    assert_eq!(world.dropped(&nameless), DropReason::DeclineWithoutAddress);
    let declined = world.silent(&Ask::direct(2).declining(ip(101)));
    assert_eq!(declined, Event::Declined { address: ip(101) });
    let lease = world.lease(ip(101)).unwrap();
    assert_eq!((lease.state, lease.valid_lifetime_s), (LeaseState::Declined, 12));
    assert!(lease.hw_address.is_empty() && lease.client_id.is_none());
    // Nobody gets it, not even its client, until the probation is over.
    assert_eq!(world.nak(&Ask::direct(2).selecting(ip(101))), NakReason::InUse);
    assert_ne!(world.dora(&Ask::direct(2)).yiaddr, ip(101));
    world.pass(13);
    assert_eq!(world.reply(&Ask::direct(3).selecting(ip(101))).message_type, MessageType::Ack);
}

#[test]
fn a_renewal_keeps_what_an_administrator_noted() {
    let world = World::plain();
    world.dora(&Ask::direct(1));
    let noted =
        Lease4 { user_context: Some(r#"{ "note": 1 }"#.into()), ..world.lease(ip(100)).unwrap() };
    world.store.apply(noted, Overwrite::Always, Origin::Administrator);
    world.reply(&Ask::direct(1).renewing(ip(100)));
    assert!(world.lease(ip(100)).unwrap().user_context.is_some());
}

#[test]
fn a_lease_that_the_partner_told_of_is_stronger_than_an_offer() {
    let elsewhere = World::plain();
    elsewhere.dora(&Ask::direct(1));
    let lease = elsewhere.lease(ip(100)).unwrap();
    let world = World::plain();
    assert_eq!(world.reply(&Ask::direct(2)).yiaddr, ip(100));
    world.store.apply(lease, Overwrite::Always, Origin::Administrator);
    let renewal = world.reply(&Ask::direct(1).renewing(ip(100)));
    assert_eq!((renewal.message_type, renewal.yiaddr), (MessageType::Ack, ip(100)));
    assert_eq!(world.nak(&Ask::direct(2).selecting(ip(100))), NakReason::InUse);
}

#[test]
fn only_what_may_change_a_lease_needs_a_ticket() {
    use MessageType::{Decline, Discover, Inform, Release, Request};
    assert!([Request, Release, Decline].into_iter().all(may_change_lease));
    assert!(![Discover, Inform].into_iter().any(may_change_lease));
}
