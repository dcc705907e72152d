//! DHCPv4 messages (RFC 2131 section 2): the query as a checked view over the received bytes ([`Query`]), and the
//! reply's writer ([`ReplyWriter`]). Pure. Must not know leases or the configuration.

mod codes;
mod query;
mod reply;
mod rules;
#[cfg(test)]
mod tests;

pub use codes::CodeSet;
pub use query::{Malformed, Outline, Query};
pub use reply::ReplyWriter;

/// DHCP message types (RFC 2132 section 9.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are RFC 2131's")]
pub enum MessageType {
    Discover = 1,
    Offer = 2,
    Request = 3,
    Decline = 4,
    Ack = 5,
    Nak = 6,
    Release = 7,
    Inform = 8,
}

impl MessageType {
    /// The type with this number in option 53.
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Discover,
            2 => Self::Offer,
            3 => Self::Request,
            4 => Self::Decline,
            5 => Self::Ack,
            6 => Self::Nak,
            7 => Self::Release,
            8 => Self::Inform,
            _ => return None,
        })
    }

    /// The name as logs have it: `DHCPDISCOVER`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Discover => "DHCPDISCOVER",
            Self::Offer => "DHCPOFFER",
            Self::Request => "DHCPREQUEST",
            Self::Decline => "DHCPDECLINE",
            Self::Ack => "DHCPACK",
            Self::Nak => "DHCPNAK",
            Self::Release => "DHCPRELEASE",
            Self::Inform => "DHCPINFORM",
        }
    }
}

/// Codes of the options that the server itself reads or writes.
#[expect(missing_docs, reason = "the names are those of RFC 2132 and of the IANA registry")]
pub mod code {
    pub const PAD: u8 = 0;
    pub const SUBNET_MASK: u8 = 1;
    pub const ROUTERS: u8 = 3;
    pub const DOMAIN_NAME_SERVERS: u8 = 6;
    pub const HOST_NAME: u8 = 12;
    pub const DOMAIN_NAME: u8 = 15;
    pub const REQUESTED_ADDRESS: u8 = 50;
    pub const LEASE_TIME: u8 = 51;
    pub const OPTION_OVERLOAD: u8 = 52;
    pub const MESSAGE_TYPE: u8 = 53;
    pub const SERVER_IDENTIFIER: u8 = 54;
    pub const PARAMETER_REQUEST_LIST: u8 = 55;
    pub const RENEWAL_TIME: u8 = 58;
    pub const REBINDING_TIME: u8 = 59;
    pub const VENDOR_CLASS_IDENTIFIER: u8 = 60;
    pub const CLIENT_IDENTIFIER: u8 = 61;
    pub const CLIENT_FQDN: u8 = 81;
    pub const RELAY_AGENT_INFORMATION: u8 = 82;
    pub const V6_ONLY_PREFERRED: u8 = 108;
    pub const SUBNET_SELECTION: u8 = 118;
    pub const VENDOR_CLASS: u8 = 124;
    pub const VENDOR_OPTIONS: u8 = 125;
    pub const END: u8 = 255;
}

/// Sub-options of option 82 that the server itself reads.
#[expect(missing_docs, reason = "the names are those of the IANA registry")]
pub mod suboption {
    pub const CIRCUIT_ID: u8 = 1;
    pub const REMOTE_ID: u8 = 2;
    pub const LINK_SELECTION: u8 = 5;
    pub const SERVER_IDENTIFIER_OVERRIDE: u8 = 11;
    pub const RELAY_ID: u8 = 12;
    pub const RELAY_SOURCE_PORT: u8 = 19;
}

/// Bytes before the options: BOOTP's fixed fields and the magic cookie.
pub const OPTIONS_AT: usize = 240;
/// Where `sname` begins.
pub const SNAME_AT: usize = 44;
/// Where `file` begins.
pub const FILE_AT: usize = 108;
/// The magic cookie (RFC 2131 section 3).
pub const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// Bytes of `chaddr`.
pub const CHADDR_LEN: usize = 16;
/// The broadcast bit of `flags`.
pub const BROADCAST_FLAG: u16 = 0x8000;
