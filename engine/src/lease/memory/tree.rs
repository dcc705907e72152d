//! The table in address order: a tree by the bytes of the address, whose leaves are blocks of 256 addresses with
//! a lock each, and a map of held addresses beside it that is read without locks. Must not know what a lease
//! says.
//!
//! A bit of `full` says that everything of one half below is held. The one of a block changes only under the block's
//! lock and is exact. The one of a /16 is a hint: it may be missing, which costs a look, but it is never left set
//! while something below is free, since whoever sets it looks again afterwards, and whoever frees an address
//! clears it last.

use std::sync::OnceLock;

use super::bits::{Bits, Full};
use super::records::Records;
use crate::lease::{AddressHalf, Findable};
use crate::sync::{Mutex, MutexGuard};

/// All addresses. Nodes are made when needed and stay.
pub(super) struct Tree {
    eights: Box<[OnceLock<Box<Eight>>]>,
}

struct Eight {
    full: Full,
    sixteens: Box<[OnceLock<Box<Sixteen>>]>,
}

struct Sixteen {
    full: Full,
    blocks: Box<[OnceLock<Box<Block>>]>,
}

/// 256 addresses.
#[derive(Default)]
pub(super) struct Block {
    held: Bits,
    records: Mutex<Records>,
}

/// Locked blocks, ascending. A client's addresses are mostly in one.
#[derive(Default)]
pub(super) struct HeldBlocks<'a> {
    first: Option<HeldBlock<'a>>,
    more: Vec<HeldBlock<'a>>,
}

/// The number of a block, and its records.
type HeldBlock<'a> = (u32, MutexGuard<'a, Records>);

/// Where a search goes on.
enum Skipped {
    To(u32),
    ToEnd,
}

impl Tree {
    pub(super) fn new() -> Self {
        Self { eights: empty_nodes() }
    }

    /// The records around `address`, locked; none if there never were any.
    pub(super) fn lock(&self, address: u32) -> Option<MutexGuard<'_, Records>> {
        let [a, b, c, _] = address.to_be_bytes();
        let sixteen = self.sixteen(a, b)?;
        Some(sixteen.blocks[usize::from(c)].get()?.records.lock())
    }

    /// The records around `address`, locked.
    pub(super) fn lock_or_make(&self, address: u32) -> MutexGuard<'_, Records> {
        let [a, b, c, _] = address.to_be_bytes();
        let eight = self.eights[usize::from(a)].get_or_init(Box::default);
        let sixteen = eight.sixteens[usize::from(b)].get_or_init(Box::default);
        sixteen.blocks[usize::from(c)].get_or_init(Box::default).records.lock()
    }

    /// The records around all of `addresses`, which must ascend, locked in this order.
    pub(super) fn lock_all(&self, addresses: &[u32]) -> HeldBlocks<'_> {
        let mut blocks = HeldBlocks::default();
        let mut last = None;
        for address in addresses {
            let block = address >> 8;
            if last != Some(block) {
                blocks.add((block, self.lock_or_make(*address)));
                last = Some(block);
            }
        }
        blocks
    }

    /// Notes whether `address`, whose block's lock the caller holds, is held.
    pub(super) fn mark(&self, address: u32, held: bool) {
        let [a, b, c, d] = address.to_be_bytes();
        let eight = self.eights[usize::from(a)].get().expect("made with its records");
        let sixteen = eight.sixteens[usize::from(b)].get().expect("made with its records");
        let block = sixteen.blocks[usize::from(c)].get().expect("made with its records");
        let half = AddressHalf::of(address.into());
        let others = half.others(address >> 8);
        let (above, top) = (sixteen.full.of(half), eight.full.of(half));
        if held {
            block.held.set(d);
            if block.held.is_full_with(&others) {
                above.set(c);
                if above.is_full() {
                    top.set(b);
                    if !above.is_full() {
                        top.clear(b);
                    }
                }
            }
            return;
        }
        let was_full = block.held.is_full_with(&others);
        block.held.clear(d);
        if was_full {
            above.clear(c);
            top.clear(b);
        }
    }

    /// Makes all blocks of a /16 behind the one of `address` look full.
    #[cfg(feature = "model")]
    pub(super) fn fill_blocks_behind(&self, address: u32) {
        let [a, b, c, _] = address.to_be_bytes();
        drop(self.lock_or_make(address));
        let sixteen = self.sixteen(a, b).expect("made before");
        for half in [AddressHalf::Even, AddressHalf::Odd] {
            (c + 1..=255).for_each(|block| sixteen.full.of(half).set(block));
        }
    }

    /// The first address from `from` to `high` that is neither held nor passed over.
    pub(super) fn first_free(&self, from: u32, high: u32, findable: Findable<'_>) -> Option<u32> {
        let mut at = from;
        while at <= high {
            at = match self.skip_full(at, findable.half) {
                Skipped::To(next) if next != at => next,
                Skipped::To(_) => {
                    let [.., d] = at.to_be_bytes();
                    let out = findable.block(at >> 8);
                    let free = match self.block(at) {
                        Some(block) => block.held.first_clear(d, &out),
                        None => Bits::default().first_clear(d, &out),
                    };
                    if let Some(free) = free {
                        let free = at & !0xff | u32::from(free);
                        return (free <= high).then_some(free);
                    }
                    next_start(at, 8)?
                }
                Skipped::ToEnd => return None,
            };
        }
        None
    }

    /// The last address from `from` down to `low` that is neither held nor passed over.
    pub(super) fn last_free(&self, from: u32, low: u32, findable: Findable<'_>) -> Option<u32> {
        let mut at = from;
        while at >= low {
            at = match self.skip_full_down(at, findable.half) {
                Skipped::To(next) if next != at => next,
                Skipped::To(_) => {
                    let [.., d] = at.to_be_bytes();
                    let out = findable.block(at >> 8);
                    let free = match self.block(at) {
                        Some(block) => block.held.last_clear(d, &out),
                        None => Bits::default().last_clear(d, &out),
                    };
                    if let Some(free) = free {
                        let free = at & !0xff | u32::from(free);
                        return (free >= low).then_some(free);
                    }
                    last_before(at, 8)?
                }
                Skipped::ToEnd => return None,
            };
        }
        None
    }

    /// How many addresses from `low` to `high` are held.
    pub(super) fn held(&self, low: u32, high: u32) -> u64 {
        let mut held = 0;
        let mut at = Some(low);
        while let Some(address) = at.filter(|address| *address <= high) {
            let [a, b, ..] = address.to_be_bytes();
            at = if self.eights[usize::from(a)].get().is_none() {
                next_start(address, 24)
            } else if self.sixteen(a, b).is_none() {
                next_start(address, 16)
            } else {
                if let Some(block) = self.block(address) {
                    let last = if high >> 8 == address >> 8 { high as u8 } else { u8::MAX };
                    held += u64::from(block.held.count(address as u8, last));
                }
                next_start(address, 8)
            };
        }
        held
    }

    /// From `at` over what is known to be full; `at` itself if its block may have a free address.
    fn skip_full(&self, at: u32, half: Option<AddressHalf>) -> Skipped {
        let [a, b, c, _] = at.to_be_bytes();
        let behind = |bits| next_start(at, bits).map_or(Skipped::ToEnd, Skipped::To);
        let Some(eight) = self.eights[usize::from(a)].get() else { return Skipped::To(at) };
        match eight.full.first_not(b, half) {
            None => return behind(24),
            Some(free) if free != b => return Skipped::To(u32::from_be_bytes([a, free, 0, 0])),
            Some(_) => {}
        }
        let Some(sixteen) = self.sixteen(a, b) else { return Skipped::To(at) };
        match sixteen.full.first_not(c, half) {
            None => behind(16),
            Some(free) if free != c => Skipped::To(u32::from_be_bytes([a, b, free, 0])),
            Some(_) => Skipped::To(at),
        }
    }

    /// As [`Self::skip_full`], downwards.
    fn skip_full_down(&self, at: u32, half: Option<AddressHalf>) -> Skipped {
        let [a, b, c, _] = at.to_be_bytes();
        let before = |bits| last_before(at, bits).map_or(Skipped::ToEnd, Skipped::To);
        let Some(eight) = self.eights[usize::from(a)].get() else { return Skipped::To(at) };
        match eight.full.last_not(b, half) {
            None => return before(24),
            Some(free) if free != b => return Skipped::To(u32::from_be_bytes([a, free, 255, 255])),
            Some(_) => {}
        }
        let Some(sixteen) = self.sixteen(a, b) else { return Skipped::To(at) };
        match sixteen.full.last_not(c, half) {
            None => before(16),
            Some(free) if free != c => Skipped::To(u32::from_be_bytes([a, b, free, 255])),
            Some(_) => Skipped::To(at),
        }
    }

    fn block(&self, at: u32) -> Option<&Block> {
        let [a, b, c, _] = at.to_be_bytes();
        self.sixteen(a, b)?.blocks[usize::from(c)].get().map(Box::as_ref)
    }

    /// Shows the records of each block from the one of `from` on, in address order, until `take` says stop.
    pub(super) fn walk(&self, from: u32, mut take: impl FnMut(u32, &Records) -> bool) {
        let mut at = Some(from);
        while let Some(address) = at {
            let [a, b, c, _] = address.to_be_bytes();
            at = if self.eights[usize::from(a)].get().is_none() {
                next_start(address, 24)
            } else if let Some(sixteen) = self.sixteen(a, b) {
                if let Some(block) = sixteen.blocks[usize::from(c)].get()
                    && !take(address >> 8 << 8, &block.records.lock())
                {
                    return;
                }
                next_start(address, 8)
            } else {
                next_start(address, 16)
            };
        }
    }

    fn sixteen(&self, a: u8, b: u8) -> Option<&Sixteen> {
        self.eights[usize::from(a)].get()?.sixteens[usize::from(b)].get().map(Box::as_ref)
    }
}

impl<'a> HeldBlocks<'a> {
    /// The records around `address`, which was asked for.
    pub(super) fn around(&mut self, address: u32) -> &mut Records {
        let wanted = address >> 8;
        if let Some((_, records)) = self.first.as_mut().filter(|(block, _)| *block == wanted) {
            return records;
        }
        let place = self.more.binary_search_by_key(&wanted, |(block, _)| *block);
        &mut self.more[place.expect("locked by lock_all")].1
    }

    fn add(&mut self, block: HeldBlock<'a>) {
        match self.first {
            None => self.first = Some(block),
            Some(_) => self.more.push(block),
        }
    }
}

impl Default for Eight {
    fn default() -> Self {
        Self { full: Full::default(), sixteens: empty_nodes() }
    }
}

impl Default for Sixteen {
    fn default() -> Self {
        Self { full: Full::default(), blocks: empty_nodes() }
    }
}

fn empty_nodes<T>() -> Box<[OnceLock<T>]> {
    (0..256).map(|_| OnceLock::new()).collect()
}

/// The first address behind the group of 2^`bits` addresses that `address` is in.
fn next_start(address: u32, bits: u32) -> Option<u32> {
    ((address >> bits) + 1).checked_shl(bits).filter(|start| *start > address)
}

/// The last address before the group of 2^`bits` addresses that `address` is in.
const fn last_before(address: u32, bits: u32) -> Option<u32> {
    (address >> bits << bits).checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(tree: &Tree, address: u32, held: bool) {
        let _lock = tree.lock_or_make(address);
        tree.mark(address, held);
    }

    #[test]
    fn a_free_address_is_found_across_full_blocks_and_the_ends_of_the_space() {
        let tree = Tree::new();
        let base = u32::from_be_bytes([10, 1, 0, 0]);
        assert_eq!(tree.first_free(base, base + 9, Findable::ANYTHING), Some(base));
        for address in base..base + 0x1_0000 {
            hold(&tree, address, true);
        }
        assert_eq!(tree.first_free(base, base + 0xffff, Findable::ANYTHING), None);
        assert_eq!(tree.first_free(base, u32::MAX, Findable::ANYTHING), Some(base + 0x1_0000));
        hold(&tree, base + 0x4321, false);
        assert_eq!(tree.first_free(base, u32::MAX, Findable::ANYTHING), Some(base + 0x4321));
        assert_eq!(
            tree.first_free(base + 0x4322, u32::MAX, Findable::ANYTHING),
            Some(base + 0x1_0000)
        );
        hold(&tree, u32::MAX, true);
        assert_eq!(tree.first_free(u32::MAX, u32::MAX, Findable::ANYTHING), None);
        assert_eq!(tree.first_free(u32::MAX - 1, u32::MAX, Findable::ANYTHING), Some(u32::MAX - 1));
    }

    #[test]
    fn downwards_a_free_address_is_found_across_full_blocks_and_the_ends_of_the_space() {
        let tree = Tree::new();
        let base = u32::from_be_bytes([10, 1, 0, 0]);
        let last = |from, low| tree.last_free(from, low, Findable::ANYTHING);
        assert_eq!(last(base + 9, base), Some(base + 9));
        for address in base..base + 0x1_0000 {
            hold(&tree, address, true);
        }
        assert_eq!(last(base + 0xffff, base), None);
        assert_eq!(last(base + 0xffff, 0), Some(base - 1));
        hold(&tree, base + 0x4321, false);
        assert_eq!(last(base + 0xffff, 0), Some(base + 0x4321));
        assert_eq!(last(base + 0x4320, 0), Some(base - 1));
        hold(&tree, 0, true);
        assert_eq!((last(0, 0), last(1, 0)), (None, Some(1)));
    }

    /// The looks at blocks that a search takes are few, wherever the other half is free.
    #[test]
    fn a_half_that_is_used_up_is_passed_over_at_once() {
        let tree = Tree::new();
        let base = u32::from_be_bytes([10, 1, 0, 0]);
        let half = AddressHalf::Even;
        let ours = |address: &u32| AddressHalf::of((*address).into()) == half;
        for address in (base..base + 0x1_0000).filter(ours) {
            hold(&tree, address, true);
        }
        let of = |half| Findable { half: Some(half), ..Findable::ANYTHING };
        assert!(
            matches!(tree.skip_full(base, Some(half)), Skipped::To(it) if it == base + 0x1_0000)
        );
        let down = tree.skip_full_down(base + 0xffff, Some(half));
        assert!(matches!(down, Skipped::To(it) if it == base - 1));
        let to = base + 0xffff;
        assert_eq!(
            (tree.first_free(base, to, of(half)), tree.last_free(to, base, of(half))),
            (None, None)
        );
        assert!(tree.first_free(base, to, of(half.other())).is_some_and(|it| it <= base + 1));
        assert!(tree.last_free(to, base, of(half.other())).is_some_and(|it| it >= to - 1));
        let freed = (base + 0x4300..).find(ours).unwrap();
        hold(&tree, freed, false);
        assert_eq!(tree.first_free(base, to, of(half)), Some(freed));
        assert_eq!(tree.last_free(to, base, of(half)), Some(freed));
    }

    #[test]
    fn the_held_of_a_range_are_counted() {
        let tree = Tree::new();
        let base = u32::from_be_bytes([10, 1, 0, 0]);
        for address in (base..base + 0x2_0000).step_by(3) {
            hold(&tree, address, true);
        }
        hold(&tree, u32::MAX, true);
        for (low, high) in
            [(0, u32::MAX), (base, base), (base + 1, base + 2), (base + 5, base + 0x1_1234)]
        {
            let expected = (low.max(base)..=high.min(base + 0x1_ffff))
                .filter(|address| (address - base).is_multiple_of(3))
                .count() as u64;
            let last = u64::from(high == u32::MAX);
            assert_eq!(tree.held(low, high), expected + last, "{low} to {high}");
        }
        hold(&tree, base, false);
        assert_eq!(tree.held(base, base + 3), 1);
    }

    #[test]
    fn a_walk_sees_every_block_once_in_order() {
        let tree = Tree::new();
        let addresses = [0, 5, 256, 0x0a00_0001, 0x0a00_ffff, 0x0a01_0000, 0xff00_0000, u32::MAX];
        for address in addresses.iter().rev() {
            drop(tree.lock_or_make(*address));
        }
        let mut seen = Vec::new();
        tree.walk(0, |base, _| {
            seen.push(base);
            true
        });
        let mut blocks: Vec<u32> = addresses.iter().map(|address| address >> 8 << 8).collect();
        blocks.dedup();
        assert_eq!(seen, blocks);
    }
}
