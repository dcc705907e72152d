//! Commands and their answers; maintenance, pausing and backups.

use super::super::limits::MAX_REPEATED_CANCELS;
use super::super::{
    Action, CallError, Mode, Note, Notification, Parameters, Pause, Relationship, Role, Seen,
    State, ToBackups, ToPartner,
};
use super::pair::Pair;
use super::{at, drain, entered, parameters, peers, status};
use State::{
    Backup, CommunicationRecovery, HotStandby, InMaintenance, LoadBalancing, PartnerDown,
    PartnerInMaintenance, PassiveBackup, Ready, Syncing, Terminated, Waiting,
};

/// Starts a maintenance at a server of a pair; gives the answer.
fn maintain(pair: &mut Pair, server: usize, cancel: bool) -> String {
    pair.answers.clear();
    let refused = pair.with(server, |machine, _| match cancel {
        true => machine.cancel_maintenance(),
        false => machine.start_maintenance(),
    });
    pair.run_for(0.01);
    match refused {
        Err(answer) => answer.text.unwrap(),
        Ok(()) => pair.answers.pop().unwrap_or_default(),
    }
}

#[test]
fn a_maintenance_is_started_and_cancelled() {
    for (mode, server) in [(Mode::LoadBalancing, 0), (Mode::HotStandby, 0), (Mode::HotStandby, 1)] {
        let mut pair = Pair::in_normal_operation(mode, |_| {});
        assert_eq!(
            maintain(&mut pair, server, false),
            "Server is now in the partner-in-maintenance state and its partner is in-maintenance \
             state. The partner can be now safely shut down."
        );
        assert_eq!(pair.entered_by(server), [PartnerInMaintenance]);
        assert_eq!(pair.entered_by(1 - server), [InMaintenance]);
        assert!((0..32).all(|id| pair.query(id, 0) == [server]));
        pair.run_for(30.0);
        assert_eq!(
            maintain(&mut pair, server, false),
            "Unable to transition the server from the partner-in-maintenance to \
             partner-in-maintenance state."
        );
        assert_eq!(
            maintain(&mut pair, 1 - server, true),
            "Unable to cancel maintenance request because the server is not in the \
             partner-in-maintenance state."
        );
        assert_eq!(maintain(&mut pair, server, true), "Server maintenance successfully canceled.");
        pair.run_for(5.0);
        assert_eq!(pair.states(), [Some(mode.normal()); 2]);
        assert_eq!(pair.history.len(), 4, "{:?}", pair.history);
    }
}

#[test]
fn the_partner_is_stopped_during_its_maintenance_and_returns() {
    let mut pair = Pair::in_normal_operation(Mode::LoadBalancing, |_| {});
    maintain(&mut pair, 0, false);
    pair.kill(1);
    pair.run_for(1.1);
    assert_eq!(pair.states()[0], Some(PartnerDown), "without any proof");
    pair.start(1);
    pair.run_for(5.0);
    assert_eq!(pair.states(), [Some(LoadBalancing); 2]);
}

#[test]
fn a_maintenance_of_a_dead_partner_takes_over_at_once() {
    let mut pair = Pair::in_normal_operation(Mode::LoadBalancing, |_| {});
    pair.kill(1);
    assert_eq!(
        maintain(&mut pair, 0, false),
        "Server is now in the partner-down state as its partner appears to be offline for \
         maintenance."
    );
    assert_eq!(pair.serving()[0], ["server1", "server2"]);
}

#[test]
fn when_both_are_asked_to_take_over_the_primary_does() {
    let mut pair = Pair::in_normal_operation(Mode::LoadBalancing, |_| {});
    for server in [0, 1] {
        pair.with(server, |machine, _| machine.start_maintenance()).unwrap();
    }
    pair.run_for(10.0);
    assert_eq!(pair.states(), [Some(PartnerInMaintenance), Some(InMaintenance)]);
}

#[test]
fn a_partner_may_refuse_a_maintenance() {
    let mut pair = Pair::in_normal_operation(Mode::LoadBalancing, |_| {});
    pair.wall_off_s = [0, 100];
    pair.run_for(2.0);
    assert_eq!(pair.states()[1], Some(Terminated));
    let answer = pair.with(1, |m, now| m.notify_maintenance(now, false, None));
    assert_eq!(answer.result, 1001);
    assert_eq!(
        answer.text.as_deref(),
        Some("Unable to transition the server from the terminated to in-maintenance state.")
    );
}

#[test]
fn a_partner_that_names_no_state_is_asked_again() {
    // Kea 2.2 neither sends nor answers the state.
    let mut machine = started(Mode::LoadBalancing);
    machine.start_maintenance().unwrap();
    let answer = |cancel| {
        let sent = Notification { cancel, state: LoadBalancing, repeated: false };
        let answer = super::super::NotifyAnswer { result: 0, text: String::new(), state: None };
        (sent, Ok(answer))
    };
    let (sent, result) = answer(false);
    machine.handle_maintenance_answer(at(5000), sent, result);
    assert_eq!(machine.state(), PartnerInMaintenance);
    machine.cancel_maintenance().unwrap();
    let (sent, result) = answer(true);
    machine.handle_maintenance_answer(at(6000), sent, result);
    assert_eq!(machine.state(), LoadBalancing);
    machine.handle_update(at(6001), None, super::super::UpdateOutcome::Success);
    assert_eq!(machine.state(), LoadBalancing, "not back into the maintenance");
}

/// The partner's answer to a notification, without a state, as Kea 2.2 gives it.
fn notified(machine: &mut Relationship, ms: u64, sent: Notification) -> Option<String> {
    let answer = super::super::NotifyAnswer { result: 0, text: String::new(), state: None };
    machine.handle_maintenance_answer(at(ms), sent, Ok(answer)).text
}

/// What the partner is notified of.
fn notifications(machine: &mut Relationship) -> Vec<Notification> {
    let actions = drain(machine).into_iter();
    let sent = actions.filter_map(|action| match action {
        Action::SendMaintenanceNotify(sent) => Some(sent),
        _ => None,
    });
    sent.collect()
}

#[test]
fn a_partner_that_goes_back_into_its_maintenance_is_not_followed() {
    let mut machine = started(Mode::HotStandby);
    for cancel in [false, true] {
        let sent = Notification { cancel, state: HotStandby, repeated: false };
        notified(&mut machine, 5000, sent);
    }
    drain(&mut machine);
    // A Kea that acts on what it saw of us before its next heartbeat.
    let again = Notification { cancel: true, state: HotStandby, repeated: true };
    for turn in 0..u64::from(MAX_REPEATED_CANCELS) {
        let now = at(6000 + 1000 * turn);
        machine.handle_heartbeat(now, Ok(status(now, InMaintenance)));
        assert_eq!(machine.state(), HotStandby);
        assert_eq!(notifications(&mut machine), [again]);
        notified(&mut machine, 6001 + 1000 * turn, again);
        machine.handle_update(now, None, super::super::UpdateOutcome::Success);
        assert_eq!(machine.state(), HotStandby);
    }
    // One that insists is followed.
    machine.handle_heartbeat(at(20_000), Ok(status(at(20_000), InMaintenance)));
    assert_eq!(machine.state(), PartnerInMaintenance);
    assert_eq!(notifications(&mut machine), []);
}

#[test]
fn a_maintenance_that_a_heartbeat_told_of_first_has_started() {
    let mut machine = started(Mode::LoadBalancing);
    machine.start_maintenance().unwrap();
    machine.handle_heartbeat(at(2000), Ok(status(at(2000), InMaintenance)));
    assert_eq!(machine.state(), PartnerInMaintenance);
    let sent = Notification { cancel: false, state: LoadBalancing, repeated: false };
    let answer = notified(&mut machine, 2001, sent).unwrap();
    assert!(answer.starts_with("Server is now in the partner-in-maintenance state"), "{answer}");
    machine.cancel_maintenance().unwrap();
    let sent = Notification { cancel: true, ..sent };
    notified(&mut machine, 3000, sent);
    assert_eq!(machine.state(), LoadBalancing);
    drain(&mut machine);

    // Wanted again: the partner's maintenance is no relapse.
    machine.start_maintenance().unwrap();
    drain(&mut machine);
    machine.handle_heartbeat(at(3500), Ok(status(at(3500), InMaintenance)));
    assert_eq!(machine.state(), PartnerInMaintenance);
    assert_eq!(notifications(&mut machine), []);
}

#[test]
fn a_refused_cancellation_says_why() {
    let mut machine = started(Mode::LoadBalancing);
    let sent = Notification { cancel: false, state: LoadBalancing, repeated: false };
    let done = super::super::NotifyAnswer { result: 0, text: String::new(), state: None };
    machine.handle_maintenance_answer(at(5000), sent, Ok(done));
    let sent = Notification { cancel: true, state: LoadBalancing, repeated: false };
    let error = CallError::Communication("Connection refused".into());
    let answer = machine.handle_maintenance_answer(at(5100), sent, Err(error));
    assert_eq!(answer.result, 1);
    assert!(answer.text.unwrap().ends_with("command: Connection refused."));
}

/// A primary in normal operation.
fn started(mode: Mode) -> Relationship {
    let mut machine = Relationship::new(parameters(mode, "server1"), at(0));
    machine.handle_heartbeat(at(1000), Ok(status(at(1000), Ready)));
    machine.handle_sync(at(1000), Ok(Default::default()));
    assert_eq!(machine.state(), mode.normal());
    drain(&mut machine);
    machine
}

#[test]
fn a_repeated_notification_leads_to_waiting_when_cancelled() {
    let mut machine = started(Mode::HotStandby);
    for _ in 0..2 {
        assert_eq!(machine.notify_maintenance(at(2000), false, Some(HotStandby)).result, 0);
    }
    let answer = machine.notify_maintenance(at(3000), true, Some(HotStandby));
    assert_eq!(answer.text.as_deref(), Some("Server maintenance canceled."));
    assert_eq!(answer.arguments.unwrap()["state"], "waiting");
    let answer = machine.notify_maintenance(at(3000), true, None);
    assert_eq!(
        answer.text.as_deref(),
        Some("Unable to cancel the maintenance for the server not in the in-maintenance state.")
    );
}

/// The partner lacks what was granted without it; taking over, it would give that to others.
#[test]
fn no_maintenance_of_a_server_that_granted_leases_alone() {
    let mut machine = started(Mode::HotStandby);
    machine.handle_heartbeat(at(9000), Err(CallError::Communication("gone".into())));
    assert_eq!(machine.state(), PartnerDown);
    let answer = machine.notify_maintenance(at(9100), false, Some(HotStandby));
    assert_eq!(answer.result, 1001);
    assert_eq!(machine.state(), PartnerDown);
    let mut machine = started(Mode::LoadBalancing);
    machine.handle_heartbeat(at(2000), Err(CallError::Communication("gone".into())));
    assert_eq!(machine.state(), CommunicationRecovery);
    assert_eq!(machine.notify_maintenance(at(2100), false, Some(LoadBalancing)).result, 1001);
}

#[test]
fn a_paused_state_is_left_when_told_to() {
    let mut pair = Pair::new(Mode::LoadBalancing, |p| {
        p.pauses.insert(Waiting, Pause::Once);
        p.pauses.insert(Ready, Pause::Always);
    });
    pair.start(0);
    pair.start(1);
    pair.run_for(30.0);
    assert_eq!(pair.states(), [Some(Waiting); 2]);
    assert!(pair.notes.contains(&(0, Note::Paused(Waiting))));
    let resume = |pair: &mut Pair, server: usize| {
        pair.with(server, |machine, now| machine.resume(now)).text.unwrap()
    };
    assert_eq!(resume(&mut pair, 0), "HA state machine continues.");
    assert_eq!(resume(&mut pair, 1), "HA state machine continues.");
    pair.run_for(10.0);
    assert_eq!(pair.states(), [Some(Ready); 2]);
    assert_eq!(resume(&mut pair, 0), "HA state machine continues.");
    assert_eq!(resume(&mut pair, 0), "HA state machine is not paused.");
    resume(&mut pair, 1);
    pair.run_for(3.0);
    assert_eq!(pair.states(), [Some(LoadBalancing); 2]);
    pair.with(0, |machine, now| machine.reset(now));
    pair.run_for(3.0);
    assert_eq!(pair.states()[0], Some(Ready), "once is once, always is always");
}

/// The server that stayed has served alone since, and is out of reach for a while.
#[test]
fn a_reset_in_maintenance_begins_anew_rather_than_alone() {
    let mut pair = Pair::in_normal_operation(Mode::HotStandby, |_| {});
    maintain(&mut pair, 0, false);
    pair.kill(0);
    pair.run_for(30.0);
    pair.with(1, |machine, now| machine.reset(now));
    pair.run_for(2.5);
    assert_eq!(pair.entered_by(1), [InMaintenance, Waiting]);
    pair.run_for(2.0);
    assert_eq!(pair.entered_by(1), [InMaintenance, Waiting, PartnerDown], "nobody answers");
}

/// The partner may have taken over during the silence.
#[test]
fn a_reset_in_communication_recovery_begins_anew_rather_than_alone() {
    for by_partner in [false, true] {
        let delayed = |parameters: &mut Parameters| parameters.delayed_updates_limit = 10;
        let mut pair = Pair::in_normal_operation(Mode::LoadBalancing, delayed);
        pair.kill(1);
        pair.run_for(10.0);
        assert_eq!(pair.entered_by(0), [CommunicationRecovery], "no client proves it down");
        pair.with(0, |machine, now| match by_partner {
            true => machine.reset_by_partner(now),
            false => machine.reset(now),
        });
        pair.run_for(2.5);
        assert_eq!(pair.entered_by(0), [CommunicationRecovery, Waiting]);
        pair.run_for(2.0);
        assert_eq!(pair.entered_by(0), [CommunicationRecovery, Waiting, PartnerDown]);
    }
}

/// Its silence needs proof by clients where it is served beside it, and none in waiting.
#[test]
fn a_partner_that_asks_for_a_reset_lives() {
    let mut pair = Pair::in_normal_operation(Mode::HotStandby, |_| {});
    pair.kill(0);
    pair.run_for(10.0);
    pair.with(1, |machine, now| machine.reset_by_partner(now));
    pair.run_for(2.5);
    assert_eq!(pair.entered_by(1), [Waiting]);
}

#[test]
fn a_reset_leads_through_synchronisation_back() {
    let mut pair = Pair::in_normal_operation(Mode::HotStandby, |_| {});
    let answer = pair.with(0, |machine, now| machine.reset(now));
    assert_eq!(answer.text.as_deref(), Some("HA state machine reset."));
    pair.run_for(3.0);
    assert_eq!(pair.entered_by(0), [Waiting, Syncing, Ready, HotStandby]);
    assert_eq!(pair.entered_by(1), []);
    let mut machine = Relationship::new(parameters(Mode::HotStandby, "server1"), at(0));
    let answer = machine.reset(at(1));
    assert_eq!(answer.text.as_deref(), Some("HA state machine already in WAITING state."));
}

#[test]
fn scopes_are_set_by_hand() {
    let mut machine = started(Mode::LoadBalancing);
    let names = |machine: &Relationship| machine.scope_names().join(" ");
    assert_eq!(names(&machine), "server1");
    assert_eq!(machine.set_scopes(at(2000), &["server2", "HA_server1"]).result, 0);
    assert_eq!(names(&machine), "server1 server2");
    let answer = machine.set_scopes(at(2000), &["server1", "nope"]);
    let text = "invalid server name specified 'nope' while enabling/disabling HA scopes";
    assert_eq!((answer.result, answer.text.as_deref()), (1, Some(text)));
    assert_eq!(names(&machine), "server1 server2");
    assert_eq!(machine.set_scopes(at(2000), &["ha_server2"]).result, 0);
    assert_eq!(names(&machine), "server2");
    let actions = drain(&mut machine);
    assert!(actions.contains(&Action::SetService(true)));
    assert!(actions.contains(&Action::Publish(machine.standing(at(2000)))));
}

#[test]
fn a_synchronisation_is_ordered_by_hand() {
    let mut machine = started(Mode::LoadBalancing);
    let refused = |machine: &mut Relationship, name: &str| {
        machine.order_sync(name, None).unwrap_err().text.unwrap()
    };
    assert_eq!(refused(&mut machine, "nope"), "nope matches no configured 'server-name'");
    assert_eq!(
        refused(&mut machine, "server1"),
        "'server1' points to local server but should point to a partner"
    );
    machine.order_sync("server2", Some(60)).unwrap();
    assert!(refused(&mut machine, "server2").contains("under way"));
    assert!(matches!(
        drain(&mut machine)[..],
        [Action::Note(Note::SyncStarted), Action::StartSync(order)]
            if order.max_period_s == Some(60) && order.administrator
    ));
    machine.handle_sync(at(3000), Ok(Default::default()));
    let answers: Vec<_> = drain(&mut machine);
    let text = "Lease database synchronization complete.";
    assert!(answers.iter().any(|action| matches!(
        action,
        Action::AnswerSync(answer) if answer.result == 0 && answer.text.as_deref() == Some(text)
    )));
    assert_eq!(machine.state(), LoadBalancing);
}

#[test]
fn the_partner_says_that_it_is_synchronised() {
    let mut machine = started(Mode::LoadBalancing);
    let answer = machine.sync_complete(at(2000), Some(2001));
    assert_eq!(
        answer.text.as_deref(),
        Some("Server successfully notified about the synchronization completion.")
    );
    assert_eq!(drain(&mut machine), [Action::ReleaseRemoteOrigin(Some(2001))]);
    machine.sync_complete(at(2000), None);
    assert_eq!(drain(&mut machine), [Action::ReleaseRemoteOrigin(None)]);
}

#[test]
fn a_backup_serves_nobody_until_told() {
    let mut machine = Relationship::new(parameters(Mode::LoadBalancing, "server3"), at(0));
    let actions = drain(&mut machine);
    assert_eq!(entered(&actions), [Backup]);
    assert!(actions.contains(&Action::SetService(false)));
    assert_eq!(machine.poll_timeout(), None, "no heartbeats");
    assert_eq!(machine.sends_updates(), Default::default());
    assert!(machine.status(at(1000)).remote.is_none());
    assert_eq!(machine.reset(at(1000)).text.as_deref(), Some("HA state machine reset."));
    assert_eq!(machine.state(), Backup);
    let answer = machine.start_maintenance().unwrap_err();
    let text = "Unable to transition the server from the backup to partner-in-maintenance state.";
    assert_eq!(answer.text.as_deref(), Some(text));
    assert_eq!(machine.notify_maintenance(at(1000), false, None).result, 1001);
    assert_eq!(machine.set_scopes(at(1000), &["server1"]).result, 0);
    assert_eq!(machine.scope_names().join(" "), "server1");
}

#[test]
fn a_lone_primary_serves_at_once() {
    let mut machine = Relationship::new(
        Parameters { wait_backup_ack: true, ..parameters(Mode::PassiveBackup, "server1") },
        at(0),
    );
    assert_eq!(machine.state(), PassiveBackup);
    assert_eq!(machine.scope_names().join(" "), "server1");
    assert_eq!(machine.poll_timeout(), None);
    let updates = machine.sends_updates();
    assert_eq!((updates.partner, updates.backups), (ToPartner::Nothing, ToBackups::SendAndWait));
    machine.reset(at(1000));
    assert_eq!(machine.state(), PassiveBackup);
    assert_eq!(machine.scope_names().join(" "), "server1");
    assert!(machine.status(at(1000)).remote.is_none());
}

#[test]
fn updates_follow_the_state() {
    let cases = [
        (LoadBalancing, ToPartner::Send),
        (PartnerInMaintenance, ToPartner::Send),
        (CommunicationRecovery, ToPartner::Queue),
        (PartnerDown, ToPartner::Count),
        (Terminated, ToPartner::Count),
        (Waiting, ToPartner::Count),
    ];
    for (state, expected) in cases {
        let mut machine = started(Mode::LoadBalancing);
        machine.stage = machine.stage_of(state);
        assert_eq!(machine.sends_updates().partner, expected, "{state}");
        assert_eq!(machine.sends_updates().backups, ToBackups::Send, "{state}");
        assert_eq!(machine.standing(at(0)).own_leases_only, state == Terminated, "{state}");
        machine.parameters.send_lease_updates = false;
        assert_eq!(machine.sends_updates(), Default::default(), "{state}");
    }
}

#[test]
fn status_tells_what_kea_tells() {
    let mut machine = Relationship::new(parameters(Mode::LoadBalancing, "server1"), at(0));
    let remote = machine.status(at(500)).remote.unwrap();
    assert_eq!((remote.age_s, remote.in_touch, remote.last_state), (0, false, Seen::Unset));
    assert_eq!((remote.role, &*remote.server_name), (Role::Secondary, "server2"));
    let error = CallError::Communication("refused".into());
    machine.handle_heartbeat(at(4000), Err(error));
    let status = machine.status(at(4900));
    assert_eq!((status.local.state, status.local.system_time_s), (PartnerDown, None));
    let remote = status.remote.unwrap();
    assert_eq!((remote.age_s, remote.in_touch), (4, true));
    assert_eq!(remote.last_state.name(), "unavailable");
    assert_eq!((remote.communication_interrupted, remote.unacked_clients_left), (true, 3));
    let mut heard = super::status(at(5000), Waiting);
    heard.wall_s -= 20;
    machine.handle_heartbeat(at(5000), Ok(heard));
    let remote = machine.status(at(5000)).remote.unwrap();
    assert_eq!((remote.clock_skew_s, remote.unacked_clients_left), (Some(-20), 0));
    assert_eq!(remote.system_time_s, Some(at(5000).wall_s - 20));
}

#[test]
fn the_unsent_counter_starts_again_at_one() {
    let mut machine = started(Mode::LoadBalancing);
    machine.handle_unsent(u64::MAX);
    assert_eq!(machine.heartbeat_status(at(2000)).unsent_updates, u64::MAX);
    machine.handle_unsent(1);
    assert_eq!(machine.heartbeat_status(at(2000)).unsent_updates, 1);
}

#[test]
fn heartbeats_follow_each_other_by_the_delay() {
    let mut machine = Relationship::new(parameters(Mode::LoadBalancing, "server1"), at(0));
    drain(&mut machine);
    machine.handle_timeout(at(0));
    assert_eq!(drain(&mut machine), [Action::SendHeartbeat], "after a start, at once");
    machine.handle_heartbeat(at(0), Err(CallError::Malformed("?".into())));
    drain(&mut machine);
    machine.handle_timeout(at(999));
    assert_eq!(drain(&mut machine), []);
    machine.handle_timeout(at(1000));
    assert_eq!(drain(&mut machine), [Action::SendHeartbeat]);
    machine.handle_timeout(at(2500));
    assert_eq!(drain(&mut machine), [], "one at a time");
    machine.handle_heartbeat(at(2600), Err(CallError::Malformed("?".into())));
    machine.handle_timeout(at(3599));
    let interrupted = [
        Action::Note(Note::HeartbeatFailed(CallError::Malformed("?".into()))),
        Action::Note(Note::Interrupted),
        Action::Publish(machine.standing(at(3599))),
    ];
    assert_eq!(drain(&mut machine), interrupted);
    machine.handle_timeout(at(3600));
    assert_eq!(drain(&mut machine), [Action::SendHeartbeat]);

    let silent = Parameters {
        heartbeat_delay: std::time::Duration::ZERO,
        ..parameters(Mode::LoadBalancing, "server1")
    };
    let mut machine = Relationship::new(silent, at(0));
    drain(&mut machine);
    machine.handle_timeout(at(1_000_000));
    assert!(!drain(&mut machine).contains(&Action::SendHeartbeat));
}

#[test]
fn peers_have_the_roles_of_their_mode() {
    use super::super::{Peer, Peers, PeersError};
    let peer = |name: &str, role| Peer { name: name.into(), role, auto_failover: true };
    let two = || vec![peer("b", Role::Primary), peer("a", Role::Secondary)];
    let peers = Peers::new(Mode::LoadBalancing, "a", two()).unwrap();
    assert_eq!((&*peers.partner().unwrap().name, peers.primary()), ("b", 1));
    assert_eq!(&*peers.local().name, "a");
    let error = Peers::new(Mode::HotStandby, "a", two()).unwrap_err();
    let text = "1 peer(s) with role secondary in mode hot-standby: expected 0";
    assert_eq!(error.to_string(), text);
    let error = Peers::new(Mode::LoadBalancing, "c", two()).unwrap_err();
    assert_eq!(error, PeersError::NotAPeer("c".into()));
    let twice = vec![peer("a", Role::Primary), peer("a", Role::Secondary)];
    assert!(matches!(Peers::new(Mode::LoadBalancing, "a", twice), Err(PeersError::Twice(_))));
    let mut many = two();
    many.extend((0..31).map(|n| peer(&format!("x{n}"), Role::Backup)));
    let error = Peers::new(Mode::LoadBalancing, "a", many).unwrap_err();
    assert_eq!(error, PeersError::TooMany(33));
}

#[test]
fn a_backup_has_the_primary_for_its_partner() {
    let peers = peers(Mode::HotStandby, "server3");
    assert_eq!(&*peers.partner().unwrap().name, "server1");
    assert!(!peers.is_active_pair());
}
