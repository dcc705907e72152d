//! 256 bits that are read without a lock. Pure but for its atomics.

use crate::lease::AddressHalf;
use crate::sync::atomic::{AtomicU64, Ordering};

/// One bit for each value of a byte. Operations are sequentially consistent: see [`super::tree`].
#[derive(Debug, Default)]
pub(super) struct Bits([AtomicU64; 4]);

impl Bits {
    pub(super) fn set(&self, bit: u8) {
        self.0[usize::from(bit >> 6)].fetch_or(1 << (bit & 63), Ordering::SeqCst);
    }

    pub(super) fn clear(&self, bit: u8) {
        self.0[usize::from(bit >> 6)].fetch_and(!(1 << (bit & 63)), Ordering::SeqCst);
    }

    pub(super) fn is_full(&self) -> bool {
        self.0.iter().all(|word| word.load(Ordering::SeqCst) == u64::MAX)
    }

    /// How many bits from `first` to `last` are set.
    pub(super) fn count(&self, first: u8, last: u8) -> u32 {
        let word = |(i, word): (usize, &AtomicU64)| {
            let (low, high) = (i * 64, i * 64 + 63);
            let (first, last) = (usize::from(first).max(low), usize::from(last).min(high));
            if first > last {
                return 0;
            }
            let wanted = (u64::MAX << (first - low)) & (u64::MAX >> (high - last));
            (word.load(Ordering::SeqCst) & wanted).count_ones()
        };
        self.0.iter().enumerate().map(word).sum()
    }

    /// The first bit at or above `from` that is set neither here nor in `others`.
    pub(super) fn first_clear(&self, from: u8, others: &[u64; 4]) -> Option<u8> {
        first_clear(|word| self.word(word) | others[word], from)
    }

    /// The last bit at or below `to` that is set neither here nor in `others`.
    pub(super) fn last_clear(&self, to: u8, others: &[u64; 4]) -> Option<u8> {
        last_clear(|word| self.word(word) | others[word], to)
    }

    /// Whether each bit is set here or in `others`.
    pub(super) fn is_full_with(&self, others: &[u64; 4]) -> bool {
        others.iter().enumerate().all(|(word, others)| self.word(word) | others == u64::MAX)
    }

    fn word(&self, word: usize) -> u64 {
        self.0[word].load(Ordering::SeqCst)
    }
}

/// Which of 256 nodes have nothing free, for each half of the addresses.
#[derive(Debug, Default)]
pub(super) struct Full {
    even: Bits,
    odd: Bits,
}

impl Full {
    pub(super) fn of(&self, half: AddressHalf) -> &Bits {
        match half {
            AddressHalf::Even => &self.even,
            AddressHalf::Odd => &self.odd,
        }
    }

    /// The first node from `from` on that may have something free, of one half or of either.
    pub(super) fn first_not(&self, from: u8, half: Option<AddressHalf>) -> Option<u8> {
        first_clear(|word| self.word(word, half), from)
    }

    /// The last node down from `to` that may have something free, of one half or of either.
    pub(super) fn last_not(&self, to: u8, half: Option<AddressHalf>) -> Option<u8> {
        last_clear(|word| self.word(word, half), to)
    }

    fn word(&self, word: usize, half: Option<AddressHalf>) -> u64 {
        match half {
            Some(half) => self.of(half).word(word),
            None => self.even.word(word) & self.odd.word(word),
        }
    }
}

fn first_clear(word: impl Fn(usize) -> u64, from: u8) -> Option<u8> {
    let start = usize::from(from >> 6);
    (start..4).find_map(|at| {
        let below = if at == start { (1 << (from & 63)) - 1 } else { 0 };
        let clear = !(word(at) | below);
        (clear != 0).then(|| place(at, clear.trailing_zeros()))
    })
}

fn last_clear(word: impl Fn(usize) -> u64, to: u8) -> Option<u8> {
    let start = usize::from(to >> 6);
    (0..=start).rev().find_map(|at| {
        let above = if at == start { !(u64::MAX >> (63 - (to & 63))) } else { 0 };
        let clear = !(word(at) | above);
        (clear != 0).then(|| place(at, 63 - clear.leading_zeros()))
    })
}

fn place(word: usize, bit: u32) -> u8 {
    u8::try_from(word * 64 + bit as usize).expect("4 words of 64 bits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_clear_bit_is_found_from_anywhere() {
        let bits = Bits::default();
        for bit in 0..=255 {
            assert_eq!(bits.first_clear(0, &[0; 4]), Some(bit));
            assert_eq!(bits.first_clear(bit, &[0; 4]), Some(bit));
            assert!(!bits.is_full());
            bits.set(bit);
        }
        assert!(bits.is_full());
        assert_eq!(bits.first_clear(0, &[0; 4]), None);
        bits.clear(130);
        assert_eq!(bits.first_clear(7, &[0, 0, 1 << 2, 0]), None);
        assert_eq!(
            (bits.first_clear(7, &[0; 4]), bits.first_clear(131, &[0; 4])),
            (Some(130), None)
        );
    }

    #[test]
    fn the_last_clear_bit_is_found_from_anywhere() {
        let bits = Bits::default();
        for bit in (0..=255).rev() {
            assert_eq!(bits.last_clear(255, &[0; 4]), Some(bit));
            assert_eq!(bits.last_clear(bit, &[0; 4]), Some(bit));
            bits.set(bit);
        }
        assert_eq!(bits.last_clear(255, &[0; 4]), None);
        bits.clear(130);
        assert_eq!(bits.last_clear(200, &[0, 0, 1 << 2, 0]), None);
        assert_eq!(
            (bits.last_clear(200, &[0; 4]), bits.last_clear(129, &[0; 4])),
            (Some(130), None)
        );
    }

    #[test]
    fn a_node_is_full_for_a_half_or_for_both() {
        let full = Full::default();
        full.of(AddressHalf::Even).set(7);
        assert_eq!(full.first_not(7, Some(AddressHalf::Even)), Some(8));
        assert_eq!(full.last_not(7, Some(AddressHalf::Even)), Some(6));
        assert_eq!((full.first_not(7, None), full.last_not(7, None)), (Some(7), Some(7)));
        full.of(AddressHalf::Odd).set(7);
        assert_eq!((full.first_not(7, None), full.last_not(7, None)), (Some(8), Some(6)));
    }
}
