//! A pair of Peregrines whose configurations differ in one subnet: with `conflict-resolution` at `repair` it goes on, names
//! the difference, and serves everybody else; without, it ends as a pair of Keas does, after so many refused clients.

use std::net::SocketAddrV4;
use std::path::Path;
use std::sync::Arc;

use perf::fleet::Fleet;
use serde_json::{Value, json};

use crate::pair::{Mode, configuration};
use crate::site::{pages, state_of};
use crate::support::behind_relay::BehindRelay;
use crate::support::net::{self, Lan};
use crate::support::server::{Kind, PATIENCE, Server};
use crate::support::wait::until;
use crate::tls::relationship;

/// Clients with refused updates that end a pair.
const MAX_REJECTED: u32 = 5;
/// Clients of the subnet in which the two differ.
const STRANGERS: u32 = 20;
/// Of the other one.
const GUESTS: u32 = 20;

struct Office {
    servers: [Server; 2],
    /// Behind a relay of the common subnet, and of the other one.
    guests: Arc<BehindRelay>,
    strangers: Arc<BehindRelay>,
    _lan: Lan,
}

/// A server's configuration: the second subnet is the office's, or a mistake.
fn dhcp4(name: &str, resolution: Option<&str>, office: &str) -> Value {
    let mut all = configuration(Mode::LoadBalancing, name);
    let relationship = relationship(&mut all);
    relationship["max-rejected-lease-updates"] = json!(MAX_REJECTED);
    if let Some(resolution) = resolution {
        relationship["conflict-resolution"] = json!(resolution);
    }
    let pool = |range: &str, class: &str| json!({"pool": range.replace("N", office), "client-class": class});
    let subnets = all["subnet4"].as_array_mut().unwrap();
    subnets.push(json!({
        "id": 2, "subnet": format!("10.{office}.0.0/16"),
        "pools": [pool("10.N.16.0/24", "HA_server1"), pool("10.N.32.0/24", "HA_server2")]
    }));
    all
}

impl Office {
    /// Both in normal operation; the second server has another network in the place of the office's.
    fn start(folder: &Path, resolution: Option<&str>) -> Self {
        let lan = Lan::new(&[
            ("one", "10.0.0.1/16"),
            ("two", "10.0.0.2/16"),
            ("relay", "10.0.0.10/16"),
            ("office", "10.1.0.1/16"),
        ]);
        for (host, network) in
            [("one", "10.1.0.0/16"), ("two", "10.1.0.0/16"), ("office", "10.0.0.0/16")]
        {
            net::run("ip", &["-n", &lan.namespace(host), "route", "add", network, "dev", "eth0"]);
        }
        let mut servers = ["one", "two"].map(|host| Server::new(Kind::Peregrine, host, folder));
        for (server, (name, office)) in servers.iter_mut().zip([("server1", "1"), ("server2", "2")])
        {
            server.configure(&dhcp4(name, resolution, office));
            server.start(&lan);
        }
        for server in &servers {
            server.wait_for_state(&["load-balancing"]);
        }
        let places = ["10.0.0.1:67", "10.0.0.2:67"].map(|at| at.parse::<SocketAddrV4>().unwrap());
        let relay = |host, at: &str| {
            let at = at.parse().unwrap();
            Arc::new(lan.within(host, || BehindRelay::open(at, places.to_vec())))
        };
        let guests = relay("relay", "10.0.0.10:67");
        let strangers = relay("office", "10.1.0.1:67");
        Self { servers, guests, strangers, _lan: lan }
    }

    /// Clients of the common subnet get leases, of which both servers know.
    fn serve(&self) -> Fleet {
        let mut fleet = Fleet::new([2, 0, 1, 0, 0, 0], GUESTS);
        self.guests.join_all(&mut fleet);
        let promised: Vec<String> =
            fleet.leases().map(|(_, lease)| lease.address.to_string()).collect();
        until("the leases at both", PATIENCE, || {
            let missing = self.servers.iter().flat_map(|server| {
                let known = pages(server);
                promised.iter().filter(move |it| !known.contains_key(*it)).collect::<Vec<_>>()
            });
            let missing: Vec<_> = missing.collect();
            if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?}")) }
        });
        fleet
    }

    /// Clients of the other one ask once; gives how many were served.
    fn ask_for_more(&self, fleet: &mut Fleet) -> u64 {
        let missing = fleet.without_lease();
        self.strangers.join(fleet, missing, 5).completed
    }

    fn states(&self) -> [String; 2] {
        self.servers.each_ref().map(state_of)
    }
}

fn strangers() -> Fleet {
    Fleet::new([2, 0, 2, 0, 0, 0], STRANGERS)
}

fn drift(server: &Server) -> Value {
    let status = server.command(&json!({"command": "status-get"}));
    status["arguments"]["high-availability"][0]["peregrine"]["drift"].clone()
}

fn wait_for_drift(office: &Office, expected: &Value) {
    until("the difference at both", PATIENCE, || {
        let seen = office.servers.each_ref().map(drift);
        if seen.iter().all(|drift| drift == expected) { Ok(()) } else { Err(seen) }
    });
}

#[test]
fn with_repair_a_pair_goes_on_and_names_the_subnet_in_which_it_differs() {
    if !net::is_possible("a pair with two subnets") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let office = Office::start(folder.path(), Some("repair"));
    wait_for_drift(&office, &json!(["subnet4[id 2]"]));
    let mut fleet = strangers();
    let disputed = || office.servers[0].statistics()["peregrine-ha-leases-disputed"];
    until("refusals of more clients than may be", PATIENCE, || {
        assert_eq!(office.ask_for_more(&mut fleet), 0, "what the partner does not know of");
        if disputed() > u64::from(2 * MAX_REJECTED) { Ok(()) } else { Err(disputed()) }
    });
    let mut guests = office.serve();
    assert_eq!(office.states(), ["load-balancing"; 2]);
    for id in ["PEREGRINE_HA_CONFIG_DRIFT", "PEREGRINE_HA_LEASE_DISPUTED"] {
        let log = office.servers[0].log();
        let told = |line: &&str| line.contains(id) && line.contains("subnet4[id 2]");
        assert!(log.lines().any(|line| told(&line)), "{id}: {log}");
    }

    // The second server is given the right network: everybody is served, and keeps what he has.
    let held: Vec<_> = guests.leases().collect();
    let right = &office.servers[1];
    right.configure(&dhcp4("server2", Some("repair"), "1"));
    assert_eq!(right.command(&json!({"command": "config-reload"}))["result"], 0);
    wait_for_drift(&office, &json!([]));
    office.strangers.join_all(&mut fleet);
    until("equal leases", PATIENCE, || {
        let [one, two] = office.servers.each_ref().map(pages);
        let number = (STRANGERS + GUESTS) as usize;
        if one == two && one.len() == number { Ok(()) } else { Err((one.len(), two.len())) }
    });
    office.guests.rebind(&mut guests, (0..GUESTS).collect(), 16);
    let same = |(client, before): &(u32, perf::fleet::Lease)| {
        guests.lease(*client).is_some_and(|now| now.address == before.address)
    };
    assert!(held.iter().all(same));
    assert_eq!(office.states(), ["load-balancing"; 2]);
}

#[test]
fn without_repair_refused_clients_end_the_pair() {
    if !net::is_possible("a pair with two subnets") {
        return;
    }
    for resolution in [None, Some("terminate")] {
        let folder = tempfile::tempdir().unwrap();
        let office = Office::start(folder.path(), resolution);
        wait_for_drift(&office, &json!(["subnet4[id 2]"]));
        let mut fleet = strangers();
        until("termination", PATIENCE, || {
            office.ask_for_more(&mut fleet);
            let states = office.states();
            if states == ["terminated"; 2] { Ok(()) } else { Err(states) }
        });
        assert_eq!(office.servers[0].statistics()["peregrine-ha-leases-disputed"], 0);
        let log = office.servers[0].log();
        assert!(log.contains("HA_LEASE_UPDATE_REJECTS_CAUSED_TERMINATION"), "{log}");
    }
}
