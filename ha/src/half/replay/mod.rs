//! Every recorded request (`tests/captures`), asked of a Peregrine that stands where the recorded server stood: its
//! answer has to be that one's, byte by byte, but for the differences that are meant, each listed with its reason.

mod differences;
mod recording;
mod sites;
mod stand;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use engine::lease::json::kea_text;
use engine::lease::json::lease_from_page;
use engine::lease::{LeaseStore, Origin, Overwrite, Stored};
use serde_json::Value;

use differences::Differences;
use recording::Exchange;
use stand::{Hands, Server};

use crate::machine::State;

/// The servers of one recording, as far as they have been asked.
struct Stage<'a> {
    recording: &'a str,
    clock: Arc<Hands>,
    servers: BTreeMap<String, Server>,
    /// By address: several relationships of a server share theirs.
    stores: BTreeMap<String, Arc<dyn LeaseStore>>,
}

impl<'a> Stage<'a> {
    fn new(recording: &'a str) -> Self {
        let clock = Arc::new(Hands::default());
        Self { recording, clock, servers: BTreeMap::new(), stores: BTreeMap::new() }
    }

    /// Lets it be as it was when `exchange` took place; gives the server that was asked.
    fn prepare(&mut self, exchange: &Exchange) -> &Server {
        self.clock.set_wall(exchange.at_s);
        let host = exchange.to.split(':').next().unwrap().to_owned();
        let store = self.stores.entry(host).or_insert_with(stand::store).clone();
        put_leases(&*store, &exchange.given);
        let start = |clock: &Arc<Hands>| {
            let site = sites::site(self.recording, exchange);
            Server::start(&site, store.clone(), clock.clone())
        };
        let server = self.servers.entry(exchange.to.clone()).or_insert_with(|| start(&self.clock));
        let Some(standing) = exchange.given.get("standing") else { return server };
        let state: State = standing["state"].as_str().unwrap().parse().unwrap();
        let unsent = standing["unsent"].as_u64().unwrap();
        if server.state() != state || server.unsent() > unsent {
            *server = start(&self.clock);
            server.lead_to(state);
        }
        let missing = unsent - server.unsent();
        server.half.act(|machine, _| machine.handle_unsent(missing));
        assert_eq!(server.state(), state, "{}", exchange.place);
        let scopes: Vec<&str> = standing["scopes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| name.as_str().unwrap())
            .collect();
        assert_eq!(server.scopes(), scopes, "{}: scopes in {state}", exchange.place);
        server
    }
}

fn put_leases(store: &dyn LeaseStore, given: &Value) {
    let list = |key: &str| given.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    for lease in list("holds") {
        let lease = lease_from_page(&lease).unwrap();
        store.apply(lease, Overwrite::Always, Origin::Partner);
    }
    for address in list("lacks") {
        let address: Ipv4Addr = address.as_str().unwrap().parse().unwrap();
        let version = store.find(address).unwrap().version;
        assert!(store.delete_version(address, version, Origin::Partner).is_some());
    }
}

/// The lease that a command changes, if Kea did not.
fn named_lease(exchange: &Exchange) -> Option<Ipv4Addr> {
    let changes = ["lease4-update", "lease4-del"].contains(&exchange.command());
    let refused = exchange.told()["result"] != 0;
    let arguments = &exchange.ask.as_ref()?["arguments"];
    arguments["ip-address"].as_str().filter(|_| changes && refused)?.parse().ok()
}

fn put_back(store: &dyn LeaseStore, address: Ipv4Addr, before: Option<Stored>) {
    let after = store.find(address);
    match before {
        Some(before) => drop(store.apply(before.lease, Overwrite::Always, Origin::Partner)),
        None => {
            let version = after.map(|after| after.version);
            version.and_then(|version| store.delete_version(address, version, Origin::Partner));
        }
    }
}

/// The request as it stood on the wire.
fn request(exchange: &Exchange) -> String {
    let Exchange { line, headers, body, .. } = exchange;
    let header = |(name, value): &(String, String)| match name.as_str() {
        // The recording's own clients write JSON with other blanks.
        "Content-Length" => format!("{name}: {}\r\n", body.len()),
        _ => format!("{name}: {value}\r\n"),
    };
    let headers: String = headers.iter().map(header).collect();
    format!("{line}\r\n{headers}\r\n{body}")
}

/// What is different in our answer, if anything.
fn compare(exchange: &Exchange, head: &str, body: &str) -> Option<String> {
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap();
    if body == kea_text(&exchange.answer) && status == exchange.status {
        let name = |line: &str| line.split(':').next().unwrap_or_default().to_lowercase();
        let ours: Vec<_> = lines.map(name).collect();
        let theirs: Vec<_> = exchange.answer_headers.iter().map(|it| it.to_lowercase()).collect();
        return (ours != theirs).then(|| format!("headers {ours:?}, not {theirs:?}"));
    }
    Some(format!("{status} {body}\n   not {} {}", exchange.status, kea_text(&exchange.answer)))
}

#[test]
fn every_recorded_request_is_answered_as_kea_did() {
    let mut differences = Differences::default();
    let mut wrong = Vec::new();
    let mut asked = 0;
    for (recording, text) in sites::RECORDINGS {
        let mut stage = Stage::new(recording);
        for exchange in recording::exchanges(recording, text) {
            let server = stage.prepare(&exchange);
            let before =
                named_lease(&exchange).map(|address| (address, server.store.find(address)));
            let (head, body) = server.exchange(&request(&exchange));
            asked += 1;
            let Some(difference) = compare(&exchange, &head, &body) else { continue };
            if !differences.mean(&exchange, &head, &body) {
                let (place, version, ask) = (&exchange.place, exchange.version, &exchange.body);
                wrong.push(format!("{place} ({version}): {ask}\n   {difference}"));
            }
            // What we took and Kea refused must not show in what is asked later.
            if let Some((address, before)) = before {
                put_back(&*server.store, address, before);
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(asked > 650, "only {asked} exchanges are recorded");
    assert_eq!(differences.unused(), [] as [&str; 0], "these differences are met nowhere");
}
