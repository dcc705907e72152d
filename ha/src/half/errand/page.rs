//! A page of a peer's leases, as it is taken in: which of ours it outdates, which of ours the peer is to be told, and which of
//! ours are gone. Pure but for the half and the store that it serves.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use engine::lease::{Applied, ChangeNumber, LeaseState, Origin, Overwrite};
use engine::log;

use super::{Clerk, SLICE, Synchronisation, Trust};
use crate::family::{Address, Lease};
use crate::guard::goes_before;
use crate::machine::sync::Reply;
use crate::wire::answer::LeasePage;
use crate::wire::request::LeaseNews;

impl Clerk {
    /// Takes a page that follows the address `after`; notes what the peer is to be told.
    pub(super) fn take_page(
        &self,
        sync: &mut Synchronisation,
        after: Option<Address>,
        mut page: LeasePage,
    ) -> Reply {
        let is_last = page.count < self.page_limit as usize;
        let until = page.last.filter(|_| !is_last).unwrap_or(Address::BROADCAST);
        let (mut deleted, mut better) = (0, BTreeSet::new());
        match sync.trust {
            Trust::Newer => {}
            Trust::BothWays => {
                (sync.owed, better) = self.owed(after, until, &page);
                sync.owed.extend(self.gone(after, until, &mut page));
            }
            Trust::Theirs => deleted = self.delete_lacking(after, until, &page, sync.since),
        }
        let is_better = |address| sync.trust == Trust::Theirs || better.contains(&address);
        let since = sync.since;
        let rule = |address| {
            if is_better(address) { Overwrite::NotSince(since) } else { Overwrite::Newer }
        };
        self.apply(page, rule, deleted)
    }

    /// Deletes our leases that the peer lacks, unless they came while the page was on its way. A page with leases that
    /// are not understood says of none that it is lacking.
    fn delete_lacking(
        &self,
        after: Option<Address>,
        until: Address,
        page: &LeasePage,
        since: ChangeNumber,
    ) -> u64 {
        if page.count != page.leases.len() {
            return 0;
        }
        let theirs: BTreeSet<_> = page.leases.iter().map(|lease| lease.address).collect();
        let mut deleted = 0;
        self.each_of_ours(after, until, |lease| {
            let stored = self.store.find(lease.address).filter(|it| it.version <= since);
            if let Some(stored) = stored.filter(|it| !theirs.contains(&it.lease.address)) {
                let (address, version) = (stored.lease.address, stored.version);
                let change = self.store.delete_version(address, version, Origin::Partner);
                deleted += u64::from(change.is_some());
            }
        });
        deleted
    }

    /// The leases that ended here while the peer was away and that it has still; they are taken out of the page.
    fn gone(
        &self,
        after: Option<Address>,
        until: Address,
        page: &mut LeasePage,
    ) -> Vec<(LeaseNews, Lease)> {
        let outbox = self.half.outbox();
        let from = after.map_or(Address::UNSPECIFIED, |after| {
            Address::from_bits(after.to_bits().saturating_add(1))
        });
        let theirs: BTreeMap<_, _> =
            page.leases.iter().map(|lease| (lease.address, lease)).collect();
        let mut owed = BTreeMap::new();
        for ours in outbox.deletions(from..=until) {
            let theirs = theirs.get(&ours.address);
            if theirs.is_some_and(|theirs| !theirs.is_newer_than(&ours)) {
                owed.insert(ours.address, ours);
            } else {
                outbox.forget_deletion(ours.address);
            }
        }
        page.leases.retain(|lease| !owed.contains_key(&lease.address));
        owed.into_values().map(|lease| (LeaseNews::Deleted, lease)).collect()
    }

    /// Whether a lease is one of those that the relationship shares.
    pub(in crate::half) fn is_own(&self, lease: &Lease) -> bool {
        self.half.share().has(lease.subnet_id)
    }

    /// Shows our leases above `after` and up to `until`.
    fn each_of_ours(&self, after: Option<Address>, until: Address, mut show: impl FnMut(Lease)) {
        let mut from = after;
        loop {
            let ours = self.store.page(from, SLICE);
            let Some(last) = ours.last().map(|lease| lease.address) else { return };
            let own = |lease: &Lease| lease.address <= until && self.is_own(lease);
            ours.into_iter().filter(own).for_each(&mut show);
            if last >= until {
                return;
            }
            from = Some(last);
        }
    }

    /// Our live leases in the range of a page that the peer lacks there, or has in an older version: granted while
    /// it was away. A lease that ended there early comes back by this, which costs its address some time; one that
    /// the peer never knew would be given to two clients otherwise. Beside them, the addresses of which the peer's
    /// version of the same second goes before ours.
    fn owed(
        &self,
        after: Option<Address>,
        until: Address,
        page: &LeasePage,
    ) -> (VecDeque<(LeaseNews, Lease)>, BTreeSet<Address>) {
        let theirs: BTreeMap<_, _> =
            page.leases.iter().map(|lease| (lease.address, lease)).collect();
        let wall_s = self.half.clock().now().wall_s;
        let peers = self.half.gate().peers();
        let (mut owed, mut better) = (VecDeque::new(), BTreeSet::new());
        self.each_of_ours(after, until, |lease| {
            let ours_counts = match theirs.get(&lease.address) {
                None => true,
                Some(theirs) if ended_early(theirs, &lease, wall_s) => true,
                Some(theirs) if is_tie(&lease, theirs) => {
                    let ours_first = goes_before(peers, &lease, theirs);
                    if !ours_first {
                        better.insert(lease.address);
                    }
                    ours_first
                }
                Some(theirs) => lease.is_newer_than(theirs),
            };
            if ours_counts && lease.holds_address(wall_s) {
                owed.push_back((LeaseNews::Stored, lease));
            }
        });
        (owed, better)
    }

    /// Takes over what `rule` says of each address. The rows are written before the next page is asked for.
    fn apply(&self, page: LeasePage, rule: impl Fn(Address) -> Overwrite, deleted: u64) -> Reply {
        let server = self.half.server();
        log!(HA_LEASES_SYNC_LEASE_PAGE_RECEIVED, "{server}: received {} leases", page.count);
        for why in &page.bad {
            log!(HA_LEASE_SYNC_FAILED, "{server}: {why}");
        }
        let mut last_change = (deleted > 0).then(|| self.store.last_change());
        let mut applied = 0_u64;
        let skewed = self.half.is_skewed();
        let wall_s = self.half.clock().now().wall_s;
        for lease in page.leases.into_iter().filter(|lease| self.is_own(lease)) {
            let ours = self.store.find(lease.address);
            let is_early = |ours: &Lease| {
                ended_early(&lease, ours, wall_s) || (skewed && ends_early(&lease, ours, wall_s))
            };
            if ours.is_some_and(|ours| is_early(&ours.lease)) {
                continue;
            }
            let rule = rule(lease.address);
            match self.store.apply(lease, rule, Origin::Partner) {
                Applied::Added(number) | Applied::Updated(number) => {
                    applied += 1;
                    last_change = last_change.max(Some(number));
                }
                Applied::Kept => {}
            }
        }
        if let Some(Err(why)) = last_change.map(|number| (self.flush)(number)) {
            // The rows stay with the journal, which tries again with its next write.
            log!(HA_LEASE_SYNC_FAILED, "{server}: the lease file was not written: {why}");
        }
        log!(
            HA_LEASES_SYNC_APPLIED_LEASES,
            "{server}: took over {applied} leases, deleted {deleted}"
        );
        Reply::Page { count: page.count, last: page.last.map(|address| address.to_string()) }
    }
}

/// Whether neither version is the newer one, and they promise different things.
fn is_tie(ours: &Lease, theirs: &Lease) -> bool {
    let promise = |lease: &Lease| {
        (lease.state, lease.hw_address, lease.client_id.clone(), lease.valid_lifetime_s)
    };
    let none_newer = !ours.is_newer_than(theirs) && !theirs.is_newer_than(ours);
    none_newer && promise(ours) != promise(theirs)
}

/// Whether the partner's version of a lease of ours ends it before its time: clocks that are far apart do not say which
/// version is the newer one, and a client that was promised the longer of them goes on with its address.
pub(super) fn ends_early(theirs: &Lease, ours: &Lease, wall_s: u64) -> bool {
    let same_client = theirs.hw_address == ours.hw_address && theirs.client_id == ours.client_id;
    let shorter = same_client && theirs.expires_at_s() < ours.expires_at_s();
    ours.holds_address(wall_s) && (shorter || !theirs.holds_address(wall_s))
}

/// Whether the partner ended a newer version of a live lease of ours before its time, as our clock has it. One of the clocks
/// was set since: the client may have renewed later than that version says, and goes on with its address.
pub(super) fn ended_early(theirs: &Lease, ours: &Lease, wall_s: u64) -> bool {
    let same_client = theirs.hw_address == ours.hw_address && theirs.client_id == ours.client_id;
    let early = theirs.state == LeaseState::Reclaimed && theirs.expires_at_s() > wall_s;
    same_client && early && theirs.is_newer_than(ours) && ours.holds_address(wall_s)
}
