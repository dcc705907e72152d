//! One server behind a relay, driven by perfdhcp; its lease file across restarts and between programs.

use std::collections::BTreeMap;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::net::{self, Lan};
use crate::support::server::{Kind, Server};

fn configuration() -> Value {
    json!({
        "interfaces-config": {"interfaces": ["eth0"]},
        "multi-threading": {"enable-multi-threading": true, "thread-pool-size": 2},
        "valid-lifetime": 3600,
        "hooks-libraries": [
            {"library": "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_lease_cmds.so"}
        ],
        "subnet4": [{
            "id": 1, "subnet": "10.0.0.0/16", "pools": [{"pool": "10.0.16.0 - 10.0.255.254"}],
            "relay": {"ip-address": "10.0.0.10"}
        }]
    })
}

fn lan() -> Lan {
    Lan::new(&[("server", "10.0.0.1/16"), ("relay", "10.0.0.10/16")])
}

/// Runs as many exchanges at `rate` per second; returns perfdhcp's report.
fn drive(lan: &Lan, base: &str, rate: u32, clients: u32) -> String {
    let (rate, clients) = (rate.to_string(), clients.to_string());
    let output = lan
        .on("relay", "perfdhcp")
        .args(["-4", "-l", "eth0", "-L", "67", "-r", &rate, "-R", &clients, "-n", &clients])
        .args(["-b", &format!("mac={base}"), "-u", "-W", "1000000", "10.0.0.1"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Every lease, all of it, by address.
fn all_of(server: &Server) -> BTreeMap<String, Value> {
    let leases = server.leases().into_iter();
    leases.map(|lease| (lease["ip-address"].to_string(), lease)).collect()
}

#[test]
fn a_thousand_leases_a_second_through_a_relay_lose_none() {
    if !net::is_possible("perfdhcp through a relay") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let lan = lan();
    let mut server = Server::new(Kind::Peregrine, "server", folder.path());
    let mut configuration = configuration();
    // Room for the bursts in which a generator on a busy machine catches up.
    configuration["multi-threading"]["packet-queue-size"] = json!(4096);
    server.configure(&configuration);
    server.start(&lan);
    let mut reports = Vec::new();
    for turn in 0..3 {
        let report = drive(&lan, &format!("02:00:00:{turn:02x}:00:00"), 1000, 5000);
        let statistics = server.statistics();
        let of = |name: &str| statistics[name];
        let lost = of("pkt4-receive-drop") + of("peregrine-kernel-drop");
        assert_eq!(lost, 0, "lost by the server: {statistics:?}");
        let answered = (of("pkt4-offer-sent"), of("pkt4-ack-sent"));
        assert_eq!(answered, (of("pkt4-discover-received"), of("pkt4-request-received")));
        if report.matches("drops: 0\n").count() == 2 {
            assert!(all_of(&server).len() >= 5000);
            return;
        }
        // The generator got no turn for so long that its own answers ran over.
        reports.push(report);
    }
    panic!("every run lost some:\n{}", reports.join("\n"));
}

/// Starts the programs one after the other on one lease file: each finds what the ones before it wrote, though
/// each is killed on the spot.
fn one_file_for(programs: &[Kind]) {
    if !net::is_possible("a lease file between servers") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let lan = lan();
    let mut known = BTreeMap::new();
    for (turn, kind) in programs.iter().enumerate() {
        let mut server = Server::new(*kind, "server", folder.path());
        server.configure(&configuration());
        server.start(&lan);
        assert_eq!(all_of(&server), known, "what {kind:?} read in turn {turn}");
        drive(&lan, &format!("02:00:00:00:{turn:02x}:00"), 200, 100);
        let before = known.len();
        known = all_of(&server);
        // Kea may lose some of them on a busy machine.
        assert!(known.len() > before + 50, "{kind:?} added {}", known.len() - before);
        server.kill();
    }
}

#[test]
fn a_restart_knows_every_lease_that_was_acknowledged() {
    one_file_for(&[Kind::Peregrine, Kind::Peregrine, Kind::Peregrine]);
}

#[test]
fn kea_and_peregrine_read_each_others_lease_files() {
    one_file_for(&[Kind::Kea, Kind::Peregrine, Kind::Kea, Kind::Peregrine]);
}
