//! The table, held against the table of states that was written down from Kea (kept here as text),
//! and each of its rows run.

use super::super::rules::{Fact, Facts, RULES, Rule, Situation, Then, Why, decide};
use super::super::{Mode, Role, Seen, State};

const COLUMNS: [Seen; 12] = [
    Seen::In(State::Waiting),
    Seen::In(State::Syncing),
    Seen::In(State::Ready),
    Seen::In(State::LoadBalancing),
    Seen::In(State::HotStandby),
    Seen::In(State::CommunicationRecovery),
    Seen::In(State::PartnerDown),
    Seen::In(State::InMaintenance),
    Seen::In(State::PartnerInMaintenance),
    Seen::In(State::Terminated),
    Seen::Unavailable,
    Seen::Unset,
];

/// States that one mode has and the others have not.
const NORMAL: [State; 3] = [State::LoadBalancing, State::HotStandby, State::PassiveBackup];

/// One letter for what a rule says.
fn letter(then: Option<Then>) -> char {
    match then {
        None | Some(Then::Stay) => '.',
        Some(Then::Enter(State::Syncing)) => 'S',
        Some(Then::Enter(State::Ready)) => 'R',
        Some(Then::Enter(State::Waiting) | Then::Distrust) => 'W',
        Some(Then::Enter(State::InMaintenance)) => 'I',
        Some(Then::Enter(State::PartnerInMaintenance)) => 'M',
        Some(Then::Enter(State::PartnerDown)) => 'D',
        Some(Then::Enter(State::CommunicationRecovery)) => 'C',
        Some(Then::Enter(State::Backup)) => 'b',
        Some(Then::Enter(State::PassiveBackup)) => 'p',
        Some(Then::Enter(_)) => '?',
        Some(Then::EnterNormal) => 'N',
        Some(Then::Terminate(_)) => 'T',
        Some(Then::Synchronise) => 'x',
        Some(Then::SendBacklog) => 'B',
        Some(Then::SendDeletions) => 'd',
        Some(Then::HandOver) => 'h',
        Some(Then::Reopen) => 'o',
        Some(Then::ResetPartner) => 'r',
    }
}

/// Holds lines of `state: letters` against the table; the letters stand in the order of
/// [`COLUMNS`].
fn check(mode: Mode, role: Role, facts: &[Fact], lines: &str) {
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, expected) = line.split_once(':').unwrap();
        let own: State = name.parse().unwrap();
        let expected: Vec<char> = expected.chars().filter(|c| !c.is_whitespace()).collect();
        assert_eq!(expected.len(), COLUMNS.len(), "{line}");
        for (partner, expected) in COLUMNS.into_iter().zip(expected) {
            let situation = Situation { mode, role, own, partner, facts: Facts::of(facts) };
            let rule = decide(&situation);
            let found = letter(rule.map(|rule| rule.then));
            assert_eq!(found, expected, "{situation:?} by {:?}", rule.map(|rule| rule.name));
        }
    }
}

const LAST_STATES: &str = "
    backup:                 . . . . . . . . . . . .
    in-maintenance:         . . . . . . . . . . . .
    passive-backup:         . . . . . . . . . . . .
    terminated:             . . . . . . . . . . . .";

#[test]
fn load_balancing_primary() {
    let facts = [Fact::SyncsLeases, Fact::DelaysUpdates];
    check(Mode::LoadBalancing, Role::Primary, &facts, LAST_STATES);
    check(
        Mode::LoadBalancing,
        Role::Primary,
        &facts,
        // wait sync ready LB HS CR PD IM PIM term unavail unset
        "waiting:                S . S S . S S S S . . .
         syncing:                x x x x W x x x x T . x
         ready:                  . . N N W N . M I T . .
         load-balancing:         . . . . W . W M I T C .
         communication-recovery: . . . B W B W M I T . .
         partner-down:           . . N . W W W . W T . .
         partner-in-maintenance: . . . . . . . . . . D .",
    );
}

#[test]
fn the_secondary_waits_for_the_primary() {
    let facts = [Fact::SyncsLeases, Fact::DelaysUpdates];
    check(Mode::LoadBalancing, Role::Secondary, &facts, LAST_STATES);
    check(
        Mode::LoadBalancing,
        Role::Secondary,
        &facts,
        "waiting:                . . S S . S S S S . . .
         syncing:                x x x x W x x x x T . x
         ready:                  . . . N W N . M I T . .
         load-balancing:         . . . . W . W M I T C .",
    );
}

#[test]
fn a_partner_that_failed() {
    let facts = [Fact::SyncsLeases, Fact::DelaysUpdates, Fact::Interrupted, Fact::Failed];
    check(
        Mode::LoadBalancing,
        Role::Primary,
        &facts,
        "waiting:                S . S S . S S S S . D .
         syncing:                x x x x W x x x x T D x
         ready:                  . . N N W N . M I T D .
         load-balancing:         . . . . W . W M I T D .
         communication-recovery: . . . . W . W M I T D .
         partner-down:           . . N . W W W . W T . .
         partner-in-maintenance: . . . . . . . . . . D .",
    );
}

#[test]
fn hot_standby() {
    for (role, own_turn) in [(Role::Primary, ["S", "N"]), (Role::Standby, [".", "."])] {
        let lines = format!(
            "waiting:                {} . S . S . S S S . . .
             syncing:                x x x W x W x x x T . x
             ready:                  . . {} W N W . M I T . .
             hot-standby:            . . . W . W W M I T . .
             partner-down:           . . N W . W W . W T . .
             partner-in-maintenance: . . . . . . . . . . D .",
            own_turn[0], own_turn[1]
        );
        check(Mode::HotStandby, role, &[Fact::SyncsLeases], &lines);
        check(Mode::HotStandby, role, &[Fact::SyncsLeases], LAST_STATES);
    }
}

#[test]
fn without_synchronisation_waiting_leads_to_ready() {
    let line = "waiting: R . R R . R R R R . . .";
    check(Mode::LoadBalancing, Role::Primary, &[], line);
}

#[test]
fn a_backup_and_a_lone_primary_wait_for_nobody() {
    check(Mode::LoadBalancing, Role::Backup, &[], "waiting: b b b b b b b b b b b b");
    check(Mode::PassiveBackup, Role::Backup, &[], "waiting: b b b b b b b b b b b b");
    check(Mode::PassiveBackup, Role::Primary, &[], "waiting: p p p p p p p p p p p p");
}

#[test]
fn a_paused_machine_stays() {
    let facts = [Fact::Paused, Fact::Skewed, Fact::Rejected, Fact::Failed, Fact::Interrupted];
    for own in State::ALL {
        let line = format!("{own}: . . . . . . . . . . . .");
        check(Mode::LoadBalancing, Role::Primary, &facts, &line);
    }
}

#[test]
fn skew_and_rejects_end_the_relationship_in_each_state_that_looks() {
    for fact in [Fact::Skewed, Fact::Rejected] {
        for own in State::ALL {
            use State::{Backup, InMaintenance, PassiveBackup, Terminated};
            let blind = matches!(own, Backup | InMaintenance | PassiveBackup | Terminated);
            let letter = if blind { "." } else { "T" };
            let line = format!("{own}: {}", letter.repeat(COLUMNS.len()));
            check(Mode::LoadBalancing, Role::Secondary, &[fact], &line);
        }
    }
}

#[test]
fn conditions_of_single_states() {
    let primary = (Mode::LoadBalancing, Role::Primary);
    let check = |facts: &[Fact], line| check(primary.0, primary.1, facts, line);
    check(&[Fact::NewUnsent], "partner-down: . . W . W W W . W T . .");
    check(&[Fact::Closed], "partner-down: o . N . W W W . W T o .");
    check(&[Fact::Owing], "partner-down: . . d . W W W . W T . .");
    check(&[Fact::Owing, Fact::NewUnsent], "partner-down: . . W . W W W . W T . .");
    check(&[Fact::Overflowed], "communication-recovery: W W W B W B W M I T . .");
    check(
        &[Fact::Overflowed, Fact::Interrupted],
        "communication-recovery: . . . . W . W M I T . .",
    );
    check(&[Fact::StuckTerminated], "waiting: R . R R . R R R R T . .");
}

/// A situation in which `rule` is the one that decides.
pub(super) fn situation_of(rule: &Rule) -> Option<Situation> {
    let members = [
        (Mode::LoadBalancing, Role::Primary),
        (Mode::LoadBalancing, Role::Secondary),
        (Mode::HotStandby, Role::Primary),
        (Mode::HotStandby, Role::Standby),
        (Mode::PassiveBackup, Role::Primary),
        (Mode::LoadBalancing, Role::Backup),
    ];
    for (mode, role) in members {
        let foreign = |state| NORMAL.contains(&state) && state != mode.normal();
        for own in State::ALL.into_iter().filter(|state| !foreign(*state)) {
            for partner in Seen::all() {
                let situation = Situation { mode, role, own, partner, facts: rule.with };
                if decide(&situation).is_some_and(|first| std::ptr::eq(first, rule)) {
                    return Some(situation);
                }
            }
        }
    }
    None
}

#[test]
fn each_row_decides_somewhere_and_has_a_name_of_its_own() {
    let mut names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), RULES.len());
    for rule in RULES {
        assert!(situation_of(rule).is_some(), "{} is hidden by the rows above it", rule.name);
    }
}

#[test]
fn no_rule_enters_the_state_it_is_in() {
    for rule in RULES {
        if let Then::Enter(state) = rule.then {
            assert!(!rule.own.contains(state), "{}", rule.name);
        }
    }
    let reasons = RULES.iter().filter_map(|rule| match rule.then {
        Then::Terminate(why) => Some(why),
        _ => None,
    });
    let reasons: Vec<Why> = reasons.collect();
    assert_eq!(reasons, [Why::Skew, Why::Rejects, Why::Partner, Why::NotRestarted]);
}

#[test]
fn each_fact_is_used() {
    for fact in Fact::ALL {
        let one = Facts::of(&[fact]);
        let used = RULES.iter().any(|rule| rule.with.has_all(one) || rule.without.has_all(one));
        assert!(used, "{fact:?}");
    }
}
