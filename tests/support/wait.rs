//! Waiting for a condition with a deadline: the one place of these tests that reads the clock.

use std::fmt::Debug;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Asks `look` until it gives a value; fails with what it saw last after `patience`.
#[expect(clippy::disallowed_methods, reason = "the one room of these tests that waits")]
pub(crate) fn until<T, E: Debug>(
    what: &str,
    patience: Duration,
    mut look: impl FnMut() -> Result<T, E>,
) -> T {
    let start = Instant::now();
    loop {
        match look() {
            Ok(value) => return value,
            Err(seen) if start.elapsed() > patience => {
                panic!("no {what} within {patience:?}; last seen: {seen:?}");
            }
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// Seconds since 1970 UTC.
#[expect(clippy::disallowed_methods, reason = "the one room of these tests that waits")]
pub(crate) fn wall_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
