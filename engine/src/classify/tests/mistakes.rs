//! Every mistake with its place, and the bounds.

use super::*;

/// (expression, bytes before the mistake, message)
const MISTAKES: &[(&str, usize, &str)] = &[
    ("", 0, "found the end, expected an expression"),
    ("option[61].hex", 14, "found the end, expected '==' or '+'"),
    ("option[61].hex and member('ALL')", 15, "found 'and', expected '==' or '+'"),
    ("not 'a'", 7, "found the end, expected '==' or '+'"),
    ("member('ALL') and", 17, "found the end, expected an expression"),
    ("member('ALL') member('ALL')", 14, "found 'member', expected 'and', 'or' or the end"),
    ("('a' == 'a'", 11, "found the end, expected ')'"),
    ("'a' == 'a')", 10, "found ')', expected 'and', 'or' or the end"),
    ("'a' == 'b' == 'c'", 11, "found '==', expected 'and', 'or' or the end"),
    ("member('ALL') == 'a'", 14, "found '==', expected 'and', 'or' or the end"),
    ("'a' == member('ALL')", 7, "found a boolean expression, expected a string"),
    ("'a' + ('a' == 'a') == 'a'", 6, "found a boolean expression, expected a string"),
    ("concat('a', member('ALL')) == 'a'", 12, "found a boolean expression, expected a string"),
    ("'a' = 'a'", 4, "found '=', expected '=='"),
    ("'a' == 'b", 7, "found a text without its closing quote"),
    ("'a' == \"b\"", 7, "found '\\\"', which no expression contains"),
    ("'ä' == é", 8, "found 'é', which no expression contains"),
    ("hello == 'a'", 0, "found 'hello', expected an expression"),
    ("known", 0, "found 'known', expected an expression, as member('KNOWN')"),
    ("not unknown", 4, "found 'unknown', expected an expression, as member('UNKNOWN')"),
    ("all == 'a'", 0, "found 'all', expected an expression"),
    ("0x == 'a'", 0, "found '0x', expected hexadecimal digits after it"),
    ("- == 'a'", 0, "found '-', expected digits after it"),
    ("-1 == 'a'", 0, "found '-1', expected a number from 0 to 4294967295"),
    ("4294967296 == 'a'", 0, "found '4294967296', expected a number from 0 to 4294967295"),
    ("99999999999999999999 == 1", 0, "found '99999999999999999999', which no number here can be"),
    ("10.0.0.300 == 'a'", 0, "found '10.0.0.300', expected an IP address"),
    ("'a' == 1.2.3", 7, "found '1.2.3', expected an IP address"),
    ("'a' == 1:2::3::4", 7, "found '1:2::3::4', expected an IP address"),
    ("option[256].exists", 7, "found '256', expected a number from 0 to 255"),
    ("option[-1].exists", 7, "found '-1', expected a number from 0 to 255"),
    ("option[nope].exists", 7, "found 'nope', expected the name or the code of an option"),
    ("option['x'].exists", 7, "found the text 'x', expected a number from 0 to 255"),
    ("option[1.exists", 8, "found '.', expected ']'"),
    ("option[61].size == 1", 11, "found 'size', expected 'exists', 'hex', 'text' or 'option'"),
    ("option[61] == 1", 11, "found '==', expected '.'"),
    ("relay4[circuit-id].exists", 7, "found 'circuit-id', expected a number from 0 to 255"),
    ("relay6[0].peeraddr == ::1", 0, "found 'relay6', which is for Dhcp6 expressions only"),
    ("pkt6.msgtype == 1", 0, "found 'pkt6', which is for Dhcp6 expressions only"),
    (
        "pkt4.foo == 1",
        5,
        "found 'foo', expected 'mac', 'hlen', 'htype', 'ciaddr', 'giaddr', \
         'yiaddr', 'siaddr', 'msgtype' or 'transid'",
    ),
    ("pkt.mac == 1", 4, "found 'mac', expected 'iface', 'src', 'dst' or 'len'"),
    ("vendor.option[1].exists", 7, "found 'option', expected 'enterprise'"),
    ("vendor[-1].exists", 7, "found '-1', expected a number from 0 to 4294967295"),
    ("vendor[1].data == 'a'", 10, "found 'data', expected 'exists' or 'option'"),
    ("vendor-class[1].option[1].exists", 16, "found 'option', expected 'exists' or 'data'"),
    ("member(phones)", 7, "found 'phones', expected a class's name in single quotes"),
    ("member('a'", 10, "found the end, expected ')'"),
    (
        "substring('a', 0x1, 2) == 'a'",
        15,
        "found '0x1', expected a number from -2147483648 to 2147483647",
    ),
    (
        "substring('a', 0, foo) == 'a'",
        18,
        "found 'foo', expected a number from -2147483648 to 2147483647",
    ),
    ("substring('a', 0) == 'a'", 16, "found ')', expected ','"),
    ("ifelse('a', 'b', 'c') == 'd'", 10, "found ',', expected '==' or '+'"),
    (
        "match(option[60].hex, 'a')",
        6,
        "found 'option', expected a regular expression in single quotes",
    ),
    ("match('(', 'a')", 6, "found the regular expression '(': unclosed group"),
    ("match('a)|(b', 'a')", 6, "found the regular expression 'a)|(b': unopened group"),
];

#[test]
fn mistakes_say_where_and_what() {
    for &(text, offset, message) in MISTAKES {
        let error = compile(text, &mut ClassNames::default()).expect_err(text);
        assert_eq!((error.offset, error.message.as_str()), (offset, message), "{text}");
    }
    let error = compile("'a' = 'a'", &mut ClassNames::default()).unwrap_err();
    assert_eq!(error.to_string(), "at character 5: found '=', expected '=='");
}

#[test]
fn what_cannot_be_matched_in_linear_time_is_refused() {
    for text in [r"match('(a)\1', 'aa')", "match('a(?=b)', 'ab')"] {
        let error = compile(text, &mut ClassNames::default()).expect_err(text);
        assert!(error.message.ends_with("not supported"), "{error}");
    }
    assert!(compile("match('(a{999}){999}', 'a')", &mut ClassNames::default()).is_err());
}

#[test]
fn nesting_and_length_are_bounded() {
    let deep = |levels: usize, open: &str, close: &str| {
        let text = format!("{}'a' == 'a'{}", open.repeat(levels), close.repeat(levels));
        compile(&text, &mut ClassNames::default())
    };
    assert!(deep(64, "(", ")").is_ok());
    assert_eq!(deep(65, "(", ")").unwrap_err().offset, 65);
    assert!(deep(100_000, "(", ")").is_err());
    assert!(deep(64, "not ", "").is_ok());
    assert!(deep(15_000, "not ", "").is_err());
    let long = vec!["'a' == 'a'"; 4000].join(" and ");
    assert!(compile(&long, &mut ClassNames::default()).is_ok(), "long is not deep");
    let mut names = ClassNames::default();
    let query = query(&mut names);
    assert_eq!(compile(&long, &mut names).unwrap().evaluate(&query), Ok(true));
    assert!(compile(&long.repeat(2), &mut names).is_err());
}

#[test]
fn values_that_multiply_are_bounded() {
    let mut text = "option[60].hex".to_owned();
    for _ in 0..30 {
        text = format!("hexstring({text}, option[60].hex)");
    }
    let error = evaluate(&format!("{text} == ''")).unwrap_err();
    assert_eq!((error.function, error.expected), ("hexstring", "at most 65536"));
}
