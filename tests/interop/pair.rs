//! A High Availability pair of Peregrine and Kea 2.2, each way round, in load balancing and in hot standby:
//! both serve, each knows the other's leases, each survives the other's death and takes it back.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::site::pages;
use crate::support::net::{self, Cut, Lan};
use crate::support::server::{Kind, PATIENCE, Server};
use crate::support::wait::until;

const HOOKS: &str = "/usr/lib/x86_64-linux-gnu/kea/hooks";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    LoadBalancing,
    HotStandby,
    PassiveBackup,
}

impl Mode {
    /// Its name, also that of its normal state.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Mode::LoadBalancing => "load-balancing",
            Mode::HotStandby => "hot-standby",
            Mode::PassiveBackup => "passive-backup",
        }
    }

    fn second_role(self) -> &'static str {
        match self {
            Mode::LoadBalancing => "secondary",
            Mode::HotStandby => "standby",
            Mode::PassiveBackup => "backup",
        }
    }
}

/// The `Dhcp4` of one of the servers.
pub(crate) fn configuration(mode: Mode, this_server: &str) -> Value {
    let relationship = json!({
        "this-server-name": this_server, "mode": mode.name(),
        "heartbeat-delay": 300, "max-response-delay": 1500, "max-ack-delay": 1000,
        "max-unacked-clients": 0, "sync-timeout": 10000,
        "multi-threading": {
            "enable-multi-threading": true, "http-dedicated-listener": true,
            "http-listener-threads": 2, "http-client-threads": 2
        },
        "peers": [
            {"name": "server1", "url": "http://10.0.0.1:8000/", "role": "primary"},
            {"name": "server2", "url": "http://10.0.0.2:8000/", "role": mode.second_role()}
        ]
    });
    let pools = match mode {
        Mode::LoadBalancing => json!([
            {"pool": "10.0.16.0 - 10.0.31.255", "client-class": "HA_server1"},
            {"pool": "10.0.32.0 - 10.0.47.255", "client-class": "HA_server2"}
        ]),
        Mode::HotStandby | Mode::PassiveBackup => json!([{"pool": "10.0.16.0 - 10.0.47.255"}]),
    };
    json!({
        "interfaces-config": {"interfaces": ["eth0"]},
        "multi-threading": {
            "enable-multi-threading": true, "thread-pool-size": 2, "packet-queue-size": 64
        },
        "valid-lifetime": 600,
        "hooks-libraries": [
            {"library": format!("{HOOKS}/libdhcp_lease_cmds.so")},
            {"library": format!("{HOOKS}/libdhcp_ha.so"),
             "parameters": {"high-availability": [relationship]}}
        ],
        "subnet4": [{"id": 1, "subnet": "10.0.0.0/16", "pools": pools}]
    })
}

/// Two servers and a relay on one link.
pub(crate) struct Pair {
    pub(crate) lan: Lan,
    pub(crate) servers: [Server; 2],
    mode: Mode,
}

impl Pair {
    fn start(mode: Mode, kinds: [Kind; 2], folder: &Path) -> Self {
        Self::start_changed(mode, kinds, folder, |_| ())
    }

    /// With a relationship that `change` has changed.
    fn start_changed(
        mode: Mode,
        kinds: [Kind; 2],
        folder: &Path,
        change: impl Fn(&mut Value),
    ) -> Self {
        let configurations = ["server1", "server2"].map(|name| {
            let mut configuration = configuration(mode, name);
            let library = &mut configuration["hooks-libraries"][1];
            change(&mut library["parameters"]["high-availability"][0]);
            configuration
        });
        let pair = Self::start_with(mode, kinds, folder, &configurations);
        pair.wait_until_normal();
        pair
    }

    /// Starts the servers by `configurations`; they may still be far from normal operation.
    pub(crate) fn start_with(
        mode: Mode,
        kinds: [Kind; 2],
        folder: &Path,
        configurations: &[Value; 2],
    ) -> Self {
        let lan =
            Lan::new(&[("one", "10.0.0.1/16"), ("two", "10.0.0.2/16"), ("relay", "10.0.0.10/16")]);
        let mut servers =
            [Server::new(kinds[0], "one", folder), Server::new(kinds[1], "two", folder)];
        for (server, configuration) in servers.iter_mut().zip(configurations) {
            server.configure(configuration);
            server.start(&lan);
        }
        Self { lan, servers, mode }
    }

    pub(crate) fn wait_until_normal(&self) {
        for server in &self.servers {
            server.wait_for_state(&[self.mode.name()]);
        }
    }

    /// Lets `clients` clients, the first with hardware address `base`, get leases through a relay that both
    /// servers hear; all of them must. Kea loses a query now and then on a busy machine: with one in the pair
    /// the clients try again.
    pub(crate) fn drive(&self, base: &str, clients: u32) {
        let with_kea = self.servers.iter().any(|server| server.kind == Kind::Kea);
        let patience = if with_kea { PATIENCE } else { Duration::ZERO };
        until("run in which every client got a lease", patience, || {
            let text = self.perfdhcp(base, clients);
            let (sent, received) =
                (numbers(&text, "sent packets: "), numbers(&text, "received packets: "));
            let all = sent == received && sent.iter().all(|number| *number >= clients);
            if all { Ok(()) } else { Err(text) }
        });
    }

    fn perfdhcp(&self, base: &str, clients: u32) -> String {
        let output = self
            .lan
            .on("relay", "perfdhcp")
            .args(["-4", "-l", "eth0", "-r", "100", "-R"])
            .arg(clients.to_string())
            .args(["-n", &clients.to_string(), "-b", &format!("mac={base}"), "-W", "1000000"])
            .args(["-L", "67", "-u"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until both servers list the same leases for this many clients.
    pub(crate) fn wait_for_equal_leases(&self, clients: usize) {
        until("equal lease databases", PATIENCE, || {
            let [one, two] = [by_address(&self.servers[0]), by_address(&self.servers[1])];
            if one == two && one.len() == clients { Ok(()) } else { Err((one.len(), two.len())) }
        });
    }
}

/// The numbers that lines of perfdhcp's report give under `name`.
pub(crate) fn numbers(report: &str, name: &str) -> Vec<u32> {
    report.lines().filter_map(|line| line.strip_prefix(name)?.parse().ok()).collect()
}

/// Each live lease's holder.
fn by_address(server: &Server) -> BTreeMap<String, String> {
    let live = pages(server).into_iter().filter(|(_, lease)| lease["state"] == 0);
    live.map(|(address, lease)| (address, lease["hw-address"].to_string())).collect()
}

/// The whole life of a pair.
fn life_of_a_pair(mode: Mode, kinds: [Kind; 2]) {
    if !net::is_possible("a pair of servers in network namespaces") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut pair = Pair::start(mode, kinds, folder.path());
    pair.drive("02:00:00:00:01:00", 40);
    pair.wait_for_equal_leases(40);
    if mode == Mode::LoadBalancing {
        let half = by_address(&pair.servers[0]).keys().filter(|a| is_of_first_pool(a)).count();
        assert!((5..=35).contains(&half), "{half} of 40 clients fell to the primary");
    }

    for victim in [0, 1] {
        let survivor = 1 - victim;
        pair.servers[victim].kill();
        pair.servers[survivor].wait_for_state(&["partner-down"]);
        let base = format!("02:00:00:00:{:02x}:00", 2 + victim);
        pair.drive(&base, 20);
        let lan = &pair.lan;
        pair.servers[victim].start(lan);
        pair.wait_until_normal();
        pair.wait_for_equal_leases(60 + 20 * victim);
    }

    pair.drive("02:00:00:00:04:00", 20);
    pair.wait_for_equal_leases(100);
}

/// Server two hears nobody at all.
const UNPLUGGED: Cut = Cut::Unplugged("two");
/// Both hear the clients.
const APART: Cut = Cut::Apart("one", "two");

/// A pair is cut and heals; clients are served all the time, and in the end both know all of them.
fn partition(cut: Cut, kinds: [Kind; 2]) {
    if !net::is_possible("a pair of servers in network namespaces") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mode = Mode::LoadBalancing;
    let pair = Pair::start_changed(mode, kinds, folder.path(), |relationship| {
        if cut == APART {
            // As long as clients are answered, the partner lives: go on, and tell it later.
            relationship["max-unacked-clients"] = json!(10);
            relationship["delayed-updates-limit"] = json!(1000);
            // Clients that are quiet for less than this let no server doubt whether its partner serves them.
            relationship["max-ack-delay"] = json!(60_000);
        }
    });
    pair.drive("02:00:00:00:01:00", 20);
    pair.wait_for_equal_leases(20);
    cut.set(&pair.lan, true);
    let expected = match cut {
        Cut::Unplugged(_) => "partner-down",
        Cut::Apart(..) | Cut::OneWay { .. } => "communication-recovery",
    };
    for server in &pair.servers {
        server.wait_for_state(&[expected]);
    }
    pair.drive("02:00:00:00:02:00", 20);
    cut.set(&pair.lan, false);
    pair.wait_until_normal();
    pair.wait_for_equal_leases(40);
    pair.drive("02:00:00:00:03:00", 20);
    pair.wait_for_equal_leases(60);
    let served = pair.servers.each_ref().map(|server| by_address(server).len());
    assert_eq!(served, [60, 60]);
}

#[test]
fn a_server_that_was_unplugged_comes_back() {
    partition(UNPLUGGED, [Kind::Peregrine, Kind::Peregrine]);
}

#[test]
fn an_unplugged_kea_comes_back() {
    partition(UNPLUGGED, [Kind::Peregrine, Kind::Kea]);
}

#[test]
fn servers_that_hear_only_the_clients_serve_on_and_tell_later() {
    partition(APART, [Kind::Peregrine, Kind::Peregrine]);
}

#[test]
fn a_kea_that_hears_only_the_clients_serves_on_and_tells_later() {
    partition(APART, [Kind::Kea, Kind::Peregrine]);
}

fn is_of_first_pool(address: &str) -> bool {
    let third: u8 = address.split('.').nth(2).unwrap().parse().unwrap();
    (16..32).contains(&third)
}

#[test]
fn load_balancing_with_kea_as_secondary() {
    life_of_a_pair(Mode::LoadBalancing, [Kind::Peregrine, Kind::Kea]);
}

#[test]
fn load_balancing_with_kea_as_primary() {
    life_of_a_pair(Mode::LoadBalancing, [Kind::Kea, Kind::Peregrine]);
}

#[test]
fn load_balancing_of_two_peregrines() {
    life_of_a_pair(Mode::LoadBalancing, [Kind::Peregrine, Kind::Peregrine]);
}

#[test]
fn hot_standby_with_kea_as_standby() {
    life_of_a_pair(Mode::HotStandby, [Kind::Peregrine, Kind::Kea]);
}

#[test]
fn hot_standby_with_kea_as_primary() {
    life_of_a_pair(Mode::HotStandby, [Kind::Kea, Kind::Peregrine]);
}

#[test]
fn hot_standby_of_two_peregrines() {
    life_of_a_pair(Mode::HotStandby, [Kind::Peregrine, Kind::Peregrine]);
}

/// The scenario itself is true of the original: it fails here if it asks what Kea does not do.
#[test]
fn load_balancing_of_two_keas() {
    life_of_a_pair(Mode::LoadBalancing, [Kind::Kea, Kind::Kea]);
}

/// As above, in hot standby.
#[test]
fn hot_standby_of_two_keas() {
    life_of_a_pair(Mode::HotStandby, [Kind::Kea, Kind::Kea]);
}
