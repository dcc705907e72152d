//! Who holds which address, as the clients believe, and whether that may be. Pure.
//!
//! A duplicate is explained by what went before it ([`Excuse`]), or it fails the run.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::excuse::Excuse;

/// What a server knew as it acknowledged a lease.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promise {
    pub(super) server: usize,
    /// When the acknowledgement left. Times are true ones, in nanoseconds.
    pub(super) at: u64,
    /// Who of the others knew.
    pub(super) told: Told,
    /// The server has not synchronised since it was started, or began anew.
    pub(super) alone: bool,
    /// When the server last heard of its partner; if it serves alone, before it began to.
    pub(super) heard: u64,
    /// Counts the server's processes.
    pub(super) process: u32,
    /// Seconds that its clock is ahead of true time.
    pub(super) ahead_s: i64,
    /// Seconds between its clock and the one of another server that is farthest away.
    pub(super) apart_s: i64,
}

/// Seconds between the clocks of a pair that works together.
pub(super) const MAX_APART_S: i64 = 60;

/// Whom an acknowledged lease was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// The partner.
    Partner,
    /// Nobody: the partner is to be told later, from communication-recovery.
    Later,
    /// Nobody, because the configuration wants it so.
    Never,
    /// Nobody.
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
    holdings: BTreeMap<Ipv4Addr, Vec<Holding>>,
    /// When an administrator last changed the leases of an address.
    by_hand: BTreeMap<Ipv4Addr, u64>,
    /// When a server lost the rows of an address beyond what its durability mode promises.
    lost: BTreeMap<(usize, Ipv4Addr), u64>,
    /// When two servers last served one scope.
    overlapped: Option<u64>,
    /// Why they did, and when they had synchronised after that.
    split: Option<(Overlap, Option<u64>)>,
    known: BTreeSet<(Ipv4Addr, usize, usize)>,
}

impl Ledger {
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
    }

    /// Why two servers served one scope, and had not synchronised by `then`.
    fn split(&self, then: u64) -> Option<Overlap> {
        let (why, _) = self.split.filter(|(_, ended)| ended.is_none_or(|ended| ended >= then))?;
        Some(why)
    }

    pub(super) fn leases_by_hand(&mut self, now: u64, address: Ipv4Addr) {
        self.by_hand.insert(address, now);
    }

    pub(super) fn lost(&mut self, now: u64, server: usize, addresses: Vec<Ipv4Addr>) {
        self.lost.extend(addresses.into_iter().map(|address| ((server, address), now)));
    }

    /// Whether something since a moment may explain that a server has another version of a lease than its partner
    /// sent: it served the scope, too, lost its row, or an administrator took part.
    pub(super) fn is_excused(&self, since: u64, server: usize, address: Ipv4Addr) -> bool {
        let lost = self.lost.get(&(server, address));
        let times = [self.overlapped.as_ref(), self.by_hand.get(&address), lost];
        times.into_iter().flatten().any(|when| *when >= since)
    }

    /// Whether an administrator changed the leases of an address at one of the servers.
    pub(super) fn is_by_hand(&self, address: Ipv4Addr) -> bool {
        self.by_hand.contains_key(&address)
    }

    /// A client holds an address from now on (or longer). Another client that holds it, too, and that was not known
    /// of, is given with why that may be.
    pub(super) fn hold(
        &mut self,
        now: u64,
        address: Ipv4Addr,
        new: Holding,
    ) -> Option<(Holding, Option<Excuse>)> {
        let mut others = self.holdings.remove(&address).unwrap_or_default();
        others.retain(|old| old.until > now && old.client != new.client);
        let known = &mut self.known;
        let fresh = others.iter_mut().find(|old| {
            let pair = (address, old.client.min(new.client), old.client.max(new.client));
            known.insert(pair)
        });
        let mut new = new;
        let found = fresh.map(|old| {
            // Who lost an address once may meet its later holders, too.
            let excuse = self.excuse(address, &old.promise, &new.promise).or(old.excuse);
            old.excuse = excuse;
            new.excuse = excuse;
            (*old, excuse)
        });
        others.push(new);
        self.holdings.insert(address, others);
        found
    }

    /// Who holds what, as the clients believe.
    pub(super) fn holdings(&self) -> impl Iterator<Item = (Ipv4Addr, &Holding)> {
        self.holdings.iter().flat_map(|(at, all)| all.iter().map(|held| (*at, held)))
    }

    /// A client lets go of an address.
    pub(super) fn release(&mut self, address: Ipv4Addr, client: usize) {
        if let Some(holdings) = self.holdings.get_mut(&address) {
            holdings.retain(|held| held.client != client);
        }
        self.known.retain(|(at, one, two)| *at != address || (*one != client && *two != client));
    }

    /// Why two clients may hold the address.
    fn excuse(&self, address: Ipv4Addr, one: &Promise, two: &Promise) -> Option<Excuse> {
        let (first, second) = if one.at <= two.at { (one, two) } else { (two, one) };
        let since = |when: Option<&u64>| when.is_some_and(|when| *when >= first.at);
        // A loss spreads: who worked with a server takes over what it lacks.
        let lost = self.lost.iter().any(|((_, at), when)| *at == address && since(Some(when)));
        let unknown = first.told != Told::Partner;
        if since(self.by_hand.get(&address)) {
            return Some(Excuse::ByHand);
        }
        if lost {
            return Some(Excuse::Lost);
        }
        let one_process = (first.server, first.process) == (second.server, second.process);
        if !one_process && second.ahead_s - first.ahead_s > MAX_APART_S {
            return Some(Excuse::Clocks);
        }
        if !unknown {
            return None;
        }
        if first.apart_s > MAX_APART_S {
            return Some(Excuse::Clocks);
        }
        if let Some(why) = self.split(first.at) {
            return Some(match why {
                Overlap::OfThemselves => Excuse::BothServe,
                Overlap::ByHand => Excuse::ByHand,
            });
        }
        if first.server == second.server {
            return None;
        }
        match first.told {
            Told::Never => Some(Excuse::Configured),
            _ if second.alone || second.heard < first.at => Some(Excuse::LoneStart),
            Told::Later => Some(Excuse::Recovery),
            Told::Partner | Told::Nobody => None,
        }
    }
}
