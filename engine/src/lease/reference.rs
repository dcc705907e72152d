//! The plainest store that keeps the contract: one ordered table under one lock. What the sharded store is
//! compared with. Pure but for its lock.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::rules::{self, Fate};
use super::{
    Applied, Change, ChangeKind, ChangeNumber, ChangeSink, Findable, Grant, GrantRefused, Granted,
    Identity, Lease4, LeaseStore, NotHolder, Origin, Overwrite, Stored,
};
use crate::clock::Now;
use crate::sync::Mutex;

/// A store without shards or indexes.
pub(super) struct Reference {
    table: Mutex<Table>,
    sink: Arc<dyn ChangeSink>,
}

#[derive(Default)]
struct Table {
    leases: BTreeMap<Ipv4Addr, Stored>,
    last: u64,
}

impl std::fmt::Debug for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reference").field("leases", &self.len()).finish()
    }
}

impl Reference {
    /// An empty store that shows its changes to `sink`.
    pub(super) fn new(sink: Arc<dyn ChangeSink>) -> Self {
        Self { table: Mutex::default(), sink }
    }

    /// Writes (or, without `new`, deletes) the record of an address and tells.
    fn change(
        &self,
        table: &mut Table,
        address: Ipv4Addr,
        new: Option<Lease4>,
        origin: Origin,
    ) -> (ChangeNumber, Option<Lease4>) {
        table.last += 1;
        let number = ChangeNumber(table.last);
        let before = table.leases.remove(&address);
        if let Some(lease) = &new {
            let stored = Stored::in_place_of(before.as_ref(), lease.clone(), number, origin);
            table.leases.insert(address, stored);
        }
        let before = before.map(|stored| stored.lease);
        let kind = match (&before, &new) {
            (None, _) => ChangeKind::Added,
            (Some(_), Some(_)) => ChangeKind::Updated,
            (Some(_), None) => ChangeKind::Deleted,
        };
        let lease = new.as_ref().or(before.as_ref()).expect("one of old and new is there");
        self.sink.record(&Change { number, kind, lease, before: before.as_ref(), origin });
        (number, before)
    }

    /// Does what `fate_of` says, the lease that ended first before the others.
    fn clean(&self, limit: usize, fate_of: impl Fn(&Stored) -> Option<Fate>) -> usize {
        let mut table = self.table.lock();
        let mut changed = 0;
        while changed < limit {
            let due = (table.leases.values())
                .filter_map(|it| Some((it, fate_of(it)?)))
                .filter(|(it, _)| self.sink.may_clean_up(&it.lease))
                .min_by_key(|(it, _)| (rules::end_s(it), it.lease.address));
            let Some((Stored { lease, .. }, fate)) = due else { break };
            let new = (fate == Fate::Reclaim).then(|| rules::reclaimed(lease.clone()));
            let address = lease.address;
            self.change(&mut table, address, new, Origin::Reclamation);
            changed += 1;
        }
        changed
    }
}

impl LeaseStore for Reference {
    fn find(&self, address: Ipv4Addr) -> Option<Stored> {
        self.table.lock().leases.get(&address).cloned()
    }

    fn version(&self, address: Ipv4Addr) -> Option<ChangeNumber> {
        self.table.lock().leases.get(&address).map(|stored| stored.version)
    }

    fn last_change(&self) -> ChangeNumber {
        ChangeNumber(self.table.lock().last)
    }

    fn promise(&self, address: Ipv4Addr, version: ChangeNumber, acknowledged: bool) -> bool {
        let mut table = self.table.lock();
        let stored = table.leases.get_mut(&address).filter(|stored| stored.version == version);
        stored.map(|stored| stored.promise(acknowledged)).is_some()
    }

    fn find_of(&self, identity: Identity<'_>, subnets: &[u32], now: Now) -> Option<Stored> {
        let table = self.table.lock();
        let ranked = table.leases.values().filter_map(|stored| {
            Some((rules::rank(identity, subnets, &stored.lease, now.wall_s)?, stored))
        });
        ranked.min_by_key(|(rank, _)| *rank).map(|(_, stored)| stored.clone())
    }

    fn grant(&self, now: Now, grant: Grant<'_>) -> Result<Granted, GrantRefused> {
        let mut table = self.table.lock();
        let address = grant.lease.address;
        if let Some(there) = table.leases.get(&address)
            && there.keeps_address(now.wall_s)
            && !grant.identity.owns(&there.lease)
        {
            return Err(GrantRefused::Held(address));
        }
        let others: Vec<Ipv4Addr> = (table.leases.values())
            .filter(|stored| stored.lease.address != address)
            .filter(|stored| grant.one_of.binary_search(&stored.lease.subnet_id).is_ok())
            .filter(|stored| grant.identity.owns(&stored.lease))
            .map(|stored| stored.lease.address)
            .collect();
        let replaced = (others.into_iter())
            .filter_map(|other| self.change(&mut table, other, None, grant.origin).1)
            .collect();
        let (version, before) = self.change(&mut table, address, Some(grant.lease), grant.origin);
        Ok(Granted { version, before, replaced })
    }

    fn release(
        &self,
        now: Now,
        address: Ipv4Addr,
        identity: Identity<'_>,
        keep: bool,
        origin: Origin,
    ) -> Result<Stored, NotHolder> {
        let mut table = self.table.lock();
        let kept = (table.leases.get(&address))
            .filter(|it| it.lease.holds_address(now.wall_s) && identity.owns(&it.lease))
            .map(|it| rules::released(&it.lease).filter(|_| keep))
            .ok_or(NotHolder(address))?;
        let (version, before) = self.change(&mut table, address, kept.clone(), origin);
        let lease = kept.or(before).ok_or(NotHolder(address))?;
        Ok(Stored::new(lease, version, origin))
    }

    fn decline(
        &self,
        now: Now,
        address: Ipv4Addr,
        identity: Identity<'_>,
        probation_s: u32,
        origin: Origin,
    ) -> Result<Stored, NotHolder> {
        let mut table = self.table.lock();
        let lease = (table.leases.get(&address))
            .filter(|it| it.lease.holds_address(now.wall_s) && identity.owns(&it.lease))
            .map(|it| rules::declined(&it.lease, now.wall_s, probation_s))
            .ok_or(NotHolder(address))?;
        let (version, _) = self.change(&mut table, address, Some(lease.clone()), origin);
        Ok(Stored::new(lease, version, origin))
    }

    fn apply(&self, lease: Lease4, overwrite: Overwrite, origin: Origin) -> Applied {
        let mut table = self.table.lock();
        let there = table.leases.get(&lease.address);
        if !rules::may_overwrite(overwrite, there, &lease) {
            return Applied::Kept;
        }
        match self.change(&mut table, lease.address, Some(lease), origin) {
            (number, None) => Applied::Added(number),
            (number, Some(_)) => Applied::Updated(number),
        }
    }

    fn delete(&self, address: Ipv4Addr, origin: Origin) -> Option<Stored> {
        let mut table = self.table.lock();
        table.leases.get(&address)?;
        let (version, before) = self.change(&mut table, address, None, origin);
        before.map(|lease| Stored::new(lease, version, origin))
    }

    fn delete_version(
        &self,
        address: Ipv4Addr,
        version: ChangeNumber,
        origin: Origin,
    ) -> Option<ChangeNumber> {
        let mut table = self.table.lock();
        table.leases.get(&address).filter(|stored| stored.version == version)?;
        Some(self.change(&mut table, address, None, origin).0)
    }

    fn expire(&self, now: Now, hold_s: u64, limit: usize) -> usize {
        self.clean(limit, |stored| rules::fate(stored, now.wall_s, hold_s))
    }

    fn flush_reclaimed(&self, now: Now, hold_s: u64, limit: usize) -> usize {
        self.clean(limit, |stored| rules::fate_of_reclaimed(stored, now.wall_s, hold_s))
    }

    fn page(&self, after: Option<Ipv4Addr>, limit: usize) -> Vec<Lease4> {
        let table = self.table.lock();
        let above = table.leases.values().filter(|it| after.is_none_or(|a| it.lease.address > a));
        above.take(limit).map(|stored| stored.lease.clone()).collect()
    }

    fn held(&self, range: RangeInclusive<Ipv4Addr>) -> u64 {
        let table = self.table.lock();
        let held = table.leases.range(range).filter(|(_, it)| rules::occupies(&it.lease));
        held.count() as u64
    }

    fn find_free(
        &self,
        now: Now,
        range: RangeInclusive<Ipv4Addr>,
        from: Ipv4Addr,
        findable: Findable<'_>,
        taken: &dyn Fn(Ipv4Addr) -> bool,
    ) -> Option<Ipv4Addr> {
        let table = self.table.lock();
        let taken = |address| findable.passes_over(address) || taken(address);
        let (low, high) = (range.start().to_bits(), range.end().to_bits());
        let far = if findable.downwards { high } else { low };
        let from = if range.contains(&from) { from.to_bits() } else { far };
        let order: Vec<u32> = match findable.downwards {
            false => (from..=high).chain(low..from).collect(),
            true => (low..=from).rev().chain((from.saturating_add(1)..=high).rev()).collect(),
        };
        let free = order.into_iter().map(Ipv4Addr::from_bits).find(|address| {
            let occupied = table.leases.get(address).is_some_and(|it| rules::occupies(&it.lease));
            !occupied && !taken(*address)
        });
        free.or_else(|| {
            if !findable.ended {
                return None;
            }
            (table.leases.values())
                .filter(|it| range.contains(&it.lease.address) && rules::is_over(it, now.wall_s))
                .filter(|it| !taken(it.lease.address))
                .min_by_key(|it| (rules::end_s(it), it.lease.address))
                .map(|it| it.lease.address)
        })
    }

    fn len(&self) -> usize {
        self.table.lock().leases.len()
    }
}
