//! What the servers are told, in Kea's dialect: the same for all but for what one of them does not know. Pure.

use std::path::Path;

use serde_json::{Value, json};

use super::lab::{Host, RELAY, near};
use super::program::Program;

/// Threads, as each program counts them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Threads {
    /// Of Peregrine.
    pub(super) workers: u16,
    /// Of Kea.
    pub(super) kea: u16,
}

/// Packets that may wait for a server's threads: more than the largest window.
const QUEUE: u32 = 16_384;

/// A server on `host`: one /8 pool behind one relay, leases journalled to the kernel, nothing but warnings in its log.
pub(super) fn server(program: &Program, host: &Host, threads: Threads) -> Value {
    let pool = match program {
        Program::Kea(_) => threads.kea,
        _ => threads.workers,
    };
    let mut all = json!({
        "interfaces-config": {"interfaces": ["eth0"], "dhcp-socket-type": "udp"},
        "control-socket": {
            "socket-type": "unix", "socket-name": text(&host.folder.join("ctl")),
        },
        "lease-database": {
            "type": "memfile", "persist": true, "lfc-interval": 0,
            "name": text(&host.folder.join("leases.csv")),
        },
        "multi-threading": {
            "enable-multi-threading": true,
            "thread-pool-size": pool,
            "packet-queue-size": QUEUE,
        },
        "valid-lifetime": 86_400, "renew-timer": 21_600, "rebind-timer": 43_200,
        "hooks-libraries": [{"library": library(program, "libdhcp_lease_cmds.so")}],
        "option-data": [
            {"name": "domain-name-servers", "data": "192.0.2.53, 192.0.2.54"},
            {"name": "domain-name", "data": "example.org"},
        ],
        "subnet4": [subnet(host)],
        "loggers": [{
            "name": "kea-dhcp4", "severity": "WARN",
            "output_options": [{"output": text(&host.folder.join("log")), "maxsize": 0}],
        }],
    });
    // A renewal is to be a renewal. Kea 2.2 knows no lease cache by itself, and takes no 0.
    if !matches!(program, Program::Kea(kea) if kea.is_2_2()) {
        all["cache-threshold"] = json!(0.0);
    }
    all
}

/// The one subnet.
fn subnet(host: &Host) -> Value {
    json!({
        "id": 1, "subnet": "10.0.0.0/8",
        "pools": [{"pool": "10.0.0.1 - 10.255.255.254"}],
        "relay": {"ip-addresses": [RELAY.to_string(), near(host.address).to_string()]},
        "option-data": [{"name": "routers", "data": "10.0.0.1"}],
    })
}

/// How the servers of a pair share the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    HotStandby,
    LoadBalancing,
}

impl Mode {
    /// As Kea calls it, and as it calls the state of a server that does so.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::HotStandby => "hot-standby",
            Self::LoadBalancing => "load-balancing",
        }
    }
}

/// Makes `all` that of a server of a pair, the primary being the first host.
pub(super) fn make_pair(
    all: &mut Value,
    program: &Program,
    hosts: &[Host; 2],
    place: usize,
    mode: Mode,
) {
    let other = if mode == Mode::HotStandby { "standby" } else { "secondary" };
    let names = ["server1", "server2"];
    let peer = |place: usize, role: &str| {
        let url = format!("http://{}:8000/", hosts[place].partner_side);
        json!({"name": names[place], "role": role, "url": url})
    };
    let relationship = json!({
        "this-server-name": names[place],
        "mode": mode.name(),
        "heartbeat-delay": 1000,
        "max-response-delay": 10_000,
        "max-ack-delay": 5000,
        "max-unacked-clients": 0,
        "sync-timeout": 120_000,
        "sync-page-limit": 10_000,
        "multi-threading": {
            "enable-multi-threading": true,
            "http-dedicated-listener": true,
            "http-listener-threads": 4,
            "http-client-threads": 4,
        },
        "peers": [peer(0, "primary"), peer(1, other)],
    });
    // Replies wait for the partner: as many as the largest window.
    all["parked-packet-limit"] = json!(QUEUE);
    if let Some(libraries) = all["hooks-libraries"].as_array_mut() {
        libraries.push(json!({
            "library": library(program, "libdhcp_ha.so"),
            "parameters": {"high-availability": [relationship]},
        }));
    }
    if mode == Mode::LoadBalancing {
        // Each half has a part of the addresses, or both would offer the same.
        let half =
            |part: &str, name: &str| json!({"pool": part, "client-class": format!("HA_{name}")});
        all["subnet4"][0]["pools"] = json!([
            half("10.0.0.1 - 10.127.255.255", names[0]),
            half("10.128.0.0 - 10.255.255.254", names[1]),
        ]);
    }
}

/// A hook library as the program names it.
fn library(program: &Program, name: &str) -> String {
    match program {
        Program::Kea(kea) => format!("{}{name}", kea.hooks()),
        _ => name.to_owned(),
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
