//! The delayed updates (`delayed-updates-limit`): kept while the partner is silent, sent when it is back. Pure.

use std::collections::BTreeMap;

use engine::lease::ChangeNumber;

use super::queue::Update;
use crate::family::Address;

/// The delayed updates. What is kept late, because its outcome was long unknown, is sent in its place all the
/// same: the partner must not end with an older version of a lease.
#[derive(Debug)]
pub(super) struct Backlog {
    kept: BTreeMap<ChangeNumber, Update>,
    limit: usize,
    overflowed: bool,
    /// Delayed updates on their way, if they are being sent.
    sending: Option<usize>,
}

impl Backlog {
    pub(super) fn new(limit: usize) -> Self {
        Self { kept: BTreeMap::new(), limit, overflowed: false, sending: None }
    }

    /// Keeps an update, if any are to be kept and there is room; gives it back otherwise.
    #[must_use]
    pub(super) fn keep(&mut self, update: Update) -> Option<Update> {
        if self.kept.len() < self.limit {
            self.kept.insert(update.number, Update { ticket: None, delayed: true, ..update });
            return None;
        }
        self.overflowed = self.limit > 0;
        // An older version that is given up behind this one would pass for the last.
        let Update { number, lease, .. } = &update;
        self.kept.retain(|kept, it| it.lease.address != lease.address || kept > number);
        Some(update)
    }

    /// A newer version of the lease goes to the partner: it must not get the older one afterwards.
    pub(super) fn outdate(&mut self, address: Address) {
        self.kept.retain(|_, update| update.lease.address != address);
    }

    /// Whether an update found no room.
    pub(super) const fn has_overflowed(&self) -> bool {
        self.overflowed
    }

    /// Whether updates go straight behind the delayed ones, which are on their way.
    pub(super) fn is_sending(&self) -> bool {
        self.sending.is_some_and(|left| left > 0)
    }

    /// Gives the updates out, and forgets that there were more.
    pub(super) fn take(&mut self) -> Vec<Update> {
        let kept = std::mem::take(&mut self.kept);
        self.clear();
        kept.into_values().collect()
    }

    /// Gives the updates out to be sent.
    pub(super) fn start(&mut self) -> Vec<Update> {
        let updates: Vec<_> = std::mem::take(&mut self.kept).into_values().collect();
        self.sending = Some(updates.len());
        updates
    }

    /// So many are sent, as it has turned out.
    pub(super) const fn expect(&mut self, count: usize) {
        self.sending = Some(count);
    }

    /// So many others are given out to be sent as delayed updates.
    pub(super) fn join(&mut self, count: usize) {
        self.sending = Some(self.sending.unwrap_or(0) + count);
    }

    /// One of them is applied; says whether it was the last.
    pub(super) fn applied(&mut self) -> bool {
        self.sending = self.sending.map(|left| left.saturating_sub(1));
        self.sending == Some(0)
    }

    /// One of them failed; says whether it is the first that did.
    pub(super) fn failed(&mut self) -> bool {
        self.sending.take().is_some()
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::new(self.limit);
    }
}
