//! A list of addresses that needs no memory of its own as long as it is short. Pure.

/// As many as nearly every client has, and one more.
const USUAL: usize = 8;

/// Addresses in the order in which they were added, or sorted.
#[derive(Debug, Default)]
pub(super) struct Few {
    usual: [u32; USUAL],
    len: usize,
    /// All of them, once they are more.
    many: Vec<u32>,
}

impl Few {
    pub(super) fn push(&mut self, address: u32) {
        if self.len < USUAL {
            self.usual[self.len] = address;
        } else {
            if self.many.is_empty() {
                self.many.extend(self.usual);
            }
            self.many.push(address);
        }
        self.len += 1;
    }

    /// Puts them in ascending order, each once.
    pub(super) fn sort(&mut self) {
        if self.len > USUAL {
            self.many.sort_unstable();
            self.many.dedup();
            return;
        }
        let addresses = &mut self.usual[..self.len];
        addresses.sort_unstable();
        let mut kept = 0;
        for at in 0..addresses.len() {
            if at == 0 || addresses[at] != addresses[kept - 1] {
                addresses[kept] = addresses[at];
                kept += 1;
            }
        }
        self.len = kept;
    }

    pub(super) fn as_slice(&self) -> &[u32] {
        if self.many.is_empty() { &self.usual[..self.len] } else { &self.many }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_lists_are_sorted_and_rid_of_repetitions() {
        for count in 0..30_u32 {
            let mut few = Few::default();
            let added: Vec<u32> = (0..count).map(|n| n * 7 % 5).collect();
            added.iter().for_each(|address| few.push(*address));
            assert_eq!(few.as_slice(), added);
            few.sort();
            let mut expected = added;
            expected.sort_unstable();
            expected.dedup();
            assert_eq!(few.as_slice(), expected);
        }
    }
}
