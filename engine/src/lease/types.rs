//! The DHCPv4 lease and its states, as Kea's lease file and commands describe them.

use std::net::Ipv4Addr;

use super::host_name::HostName;
use super::identity::{ClientId, HwAddress};

/// The valid lifetime that never ends (RFC 2131 section 3.3), in seconds.
pub const INFINITE_LIFETIME: u32 = u32::MAX;

/// What a lease is in (Kea guide, "Lease file"; the number is the one in files and commands).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum LeaseState {
    /// Given to a client; holds until it expires.
    #[default]
    Assigned = 0,
    /// A client found the address in use: nobody gets it until the probation ends.
    Declined = 1,
    /// Expired and cleaned up; kept so that its client may have it again.
    Reclaimed = 2,
    /// Given back by its client; kept so that it may have it again.
    Released = 3,
    /// A registered address (DHCPv6 only; read from files, never made here).
    Registered = 4,
}

/// A state number that no version of Kea uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("lease state {0} is unknown: expected 0 (assigned) to 4 (registered)")]
pub struct UnknownLeaseState(pub u64);

impl TryFrom<u64> for LeaseState {
    type Error = UnknownLeaseState;

    fn try_from(number: u64) -> Result<Self, UnknownLeaseState> {
        match number {
            0 => Ok(Self::Assigned),
            1 => Ok(Self::Declined),
            2 => Ok(Self::Reclaimed),
            3 => Ok(Self::Released),
            4 => Ok(Self::Registered),
            other => Err(UnknownLeaseState(other)),
        }
    }
}

/// One DHCPv4 lease: the columns of Kea's lease file, by their meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease4 {
    /// The address; the lease's key.
    pub address: Ipv4Addr,
    /// The client's hardware address; empty in a declined lease.
    pub hw_address: HwAddress,
    /// The data of option 61, type byte included.
    pub client_id: Option<ClientId>,
    /// Seconds the lease holds after `cltt_s`; [`INFINITE_LIFETIME`] for ever.
    pub valid_lifetime_s: u32,
    /// Client's last transaction time, seconds since 1970 UTC.
    pub cltt_s: u64,
    /// The subnet the address was given from.
    pub subnet_id: u32,
    /// The server made the forward DNS entry.
    pub fqdn_fwd: bool,
    /// The server made the reverse DNS entry.
    pub fqdn_rev: bool,
    /// The client's host name in lower case; empty if none.
    pub hostname: HostName,
    /// What the lease is in.
    pub state: LeaseState,
    /// One-line JSON map, as Kea prints it.
    pub user_context: Option<Box<str>>,
    /// Kea 3's pool id; 0 if none.
    pub pool_id: u32,
}

impl Lease4 {
    /// When the lease ends, in seconds since 1970 UTC: `cltt + valid lifetime`, as the lease file has it.
    pub fn expires_at_s(&self) -> u64 {
        self.cltt_s + u64::from(self.valid_lifetime_s)
    }

    /// Whether this version of a lease came after `other`, both of one address: the newer `cltt`; within the same
    /// second, the address was declined after it was given.
    pub fn is_newer_than(&self, other: &Self) -> bool {
        let rank = |lease: &Self| (lease.cltt_s, lease.state == LeaseState::Declined);
        rank(other) < rank(self)
    }

    /// Whether the lifetime is over at `wall_s`; never for an infinite one (strictly later, as Kea).
    pub fn is_expired(&self, wall_s: u64) -> bool {
        self.valid_lifetime_s != INFINITE_LIFETIME && self.expires_at_s() < wall_s
    }

    /// Whether the address must not be given to another client at `wall_s`: assigned or declined, and
    /// not expired.
    pub fn holds_address(&self, wall_s: u64) -> bool {
        matches!(self.state, LeaseState::Assigned | LeaseState::Declined)
            && !self.is_expired(wall_s)
    }
}
