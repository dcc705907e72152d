//! Every configuration of `examples/`, and the seed that the first pair was asked for with, serves its clients: only
//! addresses, interfaces and the paths of files are replaced.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::pair::numbers;
use crate::support::net::{self, Lan};
use crate::support::server::{Kind, PATIENCE, Server};
use crate::support::wait::until;

/// The first octets of the hardware addresses of phones and of laptops.
const PHONES: &str = "02:aa:00:00";
const LAPTOPS: &str = "02:bb:00:00";
/// Clients of each kind: fewer than the smallest pool has addresses.
const CLIENTS: u32 = 16;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn seed() -> PathBuf {
    root().join("engine/tests/data/seeds/seed-ha-load-balancing-server2-mt.json")
}

/// A server on `host` with this configuration file, its files moved to a folder of its own; not started yet.
fn server(host: &'static str, file: &Path, folder: &Path) -> Server {
    let server = Server::new(Kind::Peregrine, host, folder);
    server.configure_by(&with_files(file, &server.socket(), &server.lease_file()));
    server
}

/// A configuration file with other files in it.
fn with_files(file: &Path, socket: &Path, leases: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    text.replace("/run/kea/kea4-ctrl-socket", socket.to_str().unwrap())
        .replace("/tmp/kea4-ctrl-socket", socket.to_str().unwrap())
        .replace("/var/lib/kea/kea-leases4.csv", leases.to_str().unwrap())
}

/// The text of an example with other files in it.
pub(crate) fn example_text(name: &str, socket: &Path, leases: &Path) -> String {
    with_files(&root().join("examples").join(name), socket, leases)
}

fn example(host: &'static str, name: &str, folder: &Path) -> Server {
    server(host, &root().join("examples").join(name), folder)
}

/// Lets clients get leases through the relay `host`; all of them must.
fn drive(lan: &Lan, host: &str, base: &str, more: &[&str]) {
    let clients = CLIENTS.to_string();
    let output = lan
        .on(host, "perfdhcp")
        .args(["-4", "-l", "eth0", "-L", "67", "-r", "50", "-u", "-W", "1000000"])
        .args(["-R", &clients, "-n", &clients, "-b", &format!("mac={base}:00:00")])
        .args(more)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    let (sent, received) =
        (numbers(&report, "sent packets: "), numbers(&report, "received packets: "));
    // On a busy machine perfdhcp sends more than it was told to: a client of the first ones asks again.
    let enough = sent.len() == 2 && sent.iter().all(|number| *number >= CLIENTS);
    assert!(enough && sent == received, "{report}");
}

/// The last octets of the addresses that clients whose hardware address begins with `base` hold.
fn octets(server: &Server, base: &str) -> BTreeSet<u8> {
    let text = |lease: &Value, key: &str| lease[key].as_str().unwrap().to_owned();
    let leases = server.leases().into_iter();
    let held = leases.filter(|lease| text(lease, "hw-address").starts_with(base));
    held.map(|lease| text(&lease, "ip-address").rsplit('.').next().unwrap().parse().unwrap())
        .collect()
}

fn udhcpc(lan: &Lan, folder: &Path) -> Output {
    let script = folder.join("script");
    fs::write(&script, "#!/bin/sh\necho $1: $ip $router $dns $domain $lease\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let mut client = lan.on("client", "udhcpc");
    client.args(["-f", "-n", "-q", "-i", "eth0", "-t", "20", "-T", "1", "-s"]).arg(script);
    client.output().unwrap()
}

#[test]
fn every_example_is_run_by_a_test() {
    let names: BTreeSet<String> = fs::read_dir(root().join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let source = concat!(include_str!("examples.rs"), include_str!("one_file.rs"));
    for name in &names {
        let file = root().join("examples").join(name);
        let mut check = Command::new(env!("CARGO_BIN_EXE_peregrine"));
        if name == "ha-one-file.json" {
            check.env("PEREGRINE_SERVER_NAME", "server2");
        }
        let check = check.arg("-t").arg(file).output().unwrap();
        assert!(check.status.success() && check.stderr.is_empty(), "{name}: {check:?}");
        assert!(source.contains(&format!("\"{name}\"")), "no test runs {name}");
    }
}

#[test]
fn single_server() {
    if !net::is_possible("a server of clients on its link") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let lan = Lan::new(&[("server", "192.0.2.1/24 brd +"), ("client", "")]);
    let mut server = example("server", "single-server.json", folder.path());
    server.start(&lan);
    let client = udhcpc(&lan, folder.path());
    let told = String::from_utf8_lossy(&client.stdout).into_owned();
    let expected = "bound: 192.0.2.100 192.0.2.1 192.0.2.53 192.0.2.54 example.org 28800";
    assert!(told.contains(expected), "{client:?}");
    assert_eq!(server.leases().len(), 1);
}

#[test]
fn relay_only() {
    if !net::is_possible("a server behind two relays") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let lan = Lan::new(&[
        ("server", "10.0.0.1/16"),
        ("laboratory", "10.0.0.10/16"),
        ("office", "10.10.0.1/16"),
    ]);
    for (host, network) in [("server", "10.10.0.0/16"), ("office", "10.0.0.0/16")] {
        net::run("ip", &["-n", &lan.namespace(host), "route", "add", network, "dev", "eth0"]);
    }
    let mut server = example("server", "relay-only.json", folder.path());
    server.start(&lan);
    drive(&lan, "laboratory", PHONES, &["10.0.0.1"]);
    drive(&lan, "office", LAPTOPS, &["10.0.0.1"]);
    let in_subnet = |id: u64| server.leases().iter().filter(|l| l["subnet-id"] == id).count();
    assert_eq!((in_subnet(10), in_subnet(20)), (16, 16));
}

/// Starts a pair and returns it in its normal state.
fn pair(lan: &Lan, files: [PathBuf; 2], state: &str, folder: &Path) -> [Server; 2] {
    let [one, two] = files;
    let mut servers = [server("one", &one, folder), server("two", &two, folder)];
    for server in &mut servers {
        server.start(lan);
    }
    for server in &servers {
        server.wait_for_state(&[state]);
    }
    servers
}

pub(crate) fn pair_lan() -> Lan {
    let one = ("one", "192.168.56.33/24 brd +");
    Lan::new(&[one, ("two", "192.168.56.66/24 brd +"), ("relay", "192.168.56.1/24 brd +")])
}

/// Phones and laptops get addresses of their kind's pools, from both servers, and both servers know all of them.
fn phones_and_laptops(files: [PathBuf; 2]) {
    if !net::is_possible("a load-balancing pair") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let lan = pair_lan();
    let servers = pair(&lan, files, "load-balancing", folder.path());
    drive(&lan, "relay", PHONES, &["-o", "60,416173747261204950"]);
    drive(&lan, "relay", LAPTOPS, &["-o", "60,4D53465420352E30"]);
    until("leases at both", PATIENCE, || {
        let counts = servers.each_ref().map(|server| server.leases().len());
        if counts == [2 * CLIENTS as usize; 2] { Ok(()) } else { Err(counts) }
    });
    for server in &servers {
        let (phones, laptops) = (octets(server, PHONES), octets(server, LAPTOPS));
        assert!(phones.iter().all(|o| matches!(o, 100..=125 | 200..=225)), "{phones:?}");
        assert!(laptops.iter().all(|o| matches!(o, 126..=150 | 226..=250)), "{laptops:?}");
        for kind in [&phones, &laptops] {
            let first = kind.iter().filter(|octet| **octet <= 150).count();
            assert!((1..16).contains(&first), "one server served all: {kind:?}");
        }
    }
}

/// Phones get addresses, of which both servers know.
pub(crate) fn phones(lan: &Lan, servers: &[Server; 2]) {
    drive(lan, "relay", PHONES, &[]);
    until("leases at both", PATIENCE, || {
        let counts = servers.each_ref().map(|server| server.leases().len());
        if counts == [CLIENTS as usize; 2] { Ok(()) } else { Err(counts) }
    });
}

fn example_files(names: [&str; 2]) -> [PathBuf; 2] {
    names.map(|name| root().join("examples").join(name))
}

#[test]
fn ha_load_balancing() {
    phones_and_laptops(example_files([
        "ha-load-balancing-server1.json",
        "ha-load-balancing-server2.json",
    ]));
}

/// The seed is the second server, as it was written for Kea 3; the first is our example.
#[test]
fn the_seed_as_one_half_of_a_pair() {
    let [one, _] = example_files(["ha-load-balancing-server1.json"; 2]);
    phones_and_laptops([one, seed()]);
}

#[test]
fn ha_hot_standby() {
    if !net::is_possible("a hot-standby pair") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let lan = pair_lan();
    let files = example_files(["ha-hot-standby-server1.json", "ha-hot-standby-server2.json"]);
    let servers = pair(&lan, files, "hot-standby", folder.path());
    phones(&lan, &servers);
    assert!(servers[0].statistics()["pkt4-ack-sent"] >= u64::from(CLIENTS));
    assert_eq!(servers[1].statistics()["pkt4-sent"], 0);
}

/// Each branch serves its subnet, the hub has the leases of both, and serves for the branch that dies.
#[test]
fn ha_hub_and_spoke() {
    if !net::is_possible("a hub and two branches") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let lan = Lan::new(&[
        ("hub", "192.168.56.33/24 brd +"),
        ("one", "192.168.56.66/24 brd +"),
        ("two", "192.168.56.99/24 brd +"),
        ("relay1", "192.168.56.1/24 brd +"),
        ("relay2", "192.168.56.2/24 brd +"),
    ]);
    let files = [
        ("hub", "ha-hub-and-spoke-central.json"),
        ("one", "ha-hub-and-spoke-branch1.json"),
        ("two", "ha-hub-and-spoke-branch2.json"),
    ];
    let mut servers = files.map(|(host, name)| example(host, name, folder.path()));
    for server in &mut servers {
        server.start(&lan);
    }
    for server in &servers {
        server.wait_for_state(&["hot-standby"]);
    }
    drive(&lan, "relay1", PHONES, &[]);
    drive(&lan, "relay2", LAPTOPS, &[]);
    until("leases at all", PATIENCE, || {
        let counts = servers.each_ref().map(|server| server.leases().len());
        let one = CLIENTS as usize;
        if counts == [2 * one, one, one] { Ok(()) } else { Err(counts) }
    });
    assert_eq!(servers[0].statistics()["pkt4-sent"], 0);
}
