//! What an exchange comes to. Pure data.

use std::fmt;
use std::net::Ipv4Addr;

use crate::codec::v4::MessageType;
use crate::lease::ChangeNumber;
use crate::packet::Departure;
use crate::stats::Counter;

/// The end of an exchange.
#[derive(Debug)]
pub enum Outcome {
    /// A reply, to be sent once whoever must know of `last_change` does.
    Reply(Reply),
    /// There is no reply to such a message (RELEASE, DECLINE).
    Silent {
        /// The change that was made.
        changed: Option<ChangeNumber>,
        /// What happened.
        event: Event,
    },
    /// No reply, and nothing was changed.
    Drop(DropReason),
}

/// A reply.
#[derive(Debug)]
pub struct Reply {
    /// The bytes and where they go.
    pub departure: Departure,
    /// OFFER, ACK or NAK.
    pub message_type: MessageType,
    /// The lease that it promises, and the version of it.
    pub reports: Option<(Ipv4Addr, ChangeNumber)>,
    /// The last change that was made for it.
    pub last_change: Option<ChangeNumber>,
    /// What happened.
    pub event: Event,
    /// Options that found no room in it.
    pub omitted: usize,
}

/// What happened, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An address was offered (`DHCP4_LEASE_OFFER`).
    Offered {
        /// The address.
        address: Ipv4Addr,
        /// The address that is reserved for the client and that another one holds.
        missed: Option<Ipv4Addr>,
    },
    /// A lease was given or renewed (`DHCP4_LEASE_ALLOC`).
    Allocated {
        /// The address.
        address: Ipv4Addr,
        /// Its lifetime, seconds.
        lifetime_s: u32,
        /// The client held it before.
        renewed: bool,
    },
    /// The client was told of its lease as it stands (`DHCP4_LEASE_REUSE`).
    Reused {
        /// The address.
        address: Ipv4Addr,
        /// What is left of its lifetime, seconds.
        left_s: u32,
    },
    /// A REQUEST was refused (`DHCP4_PACKET_NAK_...`).
    Refused {
        /// The address that was asked for, if any.
        address: Option<Ipv4Addr>,
        /// Why.
        reason: NakReason,
    },
    /// Options were given without a lease.
    Informed,
    /// A client that can do without an address was told that there is IPv6 (RFC 8925).
    Ipv6Only,
    /// A lease was given back (`DHCP4_RELEASE`).
    Released {
        /// The address.
        address: Ipv4Addr,
    },
    /// The client held no such lease (`DHCP4_RELEASE_FAIL_...`).
    ReleaseIgnored {
        /// The address.
        address: Ipv4Addr,
    },
    /// A client found its address in use (`DHCP4_DECLINE_LEASE`).
    Declined {
        /// The address.
        address: Ipv4Addr,
    },
    /// The client held no such lease (`DHCP4_DECLINE_LEASE_MISMATCH`).
    DeclineIgnored {
        /// The address.
        address: Ipv4Addr,
    },
}

/// Why a REQUEST is answered with a NAK.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NakReason {
    /// No subnet is configured for the client.
    #[error("no subnet is configured for the client")]
    NoSubnet,
    /// After its reboot the client asks for another address than it has.
    #[error("the client has a lease for another address")]
    OtherAddress,
    /// After its reboot an unknown client asks, and the subnet is authoritative.
    #[error("the client is unknown and the subnet is authoritative")]
    UnknownClient,
    /// Somebody else has the address, or is about to.
    #[error("the address is another client's")]
    InUse,
    /// The address is kept for another client.
    #[error("the address is reserved for another client")]
    Reserved,
    /// Another address is kept for the client, and free.
    #[error("{0} is reserved for the client and free")]
    OtherReserved(Ipv4Addr),
    /// The client's classes do not open the address's pool.
    #[error("the address is in no pool that is open to the client")]
    NotAllowed,
    /// The client is in the class REJECT.
    #[error("the client is in the class REJECT")]
    Rejected,
    /// Nothing is free.
    #[error("{0}")]
    NoAddress(AllocationFailure),
}

/// Why there is no address for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AllocationFailure {
    /// The subnet has no pools.
    #[error("the subnet has no pools")]
    NoPools,
    /// No pool of the subnet is open to the client's classes.
    #[error("no pool of the subnet is open to the client's classes")]
    Classes,
    /// Every address of the open pools is held.
    #[error("all addresses are held")]
    Full,
    /// Every address of the open pools of all subnets of the shared network is held.
    #[error("all addresses of the shared network are held")]
    FullNetwork,
}

/// Where no address was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// The subnet where the search ended.
    pub subnet_id: u32,
    /// Whether it is one of a shared network.
    pub is_shared: bool,
}

impl AllocationFailure {
    /// What counts this failure, as in Kea: where it was; whether any address could be tried; and that the client had classes, which
    /// every client has.
    pub const fn counters(self, is_shared: bool) -> [Counter; 3] {
        let place = match is_shared {
            true => Counter::AllocationFailNetwork,
            false => Counter::AllocationFailSubnet,
        };
        let why = match self {
            Self::NoPools | Self::Classes => Counter::AllocationFailNoPools,
            Self::Full | Self::FullNetwork => Counter::AllocationFail,
        };
        [place, why, Counter::AllocationFailClasses]
    }
}

/// Why there is no reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DropReason {
    /// A message that no client sends.
    #[error("a client does not send {}", .0.name())]
    UnexpectedType(MessageType),
    /// An INFORM that cannot be answered.
    #[error("INFORM without any address of the client")]
    InformWithoutAddress,
    /// The client means another server.
    #[error("it is for the server {0}")]
    OtherServer(Ipv4Addr),
    /// RFC 2131 table 5: a DISCOVER must not name a server.
    #[error("DISCOVER with a server identifier")]
    ServerIdentifierInDiscover,
    /// An option that the configuration defines is not of its type.
    #[error("option {0} cannot be read as the type that it is defined with")]
    UnreadableOption(u8),
    /// There is neither a hardware address nor a client identifier.
    #[error("neither a hardware address nor a client identifier")]
    NoIdentity,
    /// It is in the class DROP.
    #[error("it is in the class DROP")]
    ClassDrop,
    /// A BOOTP request that DHCP would answer with a NAK.
    #[error("a BOOTP request cannot be refused: {0}")]
    BootpRefused(NakReason),
    /// A client that wants no address where there is IPv6, but option 108 is not to be sent.
    #[error("the client would do without an address, but option 108 is never sent")]
    Ipv6OnlyHidden,
    /// A DISCOVER in the class REJECT.
    #[error("it is in the class REJECT")]
    ClassReject,
    /// No subnet is configured for the client.
    #[error("no subnet is configured for the client")]
    NoSubnet,
    /// The partner serves the client's subnet, or nobody is configured to.
    #[error("another server serves its subnet")]
    NotForUs,
    /// A DISCOVER, and there is no address for it.
    #[error("{0}")]
    NoAddress(AllocationFailure),
    /// After its reboot an unknown client asks: another server may know it.
    #[error("the rebooted client is unknown here")]
    UnknownClient,
    /// The address is in no pool here: another server may have given it.
    #[error("address {0} is in no pool here")]
    UnknownAddress(Ipv4Addr),
    /// Not all leases are read yet, and this client's is not among those that are.
    #[error("the leases are still being read, and its lease is not known yet")]
    StillLoading,
    /// RFC 2131 table 5: a DECLINE must name the address.
    #[error("DECLINE without the address")]
    DeclineWithoutAddress,
}

impl DropReason {
    /// The counter of this reason beside `pkt4-receive-drop`, if it has one.
    pub const fn counter(self) -> Option<Counter> {
        match self {
            Self::InformWithoutAddress
            | Self::ServerIdentifierInDiscover
            | Self::NoIdentity
            | Self::DeclineWithoutAddress => Some(Counter::RfcViolation),
            Self::UnreadableOption(_) => Some(Counter::MalformedOptionLength),
            Self::OtherServer(_) | Self::NotForUs => Some(Counter::NotForUs),
            Self::ClassDrop | Self::ClassReject => Some(Counter::AdminFiltered),
            Self::StillLoading => Some(Counter::ServiceDisabled),
            Self::NoAddress(_)
            | Self::UnexpectedType(_)
            | Self::BootpRefused(_)
            | Self::Ipv6OnlyHidden
            | Self::NoSubnet
            | Self::UnknownClient
            | Self::UnknownAddress(_) => None,
        }
    }

    /// Whether the query itself was refused. One that was taken up and came to nothing is not counted as dropped, as in Kea.
    pub const fn is_refusal(self) -> bool {
        self.counter().is_some() || matches!(self, Self::UnexpectedType(_))
    }

    /// Why there was no address, if that is why: more than one counter tells of it.
    pub const fn allocation_failure(self) -> Option<AllocationFailure> {
        match self {
            Self::NoAddress(failure) | Self::BootpRefused(NakReason::NoAddress(failure)) => {
                Some(failure)
            }
            _ => None,
        }
    }
}

impl Event {
    /// The address that the lease cache answered with.
    pub const fn reused(&self) -> Option<Ipv4Addr> {
        match self {
            Self::Reused { address, .. } => Some(*address),
            _ => None,
        }
    }

    /// The reserved address that the client was not offered, because another one holds it.
    pub const fn missed_reservation(&self) -> Option<Ipv4Addr> {
        match self {
            Self::Offered { missed, .. } => *missed,
            _ => None,
        }
    }

    /// Why there was no address for a REQUEST, if that is why it was refused; a DISCOVER is dropped with
    /// [`DropReason::NoAddress`].
    pub const fn allocation_failure(&self) -> Option<AllocationFailure> {
        match self {
            Self::Refused { reason: NakReason::NoAddress(failure), .. } => Some(*failure),
            _ => None,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offered { address, .. } => write!(f, "lease {address} will be offered"),
            Self::Allocated { address, lifetime_s, .. } => {
                write!(f, "lease {address} has been allocated for {lifetime_s} seconds")
            }
            Self::Reused { address, left_s } => {
                write!(f, "lease {address} has been reused for {left_s} seconds")
            }
            Self::Refused { address: Some(address), reason } => {
                write!(f, "address {address} is refused: {reason}")
            }
            Self::Refused { address: None, reason } => write!(f, "an address is refused: {reason}"),
            Self::Informed => write!(f, "options without a lease"),
            Self::Ipv6Only => write!(f, "no address, since there is IPv6"),
            Self::Released { address } => write!(f, "address {address} was released properly"),
            Self::ReleaseIgnored { address } => {
                write!(f, "address {address} is not the client's to release")
            }
            Self::Declined { address } => write!(f, "address {address} is declined"),
            Self::DeclineIgnored { address } => {
                write!(f, "address {address} is not the client's to decline")
            }
        }
    }
}
