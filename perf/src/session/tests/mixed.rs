//! What is mixed into a run and what is looked at besides: renewals, releases, relays, the subnet, options, a warm-up, and
//! latency at a rate.

use super::*;
use crate::plan::{Expected, Mix, Relays};

/// Serves what the session asks for until it is over: every client has the address of its number.
fn serve(session: &mut Session<'_>, steps: u64) -> Vec<(u8, [u8; 4])> {
    let mut asked = Vec::new();
    for step in 0..steps {
        while let Some(query) = session.poll_transmit(ms(step)) {
            let (octets, kind) = (query.octets(), query.octets()[FIXED + 2]);
            asked.push((kind, [octets[12], octets[13], octets[14], octets[15]]));
            let last = octets[33] - BASE_MAC[5] + 1;
            match kind {
                1 => session.handle_datagram(ms(step), &answer(&query, 2, address(last), SERVER)),
                3 => session.handle_datagram(ms(step), &answer(&query, 5, address(last), SERVER)),
                _ => {}
            }
        }
        session.handle_timeouts(ms(step));
    }
    asked
}

#[test]
fn renewals_and_releases_are_mixed_in_by_their_parts() {
    let mix = Mix { renewals: 0.25, releases: 0.25 };
    let plan = Plan { mix, pace: Pace::Rate(1000), exchanges: Some(50), ..plan(50) };
    let mut fleet = Fleet::new(BASE_MAC, 50);
    let mut session = Session::new(&plan, &mut fleet, ms(0));
    let asked = serve(&mut session, 200);
    assert!(session.is_finished(ms(200)));
    let tally = session.finish(ms(200));
    assert_eq!((tally.completed, tally.offer.sent, tally.ack.sent), (50, 50, 50));
    let parts = (tally.renewal.received, tally.released);
    assert!((20..=30).contains(&parts.0) && (20..=30).contains(&parts.1), "{parts:?}");
    assert_eq!(tally.renewal.received, tally.renewal.sent);
    assert!(tally.is_clean());
    let renewed = asked.iter().filter(|(kind, own)| *kind == 3 && *own != [0; 4]).count() as u64;
    assert_eq!(renewed, tally.renewal.sent);
    let left = fleet.leases().count() as u64;
    assert_eq!(left, 50 - tally.released, "who released has nothing");
}

#[test]
fn all_leases_are_released_in_the_end() {
    let before = Plan { mix: Mix { renewals: 0.5, releases: 0.0 }, ..plan(3) };
    let mut fleet = Fleet::new(BASE_MAC, 3);
    fleet.grant(0, Lease { address: address(7), server: SERVER });
    fleet.grant(2, Lease { address: address(8), server: SERVER });
    let plan = Plan::release_all(&before, &fleet);
    let mut session = Session::new(&plan, &mut fleet, ms(0));
    let asked = serve(&mut session, 10);
    assert_eq!(asked, [(7, [10, 0, 0, 7]), (7, [10, 0, 0, 8])]);
    assert!(session.is_finished(ms(10)));
    assert_eq!(session.finish(ms(10)).released, 2);
    assert_eq!(fleet.leases().count(), 0);
}

#[test]
fn a_wrong_subnet_and_a_missing_option_are_counted() {
    let expected = Expected {
        subnet: Some((Ipv4Addr::new(10, 9, 0, 0), 16)),
        relay_prefix: None,
        options: [54, 51].into_iter().collect(),
    };
    let plan = Plan { expected, ..plan(1) };
    let mut fleet = Fleet::new(BASE_MAC, 1);
    let mut session = Session::new(&plan, &mut fleet, ms(0));
    let request = offer(&mut session, ms(0), 7);
    session.handle_datagram(ms(1), &answer(&request, 5, address(7), SERVER));
    let tally = session.finish(ms(2));
    for stage in [&tally.offer, &tally.ack] {
        assert_eq!((stage.wrong_subnet, stage.wrong_options), (1, 1));
    }
    assert!(!tally.is_clean());
}

#[test]
fn relays_say_whose_query_it_is_and_want_that_back() {
    let relays = Relays { count: 2, step: 256, option_82: true };
    let giaddr = Ipv4Addr::new(100, 64, 0, 1);
    let plan = Plan { exchange: Exchange::Offer, relays, giaddr, ..plan(2) };
    let mut fleet = Fleet::new(BASE_MAC, 2);
    let mut session = Session::new(&plan, &mut fleet, ms(0));
    for (client, giaddr) in [(0_u32, [100, 64, 0, 1]), (1, [100, 64, 1, 1])] {
        let query = session.poll_transmit(ms(0)).unwrap();
        assert_eq!(query.octets()[24..28], giaddr);
        let told = wire::relay_information(client, session.fleet.mac(client));
        assert!(query.octets().windows(14).any(|part| part == told));
        let mut good = answer(&query, 2, address(client as u8 + 1), SERVER);
        if client == 0 {
            good.pop();
            good.extend([82, 14]);
            good.extend(told);
            good.push(255);
        }
        session.handle_datagram(ms(1), &good);
    }
    assert_eq!(session.tally().offer.wrong_options, 1, "the second came without");
}

#[test]
fn the_warm_up_is_not_counted() {
    let plan = Plan { warm_up: ms(10), period: Some(ms(20)), exchanges: None, ..plan(4) };
    let mut fleet = Fleet::new(BASE_MAC, 4);
    let mut session = Session::new(&plan, &mut fleet, ms(0));
    for now in [5, 15] {
        session.handle_timeouts(ms(now));
        let request = offer(&mut session, ms(now), now as u8);
        session.handle_datagram(ms(now), &answer(&request, 5, address(now as u8), SERVER));
        session.under_way = Slots::new(plan.pace, 0);
    }
    let tally = session.finish(ms(20));
    assert_eq!((tally.completed, tally.elapsed), (1, ms(5)));
}

#[test]
fn a_run_may_end_once_enough_is_done() {
    let plan = Plan { enough: Some(1), exchanges: None, ..plan(4) };
    let mut fleet = Fleet::new(BASE_MAC, 4);
    let mut session = Session::new(&plan, &mut fleet, ms(0));
    let request = offer(&mut session, ms(0), 7);
    session.handle_datagram(ms(1), &answer(&request, 5, address(7), SERVER));
    session.under_way = Slots::new(plan.pace, 0);
    session.handle_timeouts(ms(1));
    assert!(session.is_finished(ms(1)));
}

/// A generator that stood still sends late; the wait of its clients began when they would have asked.
#[test]
fn at_a_rate_latency_counts_from_the_moment_when_a_query_was_due() {
    let plan = Plan { pace: Pace::Rate(100), ..plan(3) };
    let mut fleet = Fleet::new(BASE_MAC, 3);
    let mut session = Session::new(&plan, &mut fleet, ms(0));
    let late: Vec<_> = std::iter::from_fn(|| session.poll_transmit(ms(50))).collect();
    assert_eq!(late.len(), 3);
    for (query, last) in late.iter().zip(1..) {
        session.handle_datagram(ms(51), &answer(query, 2, address(last), SERVER));
    }
    let latency = session.tally().offer.latency_ns();
    // They were due at 0, 10 and 20 ms; the histogram tells three digits.
    assert_eq!((latency.min().div_ceil(1_000_000), latency.max() / 1_000_000), (31, 51));
}

#[test]
fn a_slot_that_is_taken_is_passed_over() {
    let plan = Plan { pace: Pace::Window(2), first_xid: 7, ..plan(3) };
    let mut fleet = Fleet::new(BASE_MAC, 3);
    let mut session = Session::new(&plan, &mut fleet, ms(0));
    session.poll_transmit(ms(0)).unwrap();
    // The identifiers come round to the slot of an exchange that is still under way.
    session.next_xid = 7 + 256;
    let second = session.poll_transmit(ms(0)).unwrap();
    assert_eq!(second.xid(), 7 + 256 + 1);
    assert_eq!(session.tally().local_limit, 0);
}
