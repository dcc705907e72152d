//! Exchanges on a virtual clock: how they end, and what is counted.

mod mixed;

use super::*;
use crate::fleet::BASE_MAC;
use crate::pace::Pace;
use crate::wire::FIXED;

const SERVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn plan(clients: u32) -> Plan {
    Plan { first_xid: 0xffff_ffff, ..Plan::each_once((0..clients).collect(), 16, SERVER) }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, last)
}

/// An answer to `query`: the query itself, turned round.
fn answer(query: &Datagram, message_type: u8, address: Ipv4Addr, server: Ipv4Addr) -> Vec<u8> {
    let mut octets = query.octets()[..FIXED].to_vec();
    octets[0] = 2;
    octets[16..20].copy_from_slice(&address.octets());
    octets.extend([53, 1, message_type, 54, 4]);
    octets.extend(server.octets());
    octets.push(255);
    octets
}

fn offer(session: &mut Session<'_>, now: Duration, last: u8) -> Datagram {
    let discover = session.poll_transmit(now).unwrap();
    session.handle_datagram(now, &answer(&discover, 2, address(last), SERVER));
    session.poll_transmit(now).unwrap()
}

#[test]
fn an_exchange_ends_with_the_acknowledgement_of_the_offer() {
    let (plan, mut fleet) = (plan(1), Fleet::new(BASE_MAC, 1));
    let mut session = Session::new(&plan, &mut fleet, ms(0));
    let discover = session.poll_transmit(ms(0)).unwrap();
    assert!(session.poll_transmit(ms(0)).is_none(), "one client, one exchange");
    session.handle_datagram(ms(3), &answer(&discover, 2, address(7), SERVER));
    let request = session.poll_transmit(ms(4)).unwrap();
    assert_eq!(request.octets()[4..8], discover.octets()[4..8], "one xid for an exchange");
    session.handle_datagram(ms(9), &answer(&request, 5, address(7), SERVER));
    session.handle_timeouts(ms(9));
    assert!(session.is_finished(ms(9)));
    let tally = session.finish(ms(10));
    assert!(tally.is_clean());
    assert_eq!((tally.completed, tally.completed_in), (1, ms(9)));
    assert_eq!(tally.by_server[&SERVER], 1);
    assert_eq!(tally.offer.latency_ns().max() / 100_000, 30);
    // The REQUEST was due when the OFFER came, at 3 ms, though it was sent at 4 ms.
    assert_eq!(tally.ack.latency_ns().max() / 100_000, 60);
    assert_eq!(fleet.lease(0).unwrap().address, address(7));
}

#[test]
fn two_clients_with_one_address_are_counted() {
    let (plan, mut fleet) = (plan(2), Fleet::new(BASE_MAC, 2));
    let mut session = Session::new(&plan, &mut fleet, ms(0));
    for _ in 0..2 {
        let request = offer(&mut session, ms(0), 7);
        session.handle_datagram(ms(1), &answer(&request, 5, address(7), SERVER));
    }
    let tally = session.finish(ms(2));
    assert_eq!((tally.offer.duplicates, tally.ack.duplicates), (1, 1));
    assert!(!tally.is_clean());
    assert_eq!(fleet.duplicate_addresses(), 1);
}

#[test]
fn an_acknowledgement_of_another_address_is_refused() {
    let (plan, mut fleet) = (plan(1), Fleet::new(BASE_MAC, 1));
    let mut session = Session::new(&plan, &mut fleet, ms(0));
    let request = offer(&mut session, ms(0), 7);
    session.handle_datagram(ms(1), &answer(&request, 5, address(8), SERVER));
    let tally = session.finish(ms(2));
    assert_eq!((tally.ack.wrong_address, tally.completed), (1, 0));
    assert!(!tally.is_clean());
    assert_eq!(fleet.lease(0), None);
}

#[test]
fn a_refusal_ends_the_exchange() {
    let (plan, mut fleet) = (plan(1), Fleet::new(BASE_MAC, 1));
    let mut session = Session::new(&plan, &mut fleet, ms(0));
    let request = offer(&mut session, ms(0), 7);
    session.handle_datagram(ms(1), &answer(&request, 6, Ipv4Addr::UNSPECIFIED, SERVER));
    session.handle_timeouts(ms(1));
    assert!(session.is_finished(ms(1)));
    assert_eq!(session.finish(ms(1)).ack.rejected, 1);
}

#[test]
fn what_nobody_asked_for_is_an_orphan() {
    let (plan, mut fleet) = (plan(1), Fleet::new(BASE_MAC, 1));
    let mut session = Session::new(&plan, &mut fleet, ms(0));
    let discover = session.poll_transmit(ms(0)).unwrap();
    let good = answer(&discover, 2, address(7), SERVER);
    for at in [4, 33] {
        let mut other = good.clone();
        other[at] ^= 1;
        session.handle_datagram(ms(1), &other);
    }
    session.handle_datagram(ms(1), &answer(&discover, 5, address(7), SERVER));
    session.handle_datagram(ms(1), &good);
    session.handle_datagram(ms(1), &answer(&discover, 2, address(9), OTHER));
    session.handle_datagram(ms(1), &good[..100]);
    let tally = session.tally();
    assert_eq!((tally.offer.orphans, tally.ack.orphans, tally.malformed), (3, 1, 1));
    assert_eq!(tally.offer.received, 1, "the first offer is taken");
}

#[test]
fn a_missing_answer_is_a_drop_and_a_late_one_an_orphan() {
    let (plan, mut fleet) = (plan(1), Fleet::new(BASE_MAC, 1));
    let mut session = Session::new(&plan, &mut fleet, ms(0));
    let discover = session.poll_transmit(ms(0)).unwrap();
    session.handle_timeouts(ms(999));
    assert_eq!(session.poll_deadline(), Some(ms(1000)));
    assert!(!session.is_finished(ms(999)));
    session.handle_timeouts(ms(1000));
    assert!(session.is_finished(ms(1000)));
    session.handle_datagram(ms(1001), &answer(&discover, 2, address(7), SERVER));
    let tally = session.finish(ms(1001));
    assert_eq!((tally.offer.drops, tally.offer.orphans), (1, 1));
}

#[test]
fn the_exit_wait_bounds_what_is_under_way() {
    let plan = Plan { exit_wait: Some(ms(20)), ..plan(1) };
    let mut fleet = Fleet::new(BASE_MAC, 1);
    let mut session = Session::new(&plan, &mut fleet, ms(0));
    session.poll_transmit(ms(5)).unwrap();
    session.handle_timeouts(ms(6));
    assert_eq!(session.poll_deadline(), Some(ms(26)));
    assert!(session.is_finished(ms(26)) && !session.is_finished(ms(25)));
    assert_eq!(session.finish(ms(26)).offer.drops, 1);
}

#[test]
fn too_many_drops_end_the_run() {
    for (limit, fatal) in
        [(MaxDrop::Count(2), 2), (MaxDrop::Count(0), 1), (MaxDrop::Percent(30.0), 3)]
    {
        let pace = Pace::Rate(1000);
        let plan = Plan { max_drop: Some(limit), exchanges: Some(100), pace, ..plan(100) };
        let mut fleet = Fleet::new(BASE_MAC, 100);
        let mut session = Session::new(&plan, &mut fleet, ms(0));
        for now in 0..10 {
            session.poll_transmit(ms(now)).unwrap();
        }
        session.handle_timeouts(ms(1000 + fatal - 2));
        assert!(!session.is_finished(ms(2000)), "{limit:?}");
        session.handle_timeouts(ms(1000 + fatal - 1));
        assert!(session.is_finished(ms(2000)), "{limit:?}");
        assert!(session.poll_transmit(ms(2000)).is_none());
    }
}

#[test]
fn a_client_with_a_lease_rebinds_and_one_without_starts_over() {
    let plan = Plan { exchange: Exchange::Rebind, ..plan(2) };
    let mut fleet = Fleet::new(BASE_MAC, 2);
    fleet.grant(0, Lease { address: address(7), server: SERVER });
    let mut session = Session::new(&plan, &mut fleet, ms(0));
    let request = session.poll_transmit(ms(0)).unwrap();
    assert_eq!(request.octets()[12..16], address(7).octets());
    let discover = session.poll_transmit(ms(0)).unwrap();
    assert_eq!(discover.octets()[FIXED + 2], 1);
    session.handle_datagram(ms(1), &answer(&request, 5, address(7), OTHER));
    assert_eq!(session.tally().by_server[&OTHER], 1);
    assert_eq!(fleet.lease(0).unwrap().server, OTHER, "the lease is the other server's now");
}

#[test]
fn a_window_is_kept_full_and_clients_take_turns() {
    let plan = Plan { exchanges: Some(5), pace: Pace::Window(2), ..plan(3) };
    let mut fleet = Fleet::new(BASE_MAC, 3);
    let mut session = Session::new(&plan, &mut fleet, ms(0));
    let mut seen = Vec::new();
    for _ in 0..2 {
        seen.push(session.poll_transmit(ms(0)).unwrap());
    }
    assert!(session.poll_transmit(ms(0)).is_none());
    for step in 0..3 {
        session.handle_timeouts(ms(1000 * (step + 1)));
        while let Some(datagram) = session.poll_transmit(ms(1000 * (step + 1))) {
            seen.push(datagram);
        }
    }
    let last: Vec<_> = seen.iter().map(|datagram| datagram.octets()[33] - BASE_MAC[5]).collect();
    assert_eq!(last, [0, 1, 2, 0, 1]);
}
