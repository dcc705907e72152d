//! The relationship in status-get, held against the recorded one: the same keys with values of the same type, and equal
//! values wherever time does not change them.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::recording::Exchange;
use super::sites;
use super::stand::{self, Hands, Server};
use crate::machine::{Mode, Role, State};
use crate::wire::announce;

/// Keys that Kea 2.2 does not have.
const NEW_IN_3: [&str; 3] = ["clock-skew", "server-name", "system-time"];
/// Values that depend on the moment, or on clients that the recording does not tell of.
const PASSING: [&str; 7] = [
    "age",
    "analyzed-packets",
    "clock-skew",
    "connecting-clients",
    "system-time",
    "unacked-clients",
    "unacked-clients-left",
];

/// What is different, if anything.
pub(super) fn compare(exchange: &Exchange, ours: &Value) -> Option<String> {
    let key = "high-availability";
    let theirs = told(exchange.version, &exchange.answer["arguments"][key]);
    let ours = told(exchange.version, &ours["arguments"][key]);
    (ours != theirs).then(|| format!("{ours}\n   not {theirs}"))
}

/// The list of relationships without what is not to be compared.
fn told(version: &str, relationships: &Value) -> Value {
    let Value::Array(list) = relationships else { return Value::Null };
    list.iter().map(|relationship| comparable(version, relationship)).collect()
}

fn comparable(version: &str, value: &Value) -> Value {
    let Value::Object(map) = value else { return value.clone() };
    let wanted =
        map.iter().filter(|(key, _)| version != "2.2" || !NEW_IN_3.contains(&key.as_str()));
    // What we say beside it.
    let wanted = wanted.filter(|(key, _)| *key != announce::FIELD);
    let entry = |(key, value): (&String, &Value)| {
        let passing = PASSING.contains(&key.as_str());
        (key.clone(), if passing { kind(value) } else { comparable(version, value) })
    };
    Value::Object(wanted.map(entry).collect::<Map<_, _>>())
}

/// The type of a value, and the form of a time.
fn kind(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.is_i64() => json!("integer"),
        Value::String(text) => {
            json!(
                text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect::<String>()
            )
        }
        other => other.clone(),
    }
}

/// The form that all recorded ones of Kea 3 have (the test above holds ours against each), in whatever state.
fn form(mode: Mode, role: Role, state: State, heard: bool) -> Value {
    let partner = match role {
        Role::Primary if mode == Mode::LoadBalancing => Some(Role::Secondary),
        Role::Primary if mode == Mode::HotStandby => Some(Role::Standby),
        Role::Secondary | Role::Standby => Some(Role::Primary),
        _ => None,
    };
    let time = if heard { json!("0000-00-00 00:00:00") } else { Value::Null };
    let skew = if heard { json!("integer") } else { Value::Null };
    let mut servers = json!({"local": {
        "role": role.name(), "scopes": "list", "server-name": "this", "state": state.name(),
        "system-time": time,
    }});
    if let Some(partner) = partner {
        servers["remote"] = json!({
            "age": "integer", "analyzed-packets": "integer", "clock-skew": skew,
            "communication-interrupted": "bool", "connecting-clients": "integer",
            "in-touch": "bool", "last-scopes": "list", "last-state": "text",
            "role": partner.name(), "server-name": "partner", "system-time": time,
            "unacked-clients": "integer", "unacked-clients-left": "integer",
        });
    }
    json!([{"ha-mode": mode.name(), "ha-servers": servers}])
}

#[test]
fn status_has_its_form_in_each_state_of_each_mode() {
    use State::{
        CommunicationRecovery, InMaintenance, PartnerDown, PartnerInMaintenance, Ready, Syncing,
        Terminated, Waiting,
    };
    let common =
        [Waiting, Syncing, Ready, PartnerDown, InMaintenance, PartnerInMaintenance, Terminated];
    let pair = |more: &[State]| common.iter().chain(more).copied().collect::<Vec<_>>();
    let balancing = pair(&[State::LoadBalancing, CommunicationRecovery]);
    let standby = pair(&[State::HotStandby]);
    let mut looked_at = 0;
    for (mode, role, states) in [
        (Mode::LoadBalancing, Role::Primary, balancing.clone()),
        (Mode::LoadBalancing, Role::Secondary, balancing),
        (Mode::LoadBalancing, Role::Backup, vec![State::Backup]),
        (Mode::HotStandby, Role::Primary, standby.clone()),
        (Mode::HotStandby, Role::Standby, standby),
        (Mode::HotStandby, Role::Backup, vec![State::Backup]),
        (Mode::PassiveBackup, Role::Primary, vec![State::PassiveBackup]),
        (Mode::PassiveBackup, Role::Backup, vec![State::Backup]),
    ] {
        for state in states {
            let clock = Arc::new(Hands::default());
            let server = Server::start(&sites::any(mode, role), stand::store(), clock);
            server.lead_to(state);
            let status = server.run(&json!({"command": "status-get"}));
            let mut told = shape(&status["arguments"]["high-availability"]);
            let own = told[0].as_object_mut().and_then(|map| map.remove(announce::FIELD));
            let said = |key: &str| own.as_ref().is_some_and(|own| !own[key].is_null());
            assert!(said("why") && said("waits-for"), "{own:?}");
            let silent = [Waiting, PartnerDown, CommunicationRecovery].contains(&state);
            let alone = role == Role::Backup || mode == Mode::PassiveBackup;
            assert_eq!(told, form(mode, role, state, !silent && !alone), "{mode} {role} {state}");
            looked_at += 1;
        }
    }
    assert_eq!(looked_at, 38);
}

/// A status with kinds in the place of values, where these are not part of its form.
fn shape(value: &Value) -> Value {
    match value {
        Value::Array(list) if list.iter().any(Value::is_object) => list.iter().map(shape).collect(),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| (key.clone(), shape_of(key, value));
            Value::Object(map.iter().map(entry).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

fn shape_of(key: &str, value: &Value) -> Value {
    match (key, value) {
        ("scopes" | "last-scopes", Value::Array(_)) => json!("list"),
        ("last-state", Value::String(_)) => json!("text"),
        (_, Value::Bool(_)) => json!("bool"),
        _ if PASSING.contains(&key) => kind(value),
        _ => shape(value),
    }
}
