//! Steps of the wall clock that would end leases before their time: set forward by so many seconds, every lease from
//! before ends as much too early. Until the last of those is over, ends are reckoned by a clock that lags behind as
//! far. Pure but for its lock.

use std::time::Duration;

use crate::clock::{Mono, Now};
use crate::lease::{INFINITE_LIFETIME, Lease4};
use crate::limits::MAX_CLOCK_STEPS;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

/// Seconds that wall and monotonic clock may come apart between two looks without a step: their readings are rounded.
const ROUNDING_S: i64 = 1;

/// The steps that still matter.
#[derive(Debug)]
pub(super) struct Steps {
    /// The wall clock less the monotonic one, in seconds, as last seen; [`UNSEEN`] at first.
    offset_s: AtomicI64,
    lag_s: AtomicU64,
    /// The longest lifetime that was written, infinite ones apart.
    longest_s: AtomicU32,
    recent: Mutex<Vec<Step>>,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    by_s: u64,
    until: Mono,
}

const UNSEEN: i64 = i64::MAX;

impl Steps {
    pub(super) fn new() -> Self {
        Self {
            offset_s: AtomicI64::new(UNSEEN),
            lag_s: AtomicU64::new(0),
            longest_s: AtomicU32::new(0),
            recent: Mutex::new(Vec::new()),
        }
    }

    /// A lease is written.
    pub(super) fn see(&self, lease: &Lease4) {
        let lifetime_s = lease.valid_lifetime_s;
        if lifetime_s != INFINITE_LIFETIME && lifetime_s > self.longest_s.load(Ordering::Relaxed) {
            self.longest_s.fetch_max(lifetime_s, Ordering::Relaxed);
        }
    }

    /// Looks at the clocks. Costs two loads while nothing has happened.
    pub(super) fn watch(&self, now: Now) {
        let offset_s = offset_s(now);
        let seen_s = self.offset_s.load(Ordering::Acquire);
        let stepped = seen_s != UNSEEN && offset_s > seen_s.saturating_add(ROUNDING_S);
        if offset_s < seen_s || stepped {
            self.note(now, offset_s);
        } else if self.lag_s.load(Ordering::Acquire) > 0 {
            self.forget(now);
        }
    }

    /// The time by which leases end.
    pub(super) fn steady(&self, now: Now) -> Now {
        let wall_s = now.wall_s.saturating_sub(self.lag_s.load(Ordering::Acquire));
        Now { wall_s, ..now }
    }

    fn note(&self, now: Now, offset_s: i64) {
        let mut recent = self.recent.lock();
        let seen_s = self.offset_s.swap(offset_s, Ordering::AcqRel);
        let by_s = offset_s.saturating_sub(seen_s);
        // Set back, leases end late, which does no harm; another thread may have noted the step meanwhile.
        if seen_s == UNSEEN || by_s <= ROUNDING_S {
            return;
        }
        let longest_s = self.longest_s.load(Ordering::Relaxed);
        let until = now.mono + Duration::from_secs(longest_s.into());
        if recent.len() >= MAX_CLOCK_STEPS {
            let oldest = recent.remove(0);
            recent[0].by_s = recent[0].by_s.saturating_add(oldest.by_s);
        }
        recent.push(Step { by_s: by_s.unsigned_abs(), until });
        self.reckon(&recent);
    }

    fn forget(&self, now: Now) {
        let mut recent = self.recent.lock();
        recent.retain(|step| step.until > now.mono);
        self.reckon(&recent);
    }

    fn reckon(&self, recent: &[Step]) {
        let lag_s = recent.iter().fold(0_u64, |lag_s, step| lag_s.saturating_add(step.by_s));
        self.lag_s.store(lag_s, Ordering::Release);
    }
}

fn offset_s(now: Now) -> i64 {
    let seconds = |s: u64| i64::try_from(s).unwrap_or(i64::MAX - 1);
    seconds(now.wall_s) - seconds(now.mono.as_ns() / 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(mono_s: u64, wall_s: u64) -> Now {
        Now { mono: Mono::from_ns(mono_s * 1_000_000_000), wall_s }
    }

    fn steps(lifetime_s: u32) -> Steps {
        let steps = Steps::new();
        steps.longest_s.store(lifetime_s, Ordering::Relaxed);
        steps.watch(at(10, 1000));
        steps
    }

    #[test]
    fn a_step_forward_ends_no_lease_early() {
        let steps = steps(300);
        steps.watch(at(20, 1070));
        assert_eq!(steps.steady(at(20, 1070)).wall_s, 1010);
        steps.watch(at(319, 1369));
        assert_eq!(steps.steady(at(319, 1369)).wall_s, 1309);
        // Every lease from before is over.
        steps.watch(at(320, 1370));
        assert_eq!(steps.steady(at(320, 1370)).wall_s, 1370);
    }

    #[test]
    fn a_step_back_and_rounding_change_nothing() {
        let steps = steps(300);
        for (mono_s, wall_s) in [(20, 1011), (21, 1011), (30, 950), (31, 951)] {
            steps.watch(at(mono_s, wall_s));
            assert_eq!(steps.steady(at(mono_s, wall_s)).wall_s, wall_s);
        }
        // Set right again.
        steps.watch(at(40, 1030));
        assert_eq!(steps.steady(at(40, 1030)).wall_s, 960);
    }

    #[test]
    fn many_steps_are_kept_in_bounds() {
        let steps = steps(100_000);
        for n in 1..=3 * MAX_CLOCK_STEPS as u64 {
            steps.watch(at(10 + n, 1000 + n * 11));
        }
        assert_eq!(steps.recent.lock().len(), MAX_CLOCK_STEPS);
        assert_eq!(steps.lag_s.load(Ordering::Relaxed), 30 * MAX_CLOCK_STEPS as u64);
    }
}
