//! When leases end, in order, in shards with a lock each. Exact: an entry changes with its record, under the
//! lock of its address. Pure but for its locks. Must not know the table.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::lease::rules::end_s;
use crate::lease::{LeaseState, Stored};
use crate::limits::END_SHARDS;
use crate::sync::Mutex;

/// An end in seconds since 1970, and the address.
pub(super) type End = (u64, u32);

/// All ends.
pub(super) struct Ends {
    shards: Vec<Mutex<Shard>>,
}

#[derive(Default)]
struct Shard {
    /// Of leases that are to be looked at once they end.
    running: BTreeSet<End>,
    /// Of reclaimed leases, which are kept for a while more.
    kept: BTreeSet<End>,
}

impl Ends {
    pub(super) fn new() -> Self {
        Self { shards: (0..END_SHARDS).map(|_| Mutex::new(Shard::default())).collect() }
    }

    /// Puts the entry of `new` in the place of that of `before`, leases of the same address.
    pub(super) fn replace(&self, before: Option<&Stored>, new: Option<&Stored>) {
        let entry = |stored: Option<&Stored>| {
            let stored = stored?;
            let kept = stored.lease.state == LeaseState::Reclaimed;
            Some((kept, (end_s(stored)?, stored.lease.address.to_bits())))
        };
        let (before, new) = (entry(before), entry(new));
        let Some((_, (_, address))) = before.or(new).filter(|_| before != new) else { return };
        let mut shard = self.shards[shard_of(address)].lock();
        if let Some((kept, end)) = before {
            shard.set(kept).remove(&end);
        }
        if let Some((kept, end)) = new {
            shard.set(kept).insert(end);
        }
    }

    /// Every entry.
    #[cfg(any(test, feature = "model"))]
    pub(super) fn all(&self) -> BTreeSet<End> {
        let all = |shard: &Mutex<Shard>| {
            let shard = shard.lock();
            shard.running.union(&shard.kept).copied().collect::<Vec<End>>()
        };
        self.shards.iter().flat_map(all).collect()
    }

    /// The first `limit` entries from `from` on that ended before `wall_s` (reclaimed ones: `hold_s` seconds before), in
    /// order.
    pub(super) fn due(&self, from: End, wall_s: u64, hold_s: u64, limit: usize) -> Vec<End> {
        let mut due = Vec::new();
        for shard in &self.shards {
            let shard = shard.lock();
            let (until, kept_until) = ((wall_s, 0), (wall_s.saturating_sub(hold_s), 0));
            due.extend(shard.running.range(from.min(until)..until).take(limit));
            due.extend(shard.kept.range(from.min(kept_until)..kept_until).take(limit));
        }
        due.sort_unstable();
        due.truncate(limit);
        due
    }

    /// The first of the leases in `range` that ended before `wall_s` and suit `is_free`, which is asked outside
    /// of locks.
    pub(super) fn first_ended(
        &self,
        wall_s: u64,
        range: &RangeInclusive<u32>,
        is_free: &dyn Fn(u32) -> bool,
    ) -> Option<u32> {
        let firsts = self.shards.iter().filter_map(|shard| {
            let mut after = (0, 0);
            loop {
                let page: Vec<End> = (shard.lock().running.range(after..(wall_s, 0)))
                    .filter(|(_, address)| range.contains(address))
                    .take(PAGE)
                    .copied()
                    .collect();
                let (end_s, address) = *page.last()?;
                if let Some(end) = page.into_iter().find(|(_, address)| is_free(*address)) {
                    return Some(end);
                }
                after = (end_s, address.checked_add(1)?);
            }
        });
        firsts.min().map(|(_, address)| address)
    }
}

/// Entries that are taken out of a shard at a time.
const PAGE: usize = 64;

impl Shard {
    fn set(&mut self, kept: bool) -> &mut BTreeSet<End> {
        if kept { &mut self.kept } else { &mut self.running }
    }
}

/// Neighbouring blocks are in different shards.
fn shard_of(address: u32) -> usize {
    (address >> 8) as usize % END_SHARDS
}
