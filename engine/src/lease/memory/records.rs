//! The records of a block of 256 addresses, packed one behind the other in one piece of memory, in the order in which
//! they came. What a record leaves behind is waste until so much of it has gathered that the rest is moved
//! together: a few kilobytes at most, so nobody waits for it. Pure.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::packed;
use crate::lease::{ChangeNumber, Stored};

/// The records of a block, by the last byte of their addresses.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// A bit for each address that has one.
    present: [u64; 4],
    /// Where in `bytes` each begins, ascending by address.
    starts: Vec<u16>,
    bytes: Vec<u8>,
    /// How many of `bytes` belong to no record any more.
    waste: usize,
    /// Those that cannot be packed.
    large: BTreeMap<u8, Stored>,
}

/// Stands in `starts` for a record that is not in `bytes`.
const ELSEWHERE: u16 = u16::MAX;
const _: () = assert!(256 * packed::MAX < ELSEWHERE as usize);
/// Memory is taken for so much more, in parts of what is there.
const SPARE: usize = 8;

impl Records {
    /// The record of an address.
    pub(super) fn get(&self, address: Ipv4Addr) -> Option<Stored> {
        let place = place_of(address);
        let at = self.rank(place).ok()?;
        match self.packed(at) {
            Some(bytes) => Some(packed::read(address, bytes)),
            None => self.large.get(&place).cloned(),
        }
    }

    /// Its version.
    pub(super) fn version(&self, address: Ipv4Addr) -> Option<ChangeNumber> {
        let place = place_of(address);
        let at = self.rank(place).ok()?;
        match self.packed(at) {
            Some(bytes) => Some(packed::version(bytes)),
            None => Some(self.large.get(&place)?.version),
        }
    }

    /// Every record of this block from that of `first` on, in address order.
    pub(super) fn from(&self, first: Ipv4Addr) -> impl Iterator<Item = Stored> {
        let base = first.to_bits() & !255;
        let addresses = (place_of(first)..=255).map(move |place| base | u32::from(place));
        addresses.filter_map(|address| self.get(Ipv4Addr::from_bits(address)))
    }

    /// Puts a record in its place.
    pub(super) fn put(&mut self, stored: &Stored) {
        let place = place_of(stored.lease.address);
        let mut bytes = [0; packed::MAX];
        let length = packed::write(stored, &mut bytes);
        let at = match self.rank(place) {
            Ok(at) => {
                if let (Some(length), Some(there)) = (length, self.packed(at))
                    && packed::length(there) == length
                {
                    let start = usize::from(self.starts[at]);
                    self.bytes[start..start + length].copy_from_slice(&bytes[..length]);
                    return;
                }
                self.leave(at, place);
                at
            }
            Err(at) => {
                grow(&mut self.starts, 1);
                self.starts.insert(at, ELSEWHERE);
                self.present[usize::from(place >> 6)] |= 1 << (place & 63);
                at
            }
        };
        match length {
            Some(length) => self.starts[at] = self.append(&bytes[..length]),
            None => drop(self.large.insert(place, stored.clone())),
        }
    }

    /// Removes the record of an address, if there is one.
    pub(super) fn remove(&mut self, address: Ipv4Addr) {
        let place = place_of(address);
        let Ok(at) = self.rank(place) else { return };
        self.leave(at, place);
        self.starts.remove(at);
        self.present[usize::from(place >> 6)] &= !(1 << (place & 63));
        if self.starts.is_empty() {
            *self = Self::default();
        } else if self.waste > self.bytes.len() / 2 {
            self.move_together(0);
        }
    }

    /// Which of the records that of `place` is, or would be.
    fn rank(&self, place: u8) -> Result<usize, usize> {
        let (word, bit) = (usize::from(place >> 6), 1_u64 << (place & 63));
        let before: u32 = self.present[..word].iter().map(|word| word.count_ones()).sum();
        let rank = (before + (self.present[word] & (bit - 1)).count_ones()) as usize;
        if self.present[word] & bit == 0 { Err(rank) } else { Ok(rank) }
    }

    /// What a record's bytes begin with, if it is packed.
    fn packed(&self, at: usize) -> Option<&[u8]> {
        let start = self.starts[at];
        (start != ELSEWHERE).then(|| &self.bytes[usize::from(start)..])
    }

    /// Gives up the content of a record.
    fn leave(&mut self, at: usize, place: u8) {
        if let Some(length) = self.packed(at).map(packed::length) {
            self.waste += length;
            self.starts[at] = ELSEWHERE;
        } else {
            self.large.remove(&place);
        }
    }

    /// Puts a record's bytes behind the others: where they begin.
    fn append(&mut self, record: &[u8]) -> u16 {
        let length = self.bytes.len() + record.len();
        let full = length >= usize::from(ELSEWHERE);
        if full || length > self.bytes.capacity() && self.waste >= self.bytes.len() / SPARE {
            self.move_together(record.len());
        }
        grow(&mut self.bytes, record.len());
        let start = u16::try_from(self.bytes.len()).expect("256 records are fewer bytes");
        self.bytes.extend_from_slice(record);
        start
    }

    /// Leaves the waste out, with room for `more` bytes.
    fn move_together(&mut self, more: usize) {
        let length = self.bytes.len() - self.waste;
        let mut bytes = Vec::with_capacity(length + more.max(length / SPARE));
        for start in self.starts.iter_mut().filter(|start| **start != ELSEWHERE) {
            let record = &self.bytes[usize::from(*start)..];
            *start = u16::try_from(bytes.len()).expect("fewer bytes than before");
            bytes.extend_from_slice(&record[..packed::length(record)]);
        }
        self.bytes = bytes;
        self.waste = 0;
    }
}

fn place_of(address: Ipv4Addr) -> u8 {
    address.octets()[3]
}

/// Makes room for `more` items: not twice as much as there is, as a vector would by itself.
pub(super) fn grow<T>(items: &mut Vec<T>, more: usize) {
    if items.capacity() - items.len() < more {
        items.reserve_exact(more.max(items.len() / SPARE));
    }
}

#[cfg(all(test, not(feature = "model")))]
mod tests {
    use super::*;
    use crate::lease::{ClientId, HwAddress, Lease4, LeaseState, Origin};

    fn stored(place: u8, client_id: usize, hostname: usize, version: u64) -> Stored {
        let lease = Lease4 {
            address: Ipv4Addr::new(10, 1, 2, place),
            hw_address: HwAddress::new(&[place; 6]).expect("6 bytes"),
            client_id: ClientId::new(&vec![place; client_id]),
            valid_lifetime_s: 7 + u32::from(place),
            cltt_s: u64::MAX >> 1,
            subnet_id: 8,
            fqdn_fwd: place.is_multiple_of(2),
            fqdn_rev: place.is_multiple_of(3),
            hostname: "n".repeat(hostname).into(),
            state: LeaseState::try_from(u64::from(place % 5)).expect("5 states"),
            user_context: (place == 77).then(|| "{ }".into()),
            pool_id: 9,
        };
        let origin = if place.is_multiple_of(7) { Origin::Partner } else { Origin::Load };
        let mut stored = Stored::new(lease, ChangeNumber(version), origin);
        stored.promise(place.is_multiple_of(11));
        stored
    }

    /// Records of many lengths come, change and go in no order; what is there is what a plain table has.
    #[test]
    fn what_is_put_is_there_until_it_is_removed() {
        let mut records = Records::default();
        let mut plain = BTreeMap::new();
        let mut lot = 1_u64;
        for version in 0..20_000 {
            lot =
                lot.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let [place, client_id, hostname, what, ..] = lot.to_be_bytes();
            let (client_id, hostname) = match what >> 6 {
                0 => (7, 12),
                1 => (usize::from(client_id), 0),
                2 => (0, usize::from(hostname)),
                _ => (usize::from(client_id), usize::from(hostname)),
            };
            let stored = stored(place, client_id, hostname, version);
            let address = stored.lease.address;
            if what % 3 == 0 {
                records.remove(address);
                plain.remove(&address);
            } else {
                records.put(&stored);
                plain.insert(address, stored);
            }
            assert_eq!(records.get(address).as_ref(), plain.get(&address));
            assert_eq!(records.version(address), plain.get(&address).map(|it| it.version));
            if version % 500 == 0 {
                let all: Vec<Stored> = records.from(Ipv4Addr::new(10, 1, 2, 0)).collect();
                assert!(all.iter().eq(plain.values()));
                let live: usize = plain.len() * packed::MAX;
                assert!(records.bytes.capacity() <= 2 * live + 1024);
            }
        }
        assert!(plain.len() > 100, "{}", plain.len());
        for address in plain.keys() {
            records.remove(*address);
        }
        assert_eq!((records.bytes.capacity(), records.starts.capacity()), (0, 0));
    }

    #[test]
    fn a_full_block_of_the_longest_records_fits() {
        let mut records = Records::default();
        for round in [100, 150, 213] {
            for place in (0..=255).filter(|place| *place != 77) {
                records.put(&stored(place, 0, round, 1));
            }
        }
        let all = records.from(Ipv4Addr::new(10, 1, 2, 0));
        assert_eq!(all.filter(|it| it.lease.hostname.len() == 213).count(), 255);
        assert!(records.large.is_empty());
    }
}
