//! The whole product of mode, role, own state, partner's state and facts: the table says what the description of Kea's
//! states says ([`super::oracle`]), and a machine that is in the situation does it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::rules::{Fact, Facts, RULES, Situation, Then, decide};
use super::super::{Action, Mode, Role, Seen};
use super::oracle::{Does, Whose, expected, states};
use super::rows::machine_in;
use super::{drain, entered};

const MEMBERS: [(Mode, Role); 8] = [
    (Mode::LoadBalancing, Role::Primary),
    (Mode::LoadBalancing, Role::Secondary),
    (Mode::LoadBalancing, Role::Backup),
    (Mode::HotStandby, Role::Primary),
    (Mode::HotStandby, Role::Standby),
    (Mode::HotStandby, Role::Backup),
    (Mode::PassiveBackup, Role::Primary),
    (Mode::PassiveBackup, Role::Backup),
];

/// Every situation of these facts.
fn situations(facts: Facts) -> impl Iterator<Item = Situation> {
    MEMBERS.into_iter().flat_map(move |(mode, role)| {
        states(mode, role).into_iter().flat_map(move |own| {
            Seen::all().map(move |partner| Situation { mode, role, own, partner, facts })
        })
    })
}

/// Sets of facts that can be so together: a partner that failed is silent.
fn all_facts() -> impl Iterator<Item = Facts> {
    (0..1_u32 << Fact::ALL.len()).filter_map(|bits| {
        let so = |place: usize| bits & (1 << place) != 0;
        let known: Vec<_> =
            Fact::ALL.into_iter().enumerate().map(|(place, fact)| (fact, so(place))).collect();
        let facts = Facts::so(&known);
        let has = |fact| facts.has_all(Facts::of(&[fact]));
        (has(Fact::Interrupted) || !has(Fact::Failed)).then_some(facts)
    })
}

fn does(then: Option<Then>, mode: Mode) -> Does {
    match then {
        None | Some(Then::Stay) => Does::Stay,
        Some(Then::Enter(state)) => Does::Enter(state),
        Some(Then::EnterNormal) => Does::Enter(mode.normal()),
        Some(Then::Terminate(why)) => Does::Terminate(why),
        Some(Then::Distrust) => Does::Enter(super::State::Waiting),
        Some(Then::Synchronise) => Does::Synchronise,
        Some(Then::SendBacklog) => Does::SendBacklog,
        Some(Then::SendDeletions) => Does::SendDeletions,
        Some(Then::ResetPartner) => Does::ResetPartner,
        Some(Then::Reopen) => Does::Reopen,
    }
}

#[test]
fn the_table_says_what_the_description_says() {
    let (mut looked_at, mut wrong, mut departures) = (0_u64, Vec::new(), BTreeSet::new());
    let mut decided: BTreeMap<&str, u64> = BTreeMap::new();
    for facts in all_facts() {
        for it in situations(facts) {
            looked_at += 1;
            let rule = decide(&it);
            *decided.entry(rule.map_or("none", |rule| rule.name)).or_default() += 1;
            let found = does(rule.map(|rule| rule.then), it.mode);
            let name = rule.map_or("no rule", |rule| rule.name);
            let wanted = expected(Whose::Ours, &it);
            if found != wanted && wrong.len() < 20 {
                wrong.push(format!("{it:?}: {name} says {found:?}, not {wanted:?}"));
            }
            if found != expected(Whose::Kea, &it) {
                departures.insert(name);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let idle: Vec<_> = RULES.iter().filter(|it| !decided.contains_key(it.name)).collect();
    assert!(idle.is_empty(), "these decide nowhere: {idle:?}");
    assert_eq!(looked_at, 6_144 * 588, "facts times members with their states");
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/kea-partner.md");
    let page = std::fs::read_to_string(page).unwrap();
    let is_told = |name: &&str| page.contains(&format!("`{name}`"));
    let untold: Vec<_> = departures.iter().filter(|name| !is_told(name)).collect();
    assert_eq!(
        (departures.len(), untold),
        (11, vec![]),
        "where a Kea does otherwise is told there"
    );
}

/// Facts in ones and twos, each with synchronisation and without: more than two are needed by no rule beside it.
fn small_sets() -> BTreeSet<Vec<usize>> {
    let others: Vec<usize> = (0..Fact::ALL.len()).collect();
    let syncs = Fact::ALL.iter().position(|fact| *fact == Fact::SyncsLeases).unwrap();
    let mut sets = BTreeSet::new();
    for one in &others {
        for two in &others {
            for also in [Some(syncs), None] {
                let set: BTreeSet<usize> = [*one, *two].into_iter().chain(also).collect();
                sets.insert(set.into_iter().collect());
            }
        }
    }
    sets.insert(vec![]);
    sets
}

/// What a machine did, as far as it can be seen.
fn did(actions: &[Action], it: &Situation, wanted: Does) -> bool {
    let first = entered(actions).first().copied();
    let has = |is: fn(&Action) -> bool| actions.iter().any(is);
    let syncs = has(|it| matches!(it, Action::StartSync(_)));
    let backlog = has(|it| matches!(it, Action::SendBacklog));
    let deletions = has(|it| matches!(it, Action::SendDeletions));
    let resets = has(|it| matches!(it, Action::SendReset));
    let serves = has(|it| matches!(it, Action::SetService(true)));
    let moved = syncs || backlog || deletions || resets;
    let overflowed = it.facts.has_all(Facts::of(&[Fact::Overflowed]));
    match wanted {
        Does::Stay => first.is_none() && !moved && !serves,
        Does::Enter(state) => first == Some(state),
        Does::Terminate(_) => first == Some(super::State::Terminated),
        Does::Synchronise => syncs && first.is_none(),
        // What overflowed cannot be sent: the partner is to fetch it.
        Does::SendBacklog => (if overflowed { resets } else { backlog }) && first.is_none(),
        Does::SendDeletions => deletions && first.is_none(),
        Does::ResetPartner => resets && first.is_none(),
        Does::Reopen => serves && first.is_none() && !moved,
    }
}

#[test]
fn a_machine_does_in_each_situation_what_the_description_says() {
    let (mut seen, mut ran, mut wrong) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for set in small_sets() {
        let facts: Vec<_> = set.iter().map(|place| Fact::ALL[*place]).collect();
        for wished in situations(Facts::of(&facts)) {
            let (mut machine, now) = machine_in(&wished);
            // Some facts hold in one state only, and some bring others with them.
            let it = machine.situation(now);
            assert_eq!((it.mode, it.role, it.own), (wished.mode, wished.role, wished.own));
            if !seen.insert(format!("{it:?}")) {
                continue;
            }
            machine.run(now);
            let actions = drain(&mut machine);
            ran.extend(machine.applied_rules().keys().copied());
            let wanted = expected(Whose::Ours, &it);
            if !did(&actions, &it, wanted) && wrong.len() < 20 {
                wrong.push(format!("{it:?}: {wanted:?} was expected, not {actions:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let idle: Vec<_> = RULES.iter().map(|it| it.name).filter(|it| !ran.contains(it)).collect();
    assert_eq!(idle, [""; 0], "these were never run");
    assert!(seen.len() > 20_000, "only {} situations", seen.len());
}
