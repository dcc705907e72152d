//! The compiled form of an expression. Pure data.

use regex::bytes::Regex;

use super::ClassId;

/// Something true or false.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Test {
    Not(Box<Test>),
    All(Box<Test>, Vec<Operand>),
    Any(Box<Test>, Vec<Operand>),
    Equal(Text, Text),
    Matches(Pattern, Text),
    Member(ClassId),
    OptionExists(Path),
    VendorExists(Enterprise),
    VendorClassExists(Enterprise),
}

/// A further operand of `and`/`or`, or of `sand`/`sor`, which are evaluated even if the result
/// stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Operand {
    pub(super) always: bool,
    pub(super) test: Test,
}

/// Some bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Text {
    Literal(Box<[u8]>),
    OptionPayload(Path),
    OptionDescription(Path),
    Field(Field),
    VendorEnterprise,
    VendorClassEnterprise,
    VendorClassData(Enterprise, usize),
    Substring { of: Box<Text>, start: i32, len: Length },
    Split { of: Box<Text>, delimiters: Box<Text>, field: i32 },
    Concat(Vec<Text>),
    Lower(Box<Text>),
    Upper(Box<Text>),
    IfElse { always: bool, test: Box<Test>, yes: Box<Text>, no: Box<Text> },
    Hex { of: Box<Text>, separator: Box<Text> },
    FromAddress(Box<Text>),
    FromNumber { of: Box<Text>, bytes: usize, signed: bool },
}

/// Which option: where the search starts, and the codes of the options inside, outermost first.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Path {
    pub(super) start: Start,
    pub(super) inside: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Start {
    /// An option of the message.
    Option(u8),
    /// A sub-option of the relay agent's option (82).
    Relay4(u8),
    /// The vendor's options (125); [`Path::inside`] names at least one.
    Vendor(Enterprise),
}

/// An enterprise number, `None` for any.
pub(super) type Enterprise = Option<u32>;

/// How much `substring` takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Length {
    All,
    /// So many from the start, or if negative, before it.
    Bytes(i32),
}

/// A field of the packet or the message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Field {
    Interface,
    Source,
    Destination,
    Length,
    HardwareAddress,
    HardwareLen,
    HardwareType,
    Ciaddr,
    Giaddr,
    Yiaddr,
    Siaddr,
    MessageType,
    TransactionId,
}

/// A regular expression that a whole value must match.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub(super) source: String,
    pub(super) regex: Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}
