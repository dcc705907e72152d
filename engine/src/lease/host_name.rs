//! A client's host name, as its lease keeps it. Pure.

use std::fmt;
use std::ops::Deref;

use super::short::Bytes;

/// A host name; most need no memory of their own. It is read as a `str`.
#[derive(Clone)]
pub struct HostName(Bytes);

impl Default for HostName {
    fn default() -> Self {
        Self::from("")
    }
}

impl From<&str> for HostName {
    fn from(name: &str) -> Self {
        Self(Bytes::new(name.as_bytes()))
    }
}

impl From<String> for HostName {
    fn from(name: String) -> Self {
        Self::from(name.as_str())
    }
}

impl Deref for HostName {
    type Target = str;

    fn deref(&self) -> &str {
        std::str::from_utf8(self.0.as_slice()).expect("it was made of a str")
    }
}

impl PartialEq for HostName {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_slice() == other.0.as_slice()
    }
}

impl Eq for HostName {}

impl fmt::Debug for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_length_are_kept() {
        let long = "ä".repeat(127);
        for end in 0..127 {
            let name = HostName::from(&long[..2 * end]);
            assert_eq!((&*name, &name), (&long[..2 * end], &name.clone()));
        }
        assert_eq!(HostName::default(), HostName::from(String::new()));
    }
}
