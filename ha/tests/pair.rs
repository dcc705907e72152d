//! Two halves of a pair in one process, over loopback.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use engine::control::{Answer, Command, code};
use engine::seam::Admission;
use engine::stats::Counter;
use ha::io::{Driver, StartError};
use ha::machine::{Mode, Parameters, State};
use ha::wire::batch;
use serde_json::{Map, json};

use support::{Node, addresses, parameters, settings, until};

fn pair(mode: Mode) -> (Node, Node, [SocketAddr; 2]) {
    let addresses = addresses();
    let first = Node::start(0, addresses, parameters("server1", mode));
    let second = Node::start(1, addresses, parameters("server2", mode));
    let normal = mode.normal();
    until("normal operation", || first.state() == normal && second.state() == normal);
    (first, second, addresses)
}

#[test]
fn a_load_balancing_pair_shares_clients_and_leases() {
    let (first, second, _) = pair(Mode::LoadBalancing);
    assert_eq!((first.scopes(), second.scopes()), (vec!["server1".into()], vec!["server2".into()]));
    until("service on both", || first.service.is_enabled() && second.service.is_enabled());
    assert_eq!(first.driver.half().gate().classes(), ["HA_server1", "HA_server2"]);

    for host in 1..=50 {
        let giver = if host % 2 == 0 { &first } else { &second };
        giver.grant(host);
    }
    until("all replies", || {
        (1..=50).all(|host| if host % 2 == 0 { first.replied(host) } else { second.replied(host) })
    });
    assert!((1..=50).all(|host| first.knows(host) && second.knows(host)));

    first.release(2);
    until("the release at the partner", || !second.knows(2));
    assert!(first.pending.is_empty() || first.pending.len() == 1);
}

#[test]
fn status_and_heartbeat_have_keas_shape() {
    let (first, second, _) = pair(Mode::LoadBalancing);
    until("the partner in its last state", || {
        first.command(json!({"command": "status-get"}))["arguments"]["high-availability"][0]["ha-servers"]
            ["remote"]["last-state"]
            == "load-balancing"
    });
    let mut status =
        first.command(json!({"command": "status-get"}))["arguments"]["high-availability"][0].take();
    let own = status.as_object_mut().unwrap().remove("peregrine").unwrap();
    assert_eq!(own["waits-for"], "nothing: both servers are in normal operation");
    assert_eq!(own["partner"]["abilities"], json!(["batches", "serves-returning", "halves"]));
    let remote = &mut status["ha-servers"]["remote"];
    assert!(remote["clock-skew"].as_i64().unwrap().abs() <= 1);
    assert_eq!(remote["system-time"].as_str().unwrap().len(), "2026-11-20 10:34:46".len());
    (remote["clock-skew"], remote["system-time"]) = (json!(0), json!(null));
    status["ha-servers"]["local"]["system-time"] = json!(null);
    let expected = json!({"ha-mode": "load-balancing", "ha-servers": {
        "local": {"role": "primary", "scopes": ["server1"], "server-name": "server1",
            "state": "load-balancing", "system-time": null},
        "remote": {"age": 0, "analyzed-packets": 0, "clock-skew": 0,
            "communication-interrupted": false, "connecting-clients": 0, "in-touch": true,
            "last-scopes": ["server2"], "last-state": "load-balancing", "role": "secondary",
            "server-name": "server2", "system-time": null, "unacked-clients": 0,
            "unacked-clients-left": 0}}});
    assert_eq!(status, expected);

    let heartbeat = second.command(json!({"command": "ha-heartbeat"}));
    assert_eq!(heartbeat["text"], "HA peer status returned.");
    assert_eq!(heartbeat["arguments"]["scopes"], json!(["server2"]));
    assert_eq!(heartbeat["arguments"]["unsent-update-count"], 0);
    let unknown = json!({"command": "ha-heartbeat", "arguments": {"server-name": "x"}});
    assert_eq!(second.command(unknown)["text"], "x matches no configured 'server-name'");
}

#[test]
fn the_survivor_serves_all_and_the_returning_server_synchronises() {
    let (first, second, addresses) = pair(Mode::LoadBalancing);
    first.grant(1);
    until("the first reply", || first.replied(1));
    drop(second);
    until("partner-down", || first.state() == State::PartnerDown);
    assert_eq!(first.scopes(), ["server1", "server2"]);
    for host in 10..30 {
        first.grant(host);
        assert!(first.replied(host), "alone, nobody is waited for");
    }
    let unsent = first.command(json!({"command": "ha-heartbeat"}));
    assert_eq!(unsent["arguments"]["unsent-update-count"], 20);

    let second = Node::start(1, addresses, parameters("server2", Mode::LoadBalancing));
    until("both back", || {
        first.state() == State::LoadBalancing && second.state() == State::LoadBalancing
    });
    assert!((10..30).chain([1]).all(|host| second.knows(host)));
    until("service on both", || first.service.is_enabled() && second.service.is_enabled());
    second.grant(40);
    until("a reply of the returned server", || second.replied(40));
    assert!(first.knows(40));
}

#[test]
fn a_reply_that_the_partner_cannot_acknowledge_is_dropped() {
    let slow = |this| Parameters {
        max_response_delay: Duration::from_secs(60),
        delayed_updates_limit: 0,
        ..parameters(this, Mode::HotStandby)
    };
    let addresses = addresses();
    let first = Node::start(0, addresses, slow("server1"));
    let second = Node::start(1, addresses, slow("server2"));
    until("hot-standby", || {
        first.state() == State::HotStandby && second.state() == State::HotStandby
    });
    drop(second);
    first.grant(1);
    until("the reply dropped", || first.stats.value(Counter::ReplyUnacknowledged) == 1);
    assert!(first.knows(1) && !first.replied(1));
    assert!(first.pending.is_empty());
}

#[test]
fn updates_made_while_the_partner_is_silent_are_sent_when_it_is_back() {
    let patient = |this| Parameters {
        max_response_delay: Duration::from_secs(60),
        ..parameters(this, Mode::LoadBalancing)
    };
    let addresses = addresses();
    let first = Node::start(0, addresses, patient("server1"));
    let mut second = Node::start(1, addresses, patient("server2"));
    let normal = State::LoadBalancing;
    until("load-balancing", || first.state() == normal && second.state() == normal);
    // Only its listener goes: a short silence, not the end of the server.
    second.driver.close_listener();
    until("communication-recovery", || first.state() == State::CommunicationRecovery);
    for host in 1..=5 {
        first.grant(host);
        assert!(first.replied(host), "delayed updates are not waited for");
    }
    assert!(!second.knows(1));
    second.driver.open_listener().unwrap();
    until("load-balancing again", || first.state() == normal && second.state() == normal);
    assert!((1..=5).all(|host| second.knows(host)));
}

#[test]
fn more_delayed_updates_than_the_limit_arrive_as_well() {
    let patient = |this| Parameters {
        max_response_delay: Duration::from_secs(60),
        delayed_updates_limit: 3,
        ..parameters(this, Mode::LoadBalancing)
    };
    let addresses = addresses();
    let first = Node::start(0, addresses, patient("server1"));
    let mut second = Node::start(1, addresses, patient("server2"));
    let normal = State::LoadBalancing;
    until("load-balancing", || first.state() == normal && second.state() == normal);
    second.driver.close_listener();
    until("communication-recovery", || first.state() == State::CommunicationRecovery);
    (1..=8).for_each(|host| first.grant(host));
    second.driver.open_listener().unwrap();
    until("all leases at the partner", || (1..=8).all(|host| second.knows(host)));
    until("load-balancing again", || first.state() == normal && second.state() == normal);
}

#[test]
fn maintenance_goes_to_and_fro() {
    let (first, second, _) = pair(Mode::LoadBalancing);
    let start = first.command(json!({"command": "ha-maintenance-start"}));
    assert_eq!(start["result"], 0, "{start}");
    assert_eq!(
        (first.state(), second.state()),
        (State::PartnerInMaintenance, State::InMaintenance)
    );
    let cancel = first.command(json!({"command": "ha-maintenance-cancel"}));
    assert_eq!(cancel["text"], "Server maintenance successfully canceled.");
    let normal = State::LoadBalancing;
    until("both back", || first.state() == normal && second.state() == normal);
    let sync = json!({"command": "ha-sync", "arguments": {"server-name": "server2"}});
    assert_eq!(first.command(sync)["text"], "Lease database synchronization complete.");
}

#[test]
fn a_partner_that_refuses_too_many_clients_ends_the_relationship() {
    let strict = |this| Parameters {
        max_rejected_lease_updates: 3,
        ..parameters(this, Mode::LoadBalancing)
    };
    let addresses = addresses();
    let first = Node::start(0, addresses, strict("server1"));
    let second = Node::start(1, addresses, strict("server2"));
    let normal = State::LoadBalancing;
    until("load-balancing", || first.state() == normal && second.state() == normal);
    let refuse = |command: &Command<'_>| {
        let batch = batch::read(command.arguments).unwrap();
        let refusal = Answer::error("Invalid subnet-id").coded(code::CONFLICT);
        batch::answer(&vec![refusal; batch.updates.len()], Map::new())
    };
    second.registry.register(batch::COMMAND, refuse);
    for host in 1..=2 {
        first.grant(host);
    }
    until("replies dropped", || first.stats.value(Counter::ReplyUnacknowledged) == 2);
    assert_eq!((first.state(), first.replied(1)), (normal, false));
    first.grant(3);
    let ended = State::Terminated;
    until("termination", || first.state() == ended && second.state() == ended);
    first.grant(4);
    assert!(first.replied(4), "each serves alone");
}

#[test]
fn what_kea_2_2_switched_off_is_given_back_without_arguments() {
    let (first, _second, _) = pair(Mode::LoadBalancing);
    until("service on", || first.service.is_enabled());
    let disable = json!({"command": "dhcp-disable",
        "arguments": {"max-period": 60, "origin": "ha-partner"}, "service": ["dhcp4"]});
    assert_eq!(first.command(disable)["text"], "DHCPv4 service disabled for 60 seconds");
    assert!(!first.service.is_enabled());
    let notify = json!({"command": "ha-sync-complete-notify", "service": ["dhcp4"]});
    let text = "Server successfully notified about the synchronization completion.";
    assert_eq!(first.command(notify)["text"], text);
    assert!(first.service.is_enabled());
}

#[test]
fn a_half_is_driven_once() {
    let (first, _second, addresses) = pair(Mode::LoadBalancing);
    assert_eq!(first.driver.listens_on(), Some(addresses[0]));
    let again = Driver::start(first.driver.half().clone(), settings(0, addresses), first.parts());
    assert!(matches!(again, Err(StartError::Driven(_))));
}

#[test]
fn a_taken_port_is_an_error_of_the_start() {
    let addresses = addresses();
    let _other = std::net::TcpListener::bind(addresses[0]).unwrap();
    let why = Node::try_start(0, addresses, parameters("server1", Mode::LoadBalancing));
    assert!(matches!(why, Err(StartError::Listen(_))));
}

#[test]
fn a_partner_that_never_answers_does_not_hold_up_the_stop() {
    let addresses = addresses();
    let silent = std::net::TcpListener::bind(addresses[1]).unwrap();
    let first = Node::start(0, addresses, parameters("server1", Mode::LoadBalancing));
    let (_heartbeat, _) = silent.accept().unwrap();
    let clock = first.clock.clone();
    let before = clock.now().mono;
    drop(first);
    assert!(clock.now().mono.since(before) < Duration::from_secs(5), "a heartbeat may take 10 s");
}
