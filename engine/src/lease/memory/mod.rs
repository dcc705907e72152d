//! The in-memory store: one table in address order with a lock for each 256 addresses ([`tree`]) and their packed
//! [`records`], hints by identity ([`hints`]) and an index of ends ([`ends`]). Pure but for its locks.
//!
//! Lock order: stripes of hints, ascending; blocks of addresses, ascending; a shard of ends; what the
//! [`ChangeSink`] needs. Hints of a record are written under the locks of both. A change that takes a record
//! from a client whose stripes it does not hold leaves the hint, and removes it once it holds no lock.

mod bits;
#[cfg(any(test, feature = "model"))]
mod check;
mod ends;
mod few;
mod hints;
mod loading;
mod packed;
mod records;
mod steps;
mod tree;

#[cfg(all(test, not(feature = "model")))]
mod tests;

#[cfg(feature = "model")]
pub use check::NearlyFull;

use std::fmt;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use self::ends::{End, Ends};
use self::few::Few;
use self::hints::Hints;
use self::records::Records;
use self::steps::Steps;
use self::tree::Tree;
use super::rules::{self, Fate};
use super::{
    Applied, Change, ChangeKind, ChangeNumber, ChangeSink, Findable, Grant, GrantRefused, Granted,
    Identity, Lease4, LeaseStore, NotHolder, Origin, Overwrite, Stored,
};
use crate::clock::Now;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// The in-memory store.
pub struct MemoryStore {
    tree: Tree,
    hints: Hints,
    ends: Ends,
    last_change: AtomicU64,
    len: AtomicUsize,
    steps: Steps,
    complete: AtomicBool,
    sink: Arc<dyn ChangeSink>,
}

/// What became of a record.
struct Changed {
    number: ChangeNumber,
    before: Option<Lease4>,
    /// It was another client's before: the hints to it are to be forgotten.
    stale_hints: bool,
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("leases", &self.len()).finish_non_exhaustive()
    }
}

impl MemoryStore {
    /// An empty store that shows its changes to `sink`.
    pub fn new(sink: Arc<dyn ChangeSink>) -> Self {
        Self {
            tree: Tree::new(),
            hints: Hints::new(),
            ends: Ends::new(),
            last_change: AtomicU64::new(0),
            len: AtomicUsize::new(0),
            steps: Steps::new(),
            complete: AtomicBool::new(true),
            sink,
        }
    }

    /// Writes, or without `new` deletes, the record of an address whose block is locked and that has `before`, notes
    /// its end and whether its address is held, and tells. Hints are the caller's.
    fn change(
        &self,
        records: &mut Records,
        address: Ipv4Addr,
        before: Option<Stored>,
        new: Option<Lease4>,
        origin: Origin,
    ) -> Changed {
        let number = ChangeNumber(self.last_change.fetch_add(1, Ordering::AcqRel) + 1);
        let is_there = new.is_some();
        new.iter().for_each(|lease| self.steps.see(lease));
        let new = new.map(|lease| Stored::in_place_of(before.as_ref(), lease, number, origin));
        match &new {
            Some(new) => records.put(new),
            None => records.remove(address),
        }
        self.ends.replace(before.as_ref(), new.as_ref());
        let before = before.map(|stored| stored.lease);
        let new = new.as_ref().map(|stored| &stored.lease);
        let held = new.is_some_and(rules::occupies);
        if held != before.as_ref().is_some_and(rules::occupies) {
            self.tree.mark(address.to_bits(), held);
        }
        let kind = match (before.is_some(), is_there) {
            (true, true) => ChangeKind::Updated,
            (false, _) => {
                self.len.fetch_add(1, Ordering::AcqRel);
                ChangeKind::Added
            }
            (true, false) => {
                self.len.fetch_sub(1, Ordering::AcqRel);
                ChangeKind::Deleted
            }
        };
        let lease = new.or(before.as_ref()).expect("callers delete only what is there");
        self.sink.record(&Change { number, kind, lease, before: before.as_ref(), origin });
        let same_client = |old: &Lease4| {
            new.is_some_and(|it| it.client_id == old.client_id && it.hw_address == old.hw_address)
        };
        let stale_hints = before.as_ref().is_some_and(|old| !same_client(old));
        Changed { number, before, stale_hints }
    }

    /// Removes the hints that `old` left behind at its address, but for those of what is there now. The caller
    /// holds no lock.
    fn forget(&self, old: &Lease4) {
        let keys = self.hints.of_lease(old);
        let address = old.address.to_bits();
        let mut hints = self.hints.hold([keys, [None; 2]]);
        let records = self.tree.lock(address);
        let there = (records.as_ref()).and_then(|it| it.get(old.address));
        let current = there.map_or([None; 2], |stored| self.hints.of_lease(&stored.lease));
        for key in keys.into_iter().flatten().filter(|key| !current.contains(&Some(*key))) {
            hints.remove(key, address);
        }
    }

    /// As [`Self::forget`], of what a change left behind.
    fn forget_stale(&self, changed: &Changed) {
        if let Some(old) = changed.before.as_ref().filter(|_| changed.stale_hints) {
            self.forget(old);
        }
    }

    /// Changes the client's live lease as `change` says, and returns its content and version after that, or
    /// the last content.
    fn end(
        &self,
        now: Now,
        address: Ipv4Addr,
        identity: Identity<'_>,
        origin: Origin,
        change: impl FnOnce(&Lease4) -> Option<Lease4>,
    ) -> Result<Stored, NotHolder> {
        let mut records = self.tree.lock(address.to_bits()).ok_or(NotHolder(address))?;
        let live = records
            .get(address)
            .filter(|it| it.lease.holds_address(now.wall_s) && identity.owns(&it.lease))
            .ok_or(NotHolder(address))?;
        let new = change(&live.lease);
        let changed = self.change(&mut records, address, Some(live), new.clone(), origin);
        drop(records);
        self.forget_stale(&changed);
        let lease = new.or(changed.before).ok_or(NotHolder(address))?;
        Ok(Stored::new(lease, changed.number, origin))
    }

    /// Does what `fate_of` says to the leases whose entries `due` tells, page by page, at most `limit` changes. Returns
    /// their number.
    fn clean(
        &self,
        limit: usize,
        due: impl Fn(End, usize) -> Vec<End>,
        fate_of: impl Fn(&Stored) -> Option<Fate>,
    ) -> usize {
        let (mut changed, mut after) = (0, (0, 0));
        while changed < limit {
            let due = due(after, limit - changed);
            let Some(last) = due.last() else { break };
            // What was looked at is not looked at again: it may stay.
            after = last.1.checked_add(1).map_or((last.0 + 1, 0), |address| (last.0, address));
            for (_, address) in due {
                changed += self.clean_up(address, limit - changed, &fate_of);
            }
        }
        changed
    }

    /// Does to the lease of an address what is due, at most `limit` changes. Returns their number.
    fn clean_up(
        &self,
        address: u32,
        limit: usize,
        fate_of: impl Fn(&Stored) -> Option<Fate>,
    ) -> usize {
        let Some(mut records) = self.tree.lock(address) else { return 0 };
        let address = Ipv4Addr::from_bits(address);
        let mut changed = 0;
        let mut deleted = None;
        while changed < limit {
            let Some(stored) = records.get(address) else { break };
            let Some(fate) = fate_of(&stored) else { break };
            if !self.sink.may_clean_up(&stored.lease) {
                break;
            }
            let new = (fate == Fate::Reclaim).then(|| rules::reclaimed(stored.lease.clone()));
            let origin = Origin::Reclamation;
            let before = self.change(&mut records, address, Some(stored), new, origin).before;
            deleted = before.filter(|_| fate == Fate::Delete);
            changed += 1;
        }
        drop(records);
        if let Some(lease) = deleted {
            self.forget(&lease);
        }
        changed
    }

    /// Whether the lease of an address, if it still holds it, is expired.
    fn is_expired(&self, address: u32, now: Now) -> bool {
        let records = self.tree.lock(address);
        records
            .and_then(|it| it.get(Ipv4Addr::from_bits(address)))
            .is_none_or(|stored| rules::is_over(&stored, now.wall_s))
    }
}

impl LeaseStore for MemoryStore {
    fn find(&self, address: Ipv4Addr) -> Option<Stored> {
        self.tree.lock(address.to_bits())?.get(address)
    }

    fn version(&self, address: Ipv4Addr) -> Option<ChangeNumber> {
        self.tree.lock(address.to_bits())?.version(address)
    }

    fn last_change(&self) -> ChangeNumber {
        ChangeNumber(self.last_change.load(Ordering::Acquire))
    }

    fn promise(&self, address: Ipv4Addr, version: ChangeNumber, acknowledged: bool) -> bool {
        let records = self.tree.lock(address.to_bits());
        let Some(mut records) = records else { return false };
        let stored = records.get(address).filter(|stored| stored.version == version);
        let Some(mut stored) = stored else { return false };
        stored.promise(acknowledged);
        records.put(&stored);
        true
    }

    fn find_of(&self, identity: Identity<'_>, subnets: &[u32], now: Now) -> Option<Stored> {
        let keys = self.hints.of_client(identity);
        let mut hints = self.hints.hold([keys, [None; 2]]);
        let mut addresses = Few::default();
        hints.addresses(keys, &mut addresses);
        let mut best = None;
        for address in addresses.as_slice().iter().copied() {
            let Some(records) = self.tree.lock(address) else { continue };
            let Some(stored) = records.get(Ipv4Addr::from_bits(address)) else { continue };
            let Some(rank) = rules::rank(identity, subnets, &stored.lease, now.wall_s) else {
                continue;
            };
            if best.as_ref().is_none_or(|(least, _)| rank < *least) {
                best = Some((rank, stored));
            }
        }
        best.map(|(_, stored)| stored)
    }

    fn grant(&self, now: Now, grant: Grant<'_>) -> Result<Granted, GrantRefused> {
        let Grant { lease, identity, one_of, origin } = grant;
        let steady = self.steps.steady(now);
        let (address, target) = (lease.address, lease.address.to_bits());
        let (search, keys) = self.hints.of_grant(identity, &lease);
        let mut hints = self.hints.hold([search, keys]);
        let mut addresses = Few::default();
        addresses.push(target);
        hints.addresses(search, &mut addresses);
        addresses.sort();
        let mut blocks = self.tree.lock_all(addresses.as_slice());
        let before = blocks.around(target).get(address);
        if let Some(there) = &before
            && there.keeps_address(steady.wall_s)
            && !identity.owns(&there.lease)
        {
            return Err(GrantRefused::Held(address));
        }
        let mut replaced = Vec::new();
        for other in addresses.as_slice().iter().copied().filter(|other| *other != target) {
            let (records, other) = (blocks.around(other), Ipv4Addr::from_bits(other));
            let owned = |it: &Stored| {
                identity.owns(&it.lease) && one_of.binary_search(&it.lease.subnet_id).is_ok()
            };
            if let Some(there) = records.get(other).filter(owned) {
                let changed = self.change(records, other, Some(there), None, origin);
                replaced.extend(changed.before);
            }
        }
        let changed = self.change(blocks.around(target), address, before, Some(lease), origin);
        hints.insert(keys, target);
        drop(blocks);
        drop(hints);
        replaced.iter().for_each(|lease| self.forget(lease));
        self.forget_stale(&changed);
        Ok(Granted { version: changed.number, before: changed.before, replaced })
    }

    fn release(
        &self,
        now: Now,
        address: Ipv4Addr,
        identity: Identity<'_>,
        keep: bool,
        origin: Origin,
    ) -> Result<Stored, NotHolder> {
        self.end(now, address, identity, origin, |lease| rules::released(lease).filter(|_| keep))
    }

    fn decline(
        &self,
        now: Now,
        address: Ipv4Addr,
        identity: Identity<'_>,
        probation_s: u32,
        origin: Origin,
    ) -> Result<Stored, NotHolder> {
        self.end(now, address, identity, origin, |lease| {
            Some(rules::declined(lease, now.wall_s, probation_s))
        })
    }

    fn apply(&self, lease: Lease4, overwrite: Overwrite, origin: Origin) -> Applied {
        let (address, bits) = (lease.address, lease.address.to_bits());
        let keys = self.hints.of_lease(&lease);
        let mut hints = self.hints.hold([keys, [None; 2]]);
        let mut records = self.tree.lock_or_make(bits);
        let there = records.get(address);
        if !rules::may_overwrite(overwrite, there.as_ref(), &lease) {
            return Applied::Kept;
        }
        let changed = self.change(&mut records, address, there, Some(lease), origin);
        hints.insert(keys, bits);
        drop(records);
        drop(hints);
        self.forget_stale(&changed);
        match changed.before {
            Some(_) => Applied::Updated(changed.number),
            None => Applied::Added(changed.number),
        }
    }

    fn load(&self, lease: Lease4) -> bool {
        self.load_under(self.hints.of_lease(&lease), lease)
    }

    fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    fn delete(&self, address: Ipv4Addr, origin: Origin) -> Option<Stored> {
        let mut records = self.tree.lock(address.to_bits())?;
        let there = Some(records.get(address)?);
        let changed = self.change(&mut records, address, there, None, origin);
        drop(records);
        self.forget_stale(&changed);
        Some(Stored::new(changed.before?, changed.number, origin))
    }

    fn delete_version(
        &self,
        address: Ipv4Addr,
        version: ChangeNumber,
        origin: Origin,
    ) -> Option<ChangeNumber> {
        let mut records = self.tree.lock(address.to_bits())?;
        let there = Some(records.get(address).filter(|stored| stored.version == version)?);
        let changed = self.change(&mut records, address, there, None, origin);
        drop(records);
        self.forget_stale(&changed);
        Some(changed.number)
    }

    fn watch(&self, now: Now) {
        self.steps.watch(now);
    }

    fn expire(&self, now: Now, hold_s: u64, limit: usize) -> usize {
        let now = self.steps.steady(now);
        self.clean(
            limit,
            |after, limit| self.ends.due(after, now.wall_s, hold_s, limit),
            |stored| rules::fate(stored, now.wall_s, hold_s),
        )
    }

    fn flush_reclaimed(&self, now: Now, hold_s: u64, limit: usize) -> usize {
        let now = self.steps.steady(now);
        self.clean(
            limit,
            |after, limit| self.ends.kept_due(after, now.wall_s, hold_s, limit),
            |stored| rules::fate_of_reclaimed(stored, now.wall_s, hold_s),
        )
    }

    fn page(&self, after: Option<Ipv4Addr>, limit: usize) -> Vec<Lease4> {
        let mut page = Vec::new();
        let from = match after.map(|address| address.to_bits().checked_add(1)) {
            Some(None) => return page,
            Some(Some(from)) => from,
            None => 0,
        };
        self.tree.walk(from, |base, records| {
            let room = limit - page.len();
            let above = records.from(Ipv4Addr::from_bits(from.max(base)));
            page.extend(above.take(room).map(|stored| stored.lease));
            page.len() < limit
        });
        page
    }

    fn find_free(
        &self,
        now: Now,
        range: RangeInclusive<Ipv4Addr>,
        from: Ipv4Addr,
        findable: Findable<'_>,
        taken: &dyn Fn(Ipv4Addr) -> bool,
    ) -> Option<Ipv4Addr> {
        let now = self.steps.steady(now);
        let (low, high) = (range.start().to_bits(), range.end().to_bits());
        let far = if findable.downwards { high } else { low };
        let from = if range.contains(&from) { from.to_bits() } else { far };
        let is_taken = |address: u32| taken(Ipv4Addr::from_bits(address));
        let up = |mut at: u32, high: u32| {
            loop {
                let free = self.tree.first_free(at, high, findable)?;
                if !is_taken(free) {
                    return Some(free);
                }
                at = free.checked_add(1)?;
            }
        };
        let down = |mut at: u32, low: u32| {
            loop {
                let free = self.tree.last_free(at, low, findable)?;
                if !is_taken(free) {
                    return Some(free);
                }
                at = free.checked_sub(1)?;
            }
        };
        let free = match findable.downwards {
            false => up(from, high).or_else(|| up(low, from.checked_sub(1)?)),
            true => down(from, low).or_else(|| down(high, from.checked_add(1)?)),
        };
        free.or_else(|| {
            if !findable.ended {
                return None;
            }
            self.ends.first_ended(now.wall_s, &(low..=high), &|address| {
                !findable.passes_over(address.into())
                    && !is_taken(address)
                    && self.is_expired(address, now)
            })
        })
        .map(Ipv4Addr::from_bits)
    }

    fn held(&self, range: RangeInclusive<Ipv4Addr>) -> u64 {
        self.tree.held(range.start().to_bits(), range.end().to_bits())
    }

    fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }
}
