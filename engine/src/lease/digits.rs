//! Numbers and bytes as text, for the lease file's rows and for listings. Pure.

/// Appends `number` and then `end`.
pub(super) fn write_number(number: u64, end: u8, out: &mut Vec<u8>) {
    if number < 10 {
        out.extend_from_slice(&[b'0' + number as u8, end]);
        return;
    }
    let mut text = [end; 21];
    let mut at = text.len() - 1;
    let mut rest = number;
    while rest >= 10 {
        at -= 2;
        text[at..at + 2].copy_from_slice(&DECIMALS[(rest % 100) as usize]);
        rest /= 100;
    }
    // Of an even number of digits nothing is left.
    if rest > 0 {
        at -= 1;
        text[at] = b'0' + rest as u8;
    }
    out.extend_from_slice(&text[at..]);
}

/// The numbers below 100 in two digits.
const DECIMALS: [[u8; 2]; 100] = {
    let mut all = [[0; 2]; 100];
    let mut number = 0;
    while number < all.len() {
        all[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    all
};

/// The digits of bytes.
pub(super) const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends bytes as `01:02:0a`.
pub(super) fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + (3 * bytes.len()).saturating_sub(1), b':');
    for (place, byte) in out[start..].chunks_mut(3).zip(bytes) {
        place[0] = HEX[usize::from(byte >> 4)];
        place[1] = HEX[usize::from(byte & 15)];
    }
}
