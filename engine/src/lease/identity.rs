//! Who a DHCPv4 client is: its hardware address and its client identifier.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use super::short::Bytes;
use crate::limits::{MAX_CLIENT_ID, MAX_HW_ADDRESS};

/// A hardware address of at most 20 bytes, without its type (Kea's lease file has no column for it).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HwAddress {
    len: u8,
    bytes: [u8; MAX_HW_ADDRESS],
}

/// A client identifier: the data of option 61, 1 to 255 bytes.
#[derive(Clone)]
pub struct ClientId(Bytes);

/// Text that is no identifier in Kea's notation (hex bytes with or without colons), or one of a wrong length.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{found}' is no identifier: expected hex bytes such as 01:02:0a, {min} to {max} of them")]
pub struct BadIdentifier {
    /// The text as found.
    pub found: String,
    /// Least number of bytes.
    pub min: usize,
    /// Largest number of bytes.
    pub max: usize,
}

impl HwAddress {
    /// The address of these bytes, or none if there are more than 20.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut address = Self::default();
        address.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        address.len = u8::try_from(bytes.len()).ok()?;
        Some(address)
    }

    /// Reads `aa:bb:cc`; an empty text is the empty address.
    pub fn parse(text: &str) -> Result<Self, BadIdentifier> {
        let mut room = [0; MAX_HW_ADDRESS];
        if let Some(bytes) = parse_usual_hex(text, &mut room) {
            return Ok(Self::new(bytes).expect("it has room for no more"));
        }
        parse_hex(text).and_then(|bytes| Self::new(&bytes)).ok_or_else(|| BadIdentifier {
            found: text.to_owned(),
            min: 0,
            max: MAX_HW_ADDRESS,
        })
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Whether there are no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl ClientId {
    /// The identifier of these bytes, or none if there are 0 or more than 255.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() || bytes.len() > MAX_CLIENT_ID {
            return None;
        }
        Some(Self(Bytes::new(bytes)))
    }

    /// Reads `aa:bb:cc` or `aabbcc`.
    pub fn parse(text: &str) -> Result<Self, BadIdentifier> {
        let mut room = [0; MAX_CLIENT_ID];
        if let Some(id) = parse_usual_hex(text, &mut room).and_then(Self::new) {
            return Ok(id);
        }
        parse_hex(text).and_then(|bytes| Self::new(&bytes)).ok_or_else(|| BadIdentifier {
            found: text.to_owned(),
            min: 1,
            max: MAX_CLIENT_ID,
        })
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl PartialEq for ClientId {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for ClientId {}

impl PartialOrd for ClientId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ClientId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for ClientId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Display for HwAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, self.as_bytes())
    }
}

impl fmt::Debug for HwAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, self.as_bytes())
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, self.as_bytes())
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, self.as_bytes())
    }
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    for (i, byte) in bytes.iter().enumerate() {
        write!(f, "{}{byte:02x}", if i == 0 { "" } else { ":" })?;
    }
    Ok(())
}

/// The bytes of `01:02:0a`, the form that is written, if there is room for them: the quick way.
fn parse_usual_hex<'a>(text: &str, room: &'a mut [u8]) -> Option<&'a [u8]> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let groups = text.as_bytes().chunks(3);
    let count = groups.len();
    for ((at, group), place) in groups.enumerate().zip(room.get_mut(..count)?) {
        let (high, low) = match group {
            [high, low] if at + 1 == count => (*high, *low),
            [high, low, b':'] if at + 1 < count => (*high, *low),
            _ => return None,
        };
        *place = (digit(high)? << 4 | digit(low)?) as u8;
    }
    Some(&room[..count])
}

/// Bytes of `01:2:0a` or `01020a`; a group between colons may have one digit, as Kea reads it.
fn parse_hex(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    if !text.is_ascii() {
        return None;
    }
    if text.contains(':') {
        return text.split(':').map(parse_byte).collect();
    }
    let padded = if text.len() % 2 == 1 { format!("0{text}") } else { text.to_owned() };
    (0..padded.len()).step_by(2).map(|i| parse_byte(&padded[i..i + 2])).collect()
}

fn parse_byte(digits: &str) -> Option<u8> {
    let hex = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if hex { u8::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_read_what_they_print() {
        for text in ["01:02:0a", "ff", "00:03:00:01:02:00:00:00:01:00"] {
            assert_eq!(ClientId::parse(text).unwrap().to_string(), text);
            assert_eq!(HwAddress::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(ClientId::parse("01020A").unwrap().to_string(), "01:02:0a");
        assert!(HwAddress::parse("").unwrap().is_empty());
    }

    #[test]
    fn client_identifiers_of_every_length_keep_their_bytes_and_order() {
        let bytes: Vec<u8> = (1..=255).collect();
        let ids: Vec<_> = (1..=255).map(|len| ClientId::new(&bytes[..len]).unwrap()).collect();
        assert!(ids.iter().zip(1..).all(|(id, len)| id.as_bytes() == &bytes[..len]));
        assert!(ids.is_sorted() && ids.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(ids[29], ids[29].clone());
    }

    #[test]
    fn what_is_no_identifier_is_named() {
        for text in ["", "zz", "01:", "0+", "1:é"] {
            assert_eq!(ClientId::parse(text).unwrap_err().found, text);
        }
        assert!(HwAddress::parse(&"00:".repeat(20).to_string()).is_err());
        assert!(HwAddress::new(&[0; 21]).is_none());
    }
}
