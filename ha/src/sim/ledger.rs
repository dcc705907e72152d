//! Who holds which address, as the clients believe, and whether that may be. Pure.
//!
//! A duplicate is explained by what went before it (E1 to E4 of the simulator's task), or it fails the run.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

/// A client's hold on an address. Times are true ones, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holding {
    pub(super) client: usize,
    /// Since when it holds it, and the last acknowledgement that reached it.
    pub(super) from: u64,
    pub(super) acked: u64,
    pub(super) until: u64,
    /// The server that gave it.
    pub(super) server: usize,
    /// That server told nobody, and somebody else was up.
    pub(super) behind_back: bool,
}

/// How long two servers that served one scope may differ, in nanoseconds: no lease is longer.
const LASTING: u64 = 300_000_000_000;

/// What happened that may explain a duplicate.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    holdings: BTreeMap<Ipv4Addr, Vec<Holding>>,
    /// Two servers serve one scope now, or did until then.
    overlap: Option<u64>,
    overlap_ended: u64,
    /// When an administrator last set scopes by hand, or the leases of an address.
    scopes_by_hand: u64,
    by_hand: BTreeMap<Ipv4Addr, u64>,
    /// When an address's rows were lost beyond what the durability mode promises.
    lost: BTreeMap<Ipv4Addr, u64>,
    /// When clocks were set farther apart than a pair works with.
    skewed: bool,
    known: BTreeSet<(Ipv4Addr, usize, usize)>,
}

/// Why a duplicate is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excuse {
    BothServe,
    LoneStart,
    ByHand,
    Lost,
    /// The clocks are farther apart than a pair works with (60 s).
    Skew,
}

impl Excuse {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Excuse::BothServe => "E1 both serve",
            Excuse::LoneStart => "E2 lone start",
            Excuse::ByHand => "E3 by hand",
            Excuse::Lost => "E4 lost",
            Excuse::Skew => "clocks over 60 s apart",
        }
    }
}

impl Ledger {
    /// Whether two servers serve one scope at the moment.
    pub(super) fn set_overlap(&mut self, now: u64, overlaps: bool) {
        if overlaps {
            self.overlap.get_or_insert(now);
        } else if self.overlap.take().is_some() {
            self.overlap_ended = now;
        }
    }

    pub(super) fn scopes_by_hand(&mut self, now: u64) {
        self.scopes_by_hand = now;
    }

    pub(super) fn skewed(&mut self) {
        self.skewed = true;
    }

    pub(super) fn leases_by_hand(&mut self, now: u64, address: Ipv4Addr) {
        self.by_hand.insert(address, now);
    }

    pub(super) fn lost(&mut self, now: u64, addresses: Vec<Ipv4Addr>) {
        self.lost.extend(addresses.into_iter().map(|address| (address, now)));
    }

    /// Whether something that may explain a difference between servers has happened to an address.
    pub(super) fn is_excused(&self, now: u64, address: Ipv4Addr) -> bool {
        let ended = self.overlap_ended;
        let overlapped = self.overlap.is_some() || (ended > 0 && ended + LASTING > now);
        let changed = self.by_hand.contains_key(&address) || self.lost.contains_key(&address);
        changed || overlapped
    }

    /// Whether the leases of an address cannot be compared: set by hand, or scopes were set by hand so that two
    /// servers still serve one.
    pub(super) fn is_by_hand(&self, address: Ipv4Addr) -> bool {
        let scopes = self.scopes_by_hand > 0 && self.overlap.is_some();
        scopes || self.by_hand.contains_key(&address)
    }

    /// A client holds an address from now on (or longer). Gives another client that holds it, too, and that was
    /// not known of.
    pub(super) fn hold(&mut self, now: u64, address: Ipv4Addr, new: Holding) -> Option<Holding> {
        let holdings = self.holdings.entry(address).or_default();
        holdings.retain(|old| old.until > now);
        let before = holdings.iter().position(|old| old.client == new.client);
        let from = before.map_or(new.from, |at| holdings.remove(at).from);
        holdings.push(Holding { from, ..new });
        let others = holdings.iter().filter(|old| old.client != new.client).copied();
        let known = &mut self.known;
        let mut fresh = others.filter(|old| {
            let pair = (address, old.client.min(new.client), old.client.max(new.client));
            known.insert(pair)
        });
        fresh.next()
    }

    /// A client lets go of an address.
    pub(super) fn release(&mut self, address: Ipv4Addr, client: usize) {
        if let Some(holdings) = self.holdings.get_mut(&address) {
            holdings.retain(|held| held.client != client);
        }
        self.known.retain(|(at, one, two)| *at != address || (*one != client && *two != client));
    }

    /// Why two clients may hold the address; `lone` says that the server that gave it last was started and has
    /// never reached its partner.
    pub(super) fn excuse(
        &self,
        address: Ipv4Addr,
        old: &Holding,
        new: &Holding,
        lone: bool,
    ) -> Option<Excuse> {
        let since = |when: u64| when > 0 && when >= old.acked;
        let at = |times: &BTreeMap<Ipv4Addr, u64>| times.get(&address).is_some_and(|t| since(*t));
        // Conflicting leases may be renewed for a while before somebody notices.
        let lasting = self.overlap_ended >= old.from && self.overlap_ended + LASTING > new.acked;
        let overlapped = since(self.overlap_ended) || (self.overlap_ended > 0 && lasting);
        if self.overlap.is_some() || overlapped {
            let by_hand = self.scopes_by_hand > 0 && self.scopes_by_hand <= new.acked;
            return Some(if by_hand { Excuse::ByHand } else { Excuse::BothServe });
        }
        if at(&self.by_hand) || since(self.scopes_by_hand) {
            return Some(Excuse::ByHand);
        }
        if at(&self.lost) {
            return Some(Excuse::Lost);
        }
        if self.skewed {
            return Some(Excuse::Skew);
        }
        if lone && old.server != new.server {
            return Some(Excuse::LoneStart);
        }
        (old.behind_back && old.server != new.server).then_some(Excuse::BothServe)
    }
}
