//! Network namespaces that a test makes and removes: hosts with an `eth0` each on one switch.

use std::fs::File;
use std::os::fd::AsFd;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// Hosts on one switch; gone with the value, processes in it included.
pub(crate) struct Lan {
    prefix: String,
    hosts: Vec<&'static str>,
}

/// Runs a command and fails with its output if it fails.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).output().expect("the command is installed");
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    output
}

impl Lan {
    /// A switch with these hosts, each given as name and address (`10.0.0.1/16`, or empty for none).
    pub(crate) fn new(hosts: &[(&'static str, &str)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("pg{}-{number}", std::process::id());
        let lan = Self { prefix, hosts: hosts.iter().map(|(name, _)| *name).collect() };
        let switch = lan.namespace("switch");
        run("ip", &["netns", "add", &switch]);
        run("ip", &["-n", &switch, "link", "add", "br0", "type", "bridge"]);
        run("ip", &["-n", &switch, "link", "set", "br0", "up"]);
        for (name, address) in hosts {
            lan.add_host(name, address);
        }
        lan
    }

    fn add_host(&self, name: &str, address: &str) {
        let (host, switch) = (self.namespace(name), self.namespace("switch"));
        run("ip", &["netns", "add", &host]);
        run("ip", &["-n", &host, "link", "set", "lo", "up"]);
        run(
            "ip",
            &["-n", &switch, "link", "add", name, "type", "veth", "peer", "eth0", "netns", &host],
        );
        run("ip", &["-n", &switch, "link", "set", name, "master", "br0", "up"]);
        if !address.is_empty() {
            let words = ["-n", &host, "address", "add"].into_iter();
            let words = words.chain(address.split_whitespace()).chain(["dev", "eth0"]);
            run("ip", &words.collect::<Vec<_>>());
        }
        run("ip", &["-n", &host, "link", "set", "eth0", "up"]);
    }

    /// The namespace of a host.
    pub(crate) fn namespace(&self, host: &str) -> String {
        format!("{}-{host}", self.prefix)
    }

    /// A command that runs on `host`.
    pub(crate) fn on(&self, host: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(host), program]);
        command
    }

    /// Does something on `host`, in a thread of its own: sockets that it opens stay there.
    pub(crate) fn within<T: Send>(&self, host: &str, act: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(format!("/run/netns/{}", self.namespace(host))).unwrap();
        let entering = || {
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(namespace.as_fd(), kind).unwrap();
            act()
        };
        std::thread::scope(|scope| scope.spawn(entering).join().unwrap())
    }
}

/// What the network does to servers that live: nobody else is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// This host hears nobody at all.
    Unplugged(&'static str),
    /// These two do not hear each other.
    Apart(&'static str, &'static str),
    /// What the host sends to this address is lost on the way; the other way is open.
    OneWay { from: &'static str, to: &'static str },
}

impl Cut {
    /// Begins or ends it.
    pub(crate) fn set(self, lan: &Lan, cut: bool) {
        let switch = lan.namespace("switch");
        let set = |words: &[&str]| {
            run("ip", &[&["-n", &switch, "link", "set"], words].concat());
        };
        match self {
            Self::Unplugged(host) => set(&[host, if cut { "down" } else { "up" }]),
            Self::Apart(one, two) => {
                for port in [one, two] {
                    let isolated = if cut { "on" } else { "off" };
                    set(&[port, "type", "bridge_slave", "isolated", isolated]);
                }
            }
            Self::OneWay { from, to } => {
                let (from, device) = (lan.namespace(from), ["dev", "eth0"]);
                let neighbour = |words: &[&str]| {
                    run("ip", &[&["-n", &from, "neighbour"], words, &device].concat());
                };
                match cut {
                    // Frames to a station that does not exist.
                    true => neighbour(&["replace", to, "lladdr", NOBODY, "nud", "permanent"]),
                    false => neighbour(&["delete", to]),
                }
            }
        }
    }
}

/// A hardware address that no host has.
const NOBODY: &str = "02:ff:ff:ff:ff:fe";

impl Drop for Lan {
    fn drop(&mut self) {
        for host in self.hosts.iter().copied().chain(["switch"]) {
            let name = self.namespace(host);
            if let Ok(pids) = Command::new("ip").args(["netns", "pids", &name]).output() {
                for pid in String::from_utf8_lossy(&pids.stdout).split_whitespace() {
                    let _ = Command::new("kill").args(["-9", pid]).output();
                }
            }
            let _ = Command::new("ip").args(["netns", "del", &name]).output();
        }
    }
}

/// What the tests that need namespaces run in them.
const PROGRAMS: [&str; 6] = ["ip", "kea-dhcp4", "perfdhcp", "dhclient", "udhcpc", "dhcpcd"];

/// Whether the tests that need namespaces can run. Without root or one of the programs they say so and are
/// skipped, unless `PEREGRINE_REQUIRE_ROOT_TESTS` demands them.
pub(crate) fn is_possible(test: &str) -> bool {
    let root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    unless_demanded(root, &format!("{test} needs root and network namespaces"))
        && PROGRAMS.iter().all(|program| is_installed(program))
}

/// Whether a program is there; if not, this is said, or fails the test if it is demanded.
pub(crate) fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there =
        std::env::split_paths(&path).map(|folder| folder.join(program)).any(|file| file.is_file());
    unless_demanded(there, &format!("this test needs {program}"))
}

/// As [`is_installed`], for a program that is not on the path.
pub(crate) fn is_installed_at(file: &str) -> bool {
    let there = std::path::Path::new(file).is_file();
    unless_demanded(there, &format!("this test needs {file}"))
}

fn unless_demanded(possible: bool, need: &str) -> bool {
    let demanded = std::env::var_os("PEREGRINE_REQUIRE_ROOT_TESTS").is_some();
    assert!(possible || !demanded, "{need}, and such tests are required here");
    if !possible {
        eprintln!("skipped: {need}");
    }
    possible
}
