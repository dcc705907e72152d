//! The clients and the leases they hold. Pure. It remembers across runs, so that a second run can
//! keep or take over what a first one was given.

use std::net::Ipv4Addr;

use crate::limits::CLIENTS;
use crate::wire::Mac;

/// perfdhcp's first hardware address.
pub const BASE_MAC: Mac = [0x00, 0x0c, 0x01, 0x02, 0x03, 0x04];

/// What a client was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The client's address.
    pub address: Ipv4Addr,
    /// The server that acknowledged it last (option 54).
    pub server: Ipv4Addr,
}

/// Clients, numbered from 0.
#[derive(Clone, Debug)]
pub struct Fleet {
    base: Mac,
    /// Their hardware addresses; empty if they count up from `base`.
    listed: Vec<Mac>,
    leases: Vec<Option<Lease>>,
    holders: Holders,
    round: u32,
    granted_in: Vec<u32>,
}

impl Fleet {
    /// `size` clients (at most [`CLIENTS`]) whose hardware addresses count up from `base`.
    pub fn new(base: Mac, size: u32) -> Self {
        let size = size.min(CLIENTS) as usize;
        let (leases, granted_in) = (vec![None; size], vec![0; size]);
        let (listed, holders) = (Vec::new(), Holders::default());
        Self { base, listed, leases, holders, round: 0, granted_in }
    }

    /// A client for each of these hardware addresses (at most [`CLIENTS`]).
    pub fn listed(mut macs: Vec<Mac>) -> Self {
        macs.truncate(CLIENTS as usize);
        let size = u32::try_from(macs.len()).expect("a fleet has at most CLIENTS clients");
        Self { listed: macs, ..Self::new(BASE_MAC, size) }
    }

    /// How many clients there are.
    pub fn size(&self) -> u32 {
        u32::try_from(self.leases.len()).expect("a fleet has at most CLIENTS clients")
    }

    /// The hardware address of a client: that of the list, else the base plus its number, the vendor's three octets
    /// kept.
    pub fn mac(&self, client: u32) -> Mac {
        if let Some(mac) = self.listed.get(client as usize) {
            return *mac;
        }
        let [a, b, c, d, e, f] = self.base;
        let number = u32::from_be_bytes([0, d, e, f]).wrapping_add(client);
        let [_, d, e, f] = number.to_be_bytes();
        [a, b, c, d, e, f]
    }

    /// What a client holds.
    pub fn lease(&self, client: u32) -> Option<Lease> {
        self.leases.get(client as usize).copied().flatten()
    }

    /// All leases, by client.
    pub fn leases(&self) -> impl Iterator<Item = (u32, Lease)> {
        (0..).zip(&self.leases).filter_map(|(client, lease)| lease.map(|lease| (client, lease)))
    }

    /// Begins a round: from now on [`Fleet::not_yet_granted`] tells who was given nothing since.
    pub fn begin_round(&mut self) {
        self.round += 1;
    }

    /// Those of `clients` that were given nothing in this round.
    pub fn not_yet_granted(&self, clients: Vec<u32>) -> Vec<u32> {
        let granted = |client: u32| self.granted_in.get(client as usize) == Some(&self.round);
        clients.into_iter().filter(|client| !granted(*client)).collect()
    }

    /// The clients that hold nothing.
    pub fn without_lease(&self) -> Vec<u32> {
        (0..self.size()).filter(|client| self.lease(*client).is_none()).collect()
    }

    /// The clients whose last acknowledgement came from `server`.
    pub fn served_by(&self, server: Ipv4Addr) -> Vec<u32> {
        self.leases()
            .filter(|(_, lease)| lease.server == server)
            .map(|(client, _)| client)
            .collect()
    }

    /// How many leases there are more than addresses: 0 as long as no two clients share one.
    pub fn duplicate_addresses(&self) -> usize {
        let mut addresses: Vec<_> = self.leases().map(|(_, lease)| lease.address).collect();
        addresses.sort_unstable();
        let all = addresses.len();
        addresses.dedup();
        all - addresses.len()
    }

    /// Whether a client other than `client` holds `address`.
    pub fn is_held_by_another(&self, client: u32, address: Ipv4Addr) -> bool {
        self.holders.of(address).is_some_and(|holder| holder != client)
    }

    /// Notes what a client was given. An address that another client holds stays with that one in
    /// the books, so that each later taker counts as a duplicate as well.
    pub fn grant(&mut self, client: u32, lease: Lease) {
        let Some(slot) = self.leases.get_mut(client as usize) else { return };
        self.granted_in[client as usize] = self.round;
        if let Some(before) = slot.replace(lease)
            && before.address != lease.address
            && self.holders.of(before.address) == Some(client)
        {
            self.holders.set(before.address, None);
        }
        if self.holders.of(lease.address).is_none() {
            self.holders.set(lease.address, Some(client));
        }
    }
}

impl Fleet {
    /// A client uses its address no longer: it was refused, ran out, or the client went away.
    pub fn forget(&mut self, client: u32) {
        let slot = self.leases.get_mut(client as usize);
        if let Some(lease) = slot.and_then(Option::take)
            && self.holders.of(lease.address) == Some(client)
        {
            self.holders.set(lease.address, None);
        }
    }
}

/// Who holds which address: a page for each 65,536 of them. It is looked at for each answer, so it must not hash, and it
/// must not stop to grow.
#[derive(Clone, Debug, Default)]
struct Holders {
    pages: Vec<Option<Box<[u32]>>>,
}

/// No client: there are fewer.
const NOBODY: u32 = u32::MAX;

impl Holders {
    fn of(&self, address: Ipv4Addr) -> Option<u32> {
        let (page, at) = place(address);
        let holder = self.pages.get(page)?.as_ref()?[at];
        (holder != NOBODY).then_some(holder)
    }

    fn set(&mut self, address: Ipv4Addr, holder: Option<u32>) {
        let (page, at) = place(address);
        if self.pages.is_empty() {
            self.pages.resize(1 << 16, None);
        }
        let page = self.pages[page].get_or_insert_with(|| vec![NOBODY; 1 << 16].into());
        page[at] = holder.unwrap_or(NOBODY);
    }
}

fn place(address: Ipv4Addr) -> (usize, usize) {
    let number = u32::from(address);
    ((number >> 16) as usize, (number & 0xffff) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(last: u8) -> Lease {
        Lease { address: Ipv4Addr::new(10, 0, 0, last), server: Ipv4Addr::new(127, 0, 0, 1) }
    }

    #[test]
    fn hardware_addresses_count_up_and_keep_the_vendor() {
        let fleet = Fleet::new([0, 0x0c, 1, 0xff, 0xff, 0xff], 3);
        assert_eq!(fleet.mac(0), [0, 0x0c, 1, 0xff, 0xff, 0xff]);
        assert_eq!(fleet.mac(1), [0, 0x0c, 1, 0, 0, 0]);
    }

    #[test]
    fn hardware_addresses_may_be_listed() {
        let fleet = Fleet::listed(vec![[2; 6], [7; 6]]);
        assert_eq!((fleet.size(), fleet.mac(1)), (2, [7; 6]));
    }

    #[test]
    fn a_shared_address_is_seen() {
        let mut fleet = Fleet::new(BASE_MAC, 3);
        fleet.grant(0, lease(1));
        assert!(!fleet.is_held_by_another(0, lease(1).address));
        assert!(fleet.is_held_by_another(1, lease(1).address));
        fleet.grant(1, lease(1));
        assert_eq!(fleet.duplicate_addresses(), 1);
        assert_eq!(fleet.without_lease(), [2]);
    }

    #[test]
    fn a_round_tells_who_is_left() {
        let mut fleet = Fleet::new(BASE_MAC, 3);
        fleet.grant(0, lease(1));
        fleet.begin_round();
        fleet.grant(1, lease(2));
        assert_eq!(fleet.not_yet_granted(vec![0, 1, 2]), [0, 2]);
    }

    #[test]
    fn an_address_that_was_given_up_is_free() {
        let mut fleet = Fleet::new(BASE_MAC, 2);
        fleet.grant(0, lease(1));
        fleet.grant(0, lease(2));
        assert!(!fleet.is_held_by_another(1, lease(1).address));
        fleet.grant(1, lease(1));
        assert_eq!(fleet.duplicate_addresses(), 0);
        assert_eq!(fleet.served_by(Ipv4Addr::new(127, 0, 0, 1)), [0, 1]);
        fleet.forget(1);
        assert_eq!((fleet.lease(1), fleet.without_lease()), (None, vec![1]));
        assert!(!fleet.is_held_by_another(0, lease(1).address));
    }
}
