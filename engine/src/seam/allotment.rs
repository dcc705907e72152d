//! Which free addresses are ours to give, where a pool is open to the clients of both servers of a pair. Pure.

use crate::lease::{AddressHalf, Lease4, LeaseState, Stored};

/// The part of the free addresses that this server may give to clients who do not have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Allotment {
    /// All.
    #[default]
    Whole,
    /// All, from the far end of the pools: a server that took over, beside one that may serve still and begins at the
    /// near end.
    FarEnd,
    /// This half; an address of the other one if its owner agrees ([`crate::lease::Origin::Asking`]).
    Asking(AddressHalf),
    /// The owner of the other half cannot be asked. What was free in this half when that began, or was given back here
    /// since, is ours to give. Whoever had a lease then may have renewed it there: only he gets its address.
    Alone {
        /// Ours.
        half: AddressHalf,
        /// When it began, in seconds since 1970 UTC.
        since_s: u64,
    },
}

impl Allotment {
    /// The half whose addresses are given without a question, if it is one half only.
    pub const fn half(self) -> Option<AddressHalf> {
        match self {
            Self::Whole | Self::FarEnd => None,
            Self::Asking(half) | Self::Alone { half, .. } => Some(half),
        }
    }

    /// Whether a record keeps its address from others than its client, however long ago it ended.
    pub(crate) fn keeps(self, lease: &Lease4) -> bool {
        matches!(self, Self::Alone { .. }) && crate::lease::occupies(lease)
    }

    /// Whether the client whose record this is may have its address again without a question: the owner of the address knows
    /// of the lease, or was told of it with a promise.
    pub(crate) fn lets_keep(self, own: &Stored) -> bool {
        let known = own.foreign || own.confirmed || own.promised_s > 0;
        match self {
            Self::Whole | Self::FarEnd => true,
            Self::Asking(_) => known && own.lease.state == LeaseState::Assigned,
            Self::Alone { since_s, .. } => {
                known && own.lease.state == LeaseState::Assigned && own.lease.holds_address(since_s)
            }
        }
    }
}
