//! A hub that stands by for two branches, each with a subnet of its own: every server serves its clients, the hub
//! takes over the subnet of a branch that dies and no other, and the branches go on without the hub.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::pair::numbers;
use crate::support::net::{self, Lan};
use crate::support::server::{Kind, PATIENCE, Server};
use crate::support::wait::until;

const HOOKS: &str = "/usr/lib/x86_64-linux-gnu/kea/hooks";

/// A branch: the primary of its subnet, which is reached through its own relay.
struct Branch {
    host: &'static str,
    relay: &'static str,
    /// The primary, and the hub as its standby.
    names: [&'static str; 2],
    address: &'static str,
    hub_port: u16,
    subnet: u64,
}

const BRANCHES: [Branch; 2] = [
    Branch {
        host: "one",
        relay: "relay1",
        names: ["server1", "server2"],
        address: "10.0.0.1",
        hub_port: 8000,
        subnet: 1,
    },
    Branch {
        host: "three",
        relay: "relay3",
        names: ["server3", "server4"],
        address: "10.0.0.3",
        hub_port: 8001,
        subnet: 2,
    },
];

impl Branch {
    fn relationship(&self, this_server: &str) -> Value {
        let [primary, standby] = self.names;
        json!({
            "this-server-name": this_server, "mode": "hot-standby",
            "heartbeat-delay": 300, "max-response-delay": 1500, "max-ack-delay": 1000,
            "max-unacked-clients": 0, "sync-timeout": 10000,
            "multi-threading": {
                "enable-multi-threading": true, "http-dedicated-listener": true,
                "http-listener-threads": 2, "http-client-threads": 2
            },
            "peers": [
                {"name": primary, "url": format!("http://{}:8000/", self.address), "role": "primary"},
                {"name": standby, "url": format!("http://10.0.0.2:{}/", self.hub_port), "role": "standby"}
            ]
        })
    }

    fn subnet(&self) -> Value {
        let Self { subnet, .. } = self;
        json!({
            "id": subnet, "subnet": format!("10.{subnet}.0.0/16"),
            "pools": [{"pool": format!("10.{subnet}.1.0 - 10.{subnet}.4.255")}],
            "relay": {"ip-address": format!("10.0.0.1{subnet}")},
            // Any peer of the relationship will do.
            "user-context": {"ha-server-name": self.names[(subnet % 2) as usize]}
        })
    }
}

/// The second branch's subnet is in a shared network, which names the relationship for it.
fn configuration(relationships: Vec<Value>, subnets: Vec<Value>) -> Value {
    let (mut in_network, plain): (Vec<_>, Vec<_>) =
        subnets.into_iter().partition(|subnet| subnet["id"] == 2);
    let context = in_network.first_mut().map(|it| it["user-context"].take());
    let network = context.map(|context| {
        for subnet in &mut in_network {
            subnet.as_object_mut().unwrap().remove("user-context");
        }
        json!({"name": "second", "subnet4": in_network, "user-context": context})
    });
    let networks: Vec<_> = network.into_iter().collect();
    json!({
        "interfaces-config": {"interfaces": ["eth0"]},
        "multi-threading": {
            "enable-multi-threading": true, "thread-pool-size": 2, "packet-queue-size": 64
        },
        "valid-lifetime": 600,
        "hooks-libraries": [
            {"library": format!("{HOOKS}/libdhcp_lease_cmds.so")},
            {"library": format!("{HOOKS}/libdhcp_ha.so"),
             "parameters": {"high-availability": relationships}}
        ],
        "subnet4": plain, "shared-networks": networks
    })
}

struct World {
    lan: Lan,
    hub: Server,
    branches: [Server; 2],
}

impl World {
    fn start(kinds: [Kind; 2], folder: &Path) -> Self {
        let lan = Lan::new(&[
            ("hub", "10.0.0.2/16"),
            ("one", "10.0.0.1/16"),
            ("three", "10.0.0.3/16"),
            ("relay1", "10.0.0.11/16"),
            ("relay3", "10.0.0.12/16"),
        ]);
        let mut hub = Server::new(Kind::Peregrine, "hub", folder);
        let relationships = BRANCHES.iter().map(|it| it.relationship(it.names[1])).collect();
        let subnets = BRANCHES.iter().map(Branch::subnet).collect();
        hub.configure(&configuration(relationships, subnets));
        hub.start(&lan);
        let mut branches = [0, 1].map(|at| Server::new(kinds[at], BRANCHES[at].host, folder));
        for (server, branch) in branches.iter_mut().zip(&BRANCHES) {
            let relationship = branch.relationship(branch.names[0]);
            server.configure(&configuration(vec![relationship], vec![branch.subnet()]));
            server.start(&lan);
        }
        let world = Self { lan, hub, branches };
        world.wait_until_normal();
        world
    }

    fn wait_until_normal(&self) {
        self.wait_for_hub(["hot-standby"; 2]);
        for branch in &self.branches {
            branch.wait_for_state(&["hot-standby"]);
        }
    }

    /// Waits until the hub's relationships are in these states.
    fn wait_for_hub(&self, states: [&str; 2]) {
        until(&format!("{states:?} at the hub"), PATIENCE, || {
            let seen = self.relationships("state");
            if seen == states { Ok(()) } else { Err(seen) }
        });
    }

    /// What status-get tells of the hub itself in each relationship; nothing while it starts.
    fn relationships(&self, key: &str) -> Vec<Value> {
        let status = self.hub.command(&json!({"command": "status-get"}));
        let list = status["arguments"]["high-availability"].as_array().cloned();
        list.into_iter().flatten().map(|entry| entry["ha-servers"]["local"][key].clone()).collect()
    }

    /// Lets `clients` clients behind the relay of a branch get leases; all of them must. Kea loses a query now and
    /// then on a busy machine: the clients try again.
    fn drive(&self, branch: usize, base: &str, clients: u32) {
        let mut seen = Vec::new();
        for _ in 0..3 {
            let report = self.perfdhcp(branch, base, clients);
            let (sent, received) =
                (numbers(&report, "sent packets: "), numbers(&report, "received packets: "));
            if sent == received && sent.iter().all(|number| *number >= clients) {
                return;
            }
            seen.push(report);
        }
        panic!("not every client got a lease:\n{}", seen.join("\n"));
    }

    fn perfdhcp(&self, branch: usize, base: &str, clients: u32) -> String {
        let clients = clients.to_string();
        let output = self
            .lan
            .on(BRANCHES[branch].relay, "perfdhcp")
            .args(["-4", "-l", "eth0", "-r", "100", "-R", &clients, "-n", &clients])
            .args(["-b", &format!("mac={base}"), "-W", "1000000", "-L", "67", "-u"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until each branch has as many leases as this in its subnet, and the hub has just theirs. A Kea 2.2 takes
    /// over other subnets' leases, too, when it synchronises.
    fn wait_for_equal_leases(&self, clients: [usize; 2]) {
        until("equal leases by subnet", PATIENCE, || {
            let hub = by_address(&self.hub);
            let mut both = BTreeMap::new();
            let mut counts = [0; 2];
            for (at, server) in self.branches.iter().enumerate() {
                let mut leases = by_address(server);
                if server.kind == Kind::Kea {
                    leases.retain(|_, (subnet, _)| *subnet == BRANCHES[at].subnet);
                }
                counts[at] = leases.len();
                both.extend(leases);
            }
            if hub == both && counts == clients { Ok(()) } else { Err((hub.len(), counts)) }
        });
    }

    /// Acknowledgements that the hub has sent.
    fn served_by_hub(&self) -> u64 {
        self.hub.statistics()["pkt4-ack-sent"]
    }
}

/// Subnet and holder of each live lease.
fn by_address(server: &Server) -> BTreeMap<String, (u64, String)> {
    let live = server.leases().into_iter().filter(|lease| lease["state"] == 0);
    live.map(|lease| {
        let holder = lease["hw-address"].to_string();
        (lease["ip-address"].to_string(), (lease["subnet-id"].as_u64().unwrap(), holder))
    })
    .collect()
}

/// The whole life of a hub.
fn life_of_a_hub(kinds: [Kind; 2]) {
    if !net::is_possible("a hub and two branches in network namespaces") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::start(kinds, folder.path());
    world.drive(0, "02:00:00:01:01:00", 20);
    world.drive(1, "02:00:00:02:01:00", 10);
    world.wait_for_equal_leases([20, 10]);
    assert_eq!(world.served_by_hub(), 0, "the branches serve");

    let mut clients = [20, 10];
    for victim in [1, 0] {
        world.branches[victim].kill();
        let states = if victim == 0 {
            ["partner-down", "hot-standby"]
        } else {
            ["hot-standby", "partner-down"]
        };
        world.wait_for_hub(states);
        for branch in [0, 1] {
            let served = world.served_by_hub();
            let base = format!("02:00:00:{:02x}:{:02x}:00", 1 + branch, 2 + victim);
            world.drive(branch, &base, 10);
            clients[branch] += 10;
            let serves = world.served_by_hub() > served;
            assert_eq!(serves, branch == victim, "the hub takes over one subnet");
        }
        let lan = &world.lan;
        world.branches[victim].start(lan);
        world.wait_until_normal();
        world.wait_for_equal_leases(clients);
    }

    // What is remembered of one pair is not said of the other.
    world.branches[1].kill();
    world.wait_for_hub(["hot-standby", "partner-down"]);
    world.drive(1, "02:00:00:02:06:00", 5);
    clients[1] += 5;
    let memory = |pair: &str| {
        let mut path = world.hub.lease_file().into_os_string();
        path.push(format!(".paired-{pair}"));
        Path::new(&path).exists()
    };
    assert!(memory("server2-server1") && !memory("server4-server3"));
    let lan = &world.lan;
    world.branches[1].start(lan);
    world.wait_until_normal();
    world.wait_for_equal_leases(clients);

    // Both at once: each fetches its leases, and the end of one is not that of the other.
    world.branches.iter_mut().for_each(Server::kill);
    world.wait_for_hub(["partner-down"; 2]);
    for branch in [0, 1] {
        world.drive(branch, &format!("02:00:00:{:02x}:05:00", 1 + branch), 10);
        clients[branch] += 10;
    }
    let World { lan, branches, .. } = &mut world;
    branches.iter_mut().for_each(|branch| branch.start(lan));
    world.wait_until_normal();
    world.wait_for_equal_leases(clients);

    world.hub.kill();
    for branch in &world.branches {
        branch.wait_for_state(&["partner-down"]);
    }
    for branch in [0, 1] {
        world.drive(branch, &format!("02:00:00:{:02x}:04:00", 1 + branch), 10);
        clients[branch] += 10;
    }
    let lan = &world.lan;
    world.hub.start(lan);
    world.wait_until_normal();
    world.wait_for_equal_leases(clients);
}

#[test]
fn a_hub_of_peregrines() {
    life_of_a_hub([Kind::Peregrine, Kind::Peregrine]);
}

/// A Kea 2.2 names no server in its commands: the listener tells the hub which branch it is, the second here.
#[test]
fn a_hub_with_a_kea_as_its_second_branch() {
    life_of_a_hub([Kind::Peregrine, Kind::Kea]);
}

#[test]
fn a_hub_with_a_kea_as_its_first_branch() {
    life_of_a_hub([Kind::Kea, Kind::Peregrine]);
}

#[test]
fn maintenance_of_a_hub_is_with_all_branches() {
    if !net::is_possible("a hub and two branches in network namespaces") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let world = World::start([Kind::Peregrine; 2], folder.path());
    let started = world.hub.command(&json!({"command": "ha-maintenance-start"}));
    assert_eq!(started["result"], 0, "{started}");
    assert_eq!(world.relationships("state"), ["partner-in-maintenance"; 2]);
    assert_eq!(world.relationships("scopes"), [json!(["server1"]), json!(["server3"])]);
    for branch in &world.branches {
        branch.wait_for_state(&["in-maintenance"]);
    }
    world.drive(0, "02:00:00:01:01:00", 5);
    world.drive(1, "02:00:00:02:01:00", 5);
    assert!(world.served_by_hub() >= 10);
    let cancelled = world.hub.command(&json!({"command": "ha-maintenance-cancel"}));
    assert_eq!(cancelled["result"], 0, "{cancelled}");
    world.wait_until_normal();
    world.wait_for_equal_leases([5, 5]);
    for name in ["server3", "server1"] {
        let request = json!({"command": "ha-sync", "arguments": {"server-name": name}});
        let answer = world.hub.command(&request);
        assert_eq!(answer["result"], 0, "{name}: {answer}");
    }

    // A branch that hangs delays the replies of its own subnet only.
    let started = world.hub.command(&json!({"command": "ha-maintenance-start"}));
    assert_eq!(started["result"], 0, "{started}");
    let one = world.branches[0].pid().to_string();
    net::run("kill", &["-STOP", &one]);
    world.drive(1, "02:00:00:02:02:00", 10);
    net::run("kill", &["-CONT", &one]);
}
