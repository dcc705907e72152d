//! Inputs of the machine: what happened. Pure.

use std::time::Duration;

use engine::clock::Now;
use engine::seam::Client;

use super::action::{Action, CallError, Note, Notification, SyncDone, UpdateOutcome};
use super::announced::{Announced, Offset, Owed};
use super::detector::ClientKey;
use super::limits::STANDSTILL;
use super::partner::PartnerStatus;
use super::relationship::Relationship;
use super::stage::{Flush, Stage, Transfer};
use super::state::{Seen, State};
use super::timer::Timer;
use super::words::Cause;

impl Relationship {
    /// Time has passed. May be called early or often.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.timers.take_ended(Timer::Interruption, now.mono) {
            self.note(Note::Interrupted);
        }
        self.timers.take_ended(Timer::Detector, now.mono);
        self.timers.take_ended(Timer::Takeover, now.mono);
        if self.timers.take_ended(Timer::Heartbeat, now.mono) {
            self.heartbeat_under_way = true;
            self.push(Action::SendHeartbeat);
        }
        self.settle(now);
    }

    /// An input is about to come. Whoever stood still for so long that the partner may have taken over since (a stopped
    /// process, a paused virtual machine) begins anew, as after a start: its leases are old.
    pub fn handle_turn(&mut self, now: Now) {
        let before = std::mem::replace(&mut self.last_turn, now);
        let passed = now.mono.since(before.mono);
        let by_wall = Duration::from_secs(now.wall_s.saturating_sub(before.wall_s));
        let stood = passed.max(by_wall);
        if stood <= STANDSTILL || !self.may_be_replaced() {
            return;
        }
        let unheard = match self.stage {
            // The partner was down: it must have come up meanwhile.
            Stage::PartnerDown(_) => stood,
            _ => now.mono.since(self.asked) + (stood - passed),
        };
        if unheard > self.parameters.max_response_delay {
            self.note(Note::StoodStill(stood));
            self.cause = Cause::Did(
                "this server stood still for so long that the partner may have taken over",
            );
            self.begin_anew(now);
            self.settle(now);
        }
    }

    /// As after a start: the silence counts from now on, and what failed before says nothing of the partner. It is asked
    /// at once.
    pub(super) fn begin_anew(&mut self, now: Now) {
        self.partner.renew(now);
        self.clients.clear();
        self.watch_silence();
        self.enter(now, Stage::Waiting);
        if self.peers().is_active_pair() {
            self.timers.arm(Timer::Heartbeat, now.mono);
        }
    }

    /// It has had its turns until now.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) const fn skip_turns(&mut self, now: Now) {
        self.last_turn = now;
    }

    /// Whether the partner takes over when this server is silent.
    fn may_be_replaced(&self) -> bool {
        let works = self.serves() || self.stage == Stage::Ready;
        self.peers().is_active_pair() && works && self.stage != Stage::Terminated
    }

    /// The partner has asked for a heartbeat: it knows that this server lives.
    pub const fn handle_asked(&mut self, now: Now) {
        self.asked = now.mono;
    }

    /// The partner announced itself, and said that it is in a state, perhaps long ago: if that is news it is asked at once.
    pub fn handle_told(&mut self, now: Now, announced: &Announced) {
        let is_news = announced.state.is_some_and(|state| self.partner.seen != Seen::In(state));
        if is_news && self.joins(announced) {
            self.hurries = true;
            self.settle(now);
        }
    }

    /// Something of the partner was so long on its way that it was refused; or its clock stood still, which the next answer
    /// to a heartbeat shows.
    pub fn handle_given_up(&mut self, now: Now) {
        self.hurries = true;
        self.settle(now);
    }

    /// What the partner announced in the heartbeat that ends next; none if it is a Kea.
    /// `offset`: how far its clock is ahead, if that was measured.
    pub fn handle_announced(&mut self, announced: Option<Announced>, offset: Option<Offset>) {
        self.partner.announced = announced;
        self.partner.offset = offset;
        self.partner.told_all = false;
    }

    /// What the partner announced with a state that it said in between ([`Self::handle_status`]). The clocks were not compared.
    pub fn handle_announced_anew(&mut self, announced: Option<Announced>) {
        let offset = self.partner.offset.filter(|_| announced.is_some());
        self.handle_announced(announced, offset);
    }

    /// The partner says in the heartbeat that ends next that this run was told of all its changes.
    pub const fn handle_told_all(&mut self) {
        self.partner.told_all = true;
    }

    /// A heartbeat has ended ([`Action::SendHeartbeat`]). A state name that is not known is a
    /// failure.
    pub fn handle_heartbeat(&mut self, now: Now, result: Result<PartnerStatus, CallError>) {
        self.heartbeat_under_way = false;
        self.rejected.expire(now.mono);
        match result {
            Ok(status) => self.hear(now, status),
            Err(error) => {
                self.partner.lost();
                self.note(Note::HeartbeatFailed(error));
            }
        }
        self.run(now);
        self.settle(now);
    }

    /// A heartbeat has ended with words that were older than what the partner said elsewhere since: it was heard.
    pub fn handle_outdated_heartbeat(&mut self, now: Now) {
        self.heartbeat_under_way = false;
        self.rejected.expire(now.mono);
        self.poke(now);
        self.run(now);
        self.settle(now);
    }

    /// The partner said its state, not in answer to [`Action::SendHeartbeat`].
    pub fn handle_status(&mut self, now: Now, status: PartnerStatus) {
        self.hear(now, status);
        self.run(now);
        self.settle(now);
    }

    fn hear(&mut self, now: Now, status: PartnerStatus) {
        let was_terminated = self.partner.seen == Seen::In(State::Terminated);
        let is_terminated = status.state == State::Terminated;
        let settled = self.stage == Stage::Normal && self.state() == status.state;
        self.partner.heard(now, status);
        self.partner.halves = Some(self.partner.announced.as_ref().is_some_and(|it| it.halves));
        self.partner.is_kea = self.partner.announced.is_none();
        if settled {
            // In normal operation on both sides each change is told.
            self.partner.has_told_all();
        }
        self.poke(now);
        self.cancel_again();
        if is_terminated && !was_terminated && self.stage == Stage::Waiting {
            self.note(Note::RestartPartner);
        }
        if let Some(skew) = self.partner.skew_to_warn_of(now.mono) {
            self.note(Note::ClockSkew(skew));
        }
        if let Some(offset) = self.partner.offset_to_tell(now.mono) {
            self.note(Note::ClockOffset(offset));
        }
    }

    /// A partner that has left a maintenance which was cancelled here goes back into it if it acts on what it saw
    /// of us before: a Kea does, if a lease update is answered before its next heartbeat. We do not follow.
    fn cancel_again(&mut self) {
        let went_back = self.partner.seen == Seen::In(State::InMaintenance);
        if went_back && self.stage == Stage::Normal && self.cancels_left > 0 {
            self.cancels_left -= 1;
            self.partner.forget_state();
            let state = self.state();
            self.push(Action::SendMaintenanceNotify(Notification {
                cancel: true,
                state,
                repeated: true,
            }));
        }
    }

    /// The partner was heard: the silence starts anew.
    pub(super) fn poke(&mut self, now: Now) {
        self.partner.last_poke = now.mono;
        self.clients.clear();
        self.watch_silence();
    }

    /// A lease update of `client` was answered by the partner, or not. It is no heartbeat: only a
    /// failure tells of the partner's state.
    pub fn handle_update(&mut self, now: Now, client: Option<ClientKey>, outcome: UpdateOutcome) {
        match (outcome, client) {
            (UpdateOutcome::Success, Some(client)) => self.rejected.remove(&client),
            (UpdateOutcome::Conflict, Some(client)) if self.counts_rejects() => {
                self.rejected.insert(now.mono, client)
            }
            (UpdateOutcome::Failure(_), _) => self.partner.lost(),
            (UpdateOutcome::Success | UpdateOutcome::Conflict, _) => {}
        }
        self.run(now);
        self.settle(now);
    }

    fn counts_rejects(&self) -> bool {
        self.parameters.max_rejected_lease_updates > 0 && !self.repairs()
    }

    /// `n` client exchanges changed leases of which the partner was not told
    /// ([`super::ToPartner::Count`]).
    pub fn handle_unsent(&mut self, n: u64) {
        // Kea's counter starts again at 1: 0 means that nothing was ever left unsent.
        self.unsent_updates = self.unsent_updates.checked_add(n).unwrap_or(1);
    }

    /// What is kept for the partner.
    pub const fn handle_owed(&mut self, owed: Owed) {
        self.owed = owed;
    }

    /// The partner answered a request of a synchronisation: it is not silent, though no heartbeat is sent meanwhile.
    pub fn handle_contact(&mut self, now: Now) {
        let partner = self.peers().partner().and_then(|partner| self.peers().place(&partner.name));
        if let Transfer::UnderWay { order, .. } = self.transfer
            && partner == Some(order.server)
        {
            self.poke(now);
            self.settle(now);
        }
    }

    /// A query of a client that is not served here, while [`super::Standing::watching`].
    pub fn handle_unserved(&mut self, now: Now, client: &Client<'_>) {
        if !self.is_interrupted(now) || !client.balanced {
            return;
        }
        if self.clients.analyze(client, self.parameters.max_ack_delay) {
            let unacked = self.clients.unacked();
            self.note(Note::ClientUnacked { unacked, left: self.unacked_left(now) });
        }
    }

    /// Whether somebody else than this machine holds the DHCP service off: an administrator, the
    /// partner.
    pub const fn handle_service(&mut self, held_by_others: bool) {
        self.held_by_others = held_by_others;
    }

    /// A synchronisation has ended ([`Action::StartSync`]). Any failure makes the partner
    /// unavailable.
    pub fn handle_sync(&mut self, now: Now, result: Result<SyncDone, CallError>) {
        let Transfer::UnderWay { order, stale } = std::mem::take(&mut self.transfer) else {
            return;
        };
        self.note(match &result {
            Ok(done) => Note::SyncSuccessful(*done),
            Err(error) => Note::SyncFailed(error.clone()),
        });
        if order.administrator {
            self.push(Action::AnswerSync(super::commands::sync_answer(&result)));
        }
        if result.is_err() {
            // Whether it is really gone, the next heartbeat says.
            self.partner.lost();
            return self.settle(now);
        }
        if !order.administrator {
            self.partner.has_told_all();
            self.poke(now);
            if !stale && self.stage == Stage::Syncing && !self.is_paused() {
                self.cause = Cause::Did("the leases of the partner are fetched");
                self.enter(now, Stage::Ready);
                self.behind = order.serving;
            }
        }
        self.run(now);
        self.settle(now);
    }

    /// More updates came than are kept while the partner is silent.
    pub const fn handle_backlog_overflow(&mut self) {
        if let Stage::Recovery(recovery) = &mut self.stage {
            recovery.overflowed = true;
        }
    }

    /// The delayed updates were sent ([`Action::SendBacklog`], [`Action::SendDeletions`]), or not all of them.
    pub fn handle_backlog_sent(&mut self, now: Now, result: Result<(), CallError>) {
        if let Stage::PartnerDown(alone) = &mut self.stage {
            if std::mem::take(&mut alone.telling) {
                self.deletions_sent(now, result);
            }
            return;
        }
        let Stage::Recovery(recovery) = &mut self.stage else { return };
        if recovery.flush != Flush::Sending {
            return;
        }
        match result {
            Ok(()) if !recovery.overflowed => {
                self.note(Note::BacklogSent);
                self.cause =
                    Cause::Did("the partner was heard again and was sent what it had missed");
                self.enter(now, Stage::Normal);
                self.run(now);
            }
            // It overflowed while it was on its way.
            Ok(()) => self.order_reset(),
            Err(error) => {
                self.note(Note::BacklogFailed(error));
                self.order_reset();
            }
        }
        self.settle(now);
    }

    /// The partner is normal's other half only if it knows what is gone; if it is silent, it will synchronise again.
    fn deletions_sent(&mut self, now: Now, result: Result<(), CallError>) {
        let handing = self.is_handing();
        match result {
            Ok(()) if handing => {
                self.cause = Cause::Did("the partner is back and was told all that changed");
                self.enter(now, Stage::Normal);
            }
            Ok(()) => {}
            Err(error) => {
                self.note(Note::BacklogFailed(error));
                self.partner.lost();
            }
        }
        self.run(now);
        self.settle(now);
    }

    /// The partner cannot learn what changed by updates: it has to synchronise.
    fn order_reset(&mut self) {
        if let Stage::Recovery(recovery) = &mut self.stage {
            recovery.flush = Flush::Resetting;
            self.push(Action::SendReset);
        }
    }

    /// The partner has answered ha-reset ([`Action::SendReset`]), or not.
    pub fn handle_reset_answer(&mut self, now: Now, result: Result<(), CallError>) {
        if self.stage == Stage::Waiting {
            return self.handle_partner_reset(now, result);
        }
        let Stage::Recovery(recovery) = &mut self.stage else { return };
        if recovery.flush != Flush::Resetting {
            return;
        }
        match result {
            Ok(()) => {
                self.cause =
                    Cause::Did("more changed while the partner was silent than is kept for it");
                self.enter(now, Stage::Waiting);
                self.run(now);
            }
            Err(error) => {
                recovery.flush = Flush::Idle;
                self.partner.lost();
                self.note(Note::ResetFailed(error));
            }
        }
        self.settle(now);
    }

    /// The partner left a termination, as this server did before, or did not hear that it should.
    fn handle_partner_reset(&mut self, now: Now, result: Result<(), CallError>) {
        match result {
            // Its new state is asked for at once.
            Ok(()) if self.wants_heartbeats() => self.timers.arm(Timer::Heartbeat, now.mono),
            Ok(()) => {}
            Err(error) => {
                self.leads = true;
                self.partner.lost();
                self.note(Note::ResetFailed(error));
            }
        }
        self.settle(now);
    }
}
