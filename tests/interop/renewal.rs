//! Other parameters of High Availability, and renewed certificates, for a pair that runs: no process is restarted, and
//! the leases stay.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;

use perf::fleet::{BASE_MAC, Fleet};
use serde_json::{Value, json};

use crate::certificates::Authority;
use crate::reload::{count, succeeds, written};
use crate::support::loopback::Loopback;
use crate::support::server::{PATIENCE, Server};
use crate::support::wait::until;
use crate::tls::{Papers, relationship};

const CLIENTS: u32 = 40;

fn load_balancing(place: &Loopback, folder: &Path) -> [Server; 2] {
    let pools = json!([
        {"pool": "10.1.0.0 - 10.1.0.255", "client-class": "HA_server1"},
        {"pool": "10.2.0.0 - 10.2.0.255", "client-class": "HA_server2"}
    ]);
    place.pair("load-balancing", &pools, folder)
}

/// Gives the server another configuration by its file, and waits until the pair is in `state`.
fn take_over(server: &Server, all: &Value, state: &str) {
    server.configure(all);
    succeeds(server, "config-reload", None);
    server.wait_for_state(&[state]);
}

fn addresses(server: &Server) -> BTreeSet<String> {
    let leases = server.leases();
    leases.iter().map(|lease| lease["ip-address"].as_str().unwrap().to_owned()).collect()
}

fn wait_for_leases(servers: &[Server], number: usize) -> BTreeSet<String> {
    until("the same leases at both", PATIENCE, || {
        let [one, other] = [0, 1].map(|place: usize| addresses(&servers[place]));
        if one.len() == number && one == other { Ok(one) } else { Err((one.len(), other.len())) }
    })
}

#[test]
fn other_parameters_are_taken_over_without_a_restart() {
    let place = Loopback::new(2);
    let folder = tempfile::tempdir().unwrap();
    let servers = load_balancing(&place, folder.path());
    let pids = servers.each_ref().map(Server::pid);
    let mut fleet = Fleet::new(BASE_MAC, CLIENTS);
    place.join_all(&mut fleet);
    let given = wait_for_leases(&servers, CLIENTS as usize);

    // What nobody can listen on is refused, and nothing is stopped.
    let mut wrong = written(&servers[0]);
    let own = relationship(&mut wrong)["peers"][0]["url"].as_str().unwrap().to_owned();
    let host = own.trim_start_matches("http://").split(':').next().unwrap().to_owned();
    let taken = TcpListener::bind((host.as_str(), 0)).unwrap();
    let url = format!("http://{}/", taken.local_addr().unwrap());
    relationship(&mut wrong)["peers"][0]["url"] = json!(url);
    let request = json!({"command": "config-set", "arguments": {"Dhcp4": wrong}});
    let answer = servers[0].command(&request);
    let text = answer["text"].as_str().unwrap();
    assert!(answer["result"] == 1 && text.contains("cannot listen on"), "{answer}");
    assert_eq!(servers[0].ha()["local"]["state"], "load-balancing");

    // Timers, and where the servers listen: one after the other.
    let urls = place.urls();
    for round in 0..2 {
        for server in &servers {
            let mut new = written(server);
            let it = relationship(&mut new);
            it["heartbeat-delay"] = json!(200 + round);
            for (peer, url) in it["peers"].as_array_mut().unwrap().iter_mut().zip(&urls) {
                peer["url"] = json!(url);
            }
            server.configure(&new);
            succeeds(server, "config-reload", None);
        }
        servers.iter().for_each(|server| server.wait_for_state(&["load-balancing"]));
    }
    assert_eq!(servers.each_ref().map(|server| count(server, "PEREGRINE_HA_REBUILT")), [2, 2]);
    assert_eq!(wait_for_leases(&servers, CLIENTS as usize), given);

    // Another mode.
    for server in &servers {
        let mut new = written(server);
        relationship(&mut new)["mode"] = json!("hot-standby");
        relationship(&mut new)["peers"][1]["role"] = json!("standby");
        new["subnet4"][0]["pools"] = json!([
            {"pool": "10.1.0.0 - 10.1.0.255", "client-class": "HA_server1"}
        ]);
        server.configure(&new);
        succeeds(server, "config-reload", None);
    }
    servers.iter().for_each(|server| server.wait_for_state(&["hot-standby"]));
    let mut late = Fleet::new([2, 0, 9, 0, 0, 0], CLIENTS);
    place.join_all(&mut late);
    let all = wait_for_leases(&servers, 2 * CLIENTS as usize);
    assert!(all.is_superset(&given));
    assert_eq!(servers.each_ref().map(Server::pid), pids);

    // What is not about the relationship leaves it alone.
    let before = servers.each_ref().map(|server| count(server, "HA_STATE_TRANSITION"));
    for server in &servers {
        let mut new = written(server);
        new["valid-lifetime"] = json!(1800);
        relationship(&mut new)["comment"] = json!("as before");
        take_over(server, &new, "hot-standby");
    }
    let after = servers.each_ref().map(|server| count(server, "HA_STATE_TRANSITION"));
    assert_eq!(
        (after, servers.each_ref().map(|it| count(it, "PEREGRINE_HA_REBUILT"))),
        (before, [3, 3])
    );
}

/// The authority's time is over, too: both servers get certificates of a new one under the names of the old files. One
/// of them is restarted then, and has forgotten the old ones; the other still runs.
#[test]
fn renewed_certificates_are_taken_over_without_a_restart() {
    let place = Loopback::new(2);
    let folder = tempfile::tempdir().unwrap();
    let mut servers = load_balancing(&place, folder.path());
    let old = Authority::new(folder.path(), "old");
    let papers = Papers::of(&old);
    for (index, server) in servers.iter().enumerate() {
        let mut all = written(server);
        papers.secure(&mut all, index, true);
        server.configure(&all);
        succeeds(server, "config-reload", None);
    }
    servers.iter().for_each(|server| server.wait_for_state(&["load-balancing"]));
    let renewed = |servers: &[Server; 2]| {
        servers.each_ref().map(|server| count(server, "PEREGRINE_HA_CERTIFICATES_RENEWED"))
    };
    let read_again = |servers: &[Server; 2]| {
        servers.iter().for_each(|server| drop(succeeds(server, "config-reload", None)));
    };
    let rebuilt = servers.each_ref().map(|server| count(server, "PEREGRINE_HA_REBUILT"));
    read_again(&servers);
    assert_eq!(renewed(&servers), [0, 0], "nothing is new");

    // First both believe both authorities, then they show the new certificates, then they forget the old one.
    let old_text = fs::read(&old.certificate).unwrap();
    let new = Authority::new(folder.path(), "new");
    let new_text = fs::read(&new.certificate).unwrap();
    fs::write(&old.certificate, [&old_text[..], &new_text].concat()).unwrap();
    read_again(&servers);
    // Its certificates come under the names of the files that are in use.
    drop(Papers::of(&new));
    read_again(&servers);
    fs::write(&old.certificate, &new_text).unwrap();
    read_again(&servers);
    until("the certificates read again", PATIENCE, || match renewed(&servers) {
        [3, 3] => Ok(()),
        other => Err(other),
    });

    let transitions = count(&servers[0], "HA_STATE_TRANSITION");
    servers[1].kill();
    servers[1].start_here(&place);
    servers.iter().for_each(|server| server.wait_for_state(&["load-balancing"]));
    assert!(count(&servers[0], "HA_STATE_TRANSITION") >= transitions);
    let mut fleet = Fleet::new(BASE_MAC, CLIENTS);
    place.join_all(&mut fleet);
    wait_for_leases(&servers, CLIENTS as usize);
    assert_eq!(count(&servers[0], "PEREGRINE_HA_REBUILT"), rebuilt[0]);
}
