//! One row of Kea's DHCPv4 lease file: a lease as text, and back. Pure. Must not know files.
//!
//! Columns are separated by commas without quoting. In `hostname` and `user_context` the bytes below 0x20,
//! above 0x7e, `,` and `&` are written as `&#x` and two hex digits, as Kea 3 does; Kea 2.2 writes high
//! bytes as they are, so both are read. Text that is no UTF-8 is read as Latin-1.

use std::net::Ipv4Addr;
use std::str::FromStr;

use crate::lease::digits::{HEX, write_hex, write_number};
use crate::lease::{ClientId, HostName, HwAddress, Lease4, LeaseState};

#[cfg(test)]
mod tests;

/// The columns of the schema that is written (Kea 3's 3.0).
pub const COLUMNS: [&str; 12] = [
    "address",
    "hwaddr",
    "client_id",
    "valid_lifetime",
    "expire",
    "subnet_id",
    "fqdn_fwd",
    "fqdn_rev",
    "hostname",
    "state",
    "user_context",
    "pool_id",
];

/// The first line of a file that is written here.
pub const HEADER: &str = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,\
                          hostname,state,user_context,pool_id\n";

/// The least number of columns a header must name: up to `hostname` (schema 1.0).
pub const LEAST_COLUMNS: usize = 9;

/// What a header says about the rows below it: how many columns they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    columns: usize,
}

/// A header that is not one of a DHCPv4 lease file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column} of the header is '{found}', expected '{expected}'")]
pub struct BadHeader {
    /// Which column, from 1.
    pub column: usize,
    /// Its name in the file; empty if there are too few.
    pub found: String,
    /// Its name in Kea's schema.
    pub expected: &'static str,
}

/// What one row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// The address has this lease.
    Lease(Lease4),
    /// The address has none (`valid_lifetime` 0).
    Deleted(Ipv4Addr),
}

/// Why a row cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRow {
    /// It has another number of columns than its file's header allows.
    #[error("{found} columns, expected {least} to {most}")]
    Columns {
        /// Number found.
        found: usize,
        /// Least number allowed.
        least: usize,
        /// Largest number allowed.
        most: usize,
    },
    /// A column's text is not what the column holds.
    #[error("{column} is '{found}', expected {expected}")]
    Value {
        /// The column's name.
        column: &'static str,
        /// Its text.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// Neither hardware address nor client identifier, and not declined.
    #[error("neither hwaddr nor client_id, expected one of them in a lease that is not declined")]
    NoClient,
}

impl Schema {
    /// The schema that is written here.
    pub const OURS: Self = Self { columns: COLUMNS.len() };

    /// Reads a header line, without its newline: as far as both sides know columns, names and order must agree.
    pub fn read(header: &[u8]) -> Result<Self, BadHeader> {
        let names: Vec<&[u8]> = header.split(|byte| *byte == b',').collect();
        for (i, expected) in COLUMNS.into_iter().enumerate() {
            let found = names.get(i).copied();
            let wrong = match found {
                Some(name) => name != expected.as_bytes(),
                None => i < LEAST_COLUMNS,
            };
            if wrong {
                let found = String::from_utf8_lossy(found.unwrap_or_default()).into_owned();
                return Err(BadHeader { column: i + 1, found, expected });
            }
        }
        Ok(Self { columns: names.len() })
    }

    /// Reads a row below this header, without its newline.
    pub fn parse(self, line: &[u8]) -> Result<Row, BadRow> {
        let most = self.columns.max(COLUMNS.len());
        let mut values = [&[][..]; COLUMNS.len()];
        let mut found = 0;
        for value in line.split(|byte| *byte == b',') {
            if let Some(place) = values.get_mut(found) {
                *place = value;
            }
            found += 1;
        }
        if found < self.columns || found > most {
            return Err(BadRow::Columns { found, least: self.columns, most });
        }
        parse_values(&values)
    }
}

/// Appends the row of `lease`, newline included.
pub fn write(lease: &Lease4, out: &mut Vec<u8>) {
    write_with(lease, lease.valid_lifetime_s, lease.expires_at_s(), out);
}

/// Appends the row that says that `lease`, its last content, is gone.
pub fn write_deletion(lease: &Lease4, out: &mut Vec<u8>) {
    write_with(lease, 0, lease.cltt_s, out);
}

/// Room for most rows.
const USUAL_ROW: usize = 192;

fn write_with(lease: &Lease4, valid_lifetime_s: u32, expire_s: u64, out: &mut Vec<u8>) {
    out.reserve(USUAL_ROW);
    for (octet, end) in lease.address.octets().into_iter().zip(*b"...,") {
        write_number(octet.into(), end, out);
    }
    write_hex(lease.hw_address.as_bytes(), out);
    out.push(b',');
    write_hex(lease.client_id.as_ref().map_or(&[], ClientId::as_bytes), out);
    out.push(b',');
    write_number(valid_lifetime_s.into(), b',', out);
    write_number(expire_s, b',', out);
    write_number(lease.subnet_id.into(), b',', out);
    write_number(lease.fqdn_fwd.into(), b',', out);
    write_number(lease.fqdn_rev.into(), b',', out);
    write_escaped(&lease.hostname, out);
    out.push(b',');
    write_number(lease.state as u64, b',', out);
    write_escaped(lease.user_context.as_deref().unwrap_or_default(), out);
    out.push(b',');
    write_number(lease.pool_id.into(), b'\n', out);
}

fn write_escaped(text: &str, out: &mut Vec<u8>) {
    let is_plain = |byte: &u8| !matches!(byte, b',' | b'&' | 0..0x20 | 0x7f..);
    let mut rest = text.as_bytes();
    loop {
        let plain = rest.iter().take_while(|byte| is_plain(byte)).count();
        let (whole, more) = rest.split_at(plain);
        out.extend_from_slice(whole);
        let Some((byte, after)) = more.split_first() else { return };
        out.extend_from_slice(b"&#x");
        out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        rest = after;
    }
}

fn parse_values(values: &[&[u8]; COLUMNS.len()]) -> Result<Row, BadRow> {
    let address: Ipv4Addr = parse(values, 0, "an IPv4 address")?;
    let hw_address = parse_with(values, 1, "up to 20 hex bytes", |it| HwAddress::parse(it).ok())?;
    let client_id = parse_with(values, 2, "nothing or 1 to 255 hex bytes", |it| {
        if it.is_empty() { Some(None) } else { ClientId::parse(it).ok().map(Some) }
    })?;
    let valid_lifetime_s: u32 = parse(values, 3, "seconds, 0 to 4294967295")?;
    let expire_s: u64 = parse(values, 4, "seconds since 1970")?;
    let state = parse_with(values, 9, "a state, 0 to 4", |it| {
        if it.is_empty() {
            Some(LeaseState::Assigned)
        } else {
            it.parse::<u64>().ok()?.try_into().ok()
        }
    })?;
    if hw_address.is_empty() && client_id.is_none() && state != LeaseState::Declined {
        return Err(BadRow::NoClient);
    }
    let lease = Lease4 {
        address,
        hw_address,
        client_id,
        valid_lifetime_s,
        cltt_s: expire_s.saturating_sub(valid_lifetime_s.into()).min(MAX_CLTT_S),
        subnet_id: parse(values, 5, "a subnet id")?,
        fqdn_fwd: parse_flag(values, 6)?,
        fqdn_rev: parse_flag(values, 7)?,
        hostname: parse_name(values[8]),
        state,
        user_context: parse_context(values)?,
        pool_id: parse_with(values, 11, "a pool id", |it| {
            if it.is_empty() { Some(0) } else { it.parse().ok() }
        })?,
    };
    Ok(if valid_lifetime_s == 0 { Row::Deleted(address) } else { Row::Lease(lease) })
}

/// Keeps `cltt + valid lifetime` far from the end of its type, whatever a file says.
const MAX_CLTT_S: u64 = u64::MAX >> 1;

fn parse<T: FromStr>(values: &[&[u8]], column: usize, expected: &'static str) -> Result<T, BadRow> {
    parse_with(values, column, expected, |text| text.parse().ok())
}

fn parse_flag(values: &[&[u8]], column: usize) -> Result<bool, BadRow> {
    parse_with(values, column, "0 or 1", |text| match text {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    })
}

fn parse_with<T>(
    values: &[&[u8]],
    column: usize,
    expected: &'static str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, BadRow> {
    let text = str::from_utf8(values[column]).ok();
    text.and_then(read).ok_or_else(|| bad_value(values, column, expected))
}

fn bad_value(values: &[&[u8]], column: usize, expected: &'static str) -> BadRow {
    let found = String::from_utf8_lossy(values[column]).into_owned();
    BadRow::Value { column: COLUMNS[column], found, expected }
}

fn parse_context(values: &[&[u8]]) -> Result<Option<Box<str>>, BadRow> {
    const COLUMN: usize = 10;
    if values[COLUMN].is_empty() {
        return Ok(None);
    }
    let text = unescape(values[COLUMN]);
    let is_map =
        text.starts_with('{') && serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
    if is_map { Ok(Some(text.into())) } else { Err(bad_value(values, COLUMN, "a JSON map")) }
}

/// The host name, in lower case; nearly all are as they are to be.
fn parse_name(value: &[u8]) -> HostName {
    let is_plain = |byte: &u8| byte.is_ascii() && !byte.is_ascii_uppercase() && *byte != b'&';
    match str::from_utf8(value) {
        Ok(name) if value.iter().all(is_plain) => name.into(),
        _ => unescape(value).to_ascii_lowercase().into(),
    }
}

/// Takes the escapes out; `&#x` without two hex digits stays as it is.
fn unescape(value: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((first, tail)) = rest.split_first() {
        if let Some((byte, tail)) = escaped_byte(rest) {
            bytes.push(byte);
            rest = tail;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes)
        .unwrap_or_else(|error| error.as_bytes().iter().map(|byte| char::from(*byte)).collect())
}

fn escaped_byte(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, tail) = text.strip_prefix(b"&#x")?.split_at_checked(2)?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    Some((byte, tail))
}
