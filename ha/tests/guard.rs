//! What of a partner's updates is taken and what is refused, over HTTP as the partner sends them.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic")]

mod support;

use engine::lease::{ClientId, Lease4};
use engine::stats::Counter;
use ha::machine::Mode;
use ha::wire::request::PartnerKind;
use serde_json::{Value, json};

use support::{Node, SUBNET, addresses, lease, parameters, post, until};

/// The address of `host`, for a client of this number.
fn update(host: u8, client: u8, cltt_s: u64) -> Value {
    json!({"ip-address": format!("192.0.2.{host}"), "hw-address": format!("02:00:00:00:00:{client:02x}"),
        "expire": cltt_s + 4000, "valid-lft": 4000, "subnet-id": SUBNET, "state": 0, "force-create": true})
}

fn named(mut update: Value) -> Value {
    update["origin"] = json!("ha-partner");
    update
}

fn holder(node: &Node, host: u8) -> Lease4 {
    node.store.find(lease(host, 0).address).unwrap().lease
}

#[test]
fn only_a_later_promise_to_another_client_is_kept() {
    let addresses = addresses();
    let first = Node::start(0, addresses, parameters("server1", Mode::HotStandby));
    let second = Node::start(1, addresses, parameters("server2", Mode::HotStandby));
    let normal = Mode::HotStandby.normal();
    until("normal operation", || first.state() == normal && second.state() == normal);
    first.grant(10);
    first.grant(11);
    until("both replies", || first.replied(10) && first.replied(11));
    let cltt_s = holder(&first, 10).cltt_s;
    drop(second);

    let send = |arguments| post(addresses[0], "lease4-update", &arguments);
    assert_eq!(send(named(update(10, 99, cltt_s - 1))), 4, "Kea 3 knows conflicts");
    assert_eq!(send(update(10, 99, cltt_s - 1)), 1, "Kea 2.2 does not");
    assert_eq!(send(update(10, 99, cltt_s)), 1, "a tie falls to the primary");
    assert_eq!(holder(&first, 10), lease(10, cltt_s));
    assert_eq!(first.stats.value(Counter::HaUpdatesRefused), 3);

    assert_eq!(send(update(10, 10, cltt_s - 1)), 0, "the same client");
    assert_eq!(holder(&first, 10), lease(10, cltt_s), "ours promises more");
    assert_eq!(send(update(10, 10, cltt_s + 1)), 0, "the partner renewed it");
    assert_eq!(send(update(10, 99, cltt_s + 1)), 0, "what is there is the partner's own now");
    assert_eq!(send(update(11, 99, cltt_s + 1)), 0, "the partner's is later");
    assert_eq!(holder(&first, 11).hw_address, lease(99, 0).hw_address);
    assert_eq!(send(update(12, 99, 1000)), 0, "nobody was there");
    assert_eq!(first.stats.value(Counter::HaUpdatesRefused), 3);
}

#[test]
fn late_news_undoes_nothing() {
    let addresses = addresses();
    let first = Node::start(0, addresses, parameters("server1", Mode::HotStandby));
    let second = Node::start(1, addresses, parameters("server2", Mode::HotStandby));
    let normal = Mode::HotStandby.normal();
    until("normal operation", || first.state() == normal && second.state() == normal);
    first.grant(10);
    until("the reply", || first.replied(10));
    let now_s = holder(&first, 10).cltt_s;
    let send = |arguments| post(addresses[0], "lease4-update", &arguments);
    for (client, cltt_s) in [(98, now_s - 20), (99, now_s - 10)] {
        assert_eq!(send(named(update(12, client, cltt_s))), 0);
    }
    assert_eq!(send(named(update(12, 98, now_s - 15))), 4, "the partner gave it to 99 since");
    assert_eq!(first.stats.value(Counter::HaUpdatesRefused), 1);
    assert_eq!(send(named(update(12, 99, now_s - 15))), 0, "it promises less");
    assert_eq!(holder(&first, 12).cltt_s, now_s - 10);
    // A clock that was set back makes news look late.
    assert_eq!(send(named(update(13, 99, now_s + 3000))), 0);
    assert_eq!(send(named(update(13, 99, now_s))), 0);
    assert_eq!(holder(&first, 13).cltt_s, now_s);
    assert_eq!(send(named(update(13, 99, now_s + 3000))), 0);
    assert_eq!(send(named(update(13, 98, now_s))), 0);
    assert_eq!(holder(&first, 13).hw_address, lease(98, 0).hw_address);
}

#[test]
fn a_client_that_was_not_told_gives_way() {
    let addresses = addresses();
    let second = Node::start(1, addresses, parameters("server2", Mode::HotStandby));
    let first = Node::start(0, addresses, parameters("server1", Mode::HotStandby));
    let normal = Mode::HotStandby.normal();
    until("normal operation", || first.state() == normal && second.state() == normal);
    for command in ["lease4-update", ha::wire::batch::COMMAND] {
        second.registry.register(command, |_| engine::control::Answer::error("no"));
    }
    first.grant(10);
    until("the reply dropped", || first.stats.value(Counter::ReplyUnacknowledged) == 1);
    let cltt_s = holder(&first, 10).cltt_s;
    let answer = post(addresses[0], "lease4-update", &update(10, 99, cltt_s - 1));
    assert_eq!((answer, holder(&first, 10).cltt_s), (0, cltt_s - 1));
}

#[test]
fn a_client_identifier_says_who_is_who() {
    let addresses = addresses();
    let node = Node::start(0, addresses, parameters("server1", Mode::HotStandby));
    until("partner-down", || node.service.is_enabled());
    node.grant(10);
    until("the reply", || node.replied(10));
    let cltt_s = holder(&node, 10).cltt_s;
    let mut same = update(10, 10, cltt_s - 1);
    same["client-id"] = json!("01:02:03");
    assert_eq!(post(addresses[0], "lease4-update", &same), 0, "the hardware address decides");
    assert_eq!(holder(&node, 10).client_id, Some(ClientId::new(&[1, 2, 3]).unwrap()));
}

#[test]
fn a_partner_is_known_by_what_it_names() {
    let addresses = addresses();
    let node = Node::start(0, addresses, parameters("server1", Mode::HotStandby));
    let kind = || node.driver.half().partner_kind();
    assert_eq!(kind(), PartnerKind::Kea2, "nobody knows yet");
    let send = |command, arguments| post(addresses[0], command, &arguments);
    send("ha-heartbeat", json!({"server-name": "server2"}));
    assert_eq!(kind(), PartnerKind::Kea3);
    send("lease4-update", update(20, 99, 1000));
    assert_eq!(kind(), PartnerKind::Kea2);
    send("lease4-update", named(update(20, 99, 1001)));
    assert_eq!(kind(), PartnerKind::Kea3);
    send("ha-heartbeat", json!({}));
    assert_eq!(kind(), PartnerKind::Kea2);
    send("lease4-del", named(update(20, 99, 1001)));
    assert_eq!(kind(), PartnerKind::Kea3);
    send("lease4-del", update(20, 99, 1001));
    assert_eq!(kind(), PartnerKind::Kea2);
}

/// What an administrator asks or writes as a partner would says nothing of the partner, nor that it was there.
#[test]
fn nothing_is_learnt_of_the_partner_from_the_control_socket() {
    let addresses = addresses();
    let node = Node::start(0, addresses, parameters("server1", Mode::HotStandby));
    let kind = || node.driver.half().partner_kind();
    let asked = || node.driver.half().act(|machine, _| machine.last_asked());
    let by_hand = |command, arguments: Value| {
        let answer = node.command(json!({"command": command, "arguments": arguments}));
        assert_eq!(answer["result"], 0, "{command}: {answer}");
    };
    assert_eq!(post(addresses[0], "ha-heartbeat", &json!({"server-name": "server2"})), 0);
    let when = asked();
    for (command, arguments) in [
        ("ha-heartbeat", json!({})),
        ("lease4-update", update(20, 99, 1000)),
        ("lease4-del", update(20, 99, 1000)),
    ] {
        by_hand(command, arguments);
        assert_eq!((kind(), asked()), (PartnerKind::Kea3, when), "{command} by hand");
    }
    assert_eq!(post(addresses[0], "ha-heartbeat", &json!({})), 0);
    let when = asked();
    for (command, arguments) in [
        ("ha-heartbeat", json!({"server-name": "server2"})),
        ("lease4-update", named(update(20, 99, 1000))),
        ("lease4-del", named(update(20, 99, 1000))),
    ] {
        by_hand(command, arguments);
        assert_eq!((kind(), asked()), (PartnerKind::Kea2, when), "{command} by hand");
    }
}
