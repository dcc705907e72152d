//! Host reservations: what a configuration keeps for clients that it knows (Kea guide, "Host Reservations in
//! DHCPv4"). One table, sorted by identifier, with an index by hash and one by address: a look-up costs the same for a
//! million reservations as for one. Pure. Must not know messages or leases.

#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, RandomState};
use std::net::Ipv4Addr;

use crate::classify::ClassId;
use crate::config::model::OptionData;
use crate::lease::ClientId;

/// The subnet id of reservations that belong to no subnet.
pub const GLOBAL: u32 = 0;

/// What a reservation knows its client by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentifierKind {
    /// `hw-address`: `chaddr`.
    HwAddress,
    /// `duid`: option 61 of type 255 behind its type and IAID (RFC 4361).
    Duid,
    /// `circuit-id`: option 82, sub-option 1.
    CircuitId,
    /// `client-id`: option 61.
    ClientId,
    /// `flex-id`: what a hook library makes of the query.
    FlexId,
}

impl IdentifierKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::HwAddress, Self::Duid, Self::CircuitId, Self::ClientId, Self::FlexId];

    /// The kinds that are looked for, in order, unless the configuration says otherwise.
    pub const USUAL: [Self; 4] = [Self::HwAddress, Self::Duid, Self::CircuitId, Self::ClientId];

    /// The keyword.
    pub const fn word(self) -> &'static str {
        match self {
            Self::HwAddress => "hw-address",
            Self::Duid => "duid",
            Self::CircuitId => "circuit-id",
            Self::ClientId => "client-id",
            Self::FlexId => "flex-id",
        }
    }

    /// Most bytes that an identifier of this kind has.
    pub const fn max_len(self) -> usize {
        match self {
            Self::HwAddress => crate::limits::MAX_HW_ADDRESS,
            Self::Duid => 130,
            Self::CircuitId | Self::ClientId | Self::FlexId => crate::limits::MAX_CLIENT_ID,
        }
    }
}

/// One reservation. Small: there may be a million.
#[derive(Clone, Debug)]
pub struct Host {
    /// What its client is known by.
    pub kind: IdentifierKind,
    /// The identifier's bytes.
    pub identifier: ClientId,
    /// The subnet that it belongs to, or [`GLOBAL`].
    pub subnet_id: u32,
    /// `ip-address`.
    pub address: Option<Ipv4Addr>,
    /// `hostname`; empty if none.
    pub hostname: Box<str>,
    /// What few reservations have.
    pub details: Option<Box<Details>>,
}

/// What few reservations have.
#[derive(Clone, Debug, Default)]
pub struct Details {
    /// `option-data`.
    pub options: Vec<OptionData>,
    /// `client-classes`.
    pub classes: Vec<ClassId>,
    /// `next-server`.
    pub next_server: Option<Ipv4Addr>,
    /// `server-hostname`; empty if none.
    pub server_hostname: String,
    /// `boot-file-name`; empty if none.
    pub boot_file_name: String,
}

impl Details {
    /// Whether there is anything in it.
    pub fn is_some(&self) -> bool {
        let texts = [&self.server_hostname, &self.boot_file_name];
        let lists = self.options.len() + self.classes.len();
        lists > 0 || self.next_server.is_some() || texts.iter().any(|text| !text.is_empty())
    }
}

impl Host {
    /// The classes that its client gets.
    pub fn classes(&self) -> &[ClassId] {
        self.details.as_ref().map_or(&[], |details| &details.classes)
    }

    fn key(&self) -> (IdentifierKind, &[u8], u32) {
        (self.kind, self.identifier.as_bytes(), self.subnet_id)
    }
}

/// All reservations of a configuration.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    /// By kind, identifier and subnet, ascending: those of one identifier stand together.
    hosts: Box<[Host]>,
    hashing: RandomState,
    /// Open addressing: place + 1 of the first host of an identifier, 0 for nobody. Twice as many as hosts at least.
    slots: Box<[u32]>,
    /// Addresses with the place of the host, ascending.
    by_address: Box<[(Ipv4Addr, u32)]>,
    /// Which kinds there are at all.
    kinds: [bool; IdentifierKind::ALL.len()],
}

impl Hosts {
    /// The table of `hosts`.
    pub fn new(mut hosts: Vec<Host>) -> Self {
        hosts.sort_by(|a, b| a.key().cmp(&b.key()));
        let mut table = Self { hosts: hosts.into(), ..Self::default() };
        let size = (table.hosts.len() * 2).next_power_of_two();
        let mut slots = vec![0; size].into_boxed_slice();
        let mut by_address = Vec::new();
        for (at, host) in table.hosts.iter().enumerate() {
            let at = u32::try_from(at).expect("memory ends before");
            table.kinds[host.kind as usize] = true;
            if let Some(address) = host.address {
                by_address.push((address, at));
            }
            let is_first = at == 0 || {
                let before = &table.hosts[at as usize - 1];
                (before.kind, &before.identifier) != (host.kind, &host.identifier)
            };
            if is_first {
                let mut slot = table.hash(host.kind, host.identifier.as_bytes()) & (size - 1);
                while slots[slot] != 0 {
                    slot = (slot + 1) & (size - 1);
                }
                slots[slot] = at + 1;
            }
        }
        by_address.sort_unstable();
        table.slots = slots;
        table.by_address = by_address.into();
        table
    }

    /// Every reservation, by kind, identifier and subnet.
    pub fn all(&self) -> &[Host] {
        &self.hosts
    }

    /// Whether any reservation has this kind of identifier.
    pub fn has_kind(&self, kind: IdentifierKind) -> bool {
        self.kinds[kind as usize]
    }

    /// The reservations of one identifier, by subnet.
    pub fn of(&self, kind: IdentifierKind, identifier: &[u8]) -> &[Host] {
        if !self.has_kind(kind) {
            return &[];
        }
        let mask = self.slots.len() - 1;
        let mut slot = self.hash(kind, identifier) & mask;
        // There are more slots than hosts, so one is empty.
        while self.slots[slot] != 0 {
            let from = &self.hosts[self.slots[slot] as usize - 1..];
            let is_it =
                |host: &&Host| host.kind == kind && host.identifier.as_bytes() == identifier;
            if from.first().is_some_and(|host| is_it(&host)) {
                return &from[..from.iter().take_while(is_it).count()];
            }
            slot = (slot + 1) & mask;
        }
        &[]
    }

    /// The reservations of one address, in whatever subnet, and the place of each in [`Self::all`].
    pub fn of_address(&self, address: Ipv4Addr) -> impl Iterator<Item = (usize, &Host)> {
        let first = self.by_address.partition_point(|(other, _)| *other < address);
        let under = self.by_address[first..].iter().take_while(move |(other, _)| *other == address);
        under.map(|(_, at)| (*at as usize, &self.hosts[*at as usize]))
    }

    /// The addresses from `first` to `last` that are reserved in the subnet, ascending.
    pub fn addresses(
        &self,
        subnet_id: u32,
        first: Ipv4Addr,
        last: Ipv4Addr,
    ) -> impl Iterator<Item = Ipv4Addr> + '_ {
        let from = self.by_address.partition_point(|(other, _)| *other < first);
        let inside = self.by_address[from..].iter().take_while(move |(other, _)| *other <= last);
        let of_subnet = move |(_, at): &&(_, u32)| self.hosts[*at as usize].subnet_id == subnet_id;
        inside.filter(of_subnet).map(|(address, _)| *address)
    }

    fn hash(&self, kind: IdentifierKind, identifier: &[u8]) -> usize {
        // Either half of the hash serves.
        self.hashing.hash_one((kind, identifier)) as usize
    }
}

/// The reservation for `subnet_id` among those of one identifier.
pub fn of_subnet(same_identifier: &[Host], subnet_id: u32) -> Option<&Host> {
    let place = same_identifier.binary_search_by_key(&subnet_id, |host| host.subnet_id).ok()?;
    Some(&same_identifier[place])
}
