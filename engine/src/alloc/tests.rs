//! Offers: one client, some seconds, a bound.

use super::*;
use crate::clock::Mono;
use crate::lease::{HwAddress, Identity};
use crate::limits::OFFER_HOLD_S;
use std::time::Duration;

const SUBNET: u32 = 1;

fn client(number: u32) -> ClientKey {
    let hw_address = HwAddress::new(&number.to_be_bytes()).unwrap();
    ClientKey::of(Identity { client_id: None, hw_address: &hw_address })
}

fn at(seconds: u64) -> Mono {
    Mono::from_ns(0) + Duration::from_secs(seconds)
}

fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0A00_0000 + number)
}

#[test]
fn an_offer_is_for_one_client_and_some_seconds() {
    let offers = Offers::default();
    assert!(offers.open(address(1), client(1), SUBNET, at(0)));
    assert!(!offers.open(address(1), client(2), SUBNET, at(1)));
    assert!(!offers.claim(address(1), client(2), SUBNET, at(1)));
    assert_eq!(offers.of(client(1), SUBNET, at(1)), Some(address(1)));
    assert_eq!(offers.of(client(1), SUBNET + 1, at(1)), None);
    assert_eq!(offers.of(client(2), SUBNET, at(1)), None);
    assert!(offers.open(address(1), client(2), SUBNET, at(OFFER_HOLD_S)));
    assert_eq!(offers.of(client(1), SUBNET, at(OFFER_HOLD_S)), None);
    offers.close(address(1), client(1), SUBNET);
    assert!(offers.is_promised(address(1), client(1), at(OFFER_HOLD_S)));
    offers.close(address(1), client(2), SUBNET);
    assert!(offers.is_empty());
}

#[test]
fn a_client_has_one_offer_in_a_subnet() {
    let offers = Offers::default();
    assert!(offers.open(address(1), client(1), SUBNET, at(0)));
    assert!(offers.open(address(2), client(1), SUBNET, at(0)));
    assert_eq!(offers.of(client(1), SUBNET, at(0)), Some(address(2)));
    assert!(offers.open(address(1), client(2), SUBNET, at(0)));
    assert_eq!(offers.len(), 2);
}

#[test]
fn a_shared_offer_goes_to_who_claims_it_first() {
    let offers = Offers::default();
    assert!(offers.open(address(1), client(1), SUBNET, at(0)));
    offers.share(address(1), client(2), SUBNET, at(0));
    assert!(offers.claim(address(1), client(1), SUBNET, at(0)));
    assert!(!offers.claim(address(1), client(2), SUBNET, at(0)));
}

#[test]
fn the_memory_is_bounded_and_counts_what_it_forgets() {
    const LIMIT: u32 = 8192;
    let offers = Offers::with_capacity(LIMIT as usize);
    let many = 2 * LIMIT;
    for number in 0..many {
        assert!(offers.open(address(number), client(number), SUBNET, at(0)));
    }
    assert!(offers.len() <= LIMIT as usize);
    assert!(offers.evicted() > 0);
    // The youngest are still there.
    assert_eq!(offers.of(client(many - 1), SUBNET, at(0)), Some(address(many - 1)));
    // What is over is dropped when something new comes, and is not counted.
    let evicted = offers.evicted();
    for number in 0..LIMIT {
        assert!(offers.open(address(number), client(number), SUBNET, at(100 + u64::from(number))));
    }
    assert!(offers.len() < 2048, "{}", offers.len());
    assert_eq!(offers.evicted(), evicted);
}

#[test]
fn one_client_that_asks_again_and_again_pushes_nobody_out() {
    let offers = Offers::with_capacity(1024);
    let others = 1..100;
    for number in others.clone() {
        assert!(offers.open(address(number), client(number), SUBNET, at(0)));
    }
    for i in 0..10_000 {
        let now = at(1) + Duration::from_micros(i);
        assert!(offers.open(address(0), client(0), SUBNET, now));
    }
    let kept = |number: &u32| offers.of(client(*number), SUBNET, at(2)) == Some(address(*number));
    assert_eq!((others.filter(kept).count(), offers.evicted()), (99, 0));
}

const ANY: Part = Part { half: None, ended: true, downwards: false };

struct Nobody;

impl crate::lease::ChangeSink for Nobody {
    fn record(&self, _change: &crate::lease::Change<'_>) {}
}

/// Round after round over all pools, whatever was found from the near end meanwhile.
#[test]
fn a_search_from_the_far_end_goes_downwards_through_all_pools() {
    let store = crate::lease::memory::MemoryStore::new(std::sync::Arc::new(Nobody));
    let range = |first, last| Pool::iterative(address(first), address(last), KeptOut::default());
    let pools = [range(10, 11), range(20, 22)];
    let (turn, now) = (Turn::default(), Now { mono: at(1), wall_s: 1000 });
    let round = || Round { turn: &turn, pools: pools.iter() };
    let find = |downwards, taken: &dyn Fn(Ipv4Addr) -> bool| {
        let found = round().find(Part { downwards, ..ANY }, &store, now, taken);
        found.map(|found| found.octets()[3])
    };
    let free = |_| false;
    let down = || find(true, &free);
    assert_eq!([down(), down()], [Some(22), Some(21)]);
    assert_eq!(find(false, &free), Some(10));
    let rest: Vec<_> = (0..5).filter_map(|_| down()).collect();
    assert_eq!(rest, [20, 11, 10, 22, 21]);
    assert_eq!(find(false, &free), Some(11));
    assert_eq!(find(true, &|address| address.octets()[3] != 22), Some(22), "a new round");
    assert_eq!(find(true, &|_| true), None);
}

/// As Kea's: whoever is given an address next is given one of the pool that was searched last.
#[test]
fn a_search_that_finds_nothing_takes_the_turn_to_the_pools_that_it_searched() {
    let store = crate::lease::memory::MemoryStore::new(std::sync::Arc::new(Nobody));
    let range = |first, last| Pool::iterative(address(first), address(last), KeptOut::default());
    let pools = [range(10, 13), range(20, 22), range(30, 32)];
    let (turn, now) = (Turn::default(), Now { mono: at(1), wall_s: 1000 });
    let find = |open: &[usize], taken: &dyn Fn(Ipv4Addr) -> bool| {
        let pools = open.iter().map(|place| &pools[*place]);
        let found = Round { turn: &turn, pools }.find(ANY, &store, now, taken);
        found.map(|found| found.octets()[3])
    };
    let (all, free): (_, &dyn Fn(Ipv4Addr) -> bool) = ([0, 1, 2], &|_| false);
    assert_eq!([find(&all, free), find(&[1], free), find(&all, free)], [10, 20, 21].map(Some));
    assert_eq!(find(&[0], &|_| true), None);
    assert_eq!(find(&all, free), Some(11), "it was in the second pool");
    for _ in 0..3 {
        assert_eq!(find(&all, &|_| true), None);
    }
    assert_eq!(
        find(&all, free),
        Some(20),
        "what was left, then anew as far as the whole of them goes"
    );
    assert_eq!(find(&[2], &|_| true), None, "all of a pool that nobody was given from");
    assert_eq!([find(&[2], free), find(&all, free)], [30, 31].map(Some));
}

/// Nobody of them is the one that all are given from first.
#[test]
fn a_random_search_begins_in_any_of_the_pools() {
    let store = crate::lease::memory::MemoryStore::new(std::sync::Arc::new(Nobody));
    let pools: Vec<Pool> = (0..4)
        .map(|n| Pool::random(address(n * 256), address(n * 256 + 99), KeptOut::default()))
        .collect();
    let turn = Turn::default();
    let now = Now { mono: at(1), wall_s: 1000 };
    let mut found = [0; 4];
    for _ in 0..400 {
        let round = Round { turn: &turn, pools: pools.iter() };
        let free = round.find(ANY, &store, now, &|_| false).unwrap();
        found[(u32::from(free) as usize >> 8) & 3] += 1;
        assert!(free.octets()[3] < 100);
    }
    assert!(found.iter().all(|number| *number > 40), "{found:?}");
    // And goes on in the others.
    let taken = |free: Ipv4Addr| free.octets()[2] != 2;
    for _ in 0..50 {
        let round = Round { turn: &turn, pools: pools.iter() };
        assert_eq!(round.find(ANY, &store, now, &taken).map(|free| free.octets()[2]), Some(2));
    }
}
