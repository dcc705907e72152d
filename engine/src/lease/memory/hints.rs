//! Where a client's leases are: hints by client identifier and hardware address, in stripes with a lock each.
//! Whoever holds the stripes of a client keeps its other packets from being granted leases. Pure but for its
//! locks. Must not know the table.
//!
//! Every lease has its hints; a hint without a lease is short-lived, and harmless, since the record is checked
//! under its own lock. Keys are hashes: two clients with one key only cost each other a look.

use std::collections::BTreeSet;
use std::hash::BuildHasher;

use crate::lease::{HwAddress, Identity, Lease4};
use crate::limits::IDENTITY_STRIPES;
use crate::sync::{Mutex, MutexGuard};

#[cfg(not(feature = "model"))]
type Hashing = std::collections::hash_map::RandomState;
/// The same in each run, so that a failing schedule can be run again.
#[cfg(feature = "model")]
type Hashing = std::hash::BuildHasherDefault<std::collections::hash_map::DefaultHasher>;

/// All hints.
pub(super) struct Hints {
    hashing: Hashing,
    stripes: Vec<Mutex<Stripe>>,
}

type Stripe = BTreeSet<(u64, u32)>;

/// At most two keys: of a lease, or to look for a client's leases.
pub(super) type Keys = [Option<u64>; 2];

/// Locked stripes, ascending.
pub(super) struct HeldHints<'a>(Vec<(usize, MutexGuard<'a, Stripe>)>);

impl Hints {
    pub(super) fn new() -> Self {
        let stripes = (0..IDENTITY_STRIPES).map(|_| Mutex::new(Stripe::new())).collect();
        Self { hashing: Hashing::default(), stripes }
    }

    /// The keys under which a lease is found. A lease with a client identifier is under its hardware address
    /// only for clients that send none.
    pub(super) fn of_lease(&self, lease: &Lease4) -> Keys {
        let by_hw_address = (!lease.hw_address.is_empty())
            .then(|| self.hw_key(&lease.hw_address, lease.client_id.is_some()));
        [lease.client_id.as_ref().map(|id| self.client_id_key(id.as_bytes())), by_hw_address]
    }

    /// The keys under which a client's leases can be.
    pub(super) fn of_client(&self, identity: Identity<'_>) -> Keys {
        match identity.client_id {
            Some(id) => {
                let without_id = self.hw_key(identity.hw_address, false);
                [Some(self.client_id_key(id.as_bytes())), Some(without_id)]
            }
            None => [
                Some(self.hw_key(identity.hw_address, false)),
                Some(self.hw_key(identity.hw_address, true)),
            ],
        }
    }

    /// Locks the stripes of all `keys`, ascending.
    pub(super) fn hold(&self, keys: &[Keys]) -> HeldHints<'_> {
        let mut stripes: Vec<usize> = keys.iter().flatten().flatten().map(stripe_of).collect();
        stripes.sort_unstable();
        stripes.dedup();
        HeldHints(stripes.into_iter().map(|i| (i, self.stripes[i].lock())).collect())
    }

    /// Every hint.
    #[cfg(any(test, feature = "model"))]
    pub(super) fn all(&self) -> BTreeSet<(u64, u32)> {
        self.stripes.iter().flat_map(|stripe| stripe.lock().clone()).collect()
    }

    fn client_id_key(&self, id: &[u8]) -> u64 {
        self.hashing.hash_one((0_u8, id))
    }

    /// Both keys of one hardware address are in one stripe.
    fn hw_key(&self, address: &HwAddress, has_client_id: bool) -> u64 {
        self.hashing.hash_one((1_u8, address.as_bytes())) & !1 | u64::from(has_client_id)
    }
}

impl HeldHints<'_> {
    /// Adds the addresses under `keys` to `found`.
    pub(super) fn addresses(&mut self, keys: Keys, found: &mut Vec<u32>) {
        for key in keys.into_iter().flatten() {
            let hints = self.stripe(key).range((key, 0)..=(key, u32::MAX));
            found.extend(hints.map(|(_, address)| *address));
        }
    }

    pub(super) fn insert(&mut self, keys: Keys, address: u32) {
        for key in keys.into_iter().flatten() {
            self.stripe(key).insert((key, address));
        }
    }

    pub(super) fn remove(&mut self, key: u64, address: u32) {
        self.stripe(key).remove(&(key, address));
    }

    fn stripe(&mut self, key: u64) -> &mut Stripe {
        let place = self.0.binary_search_by_key(&stripe_of(&key), |(i, _)| *i);
        &mut self.0[place.expect("locked by hold")].1
    }
}

fn stripe_of(key: &u64) -> usize {
    usize::try_from((key >> 1) % IDENTITY_STRIPES).expect("less than a u32")
}
