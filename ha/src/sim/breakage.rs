//! Broken rules: the product's parts wrapped so that one rule no longer holds, to show that the checks see it. The
//! product itself has no switch for it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use engine::clock::Now;
use engine::lease::{
    Applied, Change, ChangeKind, ChangeNumber, Findable, Grant, GrantRefused, Granted, Identity,
    LeaseStore, NotHolder, Origin, Overwrite, Stored,
};
use engine::seam::Replication;
use engine::sync::Mutex;

use crate::family::{Address, Lease};
use crate::half::Half;
use crate::hub::OnlyOutbox;

/// A rule that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breakage {
    /// A reply is sent before the partner has acknowledged its lease.
    ReplyEarly,
    /// Two updates of one address reach the partner in the wrong order.
    UpdatesSwapped,
    /// The journal is acknowledged before it is written.
    JournalLate,
    /// A repeated query is answered from a lease that nobody has acknowledged yet.
    CachedAnswer,
    /// A lease of the partner ends by our clock alone, which is faster than the partner's.
    FastClock,
    /// A server forgets a lease long after it was acknowledged, and tells nobody; so does its partner.
    Forgetful,
    /// A partner that returns is not told which leases ended while it fetched them.
    DeletionsLeftOut,
    /// Each run of a server passes for the one before.
    SameRun,
    /// A server that returns serves before its partner has handed over.
    ReadyEarly,
    /// A batch that comes late, from an earlier run, is carried out.
    LateOfPastRun,
    /// Addresses of the partner's half are given without asking it.
    OtherHalf,
}

impl Breakage {
    /// All of them.
    pub const ALL: [Breakage; 11] = [
        Breakage::ReplyEarly,
        Breakage::UpdatesSwapped,
        Breakage::JournalLate,
        Breakage::CachedAnswer,
        Breakage::FastClock,
        Breakage::Forgetful,
        Breakage::DeletionsLeftOut,
        Breakage::SameRun,
        Breakage::ReadyEarly,
        Breakage::LateOfPastRun,
        Breakage::OtherHalf,
    ];

    /// Whom the store tells of its changes.
    pub(super) fn wrap(breakage: Option<Self>, half: &Arc<Half>) -> Arc<dyn Replication> {
        let outbox = OnlyOutbox(Arc::clone(half));
        match breakage {
            Some(Breakage::ReplyEarly) => Arc::new(Unasked(outbox)),
            Some(Breakage::CachedAnswer) => Arc::new(Cached(outbox)),
            Some(Breakage::UpdatesSwapped) => Arc::new(Swapped { outbox, last: Mutex::default() }),
            _ => Arc::new(outbox),
        }
    }

    /// The store as everybody sees it.
    pub(super) fn wrap_store(
        breakage: Option<Self>,
        store: Arc<dyn LeaseStore>,
    ) -> Arc<dyn LeaseStore> {
        match breakage {
            Some(broken @ (Breakage::FastClock | Breakage::Forgetful)) => {
                Arc::new(Bent(store, broken))
            }
            _ => store,
        }
    }
}

/// The same change, for which no reply waits.
fn untold<'a>(change: &Change<'a>) -> Change<'a> {
    let origin = match change.origin {
        Origin::Client(_) | Origin::Asking(_) => Origin::Client(None),
        other => other,
    };
    Change { origin, ..*change }
}

/// Tells the partner, and makes no reply wait for it.
struct Unasked(OnlyOutbox);

impl Replication for Unasked {
    fn queue(&self, change: &Change<'_>) {
        self.0.queue(&untold(change));
    }

    fn reclaims(&self, lease: &Lease) -> bool {
        self.0.reclaims(lease)
    }
}

/// Makes no reply wait to a query that was asked shortly before.
struct Cached(OnlyOutbox);

/// Seconds within which a query counts as repeated.
const REPEATED_S: u64 = 20;

impl Replication for Cached {
    fn queue(&self, change: &Change<'_>) {
        let repeated = change.before.is_some_and(|before| {
            before.hw_address == change.lease.hw_address
                && change.lease.cltt_s.saturating_sub(before.cltt_s) < REPEATED_S
        });
        if repeated { self.0.queue(&untold(change)) } else { self.0.queue(change) }
    }

    fn reclaims(&self, lease: &Lease) -> bool {
        self.0.reclaims(lease)
    }
}

/// Tells each change of an address once more, behind the next one.
struct Swapped {
    outbox: OnlyOutbox,
    last: Mutex<BTreeMap<Address, (ChangeKind, Lease)>>,
}

impl Replication for Swapped {
    fn queue(&self, change: &Change<'_>) {
        self.outbox.queue(change);
        let current = (change.kind, change.lease.clone());
        let before = self.last.lock().insert(change.lease.address, current);
        if let Some((kind, lease)) = before {
            self.outbox.queue(&untold(&Change { kind, lease: &lease, ..*change }));
        }
    }

    fn reclaims(&self, lease: &Lease) -> bool {
        self.outbox.reclaims(lease)
    }
}

/// How often a lease is forgotten, and how old it is then at least.
const FORGETS_EVERY_S: u64 = 600;
const FORGETS_FOR_S: u64 = 30;

/// Takes what the partner writes as its own, or forgets a lease from time to time.
#[derive(Debug)]
struct Bent(Arc<dyn LeaseStore>, Breakage);

impl LeaseStore for Bent {
    fn apply(&self, lease: Lease, overwrite: Overwrite, origin: Origin) -> Applied {
        let fast = self.1 == Breakage::FastClock;
        self.0.apply(lease, overwrite, if fast { Origin::Administrator } else { origin })
    }

    fn watch(&self, now: Now) {
        if self.1 == Breakage::Forgetful && now.wall_s % FORGETS_EVERY_S < FORGETS_FOR_S {
            let old = |lease: &Lease| lease.cltt_s + FORGETS_FOR_S < now.wall_s;
            let lease = self.0.page(None, usize::MAX).into_iter().find(old);
            lease.and_then(|lease| self.0.delete(lease.address, Origin::Partner));
        }
        self.0.watch(now);
    }

    fn find(&self, address: Address) -> Option<Stored> {
        self.0.find(address)
    }

    fn version(&self, address: Address) -> Option<ChangeNumber> {
        self.0.version(address)
    }

    fn last_change(&self) -> ChangeNumber {
        self.0.last_change()
    }

    fn promise(&self, address: Address, version: ChangeNumber, acknowledged: bool) -> bool {
        self.0.promise(address, version, acknowledged)
    }

    fn find_of(&self, identity: Identity<'_>, subnets: &[u32], now: Now) -> Option<Stored> {
        self.0.find_of(identity, subnets, now)
    }

    fn grant(&self, now: Now, grant: Grant<'_>) -> Result<Granted, GrantRefused> {
        self.0.grant(now, grant)
    }

    fn release(
        &self,
        now: Now,
        address: Address,
        identity: Identity<'_>,
        keep: bool,
        origin: Origin,
    ) -> Result<Stored, NotHolder> {
        self.0.release(now, address, identity, keep, origin)
    }

    fn decline(
        &self,
        now: Now,
        address: Address,
        identity: Identity<'_>,
        probation_s: u32,
        origin: Origin,
    ) -> Result<Stored, NotHolder> {
        self.0.decline(now, address, identity, probation_s, origin)
    }

    fn delete(&self, address: Address, origin: Origin) -> Option<Stored> {
        self.0.delete(address, origin)
    }

    fn delete_version(
        &self,
        address: Address,
        version: ChangeNumber,
        origin: Origin,
    ) -> Option<ChangeNumber> {
        self.0.delete_version(address, version, origin)
    }

    fn expire(&self, now: Now, hold_s: u64, limit: usize) -> usize {
        self.0.expire(now, hold_s, limit)
    }

    fn flush_reclaimed(&self, now: Now, hold_s: u64, limit: usize) -> usize {
        self.0.flush_reclaimed(now, hold_s, limit)
    }

    fn page(&self, after: Option<Address>, limit: usize) -> Vec<Lease> {
        self.0.page(after, limit)
    }

    fn find_free(
        &self,
        now: Now,
        range: RangeInclusive<Address>,
        from: Address,
        findable: Findable<'_>,
        taken: &dyn Fn(Address) -> bool,
    ) -> Option<Address> {
        self.0.find_free(now, range, from, findable, taken)
    }

    fn held(&self, range: RangeInclusive<Address>) -> u64 {
        self.0.held(range)
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}
