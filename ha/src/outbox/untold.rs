//! What changed and a run of the partner was not told: the newest change of each address, deletions included. What is kept
//! here is all that a partner lacks which knew everything before; a partner that returns fetches the rest. Pure.
//!
//! Nothing is kept for a partner that has not announced that it takes part.

use std::collections::BTreeMap;

use super::queue::Update;
use crate::family::Address;
use crate::machine::Incarnation;

/// The changes that one run of the partner was not told of.
#[derive(Debug)]
pub(super) struct Untold {
    kept: BTreeMap<Address, Update>,
    limit: usize,
    run: Option<Incarnation>,
    /// More changed than there is room for: it has to fetch everything.
    overrun: bool,
    /// The run knows all but what is kept: it was in normal operation, or has fetched everything since.
    whole: bool,
}

impl Untold {
    /// Room for `limit` addresses.
    pub(super) const fn new(limit: usize) -> Self {
        Self { kept: BTreeMap::new(), limit, run: None, overrun: false, whole: false }
    }

    /// From now on what changes is kept for this run; what is kept for it already stays.
    pub(super) fn follow(&mut self, run: Option<Incarnation>) {
        if self.run != run {
            *self = Self { run, ..Self::new(self.limit) };
        }
    }

    /// As [`Self::follow`], of a run that fetches everything from now on.
    pub(super) fn follow_anew(&mut self, run: Incarnation) {
        if self.overrun {
            *self = Self::new(self.limit);
        }
        self.follow(Some(run));
    }

    /// The run that is followed knows all but what is kept.
    pub(super) const fn complete(&mut self) {
        self.whole = self.run.is_some() && !self.overrun;
    }

    /// The run for which everything is kept that changed since it was followed.
    pub(super) const fn run(&self) -> Option<Incarnation> {
        if self.overrun { None } else { self.run }
    }

    /// Whether the run knows all but what is kept.
    pub(super) const fn is_whole(&self) -> bool {
        self.whole && !self.overrun
    }

    /// A change that is not sent now.
    pub(super) fn note(&mut self, update: &Update) {
        if self.run().is_none() {
            return;
        }
        let address = update.lease.address;
        let newer = self.kept.get(&address).is_some_and(|kept| kept.number > update.number);
        if newer {
            return;
        }
        if self.kept.len() >= self.limit && !self.kept.contains_key(&address) {
            self.overrun = true;
            self.kept.clear();
            return;
        }
        self.kept.insert(address, Update { ticket: None, delayed: true, ..update.clone() });
    }

    /// The partner has a newer version of the lease than what is kept for it.
    pub(super) fn outdate(&mut self, address: Address) {
        self.kept.remove(&address);
    }

    /// The partner has applied `update`.
    pub(super) fn told(&mut self, update: &Update) {
        let address = update.lease.address;
        if self.kept.get(&address).is_some_and(|kept| kept.number <= update.number) {
            self.outdate(address);
        }
    }

    /// Gives them out to be sent, in the order of the changes.
    pub(super) fn take(&mut self) -> Vec<Update> {
        let mut taken: Vec<_> = std::mem::take(&mut self.kept).into_values().collect();
        taken.sort_by_key(|update| update.number);
        taken
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }
}

#[cfg(test)]
mod tests {
    use engine::lease::ChangeNumber;

    use super::super::tests::lease;
    use super::*;
    use crate::wire::request::LeaseNews;

    const FIRST: Option<Incarnation> = Some(Incarnation(1));
    const SECOND: Option<Incarnation> = Some(Incarnation(2));

    fn update(news: LeaseNews, host: u8, number: u64) -> Update {
        let (number, lease) = (ChangeNumber(number), lease(host, number));
        let (ticket, declined_by) = (None, None);
        Update { number, news, lease, ticket, delayed: false, declined_by, asks: false }
    }

    fn numbers(untold: &mut Untold) -> Vec<u64> {
        untold.take().into_iter().map(|update| update.number.0).collect()
    }

    #[test]
    fn the_newest_change_of_each_address_is_kept_deletions_too() {
        let mut untold = Untold::new(3);
        untold.note(&update(LeaseNews::Stored, 1, 1));
        assert_eq!(untold.len(), 0, "nobody is followed");
        untold.follow(FIRST);
        untold.note(&update(LeaseNews::Stored, 1, 7));
        untold.note(&update(LeaseNews::Stored, 2, 3));
        untold.note(&update(LeaseNews::Deleted, 2, 4));
        untold.note(&update(LeaseNews::Stored, 2, 3));
        untold.note(&update(LeaseNews::Stored, 3, 5));
        untold.told(&update(LeaseNews::Stored, 1, 6));
        untold.told(&update(LeaseNews::Stored, 3, 5));
        assert_eq!(numbers(&mut untold), [4, 7]);
        assert_eq!(untold.len(), 0);
    }

    #[test]
    fn what_is_kept_is_for_one_run_and_as_long_as_there_is_room() {
        let mut untold = Untold::new(1);
        untold.follow(FIRST);
        assert!(!untold.is_whole(), "it may lack what changed before");
        untold.complete();
        untold.note(&update(LeaseNews::Stored, 1, 1));
        untold.follow(FIRST);
        assert!(untold.is_whole() && untold.len() == 1, "it goes on");
        untold.note(&update(LeaseNews::Stored, 2, 2));
        assert_eq!((untold.run(), untold.is_whole(), untold.len()), (None, false, 0));
        untold.complete();
        assert!(!untold.is_whole(), "it has to fetch everything");
        untold.follow(FIRST);
        assert_eq!(untold.run(), None, "it has not fetched anything");
        untold.follow_anew(Incarnation(1));
        assert_eq!((untold.run(), untold.is_whole()), (FIRST, false), "from now on");
        untold.complete();
        untold.note(&update(LeaseNews::Stored, 1, 3));
        untold.follow(SECOND);
        assert_eq!((untold.run(), untold.is_whole(), untold.len()), (SECOND, false, 0));
    }
}
