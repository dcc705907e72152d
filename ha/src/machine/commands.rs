//! Commands of the machine: somebody wants something, and gets Kea's answer. Pure. Reading the
//! arguments from JSON is not done here.

use engine::clock::Now;
use engine::control::{Answer, code};

use super::Seen;
use super::action::{Action, CallError, Note, Notification, NotifyAnswer, SyncDone, SyncOrder};
use super::limits::MAX_REPEATED_CANCELS;
use super::parameters::{Role, Scopes};
use super::relationship::Relationship;
use super::stage::{Alone, Stage, Transfer};
use super::state::State;
use super::status::{HeartbeatStatus, LocalStatus, RemoteStatus, Status};
use super::timer::Timer;
use super::words::Cause;

/// Result of a refused ha-maintenance-notify.
const MAINTENANCE_NOT_ALLOWED: i64 = 1001;

/// What is told to others.
impl Relationship {
    /// ha-heartbeat. Its text is "HA peer status returned."
    pub fn heartbeat_status(&self, now: Now) -> HeartbeatStatus {
        HeartbeatStatus {
            wall_s: now.wall_s,
            scopes: self.scope_names(),
            state: self.state(),
            unsent_updates: self.unsent_updates,
        }
    }

    /// The relationship's part of status-get.
    pub fn status(&self, now: Now) -> Status {
        let peer = self.peers().local();
        let local = LocalStatus {
            role: peer.role,
            scopes: self.scope_names(),
            server_name: peer.name.clone(),
            state: self.state(),
            system_time_s: self.partner.clocks.map(|clocks| clocks.ours_s),
            paused: self.is_paused(),
        };
        let remote = self.peers().is_active_pair().then(|| self.remote_status(now)).flatten();
        let words = self.words(now);
        Status { mode: self.peers().mode(), local, remote, words }
    }

    fn remote_status(&self, now: Now) -> Option<RemoteStatus> {
        let peer = self.peers().partner()?;
        let in_touch = self.partner.seen != Seen::Unset;
        Some(RemoteStatus {
            age_s: self.partner_age_s(now),
            analyzed_packets: self.clients.analyzed(),
            clock_skew_s: self.partner.skew_s(),
            communication_interrupted: self.is_interrupted(now),
            connecting_clients: self.clients.connecting(),
            in_touch,
            last_scopes: self.partner.scopes.clone(),
            last_state: self.partner.seen,
            role: peer.role,
            server_name: peer.name.clone(),
            system_time_s: self.partner.clocks.map(|clocks| clocks.theirs_s),
            unacked_clients: self.clients.unacked(),
            unacked_clients_left: self.unacked_left(now),
        })
    }

    /// Seconds since the partner was last heard; 0 if it was not yet.
    pub(crate) fn partner_age_s(&self, now: Now) -> u64 {
        match self.partner.seen {
            Seen::Unset => 0,
            _ => now.mono.since(self.partner.last_poke).as_secs(),
        }
    }

    /// Clients that may still be unacked before the partner is considered down.
    pub(super) fn unacked_left(&self, now: Now) -> u64 {
        if !self.is_interrupted(now) {
            return 0;
        }
        let limit = u64::from(self.parameters.max_unacked_clients) + 1;
        limit.saturating_sub(self.clients.unacked() as u64)
    }
}

/// What administrators and the partner ask for.
impl Relationship {
    /// ha-reset of an administrator. After a termination the partner is looked at anew at once, and one of ours follows.
    pub fn reset_by_hand(&mut self, now: Now) -> Answer {
        let terminated = self.stage == Stage::Terminated;
        let answer = self.reset(now);
        if terminated && self.stage == Stage::Waiting {
            self.leads = true;
            self.timers.arm(Timer::Heartbeat, now.mono);
        }
        answer
    }

    /// ha-reset of the partner: it lives, however long nothing was heard of it.
    pub fn reset_by_partner(&mut self, now: Now) -> Answer {
        self.poke(now);
        let answer = self.reset(now);
        if self.stage == Stage::Waiting && self.wants_heartbeats() {
            self.timers.arm(Timer::Heartbeat, now.mono);
        }
        self.settle(now);
        answer
    }

    /// ha-reset: back to waiting.
    pub fn reset(&mut self, now: Now) -> Answer {
        if self.stage == Stage::Waiting {
            return Answer::success("HA state machine already in WAITING state.");
        }
        let served = self.serves();
        self.cause = Cause::Did("ha-reset was given");
        match self.stage {
            // The partner has served alone, or may have: a long silence must not make this server do so by its old leases.
            Stage::InMaintenance { .. } | Stage::Recovery(_) => self.begin_anew(now),
            _ => self.enter(now, Stage::Waiting),
        }
        self.served_before_sync = served;
        self.run(now);
        self.settle(now);
        Answer::success("HA state machine reset.")
    }

    /// ha-continue.
    pub fn resume(&mut self, now: Now) -> Answer {
        if !std::mem::take(&mut self.pausing.paused) {
            return Answer::success("HA state machine is not paused.");
        }
        self.note(Note::Continued(self.state()));
        self.run(now);
        self.settle(now);
        Answer::success("HA state machine continues.")
    }

    /// ha-scopes: serve just these peers' clients. `HA_x` and `ha_x` mean peer x, too, unless one
    /// is called so.
    pub fn set_scopes(&mut self, now: Now, names: &[&str]) -> Answer {
        let mut scopes = Scopes::NONE;
        for name in names {
            let plain = name.strip_prefix("HA_").or_else(|| name.strip_prefix("ha_"));
            let place = self.peers().place(name);
            let Some(place) = place.or_else(|| self.peers().place(plain?)) else {
                return Answer::error(format!(
                    "invalid server name specified '{name}' while enabling/disabling HA scopes"
                ));
            };
            scopes = scopes.with(place);
        }
        self.scopes = scopes;
        self.switch_service(now, self.serves());
        self.settle(now);
        Answer::success("New HA scopes configured.")
    }

    /// ha-sync: fetch the leases of `server`. The answer comes as [`Action::AnswerSync`], or at
    /// once as the error.
    pub fn order_sync(&mut self, server: &str, max_period_s: Option<u32>) -> Result<(), Answer> {
        let place = self.peers().place(server).ok_or_else(|| unknown_server(server))?;
        if self.peers().local().name.as_ref() == server {
            return Err(Answer::error(format!(
                "'{server}' points to local server but should point to a partner"
            )));
        }
        if self.transfer != Transfer::Idle {
            return Err(Answer::error("a synchronization of the lease database is under way"));
        }
        self.start_transfer(SyncOrder {
            server: place,
            max_period_s,
            administrator: true,
            served: self.serves(),
        });
        Ok(())
    }

    /// ha-sync-complete-notify: the partner has our leases. `origin` is what it named.
    pub fn sync_complete(&mut self, now: Now, origin: Option<u32>) -> Answer {
        self.close_for_partner(now);
        self.push(Action::ReleaseRemoteOrigin(origin));
        self.settle(now);
        Answer::success("Server successfully notified about the synchronization completion.")
    }

    /// ha-maintenance-start: take over from the partner so that it can be stopped. The answer comes
    /// from [`Self::handle_maintenance_answer`], or at once as the error.
    pub fn start_maintenance(&mut self) -> Result<(), Answer> {
        let state = self.state();
        let refused =
            [State::Backup, State::InMaintenance, State::PartnerInMaintenance, State::Terminated];
        // Before it has the leases of a partner that lives, it cannot serve for it.
        let unready = lacks_leases(state) && matches!(self.partner.seen, Seen::In(_));
        // A server without a partner has nobody to take over from.
        if refused.contains(&state) || unready || !self.peers().is_active_pair() {
            return Err(cannot_enter(state, State::PartnerInMaintenance));
        }
        // From now on the partner's maintenance is wanted.
        self.cancels_left = 0;
        self.push(Action::SendMaintenanceNotify(Notification {
            cancel: false,
            state,
            repeated: false,
        }));
        Ok(())
    }

    /// ha-maintenance-cancel. The answer comes from [`Self::handle_maintenance_answer`], or at once
    /// as the error.
    pub fn cancel_maintenance(&mut self) -> Result<(), Answer> {
        let Stage::PartnerInMaintenance { previous } = self.stage else {
            return Err(not_in_maintenance_with_partner());
        };
        let state = returns_to(previous);
        self.push(Action::SendMaintenanceNotify(Notification {
            cancel: true,
            state,
            repeated: false,
        }));
        Ok(())
    }

    /// The partner has answered ha-maintenance-notify ([`Action::SendMaintenanceNotify`]), or not.
    /// Gives the answer to the command that waits for it.
    pub fn handle_maintenance_answer(
        &mut self,
        now: Now,
        sent: Notification,
        result: Result<NotifyAnswer, CallError>,
    ) -> Answer {
        if let Err(error) = &result {
            self.partner.lost();
            self.note(Note::NotifyFailed { cancel: sent.cancel, error: error.clone() });
        }
        if sent.repeated {
            // What it is in now, the next heartbeat says.
            self.settle(now);
            return Answer::success("Server maintenance canceled again.");
        }
        let answer = match sent.cancel {
            true => self.end_maintenance(now, result),
            false => self.begin_maintenance(now, result),
        };
        self.settle(now);
        answer
    }

    fn begin_maintenance(&mut self, now: Now, result: Result<NotifyAnswer, CallError>) -> Answer {
        // Both were asked at once to take over from the other: the primary does.
        let yields = matches!(self.stage, Stage::InMaintenance { .. })
            && self.peers().local().role != Role::Primary;
        let state = self.state();
        let is_alone = !self.peers().is_active_pair();
        let is_done = result.as_ref().is_ok_and(|answer| answer.result == code::SUCCESS);
        let refused = match state {
            // A heartbeat may have told of the partner's maintenance before its answer came.
            State::PartnerInMaintenance => !is_done,
            state => state == State::Terminated,
        };
        if yields || is_alone || refused {
            return cannot_enter(state, State::PartnerInMaintenance);
        }
        match result {
            Err(_) | Ok(NotifyAnswer { result: code::ERROR, .. }) => {
                self.cause =
                    Cause::Did("ha-maintenance-start was given, and the partner did not answer");
                self.enter(
                    now,
                    Stage::PartnerDown(Alone { failover: true, closed: false, telling: false }),
                );
                self.note(Note::MaintenanceStartedInPartnerDown);
                Answer::success(
                    "Server is now in the partner-down state as its partner appears to be offline \
                     for maintenance.",
                )
            }
            Ok(NotifyAnswer { result: code::SUCCESS, .. }) => {
                self.partner.set(now, State::InMaintenance);
                if state != State::PartnerInMaintenance {
                    self.cause = Cause::Did("ha-maintenance-start was given");
                    self.enter(now, self.stage_of(State::PartnerInMaintenance));
                }
                self.note(Note::MaintenanceStarted);
                Answer::success(
                    "Server is now in the partner-in-maintenance state and its partner is \
                     in-maintenance state. The partner can be now safely shut down.",
                )
            }
            Ok(NotifyAnswer { text, .. }) => Answer::error(format!(
                "Unable to transition to the partner-in-maintenance state. The partner server \
                 responded with the following message to the ha-maintenance-notify command: \
                 {text}."
            )),
        }
    }

    fn end_maintenance(&mut self, now: Now, result: Result<NotifyAnswer, CallError>) -> Answer {
        let state = match result {
            Ok(NotifyAnswer { result: code::SUCCESS, state, .. }) => state,
            Ok(NotifyAnswer { text, .. }) => return cannot_cancel(&text),
            Err(error) => return cannot_cancel(&error.to_string()),
        };
        let Stage::PartnerInMaintenance { previous } = self.stage else {
            return not_in_maintenance_with_partner();
        };
        match state {
            Some(state) => self.partner.set(now, state),
            // It is no longer in-maintenance; what it is in, the next heartbeat says.
            None => self.partner.forget_state(),
        }
        self.cancels_left = MAX_REPEATED_CANCELS;
        self.cause = Cause::Did("ha-maintenance-cancel was given");
        self.enter(now, self.stage_of(returns_to(previous)));
        Answer::success("Server maintenance successfully canceled.")
    }

    /// ha-maintenance-notify: the partner takes over (or gives back). `partner` is the state it
    /// names.
    pub fn notify_maintenance(&mut self, now: Now, cancel: bool, partner: Option<State>) -> Answer {
        let state = self.state();
        if cancel {
            let Stage::InMaintenance { previous } = self.stage else {
                return Answer::error(
                    "Unable to cancel the maintenance for the server not in the in-maintenance \
                     state.",
                );
            };
            partner.into_iter().for_each(|state| self.partner.set(now, state));
            self.cause = Cause::Did("the maintenance was cancelled at the partner");
            self.enter(now, self.stage_of(comes_back_to(previous)));
            self.settle(now);
            let arguments = serde_json::json!({ "state": self.state().name() });
            return Answer::success("Server maintenance canceled.").and(arguments);
        }
        let refused = [State::Backup, State::PartnerInMaintenance, State::Terminated];
        // The partner lacks what was granted without it, and would give it to others.
        let untold = matches!(self.stage, Stage::PartnerDown(_) | Stage::Recovery(_));
        let unready = untold || partner.is_some_and(lacks_leases);
        if refused.contains(&state) || unready || !self.peers().is_active_pair() {
            return cannot_enter(state, State::InMaintenance).coded(MAINTENANCE_NOT_ALLOWED);
        }
        partner.into_iter().for_each(|state| self.partner.set(now, state));
        self.cause = Cause::Did("ha-maintenance-start was given to the partner");
        self.enter(now, self.stage_of(State::InMaintenance));
        self.note(Note::ShutdownSafe);
        self.settle(now);
        Answer::success("Server is in-maintenance state.")
    }
}

/// The answer to an `server-name` that is no peer's.
pub fn unknown_server(name: &str) -> Answer {
    Answer::error(format!("{name} matches no configured 'server-name'"))
}

/// The answer to ha-sync.
pub(super) fn sync_answer(result: &Result<SyncDone, CallError>) -> Answer {
    match result {
        Ok(_) => Answer::success("Lease database synchronization complete."),
        Err(error) => Answer::error(error.to_string()),
    }
}

/// Whether a server in this state has not fetched the partner's leases yet.
const fn lacks_leases(state: State) -> bool {
    matches!(state, State::Waiting | State::Syncing)
}

/// Where the server that stayed goes when a maintenance is cancelled: never into a maintenance.
const fn returns_to(previous: State) -> State {
    match previous {
        State::InMaintenance | State::PartnerInMaintenance => State::Waiting,
        state => state,
    }
}

/// As [`returns_to`], for the server that was to leave: the updates that it delayed were given up meanwhile, and only a
/// synchronisation brings them to the partner.
const fn comes_back_to(previous: State) -> State {
    match returns_to(previous) {
        State::CommunicationRecovery => State::Waiting,
        state => state,
    }
}

fn cannot_enter(from: State, to: State) -> Answer {
    Answer::error(format!("Unable to transition the server from the {from} to {to} state."))
}

fn cannot_cancel(why: &str) -> Answer {
    Answer::error(format!(
        "Unable to cancel maintenance. The partner server responded with the following message to \
         the ha-maintenance-notify command: {why}."
    ))
}

fn not_in_maintenance_with_partner() -> Answer {
    Answer::error(
        "Unable to cancel maintenance request because the server is not in the \
         partner-in-maintenance state.",
    )
}
