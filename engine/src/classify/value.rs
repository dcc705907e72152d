//! Bytes during an evaluation: most are borrowed from the query or the expression, numbers and
//! addresses lie on the stack. Pure.

use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::{Deref, Range};

/// Some bytes.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Borrowed(&'a [u8]),
    Owned(Vec<u8>),
    /// So many of the bytes.
    Short([u8; 16], usize),
}

impl<'a> Value<'a> {
    /// No bytes: what is absent.
    pub(super) const EMPTY: Self = Self::Borrowed(&[]);

    /// The four bytes of a number.
    pub(super) fn number(number: u32) -> Self {
        Self::short(&number.to_be_bytes())
    }

    /// The 4 or 16 bytes of an address.
    pub(super) fn address(address: impl Into<IpAddr>) -> Self {
        match address.into() {
            IpAddr::V4(address) => Self::short(&address.octets()),
            IpAddr::V6(address) => Self::short(&address.octets()),
        }
    }

    /// The bytes in `range`, which must lie inside.
    pub(super) fn slice(self, range: Range<usize>) -> Self {
        match self {
            Self::Borrowed(bytes) => Self::Borrowed(&bytes[range]),
            Self::Owned(mut bytes) => {
                bytes.truncate(range.end);
                bytes.drain(..range.start);
                Self::Owned(bytes)
            }
            Self::Short(bytes, len) => Self::short(&bytes[..len][range]),
        }
    }

    fn short(part: &[u8]) -> Self {
        let mut bytes = [0; 16];
        bytes[..part.len()].copy_from_slice(part);
        Self::Short(bytes, part.len())
    }
}

impl Deref for Value<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
            Self::Short(bytes, len) => &bytes[..*len],
        }
    }
}

impl<'a> From<Cow<'a, [u8]>> for Value<'a> {
    fn from(bytes: Cow<'a, [u8]>) -> Self {
        match bytes {
            Cow::Borrowed(bytes) => Self::Borrowed(bytes),
            Cow::Owned(bytes) => Self::Owned(bytes),
        }
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Owned(text.into_bytes())
    }
}
