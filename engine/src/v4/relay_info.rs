//! What a lease keeps of its relay (`store-extended-info`), in its user context as Kea 3 writes it. Pure.

use std::fmt::Write;

use serde_json::{Map, Value};

use crate::codec::v4::{Query, code, suboption};
use crate::lease::json::kea_text;

/// The user context `before`, with what option 82 of `query` says; as it was if there is no such option.
pub(super) fn with_relay_info(before: Option<Box<str>>, query: &Query<'_>) -> Option<Box<str>> {
    let Some(data) = query.option(code::RELAY_AGENT_INFORMATION) else { return before };
    let mut info = Map::new();
    info.insert("sub-options".into(), format!("0x{}", hex(&data)).into());
    for (key, code) in [("remote-id", suboption::REMOTE_ID), ("relay-id", suboption::RELAY_ID)] {
        if let Some(id) = query.relay_suboption(code).filter(|id| !id.is_empty()) {
            info.insert(key.into(), hex(&id).into());
        }
    }
    let parsed = before.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let mut context = match parsed {
        Some(Value::Object(map)) => map,
        _ => Map::new(),
    };
    let isc = context.entry("ISC").or_insert_with(|| Value::Object(Map::new()));
    match isc {
        Value::Object(isc) => drop(isc.insert("relay-agent-info".into(), Value::Object(info))),
        other => *other = serde_json::json!({ "relay-agent-info": info }),
    }
    Some(kea_text(&Value::Object(context)).into())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02X}").expect("a String takes everything");
        text
    })
}
