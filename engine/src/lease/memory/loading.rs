//! The leases of a lease file come into the store, from several threads and while it is used. Pure but for its locks.

use std::sync::Arc;

use super::MemoryStore;
use super::hints::{Keys, first_stripe};
use crate::lease::{ChangeNumber, ChangeSink, Lease4, Origin, Stored, rules};
use crate::limits::MAX_EXPECTED_LEASES;
use crate::sync::atomic::{AtomicBool, Ordering};

impl MemoryStore {
    /// As [`Self::new`], but its leases are still to be [loaded](LeaseStore::load).
    pub fn unloaded(sink: Arc<dyn ChangeSink>) -> Self {
        Self { complete: AtomicBool::new(false), ..Self::new(sink) }
    }

    /// About so many leases are going to be loaded.
    pub fn make_room(&self, leases: u64) {
        self.hints.make_room(leases.min(MAX_EXPECTED_LEASES));
    }

    /// [Loads](LeaseStore::load) leases in the order in which their hints are in memory: in their own order each would be
    /// far from the one before.
    pub fn load_all(&self, leases: impl Iterator<Item = Lease4>) {
        let mut leases: Vec<_> =
            leases.map(|lease| Some((self.hints.of_lease(&lease), lease))).collect();
        let stripe = |at: usize| leases[at].as_ref().and_then(|(keys, _)| first_stripe(*keys));
        let mut order: Vec<_> = (0..leases.len()).map(|at| (stripe(at), at)).collect();
        order.sort_unstable();
        for (keys, lease) in order.into_iter().filter_map(|(_, at)| leases[at].take()) {
            self.load_under(keys, lease);
        }
    }

    /// [`LeaseStore::load`] of a lease with these keys.
    pub(super) fn load_under(&self, keys: Keys, lease: Lease4) -> bool {
        let (address, bits) = (lease.address, lease.address.to_bits());
        let mut hints = self.hints.hold([keys, [None; 2]]);
        let mut records = self.tree.lock_or_make(bits);
        if records.version(address).is_some() {
            return false;
        }
        self.steps.see(&lease);
        let stored = Stored::new(lease, ChangeNumber(0), Origin::Load);
        records.put(&stored);
        self.ends.replace(None, Some(&stored));
        if rules::occupies(&stored.lease) {
            self.tree.mark(bits, true);
        }
        self.len.fetch_add(1, Ordering::AcqRel);
        hints.insert(keys, bits);
        true
    }

    /// All leases are loaded.
    pub fn end_loading(&self) {
        self.hints.give_room_back();
        self.complete.store(true, Ordering::Release);
    }
}
