//! Two Peregrines tell each other of leases in batches; with a partner that takes none the updates go singly. Beside that
//! the figures of both ways in one run, which are told and not asserted.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic")]

mod support;

use std::net::Ipv4Addr;

use engine::control::{Answer, code};
use engine::lease::{Grant, Identity, Lease4, Origin};
use engine::stats::Counter;
use ha::machine::{Mode, State};
use ha::wire::batch;
use serde_json::{Value, json};

use support::{Node, SUBNET, addresses, lease, parameters, until};

fn pair() -> [Node; 2] {
    let addresses = addresses();
    let names = ["server1", "server2"];
    let nodes = [0, 1]
        .map(|place| Node::start(place, addresses, parameters(names[place], Mode::LoadBalancing)));
    let normal = || nodes.iter().all(|node| node.state() == State::LoadBalancing);
    until("normal operation", normal);
    nodes
}

/// What the first server says of its partner's announcement.
fn announced(node: &Node) -> Value {
    let status = node.command(json!({"command": "status-get"}));
    status["arguments"]["high-availability"][0]["peregrine"]["partner"]["abilities"].clone()
}

fn batches(node: &Node) -> [u64; 2] {
    [Counter::HaBatches, Counter::HaBatchedUpdates].map(|counter| node.stats.value(counter))
}

/// Makes the node answer batches as a Kea does.
fn refuse_batches(node: &Node, result: i64) {
    node.registry.register(batch::COMMAND, move |_| Answer::error("no such thing").coded(result));
}

fn grant(node: &Node, number: u16) {
    let [high, low] = number.to_be_bytes();
    let now = node.clock.now();
    let lease = Lease4 { address: Ipv4Addr::new(192, 0, high, low), ..lease(1, now.wall_s) };
    let hw_address = engine::lease::HwAddress::new(&[2, 0, 0, 1, high, low]).unwrap();
    let lease = Lease4 { hw_address, ..lease };
    let grant = Grant {
        lease,
        identity: Identity { client_id: None, hw_address: &hw_address },
        one_of: &[SUBNET],
        origin: Origin::Client(None),
    };
    node.store.grant(now, grant).unwrap();
}

#[test]
fn each_lease_arrives_and_each_reply_is_sent() {
    let [first, second] = pair();
    until("the ability is announced", || {
        announced(&first) == json!(["batches", "serves-returning", "halves"])
    });
    for host in 1..=200 {
        first.grant(host);
    }
    until("all replies", || (1..=200).all(|host| first.replied(host)));
    assert!((1..=200).all(|host| second.knows(host)));
    first.release(7);
    until("a deletion", || !second.knows(7));
    let [requests, updates] = batches(&first);
    assert_eq!(updates, 201, "all went in batches");
    assert!(requests <= updates);
}

/// A Kea in the place of the partner, or one whose listener lets only its own commands in: nothing is lost, and nobody
/// waits for longer than one exchange takes.
#[test]
fn a_partner_that_takes_no_batches_gets_single_updates() {
    for result in [code::UNSUPPORTED, 403] {
        let [first, second] = pair();
        until("the ability is announced", || {
            announced(&first) == json!(["batches", "serves-returning", "halves"])
        });
        first.grant(1);
        until("a reply", || first.replied(1));
        refuse_batches(&second, result);
        let [before, _] = batches(&first);
        for host in 2..=100 {
            first.grant(host);
        }
        until("all replies", || (2..=100).all(|host| first.replied(host)));
        assert!((1..=100).all(|host| second.knows(host)));
        let [after, _] = batches(&first);
        assert_eq!(after - before, 1, "it was tried once with this run of the partner");
        assert_eq!(first.state(), State::LoadBalancing);
    }
}

/// Both ways one after the other, twice, so that neither has the warmer machine.
#[test]
fn figures_of_batches_beside_single_updates() {
    const LEASES: u16 = if cfg!(debug_assertions) { 500 } else { 10_000 };
    let mut rates: [Vec<u64>; 2] = Default::default();
    let mut per_lease = [1.0; 2];
    for round in 0..4 {
        let singly = round % 2 == 1;
        let [first, second] = pair();
        until("the ability is announced", || {
            announced(&first) == json!(["batches", "serves-returning", "halves"])
        });
        if singly {
            refuse_batches(&second, code::UNSUPPORTED);
        }
        let begin = first.clock.now().mono;
        (0..LEASES).for_each(|number| grant(&first, number));
        until("all leases", || second.store.len() == usize::from(LEASES));
        let took = first.clock.now().mono.since(begin);
        let rate = u128::from(LEASES) * 1_000_000 / took.as_micros().max(1);
        rates[usize::from(singly)].push(u64::try_from(rate).unwrap());
        if !singly {
            let [requests, updates] = batches(&first);
            assert_eq!(updates, u64::from(LEASES));
            per_lease[0] = f64::from(u32::try_from(requests).unwrap()) / f64::from(LEASES);
        }
    }
    let [batched, singly] = &rates;
    println!("in batches: {:.3} requests per lease, {batched:?} leases per second", per_lease[0]);
    println!("singly: 1 request per lease, {singly:?} leases per second");
    assert!(per_lease[0] < 1.0, "what gathers goes together");
}
