//! Whose leases count between Peregrine and Kea 2.2: what ends while the other is away ends there, too, either way round,
//! and a client that was promised an address keeps it against an older update.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::pair::{Mode, Pair, configuration};
use crate::support::net;
use crate::support::server::{Kind, PATIENCE};
use crate::support::wait::until;

/// The addresses that both servers list; waits until they are this many.
fn addresses(pair: &Pair, clients: usize) -> Vec<String> {
    pair.wait_for_equal_leases(clients);
    let leases = pair.servers[0].leases().into_iter().filter(|lease| lease["state"] == 0);
    leases.map(|lease| lease["ip-address"].as_str().unwrap().to_owned()).collect()
}

/// Deletes these leases at one server, which does not tell the other.
fn delete(pair: &Pair, server: usize, addresses: &[String]) {
    for address in addresses {
        let arguments = json!({"ip-address": address});
        let request = json!({"command": "lease4-del", "arguments": arguments});
        assert_eq!(pair.servers[server].command(&request)["result"], 0, "{address}");
    }
}

/// Whether Peregrine has written down that its partner knows every lease.
fn is_paired(pair: &Pair, ours: usize) -> bool {
    let mut file = pair.servers[ours].lease_file().into_os_string();
    file.push(if ours == 0 { ".paired-server1-server2" } else { ".paired-server2-server1" });
    std::fs::exists(file).unwrap()
}

fn what_ends_at_one_ends_at_both(mode: Mode, ours: usize) {
    if !net::is_possible("a pair of servers in network namespaces") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut kinds = [Kind::Kea; 2];
    kinds[ours] = Kind::Peregrine;
    let configurations = ["server1", "server2"].map(|name| configuration(mode, name));
    let mut pair = Pair::start_with(mode, kinds, folder.path(), &configurations);
    pair.wait_until_normal();
    pair.drive("02:00:00:00:01:00", 12);
    let all = addresses(&pair, 12);
    until("a note that the partner knows all", PATIENCE, || {
        is_paired(&pair, ours).then_some(()).ok_or(())
    });

    let theirs = 1 - ours;
    pair.servers[theirs].kill();
    pair.servers[ours].wait_for_state(&["partner-down"]);
    assert!(!is_paired(&pair, ours), "it serves alone");
    delete(&pair, ours, &all[..4]);
    let lan = &pair.lan;
    pair.servers[theirs].start(lan);
    pair.wait_until_normal();
    assert_eq!(addresses(&pair, 8), all[4..]);
    until("a note that the partner knows all", PATIENCE, || {
        is_paired(&pair, ours).then_some(()).ok_or(())
    });

    pair.servers[ours].kill();
    pair.servers[theirs].wait_for_state(&["partner-down"]);
    delete(&pair, theirs, &all[4..7]);
    let lan = &pair.lan;
    pair.servers[ours].start(lan);
    pair.wait_until_normal();
    assert_eq!(addresses(&pair, 5), all[7..]);
}

#[test]
fn leases_end_at_our_primary_and_keas_secondary() {
    what_ends_at_one_ends_at_both(Mode::LoadBalancing, 0);
}

#[test]
fn leases_end_at_keas_primary_and_our_standby() {
    what_ends_at_one_ends_at_both(Mode::HotStandby, 1);
}

/// Sends Kea's update to the first server; gives the answer.
fn update(pair: &Pair, lease: &Value, client: &str, cltt_s: u64) -> Value {
    let lifetime = lease["valid-lft"].as_u64().unwrap();
    let arguments = json!({
        "expire": cltt_s + lifetime, "force-create": true, "hw-address": client,
        "ip-address": lease["ip-address"], "state": 0, "subnet-id": 1, "valid-lft": lifetime
    });
    let request = json!({"command": "lease4-update", "service": ["dhcp4"], "arguments": arguments});
    let body = request.to_string();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: application/json\r\n\r\n",
        body.len()
    );
    let text = pair.lan.within("two", || {
        let mut stream = TcpStream::connect("10.0.0.1:8000").unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all((head + &body).as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    });
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    body.parse::<Value>().unwrap()[0].take()
}

/// The leases are given by the whole way of a packet: its reply is what promises the address.
#[test]
fn a_promise_stands_against_an_older_update() {
    if !net::is_possible("a pair of servers in network namespaces") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mode = Mode::HotStandby;
    let configurations = ["server1", "server2"].map(|name| configuration(mode, name));
    let kinds = [Kind::Peregrine, Kind::Kea];
    let pair = Pair::start_with(mode, kinds, folder.path(), &configurations);
    pair.wait_until_normal();
    pair.drive("02:00:00:00:01:00", 3);
    addresses(&pair, 3);
    let server = &pair.servers[0];
    let lease = server.leases()[0].clone();
    let (holder, cltt_s) = (lease["hw-address"].as_str().unwrap(), lease["cltt"].as_u64().unwrap());
    let stranger = "02:00:00:00:99:99";

    let answer = update(&pair, &lease, stranger, cltt_s - 1);
    assert_eq!(answer["result"], 1, "as a Kea 2.2 understands it: {answer}");
    assert!(answer["text"].as_str().unwrap().contains(holder), "{answer}");
    assert_eq!(server.leases()[0], lease);
    assert_eq!(server.statistics()["peregrine-ha-updates-refused"], 1);
    let told = |line: &str| {
        line.contains("PEREGRINE_HA_UPDATE_REFUSED")
            && line.contains(holder)
            && line.contains(stranger)
    };
    until("the line in the log", PATIENCE, || {
        let log = server.log();
        if log.lines().any(told) { Ok(()) } else { Err(log) }
    });
    assert_eq!(update(&pair, &lease, holder, cltt_s - 1)["result"], 0, "the same client");
    assert_eq!(update(&pair, &lease, stranger, cltt_s + 1)["result"], 0, "a later one");
    assert_eq!(server.statistics()["peregrine-ha-updates-refused"], 1);
}
