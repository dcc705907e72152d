//! Domain names in wire form (RFC 1035 section 3.1), uncompressed. Pure.

use super::OptionError;

/// Bytes of a label (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;
/// Bytes of a name with all length bytes (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 255;

/// Writes `text`, with or without its last dot.
pub(super) fn encode_name(text: &str, out: &mut Vec<u8>) -> Result<(), OptionError> {
    let error = || {
        OptionError::value(
            text,
            "a domain name: labels of 1 to 63 characters between dots, 255 bytes in all",
        )
    };
    let start = out.len();
    let labels = if text == "." { "" } else { text.strip_suffix('.').unwrap_or(text) };
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err(error());
    }
    for label in labels.split('.').filter(|_| !labels.is_empty()) {
        if label.is_empty() || label.len() > MAX_LABEL {
            return Err(error());
        }
        out.push(label.len() as u8);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    if out.len() - start > MAX_NAME { Err(error()) } else { Ok(()) }
}

/// The length of the uncompressed name at the start of `data`.
pub(super) fn name_len(data: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match usize::from(*data.get(at)?) {
            0 => return (at < MAX_NAME).then_some(at + 1),
            label if label <= MAX_LABEL => at += label + 1,
            _ => return None,
        }
    }
}

/// The name that `data` is, with its last dot.
pub(super) fn name_text(data: &[u8]) -> String {
    let mut text = String::new();
    let mut rest = data;
    while let Some((&len, after)) = rest.split_first() {
        let Some((label, after)) = after.split_at_checked(usize::from(len)) else { break };
        if label.is_empty() && !text.is_empty() {
            break;
        }
        text.push_str(&String::from_utf8_lossy(label));
        text.push('.');
        rest = after;
    }
    text
}
