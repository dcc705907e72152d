//! When DISCOVERs that wait in a socket have waited for too long: their clients have asked again meanwhile, and an
//! offer that comes late is work for nothing. Pure.
//!
//! A socket is known to hold nothing older than the last time it was seen empty. Once that is too long ago it is
//! emptied unread, and the kernel is told to keep little from then on, so that it drops what is too much by itself,
//! at no cost to the server, until the rush is over.
//!
//! The caller's order: [`Patience::look`] before it takes from the socket, [`Patience::emptied`] after it saw it empty,
//! [`Patience::discarded`] after it emptied it unread.

use std::time::Duration;

use crate::clock::Mono;
use crate::limits::{CALM_MS, DISCOVER_PATIENCE_MS};

/// What is known about one socket's waiting packets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience {
    /// Since when there was always something.
    waiting_since: Option<Mono>,
    /// When it was last emptied unread, as long as the kernel keeps little.
    rush: Option<Mono>,
}

impl Patience {
    /// Whether what waits may be older than clients wait. Something waits, at `now`.
    pub(super) fn look(&mut self, now: Mono) -> bool {
        let since = *self.waiting_since.get_or_insert(now);
        now.since(since) >= Duration::from_millis(DISCOVER_PATIENCE_MS)
    }

    /// It was emptied unread. True if the kernel is to keep little from now on.
    pub(super) fn discarded(&mut self, now: Mono) -> bool {
        self.waiting_since = None;
        self.rush.replace(now).is_none()
    }

    /// Nothing waits any more. True if the rush is over, and the kernel may keep as much as before.
    pub(super) fn emptied(&mut self, now: Mono) -> bool {
        self.waiting_since = None;
        let calm = |last: Mono| now.since(last) >= Duration::from_millis(CALM_MS);
        let over = self.rush.is_some_and(calm);
        if over {
            self.rush = None;
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono::from_ns(ms * 1_000_000)
    }

    #[test]
    fn only_what_waited_without_a_break_is_too_old() {
        let mut patience = Patience::default();
        assert!(!patience.look(at(10_000)), "it was idle before");
        assert!(!patience.look(at(10_000 + DISCOVER_PATIENCE_MS - 1)));
        assert!(!patience.emptied(at(10_000 + DISCOVER_PATIENCE_MS - 1)));
        assert!(!patience.look(at(10_000 + DISCOVER_PATIENCE_MS)));
        assert!(patience.look(at(10_000 + 2 * DISCOVER_PATIENCE_MS)));
    }

    #[test]
    fn a_rush_is_over_once_the_socket_is_empty_long_after_the_last_discarding() {
        let mut patience = Patience::default();
        assert!(patience.discarded(at(1000)));
        assert!(!patience.look(at(1001)));
        assert!(!patience.discarded(at(2000)), "little is kept already");
        assert!(!patience.emptied(at(2000 + CALM_MS - 1)));
        assert!(patience.emptied(at(2000 + CALM_MS)));
        assert!(patience.discarded(at(90_000)), "it is a new one");
    }
}
