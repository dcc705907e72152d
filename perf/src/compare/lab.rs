//! Where it is measured: a network namespace for the generator and one for each server, joined by veth pairs. Shell.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::CompareError;

/// The relay's address, on the generator's side, whichever server is asked.
pub(super) const RELAY: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
/// The first of many relays' addresses: all of 100.64.0.0/10 is the generator's.
pub(super) const RELAYS: Ipv4Addr = Ipv4Addr::new(100, 64, 0, 1);
/// From one of them to the next.
pub(super) const RELAY_STEP: u32 = 256;

/// Namespaces and files; gone with the value.
#[derive(Debug)]
pub(super) struct Lab {
    prefix: String,
    namespaces: Vec<String>,
    folder: PathBuf,
    servers: u8,
}

/// A place for a server.
#[derive(Clone, Debug)]
pub(super) struct Host {
    /// Its namespace.
    pub(super) namespace: String,
    /// Its address towards the generator.
    pub(super) address: Ipv4Addr,
    /// Its address towards the other server of a pair.
    pub(super) partner_side: Ipv4Addr,
    /// Where its files are.
    pub(super) folder: PathBuf,
}

impl Lab {
    /// Makes the generator's namespace and a folder below `work`.
    pub(super) fn new(work: &Path, number: usize) -> Result<Self, CompareError> {
        let prefix = format!("pgc{}-{number}", std::process::id());
        let folder = work.join(&prefix);
        fs::create_dir_all(&folder).map_err(CompareError::machine(&folder.display()))?;
        let mut lab = Self { prefix, namespaces: Vec::new(), folder, servers: 0 };
        let load = lab.add_namespace("load")?;
        ip(&["-n", &load, "address", "add", &format!("{RELAY}/32"), "dev", "lo"])?;
        ip(&["-n", &load, "route", "add", "local", "100.64.0.0/10", "dev", "lo"])?;
        Ok(lab)
    }

    /// Makes a server's namespace with a veth pair to the generator's.
    pub(super) fn add_host(&mut self) -> Result<Host, CompareError> {
        let number = self.servers;
        self.servers += 1;
        let namespace = self.add_namespace(&format!("s{number}"))?;
        let address = Ipv4Addr::new(198, 18, number, 1);
        let near = near(address);
        let load = self.namespaces[0].clone();
        let wire = format!("veth{number}");
        join((&load, &wire, near), (&namespace, "eth0", address), number)?;
        let gateway = near.to_string();
        ip(&["-n", &namespace, "route", "add", "default", "via", &gateway])?;
        let folder = self.folder.join(format!("s{number}"));
        fs::create_dir_all(&folder).map_err(CompareError::machine(&folder.display()))?;
        Ok(Host { namespace, address, partner_side: address, folder })
    }

    /// Two hosts with a veth pair between them as well.
    pub(super) fn add_pair(&mut self) -> Result<[Host; 2], CompareError> {
        let mut hosts = [self.add_host()?, self.add_host()?];
        let number = self.servers;
        hosts[0].partner_side = Ipv4Addr::new(198, 19, number, 1);
        hosts[1].partner_side = Ipv4Addr::new(198, 19, number, 2);
        let [one, two] = &hosts;
        join(
            (&one.namespace, "eth1", one.partner_side),
            (&two.namespace, "eth1", two.partner_side),
            128 + number,
        )?;
        Ok(hosts)
    }

    /// A command that runs where the generator is.
    pub(super) fn at_load(&self, program: &Path) -> Command {
        within(&self.namespaces[0], program)
    }

    fn add_namespace(&mut self, name: &str) -> Result<String, CompareError> {
        let namespace = format!("{}-{name}", self.prefix);
        ip(&["netns", "add", &namespace])?;
        self.namespaces.push(namespace.clone());
        ip(&["-n", &namespace, "link", "set", "lo", "up"])?;
        Ok(namespace)
    }
}

impl Host {
    /// A command that runs here.
    pub(super) fn command(&self, program: &Path) -> Command {
        within(&self.namespace, program)
    }

    /// Fails unless a socket here may hold so many octets: some kernels have a setting for each namespace.
    pub(super) fn expect_rmem_max(&self, octets: u64) -> Result<(), CompareError> {
        let file = "/proc/sys/net/core/rmem_max";
        let output = self.command(Path::new("cat")).arg(file).output();
        let output = output.map_err(CompareError::machine(&file))?;
        let text = String::from_utf8_lossy(&output.stdout);
        match text.trim().parse::<u64>() {
            // Where a namespace has none of its own, that of the machine counts, which was set.
            Err(_) if !output.status.success() => Ok(()),
            Ok(found) if found >= octets => Ok(()),
            _ => Err(CompareError::NotHere(format!(
                "not measured: {file} in the server's namespace is {:?}, at least {octets} expected",
                text.trim()
            ))),
        }
    }
}

/// The generator's own address towards a server: perfdhcp takes only one of the interface that it sends through.
pub(super) fn near(server: Ipv4Addr) -> Ipv4Addr {
    let [a, b, number, _] = server.octets();
    Ipv4Addr::new(a, b, number, 2)
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Servers are children that end before; a veth pair goes with one of its ends.
        for namespace in &self.namespaces {
            let _ = ip(&["netns", "del", namespace]);
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn within(namespace: &str, program: &Path) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).arg(program).stdin(Stdio::null());
    command
}

/// A veth pair. Both ends know each other's hardware address from the start: a first batch must not wait for ARP, which
/// keeps only a few packets.
fn join(
    one: (&str, &str, Ipv4Addr),
    two: (&str, &str, Ipv4Addr),
    number: u8,
) -> Result<(), CompareError> {
    let mac = |end: u8| format!("02:00:00:00:{number:02x}:{end:02x}");
    let (mac_one, mac_two) = (mac(1), mac(2));
    ip(&[
        "link", "add", one.1, "netns", one.0, "address", &mac_one, "type", "veth", "peer", "name",
        two.1, "netns", two.0, "address", &mac_two,
    ])?;
    for ((namespace, device, own), (_, _, other), mac) in [(one, two, mac_two), (two, one, mac_one)]
    {
        ip(&["-n", namespace, "address", "add", &format!("{own}/24"), "dev", device])?;
        ip(&["-n", namespace, "link", "set", device, "up"])?;
        let other = other.to_string();
        ip(&[
            "-n",
            namespace,
            "neighbour",
            "replace",
            &other,
            "lladdr",
            &mac,
            "nud",
            "permanent",
            "dev",
            device,
        ])?;
    }
    Ok(())
}

fn ip(words: &[&str]) -> Result<(), CompareError> {
    let doing = || format!("ip {}", words.join(" "));
    let output = Command::new("ip").args(words).stdin(Stdio::null()).output();
    let output = output.map_err(CompareError::machine(&doing()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(CompareError::machine(&doing())(std::io::Error::other(said)))
}
