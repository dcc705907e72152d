//! A primary and its backup over loopback, without a partner: the backup answers, or takes what it is sent and never
//! says a word.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic")]

mod support;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};

use engine::lease::LeaseState;
use engine::stats::Counter;
use ha::io::Settings;
use ha::io::client::Target;
use ha::machine::{Mode, Parameters, Peer, Peers, Role, State};

use serde_json::json;

use support::{Node, addresses, lease, parameters, post, settings, until};

/// The parameters of `this`: server1 is the primary, server2 its backup.
fn with_backup(this: &str, wait_backup_ack: bool) -> Parameters {
    let peer = |name: &str, role| Peer { name: name.into(), role, auto_failover: true };
    let all = vec![peer("server1", Role::Primary), peer("server2", Role::Backup)];
    let peers = Peers::new(Mode::PassiveBackup, this, all).unwrap();
    Parameters { peers, wait_backup_ack, ..parameters(this, Mode::HotStandby) }
}

fn primary(own: SocketAddr, backup: SocketAddr, wait_backup_ack: bool) -> Node {
    let target = Target { address: backup, credentials: None, tls: None };
    let targets = BTreeMap::from([("server2".into(), target)]);
    let settings = Settings { targets, ..settings(0, [own, backup]) };
    let node = Node::start_by(with_backup("server1", wait_backup_ack), settings).unwrap();
    until("the primary serves", || node.state() == State::PassiveBackup);
    node
}

#[test]
fn a_backup_that_answers_has_every_lease_before_its_client_if_it_is_waited_for() {
    for wait in [true, false] {
        let addresses = addresses();
        let backup = Node::start(1, addresses, with_backup("server2", wait));
        until("the backup", || backup.state() == State::Backup);
        let primary = primary(addresses[0], addresses[1], wait);
        for host in 1..=20 {
            primary.grant(host);
            until("the reply", || primary.replied(host));
            assert!(!wait || backup.knows(host), "it was waited for");
        }
        until("the leases at the backup", || (1..=20).all(|host| backup.knows(host)));
        assert_eq!(backup.scopes(), [""; 0]);
    }
}

/// A backup says who it is at the end of its synchronisation, and never else.
#[test]
fn a_release_is_told_as_a_deletion_until_the_backup_has_named_itself() {
    let addresses = addresses();
    let backup = Node::start(1, addresses, with_backup("server2", true));
    until("the backup", || backup.state() == State::Backup);
    let primary = primary(addresses[0], addresses[1], true);
    (1..=2).for_each(|host| primary.grant(host));
    until("the replies", || (1..=2).all(|host| primary.replied(host)));
    let state = |node: &Node, host| {
        node.store.find(lease(host, 0).address).map(|stored| stored.lease.state)
    };
    primary.release_kept(1);
    until("the deletion", || state(&backup, 1).is_none());
    assert_eq!(state(&primary, 1), Some(LeaseState::Released));

    let named = json!({"origin": 2000, "origin-id": 2000, "server-name": "server2"});
    assert_eq!(post(addresses[0], "ha-sync-complete-notify", &named), 0);
    primary.release_kept(2);
    until("the release", || state(&backup, 2) == Some(LeaseState::Released));
}

/// The kernel takes the connections and what is sent over them.
#[test]
fn a_backup_that_never_answers_delays_nobody_who_need_not_wait() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = addresses()[0];
    let primary = primary(own, silent.local_addr().unwrap(), false);
    for host in 1..=200 {
        primary.grant(host);
        assert!(primary.replied(host), "without waiting");
    }
    assert!(primary.pending.is_empty());
    assert_eq!(primary.stats.value(Counter::HaBackupMissed), 0, "there is room for that many");
}

#[test]
fn a_reply_that_waits_for_a_silent_backup_is_not_sent() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = addresses()[0];
    let primary = primary(own, silent.local_addr().unwrap(), true);
    primary.grant(1);
    let (_connection, _) = silent.accept().unwrap();
    assert!(!primary.replied(1) && primary.pending.len() == 1);
    primary.driver.half().outbox().stop();
    assert!(!primary.replied(1));
}
