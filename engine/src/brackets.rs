//! Bracket expressions of ECMAScript's and POSIX's regular expressions in the syntax of the engine that runs them here.
//! Pure.
//!
//! That one's brackets nest and have operators (`[a&&b]`, `[a--b]`, `[a~~b]`); in the others all of that is plain
//! characters, and in POSIX's a backslash is one, too. What stands outside of brackets is left as it is.

use std::iter::Peekable;
use std::str::Chars;

/// Whose rules a pattern follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// ECMAScript: `match` in class expressions.
    EcmaScript,
    /// POSIX extended: `hostname-char-set`.
    Posix,
}

/// `pattern` with its brackets as this engine reads them; one that does not end is left as it is, and refused there.
pub(crate) fn translated(pattern: &str, dialect: Dialect) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '\\' => {
                out.push(next);
                out.extend(rest.next());
            }
            '[' => bracket(&mut rest, dialect, &mut out),
            _ => out.push(next),
        }
    }
    out
}

/// What a bracket expression has one after the other.
enum Member {
    /// A character, as it is to be written.
    One(String),
    /// A class of several, which begins no range: `[:alpha:]`, `\d`.
    Class(String),
}

impl Member {
    fn text(self) -> String {
        match self {
            Self::One(text) | Self::Class(text) => text,
        }
    }
}

/// Translates what comes after `[`, up to its end.
fn bracket(rest: &mut Peekable<Chars<'_>>, dialect: Dialect, out: &mut String) {
    out.push('[');
    let negated = rest.next_if_eq(&'^').is_some();
    if negated {
        out.push('^');
    }
    match (dialect, rest.peek()) {
        (Dialect::Posix, Some(']')) => {
            rest.next();
            range(Member::One(r"\]".into()), rest, dialect, out);
        }
        // Nothing, and with `^` anything.
        (Dialect::EcmaScript, Some(']')) => {
            rest.next();
            out.truncate(out.len() - usize::from(negated));
            return out.push_str(if negated { r"\s\S]" } else { r"^\s\S]" });
        }
        _ => {}
    }
    while let Some(first) = member(rest, dialect) {
        range(first, rest, dialect, out);
    }
    if rest.next().is_some() {
        out.push(']');
    }
}

/// Writes `first`, or the range that it begins.
fn range(first: Member, rest: &mut Peekable<Chars<'_>>, dialect: Dialect, out: &mut String) {
    let is_one = matches!(first, Member::One(_));
    out.push_str(&first.text());
    let mut ahead = rest.clone();
    if is_one && ahead.next() == Some('-') && ahead.peek().is_some_and(|end| *end != ']') {
        rest.next();
        out.push('-');
        out.extend(member(rest, dialect).map(Member::text));
    }
}

/// The next member, or none at the end.
fn member(rest: &mut Peekable<Chars<'_>>, dialect: Dialect) -> Option<Member> {
    let next = rest.next_if(|next| *next != ']')?;
    if next == '\\' && dialect == Dialect::EcmaScript {
        let escaped = rest.next();
        let text: String = [next].into_iter().chain(escaped).collect();
        let is_class = matches!(escaped, Some('d' | 'D' | 's' | 'S' | 'w' | 'W'));
        return Some(if is_class { Member::Class(text) } else { Member::One(text) });
    }
    if next == '['
        && let Some(named) = named(rest)
    {
        return Some(named);
    }
    Some(Member::One(literal(next)))
}

/// `[:name:]`, `[.x.]` or `[=x=]`, of which the first character is read already.
fn named(rest: &mut Peekable<Chars<'_>>) -> Option<Member> {
    let kind = rest.peek().copied().filter(|kind| matches!(kind, ':' | '.' | '='))?;
    let mut ahead = rest.clone();
    ahead.next();
    let mut name = String::new();
    loop {
        let next = ahead.next()?;
        if next == kind && ahead.next_if_eq(&']').is_some() {
            break;
        }
        name.push(next);
    }
    *rest = ahead;
    let mut characters = name.chars();
    Some(match (kind, characters.next(), characters.next()) {
        (':', ..) if CLASSES.contains(&&*name) => Member::Class(format!("[:{name}:]")),
        ('.' | '=', Some(only), None) => Member::One(literal(only)),
        // Nobody knows it; nor does the engine know this escape, and refuses it.
        _ => Member::Class(r"\y".into()),
    })
}

/// The names of classes that POSIX has.
const CLASSES: [&str; 12] = [
    "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "xdigit",
];

/// A character that stands for itself within brackets.
fn literal(character: char) -> String {
    match character {
        '[' | ']' | '\\' | '^' | '&' | '~' | '-' => format!("\\{character}"),
        _ => character.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::*;

    /// Which of these characters a bracket expression takes.
    fn taken(pattern: &str, dialect: Dialect) -> String {
        let translated = translated(pattern, dialect);
        let regex = Regex::new(&format!(r"\A(?:{translated})\z"));
        let regex = regex.unwrap_or_else(|error| panic!("{pattern} became {translated}: {error}"));
        let all = r"abcdxyz0189 &~-[]\^.,+*:=/";
        all.chars().filter(|one| regex.is_match(&one.to_string())).collect()
    }

    #[test]
    fn brackets_mean_what_they_mean_where_they_are_from() {
        use Dialect::{EcmaScript, Posix};
        for (pattern, dialect, expected) in [
            // As everywhere.
            ("[^A-Za-z0-9.-]", Posix, r" &~[]\^,+*:=/"),
            ("[a-c]", EcmaScript, "abc"),
            ("[[:digit:]x]", Posix, "x0189"),
            // No operators, no nesting.
            ("[a&&b]", EcmaScript, "ab&"),
            ("[a~~b]", Posix, "ab~"),
            ("[a-d--b]", EcmaScript, r"abcd0189-[]\^.:=/"),
            ("[[a]", EcmaScript, "a["),
            ("[a[b]", Posix, "ab["),
            ("[^[a]", EcmaScript, r"bcdxyz0189 &~-]\^.,+*:=/"),
            // Where `-`, `]` and `^` stand for themselves.
            ("[a-]", Posix, "a-"),
            ("[-a]", EcmaScript, "a-"),
            ("[+--]", Posix, "-,+"),
            ("[]a]", Posix, "a]"),
            ("[^]a]", Posix, r"bcdxyz0189 &~-[\^.,+*:=/"),
            ("[a^]", EcmaScript, "a^"),
            // A backslash is one in POSIX's, and escapes in ECMAScript's.
            (r"[\d]", Posix, r"d\"),
            (r"[\d]", EcmaScript, "0189"),
            (r"[\]a]", EcmaScript, "a]"),
            (r"[\w-]", EcmaScript, "abcdxyz0189-"),
            ("[[.-.]a]", Posix, "a-"),
            ("[[=a=]]", Posix, "a"),
            // ECMAScript's empty ones.
            ("[]", EcmaScript, ""),
            ("[^]", EcmaScript, r"abcdxyz0189 &~-[]\^.,+*:=/"),
            // Outside of brackets nothing changes.
            (r"\[|a", EcmaScript, "a["),
        ] {
            assert_eq!(taken(pattern, dialect), expected, "{pattern} of {dialect:?}");
        }
        assert!(Regex::new(&translated("[a", Posix)).is_err());
        assert!(Regex::new(&translated("[[.ab.]]", Posix)).is_err());
        assert!(Regex::new(&translated("[[:digits:]]", EcmaScript)).is_err());
    }
}
