//! What the partner is told when it is back: leases that ended, updates that were delayed; and that a long
//! synchronisation is no silence.

use super::super::{
    Action, Announced, CallError, Mode, Notification, NotifyAnswer, Owed, Parameters,
    PartnerStatus, Relationship, Seen, State, SyncDone, SyncOrder, ToPartner,
};
use super::{announced, at, drain, entered, parameters, status};
use crate::limits::FEW_UNTOLD;

/// Leases ended.
const DELETIONS: Owed = Owed { deletions: true, changes: 1, follows: None, told: false };

/// A load-balancing primary at second 0, which needs no proof that a silent partner is down.
fn primary() -> Relationship {
    let parameters = parameters(Mode::LoadBalancing, "server1");
    Relationship::new(Parameters { max_unacked_clients: 0, ..parameters }, at(0))
}

fn failure() -> CallError {
    CallError::Communication("refused".into())
}

/// A load-balancing primary in partner-down, at second 100.
fn alone() -> Relationship {
    let mut machine = primary();
    machine.handle_heartbeat(at(100_000), Err(failure()));
    assert_eq!(machine.state(), State::PartnerDown);
    drain(&mut machine);
    machine
}

fn see(machine: &mut Relationship, ms: u64, state: State) -> Vec<Action> {
    machine.handle_heartbeat(at(ms), Ok(status(at(ms), state)));
    drain(machine)
}

#[test]
fn normal_operation_begins_once_the_partner_knows_what_is_gone() {
    let mut machine = alone();
    machine.handle_owed(DELETIONS);
    assert!(see(&mut machine, 101_000, State::Ready).contains(&Action::SendDeletions));
    machine.handle_owed(Owed::default());
    let actions = see(&mut machine, 101_100, State::Ready);
    assert!(!actions.contains(&Action::SendDeletions), "they are on their way");
    assert_eq!(machine.state(), State::PartnerDown);
    machine.handle_backlog_sent(at(101_200), Ok(()));
    assert_eq!(entered(&drain(&mut machine)), [State::LoadBalancing]);
}

#[test]
fn a_partner_that_cannot_be_told_what_is_gone_stays_down() {
    let mut machine = alone();
    machine.handle_owed(DELETIONS);
    see(&mut machine, 101_000, State::Ready);
    machine.handle_backlog_sent(at(101_200), Err(failure()));
    assert_eq!(machine.state(), State::PartnerDown);
    assert_eq!(machine.situation(at(101_200)).partner, Seen::Unavailable);
    drain(&mut machine);
    assert!(see(&mut machine, 102_000, State::Ready).contains(&Action::SendDeletions), "again");
}

#[test]
fn without_deletions_the_partner_is_back_at_once() {
    let mut machine = alone();
    let actions = see(&mut machine, 101_000, State::Ready);
    assert!(!actions.contains(&Action::SendDeletions));
    assert_eq!(machine.state(), State::LoadBalancing);
}

/// A server in communication-recovery, whose partner was heard again.
fn recovering(overflowed: bool) -> Relationship {
    let mut machine = alone();
    see(&mut machine, 101_000, State::Ready);
    machine.handle_heartbeat(at(102_000), Err(failure()));
    assert_eq!(machine.state(), State::CommunicationRecovery);
    if overflowed {
        machine.handle_backlog_overflow();
    }
    drain(&mut machine);
    machine
}

#[test]
fn delayed_updates_go_before_what_a_partner_in_maintenance_is_told() {
    let mut machine = recovering(false);
    let actions = see(&mut machine, 103_000, State::InMaintenance);
    assert_eq!(machine.state(), State::PartnerInMaintenance);
    assert!(!actions.contains(&Action::ClearBacklog));
}

#[test]
fn updates_that_found_no_room_before_a_maintenance_lead_to_a_synchronisation() {
    for (overflowed, returns_to) in [(false, State::CommunicationRecovery), (true, State::Waiting)]
    {
        let mut machine = recovering(overflowed);
        see(&mut machine, 103_000, State::InMaintenance);
        machine.cancel_maintenance().unwrap();
        drain(&mut machine);
        let answer = NotifyAnswer { result: 0, text: String::new(), state: None };
        let sent = Notification { cancel: true, state: returns_to, repeated: false };
        machine.handle_maintenance_answer(at(104_000), sent, Ok(answer));
        assert_eq!(machine.state(), returns_to);
    }
}

/// Its partner would give to others what the delayed updates tell of.
#[test]
fn a_server_with_delayed_updates_does_not_leave() {
    let mut machine = recovering(false);
    let answer = machine.notify_maintenance(at(103_000), false, None);
    assert_eq!(answer.result, 1001);
    assert!(!drain(&mut machine).contains(&Action::ClearBacklog));
    assert_eq!(machine.state(), State::CommunicationRecovery);
}

/// Each way out of communication-recovery but to normal operation gives the delayed updates up: it has to lead to a
/// synchronisation, or to the end of the relationship.
#[test]
fn whoever_gives_delayed_updates_up_synchronises() {
    for (partner, next) in [
        (State::PartnerDown, vec![State::Waiting, State::Syncing]),
        (State::HotStandby, vec![State::Waiting]),
        (State::Terminated, vec![State::Terminated]),
    ] {
        let mut machine = recovering(false);
        let actions = see(&mut machine, 103_000, partner);
        assert!(actions.contains(&Action::ClearBacklog), "{partner}");
        assert_eq!(entered(&actions), next, "{partner}");
    }
    let mut machine = recovering(true);
    let actions = see(&mut machine, 103_000, State::Ready);
    assert!(actions.contains(&Action::ClearBacklog));
    assert_eq!(entered(&actions), [State::Waiting, State::Syncing]);
    let mut machine = recovering(false);
    machine.handle_heartbeat(at(900_000), Err(failure()));
    let actions = drain(&mut machine);
    assert_eq!(entered(&actions), [State::PartnerDown], "the partner synchronises when it is back");
    assert!(actions.contains(&Action::ClearBacklog));
}

/// Ten minutes of pages, then a failure: the partner was heard all the time.
#[test]
fn a_long_synchronisation_is_no_silence() {
    let mut machine = primary();
    let order = see(&mut machine, 1_000, State::PartnerDown).into_iter();
    let order = order.filter_map(|action| match action {
        Action::StartSync(order) => Some(order),
        _ => None,
    });
    let [SyncOrder { administrator: false, .. }] = order.collect::<Vec<_>>()[..] else {
        panic!("no synchronisation");
    };
    for second in (3..=600).step_by(3) {
        machine.handle_contact(at(second * 1_000));
        machine.handle_timeout(at(second * 1_000));
        assert!(!machine.is_interrupted(at(second * 1_000)));
    }
    machine.handle_sync(at(600_000), Err(failure()));
    machine.handle_heartbeat(at(601_000), Err(failure()));
    assert_eq!(machine.state(), State::Syncing, "one failure is no proof");
    let actions = drain(&mut machine);
    assert!(!actions.contains(&Action::Note(super::super::Note::Interrupted)));
}

#[test]
fn what_a_backup_answers_is_no_word_of_the_partners() {
    let mut machine = primary();
    machine.handle_contact(at(50_000));
    assert!(machine.is_interrupted(at(61_000)), "nothing is being fetched");
}

/// A page may take longer than the partner's service is switched off for. Whoever it serves meanwhile is missed by the
/// pages before, but not by its count of untold changes.
#[test]
fn whom_the_partner_served_during_a_slow_page_is_fetched_again() {
    let mut machine = primary();
    let seen =
        |ms, state, unsent_updates| PartnerStatus { unsent_updates, ..status(at(ms), state) };
    machine.handle_heartbeat(at(1_000), Ok(seen(1_000, State::PartnerDown, 5)));
    assert_eq!(machine.state(), State::Syncing);
    machine.handle_sync(at(90_000), Ok(SyncDone::default()));
    assert_eq!(machine.state(), State::Ready);
    drain(&mut machine);
    machine.handle_heartbeat(at(91_000), Ok(seen(91_000, State::LoadBalancing, 6)));
    assert_eq!(entered(&drain(&mut machine)), [State::Syncing]);
    machine.handle_sync(at(92_000), Ok(SyncDone::default()));
    assert_eq!(machine.state(), State::LoadBalancing, "now all is told");
}

/// Word of a Peregrine that serves while its partner returns.
fn returning() -> super::super::Announced {
    super::super::Announced { serves_returning: true, ..super::announced(7, false) }
}

/// A primary in partner-down that hears a Peregrine, for which `changes` are kept, in `state`.
fn see_returning(machine: &mut Relationship, ms: u64, changes: usize, state: State) -> Vec<Action> {
    let follows = Some(returning().incarnation);
    machine.handle_owed(Owed { deletions: false, changes, follows, told: false });
    machine.handle_announced(Some(returning()), None);
    see(machine, ms, state)
}

#[test]
fn a_server_hands_over_once_little_is_left_to_tell() {
    let mut machine = alone();
    see_returning(&mut machine, 100_500, 0, State::Waiting);
    assert!(
        machine.begin_return(at(101_000), super::super::Incarnation(6)).is_err(),
        "not that run"
    );
    machine.begin_return(at(101_000), returning().incarnation).unwrap();
    drain(&mut machine);
    let actions = see_returning(&mut machine, 102_000, FEW_UNTOLD + 1, State::Ready);
    assert!(actions.contains(&Action::SendDeletions) && machine.serves(), "{actions:?}");
    assert_eq!(machine.sends_updates().partner, ToPartner::Count, "no reply waits");
    machine.handle_owed(Owed { changes: 3, ..machine.owed });
    machine.handle_backlog_sent(at(102_100), Ok(()));
    let actions = drain(&mut machine);
    assert!(actions.contains(&Action::SendDeletions), "{actions:?}");
    assert_eq!(machine.state(), State::PartnerDown);
    assert_eq!(machine.sends_updates().partner, ToPartner::Send, "replies wait");
    machine.handle_backlog_sent(at(102_200), Ok(()));
    assert_eq!(entered(&drain(&mut machine)), [State::LoadBalancing]);
    assert_eq!(machine.poll_timeout(), Some(at(102_200).mono), "the partner is told at once");
}

#[test]
fn a_partner_that_is_lost_while_it_is_handed_over_to_stays_down() {
    let mut machine = alone();
    see_returning(&mut machine, 102_000, 0, State::Ready);
    assert_eq!(machine.sends_updates().partner, ToPartner::Send);
    machine.handle_backlog_sent(at(102_100), Err(failure()));
    assert_eq!(machine.state(), State::PartnerDown);
    assert_eq!(machine.sends_updates().partner, ToPartner::Count, "no reply waits");
    assert!(see_returning(&mut machine, 103_000, 0, State::Ready).contains(&Action::SendDeletions));
}

#[test]
fn whoever_begins_anew_waits_until_the_partner_has_taken_over() {
    let mut machine = primary();
    see_returning(&mut machine, 1_000, 0, State::LoadBalancing);
    assert_eq!(machine.state(), State::Waiting);
    let told = |mode| Announced {
        serves_returning: true,
        mode: Some(mode),
        state: Some(State::PartnerDown),
        ..announced(1, false)
    };
    let due = machine.poll_timeout();
    machine.handle_told(at(2_000), &told(Mode::HotStandby));
    assert_eq!(machine.poll_timeout(), due, "one in another mode never joins it");
    machine.handle_told(at(2_000), &told(Mode::LoadBalancing));
    assert_eq!(machine.poll_timeout(), Some(at(2_000).mono), "it is asked at once");
    machine.handle_timeout(at(2_000));
    let actions = see_returning(&mut machine, 2_001, 0, State::PartnerDown);
    let order = actions.iter().find_map(|action| match action {
        Action::StartSync(order) => Some(*order),
        _ => None,
    });
    assert!(order.unwrap().serving);
    machine.handle_sync(at(3_000), Ok(SyncDone::default()));
    assert!(machine.state() == State::Ready && machine.is_behind());
    let mut machine = alone();
    see_returning(&mut machine, 101_000, 0, State::Ready);
    machine.handle_backlog_sent(at(101_100), Ok(()));
    see_returning(&mut machine, 102_000, 0, State::Waiting);
    assert_eq!(machine.state(), State::PartnerDown, "it takes over for one that begins anew");
}

/// A server in the wrong mode comes back to waiting as often as it is handed over to.
#[test]
fn a_partner_of_another_mode_is_not_taken_over_for_as_it_begins_anew() {
    for (mode, next) in [
        (None, vec![]),
        (Some(Mode::LoadBalancing), vec![State::PartnerDown]),
        (Some(Mode::HotStandby), vec![]),
    ] {
        let mut machine = alone();
        see_returning(&mut machine, 101_000, 0, State::Ready);
        machine.handle_backlog_sent(at(101_100), Ok(()));
        drain(&mut machine);
        let announced = super::super::Announced { mode, ..returning() };
        machine.handle_announced(Some(announced), None);
        let actions = see(&mut machine, 102_000, State::Waiting);
        assert_eq!(entered(&actions), next, "{mode:?}");
    }
}

#[test]
fn nobody_serves_in_the_place_of_a_partner_that_served_alone_before_it_has_told() {
    let mut machine = alone();
    see_returning(&mut machine, 101_000, 0, State::Ready);
    machine.handle_backlog_sent(at(101_100), Ok(()));
    assert_eq!(entered(&drain(&mut machine)), [State::LoadBalancing]);
    machine.handle_announced(Some(returning()), None);
    let told = PartnerStatus { unsent_updates: 8, ..status(at(102_000), State::Waiting) };
    machine.handle_heartbeat(at(102_000), Ok(told));
    // It is the primary, which goes first at once, and fetches what was granted.
    assert_eq!(entered(&drain(&mut machine)), [State::Waiting, State::Syncing]);
}

#[test]
fn a_partner_that_was_restarted_after_it_served_alone_is_not_taken_over_for_either() {
    let mut machine = alone();
    see_returning(&mut machine, 101_000, 0, State::Ready);
    machine.handle_backlog_sent(at(101_100), Ok(()));
    assert_eq!(entered(&drain(&mut machine)), [State::LoadBalancing]);
    let untold = super::super::Announced { untold: true, ..returning() };
    machine.handle_announced(Some(untold), None);
    assert_eq!(
        entered(&see(&mut machine, 102_000, State::Waiting)),
        [State::Waiting, State::Syncing]
    );
}
