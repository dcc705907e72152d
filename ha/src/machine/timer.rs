//! The machine's timers: an enum and a table. Pure.

use engine::clock::Mono;

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// The next heartbeat.
    Heartbeat,
    /// The silence becomes an interruption.
    Interruption,
    /// Queries of the partner's clients are to be fetched from the packet path.
    Detector,
    /// The partner has been down for `takeover-delay`.
    Takeover,
}

/// When each timer ends, if it runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers([Option<Mono>; 4]);

impl Timers {
    pub(super) const fn arm(&mut self, timer: Timer, at: Mono) {
        self.0[timer as usize] = Some(at);
    }

    pub(super) const fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    pub(super) const fn runs(&self, timer: Timer) -> bool {
        self.0[timer as usize].is_some()
    }

    /// Whether `timer` ended by `now`; it is stopped then.
    pub(super) fn take_ended(&mut self, timer: Timer, now: Mono) -> bool {
        self.0[timer as usize].take_if(|at| *at <= now).is_some()
    }

    pub(super) fn next(&self) -> Option<Mono> {
        self.0.iter().flatten().min().copied()
    }
}
