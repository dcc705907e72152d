//! A text that may stand in a file instead (*shell*: [`Secret::text`] reads it). Its `Debug` does not show it.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// A text of the configuration, or of a file that the configuration names.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// It stands in the configuration.
    Text(String),
    /// It stands in this file.
    File(PathBuf),
}

impl Secret {
    /// The text; that of a file without the blanks around it.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn text(&self) -> io::Result<String> {
        match self {
            Secret::Text(text) => Ok(text.clone()),
            Secret::File(path) => Ok(std::fs::read_to_string(path)?.trim().to_owned()),
        }
    }

    /// Whether it can name a user, as far as it is known: one without a colon.
    pub(crate) fn is_user(&self) -> bool {
        match self {
            Secret::Text(text) => !text.is_empty() && !text.contains(':'),
            Secret::File(_) => true,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Secret::Text(_) => f.write_str("Text(..)"),
            Secret::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}
