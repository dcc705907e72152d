//! What an expression may ask of a query.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use super::ClassId;
use crate::codec::options::{Definition, standard_by_code};

/// A query, as the expression language sees it. Multi-byte numbers are in host order.
pub trait Subject {
    /// Payload of the option with `code`; several instances of a DHCPv4 option are one (RFC 3396).
    fn option(&self, code: u16) -> Option<Cow<'_, [u8]>>;
    /// How the option `code` of `space` is read, as far as that is known yet.
    fn definition(&self, space: &str, code: u8) -> Option<&Definition> {
        standard_by_code(space, code)
    }
    /// Name of the interface that received it.
    fn interface(&self) -> &str;
    /// Sender of the IP packet.
    fn source(&self) -> IpAddr;
    /// Receiver of the IP packet.
    fn destination(&self) -> IpAddr;
    /// Length of the DHCP message, bytes.
    fn length(&self) -> u32;
    /// `chaddr`, its first `hlen` bytes.
    fn hardware_address(&self) -> &[u8];
    /// `hlen`.
    fn hardware_len(&self) -> u8;
    /// `htype`.
    fn hardware_type(&self) -> u8;
    /// `ciaddr`.
    fn ciaddr(&self) -> Ipv4Addr;
    /// `giaddr`.
    fn giaddr(&self) -> Ipv4Addr;
    /// `yiaddr`.
    fn yiaddr(&self) -> Ipv4Addr;
    /// `siaddr`.
    fn siaddr(&self) -> Ipv4Addr;
    /// Message type (option 53 in DHCPv4).
    fn message_type(&self) -> u8;
    /// `xid`.
    fn transaction_id(&self) -> u32;
    /// Whether the query was put into `class` so far.
    fn is_member(&self, class: ClassId) -> bool;
}
