//! Options inside options: where they lie in the payload of the outer one. Pure.

use std::ops::Range;

use crate::codec::options::code;

/// The option `code` in `data`, a sequence of code, length, payload. With `padded`, 0 is padding
/// and 255 the end, as in option 43 (RFC 2132 section 8.4); else they are codes like others.
pub(super) fn sub_option(data: &[u8], wanted: u8, padded: bool) -> Option<Range<usize>> {
    let mut at = 0;
    while let Some(&found) = data.get(at) {
        if padded && found == code::PAD {
            at += 1;
            continue;
        }
        if padded && found == code::END {
            return None;
        }
        let start = at + 2;
        let end = start + usize::from(*data.get(at + 1)?);
        data.get(start..end)?;
        if found == wanted {
            return Some(start..end);
        }
        at = end;
    }
    None
}

/// The first enterprise of option 124 or 125 and where what belongs to it lies (RFC 3925 sections 3
/// and 4). As in Kea, further enterprises of the option are not looked at.
pub(super) fn enterprise(data: &[u8]) -> Option<(u32, Range<usize>)> {
    let (number, rest) = data.split_first_chunk::<4>()?;
    // An option that ends with the number is one without data.
    let start = data.len().min(5);
    let end = start + rest.first().map_or(0, |&len| usize::from(len));
    data.get(start..end).map(|_| (u32::from_be_bytes(*number), start..end))
}

/// Where the `index`th data of an option 124 lies: each follows its length and the number of its enterprise, which is the
/// first one's (RFC 3925 section 3). Of data that are cut off, which only a lenient server takes, what is there.
pub(super) fn class_data(payload: &[u8], index: usize) -> Option<Range<usize>> {
    let first: [u8; 4] = *payload.first_chunk()?;
    let mut at = 0;
    for _ in 0..index {
        at += 5 + usize::from(*payload.get(at + 4)?);
        payload.get(at..at + 4).filter(|enterprise| **enterprise == first)?;
    }
    let len = usize::from(*payload.get(at + 4)?);
    Some(at + 5..payload.len().min(at + 5 + len))
}
