//! 256 bits that are read without a lock. Pure but for its atomics.

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
        let start = usize::from(from >> 6);
        for (i, word) in self.0.iter().enumerate().skip(start) {
            let below = if i == start { (1 << (from & 63)) - 1 } else { 0 };
            let clear = !(word.load(Ordering::SeqCst) | others[i] | below);
            if clear != 0 {
                let bit = i * 64 + clear.trailing_zeros() as usize;
                return Some(u8::try_from(bit).expect("4 words of 64 bits"));
            }
        }
        None
    }
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
}
