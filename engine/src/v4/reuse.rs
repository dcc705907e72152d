//! The lease cache: a client that asks again soon after it got its lease hears of that lease once more, and nothing is
//! written (Kea guide, "Lease Caching"). Pure.

use super::Exchange;
use super::answer::Promise;
use crate::config::model::LeaseCache;
use crate::lease::{INFINITE_LIFETIME, Lease4, LeaseState, Stored};

impl Exchange<'_> {
    /// The seconds that are left of the client's lease if the answer can tell of it as it stands: nothing of it would
    /// change, it is young enough, and whoever must know of it does.
    pub(super) fn reusable_s(
        &self,
        promise: &Promise<'_>,
        stored: &Stored,
        renewed: &Lease4,
    ) -> Option<u32> {
        let lease = &stored.lease;
        let known = stored.confirmed || !self.context.replicated;
        let same = Lease4 { cltt_s: renewed.cltt_s, pool_id: renewed.pool_id, ..lease.clone() };
        if !known || lease.state != LeaseState::Assigned || same != *renewed {
            return None;
        }
        let age_s = self.context.now.wall_s.checked_sub(lease.cltt_s)?;
        left_s(promise.subnet.config.cache, lease.valid_lifetime_s, age_s)
    }
}

/// What is left of a lease of this age if `cache` lets it be told of again.
fn left_s(cache: LeaseCache, lifetime_s: u32, age_s: u64) -> Option<u32> {
    if !cache.is_on() {
        return None;
    }
    if lifetime_s == INFINITE_LIFETIME {
        return Some(INFINITE_LIFETIME);
    }
    let left_s = lifetime_s.checked_sub(u32::try_from(age_s).ok()?).filter(|left| *left > 0)?;
    let young = |limit: u64| age_s <= limit;
    let by_age = cache.max_age_s.is_none_or(|limit| young(limit.into()));
    // A share of at most 1 of a u32 is a u32.
    let by_share =
        cache.threshold.is_none_or(|share| young((share * f64::from(lifetime_s)) as u64));
    (by_age && by_share).then_some(left_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_and_age_both_limit_what_is_told_again() {
        let cache = |threshold, max_age_s| LeaseCache { threshold, max_age_s };
        let share = cache(Some(0.25), None);
        assert_eq!((left_s(share, 1000, 250), left_s(share, 1000, 251)), (Some(750), None));
        let age = cache(None, Some(10));
        assert_eq!((left_s(age, 1000, 10), left_s(age, 1000, 11)), (Some(990), None));
        let both = cache(Some(0.25), Some(10));
        assert_eq!((left_s(both, 20, 5), left_s(both, 20, 6)), (Some(15), None));
        assert_eq!(left_s(cache(Some(1.0), None), 20, 20), None);
        assert_eq!(left_s(share, INFINITE_LIFETIME, 5_000_000_000), Some(INFINITE_LIFETIME));
        for off in [cache(None, None), cache(Some(0.0), None), cache(Some(0.5), Some(0))] {
            assert_eq!(left_s(off, 1000, 0), None);
        }
    }
}
