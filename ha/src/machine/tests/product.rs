//! The whole product of mode, role, own state, partner's state and facts: the table says what the description of Kea's
//! states says ([`super::oracle`]), and a machine that is in the situation does it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::rules::{Fact, Facts, RULES, Situation, Then, decide};
use super::super::{Action, Mode, Role, Seen, State};
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

/// Facts that only a pair of Peregrines meets, by what they announce.
const ANNOUNCED: [Fact; 4] = [Fact::Leads, Fact::Able, Fact::Follows, Fact::Handing];
/// Of these, what goes with what: all changes are kept only for who takes part.
const OF_PAIRS: [&[Fact]; 6] = [
    &[],
    &[Fact::Able],
    &[Fact::Able, Fact::Follows],
    &[Fact::Able, Fact::Follows, Fact::Handing],
    // It was handed over to, and announces something else now.
    &[Fact::Able, Fact::Handing],
    &[Fact::Handing],
];
/// The facts beside these; they come first.
const OTHERS: usize = Fact::ALL.len() - 3;
/// Of them so many at most are looked at together where only Peregrines meet: fewer where the compiler does not optimise.
const TOGETHER: u32 = if cfg!(debug_assertions) { 2 } else { 13 };

/// A page for operators.
fn page(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../docs/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

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
    let sets = OF_PAIRS.into_iter().flat_map(|of_pair| {
        let most = if of_pair.is_empty() { u32::MAX } else { TOGETHER };
        let sets = (0..1_u32 << OTHERS).filter(move |bits| bits.count_ones() <= most);
        sets.map(move |bits| (bits, of_pair))
    });
    sets.filter_map(|(bits, of_pair)| {
        let so = |place: usize| bits & (1 << place) != 0;
        let known = Fact::ALL.into_iter().enumerate();
        let known = known.map(|(place, fact)| (fact, so(place) || of_pair.contains(&fact)));
        let facts = Facts::so(&known.collect::<Vec<_>>());
        let has = |fact| facts.has_all(Facts::of(&[fact]));
        (has(Fact::Interrupted) || !has(Fact::Failed)).then_some(facts)
    })
}

/// Whether a server can be in a situation: only one in partner-down hands over.
fn can_be(it: &Situation) -> bool {
    it.own == State::PartnerDown || !it.facts.has_any(Facts::of(&[Fact::Handing]))
}

fn does(then: Option<Then>, mode: Mode) -> Does {
    match then {
        None | Some(Then::Stay) => Does::Stay,
        Some(Then::Enter(state)) => Does::Enter(state),
        Some(Then::EnterNormal) => Does::Enter(mode.normal()),
        Some(Then::Terminate(why)) => Does::Terminate(why),
        Some(Then::Distrust) => Does::Enter(State::Waiting),
        Some(Then::Synchronise) => Does::Synchronise,
        Some(Then::SendBacklog) => Does::SendBacklog,
        Some(Then::SendDeletions) => Does::SendDeletions,
        Some(Then::ResetPartner) => Does::ResetPartner,
        Some(Then::Reopen) => Does::Reopen,
        Some(Then::HandOver) => Does::HandOver,
    }
}

#[test]
fn the_table_says_what_the_description_says() {
    let (mut looked_at, mut wrong) = (0_u64, Vec::new());
    let (mut departures, mut of_pairs) = (BTreeSet::new(), BTreeSet::new());
    let mut decided: BTreeMap<&str, u64> = BTreeMap::new();
    for facts in all_facts() {
        for it in situations(facts).filter(can_be) {
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
                let announced = facts.has_any(Facts::of(&ANNOUNCED));
                if announced {
                    of_pairs.insert(name)
                } else {
                    departures.insert(name)
                };
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let idle: Vec<_> = RULES.iter().filter(|it| !decided.contains_key(it.name)).collect();
    assert!(idle.is_empty(), "these decide nowhere: {idle:?}");
    assert!(looked_at > 6_144 * 588, "facts times members with their states");
    departures_are_told(&departures, &of_pairs);
}

/// Where a Kea does otherwise is told on its page, and only that; what needs two Peregrines, on theirs.
fn departures_are_told(departures: &BTreeSet<&str>, of_pairs: &BTreeSet<&str>) {
    let page_of_keas = page("kea-partner.md");
    let table = page_of_keas.split("## From one state to the next").nth(1).unwrap();
    let table = table.split("\n## ").next().unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    let told = rows.flat_map(|names| names.split(", ").map(|name| name.trim_matches('`')));
    // What counts as a change that the partner did not tell is another thing here; the row is the same.
    let told: BTreeSet<&str> = told.filter(|name| *name != "resync").collect();
    assert_eq!(&told, departures, "docs/kea-partner.md, left, and the table");
    let of_pairs: BTreeSet<_> = of_pairs.difference(departures).copied().collect();
    let page_of_pairs = page("ha-peregrine.md");
    let is_told = |name: &&&str| page_of_pairs.contains(&format!("`{name}`"));
    let untold: Vec<_> = of_pairs.iter().filter(|name| !is_told(name)).collect();
    assert!(of_pairs.len() >= 8 && untold.is_empty(), "docs/ha-peregrine.md lacks {untold:?}");
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
    let so = |fact| it.facts.has_all(Facts::of(&[fact]));
    let (overflowed, hands) = (so(Fact::Overflowed), so(Fact::Handing));
    match wanted {
        Does::Stay => first.is_none() && !moved && !serves,
        Does::Enter(state) => first == Some(state),
        Does::Terminate(_) => first == Some(State::Terminated),
        Does::Synchronise => syncs && first.is_none(),
        // What overflowed cannot be sent: the partner is to fetch it.
        Does::SendBacklog => (if overflowed { resets } else { backlog }) && first.is_none(),
        Does::SendDeletions => deletions && first.is_none(),
        // Once is enough.
        Does::HandOver => deletions != hands && first.is_none(),
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
