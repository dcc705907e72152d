//! Names of the states, and sets of them as the rule table uses them. Pure.

use std::fmt;
use std::str::FromStr;

/// A state of a server in a relationship (Kea guide, "Server States").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// A backup server: takes updates, serves nobody.
    Backup,
    /// The partner is silent for now: both serve their own clients, updates are kept for it.
    CommunicationRecovery,
    /// Normal operation of a primary and its standby.
    HotStandby,
    /// Normal operation of a primary and a secondary.
    LoadBalancing,
    /// About to be stopped for maintenance: the partner serves all.
    InMaintenance,
    /// The partner is considered dead: everybody is served.
    PartnerDown,
    /// The partner is about to be stopped: everybody is served.
    PartnerInMaintenance,
    /// Normal operation of a primary that has only backups.
    PassiveBackup,
    /// Synchronised, waiting for the partner to see it.
    Ready,
    /// Fetching the partner's leases.
    Syncing,
    /// The servers cannot work together until they are restarted: both serve their own clients.
    Terminated,
    /// Started, waiting for the partner to be heard or given up.
    Waiting,
}

impl State {
    /// All of them, in alphabetical order.
    pub const ALL: [State; 12] = [
        State::Backup,
        State::CommunicationRecovery,
        State::HotStandby,
        State::LoadBalancing,
        State::InMaintenance,
        State::PartnerDown,
        State::PartnerInMaintenance,
        State::PassiveBackup,
        State::Ready,
        State::Syncing,
        State::Terminated,
        State::Waiting,
    ];

    /// Its name on the wire and in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            State::Backup => "backup",
            State::CommunicationRecovery => "communication-recovery",
            State::HotStandby => "hot-standby",
            State::LoadBalancing => "load-balancing",
            State::InMaintenance => "in-maintenance",
            State::PartnerDown => "partner-down",
            State::PartnerInMaintenance => "partner-in-maintenance",
            State::PassiveBackup => "passive-backup",
            State::Ready => "ready",
            State::Syncing => "syncing",
            State::Terminated => "terminated",
            State::Waiting => "waiting",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A state name that no version of Kea uses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no state of a High Availability server")]
pub struct UnknownState(pub String);

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(name: &str) -> Result<Self, UnknownState> {
        let known = Self::ALL.into_iter().find(|state| state.name() == name);
        known.ok_or_else(|| UnknownState(name.to_owned()))
    }
}

/// What is known of the partner's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Seen {
    /// Nothing yet: no heartbeat has ended.
    #[default]
    Unset,
    /// The last exchange with it failed.
    Unavailable,
    /// What it said last.
    In(State),
}

impl Seen {
    /// Each value once.
    pub fn all() -> impl Iterator<Item = Seen> {
        [Seen::Unset, Seen::Unavailable].into_iter().chain(State::ALL.map(Seen::In))
    }

    /// As status-get and logs show it.
    pub const fn name(self) -> &'static str {
        match self {
            Seen::Unset => "",
            Seen::Unavailable => "unavailable",
            Seen::In(state) => state.name(),
        }
    }
}

/// A set of states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateSet(u16);

impl StateSet {
    /// The set of `states`.
    pub const fn of(states: &[State]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < states.len() {
            bits |= 1 << states[i] as u16;
            i += 1;
        }
        Self(bits)
    }

    /// Whether `state` is in it.
    pub const fn contains(self, state: State) -> bool {
        self.0 & (1 << state as u16) != 0
    }

    /// Puts `state` into it.
    pub const fn insert(&mut self, state: State) {
        self.0 |= 1 << state as u16;
    }
}

/// A set of what may be known of a partner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenSet {
    states: StateSet,
    unset: bool,
    unavailable: bool,
}

impl SeenSet {
    /// Everything.
    pub const ANY: Self = Self { states: StateSet(u16::MAX), unset: true, unavailable: true };
    /// Only [`Seen::Unavailable`].
    pub const UNAVAILABLE: Self = Self { states: StateSet(0), unset: false, unavailable: true };

    /// A partner that said one of `states`.
    pub const fn of(states: &[State]) -> Self {
        Self { states: StateSet::of(states), unset: false, unavailable: false }
    }

    /// The same set and [`Seen::Unavailable`].
    #[must_use]
    pub const fn or_unavailable(self) -> Self {
        Self { unavailable: true, ..self }
    }

    /// Whether `seen` is in it.
    pub const fn contains(self, seen: Seen) -> bool {
        match seen {
            Seen::Unset => self.unset,
            Seen::Unavailable => self.unavailable,
            Seen::In(state) => self.states.contains(state),
        }
    }
}
