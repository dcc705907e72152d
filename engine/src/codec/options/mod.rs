//! DHCPv4 option definitions and the configuration's text form of their values.
//!
//! Pure. Must not know messages or the configuration's shape.

pub mod code;
mod dnr;
mod encode;
mod hex;
mod names;
mod routes;
mod split;
mod standard;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;

pub use hex::encode_hex;
use standard::STANDARD;
pub(crate) use text::{opaque_text, trim_zeros};

/// The type of an option's value or of one field of it (Kea guide, "DHCPv4 Options": data types).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are Kea's")]
pub enum Kind {
    Empty,
    Binary,
    Boolean,
    Int8,
    Int16,
    Int32,
    Uint8,
    Uint16,
    Uint32,
    Ipv4Address,
    Ipv6Address,
    Ipv6Prefix,
    Psid,
    String,
    Tuple,
    Fqdn,
    /// A format of its own, known by the option's code.
    Internal,
    /// Several fields, see [`Definition::record`].
    Record,
}

/// What an option is called and how its value looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Kea's name.
    pub name: Cow<'static, str>,
    /// Option code.
    pub code: u8,
    /// Type of the value.
    pub kind: Kind,
    /// The value (of a record: its last field) may be repeated.
    pub array: bool,
    /// Fields of a record, in order.
    pub record: Cow<'static, [Kind]>,
    /// Option space of the options inside; empty: none.
    pub encapsulate: Cow<'static, str>,
}

/// Why a text is no value of an option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// A value that does not have the type's form.
    #[error("found '{found}', expected {expected}")]
    Value {
        /// The value.
        found: String,
        /// The form.
        expected: &'static str,
    },
    /// A number outside its type's range.
    #[error("found {found}, expected a number from {min} to {max}")]
    Range {
        /// The number.
        found: i64,
        /// Least.
        min: i64,
        /// Most.
        max: i64,
    },
    /// Fewer values than the type has fields.
    #[error("found {found} comma-separated values, expected {expected}")]
    Missing {
        /// How many there are.
        found: usize,
        /// How many there should be at least.
        expected: usize,
    },
    /// More bytes than there is room for.
    #[error("found {found} bytes, expected at most {most}")]
    TooLong {
        /// How many there are.
        found: usize,
        /// How many may be.
        most: usize,
    },
    /// Bytes that are no value of the type.
    #[error("found {found} bytes, expected {expected}")]
    Wire {
        /// How many there are.
        found: usize,
        /// Kea's name of the type.
        expected: &'static str,
    },
}

/// The standard option called `name`.
pub fn definition_by_name(name: &str) -> Option<&'static Definition> {
    STANDARD.iter().find(|definition| definition.name == name)
}

/// The standard option with `code`.
pub fn definition_by_code(code: u8) -> Option<&'static Definition> {
    STANDARD
        .binary_search_by_key(&code, |definition| definition.code)
        .ok()
        .map(|index| &STANDARD[index])
}

impl Kind {
    /// Kea's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Empty => "empty",
            Kind::Binary => "binary",
            Kind::Boolean => "boolean",
            Kind::Int8 => "int8",
            Kind::Int16 => "int16",
            Kind::Int32 => "int32",
            Kind::Uint8 => "uint8",
            Kind::Uint16 => "uint16",
            Kind::Uint32 => "uint32",
            Kind::Ipv4Address => "ipv4-address",
            Kind::Ipv6Address => "ipv6-address",
            Kind::Ipv6Prefix => "ipv6-prefix",
            Kind::Psid => "psid",
            Kind::String => "string",
            Kind::Tuple => "tuple",
            Kind::Fqdn => "fqdn",
            Kind::Internal => "internal",
            Kind::Record => "record",
        }
    }
}

impl OptionError {
    fn value(found: &str, expected: &'static str) -> Self {
        Self::Value { found: found.to_owned(), expected }
    }
}
