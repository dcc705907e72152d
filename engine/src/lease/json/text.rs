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
                write!(text, "{}: ", Value::from(key.as_str())).expect("a string takes all");
                write(text, item);
            }
            text.push_str(" }");
        }
        scalar => write!(text, "{scalar}").expect("a string takes all"),
    }
}
