//! Every parameter of a relationship and of a peer: its default in each mode, a value of its own, and each rule that
//! it may break, one row each.

use std::collections::BTreeMap;

use super::*;
use crate::machine::Peer;

/// The roles of a mode beside a backup.
const MODES: [(&str, &[&str]); 3] = [
    ("load-balancing", &["primary", "secondary"]),
    ("hot-standby", &["primary", "standby"]),
    ("passive-backup", &["primary"]),
];

/// A relationship of `mode` with these keys besides the mandatory ones. A peer's keys go into that of server a.
fn relationship(mode: &str, keys: &str, peer_keys: &str) -> String {
    let (_, roles) = MODES.iter().find(|(name, _)| *name == mode).unwrap();
    let servers = ["a", "b"].into_iter().zip(*roles).chain([("z", &"backup")]);
    let peers: Vec<String> = servers
        .enumerate()
        .map(|(n, (name, role))| {
            let own = if n == 0 { peer_keys } else { "" };
            format!(
                r#"{{ "name": "{name}", "url": "http://192.0.2.{n}:8000/", "role": "{role}"{own} }}"#
            )
        })
        .collect();
    let peers = peers.join(",\n");
    format!(
        "{{ \"this-server-name\": \"a\", \"mode\": \"{mode}\"{keys},\n\"peers\": [\n{peers} ] }}"
    )
}

/// What came of every parameter, as text.
fn shown(relationship: &Relationship) -> BTreeMap<&'static str, String> {
    let Relationship { parameters: it, multi_threading: threads, .. } = relationship;
    let ms = |span: Duration| format!("{} ms", span.as_millis());
    let own: &Peer = it.peers.local();
    let server = relationship.servers.iter().find(|server| server.name == own.name).unwrap();
    let pauses: Vec<String> =
        it.pauses.iter().map(|(state, pause)| format!("{state}: {pause:?}")).collect();
    BTreeMap::from([
        ("heartbeat-delay", ms(it.heartbeat_delay)),
        ("max-response-delay", ms(it.max_response_delay)),
        ("max-ack-delay", ms(it.max_ack_delay)),
        ("max-unacked-clients", it.max_unacked_clients.to_string()),
        ("max-rejected-lease-updates", it.max_rejected_lease_updates.to_string()),
        ("send-lease-updates", it.send_lease_updates.to_string()),
        ("sync-leases", it.sync_leases.to_string()),
        ("sync-timeout", ms(it.sync_timeout)),
        ("sync-page-limit", relationship.sync_page_limit.to_string()),
        ("delayed-updates-limit", it.delayed_updates_limit.to_string()),
        ("wait-backup-ack", it.wait_backup_ack.to_string()),
        ("state-machine", pauses.join(", ")),
        ("enable-multi-threading", threads.enabled.to_string()),
        ("http-dedicated-listener", threads.dedicated_listener.to_string()),
        ("http-listener-threads", threads.listener_threads.to_string()),
        ("http-client-threads", threads.client_threads.to_string()),
        ("require-client-certs", relationship.require_client_certs.to_string()),
        ("restrict-commands", relationship.restrict_commands.to_string()),
        ("auto-failover", own.auto_failover.to_string()),
        ("basic-auth", format!("{:?}", server.login)),
        ("tls", server.tls.is_some().to_string()),
    ])
}

fn one(text: &str) -> Relationship {
    read(text).unwrap_or_else(|mistakes| panic!("{text}: {mistakes:?}")).remove(0)
}

#[test]
fn every_default_in_each_mode() {
    for (mode, _) in MODES {
        let delayed = if mode == "load-balancing" { "100" } else { "0" };
        let expected = BTreeMap::from(
            [
                ("heartbeat-delay", "10000 ms"),
                ("max-response-delay", "60000 ms"),
                ("max-ack-delay", "10000 ms"),
                ("max-unacked-clients", "10"),
                ("max-rejected-lease-updates", "10"),
                ("send-lease-updates", "true"),
                ("sync-leases", "true"),
                ("sync-timeout", "60000 ms"),
                ("sync-page-limit", "10000"),
                ("delayed-updates-limit", delayed),
                ("wait-backup-ack", "false"),
                ("state-machine", ""),
                ("enable-multi-threading", "true"),
                ("http-dedicated-listener", "true"),
                ("http-listener-threads", "0"),
                ("http-client-threads", "0"),
                ("require-client-certs", "true"),
                ("restrict-commands", "true"),
                ("auto-failover", "true"),
                ("basic-auth", "None"),
                ("tls", "false"),
            ]
            .map(|(key, value)| (key, value.to_owned())),
        );
        assert_eq!(shown(&one(&relationship(mode, "", ""))), expected, "{mode}");
    }
}

#[test]
fn every_parameter_is_taken() {
    let login = r#"Some(Login { user: Text(..), password: Text(..) })"#;
    let threads = |keys: &str| format!("\"multi-threading\": {{ {keys} }}");
    let in_all = |key: &str, value: &str| format!("\"{key}\": {value}");
    // The mode, the keys in the relationship, those in the peer's map, and what it is then.
    let rows: [(&str, String, &str, &str, &str); 20] = [
        ("hot-standby", in_all("heartbeat-delay", "0"), "", "heartbeat-delay", "0 ms"),
        ("hot-standby", in_all("max-response-delay", "4294967295"), "", "max-response-delay", "4294967295 ms"),
        ("load-balancing", in_all("max-ack-delay", "1"), "", "max-ack-delay", "1 ms"),
        ("hot-standby", in_all("max-unacked-clients", "0"), "", "max-unacked-clients", "0"),
        ("hot-standby", in_all("max-rejected-lease-updates", "0"), "", "max-rejected-lease-updates", "0"),
        ("load-balancing", in_all("send-lease-updates", "false"), "", "send-lease-updates", "false"),
        ("load-balancing", in_all("sync-leases", "false"), "", "sync-leases", "false"),
        ("hot-standby", in_all("sync-timeout", "500"), "", "sync-timeout", "500 ms"),
        ("hot-standby", in_all("sync-page-limit", "1"), "", "sync-page-limit", "1"),
        ("load-balancing", in_all("delayed-updates-limit", "0"), "", "delayed-updates-limit", "0"),
        ("hot-standby", in_all("delayed-updates-limit", "0"), "", "delayed-updates-limit", "0"),
        ("passive-backup", in_all("wait-backup-ack", "true"), "", "wait-backup-ack", "true"),
        ("hot-standby", in_all("wait-backup-ack", "false"), "", "wait-backup-ack", "false"),
        ("hot-standby", threads(r#""http-listener-threads": 3"#), "", "http-listener-threads", "3"),
        ("hot-standby", threads(r#""http-client-threads": 65535"#), "", "http-client-threads", "65535"),
        (
            "load-balancing",
            r#""state-machine": { "states": [ { "state": "communication-recovery", "pause": "once" },
            { "state": "partner-down", "pause": "always" }, { "state": "ready" } ] }"#.to_owned(),
            "",
            "state-machine",
            "communication-recovery: Once, partner-down: Always, ready: Never",
        ),
        ("hot-standby", in_all("require-client-certs", "false"), "", "require-client-certs", "false"),
        ("hot-standby", in_all("restrict-commands", "false"), "", "restrict-commands", "false"),
        ("hot-standby", String::new(), r#""auto-failover": false"#, "auto-failover", "false"),
        ("hot-standby", String::new(), r#""basic-auth-user": "u", "basic-auth-password": "p""#, "basic-auth", login),
    ];
    let comma = |keys: &str| if keys.is_empty() { String::new() } else { format!(", {keys}") };
    // The others have one value only.
    let mut taken = std::collections::BTreeSet::from([
        "tls",
        "enable-multi-threading",
        "http-dedicated-listener",
    ]);
    for (mode, keys, peer_keys, key, expected) in &rows {
        let text = relationship(mode, &comma(keys), &comma(peer_keys));
        assert_eq!(shown(&one(&text))[key], *expected, "{mode}: {keys} {peer_keys}");
        taken.insert(*key);
    }
    let all = shown(&one(&relationship("hot-standby", "", "")));
    assert!(all.keys().all(|key| taken.contains(key)), "{taken:?}");
}

/// A number of the range that every number has, or of its own.
#[test]
fn numbers_out_of_range_and_values_of_other_kinds() {
    let any = u32::MAX;
    let numbers: [(&str, u32, u32); 8] = [
        ("heartbeat-delay", 0, any),
        ("max-response-delay", 0, any),
        ("max-ack-delay", 0, any),
        // More clients than these are not remembered.
        ("max-unacked-clients", 0, 65_535),
        ("max-rejected-lease-updates", 0, 65_536),
        ("sync-timeout", 0, any),
        ("sync-page-limit", 1, any),
        ("delayed-updates-limit", 0, any),
    ];
    let flags = [
        "send-lease-updates",
        "sync-leases",
        "wait-backup-ack",
        "require-client-certs",
        "restrict-commands",
    ];
    let found = |key: &str, value: &str| {
        mistakes(&relationship("load-balancing", &format!(",\n\"{key}\": {value}"), ""))
    };
    for (key, least, greatest) in numbers {
        let at = format!("f:3.{}", key.len() + 5);
        let expected = format!("expected an integer from {least} to {greatest}");
        for value in [i64::from(least) - 1, i64::from(greatest) + 1] {
            let got = format!("got integer {value} for \"{key}\" in high-availability");
            assert_eq!(found(key, &value.to_string()), [format!("{at}: {got}, {expected}")]);
        }
        one(&relationship("load-balancing", &format!(",\n\"{key}\": {greatest}"), ""));
        let got = format!("got string \"7\" for \"{key}\" in high-availability");
        assert_eq!(found(key, "\"7\""), [format!("{at}: {got}, {expected}")]);
    }
    for key in flags {
        let at = format!("f:3.{}", key.len() + 5);
        assert_eq!(
            found(key, "1"),
            [format!(
                "{at}: got integer 1 for \"{key}\" in high-availability, expected true or false"
            )]
        );
    }
}

/// Mode, keys of the relationship (on line 3), keys of peer a, the mistake.
#[test]
fn each_rule_broken() {
    let states = "expected one of backup, communication-recovery, hot-standby, load-balancing, in-maintenance, \
                  partner-down, partner-in-maintenance, passive-backup, ready, syncing, terminated, waiting";
    let rows = [
        (
            "hot-standby",
            r#""delayed-updates-limit": 1"#,
            "f:3.26: got integer 1 for \"delayed-updates-limit\" in mode hot-standby, expected 0".to_owned(),
        ),
        (
            "passive-backup",
            r#""delayed-updates-limit": 1"#,
            "f:3.26: got integer 1 for \"delayed-updates-limit\" in mode passive-backup, expected 0".into(),
        ),
        (
            "hot-standby",
            r#""wait-backup-ack": true"#,
            "f:3.20: got \"wait-backup-ack\" in mode hot-standby, expected false".into(),
        ),
        (
            "load-balancing",
            r#""wait-backup-ack": true"#,
            "f:3.20: got \"wait-backup-ack\" in mode load-balancing, expected false".into(),
        ),
        (
            "hot-standby",
            r#""state-machine": { "states": [ { "state": "ready" }, { "state": "ready" } ] }"#,
            "f:3.65: got state \"ready\" a second time, expected it once".into(),
        ),
        (
            "hot-standby",
            r#""state-machine": { "states": [ { "state": "unavailable" } ] }"#,
            format!("f:3.43: got state string \"unavailable\", {states}"),
        ),
        (
            "hot-standby",
            r#""state-machine": { "states": [ { "state": "ready", "pause": "twice" } ] }"#,
            "f:3.61: got string \"twice\" for \"pause\" in states, expected one of \"always\", \"never\", \"once\"".into(),
        ),
        (
            "hot-standby",
            r#""state-machine": { "states": [ { "pause": "once" } ] }"#,
            "f:3.32: got a states map without \"state\", expected one".into(),
        ),
        (
            "hot-standby",
            r#""state-machine": { }"#,
            "f:3.18: got a state-machine map without \"states\", expected one".into(),
        ),
        (
            "hot-standby",
            r#""multi-threading": { "http-listener-threads": -1 }"#,
            "f:3.47: got integer -1 for \"http-listener-threads\" in multi-threading, expected an integer from 0 to 65535"
                .into(),
        ),
        (
            "hot-standby",
            r#""multi-threading": { "enable-multi-threading": false }"#,
            "f:3.48: not built yet: High Availability without a listener of its own (\"enable-multi-threading\" in \
             multi-threading as false), expected true"
                .into(),
        ),
        (
            "hot-standby",
            r#""multi-threading": { "http-dedicated-listener": false }"#,
            "f:3.49: not built yet: High Availability without a listener of its own (\"http-dedicated-listener\" in \
             multi-threading as false), expected true"
                .into(),
        ),
        (
            "hot-standby",
            r#""sync-page-limits": 1"#,
            "f:3.1: got unexpected keyword \"sync-page-limits\" in high-availability map, did you mean \"sync-page-limit\"?"
                .into(),
        ),
    ];
    for (mode, keys, expected) in rows {
        assert_eq!(
            mistakes(&relationship(mode, &format!(",\n{keys}"), "")),
            [expected],
            "{mode}: {keys}"
        );
    }
}

/// Line 4 holds peer a of a hot-standby pair with its `part` replaced; line 5 peer b.
#[test]
fn each_rule_of_a_peer_broken() {
    let url = "expected http(s)://ADDRESS:PORT/ with a literal address (IPv6 in brackets)";
    let good = r#""http://192.0.2.0:8000/""#;
    let urls = [
        "ftp://192.0.2.0:80/",
        "http://host:8000/",
        "http://192.0.2.0/",
        "http://2001:db8::1:80/",
        "http://192.0.2.0:0/",
        "",
    ];
    for bad in urls {
        let text = relationship("hot-standby", "", "").replace(good, &format!("\"{bad}\""));
        assert_eq!(mistakes(&text), [format!("f:4.23: got url string \"{bad}\", {url}")]);
    }
    let replaced =
        |from: &str, to: &str| mistakes(&relationship("hot-standby", "", "").replace(from, to));
    assert_eq!(
        replaced(r#""this-server-name": "a""#, r#""this-server-name": "c""#),
        ["f:2.23: got this-server-name \"c\", expected one of the peers (a, b, z)"]
    );
    assert_eq!(
        replaced(r#""this-server-name": "a""#, r#""this-server-name": " ""#),
        ["f:2.23: got an empty \"this-server-name\", expected a name"]
    );
    assert_eq!(
        replaced(r#""name": "b""#, r#""name": " a ""#),
        [
            "f:3.10: got 0 primary peers in mode hot-standby, expected 1",
            "f:5.11: got peer \"a\" a second time, expected it once"
        ]
    );
    assert_eq!(
        replaced(r#""name": "b""#, r#""name": """#)[1..],
        ["f:5.11: got an empty \"name\", expected a name"]
    );
    assert_eq!(
        replaced(r#""role": "standby""#, r#""role": "third""#),
        [
            "f:5.57: got string \"third\" for \"role\" in peers, expected one of \"primary\", \"secondary\", \"standby\", \"backup\""
        ]
    );
    for key in ["mode", "peers"] {
        let found = replaced(
            &format!("\"{key}\":"),
            &format!("\"comment\": \"\", \"user-context\": {{}}, \"{key}s\":"),
        );
        let expected =
            format!("f:2.1: got a high-availability map without \"{key}\", expected one");
        assert!(found.contains(&expected), "{found:?}");
    }
    for key in ["name", "url", "role"] {
        let text =
            relationship("hot-standby", "", "").replacen(&format!("\"{key}\":"), "\"comment\":", 1);
        let expected = format!("f:4.1: got a peers map without \"{key}\", expected one");
        assert!(mistakes(&text).contains(&expected), "{key}: {:?}", mistakes(&text));
    }
    let keys = [
        (r#""basic-auth-user": "u", "basic-auth-user-file": "f""#, "basic-auth-user"),
        (r#""basic-auth-password": "u", "basic-auth-password-file": "f""#, "basic-auth-password"),
    ];
    for (both, key) in keys {
        let found = mistakes(&relationship("hot-standby", "", &format!(", {both}")));
        let expected = format!("got \"{key}-file\" beside \"{key}\", expected one of them");
        assert!(found.len() == 1 && found[0].ends_with(&expected), "{found:?}");
    }
}

/// Which roles a mode has; backups are allowed in all.
#[test]
fn roles_and_modes() {
    let roles = ["primary", "secondary", "standby", "backup"];
    for (mode, allowed) in MODES {
        for first in roles {
            for second in roles {
                let peers = format!(
                    r#"{{ "this-server-name": "a", "mode": "{mode}", "peers": [
                    {{ "name": "a", "url": "http://192.0.2.1:8/", "role": "{first}" }},
                    {{ "name": "b", "url": "http://192.0.2.2:8/", "role": "{second}" }} ] }}"#
                );
                let mut active: Vec<&str> =
                    [first, second].into_iter().filter(|role| *role != "backup").collect();
                active.sort_unstable();
                let is_good = active == allowed;
                let found = read(&peers);
                assert_eq!(found.is_ok(), is_good, "{mode}: {first}, {second}");
                for mistake in found.err().into_iter().flatten() {
                    let text = mistake.to_string();
                    assert!(
                        text.starts_with("f:2.")
                            && text.contains(&format!(" in mode {mode}, expected ")),
                        "{text}"
                    );
                }
            }
        }
    }
}
