//! Changes to inputs, drawn from a seed. Pure but for [`Random::seed`].

use std::hash::{BuildHasher, RandomState};

/// Changes to one input at a time.
const MAX_CHANGES: u64 = 6;

/// A generator of numbers (splitmix64): fast, and the same on every machine.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed that differs from run to run.
    pub(crate) fn seed() -> u64 {
        RandomState::new().hash_one(0) % 1_000_000_000
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// Makes inputs out of others.
pub(crate) struct Mutator {
    random: Random,
    words: Vec<Vec<u8>>,
}

impl Mutator {
    pub(crate) fn new(seed: u64, words: Vec<Vec<u8>>) -> Self {
        Self { random: Random::new(seed), words }
    }

    /// One of `kept`, changed in a few places; at most `most` bytes.
    pub(crate) fn change(&mut self, kept: &[Vec<u8>], most: usize) -> Vec<u8> {
        let mut input = kept[self.random.below(kept.len())].clone();
        for _ in 0..=self.random.next() % MAX_CHANGES {
            self.change_once(&mut input, kept);
        }
        input.truncate(most);
        input
    }

    fn change_once(&mut self, input: &mut Vec<u8>, kept: &[Vec<u8>]) {
        let at = self.random.below(input.len() + 1);
        let span = at..(at + 1 + self.random.below(16)).min(input.len());
        match self.random.below(9) {
            0 if at < input.len() => input[at] ^= 1 << self.random.below(8),
            1 if at < input.len() => input[at] = self.random.next() as u8,
            2 if at < input.len() => {
                input[at] = [0, 1, 4, 127, 128, 254, 255][self.random.below(7)]
            }
            3 if at < input.len() => drop(input.drain(span)),
            4 if at < input.len() => {
                let copy = input[span].to_vec();
                input.splice(at..at, copy);
            }
            5 => {
                let other = &kept[self.random.below(kept.len())];
                let from = self.random.below(other.len() + 1);
                let to = (from + self.random.below(64)).min(other.len());
                input.splice(at..at, other[from..to].iter().copied());
            }
            6 => {
                let other = &kept[self.random.below(kept.len())];
                input.truncate(at);
                input.extend(other.iter().skip(self.random.below(other.len() + 1)));
            }
            7 => {
                let word = &self.words[self.random.below(self.words.len())];
                let end = span.end.max(at).min(at + word.len());
                input.splice(at..end, word.iter().copied());
            }
            _ => {
                let word = &self.words[self.random.below(self.words.len())];
                input.splice(at..at, word.iter().copied());
            }
        }
    }
}
