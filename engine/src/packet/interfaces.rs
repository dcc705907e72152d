//! Which sockets the configuration asks for, given the interfaces there are. Pure but for [`scan`].

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;

use super::syscall::{self, EntryAddress};
use crate::config::model::{InterfaceSpec, Interfaces};

/// A network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its index in this network namespace.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Whether it is up.
    pub up: bool,
    /// Whether it is a loopback.
    pub loopback: bool,
    /// Its Ethernet address, if it is an Ethernet.
    pub mac: Option<[u8; 6]>,
    /// Its IPv4 addresses in their order, each with its broadcast address if it has one.
    pub addresses: Vec<(Ipv4Addr, Option<Ipv4Addr>)>,
}

/// The interfaces of this network namespace as they are now (*shell*).
pub fn scan() -> io::Result<Vec<Interface>> {
    Ok(gather(syscall::interface_entries()?))
}

/// A socket (for each thread, if it is not a broadcast one) that should be open.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Endpoint {
    /// Index of the interface.
    pub(super) interface: u32,
    /// Its name.
    pub(super) name: String,
    /// Whether clients of this interface can be answered below IP.
    pub(super) link: bool,
    /// What socket it is.
    pub(super) kind: Kind,
}

/// Kinds of sockets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// UDP, bound to an address of ours.
    Unicast(Ipv4Addr),
    /// UDP, bound to a broadcast address and the interface.
    Broadcast {
        /// The broadcast address.
        to: Ipv4Addr,
        /// What answers leave from.
        local: Ipv4Addr,
    },
    /// Whole frames.
    Raw {
        /// The interface's Ethernet address.
        mac: [u8; 6],
        /// The addresses that are served, at least one.
        served: Vec<Ipv4Addr>,
        /// The interface's broadcast addresses, 255.255.255.255 not among them.
        broadcasts: Vec<Ipv4Addr>,
    },
}

/// Why something that the configuration names cannot be served yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Absent {
    /// No such interface.
    #[error("there is no interface {0}")]
    Interface(String),
    /// It is down.
    #[error("interface {0} is down")]
    Down(String),
    /// It has no IPv4 address.
    #[error("interface {0} has no IPv4 address")]
    NoAddress(String),
    /// It does not have the address that was named.
    #[error("interface {0} does not have the address {1}")]
    OtherAddress(String, Ipv4Addr),
}

/// What should be open, ascending, and what was asked for in vain.
pub(super) fn plan(wanted: &Interfaces, present: &[Interface]) -> (Vec<Endpoint>, Vec<Absent>) {
    let mut absent = Vec::new();
    let mut served: BTreeMap<u32, Vec<Ipv4Addr>> = BTreeMap::new();
    for spec in &wanted.listen {
        match spec {
            InterfaceSpec::All => {
                let usable = |i: &&Interface| i.up && !i.loopback && !i.addresses.is_empty();
                for interface in present.iter().filter(usable) {
                    serve(&mut served, interface, None);
                }
            }
            InterfaceSpec::Name(name) => match usable(present, name, None) {
                Ok(interface) => serve(&mut served, interface, None),
                Err(reason) => absent.push(reason),
            },
            InterfaceSpec::Address(name, address) => match usable(present, name, Some(*address)) {
                Ok(interface) => serve(&mut served, interface, Some(*address)),
                Err(reason) => absent.push(reason),
            },
        }
    }
    let mut endpoints: Vec<_> = present
        .iter()
        .filter_map(|interface| Some((interface, served.remove(&interface.index)?)))
        .flat_map(|(interface, served)| endpoints_of(interface, served, wanted.raw))
        .collect();
    endpoints.sort();
    (endpoints, absent)
}

/// What of `wanted` this machine does not have now.
///
/// # Errors
/// What the system says if it does not tell its interfaces.
pub fn absent(wanted: &Interfaces) -> io::Result<Vec<Absent>> {
    Ok(plan(wanted, &scan()?).1)
}

fn usable<'a>(
    present: &'a [Interface],
    name: &str,
    address: Option<Ipv4Addr>,
) -> Result<&'a Interface, Absent> {
    let interface = present
        .iter()
        .find(|interface| interface.name == name)
        .ok_or_else(|| Absent::Interface(name.to_owned()))?;
    if !interface.up {
        return Err(Absent::Down(name.to_owned()));
    }
    match address {
        None if interface.addresses.is_empty() => Err(Absent::NoAddress(name.to_owned())),
        Some(address) if !has_address(interface, address) => {
            Err(Absent::OtherAddress(name.to_owned(), address))
        }
        _ => Ok(interface),
    }
}

/// All of 127.0.0.0/8 is the loopback's, though it lists but one address.
fn has_address(interface: &Interface, address: Ipv4Addr) -> bool {
    let listed = interface.addresses.iter().any(|(own, _)| *own == address);
    listed || (interface.loopback && address.is_loopback())
}

fn serve(
    served: &mut BTreeMap<u32, Vec<Ipv4Addr>>,
    interface: &Interface,
    address: Option<Ipv4Addr>,
) {
    let addresses = served.entry(interface.index).or_default();
    let own = interface.addresses.iter().map(|(address, _)| *address);
    let more: Vec<_> = address.map_or_else(|| own.collect(), |address| vec![address]);
    for address in more {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
}

fn endpoints_of(interface: &Interface, served: Vec<Ipv4Addr>, raw: bool) -> Vec<Endpoint> {
    let mac = interface.mac.filter(|_| raw && !interface.loopback);
    let endpoint = |kind| Endpoint {
        interface: interface.index,
        name: interface.name.clone(),
        link: mac.is_some(),
        kind,
    };
    let mut endpoints: Vec<_> =
        served.iter().map(|address| endpoint(Kind::Unicast(*address))).collect();
    let mut broadcasts: Vec<_> =
        interface.addresses.iter().filter_map(|(_, broadcast)| *broadcast).collect();
    broadcasts.sort_unstable();
    broadcasts.dedup();
    broadcasts.retain(|broadcast| !broadcast.is_broadcast() && !broadcast.is_unspecified());
    if !interface.loopback {
        let local = served[0];
        for to in [Ipv4Addr::BROADCAST].into_iter().chain(broadcasts.iter().copied()) {
            endpoints.push(endpoint(Kind::Broadcast { to, local }));
        }
    }
    endpoints.extend(mac.map(|mac| endpoint(Kind::Raw { mac, served, broadcasts })));
    endpoints
}

/// Puts the entries of one interface together; `eth0:1` is a label of an address of `eth0`.
fn gather(entries: Vec<syscall::Entry>) -> Vec<Interface> {
    let mut interfaces: Vec<Interface> = Vec::new();
    for entry in &entries {
        if let EntryAddress::Link { index, mac } = entry.address {
            let set = |flag: i32| entry.flags & flag as u32 != 0;
            interfaces.push(Interface {
                index,
                name: entry.name.clone(),
                up: set(libc::IFF_UP),
                loopback: set(libc::IFF_LOOPBACK),
                mac,
                addresses: Vec::new(),
            });
        }
    }
    for entry in entries {
        if let EntryAddress::Ip { address, broadcast } = entry.address {
            let name = entry.name.split(':').next().unwrap_or_default();
            if let Some(interface) = interfaces.iter_mut().find(|i| i.name == name) {
                // An address that was given without one comes with itself in this place.
                let broadcast = broadcast.filter(|broadcast| *broadcast != address);
                interface.addresses.push((address, broadcast));
            }
        }
    }
    interfaces
}

#[cfg(test)]
#[path = "interfaces_tests.rs"]
mod tests;
