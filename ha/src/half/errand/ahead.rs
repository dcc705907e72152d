//! One page ahead: while a page of a partner that goes on serving is taken in, the next one is asked for already. Pure but
//! for the half that it serves.
//!
//! Such a partner keeps every change from the beginning on, and tells it at the end: a page may be read at any time after
//! that. Pages share no address, so that what is done for one changes nothing that counts for the next; our last change before
//! the next page is the one before its request ([`Synchronisation::since`]), and an earlier one only keeps more of ours.
//! Where the peer is told of leases between the pages, and with a peer that keeps nothing, the pages go in turn.

use std::time::Duration;

use engine::lease::ChangeNumber;

use super::{Clerk, Errand, Synchronisation, Trust};
use crate::family::Address;
use crate::machine::sync::Request;
use crate::wire::{answer, request};

/// A page that is asked for before its turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ahead {
    after: Address,
    /// Our last change before that.
    since: ChangeNumber,
}

impl Clerk {
    /// What may be asked while [`Self::handle`] takes this answer in, and how long that may take: mostly the next that
    /// [`Self::ask`] gives. The answer counts only if it is.
    pub(crate) fn ahead(&self, errand: &mut Errand, answer: &[u8]) -> Option<(String, Duration)> {
        let Errand::Sync(sync) = errand else { return None };
        let after = self.page_ahead(sync, answer)?;
        sync.ahead = Some(Ahead { after, since: self.store.last_change() });
        let body = request::lease_page(Some(after), self.page_limit);
        Some((body, self.half.sync_timeout()))
    }

    fn page_ahead(&self, sync: &Synchronisation, answer: &[u8]) -> Option<Address> {
        let keeps_changes = sync.serving && sync.trust != Trust::Newer;
        let in_turn = sync.tells || !sync.owed.is_empty() || sync.renewing;
        if !keeps_changes || in_turn || !matches!(sync.transfer.next(), Ok(Request::Page(_))) {
            return None;
        }
        let (count, last) = answer::end_of_page(answer)?;
        (count >= self.page_limit as usize).then_some(last)
    }
}

impl Synchronisation {
    /// Our last change before the request that comes next is sent, or was; `now` is the last one now.
    pub(super) fn since_next(&mut self, now: ChangeNumber) -> ChangeNumber {
        let ahead = self.ahead.take();
        let Ok(Request::Page(Some(after))) = self.transfer.next() else { return now };
        let same = ahead.filter(|ahead| after.parse() == Ok(ahead.after));
        same.map_or(now, |ahead| ahead.since)
    }
}
