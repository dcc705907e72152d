//! Another configuration for servers that run: nothing is lost on the way, mistakes change nothing, and what did not
//! change is left alone.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use perf::fleet::{BASE_MAC, Fleet};
use perf::plan::{Exchange, Plan};
use perf::tally::Tally;
use serde_json::{Value, json};

use crate::support::loopback::Loopback;
use crate::support::server::{Kind, PATIENCE, Server};
use crate::support::wait::until;

/// Clients under load, and how many of them ask at a time.
const CLIENTS: u32 = 600;
const WINDOW: u32 = 16;
/// How often each server is given another configuration meanwhile.
const RELOADS: u32 = 20;

fn file(server: &Server) -> PathBuf {
    server.folder().join("conf")
}

/// The `Dhcp4` that the server would be given at its next start.
pub(crate) fn written(server: &Server) -> Value {
    let text = std::fs::read_to_string(file(server)).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["Dhcp4"].clone()
}

pub(crate) fn count(server: &Server, id: &str) -> usize {
    server.log().matches(id).count()
}

/// Asks the process to read its configuration again, and waits until it has.
fn hang_up(server: &Server) {
    let before = count(server, "DHCP4_CONFIG_COMPLETE");
    let pid = server.pid().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().unwrap().success());
    until("the configuration read again", PATIENCE, || {
        let now = count(server, "DHCP4_CONFIG_COMPLETE");
        if now > before { Ok(()) } else { Err(now) }
    });
}

pub(crate) fn succeeds(server: &Server, command: &str, arguments: Option<Value>) -> Value {
    let mut request = json!({ "command": command });
    if let Some(arguments) = arguments {
        request["arguments"] = arguments;
    }
    let answer = server.command(&request);
    assert_eq!(answer["result"], 0, "{command}: {answer}");
    answer
}

/// The configuration that a pair is given at its `round`: lifetimes, options, classes, pools, reservations and subnets
/// come and go.
fn changed(base: &Value, round: u32) -> Value {
    let mut all = base.clone();
    all["valid-lifetime"] = json!(3600 + round);
    all["option-data"] = json!([{"name": "domain-name", "data": format!("round{round}.example")}]);
    all["client-classes"] = json!([{
        "name": format!("round{round}"), "test": "option[93].exists", "boot-file-name": "x"
    }]);
    let subnet = &mut all["subnet4"][0];
    subnet["reservations"] = json!([
        {"hw-address": format!("06:00:00:00:00:{round:02x}"), "ip-address": format!("10.9.0.{round}")}
    ]);
    if round.is_multiple_of(2) {
        let further = json!({"id": 100 + round, "subnet": "192.0.2.0/24",
            "pools": [{"pool": "192.0.2.10 - 192.0.2.99"}]});
        all["subnet4"].as_array_mut().unwrap().push(further);
    }
    all
}

/// Every client gets a lease and renews it, over and over, until `done`.
fn load(place: &Loopback, fleet: &mut Fleet, done: &AtomicBool) -> Vec<Tally> {
    let mut tallies = Vec::new();
    while !done.load(Ordering::Acquire) || tallies.is_empty() {
        let all = (0..CLIENTS).collect();
        let plan = Plan::each_once(all, WINDOW, place.relay());
        // Whoever waits this long waits in vain.
        let drop_time = Duration::from_secs(20);
        let plan = Plan { exchange: Exchange::Rebind, drop_time, ..plan };
        tallies.push(place.drive(fleet, plan));
    }
    tallies
}

#[test]
fn twenty_reloads_of_a_pair_under_load_lose_no_query() {
    let place = Loopback::new(2);
    let folder = tempfile::tempdir().unwrap();
    let pools = json!([
        {"pool": "10.1.0.0 - 10.1.15.255", "client-class": "HA_server1"},
        {"pool": "10.2.0.0 - 10.2.15.255", "client-class": "HA_server2"}
    ]);
    let servers = place.pair("load-balancing", &pools, folder.path());
    let seen = |id: &str| servers.each_ref().map(|server| count(server, id));
    let before = ["HA_STATE_TRANSITION", "PEREGRINE_SOCKET_OPEN"].map(seen);
    let bases = servers.each_ref().map(written);
    let done = AtomicBool::new(false);
    let mut fleet = Fleet::new(BASE_MAC, CLIENTS);
    let tallies = std::thread::scope(|scope| {
        let running = scope.spawn(|| load(&place, &mut fleet, &done));
        for round in 1..=RELOADS {
            for (server, base) in servers.iter().zip(&bases) {
                let new = changed(base, round);
                match round % 3 {
                    0 => {
                        let mut whole = server.files();
                        whole.as_object_mut().unwrap().extend(new.as_object().unwrap().clone());
                        succeeds(server, "config-set", Some(json!({ "Dhcp4": whole })));
                    }
                    1 => {
                        server.configure(&new);
                        succeeds(server, "config-reload", None);
                    }
                    _ => {
                        server.configure(&new);
                        hang_up(server);
                    }
                }
            }
        }
        done.store(true, Ordering::Release);
        running.join().unwrap()
    });
    for tally in &tallies {
        let lost = (tally.offer.drops, tally.ack.drops);
        let refused = (tally.offer.rejected, tally.ack.rejected, tally.ack.wrong_address);
        assert_eq!((lost, refused, tally.completed), ((0, 0), (0, 0, 0), u64::from(CLIENTS)));
    }
    assert_eq!(fleet.duplicate_addresses(), 0);
    // The pair never left its state, and no socket was touched.
    assert_eq!(["HA_STATE_TRANSITION", "PEREGRINE_SOCKET_OPEN"].map(seen), before);
    assert_eq!(seen("PEREGRINE_SOCKET_CLOSED"), [0, 0]);
    for server in &servers {
        assert_eq!(server.ha()["local"]["state"], "load-balancing");
        let config = succeeds(server, "config-get", None);
        assert_eq!(config["arguments"]["Dhcp4"]["valid-lifetime"], 3600 + RELOADS);
    }
    // What is served is the last configuration.
    let mut late = Fleet::new([2, 0, 9, 0, 0, 0], 20);
    place.join_all(&mut late);
    for server in &servers {
        until("leases of the last configuration", PATIENCE, || {
            let of_late = |lease: &&Value| {
                lease["hw-address"].as_str().is_some_and(|mac| mac.starts_with("02:00:09"))
            };
            let leases = server.leases();
            let found: Vec<_> = leases.iter().filter(of_late).collect();
            let right = found.iter().all(|lease| lease["valid-lft"] == 3600 + RELOADS);
            if found.len() == 20 && right { Ok(()) } else { Err(format!("{found:?}")) }
        });
    }
}

/// A server alone and its whole configuration.
fn alone(place: &Loopback, folder: &std::path::Path) -> (Server, Value) {
    let mut server = Server::new(Kind::Peregrine, "lone", folder);
    server.configure(&place.configuration(0, &json!([{"pool": "10.1.0.0 - 10.1.0.99"}])));
    server.start_here(place);
    let whole = written(&server);
    (server, whole)
}

#[test]
fn what_is_refused_changes_nothing_and_is_told_with_its_place() {
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let (server, whole) = alone(&place, folder.path());
    let config = succeeds(&server, "config-get", None);
    let changes: [(&str, Value, &str); 6] = [
        ("valid-lifetime", json!("long"), "expected an integer"),
        ("no-such-word", json!(1), "unexpected keyword \"no-such-word\""),
        ("multi-threading", json!({"thread-pool-size": 7}), "another multi-threading"),
        ("lease-database", json!({"type": "memfile", "persist": false}), "another lease-database"),
        (
            "control-socket",
            json!({"socket-type": "unix", "socket-name": "/no/such/folder/s"}),
            "/no/such/folder/s",
        ),
        (
            "hooks-libraries",
            json!([{"library": "libdhcp_lease_cmds.so"}, {"library": "libdhcp_ha.so", "parameters":
                {"high-availability": [{"this-server-name": "a", "mode": "hot-standby", "peers": [
                    {"name": "a", "url": "http://127.0.0.1:8001/", "role": "primary"},
                    {"name": "b", "url": "http://127.0.0.1:8002/", "role": "standby"}]}]}}]),
            "the server was started without it",
        ),
    ];
    for (word, value, said) in changes {
        let mut new = whole.clone();
        new[word] = value;
        let answer = server.command(&json!({"command": "config-set", "arguments": {"Dhcp4": new}}));
        let text = answer["text"].as_str().unwrap_or_default();
        assert!(answer["result"] == 1 && text.contains(said), "{word}: {answer}");
        let has_place = text.contains("<wire>:") || word == "control-socket";
        assert!(has_place && text.ends_with("the configuration in use is kept"), "{text}");
        assert_eq!(succeeds(&server, "config-get", None)["arguments"], config["arguments"]);
    }
    server.configure_by("{ \"Dhcp4\": { \"valid-lifetime\": 5, } }\n{");
    let answer = server.command(&json!({"command": "config-reload"}));
    let place_of_it = format!("{}:2.1", file(&server).display());
    assert!(answer["text"].as_str().unwrap().contains(&place_of_it), "{answer}");
    for (arguments, text) in [
        (None, "Missing mandatory 'arguments' parameter."),
        (Some(json!({})), "Missing mandatory 'Dhcp4' parameter."),
        (Some(json!({"Dhcp4": []})), "'Dhcp4' parameter expected to be a map."),
    ] {
        for command in ["config-set", "config-test"] {
            let mut request = json!({ "command": command });
            if let Some(arguments) = &arguments {
                request["arguments"] = arguments.clone();
            }
            let answer = server.command(&request);
            assert_eq!(answer, json!({"result": 1, "text": text}), "{request}");
        }
    }
    // Clients are served as before.
    let mut fleet = Fleet::new(BASE_MAC, 20);
    place.join_all(&mut fleet);
}

#[test]
fn a_test_changes_nothing_and_what_was_written_is_read_again() {
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let (server, mut whole) = alone(&place, folder.path());
    whole["valid-lifetime"] = json!(1234);
    let given = json!({ "Dhcp4": whole });
    succeeds(&server, "config-test", Some(given.clone()));
    let lifetime = || {
        let answer = succeeds(&server, "config-get", None);
        answer["arguments"]["Dhcp4"]["valid-lifetime"].clone()
    };
    assert_eq!(lifetime(), 3600);
    let hash = || succeeds(&server, "config-hash-get", None)["arguments"].clone();
    let old = hash();
    assert!(old["hash"].as_str().is_some_and(|hash| hash.len() == 64), "{old}");
    let set = succeeds(&server, "config-set", Some(given));
    assert_eq!(lifetime(), 1234);
    assert_eq!(set["arguments"], hash());
    assert_ne!(old, hash());
    let before = succeeds(&server, "config-get", None);
    let answer = succeeds(&server, "config-write", Some(json!({"filename": "kept"})));
    let kept = server.folder().join("kept");
    assert_eq!(answer["arguments"]["filename"], json!(kept));
    assert_eq!(answer["arguments"]["size"], kept.metadata().unwrap().len());
    for elsewhere in ["/tmp/kept", "../kept", ".."] {
        let request = json!({"command": "config-write", "arguments": {"filename": elsewhere}});
        assert_eq!(server.command(&request)["result"], 1, "{elsewhere}");
    }
    // The file that the server was started by is still the old one; after this it is not.
    succeeds(&server, "config-reload", None);
    assert_eq!(lifetime(), 3600);
    std::fs::rename(&kept, file(&server)).unwrap();
    succeeds(&server, "config-reload", None);
    assert_eq!(succeeds(&server, "config-get", None)["arguments"], before["arguments"]);
    succeeds(&server, "config-write", None);
    succeeds(&server, "config-reload", None);
    assert_eq!(succeeds(&server, "config-get", None)["arguments"], before["arguments"]);
}

#[test]
fn only_what_changed_is_opened_and_closed() {
    let place = Loopback::new(2);
    let folder = tempfile::tempdir().unwrap();
    let (server, mut whole) = alone(&place, folder.path());
    let other = place.configuration(1, &json!([]));
    let [own, second] =
        [&whole, &other].map(|all| all["interfaces-config"]["interfaces"][0].clone());
    let opened = |address: &Value| {
        count(&server, &format!("listening on {} port", address.as_str().unwrap()))
    };
    whole["interfaces-config"]["interfaces"] = json!([own, second]);
    let (old_socket, new_socket) = (server.socket(), server.folder().join("second"));
    whole.as_object_mut().unwrap().remove("control-socket");
    let sockets =
        [&old_socket, &new_socket].map(|path| json!({"socket-type": "unix", "socket-name": path}));
    whole["control-sockets"] = json!(sockets);
    let log = server.folder().join("log-of-its-own");
    whole["loggers"] = json!([{
        "name": "kea-dhcp4", "severity": "INFO", "output-options": [{"output": log}]
    }]);
    let given = json!({ "Dhcp4": whole });
    assert_eq!((opened(&own), opened(&second)), (1, 0));
    succeeds(&server, "config-set", Some(given));
    assert!(old_socket.exists() && new_socket.exists());
    until("the log in its new place", PATIENCE, || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        let listens = text.contains(&format!("listening on {}", second.as_str().unwrap()));
        if listens && text.contains("DHCP4_CONFIG_COMPLETE") { Ok(()) } else { Err(text) }
    });
    assert_eq!(opened(&own), 1, "it stayed open");
    let mut fleet = Fleet::new(BASE_MAC, 20);
    place.join_all(&mut fleet);
    // And back: the second address and socket are closed, and the log is the old one.
    succeeds(&server, "config-reload", None);
    assert!(old_socket.exists() && !new_socket.exists());
    until("the log in its old place", PATIENCE, || {
        let text = server.log();
        let closed = format!("no longer listening on {}", second.as_str().unwrap());
        if text.contains(&closed) { Ok(()) } else { Err(text) }
    });
    assert_eq!(opened(&own), 1, "it stayed open");
}
