//! Values of options: what their text means. Pure, but for [`list`], which reads a file.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use super::ArgumentError;
use crate::wire::Mac;

/// An option as it goes into a query: code, length, value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChosenOption(pub(super) Vec<u8>);

/// `60,6869`.
pub(super) fn chosen_option(text: &str) -> Result<ChosenOption, String> {
    let wrong = || format!("{text:?} found, a code and hexadecimal digits expected, as 60,6869");
    let (code, digits) = text.split_once(',').ok_or_else(wrong)?;
    let code: u8 = code.parse().map_err(|_| wrong())?;
    let digits: Option<Vec<u8>> =
        digits.bytes().map(|digit| char::from(digit).to_digit(16).map(|n| n as u8)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0).ok_or_else(wrong)?;
    let value: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    let length = u8::try_from(value.len()).map_err(|_| wrong())?;
    Ok(ChosenOption([&[code, length], &value[..]].concat()))
}

/// `10.0.0.0/8`.
pub(super) fn subnet(text: &str) -> Result<(Ipv4Addr, u8), String> {
    let parts = text.split_once('/').and_then(|(address, length)| {
        Some((address.parse().ok()?, length.parse().ok().filter(|length| *length <= 32)?))
    });
    parts.ok_or_else(|| format!("{text:?} found, a subnet expected, as 10.0.0.0/8"))
}

/// `00:0c:01:02:03:04`; empty parts do not count.
pub(super) fn mac(text: &str) -> Option<Mac> {
    let octets = text.split(':').filter(|octet| !octet.is_empty());
    let octets: Result<Vec<u8>, _> = octets.map(|octet| u8::from_str_radix(octet, 16)).collect();
    octets.ok()?.try_into().ok()
}

/// One thing on each line of a file; empty lines and those that begin with # are none.
pub(super) fn list<T>(
    file: &Path,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, ArgumentError> {
    let failed = |found: String| ArgumentError::List { file: file.to_owned(), found };
    let text = fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    let lines = text.lines().map(str::trim).enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let things: Result<Vec<T>, _> = lines
        .map(|(number, line)| {
            let wrong =
                || failed(format!("line {}: {line:?} found, an address expected", number + 1));
            parse(line).ok_or_else(wrong)
        })
        .collect();
    things.and_then(|things| {
        if things.is_empty() { Err(failed("no address found".to_owned())) } else { Ok(things) }
    })
}
