//! What the listener answers to a request (Kea guide, "HTTP control channel" and "restrict-commands"). Pure but
//! for the command that it runs.
//!
//! The order of the checks is Kea's: the form of the request (400), who sends it (401), which command it is
//! (403), the command itself (200 with whatever the command answers).

use engine::control::{Answer, Registry};
use engine::lease::json::kea_text;
use hyper::Method;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::{Value, json};

use crate::wire::auth::Credentials;
use crate::wire::{batch, homecoming};

/// The commands a partner needs, and with `restrict-commands` the only ones that are taken.
pub const PARTNER_COMMANDS: [&str; 14] = [
    "dhcp-disable",
    "dhcp-enable",
    "ha-heartbeat",
    "ha-maintenance-notify",
    "ha-reset",
    "ha-sync-complete-notify",
    "lease4-del",
    "lease4-get-all",
    "lease4-get-page",
    "lease4-update",
    "list-commands",
    homecoming::COMMAND,
    batch::COMMAND,
    "status-get",
];

/// The commands of a partner that look at few leases, or at none, and wait for nobody (as dhcp-disable may, for the
/// queries that are under way).
const SHORT_COMMANDS: [&str; 11] = [
    "dhcp-enable",
    "ha-heartbeat",
    "ha-maintenance-notify",
    "ha-reset",
    "ha-sync-complete-notify",
    "lease4-del",
    "lease4-update",
    "list-commands",
    homecoming::COMMAND,
    batch::COMMAND,
    "status-get",
];

/// Who may send what.
#[derive(Clone, Debug)]
pub struct Rules {
    /// One of what a request must present, if anything.
    pub credentials: Vec<Credentials>,
    /// Take only [`PARTNER_COMMANDS`].
    pub restrict_commands: bool,
}

/// A status code and a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The JSON text.
    pub body: String,
}

impl Reply {
    /// The request is no POST of JSON.
    pub fn bad_request() -> Self {
        Self::refusal(400, "Bad Request")
    }

    /// The request did not come in time.
    pub fn timed_out() -> Self {
        Self::refusal(408, "Request Timeout")
    }

    /// What its status is called.
    pub(super) const fn reason(&self) -> &'static str {
        match self.status {
            408 => "Request Timeout",
            _ => "Bad Request",
        }
    }

    fn refusal(status: u16, text: &str) -> Self {
        Self { status, body: kea_text(&json!({"result": status, "text": text})) }
    }

    fn answer(answer: Answer) -> Self {
        Self { status: 200, body: answer.into_text() }
    }
}

/// Whether the head of a request is one whose body is worth reading.
pub(super) fn head_is_good(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::POST
        && headers.get(CONTENT_TYPE).is_some_and(|value| value == "application/json")
        && headers.contains_key(CONTENT_LENGTH)
}

/// Answers a request with a good head by running its command.
#[cfg(any(test, feature = "sim"))]
pub(crate) fn reply(rules: &Rules, headers: &HeaderMap, body: &[u8], registry: &Registry) -> Reply {
    match check(rules, headers, body) {
        Ok(request) => run(&request, registry),
        Err(refusal) => refusal,
    }
}

/// The command in a request with a good head, if whoever sends it may.
pub(super) fn check(rules: &Rules, headers: &HeaderMap, body: &[u8]) -> Result<Value, Reply> {
    let request: Option<Value> = match body.trim_ascii() {
        [] => None,
        text => Some(serde_json::from_slice(text).map_err(|_| Reply::bad_request())?),
    };
    let accepts = |header| rules.credentials.iter().any(|own| own.accepts(header));
    if !rules.credentials.is_empty() && !presented(headers).is_some_and(accepts) {
        return Err(Reply::refusal(401, "Unauthorized"));
    }
    let Some(request) = request else {
        let nothing = Answer::error("Command processing failed: NULL command parameter");
        return Err(Reply::answer(nothing));
    };
    let command = request.get("command").and_then(Value::as_str);
    if rules.restrict_commands && command.is_some_and(|name| !PARTNER_COMMANDS.contains(&name)) {
        return Err(Reply::refusal(403, "Forbidden"));
    }
    Ok(request)
}

/// Runs a command that was checked.
pub(super) fn run(request: &Value, registry: &Registry) -> Reply {
    Reply::answer(registry.execute(request))
}

/// Whether a command may take its time: whatever is not known to be over at once.
pub(super) fn is_long(request: &Value) -> bool {
    let command = request.get("command").and_then(Value::as_str);
    command.is_some_and(|name| !SHORT_COMMANDS.contains(&name))
}

fn presented(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION).map(HeaderValue::to_str)?.ok()
}
