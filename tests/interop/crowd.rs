//! Many clients at once: exactly as many as there are addresses, and the demo, which shows a pair to newcomers.

use std::process::Command;

use perf::fleet::{BASE_MAC, Fleet};
use serde_json::{Value, json};

use crate::support::loopback::Loopback;
use crate::support::server::{Kind, Server};

/// Clients, and addresses.
const NUMBER: u32 = 1000;

fn exactly_enough() -> Value {
    json!([{"pool": "10.16.0.1 - 10.16.3.232"}])
}

/// All clients ask at the same moment; every one of them gets an address, and none is refused one. What the machine's
/// kernel drops is asked for again, as clients do.
fn all_are_acknowledged(place: &Loopback) {
    let mut fleet = Fleet::new(BASE_MAC, NUMBER);
    let mut completed = 0;
    for _ in 0..10 {
        let missing = fleet.without_lease();
        if missing.is_empty() {
            break;
        }
        let tally = place.join(&mut fleet, missing, NUMBER);
        completed += tally.completed;
        let refused = (tally.offer.rejected, tally.ack.rejected, tally.ack.wrong_address);
        assert_eq!(refused, (0, 0, 0), "{tally:?}");
    }
    assert_eq!((completed, fleet.duplicate_addresses()), (u64::from(NUMBER), 0));
}

#[test]
fn a_thousand_at_once_for_a_thousand_addresses() {
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::new(Kind::Peregrine, "lone", folder.path());
    server.configure(&place.configuration(0, &exactly_enough()));
    server.start_here(&place);
    all_are_acknowledged(&place);
    let statistics = server.statistics();
    assert_eq!((statistics["pkt4-nak-sent"], statistics["v4-allocation-fail"]), (0, 0));
    assert_eq!(server.leases().len(), NUMBER as usize);
    // The next one is out of luck, and the others keep what they have.
    let mut late = Fleet::new([2, 0, 9, 0, 0, 0], 1);
    assert_eq!(place.join(&mut late, vec![0], 1).completed, 0);
    assert_eq!(server.statistics()["v4-allocation-fail"], 1);
}

#[test]
fn a_thousand_at_once_before_a_pair() {
    let place = Loopback::new(2);
    let folder = tempfile::tempdir().unwrap();
    let servers = place.pair("hot-standby", &exactly_enough(), folder.path());
    all_are_acknowledged(&place);
    for server in &servers {
        assert_eq!(server.leases().len(), NUMBER as usize);
        assert_eq!(server.statistics()["pkt4-nak-sent"], 0);
    }
}

#[test]
fn the_demo_holds_and_says_what_it_checked() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_peregrine"))
        .args(["demo", "--clients", "200", "--json"])
        .env("TMPDIR", folder.path())
        .output()
        .unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success() && told["held"] == true, "{told:#}");
    let checks = told["checks"].as_array().unwrap();
    assert!(checks.iter().all(|check| check["held"] == true), "{told:#}");
    for what in [
        "every client got a lease",
        "both servers know every lease",
        "the clients of the dead server keep their leases",
        "newcomers get leases from the survivor",
        "the server came back by synchronising",
        "the returned server knows every lease",
        "no address has two clients",
    ] {
        assert!(checks.iter().any(|check| check["what"] == what), "{what}: {told:#}");
    }
    assert_eq!(told["measured"]["duplicate-addresses"], 0);
    assert_eq!(told["measured"]["served"]["leases"], 200);
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "the demo left files: {left:?}");
}
