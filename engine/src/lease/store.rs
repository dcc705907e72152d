//! The lease store as a trait of whole operations, and the changes it makes known.
//!
//! The address is the authority: a lease is one record in the table of its address, and whoever changes it
//! holds the short lock of that address's stripe, never across I/O. Under that lock the change gets the next
//! [`ChangeNumber`] and is shown to the [`ChangeSink`], so that the lease file and every peer see the changes
//! of one address in the order in which they happened. Indexes by identity are hints, checked again
//! under the record's lock. Lock order: identity stripes, then addresses, each ascending.

use std::fmt;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;

use super::{ClientId, Findable, HwAddress, Lease4, LeaseState};
use crate::clock::Now;
use crate::limits::OTHER_WRITER_HOLD_S;
use crate::pending::Ticket;

/// The place of a change in the order of all changes since this server's start, from 1. A record's
/// version is the number of its last change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeNumber(pub u64);

/// On whose behalf a lease is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A client's query; its reply waits under the ticket, if anybody else must know first.
    Client(Option<Ticket>),
    /// A client's query for an address that the partner gives: its reply waits until the partner agrees.
    Asking(Ticket),
    /// The partner's update or a page of its leases.
    Partner,
    /// A command.
    Administrator,
    /// The end of a lifetime.
    Reclamation,
    /// The lease file, read again.
    Load,
}

/// What became of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// The address had no record.
    Added,
    /// The record was replaced.
    Updated,
    /// The record is gone; the change carries its last content.
    Deleted,
}

/// One change of one lease, shown to the [`ChangeSink`] under the address's lock.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Its place in the order.
    pub number: ChangeNumber,
    /// What became of the record.
    pub kind: ChangeKind,
    /// The new content, or the last one of a deleted lease.
    pub lease: &'a Lease4,
    /// The content before, if there was a record.
    pub before: Option<&'a Lease4>,
    /// Who changed it.
    pub origin: Origin,
}

/// Who is shown every change: the journal, the partner's queue, the statistics.
pub trait ChangeSink: Send + Sync {
    /// Takes note of `change`. Called under the lock of its address: must neither block nor do I/O nor
    /// call the store.
    fn record(&self, change: &Change<'_>);

    /// Whether `lease`, whose time is over, may be cleaned up. Called under the lock of its address, as
    /// [`Self::record`].
    fn may_clean_up(&self, lease: &Lease4) -> bool {
        let _ = lease;
        true
    }
}

/// A lease as read, with the version that a conditional operation names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The lease.
    pub lease: Lease4,
    /// The number of its last change.
    pub version: ChangeNumber,
    /// A reply that reports this version waited for whoever had to know of it, and was sent: they know it. What a server
    /// tells its client while it serves alone is not confirmed.
    pub confirmed: bool,
    /// Its end was reckoned by another server's clock, or nobody knows by whose: the partner's, or from the file.
    pub foreign: bool,
    /// The `cltt` of the last version that its client was told of, by this server or by the one that wrote it before; 0 if
    /// of none.
    pub promised_s: u32,
}

/// What a record was like when it was read: another version of it, or a promise made since, is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    version: ChangeNumber,
    promised_s: u32,
}

impl Stored {
    /// A record that `origin` writes.
    pub const fn new(lease: Lease4, version: ChangeNumber, origin: Origin) -> Self {
        let foreign = matches!(origin, Origin::Partner | Origin::Load);
        Self { lease, version, confirmed: false, foreign, promised_s: 0 }
    }

    /// As [`Self::new`], in the place of `before`: as long as a promise holds, it outlives a renewal of which the
    /// client was not told. What another server wrote, that one promised.
    pub(crate) fn in_place_of(
        before: Option<&Self>,
        lease: Lease4,
        version: ChangeNumber,
        origin: Origin,
    ) -> Self {
        let new = Self::new(lease, version, origin);
        let promised_s = before.filter(|_| !new.foreign).map_or(0, |before| {
            let (old, new) = (&before.lease, &new.lease);
            let same = old.client_id == new.client_id && old.hw_address == new.hw_address;
            let goes_on = new.state == LeaseState::Assigned && old.holds_address(new.cltt_s);
            let promised_s = match before.foreign {
                true => u32::try_from(old.cltt_s).unwrap_or(u32::MAX),
                false => before.promised_s,
            };
            if same && goes_on { promised_s } else { 0 }
        });
        Self { promised_s, ..new }
    }

    /// Its client is told of it now.
    pub(crate) fn promise(&mut self, acknowledged: bool) {
        self.confirmed |= acknowledged;
        if self.lease.state == LeaseState::Assigned {
            self.promised_s = u32::try_from(self.lease.cltt_s).unwrap_or(u32::MAX);
        }
    }

    /// What it is like now.
    pub const fn mark(&self) -> Mark {
        Mark { version: self.version, promised_s: self.promised_s }
    }

    /// Whether the address must not be given to another client at `wall_s`: that of a lease of another server is
    /// kept [`OTHER_WRITER_HOLD_S`] longer, whose clock may be behind ours.
    pub fn keeps_address(&self, wall_s: u64) -> bool {
        self.lease.holds_address(wall_s.saturating_sub(self.grace_s()))
    }

    /// Seconds after the lease's end until its time is over for others than its client.
    pub(crate) const fn grace_s(&self) -> u64 {
        if self.foreign { OTHER_WRITER_HOLD_S } else { 0 }
    }
}

/// A client as leases know it (Kea guide, "Using Client Identifier and Hardware Address").
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// Option 61; `None` if the client sent none, or `match-client-id` is false.
    pub client_id: Option<&'a ClientId>,
    /// `chaddr`.
    pub hw_address: &'a HwAddress,
}

impl Identity<'_> {
    /// Whether `lease` is this client's: equal client identifiers decide; if one side has none, equal
    /// hardware addresses do. A lease without either (declined) is nobody's.
    pub fn owns(&self, lease: &Lease4) -> bool {
        match (self.client_id, &lease.client_id) {
            (Some(ours), Some(theirs)) => ours == theirs,
            _ => !self.hw_address.is_empty() && *self.hw_address == lease.hw_address,
        }
    }
}

/// A wish to hold one address.
#[derive(Clone, Debug)]
pub struct Grant<'a> {
    /// The lease to be written, address and all.
    pub lease: Lease4,
    /// Its client.
    pub identity: Identity<'a>,
    /// The subnets in which the client may have one lease only (its subnet, or all of the shared network), ascending:
    /// others that it has there are deleted with this grant.
    pub one_of: &'a [u32],
    /// Who asks.
    pub origin: Origin,
}

/// A grant that was made.
#[derive(Clone, Debug)]
pub struct Granted {
    /// The version of the record that was written.
    pub version: ChangeNumber,
    /// What the address held before.
    pub before: Option<Lease4>,
    /// Leases of the same client that were deleted.
    pub replaced: Vec<Lease4>,
}

/// Why an address cannot be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantRefused {
    /// Another client holds it and its lifetime is not over, or it is declined.
    #[error("address {0} is held by another client")]
    Held(Ipv4Addr),
}

/// The address is not held by this client, or there is no live lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client holds no live lease for {0}")]
pub struct NotHolder(pub Ipv4Addr);

/// When an applied lease replaces the one that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// Always: a partner's update (Kea's `lease4-update` with `force-create`).
    Always,
    /// Only what exists: `lease4-update` without `force-create`.
    Existing,
    /// Only what does not exist: `lease4-add`.
    Absent,
    /// If it is newer ([`Lease4::is_newer_than`]): a page of a synchronisation.
    Newer,
    /// If it is newer, or differs from what was last changed no later than this: a page of a partner that knows better.
    NotSince(ChangeNumber),
    /// Only what is still as it was read, or was not there: a partner's update that was held against it.
    Unchanged(Option<Mark>),
}

/// What became of an applied lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The address had no lease.
    Added(ChangeNumber),
    /// The lease there was replaced.
    Updated(ChangeNumber),
    /// The [`Overwrite`] rule kept what was (or was not) there.
    Kept,
}

/// A store of DHCPv4 leases. Every operation is whole: it looks, decides and writes under the locks it
/// needs, and shows each change to the [`ChangeSink`] it was built with.
pub trait LeaseStore: Send + Sync + fmt::Debug {
    /// Looks at the clocks, before a batch of other operations: a wall clock that is set forward must not give an
    /// address away before its lease is over. A store may do without.
    fn watch(&self, _now: Now) {}

    /// The lease of an address, in whatever state.
    fn find(&self, address: Ipv4Addr) -> Option<Stored>;

    /// The version of an address's record.
    fn version(&self, address: Ipv4Addr) -> Option<ChangeNumber>;

    /// The number of the last change; 0 before the first.
    fn last_change(&self) -> ChangeNumber;

    /// Its client is about to be told of this version of the lease: says whether it is still the one that is there, and
    /// notes the promise. `acknowledged`: somebody else had to know of the version, and said that he does.
    fn promise(&self, address: Ipv4Addr, version: ChangeNumber, acknowledged: bool) -> bool;

    /// The client's lease in one of `subnets`, which ascend: a live one first, else one kept for it (expired, reclaimed or
    /// released). By client identifier first, then by hardware address.
    fn find_of(&self, identity: Identity<'_>, subnets: &[u32], now: Now) -> Option<Stored>;

    /// Writes a lease if its address is free or the client's own.
    fn grant(&self, now: Now, grant: Grant<'_>) -> Result<Granted, GrantRefused>;

    /// Ends the client's live lease: removes it, or if `keep` and it would have ended some time leaves it released for
    /// its client. Returns it with the change's number.
    fn release(
        &self,
        now: Now,
        address: Ipv4Addr,
        identity: Identity<'_>,
        keep: bool,
        origin: Origin,
    ) -> Result<Stored, NotHolder>;

    /// Takes the address out of use for `probation_s` seconds and forgets its client (RFC 2131
    /// section 4.3.3). Returns the declined lease.
    fn decline(
        &self,
        now: Now,
        address: Ipv4Addr,
        identity: Identity<'_>,
        probation_s: u32,
        origin: Origin,
    ) -> Result<Stored, NotHolder>;

    /// Writes another's version of a lease.
    fn apply(&self, lease: Lease4, overwrite: Overwrite, origin: Origin) -> Applied;

    /// Puts in a lease as the lease file has it, if its address has none; whether it had none. That is no change, nobody
    /// is shown it, and it may be done while the store is used: the version is 0.
    fn load(&self, lease: Lease4) -> bool {
        matches!(self.apply(lease, Overwrite::Absent, Origin::Load), Applied::Added(_))
    }

    /// Whether all leases of the lease file are there. Until then what is there is right, and what is not there may
    /// still come: nobody may be refused an address, and none may be given.
    fn is_complete(&self) -> bool {
        true
    }

    /// Removes an address's lease, and returns it with the change's number.
    fn delete(&self, address: Ipv4Addr, origin: Origin) -> Option<Stored>;

    /// As [`Self::delete`], if the lease still has the version that was read; returns the change's number.
    fn delete_version(
        &self,
        address: Ipv4Addr,
        version: ChangeNumber,
        origin: Origin,
    ) -> Option<ChangeNumber>;

    /// Cleans up at most `limit` leases whose time is over and that [`ChangeSink::may_clean_up`] lets go: assigned ones become reclaimed and are kept
    /// for `hold_s` seconds more, declined ones and those held long enough are deleted. Returns how many were
    /// changed; fewer than `limit` means that nothing is left to do.
    fn expire(&self, now: Now, hold_s: u64, limit: usize) -> usize;

    /// Deletes at most `limit` reclaimed leases that ended more than `hold_s` seconds ago, and looks at no others; what
    /// [`ChangeSink::may_clean_up`] does not let go stays. Returns how many; fewer than `limit` means that none is left.
    fn flush_reclaimed(&self, now: Now, hold_s: u64, limit: usize) -> usize;

    /// At most `limit` leases with addresses strictly above `after` (from the lowest if `None`), ascending.
    /// A lease that is there throughout a listing appears in it exactly once.
    fn page(&self, after: Option<Ipv4Addr>, limit: usize) -> Vec<Lease4>;

    /// The lowest address of `range`, from `from` on and then from its start, without an assigned or declined
    /// lease (downwards: the highest, from `from` down and then from its end); if there is none, and `findable` says so, that of the lease which ended first of those expired at `now` and not
    /// cleaned up yet. What is not findable is passed over 256 addresses at a time. `taken` keeps addresses out, too; it is asked outside
    /// of locks, and may call the store. Costs the same at any fill, and one look for each address that is taken.
    fn find_free(
        &self,
        now: Now,
        range: RangeInclusive<Ipv4Addr>,
        from: Ipv4Addr,
        findable: Findable<'_>,
        taken: &dyn Fn(Ipv4Addr) -> bool,
    ) -> Option<Ipv4Addr>;

    /// How many addresses of `range` have an assigned or declined lease, one whose time is over included until it is
    /// cleaned up. Takes a step for each 256 of them that were ever held.
    fn held(&self, range: RangeInclusive<Ipv4Addr>) -> u64;

    /// Number of leases in any state.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
