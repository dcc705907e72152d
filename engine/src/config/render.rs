//! What config-get answers: the configuration as it was given, in Kea 3's names, with the defaults filled in. Pure.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::build::{parse_prefix, scope_of_mode};
use super::json::Node;
use super::model::{Configuration, Dhcp4, Prefix4, Subnet4};
use crate::codec::options::Definitions;
use crate::codec::options::space::DHCP4;

/// What config-get shows at a shared network or a subnet even if it stands at a level above.
const INHERITED: &[&str] = &[
    "allocator",
    "cache-max-age",
    "cache-threshold",
    "calculate-tee-times",
    "offer-lifetime",
    "rebind-timer",
    "renew-timer",
    "store-extended-info",
    "t1-percent",
    "t2-percent",
];

/// The configuration as config-get shows it: `{"Dhcp4": {...}}`. Defaults are filled in, old names replaced; what is not
/// served (`Dhcp6`) and the hook libraries' entries are as given.
pub fn render(configuration: &Configuration) -> Value {
    let mut parts = Map::new();
    for entry in configuration.source.as_map().unwrap_or_default() {
        let value = match &configuration.dhcp4 {
            Some(dhcp4) if entry.key == "Dhcp4" => dhcp4_value(&entry.node, dhcp4),
            _ => entry.node.to_serde(),
        };
        parts.insert(entry.key.clone(), value);
    }
    Value::Object(parts)
}

/// `user-context` of a map, with `comment` inside it as Kea keeps it.
pub(super) fn user_context(node: &Node) -> Option<Value> {
    let mut map = node.to_serde();
    take_comment(map.as_object_mut()?);
    map.get("user-context").cloned()
}

fn dhcp4_value(node: &Node, dhcp4: &Dhcp4) -> Value {
    let mut value = node.to_serde();
    let Some(map) = value.as_object_mut() else { return value };
    normalize(map);
    rename_socket(map);
    lift_names(map);
    fill(map, &global_values(dhcp4));
    for defaults in [network_defaults(), ddns_defaults(), unbuilt_defaults(), global_defaults()] {
        fill(map, &defaults);
    }
    each(map, "loggers", logger);
    each(map, "client-classes", |map| class(map, &dhcp4.definitions));
    let definitions = &dhcp4.definitions;
    each(map, "option-def", definition);
    each(map, "option-data", |map| option(map, definitions));
    each(map, "reservations", |map| reservation(map, definitions));
    let inherited = inherited(map);
    let models = dhcp4.subnets.iter().map(|model| (model.prefix, &**model)).collect();
    each(map, "subnet4", |subnet| {
        fill(subnet, &inherited);
        subnet_values(subnet, &models, definitions);
    });
    each(map, "shared-networks", |network| {
        fill(network, &inherited);
        let inherited = self::inherited(network);
        fill(network, &json!({ "option-data": [], "subnet4": [] }));
        relays(network);
        each(network, "option-data", |map| option(map, definitions));
        each(network, "subnet4", |subnet| {
            fill(subnet, &inherited);
            subnet_values(subnet, &models, definitions);
        });
    });
    value
}

/// What the maps below `map` show of it.
fn inherited(map: &Map<String, Value>) -> Value {
    let shown =
        INHERITED.iter().filter_map(|key| Some(((*key).to_owned(), map.get(*key)?.clone())));
    Value::Object(shown.collect())
}

/// `relay` with the list of its addresses, old form or new.
fn relays(map: &mut Map<String, Value>) {
    let relay = map.entry("relay").or_insert_with(|| json!({}));
    if let Value::Object(relay) = relay {
        let old = relay.remove("ip-address");
        relay.entry("ip-addresses").or_insert_with(|| old.into_iter().collect());
    }
}

/// `comment` and the old spellings, at every level below `map`; hook libraries are left as they are.
fn normalize(map: &mut Map<String, Value>) {
    take_comment(map);
    if let Some(name) = map.remove("client-class") {
        let names = if name == "" { json!([]) } else { json!([name]) };
        map.entry("client-classes").or_insert(names);
    }
    for (old, new) in [
        ("output_options", "output-options"),
        ("require-client-classes", "evaluate-additional-classes"),
        ("only-if-required", "only-in-additional-list"),
    ] {
        if let Some(value) = map.remove(old) {
            map.entry(new).or_insert(value);
        }
    }
    let mode = map.remove("reservation-mode");
    if let Some(scope) = mode.as_ref().and_then(Value::as_str).and_then(scope_of_mode) {
        map.insert("reservations-global".into(), scope.global.into());
        map.insert("reservations-in-subnet".into(), scope.in_subnet.into());
        map.insert("reservations-out-of-pool".into(), scope.out_of_pool.into());
    }
    for (key, value) in map.iter_mut() {
        match value {
            _ if matches!(key.as_str(), "hooks-libraries" | "user-context") => {}
            Value::Object(inner) => normalize(inner),
            Value::Array(values) => values.iter_mut().for_each(|value| {
                if let Value::Object(inner) = value {
                    normalize(inner);
                }
            }),
            _ => {}
        }
    }
}

fn take_comment(map: &mut Map<String, Value>) {
    if let Some(comment) = map.remove("comment") {
        let context = map.entry("user-context").or_insert_with(|| json!({}));
        if let Value::Object(context) = context {
            context.insert("comment".into(), comment);
        }
    }
}

/// What shapes names stood in `dhcp-ddns` once; where it stands now it counts first.
fn lift_names(map: &mut Map<String, Value>) {
    for (old, new) in [
        ("override-no-update", "ddns-override-no-update"),
        ("override-client-update", "ddns-override-client-update"),
        ("replace-client-name", "ddns-replace-client-name"),
        ("generated-prefix", "ddns-generated-prefix"),
        ("qualifying-suffix", "ddns-qualifying-suffix"),
        ("hostname-char-set", "hostname-char-set"),
        ("hostname-char-replacement", "hostname-char-replacement"),
    ] {
        let ddns = map.get_mut("dhcp-ddns").and_then(Value::as_object_mut);
        if let Some(value) = ddns.and_then(|ddns| ddns.remove(old)) {
            map.entry(new).or_insert(value);
        }
    }
}

fn rename_socket(map: &mut Map<String, Value>) {
    if let Some(socket) = map.remove("control-socket") {
        let sockets = map.entry("control-sockets").or_insert_with(|| json!([]));
        if let Value::Array(sockets) = sockets {
            sockets.insert(0, socket);
        }
    }
    let sockets = map.get_mut("control-sockets").and_then(Value::as_array_mut);
    for socket in sockets.into_iter().flatten().filter_map(Value::as_object_mut) {
        if socket.get("socket-type").is_some_and(|kind| kind != "unix") {
            socket.entry("socket-address").or_insert_with(|| json!("127.0.0.1"));
            socket.entry("socket-port").or_insert_with(|| json!(8000));
        }
    }
}

/// What the model knows of the global level.
fn global_values(dhcp4: &Dhcp4) -> Value {
    let threads = &dhcp4.multi_threading;
    let expired = &dhcp4.expired_leases;
    json!({
        "decline-probation-period": dhcp4.decline_probation_s,
        "echo-client-id": dhcp4.echo_client_id,
        "expired-leases-processing": {
            "flush-reclaimed-timer-wait-time": expired.flush_wait_s,
            "hold-reclaimed-time": expired.hold_s,
            "max-reclaim-leases": expired.max_leases,
            "max-reclaim-time": expired.max_time_ms,
            "reclaim-timer-wait-time": expired.reclaim_wait_s,
            "unwarned-reclaim-cycles": expired.unwarned_cycles,
        },
        "multi-threading": {
            "enable-multi-threading": threads.enabled,
            "packet-queue-size": threads.packet_queue_size,
            "thread-pool-size": threads.thread_pool_size,
        },
        "parked-packet-limit": dhcp4.parked_packet_limit,
    })
}

/// Defaults of parameters that a subnet inherits.
fn network_defaults() -> Value {
    json!({
        "allocator": "iterative", "cache-threshold": 0.25, "calculate-tee-times": false,
        "store-extended-info": false, "t1-percent": 0.5, "t2-percent": 0.875,
    })
}

/// Defaults of what DNS updates would need.
fn ddns_defaults() -> Value {
    json!({
        "ddns-conflict-resolution-mode": "check-with-dhcid", "ddns-generated-prefix": "myhost",
        "ddns-override-client-update": false, "ddns-override-no-update": false,
        "ddns-qualifying-suffix": "", "ddns-replace-client-name": "never", "ddns-send-updates": true,
        "ddns-update-on-renew": false, "hostname-char-replacement": "",
        "hostname-char-set": "[^A-Za-z0-9.-]",
        "dhcp-ddns": {
            "enable-updates": false, "max-queue-size": 1024, "ncr-format": "JSON", "ncr-protocol": "UDP",
            "sender-ip": "0.0.0.0", "sender-port": 0, "server-ip": "127.0.0.1", "server-port": 53001,
        },
    })
}

/// Defaults of parts that are not built: they are off or empty.
fn unbuilt_defaults() -> Value {
    json!({
        "dhcp-queue-control": { "capacity": 64, "enable-queue": false, "queue-type": "kea-ring4" },
        "dhcp4o6-port": 0, "early-global-reservations-lookup": false,
        "host-reservation-identifiers": ["hw-address", "duid", "circuit-id", "client-id"],
        "ip-reservations-unique": true, "option-def": [], "reservations-global": false,
        "reservations-in-subnet": true, "reservations-lookup-first": false,
        "reservations-out-of-pool": false,
        "sanity-checks": { "extended-info-checks": "fix", "lease-checks": "warn" },
        "server-tag": "", "shared-networks": [], "stash-agent-options": false,
        "statistic-default-sample-age": 0, "statistic-default-sample-count": 20,
    })
}

/// The other defaults of the global level.
fn global_defaults() -> Value {
    json!({
        "authoritative": false, "boot-file-name": "", "hooks-libraries": [],
        "interfaces-config": { "interfaces": [], "re-detect": true },
        "lease-database": { "type": "memfile" }, "match-client-id": true, "next-server": "0.0.0.0",
        "option-data": [], "server-hostname": "", "subnet4": [], "valid-lifetime": 7200,
    })
}

/// Puts in what is missing, in maps inside too.
fn fill(map: &mut Map<String, Value>, defaults: &Value) {
    for (key, default) in defaults.as_object().into_iter().flatten() {
        match (map.get_mut(key), default) {
            (Some(Value::Object(inner)), Value::Object(_)) => fill(inner, default),
            (Some(_), _) => {}
            (None, _) => {
                map.insert(key.clone(), default.clone());
            }
        }
    }
}

fn each(map: &mut Map<String, Value>, key: &str, mut change: impl FnMut(&mut Map<String, Value>)) {
    for value in map.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
        if let Value::Object(map) = value {
            change(map);
        }
    }
}

fn logger(map: &mut Map<String, Value>) {
    fill(map, &json!({ "debuglevel": 0, "severity": "INFO" }));
    let output = json!({ "flush": true, "maxsize": 10_240_000, "maxver": 1, "pattern": "" });
    each(map, "output-options", |map| fill(map, &output));
}

fn class(map: &mut Map<String, Value>, definitions: &Definitions) {
    fill(
        map,
        &json!({
            "boot-file-name": "", "next-server": "0.0.0.0", "option-data": [], "option-def": [],
            "server-hostname": "",
        }),
    );
    each(map, "option-def", definition);
    let own = map.get("option-def").and_then(Value::as_array).cloned().unwrap_or_default();
    each(map, "option-data", |map| {
        // What the class itself defines is written as text.
        if own.iter().any(|definition| defines(definition, map)) {
            fill(map, &json!({ "csv-format": true }));
        }
        option(map, definitions);
    });
}

/// Whether a rendered definition is that of a rendered option.
fn defines(definition: &Value, option: &Map<String, Value>) -> bool {
    let space = option.get("space").and_then(Value::as_str).filter(|space| !space.is_empty());
    let same = |key| option.get(key).is_some_and(|value| *value == definition[key]);
    definition["space"] == space.unwrap_or(DHCP4) && (same("code") || same("name"))
}

fn definition(map: &mut Map<String, Value>) {
    let defaults = json!({ "array": false, "encapsulate": "", "record-types": "", "space": DHCP4 });
    fill(map, &defaults);
}

fn reservation(map: &mut Map<String, Value>, definitions: &Definitions) {
    fill(
        map,
        &json!({
            "boot-file-name": "", "client-classes": [], "hostname": "", "next-server": "0.0.0.0",
            "option-data": [], "server-hostname": "",
        }),
    );
    each(map, "option-data", |map| option(map, definitions));
}

fn option(map: &mut Map<String, Value>, definitions: &Definitions) {
    fill(map, &json!({ "always-send": false, "never-send": false, "space": "dhcp4" }));
    let text = |key| map.get(key).and_then(Value::as_str);
    let space = text("space").filter(|space| !space.is_empty()).unwrap_or(DHCP4);
    let by_name = text("name").and_then(|name| definitions.by_name(space, name));
    let code = map.get("code").and_then(Value::as_u64).and_then(|code| u8::try_from(code).ok());
    let known = by_name.or_else(|| definitions.by_code(space, code?));
    // Without a definition there is no text form.
    map.entry("csv-format").or_insert_with(|| known.is_some().into());
    if let Some(definition) = known {
        map.entry("code").or_insert_with(|| definition.code.into());
        map.entry("name").or_insert_with(|| (&*definition.name).into());
    }
}

fn subnet_values(
    map: &mut Map<String, Value>,
    models: &BTreeMap<Prefix4, &Subnet4>,
    definitions: &Definitions,
) {
    let text = map.get("subnet").and_then(Value::as_str).unwrap_or_default();
    let Some(model) = parse_prefix(text).and_then(|prefix| models.get(&prefix)) else { return };
    let lifetime = model.lifetime;
    map.insert("id".into(), model.id.into());
    map.insert("valid-lifetime".into(), lifetime.default_s.into());
    map.insert("min-valid-lifetime".into(), lifetime.min_s.into());
    map.insert("max-valid-lifetime".into(), lifetime.max_s.into());
    relays(map);
    fill(
        map,
        &json!({
            "4o6-interface": "", "4o6-interface-id": "", "4o6-subnet": "", "option-data": [], "pools": [],
            "reservations": [],
        }),
    );
    each(map, "option-data", |map| option(map, definitions));
    each(map, "reservations", |map| reservation(map, definitions));
    each(map, "pools", |pool| {
        fill(pool, &json!({ "option-data": [] }));
        each(pool, "option-data", |map| option(map, definitions));
        if let Some(Value::String(text)) = pool.get_mut("pool") {
            text.retain(|character| !character.is_whitespace());
        }
    });
}
