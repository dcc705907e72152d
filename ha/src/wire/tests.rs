//! Our requests against all that Kea 2.2 and 3.3 sent in the recordings, and their answers as we read them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use engine::clock::SystemClock;
use engine::lease::json::{kea_text, lease_from_page, lease_to_json};
use engine::lease::memory::MemoryStore;
use engine::lease::{Change, ChangeSink};
use engine::pending::{Pending, PendingReply, Release};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::announce;
use super::answer::{self, AnswerError};
use super::auth::Credentials;
use super::request::{self, LeaseNews, PartnerKind};
use crate::half::errand::{Clerk, Errand};
use crate::half::replay::recording::{self, Exchange};
use crate::half::replay::{COMMANDS, WIRE};
use crate::half::{Half, Job};
use crate::limits::{MAX_BAD_SHOWN, MAX_PEER_TEXT};
use crate::machine::{
    CallError, Mode, Notification, Parameters, Peer, Peers, Role, State, SyncOrder,
};

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

/// A server of this name, and its clerk; its pages have so many leases.
fn clerk(name: &str, index: u32, page_limit: u32) -> Clerk {
    struct Nobody;
    impl Release for Nobody {
        fn release(&self, _: PendingReply) {}
    }
    impl ChangeSink for Nobody {
        fn record(&self, _: &Change<'_>) {}
    }
    let peer = |name: &str, role| Peer { name: name.into(), role, auto_failover: true };
    let all = vec![peer(name, Role::Primary), peer("partner", Role::Standby)];
    let peers = Peers::new(Mode::HotStandby, name, all).unwrap();
    let pending = Arc::new(Pending::new(0, Arc::new(Nobody), Arc::default()));
    let clock = Arc::new(SystemClock::start());
    let half = Half::new(index, Parameters::defaults(peers), pending, Arc::default(), clock);
    let store = Arc::new(MemoryStore::new(Arc::new(Nobody)));
    Clerk { half, store, flush: Arc::new(|_| Ok(())), page_limit }
}

const DONE: &[u8] = b"[ { \"result\": 0, \"text\": \"\" } ]";

/// A synchronisation, led to where it asks for `command`.
fn synchronisation(clerk: &Clerk, command: &str, arguments: &Value) -> Errand {
    let peers = clerk.half.gate().peers();
    let order = SyncOrder {
        server: peers.place("partner").unwrap(),
        max_period_s: arguments["max-period"].as_u64().map(|s| u32::try_from(s).unwrap()),
        administrator: true,
        served: false,
    };
    let begun = clerk.begin(Job::Sync(order)).unwrap();
    let go_on = |errand, answer| clerk.handle(errand, answer).expect("it is not over");
    match command {
        "dhcp-disable" => begun,
        "lease4-get-page" => {
            let after = arguments["from"].as_str().filter(|from| *from != "start");
            let first = go_on(begun, Ok(DONE));
            let Some(last) = after else { return first };
            // The page before was full, and ended there.
            let lease = json!({"ip-address": last, "hw-address": "", "cltt": 1, "valid-lft": 2,
                "subnet-id": 1, "state": 0});
            let leases = vec![lease; clerk.page_limit as usize];
            let page = json!([{"result": 0, "arguments": {"leases": leases}}]).to_string();
            go_on(go_on(first, Ok(page.as_bytes())), Ok(DONE))
        }
        "ha-sync-complete-notify" => {
            let empty = br#"[{"result": 3, "arguments": {"count": 0, "leases": []}}]"#;
            go_on(go_on(begun, Ok(DONE)), Ok(empty))
        }
        "dhcp-enable" => {
            let gone = CallError::Communication("no answer".into());
            go_on(go_on(begun, Ok(DONE)), Err(gone))
        }
        other => panic!("{other} is no part of a synchronisation"),
    }
}

/// What we send in place of the recorded request; what only Kea 3 says is taken as `server1`. Errands by their clerk, as
/// over the line; lease updates as the courier writes them to a Kea 3.
fn ours(recorded: &Exchange) -> String {
    let arguments = &recorded.ask.as_ref().unwrap()["arguments"];
    let id = arguments["origin-id"].as_u64().unwrap_or(2000);
    let index = u32::try_from(id).unwrap() - request::origin_id(0);
    let limit = arguments["limit"].as_u64().map_or(3, |limit| u32::try_from(limit).unwrap());
    let clerk = clerk(arguments["server-name"].as_str().unwrap_or("server1"), index, limit);
    let begin = |job| clerk.begin(job).unwrap();
    let errand = match recorded.command() {
        "ha-heartbeat" => begin(Job::Heartbeat),
        "ha-reset" => begin(Job::Reset),
        "ha-maintenance-notify" => {
            let state = arguments["state"].as_str().unwrap_or("load-balancing");
            let (cancel, state) = (arguments["cancel"].as_bool().unwrap(), state.parse().unwrap());
            begin(Job::Maintenance(Notification { cancel, state, repeated: false }))
        }
        command @ ("lease4-update" | "lease4-del") => {
            let mut listed = arguments.clone();
            let expire = arguments["expire"].as_u64().unwrap();
            listed["cltt"] = json!(expire - arguments["valid-lft"].as_u64().unwrap());
            listed.as_object_mut().unwrap().remove("expire");
            let lease = lease_from_page(&listed).unwrap();
            let deleted = command == "lease4-del";
            let news = if deleted { LeaseNews::Deleted } else { LeaseNews::Stored };
            return request::lease_news(news, &lease, PartnerKind::Kea3);
        }
        command => synchronisation(&clerk, command, arguments),
    };
    clerk.ask(&errand).0
}

/// What we say and a Kea of this version does not, in the arguments of this command.
fn only_ours(version: &str, command: &str) -> &'static [&'static str] {
    match (version, command) {
        ("2.2", "ha-heartbeat") => &[announce::FIELD, "server-name"],
        (_, "ha-heartbeat") => &[announce::FIELD],
        ("2.2", "dhcp-disable" | "dhcp-enable") => &["origin-id"],
        ("2.2", "ha-maintenance-notify") => &["server-name", "state"],
        ("2.2", "ha-reset") => &["server-name"],
        ("2.2", "ha-sync-complete-notify") => &["origin", "origin-id", "server-name"],
        ("2.2", "lease4-update" | "lease4-del") => &["origin"],
        _ => &[],
    }
}

/// A request of ours without these arguments, each of which it has. It is written as Kea writes.
fn without(body: &str, arguments: &[&str]) -> String {
    let mut request: Value = serde_json::from_str(body).unwrap();
    assert_eq!(kea_text(&request), body);
    let map = request.as_object_mut().unwrap();
    for key in arguments {
        let had = map["arguments"].as_object_mut().unwrap().remove(*key);
        assert!(had.is_some(), "no {key} in {body}");
    }
    if map.get("arguments").is_some_and(|arguments| *arguments == json!({})) {
        map.remove("arguments");
    }
    kea_text(&request)
}

#[test]
fn every_request_is_that_of_kea_byte_by_byte() {
    let mut kinds: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for exchange in exchanges() {
        let (sender, command) = (sender(&exchange), exchange.command());
        let ours = without(&ours(&exchange), only_ours(sender, command));
        assert_eq!(ours, exchange.body, "{} ({sender})", exchange.place);
        kinds.entry(sender).or_default().insert(command.to_owned());
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

/// No server of the recordings failed to synchronise: administrators said the same on the control sockets, which need no
/// `service`.
#[test]
fn the_end_of_a_synchronisation_that_failed_is_what_administrators_said() {
    let mut found: BTreeMap<(&str, bool), u32> = BTreeMap::new();
    let recorded = COMMANDS.iter().flat_map(|(name, text)| recording::exchanges(name, text));
    for exchange in recorded.filter(|exchange| exchange.command() == "dhcp-enable") {
        let ask = exchange.ask.as_ref().unwrap();
        if ask["arguments"]["origin"] != "ha-partner" {
            continue;
        }
        assert_eq!(exchange.told()["result"], 0, "{}", exchange.place);
        let names_id = ask["arguments"].get("origin-id").is_some();
        let clerk = clerk("server1", 0, 3);
        let errand = synchronisation(&clerk, "dhcp-enable", &json!({"max-period": 60}));
        // What a 2.2 would leave out is left out where the administrator did.
        let also = if names_id { &[][..] } else { only_ours("2.2", "dhcp-enable") };
        let ours = without(&clerk.ask(&errand).0, also);
        let mut with_service = ask.clone();
        with_service["service"] = json!(["dhcp4"]);
        assert_eq!(ours, kea_text(&with_service), "{}", exchange.place);
        *found.entry((exchange.version, names_id)).or_default() += 1;
    }
    let kinds: Vec<_> = found.into_keys().collect();
    assert_eq!(kinds, [("2.2", false), ("2.2", true), ("3.3", false), ("3.3", true)]);
}

/// What a server says of itself beside Kea's words is read back, and a probe says the same as a heartbeat.
#[test]
fn a_heartbeat_announces_us() {
    let clerk = clerk("server1", 0, 3);
    for job in [Job::Heartbeat, Job::Probe] {
        let body = clerk.ask(&clerk.begin(job).unwrap()).0;
        let request: Value = serde_json::from_str(&body).unwrap();
        let announced = announce::from_json(request["arguments"].as_object().unwrap()).unwrap();
        assert_eq!(announced.incarnation, clerk.half.announced().incarnation);
        let bare = json!({"command": "ha-heartbeat", "service": ["dhcp4"]});
        assert_eq!(without(&body, &[announce::FIELD, "server-name"]), kea_text(&bare));
    }
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
