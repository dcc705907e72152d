//! Values written in hexadecimal digits. Pure.

use super::OptionError;
use super::encode::bounded;

/// The bytes of `text`, a value with `csv-format` false: hexadecimal digits in one run (optionally
/// after `0x`; a missing first digit is 0), or one or two of them at a time separated by single
/// colons or blanks, or a text in single quotes.
///
/// # Errors
/// [`OptionError`] for anything else.
pub fn encode_hex(text: &str) -> Result<Vec<u8>, OptionError> {
    let text = text.trim();
    if let Some(quoted) = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return bounded(quoted.trim().as_bytes().to_vec());
    }
    let separator = [':', ' '].into_iter().find(|&separator| text.contains(separator));
    let bytes = match separator {
        Some(separator) => text.split(separator).map(group).collect::<Option<Vec<u8>>>(),
        None => run(after_0x(text)),
    };
    let bytes = bytes.ok_or_else(|| {
        let expected = "hexadecimal digits, optionally separated by ':' or ' ' after every two";
        OptionError::value(text, expected)
    })?;
    bounded(bytes)
}

/// The bytes of a `binary` field with `csv-format` true: pairs of digits, blanks anywhere between
/// them.
pub(super) fn encode_binary(text: &str, out: &mut Vec<u8>) -> Result<(), OptionError> {
    let digits: String = text.chars().filter(|char| !char.is_ascii_whitespace()).collect();
    match run(&digits) {
        Some(bytes) if digits.len().is_multiple_of(2) => out.extend(bytes),
        _ => return Err(OptionError::value(text, "pairs of hexadecimal digits")),
    }
    Ok(())
}

/// Digits without separators; an odd number of them gets a leading 0.
fn run(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.chars().map(digit).collect::<Option<Vec<u8>>>()?;
    let (first, pairs) = digits.split_at(digits.len() % 2);
    let pairs = pairs.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]);
    Some(first.iter().copied().chain(pairs).collect())
}

/// `text` without its `0x`, if digits follow.
fn after_0x(text: &str) -> &str {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    digits.filter(|digits| !digits.is_empty()).unwrap_or(text)
}

/// One byte between separators.
fn group(digits: &str) -> Option<u8> {
    match run(digits)?.as_slice() {
        &[byte] => Some(byte),
        _ => None,
    }
}

fn digit(char: char) -> Option<u8> {
    char.to_digit(16).map(|digit| digit as u8)
}
