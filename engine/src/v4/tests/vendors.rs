//! Options of one's own, options inside options, and those of vendors, as replies carry them.

use super::world::*;
use crate::codec::options::sub_options;
use crate::codec::v4::{MessageType, OPTIONS_AT, code};
use crate::config::parse_text;

/// One subnet beside what stands in `inside`.
fn world(inside: &str) -> World {
    let text = format!(
        r#"{{ "Dhcp4": {{ {inside}, "subnet4": [ {{ "id": 1, "subnet": "192.0.2.0/24",
            "pools": [ {{ "pool": "192.0.2.100-192.0.2.120" }} ] }} ] }} }}"#
    );
    let config = parse_text(&text, "test").unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    World::new(config.dhcp4.unwrap())
}

/// Every piece of the option `code` as it is on the wire.
fn all(answer: &Answer, code: u8) -> Vec<Vec<u8>> {
    let options = sub_options(&answer.reply.departure.message[OPTIONS_AT..]);
    options.filter(|(known, _)| *known == code).map(|(_, data)| data.to_vec()).collect()
}

/// A DISCOVER that asks for these.
fn asking(codes: &[u8]) -> Ask {
    Ask::direct(1).option(code::PARAMETER_REQUEST_LIST, codes)
}

#[test]
fn options_stand_inside_the_one_that_encapsulates_their_space() {
    let world = world(
        r#" "option-def": [
            { "name": "outer", "code": 222, "type": "uint16", "encapsulate": "first" },
            { "name": "empty", "code": 223, "type": "empty", "encapsulate": "second" },
            { "name": "text", "code": 1, "space": "first", "type": "string" },
            { "name": "inner", "code": 2, "space": "first", "type": "uint8", "encapsulate": "second" },
            { "name": "pair", "code": 9, "space": "second", "type": "record", "record-types": "uint8, ipv4-address", "array": true }
        ],
        "option-data": [
            { "name": "outer", "data": "258" },
            { "name": "empty", "data": "05 01 aa", "csv-format": false },
            { "space": "first", "name": "inner", "data": "7" },
            { "space": "first", "name": "text", "data": "abc" },
            { "space": "first", "code": 250, "data": "ff", "csv-format": false },
            { "space": "second", "name": "pair", "data": "1, 10.0.0.1, 10.0.0.2" },
            { "space": "nowhere", "code": 1, "data": "01", "csv-format": false }
        ]"#,
    );
    let answer = world.reply(&asking(&[222, 223, 224]));
    let pair = [9, 9, 1, 10, 0, 0, 1, 10, 0, 0, 2];
    let inner = [&[2, 12, 7][..], &pair].concat();
    let outer = [&[1, 2, 1, 3][..], b"abc", &inner, &[250, 1, 0xff]].concat();
    assert_eq!(answer.option(222), Some(outer.as_slice()));
    assert_eq!(answer.option(223), Some([&[5, 1, 0xaa][..], &pair].concat().as_slice()));
    assert_eq!(answer.option(224), None);
}

#[test]
fn option_43_means_what_the_class_says() {
    let world = world(
        r#" "option-def": [
            { "name": "server", "code": 1, "space": "acme", "type": "ipv4-address" },
            { "name": "vlan", "code": 2, "space": "acme", "type": "uint32" },
            { "name": "plain", "code": 1, "space": "vendor-encapsulated-options-space", "type": "string" }
        ],
        "client-classes": [
            { "name": "VENDOR_CLASS_acme",
              "option-def": [ { "name": "vendor-encapsulated-options", "code": 43, "type": "empty", "encapsulate": "acme" } ],
              "option-data": [ { "name": "vendor-encapsulated-options" },
                  { "name": "server", "space": "acme", "data": "10.0.0.9" },
                  { "name": "vlan", "space": "acme", "data": "12" } ] },
            { "name": "VENDOR_CLASS_raw",
              "option-def": [ { "name": "vendor-encapsulated-options", "code": 43, "type": "binary" } ],
              "option-data": [ { "name": "vendor-encapsulated-options", "data": "0102", "always-send": true } ] }
        ],
        "option-data": [ { "name": "vendor-encapsulated-options" },
            { "name": "plain", "space": "vendor-encapsulated-options-space", "data": "x" } ]"#,
    );
    let acme = asking(&[43]).option(code::VENDOR_CLASS_IDENTIFIER, "acme");
    let expected = [1, 4, 10, 0, 0, 9, 2, 4, 0, 0, 0, 12];
    assert_eq!(world.reply(&acme).option(43), Some(&expected[..]));
    let raw = asking(&[1]).option(code::VENDOR_CLASS_IDENTIFIER, "raw");
    assert_eq!(world.reply(&raw).option(43), Some(&[1, 2][..]));
    assert_eq!(world.reply(&asking(&[43])).option(43), Some(&[1, 1, b'x'][..]));
    assert_eq!(world.reply(&asking(&[3])).option(43), None);
}

const TWO_VENDORS: &str = r#" "option-def": [
        { "name": "vlan", "code": 2, "space": "vendor-339", "type": "uint32" },
        { "name": "text", "code": 3, "space": "vendor-339", "type": "string" } ],
    "option-data": [
        { "name": "vlan", "space": "vendor-339", "data": "123", "always-send": true },
        { "name": "text", "space": "vendor-339", "data": "unasked" },
        { "name": "tftp-servers", "space": "vendor-4491", "data": "10.0.0.1" },
        { "code": 7, "space": "vendor-4491", "csv-format": false, "data": "77" } ]"#;

#[test]
fn each_enterprise_that_the_client_names_is_answered() {
    let world = world(TWO_VENDORS);
    let first = [0, 0, 1, 83, 6, 2, 4, 0, 0, 0, 123].to_vec();
    let named_in_125 = Ask::direct(1).option(125, [0, 0, 1, 83, 0]);
    assert_eq!(all(&world.reply(&named_in_125), 125), std::slice::from_ref(&first));
    let named_in_124 = Ask::direct(1).option(124, [0, 0, 1, 83, 1, b'x']);
    assert_eq!(all(&world.reply(&named_in_124), 125), std::slice::from_ref(&first));
    // CableLabs' clients ask by code: 2 and 7, in one option with another enterprise.
    let cable = [&[0, 0, 17, 139, 4, 1, 2, 7, 2][..], &[0, 0, 1, 83, 0]].concat();
    let cable = all(&world.reply(&Ask::direct(1).option(125, cable)), 125);
    let second = [0, 0, 17, 139, 9, 2, 4, 10, 0, 0, 1, 7, 1, 0x77].to_vec();
    assert_eq!(cable, [first, second]);
    assert_eq!(all(&world.reply(&asking(&[125, 124])), 125), Vec::<Vec<u8>>::new());
    let unknown = Ask::direct(1).option(125, [0, 0, 0, 9, 0]);
    assert_eq!(all(&world.reply(&unknown), 125), Vec::<Vec<u8>>::new());
}

#[test]
fn a_configured_option_125_names_the_enterprise() {
    let world = world(
        r#" "option-data": [
            { "name": "vivso-suboptions", "data": "339" },
            { "code": 1, "space": "vendor-339", "csv-format": false, "data": "aa", "always-send": true },
            { "code": 2, "space": "vendor-339", "csv-format": false, "data": "bb", "always-send": true, "never-send": true },
            { "name": "vivco-suboptions", "data": "4491, 03616263" },
            { "name": "vivco-suboptions", "data": "9, 0178" },
            { "name": "vivco-suboptions", "data": "9, 0179" } ]"#,
    );
    let answer = world.reply(&asking(&[124, 125]));
    assert_eq!(all(&answer, 125), [[0, 0, 1, 83, 3, 1, 1, 0xaa]]);
    let first = [&[0, 0, 17, 139, 3][..], b"abc"].concat();
    assert_eq!(all(&answer, 124), [first, vec![0, 0, 0, 9, 1, b'x']]);
    assert_eq!(all(&world.reply(&asking(&[3])), 125), Vec::<Vec<u8>>::new());
}

#[test]
fn many_vendor_options_go_into_several() {
    let long = "ab".repeat(200);
    let world = world(&format!(
        r#" "option-data": [
            {{ "code": 1, "space": "vendor-9", "csv-format": false, "data": "{long}", "always-send": true }},
            {{ "code": 2, "space": "vendor-9", "csv-format": false, "data": "{long}", "always-send": true }} ]"#
    ));
    let found = all(&world.reply(&Ask::direct(1).option(125, [0, 0, 0, 9, 0])), 125);
    let heads: Vec<_> = found.iter().map(|data| data[..7].to_vec()).collect();
    assert_eq!(heads, [[0, 0, 0, 9, 202, 1, 200], [0, 0, 0, 9, 202, 2, 200]]);
}

#[test]
fn options_for_classes_go_before_those_for_everybody() {
    let world = world(
        r#" "client-classes": [
            { "name": "a", "test": "option[60].hex == 'a'" },
            { "name": "b", "test": "option[60].hex == 'b'", "option-data": [ { "name": "domain-name", "data": "class.test" } ] } ],
        "option-data": [
            { "name": "domain-name", "data": "everybody.test" },
            { "name": "domain-name", "data": "a.test", "client-classes": [ "a" ] },
            { "name": "boot-size", "data": "1", "client-classes": [ "a" ], "always-send": true },
            { "name": "swap-server", "data": "10.0.0.1", "client-classes": [ "a" ], "never-send": true },
            { "name": "swap-server", "data": "10.0.0.2" } ]"#,
    );
    let of = |class| world.reply(&asking(&[16]).option(code::VENDOR_CLASS_IDENTIFIER, class));
    assert_eq!(of("a").option(15), Some(&b"a.test"[..]));
    assert_eq!(of("a").option(13), Some(&[0, 1][..]));
    assert_eq!(of("b").option(15), Some(&b"class.test"[..]));
    assert_eq!(of("c").option(15), Some(&b"everybody.test"[..]));
    assert_eq!(of("c").option(13), None);
    // never-send of any level holds for everybody.
    assert_eq!(of("c").option(16), None);
}

#[test]
fn what_a_class_defines_is_read_once_the_classes_are_known() {
    let world = world(
        r#" "option-def": [ { "name": "kind", "code": 1, "space": "acme", "type": "string" } ],
        "client-classes": [
            { "name": "early", "test": "option[230].option[1].exists" },
            { "name": "VENDOR_CLASS_acme",
              "option-def": [ { "name": "mine", "code": 230, "type": "empty", "encapsulate": "acme" } ] },
            { "name": "late", "test": "member('UNKNOWN') and option[230].option[1].text == 'x'",
              "option-data": [ { "name": "domain-name", "data": "late.test" } ] },
            { "name": "wrong", "test": "member('UNKNOWN') and member('early')",
              "option-data": [ { "name": "domain-name", "data": "early.test" } ] } ]"#,
    );
    let ask = Ask::direct(1).option(230, [1, 1, b'x']);
    assert_eq!(world.reply(&ask).option(15), None);
    let acme = ask.option(code::VENDOR_CLASS_IDENTIFIER, "acme");
    assert_eq!(world.reply(&acme).option(15), Some(&b"late.test"[..]));
}

#[test]
fn a_long_option_is_sent_in_pieces() {
    let name = "x".repeat(300);
    let world =
        world(&format!(r#" "option-data": [ {{ "name": "root-path", "data": "{name}" }} ]"#));
    let answer = world.reply(&asking(&[17]));
    assert_eq!(answer.message_type, MessageType::Offer);
    let lens: Vec<_> = all(&answer, 17).iter().map(Vec::len).collect();
    assert_eq!(lens, [255, 45]);
}
