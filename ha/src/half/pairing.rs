//! Whether the partner knows all that clients were promised here, remembered beyond the end of the process. Pure but for
//! its atomics, the log, and the [`Memory`] that it is given.
//!
//! As long as both servers are in normal operation each promise is known to both. Before the first that the partner
//! need not know, that is taken back, durably. A server that starts from leases of which it is not said has perhaps
//! served alone: what it has is held against what the partner has, and the newer version wins. One of which it is said
//! takes the partner's leases for the truth: what it has beyond them nobody was promised, or the partner ended since.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use engine::lease::csv::Flag;
use engine::log;

/// Heartbeats in normal operation until all that was promised before it is known to have arrived, where nothing else says so.
const HEARTBEATS: u32 = 2;
/// For people who look into the file.
const MEANING: &str =
    "The High Availability partner knows every lease in the file beside this one.";

/// Outlives the process.
pub trait Memory: Send + Sync {
    /// What was written last; false at first.
    fn is_paired(&self) -> bool;
    /// Writes it. False is safe from a loss of power when this returns.
    fn set_paired(&self, paired: bool) -> Result<(), String>;
}

impl Memory for Flag {
    fn is_paired(&self) -> bool {
        self.is_set()
    }

    fn set_paired(&self, paired: bool) -> Result<(), String> {
        let written = if paired { self.set(MEANING) } else { self.clear() };
        written.map_err(|error| error.to_string())
    }
}

/// What is known now.
#[derive(Default)]
pub(super) struct Pairing {
    paired: AtomicBool,
    /// Heartbeats in a row that found both in normal operation.
    heartbeats: AtomicU32,
    memory: OnceLock<Arc<dyn Memory>>,
}

impl Pairing {
    /// From now on it is remembered in `memory`, which says how it was. Once only.
    pub(super) fn remember_in(&self, memory: Arc<dyn Memory>) {
        self.paired.store(memory.is_paired(), Ordering::Release);
        let first = self.memory.set(memory).is_ok();
        debug_assert!(first, "a memory is joined once");
    }

    /// Whether the partner knew all that clients were promised here.
    pub(super) fn is_paired(&self) -> bool {
        self.paired.load(Ordering::Acquire)
    }

    /// Clients will be promised what the partner need not know.
    pub(super) fn part(&self, server: &str) {
        self.heartbeats.store(0, Ordering::Release);
        if self.paired.swap(false, Ordering::AcqRel) {
            self.write(server, false);
        }
    }

    /// A heartbeat has ended, and found both in normal operation or not. `told`: the partner has applied all that was promised
    /// before.
    pub(super) fn hear(&self, server: &str, settled: bool, told: bool) {
        if !settled {
            return self.heartbeats.store(0, Ordering::Release);
        }
        let heartbeats = self.heartbeats.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        let enough = told || heartbeats >= HEARTBEATS;
        if enough && !self.paired.swap(true, Ordering::AcqRel) {
            self.write(server, true);
        }
    }

    fn write(&self, server: &str, paired: bool) {
        if let Some(Err(why)) = self.memory.get().map(|memory| memory.set_paired(paired)) {
            log!(PEREGRINE_HA_MEMORY_FAILED, "{server}: {why}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_partner_knows_is_remembered_and_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let flag = || Arc::new(Flag::new(&folder.path().join("leases"), "paired"));
        let first = Pairing::default();
        first.remember_in(flag());
        assert!(!first.is_paired(), "nobody said so");
        for settled in [true, false, true] {
            first.hear("a", settled, false);
            assert!(!first.is_paired());
        }
        first.hear("a", true, false);
        assert!(first.is_paired());

        let second = Pairing::default();
        second.remember_in(flag());
        assert!(second.is_paired());
        second.part("a");
        assert!(!second.is_paired());
        let third = Pairing::default();
        third.remember_in(flag());
        assert!(!third.is_paired());
        third.hear("a", false, true);
        assert!(!third.is_paired(), "it serves alone");
        third.hear("a", true, true);
        assert!(third.is_paired(), "nothing is to be waited for");
    }
}
