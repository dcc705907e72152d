//! What a subnet inherits: every keyword that may stand globally, at a shared network and at a subnet counts at the most
//! specific of them.

use crate::config::model::Subnet4;
use crate::config::parse_text;
use crate::config::wire::{Shape, Status, v4};

/// A keyword, what must stand beside it, its default (none: nothing is said), and two other values.
type Row = (&'static str, &'static str, Option<&'static str>, [&'static str; 2]);

const TEE: &str = r#""calculate-tee-times": true,"#;

const FLQ: &str = r#""allocator": "flq","#;

const ROWS: &[Row] = &[
    ("adaptive-lease-time-threshold", FLQ, Some("1.0"), ["0.5", "0.75"]),
    ("allocator", "", Some(r#""iterative""#), [r#""random""#, r#""iterative""#]),
    ("authoritative", "", Some("false"), ["true", "false"]),
    ("boot-file-name", "", Some(r#""""#), [r#""a""#, r#""b""#]),
    ("cache-max-age", "", None, ["5", "6"]),
    ("cache-threshold", "", Some("0.25"), ["0.5", "0.75"]),
    ("calculate-tee-times", "", Some("false"), ["true", "false"]),
    ("ddns-generated-prefix", "", Some(r#""myhost""#), [r#""a""#, r#""b""#]),
    ("ddns-qualifying-suffix", "", Some(r#""""#), [r#""a.""#, r#""b.""#]),
    ("ddns-replace-client-name", "", Some(r#""never""#), [r#""always""#, r#""when-present""#]),
    ("hostname-char-replacement", "", Some(r#""""#), [r#""x""#, r#""y""#]),
    ("hostname-char-set", "", Some(r#""[^A-Za-z0-9.-]""#), [r#""[a]""#, r#""[b]""#]),
    ("match-client-id", "", Some("true"), ["false", "true"]),
    ("max-valid-lifetime", "", None, ["9000", "9100"]),
    ("min-valid-lifetime", "", None, ["100", "200"]),
    ("next-server", "", Some(r#""0.0.0.0""#), [r#""10.0.0.1""#, r#""10.0.0.2""#]),
    ("offer-lifetime", "", Some("0"), ["60", "70"]),
    ("rebind-timer", "", None, ["20", "21"]),
    ("renew-timer", "", None, ["10", "11"]),
    ("reservation-mode", "", Some(r#""all""#), [r#""global""#, r#""disabled""#]),
    ("reservations-global", "", Some("false"), ["true", "false"]),
    ("reservations-in-subnet", "", Some("true"), ["false", "true"]),
    ("reservations-out-of-pool", "", Some("false"), ["true", "false"]),
    ("server-hostname", "", Some(r#""""#), [r#""a""#, r#""b""#]),
    ("store-extended-info", "", Some("false"), ["true", "false"]),
    ("t1-percent", TEE, Some("0.5"), ["0.3", "0.4"]),
    ("t2-percent", TEE, Some("0.875"), ["0.7", "0.8"]),
    ("valid-lifetime", "", Some("7200"), ["3000", "4000"]),
];

/// Inherited in ways of their own, with tests of their own; or no parameters at all.
const OTHERS: [&str; 4] = ["client-classes", "comment", "option-data", "user-context"];

/// The subnet's part of the model, with `key` at these values globally, at its network (if it says something; else it is in
/// none) and at itself.
fn subnet(row: &Row, values: [Option<&str>; 3]) -> String {
    let (key, beside, ..) = row;
    let said =
        |value: Option<&str>| value.map_or_else(String::new, |it| format!(r#""{key}": {it},"#));
    let [global, network, own] = values.map(said);
    let subnets = format!(r#""subnet4": [ {{ {own} {beside} "id": 1, "subnet": "10.0.0.0/8" }} ]"#);
    let text = match values[1] {
        Some(_) => format!(r#""shared-networks": [ {{ "name": "n", {network} {subnets} }} ]"#),
        None => subnets,
    };
    let text = format!(r#"{{ "Dhcp4": {{ {global} {text} }} }}"#);
    let read = parse_text(&text, "test").unwrap_or_else(|mistakes| panic!("{key}: {mistakes:#?}"));
    let dhcp4 = read.dhcp4.unwrap();
    format!("{:?}", Subnet4 { network: None, ..(*dhcp4.subnets[0]).clone() })
}

#[test]
fn what_is_inherited_counts_at_the_most_specific_level() {
    for row in ROWS {
        let (key, _, default, [one, other]) = *row;
        if !is_built(key) {
            continue;
        }
        let shown = subnet(row, [None, None, Some(one)]);
        assert_ne!(subnet(row, [None, None, None]), shown, "{key} says nothing");
        assert_ne!(subnet(row, [None, None, Some(other)]), shown, "{key} says the same");
        if default.is_some() {
            assert_eq!(subnet(row, [None, None, default]), subnet(row, [None; 3]), "{key}");
        }
        let (one, other) = (Some(one), Some(other));
        for levels in [
            [one, None, None],
            [None, one, None],
            [other, one, None],
            [other, None, one],
            [None, other, one],
            [other, other, one],
        ] {
            // As in Kea a network and its subnets must agree about this one.
            if key == "authoritative" && levels[1].is_some() && levels[2].is_some() {
                continue;
            }
            assert_eq!(subnet(row, levels), shown, "{key}: {levels:?}");
        }
    }
}

#[test]
fn every_inherited_keyword_has_its_row() {
    for key in inherited() {
        let has_row = ROWS.iter().any(|(known, ..)| *known == key);
        assert!(has_row || OTHERS.contains(&key), "{key} has no row");
    }
}

/// The keywords that do something and may stand at all three levels.
fn inherited() -> Vec<&'static str> {
    let words = |shape: &'static Shape| {
        let keys = shape.groups.iter().copied().flatten();
        keys.filter(|key| matches!(key.status, Status::Built))
            .map(|key| key.word)
            .collect::<Vec<_>>()
    };
    let [networks, subnets] = [words(&v4::SHARED_NETWORK), words(&v4::SUBNET4)];
    let global = words(&v4::DHCP4).into_iter();
    let found: Vec<_> =
        global.filter(|word| networks.contains(word) && subnets.contains(word)).collect();
    assert!(found.len() > 20, "{found:?}");
    found
}

fn is_built(key: &str) -> bool {
    inherited().contains(&key)
}
