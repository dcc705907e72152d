//! When an exchange may begin. Pure: `now` is an argument, told as the time since an origin.

use std::time::Duration;

use crate::limits::BURST;

/// How exchanges follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Open loop: so many begin per second, whatever the servers do.
    Rate(u32),
    /// Closed loop: so many are under way; the end of one lets the next begin.
    Window(u32),
}

/// Counts what began and says what is due.
#[derive(Clone, Copy, Debug)]
pub struct Pacer {
    pace: Pace,
    start: Duration,
    begun: u64,
    /// Those that begin at once at the start, whatever the pace.
    preload: u64,
}

impl Pacer {
    /// A pacer whose first exchange is due at `start`.
    pub fn new(pace: Pace, start: Duration) -> Self {
        Self { pace, start, begun: 0, preload: 0 }
    }

    /// The same with so many exchanges that are due at once.
    pub fn with_preload(self, preload: u64) -> Self {
        Self { preload, ..self }
    }

    /// How many may begin at `now`, with `under_way` of them not yet ended; at most [`BURST`].
    pub fn due(&self, now: Duration, under_way: usize) -> u64 {
        let due = match self.pace {
            Pace::Rate(rate) => {
                let elapsed_ns = now.saturating_sub(self.start).as_nanos();
                let owed = elapsed_ns * u128::from(rate) / 1_000_000_000 + 1;
                let owed = u64::try_from(owed).unwrap_or(u64::MAX).saturating_add(self.preload);
                owed.saturating_sub(self.begun)
            }
            Pace::Window(size) => u64::from(size)
                .saturating_sub(under_way as u64)
                .max(self.preload.saturating_sub(self.begun)),
        };
        due.min(BURST)
    }

    /// The moment of the next exchange; `None` if it waits for another to end.
    pub fn next(&self) -> Option<Duration> {
        let Pace::Rate(rate) = self.pace else { return None };
        let paced = self.begun.saturating_sub(self.preload);
        let ns = u128::from(paced) * 1_000_000_000 / u128::from(rate.max(1));
        Some(self.start + Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX)))
    }

    /// Notes that one began.
    pub fn begin(&mut self) {
        self.begun += 1;
    }

    /// How many began.
    pub fn begun(&self) -> u64 {
        self.begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin_all(pacer: &mut Pacer, now: Duration) -> u64 {
        let due = pacer.due(now, 0);
        (0..due).for_each(|_| pacer.begin());
        due
    }

    #[test]
    fn a_rate_is_kept_on_a_virtual_clock() {
        let start = Duration::from_secs(5);
        let mut pacer = Pacer::new(Pace::Rate(250), start);
        let begun: u64 =
            (0..1000).map(|ms| begin_all(&mut pacer, start + Duration::from_millis(ms))).sum();
        assert_eq!(begun, 250);
        assert_eq!(pacer.next(), Some(start + Duration::from_secs(1)));
    }

    #[test]
    fn exchanges_are_spread_evenly() {
        let mut pacer = Pacer::new(Pace::Rate(100), Duration::ZERO);
        assert_eq!(begin_all(&mut pacer, Duration::ZERO), 1);
        assert_eq!(begin_all(&mut pacer, Duration::from_micros(9_999)), 0);
        assert_eq!(begin_all(&mut pacer, Duration::from_millis(10)), 1);
    }

    #[test]
    fn a_stall_is_made_up_for_in_bursts() {
        let mut pacer = Pacer::new(Pace::Rate(100_000), Duration::ZERO);
        assert_eq!(begin_all(&mut pacer, Duration::from_secs(1)), BURST);
        assert_eq!(begin_all(&mut pacer, Duration::from_secs(1)), BURST);
    }

    #[test]
    fn a_preload_is_due_at_once() {
        let mut pacer = Pacer::new(Pace::Rate(100), Duration::ZERO).with_preload(7);
        assert_eq!(begin_all(&mut pacer, Duration::ZERO), 8);
        assert_eq!(pacer.next(), Some(Duration::from_millis(10)));
        let pacer = Pacer::new(Pace::Window(2), Duration::ZERO).with_preload(7);
        assert_eq!(pacer.due(Duration::ZERO, 0), 7);
    }

    #[test]
    fn a_window_waits_for_an_end() {
        let pacer = Pacer::new(Pace::Window(8), Duration::ZERO);
        assert_eq!(pacer.due(Duration::from_secs(9), 3), 5);
        assert_eq!(pacer.due(Duration::from_secs(9), 8), 0);
        assert_eq!(pacer.next(), None);
    }
}
