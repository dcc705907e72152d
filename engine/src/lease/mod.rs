//! Leases: what they are, the store that keeps them as one trait of whole operations, and the two rooms
//! behind it: [`memory`], the sharded store, and [`csv`], Kea's lease file.
//!
//! Pure but for the journal in [`csv`]. Must not know sockets, the configuration's wire shape, or who
//! replicates.

#[cfg(test)]
mod contract;
pub mod csv;
mod digits;
mod half;
mod host_name;
pub mod identity;
pub mod json;
mod kept_out;
pub mod memory;
#[cfg(test)]
mod reference;
mod rules;
mod short;
pub mod store;
mod types;

pub use half::AddressHalf;
pub use host_name::HostName;
pub use identity::{ClientId, HwAddress};
pub use kept_out::{Findable, KeptOut};
pub(crate) use rules::occupies;
pub use store::{
    Applied, Change, ChangeKind, ChangeNumber, ChangeSink, Grant, GrantRefused, Granted, Identity,
    LeaseStore, Mark, NotHolder, Origin, Overwrite, Stored,
};
pub use types::{INFINITE_LIFETIME, Lease4, LeaseState, UnknownLeaseState};
