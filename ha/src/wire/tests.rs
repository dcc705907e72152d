//! Our requests against those that Kea 2.2 and 3.3 sent, and their answers as we read them.

use std::collections::BTreeSet;

use engine::lease::json::{kea_text, lease_from_page, lease_to_json};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::answer::{self, AnswerError};
use super::auth::Credentials;
use super::request::{self, LeaseNews, PartnerKind};
use crate::limits::{MAX_BAD_SHOWN, MAX_PEER_TEXT};

const KEA_2: &str = include_str!("../../tests/data/exchanges-2.2.jsonl");
const KEA_3: &str = include_str!("../../tests/data/exchanges-3.3.jsonl");

struct Exchange {
    request: Value,
    request_text: String,
    authorization: Option<String>,
    answer: String,
}

impl Exchange {
    fn command(&self) -> &str {
        self.request["command"].as_str().unwrap()
    }
}

fn exchanges(recorded: &str) -> Vec<Exchange> {
    let exchange = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let headers = line["headers"].as_array().unwrap();
        let authorization = headers.iter().find(|header| header[0] == "Authorization");
        let request_text = line["request"].as_str().unwrap().to_owned();
        Exchange {
            request: serde_json::from_str(&request_text).unwrap(),
            request_text,
            authorization: authorization.map(|header| header[1].as_str().unwrap().to_owned()),
            answer: line["answer"].as_str().unwrap().to_owned(),
        }
    };
    recorded.lines().map(exchange).collect()
}

/// The request that we would send in place of the recorded one; what only Kea 3 says is taken as `server1`.
fn ours(recorded: &Exchange) -> String {
    let arguments = &recorded.request["arguments"];
    let sender = arguments["server-name"].as_str().unwrap_or("server1");
    match recorded.command() {
        "ha-heartbeat" => request::heartbeat(sender),
        "dhcp-disable" => request::dhcp_disable(0, arguments["max-period"].as_u64()),
        "lease4-get-page" => {
            let limit = u32::try_from(arguments["limit"].as_u64().unwrap()).unwrap();
            request::lease4_get_page(arguments["from"].as_str().unwrap().parse().ok(), limit)
        }
        "ha-sync-complete-notify" => request::sync_complete_notify(0, sender),
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
fn every_request_is_that_of_kea_3_byte_by_byte() {
    let recorded = exchanges(KEA_3);
    let commands: BTreeSet<_> = recorded.iter().map(Exchange::command).collect();
    assert_eq!(commands.len(), 7);
    for exchange in &recorded {
        assert_eq!(ours(exchange), exchange.request_text);
    }
}

#[test]
fn every_request_is_that_of_kea_2_but_for_what_it_ignores() {
    let recorded = exchanges(KEA_2);
    let commands: BTreeSet<_> = recorded.iter().map(Exchange::command).collect();
    assert_eq!(commands.len(), 8);
    for exchange in &recorded {
        assert_eq!(as_kea_2(&ours(exchange)), exchange.request_text);
    }
}

#[test]
fn credentials_are_those_recorded() {
    let ours = Credentials::new("u2", "p2").unwrap();
    let recorded: Vec<_> =
        exchanges(KEA_2).into_iter().filter_map(|exchange| exchange.authorization).collect();
    assert!(recorded.contains(&ours.header()));
    assert!(recorded.iter().all(|header| header.starts_with("Basic ")));
}

#[test]
fn every_recorded_answer_is_understood() {
    for exchange in exchanges(KEA_2).iter().chain(&exchanges(KEA_3)) {
        let body = exchange.answer.as_bytes();
        match exchange.command() {
            "ha-heartbeat" => {
                let partner = answer::heartbeat(body).unwrap();
                assert!(partner.date_time_s > 1_795_000_000 && !partner.state.is_empty());
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
                Err(AnswerError::Failed { result: 1, text }) => assert!(text.contains("subnet")),
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
