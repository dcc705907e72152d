//! DHCPv4 option definitions and the configuration's text form of their values.
//!
//! Pure. Must not know messages or the configuration's shape.

pub mod code;

use std::borrow::Cow;

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
#[error("{message}")]
pub struct OptionError {
    /// What was found and what was expected.
    pub message: String,
}

/// The standard option called `name`.
pub fn definition_by_name(name: &str) -> Option<&'static Definition> {
    STANDARD.iter().find(|definition| definition.name == name)
}

/// The standard option with `code`.
pub fn definition_by_code(code: u8) -> Option<&'static Definition> {
    STANDARD.iter().find(|definition| definition.code == code)
}

/// The bytes of `text`, a value with `csv-format` false: pairs of hexadecimal digits, optionally after `0x`,
/// separated by nothing, by blanks or by colons.
///
/// # Errors
/// [`OptionError`] for anything else.
pub fn encode_hex(text: &str) -> Result<Vec<u8>, OptionError> {
    Err(OptionError { message: format!("'{text}' is not encoded yet") })
}

impl Definition {
    /// The wire form of `text`, a value with `csv-format` true.
    ///
    /// # Errors
    /// [`OptionError`] if `text` is no value of this type or does not fit in 255 bytes.
    pub fn encode_csv(&self, text: &str) -> Result<Vec<u8>, OptionError> {
        Err(OptionError { message: format!("'{text}' is not encoded yet") })
    }

    /// The value's own text, as `option[N].text` sees it. Data that does not fit the type is shown as hexadecimal.
    pub fn to_text(&self, data: &[u8]) -> String {
        data.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

static STANDARD: [Definition; 0] = [];
