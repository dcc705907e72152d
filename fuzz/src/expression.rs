//! Class expressions: compiled, printed and compiled again, evaluated for a query.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr};

use engine::classify::{
    ClassId, ClassNames, Expression, ExpressionError, Family, Subject, Template,
};
use engine::codec::options::Definitions;

use crate::Target;

/// The first line is an expression, what follows are payloads of options.
pub(crate) struct Expressions {
    definitions: Definitions,
}

impl Expressions {
    pub(crate) fn new() -> Self {
        Self { definitions: Definitions::default() }
    }
}

impl Target for Expressions {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let texts = [
            "option[60].hex == 'MSFT' and not member('KNOWN')\nMSFT",
            "substring(option[61].hex, 0, 3) == 0x010203 or relay4[1].exists\n\x01\x02\x03\x04",
            "match('a[0-9]+', option[host-name].text) sand pkt4.mac == 0x001122334455\na12",
            "split(option[60].text, '.:', 2) + lcase('ABC') == concat('a', ucase('b'))\na.b:c",
            "vendor[4491].option[2].hex == 10.0.0.1 sor vendor-class[*].data[0] == ::1\n\x00\x00\x11\x0b",
            "ifelse(pkt.len == 300, hexstring(pkt4.giaddr, ':'), addrtotext(pkt.src)) == '0a:00:00:01'",
            "uint16totext(option[93].hex) == '7' and int8totext(substring(option[82].option[1].hex, -1, all)) == '-1'\n\x00\x07",
            "option[43].option[1].option[2].text == sifelse('a' == 'b', vendor.enterprise, pkt.iface)",
        ];
        texts.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    fn words(&self) -> Vec<Vec<u8>> {
        let words = "option[ ] . hex text exists ( ) == + , not and or sand sor 'a' '' 0x1 0x 61 -1 4294967296 all * \
                     relay4[ vendor[ vendor-class[ data[ enterprise pkt4. mac hlen htype ciaddr transid pkt. iface src \
                     len substring( split( concat( ifelse( sifelse( member('ALL') member(' match('a*', hexstring( \
                     addrtotext( uint8totext( int32totext( lcase( ucase( 10.0.0.1 ::1 host-name domain-search \
                     option[119].text option[121].text option[82].option[5].hex ((((((((((((((((((((( \n ' [^ )* {1,9}";
        words
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(|word| word.as_bytes().to_vec())
            .collect()
    }

    fn run(&mut self, input: &[u8]) -> u64 {
        let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
        let Ok(text) = std::str::from_utf8(&input[..end]) else { return 0 };
        let payload = input.get(end + 1..).unwrap_or_default();
        let mut names = ClassNames::default();
        let mut hasher = DefaultHasher::new();
        match Expression::compile(text, Family::V4, &self.definitions, &mut names) {
            Ok(expression) => {
                let printed = expression.display(&names).to_string();
                match Expression::compile(&printed, Family::V4, &self.definitions, &mut names) {
                    Ok(again) => assert_eq!(again.display(&names).to_string(), printed, "{text}"),
                    Err(error) => assert!(is_bound(&error), "{text}\n{printed}\n{error}"),
                }
                let course = expression.evaluate(&Query(payload));
                (1, course == Ok(true), course.is_err(), shape(&printed)).hash(&mut hasher);
            }
            Err(error) => {
                assert!(text.is_char_boundary(error.offset), "{error}");
                (2, shape(&error.message)).hash(&mut hasher);
            }
        }
        if let Ok(template) = Template::compile(text, &self.definitions, &mut names) {
            let len = template.evaluate(&Query(payload), <[u8]>::len);
            (3, len.map_err(|error| error.function)).hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// Whether what was printed is only too long or too deep: it has more parentheses.
fn is_bound(error: &ExpressionError) -> bool {
    error.message.contains("deeper than") || error.message.contains("at most")
}

/// `text` without numbers and quoted values: what kind it is.
pub(crate) fn shape(text: &str) -> String {
    let mut kind = String::new();
    let mut quoted = false;
    for c in text.chars().take(400) {
        quoted ^= c == '\'' || c == '"';
        if !quoted && !c.is_ascii_hexdigit() && c != ' ' {
            kind.push(c);
        }
    }
    kind
}

/// A query all of whose options have this payload.
struct Query<'a>(&'a [u8]);

impl Subject for Query<'_> {
    fn option(&self, code: u16) -> Option<Cow<'_, [u8]>> {
        (!code.is_multiple_of(7)).then_some(Cow::Borrowed(self.0))
    }
    fn interface(&self) -> &str {
        "eth0"
    }
    fn source(&self) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, 1).into()
    }
    fn destination(&self) -> IpAddr {
        Ipv4Addr::BROADCAST.into()
    }
    fn length(&self) -> u32 {
        300
    }
    fn hardware_address(&self) -> &[u8] {
        &[0, 0x11, 0x22, 0x33, 0x44, 0x55]
    }
    fn hardware_len(&self) -> u8 {
        6
    }
    fn hardware_type(&self) -> u8 {
        1
    }
    fn ciaddr(&self) -> Ipv4Addr {
        Ipv4Addr::UNSPECIFIED
    }
    fn giaddr(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, 1)
    }
    fn yiaddr(&self) -> Ipv4Addr {
        Ipv4Addr::UNSPECIFIED
    }
    fn siaddr(&self) -> Ipv4Addr {
        Ipv4Addr::UNSPECIFIED
    }
    fn message_type(&self) -> u8 {
        1
    }
    fn transaction_id(&self) -> u32 {
        7
    }
    fn is_member(&self, class: ClassId) -> bool {
        class.0.is_multiple_of(2)
    }
}
