//! What Peregrines tell each other in heartbeats beside what Kea tells. Pure data; [`crate::wire::announce`] makes JSON
//! of it.

use std::fmt;

use super::parameters::Mode;
use super::state::State;
use crate::agreement::Agreement;

/// One run of a server, drawn at its start: what was announced in one does not hold in the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u64);

impl Incarnation {
    /// Another one at each call.
    pub fn draw() -> Self {
        Self(engine::rng::Rng::from_system().next_u64())
    }

    /// Reads what [`fmt::Display`] writes: 16 hexadecimal digits.
    pub fn read(text: &str) -> Option<Self> {
        let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        u64::from_str_radix(text, 16).ok().filter(|_| digits).map(Self)
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What a server announces. A partner that announces nothing is taken for a Kea.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// The run that announces it.
    pub incarnation: Incarnation,
    /// It takes lease updates in batches.
    pub batches: bool,
    /// It serves while its partner synchronises, and hands over: with a partner that says so, too.
    pub serves_returning: bool,
    /// The mode that it is configured for, by which it serves with its partner; one in another mode never joins it.
    pub mode: Option<Mode>,
    /// The state it is in.
    pub state: Option<State>,
    /// The run of its partner that was told of all its changes.
    pub told: Option<Incarnation>,
    /// It waits, and has leases that its partner may not know: from before it was started, or from serving alone.
    pub untold: bool,
    /// It gives addresses of its half of shared pools only, and answers who asks for one.
    pub halves: bool,
    /// `clock-skew` is `tolerate`: it reckons with the difference of the clocks, however large.
    pub tolerates_skew: bool,
    /// `conflict-resolution` is `repair`: it says what it has in the place of a lease that it refuses, and counts no refusals.
    pub wants_repair: bool,
    /// Its wall clock when it said so, milliseconds since 1970-01-01 UTC.
    pub wall_ms: Option<u64>,
    /// Its monotonic clock when it said so, milliseconds from an origin of its own.
    pub running_ms: Option<u64>,
    /// Whose batches it has applied up to which number.
    pub applied: Option<(Incarnation, u64)>,
    /// What its configuration has to agree with its partner's in; none if it does not say.
    pub agreement: Option<Agreement>,
}

impl Announced {
    /// What is announced by a run that says nothing but who it is.
    pub const fn of(incarnation: Incarnation) -> Self {
        Self {
            incarnation,
            batches: false,
            serves_returning: false,
            mode: None,
            state: None,
            told: None,
            untold: false,
            halves: false,
            tolerates_skew: false,
            wants_repair: false,
            wall_ms: None,
            running_ms: None,
            applied: None,
            agreement: None,
        }
    }
}

/// What is kept for the partner, and for which of its runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owed {
    /// Leases ended of which it was not told.
    pub deletions: bool,
    /// Addresses of whose change it was not told.
    pub changes: usize,
    /// The run for which all is kept that changes.
    pub follows: Option<Incarnation>,
    /// That run was told of all.
    pub told: bool,
}

/// How far the partner's clock is ahead of ours, with the way of the heartbeat taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    /// Milliseconds; negative if it is behind.
    pub ms: i64,
    /// By so many milliseconds it may be wrong: half of the time that the heartbeat took.
    pub within_ms: u64,
}
