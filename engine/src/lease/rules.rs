//! What happens to a lease, apart from where it is kept: the rules every store follows. Pure. Must not know
//! tables, locks or files.

use super::store::{Identity, Overwrite, Stored};
use super::types::{INFINITE_LIFETIME, Lease4, LeaseState};
use crate::lease::HwAddress;

/// What cleaning up does to a lease whose time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Becomes reclaimed and is kept for its client.
    Reclaim,
    /// Is deleted.
    Delete,
}

/// The lease as its address is taken out of use: without its client, for `probation_s` seconds from now on
/// (RFC 2131 section 4.3.3).
pub(crate) fn declined(lease: &Lease4, wall_s: u64, probation_s: u32) -> Lease4 {
    Lease4 {
        address: lease.address,
        hw_address: HwAddress::default(),
        client_id: None,
        valid_lifetime_s: probation_s,
        cltt_s: wall_s,
        subnet_id: lease.subnet_id,
        fqdn_fwd: false,
        fqdn_rev: false,
        hostname: "".into(),
        state: LeaseState::Declined,
        user_context: None,
        pool_id: lease.pool_id,
    }
}

/// The lease as it is kept for its client that gave it back, if it had an end (Kea guide, "Lease Affinity"): it ends
/// now, and its address is free.
pub(crate) fn released(lease: &Lease4) -> Option<Lease4> {
    let kept = Lease4 { state: LeaseState::Released, valid_lifetime_s: 0, ..lease.clone() };
    (lease.valid_lifetime_s != INFINITE_LIFETIME).then_some(kept)
}

/// The lease as it is kept for its client after its end: without its name.
pub(crate) fn reclaimed(mut lease: Lease4) -> Lease4 {
    lease.state = LeaseState::Reclaimed;
    lease.hostname = "".into();
    lease.fqdn_fwd = false;
    lease.fqdn_rev = false;
    lease
}

/// Whether `rule` lets `new` take the place of what is there.
pub(crate) fn may_overwrite(rule: Overwrite, existing: Option<&Stored>, new: &Lease4) -> bool {
    let is_newer = |there: &Stored| new.is_newer_than(&there.lease);
    match rule {
        Overwrite::Always => true,
        Overwrite::Existing => existing.is_some(),
        Overwrite::Absent => existing.is_none(),
        Overwrite::Newer => existing.is_none_or(is_newer),
        Overwrite::NotSince(change) => existing.is_none_or(|there| {
            is_newer(there) || (there.version <= change && !is_same(&there.lease, new))
        }),
        Overwrite::Unchanged(mark) => existing.map(Stored::mark) == mark,
    }
}

/// Whether a partner's version says the same as ours; Kea 2.2 knows no pool ids.
fn is_same(ours: &Lease4, theirs: &Lease4) -> bool {
    let pool_id = if theirs.pool_id == 0 { ours.pool_id } else { theirs.pool_id };
    *ours == Lease4 { pool_id, ..theirs.clone() }
}

/// When cleaning up first looks at the lease, in seconds since 1970 UTC: when its time is over for everybody; never if
/// it has no end.
pub(crate) fn end_s(stored: &Stored) -> Option<u64> {
    let lease = &stored.lease;
    (lease.valid_lifetime_s != INFINITE_LIFETIME)
        .then(|| lease.expires_at_s().saturating_add(stored.grace_s()))
}

/// Whether the lease's time is over at `wall_s`, for everybody.
pub(crate) fn is_over(stored: &Stored, wall_s: u64) -> bool {
    end_s(stored).is_some_and(|end_s| end_s < wall_s)
}

/// What cleaning up at `wall_s` does with the lease, if reclaimed ones are kept for `hold_s` seconds after
/// their end.
pub(crate) fn fate(stored: &Stored, wall_s: u64, hold_s: u64) -> Option<Fate> {
    let end_s = end_s(stored)?;
    match stored.lease.state {
        LeaseState::Reclaimed => (end_s.saturating_add(hold_s) < wall_s).then_some(Fate::Delete),
        LeaseState::Declined => (end_s < wall_s).then_some(Fate::Delete),
        LeaseState::Assigned | LeaseState::Released | LeaseState::Registered => {
            let fate = if hold_s == 0 { Fate::Delete } else { Fate::Reclaim };
            (end_s < wall_s).then_some(fate)
        }
    }
}

/// As [`fate`], of reclaimed leases only.
pub(crate) fn fate_of_reclaimed(stored: &Stored, wall_s: u64, hold_s: u64) -> Option<Fate> {
    fate(stored, wall_s, hold_s).filter(|_| stored.lease.state == LeaseState::Reclaimed)
}

/// Whether the record of an address keeps it from others as long as its time is not over.
pub(crate) fn occupies(lease: &Lease4) -> bool {
    matches!(lease.state, LeaseState::Assigned | LeaseState::Declined)
}

/// How well a lease suits a client that looks for its own; the least is the best. `None`: not the client's,
/// or in none of `subnets`, which ascend.
pub(crate) fn rank(
    identity: Identity<'_>,
    subnets: &[u32],
    lease: &Lease4,
    wall_s: u64,
) -> Option<(bool, bool, usize, u32)> {
    let place = subnets.binary_search(&lease.subnet_id).ok()?;
    let by_client_id =
        identity.client_id.is_some() && identity.client_id == lease.client_id.as_ref();
    identity
        .owns(lease)
        .then(|| (!lease.holds_address(wall_s), !by_client_id, place, lease.address.to_bits()))
}
