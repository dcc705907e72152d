//! How a Kea 2.2 speaks where it differs from us: a server of the simulation that says this is taken for one. Pure.

use serde_json::Value;

use crate::family::{DELETE, PAGE, UPDATE};
use crate::wire::{announce, batch, homecoming};

/// A request as Kea 2.2 sends it: it names neither itself nor the origin of an update, and ends a synchronisation
/// without a word on what it ends.
pub(super) fn ask(body: &str) -> String {
    let Ok(mut request) = serde_json::from_str::<Value>(body) else { return body.to_owned() };
    let command = request["command"].as_str().unwrap_or_default().to_owned();
    let Some(request) = request.as_object_mut() else { return body.to_owned() };
    if command == "ha-sync-complete-notify" || command == "ha-heartbeat" {
        request.remove("arguments");
    } else if let Some(Value::Object(arguments)) = request.get_mut("arguments") {
        arguments.remove("server-name");
        arguments.remove("origin-id");
        if [UPDATE, DELETE, PAGE].contains(&&*command) {
            arguments.remove("origin");
        }
    }
    serde_json::to_string(request).unwrap_or_else(|_| body.to_owned())
}

/// What a Kea makes of a request: it does not see what Peregrines announce, and does not know their commands.
pub(super) fn heard(body: String) -> String {
    if !body.contains(announce::FIELD) {
        return body;
    }
    let Ok(mut request) = serde_json::from_str::<Value>(&body) else { return body };
    if request["command"] == batch::COMMAND || request["command"] == homecoming::COMMAND {
        request["command"] = "unknown".into();
    }
    if let Some(Value::Object(arguments)) = request.get_mut("arguments") {
        arguments.remove(announce::FIELD);
    }
    serde_json::to_string(&request).unwrap_or(body)
}

/// A request or an answer as a Peregrine sends and understands it that does not serve while its partner returns, and keeps
/// to no half of a pool.
pub(super) fn older(body: &str) -> String {
    let halves = format!("\"{}\"", announce::HALVES);
    body.replace(announce::RETURN, "unknown").replace(&halves, "\"unknown\"")
}

/// An answer of Kea 2.2, which knows no result for a conflict.
pub(super) fn answer(body: &str) -> String {
    body.replace("\"result\": 4", "\"result\": 1")
}
