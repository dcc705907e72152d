//! Entropy: the only reader of the system's random source, and a small generator seeded from it.

/// A generator for choices that need no secrecy (SplitMix64, Steele et al. 2014). A simulation seeds it.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// A generator whose sequence follows from `seed`.
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator seeded by the system.
    pub fn from_system() -> Self {
        use std::hash::{BuildHasher, RandomState};
        Self(RandomState::new().hash_one(std::process::id()))
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}
