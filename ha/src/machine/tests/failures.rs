//! Communication-recovery, refused updates, and what a server does with a partner of another mode.

use std::time::Duration;

use engine::clock::Now;

use super::super::{Action, Mode, Note, Relationship, State};
use super::pair::Pair;
use super::{at, drain, entered, parameters, status};
use crate::machine::{CallError, ClientKey, UpdateOutcome};
use State::{
    CommunicationRecovery, LoadBalancing, PartnerDown, Ready, Syncing, Terminated, Waiting,
};

#[test]
fn delayed_updates_are_sent_when_the_link_is_back() {
    let mut pair = Pair::in_normal_operation(Mode::LoadBalancing, |_| {});
    pair.cut = true;
    pair.run_for(12.0);
    assert_eq!(pair.states(), [Some(CommunicationRecovery); 2]);
    for id in 0..10 {
        assert_eq!(pair.query(id, 0).len(), 1, "each serves its own");
    }
    pair.cut = false;
    pair.run_for(13.0);
    for server in [0, 1] {
        assert_eq!(pair.entered_by(server), [CommunicationRecovery, LoadBalancing]);
        assert!(pair.notes.contains(&(server, Note::BacklogSent)));
        let unsent = pair.with(server, |m, now| m.heartbeat_status(now)).unsent_updates;
        assert_eq!(unsent, 0);
    }
}

#[test]
fn an_overflow_makes_both_synchronise() {
    let mut pair = Pair::in_normal_operation(Mode::LoadBalancing, |p| p.delayed_updates_limit = 3);
    pair.cut = true;
    pair.run_for(12.0);
    for id in 0..40 {
        pair.query(id, 0);
    }
    pair.cut = false;
    pair.run_for(16.0);
    assert_eq!(pair.states(), [Some(LoadBalancing); 2]);
    for server in [0, 1] {
        let entered = pair.entered_by(server);
        assert_eq!(entered[0], CommunicationRecovery);
        assert!(entered.ends_with(&[Waiting, Syncing, Ready, LoadBalancing]), "{entered:?}");
        assert!(!pair.notes.contains(&(server, Note::BacklogSent)));
    }
}

#[test]
fn recovery_gives_the_partner_up_by_proof() {
    let mut pair = Pair::in_normal_operation(Mode::LoadBalancing, |_| {});
    pair.kill(1);
    pair.run_for(20.0);
    assert_eq!(pair.states()[0], Some(CommunicationRecovery));
    for id in 0..16 {
        pair.query(id, 3);
    }
    pair.run_for(1.1);
    assert_eq!(pair.entered_by(0), [CommunicationRecovery, PartnerDown]);
    assert_eq!(pair.serving()[0], ["server1", "server2"]);
}

#[test]
fn without_delayed_updates_there_is_no_recovery() {
    let mut pair = Pair::in_normal_operation(Mode::LoadBalancing, |p| p.delayed_updates_limit = 0);
    pair.cut = true;
    pair.run_for(12.0);
    pair.cut = false;
    pair.run_for(13.0);
    assert_eq!(pair.history, []);
}

#[test]
fn refused_updates_end_the_relationship() {
    let mut pair = Pair::in_normal_operation(Mode::LoadBalancing, |p| {
        p.max_rejected_lease_updates = 3;
    });
    pair.refuses_updates = [false, true];
    let ours: Vec<u8> = (0..64).filter(|id| pair.query(*id, 0) == [0]).take(3).collect();
    pair.run_for(0.1);
    assert_eq!(ours.len(), 3);
    assert_eq!(pair.entered_by(0), [Terminated]);
    assert_eq!(pair.server(0).machine.rejected_clients(), 0);
    assert!(pair.notes.iter().any(|(_, note)| matches!(note, Note::RejectsTerminate(_))));
    pair.run_for(2.0);
    assert_eq!(pair.states(), [Some(Terminated); 2]);
    assert_eq!(pair.serving(), [vec!["server1"], vec!["server2"]]);
}

/// A load-balancing primary in normal operation, at second 10.
fn normal() -> Relationship {
    let mut machine = Relationship::new(parameters(Mode::LoadBalancing, "server1"), at(0));
    machine.handle_heartbeat(at(1000), Ok(status(at(1000), State::Ready)));
    machine.handle_sync(at(1000), Ok(Default::default()));
    assert_eq!(machine.state(), LoadBalancing);
    drain(&mut machine);
    machine.handle_heartbeat(at(10_000), Ok(status(at(10_000), LoadBalancing)));
    machine
}

#[test]
fn a_refusal_counts_once_per_client_and_for_a_day() {
    let mut machine = normal();
    let client = |id: u8| ClientKey::new(&[id], &[]);
    let refuse = |machine: &mut Relationship, ms, id| {
        machine.handle_update(at(ms), client(id), UpdateOutcome::Conflict);
        machine.rejected_clients()
    };
    assert_eq!(refuse(&mut machine, 10_000, 1), 1);
    assert_eq!(refuse(&mut machine, 10_000, 1), 1);
    assert_eq!(refuse(&mut machine, 10_000, 2), 2);
    machine.handle_update(at(10_000), client(1), UpdateOutcome::Success);
    machine.handle_update(at(10_000), None, UpdateOutcome::Conflict);
    assert_eq!(machine.rejected_clients(), 1);
    assert_eq!(machine.state(), LoadBalancing);
    let day = 10_000 + 24 * 3_600_000;
    machine.handle_heartbeat(at(day - 1), Ok(status(at(day - 1), LoadBalancing)));
    assert_eq!(machine.rejected_clients(), 1);
    machine.handle_heartbeat(at(day), Ok(status(at(day), LoadBalancing)));
    assert_eq!(machine.rejected_clients(), 0);
}

#[test]
fn a_failed_update_makes_the_partner_unavailable_and_a_refused_one_does_not() {
    let mut machine = normal();
    let client = ClientKey::new(&[1], &[]);
    machine.handle_update(at(10_000), client.clone(), UpdateOutcome::Conflict);
    assert_eq!(machine.state(), LoadBalancing);
    let error = CallError::Refused { result: 1, text: "no".into() };
    machine.handle_update(at(10_000), client, UpdateOutcome::Failure(error));
    assert_eq!(machine.state(), CommunicationRecovery);
}

#[test]
fn a_failed_backlog_is_followed_by_a_reset() {
    let mut machine = normal();
    let error = || CallError::Communication("refused".into());
    machine.handle_heartbeat(at(11_000), Err(error()));
    drain(&mut machine);
    machine.handle_heartbeat(at(12_000), Ok(status(at(12_000), LoadBalancing)));
    assert!(drain(&mut machine).contains(&super::Action::SendBacklog));
    machine.handle_backlog_sent(at(12_100), Err(error()));
    assert!(drain(&mut machine).contains(&super::Action::SendReset));
    machine.handle_reset_answer(at(12_200), Err(error()));
    assert_eq!(machine.state(), CommunicationRecovery);
    drain(&mut machine);
    machine.handle_heartbeat(at(13_000), Ok(status(at(13_000), LoadBalancing)));
    assert!(drain(&mut machine).contains(&super::Action::SendBacklog), "it is tried again");
    machine.handle_backlog_sent(at(13_100), Err(error()));
    machine.handle_reset_answer(at(13_200), Ok(()));
    let actions = drain(&mut machine);
    assert!(actions.contains(&super::Action::ClearBacklog));
    assert_eq!(entered(&actions), [Waiting, Syncing]);
}

#[test]
fn a_synchronisation_is_tried_again_and_never_twice_at_once() {
    let mut machine = Relationship::new(parameters(Mode::LoadBalancing, "server1"), at(0));
    let starts = |machine: &mut Relationship| {
        let actions = drain(machine);
        actions.iter().filter(|a| matches!(a, super::Action::StartSync(_))).count()
    };
    machine.handle_heartbeat(at(1000), Ok(status(at(1000), Waiting)));
    assert_eq!(starts(&mut machine), 1);
    assert_eq!(machine.poll_timeout(), Some(at(4000).mono + std::time::Duration::from_nanos(1)));
    machine.reset(at(1500));
    machine.handle_heartbeat(at(1600), Ok(status(at(1600), Waiting)));
    assert_eq!((machine.state(), starts(&mut machine)), (Syncing, 0));
    machine.handle_sync(at(1700), Ok(Default::default()));
    assert_eq!((machine.state(), starts(&mut machine)), (Syncing, 1), "the first was of no use");
    machine.handle_sync(at(1800), Err(CallError::Malformed("?".into())));
    assert_eq!((machine.state(), starts(&mut machine)), (Syncing, 0));
    assert_eq!(machine.poll_timeout(), Some(at(2800).mono), "the heartbeat runs again");
    machine.handle_heartbeat(at(2900), Ok(status(at(2900), Waiting)));
    assert_eq!(starts(&mut machine), 1);
    machine.handle_sync(at(3000), Ok(Default::default()));
    assert_eq!(machine.state(), Ready);
}

#[test]
fn a_long_synchronisation_that_fails_waits_for_a_heartbeat() {
    let mut machine = Relationship::new(parameters(Mode::LoadBalancing, "server1"), at(0));
    machine.handle_heartbeat(at(1000), Ok(status(at(1000), LoadBalancing)));
    machine.handle_timeout(at(60_000));
    assert!(machine.is_interrupted(at(60_000)), "there are no heartbeats meanwhile");
    machine.handle_sync(at(60_000), Err(CallError::Malformed("?".into())));
    assert_eq!(machine.state(), Syncing);
    machine.handle_heartbeat(at(61_000), Ok(status(at(61_000), LoadBalancing)));
    machine.handle_sync(at(120_000), Ok(Default::default()));
    assert!(!machine.is_interrupted(at(120_000)), "who sent leases was there");
    assert_eq!(machine.state(), LoadBalancing);
}

#[test]
fn the_detector_is_fed_while_the_partner_is_silent() {
    let mut machine = normal();
    machine.handle_timeout(at(10_500));
    machine.handle_timeout(at(13_001));
    assert_eq!(machine.poll_timeout(), Some(at(13_101).mono));
    machine.handle_timeout(at(13_101));
    assert_eq!(machine.poll_timeout(), Some(at(13_201).mono));
    machine.handle_heartbeat(at(13_150), Ok(status(at(13_150), LoadBalancing)));
    assert_eq!(machine.poll_timeout(), Some(at(14_150).mono));
}

#[test]
fn untold_changes_of_a_returned_partner_are_fetched() {
    let mut machine = normal();
    machine.stage = machine.stage_of(PartnerDown);
    let mut told = status(at(20_000), Syncing);
    told.unsent_updates = 5;
    machine.handle_heartbeat(at(20_000), Ok(told.clone()));
    machine.handle_heartbeat(at(21_000), Ok(told.clone()));
    told.state = Ready;
    machine.handle_heartbeat(at(22_000), Ok(told.clone()));
    assert_eq!(machine.state(), Syncing);
    machine.handle_sync(at(22_100), Ok(Default::default()));
    assert_eq!(machine.state(), LoadBalancing);
    // In normal operation each change is told.
    told.state = LoadBalancing;
    told.unsent_updates = 7;
    machine.handle_heartbeat(at(23_000), Ok(told.clone()));
    told.state = Ready;
    // The same count says nothing new; one that starts again does.
    machine.stage = machine.stage_of(PartnerDown);
    machine.handle_heartbeat(at(30_000), Ok(told.clone()));
    assert_eq!(machine.state(), LoadBalancing);
    machine.stage = machine.stage_of(PartnerDown);
    told.unsent_updates = 2;
    machine.handle_heartbeat(at(31_000), Ok(told));
    assert_eq!(machine.state(), Syncing);
}

/// A server in normal operation that the partner asked for a heartbeat at 2 s and that had its last turn then.
fn working(mode: Mode) -> Relationship {
    let mut machine = Relationship::new(parameters(mode, "server1"), at(0));
    machine.handle_heartbeat(at(1000), Ok(status(at(1000), State::Ready)));
    machine.handle_sync(at(1000), Ok(Default::default()));
    assert_eq!(machine.state(), mode.normal());
    machine.handle_asked(at(2000));
    machine.handle_turn(at(2000));
    machine
}

#[test]
fn a_server_that_stood_still_begins_anew() {
    let mut machine = working(Mode::HotStandby);
    machine.handle_turn(at(60_000));
    assert_eq!((machine.state(), machine.serves()), (State::Waiting, false));
    drain(&mut machine);
    machine.handle_timeout(at(60_000));
    assert!(drain(&mut machine).contains(&Action::SendHeartbeat), "it asks the partner at once");
}

/// A heartbeat that was on its way when the process was stopped has failed, but the partner may serve alone.
#[test]
fn what_failed_during_a_standstill_does_not_prove_the_partner_down() {
    let mut machine = working(Mode::HotStandby);
    let gone = || Err(CallError::Communication("no answer in time".into()));
    machine.handle_turn(at(60_000));
    machine.handle_heartbeat(at(60_000), gone());
    assert_eq!(machine.state(), State::Waiting);
    let delay = machine.parameters.max_response_delay;
    let late = Now { mono: at(60_001).mono + delay, ..at(60_001) };
    machine.handle_turn(late);
    machine.handle_heartbeat(late, gone());
    assert_eq!(machine.state(), State::PartnerDown, "it was not heard since, either");
}

#[test]
fn a_server_is_wary_while_its_partner_may_take_over() {
    let mut machine = working(Mode::LoadBalancing);
    assert!(!machine.standing(at(2000)).wary);
    machine.handle_heartbeat(at(3000), Err(CallError::Communication("gone".into())));
    assert_eq!(machine.state(), State::CommunicationRecovery);
    assert!(!machine.standing(at(4000)).wary, "the partner is no more patient than we are");
    assert!(machine.standing(at(4001)).wary);
    // It had taken over indeed.
    machine.handle_status(at(5000), status(at(5000), State::PartnerDown));
    assert_eq!((machine.state(), machine.serves()), (State::Syncing, false));
    assert!(!machine.standing(at(9000)).wary);
}

#[test]
fn a_clock_that_stood_still_tells_by_its_step() {
    let mut machine = working(Mode::LoadBalancing);
    let woken = Now { wall_s: at(62_000).wall_s, ..at(2100) };
    machine.handle_turn(woken);
    assert_eq!(machine.state(), State::Waiting);
}

#[test]
fn a_short_standstill_changes_nothing() {
    let mut machine = working(Mode::HotStandby);
    // Longer than max-response-delay since the partner asked, but never without a turn.
    for ms in (2000..20_000).step_by(1000) {
        machine.handle_turn(at(ms));
    }
    assert_eq!(machine.state(), State::HotStandby);
    // A standstill, but the partner was answered since.
    machine.handle_asked(at(19_500));
    machine.handle_turn(at(19_500));
    machine.handle_turn(Now { wall_s: at(19_600).wall_s + 2, ..at(19_600) });
    assert_eq!(machine.state(), State::HotStandby);
}

#[test]
fn a_lone_server_goes_on_after_a_short_standstill() {
    let mut machine = working(Mode::HotStandby);
    machine.parameters.max_response_delay = Duration::from_secs(7);
    machine.handle_turn(at(7000));
    machine.handle_heartbeat(at(9000), Err(CallError::Communication("gone".into())));
    assert_eq!(machine.state(), State::PartnerDown);
    machine.handle_turn(at(13_000));
    assert_eq!(machine.state(), State::PartnerDown);
    machine.handle_turn(at(20_001));
    assert_eq!(machine.state(), State::Waiting);
}
