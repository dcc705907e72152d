//! DHCPv4 messages (RFC 2131 section 2): the query as a checked view over the received bytes, and the reply's
//! writer. Pure.

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
