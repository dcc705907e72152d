//! Every recorded request (`tests/captures`), asked of a Peregrine that stands where the recorded server stood: its
//! answer has to be that one's, byte by byte, but for the differences that are meant, each listed with its reason.

mod differences;
pub(crate) mod recording;
mod sites;
mod stand;
mod status;
mod texts;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use engine::lease::json::kea_text;
use engine::lease::json::lease_from_page;
use engine::lease::{LeaseStore, Origin, Overwrite, Stored};
use serde_json::Value;

use differences::Differences;
use recording::Exchange;
pub(crate) use sites::{COMMANDS, WIRE};
use stand::{Hands, Server};

use crate::machine::{Seen, State};

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
        // Between two exchanges of a recording the servers ran.
        self.servers.values().for_each(|server| server.half.skip());
        let host = exchange.to.split(':').next().unwrap().to_owned();
        let store = self.stores.entry(host).or_insert_with(stand::store).clone();
        put_leases(&*store, &exchange.given);
        let start = |clock: &Arc<Hands>| {
            let site = sites::site(self.recording, exchange);
            Server::start(&site, store.clone(), clock.clone())
        };
        let server = self.servers.entry(exchange.to.clone()).or_insert_with(|| start(&self.clock));
        let Some(standing) = exchange.given.get("standing") else { return server };
        if !stands(server, standing) {
            *server = start(&self.clock);
            // One that has to wait for the silence of its partner goes first: the clock is shared.
            if let (Some(also), Some(standing)) = (&mut server.also, standing.get("also")) {
                lead(also, standing);
            }
            lead(server, standing);
            assert!(stands(server, standing), "{}: {standing}", exchange.place);
        }
        if let Some(unsent) = standing.get("unsent") {
            let missing = unsent.as_u64().unwrap() - server.unsent();
            server.half.act(|machine, _| machine.handle_unsent(missing));
        }
        server
    }
}

fn state_of(standing: &Value) -> State {
    standing["state"].as_str().unwrap().parse().unwrap()
}

fn partner_of(standing: &Value) -> Option<Partner> {
    standing.get("partner").map(|partner| Partner::of(partner, standing))
}

/// Whether a server stands as it should, but for updates that are still to be left unsent.
fn stands(server: &Server, standing: &Value) -> bool {
    let unsent = standing.get("unsent").and_then(Value::as_u64);
    let also = server.also.as_ref().zip(standing.get("also"));
    server.state() == state_of(standing)
        && unsent.is_none_or(|unsent| server.unsent() <= unsent)
        && partner_of(standing).is_none_or(|partner| partner.is_seen_by(server))
        && also.is_none_or(|(also, standing)| stands(also, standing))
}

/// Leads a server that has just started there.
fn lead(server: &mut Server, standing: &Value) {
    if let Some(partner) = partner_of(standing) {
        server.set_partner_scopes(partner.scopes);
    }
    server.lead_to(state_of(standing));
}

/// What a server knew of its partner.
struct Partner {
    seen: Seen,
    scopes: Vec<String>,
    silent: bool,
}

impl Partner {
    fn of(partner: &Value, standing: &Value) -> Self {
        let seen = match partner["state"].as_str().unwrap() {
            "" => Seen::Unset,
            "unavailable" => Seen::Unavailable,
            state => Seen::In(state.parse().unwrap()),
        };
        let scopes = partner["scopes"].as_array().unwrap().iter();
        let scopes = scopes.map(|name| name.as_str().unwrap().to_owned()).collect();
        Self { seen, scopes, silent: standing["silent"] == true }
    }

    fn is_seen_by(&self, server: &Server) -> bool {
        server.sees(self.seen, self.silent) && {
            let known = server.half.act(|machine, now| machine.status(now)).remote;
            known.is_none_or(|known| known.last_scopes == self.scopes)
        }
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

/// Asks over HTTP what servers and clients asked; gives what is wrong, and how many requests there were.
fn replay_wire(differences: &mut Differences) -> (Vec<String>, usize) {
    let (mut wrong, mut asked) = (Vec::new(), 0);
    for (recording, text) in WIRE {
        let mut stage = Stage::new(recording);
        for exchange in recording::exchanges(recording, text) {
            let server = stage.prepare(&exchange);
            let before =
                named_lease(&exchange).map(|address| (address, server.store.find(address)));
            let (head, body) = server.exchange(&request(&exchange));
            asked += 1;
            let Some(difference) = compare(&exchange, &head, &body) else { continue };
            let status = head.split("\r\n").next().unwrap_or_default();
            let answer: Value = serde_json::from_str(&body).unwrap();
            if !differences.mean(&exchange, status, answer.get(0).unwrap_or(&answer)) {
                wrong.push(told(&exchange, &difference));
            }
            // What we took and Kea refused must not show in what is asked later.
            if let Some((address, before)) = before {
                put_back(&*server.store, address, before);
            }
        }
    }
    (wrong, asked)
}

/// The same for commands of administrators.
fn replay_commands(differences: &mut Differences) -> (Vec<String>, usize) {
    let (mut wrong, mut asked) = (Vec::new(), 0);
    for (recording, text) in sites::COMMANDS {
        let mut stage = Stage::new(recording);
        for exchange in recording::exchanges(recording, text) {
            let Ok(request) = serde_json::from_str(&exchange.body) else { continue };
            let server = stage.prepare(&exchange);
            let ours = server.run(&request);
            asked += 1;
            let difference = match exchange.command() {
                "status-get" => status::compare(&exchange, &ours),
                _ if ours == exchange.answer => None,
                _ => Some(format!("{ours}\n   not {}", exchange.answer)),
            };
            if let Some(difference) = difference
                && !differences.mean(&exchange, "", &ours)
            {
                wrong.push(told(&exchange, &difference));
            }
        }
    }
    (wrong, asked)
}

fn told(exchange: &Exchange, difference: &str) -> String {
    let Exchange { place, version, body, .. } = exchange;
    format!("{place} ({version}): {body}\n   {difference}")
}

#[test]
fn every_recorded_request_is_answered_as_kea_did() {
    let mut differences = Differences::default();
    let (mut wrong, on_wire) = replay_wire(&mut differences);
    let (also_wrong, on_sockets) = replay_commands(&mut differences);
    wrong.extend(also_wrong);
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(on_wire > 700 && on_sockets > 450, "only {on_wire} and {on_sockets} are recorded");
    assert_eq!(differences.unused(), [] as [&str; 0], "these differences are met nowhere");
}
