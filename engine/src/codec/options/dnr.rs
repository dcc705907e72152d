//! Option 162, encrypted DNS servers (RFC 9463 section 5): instances separated by `|`, each
//! `PRIORITY, NAME[, ADDRESSES[, SERVICE PARAMETERS]]`. Pure.

use std::net::Ipv4Addr;

use super::OptionError;
use super::encode::{prefixed_u8, prefixed_u16};
use super::names::encode_name;
use super::split::{split, split_outer};

/// Service parameter keys that may be given (RFC 9460 section 14.3.2, RFC 9461), in the order of
/// the wire.
const KEYS: [(&str, u16); 3] = [("alpn", 1), ("port", 3), ("dohpath", 7)];

/// Writes every instance of `text`.
pub(super) fn encode_dnr(text: &str, out: &mut Vec<u8>) -> Result<(), OptionError> {
    for instance in split_outer(text, '|') {
        let mut bytes = Vec::new();
        encode_instance(instance.trim(), &mut bytes)?;
        prefixed_u16(&bytes, out)?;
    }
    Ok(())
}

fn encode_instance(text: &str, out: &mut Vec<u8>) -> Result<(), OptionError> {
    let fields = split(text, ',');
    let (priority, name, rest) = match fields.as_slice() {
        [priority, name, rest @ ..] if rest.len() <= 2 => (priority.trim(), name.trim(), rest),
        _ => {
            let expected = "'PRIORITY, NAME[, ADDRESSES[, SERVICE PARAMETERS]]'";
            return Err(OptionError::value(text, expected));
        }
    };
    let priority: u16 = priority
        .parse()
        .map_err(|_| OptionError::value(priority, "a service priority from 0 to 65535"))?;
    out.extend_from_slice(&priority.to_be_bytes());
    let mut wire_name = Vec::new();
    encode_name(&name.to_ascii_lowercase(), &mut wire_name)?;
    prefixed_u8(&wire_name, out)?;
    let Some(addresses) = rest.first() else { return Ok(()) };
    encode_addresses(addresses.trim(), out)?;
    rest.get(1).map_or(Ok(()), |parameters| encode_parameters(parameters.trim(), out))
}

fn encode_addresses(text: &str, out: &mut Vec<u8>) -> Result<(), OptionError> {
    let addresses: Vec<Ipv4Addr> = text
        .split_whitespace()
        .map(|address| address.parse().map_err(|_| OptionError::value(address, "an IPv4 address")))
        .collect::<Result<_, _>>()?;
    if addresses.is_empty() {
        return Err(OptionError::value(text, "IPv4 addresses separated by blanks"));
    }
    let bytes: Vec<u8> = addresses.iter().flat_map(|address| address.octets()).collect();
    prefixed_u8(&bytes, out)
}

fn encode_parameters(text: &str, out: &mut Vec<u8>) -> Result<(), OptionError> {
    let mut values: [Option<Vec<u8>>; KEYS.len()] = [None, None, None];
    let mut http = false;
    for pair in text.split_whitespace() {
        let (key, value) = pair
            .split_once('=')
            .filter(|(_, value)| !value.is_empty())
            .ok_or_else(|| OptionError::value(pair, "KEY=VALUE"))?;
        let index = KEYS.iter().position(|&(known, _)| known == key).ok_or_else(|| {
            OptionError::value(key, "one of the service parameters alpn, port, dohpath")
        })?;
        if values[index].is_some() {
            return Err(OptionError::value(key, "each service parameter once"));
        }
        http |= key == "alpn" && value.split(',').any(|protocol| protocol.starts_with('h'));
        values[index] = Some(parameter(key, value)?);
    }
    if http && values[2].is_none() {
        return Err(OptionError::value(text, "a dohpath beside an alpn of HTTP (RFC 9461)"));
    }
    for (value, (_, key)) in values.iter().zip(KEYS) {
        if let Some(value) = value {
            out.extend_from_slice(&key.to_be_bytes());
            prefixed_u16(value, out)?;
        }
    }
    Ok(())
}

/// A service parameter's value in wire form.
fn parameter(key: &str, value: &str) -> Result<Vec<u8>, OptionError> {
    match key {
        "alpn" => {
            let mut bytes = Vec::new();
            for protocol in value.split(',').filter(|protocol| !protocol.is_empty()) {
                prefixed_u8(protocol.as_bytes(), &mut bytes)?;
            }
            Ok(bytes)
        }
        "port" => value
            .parse::<u16>()
            .map(|port| port.to_be_bytes().to_vec())
            .map_err(|_| OptionError::value(value, "a port from 0 to 65535")),
        _ if value.contains("{?dns}") => Ok(value.as_bytes().to_vec()),
        _ => Err(OptionError::value(value, "a URI template with {?dns} (RFC 9461)")),
    }
}
