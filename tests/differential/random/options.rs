//! Options drawn at random: what a configuration defines and holds beside the standard ones, and what clients send
//! in them, well formed or not. Pure.

use serde_json::{Map, Value, json};

use super::Dice;
use crate::story::Words;

/// Definitions of a configuration's own.
pub(super) fn definitions() -> Value {
    json!([
        {"name": "number", "code": 200, "type": "uint16"},
        {"name": "fields", "code": 201, "type": "record", "record-types": "uint8, ipv4-address, string"},
        {"name": "outer", "code": 202, "type": "empty", "encapsulate": "inner"},
        {"name": "inner-number", "code": 1, "space": "inner", "type": "uint32"},
        {"name": "inner-text", "code": 2, "space": "inner", "type": "string"},
        {"name": "flags", "code": 203, "type": "boolean", "array": true},
        {"name": "names", "code": 204, "type": "fqdn", "array": true},
        {"name": "text", "code": 205, "type": "string"},
        {"name": "places", "code": 206, "type": "ipv4-address", "array": true},
        {"name": "site", "code": 224, "type": "uint32"},
        {"name": "vlan", "code": 2, "space": "vendor-339", "type": "uint32"},
        {"name": "boot", "code": 1, "space": "vendor-encapsulated-options-space", "type": "uint16"},
    ])
}

/// What a level holds of them: name, space, value.
const HELD: [(&str, &str, &str); 14] = [
    ("number", "dhcp4", "7"),
    ("fields", "dhcp4", "1, 192.0.2.3, some text"),
    ("outer", "dhcp4", ""),
    ("inner-number", "inner", "99"),
    ("inner-text", "inner", "within"),
    ("flags", "dhcp4", "true, false"),
    ("names", "dhcp4", "a.example, b.example"),
    ("text", "dhcp4", "words"),
    ("places", "dhcp4", "192.0.2.60, 192.0.2.61"),
    ("site", "dhcp4", "4000"),
    ("vlan", "vendor-339", "12"),
    ("tftp-servers", "vendor-4491", "192.0.2.70"),
    ("vendor-encapsulated-options", "dhcp4", ""),
    ("boot", "vendor-encapsulated-options-space", "513"),
];

/// The codes to ask for.
pub(super) const CODES: [&str; 12] =
    ["200", "201", "202", "203", "204", "205", "206", "224", "43", "124", "125", "60"];

/// Adds some of them to a level.
pub(super) fn hold(dice: &mut Dice, level: &mut Map<String, Value>) {
    let Some(list) = level.get_mut("option-data").and_then(Value::as_array_mut) else { return };
    for (name, space, data) in HELD {
        if dice.chance(12) {
            let mut option = json!({"name": name, "space": space, "always-send": dice.chance(30)});
            if !data.is_empty() {
                option["data"] = data.into();
            }
            list.push(option);
        }
    }
    if dice.chance(10) {
        let data = dice.pick(&["4491, 03616263", "339, 0178"]);
        list.push(json!({"name": "vivco-suboptions", "data": data}));
    }
    if dice.chance(10) {
        let (data, always) = (dice.pick(&["4491", "339"]), dice.chance(50));
        list.push(json!({"name": "vivso-suboptions", "data": data, "always-send": always}));
    }
}

/// What a query may say in them, and in options whose contents are checked.
pub(super) const SENT: [(&str, &str); 49] = [
    ("opt200", "0007"),
    ("opt200", "07"),
    ("opt200", "000708"),
    ("opt201", "01c0000203"),
    ("opt201", "01c000020361"),
    ("opt201", "01c000"),
    ("opt202", "010400000063"),
    ("opt202", "0102"),
    ("opt202", "01020000"),
    ("opt203", "0100"),
    ("opt203", "05"),
    ("opt203", ""),
    ("opt204", "016100"),
    ("opt204", "0161"),
    ("opt204", ""),
    ("opt205", "'words'"),
    ("opt205", ""),
    ("opt205", "00"),
    ("opt206", "c0000201"),
    ("opt206", "c0000201c0"),
    ("opt206", ""),
    ("opt224", "00000001"),
    ("opt224", "01"),
    ("opt43", "01020201"),
    ("opt43", "0101"),
    ("opt43", "010103"),
    ("opt43", "ff"),
    ("opt60", "7800"),
    ("opt60", ""),
    ("opt77", "0178"),
    ("opt79", ""),
    ("opt79", "01"),
    ("opt79", "0161"),
    ("opt124", "0000118b0178"),
    ("opt124", "0000118b"),
    ("opt124", "0000118b03"),
    ("opt124", "0000118b0178000001530179"),
    ("opt125", "0000118b03010102"),
    ("opt125", "0000118b050101020304"),
    ("opt125", "0000015300"),
    ("opt125", "00000153"),
    ("opt125", "000001"),
    ("opt137", "016100"),
    ("opt137", "0161"),
    ("opt146", "01c0000201c0000202016100"),
    ("opt146", "01c0000201c0000202"),
    ("opt212", "0010fe80000000000000000000000000000ac0000201"),
    ("opt212", "0010fe80"),
    ("opt213", "0161"),
];

/// Lets a query say one of them.
pub(super) fn say(dice: &mut Dice, words: &mut Words) {
    let (code, value) = dice.pick(&SENT);
    words.push((code.into(), value.into()));
}
