//! JSON as Kea prints it: one line, a space after `{ [ : ,` and before `} ]`. Pure.

use std::fmt::Write;

use serde_json::Value;

/// `value` on one line in Kea's spacing: `{ "a": [ 1, 2 ], "b": {  } }`, keys in alphabetical order.
pub fn kea_text(value: &Value) -> String {
    let mut text = String::with_capacity(256);
    write(&mut text, value);
    text
}

fn write(text: &mut String, value: &Value) {
    match value {
        Value::Array(items) => {
            text.push_str("[ ");
            for (i, item) in items.iter().enumerate() {
                text.push_str(if i == 0 { "" } else { ", " });
                write(text, item);
            }
            text.push_str(" ]");
        }
        Value::Object(map) => {
            text.push_str("{ ");
            for (i, (key, item)) in map.iter().enumerate() {
                text.push_str(if i == 0 { "" } else { ", " });
                write_string(text, key);
                text.push_str(": ");
                write(text, item);
            }
            text.push_str(" }");
        }
        Value::String(string) => write_string(text, string),
        Value::Bool(true) => text.push_str("true"),
        Value::Bool(false) => text.push_str("false"),
        Value::Null => text.push_str("null"),
        Value::Number(number) => write!(text, "{number}").expect("a string takes all"),
    }
}

/// Nearly every string is as it is between its quotes.
pub(super) fn write_string(text: &mut String, string: &str) {
    if !is_plain(string.as_bytes()) {
        return write!(text, "{}", Value::from(string)).expect("a string takes all");
    }
    text.push('"');
    text.push_str(string);
    text.push('"');
}

/// Whether a string of these bytes is as it is between its quotes.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    !bytes.iter().any(|&byte| byte < b' ' || byte == b'"' || byte == b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_written_as_json_has_it() {
        for string in ["", "plain", "a\"b", "a\\b", "a\nb", "\u{1f}", "\u{7f}", "é☃", "/"] {
            assert_eq!(kea_text(&string.into()), serde_json::json!(string).to_string());
        }
        let all = serde_json::json!({"a\tb": [1, -2, 0.5, null, true, false, {}, []]});
        assert_eq!(kea_text(&all), "{ \"a\\tb\": [ 1, -2, 0.5, null, true, false, {  }, [  ] ] }");
    }
}
