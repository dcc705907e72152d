//! All chance of a run comes from here, from one seed. Pure.

use std::time::Duration;

use engine::rng::Rng;

/// The dice of one run.
#[derive(Debug)]
pub(super) struct Dice(Rng);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(Rng::seeded(seed))
    }

    /// A number below `bound`, which is not 0.
    pub(super) const fn below(&mut self, bound: u64) -> u64 {
        self.0.next_u64() % bound
    }

    /// A place in a list of `len` entries.
    pub(super) fn place(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).expect("below a usize")
    }

    /// A number from `low` to `high`, both included.
    pub(super) const fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True so many times in a thousand.
    pub(super) const fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of a few.
    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.place(from.len())]
    }

    /// A time from `low` to `high` milliseconds.
    pub(super) fn span(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_micros(self.between(low * 1000, high * 1000))
    }
}
