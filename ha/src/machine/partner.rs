//! The partner as last seen: its state, scopes, clock and unsent updates, and since when it is
//! silent. Pure.

use std::time::Duration;

use engine::clock::{Mono, Now};

use super::announced::{Announced, Offset};
use super::limits::MAX_PARTNER_SCOPES;
use super::state::{Seen, State};

/// Seconds between the clocks above which there is a warning.
const WARN_SKEW_S: u64 = 30;
/// Seconds between the clocks above which the relationship ends.
const MAX_SKEW_S: u64 = 60;
/// Least time between two warnings.
const WARN_EVERY: Duration = Duration::from_secs(60);
/// Milliseconds between the clocks of two Peregrines from which on it is told.
const TELL_OFFSET_MS: u64 = 5_000;
/// Least time between two such lines.
const TELL_OFFSET_EVERY: Duration = Duration::from_secs(600);
/// For how long a partner may stay terminated before a waiting server follows it.
const TERMINATED_PATIENCE: Duration = Duration::from_secs(600);

/// What a partner says in its answer to ha-heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerStatus {
    /// Its state.
    pub state: State,
    /// The scopes it serves.
    pub scopes: Vec<String>,
    /// `date-time`: its wall clock, seconds since 1970-01-01 UTC.
    pub wall_s: u64,
    /// `unsent-update-count`; 0 if it gave none.
    pub unsent_updates: u64,
}

/// Both clocks at the reception of a heartbeat, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clocks {
    pub(super) ours_s: u64,
    pub(super) theirs_s: u64,
}

impl Clocks {
    /// The partner's clock less ours, in seconds.
    pub(super) fn skew_s(self) -> i64 {
        let span = i64::try_from(self.theirs_s.abs_diff(self.ours_s)).unwrap_or(i64::MAX);
        if self.theirs_s < self.ours_s { -span } else { span }
    }
}

/// What is known of the partner.
#[derive(Clone, Debug)]
pub(super) struct PartnerView {
    pub(super) seen: Seen,
    pub(super) scopes: Vec<String>,
    pub(super) clocks: Option<Clocks>,
    /// Seconds that its clock was ahead of ours when it was last heard.
    last_skew_s: Option<i64>,
    /// What it announced last; none of a Kea.
    pub(super) announced: Option<Announced>,
    /// It says that this run was told of all its changes.
    pub(super) told_all: bool,
    /// Whether it keeps to its half of shared pools; none if it was not heard yet.
    pub(super) halves: Option<bool>,
    /// It was heard, and announced nothing.
    pub(super) is_kea: bool,
    /// It was in communication-recovery when it was last heard, and may have renewed leases of which it has not told.
    pub(super) delays_updates: bool,
    /// How far its clock was ahead when it announced it.
    pub(super) offset: Option<Offset>,
    /// The end of the last successful heartbeat; at first, the start.
    pub(super) last_poke: Mono,
    /// Its latest count of unsent updates.
    unsent: u64,
    /// Its count when there was nothing that it had not told.
    told: u64,
    warned: Option<Mono>,
    /// When the difference of the clocks was told of that does no harm yet.
    told_offset: Option<Mono>,
    /// Since when each heartbeat found it terminated.
    terminated_since: Option<Mono>,
}

impl PartnerView {
    pub(super) fn new(now: Now) -> Self {
        Self {
            seen: Seen::Unset,
            scopes: Vec::new(),
            clocks: None,
            last_skew_s: None,
            announced: None,
            told_all: false,
            halves: None,
            is_kea: false,
            delays_updates: false,
            offset: None,
            last_poke: now.mono,
            unsent: 0,
            told: 0,
            warned: None,
            told_offset: None,
            terminated_since: None,
        }
    }

    /// Takes in a heartbeat's answer.
    pub(super) fn heard(&mut self, now: Now, mut status: PartnerStatus) {
        status.scopes.truncate(MAX_PARTNER_SCOPES);
        self.set(now, status.state);
        self.scopes = status.scopes;
        self.clocks = Some(Clocks { ours_s: now.wall_s, theirs_s: status.wall_s });
        self.last_skew_s = self.skew_s();
        if status.unsent_updates < self.unsent {
            // It was restarted and counts anew.
            self.told = 0;
        }
        self.unsent = status.unsent_updates;
        if self.told_all {
            self.has_told_all();
        }
    }

    /// Takes its state from something else than a heartbeat.
    pub(super) fn set(&mut self, now: Now, state: State) {
        self.seen = Seen::In(state);
        self.delays_updates = state == State::CommunicationRecovery;
        self.terminated_since =
            (state == State::Terminated).then(|| self.terminated_since.unwrap_or(now.mono));
    }

    /// An exchange with it failed.
    pub(super) fn lost(&mut self) {
        self.seen = Seen::Unavailable;
        self.clocks = None;
        self.terminated_since = None;
    }

    /// The partner is looked at again after a time without heartbeats: nothing that was seen before
    /// holds, but for what it told and announced.
    pub(super) fn renew(&mut self, now: Now) {
        let announced = self.announced.take();
        let Self { unsent, told, last_skew_s, halves, is_kea, delays_updates, .. } = *self;
        *self = Self {
            unsent,
            told,
            last_skew_s,
            announced,
            halves,
            is_kea,
            delays_updates,
            ..Self::new(now)
        };
    }

    /// Its state is to be asked for again.
    pub(super) fn forget_state(&mut self) {
        self.seen = Seen::Unset;
        self.terminated_since = None;
    }

    /// All of its changes up to now are known here.
    pub(super) const fn has_told_all(&mut self) {
        self.told = self.unsent;
    }

    /// Whether it made changes of which it did not tell. Kea compares the last two heartbeats only,
    /// and so misses changes if it sees their maker once more before it is ready.
    pub(super) const fn has_new_unsent(&self) -> bool {
        self.unsent > 0 && self.unsent != self.told
    }

    pub(super) fn skew_s(&self) -> Option<i64> {
        self.clocks.map(Clocks::skew_s)
    }

    /// Its wall clock when ours shows `wall_s`, if it was ever heard.
    pub(super) fn wall_s(&self, wall_s: u64) -> Option<u64> {
        self.last_skew_s.map(|skew_s| wall_s.saturating_add_signed(skew_s))
    }

    pub(super) fn skew_is_too_high(&self) -> bool {
        self.skew_s().is_some_and(|skew| skew.unsigned_abs() > MAX_SKEW_S)
    }

    /// The skew, if it is time to warn of it.
    pub(super) fn skew_to_warn_of(&mut self, now: Mono) -> Option<i64> {
        let skew = self.skew_s().filter(|skew| skew.unsigned_abs() > WARN_SKEW_S)?;
        if self.warned.is_some_and(|at| now.since(at) < WARN_EVERY) {
            return None;
        }
        self.warned = Some(now);
        Some(skew)
    }

    /// The difference of the clocks, if it is time to tell of it: long before it ends anything, and not where Kea's own
    /// warning comes.
    pub(super) fn offset_to_tell(&mut self, now: Mono) -> Option<Offset> {
        let offset =
            self.offset.filter(|it| it.ms.unsigned_abs() > TELL_OFFSET_MS + it.within_ms)?;
        if self.told_offset.is_some_and(|at| now.since(at) < TELL_OFFSET_EVERY) {
            return None;
        }
        self.told_offset = Some(now);
        Some(offset)
    }

    pub(super) fn is_stuck_terminated(&self, now: Mono) -> bool {
        self.terminated_since.is_some_and(|since| now.since(since) >= TERMINATED_PATIENCE)
    }
}
