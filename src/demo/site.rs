//! Where the demo takes place: a directory, loopback addresses, free ports, and the two
//! configurations that say so. Shell, but for the text of the configurations.

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::DemoError;

/// How many names or ports are tried before giving up.
const TRIES: usize = 100;

/// The relay in front of the clients.
pub(super) const RELAY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// A server of the pair: its name, its address, and the pool that its clients are served from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) role: &'static str,
    pub(super) address: Ipv4Addr,
    pool: &'static str,
}

/// The pair, primary first.
pub(super) const PAIR: [Member; 2] = [
    Member {
        name: "server1",
        role: "primary",
        address: Ipv4Addr::new(127, 0, 0, 1),
        pool: "10.16.0.0 - 10.17.255.255",
    },
    Member {
        name: "server2",
        role: "secondary",
        address: Ipv4Addr::new(127, 0, 0, 2),
        pool: "10.32.0.0 - 10.33.255.255",
    },
];

/// The directory and the ports.
#[derive(Debug)]
pub(super) struct Site {
    /// Where everything is written; it goes with this value.
    pub(super) directory: PathBuf,
    /// The servers' DHCP port (UDP), the same on both addresses.
    pub(super) dhcp_port: u16,
    ha_ports: [u16; 2],
    hooks_directory: String,
}

impl Site {
    /// Finds free ports and makes the directory.
    pub(super) fn prepare(hooks_directory: &str) -> Result<Self, DemoError> {
        let directory = new_directory()?;
        let mut site = Self {
            directory,
            dhcp_port: 0,
            ha_ports: [0; 2],
            hooks_directory: hooks_directory.to_owned(),
        };
        site.dhcp_port = free_udp_port()?;
        site.ha_ports = [free_tcp_port(PAIR[0].address)?, free_tcp_port(PAIR[1].address)?];
        Ok(site)
    }

    /// Both servers, as a relay addresses them.
    pub(super) fn servers(&self) -> Vec<SocketAddrV4> {
        PAIR.iter().map(|member| SocketAddrV4::new(member.address, self.dhcp_port)).collect()
    }

    /// A file of a member: its configuration, control socket, leases or log.
    pub(super) fn file(&self, member: &Member, ending: &str) -> PathBuf {
        self.directory.join(format!("{}.{ending}", member.name))
    }

    /// Writes a member's configuration, and says where.
    pub(super) fn write_configuration(&self, member: &Member) -> Result<PathBuf, DemoError> {
        let path = self.file(member, "json");
        let text = format!("{:#}\n", self.configuration(member));
        fs::write(&path, text).map_err(DemoError::machine(path.display().to_string()))?;
        Ok(path)
    }

    /// A member's configuration, in Kea's dialect.
    fn configuration(&self, member: &Member) -> Value {
        let pools: Vec<_> = PAIR
            .iter()
            .map(|one| json!({"pool": one.pool, "client-class": format!("HA_{}", one.name)}))
            .collect();
        let stdout = json!([{"output": "stdout"}]);
        json!({"Dhcp4": {
            "interfaces-config": {
                "interfaces": [format!("lo/{}", member.address)],
                "dhcp-socket-type": "udp",
            },
            "control-socket": {
                "socket-type": "unix",
                "socket-name": text(&self.file(member, "ctl")),
            },
            "lease-database": {
                "type": "memfile",
                "persist": true,
                "name": text(&self.file(member, "leases.csv")),
            },
            "multi-threading": {
                "enable-multi-threading": true,
                "thread-pool-size": 2,
                "packet-queue-size": 1024,
            },
            "hooks-libraries": [
                {"library": format!("{}libdhcp_lease_cmds.so", self.hooks_directory)},
                {
                    "library": format!("{}libdhcp_ha.so", self.hooks_directory),
                    "parameters": {"high-availability": [self.relationship(member)]},
                },
            ],
            "valid-lifetime": 3600,
            "subnet4": [{
                "id": 1,
                "subnet": "10.0.0.0/8",
                "pools": pools,
                "relay": {"ip-address": RELAY.to_string()},
                "option-data": [{"name": "routers", "data": "10.0.0.1"}],
            }],
            "loggers": [
                {"name": "kea-dhcp4", "severity": "WARN", "output_options": stdout},
                {"name": "kea-dhcp4.ha-hooks", "severity": "INFO", "output_options": stdout},
            ],
        }})
    }

    fn relationship(&self, member: &Member) -> Value {
        let peers: Vec<_> = PAIR
            .iter()
            .zip(self.ha_ports)
            .map(|(one, port)| {
                let url = format!("http://{}:{port}/", one.address);
                json!({"name": one.name, "url": url, "role": one.role})
            })
            .collect();
        json!({
            "this-server-name": member.name,
            "mode": "load-balancing",
            "heartbeat-delay": 500,
            "max-response-delay": 1500,
            "max-ack-delay": 1000,
            "max-unacked-clients": 0,
            "sync-timeout": 10_000,
            "multi-threading": {
                "enable-multi-threading": true,
                "http-dedicated-listener": true,
                "http-listener-threads": 2,
                "http-client-threads": 2,
            },
            "peers": peers,
        })
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// A directory of this process's own, with a name that is not taken.
fn new_directory() -> Result<PathBuf, DemoError> {
    let base = std::env::temp_dir();
    for number in 0..TRIES {
        let directory = base.join(format!("peregrine-demo-{}-{number}", std::process::id()));
        match fs::DirBuilder::new().mode(0o700).create(&directory) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            result => {
                result.map_err(DemoError::machine(directory.display().to_string()))?;
                return Ok(directory);
            }
        }
    }
    Err(DemoError::machine(base.display().to_string())(ErrorKind::AlreadyExists.into()))
}

/// A UDP port that is free on both servers' addresses.
fn free_udp_port() -> Result<u16, DemoError> {
    let failed = || DemoError::machine("a free UDP port on loopback");
    for _ in 0..TRIES {
        let first = UdpSocket::bind((PAIR[0].address, 0)).map_err(failed())?;
        let port = first.local_addr().map_err(failed())?.port();
        if UdpSocket::bind((PAIR[1].address, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(failed()(ErrorKind::AddrInUse.into()))
}

fn free_tcp_port(address: Ipv4Addr) -> Result<u16, DemoError> {
    let failed = || DemoError::machine(format!("a free TCP port on {address}"));
    let listener = TcpListener::bind((address, 0)).map_err(failed())?;
    Ok(listener.local_addr().map_err(failed())?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        // A directory that does not exist: the text names it, nothing is written.
        let directory = PathBuf::from("/nonexistent/demo");
        Site { directory, dhcp_port: 4067, ha_ports: [8001, 8002], hooks_directory: String::new() }
    }

    #[test]
    fn the_configurations_differ_in_name_address_and_files_only() {
        let mut ours = PAIR.map(|member| site().configuration(&member).to_string());
        assert_ne!(ours[0], ours[1]);
        for (before, after) in [
            ("\"this-server-name\":\"server2\"", "\"this-server-name\":\"server1\""),
            ("lo/127.0.0.2", "lo/127.0.0.1"),
            ("demo/server2.", "demo/server1."),
        ] {
            ours[1] = ours[1].replace(before, after);
        }
        assert_eq!(ours[0], ours[1]);
    }

    #[test]
    fn each_servers_clients_have_a_pool() {
        let configuration = site().configuration(&PAIR[0]);
        let pools = &configuration["Dhcp4"]["subnet4"][0]["pools"];
        assert_eq!(pools[0]["client-class"], "HA_server1");
        assert_eq!(pools[1]["client-class"], "HA_server2");
        let hooks = &configuration["Dhcp4"]["hooks-libraries"][1]["parameters"];
        let peers = &hooks["high-availability"][0]["peers"];
        assert_eq!(peers[1]["url"], "http://127.0.0.2:8002/");
    }

    #[test]
    fn the_directory_goes_with_the_site() {
        let site = Site::prepare("").unwrap();
        let path = site.write_configuration(&PAIR[1]).unwrap();
        assert!(path.exists());
        assert_ne!(site.dhcp_port, 0);
        // Another test may take the directory's name as soon as it is free, but has no such file.
        let file = site.directory.join("of this test");
        fs::write(&file, "").unwrap();
        drop(site);
        assert!(!file.exists());
    }
}
