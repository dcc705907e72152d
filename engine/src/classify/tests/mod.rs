//! The language construct by construct. The query that all tests here ask is in this file.

mod mistakes;
mod properties;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::*;

/// A query made up for these tests.
struct Query {
    options: BTreeMap<u16, Vec<u8>>,
    classes: Vec<ClassId>,
    /// Hands out copies, as a query does that had to join several instances of an option.
    owned: bool,
}

impl Subject for Query {
    fn option(&self, code: u16) -> Option<Cow<'_, [u8]>> {
        let payload = self.options.get(&code)?;
        Some(if self.owned { payload.clone().into() } else { payload.into() })
    }
    fn interface(&self) -> &str {
        "eth0"
    }
    fn source(&self) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, 2).into()
    }
    fn destination(&self) -> IpAddr {
        Ipv4Addr::new(10, 0, 0, 1).into()
    }
    fn length(&self) -> u32 {
        300
    }
    fn hardware_address(&self) -> &[u8] {
        &[2, 0, 0, 0, 0, 9]
    }
    fn hardware_len(&self) -> u8 {
        6
    }
    fn hardware_type(&self) -> u8 {
        1
    }
    fn ciaddr(&self) -> Ipv4Addr {
        Ipv4Addr::new(192, 0, 2, 1)
    }
    fn giaddr(&self) -> Ipv4Addr {
        Ipv4Addr::new(192, 0, 2, 2)
    }
    fn yiaddr(&self) -> Ipv4Addr {
        Ipv4Addr::new(192, 0, 2, 3)
    }
    fn siaddr(&self) -> Ipv4Addr {
        Ipv4Addr::new(192, 0, 2, 4)
    }
    fn message_type(&self) -> u8 {
        1
    }
    fn transaction_id(&self) -> u32 {
        0xdead_beef
    }
    fn is_member(&self, class: ClassId) -> bool {
        self.classes.contains(&class)
    }
}

/// A telephone behind a relay; member of `ALL`, `phones` and `HA_server1`.
fn query(names: &mut ClassNames) -> Query {
    let options = [
        (12, b"Phone-7\0".to_vec()),
        (43, vec![0, 1, 2, b'a', b'b', 2, 0, 255, 3, 1, b'z']),
        (53, vec![1]),
        (60, b"AastraIPPhone6731i".to_vec()),
        (61, vec![1, 2, 0, 0, 0, 0, 9]),
        (77, vec![]),
        (80, vec![]),
        (82, vec![1, 4, b'p', b'o', b'r', b't', 2, 2, 0, 7, 0, 1, b'n']),
        (124, vec![0, 0, 0x11, 0x8b, 2, b'h', b'i', 0, 0, 0x11, 0x8b, 1, b'!']),
        (125, vec![0, 0, 0x11, 0x8b, 4, 1, 2, b'o', b'k', 0, 0, 0, 9, 2, 1, 0]),
        (224, vec![1, 1, b'x']),
        // Option 19, a boolean.
        (19, vec![5]),
    ];
    let classes = ["ALL", "phones", "HA_server1"].map(|name| names.intern(name)).to_vec();
    Query { options: options.into_iter().collect(), classes, owned: false }
}

fn compile(text: &str, names: &mut ClassNames) -> Result<Expression, ExpressionError> {
    Expression::compile(text, Family::V4, &Definitions::default(), names)
}

/// Evaluates `text` over borrowed and over copied options, which must agree.
fn evaluate(text: &str) -> Result<bool, EvaluationError> {
    let mut names = ClassNames::default();
    let mut query = query(&mut names);
    let expression = compile(text, &mut names).unwrap_or_else(|error| panic!("{text}: {error}"));
    let borrowed = expression.evaluate(&query);
    query.owned = true;
    assert_eq!(expression.evaluate(&query), borrowed, "{text}");
    borrowed
}

/// Asserts that the string expression `text` has the value `expected`, itself an expression.
fn assert_value(text: &str, expected: &str) {
    assert_eq!(evaluate(&format!("{text} == {expected}")), Ok(true), "{text} == {expected}");
}

#[test]
fn the_expressions_of_the_seed() {
    assert_eq!(evaluate("substring(option[60].hex,0,6) == 'Aastra'"), Ok(true));
    assert_eq!(evaluate("not member('phones')"), Ok(false));
    assert_eq!(evaluate("member('phones') and member('HA_server1')"), Ok(true));
    assert_eq!(evaluate("member('phones') and member('HA_server2')"), Ok(false));
    assert_eq!(evaluate("member('laptops') and member('HA_server1')"), Ok(false));
}

#[test]
fn a_boolean_that_is_neither_has_no_text() {
    let error = evaluate("option[19].text == 'x'").unwrap_err();
    assert_eq!(error.to_string(), "text found 1 bytes, expected 0 or 1 in each boolean");
    assert_value("option[19].hex", "0x05");
    // It does not matter where it is not looked at.
    assert_eq!(evaluate("option[12].exists or option[19].text == 'x'"), Ok(true));
}

#[test]
fn literals() {
    assert_value("'abc'", "0x616263");
    assert_value("''", "''");
    assert_value("0xabc", "0x0abc");
    assert_value("0XABC", "0x0abc");
    assert_value("123", "0x0000007b");
    assert_value("4294967295", "0xffffffff");
    assert_value("10.0.0.1", "0x0a000001");
    assert_value("::1", "0x00000000000000000000000000000001");
    assert_value("fe80::", "0xfe800000000000000000000000000000");
    assert_value("2001:db8::192.0.2.1", "0x20010db80000000000000000c0000201");
}

#[test]
fn operators_and_their_order() {
    let cases = [
        ("'a' == 'a'", true),
        ("'a' == 'b'", false),
        ("'a' + 'b' == 'ab'", true),
        ("'a' + ('b' + 'c') == concat('ab', 'c')", true),
        ("(('a')) == 'a'", true),
        ("not 'a' == 'b'", true),
        ("not not member('ALL')", true),
        ("not (member('ALL') or member('none'))", false),
        ("not member('none') or member('ALL')", true),
        ("member('ALL') or member('none') and member('none')", true),
        ("(member('ALL') or member('none')) and member('none')", false),
        ("member('ALL') and member('ALL') and member('none')", false),
        ("member('none') or member('none') or member('ALL')", true),
        ("member('ALL') sor member('none') sand member('none')", true),
        ("member('ALL') sand member('none')", false),
        (" \t\n( member ( 'ALL' ) )\r\n", true),
        ("'a'=='a'and'b'=='b'", true),
        ("option [ 61 ] . hex == 0x01020000000009", true),
    ];
    for (text, expected) in cases {
        assert_eq!(evaluate(text), Ok(expected), "{text}");
    }
}

#[test]
fn options_of_the_message() {
    let exists = |text: &str| evaluate(text) == Ok(true);
    assert_value("option[61].hex", "0x01020000000009");
    assert_value("option[dhcp-client-identifier].hex", "option[61].hex");
    assert_value("option[host-name].text", "'Phone-7'");
    // A text ends before the zeros at its end.
    assert_value("option[host-name].hex", "0x50686f6e652d37");
    assert_value("option[53].text", "'type=053, len=001: 1 (uint8)'");
    assert_value("option[61].text", "'type=061, len=007: 01:02:00:00:00:00:09'");
    assert_value("option[224].text", "'type=224, len=003: 01:01:78'");
    assert_value("option[99].hex", "''");
    assert_value("option[99].text", "''");
    assert!(exists("option[80].exists"), "an empty option exists");
    assert!(!exists("option[99].exists"));
}

#[test]
fn options_inside_options() {
    let exists = |text: &str| evaluate(text) == Ok(true);
    assert_value("option[43].option[1].hex", "'ab'");
    assert!(exists("option[43].option[2].exists"), "after padding, empty");
    assert!(!exists("option[43].option[3].exists"), "after the end");
    assert!(!exists("option[43].option[1].option[1].exists"));
    assert!(!exists("option[224].option[1].exists"), "nothing says that it holds options");
    assert!(!exists("option[99].option[1].exists"));
    assert_value("relay4[1].hex", "'port'");
    assert_value("relay4[1].text", "'type=001, len=004: 70:6f:72:74 ' + 0x27 + 'port' + 0x27");
    assert_value("option[82].option[2].hex", "0x0007");
    assert_value("relay4[0].hex", "'n'");
    assert_value("relay4[9].hex", "''");
    assert!(exists("relay4[2].exists"));
    assert!(!exists("relay4[9].exists"));
    assert!(!exists("relay4[1].option[1].exists"));
}

#[test]
fn vendors() {
    let exists = |text: &str| evaluate(text) == Ok(true);
    for text in ["vendor[4491].exists", "vendor[*].exists", "vendor[0].exists"] {
        assert!(exists(text), "{text}");
    }
    assert!(!exists("vendor[9].exists"), "only the first enterprise counts");
    assert_value("vendor.enterprise", "4491");
    assert_value("vendor[4491].option[1].hex", "'ok'");
    assert_value("vendor[*].option[1].hex", "'ok'");
    assert_value("vendor[4491].option[1].text", "'type=001, len=002: 6f:6b ' + 0x276f6b27");
    assert!(exists("vendor[4491].option[1].exists"));
    assert!(!exists("vendor[4491].option[2].exists"));
    assert!(!exists("vendor[4491].option[1].option[1].exists"));
    assert!(!exists("vendor[1].option[1].exists"));
    assert!(exists("vendor-class[4491].exists"));
    assert!(!exists("vendor-class[1].exists"));
    assert_value("vendor-class.enterprise", "4491");
    assert_value("vendor-class[4491].data", "'hi'");
    assert_value("vendor-class[*].data[1]", "'!'");
    assert_value("vendor-class[4491].data[2]", "''");
    assert_value("vendor-class[1].data", "''");
}

#[test]
fn fields_of_the_packet() {
    assert_value("pkt.iface", "'eth0'");
    assert_value("pkt.src", "10.0.0.2");
    assert_value("pkt.dst", "10.0.0.1");
    assert_value("pkt.len", "300");
    assert_value("pkt4.mac", "0x020000000009");
    assert_value("pkt4.hlen", "6");
    assert_value("pkt4.htype", "1");
    assert_value("pkt4.ciaddr", "192.0.2.1");
    assert_value("pkt4.giaddr", "192.0.2.2");
    assert_value("pkt4.yiaddr", "192.0.2.3");
    assert_value("pkt4.siaddr", "192.0.2.4");
    assert_value("pkt4.msgtype", "1");
    assert_value("pkt4.transid", "0xdeadbeef");
}

#[test]
fn substring_counts_from_either_end() {
    let cases = [
        ("0, 2", "ab"),
        ("2, 9", "cdef"),
        ("2, all", "cdef"),
        ("-1, all", "f"),
        ("-3, 2", "de"),
        ("-6, all", "abcdef"),
        ("-7, all", ""),
        ("6, all", ""),
        ("0, 0", ""),
        ("4, -2", "cd"),
        ("1, -4", "a"),
        ("0, -1", ""),
        ("-1, -2", "de"),
        ("2147483647, 2147483647", ""),
        ("-2147483648, -2147483648", ""),
        ("5, 2147483647", "f"),
        ("5, -2147483648", "abcde"),
    ];
    for (arguments, expected) in cases {
        assert_value(&format!("substring('abcdef', {arguments})"), &format!("'{expected}'"));
    }
    assert_value("substring('', 0, all)", "''");
    assert_value("substring(pkt4.giaddr, 1, 2)", "0x0002");
    assert_value("substring('ab' + 'cd', 1, 2)", "'bc'");
}

#[test]
fn split_keeps_empty_fields() {
    let cases = [
        ("'a.b', '.', 1", "a"),
        ("'a.b', '.', 2", "b"),
        ("'a.b', '.', 3", ""),
        ("'a.b', '.', 0", ""),
        ("'a.b', '.', -1", ""),
        ("'.a..b', '.', 1", ""),
        ("'.a..b', '.', 2", "a"),
        ("'.a..b', '.', 4", "b"),
        ("'a-b.c', '.-', 2", "b"),
        ("'a-b.c', '', 7", "a-b.c"),
        ("'', '.', 1", ""),
        ("'a' + '.b', '.', 2", "b"),
    ];
    for (arguments, expected) in cases {
        assert_value(&format!("split({arguments})"), &format!("'{expected}'"));
    }
}

#[test]
fn functions_that_make_text() {
    assert_value("lcase('AbC1' + 0xc4)", "'abc1' + 0xc4");
    assert_value("ucase('AbC1')", "'ABC1'");
    assert_value("hexstring(0x0aff, ':')", "'0a:ff'");
    assert_value("hexstring(0x0aff, '')", "'0aff'");
    assert_value("hexstring('', ':')", "''");
    assert_value("addrtotext(10.0.0.1)", "'10.0.0.1'");
    assert_value("addrtotext(2001:db8::1)", "'2001:db8::1'");
    assert_value("addrtotext('')", "''");
    assert_value("int8totext(0xff)", "'-1'");
    assert_value("int16totext(0x8000)", "'-32768'");
    assert_value("int32totext(0x7fffffff)", "'2147483647'");
    assert_value("int32totext(0x80000000)", "'-2147483648'");
    assert_value("uint8totext(0xff)", "'255'");
    assert_value("uint16totext(0xffff)", "'65535'");
    assert_value("uint32totext(0xffffffff)", "'4294967295'");
    assert_value("uint32totext('')", "''");
    assert_value("uint32totext(pkt4.msgtype)", "'1'");
}

#[test]
fn match_takes_the_whole_value() {
    let matches = |text: &str| evaluate(text) == Ok(true);
    assert!(matches("match('Aastra.*', option[60].hex)"));
    assert!(!matches("match('Aastra', option[60].hex)"));
    assert!(matches("match('a|ab', 'ab')"), "alternatives are tried until the whole matches");
    assert!(matches(r"match('[a-z]+\d{2}', 'ab12')"));
    assert!(matches(r"match('.', 0xff)"), "bytes that are no UTF-8 count too");
    assert!(!matches(r"match('\d', '٣')"), "digits are ASCII's");
    assert!(matches("match('', option[99].hex)"));
}

#[test]
fn values_of_a_wrong_length_are_errors() {
    let cases = [
        ("int8totext('ab') == ''", "int8totext found 2 bytes, expected 1"),
        ("uint16totext('a') == ''", "uint16totext found 1 bytes, expected 2"),
        ("uint32totext('abc') == ''", "uint32totext found 3 bytes, expected 4"),
        ("addrtotext('abc') == ''", "addrtotext found 3 bytes, expected 4 or 16"),
        ("not (int8totext('ab') == '')", "int8totext found 2 bytes, expected 1"),
    ];
    for (text, expected) in cases {
        assert_eq!(evaluate(text).unwrap_err().to_string(), expected);
    }
}

#[test]
fn only_the_s_forms_evaluate_everything() {
    let bad = "int8totext('ab') == ''";
    assert_eq!(evaluate(&format!("member('none') and {bad}")), Ok(false));
    assert_eq!(evaluate(&format!("member('ALL') or {bad}")), Ok(true));
    assert!(evaluate(&format!("member('none') sand {bad}")).is_err());
    assert!(evaluate(&format!("member('ALL') sor {bad}")).is_err());
    assert_value("ifelse(member('ALL'), 'yes', int8totext('ab'))", "'yes'");
    assert_value("ifelse(member('none'), int8totext('ab'), 'no')", "'no'");
    assert_value("sifelse(member('none'), 'yes', 'no')", "'no'");
    assert!(evaluate("sifelse(member('ALL'), 'yes', int8totext('ab')) == 'yes'").is_err());
}

#[test]
fn mentions_name_the_classes_and_where_they_stand() {
    let mut names = ClassNames::default();
    let expression = compile("member('a') or not member('b') and member('a')", &mut names).unwrap();
    let found: Vec<_> = expression.members().map(|class| names.name(class).to_string()).collect();
    assert_eq!(found, ["a", "b", "a"]);
    let offsets: Vec<_> = expression.mentions().iter().map(|mention| mention.offset).collect();
    assert_eq!(offsets, [7, 26, 42]);
    assert!(!expression.depends_on_known());
    for text in ["member('KNOWN')", "member('a') and not member('UNKNOWN')"] {
        assert!(compile(text, &mut names).unwrap().depends_on_known(), "{text}");
    }
}

#[test]
fn built_in_classes_need_no_definition() {
    let built_in =
        ["ALL", "KNOWN", "UNKNOWN", "BOOTP", "VENDOR_CLASS_x", "HA_s", "AFTER_", "EXTERNAL_1"];
    assert!(built_in.into_iter().all(is_built_in));
    assert!(!["DROP", "SKIP_DDNS", "SPAWN_a_b", "all", "phones"].into_iter().any(is_built_in));
}

#[test]
fn truncated_options_are_absent() {
    let mut names = ClassNames::default();
    let mut query = query(&mut names);
    let texts = [
        "relay4[1].exists",
        "option[43].option[1].exists",
        "vendor[*].option[1].exists",
        "not (vendor-class[*].data == '')",
    ];
    for text in texts {
        let expression = compile(text, &mut names).unwrap();
        for payload in
            [vec![], vec![1], vec![1, 2, 3], vec![0, 0, 0, 1], vec![0, 0, 0, 1, 9, 1, 5, 0]]
        {
            for code in [43, 82, 124, 125] {
                query.options.insert(code, payload.clone());
            }
            assert_eq!(expression.evaluate(&query), Ok(false), "{text} {payload:?}");
        }
    }
}
