//! Many clients at once: nobody shares an address, and nobody is refused while there are enough.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Barrier;
use std::thread;

use super::world::*;
use crate::codec::v4::MessageType;
use crate::lease::LeaseStore;
use crate::v4::Outcome;

/// A client by number.
fn client(number: u16) -> Ask {
    let [high, low] = number.to_be_bytes();
    Ask { mac: vec![2, 0, 0, 1, high, low], ..Ask::relayed(0) }
}

fn world_of(addresses: u16) -> World {
    let first = Ipv4Addr::new(10, 0, 0, 0);
    let last = Ipv4Addr::from(u32::from(first) + u32::from(addresses) - 1);
    let mut config = config();
    let mut subnet = subnet(1, first, 16, &[(first, last)]);
    subnet.relays.push(RELAY);
    config.subnets.push(std::sync::Arc::new(subnet));
    World::new(config)
}

fn address_of(outcome: Outcome, expected: MessageType) -> Ipv4Addr {
    match outcome {
        Outcome::Reply(reply) => {
            assert_eq!(reply.message_type, expected, "{:?}", reply.event);
            let bytes: [u8; 4] = reply.departure.message[16..20].try_into().unwrap();
            bytes.into()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_thousand_at_once_share_a_thousand_addresses() {
    const CLIENTS: u16 = 1000;
    const THREADS: u16 = 8;
    let world = world_of(CLIENTS);
    let barrier = Barrier::new(usize::from(THREADS));
    let given: Vec<Ipv4Addr> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (world, barrier) = (&world, &barrier);
                scope.spawn(move || {
                    let mine: Vec<u16> = (thread..CLIENTS).step_by(usize::from(THREADS)).collect();
                    barrier.wait();
                    let offered = |number: &u16| {
                        (*number, address_of(world.ask(&client(*number)), MessageType::Offer))
                    };
                    let offers: Vec<_> = mine.iter().map(offered).collect();
                    barrier.wait();
                    let taken = offers.into_iter().map(|(number, offer)| {
                        let ask = client(number).selecting(offer);
                        assert_eq!(address_of(world.ask(&ask), MessageType::Ack), offer);
                        offer
                    });
                    taken.collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(given.iter().collect::<BTreeSet<_>>().len(), usize::from(CLIENTS));
    assert_eq!(world.store.len(), usize::from(CLIENTS));
    assert!(world.offers.is_empty());
}

#[test]
fn requests_without_an_address_do_not_break_offers() {
    const CLIENTS: u16 = 200;
    let world = world_of(2 * CLIENTS);
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| {
            barrier.wait();
            for number in 0..CLIENTS {
                let offer = address_of(world.ask(&client(number)), MessageType::Offer);
                let ask = client(number).selecting(offer);
                assert_eq!(address_of(world.ask(&ask), MessageType::Ack), offer);
            }
        });
        scope.spawn(|| {
            barrier.wait();
            for number in CLIENTS..2 * CLIENTS {
                let ask = client(number).of(MessageType::Request);
                address_of(world.ask(&ask), MessageType::Ack);
            }
        });
    });
    assert_eq!(world.store.len(), usize::from(2 * CLIENTS));
}

#[test]
fn one_client_on_two_threads_has_one_lease() {
    let world = world_of(64);
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                barrier.wait();
                for _ in 0..50 {
                    let outcome = world.ask(&client(1));
                    let offer = address_of(outcome, MessageType::Offer);
                    world.ask(&client(1).selecting(offer));
                    world.ask(&client(1).of(MessageType::Request));
                }
            });
        }
    });
    assert_eq!(world.store.len(), 1);
}

#[test]
fn a_flood_of_discovers_does_not_stop_the_pool() {
    const ADDRESSES: u16 = 6000;
    let mut world = world_of(ADDRESSES);
    let offered: BTreeSet<_> = (0..ADDRESSES)
        .map(|number| address_of(world.ask(&client(number)), MessageType::Offer))
        .collect();
    assert_eq!(offered.len(), usize::from(ADDRESSES));
    // Everything is promised: the next one shares, and its REQUEST is good if it comes first.
    let shared = address_of(world.ask(&client(ADDRESSES)), MessageType::Offer);
    let outcome = world.ask(&client(ADDRESSES).selecting(shared));
    assert_eq!(address_of(outcome, MessageType::Ack), shared);
    world.pass(11);
    address_of(world.ask(&client(ADDRESSES + 1)), MessageType::Offer);
}
