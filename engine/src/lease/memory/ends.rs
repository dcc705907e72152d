//! When leases end, in order, in shards with a lock each. Exact: an entry changes with its record, under the
//! lock of its address. Pure but for its locks. Must not know the table.
//!
//! An entry is one number: the end, and what of the address the shard does not say.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::lease::rules::end_s;
use crate::lease::{LeaseState, Stored};
use crate::limits::END_SHARDS;
use crate::sync::Mutex;

/// An end in seconds since 1970, and the address.
pub(super) type End = (u64, u32);

/// The latest end that is told from later ones: some thousand years from now.
pub(super) const LATEST_S: u64 = u64::MAX >> ADDRESS_BITS;
/// Bits of an entry that say the address: the shard says the rest.
const ADDRESS_BITS: u32 = 32 - END_SHARDS.ilog2();
const _: () = assert!(END_SHARDS.is_power_of_two() && END_SHARDS < 1 << 24);

/// All ends.
pub(super) struct Ends {
    shards: Vec<Mutex<Shard>>,
}

/// See the top of the file. Within a shard entries are in the order of their ends and addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry(u64);

#[derive(Default)]
struct Shard {
    /// Of leases that are to be looked at once they end.
    running: BTreeSet<Entry>,
    /// Of reclaimed leases, which are kept for a while more.
    kept: BTreeSet<Entry>,
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
            shard.set(kept).remove(&Entry::of(end));
        }
        if let Some((kept, end)) = new {
            shard.set(kept).insert(Entry::of(end));
        }
    }

    /// Every entry.
    #[cfg(any(test, feature = "model"))]
    pub(super) fn all(&self) -> BTreeSet<End> {
        let all = |(at, shard): (usize, &Mutex<Shard>)| {
            let shard = shard.lock();
            let entries = shard.running.union(&shard.kept);
            entries.map(|entry| entry.end(at)).collect::<Vec<End>>()
        };
        self.shards.iter().enumerate().flat_map(all).collect()
    }

    /// As [`Self::due`], of reclaimed leases only.
    pub(super) fn kept_due(&self, from: End, wall_s: u64, hold_s: u64, limit: usize) -> Vec<End> {
        let mut due = Vec::new();
        let until = (wall_s.saturating_sub(hold_s), 0);
        for (at, shard) in self.shards.iter().enumerate() {
            due.extend(entries(&shard.lock().kept, from, until, at).take(limit));
        }
        due.sort_unstable();
        due.truncate(limit);
        due
    }

    /// The first `limit` entries from `from` on that ended before `wall_s` (reclaimed ones: `hold_s` seconds before), in
    /// order.
    pub(super) fn due(&self, from: End, wall_s: u64, hold_s: u64, limit: usize) -> Vec<End> {
        let mut due = Vec::new();
        let (until, kept_until) = ((wall_s, 0), (wall_s.saturating_sub(hold_s), 0));
        for (at, shard) in self.shards.iter().enumerate() {
            let shard = shard.lock();
            if shard.running.is_empty() && shard.kept.is_empty() {
                continue;
            }
            due.extend(entries(&shard.running, from, until, at).take(limit));
            due.extend(entries(&shard.kept, from, kept_until, at).take(limit));
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
        let firsts = self.shards.iter().enumerate().filter_map(|(at, shard)| {
            let mut after = (0, 0);
            loop {
                let page: Vec<End> = entries(&shard.lock().running, after, (wall_s, 0), at)
                    .filter(|(_, address)| range.contains(address))
                    .take(PAGE)
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
    fn set(&mut self, kept: bool) -> &mut BTreeSet<Entry> {
        if kept { &mut self.kept } else { &mut self.running }
    }
}

impl Entry {
    fn of((end_s, address): End) -> Self {
        Self(end_s.min(LATEST_S) << ADDRESS_BITS | Self::address_part(address))
    }

    /// The first entry of a shard that is not before `end`.
    fn from(end: End, shard: usize) -> Self {
        let (end_s, address) = end;
        // Of a block in a lower shard, the next one in this shard has a higher number only.
        let own = address >> 8 & !MASK | shard_bits(shard);
        let first = if own >= address >> 8 { own } else { own.saturating_add(MASK + 1) };
        let low = if own == address >> 8 { address & 255 } else { 0 };
        let part = u64::from(first >> MASK.count_ones()) << 8 | u64::from(low);
        Self((end_s.min(LATEST_S) << ADDRESS_BITS).saturating_add(part))
    }

    fn end(self, shard: usize) -> End {
        let part = (self.0 & ((1 << ADDRESS_BITS) - 1)) as u32;
        let block = part >> 8 << MASK.count_ones() | shard_bits(shard);
        (self.0 >> ADDRESS_BITS, block << 8 | part & 255)
    }

    fn address_part(address: u32) -> u64 {
        u64::from(address >> 8 >> MASK.count_ones()) << 8 | u64::from(address & 255)
    }
}

/// The entries from `from` up to, and without, `until`.
fn entries(
    set: &BTreeSet<Entry>,
    from: End,
    until: End,
    shard: usize,
) -> impl Iterator<Item = End> {
    let until = Entry::from(until, shard);
    let from = Entry::from(from, shard).min(until);
    set.range(from..until).map(move |entry| entry.end(shard))
}

/// The bits of a block's number that choose its shard: neighbouring blocks are in different ones.
const MASK: u32 = END_SHARDS as u32 - 1;

fn shard_of(address: u32) -> usize {
    (address >> 8 & MASK) as usize
}

fn shard_bits(shard: usize) -> u32 {
    u32::try_from(shard).expect("less than a u32") & MASK
}

#[cfg(all(test, not(feature = "model")))]
mod tests {
    use super::*;

    #[test]
    fn entries_are_what_they_were_made_of_and_in_the_order_of_ends() {
        let addresses = [0, 1, 255, 256, 0x0a00_0001, 0x0a00_3fff, 0x0a00_4000, u32::MAX];
        let ends = [0, 1, 1_800_000_000, LATEST_S - 1];
        let mut all = Vec::new();
        for end in ends {
            for address in addresses {
                all.push((end, address));
                assert_eq!(Entry::of((end, address)).end(shard_of(address)), (end, address));
            }
        }
        for one in &all {
            for shard in 0..END_SHARDS {
                let first = Entry::from(*one, shard);
                for two in all.iter().filter(|two| shard_of(two.1) == shard) {
                    assert_eq!(Entry::of(*two) >= first, two >= one, "{one:?} {two:?} {shard}");
                }
            }
        }
    }
}
