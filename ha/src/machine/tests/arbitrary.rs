//! Arbitrary sequences of inputs and commands: nothing panics, and what must always hold does.

use std::time::Duration;

use engine::clock::Now;
use engine::seam::{Client, Waiting};
use proptest::prelude::*;

use super::super::stage::Transfer;
use super::super::{
    Action, CallError, ClientKey, Mode, Notification, NotifyAnswer, PartnerStatus, Pause,
    Relationship, Scopes, State, SyncDone, ToPartner, UpdateOutcome,
};
use super::{at, drain, parameters};

/// One thing that happens to a machine.
#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Heartbeat(Option<(State, i64, u64)>),
    Update(u8, u8),
    Sync(bool),
    Backlog(bool),
    Overflow,
    ResetAnswer(bool),
    Unserved(u8, u16),
    Service(bool),
    Reset,
    PartnerReset,
    Resume,
    Scopes(Vec<u8>),
    OrderSync,
    SyncComplete,
    Start,
    Cancel,
    Answered(bool, i64),
    Notified(bool, Option<State>),
}

fn state() -> impl Strategy<Value = State> {
    prop::sample::select(State::ALL.to_vec())
}

fn step() -> impl Strategy<Value = Step> {
    let skew = prop_oneof![8 => Just(0i64), 1 => -70i64..70];
    prop_oneof![
        4 => (1u64..5000).prop_map(Step::Pass),
        8 => (state(), skew, 0u64..3).prop_map(|heard| Step::Heartbeat(Some(heard))),
        3 => Just(Step::Heartbeat(None)),
        2 => (0u8..4, 0u8..3).prop_map(|(client, outcome)| Step::Update(client, outcome)),
        4 => any::<bool>().prop_map(Step::Sync),
        2 => any::<bool>().prop_map(Step::Backlog),
        1 => Just(Step::Overflow),
        2 => any::<bool>().prop_map(Step::ResetAnswer),
        2 => (any::<u8>(), any::<u16>()).prop_map(|(id, secs)| Step::Unserved(id, secs)),
        1 => any::<bool>().prop_map(Step::Service),
        1 => Just(Step::Reset),
        1 => Just(Step::PartnerReset),
        1 => Just(Step::Resume),
        1 => prop::collection::vec(0u8..5, 0..4).prop_map(Step::Scopes),
        1 => Just(Step::OrderSync),
        1 => Just(Step::SyncComplete),
        1 => Just(Step::Start),
        1 => Just(Step::Cancel),
        2 => (any::<bool>(), prop::sample::select(vec![0i64, 1, 2, 1001]))
            .prop_map(|(cancel, result)| Step::Answered(cancel, result)),
        1 => (any::<bool>(), prop::option::of(state())).prop_map(|(c, s)| Step::Notified(c, s)),
    ]
}

fn failed() -> CallError {
    CallError::Communication("refused".into())
}

fn outcome<T>(well: bool, value: T) -> Result<T, CallError> {
    if well { Ok(value) } else { Err(failed()) }
}

fn input(machine: &mut Relationship, now: Now, step: Step) {
    match step {
        Step::Pass(_) => machine.handle_timeout(now),
        Step::Heartbeat(None) => machine.handle_heartbeat(now, Err(failed())),
        Step::Heartbeat(Some((state, skew, unsent_updates))) => {
            let wall_s = now.wall_s.checked_add_signed(skew).unwrap();
            let scopes = vec!["server2".into()];
            machine
                .handle_heartbeat(now, Ok(PartnerStatus { state, scopes, wall_s, unsent_updates }));
        }
        Step::Update(client, outcome) => {
            let outcome =
                [UpdateOutcome::Success, UpdateOutcome::Conflict, UpdateOutcome::Failure(failed())]
                    [usize::from(outcome)]
                .clone();
            machine.handle_update(now, ClientKey::new(&[client], &[]), outcome);
        }
        Step::Sync(well) => machine.handle_sync(now, outcome(well, SyncDone::default())),
        Step::Backlog(well) => machine.handle_backlog_sent(now, outcome(well, ())),
        Step::Overflow => machine.handle_backlog_overflow(),
        Step::ResetAnswer(well) => machine.handle_reset_answer(now, outcome(well, ())),
        Step::Unserved(id, secs) => {
            let hw_address = &[id][..];
            let waiting = Waiting::Seconds(secs);
            let client = Client { key: None, hw_address, client_id: &[], waiting, balanced: true };
            machine.handle_unserved(now, &client);
        }
        Step::Service(held) => machine.handle_service(held),
        step => command(machine, now, step),
    }
}

fn command(machine: &mut Relationship, now: Now, step: Step) {
    match step {
        Step::Reset => drop(machine.reset(now)),
        Step::PartnerReset => drop(machine.reset_by_partner(now)),
        Step::Resume => drop(machine.resume(now)),
        Step::Scopes(numbers) => {
            let names: Vec<_> = numbers.iter().map(|n| format!("server{n}")).collect();
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            machine.set_scopes(now, &names);
        }
        Step::OrderSync => drop(machine.order_sync("server2", None)),
        Step::SyncComplete => drop(machine.sync_complete(now, None)),
        Step::Start => drop(machine.start_maintenance()),
        Step::Cancel => drop(machine.cancel_maintenance()),
        Step::Answered(cancel, result) => {
            let sent = Notification { cancel, state: machine.state(), repeated: false };
            let answer = NotifyAnswer { result, text: "text".into(), state: None };
            machine.handle_maintenance_answer(now, sent, Ok(answer));
        }
        Step::Notified(cancel, partner) => {
            machine.notify_maintenance(now, cancel, partner);
        }
        _ => unreachable!("inputs were taken before"),
    }
}

/// What the driver and the packet path saw of a machine so far.
#[derive(Default)]
struct Seen {
    service: bool,
    syncs: u32,
    published: Option<super::super::Standing>,
}

impl Seen {
    fn take(&mut self, actions: &[Action]) {
        for action in actions {
            match action {
                Action::SetService(on) => self.service = *on,
                Action::StartSync(_) => self.syncs += 1,
                Action::Publish(standing) => self.published = Some(*standing),
                _ => {}
            }
        }
    }

    fn check(&self, machine: &Relationship, now: Now) {
        use State::{Backup, InMaintenance, LoadBalancing, Ready, Syncing, Waiting};
        let state = machine.state();
        let closed = matches!(state, Backup | InMaintenance | Ready | Syncing | Waiting);
        assert!(!closed || !self.service, "{state} serves");
        assert_eq!(self.service, machine.serves(), "{state}");
        assert!(self.syncs <= 1, "two synchronisations at once");
        assert_eq!(self.syncs == 1, machine.transfer != Transfer::Idle);
        assert_eq!(self.published, Some(machine.standing(now)));
        let names = machine.scope_names().len();
        let bits = machine.scopes().bits().count_ones() as usize;
        assert_eq!(names, bits, "only peers are served");
        let mode = machine.peers().mode();
        assert!(state != LoadBalancing || mode == Mode::LoadBalancing);
        let queues = machine.sends_updates().partner == ToPartner::Queue;
        assert_eq!(queues, state == State::CommunicationRecovery);
        assert_eq!(machine.dropped()[2], 0, "all notes fit");
        if machine.peers().mode() == Mode::PassiveBackup {
            assert_eq!(machine.poll_timeout(), None);
        }
    }
}

fn machine() -> impl Strategy<Value = Relationship> {
    let members = prop::sample::select(vec![
        (Mode::LoadBalancing, "server1"),
        (Mode::LoadBalancing, "server2"),
        (Mode::HotStandby, "server1"),
        (Mode::HotStandby, "server2"),
        (Mode::LoadBalancing, "server3"),
        (Mode::PassiveBackup, "server1"),
    ]);
    let pauses = prop::collection::btree_map(
        state(),
        prop::sample::select(vec![Pause::Once, Pause::Always]),
        0..2,
    );
    (members, pauses, any::<[bool; 3]>(), 0u32..3, 0u32..4).prop_map(
        |((mode, this), pauses, [syncs, delays, sends], unacked, rejected)| {
            let mut parameters = parameters(mode, this);
            parameters.pauses = pauses;
            parameters.sync_leases = syncs;
            parameters.send_lease_updates = sends || delays;
            parameters.delayed_updates_limit = u32::from(delays && mode == Mode::LoadBalancing);
            parameters.max_unacked_clients = unacked;
            parameters.max_rejected_lease_updates = rejected;
            Relationship::new(parameters, at(0))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_must_hold_holds_after_any_sequence(
        mut machine in machine(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut now = at(0);
        let mut seen = Seen { service: true, ..Seen::default() };
        seen.take(&drain(&mut machine));
        seen.check(&machine, now);
        for step in steps {
            let span = if let Step::Pass(ms) = step { ms } else { 1 };
            now.mono = now.mono + Duration::from_millis(span);
            // Time passes before anything happens, as it does for a driver.
            machine.handle_timeout(now);
            let ends_sync = matches!(step, Step::Sync(_)) && seen.syncs > 0;
            seen.syncs -= u32::from(ends_sync);
            if matches!(step, Step::Sync(_)) && !ends_sync {
                continue;
            }
            input(&mut machine, now, step);
            seen.take(&drain(&mut machine));
            seen.check(&machine, now);
        }
        prop_assert!(machine.scopes() == Scopes::NONE || !machine.scope_names().is_empty());
    }
}
