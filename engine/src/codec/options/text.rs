//! From bytes to the text that `option[N].text` sees: the value of a text option itself, of every
//! other option Kea's one-line description. Pure.

use std::fmt::{Display, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

use super::names::{name_len, name_text};
use super::routes::decode_routes;
use super::{Definition, Kind, OptionError, code};

impl Definition {
    /// The value's own text: for a text option the text, for others a line like
    /// `type=053, len=001: 1 (uint8)`. Data that does not fit the type is shown as hexadecimal.
    pub fn to_text(&self, data: &[u8]) -> String {
        if self.kind == Kind::String && !self.array {
            return String::from_utf8_lossy(trim_zeros(data)).into_owned();
        }
        if self.is_standard(code::CLASSLESS_STATIC_ROUTE) && self.kind == Kind::Internal {
            return routes_text(data);
        }
        let fields = match self.kind {
            Kind::Empty | Kind::Binary | Kind::Internal => None,
            _ => self.fields(data),
        };
        let Some(fields) = fields else { return opaque_text(self.code, data) };
        let mut text = header(self.code, data.len());
        text.push(':');
        for (kind, field) in fields {
            text.push(' ');
            push_field(&mut text, self, kind, field);
        }
        text
    }

    /// Whether `data` has a text: a boolean other than 0 and 1 has none.
    pub(crate) fn has_text(&self, data: &[u8]) -> bool {
        let fields = self.fields(data).unwrap_or_default();
        fields.iter().all(|(kind, field)| *kind != Kind::Boolean || field[0] <= 1)
    }

    /// Checks that `data` is a value of this type, as it must be when it was given with
    /// `csv-format` false.
    ///
    /// # Errors
    /// [`OptionError::Wire`].
    pub fn check(&self, data: &[u8]) -> Result<(), OptionError> {
        let fits = match self.kind {
            Kind::Empty => data.is_empty() || !self.encapsulate.is_empty(),
            Kind::Internal => {
                !self.is_standard(code::CLASSLESS_STATIC_ROUTE)
                    || (!data.is_empty() && decode_routes(data).is_some())
            }
            Kind::String => !trim_zeros(data).is_empty(),
            _ if data.is_empty() => self.can_be_empty_list() || self.kind == Kind::Binary,
            _ => self.fields(data).is_some(),
        };
        if fits {
            self.check_vendor_class(data)
        } else {
            Err(OptionError::Wire { found: data.len(), expected: self.kind.name() })
        }
    }

    /// How much of `data` is the value itself; what follows are options inside.
    pub fn value_len(&self, data: &[u8]) -> usize {
        match self.kind {
            Kind::Empty => 0,
            _ => self
                .fields(data)
                .map_or(data.len(), |fields| fields.iter().map(|(_, field)| field.len()).sum()),
        }
    }

    /// The fields that `data` consists of, `None` if it does not fit.
    fn fields<'a>(&self, mut data: &'a [u8]) -> Option<Vec<(Kind, &'a [u8])>> {
        let single = [self.kind];
        let kinds: &[Kind] = if self.kind == Kind::Record { &self.record } else { &single };
        let mut fields = Vec::new();
        for &kind in kinds {
            let len = self.field_len(kind, data).filter(|&len| len <= data.len())?;
            fields.push((kind, &data[..len]));
            data = &data[len..];
        }
        let last = *kinds.last()?;
        while self.array && !data.is_empty() {
            let len = self.field_len(last, data).filter(|&len| 0 < len && len <= data.len())?;
            fields.push((last, &data[..len]));
            data = &data[len..];
        }
        // What follows belongs to options inside, or is ignored as Kea does.
        Some(fields)
    }

    /// Bytes of a field of `kind` at the start of `data`.
    pub(super) fn field_len(&self, kind: Kind, data: &[u8]) -> Option<usize> {
        match kind {
            Kind::Boolean | Kind::Int8 | Kind::Uint8 => Some(1),
            Kind::Int16 | Kind::Uint16 => Some(2),
            Kind::Psid => Some(3),
            Kind::Int32 | Kind::Uint32 | Kind::Ipv4Address => Some(4),
            Kind::Ipv6Address => Some(16),
            Kind::Ipv6Prefix => {
                data.first().filter(|&&len| len <= 128).map(|&len| 1 + usize::from(len).div_ceil(8))
            }
            Kind::Tuple => {
                let (len, rest) = self.tuple(data)?;
                Some(len + data.len() - rest.len())
            }
            Kind::Fqdn => name_len(data),
            Kind::Empty | Kind::Binary | Kind::String | Kind::Internal | Kind::Record => {
                Some(data.len())
            }
        }
    }

    /// A tuple's length, and what follows its length bytes.
    fn tuple<'a>(&self, data: &'a [u8]) -> Option<(usize, &'a [u8])> {
        if self.is_standard(code::V4_SZTP_REDIRECT) {
            let (len, rest) = data.split_first_chunk::<2>()?;
            Some((u16::from_be_bytes(*len).into(), rest))
        } else {
            data.split_first().map(|(&len, rest)| (len.into(), rest))
        }
    }
}

/// The text of an option that no definition describes.
pub(crate) fn opaque_text(code: u8, data: &[u8]) -> String {
    let mut text = header(code, data.len());
    text.push_str(": ");
    for (index, byte) in data.iter().enumerate() {
        let separator = if index == 0 { "" } else { ":" };
        push(&mut text, format_args!("{separator}{byte:02x}"));
    }
    if data.is_empty() {
        text.push_str("''");
    } else if printable(data) {
        push(&mut text, format_args!(" '{}'", String::from_utf8_lossy(data)));
    }
    text
}

/// `data` without the zeros at its end (RFC 2132 section 2).
pub(crate) fn trim_zeros(data: &[u8]) -> &[u8] {
    let end = data.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    &data[..end]
}

fn routes_text(data: &[u8]) -> String {
    let Some(routes) = decode_routes(data) else {
        return opaque_text(code::CLASSLESS_STATIC_ROUTE, data);
    };
    let mut text = format!("type=121(CLASSLESS_STATIC_ROUTE), len={}", data.len());
    for (index, (network, len, router)) in routes.iter().enumerate() {
        let number = index + 1;
        push(
            &mut text,
            format_args!(", Route {number} (subnet {network}/{len}, router IP {router})"),
        );
    }
    text
}

fn push_field(text: &mut String, definition: &Definition, kind: Kind, field: &[u8]) {
    match kind {
        Kind::Boolean => push(text, field[0] != 0),
        Kind::Psid => {
            let bits = u32::from(field[0].min(16));
            let psid = u32::from(u16::from_be_bytes([field[1], field[2]])) >> (16 - bits);
            push(text, format_args!("len={},psid={psid}", field[0]));
        }
        Kind::Fqdn => push(text, format_args!("\"{}\"", name_text(field))),
        Kind::Tuple => {
            let value = definition.tuple(field).map_or(field, |(_, value)| value);
            push(text, format_args!("\"{}\"", String::from_utf8_lossy(value)));
        }
        Kind::String => push(text, format_args!("\"{}\"", String::from_utf8_lossy(field))),
        Kind::Binary => push_binary(text, field),
        _ => push_number(text, kind, field),
    }
    // Kea leaves the type out after the addresses of a list, and the blank before it after other
    // lists' numbers.
    let list = definition.array && definition.kind != Kind::Record;
    match kind {
        Kind::Ipv4Address | Kind::Ipv6Address if list => {}
        Kind::Fqdn | Kind::Tuple | Kind::Psid | Kind::Boolean => {
            push(text, format_args!(" ({})", kind.name()));
        }
        _ if list => push(text, format_args!("({})", kind.name())),
        _ => push(text, format_args!(" ({})", kind.name())),
    }
}

fn push_number(text: &mut String, kind: Kind, field: &[u8]) {
    let unsigned = field.iter().fold(0_u32, |value, &byte| value << 8 | u32::from(byte));
    match kind {
        Kind::Int8 => push(text, unsigned as u8 as i8),
        Kind::Int16 => push(text, unsigned as u16 as i16),
        Kind::Int32 => push(text, unsigned as i32),
        Kind::Ipv4Address => push(text, Ipv4Addr::from(unsigned)),
        Kind::Ipv6Address | Kind::Ipv6Prefix => {
            let (len, bytes) = match kind {
                Kind::Ipv6Prefix => (field.first(), &field[1..]),
                _ => (None, field),
            };
            let mut octets = [0; 16];
            octets[..bytes.len()].copy_from_slice(bytes);
            push(text, Ipv6Addr::from(octets));
            if let Some(len) = len {
                push(text, format_args!("/{len}"));
            }
        }
        _ => push(text, unsigned),
    }
}

fn push_binary(text: &mut String, field: &[u8]) {
    if field.is_empty() {
        text.push_str("''");
    }
    for byte in field {
        push(text, format_args!("{byte:02X}"));
    }
    if printable(field) && !field.is_empty() {
        push(text, format_args!(" '{}'", String::from_utf8_lossy(field)));
    }
}

fn printable(data: &[u8]) -> bool {
    data.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

fn header(code: u8, len: usize) -> String {
    format!("type={code:03}, len={len:03}")
}

fn push(text: &mut String, value: impl Display) {
    write!(text, "{value}").expect("writing to a String cannot fail");
}
