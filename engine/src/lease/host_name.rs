//! A client's host name, as its lease keeps it. Pure.

use std::fmt;
use std::ops::Deref;

/// A host name. One of no more bytes than a label may have needs no memory of its own, and so do most of those with a
/// domain. It is read as a `str`.
#[derive(Clone)]
pub struct HostName(Text);

#[derive(Clone)]
enum Text {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(Box<str>),
}

/// The length of a label (RFC 1035 section 2.3.4) is a good measure: with the two bytes beside it they fill a cache line.
const SHORT: usize = 62;
const _: () = assert!(size_of::<HostName>() == 64);

impl Default for HostName {
    fn default() -> Self {
        Self::from("")
    }
}

impl From<&str> for HostName {
    fn from(name: &str) -> Self {
        let mut short = [0; SHORT];
        let place = short.get_mut(..name.len());
        Self(match (place, u8::try_from(name.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(name.as_bytes());
                Text::Short { len, bytes: short }
            }
            _ => Text::Long(name.into()),
        })
    }
}

impl From<String> for HostName {
    fn from(name: String) -> Self {
        Self::from(name.as_str())
    }
}

impl HostName {
    fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Short { len, bytes } => &bytes[..usize::from(*len)],
            Text::Long(text) => text.as_bytes(),
        }
    }
}

impl Deref for HostName {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Text::Short { .. } => {
                std::str::from_utf8(self.as_bytes()).expect("it was made of a str")
            }
            Text::Long(text) => text,
        }
    }
}

impl PartialEq for HostName {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
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
