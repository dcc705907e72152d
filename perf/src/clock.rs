//! The only reader of the clock, and the only pause: everywhere else time is an argument. Shell.

use std::time::{Duration, Instant};

/// A monotonic clock. Moments are told as the time since it was started.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

#[expect(clippy::disallowed_methods, reason = "the one room that reads the clock")]
impl Clock {
    /// A clock whose origin is this moment.
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// The time since the origin.
    pub fn now(&self) -> Duration {
        self.origin.elapsed()
    }
}

/// Waits for `span`: between two looks at a condition that tells nobody when it comes true.
#[expect(clippy::disallowed_methods, reason = "the one place of a pause")]
pub fn pause(span: Duration) {
    std::thread::sleep(span);
}

/// Seconds since 1970 UTC.
#[expect(clippy::disallowed_methods, reason = "the one room that reads the clock")]
pub fn wall_s() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| now.as_secs())
}
