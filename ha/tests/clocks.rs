//! Two Peregrines whose clocks are far apart: measured and told; with `clock-skew` at `tolerate` the service goes on, and a
//! lease ends at the same moment at both.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic")]

mod support;

use ha::machine::{Mode, Parameters, State};
use serde_json::{Value, json};

use support::{Node, addresses, lease, parameters, until};

const AHEAD_S: u64 = 500;

fn pair(tolerates: [bool; 2]) -> [Node; 2] {
    let addresses = addresses();
    let parameters = ["server1", "server2"].map(|name| parameters(name, Mode::HotStandby));
    let [first, second] = parameters;
    let [first, second] = [
        Parameters { tolerates_skew: tolerates[0], ..first },
        Parameters { tolerates_skew: tolerates[1], ..second },
    ];
    [Node::start(0, addresses, first), Node::start_ahead(1, addresses, second, AHEAD_S)]
}

fn own(node: &Node) -> Value {
    let status = node.command(json!({"command": "status-get"}));
    status["arguments"]["high-availability"][0]["peregrine"].clone()
}

fn end_s(node: &Node, host: u8) -> Option<u64> {
    node.store.find(lease(host, 0).address).map(|stored| stored.lease.expires_at_s())
}

#[test]
fn clocks_that_are_far_apart_are_measured_and_tolerated() {
    let nodes = pair([true, true]);
    let [first, second] = &nodes;
    until("normal operation", || nodes.iter().all(|node| node.state() == State::HotStandby));
    until("batches", || {
        own(first)["partner"]["abilities"] == json!(["batches", "clock-skew", "serves-returning"])
    });
    let offset = own(first)["clock-offset"].clone();
    let (ms, within) = (offset["ms"].as_i64().unwrap(), offset["within-ms"].as_i64().unwrap());
    let expected = i64::try_from(AHEAD_S * 1000).unwrap();
    assert!((ms - expected).abs() <= within + 2, "{offset}");

    for host in 1..=50 {
        first.grant(host);
    }
    until("replies", || (1..=50).all(|host| first.replied(host)));
    for host in 1..=50 {
        let (ours, theirs) = (end_s(first, host).unwrap(), end_s(second, host).unwrap());
        assert_eq!(theirs, ours + AHEAD_S, "{host}: the same moment");
    }

    // Fetched in pages, the lease of the other is not taken for a newer one.
    let answer =
        first.command(json!({"command": "ha-sync", "arguments": {"server-name": "server2"}}));
    assert_eq!(answer["result"], 0, "{answer}");
    for host in 1..=50 {
        assert_eq!(end_s(second, host).unwrap(), end_s(first, host).unwrap() + AHEAD_S);
    }
}

#[test]
fn one_server_alone_tolerates_nothing() {
    for tolerates in [[true, false], [false, true]] {
        let nodes = pair(tolerates);
        until("the end", || nodes.iter().any(|node| node.state() == State::Terminated));
        drop(nodes);
    }
}
