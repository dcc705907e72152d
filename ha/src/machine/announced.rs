//! What Peregrines tell each other in heartbeats beside what Kea tells. Pure data; [`crate::wire::announce`] makes JSON
//! of it.

use std::fmt;

use crate::agreement::Agreement;

/// One run of a server, drawn at its start: what was announced in one does not hold in the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u64);

impl Incarnation {
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
    /// It gives addresses of its half of shared pools only, and answers who asks for one.
    pub halves: bool,
    /// `clock-skew` is `tolerate`: it reckons with the difference of the clocks, however large.
    pub tolerates_skew: bool,
    /// `conflict-resolution` is `repair`: it says what it has in the place of a lease that it refuses, and counts no refusals.
    pub wants_repair: bool,
    /// Its wall clock when it said so, milliseconds since 1970-01-01 UTC.
    pub wall_ms: Option<u64>,
    /// Whose batches it has applied up to which number.
    pub applied: Option<(Incarnation, u64)>,
    /// What its configuration has to agree with its partner's in; none if it does not say.
    pub agreement: Option<Agreement>,
}

/// How far the partner's clock is ahead of ours, with the way of the heartbeat taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    /// Milliseconds; negative if it is behind.
    pub ms: i64,
    /// By so many milliseconds it may be wrong: half of the time that the heartbeat took.
    pub within_ms: u64,
}
