//! The little of DHCPv4 (RFC 2131, RFC 2132) that a client and the relay in front of it need. Pure;
//! knows nothing of exchanges.

use std::net::Ipv4Addr;

use crate::limits::{MORE, QUERY};

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
    /// DHCPRELEASE, which nobody answers.
    Release {
        /// The address that the client gives back (ciaddr).
        address: Ipv4Addr,
        /// Who gave it (option 54).
        server: Ipv4Addr,
    },
}

/// A query as the relay sends it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query<'a> {
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
    /// Whether the client wants the answer broadcast.
    pub broadcast: bool,
    /// Options as octets, written as they are (at most [`MORE`](crate::limits::MORE) octets).
    pub more: &'a [u8],
    /// The client's number, told in option 82 if the relay adds that.
    pub circuit: Option<u32>,
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
pub struct Reply<'a> {
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
    /// Option 82, if there was one.
    pub relay_information: Option<&'a [u8]>,
    /// Which options there were.
    pub codes: Codes,
}

/// A set of option codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Codes([u64; 4]);

impl Codes {
    /// Adds one.
    pub fn insert(&mut self, code: u8) {
        self.0[usize::from(code >> 6)] |= 1 << (code & 63);
    }

    /// Whether all of `others` are among these.
    pub fn contains_all(&self, others: &Self) -> bool {
        self.0.iter().zip(&others.0).all(|(own, other)| own & other == *other)
    }
}

impl FromIterator<u8> for Codes {
    fn from_iter<T: IntoIterator<Item = u8>>(codes: T) -> Self {
        let mut set = Self::default();
        codes.into_iter().for_each(|code| set.insert(code));
        set
    }
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
const RELAY_INFORMATION: u8 = 82;
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

    /// The transaction identifier: the same for all queries of an exchange.
    pub fn xid(&self) -> u32 {
        u32::from_be_bytes(four(&self.octets, 4))
    }

    fn option(&mut self, code: u8, value: &[u8]) {
        let len = u8::try_from(value.len()).expect("this module writes short options only");
        self.octets[self.len] = code;
        self.octets[self.len + 1] = len;
        self.octets[self.len + 2..self.len + 2 + value.len()].copy_from_slice(value);
        self.len += 2 + value.len();
    }
}

/// The value of option 82 that the relay writes for a client: the number as circuit, the hardware address as remote
/// identifier (RFC 3046).
pub fn relay_information(circuit: u32, mac: Mac) -> [u8; 14] {
    let ([a, b, c, d], [e, f, g, h, i, j]) = (circuit.to_be_bytes(), mac);
    [1, 4, a, b, c, d, 2, 6, e, f, g, h, i, j]
}

/// Writes a query.
pub fn encode(query: &Query<'_>) -> Datagram {
    let mut datagram = Datagram { octets: [0; QUERY], len: FIXED };
    let fixed = &mut datagram.octets;
    fixed[..4].copy_from_slice(&[1, 1, 6, 1]);
    fixed[4..8].copy_from_slice(&query.xid.to_be_bytes());
    fixed[8..10].copy_from_slice(&query.secs.to_be_bytes());
    if query.broadcast {
        fixed[10] = 0x80;
    }
    if let Form::Rebind { address } | Form::Release { address, .. } = query.form {
        fixed[12..16].copy_from_slice(&address.octets());
    }
    fixed[24..28].copy_from_slice(&query.giaddr.octets());
    fixed[28..34].copy_from_slice(&query.mac);
    fixed[236..240].copy_from_slice(&COOKIE);
    let message_type = match query.form {
        Form::Discover => 1,
        Form::Select { .. } | Form::Rebind { .. } => 3,
        Form::Release { .. } => 7,
    };
    datagram.option(MESSAGE_TYPE, &[message_type]);
    if let Form::Select { address, .. } = query.form {
        datagram.option(REQUESTED_ADDRESS, &address.octets());
    }
    if let Form::Select { server, .. } | Form::Release { server, .. } = query.form {
        datagram.option(SERVER_IDENTIFIER, &server.octets());
    }
    if message_type != 7 {
        datagram.option(PARAMETER_LIST, &ASKED);
    }
    let mut identifier = [1; 7];
    identifier[1..].copy_from_slice(&query.mac);
    datagram.option(CLIENT_IDENTIFIER, &identifier);
    let more = &query.more[..query.more.len().min(MORE)];
    datagram.octets[datagram.len..datagram.len + more.len()].copy_from_slice(more);
    datagram.len += more.len();
    if let Some(circuit) = query.circuit {
        datagram.option(RELAY_INFORMATION, &relay_information(circuit, query.mac));
    }
    datagram.octets[datagram.len] = END;
    datagram.len += 1;
    datagram
}

/// Reads an answer.
///
/// # Errors
/// [`Malformed`], which names what was found.
pub fn decode(octets: &[u8]) -> Result<Reply<'_>, Malformed> {
    if octets.len() < FIXED {
        return Err(Malformed::TooShort { found: octets.len() });
    }
    if octets[..3] != [2, 1, 6] || octets[236..240] != COOKIE {
        return Err(Malformed::NotAReply);
    }
    let options = scan(&octets[FIXED..])?;
    let kind = match options.message_type {
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
        server: options.server,
        relay_information: options.relay_information,
        codes: options.codes,
    })
}

/// The options that are looked at.
#[derive(Default)]
struct Options<'a> {
    message_type: Option<u8>,
    server: Option<Ipv4Addr>,
    relay_information: Option<&'a [u8]>,
    codes: Codes,
}

fn scan(mut options: &[u8]) -> Result<Options<'_>, Malformed> {
    let mut found = Options::default();
    while let Some((&code, rest)) = options.split_first() {
        match code {
            PAD => options = rest,
            END => break,
            _ => {
                let overrun = Malformed::OptionOverrun { code };
                let (&len, rest) = rest.split_first().ok_or(overrun)?;
                let (value, rest) = rest.split_at_checked(usize::from(len)).ok_or(overrun)?;
                found.codes.insert(code);
                match (code, value) {
                    (MESSAGE_TYPE, &[kind]) => found.message_type = Some(kind),
                    (SERVER_IDENTIFIER, &[a, b, c, d]) => {
                        found.server = Some(Ipv4Addr::new(a, b, c, d));
                    }
                    (RELAY_INFORMATION, value) => found.relay_information = Some(value),
                    _ => {}
                }
                options = rest;
            }
        }
    }
    Ok(found)
}

fn four(octets: &[u8], at: usize) -> [u8; 4] {
    std::array::from_fn(|i| octets[at + i])
}

#[cfg(test)]
mod tests;
