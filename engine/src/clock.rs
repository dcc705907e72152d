//! Time as the rooms see it: an argument. This file holds the only reader of the system's clocks.

use std::ops::Add;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A point on the monotonic clock, in nanoseconds since an origin of the process (or simulation).
/// Timers, timeouts and pending replies are reckoned in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(u64);

impl Mono {
    /// The point `ns` nanoseconds after the origin.
    pub const fn from_ns(ns: u64) -> Self {
        Self(ns)
    }

    /// Nanoseconds since the origin.
    pub const fn as_ns(self) -> u64 {
        self.0
    }

    /// The time since `earlier`; zero if `earlier` lies ahead.
    pub const fn since(self, earlier: Mono) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Mono {
    type Output = Mono;

    fn add(self, span: Duration) -> Mono {
        Mono(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// One reading of both clocks: monotonic for what is timed, wall for what is written, sent or expires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// The monotonic clock.
    pub mono: Mono,
    /// Seconds since 1970-01-01 UTC.
    pub wall_s: u64,
}

/// A source of [`Now`].
pub trait Clock: Send + Sync {
    /// Reads both clocks.
    fn now(&self) -> Now;

    /// Milliseconds since 1970-01-01 UTC, as exactly as the source knows them.
    fn wall_ms(&self) -> u64 {
        self.now().wall_s.saturating_mul(1000)
    }
}

/// The clocks of the machine.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
}

#[expect(clippy::disallowed_methods, reason = "the one room that reads the clock")]
impl SystemClock {
    /// A clock whose monotonic origin is this moment.
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one room that reads the clock")]
impl Clock for SystemClock {
    fn now(&self) -> Now {
        let ns = u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let wall_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        Now { mono: Mono(ns), wall_s }
    }

    fn wall_ms(&self) -> u64 {
        wall_us() / 1000
    }
}

/// Microseconds since 1970 UTC, for log lines.
#[expect(clippy::disallowed_methods, reason = "the one room that reads the clock")]
pub(crate) fn wall_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
