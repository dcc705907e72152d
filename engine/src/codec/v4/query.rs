//! A DHCPv4 query as a view over the received bytes. Pure; allocates only where an option came in pieces.

use std::borrow::Cow;
use std::net::Ipv4Addr;

use dhcproto::v4::borrowed::Message;

use super::{
    BROADCAST_FLAG, CHADDR_LEN, COOKIE, CodeSet, FILE_AT, MessageType, OPTIONS_AT, SNAME_AT, code,
};
use crate::lease::{ClientId, HwAddress};
use crate::limits::{MAX_CLIENT_ID, MAX_MESSAGE};

/// Why bytes are no DHCPv4 message. All of it is the sender's fault, and nothing is to be retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Malformed {
    /// Shorter than the fixed fields and the cookie.
    #[error("{0} bytes: expected at least 240")]
    TooShort(usize),
    /// Longer than any message that is read.
    #[error("{0} bytes: expected at most {MAX_MESSAGE}")]
    TooLong(usize),
    /// `hlen` names more bytes than `chaddr` has.
    #[error("hlen {0}: expected at most 16")]
    HardwareLength(u8),
    /// The magic cookie is missing.
    #[error("no DHCP magic cookie before the options")]
    Cookie,
    /// An option's length leads beyond the message.
    #[error("option {0} reaches beyond the end of the message")]
    OptionOverrun(u8),
    /// An option whose length cannot be.
    #[error("option {code} has {found} bytes")]
    OptionLength {
        /// The option.
        code: u8,
        /// Its bytes.
        found: usize,
    },
    /// There is no option 53.
    #[error("no message type")]
    NoMessageType,
    /// Option 53 holds a number without a meaning here.
    #[error("message type {0} is unknown")]
    UnknownMessageType(u8),
}

impl Malformed {
    /// A name for counters and logs, the same for all values of one reason.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooShort(_) => "too-short",
            Self::TooLong(_) => "too-long",
            Self::HardwareLength(_) => "hardware-length",
            Self::Cookie => "cookie",
            Self::OptionOverrun(_) => "option-overrun",
            Self::OptionLength { .. } => "option-length",
            Self::NoMessageType => "no-message-type",
            Self::UnknownMessageType(_) => "unknown-message-type",
        }
    }
}

/// A DHCPv4 message whose fixed fields and option lengths were checked.
#[derive(Debug)]
pub struct Query<'a> {
    message: Message<'a>,
    bytes: &'a [u8],
    /// Where the first instance of each option starts; 0 if there is none.
    first: [u16; 256],
    /// Codes that came more than once (RFC 3396).
    split: CodeSet,
    /// Which fields hold options as well (option 52).
    overload: u8,
    message_type: MessageType,
}

impl<'a> Query<'a> {
    /// Checks `bytes`, a UDP payload.
    ///
    /// # Errors
    /// [`Malformed`]: the first thing that is wrong.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() > MAX_MESSAGE {
            return Err(Malformed::TooLong(bytes.len()));
        }
        let too_short = Malformed::TooShort(bytes.len());
        if bytes.len() < OPTIONS_AT {
            return Err(too_short);
        }
        let message = Message::new(bytes).map_err(|_| too_short)?;
        if usize::from(message.hlen()) > CHADDR_LEN {
            return Err(Malformed::HardwareLength(message.hlen()));
        }
        if bytes[OPTIONS_AT - COOKIE.len()..OPTIONS_AT] != COOKIE {
            return Err(Malformed::Cookie);
        }
        let (mut first, mut split) = index(bytes, 0)?;
        let overload = overload(bytes, first[usize::from(code::OPTION_OVERLOAD)]);
        if overload != 0 {
            (first, split) = index(bytes, overload)?;
        }
        let message_type = MessageType::Discover;
        let mut query = Self { message, bytes, first, split, overload, message_type };
        query.message_type = query.read_message_type()?;
        query.check_lengths()?;
        Ok(query)
    }

    /// Option 53.
    pub fn message_type(&self) -> MessageType {
        self.message_type
    }

    /// The whole message.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The fixed fields as received: `op` to `file`, 236 bytes.
    pub fn header(&self) -> &'a [u8] {
        &self.bytes[..OPTIONS_AT - COOKIE.len()]
    }

    /// `xid`.
    pub fn xid(&self) -> u32 {
        self.message.xid()
    }

    /// `secs`, as received.
    pub fn secs(&self) -> u16 {
        self.message.secs()
    }

    /// `flags`.
    pub fn flags(&self) -> u16 {
        u16::from_be_bytes([self.bytes[10], self.bytes[11]])
    }

    /// Whether the client asks for broadcast replies.
    pub fn wants_broadcast(&self) -> bool {
        self.flags() & BROADCAST_FLAG != 0
    }

    /// `htype`.
    pub fn htype(&self) -> u8 {
        self.bytes[1]
    }

    /// `ciaddr`.
    pub fn ciaddr(&self) -> Ipv4Addr {
        self.message.ciaddr()
    }

    /// `yiaddr`.
    pub fn yiaddr(&self) -> Ipv4Addr {
        self.message.yiaddr()
    }

    /// `siaddr`.
    pub fn siaddr(&self) -> Ipv4Addr {
        self.message.siaddr()
    }

    /// `giaddr`: the relay's address.
    pub fn giaddr(&self) -> Ipv4Addr {
        self.message.giaddr()
    }

    /// Whether a relay passed it on.
    pub fn is_relayed(&self) -> bool {
        !self.giaddr().is_unspecified()
    }

    /// The first `hlen` bytes of `chaddr`.
    pub fn chaddr(&self) -> &'a [u8] {
        self.message.chaddr()
    }

    /// `chaddr` as leases keep it.
    pub fn hw_address(&self) -> HwAddress {
        HwAddress::new(self.chaddr()).expect("hlen was checked")
    }

    /// Data of option 61, type byte included, as received: the key of the RFC 3074 hash. At least 2 bytes.
    pub fn client_id_bytes(&self) -> Option<Cow<'a, [u8]>> {
        self.option(code::CLIENT_IDENTIFIER)
    }

    /// Option 61 as leases keep it.
    pub fn client_id(&self) -> Option<ClientId> {
        self.client_id_bytes().and_then(|bytes| ClientId::new(&bytes))
    }

    /// Payload of the option with `code`; what came in pieces is put together (RFC 3396).
    pub fn option(&self, code: u8) -> Option<Cow<'a, [u8]>> {
        let at = usize::from(self.first[usize::from(code)]);
        if at == 0 {
            return None;
        }
        if !self.split.contains(code) {
            return Some(Cow::Borrowed(self.payload(at)));
        }
        let walk = Walk::new(self.bytes, self.overload);
        let pieces = walk.flatten().filter(|option| option.code == code);
        Some(Cow::Owned(pieces.flat_map(|option| self.payload(option.at)).copied().collect()))
    }

    /// Whether the option with `code` is there.
    pub fn has_option(&self, code: u8) -> bool {
        self.first[usize::from(code)] != 0
    }

    /// The option with `code` as an address; `None` if it is absent or not of 4 bytes.
    pub fn address_option(&self, code: u8) -> Option<Ipv4Addr> {
        let bytes: [u8; 4] = self.option(code)?.as_ref().try_into().ok()?;
        Some(bytes.into())
    }

    /// Option 50: the address that the client would like.
    pub fn requested_address(&self) -> Option<Ipv4Addr> {
        self.address_option(code::REQUESTED_ADDRESS)
    }

    /// Option 54: the server that the client means.
    pub fn server_identifier(&self) -> Option<Ipv4Addr> {
        self.address_option(code::SERVER_IDENTIFIER)
    }

    /// Option 51: the lifetime that the client would like, seconds.
    pub fn requested_lifetime_s(&self) -> Option<u32> {
        let bytes: [u8; 4] = self.option(code::LEASE_TIME)?.as_ref().try_into().ok()?;
        Some(u32::from_be_bytes(bytes))
    }

    /// Option 55: the options that the client asks for.
    pub fn requested_options(&self) -> CodeSet {
        self.option(code::PARAMETER_REQUEST_LIST)
            .map_or_else(CodeSet::default, |list| CodeSet::of(&list))
    }

    /// A sub-option of option 82 (RFC 3046); its first instance.
    pub fn relay_suboption(&self, wanted: u8) -> Option<Cow<'a, [u8]>> {
        match self.option(code::RELAY_AGENT_INFORMATION)? {
            Cow::Borrowed(data) => suboption(data, wanted).map(Cow::Borrowed),
            Cow::Owned(data) => suboption(&data, wanted).map(|found| Cow::Owned(found.to_vec())),
        }
    }

    /// A sub-option of option 82 as an address.
    pub fn relay_address(&self, wanted: u8) -> Option<Ipv4Addr> {
        let bytes: [u8; 4] = self.relay_suboption(wanted)?.as_ref().try_into().ok()?;
        Some(bytes.into())
    }

    /// The payload of the option that starts at `at`, whose length was checked.
    fn payload(&self, at: usize) -> &'a [u8] {
        &self.bytes[at + 2..at + 2 + usize::from(self.bytes[at + 1])]
    }

    fn read_message_type(&self) -> Result<MessageType, Malformed> {
        let data = self.option(code::MESSAGE_TYPE).ok_or(Malformed::NoMessageType)?;
        let number = *data.first().ok_or(Malformed::NoMessageType)?;
        MessageType::from_number(number).ok_or(Malformed::UnknownMessageType(number))
    }

    /// Options that the server reads must have a length that it can read.
    fn check_lengths(&self) -> Result<(), Malformed> {
        for code in [code::REQUESTED_ADDRESS, code::LEASE_TIME, code::SERVER_IDENTIFIER] {
            self.check_length(code, 4..=4)?;
        }
        self.check_length(code::CLIENT_IDENTIFIER, 2..=MAX_CLIENT_ID)
    }

    fn check_length(
        &self,
        code: u8,
        expected: std::ops::RangeInclusive<usize>,
    ) -> Result<(), Malformed> {
        match self.option(code) {
            Some(data) if !expected.contains(&data.len()) => {
                Err(Malformed::OptionLength { code, found: data.len() })
            }
            _ => Ok(()),
        }
    }
}

/// The value of option 52, which starts at `at`: which of the fields `file` (1) and `sname` (2) hold options as well.
fn overload(bytes: &[u8], at: u16) -> u8 {
    let at = usize::from(at);
    if at != 0 && bytes[at + 1] == 1 { bytes[at + 2] & 3 } else { 0 }
}

/// Where each option's first instance starts, and which came in pieces.
fn index(bytes: &[u8], overload: u8) -> Result<([u16; 256], CodeSet), Malformed> {
    let mut first = [0; 256];
    let mut split = CodeSet::default();
    for option in Walk::new(bytes, overload) {
        let option = option?;
        let place = &mut first[usize::from(option.code)];
        if *place == 0 {
            *place = u16::try_from(option.at).expect("the message is at most 1500 bytes long");
        } else {
            split.insert(option.code);
        }
    }
    Ok((first, split))
}

/// The first sub-option `wanted` in option 82's `data`; what comes after an overrun is not looked at.
fn suboption(data: &[u8], wanted: u8) -> Option<&[u8]> {
    let mut rest = data;
    while let [found, len, tail @ ..] = rest {
        let (value, after) = tail.split_at_checked(usize::from(*len))?;
        if *found == wanted {
            return Some(value);
        }
        rest = after;
    }
    None
}

/// One option in the message.
struct Found {
    code: u8,
    /// Where its code stands.
    at: usize,
}

/// Walks over the options, then over those in `file` and those in `sname` (RFC 3396 section 5), and reports the one
/// that reaches beyond the end.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the part that is walked over ends.
    end: usize,
    /// The fields that are still to come.
    overload: u8,
}

impl<'a> Walk<'a> {
    fn new(bytes: &'a [u8], overload: u8) -> Self {
        Self { bytes, at: OPTIONS_AT, end: bytes.len(), overload }
    }

    /// Goes on to the next part, if there is one.
    fn next_part(&mut self) -> Option<()> {
        (self.at, self.end) = match self.overload {
            1 | 3 => (FILE_AT, OPTIONS_AT - COOKIE.len()),
            2 => (SNAME_AT, FILE_AT),
            _ => return None,
        };
        self.overload = if self.at == FILE_AT { self.overload & 2 } else { 0 };
        Some(())
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<Found, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let part = &self.bytes[..self.end];
            while part.get(self.at) == Some(&code::PAD) {
                self.at += 1;
            }
            let Some(&code) = part.get(self.at).filter(|code| **code != code::END) else {
                self.next_part()?;
                continue;
            };
            let at = self.at;
            let end = part.get(at + 1).map(|len| at + 2 + usize::from(*len));
            let Some(end) = end.filter(|end| *end <= self.end) else {
                self.overload = 0;
                self.at = self.end;
                return Some(Err(Malformed::OptionOverrun(code)));
            };
            self.at = end;
            return Some(Ok(Found { code, at }));
        }
    }
}
