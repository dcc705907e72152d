//! Addresses that a search for a free one passes over, 256 at a time. Pure.

use std::net::Ipv4Addr;

use super::AddressHalf;

/// What a search for a free address may find.
#[derive(Clone, Copy, Debug)]
pub struct Findable<'a> {
    /// What is passed over.
    pub kept_out: &'a KeptOut,
    /// Addresses of this half only.
    pub half: Option<AddressHalf>,
    /// Where nothing is free, also the address of a lease that ended and is not cleaned up yet.
    pub ended: bool,
    /// The highest address rather than the lowest: the search goes downwards.
    pub downwards: bool,
}

impl Findable<'_> {
    /// Whatever is free or has ended.
    pub const ANYTHING: Findable<'static> =
        Findable { kept_out: KeptOut::NOTHING, half: None, ended: true, downwards: false };

    /// Whether `address` is passed over.
    pub fn passes_over(&self, address: Ipv4Addr) -> bool {
        let other_half = self.half.is_some_and(|half| AddressHalf::of(address) != half);
        other_half || self.kept_out.contains(address)
    }

    /// A bit for each address of a block of 256 that is passed over.
    pub(super) fn block(&self, block: u32) -> [u64; 4] {
        let out = self.kept_out.block(block);
        match self.half.map(|half| half.others(block)) {
            Some(others) => std::array::from_fn(|word| out[word] | others[word]),
            None => out,
        }
    }
}

/// Addresses that are given to nobody by a search: reserved ones, and with [`Self::ends_of_24`] the first and last
/// of each /24.
#[derive(Debug, Default)]
pub struct KeptOut {
    /// Blocks of 256 addresses that hold any, ascending: their number, and a bit for each address.
    blocks: Vec<(u32, [u64; 4])>,
    ends_of_24: bool,
}

/// The first and the last address of a block.
const ENDS: [u64; 4] = [1, 0, 0, 1 << 63];

impl KeptOut {
    /// Nothing.
    pub const NOTHING: &'static Self = &Self { blocks: Vec::new(), ends_of_24: false };

    /// `addresses`, which ascend, and the ends of each /24 if asked for.
    pub fn new(addresses: impl Iterator<Item = Ipv4Addr>, ends_of_24: bool) -> Self {
        let mut blocks: Vec<(u32, [u64; 4])> = Vec::new();
        for address in addresses.map(u32::from) {
            if blocks.last().is_none_or(|(block, _)| *block != address >> 8) {
                blocks.push((address >> 8, [0; 4]));
            }
            if let Some((_, bits)) = blocks.last_mut() {
                let place = address as usize & 0xff;
                bits[place / 64] |= 1 << (place % 64);
            }
        }
        blocks.shrink_to_fit();
        Self { blocks, ends_of_24 }
    }

    /// Whether `address` is one of them.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        let address = u32::from(address);
        let place = address as usize & 0xff;
        self.block(address >> 8)[place / 64] & 1 << (place % 64) != 0
    }

    /// A bit for each address of a block of 256.
    fn block(&self, block: u32) -> [u64; 4] {
        let ends = if self.ends_of_24 { ENDS } else { [0; 4] };
        match self.blocks.binary_search_by_key(&block, |(known, _)| *known) {
            Ok(at) => std::array::from_fn(|word| self.blocks[at].1[word] | ends[word]),
            Err(_) => ends,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_ends_are_kept_out() {
        let address = |last| Ipv4Addr::new(10, 0, 0, last);
        let next_block = Ipv4Addr::new(10, 0, 1, 64);
        let some = KeptOut::new([address(3), address(200), next_block].into_iter(), false);
        assert!([address(3), address(200), next_block].iter().all(|it| some.contains(*it)));
        assert!([0, 2, 4, 199, 255].iter().all(|last| !some.contains(address(*last))));
        let ends = KeptOut::new([address(3)].into_iter(), true);
        assert!([0, 3, 255].iter().all(|last| ends.contains(address(*last))));
        assert!(!ends.contains(address(1)) && ends.contains(Ipv4Addr::new(10, 0, 1, 255)));
    }
}
