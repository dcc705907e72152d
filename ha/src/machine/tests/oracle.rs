//! What a server does by the description of Kea's states (its guide, "Server States", and what was seen at running
//! Keas), written down state by state and without a look at the table of rules. Where Peregrine means to do otherwise it
//! says so: these lines begin with "Ours", and [`Whose::Kea`] leaves them out. What only two Peregrines do, by what they
//! announce, begins with "A pair of Peregrines". Pure.

use super::super::rules::{Fact, Facts, Situation, Why};
use super::super::{Mode, Role, Seen, State};

/// What comes of a run of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    Stay,
    Enter(State),
    Terminate(Why),
    Synchronise,
    SendBacklog,
    SendDeletions,
    ResetPartner,
    Reopen,
    HandOver,
}

use Does::{Enter, Stay, Terminate};
use Seen::{In, Unavailable, Unset};
use State::{
    Backup, CommunicationRecovery, HotStandby, InMaintenance, LoadBalancing, PartnerDown,
    PartnerInMaintenance, PassiveBackup, Ready, Syncing, Terminated, Waiting,
};

/// The states that a server of this mode and role can be in.
pub(super) fn states(mode: Mode, role: Role) -> Vec<State> {
    let pair =
        [Waiting, Syncing, Ready, PartnerDown, InMaintenance, PartnerInMaintenance, Terminated];
    match (role, mode) {
        (Role::Backup, _) => vec![Waiting, Backup],
        (_, Mode::PassiveBackup) => vec![Waiting, PassiveBackup],
        (_, Mode::HotStandby) => [&pair[..], &[HotStandby]].concat(),
        (_, Mode::LoadBalancing) => [&pair[..], &[LoadBalancing, CommunicationRecovery]].concat(),
    }
}

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Kea,
    Ours,
}

/// What a server does in `it`.
pub(super) fn expected(whose: Whose, it: &Situation) -> Does {
    let ours = whose == Whose::Ours;
    let so = |fact| it.facts.has_all(Facts::of(&[fact]));
    // Nothing but a command, or a restart, leads out of these.
    if matches!(it.own, Backup | PassiveBackup | InMaintenance | Terminated) || so(Fact::Paused) {
        return Stay;
    }
    if it.own == Waiting && it.role == Role::Backup {
        return Enter(Backup);
    }
    if it.own == Waiting && it.mode == Mode::PassiveBackup {
        return Enter(PassiveBackup);
    }
    if let Some(first) = untold(it, so).filter(|_| ours) {
        return first;
    }
    if so(Fact::Skewed) {
        return Terminate(Why::Skew);
    }
    if so(Fact::Rejected) {
        return Terminate(Why::Rejects);
    }
    if it.own == PartnerInMaintenance {
        return if it.partner == Unavailable { Enter(PartnerDown) } else { Stay };
    }
    let foreign = match it.mode {
        Mode::LoadBalancing => it.partner == In(HotStandby),
        _ => matches!(it.partner, In(LoadBalancing | CommunicationRecovery)),
    };
    if foreign {
        return if it.own == Waiting { Stay } else { Enter(Waiting) };
    }
    match it.own {
        Waiting => waiting(ours, it, so),
        Syncing => syncing(it, so),
        Ready => ready(ours, it, so),
        PartnerDown => partner_down(ours, it, so),
        CommunicationRecovery => recovery(ours, it, so),
        _ => normal(ours, it, so),
    }
}

/// Ours: leases that the partner granted alone are fetched before a pair ends, and before the first client is served.
fn untold(it: &Situation, so: impl Fn(Fact) -> bool) -> Option<Does> {
    let heard = !matches!(it.partner, Unset | Unavailable | In(Backup | PassiveBackup));
    let ends = (so(Fact::Skewed) && heard) || it.partner == In(Terminated);
    if !so(Fact::NewUnsent) || !ends {
        return None;
    }
    // A partner that is terminated is followed only after the checks that come first.
    let is_followed = !so(Fact::Skewed);
    match it.own {
        Syncing if !is_followed || !so(Fact::Rejected) => Some(Does::Synchronise),
        Waiting if !is_followed && so(Fact::SyncsLeases) => Some(Enter(Syncing)),
        Ready | LoadBalancing | HotStandby | CommunicationRecovery
            if so(Fact::SyncsLeases) && (!is_followed || !so(Fact::Rejected)) =>
        {
            Some(Enter(Syncing))
        }
        _ => None,
    }
}

fn waiting(ours: bool, it: &Situation, so: impl Fn(Fact) -> bool) -> Does {
    let next = if so(Fact::SyncsLeases) { Enter(Syncing) } else { Enter(Ready) };
    match it.partner {
        In(Waiting) if it.role == Role::Primary => next,
        In(Waiting | Syncing | Backup | PassiveBackup) | Unset => Stay,
        // Ours: after an administrator's ha-reset a Peregrine that is terminated still begins anew, too.
        In(Terminated) if ours && so(Fact::Leads) => Does::ResetPartner,
        In(Terminated) if so(Fact::StuckTerminated) => Terminate(Why::NotRestarted),
        In(Terminated) => Stay,
        Unavailable => down(so).unwrap_or(Stay),
        // A pair of Peregrines: one in normal operation takes over before it is fetched from, so that somebody serves.
        In(LoadBalancing | HotStandby | CommunicationRecovery) if ours && so(Fact::Able) => Stay,
        In(_) => next,
    }
}

fn syncing(it: &Situation, so: impl Fn(Fact) -> bool) -> Does {
    match it.partner {
        In(Terminated) => Terminate(Why::Partner),
        Unavailable => down(so).unwrap_or(Stay),
        In(_) | Unset => Does::Synchronise,
    }
}

fn ready(ours: bool, it: &Situation, so: impl Fn(Fact) -> bool) -> Does {
    let serves = matches!(it.partner, In(LoadBalancing | HotStandby | CommunicationRecovery));
    match it.partner {
        In(Ready) if it.role == Role::Primary => Enter(it.mode.normal()),
        // Ours: it served after it was fetched from.
        In(_) if ours && serves && so(Fact::NewUnsent) && so(Fact::SyncsLeases) => Enter(Syncing),
        In(_) if serves => Enter(it.mode.normal()),
        other => maintenance_or_end(other).or_else(|| down_of(other, so)).unwrap_or(Stay),
    }
}

fn normal(ours: bool, it: &Situation, so: impl Fn(Fact) -> bool) -> Does {
    match it.partner {
        In(PartnerDown) => Enter(Waiting),
        In(Waiting) if ours && so(Fact::Able) => begins_anew(so),
        Unavailable if so(Fact::Failed) => Enter(PartnerDown),
        Unavailable if it.mode == Mode::LoadBalancing && so(Fact::DelaysUpdates) => {
            Enter(CommunicationRecovery)
        }
        other => maintenance_or_end(other).unwrap_or(Stay),
    }
}

/// A pair of Peregrines: one that waits was started anew, or begins anew. Its partner serves for it meanwhile, unless it lacks
/// what that one granted alone: then neither serves before that is fetched.
fn begins_anew(so: impl Fn(Fact) -> bool) -> Does {
    if so(Fact::NewUnsent) { Enter(Waiting) } else { Enter(PartnerDown) }
}

fn recovery(ours: bool, it: &Situation, so: impl Fn(Fact) -> bool) -> Does {
    let is_back = !so(Fact::Interrupted);
    match it.partner {
        In(PartnerDown) => Enter(Waiting),
        In(Waiting) if ours && so(Fact::Able) => begins_anew(so),
        In(LoadBalancing | CommunicationRecovery) if is_back => Does::SendBacklog,
        In(Waiting | Syncing | Ready) if is_back && so(Fact::Overflowed) => Enter(Waiting),
        In(Backup | PassiveBackup) if is_back => Enter(Waiting),
        other => maintenance_or_end(other).or_else(|| down_of(other, so)).unwrap_or(Stay),
    }
}

fn partner_down(ours: bool, it: &Situation, so: impl Fn(Fact) -> bool) -> Does {
    let able = ours && so(Fact::Able);
    match it.partner {
        // A pair of Peregrines: replies wait for one that is gone, or is not what it was, no longer.
        partner
            if ours && so(Fact::Handing) && !matches!(partner, In(Ready | Terminated) | Unset) =>
        {
            Does::Reopen
        }
        In(Ready) if so(Fact::NewUnsent) => Enter(Waiting),
        // Ours: what ended while the partner was away is told before it serves.
        In(Ready) if ours && so(Fact::Owing) => Does::SendDeletions,
        // A pair of Peregrines: what changed while it fetched the leases is told before it serves.
        In(Ready) if ours && so(Fact::Follows) => Does::HandOver,
        In(Ready) => Enter(it.mode.normal()),
        // A pair of Peregrines that both served for each other: one goes on while the other fetches.
        In(PartnerDown) if able && it.role == Role::Primary => Stay,
        In(CommunicationRecovery) if able => Stay,
        In(CommunicationRecovery | PartnerDown | PartnerInMaintenance) => Enter(Waiting),
        In(Terminated) => Terminate(Why::Partner),
        // The partner said that it is synchronised, and is not there.
        Unavailable if so(Fact::Closed) => Does::Reopen,
        // Ours: or it begins anew.
        In(Waiting) if ours && so(Fact::Closed) => Does::Reopen,
        _ => Stay,
    }
}

fn maintenance_or_end(partner: Seen) -> Option<Does> {
    match partner {
        In(InMaintenance) => Some(Enter(PartnerInMaintenance)),
        In(PartnerInMaintenance) => Some(Enter(InMaintenance)),
        In(Terminated) => Some(Terminate(Why::Partner)),
        _ => None,
    }
}

fn down_of(partner: Seen, so: impl Fn(Fact) -> bool) -> Option<Does> {
    if partner == Unavailable { down(so) } else { None }
}

fn down(so: impl Fn(Fact) -> bool) -> Option<Does> {
    so(Fact::Failed).then_some(Enter(PartnerDown))
}
