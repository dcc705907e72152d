//! The hash that shares clients between two servers (RFC 3074 section 6, Pearson's hash with the
//! table given there). Pure. Must not know which server a result means: see
//! [`super::Peers::balanced`].

/// The hash of a client's key: option 61's data, else `chaddr`; the DUID in DHCPv6.
pub const fn hash(key: &[u8]) -> u8 {
    // Kea reckons the length modulo 256 as the start, and goes from the last byte to the first.
    let mut value = (key.len() % 256) as u8;
    let mut i = key.len();
    while i > 0 {
        i -= 1;
        value = MIXING[(value ^ key[i]) as usize];
    }
    value
}

/// The mixing table of RFC 3074 section 6: each byte value once.
#[rustfmt::skip]
const MIXING: [u8; 256] = [
    251, 175, 119, 215,  81,  14,  79, 191, 103,  49, 181, 143, 186, 157,   0, 232,
     31,  32,  55,  60, 152,  58,  17, 237, 174,  70, 160, 144, 220,  90,  57, 223,
     59,   3,  18, 140, 111, 166, 203, 196, 134, 243, 124,  95, 222, 179, 197,  65,
    180,  48,  36,  15, 107,  46, 233, 130, 165,  30, 123, 161, 209,  23,  97,  16,
     40,  91, 219,  61, 100,  10, 210, 109, 250, 127,  22, 138,  29, 108, 244,  67,
    207,   9, 178, 204,  74,  98, 126, 249, 167, 116,  34,  77, 193, 200, 121,   5,
     20, 113,  71,  35, 128,  13, 182,  94,  25, 226, 227, 199,  75,  27,  41, 245,
    230, 224,  43, 225, 177,  26, 155, 150, 212, 142, 218, 115, 241,  73,  88, 105,
     39, 114,  62, 255, 192, 201, 145, 214, 168, 158, 221, 148, 154, 122,  12,  84,
     82, 163,  44, 139, 228, 236, 205, 242, 217,  11, 187, 146, 159,  64,  86, 239,
    195,  42, 106, 198, 118, 112, 184, 172,  87,   2, 173, 117, 176, 229, 247, 253,
    137, 185,  99, 164, 102, 147,  45,  66, 231,  52, 141, 211, 194, 206, 246, 238,
     56, 110,  78, 248,  63, 240, 189,  93,  92,  51,  53, 183,  19, 171,  72,  50,
     33, 104, 101,  69,   8, 252,  83, 120,  76, 135,  85,  54, 202, 125, 188, 213,
     96, 235, 136, 208, 162, 129, 190, 132, 156,  38,  47,   1,   7, 254,  24,   4,
    216, 131,  89,  21,  28, 133,  37, 153, 149,  80, 170,  68,   6, 169, 234, 151,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys whose server was seen at a Kea pair (by the pool that it used), and three that were
    /// reckoned.
    const VECTORS: &[(&str, u8)] = &[
        ("020000000100", 92),
        ("01020000000101", 200),
        ("020000000102", 27),
        ("01020000000103", 160),
        ("020000000104", 202),
        ("01020000000105", 183),
        ("020000000106", 255),
        ("006369642d0a", 123),
        ("006369642d0b", 198),
        ("006369642d0c", 36),
        ("006369642d0d", 43),
        ("006369642d0e", 132),
        ("006369642d0f", 133),
        ("00030001020000000100", 83),
        ("00030001020000000101", 0),
        ("00030001020000000102", 70),
        ("00030001020000000103", 51),
        ("00030001020000000104", 153),
        ("0001000101020304020000000200", 105),
        ("0001000101020304020000000201", 48),
        ("0001000101020304020000000202", 255),
        ("0001000101020304020000000203", 227),
        ("0001000101020304020000000204", 10),
        ("0001000101020304020000000205", 184),
        ("ff", 234),
        ("00", 175),
        ("000102030405060708090a0b0c0d0e0f", 155),
    ];

    #[test]
    fn keys_hash_as_they_do_at_kea() {
        for (hex, expected) in VECTORS {
            let key: Vec<u8> = (0..hex.len())
                .step_by(2)
                .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
                .collect();
            assert_eq!(hash(&key), *expected, "{hex}");
        }
    }

    #[test]
    fn the_table_holds_each_value_once() {
        let mut sorted = MIXING;
        sorted.sort_unstable();
        assert!(sorted.iter().enumerate().all(|(i, value)| i == usize::from(*value)));
    }
}
