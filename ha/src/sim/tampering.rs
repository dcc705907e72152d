//! Broken rules of what servers tell each other: requests and answers changed on their way, as if their senders or receivers
//! did not keep the rule. Pure. The product has no switch for it.

use engine::lease::LeaseState;
use serde_json::{Value, json};

use super::breakage::Breakage;
use crate::family::{DELETE, SERVICE, UPDATE};
use crate::machine::{Mode, State};
use crate::wire::batch;

/// An address without a lease: whoever is told that it has none does nothing.
const NOWHERE: &str = "10.0.0.99";

/// A request of a server in `state` as it leaves.
pub(super) fn leaves(breakage: Option<Breakage>, state: State, body: String) -> String {
    match breakage {
        Some(Breakage::DeletionsLeftOut) if state == State::PartnerDown => without_deletions(body),
        _ => body,
    }
}

/// An answer as a server in `state` understands it.
pub(super) fn heard(
    breakage: Option<Breakage>,
    state: Option<State>,
    mode: Mode,
    answer: String,
) -> String {
    match (breakage, state) {
        (Some(Breakage::ReadyEarly), Some(State::Ready)) => {
            answer.replace("\"partner-down\"", &format!("\"{}\"", mode.normal().name()))
        }
        _ => answer,
    }
}

/// The updates of a batch as requests that no stream is asked about.
pub(super) fn singly(body: &str) -> Vec<String> {
    let Some(request) = read(body).filter(|it| it["command"] == batch::COMMAND) else {
        return Vec::new();
    };
    let sent_s = request["arguments"]["time"].as_i64().unwrap_or_default();
    let updates = request["arguments"]["updates"].as_array().cloned().unwrap_or_default();
    let single = |mut update: Value| {
        let deleted = update["deleted"] == json!(true);
        update["expire"] = json!(sent_s + update["remaining"].as_i64().unwrap_or_default());
        update["force-create"] = json!(true);
        update["origin"] = json!("ha-partner");
        for key in ["deleted", "remaining"] {
            update.as_object_mut().and_then(|update| update.remove(key));
        }
        let command = if deleted { DELETE } else { UPDATE };
        json!({"arguments": update, "command": command, "service": [SERVICE]}).to_string()
    };
    updates.into_iter().map(single).collect()
}

fn without_deletions(body: String) -> String {
    let Some(mut request) = read(&body) else { return body };
    let released = json!(LeaseState::Released as u8);
    let ended = |update: &Value| update["deleted"] == json!(true) || update["state"] == released;
    let single = request["command"] == UPDATE && ended(&request["arguments"]);
    if single || request["command"] == DELETE {
        request["arguments"]["ip-address"] = json!(NOWHERE);
    }
    let updates = request["arguments"].get_mut("updates").and_then(Value::as_array_mut);
    for update in updates.into_iter().flatten().filter(|it| ended(it)) {
        update["ip-address"] = json!(NOWHERE);
    }
    request.to_string()
}

fn read(body: &str) -> Option<Value> {
    serde_json::from_str(body).ok()
}
