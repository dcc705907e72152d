//! What a peer answers, and what that means (Kea guide, "High Availability"). Pure.
//!
//! An answer is a list with one map; a bare map, as in HTTP errors, is accepted too. The HTTP status is not
//! looked at, as Kea does not. Every error here puts the blame on the partner.

use engine::control::code;
use engine::lease::json::{lease_from_page, read_listing};
use serde_json::{Map, Value};

use super::announce;
use super::date::parse_rfc1123;
use crate::family::{Address, Lease};
use crate::limits::{MAX_BAD_SHOWN, MAX_PEER_TEXT};
use crate::machine::Announced;

/// The answer's map, taken out of its list.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerAnswer {
    /// `result`.
    pub result: i64,
    /// `text`; empty if there was none.
    pub text: String,
    /// `arguments`; empty if there were none.
    pub arguments: Map<String, Value>,
}

/// Why an answer is no success.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Not an answer at all: counts as failed communication.
    #[error("the partner's answer is not understood: found {found}, expected {expected}")]
    Garbled {
        /// What was found.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
    /// The partner does not know the command (result 2).
    #[error("{0} (2)")]
    Unsupported(String),
    /// The partner has another lease there, or another configuration (result 4).
    #[error("{0} (4)")]
    Conflict(String),
    /// The partner failed (any other result).
    #[error("{text} ({result})")]
    Failed {
        /// The result code.
        result: i64,
        /// The text.
        text: String,
    },
}

/// What a heartbeat's answer tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeartbeatAnswer {
    /// The name of the partner's state.
    pub state: String,
    /// The partner's clock, seconds since 1970 UTC.
    pub date_time_s: u64,
    /// The scopes it serves.
    pub scopes: Vec<String>,
    /// How many updates it could not send.
    pub unsent_updates: u64,
    /// What a Peregrine announces.
    pub announced: Option<Announced>,
}

/// One page of the partner's leases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeasePage {
    /// Those that were understood.
    pub leases: Vec<Lease>,
    /// What was wrong with the others, at most [`MAX_BAD_SHOWN`] lines.
    pub bad: Vec<String>,
    /// Number of leases in the page, good or bad.
    pub count: usize,
    /// The address to ask on from: the last one of the page.
    pub last: Option<Address>,
}

/// Takes the first (or only) map out of an answer's body.
pub fn parse(body: &[u8]) -> Result<PeerAnswer, AnswerError> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|why| garbled(why.to_string(), "a JSON list with one map"))?;
    let mut map = match value {
        Value::Object(map) => map,
        Value::Array(items) => match items.into_iter().next() {
            Some(Value::Object(map)) => map,
            other => return Err(garbled(format!("{other:?}"), "a list with one map")),
        },
        other => return Err(garbled(other.to_string(), "a list with one map")),
    };
    let result = map.get("result").and_then(Value::as_i64);
    let result = result.ok_or_else(|| garbled("no 'result'".into(), "an integer 'result'"))?;
    let text = shown(map.get("text").and_then(Value::as_str).unwrap_or_default());
    let arguments = match map.remove("arguments") {
        Some(Value::Object(arguments)) => arguments,
        _ => Map::new(),
    };
    Ok(PeerAnswer { result, text, arguments })
}

/// Reads the answer to an update, a deletion, or any command that just has to be done: results 0 and 3 are
/// success ("deleting a lease the peer did not have").
pub fn done(body: &[u8]) -> Result<PeerAnswer, AnswerError> {
    let answer = parse(body)?;
    match answer.result {
        code::SUCCESS | code::EMPTY => Ok(answer),
        code::UNSUPPORTED => Err(AnswerError::Unsupported(answer.text)),
        code::CONFLICT => Err(AnswerError::Conflict(answer.text)),
        result => Err(AnswerError::Failed { result, text: answer.text }),
    }
}

/// Reads the answer to `ha-heartbeat`.
pub fn heartbeat(body: &[u8]) -> Result<HeartbeatAnswer, AnswerError> {
    let PeerAnswer { arguments, .. } = done(body)?;
    let text = |key: &'static str, expected| {
        let value = arguments.get(key).and_then(Value::as_str);
        value.ok_or_else(|| garbled(format!("no '{key}'"), expected))
    };
    let date_time = text("date-time", "the partner's 'date-time'")?;
    let scopes = arguments.get("scopes").and_then(Value::as_array);
    let scopes = scopes.map_or(&[][..], Vec::as_slice);
    Ok(HeartbeatAnswer {
        state: shown(text("state", "the partner's 'state'")?),
        date_time_s: parse_rfc1123(date_time)
            .ok_or_else(|| garbled(date_time.to_owned(), "an RFC 1123 date"))?,
        scopes: scopes.iter().filter_map(Value::as_str).map(shown).collect(),
        unsent_updates: arguments.get("unsent-update-count").and_then(Value::as_u64).unwrap_or(0),
        announced: announce::from_json(&arguments),
    })
}

/// Reads the answer to [`PAGE`](crate::family::PAGE). A lease that is not understood is named and left out.
pub fn lease_page(body: &[u8]) -> Result<LeasePage, AnswerError> {
    if let Some(leases) = read_listing(body) {
        let (count, last) = (leases.len(), leases.last().map(|lease| lease.address));
        return Ok(LeasePage { leases, bad: vec![], count, last });
    }
    let PeerAnswer { arguments, .. } = done(body)?;
    let Some(Value::Array(items)) = arguments.get("leases") else {
        return Err(garbled("no 'leases'".into(), "a list of leases"));
    };
    let mut page = LeasePage {
        leases: Vec::with_capacity(items.len()),
        bad: vec![],
        count: items.len(),
        last: None,
    };
    for item in items {
        match lease_from_page(item) {
            Ok(lease) => page.leases.push(lease),
            Err(_) if page.bad.len() == MAX_BAD_SHOWN => {}
            Err(why) => {
                let (item, why) = (shown(&item.to_string()), shown(&why.to_string()));
                page.bad.push(format!("{item}: {why}"));
            }
        }
    }
    let last = items.last().and_then(|item| item.get("ip-address")).and_then(Value::as_str);
    page.last = last.and_then(|text| text.parse().ok());
    Ok(page)
}

/// The number of leases in a page and the address of the last one, as far as its text says so at a glance: a guess.
pub fn end_of_page(body: &[u8]) -> Option<(usize, Address)> {
    const ADDRESS: &[u8] = b"\"ip-address\": \"";
    let head = str::from_utf8(body.get(..body.len().min(64))?).ok()?;
    let count = head.split_once("\"count\": ")?.1.split_once(',')?.0.parse().ok()?;
    let place = body.windows(ADDRESS.len()).rposition(|text| text == ADDRESS)?;
    let text = &body[place + ADDRESS.len()..];
    let end = text.iter().position(|byte| *byte == b'"')?;
    Some((count, str::from_utf8(&text[..end]).ok()?.parse().ok()?))
}

fn garbled(found: String, expected: &'static str) -> AnswerError {
    AnswerError::Garbled { found: shown(&found), expected }
}

/// A peer's words as far as they are told to people: in one line, and not for ever.
pub(super) fn shown(text: &str) -> String {
    let in_line = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(MAX_PEER_TEXT).map(in_line).collect()
}
