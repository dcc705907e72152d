//! A batch of lease updates between Peregrines: the request and its answer with one result for each lease. Pure.

use engine::clock::Now;
use engine::control::{Answer, code};
use engine::lease::json::lease_from_page;
use serde_json::{Map, Value, json};

use super::announce::{RUNNING, incarnation};
use super::answer::{self, AnswerError};
use super::request::LeaseNews;
use super::update::{USUAL_UPDATE, push, write_update};
use crate::family::{self, Lease, SERVICE};
use crate::limits::MAX_BATCH;
use crate::machine::Incarnation;
use crate::stream::Stamp;

/// The command.
pub const COMMAND: &str = family::BATCH;
/// The result to a batch that comes too late to be done. It may be sent anew, with a new number.
pub const LATE: i64 = 5;

/// A batch as it arrives.
#[derive(Debug)]
pub struct Batch<'a> {
    /// Its place in the stream.
    pub stamp: Stamp,
    /// When it was sent, by its sender's clock.
    pub sent_s: u64,
    /// The same by its monotonic clock, in milliseconds.
    pub sent_ms: Option<u64>,
    /// The updates, each with `remaining`, the seconds from then to the lease's end, and else as the arguments of `lease4-update` or, with `deleted`, of `lease4-del`.
    pub updates: Vec<(LeaseNews, &'a Map<String, Value>)>,
}

/// What became of each update, or of the batch as a whole.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Each update has its result.
    Each(Vec<Result<(), AnswerError>>),
    /// The partner knows no batches, or none of this run: nothing was done.
    NotTaken,
    /// A batch with a later number came before it: nothing was done.
    Overtaken,
}

/// The request from the server `sender` at `now`: news, lease, and whether it is taken only if the address is free.
pub fn request<'a>(
    sender: &str,
    stamp: Stamp,
    now: Now,
    updates: impl Iterator<Item = (LeaseNews, &'a Lease, bool)>,
) -> String {
    let (run, to, number) = (stamp.from, stamp.to, stamp.number);
    let (wall_s, running_ms) = (now.wall_s, now.mono.as_ns() / 1_000_000);
    let mut text = String::with_capacity(USUAL_UPDATE * updates.size_hint().0 + USUAL_UPDATE);
    // Written as text at once, keys in alphabetical order: updates are many, and a tree of values is dear.
    text.push_str(r#"{"arguments":{"for":""#);
    push(&mut text, format_args!(r#"{to}","incarnation":"{run}","number":{number}"#));
    push(&mut text, format_args!(r#","{RUNNING}":{running_ms}"#));
    push(&mut text, format_args!(r#","server-name":{},"time":{wall_s}"#, json!(sender)));
    text.push_str(r#","updates":["#);
    for (place, (news, lease, asks)) in updates.enumerate() {
        if place > 0 {
            text.push(',');
        }
        write_update(&mut text, news, lease, asks, wall_s);
    }
    push(&mut text, format_args!(r#"]}},"command":"{COMMAND}","service":["{SERVICE}"]}}"#));
    text
}

/// Reads a batch.
///
/// # Errors
/// The answer that says what was expected.
pub fn read(arguments: Option<&Value>) -> Result<Batch<'_>, Answer> {
    let wrong = |what: &str| Answer::error(format!("invalid batch: {what}"));
    let map = arguments.and_then(Value::as_object).ok_or_else(|| wrong("expected a map"))?;
    let from = incarnation(map).ok_or_else(|| wrong("expected 'incarnation', 16 digits"))?;
    let to = map.get("for").and_then(Value::as_str).and_then(Incarnation::read);
    let to = to.ok_or_else(|| wrong("expected 'for', 16 digits"))?;
    let number = map.get("number").and_then(Value::as_u64).filter(|number| *number > 0);
    let number = number.ok_or_else(|| wrong("expected 'number', 1 or more"))?;
    let sent_s = map.get("time").and_then(Value::as_u64);
    let sent_s = sent_s.ok_or_else(|| wrong("expected 'time', seconds since 1970"))?;
    let updates = map.get("updates").and_then(Value::as_array);
    let updates = updates.filter(|list| list.len() <= MAX_BATCH);
    let expected = || wrong(&format!("expected 'updates', a list of at most {MAX_BATCH}"));
    let updates = updates.ok_or_else(expected)?.iter().map(|update| {
        let map = update.as_object().ok_or_else(|| wrong("expected maps as updates"))?;
        let deleted = map.get("deleted").and_then(Value::as_bool).unwrap_or(false);
        Ok((if deleted { LeaseNews::Deleted } else { LeaseNews::Stored }, map))
    });
    let (stamp, updates) = (Stamp { from, to, number }, updates.collect::<Result<_, _>>()?);
    let sent_ms = map.get(RUNNING).and_then(Value::as_u64);
    Ok(Batch { stamp, sent_s, sent_ms, updates })
}

/// The answer to a batch: what became of each update, and what is `held` instead of some that were refused, by their places.
pub fn answer(each: &[Answer], held: Map<String, Value>) -> Answer {
    let results: Vec<i64> = each.iter().map(|answer| answer.result).collect();
    let mut texts = Map::new();
    for (place, answer) in each.iter().enumerate() {
        if !matches!(answer.result, code::SUCCESS | code::EMPTY) {
            texts.insert(place.to_string(), json!(answer.text));
        }
    }
    let mut arguments = json!({ "results": results });
    if !texts.is_empty() {
        arguments["texts"] = Value::Object(texts);
    }
    if !held.is_empty() {
        arguments["held"] = Value::Object(held);
    }
    let text = format!("{} lease updates taken in.", each.len());
    Answer::success(text).and(arguments)
}

/// Reads the answer to a batch of `expected` updates.
///
/// # Errors
/// The partner is to blame: whatever it did is not known.
pub fn outcome(body: &[u8], expected: usize) -> Result<Outcome, AnswerError> {
    let answer = answer::parse(body)?;
    match answer.result {
        code::SUCCESS => {}
        // Forbidden by a Kea's listener, unknown to its commands, or unknown to this run of a Peregrine.
        code::UNSUPPORTED | 403 => return Ok(Outcome::NotTaken),
        LATE => return Ok(Outcome::Overtaken),
        result => return Err(AnswerError::Failed { result, text: answer.text }),
    }
    let results = answer.arguments.get("results").and_then(Value::as_array);
    let garbled =
        |found: String| AnswerError::Garbled { found, expected: "a result for each lease" };
    let results = results.ok_or_else(|| garbled("no 'results'".into()))?;
    if results.len() != expected {
        return Err(garbled(format!("{} results for {expected} leases", results.len())));
    }
    let texts = answer.arguments.get("texts");
    let each = results.iter().enumerate().map(|(place, result)| {
        let result = result.as_i64().ok_or_else(|| garbled(result.to_string()))?;
        let text = texts.and_then(|texts| texts.get(place.to_string())).and_then(Value::as_str);
        let text = answer::shown(text.unwrap_or_default());
        Ok(match result {
            code::SUCCESS | code::EMPTY => Ok(()),
            code::CONFLICT => Err(AnswerError::Conflict(text)),
            result => Err(AnswerError::Failed { result, text }),
        })
    });
    Ok(Outcome::Each(each.collect::<Result<_, AnswerError>>()?))
}

/// An update that was refused because the partner has something else, or another configuration.
#[derive(Debug, PartialEq, Eq)]
pub struct Dispute {
    /// The place of the update in its batch.
    pub place: usize,
    /// Why it was refused.
    pub text: String,
    /// What the partner has at its address, if it says so; times are of the partner's clock.
    pub held: Option<Lease>,
}

/// The updates that were refused by the answer to a batch.
pub fn disputes(body: &[u8]) -> Vec<Dispute> {
    let arguments = answer::parse(body).map(|answer| answer.arguments).unwrap_or_default();
    let results = arguments.get("results").and_then(Value::as_array);
    let refused = |result: &Value| result.as_i64() == Some(code::CONFLICT);
    let at = |key: &str, place: usize| arguments.get(key)?.get(place.to_string());
    let dispute = |place| Dispute {
        place,
        text: answer::shown(at("texts", place).and_then(Value::as_str).unwrap_or_default()),
        held: at("held", place).and_then(|lease| lease_from_page(lease).ok()),
    };
    let places = results.into_iter().flatten().enumerate();
    places.filter(|(_, result)| refused(result)).map(|(place, _)| dispute(place)).collect()
}

#[cfg(test)]
mod tests {
    use engine::clock::Mono;
    use engine::lease::json::lease_to_json;

    use super::super::update::tests::lease;
    use super::*;

    const NOW: Now = Now { mono: Mono::from_ns(5_000_000), wall_s: 1_700 };
    const STAMP: Stamp = Stamp { from: Incarnation(17), to: Incarnation(18), number: 4 };

    #[test]
    fn a_batch_is_read_back() {
        let leases = [(LeaseNews::Stored, lease(1)), (LeaseNews::Deleted, lease(2))];
        let sent =
            request("a", STAMP, NOW, leases.iter().map(|(news, lease)| (*news, lease, false)));
        let sent: Value = serde_json::from_str(&sent).unwrap();
        assert_eq!(sent["command"], COMMAND);
        let batch = read(Some(&sent["arguments"])).unwrap();
        assert_eq!(batch.stamp, STAMP);
        let news: Vec<_> = batch.updates.iter().map(|(news, _)| *news).collect();
        assert_eq!(news, [LeaseNews::Stored, LeaseNews::Deleted]);
        assert_eq!(batch.updates[0].1["ip-address"], "192.0.2.1");
        assert_eq!((batch.sent_s, &batch.updates[0].1["remaining"]), (1_700, &json!(-100)));
    }

    #[test]
    fn a_wrong_batch_is_refused_with_what_was_expected() {
        let right = json!({
            "for": "0000000000000001", "incarnation": "0000000000000002", "number": 1,
            "time": 5, "updates": []
        });
        assert!(read(Some(&right)).is_ok());
        for (key, wrong) in [
            ("for", json!("x")),
            ("incarnation", json!(2)),
            ("number", json!(0)),
            ("time", json!(-1)),
            ("updates", json!([1])),
            ("updates", json!(vec![json!({}); MAX_BATCH + 1])),
        ] {
            let mut arguments = right.clone();
            arguments[key] = wrong;
            let text = read(Some(&arguments)).unwrap_err().text.unwrap();
            assert!(text.starts_with("invalid batch: expected"), "{text}");
        }
        assert!(read(None).is_err());
    }

    #[test]
    fn each_lease_has_its_result() {
        let refused = Answer::error("leased to another").coded(code::CONFLICT);
        let each = [
            Answer::success("IPv4 lease added."),
            Answer::success("IPv4 lease not found.").coded(code::EMPTY),
            refused,
            Answer::error("no such subnet"),
        ];
        let held = Map::from_iter([("2".to_owned(), lease_to_json(&lease(9)))]);
        let body = answer(&each, held).into_json().to_string();
        let text = "leased to another".to_owned();
        let dispute = Dispute { place: 2, text, held: Some(lease(9)) };
        assert_eq!(disputes(body.as_bytes()), [dispute]);
        let expected = vec![
            Ok(()),
            Ok(()),
            Err(AnswerError::Conflict("leased to another".into())),
            Err(AnswerError::Failed { result: 1, text: "no such subnet".into() }),
        ];
        assert_eq!(outcome(body.as_bytes(), 4), Ok(Outcome::Each(expected)));
        assert!(matches!(outcome(body.as_bytes(), 3), Err(AnswerError::Garbled { .. })));
    }

    #[test]
    fn whoever_knows_no_batches_has_done_nothing() {
        for body in [
            r#"[{"result": 2, "text": "'peregrine-lease4-batch' command not supported."}]"#,
            r#"{"result": 403, "text": "Forbidden"}"#,
        ] {
            assert_eq!(outcome(body.as_bytes(), 1), Ok(Outcome::NotTaken));
        }
        let late = outcome(br#"[{"result": 5, "text": "late"}]"#, 1);
        assert_eq!(late, Ok(Outcome::Overtaken));
    }
}
