//! From the configuration's comma-separated values to bytes. Pure.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::dnr::encode_dnr;
use super::hex::encode_binary;
use super::names::encode_name;
use super::routes::encode_routes;
use super::split::split;
use super::{Definition, Kind, OptionError, code};
use crate::limits::MAX_MESSAGE;

impl Definition {
    /// The wire form of `text`, a value with `csv-format` true. As in Kea, values beyond those the
    /// type takes are not looked at, and a comma that belongs to a value is written `\,`.
    ///
    /// # Errors
    /// [`OptionError`] if `text` is no value of this type or does not fit in a message.
    pub fn encode_csv(&self, text: &str) -> Result<Vec<u8>, OptionError> {
        let mut out = Vec::new();
        let values = split(text, ',');
        match self.kind {
            Kind::Empty if values.is_empty() => {}
            Kind::Empty => return Err(OptionError::value(text, "no value")),
            Kind::Record => self.encode_record(&values, &mut out)?,
            _ if values.is_empty() && self.can_be_empty_list() => {}
            _ if values.is_empty() => return Err(OptionError::Missing { found: 0, expected: 1 }),
            Kind::Internal if self.is_standard(code::CLASSLESS_STATIC_ROUTE) => {
                encode_routes(&values, &mut out)?;
            }
            Kind::Internal if self.is_standard(code::V4_DNR) => encode_dnr(text, &mut out)?,
            // As Kea 3 takes one whose format it does not know.
            Kind::Internal => out.extend_from_slice(text.as_bytes()),
            kind => {
                let used = if self.array { values.len() } else { 1 };
                for value in &values[..used] {
                    self.encode_field(kind, value.trim(), &mut out)?;
                }
            }
        }
        if self.is_standard(code::VIVSO_SUBOPTIONS) && self.kind == Kind::Uint32 {
            // The enterprise's options follow their length (RFC 3925 section 4); there are none
            // here.
            out.push(0);
        }
        self.check_vendor_class(&out)?;
        bounded(out)
    }

    /// An option 124 has tuples after the enterprise (RFC 3925 section 3).
    pub(super) fn check_vendor_class(&self, data: &[u8]) -> Result<(), OptionError> {
        if !self.is_standard(code::VIVCO_SUBOPTIONS) {
            return Ok(());
        }
        let mut rest = data.get(4..).unwrap_or_default();
        while let Some((len, after)) = rest.split_first() {
            rest = after.get(usize::from(*len)..).ok_or(OptionError::Wire {
                found: data.len(),
                expected: "an enterprise number and data, each after a byte with its length",
            })?;
        }
        Ok(())
    }

    /// Whether it is a list of numbers or addresses, which may have none.
    pub(super) fn can_be_empty_list(&self) -> bool {
        self.array && !matches!(self.kind, Kind::Fqdn | Kind::Tuple | Kind::Record)
    }

    fn encode_record(&self, values: &[String], out: &mut Vec<u8>) -> Result<(), OptionError> {
        if values.len() < self.record.len() {
            return Err(OptionError::Missing { found: values.len(), expected: self.record.len() });
        }
        for (&kind, value) in self.record.iter().zip(values) {
            self.encode_field(kind, value.trim(), out)?;
        }
        let Some(&last) = self.record.last().filter(|_| self.array) else { return Ok(()) };
        for value in &values[self.record.len()..] {
            self.encode_field(last, value.trim(), out)?;
        }
        Ok(())
    }

    fn encode_field(&self, kind: Kind, text: &str, out: &mut Vec<u8>) -> Result<(), OptionError> {
        match kind {
            Kind::Binary => encode_binary(text, out)?,
            Kind::Boolean => out.push(boolean(text)?.into()),
            Kind::Int8 => {
                out.extend((integer(text, i8::MIN.into(), i8::MAX.into())? as i8).to_be_bytes())
            }
            Kind::Int16 => {
                out.extend((integer(text, i16::MIN.into(), i16::MAX.into())? as i16).to_be_bytes())
            }
            Kind::Int32 => {
                out.extend((integer(text, i32::MIN.into(), i32::MAX.into())? as i32).to_be_bytes())
            }
            Kind::Uint8 => out.extend((integer(text, 0, u8::MAX.into())? as u8).to_be_bytes()),
            Kind::Uint16 => out.extend((integer(text, 0, u16::MAX.into())? as u16).to_be_bytes()),
            Kind::Uint32 => out.extend((integer(text, 0, u32::MAX.into())? as u32).to_be_bytes()),
            Kind::Ipv4Address => out.extend(ipv4(text)?.octets()),
            Kind::Ipv6Address => out.extend(ipv6(text)?.octets()),
            Kind::Ipv6Prefix => encode_prefix(text, out)?,
            Kind::Psid => encode_psid(text, out)?,
            Kind::String => encode_string(text, out)?,
            Kind::Fqdn => encode_name(text, out)?,
            Kind::Tuple => self.encode_tuple(text, out)?,
            Kind::Empty | Kind::Internal | Kind::Record => {
                return Err(OptionError::value(text, "a field of a plain type"));
            }
        }
        Ok(())
    }

    /// A length and so many bytes; the length has two bytes in option 143 (RFC 8572 section 8.3),
    /// else one.
    fn encode_tuple(&self, text: &str, out: &mut Vec<u8>) -> Result<(), OptionError> {
        if self.is_standard(code::V4_SZTP_REDIRECT) {
            prefixed_u16(text.as_bytes(), out)
        } else {
            prefixed_u8(text.as_bytes(), out)
        }
    }
}

/// `bytes`, if a message can hold them (an option of more than 255 is sent in pieces, RFC 3396).
pub(super) fn bounded(bytes: Vec<u8>) -> Result<Vec<u8>, OptionError> {
    if bytes.len() > MAX_MESSAGE {
        return Err(OptionError::TooLong { found: bytes.len(), most: MAX_MESSAGE });
    }
    Ok(bytes)
}

/// Writes the length of `bytes` in one byte, then `bytes`.
pub(super) fn prefixed_u8(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), OptionError> {
    let most = usize::from(u8::MAX);
    let too_long = |_| OptionError::TooLong { found: bytes.len(), most };
    out.push(u8::try_from(bytes.len()).map_err(too_long)?);
    out.extend_from_slice(bytes);
    Ok(())
}

/// Writes the length of `bytes` in two bytes, then `bytes`.
pub(super) fn prefixed_u16(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), OptionError> {
    let most = usize::from(u16::MAX);
    let too_long = |_| OptionError::TooLong { found: bytes.len(), most };
    out.extend(u16::try_from(bytes.len()).map_err(too_long)?.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

fn boolean(text: &str) -> Result<bool, OptionError> {
    if text.eq_ignore_ascii_case("true") || text == "1" {
        Ok(true)
    } else if text.eq_ignore_ascii_case("false") || text == "0" {
        Ok(false)
    } else {
        Err(OptionError::value(text, "true, false, 1 or 0"))
    }
}

/// A decimal number, or if it is none, a hexadecimal one with or without `0x`.
fn integer(text: &str, min: i64, max: i64) -> Result<i64, OptionError> {
    let hexadecimal = || {
        let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
        i64::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with(['+', '-']))
    };
    let number = text.parse().ok().or_else(hexadecimal).ok_or_else(|| {
        OptionError::value(text, "a decimal number, or a hexadecimal one (0x...)")
    })?;
    if (min..=max).contains(&number) {
        Ok(number)
    } else {
        Err(OptionError::Range { found: number, min, max })
    }
}

fn ipv4(text: &str) -> Result<Ipv4Addr, OptionError> {
    text.parse().map_err(|_| OptionError::value(text, "an IPv4 address"))
}

fn ipv6(text: &str) -> Result<Ipv6Addr, OptionError> {
    text.parse().map_err(|_| OptionError::value(text, "an IPv6 address"))
}

/// `ADDRESS/LENGTH`: the length, then the address's bytes as far as the length reaches.
fn encode_prefix(text: &str, out: &mut Vec<u8>) -> Result<(), OptionError> {
    let error = || OptionError::value(text, "an IPv6 prefix like 2001:db8::/32");
    let (address, len) = text.split_once('/').ok_or_else(error)?;
    let address = ipv6(address.trim())?;
    let len: u8 = len.trim().parse().ok().filter(|&len| len <= 128).ok_or_else(error)?;
    let mask = u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0);
    out.push(len);
    let octets = (u128::from(address) & mask).to_be_bytes();
    out.extend_from_slice(&octets[..usize::from(len).div_ceil(8)]);
    Ok(())
}

/// `PSID/LENGTH` (RFC 7618 section 9): the length, then the identifier in the upper bits of 16.
fn encode_psid(text: &str, out: &mut Vec<u8>) -> Result<(), OptionError> {
    let error = || OptionError::value(text, "a PSID and its length in bits, like 3/4");
    let (psid, len) = text.split_once('/').ok_or_else(error)?;
    let len = integer(len.trim(), 0, 16)?;
    let most = if len == 0 { u16::MAX.into() } else { (1_i64 << len) - 1 };
    let psid = integer(psid.trim(), 0, most)?;
    out.push(len as u8);
    out.extend(((psid << (16 - len)) as u16).to_be_bytes());
    Ok(())
}

/// Text without the zeros at its end (RFC 2132 section 2).
fn encode_string(text: &str, out: &mut Vec<u8>) -> Result<(), OptionError> {
    let text = text.trim_end_matches('\0');
    if text.is_empty() {
        return Err(OptionError::value(text, "a text of at least one character"));
    }
    out.extend_from_slice(text.as_bytes());
    Ok(())
}
