//! A server's clocks in the simulation: they drift, and the wall clock steps. Pure but for its atomics.

use std::sync::atomic::{AtomicU64, Ordering};

use engine::clock::{Clock, Mono, Now};

/// The wall clock at the start of every run, in seconds since 1970.
pub(super) const EPOCH_S: u64 = 1_700_000_000;

/// What one server's clocks say. The world sets them before it touches the server.
#[derive(Debug, Default)]
pub(super) struct ServerClock {
    mono_ns: AtomicU64,
    wall_s: AtomicU64,
}

impl Clock for ServerClock {
    fn now(&self) -> Now {
        Now {
            mono: Mono::from_ns(self.mono_ns.load(Ordering::Relaxed)),
            wall_s: self.wall_s.load(Ordering::Relaxed),
        }
    }
}

/// How a server's clocks differ from true time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Error {
    /// Microseconds that they gain in a second.
    drift_ppm: u32,
    /// Seconds the wall clock is ahead, drift apart.
    pub(super) ahead_s: i64,
    /// Nanoseconds for which the clocks stood still.
    stood_ns: u64,
}

impl Error {
    pub(super) const fn new(drift_ppm: u32, ahead_s: i64) -> Self {
        Self { drift_ppm, ahead_s, stood_ns: 0 }
    }

    /// The clocks have stood still; the wall clock is set right.
    pub(super) fn stand(&mut self, stood_ns: u64) {
        self.stood_ns += stood_ns;
        self.ahead_s += i64::try_from(stood_ns / 1_000_000_000).unwrap_or(0);
    }

    /// Seconds by which the wall clock is ahead of true time.
    pub(super) fn ahead_at(self, true_ns: u64) -> i64 {
        let wall_s = self.read(true_ns).1;
        let true_s = EPOCH_S + true_ns / 1_000_000_000;
        i64::try_from(wall_s).unwrap_or(0) - i64::try_from(true_s).unwrap_or(0)
    }

    /// What the clocks say at `true_ns`.
    fn read(self, true_ns: u64) -> (u64, u64) {
        let passed_ns = true_ns.saturating_sub(self.stood_ns);
        let mono_ns = passed_ns + passed_ns / 1_000_000 * u64::from(self.drift_ppm);
        let wall_s = (EPOCH_S + mono_ns / 1_000_000_000).saturating_add_signed(self.ahead_s);
        (mono_ns, wall_s)
    }

    /// The true time at which the monotonic clock has passed `mono`.
    pub(super) fn when(self, mono: Mono) -> u64 {
        let gained = 1_000_000 + u128::from(self.drift_ppm);
        let ns = u128::from(mono.as_ns()) * 1_000_000 / gained;
        u64::try_from(ns).unwrap_or(u64::MAX).saturating_add(self.stood_ns + 1_000)
    }
}

impl ServerClock {
    pub(super) fn set(&self, true_ns: u64, error: Error) {
        let (mono_ns, wall_s) = error.read(true_ns);
        self.mono_ns.store(mono_ns, Ordering::Relaxed);
        self.wall_s.store(wall_s, Ordering::Relaxed);
    }
}
