//! The tables hold together, and a file is held against them.

use super::{Depth, Kind, Shape, check, v4, v6};
use crate::config::json::parse;

fn found(text: &str) -> Vec<String> {
    let node = parse(text, "f", &mut |_| unreachable!()).unwrap();
    let mut mistakes = Vec::new();
    check(&node, &v4::DHCP4, Depth::Built, &mut mistakes);
    mistakes.iter().map(ToString::to_string).collect()
}

fn each_shape(shape: &Shape, seen: &mut dyn FnMut(&Shape)) {
    seen(shape);
    for key in shape.keys() {
        if let Kind::Map(inner) | Kind::Maps(inner) = key.kind {
            each_shape(inner, seen);
        }
    }
}

#[test]
fn no_table_has_a_keyword_twice() {
    for root in [&v4::DHCP4, &v6::DHCP6] {
        each_shape(root, &mut |shape| {
            let mut words: Vec<&str> = shape.keys().map(|key| key.word).collect();
            words.sort_unstable();
            let before = words.len();
            words.dedup();
            assert_eq!(words.len(), before, "{}", shape.name);
            assert!(shape.mandatory.iter().all(|word| shape.key(word).is_some()), "{}", shape.name);
        });
    }
}

#[test]
fn unknown_keywords() {
    assert_eq!(
        found(
            r#"{ "lease-databse": {}, "relay": {}, "subnet4": [ { "subnet": "", "relay": { "x": 1 } } ] }"#
        ),
        [
            "f:1.3: got unexpected keyword \"lease-databse\" in Dhcp4 map, did you mean \"lease-database\"?",
            "f:1.24: got unexpected keyword \"relay\" in Dhcp4 map, expected one of its keywords",
            "f:1.77: got unexpected keyword \"x\" in relay map, expected one of \"comment\", \"user-context\", \
             \"ip-address\", \"ip-addresses\"",
        ]
    );
}

#[test]
fn types_and_ranges() {
    assert_eq!(
        found(
            r#"{ "valid-lifetime": -1, "authoritative": "yes", "t1-percent": 2, "loggers": [ {}, 3 ] }"#
        ),
        [
            "f:1.21: got integer -1 for \"valid-lifetime\" in Dhcp4, expected an integer from 0 to 4294967295",
            "f:1.42: got string \"yes\" for \"authoritative\" in Dhcp4, expected true or false",
            "f:1.63: got integer 2 for \"t1-percent\" in Dhcp4, expected a number from 0 to 1",
            "f:1.79: got a loggers map without \"name\", expected one",
            "f:1.83: got integer 3, expected a loggers map",
        ]
    );
}

#[test]
fn parts_that_are_not_built_yet() {
    assert_eq!(
        found(
            r#"{ "hosts-databases": [ { "tipe": "" } ], "config-control": {}, "allocator": "best",
 "dhcp-ddns": { "enable-updates": true }, "compatibility": { "lenient-option-parsing": false } }"#
        ),
        [
            "f:1.3: not built yet: host databases (\"hosts-databases\" in Dhcp4)",
            "f:1.26: got unexpected keyword \"tipe\" in database map, did you mean \"type\"?",
            "f:1.24: got a database map without \"type\", expected one",
            "f:1.77: got string \"best\" for \"allocator\" in Dhcp4, expected one of \"iterative\", \"random\", \"flq\", \"shared-flq\"",
            "f:2.35: not built yet: DNS updates (\"enable-updates\" in dhcp-ddns as true), expected false",
        ]
    );
}
