//! What a half asks of its threads and of its partner.

use crossbeam::channel::TryRecvError;
use engine::clock::SystemClock;
use engine::control::Registry;
use engine::pending::{PendingReply, Release};
use engine::seam::{Admission, Client, Waiting};
use serde_json::json;

use super::*;
use crate::machine::{Announced, Incarnation, Mode, Peer, Peers, Role};
use crate::stream::Stamp;
use crate::wire::batch::Batch;

struct Nobody;
impl Release for Nobody {
    fn release(&self, _reply: PendingReply) {}
}

fn half() -> Arc<Half> {
    let peer = |name: &str, role| Peer { name: name.into(), role, auto_failover: true };
    let all = vec![peer("server1", Role::Primary), peer("server2", Role::Secondary)];
    let peers = Peers::new(Mode::LoadBalancing, "server1", all).unwrap();
    let pending = Arc::new(Pending::new(0, Arc::new(Nobody), Arc::default()));
    let clock = Arc::new(SystemClock::start());
    Half::new(0, Parameters::defaults(peers), pending, Arc::default(), clock)
}

#[test]
fn no_command_waits_for_threads_that_end() {
    let half = half();
    let waiting = [half.wait_for_sync(), half.wait_for_maintenance()];
    half.dismiss();
    for answer in waiting {
        assert_eq!(answer.try_recv(), Err(TryRecvError::Disconnected));
    }
}

/// Nobody is served before the partner has said its state, or did not answer.
#[test]
fn a_partner_that_may_have_taken_over_is_asked_once() {
    let half = half();
    let receivers = half.take_receivers().unwrap();
    let peers = half.gate().peers();
    let scopes = peers.all().iter().enumerate();
    let scopes = scopes.fold(Scopes::NONE, |scopes, (place, _)| scopes.with(place));
    half.gate().publish(Standing { scopes, wary: true, ..Standing::default() });
    let key = [2, 0, 0, 0, 1, 0];
    let waiting = Waiting::Seconds(0);
    let client =
        Client { key: Some(&key), hw_address: &key, client_id: &[], waiting, balanced: true };
    let start = half.clock().now();
    let later = Now { mono: start.mono + Duration::from_secs(100), ..start };
    half.gate().turn(later);
    assert!(!half.gate().admit(&client, later).serve);
    (0..2).for_each(|_| half.act(|_, _| ()));
    assert!(matches!(receivers.others.try_recv(), Ok(Job::Probe)));
    assert!(receivers.others.is_empty(), "it is asked already");
    half.end_probe(Err(CallError::Communication("no answer".into())));
    half.gate().turn(later);
    assert!(half.gate().admit(&client, later).serve);
}

/// A job that found no room would never end, and the machine would wait for it for ever.
#[test]
fn maintenance_commands_leave_room_for_what_the_machine_wants() {
    let half = half();
    let registry = Registry::default();
    super::commands::register(&super::all_of(&[Arc::clone(&half)]), &registry);
    let waiting: Vec<_> =
        (0..MAX_MAINTENANCE_COMMANDS).map(|_| half.wait_for_maintenance()).collect();
    let answer = registry.execute(&json!({"command": "ha-maintenance-start"}));
    assert_eq!(answer.text.unwrap(), "too many maintenance commands wait for the partner");
    assert_eq!((answer.result, waiting.len()), (1, MAX_MAINTENANCE_COMMANDS));
}

/// Whatever the wall clocks show.
#[test]
fn what_was_sent_long_ago_is_given_up() {
    let half = half();
    let from = Incarnation(9);
    let announced = Announced { running_ms: Some(1_000_000), ..Announced::of(from) };
    half.see_announced(Some(&announced), None);
    let stamp = Stamp { from, to: half.incarnation(), number: 1 };
    let sent = |ms| Batch { stamp, sent_s: 0, sent_ms: Some(ms), updates: Vec::new() };
    assert!(!half.is_given_up(&sent(1_000_000)));
    assert!(half.is_given_up(&sent(1_000_000 - 11_000)));
    assert!(!half.is_given_up(&Batch { sent_ms: None, ..sent(0) }), "it does not say");
}
