//! One half ours, the other half Kea's, over loopback and without packets: what each asks of the other is answered.
//! Needs `kea-dhcp4` and its hook libraries (Debian's kea-dhcp4-server), but no root.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic")]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use engine::lease::LeaseState;
use engine::stats::Counter;
use ha::io::client::Target;
use ha::machine::{Mode, Parameters, Peer, Peers, Role, State};
use serde_json::{Value, json};

use support::{Node, PATIENCE, addresses, parameters, until};

const HOOKS: &str = "/usr/lib/x86_64-linux-gnu/kea/hooks";

/// Whether Kea is there; where it is demanded it has to be.
fn kea_is_installed() -> bool {
    let installed = Path::new("/usr/sbin/kea-dhcp4").exists();
    let demanded = std::env::var_os("PEREGRINE_REQUIRE_ROOT_TESTS").is_some();
    assert!(installed || !demanded, "this test needs kea-dhcp4-server, and it is required here");
    if !installed {
        eprintln!("skipped: this test needs kea-dhcp4-server");
    }
    installed
}

/// A running kea-dhcp4 with files of its own.
struct Kea {
    process: Child,
    directory: PathBuf,
}

impl Drop for Kea {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Kea {
    fn start(directory: &Path, mode: Mode, this: &str, addresses: [SocketAddr; 2]) -> Self {
        Self::run(directory, configuration(directory, mode, this, &addresses))
    }

    fn run(directory: &Path, configuration: Value) -> Self {
        let config = directory.join("kea.json");
        std::fs::write(&config, configuration.to_string()).unwrap();
        let _ = std::fs::remove_file(directory.join("socket"));
        let log = std::fs::File::create(directory.join("log")).unwrap();
        let process = Command::new("/usr/sbin/kea-dhcp4")
            .args(["-p", "10067", "-P", "10068", "-c"])
            .arg(&config)
            .env("KEA_PIDFILE_DIR", directory)
            .env("KEA_LOCKFILE_DIR", directory)
            .stdout(Stdio::from(log.try_clone().unwrap()))
            .stderr(Stdio::from(log))
            .spawn()
            .unwrap();
        let kea = Self { process, directory: directory.to_owned() };
        until("Kea's control socket", || {
            kea.try_command(&json!({"command": "version-get"})).is_some()
        });
        kea
    }

    fn try_command(&self, request: &Value) -> Option<Value> {
        let mut stream = UnixStream::connect(self.directory.join("socket")).ok()?;
        stream.write_all(request.to_string().as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(&answer).ok()
    }

    fn command(&self, request: &Value) -> Value {
        self.try_command(request)
            .unwrap_or_else(|| panic!("no answer to {request}: {}", self.log()))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }

    fn state(&self) -> String {
        let status = self.try_command(&json!({"command": "status-get"})).unwrap_or_default();
        let local = &status["arguments"]["high-availability"][0]["ha-servers"]["local"];
        local["state"].as_str().unwrap_or("none").to_owned()
    }

    fn add(&self, host: u8) {
        let arguments = json!({"ip-address": format!("192.0.2.{host}"), "subnet-id": 7,
            "hw-address": format!("02:00:00:00:00:{host:02x}")});
        let answer = self.command(&json!({"command": "lease4-add", "arguments": arguments}));
        assert_eq!(answer["result"], 0, "{answer}");
    }

    fn delete(&self, host: u8) {
        let arguments = json!({"ip-address": format!("192.0.2.{host}")});
        let answer = self.command(&json!({"command": "lease4-del", "arguments": arguments}));
        assert_eq!(answer["result"], 0, "{answer}");
    }

    fn knows(&self, host: u8) -> bool {
        let arguments = json!({"ip-address": format!("192.0.2.{host}")});
        let request = json!({"command": "lease4-get", "arguments": arguments});
        self.try_command(&request).is_some_and(|answer| answer["result"] == 0)
    }
}

/// With a third address there is a backup.
fn configuration(directory: &Path, mode: Mode, this: &str, addresses: &[SocketAddr]) -> Value {
    let second = if mode == Mode::LoadBalancing { "secondary" } else { "standby" };
    let peer = |place: usize, role: &str| {
        json!({"name": format!("server{}", place + 1), "role": role, "auto-failover": true,
            "url": format!("http://{}/", addresses[place])})
    };
    let roles = ["primary", second, "backup"];
    let peers = (0..addresses.len()).map(|place| peer(place, roles[place]));
    let relationship = json!({"this-server-name": this, "mode": mode.name(),
        "heartbeat-delay": 100, "max-response-delay": 1000, "max-unacked-clients": 0,
        "sync-page-limit": 3, "peers": peers.collect::<Vec<_>>(),
        "multi-threading": {"enable-multi-threading": true, "http-dedicated-listener": true,
            "http-listener-threads": 2, "http-client-threads": 2}});
    let library = |name: &str| format!("{HOOKS}/libdhcp_{name}.so");
    json!({"Dhcp4": {
        "interfaces-config": {"interfaces": []},
        "control-socket": {"socket-type": "unix", "socket-name": directory.join("socket")},
        "lease-database": {"type": "memfile", "persist": true, "lfc-interval": 0,
            "name": directory.join("leases.csv")},
        "multi-threading": {"enable-multi-threading": true, "thread-pool-size": 2},
        "subnet4": [{"id": 7, "subnet": "192.0.2.0/24", "valid-lifetime": 4000,
            "pools": [{"pool": "192.0.2.1 - 192.0.2.200"}]}],
        "hooks-libraries": [{"library": library("lease_cmds")},
            {"library": library("ha"), "parameters": {"high-availability": [relationship]}}],
        "loggers": [{"name": "kea-dhcp4", "severity": "INFO",
            "output_options": [{"output": "stdout"}]}],
    }})
}

/// Starts a pair of which `ours` (0: the primary) is Peregrine's.
fn pair(mode: Mode, ours: usize, directory: &Path) -> (Node, Kea, [SocketAddr; 2]) {
    let addresses = addresses();
    let names = ["server1", "server2"];
    let node = Node::start(ours, addresses, parameters(names[ours], mode));
    let kea = Kea::start(directory, mode, names[1 - ours], addresses);
    until("normal operation", || {
        node.state() == mode.normal() && kea.state() == mode.normal().name()
    });
    (node, kea, addresses)
}

fn lives_with_kea(mode: Mode, ours: usize) {
    if !kea_is_installed() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (node, kea, addresses) = pair(mode, ours, directory.path());
    for host in 1..=20 {
        node.grant(host);
    }
    until("replies acknowledged by Kea", || (1..=20).all(|host| node.replied(host)));
    assert!((1..=20).all(|host| kea.knows(host)));
    node.release(5);
    until("the release at Kea", || !kea.knows(5));

    // Kea dies: we serve all. What it did not hear of it fetches when it returns.
    drop(kea);
    until("partner-down", || node.state() == State::PartnerDown);
    (30..=40).for_each(|host| node.grant(host));
    assert!((30..=40).all(|host| node.replied(host)));
    let names = ["server1", "server2"];
    let kea = Kea::start(directory.path(), mode, names[1 - ours], addresses);
    let normal = mode.normal();
    until("both back", || node.state() == normal && kea.state() == normal.name());
    assert!((30..=40).all(|host| kea.knows(host)));
    until("service on", || node.service.is_enabled());

    // We die and return with nothing: Kea's leases are fetched, in pages of three.
    drop(node);
    until("Kea in partner-down", || kea.state() == "partner-down");
    (50..=57).for_each(|host| kea.add(host));
    let node = Node::start(ours, addresses, parameters(names[ours], mode));
    until("both back again", || node.state() == normal && kea.state() == normal.name());
    assert!((50..=57).chain(30..=40).all(|host| node.knows(host)));
    until("service on", || node.service.is_enabled());
    until("Kea's view of us", || {
        let status = kea.command(&json!({"command": "status-get"}));
        let servers = &status["arguments"]["high-availability"][0]["ha-servers"];
        servers["remote"]["last-state"] == normal.name()
    });
}

#[test]
fn our_primary_with_keas_secondary() {
    lives_with_kea(Mode::LoadBalancing, 0);
}

#[test]
fn keas_primary_with_our_secondary() {
    lives_with_kea(Mode::LoadBalancing, 1);
}

#[test]
fn our_primary_with_keas_standby() {
    lives_with_kea(Mode::HotStandby, 0);
}

#[test]
fn keas_primary_with_our_standby() {
    lives_with_kea(Mode::HotStandby, 1);
}

/// What ends here while Kea is away ends there when it is back; what ends there while we are away ends here.
fn ends_at_both(mode: Mode, ours: usize) {
    if !kea_is_installed() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (node, kea, addresses) = pair(mode, ours, directory.path());
    let names = ["server1", "server2"];
    let normal = mode.normal();
    (1..=9).for_each(|host| node.grant(host));
    until("replies acknowledged by Kea", || (1..=9).all(|host| node.replied(host)));
    until("a second heartbeat in normal operation", || node.is_paired());

    drop(kea);
    node.release(1);
    until("partner-down", || node.state() == State::PartnerDown);
    assert!(!node.is_paired(), "it serves alone from now on");
    (2..=5).for_each(|host| node.release(host));
    node.grant(5);
    let kea = Kea::start(directory.path(), mode, names[1 - ours], addresses);
    until("both back", || node.state() == normal && kea.state() == normal.name());
    let known: Vec<u8> = (1..=9).filter(|host| kea.knows(*host)).collect();
    assert_eq!(known, [5, 6, 7, 8, 9], "{}", kea.log());
    until("a second heartbeat in normal operation", || node.is_paired());

    let rest = node.stop();
    until("Kea in partner-down", || kea.state() == "partner-down");
    (6..=7).for_each(|host| kea.delete(host));
    kea.add(20);
    let node = Node::restart(ours, addresses, parameters(names[ours], mode), rest);
    until("both back again", || node.state() == normal && kea.state() == normal.name());
    let known: Vec<u8> = (1..=20).filter(|host| node.knows(*host)).collect();
    assert_eq!(known, [5, 8, 9, 20]);
    assert!((1..=20).all(|host| node.knows(host) == kea.knows(host)));
}

#[test]
fn leases_end_at_our_primary_and_keas_standby() {
    ends_at_both(Mode::HotStandby, 0);
}

#[test]
fn leases_end_at_keas_primary_and_our_secondary() {
    ends_at_both(Mode::LoadBalancing, 1);
}

/// What Kea sends by itself, it sends by itself: a lease that ends at Kea 2.2 is deleted here at once, and Kea's refused
/// update is an error to it, not a conflict.
#[test]
fn kea_2_2_is_known_by_its_heartbeats() {
    if !kea_is_installed() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (node, kea, addresses) = pair(Mode::HotStandby, 0, directory.path());
    node.grant(10);
    until("the reply", || node.replied(10));
    let held = node.store.find(support::lease(10, 0).address).unwrap().lease;
    let update = |cltt_s: u64| {
        json!({"ip-address": "192.0.2.10", "hw-address": "02:00:00:00:00:63", "subnet-id": 7,
            "expire": cltt_s + 4000, "valid-lft": 4000, "state": 0, "force-create": true})
    };
    let refused = support::post(addresses[0], "lease4-update", &update(held.cltt_s - 1));
    assert_eq!(refused, 1, "a Kea 2.2 knows no conflicts");
    assert_eq!(node.stats.value(Counter::HaUpdatesRefused), 1);
    assert_eq!(node.store.find(held.address).unwrap().lease, held);
    assert!(kea.knows(10));
    assert_eq!(support::post(addresses[0], "lease4-update", &update(held.cltt_s + 1)), 0);
}

/// Whatever a backup's servers are, it is told what it understands: a pair of ours, which keep released leases, and a
/// Kea 2.2, which knows no such state.
#[test]
fn a_lease_that_is_released_ends_at_a_backup_of_kea_2_2() {
    if !kea_is_installed() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let addresses = support::addresses_of::<3>();
    let mode = Mode::LoadBalancing;
    let kea =
        Kea::run(directory.path(), configuration(directory.path(), mode, "server3", &addresses));
    let nodes = [0, 1].map(|place| with_backup(place, mode, &addresses));
    until("normal operation", || {
        nodes.iter().all(|node| node.state() == mode.normal()) && kea.state() == "backup"
    });
    until("each knows the other", || nodes.iter().all(|node| node.is_paired()));
    let [node, second] = nodes;
    (1..=4).for_each(|host| node.grant(host));
    until("the replies", || (1..=4).all(|host| node.replied(host)));
    until("the leases at the backup", || (1..=4).all(|host| kea.knows(host)));
    let is_released = |host| {
        let held = second.store.find(support::lease(host, 0).address).unwrap();
        held.lease.state == LeaseState::Released
    };
    node.release_kept(1);
    until("the release at the partner", || is_released(1));
    until("the end of the lease at the backup", || !kea.knows(1));

    // It was a Kea 3 until now, so to speak: what it refuses is sent again as it understands it, once for all.
    let named = json!({"origin": 2000, "origin-id": 2000, "server-name": "server3"});
    assert_eq!(support::post(addresses[0], "ha-sync-complete-notify", &named), 0);
    (2..=3).for_each(|host| node.release_kept(host));
    until("the releases at the partner", || is_released(2) && is_released(3));
    until("the end of the leases at the backup", || !kea.knows(2) && !kea.knows(3));
    assert!(kea.knows(4) && second.knows(4));
    assert_eq!(node.stats.value(Counter::HaBackupMissed), 0, "{}", kea.log());
    let refused = kea
        .log()
        .matches("HOOKS_CALLOUT_ERROR error returned by callout on hook $lease4_update")
        .count();
    assert!((1..=2).contains(&refused), "{refused}: {}", kea.log());
}

/// One of a pair that has a backup at the third address.
fn with_backup(place: usize, mode: Mode, addresses: &[SocketAddr; 3]) -> Node {
    let second = if mode == Mode::LoadBalancing { Role::Secondary } else { Role::Standby };
    let names = ["server1", "server2", "server3"];
    let roles = [Role::Primary, second, Role::Backup];
    let peer = |(name, role): (&str, Role)| Peer { name: name.into(), role, auto_failover: true };
    let all = names.into_iter().zip(roles).map(peer).collect();
    let peers = Peers::new(mode, names[place], all).unwrap();
    let mut settings = support::settings(place, [addresses[0], addresses[1]]);
    let backup = Target { address: addresses[2], credentials: None, tls: None };
    settings.targets.insert(names[2].into(), backup);
    Node::start_by(Parameters { peers, ..parameters(names[place], mode) }, settings).unwrap()
}

#[test]
fn synchronisation_and_reset_by_command() {
    if !kea_is_installed() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (node, kea, _) = pair(Mode::LoadBalancing, 0, directory.path());
    let normal = State::LoadBalancing;
    let both_back = || node.state() == normal && kea.state() == normal.name();
    kea.add(60);
    let sync = |server: &str| json!({"command": "ha-sync", "arguments": {"server-name": server}});
    assert_eq!(node.command(sync("server2"))["result"], 0);
    assert!(node.knows(60));
    node.grant(61);
    until("the reply", || node.replied(61));
    assert_eq!(kea.command(&sync("server1"))["result"], 0);
    until("service on", || node.service.is_enabled());

    assert_eq!(kea.command(&json!({"command": "ha-reset"}))["result"], 0);
    until("both back", both_back);
}

/// Requests that are wrong in themselves, and what is to be seen of the answer: status, headers' names, body.
fn told(to: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let name = |line: &str| line.split(':').next().unwrap_or_default().to_lowercase();
    // Who asks for the end of the connection is told that it ends (RFC 9112 section 9.6); Kea does not do that.
    let names: Vec<_> = head.lines().skip(1).map(name).filter(|it| it != "connection").collect();
    format!("{} {names:?} {body}", head.lines().next().unwrap_or_default())
}

#[test]
fn what_is_wrong_with_a_request_is_told_as_kea_tells_it() {
    if !kea_is_installed() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (_node, _kea, [ours, keas]) = pair(Mode::HotStandby, 0, directory.path());
    let head = |more: &str| format!("POST / HTTP/1.1\r\nHost: a\r\n{more}");
    let json = "Connection: close\r\nContent-Type: application/json\r\n";
    let body = |body: &str| head(&format!("{json}Content-Length: {}\r\n\r\n{body}", body.len()));
    let cases: Vec<Vec<u8>> = vec![
        b"\x16\x03\x01\x02\x00".into(),
        b"GET\r\n\r\n".into(),
        b"POST / HTTP/x\r\n\r\n".into(),
        head(&format!("{json}\r\n")).into(),
        head("Connection: close\r\nContent-Length: 2\r\n\r\n{}").into(),
        body("{bad").into(),
        body("").into(),
        // These two are not whole within ten seconds.
        head(&format!("{json}Content-Length: 100\r\n\r\n{{")).into(),
        Vec::new(),
    ];
    std::thread::scope(|scope| {
        let asked: Vec<_> = cases
            .iter()
            .map(|it| (it, scope.spawn(|| told(keas, it)), scope.spawn(|| told(ours, it))))
            .collect();
        let mut wrong = String::new();
        for (request, keas, ours) in asked {
            let (keas, ours) = (keas.join().unwrap(), ours.join().unwrap());
            if keas != ours {
                let request = String::from_utf8_lossy(request);
                wrong += &format!("{request:?}:\n   {ours}\n   not {keas}\n");
            }
        }
        assert!(wrong.is_empty(), "{wrong}");
    });
}
