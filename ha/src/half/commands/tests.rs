//! Every answer of the ha-* commands, one row each: what the server is in, what it is asked, what it says. The texts
//! are Kea 3's, as captured or as its commands have them.

use std::collections::BTreeMap;
use std::time::Duration;

use engine::clock::SystemClock;
use engine::pending::{Pending, PendingReply, Release};
use serde_json::{Value, json};

use super::*;
use crate::half::{Job, Receivers, all_of};
use crate::machine::{
    CallError, Mode, NotifyAnswer, Parameters, PartnerStatus, Pause, Peer, Peers, Role, State,
};

struct Nobody;
impl Release for Nobody {
    fn release(&self, _reply: PendingReply) {}
}

/// What a server is in before it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum In {
    Waiting,
    PausedWaiting,
    Maintenance,
    PartnerMaintenance,
    Terminated,
    Backup,
    /// The primary of a passive-backup.
    PassiveBackup,
}

/// How the partner answers what is sent to it meanwhile.
#[derive(Clone, Copy, Debug)]
enum Partner {
    IsNotAsked,
    IsGone,
    Says(i64, &'static str),
}

use In::*;
use Partner::*;

struct Stand {
    half: Arc<Half>,
    registry: Registry,
    receivers: Receivers,
}

impl Stand {
    fn new(place: In) -> Self {
        let (mode, this) = match place {
            Backup => (Mode::HotStandby, "server3"),
            PassiveBackup => (Mode::PassiveBackup, "server1"),
            _ => (Mode::HotStandby, "server1"),
        };
        let peer = |name: &str, role| Peer { name: name.into(), role, auto_failover: true };
        let mut all = vec![peer("server1", Role::Primary), peer("server3", Role::Backup)];
        if mode == Mode::HotStandby {
            all.push(peer("server2", Role::Standby));
        }
        let mut parameters = Parameters {
            heartbeat_delay: Duration::from_secs(3_600),
            ..Parameters::defaults(Peers::new(mode, this, all).unwrap())
        };
        if place == PausedWaiting {
            parameters.pauses = BTreeMap::from([(State::Waiting, Pause::Always)]);
        }
        let pending = Arc::new(Pending::new(0, Arc::new(Nobody), Arc::default()));
        let clock = Arc::new(SystemClock::start());
        let half = Half::new(0, parameters, pending, Arc::default(), clock);
        let registry = Registry::default();
        register(&all_of(std::slice::from_ref(&half)), &registry);
        let receivers = half.take_receivers().unwrap();
        let stand = Self { half, registry, receivers };
        stand.lead_to(place);
        stand
    }

    fn lead_to(&self, place: In) {
        match place {
            Waiting | PausedWaiting => assert_eq!(self.state(), State::Waiting),
            Backup | PassiveBackup => {
                self.half.handle_timeout();
                let expected = if place == Backup { State::Backup } else { State::PassiveBackup };
                assert_eq!(self.state(), expected);
            }
            Maintenance => {
                let notify = json!({"cancel": false, "state": "hot-standby"});
                self.ask(IsNotAsked, "ha-maintenance-notify", Some(notify));
                assert_eq!(self.state(), State::InMaintenance);
            }
            PartnerMaintenance => {
                self.ask(Says(0, ""), "ha-maintenance-start", None);
                assert_eq!(self.state(), State::PartnerInMaintenance);
            }
            Terminated => {
                let wall_s = self.half.clock().now().wall_s + 100;
                let (state, scopes) = (State::Waiting, vec![]);
                let heard = PartnerStatus { state, scopes, wall_s, unsent_updates: 0 };
                self.half.act(|machine, now| machine.handle_heartbeat(now, Ok(heard)));
                assert_eq!(self.state(), State::Terminated);
            }
        }
    }

    fn state(&self) -> State {
        self.half.look(Relationship::state)
    }

    fn ask(&self, partner: Partner, command: &str, arguments: Option<Value>) -> Answer {
        let mut request = json!({"command": command, "service": ["dhcp4 "]});
        if let Some(arguments) = arguments {
            request["arguments"] = arguments;
        }
        std::thread::scope(|scope| {
            let answer = scope.spawn(|| self.registry.execute(&request));
            if !matches!(partner, IsNotAsked) {
                self.answer_as(partner);
            }
            answer.join().unwrap()
        })
    }

    /// Waits for what is to be asked of the partner, and gives its answer.
    fn answer_as(&self, partner: Partner) {
        let sent = match self.receivers.others.recv_timeout(Duration::from_secs(10)) {
            Ok(Job::Maintenance(sent)) => sent,
            other => panic!("no notification but {other:?}"),
        };
        let result = match partner {
            Says(result, text) => Ok(NotifyAnswer { result, text: text.into(), state: None }),
            IsGone | IsNotAsked => Err(CallError::Communication("connection refused".into())),
        };
        self.half.end_maintenance(sent, result);
    }
}

type Row = (In, Partner, &'static str, Option<Value>, i64, &'static str);

fn check(rows: Vec<Row>) {
    for (place, partner, command, arguments, result, text) in rows {
        let stand = Stand::new(place);
        let shown = format!("{place:?}, partner {partner:?}: {command} {arguments:?}");
        let answer = stand.ask(partner, command, arguments);
        assert_eq!((answer.result, answer.text.as_deref()), (result, Some(text)), "{shown}");
    }
}

/// A row of a command with arguments, of a partner that is not asked.
fn row(place: In, command: &'static str, arguments: Value, result: i64, text: &'static str) -> Row {
    let arguments = Some(arguments).filter(|arguments| !arguments.is_null());
    (place, IsNotAsked, command, arguments, result, text)
}

const NONE: Value = Value::Null;

#[test]
fn commands_that_name_a_relationship() {
    let (heartbeat, reset, resume) = ("ha-heartbeat", "ha-reset", "ha-continue");
    let unknown = "nope matches no configured 'server-name'";
    let heard = "HA peer status returned.";
    let begun = "HA state machine reset.";
    let waits = "HA state machine already in WAITING state.";
    let goes = "HA state machine is not paused.";
    let named = |name: &str| json!({"server-name": name});
    check(vec![
        row(Waiting, heartbeat, NONE, 0, heard),
        row(Waiting, heartbeat, json!({}), 0, heard),
        row(Waiting, heartbeat, named("server2"), 0, heard),
        row(Backup, heartbeat, named("server3"), 0, heard),
        row(Waiting, heartbeat, named("nope"), 1, unknown),
        row(
            Waiting,
            heartbeat,
            json!({"server-name": 1}),
            1,
            "'server-name' must be a string in the 'ha-heartbeat' command",
        ),
        row(
            Waiting,
            heartbeat,
            json!(["x"]),
            1,
            "arguments in the 'ha-heartbeat' command are not a map",
        ),
        row(Waiting, reset, NONE, 0, waits),
        row(Waiting, reset, named("server1"), 0, waits),
        row(Waiting, reset, named("nope"), 1, unknown),
        row(
            Waiting,
            reset,
            json!({"server-name": []}),
            1,
            "'server-name' must be a string in the 'ha-reset' command",
        ),
        row(Terminated, reset, NONE, 0, begun),
        row(Backup, reset, NONE, 0, begun),
        row(PassiveBackup, reset, NONE, 0, begun),
        row(Waiting, resume, NONE, 0, goes),
        row(PausedWaiting, resume, NONE, 0, "HA state machine continues."),
        row(Waiting, resume, named("nope"), 1, unknown),
        row(
            Waiting,
            resume,
            json!({"server-name": {}}),
            1,
            "'server-name' must be a string in the 'ha-continue' command",
        ),
    ]);
}

#[test]
fn scopes_by_hand() {
    let scopes = "ha-scopes";
    let done = "New HA scopes configured.";
    check(vec![
        row(Waiting, scopes, NONE, 1, "arguments not found in the 'ha-scopes' command"),
        row(Waiting, scopes, json!("x"), 1, "arguments in the 'ha-scopes' command are not a map"),
        row(Waiting, scopes, json!({}), 1, "'scopes' is mandatory for the 'ha-scopes' command"),
        row(
            Waiting,
            scopes,
            json!({"scopes": "x"}),
            1,
            "'scopes' must be a list in the 'ha-scopes' command",
        ),
        row(
            Waiting,
            scopes,
            json!({"scopes": [1]}),
            1,
            "scope name must be a string in the 'scopes' argument",
        ),
        row(
            Waiting,
            scopes,
            json!({"scopes": ["nope"]}),
            1,
            "invalid server name specified 'nope' while enabling/disabling HA scopes",
        ),
        row(
            Waiting,
            scopes,
            json!({"scopes": [], "server-name": "nope"}),
            1,
            "nope matches no configured 'server-name'",
        ),
        row(
            Waiting,
            scopes,
            json!({"scopes": [], "server-name": 1}),
            1,
            "'server-name' must be a string in the 'ha-scopes' command",
        ),
        row(Waiting, scopes, json!({"scopes": ["server1", "server2"]}), 0, done),
        row(Waiting, scopes, json!({"scopes": ["HA_server1", "ha_server2"]}), 0, done),
        row(Backup, scopes, json!({"scopes": [], "server-name": "server1"}), 0, done),
    ]);
}

/// What [`scopes_by_hand`] cannot see: which scopes are served then.
#[test]
fn scopes_by_hand_take_the_names_of_classes_and_keep_the_old_ones_after_an_error() {
    let stand = Stand::new(Waiting);
    let names = || stand.half.look(|machine| machine.scope_names());
    let served = |wanted: &[&str]| names().iter().map(|name| &**name).eq(wanted.iter().copied());
    for (wanted, served_then) in [
        (json!(["HA_server1", "ha_server2"]), &["server1", "server2"][..]),
        (json!(["nope", "server3"]), &["server1", "server2"]),
        (json!(["server2"]), &["server2"]),
        (json!([]), &[]),
    ] {
        stand.ask(IsNotAsked, "ha-scopes", Some(json!({"scopes": wanted})));
        assert!(served(served_then), "{wanted}: {:?}", names());
    }
}

#[test]
fn synchronisation_by_hand() {
    let sync = "ha-sync";
    let period = "'max-period' must be a positive integer in the 'ha-sync' command";
    let with = |period: Value| json!({"server-name": "server2", "max-period": period});
    check(vec![
        row(Waiting, sync, NONE, 1, "arguments not found in the 'ha-sync' command"),
        row(Waiting, sync, json!([]), 1, "arguments in the 'ha-sync' command are not a map"),
        row(Waiting, sync, json!({}), 1, "'server-name' is mandatory for the 'ha-sync' command"),
        row(
            Waiting,
            sync,
            json!({"server-name": 1}),
            1,
            "'server-name' must be a string in the 'ha-sync' command",
        ),
        row(Waiting, sync, with(json!(-1)), 1, period),
        row(Waiting, sync, with(json!(0)), 1, period),
        row(Waiting, sync, with(json!("60")), 1, period),
        row(Waiting, sync, with(json!(1.5)), 1, period),
        row(
            Waiting,
            sync,
            json!({"server-name": "nope"}),
            1,
            "nope matches no configured 'server-name'",
        ),
        row(
            Waiting,
            sync,
            json!({"server-name": "server1"}),
            1,
            "'server1' points to local server but should point to a partner",
        ),
    ]);
    for result in [Ok(crate::machine::SyncDone::default()), Err(())] {
        let stand = Stand::new(Waiting);
        let request = json!({"command": sync, "arguments": with(json!(60))});
        let answer = std::thread::scope(|scope| {
            let answer = scope.spawn(|| stand.registry.execute(&request));
            let job = stand.receivers.others.recv_timeout(Duration::from_secs(10));
            assert!(matches!(job, Ok(Job::Sync(order)) if order.max_period_s == Some(60)));
            let busy = stand.registry.execute(&request);
            assert_eq!(busy.result, 1, "one at a time: {busy:?}");
            let result = result.map_err(|()| CallError::Communication("no answer".into()));
            stand.half.act(|machine, now| machine.handle_sync(now, result));
            answer.join().unwrap()
        });
        let expected = match result {
            Ok(_) => (0, "Lease database synchronization complete."),
            Err(()) => (1, "no answer"),
        };
        assert_eq!((answer.result, answer.text.as_deref()), (expected.0, Some(expected.1)));
    }
}

#[test]
fn the_end_of_the_partners_synchronisation() {
    let notify = "ha-sync-complete-notify";
    let done = "Server successfully notified about the synchronization completion.";
    check(vec![
        row(Waiting, notify, NONE, 0, done),
        row(Waiting, notify, json!({}), 0, done),
        row(
            Waiting,
            notify,
            json!({"origin": 2000, "origin-id": 2000, "server-name": "server2"}),
            0,
            done,
        ),
        row(Waiting, notify, json!({"origin": "ha-partner", "origin-id": 2000}), 0, done),
        row(
            Waiting,
            notify,
            json!({"origin-id": "x"}),
            1,
            "'origin-id' must be an integer in the 'ha-sync-complete-notify' command",
        ),
        row(
            Waiting,
            notify,
            json!({"origin": "x"}),
            1,
            "'origin' must be an integer in the 'ha-sync-complete-notify' command",
        ),
        row(
            Waiting,
            notify,
            json!({"server-name": "nope"}),
            1,
            "nope matches no configured 'server-name'",
        ),
        row(
            Waiting,
            notify,
            json!({"server-name": 1}),
            1,
            "'server-name' must be a string in the 'ha-sync-complete-notify' command",
        ),
        row(
            Waiting,
            notify,
            json!("x"),
            1,
            "arguments in the 'ha-sync-complete-notify' command are not a map",
        ),
    ]);
}

#[test]
fn notification_of_a_maintenance() {
    let notify = "ha-maintenance-notify";
    let start = json!({"cancel": false});
    let cancel = json!({"cancel": true});
    let done = "Server is in-maintenance state.";
    let boolean = "'cancel' must be a boolean in the 'ha-maintenance-notify' command";
    let invalid = |why: &str| {
        let text = format!("invalid command 'ha-maintenance-notify': {why}");
        &*Box::leak(text.into_boxed_str())
    };
    check(vec![
        row(Waiting, notify, NONE, 1, invalid("no arguments specified")),
        row(Waiting, notify, json!({}), 1, invalid("'arguments' is empty")),
        row(
            Waiting,
            notify,
            json!({"state": "ready"}),
            1,
            "'cancel' is mandatory for the 'ha-maintenance-notify' command",
        ),
        row(Waiting, notify, json!({"cancel": "x"}), 1, boolean),
        row(Waiting, notify, json!({"cancel": 1}), 1, boolean),
        row(
            Waiting,
            notify,
            json!({"cancel": false, "state": 1}),
            1,
            "'state' must be a string in the 'ha-maintenance-notify' command",
        ),
        row(
            Waiting,
            notify,
            json!({"cancel": false, "server-name": "nope"}),
            1,
            "nope matches no configured 'server-name'",
        ),
        row(Waiting, notify, start.clone(), 0, done),
        row(
            Waiting,
            notify,
            json!({"cancel": false, "server-name": "server2", "state": "hot-standby"}),
            0,
            done,
        ),
        row(Maintenance, notify, start.clone(), 0, done),
        row(
            Terminated,
            notify,
            start.clone(),
            1001,
            "Unable to transition the server from the terminated to in-maintenance state.",
        ),
        row(
            Backup,
            notify,
            start.clone(),
            1001,
            "Unable to transition the server from the backup to in-maintenance state.",
        ),
        row(
            PartnerMaintenance,
            notify,
            start,
            1001,
            "Unable to transition the server from the partner-in-maintenance to in-maintenance state.",
        ),
        row(Maintenance, notify, cancel.clone(), 0, "Server maintenance canceled."),
        row(
            Waiting,
            notify,
            cancel,
            1,
            "Unable to cancel the maintenance for the server not in the in-maintenance state.",
        ),
    ]);
}

#[test]
fn the_start_of_a_maintenance() {
    let start = "ha-maintenance-start";
    let alone = "Server is now in the partner-down state as its partner appears to be offline for \
                 maintenance.";
    let refused = |from: &str| {
        let text = format!(
            "Unable to transition the server from the {from} to partner-in-maintenance state."
        );
        &*Box::leak(text.into_boxed_str())
    };
    check(vec![
        (
            Waiting,
            Says(0, "Server is in-maintenance state."),
            start,
            None,
            0,
            "Server is now in the partner-in-maintenance state and its partner is in-maintenance \
             state. The partner can be now safely shut down.",
        ),
        (Waiting, IsGone, start, None, 0, alone),
        (Waiting, Says(1, "something is wrong"), start, None, 0, alone),
        (
            Waiting,
            Says(1001, "not now"),
            start,
            None,
            1,
            "Unable to transition to the partner-in-maintenance state. The partner server responded \
             with the following message to the ha-maintenance-notify command: not now.",
        ),
        row(Backup, start, NONE, 1, refused("backup")),
        row(Maintenance, start, NONE, 1, refused("in-maintenance")),
        row(PartnerMaintenance, start, NONE, 1, refused("partner-in-maintenance")),
        row(Terminated, start, NONE, 1, refused("terminated")),
        row(PassiveBackup, start, NONE, 1, refused("passive-backup")),
    ]);
}

#[test]
fn the_end_of_a_maintenance() {
    let cancel = "ha-maintenance-cancel";
    let nothing = "Unable to cancel maintenance request because the server is not in the \
                   partner-in-maintenance state.";
    let mut rows: Vec<Row> = [Waiting, Maintenance, Terminated, Backup, PassiveBackup]
        .map(|place| row(place, cancel, NONE, 1, nothing))
        .into();
    rows.extend([
        (
            PartnerMaintenance,
            Says(0, "Server maintenance canceled."),
            cancel,
            None,
            0,
            "Server maintenance successfully canceled.",
        ),
        (
            PartnerMaintenance,
            Says(1, "not now"),
            cancel,
            None,
            1,
            "Unable to cancel maintenance. The partner server responded with the following message \
             to the ha-maintenance-notify command: not now.",
        ),
        (
            PartnerMaintenance,
            IsGone,
            cancel,
            None,
            1,
            "Unable to cancel maintenance. The partner server responded with the following message \
             to the ha-maintenance-notify command: connection refused.",
        ),
    ]);
    check(rows);
}

/// Every command of the table is asked above.
#[test]
fn no_command_is_left_out() {
    let source = include_str!("tests.rs");
    for (name, ..) in COMMANDS {
        assert!(source.contains(&format!("\"{name}\"")), "{name}");
    }
}
