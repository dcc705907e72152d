//! The store's invariants, for tests and the model checker: the records, the hints, the ends, the map of held
//! addresses and the count say the same. True whenever no operation is under way.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::MemoryStore;
use super::ends::LATEST_S;
use crate::lease::{Findable, LeaseStore, rules};

impl MemoryStore {
    /// Says which invariant does not hold.
    pub fn check(&self) -> Result<(), String> {
        let leases = self.page(None, usize::MAX);
        let hints: BTreeSet<_> = (leases.iter())
            .flat_map(|lease| {
                let keys = self.hints.of_lease(lease).into_iter().flatten();
                keys.map(|key| key.hint(lease.address.to_bits()))
            })
            .collect();
        same("hints", &hints, &self.hints.all())?;
        let ends: BTreeSet<(u64, u32)> = (leases.iter())
            .filter_map(|lease| {
                let stored = self.find(lease.address)?;
                Some((rules::end_s(&stored)?.min(LATEST_S), lease.address.to_bits()))
            })
            .collect();
        same("ends", &ends, &self.ends.all())?;
        same("len", &leases.len(), &self.len())?;
        for lease in &leases {
            let bits = lease.address.to_bits();
            let free =
                self.tree.first_free(bits, bits, Findable::ANYTHING).map(Ipv4Addr::from_bits);
            let expected = (!rules::occupies(lease)).then_some(lease.address);
            same("held", &expected, &free)?;
        }
        Ok(())
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, records: &T, index: &T) -> Result<(), String> {
    if records == index {
        return Ok(());
    }
    Err(format!("{what}: {records:?} by the records, {index:?} by the index"))
}

/// The map of held addresses apart from the store, for the model checker: 10.0.0.0/16 as if all of its blocks
/// were full but the first two, which lack one address each.
#[cfg(feature = "model")]
pub struct NearlyFull(super::tree::Tree);

#[cfg(feature = "model")]
impl Default for NearlyFull {
    fn default() -> Self {
        let tree = super::tree::Tree::new();
        tree.fill_blocks_behind(Self::GAPS[1]);
        for gap in Self::GAPS {
            let records = tree.lock_or_make(gap);
            (gap & !255..=gap | 255).filter(|at| *at != gap).for_each(|at| tree.mark(at, true));
            drop(records);
        }
        Self(tree)
    }
}

#[cfg(feature = "model")]
impl NearlyFull {
    /// The addresses that are free at first.
    pub const GAPS: [u32; 2] = [0x0a00_0007, 0x0a00_0107];

    /// Takes or frees an address.
    pub fn mark(&self, address: u32, held: bool) {
        let _records = self.0.lock_or_make(address);
        self.0.mark(address, held);
    }

    /// The first free address.
    pub fn first_free(&self) -> Option<u32> {
        self.0.first_free(0x0a00_0000, 0x0a00_ffff, Findable::ANYTHING)
    }
}
