//! A site: the servers of one relationship, backups included, and clients behind a relay that all of them hear. What
//! a story does to it is one method each, and after each the leases are compared page by page.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use perf::fleet::Fleet;
use perf::plan::{Exchange, Plan};
use perf::tally::Tally;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::certificates::Authority;
use crate::pair::{Mode, configuration};
use crate::support::behind_relay::BehindRelay;
use crate::support::net::{Cut, Lan};
use crate::support::server::{Kind, PATIENCE, Server};
use crate::support::wait::until;
use crate::tls::{Papers, add_logins, relationship};

/// Hosts of the servers, in the order of the peers.
pub(crate) const HOSTS: [&str; 3] = ["one", "two", "three"];
/// Their addresses.
pub(crate) const ADDRESSES: [&str; 3] = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
/// Leases of a page: few, so that there are many pages.
const PAGE: usize = 7;
/// In the subnet and in no pool.
const ADDED: &str = "10.0.200.1";
/// Clients that may seem to get no answer before a partner counts as failed.
const UNACKED_CLIENTS: u32 = 3;

/// Which servers make up a site, and how they are set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plot {
    pub(crate) mode: Mode,
    /// The primary, its partner (in passive-backup there is none), and backups.
    pub(crate) kinds: &'static [Kind],
    /// With certificates on both sides and passwords.
    pub(crate) secured: bool,
    /// Clients wait for the backups, too.
    pub(crate) wait_backup_ack: bool,
    pub(crate) heartbeat_ms: u32,
    pub(crate) valid_lifetime_s: u32,
}

impl Plot {
    /// How many servers serve, or may.
    pub(crate) fn active(&self) -> usize {
        if self.mode == Mode::PassiveBackup { 1 } else { 2 }
    }

    /// A server's configuration, as far as it is the same for both programs.
    fn configuration(&self, place: usize) -> Value {
        let mut all = configuration(self.mode, &name(place));
        all["valid-lifetime"] = json!(self.valid_lifetime_s);
        // Almost each acknowledgement is for the whole time; Kea 2.2 takes no 0 here.
        all["cache-threshold"] = json!(0.01);
        let relationship = relationship(&mut all);
        relationship["heartbeat-delay"] = json!(self.heartbeat_ms);
        relationship["max-response-delay"] = json!(1000);
        relationship["max-unacked-clients"] = json!(UNACKED_CLIENTS);
        relationship["wait-backup-ack"] = json!(self.wait_backup_ack);
        if self.mode == Mode::LoadBalancing {
            relationship["delayed-updates-limit"] = json!(1000);
        }
        let peers = relationship["peers"].as_array_mut().unwrap();
        let backups = ADDRESSES.iter().enumerate().take(self.kinds.len()).skip(peers.len());
        for (place, address) in backups {
            let url = format!("http://{address}:8000/");
            peers.push(json!({"name": name(place), "url": url, "role": "backup"}));
        }
        all
    }
}

/// What a peer is called, and its scope.
pub(crate) fn name(place: usize) -> String {
    format!("server{}", place + 1)
}

/// The servers, running, and their clients.
pub(crate) struct Site {
    pub(crate) plot: Plot,
    pub(crate) lan: Lan,
    pub(crate) servers: Vec<Server>,
    pub(crate) clients: Arc<BehindRelay>,
    fleets: Vec<Fleet>,
    _folder: TempDir,
}

impl Site {
    /// Starts all servers and waits until they are in their normal state.
    pub(crate) fn start(plot: Plot) -> Self {
        Self::start_changed(plot, |_, _| ())
    }

    /// With configurations that `change` has changed for each server.
    pub(crate) fn start_changed(plot: Plot, change: impl Fn(&Server, &mut Value)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lan = Lan::new(&[
            ("one", "10.0.0.1/16"),
            ("two", "10.0.0.2/16"),
            ("three", "10.0.0.3/16"),
            ("relay", "10.0.0.10/16"),
        ]);
        let papers = plot.secured.then(|| Papers::of(&Authority::new(folder.path(), "authority")));
        let mut servers = Vec::new();
        for (place, kind) in plot.kinds.iter().enumerate() {
            let mut server = Server::new(*kind, HOSTS[place], folder.path());
            let mut configuration = plot.configuration(place);
            if let Some(papers) = &papers {
                papers.secure(&mut configuration, place, true);
                add_logins(&mut configuration, *kind, folder.path());
            }
            change(&server, &mut configuration);
            server.configure(&configuration);
            server.start(&lan);
            servers.push(server);
        }
        let places = ADDRESSES[..servers.len()].iter();
        let places = places.map(|at| SocketAddrV4::new(at.parse().unwrap(), 67)).collect();
        let relay = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 10), 67);
        let clients = Arc::new(lan.within("relay", || BehindRelay::open(relay, places)));
        let site = Self { plot, lan, servers, clients, fleets: Vec::new(), _folder: folder };
        site.wait_until_normal();
        site
    }

    /// Waits until each server is where it belongs.
    pub(crate) fn wait_until_normal(&self) {
        for (place, server) in self.servers.iter().enumerate() {
            let backup = place >= self.plot.active();
            server.wait_for_state(&[if backup { "backup" } else { self.plot.mode.name() }]);
        }
    }

    /// Newcomers get leases, everybody who came before renews and keeps the address, and all servers that run know.
    pub(crate) fn serve(&mut self, newcomers: u32) {
        self.serve_apart(newcomers);
        self.compare();
    }

    /// As [`Self::serve`], by servers that do not hear each other: nothing is compared. Gives who served how many of
    /// the newcomers.
    pub(crate) fn serve_apart(&mut self, newcomers: u32) -> BTreeMap<Ipv4Addr, u64> {
        for fleet in &mut self.fleets {
            renew_all(&self.clients, fleet);
        }
        let mut fleet = self.new_fleet(newcomers);
        self.clients.join_all(&mut fleet);
        let mut served = BTreeMap::new();
        for (_, lease) in fleet.leases() {
            *served.entry(lease.server).or_default() += 1;
        }
        self.fleets.push(fleet);
        served
    }

    /// Newcomers get nothing: they ask for a second and have no answer. They try again with everybody else, later.
    pub(crate) fn serve_nobody(&mut self, why: &str) {
        let mut fleet = self.new_fleet(10);
        let tally = self.clients.join(&mut fleet, (0..10).collect(), 10);
        assert_eq!(tally.completed, 0, "{why}: {tally:?}");
        self.fleets.push(fleet);
    }

    fn new_fleet(&self, size: u32) -> Fleet {
        let number = u8::try_from(self.fleets.len()).unwrap();
        Fleet::new([2, 0, number, 0, 0, 0], size)
    }

    /// A server is gone: clients complain until `survivor` sees it.
    pub(crate) fn wait_for_takeover(&self, survivor: usize) {
        until("take-over", PATIENCE, || {
            let seen = state_of(&self.servers[survivor]);
            if seen == "partner-down" {
                return Ok(());
            }
            complain(&self.clients);
            Err(seen)
        });
    }

    /// Waits until both active servers are in these states.
    pub(crate) fn wait_for_states(&self, states: [&str; 2]) {
        for (server, state) in self.servers.iter().zip(states) {
            server.wait_for_state(&[state]);
        }
    }

    /// Kills a server on the spot.
    pub(crate) fn kill(&mut self, place: usize) {
        self.servers[place].kill();
    }

    /// Starts it again.
    pub(crate) fn start_again(&mut self, place: usize) {
        self.servers[place].start(&self.lan);
    }

    /// Begins or ends a cut.
    pub(crate) fn cut(&self, cut: Cut, begins: bool) {
        cut.set(&self.lan, begins);
    }

    /// A command that must succeed.
    pub(crate) fn order(&self, place: usize, command: &str, arguments: &Value) -> Value {
        let mut request = json!({ "command": command });
        if !arguments.is_null() {
            request["arguments"] = arguments.clone();
        }
        let answer = self.servers[place].command(&request);
        assert_eq!(answer["result"], 0, "{command} at {}: {answer}", name(place));
        answer
    }

    /// Fetches the leases of `from` to `place`.
    pub(crate) fn synchronise(&self, place: usize, from: usize) {
        self.order(place, "ha-sync", &json!({"server-name": name(from), "max-period": 10}));
    }

    /// Each of the two is given a lease that the other lacks, by hand: only `place` can get what it lacks by fetching.
    pub(crate) fn differ(&self, place: usize, from: usize) {
        let added = json!({"ip-address": ADDED, "hw-address": "02:00:fd:00:00:01", "subnet-id": 1});
        self.order(from, "lease4-add", &added);
        let promised = self.promised();
        let lost = promised.keys().next().expect("somebody was served");
        self.order(place, "lease4-del", &json!({"ip-address": lost}));
        let [here, there] = [place, from].map(|place| pages(&self.servers[place]));
        assert!(!here.contains_key(lost) && there.contains_key(lost), "{lost} at {}", name(place));
        assert!(!here.contains_key(ADDED) && there.contains_key(ADDED), "at {}", name(place));
    }

    /// The leases of both are the same again after [`Self::differ`]; the one that nobody was promised is taken back.
    pub(crate) fn agree(&self, place: usize, from: usize) {
        let [here, there] = [place, from].map(|place| pages(&self.servers[place]));
        assert_eq!(here, there, "{} and {}", name(place), name(from));
        assert!(here.contains_key(ADDED));
        for place in [place, from] {
            self.order(place, "lease4-del", &json!({"ip-address": ADDED}));
        }
    }

    /// Waits until all servers that run list the same leases, in pages: those that the clients hold, and no others.
    pub(crate) fn compare(&self) {
        let mut running = Vec::new();
        running.extend(self.servers.iter().filter(|server| server.is_running()));
        let promised = self.promised();
        until("equal leases in equal pages", PATIENCE, || {
            let listed: Vec<_> = running.iter().map(|server| pages(server)).collect();
            let odd = listed.iter().find_map(|leases| difference(leases, &listed[0], &promised));
            odd.map_or(Ok(()), Err)
        });
    }

    /// Who holds what, as the clients know it.
    fn promised(&self) -> BTreeMap<String, String> {
        let held = self.fleets.iter().flat_map(|fleet| {
            fleet.leases().map(|(client, lease)| (lease.address.to_string(), mac(fleet, client)))
        });
        let promised: BTreeMap<_, _> = held.collect();
        let clients: usize = self.fleets.iter().map(|fleet| fleet.leases().count()).sum();
        assert_eq!(promised.len(), clients, "an address with two clients");
        promised
    }
}

/// A client's hardware address as text.
pub(crate) fn mac(fleet: &Fleet, client: u32) -> String {
    fleet.mac(client).map(|octet| format!("{octet:02x}")).join(":")
}

/// A server's HA state.
pub(crate) fn state_of(server: &Server) -> String {
    server.ha()["local"]["state"].as_str().unwrap_or("none").to_owned()
}

/// Everybody renews; a query or an answer may be lost, a lease may not. Who has none gets one.
fn renew_all(clients: &BehindRelay, fleet: &mut Fleet) {
    fleet.begin_round();
    until("renewal by everybody", PATIENCE, || {
        let left = fleet.not_yet_granted((0..fleet.size()).collect());
        if left.is_empty() {
            return Ok(());
        }
        let before: Vec<_> = fleet.leases().collect();
        let tally = clients.rebind(fleet, left.clone(), 16);
        assert_eq!((tally.ack.rejected, tally.ack.wrong_address), (0, 0), "{tally:?}");
        assert!(before.iter().all(|(client, lease)| {
            fleet.lease(*client).is_some_and(|now| now.address == lease.address)
        }));
        Err(left)
    });
}

/// Clients of both halves, who take nothing, say that they have waited for long.
pub(crate) fn complain(clients: &BehindRelay) -> Tally {
    let number = 8 * (UNACKED_CLIENTS + 1);
    let mut fleet = Fleet::new([2, 0, 0xfe, 0, 0, 0], number);
    let plan = Plan::each_once((0..number).collect(), number, clients.relay());
    let patience = std::time::Duration::from_millis(100);
    clients.drive(
        &mut fleet,
        Plan { exchange: Exchange::Offer, secs: 30, exit_wait: Some(patience), ..plan },
    )
}

/// All leases of a server by address, fetched page by page.
pub(crate) fn pages(server: &Server) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    let mut from = "start".to_owned();
    loop {
        let arguments = json!({"from": from, "limit": PAGE});
        let answer = server.command(&json!({"command": "lease4-get-page", "arguments": arguments}));
        let leases = answer["arguments"]["leases"].as_array().cloned().unwrap_or_default();
        let number = leases.len();
        for lease in leases {
            let address = lease["ip-address"].as_str().unwrap().to_owned();
            from.clone_from(&address);
            let before = found.insert(address, lease);
            assert!(before.is_none(), "a lease on two pages: {before:?}");
        }
        if number < PAGE {
            return found;
        }
    }
}

/// What is not as it should be, if anything: a lease that differs from `model`, or from what was promised.
fn difference(
    leases: &BTreeMap<String, Value>,
    model: &BTreeMap<String, Value>,
    promised: &BTreeMap<String, String>,
) -> Option<String> {
    let addresses = leases.keys().chain(model.keys()).chain(promised.keys());
    let odd = addresses.into_iter().find(|address| {
        let lease = leases.get(*address);
        let holder = lease.and_then(|lease| lease["hw-address"].as_str());
        lease != model.get(*address) || holder != promised.get(*address).map(String::as_str)
    });
    odd.map(|address| {
        format!(
            "{address}: {:?}, elsewhere {:?}, promised to {:?}",
            leases.get(address),
            model.get(address),
            promised.get(address)
        )
    })
}
