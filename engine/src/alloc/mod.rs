//! Free addresses: a subnet's pools are claimed from in O(1) at any fill, going round each pool as Kea's
//! iterative allocator does, or anywhere in it as its random one; open offers are remembered for seconds ([`Offers`]). Pure but for its atomics.
//! Must not know messages or classes: it is told which pools are open.

mod offers;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, RandomState};
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

pub use offers::{ClientKey, Offers};

use crate::clock::Now;
use crate::lease::{KeptOut, LeaseStore};
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// How many promised addresses one search steps over before it takes one of them: a bound on the work that a
/// flood of DISCOVERs can cause in a small pool.
const MAX_PROMISED_SKIPPED: u32 = 4096;
/// How often a search starts again because another client was faster; each time means one client served.
const MAX_RACES: usize = 4096;

/// A range of addresses and where its next search starts.
#[derive(Debug)]
pub struct Pool {
    first: Ipv4Addr,
    last: Ipv4Addr,
    kept_out: KeptOut,
    start: Start,
}

/// Where a search starts.
#[derive(Debug)]
enum Start {
    /// Behind the address that was found last.
    Behind(AtomicU32),
    /// Anywhere: the number of searches so far, and what makes an address of it that nobody can foretell.
    Anywhere(AtomicU64, RandomState),
}

/// Who searches, and with what.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// The leases.
    pub store: &'a dyn LeaseStore,
    /// The open offers.
    pub offers: &'a Offers,
    /// The client.
    pub client: ClientKey,
    /// The subnet of the pools.
    pub subnet_id: u32,
    /// Both clocks.
    pub now: Now,
}

impl Pool {
    /// A pool of the addresses `first` to `last` but those that are `kept_out`; searches go round it from `first`.
    pub fn iterative(first: Ipv4Addr, last: Ipv4Addr, kept_out: KeptOut) -> Self {
        Self { first, last, kept_out, start: Start::Behind(AtomicU32::new(first.into())) }
    }

    /// As [`Self::iterative`], with searches that start anywhere.
    pub fn random(first: Ipv4Addr, last: Ipv4Addr, kept_out: KeptOut) -> Self {
        let start = Start::Anywhere(AtomicU64::new(0), RandomState::new());
        Self { first, last, kept_out, start }
    }

    /// Its lowest address.
    pub fn first(&self) -> Ipv4Addr {
        self.first
    }

    /// Whether `address` lies inside.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        self.range().contains(&address)
    }

    fn range(&self) -> RangeInclusive<Ipv4Addr> {
        self.first..=self.last
    }

    /// Finds the next free address that `taken` does not keep out, and moves on.
    fn find(
        &self,
        store: &dyn LeaseStore,
        now: Now,
        taken: &dyn Fn(Ipv4Addr) -> bool,
    ) -> Option<Ipv4Addr> {
        let from = match &self.start {
            Start::Behind(next) => next.load(Ordering::Relaxed),
            Start::Anywhere(searches, hashing) => {
                let drawn = hashing.hash_one(searches.fetch_add(1, Ordering::Relaxed));
                let size = u64::from(u32::from(self.last) - u32::from(self.first)) + 1;
                u32::from(self.first) + (drawn % size) as u32
            }
        };
        let found = store.find_free(now, self.range(), from.into(), &self.kept_out, taken)?;
        if let Start::Behind(next) = &self.start {
            let behind = if found >= self.last { self.first.into() } else { u32::from(found) + 1 };
            next.store(behind, Ordering::Relaxed);
        }
        Some(found)
    }
}

impl Search<'_> {
    /// Promises the client a free address of `pools`, pool after pool. While any address is free and not
    /// promised, it is one of those; else one that was promised to another client, too.
    pub fn promise<'p>(&self, pools: impl Iterator<Item = &'p Pool> + Clone) -> Option<Ipv4Addr> {
        pools.clone().find_map(|pool| self.promise_unpromised(pool)).or_else(|| {
            let found =
                pools.clone().find_map(|pool| pool.find(self.store, self.now, &|_| false))?;
            self.offers.share(found, self.client, self.subnet_id, self.now.mono);
            Some(found)
        })
    }

    /// Promises the client `address`, if nobody else holds it or was promised it.
    #[must_use]
    pub fn promise_this(&self, address: Ipv4Addr) -> bool {
        if !self.offers.open(address, self.client, self.subnet_id, self.now.mono) {
            return false;
        }
        // Between the search and the promise another client may have got the lease.
        if !self.is_held(address) {
            return true;
        }
        self.offers.close(address, self.client, self.subnet_id);
        false
    }

    /// Whether a lease holds `address`.
    fn is_held(&self, address: Ipv4Addr) -> bool {
        let stored = self.store.find(address);
        stored.is_some_and(|stored| stored.keeps_address(self.now.wall_s))
    }

    fn promise_unpromised(&self, pool: &Pool) -> Option<Ipv4Addr> {
        let skipped = std::cell::Cell::new(0);
        let taken = |address| {
            let promised = self.offers.is_promised(address, self.client, self.now.mono);
            skipped.set(skipped.get() + u32::from(promised));
            promised && skipped.get() <= MAX_PROMISED_SKIPPED
        };
        for _ in 0..MAX_RACES {
            let found = pool.find(self.store, self.now, &taken)?;
            if self.promise_this(found) {
                return Some(found);
            }
            if skipped.get() > MAX_PROMISED_SKIPPED {
                return None;
            }
        }
        None
    }
}
