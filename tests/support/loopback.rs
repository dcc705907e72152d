//! A place for servers without root: loopback addresses of this test alone, ports that the kernel chose, and a relay
//! with the clients of `perf` behind it.

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::support::behind_relay::BehindRelay;
use crate::support::server::{Kind, Server};

/// Addresses, the servers' port, and the relay.
pub(crate) struct Loopback {
    servers: Vec<Ipv4Addr>,
    pub(crate) port: u16,
    clients: BehindRelay,
}

impl Loopback {
    /// A place for this many servers.
    pub(crate) fn new(servers: u8) -> Self {
        let [base @ .., _] = own_network().octets();
        let at = |last: u8| Ipv4Addr::new(base[0], base[1], base[2], last);
        let servers: Vec<Ipv4Addr> = (1..=servers).map(at).collect();
        let port = free_port(&servers);
        let places = servers.iter().map(|address| SocketAddrV4::new(*address, port)).collect();
        let clients = BehindRelay::open(SocketAddrV4::new(at(100), 0), places);
        Self { servers, port, clients }
    }

    /// The first server's address and port.
    pub(crate) fn server(&self) -> SocketAddrV4 {
        SocketAddrV4::new(self.servers[0], self.port)
    }

    /// The command line's ports.
    pub(crate) fn arguments(&self) -> [String; 4] {
        let relay = self.clients.port().to_string();
        ["-p".into(), self.port.to_string(), "-P".into(), relay]
    }

    /// A configuration's parts that say where server `index` listens and what its clients get from `pools`.
    pub(crate) fn configuration(&self, index: usize, pools: &Value) -> Value {
        json!({
            "interfaces-config": {
                "interfaces": [format!("lo/{}", self.servers[index])], "dhcp-socket-type": "udp"
            },
            "multi-threading": {
                "enable-multi-threading": true, "thread-pool-size": 2, "packet-queue-size": 1024
            },
            "valid-lifetime": 3600,
            "subnet4": [{
                "id": 1, "subnet": "10.0.0.0/8", "pools": pools,
                "relay": {"ip-address": self.clients.relay()}
            }]
        })
    }

    /// URLs with a free port on each server's address.
    pub(crate) fn urls(&self) -> Vec<String> {
        let url = |address: &Ipv4Addr| {
            let free = TcpListener::bind((*address, 0)).unwrap().local_addr().unwrap();
            format!("http://{free}/")
        };
        self.servers.iter().map(url).collect()
    }

    /// A pair of servers in its normal state.
    pub(crate) fn pair(&self, mode: &str, pools: &Value, folder: &Path) -> [Server; 2] {
        self.pair_told(&json!({}), mode, pools, folder)
    }

    /// As [`Self::pair`], with these parameters in the relationship beside the usual ones.
    pub(crate) fn pair_told(
        &self,
        told: &Value,
        mode: &str,
        pools: &Value,
        folder: &Path,
    ) -> [Server; 2] {
        self.pair_reached_by(str::to_owned, told, mode, pools, folder)
    }

    /// As [`Self::pair_told`]; each server knows the other by the URL that `reach` makes of its own.
    pub(crate) fn pair_reached_by(
        &self,
        reach: impl Fn(&str) -> String,
        told: &Value,
        mode: &str,
        pools: &Value,
        folder: &Path,
    ) -> [Server; 2] {
        let urls = self.urls();
        let reached: Vec<String> = urls.iter().map(|url| reach(url)).collect();
        let second_role = if mode == "hot-standby" { "standby" } else { "secondary" };
        let relationship = |index: usize, this: &str| {
            let url = |of: usize| if of == index { &urls[of] } else { &reached[of] };
            let mut relationship = json!({
                "this-server-name": this, "mode": mode,
                "heartbeat-delay": 300, "max-response-delay": 5000, "max-ack-delay": 1000,
                "max-unacked-clients": 0, "sync-timeout": 10000,
                "multi-threading": {
                    "enable-multi-threading": true, "http-dedicated-listener": true,
                    "http-listener-threads": 2, "http-client-threads": 2
                },
                "peers": [
                    {"name": "server1", "url": url(0), "role": "primary"},
                    {"name": "server2", "url": url(1), "role": second_role}
                ]
            });
            for (key, value) in told.as_object().into_iter().flatten() {
                relationship[key] = value.clone();
            }
            relationship
        };
        let start = |index: usize, name: &'static str| {
            let mut server = Server::new(Kind::Peregrine, name, folder);
            let mut configuration = self.configuration(index, pools);
            configuration["hooks-libraries"] = json!([
                {"library": "libdhcp_lease_cmds.so"},
                {"library": "libdhcp_ha.so",
                 "parameters": {"high-availability": [relationship(index, name)]}}
            ]);
            server.configure(&configuration);
            server.start_here(self);
            server
        };
        let servers = [start(0, "server1"), start(1, "server2")];
        servers.iter().for_each(|server| server.wait_for_state(&[mode]));
        servers
    }
}

/// For its clients the place is the relay that they are behind.
impl Deref for Loopback {
    type Target = BehindRelay;

    fn deref(&self) -> &BehindRelay {
        &self.clients
    }
}

/// A /24 of 127.0.0.0/8 that no other test of this machine uses at this time.
fn own_network() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let process = std::process::id() & 0x3ff;
    let number = NEXT.fetch_add(1, Ordering::Relaxed) & 0x1f;
    let [.., a, b] = (0x8000 | process << 5 | number).to_be_bytes();
    Ipv4Addr::new(127, a, b, 0)
}

/// A UDP port that is free on all of these addresses.
fn free_port(addresses: &[Ipv4Addr]) -> u16 {
    for _ in 0..100 {
        let port = UdpSocket::bind((addresses[0], 0)).unwrap().local_addr().unwrap().port();
        if addresses.iter().all(|address| UdpSocket::bind((*address, port)).is_ok()) {
            return port;
        }
    }
    panic!("no free port on {addresses:?}");
}
