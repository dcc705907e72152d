//! The little of DHCPv4 (RFC 2131, RFC 2132) that a client and the relay in front of it need. Pure;
//! knows nothing of exchanges.

use std::net::Ipv4Addr;

use crate::limits::QUERY;

/// A hardware address of Ethernet.
pub type Mac = [u8; 6];

/// What a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// DHCPDISCOVER.
    Discover,
    /// DHCPREQUEST that takes an offer (RFC 2131 section 4.3.2, SELECTING).
    Select {
        /// The address of the offer.
        address: Ipv4Addr,
        /// Who made the offer (option 54).
        server: Ipv4Addr,
    },
    /// DHCPREQUEST that keeps a lease, from whichever server answers (REBINDING).
    Rebind {
        /// The address that the client uses (ciaddr).
        address: Ipv4Addr,
    },
}

/// A query as the relay sends it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// Chosen by the client; the answer carries it.
    pub xid: u32,
    /// Seconds since the client began.
    pub secs: u16,
    /// The client's hardware address, also its client identifier (type 1).
    pub mac: Mac,
    /// The relay's address, to which the server answers.
    pub giaddr: Ipv4Addr,
    /// What is asked.
    pub form: Form,
}

/// What a server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// DHCPOFFER.
    Offer,
    /// DHCPACK.
    Ack,
    /// DHCPNAK.
    Nak,
}

/// The parts of an answer that a client looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Of the query that is answered.
    pub xid: u32,
    /// What was said.
    pub kind: Kind,
    /// The client's hardware address.
    pub mac: Mac,
    /// The client's address (yiaddr).
    pub address: Ipv4Addr,
    /// The server identifier (option 54), if there was one.
    pub server: Option<Ipv4Addr>,
}

/// Why a datagram is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Shorter than the fixed part of a DHCP message.
    #[error("{found} octets found, at least {FIXED} expected")]
    TooShort {
        /// Octets found.
        found: usize,
    },
    /// Not a BOOTREPLY with Ethernet addresses and the magic cookie.
    #[error("no DHCP answer to an Ethernet client")]
    NotAReply,
    /// An option reaches beyond the end.
    #[error("option {code} reaches beyond the end of the message")]
    OptionOverrun {
        /// The option's code.
        code: u8,
    },
    /// No message type, or one that no server sends.
    #[error("message type {found:?} found, OFFER, ACK or NAK expected")]
    MessageType {
        /// The type found, if any.
        found: Option<u8>,
    },
}

/// Octets before the options: BOOTP's fixed part and the magic cookie.
pub const FIXED: usize = 240;

const COOKIE: [u8; 4] = [99, 130, 83, 99];
const PAD: u8 = 0;
const REQUESTED_ADDRESS: u8 = 50;
const MESSAGE_TYPE: u8 = 53;
const SERVER_IDENTIFIER: u8 = 54;
const PARAMETER_LIST: u8 = 55;
const CLIENT_IDENTIFIER: u8 = 61;
const END: u8 = 255;
/// What perfdhcp's clients ask for: broadcast address, time offset, routers, domain name, servers,
/// host.
const ASKED: [u8; 7] = [1, 28, 2, 3, 15, 6, 12];

/// A query's octets.
#[derive(Clone, Copy, Debug)]
pub struct Datagram {
    octets: [u8; QUERY],
    len: usize,
}

impl Datagram {
    /// What goes into the UDP payload.
    pub fn octets(&self) -> &[u8] {
        &self.octets[..self.len]
    }

    fn option(&mut self, code: u8, value: &[u8]) {
        let len = u8::try_from(value.len()).expect("this module writes short options only");
        self.octets[self.len] = code;
        self.octets[self.len + 1] = len;
        self.octets[self.len + 2..self.len + 2 + value.len()].copy_from_slice(value);
        self.len += 2 + value.len();
    }
}

/// Writes a query.
pub fn encode(query: &Query) -> Datagram {
    let mut datagram = Datagram { octets: [0; QUERY], len: FIXED };
    let fixed = &mut datagram.octets;
    fixed[..4].copy_from_slice(&[1, 1, 6, 1]);
    fixed[4..8].copy_from_slice(&query.xid.to_be_bytes());
    fixed[8..10].copy_from_slice(&query.secs.to_be_bytes());
    if let Form::Rebind { address } = query.form {
        fixed[12..16].copy_from_slice(&address.octets());
    }
    fixed[24..28].copy_from_slice(&query.giaddr.octets());
    fixed[28..34].copy_from_slice(&query.mac);
    fixed[236..240].copy_from_slice(&COOKIE);
    let request = !matches!(query.form, Form::Discover);
    datagram.option(MESSAGE_TYPE, &[if request { 3 } else { 1 }]);
    if let Form::Select { address, server } = query.form {
        datagram.option(REQUESTED_ADDRESS, &address.octets());
        datagram.option(SERVER_IDENTIFIER, &server.octets());
    }
    datagram.option(PARAMETER_LIST, &ASKED);
    let mut identifier = [1; 7];
    identifier[1..].copy_from_slice(&query.mac);
    datagram.option(CLIENT_IDENTIFIER, &identifier);
    datagram.octets[datagram.len] = END;
    datagram.len += 1;
    datagram
}

/// Reads an answer.
///
/// # Errors
/// [`Malformed`], which names what was found.
pub fn decode(octets: &[u8]) -> Result<Reply, Malformed> {
    if octets.len() < FIXED {
        return Err(Malformed::TooShort { found: octets.len() });
    }
    if octets[..3] != [2, 1, 6] || octets[236..240] != COOKIE {
        return Err(Malformed::NotAReply);
    }
    let (message_type, server) = scan(&octets[FIXED..])?;
    let kind = match message_type {
        Some(2) => Kind::Offer,
        Some(5) => Kind::Ack,
        Some(6) => Kind::Nak,
        found => return Err(Malformed::MessageType { found }),
    };
    Ok(Reply {
        xid: u32::from_be_bytes(four(octets, 4)),
        kind,
        mac: std::array::from_fn(|i| octets[28 + i]),
        address: four(octets, 16).into(),
        server,
    })
}

fn scan(mut options: &[u8]) -> Result<(Option<u8>, Option<Ipv4Addr>), Malformed> {
    let (mut message_type, mut server) = (None, None);
    while let Some((&code, rest)) = options.split_first() {
        match code {
            PAD => options = rest,
            END => break,
            _ => {
                let overrun = Malformed::OptionOverrun { code };
                let (&len, rest) = rest.split_first().ok_or(overrun)?;
                let (value, rest) = rest.split_at_checked(usize::from(len)).ok_or(overrun)?;
                match (code, value) {
                    (MESSAGE_TYPE, &[found]) => message_type = Some(found),
                    (SERVER_IDENTIFIER, &[a, b, c, d]) => server = Some(Ipv4Addr::new(a, b, c, d)),
                    _ => {}
                }
                options = rest;
            }
        }
    }
    Ok((message_type, server))
}

fn four(octets: &[u8], at: usize) -> [u8; 4] {
    std::array::from_fn(|i| octets[at + i])
}

#[cfg(test)]
mod tests;
