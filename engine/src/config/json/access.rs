//! Reading a [`Node`]: typed views, look-up by key, its name in a message, and the way to `serde_json`.

use std::fmt::Write;

use super::{Entry, Node, Position, Value};

/// Characters of a string that a message shows.
const SHOWN: usize = 60;

impl Node {
    /// The entry of `key`, if this is a map that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.as_map()?.iter().find(|entry| entry.key == key)
    }

    /// The value of `key`, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// The entries, if this is a map.
    pub fn as_map(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The elements, if this is a list.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(nodes) => Some(nodes),
            _ => None,
        }
    }

    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if this is an integer.
    pub fn as_int(&self) -> Option<i64> {
        match self.value {
            Value::Integer(number) => Some(number),
            _ => None,
        }
    }

    /// The number, if this is one.
    pub fn as_real(&self) -> Option<f64> {
        match self.value {
            Value::Integer(number) => Some(number as f64),
            Value::Real(number) => Some(number),
            _ => None,
        }
    }

    /// The truth, if this is `true` or `false`.
    pub fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(truth) => Some(truth),
            _ => None,
        }
    }

    /// The elements of the list under `key`; nothing if there is none.
    pub fn list(&self, key: &str) -> &[Node] {
        self.get(key).and_then(Node::as_list).unwrap_or_default()
    }

    /// The text under `key`.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// The truth under `key`.
    pub fn flag(&self, key: &str) -> Option<bool> {
        self.get(key)?.as_bool()
    }

    /// The number under `key`, if `T` can hold it.
    pub fn int<T: TryFrom<i64>>(&self, key: &str) -> Option<T> {
        T::try_from(self.get(key)?.as_int()?).ok()
    }

    /// What a message calls this value: `string "abc"`, `integer 5`, `a map`.
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Null => "null".into(),
            Value::Bool(truth) => truth.to_string(),
            Value::Integer(number) => format!("integer {number}"),
            Value::Real(number) => format!("number {number}"),
            Value::String(text) => format!("string {}", quoted(text)),
            Value::List(_) => "a list".into(),
            Value::Map(_) => "a map".into(),
        }
    }

    /// Where the character at `offset` bytes of this string stands: exact for a string without escapes.
    pub fn inside(&self, offset: usize) -> Position {
        let text = self.as_str().unwrap_or_default();
        let before = text.char_indices().take_while(|(byte, _)| *byte < offset).count();
        let mut at = self.at.clone();
        at.column = at.column.saturating_add(1 + u32::try_from(before).unwrap_or(0));
        at
    }

    /// The same value without positions.
    pub fn to_serde(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(truth) => (*truth).into(),
            Value::Integer(number) => (*number).into(),
            Value::Real(number) => (*number).into(),
            Value::String(text) => text.as_str().into(),
            Value::List(nodes) => nodes.iter().map(Node::to_serde).collect(),
            Value::Map(entries) => {
                entries.iter().map(|entry| (entry.key.clone(), entry.node.to_serde())).collect()
            }
        }
    }
}

/// `text` in quotes for a message: shortened, control characters escaped.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for character in text.chars().take(SHOWN) {
        if character.is_control() {
            write!(out, "{}", character.escape_default()).expect("a String takes everything");
        } else {
            out.push(character);
        }
    }
    out.push_str(if text.chars().nth(SHOWN).is_some() { "...\"" } else { "\"" });
    out
}
