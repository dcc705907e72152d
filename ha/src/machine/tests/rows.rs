//! Each row of the table is run by a machine in a situation in which it decides, and does what it says.

use std::time::Duration;

use engine::clock::Now;

use super::super::rules::{Fact, Facts, RULES, Rule, Situation, Then};
use super::super::stage::{Recovery, Stage};
use super::super::{Action, Owed, Parameters, Relationship, Role, Seen, State};
use super::rules::situation_of;
use super::{announced, at, drain, entered, parameters, status};
use crate::limits::FEW_UNTOLD;
use crate::machine::ClientKey;

/// A machine in `situation`, and the time.
pub(super) fn machine_in(situation: &Situation) -> (Relationship, Now) {
    let so = |fact| situation.facts.has_all(Facts::of(&[fact]));
    let name = match situation.role {
        Role::Primary => "server1",
        Role::Secondary | Role::Standby => "server2",
        Role::Backup => "server3",
    };
    let parameters = Parameters {
        sync_leases: [Fact::SyncsLeases, Fact::Able, Fact::Follows].into_iter().any(so),
        delayed_updates_limit: if so(Fact::DelaysUpdates) { 100 } else { 0 },
        max_rejected_lease_updates: 1,
        max_unacked_clients: if so(Fact::Failed) { 0 } else { 1_000 },
        ..parameters(situation.mode, name)
    };
    let mut machine = Relationship::new(parameters, at(0));
    let now = at(if so(Fact::StuckTerminated) { 600_000 } else { 0 });
    let mut heard = status(at(0), State::Terminated);
    heard.unsent_updates = u64::from(so(Fact::NewUnsent));
    heard.wall_s += if so(Fact::Skewed) { 100 } else { 0 };
    machine.partner.heard(at(0), heard);
    machine.partner.seen = situation.partner;
    if situation.partner == Seen::Unavailable {
        machine.partner.clocks = machine.partner.clocks.filter(|_| so(Fact::Skewed));
    }
    machine.enter(now, machine.stage_of(situation.own));
    if so(Fact::Overflowed) && matches!(machine.stage, Stage::Recovery(_)) {
        machine.stage = Stage::Recovery(Recovery { overflowed: true, ..Recovery::default() });
    }
    if let Stage::PartnerDown(alone) = &mut machine.stage {
        (alone.closed, alone.handing) = (so(Fact::Closed), so(Fact::Handing));
    }
    if so(Fact::Rejected) {
        machine.rejected.insert(now.mono, ClientKey::new(&[2, 0, 0, 0, 0, 1], b"").unwrap());
    }
    let mut partner = announced(1, false);
    partner.mode = Some(situation.mode);
    partner.serves_returning = so(Fact::Able) || so(Fact::Follows);
    let follows = so(Fact::Follows).then_some(partner.incarnation);
    let changes = if so(Fact::Owing) { FEW_UNTOLD + 1 } else { 0 };
    machine.handle_owed(Owed { deletions: so(Fact::Owing), changes, follows, told: false });
    machine.leads = so(Fact::Leads);
    let is_ours = [Fact::Leads, Fact::Able, Fact::Follows].into_iter().any(so);
    machine.handle_announced(is_ours.then_some(partner), None);
    machine.pausing.paused = so(Fact::Paused);
    machine.partner.last_poke = now.mono;
    drain(&mut machine);
    let silent = so(Fact::Interrupted) || so(Fact::Failed);
    let later = Duration::from_secs(if silent { 60 } else { 0 });
    (machine, Now { mono: now.mono + later, ..now })
}

fn does_what_it_says(rule: &Rule) -> Result<(), String> {
    let situation = situation_of(rule).ok_or("it decides nowhere")?;
    let (mut machine, now) = machine_in(&situation);
    let found = machine.situation(now);
    let same = (found.mode, found.role, found.own, found.partner);
    if same != (situation.mode, situation.role, situation.own, situation.partner)
        || !rule.fits(&found)
    {
        return Err(format!("the machine is in another situation: {found:?}"));
    }
    machine.run(now);
    let actions = drain(&mut machine);
    let first = entered(&actions).first().copied();
    let has = |wanted: fn(&Action) -> bool| actions.iter().any(wanted);
    let done = match rule.then {
        Then::Stay => first.is_none(),
        Then::Enter(state) => first == Some(state),
        Then::EnterNormal => first == Some(situation.mode.normal()),
        Then::Terminate(_) => first == Some(State::Terminated),
        Then::Distrust => first == Some(State::Waiting),
        Then::Synchronise => has(|it| matches!(it, Action::StartSync(_))),
        Then::SendBacklog => has(|it| matches!(it, Action::SendBacklog)),
        Then::SendDeletions => has(|it| matches!(it, Action::SendDeletions)),
        // What else a row may order is an action without a new state.
        _ => first.is_none() && !actions.is_empty(),
    };
    let ran = machine.applied_rules().contains_key(rule.name);
    if done && ran { Ok(()) } else { Err(format!("ran: {ran}, {actions:?}")) }
}

#[test]
fn each_row_is_run_and_does_what_it_says() {
    let wrong: Vec<String> = RULES
        .iter()
        .filter_map(|rule| does_what_it_says(rule).err().map(|why| format!("{}: {why}", rule.name)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
