//! What the configurations of the two servers of a pair have to agree in, as a hash for each key. Pure.
//!
//! It travels in heartbeats between Peregrines, so that a difference is told by its keys and not by what it leads to. What
//! each server has of its own (interfaces, sockets, files, threads, `this-server-name`) is left out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::limits::{MAX_AGREEMENT, MAX_AGREEMENT_SUBNETS};

/// Keys of `Dhcp4` in which the servers of a pair may differ.
const OWN: [&str; 18] = [
    "comment",
    "config-control",
    "control-socket",
    "control-sockets",
    "dhcp-ddns",
    "dhcp-queue-control",
    "expired-leases-processing",
    "hooks-libraries",
    "interfaces-config",
    "lease-database",
    "loggers",
    "multi-threading",
    "parked-packet-limit",
    "sanity-checks",
    "server-tag",
    "statistic-default-sample-age",
    "statistic-default-sample-count",
    "user-context",
];
/// Keys of a relationship in which they have to agree.
const SHARED: [&str; 14] = [
    "clock-skew",
    "conflict-resolution",
    "delayed-updates-limit",
    "heartbeat-delay",
    "max-ack-delay",
    "max-rejected-lease-updates",
    "max-response-delay",
    "max-unacked-clients",
    "mode",
    "send-lease-updates",
    "sync-leases",
    "sync-timeout",
    "takeover-delay",
    "wait-backup-ack",
];
/// Keys of a peer in which they have to agree.
const OF_PEERS: [&str; 4] = ["auto-failover", "name", "role", "url"];

/// A hash for each key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreement(BTreeMap<String, u32>);

impl Agreement {
    /// Of a configuration as config-get tells it. None for the hub of several relationships: what it has of each is its
    /// own.
    pub fn of(config: &Value) -> Option<Self> {
        let dhcp4 = config.get("Dhcp4")?.as_object()?;
        let mut keys = BTreeMap::new();
        for (key, value) in dhcp4.iter().filter(|(key, _)| !OWN.contains(&key.as_str())) {
            match value.as_array().filter(|_| key == "subnet4") {
                Some(subnets) if subnets.len() <= MAX_AGREEMENT_SUBNETS => {
                    let name = |subnet: &Value| format!("subnet4[id {}]", subnet["id"]);
                    keys.extend(subnets.iter().map(|subnet| (name(subnet), hash(subnet))));
                }
                _ => drop(keys.insert(key.clone(), hash(value))),
            }
        }
        let libraries = dhcp4.get("hooks-libraries").and_then(Value::as_array);
        let relationships = |library: &Value| {
            library.get("parameters")?.get("high-availability")?.as_array().cloned()
        };
        let relationships = libraries?.iter().find_map(relationships)?;
        let [Value::Object(only)] = &relationships[..] else { return None };
        for key in SHARED {
            if let Some(value) = only.get(key) {
                keys.insert(format!("high-availability.{key}"), hash(value));
            }
        }
        keys.insert("high-availability.peers".into(), hash(&peers(only)));
        Some(Self(keys))
    }

    /// The keys in which the two differ.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let keys: BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        let differ = keys.into_iter().filter(|key| self.0.get(*key) != other.0.get(*key));
        differ.cloned().collect()
    }

    /// As it travels.
    pub fn to_json(&self) -> Value {
        let entry = |(key, hash): (&String, &u32)| (key.clone(), Value::from(*hash));
        Value::Object(self.0.iter().map(entry).collect())
    }

    /// Reads what [`Self::to_json`] writes.
    pub fn from_json(value: &Value) -> Option<Self> {
        let map = value.as_object().filter(|map| map.len() <= MAX_AGREEMENT)?;
        let entry = |(key, value): (&String, &Value)| {
            Some((key.clone(), u32::try_from(value.as_u64()?).ok()?))
        };
        map.iter().map(entry).collect::<Option<_>>().map(Self)
    }
}

/// The peers in the order of their names, without what only concerns the way to them.
fn peers(relationship: &Map<String, Value>) -> Value {
    let list = relationship.get("peers").and_then(Value::as_array);
    let mut peers: Vec<Value> = list.into_iter().flatten().map(of_peer).collect();
    peers.sort_by_key(|peer| peer["name"].to_string());
    Value::Array(peers)
}

fn of_peer(peer: &Value) -> Value {
    let known =
        OF_PEERS.into_iter().filter_map(|key| Some((key.to_owned(), peer.get(key)?.clone())));
    Value::Object(known.collect())
}

/// FNV-1a over the JSON text, whose keys are in order: the same in every build.
fn hash(value: &Value) -> u32 {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    value.to_string().bytes().fold(0x811c_9dc5, step)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config() -> Value {
        json!({"Dhcp4": {
            "interfaces-config": {"interfaces": ["eth0"]},
            "valid-lifetime": 4000,
            "subnet4": [
                {"id": 1, "subnet": "192.0.2.0/24"},
                {"id": 7, "subnet": "198.51.100.0/24"},
            ],
            "hooks-libraries": [{"library": "/lib/libdhcp_ha.so", "parameters": {"high-availability": [{
                "this-server-name": "a", "mode": "hot-standby", "heartbeat-delay": 1000,
                "peers": [
                    {"name": "a", "url": "http://192.0.2.1:8000/", "role": "primary"},
                    {"name": "b", "url": "http://192.0.2.2:8000/", "role": "standby"},
                ],
            }]}}],
        }})
    }

    fn differences(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let mut other = config();
        change(&mut other["Dhcp4"]);
        let [ours, theirs] = [config(), other].map(|config| Agreement::of(&config).unwrap());
        assert_eq!(Agreement::from_json(&theirs.to_json()), Some(theirs.clone()));
        ours.differences(&theirs)
    }

    #[test]
    fn what_each_server_has_of_its_own_is_no_difference() {
        let none: [&str; 0] = [];
        assert_eq!(differences(|_| ()), none);
        assert_eq!(differences(|it| it["interfaces-config"] = json!({})), none);
        let of_relationship = |it: &mut Value, key: &str, value: Value| {
            it["hooks-libraries"][0]["parameters"]["high-availability"][0][key] = value;
        };
        assert_eq!(differences(|it| of_relationship(it, "this-server-name", json!("b"))), none);
        let mut turned = config()["Dhcp4"]["hooks-libraries"][0]["parameters"]["high-availability"]
            [0]["peers"]
            .clone();
        turned.as_array_mut().unwrap().reverse();
        assert_eq!(differences(|it| of_relationship(it, "peers", turned)), none);
    }

    #[test]
    fn a_difference_is_named() {
        let of_relationship = |it: &mut Value, key: &str, value: Value| {
            it["hooks-libraries"][0]["parameters"]["high-availability"][0][key] = value;
        };
        assert_eq!(differences(|it| it["valid-lifetime"] = json!(4001)), ["valid-lifetime"]);
        assert_eq!(differences(|it| it["option-data"] = json!([])), ["option-data"]);
        assert_eq!(
            differences(|it| it["subnet4"][1]["subnet"] = json!("198.51.100.0/25")),
            ["subnet4[id 7]"]
        );
        assert_eq!(
            differences(|it| of_relationship(it, "heartbeat-delay", json!(2000))),
            ["high-availability.heartbeat-delay"]
        );
        assert_eq!(
            differences(|it| of_relationship(it, "peers", json!([]))),
            ["high-availability.peers"]
        );
    }

    #[test]
    fn a_hub_agrees_in_nothing() {
        let mut hub = config();
        let list = &mut hub["Dhcp4"]["hooks-libraries"][0]["parameters"]["high-availability"];
        let again = list[0].clone();
        list.as_array_mut().unwrap().push(again);
        assert_eq!(Agreement::of(&hub), None);
    }
}
