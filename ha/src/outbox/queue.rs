//! One peer's queue: updates in change order, at most one of each address under way. Pure.

use std::collections::{BTreeMap, VecDeque};

use engine::lease::ChangeNumber;
use engine::pending::Ticket;

use crate::family::{Address, Lease};
use crate::machine::ClientKey;
use crate::wire::request::LeaseNews;

/// One lease update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The change's place in the order of all changes.
    pub number: ChangeNumber,
    /// What happened.
    pub news: LeaseNews,
    /// The whole lease.
    pub lease: Lease,
    /// Whose lease it was, if the lease itself says nobody's: a client declined its address.
    pub declined_by: Option<ClientKey>,
    /// The reply that waits for the peer's answer.
    pub ticket: Option<Ticket>,
    /// Whether it is one of the delayed updates.
    pub delayed: bool,
    /// Whether the peer is asked to agree: it gives this address, and only if it is free.
    pub asks: bool,
}

/// The updates for one peer. The next update of an address is given out once the one under way is finished.
#[derive(Debug)]
pub(super) struct Queue {
    lanes: BTreeMap<Address, Lane>,
    /// Addresses whose next update may go, in the order in which they came.
    ready: VecDeque<Address>,
    waiting: usize,
    bound: usize,
}

/// An update that was under way has come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Finished {
    /// Another one of its address may go.
    pub(super) more: bool,
    /// It was given up meanwhile ([`Queue::abandon`]).
    pub(super) abandoned: bool,
    /// The peer told of a newer version meanwhile ([`Queue::outdate`]).
    pub(super) outdated: bool,
}

/// The updates of one address. A lane exists as long as something waits in it or is under way.
#[derive(Debug, Default)]
struct Lane {
    under_way: Option<Update>,
    /// See [`Queue::abandon`].
    abandoned: bool,
    /// See [`Queue::outdate`].
    outdated: bool,
    waiting: VecDeque<Update>,
}

impl Queue {
    /// Room for `bound` updates that are not under way yet.
    pub(super) fn new(bound: usize) -> Self {
        Self { lanes: BTreeMap::new(), ready: VecDeque::new(), waiting: 0, bound }
    }

    /// Adds an update, if there is room; says whether there was.
    #[must_use]
    pub(super) fn push(&mut self, update: Update) -> bool {
        if self.is_full() {
            return false;
        }
        self.waiting += 1;
        let address = update.lease.address;
        let lane = self.lanes.entry(address).or_default();
        if lane.under_way.is_none() && lane.waiting.is_empty() {
            self.ready.push_back(address);
        }
        lane.waiting.push_back(update);
        true
    }

    /// Whether there is no room for another update.
    pub(super) const fn is_full(&self) -> bool {
        self.waiting >= self.bound
    }

    /// Takes the next update that may go; [`Queue::finish`] has to follow.
    pub(super) fn take(&mut self) -> Option<Update> {
        let address = self.ready.pop_front()?;
        let lane = self.lanes.get_mut(&address).expect("a ready address has a lane");
        let update = lane.waiting.pop_front().expect("a ready lane has an update");
        lane.under_way = Some(update.clone());
        self.waiting -= 1;
        Some(update)
    }

    /// Takes back an update that was under way and that the peer did not look at: it goes first of its address again.
    /// Gives it back if it is of no use any more ([`Queue::abandon`], [`Queue::outdate`]).
    #[must_use]
    pub(super) fn put_back(&mut self, update: Update) -> Option<Update> {
        let address = update.lease.address;
        let lane = self.lanes.get_mut(&address).expect("what is under way has a lane");
        lane.under_way = None;
        let abandoned = std::mem::take(&mut lane.abandoned);
        let rest = if std::mem::take(&mut lane.outdated) || abandoned {
            Some(update)
        } else {
            lane.waiting.push_front(update);
            self.waiting += 1;
            None
        };
        if lane.waiting.is_empty() {
            self.lanes.remove(&address);
        } else {
            self.ready.push_front(address);
        }
        rest
    }

    /// The update of `address` that was under way has its answer, or never will.
    pub(super) fn finish(&mut self, address: Address) -> Finished {
        let Some(lane) = self.lanes.get_mut(&address) else {
            return Finished { more: false, abandoned: false, outdated: false };
        };
        lane.under_way = None;
        let abandoned = std::mem::take(&mut lane.abandoned);
        let outdated = std::mem::take(&mut lane.outdated);
        let more = !lane.waiting.is_empty();
        if more {
            self.ready.push_back(address);
        } else {
            self.lanes.remove(&address);
        }
        Finished { more, abandoned, outdated }
    }

    /// Whether something of `address` waits here, or is under way and has not been given up.
    #[cfg(any(test, feature = "sim"))]
    pub(super) fn has(&self, address: Address) -> bool {
        let has = |lane: &Lane| !lane.waiting.is_empty() || !lane.abandoned;
        self.lanes.get(&address).is_some_and(has)
    }

    /// The peer has told of a newer version of the lease: what is under way is not to be sent again if nobody answers it,
    /// and what waits is taken out. Delayed updates stay: they are counted, and somebody waits for the last of them.
    pub(super) fn outdate(&mut self, address: Address) -> Vec<Update> {
        let Some(lane) = self.lanes.get_mut(&address) else { return Vec::new() };
        lane.outdated = lane.under_way.is_some();
        let waiting = std::mem::take(&mut lane.waiting);
        let (delayed, outdated) = waiting.into_iter().partition(|update| update.delayed);
        lane.waiting = delayed;
        if lane.waiting.is_empty() && lane.under_way.is_none() {
            self.lanes.remove(&address);
            self.ready.retain(|ready| *ready != address);
        }
        let outdated: VecDeque<Update> = outdated;
        self.waiting -= outdated.len();
        outdated.into()
    }

    /// The peer will learn of what is under way by other means: without an answer it is not to be sent again, as a
    /// newer version may be known by then. Gives a copy of it.
    pub(super) fn abandon(&mut self) -> Vec<Update> {
        self.lanes.values_mut().for_each(|lane| lane.abandoned = lane.under_way.is_some());
        let lanes = self.lanes.values().filter(|lane| !lane.outdated);
        lanes.filter_map(|lane| lane.under_way.clone()).collect()
    }

    /// Takes out all that is not under way; the updates of each address are in their order.
    pub(super) fn drain(&mut self) -> Vec<Update> {
        let mut drained = Vec::with_capacity(self.waiting);
        let mut addresses = std::mem::take(&mut self.ready);
        addresses.extend(
            self.lanes.iter().filter(|(_, l)| l.under_way.is_some()).map(|(address, _)| *address),
        );
        for address in addresses {
            let lane = self.lanes.get_mut(&address).expect("collected from the lanes");
            drained.extend(lane.waiting.drain(..));
            if lane.under_way.is_none() {
                self.lanes.remove(&address);
            }
        }
        self.waiting = 0;
        drained
    }

    /// Number of updates that are not under way.
    pub(super) fn len(&self) -> usize {
        self.waiting
    }
}

#[cfg(test)]
mod tests;
