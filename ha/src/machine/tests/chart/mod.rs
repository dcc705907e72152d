//! The rule table as a page and a drawing for people (`docs/ha-states.md`, `docs/ha-states.svg`). The committed files
//! have to be what is made here from the table and the machine:
//!
//!     PEREGRINE_WRITE_DOCS=1 cargo test -p peregrine-ha --lib chart

mod drawing;
mod page;
mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::super::rules::{RULES, Rule, Then};
use super::super::{Action, Mode, Role, State, ToPartner};
use super::{at, drain, parameters};
use crate::machine::Relationship;

/// How a server is in a state, as the machine has it.
struct Look {
    /// Names of the scopes: its own, everybody's, none.
    scopes: &'static str,
    serves: bool,
    to_partner: ToPartner,
    heartbeats: bool,
}

/// A member of a relationship that can be in `state`: its mode and its name.
fn member(state: State) -> (Mode, &'static str) {
    match state {
        State::Backup => (Mode::LoadBalancing, "server3"),
        State::PassiveBackup => (Mode::PassiveBackup, "server1"),
        State::HotStandby => (Mode::HotStandby, "server1"),
        _ => (Mode::LoadBalancing, "server1"),
    }
}

fn look(state: State) -> Look {
    let (mode, name) = member(state);
    let mut machine = Relationship::new(parameters(mode, name), at(0));
    let stage = machine.stage_of(state);
    machine.enter(at(0), stage);
    machine.settle(at(0));
    drain(&mut machine);
    let standing = machine.standing(at(0));
    let served = machine.scope_names();
    let scopes = match served.len() {
        0 => "nobody's",
        1 => "its own",
        _ => "everybody's",
    };
    let (serves, to_partner) = (machine.serves(), standing.updates.partner);
    machine.handle_timeout(at(60_000));
    let heartbeats = drain(&mut machine).contains(&Action::SendHeartbeat);
    Look { scopes, serves, to_partner, heartbeats }
}

/// Where a row leads from `own`, if it leads to another state.
fn target(rule: &Rule, own: State) -> Option<State> {
    let normal = if own == State::HotStandby { own } else { State::LoadBalancing };
    match rule.then {
        Then::Enter(state) => Some(state),
        Then::EnterNormal => Some(normal),
        Then::Terminate(_) => Some(State::Terminated),
        Then::Distrust => Some(State::Waiting),
        _ => None,
    }
}

/// The rows that may decide in `own`, in their order.
fn rows(own: State) -> impl Iterator<Item = &'static Rule> {
    let only = match own {
        State::LoadBalancing | State::CommunicationRecovery => Some(Mode::LoadBalancing),
        State::HotStandby => Some(Mode::HotStandby),
        _ => None,
    };
    let happens = move |rule: &Rule| only.is_none() || rule.mode.is_none() || rule.mode == only;
    RULES.iter().filter(move |rule| rule.own.contains(own) && happens(rule))
}

/// Which rows lead from one state to another. Both states of normal operation count as load-balancing.
fn ways() -> BTreeMap<(State, State), Vec<&'static str>> {
    let one = |state| if state == State::HotStandby { State::LoadBalancing } else { state };
    let mut ways: BTreeMap<(State, State), Vec<&'static str>> = BTreeMap::new();
    for own in State::ALL {
        for rule in rows(own) {
            let Some(to) = target(rule, own) else { continue };
            let names = ways.entry((one(own), one(to))).or_default();
            if !names.contains(&rule.name) {
                names.push(rule.name);
            }
        }
    }
    ways
}

fn roles(mode: Mode) -> &'static [Role] {
    match mode {
        Mode::LoadBalancing => &[Role::Primary, Role::Secondary, Role::Backup],
        Mode::HotStandby => &[Role::Primary, Role::Standby, Role::Backup],
        Mode::PassiveBackup => &[Role::Primary, Role::Backup],
    }
}

#[test]
fn the_committed_chart_is_that_of_the_table() {
    let docs = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let write = std::env::var_os("PEREGRINE_WRITE_DOCS").is_some();
    for (name, text) in [("ha-states.md", page::page()), ("ha-states.svg", drawing::drawing())] {
        let file = docs.join(name);
        if write {
            std::fs::create_dir_all(&docs).unwrap();
            std::fs::write(&file, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            committed == text,
            "docs/{name} is not what the rule table says: make it anew with\n    \
             PEREGRINE_WRITE_DOCS=1 cargo test -p peregrine-ha --lib chart\nand look at it"
        );
    }
}

#[test]
fn every_row_is_on_the_page_and_every_way_in_the_drawing() {
    let page = page::page();
    for rule in RULES {
        assert!(page.contains(&format!("| `{}` |", rule.name)), "{}", rule.name);
    }
    let drawing = drawing::drawing();
    for ((from, to), names) in ways() {
        assert!(drawing.contains(&format!("<!-- {from} to {to} -->")), "{from} to {to}");
        for name in names {
            assert!(drawing.contains(name), "{name}");
        }
    }
}
