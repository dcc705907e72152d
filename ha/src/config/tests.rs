//! The seeds' relationships, the defaults, and every rule broken.

mod parameters;

use std::collections::BTreeMap;
use std::time::Duration;

use engine::config::json::{Mistake, Node, parse};
use engine::config::model::HookLibrary;
use engine::config::{Directories, parse_text, parse_text_with};

use super::{EffectiveThreads, Identity, Login, Relationship, Secret, class_warnings};
use crate::machine::{Mode, Pause, Role, State};

const LOAD_BALANCING: &str =
    include_str!("../../../engine/tests/data/seeds/seed-ha-load-balancing-server2-mt.json");
const BACKUP: &str =
    include_str!("../../../engine/tests/data/seeds/seed-load-balancing-with-backup.json");
const CENTRAL: &str =
    include_str!("../../../engine/tests/data/seeds/seed-hub-and-spoke-central.json");
const BRANCH: &str =
    include_str!("../../../engine/tests/data/seeds/seed-hub-and-spoke-branch.json");

/// Who this server is, the file says.
fn from_hook(parameters: &Node) -> Result<Vec<Relationship>, Vec<Mistake>> {
    super::from_hook(parameters, &Identity::default())
}

fn from_library(library: &HookLibrary) -> Result<Vec<Relationship>, Vec<Mistake>> {
    super::from_library(library, &Identity::default())
}

fn check_hook(library: &HookLibrary, part: &Node) -> Result<Vec<Mistake>, Vec<Mistake>> {
    super::check_hook(library, part, &Identity::default())
}

fn node(text: &str) -> Node {
    parse(text, "f", &mut |_| unreachable!()).unwrap()
}

/// Relationships of two peers; `PEERS` stands for them.
fn read(relationships: &str) -> Result<Vec<Relationship>, Vec<Mistake>> {
    let peers = r#""peers": [ { "name": "a", "url": "http://192.0.2.1:8000/", "role": "primary" },
        { "name": "b", "url": "http://[2001:db8::1]:8001", "role": "secondary" } ]"#;
    from_hook(&node(&format!(
        "{{\"high-availability\": [\n{}\n]}}",
        relationships.replace("PEERS", peers)
    )))
}

fn mistakes(relationships: &str) -> Vec<String> {
    read(relationships).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn the_seeds() {
    let dhcp4 = parse_text(LOAD_BALANCING, "f").unwrap().dhcp4.unwrap();
    let [relationship] = &from_library(&dhcp4.hooks[1]).unwrap()[..] else { panic!("one") };
    let parameters = &relationship.parameters;
    assert_eq!(parameters.peers.mode(), Mode::LoadBalancing);
    assert_eq!(&*parameters.peers.local().name, "server2");
    assert_eq!(parameters.max_ack_delay, Duration::from_secs(5));
    assert_eq!(parameters.max_unacked_clients, 5);
    assert_eq!(relationship.servers[0].address, "192.168.56.33:8000".parse().unwrap());
    let threads = relationship.multi_threading.effective(Some(4));
    assert_eq!(threads, EffectiveThreads { listener: Some(4), client: 4 });

    let dhcp4 = parse_text(BACKUP, "f").unwrap().dhcp4.unwrap();
    let [relationship] = &from_library(&dhcp4.hooks[1]).unwrap()[..] else { panic!("one") };
    let backup = &relationship.parameters.peers.all()[2];
    assert_eq!((backup.role, backup.auto_failover), (Role::Backup, false));

    let dhcp6 = parse_text(CENTRAL, "f").unwrap().dhcp6.unwrap();
    let two = from_library(&dhcp6.hooks[1]).unwrap();
    let names: Vec<&str> = two.iter().map(|one| &*one.parameters.peers.local().name).collect();
    assert_eq!(names, ["server2", "server4"]);
}

#[test]
fn defaults() {
    let [relationship] =
        &read(r#"{ "this-server-name": " b ", "mode": "load-balancing", PEERS }"#).unwrap()[..]
    else {
        panic!("one")
    };
    let parameters = &relationship.parameters;
    assert_eq!(parameters.heartbeat_delay, Duration::from_secs(10));
    assert_eq!(parameters.max_response_delay, Duration::from_secs(60));
    assert_eq!(
        (parameters.delayed_updates_limit, parameters.max_rejected_lease_updates),
        (100, 10)
    );
    assert!(parameters.send_lease_updates && parameters.sync_leases && !parameters.wait_backup_ack);
    assert_eq!((relationship.sync_page_limit, relationship.restrict_commands), (10_000, true));
    assert_eq!(relationship.servers[1].address, "[2001:db8::1]:8001".parse().unwrap());
    assert_eq!(relationship.servers[0].login, None);
    let single = EffectiveThreads { listener: None, client: 1 };
    assert_eq!(relationship.multi_threading.effective(None), single);
}

#[test]
fn logins_and_pauses() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p");
    std::fs::write(&path, "word").unwrap();
    let relationships = read(
        &r#"{ "this-server-name": "a", "mode": "passive-backup", "wait-backup-ack": true,
        "state-machine": { "states": [ { "state": "waiting", "pause": "once" }, { "state": "ready" } ] },
        "peers": [ { "name": "a", "url": "http://192.0.2.1:8000/", "role": "primary",
            "basic-auth-user": "u", "basic-auth-password-file": "/p" },
            { "name": "b", "url": "http://192.0.2.2:8000/", "role": "backup", "basic-auth-user": "" } ] }"#
            .replace("/p", path.to_str().unwrap()),
    )
    .unwrap();
    let relationship = &relationships[0];
    let pauses = BTreeMap::from([(State::Waiting, Pause::Once), (State::Ready, Pause::Never)]);
    assert_eq!(relationship.parameters.pauses, pauses);
    let login = Login { user: Secret::Text("u".into()), password: Secret::File(path) };
    assert_eq!(relationship.servers[0].login, Some(login));
    assert_eq!(relationship.servers[1].login, None);
    assert_eq!(format!("{:?}", Secret::Text("hidden".into())), "Text(..)");
}

#[test]
fn logins_that_cannot_be() {
    let peers = |keys: &str| {
        mistakes(&format!(
            r#"{{ "this-server-name": "a", "mode": "passive-backup", "peers": [
{{ "name": "a", "url": "http://192.0.2.1:8000/", "role": "primary", {keys} }} ] }}"#
        ))
    };
    let missing =
        " string \"/none/file\", but it cannot be read: No such file or directory (os error 2)";
    assert_eq!(
        peers(r#""basic-auth-user-file": "/none/file", "basic-auth-password-file": "/none/file""#),
        [
            format!("f:3.92: got basic-auth-user-file{missing}"),
            format!("f:3.134: got basic-auth-password-file{missing}"),
        ]
    );
    assert_eq!(
        peers(r#""basic-auth-user": "a:b", "basic-auth-password": "a:b""#),
        ["f:3.87: got a user with a colon, which basic authentication cannot carry"]
    );
}

#[test]
fn a_secret_of_a_file_is_trimmed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    std::fs::write(&path, " word\n").unwrap();
    assert_eq!(Secret::File(path).text().unwrap(), "word");
    assert!(Secret::File(folder.path().join("none")).text().is_err());
}

#[test]
fn broken_rules_of_one_relationship() {
    assert_eq!(
        mistakes(
            r#"{ "this-server-name": "c", "mode": "hot-standby", "heartbeat-dely": 1, "delayed-updates-limit": 5,
"wait-backup-ack": true, "sync-page-limit": 0, "max-ack-delay": -1,
"state-machine": { "states": [ { "state": "normal" }, { "state": "ready" }, { "state": "ready" } ] },
"peers": [ { "name": "a", "url": "http://host:8000/", "role": "primary" },
 { "name": "a", "url": "https://192.0.2.1:8000/", "role": "primary" },
 { "name": " ", "url": "http://192.0.2.1/", "role": "third", "trust-anchor": "x" },
 { "name": "d", "url": "ftp://192.0.2.1:1/", "role": "backup", "basic-auth-user": "u", "basic-auth-user-file": "f" } ] }"#
        ),
        [
            "f:2.23: got this-server-name \"c\", expected one of the peers (a, d)",
            "f:2.51: got unexpected keyword \"heartbeat-dely\" in high-availability map, did you mean \"heartbeat-delay\"?",
            "f:2.97: got integer 5 for \"delayed-updates-limit\" in mode hot-standby, expected 0",
            "f:3.20: got \"wait-backup-ack\" in mode hot-standby, expected false",
            "f:3.45: got integer 0 for \"sync-page-limit\" in high-availability, expected an integer from 1 to 4294967295",
            "f:3.65: got integer -1 for \"max-ack-delay\" in high-availability, expected an integer from 0 to 4294967295",
            "f:4.43: got state string \"normal\", expected one of backup, communication-recovery, hot-standby, \
             load-balancing, in-maintenance, partner-down, partner-in-maintenance, passive-backup, ready, syncing, \
             terminated, waiting",
            "f:4.88: got state \"ready\" a second time, expected it once",
            "f:5.10: got 0 standby peers in mode hot-standby, expected 1",
            "f:5.34: got url string \"http://host:8000/\", expected http(s)://ADDRESS:PORT/ with a literal address (IPv6 in brackets)",
            "f:6.12: got peer \"a\" a second time, expected it once",
            "f:6.24: got url string \"https://192.0.2.1:8000/\", expected \"trust-anchor\", \"cert-file\" and \
             \"key-file\" for this peer, or http",
            "f:7.2: got TLS for this peer without \"cert-file\" and \"key-file\", expected \"trust-anchor\", \
             \"cert-file\" and \"key-file\" or none of them",
            "f:7.12: got an empty \"name\", expected a name",
            "f:7.24: got url string \"http://192.0.2.1/\", expected http(s)://ADDRESS:PORT/ with a literal address (IPv6 in brackets)",
            "f:7.53: got string \"third\" for \"role\" in peers, expected one of \"primary\", \"secondary\", \"standby\", \"backup\"",
            "f:8.24: got url string \"ftp://192.0.2.1:1/\", expected http(s)://ADDRESS:PORT/ with a literal address (IPv6 in brackets)",
            "f:8.88: got \"basic-auth-user-file\" beside \"basic-auth-user\", expected one of them",
        ]
    );
}

#[test]
fn broken_rules_of_several() {
    assert_eq!(
        mistakes(
            r#"{ "this-server-name": "a", "mode": "load-balancing",
PEERS },
{ "this-server-name": "b", "mode": "hot-standby",
"peers": [ { "name": "b", "url": "http://192.0.2.1:8/", "role": "primary" },
{ "name": "c", "url": "http://192.0.2.1:8/", "role": "standby" } ] }"#
        ),
        [
            "f:2.36: got mode load-balancing in one of several relationships, expected hot-standby",
            "f:6.22: got peer string \"b\", expected a name that no other relationship has",
        ]
    );
    assert_eq!(
        from_hook(&node(r#"{"high-availability": []}"#)).unwrap_err()[0].to_string(),
        "f:1.23: got an empty list, expected at least one relationship"
    );
    assert_eq!(
        from_hook(&node("{}")).unwrap_err()[0].to_string(),
        "f:1.1: got a parameters of libdhcp_ha map without \"high-availability\", expected one"
    );
}

/// The partner reaches such a Kea over a control agent or a control socket of HTTP.
#[test]
fn a_server_of_one_thread_has_no_listener_and_is_refused() {
    let text = LOAD_BALANCING.replacen(
        "\"enable-multi-threading\": true",
        "\"enable-multi-threading\": false",
        1,
    );
    let found = parse_text_with(&text, "f", &Directories::default(), &mut check_hook).unwrap_err();
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    let [mistake] = &found[..] else { panic!("{found:#?}") };
    let expected = "not built yet: High Availability without a listener of its own (\"enable-multi-threading\" in \
                    multi-threading beside libdhcp_ha as false), expected true";
    assert!(mistake.starts_with("f:") && mistake.ends_with(expected), "{mistake}");
}

#[test]
fn a_class_in_other_letters_is_a_warning() {
    let text =
        BACKUP.replace("\"client-class\": \"HA_server1\"", "\"client-class\": \"ha_server1\"");
    let configuration =
        parse_text_with(&text, "f", &Directories::default(), &mut check_hook).unwrap();
    let warnings: Vec<&str> =
        configuration.warnings.iter().map(|warning| &*warning.message).collect();
    assert_eq!(
        warnings,
        [
            "nothing defines class \"ha_server1\": nobody is ever in it",
            "got class \"ha_server1\", but the clients of that peer are in \"HA_server1\"",
        ]
    );
}

#[test]
fn classes_are_looked_for_where_they_stand() {
    let relationships =
        read(r#"{ "this-server-name": "a", "mode": "load-balancing", PEERS }"#).unwrap();
    let part = node(
        r#"{ "client-classes": [ { "name": "Ha_a", "test": "member('HA_A') and 'ha_c' == 'HA_b'" } ],
        "loggers": [ { "name": "ha_a" } ], "subnet4": [ { "client-classes": [ "HA_a", "hA_b" ] } ] }"#,
    );
    let found = class_warnings(&relationships, &part);
    let places: Vec<(u32, u32)> =
        found.iter().map(|warning| (warning.at.line, warning.at.column)).collect();
    assert_eq!(places, [(1, 33), (1, 49), (2, 87)]);
}

/// Mistakes of High Availability come with those of the rest of the file.
#[test]
fn one_run_reports_both() {
    let text = LOAD_BALANCING
        .replace("\"id\": 1,", "\"idd\": 1,")
        .replace("\"role\": \"primary\"", "\"role\": \"secondary\"");
    let mistakes =
        parse_text_with(&text, "f", &Directories::default(), &mut check_hook).unwrap_err();
    let lines: Vec<u32> = mistakes.iter().map(|mistake| mistake.at.line).collect();
    assert_eq!(lines.len(), 3, "{mistakes:#?}");
    assert!(lines.is_sorted());
}

/// The seeds of a hub and a branch are of DHCPv6; so are they for DHCPv4, and nothing in them is doubtful.
#[test]
fn the_seeds_of_a_hub_for_dhcpv4() {
    let four = |text: &str| {
        [
            ("Dhcp6", "Dhcp4"),
            ("subnet6", "subnet4"),
            ("2001:db8:1::/64", "192.0.2.0/24"),
            ("2001:db8:2::/64", "198.51.100.0/24"),
            ("2001:db8:1::/80", "192.0.2.128/25"),
            ("2001:db8:2::/80", "198.51.100.128/25"),
        ]
        .into_iter()
        .fold(text.to_owned(), |text, (six, four)| text.replace(six, four))
    };
    for (text, subnets, places) in
        [(CENTRAL, &[1, 2][..], &[Some(0), Some(1)][..]), (BRANCH, &[2], &[Some(0)])]
    {
        let read = parse_text_with(&four(text), "f", &Directories::default(), &mut check_hook);
        let read = read.unwrap();
        assert!(read.warnings.is_empty(), "{:?}", read.warnings);
        let dhcp4 = read.dhcp4.unwrap();
        let relationships = from_library(&dhcp4.hooks[1]).unwrap();
        let peers: Vec<_> = relationships.iter().map(|it| &it.parameters.peers).collect();
        let found = crate::hub::Subnets::new(&peers, crate::hub::server_names(&dhcp4.subnets));
        let of_each = subnets.iter().map(|id| found.relationship(*id));
        assert_eq!(of_each.collect::<Vec<_>>(), places);
    }
}

/// A hub's `Dhcp4` with these subnets and shared networks.
fn hub(subnets: &str) -> Result<Vec<Mistake>, Vec<Mistake>> {
    let relationship = |own: u8, other: u8| {
        format!(
            r#"{{ "this-server-name": "s{own}", "mode": "hot-standby", "peers": [
            {{ "name": "s{own}", "url": "http://192.0.2.9:80{own}/", "role": "standby" }},
            {{ "name": "s{other}", "url": "http://192.0.2.{other}:8000/", "role": "primary" }} ] }}"#
        )
    };
    let text = format!("[{}, {}]", relationship(2, 1), relationship(4, 3));
    let relationships = from_hook(&node(&format!("{{\"high-availability\": {text}}}"))).unwrap();
    super::subnets::check(&relationships, &node(&format!("{{\n{subnets}}}")))
}

#[test]
fn subnets_of_a_hub() {
    let text = |found: Result<Vec<Mistake>, Vec<Mistake>>| {
        let all = found.unwrap_or_else(|mistakes| mistakes);
        all.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let good = r#""subnet4": [ { "user-context": { "ha-server-name": "s1" } } ], "shared-networks":
[ { "user-context": { "ha-server-name": "s4" }, "subnet4": [ {}, { "user-context": { "x": 1 } } ] } ]"#;
    assert_eq!(text(hub(good)), [""; 0]);
    let doubtful = r#""subnet4": [ { "user-context": { "ha-server-name": "s1" } }, {},
{ "user-context": { "ha-server-name": "s9" } } ]"#;
    assert_eq!(
        text(hub(doubtful)),
        [
            "f:2.62: got a subnet without \"ha-server-name\" in its user-context beside several relationships: \
             nobody serves it",
            "f:3.39: got ha-server-name \"s9\", which is no peer's name: nobody serves it",
            "f:3.87: got a relationship whose peers no subnet names in \"ha-server-name\": it serves nobody",
        ]
    );
    let mixed = r#""subnet4": [ { "user-context": { "ha-server-name": "s1" } } ], "shared-networks": [
{ "user-context": { "ha-server-name": "s4" }, "subnet4": [ {}, { "user-context": { "ha-server-name": "s2" } } ] } ]"#;
    assert_eq!(
        text(hub(mixed)),
        [
            "f:3.1: got a shared network whose subnets belong to several relationships, or some to none: its clients \
          get addresses of any of them"
        ]
    );
    let wrong = r#""subnet4": [ { "user-context": { "ha-server-name": 7 } } ]"#;
    let found = hub(wrong).unwrap_err();
    assert_eq!(
        found[0].to_string(),
        "f:2.52: got integer 7 for \"ha-server-name\", expected the name of a peer"
    );
}

#[test]
fn listeners_of_a_hub_do_not_meet() {
    let relationship = |own: u8, other: u8| {
        format!(
            r#"{{ "this-server-name": "s{own}", "mode": "hot-standby", "peers": [
{{ "name": "s{other}", "url": "http://192.0.2.{other}:8000/", "role": "primary" }},
{{ "name": "s{own}", "url": "http://192.0.2.9:8000/", "role": "standby" }} ] }}"#
        )
    };
    assert_eq!(
        mistakes(&format!("{},\n{}", relationship(2, 1), relationship(4, 3))),
        [
            "f:7.24: got url string \"http://192.0.2.9:8000/\", expected another address or port than this server has in another relationship"
        ]
    );
}
