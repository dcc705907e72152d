//! Lists of values as the configuration writes them: separated by a character, which a backslash
//! makes an ordinary one. Pure.

/// The values of `text` between separators. Empty ones do not count (`a,,b` is two values); a
/// backslash keeps a following separator or backslash, and is itself kept before anything else.
pub(super) fn split(text: &str, separator: char) -> Vec<String> {
    let mut values = Vec::new();
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char == separator {
            take(&mut value, &mut values);
        } else if char == '\\' {
            match chars.next() {
                Some(next) if next == separator || next == '\\' => value.push(next),
                Some(next) => value.extend(['\\', next]),
                None => value.push('\\'),
            }
        } else {
            value.push(char);
        }
    }
    take(&mut value, &mut values);
    values
}

/// Like [`split`], but backslashes stay, for a text that is split again by another separator.
pub(super) fn split_outer(text: &str, separator: char) -> Vec<&str> {
    let mut values = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (at, char) in text.char_indices() {
        if char == separator && !escaped {
            values.push(&text[start..at]);
            start = at + char.len_utf8();
        }
        escaped = char == '\\' && !escaped;
    }
    values.push(&text[start..]);
    values.retain(|value| !value.is_empty());
    values
}

fn take(value: &mut String, values: &mut Vec<String>) {
    if !value.is_empty() {
        values.push(std::mem::take(value));
    }
}
