//! The evaluation of a compiled expression for one query. Pure; its depth is that of the
//! expression, which the parser bounded.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::inside::{class_data, enterprise, sub_option};
use super::tree::{Enterprise, Field, Length, Operand, Path, Start, Test, Text};
use super::value::Value;
use super::{EvaluationError, Subject};
use crate::codec::options::space::{AGENT, DHCP4};
use crate::codec::options::{Definition, Kind, code, is_deferred, opaque_text, trim_zeros};
use crate::limits::MAX_EXPRESSION_VALUE;

type Result<T> = std::result::Result<T, EvaluationError>;

impl Test {
    /// Whether it holds for `subject`.
    pub(super) fn evaluate(&self, subject: &dyn Subject) -> Result<bool> {
        Ok(match self {
            Test::Not(test) => !test.evaluate(subject)?,
            Test::All(first, others) => chained(first, others, false, subject)?,
            Test::Any(first, others) => chained(first, others, true, subject)?,
            Test::Equal(left, right) => *left.evaluate(subject)? == *right.evaluate(subject)?,
            Test::Matches(pattern, text) => pattern.regex.is_match(&text.evaluate(subject)?),
            Test::Member(class) => subject.is_member(*class),
            Test::OptionExists(path) => find(path, subject).is_some(),
            Test::VendorExists(wanted) => {
                vendor(code::VIVSO_SUBOPTIONS, *wanted, subject).is_some()
            }
            Test::VendorClassExists(wanted) => {
                vendor(code::VIVCO_SUBOPTIONS, *wanted, subject).is_some()
            }
        })
    }
}

impl Text {
    /// Its bytes for `subject`.
    pub(super) fn evaluate<'a>(&'a self, subject: &'a dyn Subject) -> Result<Value<'a>> {
        Ok(match self {
            Text::Literal(bytes) => Value::Borrowed(bytes),
            Text::OptionPayload(path) => find(path, subject).unwrap_or(Value::EMPTY),
            Text::OptionDescription(path) => option_text(path, subject)?,
            Text::Field(field) => field.value(subject),
            Text::VendorEnterprise => enterprise_number(code::VIVSO_SUBOPTIONS, subject),
            Text::VendorClassEnterprise => enterprise_number(code::VIVCO_SUBOPTIONS, subject),
            Text::VendorClassData(wanted, index) => vendor_class_data(*wanted, *index, subject),
            Text::Substring { of, start, len } => substring(of.evaluate(subject)?, *start, *len),
            Text::Split { of, delimiters, field } => {
                split(of.evaluate(subject)?, &delimiters.evaluate(subject)?, *field)
            }
            Text::Concat(parts) => concat(parts, subject)?,
            Text::Lower(text) => Value::Owned(text.evaluate(subject)?.to_ascii_lowercase()),
            Text::Upper(text) => Value::Owned(text.evaluate(subject)?.to_ascii_uppercase()),
            Text::IfElse { always, test, yes, no } => {
                let chosen = if test.evaluate(subject)? { (yes, no) } else { (no, yes) };
                if *always {
                    chosen.1.evaluate(subject)?;
                }
                chosen.0.evaluate(subject)?
            }
            Text::Hex { of, separator } => {
                hexadecimal(&of.evaluate(subject)?, &separator.evaluate(subject)?)?
            }
            Text::FromAddress(text) => address_text(&text.evaluate(subject)?)?,
            Text::FromNumber { of, bytes, signed } => {
                number(&of.evaluate(subject)?, *bytes, *signed)?
            }
        })
    }
}

impl Field {
    fn value(self, subject: &dyn Subject) -> Value<'_> {
        match self {
            Field::Interface => Value::Borrowed(subject.interface().as_bytes()),
            Field::Source => Value::address(subject.source()),
            Field::Destination => Value::address(subject.destination()),
            Field::Length => Value::number(subject.length()),
            Field::HardwareAddress => Value::Borrowed(subject.hardware_address()),
            Field::HardwareLen => Value::number(subject.hardware_len().into()),
            Field::HardwareType => Value::number(subject.hardware_type().into()),
            Field::Ciaddr => Value::address(subject.ciaddr()),
            Field::Giaddr => Value::address(subject.giaddr()),
            Field::Yiaddr => Value::address(subject.yiaddr()),
            Field::Siaddr => Value::address(subject.siaddr()),
            Field::MessageType => Value::number(subject.message_type().into()),
            Field::TransactionId => Value::number(subject.transaction_id()),
        }
    }
}

/// `and` ends at the first false, `or` at the first true: at an operand that is `decisive`.
fn chained(
    first: &Test,
    others: &[Operand],
    decisive: bool,
    subject: &dyn Subject,
) -> Result<bool> {
    let mut decided = first.evaluate(subject)? == decisive;
    for operand in others {
        if operand.always || !decided {
            decided |= operand.test.evaluate(subject)? == decisive;
        }
    }
    Ok(decided == decisive)
}

/// The payload of the option at the end of `path`.
fn find<'a>(path: &Path, subject: &'a dyn Subject) -> Option<Value<'a>> {
    look_up(path, subject).map(|found| found.payload)
}

/// An option that was found.
struct Found<'a> {
    payload: Value<'a>,
    code: u8,
    definition: Option<&'a Definition>,
}

/// Goes down `path`: an option that its definition says to hold others is looked into.
fn look_up<'a>(path: &Path, subject: &'a dyn Subject) -> Option<Found<'a>> {
    let mut inside = path.inside.as_slice();
    let mut found = match path.start {
        Start::Option(code) => {
            let payload = Value::from(subject.option(code.into())?);
            let definition = subject.definition(DHCP4, code);
            if is_deferred(DHCP4, code) {
                // What cannot be read as its type is left as it came.
                let look_up = |space: &str, code: u8| subject.definition(space, code);
                let definition = definition.filter(|it| it.admits(&payload, &look_up));
                Found { payload, code, definition }
            } else {
                Found { payload: trimmed(payload, definition)?, code, definition }
            }
        }
        Start::Relay4(code) => {
            let payload = Value::from(subject.option(code::DHCP_AGENT_OPTIONS.into())?);
            let range = sub_option(&payload, code, false)?;
            let definition = subject.definition(AGENT, code);
            Found { payload: payload.slice(range), code, definition }
        }
        Start::Vendor(wanted) => {
            let data = vendor(code::VIVSO_SUBOPTIONS, wanted, subject)?;
            let (&code, deeper) = inside.split_first()?;
            inside = deeper;
            let range = sub_option(&data, code, false)?;
            Found { payload: data.slice(range), code, definition: None }
        }
    };
    for &code in inside {
        let outer = found.definition?;
        let space = outer.inside()?;
        // Padding and end mark there as in the message itself (RFC 2132 section 8.4).
        let padded = outer.space == DHCP4 && outer.code == code::VENDOR_ENCAPSULATED_OPTIONS;
        let value = outer.value_len(&found.payload);
        let range = sub_option(&found.payload[value..], code, padded)?;
        let payload = found.payload.slice(value + range.start..value + range.end);
        let definition = subject.definition(space, code);
        found = Found { payload: trimmed(payload, definition)?, code, definition };
    }
    Some(found)
}

/// A text without the zeros at its end; one that is empty counts as not sent (RFC 2132 section 2).
fn trimmed<'a>(payload: Value<'a>, definition: Option<&Definition>) -> Option<Value<'a>> {
    if definition.is_none_or(|it| it.kind != Kind::String || it.array) {
        return Some(payload);
    }
    let len = trim_zeros(&payload).len();
    (len > 0).then(|| payload.slice(0..len))
}

/// What belongs to the enterprise of the option `code`, if it is the wanted one.
fn vendor(code: u8, wanted: Enterprise, subject: &dyn Subject) -> Option<Value<'_>> {
    let payload = Value::from(subject.option(code.into())?);
    let (number, range) = enterprise(&payload)?;
    wanted.is_none_or(|wanted| wanted == number).then(|| payload.slice(range))
}

fn vendor_class_data(wanted: Enterprise, index: usize, subject: &dyn Subject) -> Value<'_> {
    let found = || {
        let payload = Value::from(subject.option(code::VIVCO_SUBOPTIONS.into())?);
        let (number, _) = enterprise(&payload)?;
        let range = class_data(&payload, index)?;
        wanted.is_none_or(|wanted| wanted == number).then(|| payload.slice(range))
    };
    found().unwrap_or(Value::EMPTY)
}

fn enterprise_number(code: u8, subject: &dyn Subject) -> Value<'_> {
    subject
        .option(code.into())
        .and_then(|payload| enterprise(&payload))
        .map_or(Value::EMPTY, |(number, _)| Value::number(number))
}

fn option_text<'a>(path: &Path, subject: &'a dyn Subject) -> Result<Value<'a>> {
    let Some(found) = look_up(path, subject) else { return Ok(Value::EMPTY) };
    Ok(match found.definition {
        Some(definition) if definition.kind == Kind::String => {
            let len = trim_zeros(&found.payload).len();
            found.payload.slice(0..len)
        }
        Some(definition) if !definition.has_text(&found.payload) => {
            let expected = "0 or 1 in each boolean";
            return Err(EvaluationError { function: "text", found: found.payload.len(), expected });
        }
        Some(definition) => definition.to_text(&found.payload).into(),
        None => opaque_text(found.code, &found.payload).into(),
    })
}

fn substring(value: Value<'_>, start: i32, len: Length) -> Value<'_> {
    // A payload is far below 2^31 bytes, so that nothing overflows.
    let total = value.len() as i64;
    let from = if start < 0 { total + i64::from(start) } else { i64::from(start) };
    if !(0..total).contains(&from) {
        return Value::EMPTY;
    }
    let (first, last) = match len {
        Length::All => (from, total),
        Length::Bytes(len) if len < 0 => ((from + i64::from(len)).max(0), from),
        Length::Bytes(len) => (from, (from + i64::from(len)).min(total)),
    };
    value.slice(first as usize..last as usize)
}

/// The `field`th (from 1) of the fields that any of `delimiters` separates.
fn split<'a>(value: Value<'a>, delimiters: &[u8], field: i32) -> Value<'a> {
    if delimiters.is_empty() || value.is_empty() {
        return value;
    }
    let Some(before) = usize::try_from(field).ok().and_then(|field| field.checked_sub(1)) else {
        return Value::EMPTY;
    };
    let mut start = 0;
    let mut range = None;
    for (index, part) in value.split(|byte| delimiters.contains(byte)).enumerate() {
        if index == before {
            range = Some(start..start + part.len());
            break;
        }
        start += part.len() + 1;
    }
    range.map_or(Value::EMPTY, |range| value.slice(range))
}

fn concat<'a>(parts: &'a [Text], subject: &'a dyn Subject) -> Result<Value<'a>> {
    let mut joined = Vec::new();
    for part in parts {
        joined.extend_from_slice(&part.evaluate(subject)?);
        bounded("concat", joined.len())?;
    }
    Ok(Value::Owned(joined))
}

fn hexadecimal<'a>(bytes: &[u8], separator: &[u8]) -> Result<Value<'a>> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let len = bytes.len() * (2 + separator.len());
    bounded("hexstring", len)?;
    let mut text = Vec::with_capacity(len);
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            text.extend_from_slice(separator);
        }
        text.extend([byte >> 4, byte & 0xf].map(|digit| DIGITS[usize::from(digit)]));
    }
    Ok(Value::Owned(text))
}

/// Refuses a value of `len` bytes that is too long: functions inside functions multiply lengths.
fn bounded(function: &'static str, len: usize) -> Result<()> {
    if len > MAX_EXPRESSION_VALUE {
        return Err(EvaluationError { function, found: len, expected: "at most 65536" });
    }
    Ok(())
}

fn address_text<'a>(bytes: &[u8]) -> Result<Value<'a>> {
    if bytes.is_empty() {
        return Ok(Value::EMPTY);
    }
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Ok(Ipv4Addr::from(octets).to_string().into());
    }
    let octets = <[u8; 16]>::try_from(bytes).map_err(|_| EvaluationError {
        function: "addrtotext",
        found: bytes.len(),
        expected: "4 or 16",
    })?;
    Ok(Ipv6Addr::from(octets).to_string().into())
}

fn number<'a>(value: &[u8], bytes: usize, signed: bool) -> Result<Value<'a>> {
    if value.is_empty() {
        return Ok(Value::EMPTY);
    }
    if value.len() != bytes {
        let (function, expected) = match (bytes, signed) {
            (1, true) => ("int8totext", "1"),
            (1, false) => ("uint8totext", "1"),
            (2, true) => ("int16totext", "2"),
            (2, false) => ("uint16totext", "2"),
            (_, true) => ("int32totext", "4"),
            (_, false) => ("uint32totext", "4"),
        };
        return Err(EvaluationError { function, found: value.len(), expected });
    }
    let unsigned = value.iter().fold(0_i64, |number, &byte| number << 8 | i64::from(byte));
    let negative = signed && value[0] >= 0x80;
    let number = if negative { unsigned - (1 << (8 * bytes)) } else { unsigned };
    Ok(number.to_string().into())
}
