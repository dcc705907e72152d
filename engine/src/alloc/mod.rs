//! Free addresses: a subnet's pools are claimed from in O(1) at any fill, going round all pools as Kea's iterative
//! allocator does, or anywhere in them as its random one; open offers are remembered for seconds ([`Offers`]). Pure but for
//! its atomics. Must not know messages or classes: it is told which pools are open.

mod offers;
#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, RandomState};
use std::net::Ipv4Addr;

pub use offers::{ClientKey, Offers};

use crate::clock::{Mono, Now};
use crate::lease::{AddressHalf, Findable, KeptOut, LeaseStore};
use crate::seam::Allotment;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// How many promised addresses one search steps over before it takes one of them: a bound on the work that a
/// flood of DISCOVERs can cause in a small pool.
const MAX_PROMISED_SKIPPED: u32 = 4096;
/// A pool of no more addresses is counted each time; a larger one once a second.
const COUNTED_ALWAYS: u64 = 4096;
const COUNTED_EVERY_NS: u64 = 1_000_000_000;
/// How often a search starts again because another client was faster; each time means one client served.
const MAX_RACES: usize = 4096;

/// A range of addresses and where its next search starts.
#[derive(Debug)]
pub struct Pool {
    first: Ipv4Addr,
    last: Ipv4Addr,
    kept_out: KeptOut,
    start: Start,
    /// Only one server of a pair gives its addresses.
    is_of_one_server: bool,
    count: Count,
}

/// How many of a pool's addresses were held when they were counted last.
#[derive(Debug, Default)]
struct Count {
    held: AtomicU64,
    /// By the monotonic clock, nanoseconds; 0: never.
    counted: AtomicU64,
}

/// Where a search starts.
#[derive(Debug)]
enum Start {
    /// At this address; above the pool's last once it was gone through in this round.
    Next {
        up: AtomicU64,
        /// Below this one; the pool's first once it was gone through downwards.
        down: AtomicU64,
    },
    /// Anywhere: the number of searches so far, and what makes an address of it that nobody can foretell.
    Anywhere(AtomicU64, RandomState),
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
    /// Which of the free addresses are ours to give.
    pub allotment: Allotment,
}

/// The addresses of a pool that are looked at.
#[derive(Clone, Copy, Debug)]
struct Part {
    half: Option<AddressHalf>,
    /// Also those of leases that ended and are not cleaned up yet.
    ended: bool,
    /// From the far end.
    downwards: bool,
}

impl Pool {
    /// A pool of the addresses `first` to `last` but those that are `kept_out`; searches go on from `first`.
    pub fn iterative(first: Ipv4Addr, last: Ipv4Addr, kept_out: KeptOut) -> Self {
        let up = AtomicU64::new(u32::from(first).into());
        let start = Start::Next { up, down: AtomicU64::new(u64::from(u32::from(last)) + 1) };
        Self { first, last, kept_out, start, is_of_one_server: false, count: Count::default() }
    }

    /// As [`Self::iterative`], with searches that start anywhere.
    pub fn random(first: Ipv4Addr, last: Ipv4Addr, kept_out: KeptOut) -> Self {
        let start = Start::Anywhere(AtomicU64::new(0), RandomState::new());
        Self { first, last, kept_out, start, is_of_one_server: false, count: Count::default() }
    }

    /// The same pool, of which one server of a pair gives addresses and the other does not: it is not halved.
    #[must_use]
    pub fn of_one_server(self) -> Self {
        Self { is_of_one_server: true, ..self }
    }

    /// Whether the servers of a pair share it by halves.
    pub fn is_shared(&self) -> bool {
        !self.is_of_one_server
    }

    /// Its lowest address.
    pub fn first(&self) -> Ipv4Addr {
        self.first
    }

    /// Whether `address` lies inside.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        (self.first..=self.last).contains(&address)
    }

    fn findable(&self, part: Part) -> Findable<'_> {
        let downwards = part.downwards;
        let (half, ended) =
            if self.is_of_one_server { (None, true) } else { (part.half, part.ended) };
        Findable { kept_out: &self.kept_out, half, ended, downwards }
    }

    /// The number of its addresses.
    pub fn size(&self) -> u64 {
        u64::from(u32::from(self.last) - u32::from(self.first)) + 1
    }

    /// How many of its addresses are held; of a large pool, how many were within the last second.
    pub fn held(&self, store: &dyn LeaseStore, now: Mono) -> u64 {
        if self.size() <= COUNTED_ALWAYS {
            return store.held(self.first..=self.last);
        }
        let Count { held, counted } = &self.count;
        let before = counted.load(Ordering::Acquire);
        if before == 0 || now.as_ns().saturating_sub(before) >= COUNTED_EVERY_NS {
            held.store(store.held(self.first..=self.last), Ordering::Release);
            counted.store(now.as_ns().max(1), Ordering::Release);
        }
        held.load(Ordering::Acquire)
    }

    /// A number that nobody can foretell, if searches start anywhere.
    fn draw(&self) -> Option<u64> {
        match &self.start {
            Start::Next { .. } => None,
            Start::Anywhere(searches, hashing) => {
                Some(hashing.hash_one(searches.fetch_add(1, Ordering::Relaxed)))
            }
        }
    }

    /// The next free address in what is left of the pool in this round.
    fn find_in_rest(
        &self,
        part: Part,
        store: &dyn LeaseStore,
        now: Now,
        taken: &dyn Fn(Ipv4Addr) -> bool,
    ) -> Option<Ipv4Addr> {
        match &self.start {
            Start::Next { down, .. } if part.downwards => {
                let next = down.load(Ordering::Relaxed).checked_sub(1)?;
                let next = u32::try_from(next).ok().map(Ipv4Addr::from)?;
                if next < self.first {
                    return None;
                }
                store.find_free(now, self.first..=next, next, self.findable(part), taken)
            }
            Start::Next { up, .. } => {
                let next = u32::try_from(up.load(Ordering::Relaxed)).ok().map(Ipv4Addr::from)?;
                if next > self.last {
                    return None;
                }
                store.find_free(now, next..=self.last, next, self.findable(part), taken)
            }
            Start::Anywhere(..) => {
                let drawn = self.draw().unwrap_or_default();
                let from = u32::from(self.first) + (drawn % self.size()) as u32;
                let range = self.first..=self.last;
                store.find_free(now, range, from.into(), self.findable(part), taken)
            }
        }
    }

    /// How many addresses are left of it in this round; none if searches start anywhere.
    fn left(&self) -> u64 {
        match &self.start {
            Start::Next { up, .. } => {
                (u64::from(u32::from(self.last)) + 1).saturating_sub(up.load(Ordering::Relaxed))
            }
            Start::Anywhere(..) => 0,
        }
    }

    fn begin(&self) {
        if let Start::Next { up, .. } = &self.start {
            up.store(u32::from(self.first).into(), Ordering::Relaxed);
        }
    }

    fn begin_at_far_end(&self) {
        if let Start::Next { down, .. } = &self.start {
            down.store(u64::from(u32::from(self.last)) + 1, Ordering::Relaxed);
        }
    }

    /// The round goes on after `address`.
    fn pass(&self, address: Ipv4Addr) {
        if let Start::Next { up, .. } = &self.start {
            up.store(u64::from(u32::from(address)) + 1, Ordering::Relaxed);
        }
    }

    /// Downwards it goes on below `address`.
    fn pass_down(&self, address: Ipv4Addr) {
        if let Start::Next { down, .. } = &self.start {
            down.store(u32::from(address).into(), Ordering::Relaxed);
        }
    }
}

impl<'p, P: DoubleEndedIterator<Item = &'p Pool> + Clone> Round<'p, P> {
    /// Finds the next free address that `taken` does not keep out, and moves on: through the rest of the pool that
    /// was used last, then through the pools after it; then a new round begins.
    fn find(
        &self,
        part: Part,
        store: &dyn LeaseStore,
        now: Now,
        taken: &dyn Fn(Ipv4Addr) -> bool,
    ) -> Option<Ipv4Addr> {
        if let Some(drawn) = self.pools.clone().next().and_then(Pool::draw) {
            return self.find_anywhere(drawn, part, store, now, taken);
        }
        if part.downwards {
            return self.find_down(part, store, now, taken);
        }
        let last = Ipv4Addr::from(self.turn.0.load(Ordering::Relaxed));
        let start = self.pools.clone().position(|pool| pool.contains(last)).unwrap_or(0);
        let mut rest = self.pools.clone().skip(start);
        let found = rest.find_map(|pool| pool.find_in_rest(part, store, now, taken));
        let (found, start) = match found {
            Some(found) => (found, start),
            None => {
                let whole = |pool: &Pool| {
                    let range = pool.first..=pool.last;
                    store.find_free(now, range, pool.first, pool.findable(part), taken)
                };
                let Some(found) = self.pools.clone().find_map(whole) else {
                    self.come_round(start);
                    return None;
                };
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

    /// Nothing was free: each address of the pools was looked at once, from what is left of the pool at place `start`, and
    /// the round goes on from there, as Kea's. So it ends in one of these pools, wherever it was before.
    fn come_round(&self, start: usize) {
        let all: u64 = self.pools.clone().map(Pool::size).sum();
        let rest: u64 = self.pools.clone().skip(start).map(Pool::left).sum();
        // With nothing to begin anew every pool was gone through just now.
        let mut again = if rest == all { all } else { all - rest };
        self.pools.clone().for_each(Pool::begin);
        for pool in self.pools.clone() {
            let step = again.min(pool.size());
            let Some(place) = step.checked_sub(1) else { return };
            let passed = Ipv4Addr::from(u32::from(pool.first) + place as u32);
            pool.pass(passed);
            self.turn.0.store(passed.into(), Ordering::Relaxed);
            again -= step;
        }
    }
}

impl<'p, P: DoubleEndedIterator<Item = &'p Pool> + Clone> Round<'p, P> {
    /// As [`Self::find`], from the highest address of the highest pool downwards.
    fn find_down(
        &self,
        part: Part,
        store: &dyn LeaseStore,
        now: Now,
        taken: &dyn Fn(Ipv4Addr) -> bool,
    ) -> Option<Ipv4Addr> {
        let down = || self.pools.clone().rev();
        let found = match down().find_map(|pool| pool.find_in_rest(part, store, now, taken)) {
            Some(found) => found,
            None => {
                let whole = |pool: &Pool| {
                    let range = pool.first..=pool.last;
                    store.find_free(now, range, pool.last, pool.findable(part), taken)
                };
                let found = down().find_map(whole)?;
                self.pools.clone().for_each(Pool::begin_at_far_end);
                found
            }
        };
        if let Some(pool) = self.pools.clone().find(|pool| pool.contains(found)) {
            pool.pass_down(found);
        }
        Some(found)
    }

    /// Finds a free address anywhere in any of the pools: each is as likely to be looked into first.
    fn find_anywhere(
        &self,
        drawn: u64,
        part: Part,
        store: &dyn LeaseStore,
        now: Now,
        taken: &dyn Fn(Ipv4Addr) -> bool,
    ) -> Option<Ipv4Addr> {
        let number = self.pools.clone().count().max(1) as u64;
        let start = (drawn % number) as usize;
        let mut pools = self.pools.clone().skip(start).chain(self.pools.clone().take(start));
        pools.find_map(|pool| pool.find_in_rest(part, store, now, taken))
    }
}

impl Search<'_> {
    /// Promises the client a free address of `rounds`, subnet after subnet. While any address is free and not
    /// promised, it is one of those; else one that was promised to another client, too.
    pub fn promise<'p, P: DoubleEndedIterator<Item = &'p Pool> + Clone>(
        &self,
        rounds: impl Iterator<Item = Round<'p, P>> + Clone,
    ) -> Option<Ipv4Addr> {
        let unpromised =
            |part| rounds.clone().find_map(|round| self.promise_unpromised(part, &round));
        self.parts().find_map(unpromised).or_else(|| {
            let any = |part| {
                let found =
                    |round: Round<'p, P>| round.find(part, self.store, self.now, &|_| false);
                rounds.clone().find_map(found)
            };
            let found = self.parts().find_map(any)?;
            self.offers.share(found, self.client, self.subnet_id, self.now.mono);
            Some(found)
        })
    }

    /// The parts of pools that are ours to give, those first of which nobody is asked.
    fn parts(&self) -> impl Iterator<Item = Part> {
        let ended = !matches!(self.allotment, Allotment::Alone { .. } | Allotment::Apart);
        let downwards = self.allotment == Allotment::FarEnd;
        let first = Part { half: self.allotment.half(), ended, downwards };
        let other = match self.allotment {
            Allotment::Asking(half) => Some(Part { half: Some(half.other()), ..first }),
            Allotment::Whole | Allotment::FarEnd | Allotment::Apart | Allotment::Alone { .. } => {
                None
            }
        };
        std::iter::once(first).chain(other)
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

    fn promise_unpromised<'p, P: DoubleEndedIterator<Item = &'p Pool> + Clone>(
        &self,
        part: Part,
        round: &Round<'p, P>,
    ) -> Option<Ipv4Addr> {
        let skipped = std::cell::Cell::new(0);
        let taken = |address| {
            let promised = self.offers.is_promised(address, self.client, self.now.mono);
            skipped.set(skipped.get() + u32::from(promised));
            promised && skipped.get() <= MAX_PROMISED_SKIPPED
        };
        for _ in 0..MAX_RACES {
            let found = round.find(part, self.store, self.now, &taken)?;
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
