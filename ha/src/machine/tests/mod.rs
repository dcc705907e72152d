//! Tests of the machine: each row of the table, two machines on a virtual clock, the commands, and
//! arbitrary sequences of inputs.

mod arbitrary;
mod chart;
mod commands;
mod failures;
mod faults;
mod oracle;
mod owed;
mod pair;
mod product;
mod rows;
mod rules;
mod timelines;

use std::time::Duration;

use engine::clock::{Mono, Now};

use super::{
    Action, Announced, Incarnation, Mode, Note, Parameters, PartnerStatus, Peer, Peers,
    Relationship, Role, State,
};

/// The wall clock when the virtual one is at 0.
const EPOCH_S: u64 = 1_795_170_000;

/// The virtual time `ms` milliseconds after the start.
fn at(ms: u64) -> Now {
    Now { mono: Mono::from_ns(ms * 1_000_000), wall_s: EPOCH_S + ms / 1000 }
}

/// `server1` to `server3` with the mode's roles (the third one is a backup), as seen by `this`.
fn peers(mode: Mode, this: &str) -> Peers {
    let peer = |name: &str, role| Peer { name: name.into(), role, auto_failover: true };
    let mut all = vec![peer("server1", Role::Primary), peer("server3", Role::Backup)];
    match mode {
        Mode::LoadBalancing => all.push(peer("server2", Role::Secondary)),
        Mode::HotStandby => all.push(peer("server2", Role::Standby)),
        Mode::PassiveBackup => {}
    }
    Peers::new(mode, this, all).unwrap()
}

/// The parameters of the captured pairs: a heartbeat each second, interrupted after three.
fn parameters(mode: Mode, this: &str) -> Parameters {
    Parameters {
        heartbeat_delay: Duration::from_secs(1),
        max_response_delay: Duration::from_secs(3),
        max_ack_delay: Duration::from_secs(1),
        max_unacked_clients: 2,
        ..Parameters::defaults(peers(mode, this))
    }
}

/// All actions that wait.
fn drain(machine: &mut Relationship) -> Vec<Action> {
    std::iter::from_fn(|| machine.poll_action()).collect()
}

/// The states that `actions` say were entered.
fn entered(actions: &[Action]) -> Vec<State> {
    let transition = |action: &Action| match action {
        Action::Note(Note::Transition { to, .. }) => Some(*to),
        _ => None,
    };
    actions.iter().filter_map(transition).collect()
}

/// What a Peregrine announces in the run of this number.
fn announced(run: u64, tolerates_skew: bool) -> Announced {
    Announced {
        batches: true,
        tolerates_skew,
        mode: Some(Mode::LoadBalancing),
        ..Announced::of(Incarnation(run))
    }
}

/// A heartbeat's answer from a partner in `state` whose clock agrees.
fn status(now: Now, state: State) -> PartnerStatus {
    PartnerStatus { state, scopes: vec![], wall_s: now.wall_s, unsent_updates: 0 }
}
