//! Clients with several reservations: by their card, their client identifier, the DUID in that and the port of their relay, in one
//! subnet and beside a global one. Drawn from dice of its own and added to what stands. Pure.

use serde_json::{Map, Value, json};

use super::Dice;
use super::more::{each_network, each_subnet};
use crate::story::{Step, Story};

/// Adds reservations for clients that have one already.
pub(super) fn add(dice: &mut Dice, config: &mut Value) {
    let Some(all) = config.as_object_mut() else { return };
    let classes = all.contains_key("client-classes");
    if let Some(hosts) = all.get_mut("reservations").and_then(Value::as_array_mut) {
        twins(dice, hosts, None, classes);
    }
    // With four subnets there are as many as a query has identifiers at most.
    each_network(all, |network| widen(dice, network));
    each_subnet(all, |subnet| {
        let prefix = subnet["subnet"].as_str().and_then(|text| text.strip_suffix(".0/24"));
        let prefix = prefix.map(str::to_owned);
        if let Some(hosts) = subnet.get_mut("reservations").and_then(Value::as_array_mut) {
            twins(dice, hosts, prefix.as_deref(), classes);
        }
    });
}

/// Another subnet or two, without pools.
fn widen(dice: &mut Dice, network: &mut Map<String, Value>) {
    let members = network.get_mut("subnet4").and_then(Value::as_array_mut);
    let Some(members) = members.filter(|_| dice.chance(50)) else { return };
    let first = members.first().and_then(|subnet| subnet["id"].as_u64()).unwrap_or_default();
    for number in 0..dice.between(1, 2) as u64 {
        let id = first + 7 + number;
        members.push(json!({"id": id, "subnet": format!("172.{}.{first}.0/24", 24 + number)}));
    }
}

/// Other reservations of the clients that have one among `hosts`.
fn twins(dice: &mut Dice, hosts: &mut Vec<Value>, prefix: Option<&str>, classes: bool) {
    for number in 0..9 {
        let card = format!("02:00:63:{:02x}:00:00", b'0' + number);
        let identifier = format!("01aa{number:02x}");
        let is_known =
            |host: &Value| host["hw-address"] == *card || host["client-id"] == *identifier;
        if !hosts.iter().any(is_known) {
            continue;
        }
        let kinds = [
            ("hw-address", card),
            ("client-id", identifier),
            ("duid", format!("000300010200{:02x}{:02x}", b'c', b'0' + number)),
            ("circuit-id", dice.pick(&["0a0b", "'port'"]).to_owned()),
        ];
        for (at, (kind, value)) in kinds.into_iter().enumerate() {
            let is_there = hosts.iter().any(|host| host[kind] == *value);
            if is_there || !dice.chance(40) {
                continue;
            }
            let name = format!("twin{number}-{at}");
            let mut host = json!({kind: value, "hostname": name});
            if let Some(prefix) = prefix {
                let base = dice.pick(&[70, 210]) + 10 * at;
                host["ip-address"] = format!("{prefix}.{}", base + usize::from(number)).into();
            }
            if dice.chance(50) {
                let data = format!("/{name}");
                let option = json!({"name": "root-path", "data": data, "always-send": true});
                host["option-data"] = json!([option]);
            }
            if classes && dice.chance(30) {
                host["client-classes"] = json!([dice.pick(&["x", "y"])]);
            }
            hosts.push(host);
        }
    }
}

/// Lets the clients say more of what they are known by.
pub(super) fn introduce(dice: &mut Dice, story: &mut Story) {
    for step in &mut story.steps {
        let Step::Client { name, words } = step else { continue };
        let says = |words: &[(String, String)], key: &str| words.iter().any(|(it, _)| it == key);
        let number: u8 = name[1..].parse().unwrap_or_default();
        if !says(words, "cid") && dice.chance(60) {
            let duid = format!("ff00000001000300010200{:02x}{:02x}", b'c', b'0' + number);
            let cid = if dice.chance(30) { duid } else { format!("01aa{number:02x}") };
            words.push(("cid".into(), cid));
        }
        if says(words, "via") && !says(words, "rai") && dice.chance(50) {
            words.push(("rai".into(), dice.pick(&["1:0a0b", "1:'port',2:ff"]).into()));
        }
    }
}
