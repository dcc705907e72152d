//! Free addresses: a subnet's pools are claimed from in O(1) at any fill, going round all pools as Kea's iterative
//! allocator does; open offers are remembered for seconds ([`Offers`]). Pure but for its atomics.
//! Must not know messages or classes: it is told which pools are open.

mod offers;
#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

pub use offers::{ClientKey, Offers};

use crate::clock::Now;
use crate::lease::LeaseStore;
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
    /// The address at which the next search starts; above `last` once the pool was gone through in this round.
    next: AtomicU64,
}

/// Where the round through a subnet's pools has come to: the address found last.
#[derive(Debug, Default)]
pub struct Turn(AtomicU32);

/// A subnet's pools that are open to a client, by ascending addresses, and whose turn it is.
#[derive(Clone, Debug)]
pub struct Round<'p, P> {
    /// The subnet's.
    pub turn: &'p Turn,
    /// The open pools.
    pub pools: P,
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
    /// A pool of the addresses `first` to `last`; the first search starts at `first`.
    pub fn new(first: Ipv4Addr, last: Ipv4Addr) -> Self {
        Self { first, last, next: AtomicU64::new(u32::from(first).into()) }
    }

    /// Its lowest address.
    pub fn first(&self) -> Ipv4Addr {
        self.first
    }

    /// Whether `address` lies inside.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&address)
    }

    /// What is left of it in this round.
    fn rest(&self) -> Option<RangeInclusive<Ipv4Addr>> {
        let next = u32::try_from(self.next.load(Ordering::Relaxed)).ok().map(Ipv4Addr::from)?;
        (next <= self.last).then_some(next..=self.last)
    }

    fn begin(&self) {
        self.next.store(u32::from(self.first).into(), Ordering::Relaxed);
    }

    /// The round goes on after `address`.
    fn pass(&self, address: Ipv4Addr) {
        self.next.store(u64::from(u32::from(address)) + 1, Ordering::Relaxed);
    }
}

impl<'p, P: Iterator<Item = &'p Pool> + Clone> Round<'p, P> {
    /// Finds the next free address that `taken` does not keep out, and moves on: through the rest of the pool that
    /// was used last, then through the pools after it; then a new round begins.
    fn find(
        &self,
        store: &dyn LeaseStore,
        now: Now,
        taken: &dyn Fn(Ipv4Addr) -> bool,
    ) -> Option<Ipv4Addr> {
        let free_in = |range: RangeInclusive<Ipv4Addr>| {
            let from = *range.start();
            store.find_free(now, range, from, taken)
        };
        let last = Ipv4Addr::from(self.turn.0.load(Ordering::Relaxed));
        let start = self.pools.clone().position(|pool| pool.contains(last)).unwrap_or(0);
        let rest = self.pools.clone().skip(start).find_map(|pool| pool.rest().and_then(free_in));
        let (found, start) = match rest {
            Some(found) => (found, start),
            None => {
                let found = self.pools.clone().find_map(|pool| free_in(pool.first..=pool.last))?;
                self.pools.clone().for_each(Pool::begin);
                (found, 0)
            }
        };
        // Pools that had nothing more to give are done with for this round.
        let passed = self.pools.clone().skip(start).take_while(|pool| pool.last < found);
        passed.for_each(|pool| pool.pass(pool.last));
        if let Some(pool) = self.pools.clone().find(|pool| pool.contains(found)) {
            pool.pass(found);
        }
        self.turn.0.store(found.into(), Ordering::Relaxed);
        Some(found)
    }
}

impl Search<'_> {
    /// Promises the client a free address of `rounds`, subnet after subnet. While any address is free and not
    /// promised, it is one of those; else one that was promised to another client, too.
    pub fn promise<'p, P: Iterator<Item = &'p Pool> + Clone>(
        &self,
        rounds: impl Iterator<Item = Round<'p, P>> + Clone,
    ) -> Option<Ipv4Addr> {
        rounds.clone().find_map(|round| self.promise_unpromised(&round)).or_else(|| {
            let found =
                rounds.clone().find_map(|round| round.find(self.store, self.now, &|_| false))?;
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

    fn promise_unpromised<'p, P: Iterator<Item = &'p Pool> + Clone>(
        &self,
        round: &Round<'p, P>,
    ) -> Option<Ipv4Addr> {
        let skipped = std::cell::Cell::new(0);
        let taken = |address| {
            let promised = self.offers.is_promised(address, self.client, self.now.mono);
            skipped.set(skipped.get() + u32::from(promised));
            promised && skipped.get() <= MAX_PROMISED_SKIPPED
        };
        for _ in 0..MAX_RACES {
            let found = round.find(self.store, self.now, &taken)?;
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
