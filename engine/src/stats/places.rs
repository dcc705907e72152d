//! What is counted for each subnet and each of its pools. Pure but for its atomics.

use std::sync::Arc;

use super::Counter;
use crate::sync::Live;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Where something is counted beside the whole server: a subnet, or the pools of one `pool-id` in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The subnet's id.
    pub subnet_id: u32,
    /// `pool-id`; `None` for the whole subnet.
    pub pool_id: Option<u32>,
}

impl Place {
    /// The whole of a subnet.
    pub const fn subnet(subnet_id: u32) -> Self {
        Self { subnet_id, pool_id: None }
    }
}

/// What is counted of places.
pub const LOCAL: [Counter; 10] = [
    Counter::CumulativeAssigned,
    Counter::ReclaimedLeases,
    Counter::ReclaimedDeclined,
    Counter::ReservationConflicts,
    Counter::LeaseReuses,
    Counter::AllocationFail,
    Counter::AllocationFailNetwork,
    Counter::AllocationFailSubnet,
    Counter::AllocationFailNoPools,
    Counter::AllocationFailClasses,
];

type Counts = [AtomicU64; LOCAL.len()];

/// The places of a configuration, ascending, with what was counted there.
#[derive(Debug, Default)]
struct Table(Box<[(Place, Arc<Counts>)]>);

impl Table {
    fn find(&self, place: Place) -> Option<&Arc<Counts>> {
        let at = self.0.binary_search_by_key(&place, |(place, _)| *place).ok()?;
        Some(&self.0[at].1)
    }
}

/// Counters of all places.
#[derive(Debug)]
pub(super) struct Places(Live<Table>);

impl Default for Places {
    fn default() -> Self {
        Self(Live::new(Arc::default()))
    }
}

impl Places {
    /// Lets these be the places. What stays keeps its counts.
    pub(super) fn set(&self, places: &[Place]) {
        let mut places = places.to_vec();
        places.sort_unstable();
        places.dedup();
        self.0.update(|before| {
            let counts = |place: &Place| (*place, before.find(*place).cloned().unwrap_or_default());
            Table(places.iter().map(counts).collect())
        });
    }

    /// Adds one in the subnet and, if a pool is named, in that; what is not configured is not counted.
    pub(super) fn count(&self, counter: Counter, place: Place) {
        let Some(at) = LOCAL.iter().position(|local| *local == counter) else { return };
        self.0.look(|table| {
            let whole = Place::subnet(place.subnet_id);
            for place in [Some(whole), Some(place).filter(|place| *place != whole)] {
                if let Some(counts) = place.and_then(|place| table.find(place)) {
                    counts[at].fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }

    pub(super) fn value(&self, counter: Counter, place: Place) -> u64 {
        let Some(at) = LOCAL.iter().position(|local| *local == counter) else { return 0 };
        self.0.look(|table| table.find(place).map_or(0, |it| it[at].load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_counts_in_its_subnet_and_what_stays_keeps_its_counts() {
        let places = Places::default();
        let pool = Place { subnet_id: 1, pool_id: Some(7) };
        let subnet = Place::subnet(1);
        let reuses = |place| places.value(Counter::LeaseReuses, place);
        places.count(Counter::LeaseReuses, pool);
        places.set(&[pool, subnet, Place::subnet(2)]);
        assert_eq!([pool, subnet].map(reuses), [0, 0]);
        places.count(Counter::LeaseReuses, pool);
        places.count(Counter::LeaseReuses, subnet);
        places.count(Counter::LeaseReuses, Place { pool_id: Some(8), ..pool });
        places.count(Counter::Received, subnet);
        assert_eq!([pool, subnet, Place::subnet(2)].map(reuses), [1, 3, 0]);
        places.set(&[subnet]);
        assert_eq!([pool, subnet].map(reuses), [0, 3]);
    }
}
