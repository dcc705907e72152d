//! DHCP messages as bytes, good ones and the means to make bad ones of them; and a random sequence for that.

/// A DISCOVER of the client `mac` without end or padding, so that options can follow.
pub(crate) fn discover(mac: u32, giaddr: [u8; 4]) -> Vec<u8> {
    let mut bytes = vec![0; 240];
    bytes[..4].copy_from_slice(&[1, 1, 6, 1]);
    bytes[4..8].copy_from_slice(&mac.to_be_bytes());
    bytes[24..28].copy_from_slice(&giaddr);
    bytes[28..30].copy_from_slice(&[2, 0xbb]);
    bytes[30..34].copy_from_slice(&mac.to_be_bytes());
    bytes[236..].copy_from_slice(&[99, 130, 83, 99]);
    with(bytes, &[53, 1, 1])
}

/// `bytes` and `more`.
pub(crate) fn with(mut bytes: Vec<u8>, more: &[u8]) -> Vec<u8> {
    bytes.extend_from_slice(more);
    bytes
}

/// A sequence that looks random and is the same in every run (xorshift).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_be_bytes()[3]).collect()
    }
}
