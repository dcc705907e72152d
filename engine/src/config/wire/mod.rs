//! The shape of a configuration: which keywords stand in which map, of which type, and whether they are built.
//!
//! Tables ([`v4`], [`v6`], [`shared`]; High Availability has its own) and one pure function, [`check`], that holds a file
//! against them and reports every deviation. The keyword list of the documentation is made from the same
//! tables. Must not know what a value does.

mod check;
pub mod shared;
#[cfg(test)]
mod tests;
pub mod v4;
pub mod v6;

pub use check::{Depth, check};

/// The largest number of seconds, milliseconds or pieces that a parameter takes.
pub const MAX_U32: i64 = u32::MAX as i64;

/// A map of the configuration.
#[derive(Debug)]
pub struct Shape {
    /// What messages call it: the keyword under which it stands.
    pub name: &'static str,
    /// Its keywords, in groups that several maps share.
    pub groups: &'static [&'static [Key]],
    /// Keywords without which it is refused.
    pub mandatory: &'static [&'static str],
}

impl Shape {
    /// Every keyword.
    pub fn keys(&self) -> impl Iterator<Item = &'static Key> {
        self.groups.iter().flat_map(|group| group.iter())
    }

    /// The keyword `word`.
    pub fn key(&self, word: &str) -> Option<&'static Key> {
        self.keys().find(|key| key.word == word)
    }
}

/// A keyword.
#[derive(Debug)]
pub struct Key {
    /// The word.
    pub word: &'static str,
    /// What its value must be.
    pub kind: Kind,
    /// Whether it does anything yet.
    pub status: Status,
}

/// The type of a value.
#[derive(Debug)]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// An integer, least and greatest.
    Int(i64, i64),
    /// A number, least and greatest.
    Real(f64, f64),
    /// A string of at most so many bytes.
    Text(usize),
    /// One of these strings.
    Word(&'static [&'static str]),
    /// An IPv4 or IPv6 address.
    Address,
    /// A list of strings.
    Texts,
    /// A map that is not looked into.
    Free,
    /// A map.
    Map(&'static Shape),
    /// A list of maps.
    Maps(&'static Shape),
}

/// Whether a keyword does anything yet.
#[derive(Debug)]
pub enum Status {
    /// It does what Kea's does.
    Built,
    /// Without effect for this reason, as in Kea.
    Inert(&'static str),
    /// Only these values say what happens anyway; every other asks for this part, which is not built yet.
    Only(&'static [Same], &'static str),
    /// Not built yet: this part. An empty list, map or string is accepted.
    Later(&'static str),
}

/// A value to compare with.
#[derive(Debug, PartialEq)]
#[expect(missing_docs, reason = "the types of JSON")]
pub enum Same {
    Flag(bool),
    Int(i64),
    Real(f64),
    Text(&'static str),
}

/// A keyword that is built.
pub const fn key(word: &'static str, kind: Kind) -> Key {
    Key { word, kind, status: Status::Built }
}

/// A keyword without effect, and why.
pub const fn inert(word: &'static str, kind: Kind, why: &'static str) -> Key {
    Key { word, kind, status: Status::Inert(why) }
}

/// A keyword that can only say what happens anyway, and the part that it would belong to otherwise.
pub const fn only(
    word: &'static str,
    kind: Kind,
    same: &'static [Same],
    part: &'static str,
) -> Key {
    Key { word, kind, status: Status::Only(same, part) }
}

/// A keyword of a part that is not built yet.
pub const fn later(word: &'static str, kind: Kind, part: &'static str) -> Key {
    Key { word, kind, status: Status::Later(part) }
}

/// Any string.
pub const TEXT: Kind = Kind::Text(usize::MAX);
/// An integer of 32 bits.
pub const U32: Kind = Kind::Int(0, MAX_U32);
/// A share of a whole.
pub const SHARE: Kind = Kind::Real(0.0, 1.0);
