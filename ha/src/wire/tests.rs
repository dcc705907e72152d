//! Our requests against all that Kea 2.2 and 3.3 sent in the recordings, and their answers as we read them.

use std::collections::{BTreeMap, BTreeSet};

use engine::lease::json::{kea_text, lease_from_page, lease_to_json};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::answer::{self, AnswerError};
use super::auth::Credentials;
use super::request::{self, LeaseNews, PartnerKind};
use crate::half::replay::WIRE;
use crate::half::replay::recording::{self, Exchange};
use crate::limits::{MAX_BAD_SHOWN, MAX_PEER_TEXT};
use crate::machine::State;

/// Every request that a server sent in a recording.
fn exchanges() -> Vec<Exchange> {
    let all = WIRE.iter().flat_map(|(name, text)| recording::exchanges(name, text));
    all.filter(|exchange| !exchange.by_client).collect()
}

/// The version of the server that asked: in a mixed pair the other one than that which answered.
fn sender(exchange: &Exchange) -> &'static str {
    match (exchange.place.starts_with("mixed"), exchange.version) {
        (true, "2.2") | (false, "3.3") => "3.3",
        _ => "2.2",
    }
}

/// The request that we would send in place of the recorded one; what only Kea 3 says is taken as `server1`.
fn ours(recorded: &Exchange) -> String {
    let arguments = &recorded.ask.as_ref().unwrap()["arguments"];
    let sender = arguments["server-name"].as_str().unwrap_or("server1");
    let id = arguments["origin-id"].as_u64().unwrap_or(2000);
    let index = u32::try_from(id).unwrap() - request::origin_id(0);
    match recorded.command() {
        "ha-heartbeat" => request::heartbeat(sender, None),
        "dhcp-disable" => request::dhcp_disable(index, arguments["max-period"].as_u64()),
        "lease4-get-page" => {
            let limit = u32::try_from(arguments["limit"].as_u64().unwrap()).unwrap();
            request::lease4_get_page(arguments["from"].as_str().unwrap().parse().ok(), limit)
        }
        "ha-sync-complete-notify" => request::sync_complete_notify(index, sender),
        "ha-reset" => request::reset(sender),
        "ha-maintenance-notify" => {
            let state = arguments["state"].as_str().unwrap_or("load-balancing");
            request::maintenance_notify(sender, state, arguments["cancel"].as_bool().unwrap())
        }
        command @ ("lease4-update" | "lease4-del") => {
            let mut listed = arguments.clone();
            let expire = arguments["expire"].as_u64().unwrap();
            listed["cltt"] = json!(expire - arguments["valid-lft"].as_u64().unwrap());
            listed.as_object_mut().unwrap().remove("expire");
            let lease = lease_from_page(&listed).unwrap();
            let deleted = command == "lease4-del";
            let news = if deleted { LeaseNews::Deleted } else { LeaseNews::Stored };
            request::lease_news(news, &lease, PartnerKind::Kea3)
        }
        other => panic!("{other} was recorded"),
    }
}

/// A request of ours without what only Kea 3 says.
fn as_kea_2(request: &str) -> String {
    let mut request: Value = serde_json::from_str(request).unwrap();
    let dropped: &[&str] = match request["command"].as_str().unwrap() {
        "dhcp-disable" => &["origin-id"],
        "ha-maintenance-notify" => &["server-name", "state"],
        _ => &["origin", "origin-id", "server-name"],
    };
    if let Some(arguments) = request.get_mut("arguments").and_then(Value::as_object_mut) {
        arguments.retain(|key, _| !dropped.contains(&key.as_str()));
        if arguments.is_empty() {
            request.as_object_mut().unwrap().remove("arguments");
        }
    }
    kea_text(&request)
}

#[test]
fn every_request_is_that_of_kea_byte_by_byte() {
    let mut kinds: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for exchange in exchanges() {
        let sender = sender(&exchange);
        let ours = ours(&exchange);
        let ours = if sender == "2.2" { as_kea_2(&ours) } else { ours };
        assert_eq!(ours, exchange.body, "{} ({sender})", exchange.place);
        kinds.entry(sender).or_default().insert(exchange.command().to_owned());
    }
    let kinds: Vec<String> = kinds
        .into_iter()
        .map(|(sender, kinds)| {
            format!("{sender}: {}", kinds.into_iter().collect::<Vec<_>>().join(" "))
        })
        .collect();
    let all = "dhcp-disable ha-heartbeat ha-maintenance-notify ha-reset ha-sync-complete-notify";
    // Kea 3 keeps released leases, and so deletes none.
    let expected = [
        format!("2.2: {all} lease4-del lease4-get-page lease4-update"),
        format!("3.3: {all} lease4-get-page lease4-update"),
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn the_end_of_a_synchronisation_is_what_administrators_send() {
    let arguments = json!({"origin": "ha-partner", "origin-id": 2001});
    let sent = json!({"command": "dhcp-enable", "service": ["dhcp4"], "arguments": arguments});
    assert_eq!(request::dhcp_enable(1), kea_text(&sent));
}

/// Our client's headers are held against these in the listener's tests.
#[test]
fn every_recorded_request_has_the_same_headers() {
    let mut presented = BTreeSet::new();
    for exchange in exchanges() {
        let host = exchange.to.split(':').next().unwrap();
        let length = exchange.body.len().to_string();
        let mut expected = vec![("Host", host), ("Content-Length", length.as_str())];
        expected.push(("Content-Type", "application/json"));
        if let Some(value) = exchange.header("Authorization") {
            expected.insert(1, ("Authorization", value));
            presented.insert(value.to_owned());
        }
        let headers = exchange.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        assert_eq!(headers.collect::<Vec<_>>(), expected, "{}", exchange.place);
        assert_eq!(exchange.line, "POST / HTTP/1.1");
    }
    let ours = [1, 2, 3].map(|n| Credentials::new(&format!("u{n}"), &format!("p{n}")).unwrap());
    assert_eq!(presented, ours.iter().map(Credentials::header).collect());
}

#[test]
fn every_recorded_answer_is_understood() {
    for exchange in exchanges() {
        let text = kea_text(&exchange.answer);
        let body = text.as_bytes();
        match exchange.command() {
            "ha-heartbeat" => {
                let partner = answer::heartbeat(body).unwrap();
                assert_eq!(partner.date_time_s, exchange.at_s);
                assert!(partner.state.parse::<State>().is_ok(), "{}", partner.state);
            }
            "lease4-get-page" => {
                let page = answer::lease_page(body).unwrap();
                let map = answer::parse(body).unwrap().arguments;
                assert_eq!((json!(page.count), page.bad.len()), (map["count"].clone(), 0));
                let listed: Vec<_> = page.leases.iter().map(lease_to_json).collect();
                assert_eq!(json!(listed), map["leases"]);
                assert_eq!(page.last, page.leases.last().map(|lease| lease.address));
            }
            "lease4-update" => match answer::done(body) {
                Ok(answer) => assert!(answer.text.starts_with("IPv4 lease ")),
                Err(AnswerError::Conflict(text)) => assert!(text.contains("subnet"), "{text}"),
                Err(AnswerError::Failed { result: 1, text }) => {
                    assert!(text.contains("subnet") || text.starts_with("Invalid state value: 3"));
                }
                Err(why) => panic!("{why}"),
            },
            _ => drop(answer::done(body).unwrap()),
        }
    }
}

#[test]
fn results_mean_what_kea_says() {
    let done = |text: &str| answer::done(text.as_bytes());
    assert!(done(r#"[ { "result": 0 } ]"#).is_ok());
    assert!(done(r#"[ { "result": 3, "text": "IPv4 lease not found." } ]"#).is_ok());
    assert!(matches!(done(r#"[{"result": 4}]"#), Err(AnswerError::Conflict(_))));
    assert!(matches!(done(r#"[{"result": 2}]"#), Err(AnswerError::Unsupported(_))));
    let refused = done(r#"{ "result": 401, "text": "Unauthorized" }"#).unwrap_err();
    assert_eq!(refused.to_string(), "Unauthorized (401)");
    for text in ["", "<html>", "[]", "[1]", "1", "{}", r#"[{"result": "0"}]"#] {
        assert!(matches!(done(text), Err(AnswerError::Garbled { .. })), "{text}");
    }
}

#[test]
fn a_page_keeps_its_good_leases() {
    let body = r#"[{"arguments": {"leases": [{"ip-address": "192.0.2.1", "hw-address": "", "cltt": 1,
        "valid-lft": 2, "subnet-id": 1}, {"ip-address": "192.0.2.9"}]}, "result": 0}]"#;
    let page = answer::lease_page(body.as_bytes()).unwrap();
    assert_eq!((page.leases.len(), page.bad.len(), page.count), (1, 1, 2));
    assert_eq!(page.last, Some([192, 0, 2, 9].into()));
}

#[test]
fn a_kept_release_is_a_deletion_to_kea_2() {
    let listed = json!({"ip-address": "192.0.2.1", "hw-address": "", "cltt": 5, "valid-lft": 0,
        "subnet-id": 1, "state": 3});
    let lease = lease_from_page(&listed).unwrap();
    let sent = |kind| request::lease_news(LeaseNews::Stored, &lease, kind);
    assert!(sent(PartnerKind::Kea3).contains(r#""command": "lease4-update""#));
    assert!(sent(PartnerKind::Kea2).contains(r#""command": "lease4-del""#));
}

proptest! {
    #[test]
    fn no_answer_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = answer::heartbeat(&body);
        let _ = answer::lease_page(&body);
    }
}

#[test]
fn what_a_peer_says_fills_no_log() {
    let long = format!("a\nb{}", "x".repeat(100_000));
    let answer =
        answer::parse(json!([{"result": 1, "text": long}]).to_string().as_bytes()).unwrap();
    assert!(answer.text.starts_with("a bx") && answer.text.len() == MAX_PEER_TEXT);
    let bad = json!({"ip-address": long, "hw-address": "x"});
    let body = json!([{"result": 0, "arguments": {"leases": vec![bad; 1_000]}}]).to_string();
    let page = answer::lease_page(body.as_bytes()).unwrap();
    assert_eq!((page.count, page.bad.len()), (1_000, MAX_BAD_SHOWN));
    assert!(page.bad.iter().all(|line| line.len() < 3 * MAX_PEER_TEXT && !line.contains('\n')));
}
