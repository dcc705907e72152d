//! Leases that ended while the partner could not be told: kept until it can, since its own synchronisation shows it what
//! we have, not what we no longer have. Pure.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use engine::lease::LeaseState;

use super::queue::Update;
use crate::family::{Address, Lease};
use crate::wire::request::LeaseNews;

/// The last version of each lease that ended.
#[derive(Debug)]
pub(super) struct Gone {
    kept: BTreeMap<Address, Update>,
    limit: usize,
}

impl Gone {
    /// Room for `limit` of them.
    pub(super) const fn new(limit: usize) -> Self {
        Self { kept: BTreeMap::new(), limit }
    }

    /// An update that is not sent now, nor kept elsewhere: a deletion is kept, anything else outdates one. Whether there
    /// was room.
    pub(super) fn note(&mut self, update: Update) -> bool {
        let address = update.lease.address;
        // A released lease that is kept for its client has ended as well: an old Kea would not understand it in a page.
        if update.news == LeaseNews::Stored && update.lease.state != LeaseState::Released {
            self.outdate(address);
            return true;
        }
        let has_room = self.kept.len() < self.limit || self.kept.contains_key(&address);
        if has_room {
            self.kept.insert(address, Update { ticket: None, delayed: true, ..update });
        }
        has_room
    }

    /// The address has a lease again, or the partner knows that it has none.
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

    /// The leases that ended in a range of addresses.
    pub(super) fn within(&self, range: RangeInclusive<Address>) -> Vec<Lease> {
        if range.is_empty() {
            return Vec::new();
        }
        self.kept.range(range).map(|(_, update)| update.lease.clone()).collect()
    }

    /// Gives them out to be sent.
    pub(super) fn take(&mut self) -> Vec<Update> {
        std::mem::take(&mut self.kept).into_values().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use engine::lease::ChangeNumber;

    use super::super::tests::lease;
    use super::*;

    fn update(news: LeaseNews, host: u8, number: u64) -> Update {
        let (number, lease) = (ChangeNumber(number), lease(host, number));
        let declined_by = None;
        Update { number, news, lease, declined_by, ticket: None, delayed: false, asks: false }
    }

    #[test]
    fn only_what_is_still_gone_is_kept() {
        let mut gone = Gone::new(2);
        assert!(gone.note(update(LeaseNews::Deleted, 1, 1)));
        assert!(gone.note(update(LeaseNews::Deleted, 2, 2)));
        assert!(gone.note(update(LeaseNews::Stored, 2, 3)), "it is given anew");
        assert!(gone.note(update(LeaseNews::Deleted, 3, 4)));
        assert!(!gone.note(update(LeaseNews::Deleted, 4, 5)), "there is no room");
        let mut released = update(LeaseNews::Stored, 1, 5);
        released.lease.state = LeaseState::Released;
        assert!(gone.note(released), "it is kept for its client, and has ended");
        assert!(gone.note(update(LeaseNews::Deleted, 1, 6)), "its place is taken already");
        let all = Address::UNSPECIFIED..=Address::BROADCAST;
        assert_eq!(gone.within(all), [lease(1, 6), lease(3, 4)]);
        let first = lease(1, 0).address;
        assert_eq!(gone.within(first..=first), [lease(1, 6)]);
        assert_eq!(gone.within(lease(2, 0).address..=first), []);
        gone.told(&update(LeaseNews::Deleted, 1, 5));
        assert_eq!(gone.within(first..=first), [lease(1, 6)], "that was an older one");
        gone.told(&update(LeaseNews::Deleted, 1, 6));
        assert_eq!(gone.within(first..=first), []);
        assert!(gone.take().iter().all(|update| update.delayed));
        assert!(gone.is_empty());
    }
}
