//! Which subnet a query belongs to (Kea guide, "How the DHCPv4 Server Selects a Subnet for the Client"). Pure:
//! an index by relay address, by interface and by prefix, built once per configuration; never a scan over
//! subnets. Must not know messages or leases.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::classify::ClassId;
use crate::config::model::Subnet4;

/// What of a query decides about its subnet.
#[derive(Clone, Copy, Debug)]
pub struct Clue<'a> {
    /// Option 82 sub-option 5, else option 118: decides alone.
    pub link: Option<Ipv4Addr>,
    /// `giaddr`, if not zero.
    pub relay: Option<Ipv4Addr>,
    /// `ciaddr`, else the sender, of a direct client that wrote to this server's own address.
    pub client: Option<Ipv4Addr>,
    /// The interface it came in through.
    pub interface: &'a str,
    /// That interface's first address.
    pub local: Ipv4Addr,
}

/// Answers [`Clue`]s with the position of a subnet. Wherever several would do, the one with the lowest id whose
/// guard lets the query in is taken.
#[derive(Debug, Default)]
pub struct SubnetIndex {
    guards: Vec<Guards>,
    by_relay: HashMap<Ipv4Addr, Vec<usize>>,
    by_interface: HashMap<Box<str>, Vec<usize>>,
    by_prefix: PrefixTable,
}

/// What a query must be in to get into a subnet: a class of its shared network's guard, and one of its own.
#[derive(Debug, PartialEq, Eq)]
struct Guards {
    network: Box<[ClassId]>,
    own: Box<[ClassId]>,
}

impl Guards {
    fn is_open(&self, is_member: &dyn Fn(ClassId) -> bool) -> bool {
        is_open(&self.network, is_member) && is_open(&self.own, is_member)
    }
}

impl SubnetIndex {
    /// Indexes `subnets`, which are in ascending order of their ids.
    pub fn build(subnets: &[Arc<Subnet4>]) -> Self {
        let mut index = Self::default();
        for (at, subnet) in subnets.iter().enumerate() {
            let guards = Guards {
                network: subnet.network_guard().into(),
                own: subnet.guard.as_slice().into(),
            };
            index.guards.push(guards);
            for relay in &subnet.relays {
                add(index.by_relay.entry(*relay).or_default(), at, &index.guards);
            }
            if let Some(interface) = &subnet.interface {
                let found = index.by_interface.entry(interface.as_str().into()).or_default();
                add(found, at, &index.guards);
            }
            add(index.by_prefix.subnets(subnet), at, &index.guards);
        }
        index
    }

    /// The position of the query's subnet, if any. `is_member` tells the classes of the query.
    pub fn select(&self, clue: &Clue<'_>, is_member: &dyn Fn(ClassId) -> bool) -> Option<usize> {
        let open = |at: &usize| self.guards[*at].is_open(is_member);
        if let Some(link) = clue.link {
            return self.by_prefix.find(link, &open);
        }
        if let Some(relay) = clue.relay {
            let named =
                self.by_relay.get(&relay).and_then(|found| found.iter().copied().find(open));
            return named.or_else(|| self.by_prefix.find(relay, &open));
        }
        if let Some(client) = clue.client {
            return self.by_prefix.find(client, &open);
        }
        let named = self.by_interface.get(clue.interface);
        named
            .and_then(|found| found.iter().copied().find(open))
            .or_else(|| self.by_prefix.find(clue.local, &open))
    }
}

impl SubnetIndex {
    /// The positions of the subnets that contain `address`, whoever they are open to: a probe for each length that
    /// occurs.
    pub fn containing(&self, address: Ipv4Addr) -> impl Iterator<Item = usize> + '_ {
        self.by_prefix.matching(address).flatten().copied()
    }
}

/// Adds the subnet at `at` to those of one clue, unless one before it has the same guards: that one is taken whenever
/// this one could be. So a query looks at as many subnets as there are guards, not subnets.
fn add(found: &mut Vec<usize>, at: usize, guards: &[Guards]) {
    if !found.iter().any(|before| guards[*before] == guards[at]) {
        found.push(at);
    }
}

/// Whether a guard lets a query in: it names no class, or one of the query's.
pub fn is_open(guard: &[ClassId], is_member: &dyn Fn(ClassId) -> bool) -> bool {
    guard.is_empty() || guard.iter().any(|class| is_member(*class))
}

/// Subnets by their prefixes: one table per length that occurs, so a look-up costs at most 33 probes.
#[derive(Debug, Default)]
struct PrefixTable {
    lengths: Vec<(u32, HashMap<u32, Vec<usize>>)>,
}

impl PrefixTable {
    /// The subnets with the prefix of `subnet`.
    fn subnets(&mut self, subnet: &Subnet4) -> &mut Vec<usize> {
        let mask = u32::from(subnet.prefix.mask());
        let place = match self.lengths.iter().position(|(known, _)| *known == mask) {
            Some(place) => place,
            None => {
                self.lengths.push((mask, HashMap::new()));
                self.lengths.len() - 1
            }
        };
        let network = u32::from(subnet.prefix.network) & mask;
        self.lengths[place].1.entry(network).or_default()
    }

    /// The first open subnet that contains `address`.
    fn find(&self, address: Ipv4Addr, open: &dyn Fn(&usize) -> bool) -> Option<usize> {
        self.matching(address).filter_map(|found| found.iter().copied().find(open)).min()
    }

    fn matching(&self, address: Ipv4Addr) -> impl Iterator<Item = &Vec<usize>> {
        let address = u32::from(address);
        self.lengths.iter().filter_map(move |(mask, table)| table.get(&(address & mask)))
    }
}
