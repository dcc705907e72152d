//! An address has at most one request under way: a lease is released and given anew while one connection to the partner
//! is held up and another overtakes it. The partner is played by the test, over HTTP.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, mpsc};

use engine::clock::{Clock, SystemClock};
use engine::sync::Mutex;
use ha::machine::{Mode, Parameters, State};
use ha::wire::date::rfc1123;
use serde_json::{Value, json};

use support::{Node, PATIENCE, addresses, parameters, until};

/// A partner that is always ready and does what it is asked when it answers: what is held up is done late.
#[derive(Default)]
struct Partner {
    leases: BTreeSet<String>,
    /// Requests under way, by address, and the most there ever were.
    under_way: BTreeMap<String, usize>,
    most: usize,
    /// In the order in which they were done.
    done: Vec<String>,
    /// Holds the next deletion up until something comes.
    hold: Option<mpsc::Receiver<()>>,
    holds: bool,
}

fn serve(partner: &Mutex<Partner>, stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some(request) = read(&mut reader) {
        let body = json!([answer(partner, &request)]).to_string();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        if writer.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

/// The next request; none once the connection ends.
fn read(reader: &mut BufReader<TcpStream>) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(serde_json::from_slice(&body).unwrap())
}

fn answer(partner: &Mutex<Partner>, request: &Value) -> Value {
    let command = request["command"].as_str().unwrap();
    let Some(address) = request["arguments"]["ip-address"].as_str() else {
        let now = SystemClock::start().now().wall_s;
        return json!({"result": 0, "arguments":
            {"state": "ready", "date-time": rfc1123(now), "scopes": [], "unsent-update-count": 0}});
    };
    let held = {
        let mut partner = partner.lock();
        let count = partner.under_way.entry(address.to_owned()).or_default();
        *count += 1;
        partner.most = partner.most.max(partner.under_way[address]);
        let held = if command == "lease4-del" { partner.hold.take() } else { None };
        partner.holds |= held.is_some();
        held
    };
    if let Some(go_on) = held {
        go_on.recv_timeout(PATIENCE).unwrap();
    }
    let mut partner = partner.lock();
    *partner.under_way.get_mut(address).unwrap() -= 1;
    partner.done.push(format!("{command} {address}"));
    if command == "lease4-update" {
        partner.leases.insert(address.to_owned());
    } else {
        partner.leases.remove(address);
    }
    json!({"result": 0, "text": "done"})
}

#[test]
fn a_lease_given_anew_outlives_its_release_that_was_overtaken() {
    let addresses = addresses();
    let listener = TcpListener::bind(addresses[1]).unwrap();
    let partner = Arc::<Mutex<Partner>>::default();
    let theirs = Arc::clone(&partner);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let theirs = Arc::clone(&theirs);
            std::thread::spawn(move || serve(&theirs, stream.unwrap()));
        }
    });
    let parameters = Parameters { sync_leases: false, ..parameters("server1", Mode::HotStandby) };
    let node = Node::start(0, addresses, parameters);
    until("normal operation", || node.state() == State::HotStandby);
    node.grant(1);
    until("the first lease", || node.replied(1));

    let (go_on, hold) = mpsc::channel();
    partner.lock().hold = Some(hold);
    node.release(1);
    until("the deletion held up", || partner.lock().holds);
    node.grant(1);
    (2..=9).for_each(|host| node.grant(host));
    until("the others", || (2..=9).all(|host| node.replied(host)));
    let overtook = partner.lock().done.clone();
    assert_eq!(overtook.len(), 9, "{overtook:?}");
    go_on.send(()).unwrap();
    until("the lease given anew", || partner.lock().done.len() == 11);
    let partner = partner.lock();
    assert_eq!(partner.done[9..], ["lease4-del 192.0.2.1", "lease4-update 192.0.2.1"]);
    assert!(partner.leases.contains("192.0.2.1"));
    assert_eq!(partner.most, 1, "an address has one request under way");
}
