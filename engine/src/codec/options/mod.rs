//! DHCPv4 option definitions and the configuration's text form of their values.
//!
//! Pure. Must not know messages or the configuration's shape.

pub mod code;
mod define;
mod dnr;
mod encode;
mod fits;
mod hex;
mod inside;
mod names;
#[cfg(test)]
mod registry_tests;
mod routes;
pub mod space;
mod split;
mod standard;
#[cfg(test)]
mod tests;
mod text;

use std::borrow::Cow;

pub use define::{BadDefinition, Definitions, is_deferred};
pub use fits::LookUp;
pub use hex::encode_hex;
pub use inside::sub_options;
use standard::standard;
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
    /// The option space that it belongs to, see [`space`].
    pub space: Cow<'static, str>,
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

/// The standard option of `space` called `name`.
pub fn standard_by_name(space: &str, name: &str) -> Option<&'static Definition> {
    standard(space).iter().find(|definition| definition.name == name)
}

/// The standard option of `space` with `code`.
pub fn standard_by_code(space: &str, code: u8) -> Option<&'static Definition> {
    let known = standard(space);
    let place = known.binary_search_by_key(&code, |definition| definition.code).ok()?;
    Some(&known[place])
}

impl Definition {
    /// Whether it is the standard option `code` of the message itself, which has rules of its own.
    fn is_standard(&self, code: u8) -> bool {
        self.code == code && self.space == space::DHCP4
    }

    /// The space of the options inside, if there can be any: as in Kea a text or raw bytes have
    /// none, whatever the definition says.
    pub fn inside(&self) -> Option<&str> {
        let opaque = matches!(self.kind, Kind::Binary | Kind::String | Kind::Internal);
        Some(&*self.encapsulate).filter(|space| !space.is_empty() && !opaque)
    }
}

impl Kind {
    /// Every type.
    pub const ALL: [Kind; 18] = [
        Kind::Empty,
        Kind::Binary,
        Kind::Boolean,
        Kind::Int8,
        Kind::Int16,
        Kind::Int32,
        Kind::Uint8,
        Kind::Uint16,
        Kind::Uint32,
        Kind::Ipv4Address,
        Kind::Ipv6Address,
        Kind::Ipv6Prefix,
        Kind::Psid,
        Kind::String,
        Kind::Tuple,
        Kind::Fqdn,
        Kind::Internal,
        Kind::Record,
    ];

    /// The type that Kea calls `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

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
