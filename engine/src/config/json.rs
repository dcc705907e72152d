//! JSON as Kea writes it: `//`, `#` and `/* */` comments, trailing commas, `<?include "file"?>`; every value
//! knows where it stood.
//!
//! Pure: an included file is asked for through a closure. [`parse`] goes on after a mistake and reports all that it
//! finds; it never panics, whatever the text. Must not know keywords.

mod access;
mod lex;
mod parse;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use parse::parse;

/// Where something stood: file, line and column, both from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The file, as it was named.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, in characters.
    pub column: u32,
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub at: Position,
    /// What it is.
    pub value: Value,
}

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number without fraction or exponent.
    Integer(i64),
    /// Another number.
    Real(f64),
    /// A string.
    String(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file. A key that comes twice is an error of the parser.
    Map(Vec<Entry>),
}

/// One entry of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where the key begins.
    pub at: Position,
    /// The key.
    pub key: String,
    /// Its value.
    pub node: Node,
}

/// One mistake: `FILE:LINE.COLUMN: what was found, what was expected`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{}.{}: {message}", at.file, at.line, at.column)]
pub struct Mistake {
    /// Where.
    pub at: Position,
    /// What was found and what was expected.
    pub message: String,
}

/// What the message of a [`Mistake::unbuilt`] begins with.
const UNBUILT: &str = "not built yet: ";

impl Mistake {
    /// If the configuration is right and asks for a part that is not built yet: the part, with what asks for it.
    pub fn unbuilt(&self) -> Option<&str> {
        self.message.strip_prefix(UNBUILT)
    }

    /// A mistake at `at`.
    pub fn new(at: &Position, message: impl Into<String>) -> Mistake {
        Mistake { at: at.clone(), message: message.into() }
    }
}
