//! The machine itself: what it holds, its getters and outputs, and how it runs. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use engine::clock::{Mono, Now};

use super::action::{Action, Note, Standing, SyncOrder, ToBackups, ToPartner, UpdatePolicy};
use super::announced::{Announced, Offset, Owed};
use super::detector::UnackedClients;
use super::limits::{MAX_ACTIONS, MAX_STEPS};
use super::parameters::{Mode, Parameters, Pause, Peers, Role, Scopes};
use super::partner::PartnerView;
use super::rejected::RejectedClients;
use super::rules::{self, Fact, Facts, Situation, Then, Why};
use super::stage::{Alone, Flush, Pausing, Recovery, Stage, Transfer};
use super::state::State;
use super::timer::{Timer, Timers};
use super::words::{Cause, Entered};

/// The delay of heartbeats after ha-sync-complete-notify: its sender enters ready once it has our
/// answer.
const SOON: Duration = Duration::from_millis(200);

/// The delay of heartbeats in ready, which may last as long as the partner synchronises.
const SOON_WHEN_READY: Duration = Duration::from_secs(1);
/// How often the detector looks at the queries that wait for it.
const DETECTOR_DELAY: Duration = Duration::from_millis(100);

/// One relationship, as one of its servers sees it.
///
/// Order of calls: [`new`](Self::new); then, for ever, an input (`handle_*`) or a command when
/// there is one, [`poll_action`](Self::poll_action) until it gives none, and
/// [`handle_timeout`](Self::handle_timeout) at the time that [`poll_timeout`](Self::poll_timeout)
/// names. Each action that says with which input it ends gets exactly one such input, also when it
/// failed.
#[derive(Clone, Debug)]
pub struct Relationship {
    pub(super) parameters: Parameters,
    pub(super) stage: Stage,
    pub(super) pausing: Pausing,
    pub(super) partner: PartnerView,
    pub(super) clients: UnackedClients,
    pub(super) rejected: RejectedClients,
    pub(super) scopes: Scopes,
    pub(super) transfer: Transfer,
    pub(super) timers: Timers,
    /// A heartbeat was sent and has not ended.
    pub(super) heartbeat_under_way: bool,
    /// Somebody else than this machine holds the DHCP service off.
    pub(super) held_by_others: bool,
    pub(super) unsent_updates: u64,
    /// What is kept for the partner.
    pub(super) owed: Owed,
    /// Its state is told at once, and the partner's asked.
    pub(super) hurries: bool,
    /// It has fetched the leases while the partner served, which has not handed over yet.
    pub(super) behind: bool,
    /// Whether it served until it was told, by a command or by the table, to synchronise.
    pub(super) served_before_sync: bool,
    /// An administrator ended a termination here: a partner that is terminated still is to begin anew, too.
    pub(super) leads: bool,
    /// How often the last maintenance may still be cancelled again.
    pub(super) cancels_left: u8,
    /// When it was last given an input.
    pub(super) last_turn: Now,
    /// See [`Self::last_asked`].
    pub(super) asked: Mono,
    /// Since when the partner may renew leases without a word; none while it is heard.
    pub(super) apart: Option<Now>,
    pub(super) longest_lifetime: Duration,
    /// When and why the present state was entered.
    pub(super) entered: Entered,
    /// Why the next one will be.
    pub(super) cause: Cause,
    published: Standing,
    actions: VecDeque<Action>,
    notes_dropped: u64,
    applied: BTreeMap<&'static str, u64>,
}

/// Getters.
impl Relationship {
    /// What it was built from.
    pub const fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The servers.
    pub const fn peers(&self) -> &Peers {
        &self.parameters.peers
    }

    /// This server's state.
    pub const fn state(&self) -> State {
        match self.stage {
            Stage::Backup => State::Backup,
            Stage::Recovery(_) => State::CommunicationRecovery,
            Stage::Normal => self.parameters.peers.mode().normal(),
            Stage::InMaintenance { .. } => State::InMaintenance,
            Stage::PartnerDown(_) => State::PartnerDown,
            Stage::PartnerInMaintenance { .. } => State::PartnerInMaintenance,
            Stage::PassiveBackup => State::PassiveBackup,
            Stage::Ready => State::Ready,
            Stage::Syncing => State::Syncing,
            Stage::Terminated => State::Terminated,
            Stage::Waiting => State::Waiting,
        }
    }

    /// The scopes it serves.
    pub const fn scopes(&self) -> Scopes {
        self.scopes
    }

    /// The names of the scopes it serves, ascending.
    pub fn scope_names(&self) -> Vec<Arc<str>> {
        self.peers().scope_names(self.scopes)
    }

    /// Whether this machine wants the DHCP service on (others may hold it off).
    pub const fn serves(&self) -> bool {
        match &self.stage {
            Stage::PartnerDown(alone) => !alone.closed,
            Stage::Recovery(_)
            | Stage::Normal
            | Stage::PartnerInMaintenance { .. }
            | Stage::PassiveBackup
            | Stage::Terminated => true,
            Stage::Backup
            | Stage::InMaintenance { .. }
            | Stage::Ready
            | Stage::Syncing
            | Stage::Waiting => false,
        }
    }

    /// Whether nothing was heard from the partner for more than `max-response-delay`.
    pub fn is_interrupted(&self, now: Now) -> bool {
        self.peers().is_active_pair()
            && now.mono.since(self.partner.last_poke) > self.parameters.max_response_delay
    }

    /// Whether it makes no transition until ha-continue.
    pub const fn is_paused(&self) -> bool {
        self.pausing.paused
    }

    /// Whether both servers are in normal operation and tell each other of every change.
    pub fn is_settled(&self) -> bool {
        let same = self.partner.seen == super::Seen::In(self.state());
        self.stage == Stage::Normal && same && self.sends_updates().partner == ToPartner::Send
    }

    /// Whether the clocks are farther apart than a pair works with.
    pub fn is_skewed(&self) -> bool {
        self.partner.skew_is_too_high() && !self.tolerates_skew()
    }

    /// Whether both servers reckon with the difference of their clocks.
    pub fn tolerates_skew(&self) -> bool {
        let partner = self.partner.announced.as_ref();
        self.parameters.tolerates_skew && partner.is_some_and(|it| it.tolerates_skew)
    }

    /// Whether both servers repair what they do not agree about.
    pub fn repairs(&self) -> bool {
        let partner = self.partner.announced.as_ref();
        self.parameters.wants_repair && partner.is_some_and(|it| it.wants_repair)
    }

    /// How far the partner's clock is ahead of ours; none if the partner is a Kea.
    pub const fn clock_offset(&self) -> Option<Offset> {
        self.partner.offset
    }

    /// What the partner announced last; none if it is a Kea, or was not heard yet.
    pub const fn announced(&self) -> Option<&Announced> {
        self.partner.announced.as_ref()
    }

    /// The partner's wall clock when ours shows `wall_s`, by the last heartbeat that it answered; none before the first.
    pub fn partner_wall_s(&self, wall_s: u64) -> Option<u64> {
        self.partner.wall_s(wall_s)
    }

    /// When the partner last asked for a heartbeat; at first, the start.
    pub const fn last_asked(&self) -> Mono {
        self.asked
    }

    /// Number of clients whose updates the partner refused in the last 24 hours.
    pub fn rejected_clients(&self) -> usize {
        self.rejected.len()
    }

    /// What becomes of lease updates.
    pub fn sends_updates(&self) -> UpdatePolicy {
        if !self.parameters.send_lease_updates {
            return UpdatePolicy::default();
        }
        let partner = match self.stage {
            _ if !self.peers().is_active_pair() => ToPartner::Nothing,
            Stage::Normal | Stage::PartnerInMaintenance { .. } => ToPartner::Send,
            Stage::PartnerDown(Alone { handing: true, .. }) => ToPartner::Send,
            Stage::Recovery(_) => ToPartner::Queue,
            _ => ToPartner::Count,
        };
        let backups = match self.peers().local().role {
            Role::Backup => ToBackups::Nothing,
            _ if self.parameters.wait_backup_ack => ToBackups::SendAndWait,
            _ => ToBackups::Send,
        };
        UpdatePolicy { partner, backups }
    }

    /// Everything that the packet path has to know.
    pub fn standing(&self, now: Now) -> Standing {
        Standing {
            scopes: self.scopes,
            watching: self.is_interrupted(now),
            wary: matches!(self.stage, Stage::Recovery(_)) && self.is_interrupted(now),
            updates: self.sends_updates(),
            own_leases_only: self.state() == State::Terminated,
            apart: self.is_apart(now),
            gives: self.gives(now),
        }
    }

    /// How often each row of the rule table was applied, by its name.
    pub const fn applied_rules(&self) -> &BTreeMap<&'static str, u64> {
        &self.applied
    }

    /// What met a bound: clients not remembered by the detector, clients not remembered as refused,
    /// notes that nobody fetched.
    pub const fn dropped(&self) -> [u64; 3] {
        [self.clients.not_remembered(), self.rejected.not_remembered(), self.notes_dropped]
    }
}

/// Outputs.
impl Relationship {
    /// The next thing to be done.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called.
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.timers.next()
    }
}

/// How it runs.
impl Relationship {
    /// A server that was just started: waiting, or where its role sends it at once.
    pub fn new(parameters: Parameters, now: Now) -> Self {
        let mut machine = Self {
            parameters,
            stage: Stage::Waiting,
            pausing: Pausing::default(),
            partner: PartnerView::new(now),
            clients: UnackedClients::default(),
            rejected: RejectedClients::default(),
            scopes: Scopes::NONE,
            transfer: Transfer::Idle,
            timers: Timers::default(),
            heartbeat_under_way: false,
            held_by_others: false,
            unsent_updates: 0,
            owed: Owed::default(),
            // Its first heartbeat does not wait.
            hurries: true,
            behind: false,
            served_before_sync: false,
            leads: false,
            cancels_left: 0,
            last_turn: now,
            asked: now.mono,
            apart: None,
            longest_lifetime: Duration::ZERO,
            entered: Entered::at(now.mono),
            cause: Cause::Started,
            published: Standing::default(),
            actions: VecDeque::new(),
            notes_dropped: 0,
            applied: BTreeMap::new(),
        };
        machine.watch_silence();
        machine.take_up(now, true);
        machine.push(Action::Publish(machine.published));
        machine.run(now);
        machine.settle(now);
        machine
    }

    /// Applies the rules until they say to stay.
    pub(super) fn run(&mut self, now: Now) {
        for _ in 0..MAX_STEPS {
            let Some(rule) = rules::decide(&self.situation(now)) else { return };
            *self.applied.entry(rule.name).or_default() += 1;
            self.cause = Cause::Row(rule.name);
            match rule.then {
                Then::Stay => return,
                Then::Enter(state) => self.enter(now, self.stage_of(state)),
                Then::EnterNormal => self.enter(now, Stage::Normal),
                Then::Terminate(why) => self.terminate(now, why),
                Then::Distrust => {
                    if let super::Seen::In(state) = self.partner.seen {
                        self.note(Note::InvalidPartnerState(state));
                    }
                    self.enter(now, Stage::Waiting);
                }
                Then::Synchronise => return self.synchronise(),
                Then::SendBacklog => return self.send_backlog(),
                Then::SendDeletions => return self.send_deletions(),
                Then::HandOver => return self.hand_over(now),
                Then::ResetPartner => return self.reset_partner(),
                Then::Reopen => return self.reopen(now),
            }
        }
    }

    /// The situation as the rules see it.
    pub fn situation(&self, now: Now) -> Situation {
        let interrupted = self.is_interrupted(now);
        let limit = self.parameters.max_rejected_lease_updates as usize;
        let recovery = match self.stage {
            Stage::Recovery(recovery) => recovery,
            _ => Recovery::default(),
        };
        let facts = Facts::so(&[
            (Fact::Paused, self.pausing.paused),
            (Fact::Skewed, self.is_skewed()),
            (Fact::Rejected, limit > 0 && self.rejected.len() >= limit),
            (Fact::SyncsLeases, self.parameters.sync_leases),
            (Fact::DelaysUpdates, self.parameters.delayed_updates_limit > 0),
            (Fact::Interrupted, interrupted),
            (Fact::Failed, interrupted && self.has_proof_of_failure()),
            (Fact::Overflowed, recovery.overflowed),
            (Fact::NewUnsent, self.partner.has_new_unsent() || self.waits_untold()),
            (Fact::StuckTerminated, self.partner.is_stuck_terminated(now.mono)),
            (Fact::Closed, matches!(self.stage, Stage::PartnerDown(Alone { closed: true, .. }))),
            (Fact::Owing, self.is_owing()),
            (Fact::Leads, self.leads && self.partner.announced.is_some()),
            (Fact::Able, self.announces_return().is_some()),
            (Fact::Follows, self.follows()),
            (Fact::Handing, self.is_handing()),
        ]);
        Situation {
            mode: self.peers().mode(),
            role: self.peers().local().role,
            own: self.state(),
            partner: self.partner.seen,
            facts,
        }
    }

    /// Whether a silent partner is down. Only a server that hears the partner's clients waits for
    /// proof by them.
    fn has_proof_of_failure(&self) -> bool {
        let hears = self.serves() && !self.held_by_others;
        let shares = self.peers().mode() == Mode::LoadBalancing
            || self.peers().local().role == Role::Standby;
        let max = self.parameters.max_unacked_clients as usize;
        !(hears && shares) || max == 0 || self.clients.unacked() > max
    }

    /// A stage for `state` as entered by a rule.
    pub(super) fn stage_of(&self, state: State) -> Stage {
        match state {
            State::Backup => Stage::Backup,
            State::CommunicationRecovery => Stage::Recovery(Recovery::default()),
            State::HotStandby | State::LoadBalancing => Stage::Normal,
            State::InMaintenance => Stage::InMaintenance { previous: self.state() },
            State::PartnerDown => {
                let failover = self.peers().local().auto_failover;
                Stage::PartnerDown(Alone::new(failover))
            }
            State::PartnerInMaintenance => {
                let overflowed =
                    matches!(self.stage, Stage::Recovery(Recovery { overflowed: true, .. }));
                // What found no room while the partner was silent only a synchronisation can tell it.
                let previous = if overflowed { State::Waiting } else { self.state() };
                Stage::PartnerInMaintenance { previous }
            }
            State::PassiveBackup => Stage::PassiveBackup,
            State::Ready => Stage::Ready,
            State::Syncing => Stage::Syncing,
            State::Terminated => Stage::Terminated,
            State::Waiting => Stage::Waiting,
        }
    }

    /// Leaves a state for another and does what its entry asks for.
    pub(super) fn enter(&mut self, now: Now, stage: Stage) {
        let from = self.state();
        let served = self.serves();
        let recovered = matches!(self.stage, Stage::Recovery(_));
        if self.stage == Stage::Terminated {
            self.partner.renew(now);
            self.clients.clear();
            self.watch_silence();
        }
        match stage {
            Stage::Waiting => self.served_before_sync = false,
            Stage::Syncing => self.served_before_sync |= served,
            _ => {}
        }
        self.behind &= stage == Stage::Ready;
        self.hurries = self.announces_return().is_some();
        self.stage = stage;
        self.entered =
            Entered { since: now.mono, cause: self.cause, skew_s: self.partner.skew_s() };
        // Where updates are sent, the delayed ones go first.
        if recovered && self.sends_updates().partner != ToPartner::Send {
            self.push(Action::ClearBacklog);
        }
        if let Transfer::UnderWay { order, stale } = &mut self.transfer {
            *stale |= !order.administrator;
        }
        let to = self.state();
        let updates = self.sends_updates();
        self.note(Note::Transition { from, to, partner: self.partner.seen, updates });
        self.take_up(now, served);
    }

    /// The entry of the present state, after one that served or not.
    fn take_up(&mut self, now: Now, served: bool) {
        self.scopes = match &self.stage {
            Stage::PartnerDown(alone) if !alone.failover => self.peers().default_scopes(),
            Stage::PartnerDown(_) | Stage::PartnerInMaintenance { .. } => {
                self.peers().failover_scopes()
            }
            _ if self.serves() => self.peers().default_scopes(),
            _ => Scopes::NONE,
        };
        let forgets =
            [State::Waiting, State::Syncing, State::Ready, State::Terminated, State::PartnerDown];
        if forgets.contains(&self.state()) {
            self.rejected.clear();
        }
        self.switch_service(now, served);
        self.pause_on_entry();
    }

    /// Tells packet path and service of the present state: closed before, opened after the scopes
    /// change.
    pub(super) fn switch_service(&mut self, now: Now, served: bool) {
        let on = self.serves();
        if on {
            self.publish(now);
        }
        self.push(Action::SetService(on));
        if on != served {
            self.note(Note::Service { on, state: self.state() });
        }
        self.publish(now);
    }

    fn pause_on_entry(&mut self) {
        let state = self.state();
        let pauses = match self.parameters.pauses.get(&state).copied().unwrap_or_default() {
            Pause::Never => false,
            Pause::Once => !self.pausing.done_once.contains(state),
            Pause::Always => true,
        };
        if pauses {
            self.pausing.done_once.insert(state);
            self.pausing.paused = true;
            self.note(Note::Paused(state));
        }
    }

    fn terminate(&mut self, now: Now, why: Why) {
        let note = match why {
            Why::Skew => self.partner.skew_s().map(Note::SkewTerminates),
            Why::Rejects => Some(Note::RejectsTerminate(self.rejected.len())),
            Why::Partner => None,
            Why::NotRestarted => Some(Note::PartnerDidNotRestart),
        };
        note.into_iter().for_each(|note| self.note(note));
        self.enter(now, Stage::Terminated);
        self.note(Note::Terminated);
    }

    fn synchronise(&mut self) {
        let server = self.peers().partner().and_then(|partner| self.peers().place(&partner.name));
        let (Transfer::Idle, Some(server)) = (self.transfer, server) else { return };
        let max_period_s = Some(self.parameters.sync_period_s());
        self.start_transfer(SyncOrder {
            server,
            max_period_s,
            administrator: false,
            served: self.served_before_sync,
            serving: self.announces_return().is_some()
                && self.partner.seen == super::Seen::In(State::PartnerDown),
        });
    }

    pub(super) fn start_transfer(&mut self, order: SyncOrder) {
        self.transfer = Transfer::UnderWay { order, stale: false };
        self.note(Note::SyncStarted);
        self.push(Action::StartSync(order));
    }

    fn send_backlog(&mut self) {
        let Stage::Recovery(recovery) = &mut self.stage else { return };
        if recovery.flush != Flush::Idle {
            return;
        }
        if recovery.overflowed {
            recovery.flush = Flush::Resetting;
            self.push(Action::SendReset);
        } else {
            recovery.flush = Flush::Sending;
            self.note(Note::BacklogStarted);
            self.push(Action::SendBacklog);
        }
    }

    /// A termination is ended here, and has to be ended there.
    fn reset_partner(&mut self) {
        self.leads = false;
        self.partner.forget_state();
        self.push(Action::SendReset);
    }

    /// After each input: the heartbeat runs or not, and the packet path knows what has changed.
    pub(super) fn settle(&mut self, now: Now) {
        if !self.wants_heartbeats() {
            self.timers.stop(Timer::Heartbeat);
        } else if !self.heartbeat_under_way && std::mem::take(&mut self.hurries) {
            self.timers.arm(Timer::Heartbeat, now.mono);
        } else if !self.heartbeat_under_way && !self.timers.runs(Timer::Heartbeat) {
            self.timers.arm(Timer::Heartbeat, now.mono + self.heartbeat_delay());
        }
        if !self.is_interrupted(now) || !self.serves() {
            self.timers.stop(Timer::Detector);
        } else if !self.timers.runs(Timer::Detector) {
            self.timers.arm(Timer::Detector, now.mono + DETECTOR_DELAY);
        }
        self.note_contact(now);
        match self.stage {
            Stage::PartnerDown(_) if now.mono < self.takes_over_at() => {
                self.timers.arm(Timer::Takeover, self.takes_over_at());
            }
            _ => self.timers.stop(Timer::Takeover),
        }
        self.publish(now);
    }

    /// How long until the next heartbeat. While nobody serves some of the clients and only the
    /// partner's state is awaited, it is asked sooner than the configuration says: before the
    /// service is opened again in partner-down, and in ready.
    fn heartbeat_delay(&self) -> Duration {
        let delay = self.parameters.heartbeat_delay;
        match self.stage {
            Stage::PartnerDown(Alone { closed: true, .. }) => delay.min(SOON),
            Stage::Ready if !self.pausing.paused => delay.min(SOON_WHEN_READY),
            _ => delay,
        }
    }

    pub(super) fn wants_heartbeats(&self) -> bool {
        let silent = match self.stage {
            Stage::Backup | Stage::PassiveBackup | Stage::Terminated => true,
            Stage::Syncing => self.transfer != Transfer::Idle,
            _ => false,
        };
        self.peers().is_active_pair() && !silent && !self.parameters.heartbeat_delay.is_zero()
    }

    /// From now on silence counts.
    pub(super) fn watch_silence(&mut self) {
        if self.peers().is_active_pair() {
            // An interruption is longer than the delay, by however little.
            let least = self.parameters.max_response_delay + Duration::from_nanos(1);
            self.timers.arm(Timer::Interruption, self.partner.last_poke + least);
        }
    }

    pub(super) fn publish(&mut self, now: Now) {
        let standing = self.standing(now);
        if standing != self.published {
            self.published = standing;
            self.push(Action::Publish(standing));
        }
    }

    pub(super) fn note(&mut self, note: Note) {
        if self.actions.len() < MAX_ACTIONS {
            self.actions.push_back(Action::Note(note));
        } else {
            self.notes_dropped += 1;
        }
    }

    /// Notes are the only actions without a bound of their own.
    pub(super) fn push(&mut self, action: Action) {
        self.actions.push_back(action);
    }
}
