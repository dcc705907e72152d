//! Where a client's leases are: hints by client identifier and hardware address, in stripes with a lock each.
//! Whoever holds the stripes of a client keeps its other packets from being granted leases. Pure but for its
//! locks. Must not know the table.
//!
//! Every lease has its hints; a hint without a lease is short-lived, and harmless, since the record is checked
//! under its own lock. Keys are hashes: two clients with one key only cost each other a look.

#[cfg(any(test, feature = "model"))]
use std::collections::BTreeSet;
use std::hash::BuildHasher;

use super::few::Few;
use super::records::grow;
use crate::lease::{HwAddress, Identity, Lease4};
use crate::limits::IDENTITY_STRIPES;
use crate::sync::{Mutex, MutexGuard};

#[cfg(not(feature = "model"))]
type Hashing = std::collections::hash_map::RandomState;
/// The same in each run, so that a failing schedule can be run again.
#[cfg(feature = "model")]
type Hashing = std::hash::BuildHasherDefault<std::collections::hash_map::DefaultHasher>;

/// Type and bytes of an Ethernet address (RFC 1700).
const ETHERNET: u8 = 1;
const ETHERNET_LEN: usize = 6;

/// As many as a stripe takes room for while it is short: not for each one by itself.
const FEW_HINTS: usize = 4;

/// All hints.
pub(super) struct Hints {
    hashing: Hashing,
    stripes: Vec<Mutex<Stripe>>,
}

/// Hints by tag and address, ascending: stripes are many, so that each is short and stays in few cache lines.
type Stripe = Vec<(u32, u32)>;

/// Where a hint is found: its stripe, and its tag within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key {
    stripe: u32,
    tag: u32,
}

/// At most two keys: of a lease, or to look for a client's leases.
pub(super) type Keys = [Option<Key>; 2];

/// The stripe of the first of these keys.
pub(super) fn first_stripe(keys: Keys) -> Option<u32> {
    keys.into_iter().flatten().next().map(|key| key.stripe)
}

/// Locked stripes, ascending, each once: those of the keys of a lease and of a client.
pub(super) struct HeldHints<'a>([Option<(u32, MutexGuard<'a, Stripe>)>; 4]);

impl Hints {
    pub(super) fn new() -> Self {
        let stripes = (0..IDENTITY_STRIPES).map(|_| Mutex::new(Stripe::new())).collect();
        Self { hashing: Hashing::default(), stripes }
    }

    /// Takes room for the hints of so many leases, once rather than little by little: stripes are shared by all threads,
    /// and so is the memory of each, for which they would wait.
    pub(super) fn make_room(&self, leases: u64) {
        let each = 2 * leases / u64::from(IDENTITY_STRIPES);
        // Not all stripes are alike: nearly all of them differ by less.
        let each = usize::try_from(each + 2 * each.isqrt()).unwrap_or(0);
        if each > FEW_HINTS {
            self.stripes.iter().for_each(|stripe| stripe.lock().reserve_exact(each));
        }
    }

    /// Gives back room that was taken for more leases than there are.
    pub(super) fn give_room_back(&self) {
        for stripe in &self.stripes {
            let mut hints = stripe.lock();
            if hints.capacity() > 2 * hints.len() {
                let enough = hints.len() + FEW_HINTS;
                hints.shrink_to(enough);
            }
        }
    }

    /// The keys under which a lease is found. A lease with a client identifier is under its hardware address
    /// only for clients that send none.
    pub(super) fn of_lease(&self, lease: &Lease4) -> Keys {
        let by_hw_address = (!lease.hw_address.is_empty())
            .then(|| self.hw_key(&lease.hw_address).with_client_id(lease.client_id.is_some()));
        [lease.client_id.as_ref().map(|id| self.client_id_key(id.as_bytes())), by_hw_address]
    }

    /// The keys under which a client's leases can be.
    pub(super) fn of_client(&self, identity: Identity<'_>) -> Keys {
        let hw_key = self.hw_key(identity.hw_address);
        match identity.client_id {
            Some(id) => {
                [Some(self.client_id_key(id.as_bytes())), Some(hw_key.with_client_id(false))]
            }
            None => [Some(hw_key.with_client_id(false)), Some(hw_key.with_client_id(true))],
        }
    }

    /// As [`Self::of_client`] and [`Self::of_lease`] of a lease that the client is to get.
    pub(super) fn of_grant(&self, identity: Identity<'_>, lease: &Lease4) -> (Keys, Keys) {
        let search = self.of_client(identity);
        let usual = identity.client_id.is_some()
            && identity.client_id == lease.client_id.as_ref()
            && *identity.hw_address == lease.hw_address
            && !lease.hw_address.is_empty();
        match search {
            [by_client_id, Some(hw_key)] if usual => {
                (search, [by_client_id, Some(hw_key.with_client_id(true))])
            }
            _ => (search, self.of_lease(lease)),
        }
    }

    /// Locks the stripes of all `keys`, ascending.
    pub(super) fn hold(&self, keys: [Keys; 2]) -> HeldHints<'_> {
        let mut wanted = keys.map(|keys| keys.map(|key| key.map(|key| key.stripe)));
        let wanted = wanted.as_flattened_mut();
        wanted.sort_unstable();
        let mut before = None;
        HeldHints(std::array::from_fn(|at| {
            let stripe = wanted[at].filter(|_| wanted[at] != before)?;
            before = Some(stripe);
            Some((stripe, self.stripes[stripe as usize].lock()))
        }))
    }

    /// Every hint.
    #[cfg(any(test, feature = "model"))]
    pub(super) fn all(&self) -> BTreeSet<(u32, u32, u32)> {
        let stripes = self.stripes.iter().zip(0..);
        let hints = stripes.flat_map(|(hints, stripe)| {
            let hints = hints.lock().clone();
            hints.into_iter().map(move |(tag, address)| (stripe, tag, address))
        });
        hints.collect()
    }

    /// Most identifiers are the hardware address behind its type: they are in its stripe, so that a client takes one
    /// lock, and one piece of memory is looked at.
    fn client_id_key(&self, id: &[u8]) -> Key {
        match id {
            [ETHERNET, address @ ..] if address.len() == ETHERNET_LEN => {
                let key = self.address_key(address);
                Key { tag: key.tag.rotate_left(16), ..key }
            }
            _ => Key::of(self.hashing.hash_one((0_u8, id))),
        }
    }

    fn hw_key(&self, address: &HwAddress) -> Key {
        self.address_key(address.as_bytes())
    }

    fn address_key(&self, address: &[u8]) -> Key {
        // One word is hashed at once, a slice piece by piece.
        Key::of(match <[u8; ETHERNET_LEN]>::try_from(address) {
            Ok([a, b, c, d, e, f]) => {
                self.hashing.hash_one(u64::from_le_bytes([a, b, c, d, e, f, 0, 1]))
            }
            Err(_) => self.hashing.hash_one((1_u8, address)),
        })
    }
}

impl Key {
    fn of(hash: u64) -> Self {
        // Either half of the hash serves.
        Self { stripe: (hash >> 32) as u32 % IDENTITY_STRIPES, tag: hash as u32 }
    }

    /// The key of a hardware address for leases with or without client identifier; both are in one stripe.
    fn with_client_id(self, has_client_id: bool) -> Self {
        Self { tag: self.tag & !1 | u32::from(has_client_id), ..self }
    }

    /// What a hint of this key says in full, for comparisons.
    #[cfg(any(test, feature = "model"))]
    pub(super) fn hint(self, address: u32) -> (u32, u32, u32) {
        (self.stripe, self.tag, address)
    }
}

/// Hints of a cache line: so far the search goes with its first step.
const LINE: usize = 8;

/// Where a hint is, or belongs. Tags are hashes, so one says about where: the search goes from there, in steps that grow, and
/// looks at few cache lines however many hints there are.
fn place_of(hints: &[(u32, u32)], hint: (u32, u32)) -> usize {
    let is_before = |it: &(u32, u32)| *it < hint;
    let about = ((u64::from(hint.0) * hints.len() as u64) >> 32) as usize;
    let mut step = LINE;
    if hints.get(about).is_some_and(is_before) {
        let mut first = about + 1;
        loop {
            let end = first + step;
            if !hints.get(end).is_some_and(is_before) {
                let end = end.min(hints.len());
                return first + hints[first..end].partition_point(is_before);
            }
            (first, step) = (end + 1, 2 * step);
        }
    }
    let mut end = about;
    while end > 0 {
        let first = end.saturating_sub(step);
        if is_before(&hints[first]) {
            return first + 1 + hints[first + 1..end].partition_point(is_before);
        }
        (end, step) = (first, 2 * step);
    }
    0
}

impl HeldHints<'_> {
    /// Adds the addresses under `keys` to `found`.
    pub(super) fn addresses(&mut self, keys: Keys, found: &mut Few) {
        for key in keys.into_iter().flatten() {
            let hints = self.stripe(key);
            let first = place_of(hints, (key.tag, 0));
            let under = hints[first..].iter().take_while(|(tag, _)| *tag == key.tag);
            under.for_each(|(_, address)| found.push(*address));
        }
    }

    pub(super) fn insert(&mut self, keys: Keys, address: u32) {
        for key in keys.into_iter().flatten() {
            let hints = self.stripe(key);
            let place = place_of(hints, (key.tag, address));
            if hints.get(place) != Some(&(key.tag, address)) {
                if hints.len() == hints.capacity() {
                    grow(hints, FEW_HINTS);
                }
                hints.insert(place, (key.tag, address));
            }
        }
    }

    pub(super) fn remove(&mut self, key: Key, address: u32) {
        let hints = self.stripe(key);
        let place = place_of(hints, (key.tag, address));
        if hints.get(place) == Some(&(key.tag, address)) {
            hints.remove(place);
        }
    }

    fn stripe(&mut self, key: Key) -> &mut Stripe {
        let held = self.0.iter_mut().flatten().find(|(stripe, _)| *stripe == key.stripe);
        &mut held.expect("locked by hold").1
    }
}

#[cfg(all(test, not(feature = "model")))]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_found_wherever_the_tags_are() {
        let even: Vec<_> = (0..200_u32).map(|n| (n << 24 | 7, n)).collect();
        let low: Vec<_> = (0..200_u32).map(|n| (n / 50, n)).collect();
        let high: Vec<_> = (0..200_u32).map(|n| (u32::MAX - 3 + n / 50, n)).collect();
        for hints in [even, low, high, Vec::new()] {
            let others = [(0, 0), (u32::MAX, u32::MAX), (7, 9), (1 << 31, 0)];
            for hint in hints.iter().copied().chain(others) {
                let place = place_of(&hints, hint);
                assert_eq!(place, hints.partition_point(|it| *it < hint), "{hint:?}");
            }
        }
    }
}
