//! Where a machine stands: its state with what belongs to that state alone, and what outlives a
//! state. Pure data.

use super::action::SyncOrder;
use super::state::{State, StateSet};

/// A state and what belongs to it alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Backup,
    Recovery(Recovery),
    /// Normal operation of a pair.
    Normal,
    InMaintenance {
        /// To be returned to when the maintenance is cancelled.
        previous: State,
    },
    PartnerDown(Alone),
    PartnerInMaintenance {
        /// To be returned to when the maintenance is cancelled.
        previous: State,
    },
    PassiveBackup,
    Ready,
    Syncing,
    Terminated,
    Waiting,
}

/// Communication-recovery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Recovery {
    pub(super) overflowed: bool,
    pub(super) flush: Flush,
}

/// How far the delayed updates are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Flush {
    #[default]
    Idle,
    Sending,
    Resetting,
}

/// Partner-down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Alone {
    /// Whether the partner's clients are served, too.
    pub(super) failover: bool,
    /// The partner said that it is synchronised: no lease may change until it is seen ready.
    pub(super) closed: bool,
    /// The partner is being told what changed while it was away.
    pub(super) telling: bool,
    /// The partner has all leases but what it is being told: replies wait for it from now on.
    pub(super) handing: bool,
}

impl Alone {
    /// Alone from now on.
    pub(super) const fn new(failover: bool) -> Self {
        Self { failover, closed: false, telling: false, handing: false }
    }
}

/// A synchronisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Transfer {
    #[default]
    Idle,
    UnderWay {
        order: SyncOrder,
        /// The state that ordered it was left: its end means nothing to the machine.
        stale: bool,
    },
}

/// Whether the machine is paused, and where it need not pause again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pausing {
    pub(super) paused: bool,
    pub(super) done_once: StateSet,
}
