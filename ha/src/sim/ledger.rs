//! Who holds which address, as the clients believe, and whether that may be. Pure.
//!
//! A duplicate is explained by what went before it ([`Excuse`]), or it fails the run.

use std::collections::{BTreeMap, BTreeSet};

use super::excuse::Excuse;
use crate::family::Address;

/// What a server knew as it acknowledged a lease.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promise {
    pub(super) server: usize,
    /// When the acknowledgement left. Times are true ones, in nanoseconds.
    pub(super) at: u64,
    /// When this version of the lease was acknowledged first: the lease cache tells of it again.
    pub(super) since: u64,
    /// Whether the backups had to acknowledge it, too.
    pub(super) backed_up: bool,
    /// Who of the others knew.
    pub(super) told: Told,
    /// It was promised in communication-recovery: to a client of its own, of its own addresses.
    pub(super) apart: bool,
    /// The server has not synchronised since it was started, or began anew.
    pub(super) alone: bool,
    /// When the server last heard of its partner; if it serves alone, before it began to.
    pub(super) heard: u64,
    /// Counts the server's processes.
    pub(super) process: u32,
    /// Seconds that its clock is ahead of true time.
    pub(super) ahead_s: i64,
}

/// Nanoseconds between two looks at a pair that works together, and more.
const TOGETHER: u64 = 1_000_000_000;

/// Seconds between the clocks of a pair that works together.
pub(super) const MAX_APART_S: i64 = 60;

/// Whom an acknowledged lease was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The partner.
    Partner,
    /// Nobody, or from communication-recovery, later.
    Nobody,
}

/// Why two servers serve one scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overlap {
    OfThemselves,
    ByHand,
}

/// A client's hold on an address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holding {
    pub(super) client: usize,
    pub(super) until: u64,
    /// The last one that reached the client.
    pub(super) promise: Promise,
    /// Why another client holds the address, too, if one does.
    pub(super) excuse: Option<Excuse>,
}

/// What happened that may explain a duplicate.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    holdings: BTreeMap<Address, Vec<Holding>>,
    /// When an administrator last changed the leases of an address.
    by_hand: BTreeMap<Address, u64>,
    /// As long as the pair has not synchronised since.
    apart_by_hand: BTreeMap<Address, u64>,
    /// When a server lost the rows of an address beyond what its durability mode promises.
    lost: BTreeMap<(usize, Address), u64>,
    /// When two servers last served one scope.
    overlapped: Option<u64>,
    /// Why they did, and when they had synchronised after that.
    split: Option<(Overlap, Option<u64>)>,
    known: BTreeSet<(Address, usize, usize)>,
    /// When a server last changed the lease of an address of which nobody else was told.
    alone: BTreeMap<(usize, Address), u64>,
    /// When the pair worked together, at first and at last, each time.
    together: Vec<(u64, u64)>,
    /// `takeover-delay` is shorter than leases may last: who takes over then does not wait for what it was not told.
    takes_over_early: bool,
    /// The version of each lease that a server acknowledged last, by its time, and when it first did.
    acknowledged: BTreeMap<(usize, Address), (u64, u64)>,
}

impl Ledger {
    pub(super) fn new(takes_over_early: bool) -> Self {
        Self { takes_over_early, ..Self::default() }
    }

    /// Two servers serve one scope. An administrator who made them explains what follows, too.
    pub(super) fn overlaps(&mut self, now: u64, why: Overlap) {
        self.overlapped = Some(now);
        if self.split.is_none_or(|(_, ended)| ended.is_some()) {
            self.split = Some((why, None));
        }
    }

    /// The pair works together again, and so has synchronised.
    pub(super) fn agree(&mut self, now: u64) {
        if let Some((_, ended @ None)) = &mut self.split {
            *ended = Some(now);
        }
        let goes_on = |last: &&mut (u64, u64)| now.saturating_sub(last.1) < TOGETHER;
        match self.together.last_mut().filter(goes_on) {
            Some(last) => last.1 = now,
            None => self.together.push((now, now)),
        }
    }

    /// A server changed the lease of an address, and told nobody.
    pub(super) fn changed_alone(&mut self, now: u64, server: usize, address: Address) {
        self.alone.insert((server, address), now);
    }

    /// Whether another server changed the lease of the address alone, too, since the pair last worked together before
    /// `promise`: neither could know of the other's, whether a client holds it or not.
    fn is_of_both(&self, address: Address, promise: &Promise) -> bool {
        let before = self.together.iter().rev().find(|(begun, _)| *begun <= promise.since);
        let since = before.map_or(0, |(_, ended)| (*ended).min(promise.since));
        let mut others = self
            .alone
            .iter()
            .filter(|((server, at), _)| *at == address && *server != promise.server);
        promise.told == Told::Nobody && others.any(|(_, when)| *when >= since)
    }

    /// Why two servers served one scope, and had not synchronised by `then`.
    fn split(&self, then: u64) -> Option<Overlap> {
        let (why, _) = self.split.filter(|(_, ended)| ended.is_none_or(|ended| ended >= then))?;
        Some(why)
    }

    pub(super) fn leases_by_hand(&mut self, now: u64, address: Address) {
        self.by_hand.insert(address, now);
        self.apart_by_hand.insert(address, now);
    }

    /// A server of the pair has synchronised, beginning at `since`.
    pub(super) fn synchronised(&mut self, since: u64) {
        self.apart_by_hand.retain(|_, when| *when >= since);
    }

    pub(super) fn lost(&mut self, now: u64, server: usize, addresses: Vec<Address>) {
        self.lost.extend(addresses.into_iter().map(|address| ((server, address), now)));
    }

    /// Whether something since a moment may explain that a server has another version of a lease than its partner
    /// sent: it served the scope, too, lost its row, or an administrator took part.
    pub(super) fn is_excused(&self, since: u64, server: usize, address: Address) -> bool {
        let lost = self.lost.get(&(server, address));
        let times = [self.overlapped.as_ref(), self.by_hand.get(&address), lost];
        times.into_iter().flatten().any(|when| *when >= since)
    }

    /// Whether two servers served one scope and have not come together since, or something else may explain that a server
    /// has what its partner has ended.
    pub(super) fn is_disputed(&self, address: Address) -> bool {
        let lost = self.lost.keys().any(|(_, at)| *at == address);
        let split = self.split.is_some_and(|(_, ended)| ended.is_none());
        split || lost || self.by_hand.contains_key(&address)
    }

    /// Whether an administrator changed the leases of an address at one of the servers, and they have not synchronised since.
    pub(super) fn is_by_hand(&self, address: Address) -> bool {
        self.apart_by_hand.contains_key(&address)
    }

    /// A server acknowledges its lease of `cltt_s`; gives when it first did.
    pub(super) fn acknowledge(
        &mut self,
        now: u64,
        server: usize,
        address: Address,
        cltt_s: u64,
    ) -> u64 {
        let last = self.acknowledged.entry((server, address)).or_insert((cltt_s, now));
        if last.0 != cltt_s {
            *last = (cltt_s, now);
        }
        last.1
    }

    /// When a server first acknowledged its present version of a lease; `now` if it did not.
    pub(super) fn acknowledged(&self, now: u64, server: usize, lease: (Address, u64)) -> u64 {
        let last = self.acknowledged.get(&(server, lease.0));
        last.filter(|(cltt_s, _)| *cltt_s == lease.1).map_or(now, |(_, when)| *when)
    }

    /// A server has given up what clients hold: nobody is promised what is over by its clock.
    pub(super) fn end(&mut self, now: u64, address: Address, by: &Promise) {
        if let Some(holdings) = self.holdings.get_mut(&address) {
            holdings.retain(|held| !held.is_over(by, now));
        }
    }

    /// What a client holds is looked at no more.
    pub(super) fn forget(&mut self, address: Address, client: usize) {
        if let Some(holdings) = self.holdings.get_mut(&address) {
            holdings.retain(|held| held.client != client);
        }
    }

    /// A client holds an address from now on (or longer). Another client that holds it, too, and that was not known
    /// of, is given with why that may be.
    pub(super) fn hold(
        &mut self,
        now: u64,
        address: Address,
        new: Holding,
    ) -> Option<(Holding, Option<Excuse>)> {
        let mut others = self.holdings.remove(&address).unwrap_or_default();
        others.retain(|old| old.until > now && old.client != new.client);
        others.retain(|old| !old.is_over(&new.promise, now));
        let mut new = new;
        let mut found = None;
        for old in &mut others {
            // Who lost an address once may meet its later holders, too, and who renews what is held twice is known to.
            let excuse = self.excuse(address, &old.promise, &new.promise).or(old.excuse);
            let pair = (address, old.client.min(new.client), old.client.max(new.client));
            let is_fresh = self.known.insert(pair);
            (old.excuse, new.excuse) = (excuse, excuse.or(new.excuse));
            if is_fresh && found.is_none() {
                found = Some((*old, excuse));
            }
        }
        others.push(new);
        self.holdings.insert(address, others);
        found
    }

    /// Those who hold an address, and nobody else does.
    pub(super) fn holders(&self, now: u64, address: Address) -> impl Iterator<Item = &Holding> {
        let holdings = self.holdings.get(&address).into_iter().flatten();
        holdings.filter(move |held| held.until > now && held.excuse.is_none())
    }

    /// The addresses that were ever held.
    pub(super) fn addresses(&self) -> impl Iterator<Item = Address> {
        self.holdings.keys().copied()
    }

    /// Whether a server that knows `by` may have given up what a client holds.
    pub(super) fn may_lack(
        &self,
        now: u64,
        address: Address,
        held: &Holding,
        by: &Promise,
    ) -> bool {
        held.is_over(by, now) || self.excuse(address, &held.promise, by).is_some()
    }

    /// A client lets go of an address.
    pub(super) fn release(&mut self, address: Address, client: usize) {
        if let Some(holdings) = self.holdings.get_mut(&address) {
            holdings.retain(|held| held.client != client);
        }
        self.known.retain(|(at, one, two)| *at != address || (*one != client && *two != client));
    }

    /// Why two clients may hold the address, or one may have lost it to the server that knew `two`.
    fn excuse(&self, address: Address, one: &Promise, two: &Promise) -> Option<Excuse> {
        let (first, second) = if one.at <= two.at { (one, two) } else { (two, one) };
        let since = |when: Option<&u64>| when.is_some_and(|when| *when >= first.since);
        // A loss spreads: who worked with a server takes over what it lacks.
        let lost = self.lost.iter().any(|((_, at), when)| *at == address && since(Some(when)));
        if since(self.by_hand.get(&address)) {
            return Some(Excuse::ByHand);
        }
        if lost {
            return Some(Excuse::Lost);
        }
        // Also of what the partner was told: it may have given the address itself just before, and tell of it late.
        if let Some(why) = self.split(first.at) {
            return Some(match why {
                Overlap::OfThemselves => Excuse::BothServe,
                Overlap::ByHand => Excuse::ByHand,
            });
        }
        // The first may have been granted in communication-recovery, by which the other one, which served alone since, is no
        // wiser. Whoever gives the address the second time has it from there.
        if self.is_of_both(address, first) {
            return Some(Excuse::LoneStart);
        }
        // Of two that lost contact each has its own part of the addresses, whatever the other gives meanwhile.
        if first.told == Told::Partner || (first.apart && second.apart) {
            return None;
        }
        if !second.apart && self.is_of_both(address, second) {
            return Some(Excuse::LoneStart);
        }
        // Heard of or not, what was granted in communication-recovery has not been told.
        let untold = first.apart && self.takes_over_early;
        let unheard = second.alone || second.heard < first.at || untold;
        (first.server != second.server && unheard).then_some(Excuse::LoneStart)
    }
}

impl Holding {
    /// Whether the lease is over for the server that knows `by`: by its clock, if that is so far ahead of the one by which
    /// the lease was acknowledged that no pair works with it, and no process saw both. A lease ends by the clock of
    /// whoever ends it; that up to 60 s make no difference is what a pair promises. What a clock wrote that was set back
    /// farther than that passes for older than what was there before, with which no other process compares it.
    fn is_over(&self, by: &Promise, now: u64) -> bool {
        let one_process = (by.server, by.process) == (self.promise.server, self.promise.process);
        let early_s = by.ahead_s - self.promise.ahead_s;
        let early = u64::try_from(early_s).unwrap_or(0) * 1_000_000_000;
        let ends = early_s > MAX_APART_S && self.until.saturating_sub(early) <= now;
        let unordered = self.promise.ahead_s < -MAX_APART_S;
        !one_process && ends || unordered
    }
}
