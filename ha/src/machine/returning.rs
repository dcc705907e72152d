//! How a server serves while its Peregrine of a partner returns: what it keeps for it, tells it, and when replies wait for it
//! (docs/ha-peregrine.md, "A partner that returns"). Pure.

use engine::clock::Now;

use super::action::Action;
use super::announced::Announced;
use super::relationship::Relationship;
use super::stage::{Alone, Stage};
use super::state::{Seen, State};
use super::timer::Timer;
use crate::limits::FEW_UNTOLD;

impl Relationship {
    /// Whether replies wait for a partner that is told the last of what it lacks.
    pub const fn is_handing(&self) -> bool {
        matches!(self.stage, Stage::PartnerDown(Alone { handing: true, .. }))
    }

    /// What the partner announced, if both servers serve while the other returns.
    pub fn announces_return(&self) -> Option<&Announced> {
        self.partner.announced.as_ref().filter(|announced| self.joins(announced))
    }

    /// Whether a partner that announces this and this server both serve while the other returns.
    pub(super) fn joins(&self, announced: &Announced) -> bool {
        let able = announced.serves_returning && self.parameters.serves_returning();
        able && announced.mode == Some(self.peers().mode())
    }

    /// Whether it has fetched the leases while the partner served, which has not handed over since.
    pub const fn is_behind(&self) -> bool {
        self.behind
    }

    pub(super) fn send_deletions(&mut self) {
        if let Stage::PartnerDown(alone) = &mut self.stage
            && !std::mem::replace(&mut alone.telling, true)
        {
            self.push(Action::SendDeletions);
        }
    }

    /// From now on replies wait for the partner. Once it was told the rest, it lacks nothing.
    pub(super) fn hand_over(&mut self, now: Now) {
        if let Stage::PartnerDown(alone) = &mut self.stage
            && !alone.handing
        {
            (alone.handing, alone.telling) = (true, true);
            self.publish(now);
            self.push(Action::SendDeletions);
        }
    }

    /// The partner that was to take over its part is gone.
    pub(super) fn reopen(&mut self, now: Now) {
        if let Stage::PartnerDown(alone) = &mut self.stage {
            (alone.handing, alone.telling) = (false, false);
        }
        self.set_closed(now, false);
    }

    /// Whether the partner waits with leases that nobody may know here, though it does not count them any more.
    pub(super) fn waits_untold(&self) -> bool {
        // Whoever fetches them, or does not serve with it, takes no account of it: it would fetch them for ever.
        let matters = matches!(self.stage, Stage::Normal | Stage::Recovery(_));
        let waits = self.partner.seen == Seen::In(State::Waiting);
        matters && waits && self.announces_return().is_some_and(|announced| announced.untold)
    }

    /// Whether all is kept for the partner's present run that changed since it began to fetch our leases.
    pub(super) fn follows(&self) -> bool {
        let run = self.announces_return().map(|announced| announced.incarnation);
        run.is_some() && self.owed.follows == run
    }

    /// Whether the partner is to be told of changes before anything else. What is on its way is still owed.
    pub(super) fn is_owing(&self) -> bool {
        let owes =
            if self.follows() { self.owed.changes > FEW_UNTOLD } else { self.owed.deletions };
        owes || self.is_telling()
    }

    /// The partner is synchronised: no lease may change here before it is seen ready, or it would
    /// miss the change. Without heartbeats it would never be seen.
    pub(super) fn close_for_partner(&mut self, now: Now) {
        if matches!(self.stage, Stage::PartnerDown(_)) && self.wants_heartbeats() {
            self.set_closed(now, true);
            self.timers.stop(Timer::Heartbeat);
        }
    }

    /// Closes or opens the service while the partner is down.
    pub(super) fn set_closed(&mut self, now: Now, closed: bool) {
        let served = self.serves();
        if let Stage::PartnerDown(alone) = &mut self.stage {
            alone.closed = closed;
            self.switch_service(now, served);
        }
    }

    pub(super) const fn is_telling(&self) -> bool {
        matches!(self.stage, Stage::PartnerDown(Alone { telling: true, .. }))
    }
}
