//! Option 121, classless static routes (RFC 3442): `10.0.0.0/8 - 10.2.3.1, 0.0.0.0/0 - 10.2.3.2`.
//! Pure.

use std::net::Ipv4Addr;

use super::OptionError;

/// Writes the routes of `values`, one `DESTINATION/LENGTH - ROUTER` each.
pub(super) fn encode_routes(values: &[String], out: &mut Vec<u8>) -> Result<(), OptionError> {
    for value in values {
        let (destination, len, router) = route(value).ok_or_else(|| {
            OptionError::value(value.trim(), "a route like 10.229.0.128/25 - 10.229.0.1")
        })?;
        out.push(len);
        out.extend_from_slice(&destination.octets()[..significant(len)]);
        out.extend_from_slice(&router.octets());
    }
    Ok(())
}

/// The routes that `data` holds, or `None` if it is cut short or a length is above 32.
pub(super) fn decode_routes(mut data: &[u8]) -> Option<Vec<(Ipv4Addr, u8, Ipv4Addr)>> {
    let mut routes = Vec::new();
    while let Some((&len, rest)) = data.split_first() {
        if len > 32 {
            return None;
        }
        let (network, rest) = rest.split_at_checked(significant(len))?;
        let (router, rest) = rest.split_first_chunk::<4>()?;
        let mut octets = [0; 4];
        octets[..network.len()].copy_from_slice(network);
        routes.push((octets.into(), len, (*router).into()));
        data = rest;
    }
    Some(routes)
}

fn route(text: &str) -> Option<(Ipv4Addr, u8, Ipv4Addr)> {
    let (prefix, router) = text.split_once('-')?;
    let (destination, len) = prefix.trim().split_once('/')?;
    let len = len.parse().ok().filter(|&len| len <= 32)?;
    Some((destination.parse().ok()?, len, router.trim().parse().ok()?))
}

/// Bytes of a destination that are written.
fn significant(len: u8) -> usize {
    usize::from(len).div_ceil(8)
}
