//! Whether DHCP is served: off while anybody has switched it off (Kea guide, "The dhcp-disable and
//! dhcp-enable commands"). Reading costs one atomic load.
//!
//! Whoever decides about queries does so in a [`Turn`], so that who switched the service off can wait until none that
//! was begun before can change a lease any more.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Mono;
use crate::limits::{MAX_QUIET_LOOKS, QUIET_LOOK_MS};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Who switched the service off. The numbers are those of Kea 3's `origin-id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(pub u32);

impl Origin {
    /// An administrator's command.
    pub const USER: Origin = Origin(1);

    /// This server, while it rebuilds relationships. Beyond the numbers that Kea gives to anybody.
    pub const REBUILDING: Origin = Origin(4000);

    /// This server's own state machine of relationship `index`.
    pub const fn ha_local(index: u32) -> Self {
        Origin(1000 + index)
    }

    /// The partner of relationship `index`.
    pub const fn ha_remote(index: u32) -> Self {
        Origin(2000 + index)
    }

    /// Whether it is the partner of some relationship.
    pub const fn is_ha_remote(self) -> bool {
        matches!(self.0, 2000..3000)
    }
}

/// The switch.
#[derive(Debug)]
pub struct Service {
    enabled: AtomicBool,
    /// Who holds it off, and until when if a period was given.
    off: Mutex<BTreeMap<Origin, Option<Mono>>>,
    /// Turns under way.
    turns: AtomicUsize,
}

/// The right to decide about a batch of queries, until it is dropped.
#[derive(Debug)]
pub struct Turn<'a>(&'a Service);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.turns.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Queries that were taken before the service was switched off are still being decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("queries that were taken before are still being decided")]
pub struct Busy;

impl Default for Service {
    fn default() -> Self {
        let (off, turns) = (Mutex::new(BTreeMap::new()), AtomicUsize::new(0));
        Self { enabled: AtomicBool::new(true), off, turns }
    }
}

impl Service {
    /// Whether packets are served.
    pub fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::Acquire)
    }

    /// The right to decide about a batch of queries; none if the service is off.
    pub fn begin_turn(&self) -> Option<Turn<'_>> {
        if !self.is_enabled() {
            return None;
        }
        self.turns.fetch_add(1, Ordering::SeqCst);
        let turn = Turn(self);
        // Either this sees that the service was switched off, or who did it sees the turn.
        self.enabled.load(Ordering::SeqCst).then_some(turn)
    }

    /// After [`Self::disable`]: waits until no query that was taken before can change a lease.
    pub fn wait_until_quiet(&self) -> Result<(), Busy> {
        for _ in 0..MAX_QUIET_LOOKS {
            if self.turns.load(Ordering::SeqCst) == 0 {
                return Ok(());
            }
            std::thread::park_timeout(Duration::from_millis(QUIET_LOOK_MS));
        }
        Err(Busy)
    }

    /// Switches off for `origin`; with `period`, until it is over. A new call restarts the period.
    pub fn disable(&self, origin: Origin, now: Mono, period: Option<Duration>) {
        let mut off = self.off.lock();
        off.insert(origin, period.map(|span| now + span));
        self.enabled.store(false, Ordering::SeqCst);
    }

    /// Takes `origin`'s switch back; without effect if it had not switched off.
    pub fn enable(&self, origin: Origin) {
        let mut off = self.off.lock();
        off.remove(&origin);
        self.enabled.store(off.is_empty(), Ordering::Release);
    }

    /// Ends the periods that are over at `now`.
    pub fn handle_timeout(&self, now: Mono) {
        let mut off = self.off.lock();
        off.retain(|_, until| until.is_none_or(|until| until > now));
        self.enabled.store(off.is_empty(), Ordering::Release);
    }

    /// When the next period ends.
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.off.lock().values().flatten().min().copied()
    }

    /// Who holds the service off, ascending.
    pub fn disabled_by(&self) -> Vec<Origin> {
        self.off.lock().keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_on_only_when_nobody_holds_it_off() {
        let service = Service::default();
        let start = Mono::from_ns(0);
        service.disable(Origin::USER, start, None);
        service.disable(Origin::ha_remote(0), start, Some(Duration::from_secs(60)));
        service.enable(Origin::ha_local(0));
        assert_eq!(service.disabled_by(), [Origin(1), Origin(2000)]);

        service.enable(Origin::USER);
        assert!(!service.is_enabled());
        assert_eq!(service.poll_timeout(), Some(start + Duration::from_secs(60)));
        service.handle_timeout(start + Duration::from_secs(59));
        assert!(!service.is_enabled());
        service.handle_timeout(start + Duration::from_secs(60));
        assert!(service.is_enabled());
    }

    #[test]
    fn it_is_quiet_once_no_turn_is_under_way() {
        let service = Service::default();
        let turn = service.begin_turn().unwrap();
        service.disable(Origin::USER, Mono::from_ns(0), None);
        assert_eq!(service.wait_until_quiet(), Err(Busy));
        assert!(service.begin_turn().is_none());
        drop(turn);
        assert_eq!(service.wait_until_quiet(), Ok(()));
    }

    #[test]
    fn a_second_disable_restarts_the_period() {
        let service = Service::default();
        let start = Mono::from_ns(0);
        service.disable(Origin::USER, start, Some(Duration::from_secs(10)));
        service.disable(
            Origin::USER,
            start + Duration::from_secs(5),
            Some(Duration::from_secs(10)),
        );
        service.handle_timeout(start + Duration::from_secs(12));
        assert!(!service.is_enabled());
    }
}
