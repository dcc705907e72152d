//! What leads to differences that are met seldom otherwise. Drawn from dice of its own and added to what stands. Pure.

use serde_json::{Map, Value, json};

use super::more::each_subnet;
use super::{Client, Dice, Plan};
use crate::story::{Step, Story};

/// Addresses from here on are in no pool.
const BEYOND_POOLS: u8 = 130;

/// Options of two enterprises, which are sent to whoever names both.
pub(super) fn two_enterprises(dice: &mut Dice, config: &mut Value) {
    if !dice.chance(25) {
        return;
    }
    let Some(list) = config["option-data"].as_array_mut() else { return };
    for (name, space, data) in
        [("vlan", "vendor-339", "12"), ("tftp-servers", "vendor-4491", "192.0.2.70")]
    {
        list.retain(|option| option["name"] != name);
        list.push(json!({"name": name, "space": space, "data": data, "always-send": true}));
    }
}

/// Addresses that a configuration reserves in subnets.
pub(super) fn reserved(config: &Value) -> Vec<String> {
    let mut config = config.clone();
    let mut found = Vec::new();
    each_subnet(config.as_object_mut().unwrap_or(&mut Map::new()), |subnet| {
        let hosts = subnet.get("reservations").and_then(Value::as_array).into_iter().flatten();
        found.extend(hosts.filter_map(|host| host["ip-address"].as_str()).map(str::to_owned));
    });
    found
}

impl Plan {
    /// Adds a step or several now and then: a lease that is over is declined, or its address is next in turn for another client; an
    /// address is asked for that is reserved, whoever for, or offered to another; enterprises are named; a link is
    /// named that has no subnet; BOOTP is refused.
    pub(super) fn seldom(&self, dice: &mut Dice, story: &mut Story, reserved: &[String]) {
        let (client, other) = (self.anybody(dice), self.anybody(dice));
        let theirs = format!("offered:{}", other.name);
        let in_pools: Vec<_> = reserved.iter().filter(|address| may_be_in_pool(address)).collect();
        match dice.between(0, 99) {
            0..=1 => {
                story.steps.push(Step::End { client: client.name.clone() });
                story.steps.push(query(client, "decline", &[]));
            }
            2..=9 => {
                story.steps.push(Step::End { client: client.name.clone() });
                story.steps.push(query(other, "discover", &[("fresh", "")]));
                story.steps.push(query(other, "select", &[]));
            }
            10..=12 if !reserved.is_empty() => {
                let address = &reserved[dice.between(0, reserved.len() - 1)];
                story.steps.push(asking(client, address));
            }
            13..=15 if !in_pools.is_empty() => {
                story.steps.push(asking(client, in_pools[dice.between(0, in_pools.len() - 1)]));
            }
            16..=17 if client.name != other.name && !self.loose => {
                story.steps.push(query(other, "discover", &[("fresh", "")]));
                story.steps.push(asking(client, &theirs));
            }
            18 if client.name != other.name && !self.loose => {
                story.steps.push(query(other, "discover", &[("fresh", "")]));
                let words = [("requested", &*theirs), ("fresh", "")];
                story.steps.push(query(client, "discover", &words));
            }
            19 if client.link.relay.is_none() => {
                story.steps.push(query(client, "decline", &[("opt118", "10.99.0.9")]));
            }
            20 if self.wild => {
                let (code, value) = dice
                    .pick(&[("opt125", "0000118b000000015300"), ("opt124", "0000015303616263")]);
                story.steps.push(query(client, "inform", &[(code, value), ("prl", "1,125")]));
            }
            21 if self.bootp => {
                let theirs = format!("bound:{}", other.name);
                let words = [("ciaddr", &*theirs), ("fresh", "")];
                story.steps.push(query(client, "bootp", &words));
            }
            _ => {}
        }
    }

    fn anybody(&self, dice: &mut Dice) -> &Client {
        &self.clients[dice.between(0, self.clients.len() - 1)]
    }
}

fn query(client: &Client, verb: &str, words: &[(&str, &str)]) -> Step {
    let words = words.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    Step::Query { client: client.name.clone(), verb: verb.into(), words, expected: None }
}

fn asking(client: &Client, address: &str) -> Step {
    query(client, "request", &[("requested", address), ("server", "192.0.2.1")])
}

fn may_be_in_pool(address: &str) -> bool {
    let last = address.rsplit('.').next().and_then(|text| text.parse::<u8>().ok());
    last.is_some_and(|last| last < BEYOND_POOLS)
}
