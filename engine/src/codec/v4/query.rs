//! A DHCPv4 query as a view over the received bytes. Pure; allocates only where an option came in pieces.

use std::borrow::Cow;
use std::net::Ipv4Addr;

use dhcproto::v4::borrowed::Message;

use super::rules::{Lenience, Rule, are_vendor_options};
use super::{
    BROADCAST_FLAG, CHADDR_LEN, COOKIE, CodeSet, FILE_AT, MessageType, OPTIONS_AT, SNAME_AT, code,
};
use crate::lease::{ClientId, HwAddress};
use crate::limits::{MAX_CLIENT_ID, MAX_MESSAGE};

/// Flags of option 81 that contradict each other.
const FQDN_N_AND_S: u8 = 0x09;

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
    /// An option whose payload cannot be what its type says.
    #[error("option {code} has {found} bytes that cannot be read as its type")]
    OptionLength {
        /// The option.
        code: u8,
        /// Its bytes.
        found: usize,
    },
    /// Option 81 asks for updates by the server and for none at all (RFC 4702 section 2.1).
    #[error("option 81 has the flags {0:#04x}: expected not both N and S")]
    FqdnFlags(u8),
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
            Self::OptionLength { .. } => "option-length",
            Self::FqdnFlags(_) => "fqdn-flags",
            Self::NoMessageType => "no-message-type",
            Self::UnknownMessageType(_) => "unknown-message-type",
        }
    }
}

/// `op` of what clients send.
const BOOTREQUEST: u8 = 1;

/// A DHCPv4 message whose fixed fields and option lengths were checked.
#[derive(Debug)]
pub struct Query<'a> {
    message: Message<'a>,
    bytes: &'a [u8],
    outline: Outline,
    /// What stands for option 82, which is not there.
    relay_info: Option<&'a [u8]>,
}

/// What was found in a message: with it and the same message a [`Query`] is there again without another look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Where the first instance of each option starts.
    first: Places,
    /// Codes that came more than once (RFC 3396).
    split: CodeSet,
    /// Which fields hold options as well (option 52).
    overload: u8,
    /// `None` of a BOOTP request, which has none.
    message_type: Option<MessageType>,
}

/// How malformed options are met.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// The query is refused.
    None,
    /// Some are left out, some are read all the same.
    Lenient,
}

impl<'a> Query<'a> {
    /// Checks `bytes`, a UDP payload.
    ///
    /// # Errors
    /// [`Malformed`]: the first thing that is wrong.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let query = Self::parse_any(bytes)?;
        if query.is_bootp() { Err(Malformed::NoMessageType) } else { Ok(query) }
    }

    /// Checks `bytes`, a UDP payload that may be a BOOTP request as well (RFC 951, with the cookie of RFC 1497).
    ///
    /// # Errors
    /// [`Malformed`]: the first thing that is wrong.
    pub fn parse_any(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (mut query, unreadable) = Self::index(bytes)?;
        query.check_options(unreadable, Patience::None)?;
        Ok(query)
    }

    /// As [`Self::parse_any`] with Kea's `lenient-option-parsing`: domain names that cannot be read are as good as not
    /// sent, and option 81 may have both N and S.
    ///
    /// # Errors
    /// [`Malformed`]: what is wrong beyond that.
    pub fn parse_leniently(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let (mut query, unreadable) = Self::index(bytes)?;
        query.check_options(unreadable, Patience::Lenient)?;
        Ok(query)
    }

    /// What was found in it.
    pub fn outline(&self) -> Outline {
        self.outline
    }

    /// The query again whose `bytes` and `outline` these are; `None` if they cannot be.
    pub fn outlined(bytes: &'a [u8], outline: &Outline) -> Option<Self> {
        let message = Message::new(bytes).ok().filter(|_| outline.first.end <= bytes.len())?;
        Some(Self { message, bytes, outline: *outline, relay_info: None })
    }

    /// Finds the options, and those that may be unreadable.
    fn index(bytes: &'a [u8]) -> Result<(Self, CodeSet), Malformed> {
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
        let mut found = index(bytes, 0);
        let overload = overload(bytes, found.first.of(code::OPTION_OVERLOAD, bytes, 0));
        if overload != 0 {
            found = index(bytes, overload);
        }
        let Index { first, split, unreadable } = found;
        let outline = Outline { first, split, overload, message_type: None };
        let mut query = Self { message, bytes, outline, relay_info: None };
        // Kea takes a message that it cannot read to its end for no BOOTP request.
        let is_bootp = || bytes[0] == BOOTREQUEST && !Walk::new(bytes, overload).breaks();
        if query.has_option(code::MESSAGE_TYPE) || !is_bootp() {
            query.outline.message_type = Some(query.read_message_type()?);
        }
        Ok((query, unreadable))
    }

    /// Option 53; a BOOTP request is served as a REQUEST.
    pub fn message_type(&self) -> MessageType {
        self.outline.message_type.unwrap_or(MessageType::Request)
    }

    /// Whether it is a BOOTP request.
    pub fn is_bootp(&self) -> bool {
        self.outline.message_type.is_none()
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
        let Some(at) = self.outline.first.of(code, self.bytes, self.outline.overload) else {
            let recalled = self.relay_info.filter(|_| code == code::RELAY_AGENT_INFORMATION);
            return recalled.map(Cow::Borrowed);
        };
        if !self.outline.split.contains(code) {
            return Some(Cow::Borrowed(self.payload(at)));
        }
        let walk = Walk::new(self.bytes, self.outline.overload);
        let pieces = walk.filter(|option| option.code == code);
        Some(Cow::Owned(pieces.flat_map(|option| self.payload(option.at)).copied().collect()))
    }

    /// Whether the option with `code` is there.
    pub fn has_option(&self, code: u8) -> bool {
        self.outline.first.codes.contains(code)
            || (code == code::RELAY_AGENT_INFORMATION && self.relay_info.is_some())
    }

    /// The same query as if it had `relay_info` as option 82, of which it has none or an empty one.
    pub fn recalling<'b>(&self, relay_info: &'b [u8]) -> Query<'b>
    where
        'a: 'b,
    {
        let mut outline = self.outline;
        outline.first.codes.remove(code::RELAY_AGENT_INFORMATION);
        Query {
            message: Message::new(self.bytes).expect("it was read before"),
            bytes: self.bytes,
            outline,
            relay_info: Some(relay_info),
        }
    }

    /// Whether its option 82 is a recalled one: no relay will take it off a reply.
    pub const fn is_recalling(&self) -> bool {
        self.relay_info.is_some()
    }

    /// The option with `code` as an address: its first 4 bytes; `None` if there are none.
    pub fn address_option(&self, code: u8) -> Option<Ipv4Addr> {
        let bytes: [u8; 4] = *self.option(code)?.first_chunk()?;
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
        Some(u32::from_be_bytes(*self.option(code::LEASE_TIME)?.first_chunk()?))
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

    /// Options must be such that they can be read.
    fn check_options(&mut self, unreadable: CodeSet, patience: Patience) -> Result<(), Malformed> {
        // What came in pieces is one payload; a piece alone may look wrong and be right.
        let mut doubtful = unreadable;
        doubtful.add_all(&self.outline.split);
        let wrong =
            |code: &u8| !self.option(*code).is_none_or(|data| Rule::of(*code).admits(&data));
        let mut unread = CodeSet::default();
        for code in doubtful.iter().filter(wrong) {
            match Rule::of(code).lenience().filter(|_| patience == Patience::Lenient) {
                None => return Err(self.of_wrong_length(code)),
                Some(Lenience::LeftOut) => unread.insert(code),
                Some(Lenience::AsItIs) => {}
            }
        }
        self.outline.first.codes.remove_all(&unread);
        if self.client_id_bytes().is_some_and(|id| id.len() > MAX_CLIENT_ID) {
            return Err(self.of_wrong_length(code::CLIENT_IDENTIFIER));
        }
        match self.option(code::CLIENT_FQDN).as_deref() {
            Some([flags, ..])
                if flags & FQDN_N_AND_S == FQDN_N_AND_S && patience == Patience::None =>
            {
                Err(Malformed::FqdnFlags(*flags))
            }
            _ => Ok(()),
        }
    }

    fn of_wrong_length(&self, code: u8) -> Malformed {
        let found = self.option(code).map_or(0, |data| data.len());
        Malformed::OptionLength { code, found }
    }
}

/// The value of option 52, which starts at `at`: which of the fields `file` (1) and `sname` (2) hold options as well.
fn overload(bytes: &[u8], at: Option<usize>) -> u8 {
    at.filter(|at| bytes[at + 1] == 1).map_or(0, |at| bytes[at + 2] & 3)
}

/// As many options as a query usually has; where the others are is looked for when they are asked for.
const USUAL_OPTIONS: usize = 16;

/// One in each byte.
const EACH_BYTE: u128 = u128::from_le_bytes([1; USUAL_OPTIONS]);

/// Where the first instance of each option starts. Small, since it is moved about with its query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Places {
    /// The options that there are.
    codes: CodeSet,
    /// The bytes that were looked at.
    end: usize,
    /// The codes of the first ones, and their places.
    known: [u8; USUAL_OPTIONS],
    at: [u16; USUAL_OPTIONS],
    len: u8,
}

impl Places {
    /// Notes an option; false if it came before.
    fn add(&mut self, code: u8, at: usize) -> bool {
        if self.codes.contains(code) {
            return false;
        }
        self.codes.insert(code);
        let len = usize::from(self.len);
        if len < USUAL_OPTIONS {
            self.known[len] = code;
            self.at[len] = u16::try_from(at).expect("the message is at most 1500 bytes long");
            self.len += 1;
        }
        true
    }

    /// Where `code` starts in `bytes`, with `overload` as they were walked over.
    fn of(&self, code: u8, bytes: &[u8], overload: u8) -> Option<usize> {
        if !self.codes.contains(code) {
            return None;
        }
        // Bytes that are zero, found all at once: the lowest that is marked is the first. No option has code 0.
        let differs = u128::from_le_bytes(self.known) ^ (u128::from(code) * EACH_BYTE);
        let marks = differs.wrapping_sub(EACH_BYTE) & !differs & (EACH_BYTE << 7);
        match self.at.get(marks.trailing_zeros() as usize / 8) {
            Some(at) => Some(usize::from(*at)),
            None => Walk::new(bytes, overload).find(|it| it.code == code).map(|it| it.at),
        }
    }
}

/// What one walk over the options finds.
struct Index {
    /// Where each option's first instance starts.
    first: Places,
    /// Codes that came in pieces.
    split: CodeSet,
    /// Codes with an instance that cannot be read as its type.
    unreadable: CodeSet,
}

fn index(bytes: &[u8], overload: u8) -> Index {
    let (mut split, mut unreadable) = (CodeSet::default(), CodeSet::default());
    let mut first = Places { end: bytes.len(), ..Places::default() };
    for Found { code, at } in Walk::new(bytes, overload) {
        if !first.add(code, at) {
            split.insert(code);
        }
        let payload = &bytes[at + 2..at + 2 + usize::from(bytes[at + 1])];
        if !Rule::of(code).admits(payload) {
            unreadable.insert(code);
        }
    }
    Index { first, split, unreadable }
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

/// Walks over the options, then over those in `file` and those in `sname` (RFC 3396 section 5). It ends at an option
/// that reaches beyond the end and at an option 125 that cannot be read, as Kea does: what came before counts.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where the part that is walked over ends.
    end: usize,
    /// The fields that are still to come.
    overload: u8,
    /// Whether it ended at an option 125 that cannot be read.
    is_broken: bool,
}

impl<'a> Walk<'a> {
    fn new(bytes: &'a [u8], overload: u8) -> Self {
        Self { bytes, at: OPTIONS_AT, end: bytes.len(), overload, is_broken: false }
    }

    /// Whether it ends at an option 125 that cannot be read.
    fn breaks(mut self) -> bool {
        self.by_ref().for_each(drop);
        self.is_broken
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
    type Item = Found;

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
            let whole = end.filter(|end| *end <= self.end);
            let end = whole.filter(|end| {
                code != code::VENDOR_OPTIONS || are_vendor_options(&self.bytes[at + 2..*end])
            });
            let Some(end) = end else {
                self.is_broken = whole.is_some();
                self.overload = 0;
                self.at = self.end;
                return None;
            };
            self.at = end;
            return Some(Found { code, at });
        }
    }
}
