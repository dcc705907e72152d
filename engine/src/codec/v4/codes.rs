//! A set of option codes. Pure.

/// Option codes as 256 bits; iterates in ascending order, which is the order on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodeSet([u64; 4]);

impl CodeSet {
    /// The set of `codes`.
    pub fn of(codes: &[u8]) -> Self {
        let mut set = Self::default();
        codes.iter().for_each(|code| set.insert(*code));
        set
    }

    /// Adds `code`.
    pub fn insert(&mut self, code: u8) {
        self.0[usize::from(code >> 6)] |= 1 << (code & 63);
    }

    /// Takes `code` out.
    pub fn remove(&mut self, code: u8) {
        self.0[usize::from(code >> 6)] &= !(1 << (code & 63));
    }

    /// Whether `code` is in.
    pub fn contains(&self, code: u8) -> bool {
        self.0[usize::from(code >> 6)] & (1 << (code & 63)) != 0
    }

    /// Adds everything of `other`.
    pub fn add_all(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(word, more)| *word |= more);
    }

    /// Takes everything of `other` out.
    pub fn remove_all(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(word, less)| *word &= !less);
    }

    /// Does something with each code, ascending: less work than [`Self::iter`].
    pub fn for_each(&self, mut each: impl FnMut(u8)) {
        for (at, word) in (0u8..4).zip(self.0) {
            Bits(word).for_each(|bit| each(at << 6 | bit));
        }
    }

    /// The codes, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u8> + '_ {
        (0u8..4).flat_map(|at| Bits(self.0[usize::from(at)]).map(move |bit| at << 6 | bit))
    }
}

/// Positions of the bits that are set, ascending.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let bit = u8::try_from(self.0.trailing_zeros()).ok().filter(|bit| *bit < 64)?;
        self.0 &= self.0 - 1;
        Some(bit)
    }
}
