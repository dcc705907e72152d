//! The two halves of all addresses, by which the servers of a pair share pools that are open to the clients of both. Pure.

use std::net::Ipv4Addr;

/// The half of an address: whether the number of its bits that are set is even. It follows from the address alone, so that
/// two servers agree on it whatever their pools; of an even address and the next one each is in another half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressHalf {
    /// Of the primary.
    Even,
    /// Of the secondary.
    Odd,
}

/// A bit for each value from 0 to 63 that has an odd number of bits.
const ODD: u64 = odd();

const fn odd() -> u64 {
    let (mut word, mut value) = (0, 0);
    while value < u64::BITS {
        word |= ((value.count_ones() % 2) as u64) << value;
        value += 1;
    }
    word
}

impl AddressHalf {
    /// That of `address`.
    pub const fn of(address: Ipv4Addr) -> Self {
        if address.to_bits().count_ones().is_multiple_of(2) { Self::Even } else { Self::Odd }
    }

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Even => Self::Odd,
            Self::Odd => Self::Even,
        }
    }

    /// A bit for each address of a block of 256 that is in the other half.
    pub(super) fn others(self, block: u32) -> [u64; 4] {
        std::array::from_fn(|word| {
            let above = block.count_ones() + word.count_ones();
            let odd = if above.is_multiple_of(2) { ODD } else { !ODD };
            if self == Self::Odd { !odd } else { odd }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_is_in_one_half_and_small_pools_are_shared_evenly() {
        for block in [0_u32, 1, 0x0a_0000, 0x0a_0001, 0xc0_0002, 0xff_ffff] {
            for half in [AddressHalf::Even, AddressHalf::Odd] {
                let others = half.others(block);
                for place in 0..256_u32 {
                    let address = Ipv4Addr::from_bits(block << 8 | place);
                    let is_other = others[place as usize / 64] >> (place % 64) & 1 == 1;
                    assert_eq!(is_other, AddressHalf::of(address) == half.other(), "{address}");
                }
            }
            for pair in 0..128 {
                let address = |place| Ipv4Addr::from_bits((block << 8) + pair * 2 + place);
                assert_ne!(AddressHalf::of(address(0)), AddressHalf::of(address(1)));
            }
        }
    }
}
