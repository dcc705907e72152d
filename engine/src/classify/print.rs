//! A compiled expression as text again: parsed, it gives the same expression. Pure.

use std::fmt::{self, Display, Formatter};
use std::net::{Ipv4Addr, Ipv6Addr};

use super::tree::{Enterprise, Field, Length, Operand, Path, Start, Test, Text};
use super::{ClassNames, Expression, Template};

/// Something of an expression, and the names of the classes that it mentions.
struct Printed<'a, T>(&'a T, &'a ClassNames);

impl Expression {
    /// It as text, with parentheses wherever they may stand. `names` are those that it was compiled with.
    pub fn display<'a>(&'a self, names: &'a ClassNames) -> impl Display + 'a {
        Printed(&self.test, names)
    }
}

impl Template {
    /// It as text; `names` are those that it was compiled with.
    pub fn display<'a>(&'a self, names: &'a ClassNames) -> impl Display + 'a {
        Printed(&self.text, names)
    }
}

impl Display for Printed<'_, Test> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let names = self.1;
        match self.0 {
            Test::Not(test) => write!(f, "not ({})", Printed(&**test, names)),
            Test::All(first, others) => chain(f, first, others, ["and", "sand"], names),
            Test::Any(first, others) => chain(f, first, others, ["or", "sor"], names),
            Test::Equal(left, right) => {
                write!(f, "{} == {}", Printed(left, names), Printed(right, names))
            }
            Test::Matches(pattern, text) => {
                write!(f, "match('{}', {})", pattern.source, Printed(text, names))
            }
            Test::Member(class) => write!(f, "member('{}')", names.name(*class)),
            Test::OptionExists(path) => write!(f, "{path}.exists"),
            Test::VendorExists(enterprise) => write!(f, "vendor[{}].exists", Wanted(*enterprise)),
            Test::VendorClassExists(enterprise) => {
                write!(f, "vendor-class[{}].exists", Wanted(*enterprise))
            }
        }
    }
}

/// Operands with the word before each: the first, or the one that evaluates everything.
fn chain(
    f: &mut Formatter<'_>,
    first: &Test,
    others: &[Operand],
    words: [&str; 2],
    names: &ClassNames,
) -> fmt::Result {
    write!(f, "({})", Printed(first, names))?;
    for operand in others {
        let word = words[usize::from(operand.always)];
        write!(f, " {word} ({})", Printed(&operand.test, names))?;
    }
    Ok(())
}

impl Display for Printed<'_, Text> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let names = self.1;
        let show = |text| Printed::<Text>(text, names);
        match self.0 {
            Text::Literal(bytes) => literal(f, bytes),
            Text::OptionPayload(path) => write!(f, "{path}.hex"),
            Text::OptionDescription(path) => write!(f, "{path}.text"),
            Text::Field(field) => f.write_str(field.name()),
            Text::VendorEnterprise => f.write_str("vendor.enterprise"),
            Text::VendorClassEnterprise => f.write_str("vendor-class.enterprise"),
            Text::VendorClassData(enterprise, index) => {
                write!(f, "vendor-class[{}].data[{index}]", Wanted(*enterprise))
            }
            Text::Substring { of, start, len } => {
                write!(f, "substring({}, {start}, {})", show(of), Len(*len))
            }
            Text::Split { of, delimiters, field } => {
                write!(f, "split({}, {}, {field})", show(of), show(delimiters))
            }
            Text::Concat(parts) => {
                for (at, part) in parts.iter().enumerate() {
                    write!(f, "{}{}", if at == 0 { "(" } else { " + " }, show(part))?;
                }
                f.write_str(")")
            }
            Text::Lower(text) => write!(f, "lcase({})", show(text)),
            Text::Upper(text) => write!(f, "ucase({})", show(text)),
            Text::IfElse { always, test, yes, no } => {
                let word = if *always { "sifelse" } else { "ifelse" };
                let test = Printed::<Test>(test, names);
                write!(f, "{word}({test}, {}, {})", show(yes), show(no))
            }
            Text::Hex { of, separator } => {
                write!(f, "hexstring({}, {})", show(of), show(separator))
            }
            Text::FromAddress(text) => write!(f, "addrtotext({})", show(text)),
            Text::FromNumber { of, bytes, signed } => {
                let sign = if *signed { "" } else { "u" };
                write!(f, "{sign}int{}totext({})", 8 * bytes, show(of))
            }
        }
    }
}

/// What can be a text is one, all else hexadecimal; addresses are not told from other bytes.
fn literal(f: &mut Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    if bytes.iter().all(|byte| matches!(byte, b' '..=b'~') && *byte != b'\'') {
        return write!(f, "'{}'", String::from_utf8_lossy(bytes));
    }
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return write!(f, "{}", Ipv4Addr::from(octets));
    }
    if let Ok(octets) = <[u8; 16]>::try_from(bytes) {
        return write!(f, "{}", Ipv6Addr::from(octets));
    }
    f.write_str("0x")?;
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.start {
            Start::Option(code) => write!(f, "option[{code}]")?,
            Start::Relay4(code) => write!(f, "relay4[{code}]")?,
            Start::Vendor(enterprise) => write!(f, "vendor[{}]", Wanted(enterprise))?,
        }
        self.inside.iter().try_for_each(|code| write!(f, ".option[{code}]"))
    }
}

/// An enterprise as it stands between brackets.
struct Wanted(Enterprise);

impl Display for Wanted {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(number) => write!(f, "{number}"),
            None => f.write_str("*"),
        }
    }
}

/// The last argument of `substring`.
struct Len(Length);

impl Display for Len {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Length::All => f.write_str("all"),
            Length::Bytes(len) => write!(f, "{len}"),
        }
    }
}

impl Field {
    fn name(self) -> &'static str {
        match self {
            Field::Interface => "pkt.iface",
            Field::Source => "pkt.src",
            Field::Destination => "pkt.dst",
            Field::Length => "pkt.len",
            Field::HardwareAddress => "pkt4.mac",
            Field::HardwareLen => "pkt4.hlen",
            Field::HardwareType => "pkt4.htype",
            Field::Ciaddr => "pkt4.ciaddr",
            Field::Giaddr => "pkt4.giaddr",
            Field::Yiaddr => "pkt4.yiaddr",
            Field::Siaddr => "pkt4.siaddr",
            Field::MessageType => "pkt4.msgtype",
            Field::TransactionId => "pkt4.transid",
        }
    }
}
