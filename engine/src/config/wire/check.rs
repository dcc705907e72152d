//! Holding a map against its [`Shape`].

use std::net::IpAddr;

use super::{Key, Kind, Same, Shape, Status};
use crate::config::json::{Entry, Mistake, Node, Value};

/// How closely a map is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Keywords, types, and that all of it is built.
    Built,
    /// Keywords and types only: for parts that are refused or not served as a whole.
    Shape,
}

/// Longest list of expected keywords that a message carries.
const MAX_LISTED: usize = 12;

/// Reports everything in `node` that `shape` does not allow.
pub fn check(node: &Node, shape: &Shape, depth: Depth, mistakes: &mut Vec<Mistake>) {
    let Some(entries) = node.as_map() else {
        let message = format!("got {}, expected a {} map", node.describe(), shape.name);
        return mistakes.push(Mistake::new(&node.at, message));
    };
    for entry in entries {
        match shape.key(&entry.key) {
            Some(key) => check_entry(entry, key, shape, depth, mistakes),
            None => mistakes.push(unexpected(entry, shape)),
        }
    }
    for word in shape.mandatory.iter().filter(|word| node.get(word).is_none()) {
        let message = format!("got a {} map without \"{word}\", expected one", shape.name);
        mistakes.push(Mistake::new(&node.at, message));
    }
}

fn check_entry(entry: &Entry, key: &Key, shape: &Shape, depth: Depth, mistakes: &mut Vec<Mistake>) {
    let node = &entry.node;
    let known = mistakes.len();
    let unbuilt = match &key.status {
        Status::Later(part) if depth == Depth::Built && !is_empty(node) => {
            let message = format!("not built yet: {part} (\"{}\" in {})", key.word, shape.name);
            mistakes.push(Mistake::new(&entry.at, message));
            true
        }
        _ => false,
    };
    let inside = if unbuilt { Depth::Shape } else { depth };
    if let Some(expected) = check_kind(node, &key.kind, inside, mistakes) {
        let place = format!("for \"{}\" in {}", key.word, shape.name);
        let message = format!("got {} {place}, expected {expected}", node.describe());
        mistakes.push(Mistake::new(&node.at, message));
    }
    if let Status::Only(same, part) = key.status
        && depth == Depth::Built
        && mistakes.len() == known
        && !same.iter().any(|same| equals(node, same))
    {
        let built: Vec<String> = same.iter().map(describe).collect();
        let found = format!("\"{}\" in {} as {}", key.word, shape.name, node.describe());
        let message = format!("not built yet: {part} ({found}), expected {}", built.join(" or "));
        mistakes.push(Mistake::new(&node.at, message));
    }
}

/// What was expected of `node` itself; mistakes of what it holds are reported here.
fn check_kind(
    node: &Node,
    kind: &Kind,
    depth: Depth,
    mistakes: &mut Vec<Mistake>,
) -> Option<String> {
    let expected = |right: bool, expected: &str| (!right).then(|| expected.to_owned());
    match kind {
        Kind::Flag => expected(node.as_bool().is_some(), "true or false"),
        Kind::Int(least, most) => {
            let right = node.as_int().is_some_and(|number| (*least..=*most).contains(&number));
            expected(right, &format!("an integer from {least} to {most}"))
        }
        Kind::Real(least, most) => {
            let right = node.as_real().is_some_and(|number| (*least..=*most).contains(&number));
            expected(right, &format!("a number from {least} to {most}"))
        }
        Kind::Text(usize::MAX) => expected(node.as_str().is_some(), "a string"),
        Kind::Text(most) => {
            let right = node.as_str().is_some_and(|text| text.len() <= *most);
            expected(right, &format!("a string of at most {most} bytes"))
        }
        Kind::Word(words) => {
            let right = node.as_str().is_some_and(|text| words.contains(&text));
            expected(right, &one_of(words))
        }
        Kind::Address => {
            let right = node.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok());
            expected(right, "an address")
        }
        Kind::Texts => {
            let right = |nodes: &[Node]| nodes.iter().all(|node| node.as_str().is_some());
            expected(node.as_list().is_some_and(right), "a list of strings")
        }
        Kind::Free => expected(node.as_map().is_some(), "a map"),
        Kind::Map(shape) => {
            if node.as_map().is_some() {
                check(node, shape, depth, mistakes);
            }
            expected(node.as_map().is_some(), "a map")
        }
        Kind::Maps(shape) => {
            node.as_list().unwrap_or_default().iter().for_each(|element| {
                check(element, shape, depth, mistakes);
            });
            expected(node.as_list().is_some(), "a list of maps")
        }
    }
}

fn unexpected(entry: &Entry, shape: &Shape) -> Mistake {
    let words: Vec<&str> = shape.keys().map(|key| key.word).collect();
    let found = format!("got unexpected keyword \"{}\" in {} map", entry.key, shape.name);
    let message = match nearest(&entry.key, &words) {
        Some(word) => format!("{found}, did you mean \"{word}\"?"),
        None if words.len() <= MAX_LISTED => format!("{found}, expected {}", one_of(&words)),
        None => format!("{found}, expected one of its keywords"),
    };
    Mistake::new(&entry.at, message)
}

/// `"a"`, or `one of "a", "b"`.
fn one_of(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    if quoted.len() == 1 { quoted.concat() } else { format!("one of {}", quoted.join(", ")) }
}

/// The keyword that `word` is a slip of.
fn nearest<'a>(word: &str, words: &[&'a str]) -> Option<&'a str> {
    if word.len() > 64 {
        return None;
    }
    let most = (word.chars().count() / 4).clamp(1, 3);
    let distances = words.iter().map(|candidate| (distance(word, candidate), *candidate));
    distances.filter(|(distance, _)| *distance <= most).min().map(|(_, candidate)| candidate)
}

/// Edits (insert, delete, replace) from `a` to `b`.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::String(text) => text.is_empty(),
        Value::List(nodes) => nodes.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        _ => false,
    }
}

fn equals(node: &Node, same: &Same) -> bool {
    match same {
        Same::Flag(truth) => node.as_bool() == Some(*truth),
        Same::Int(number) => node.as_int() == Some(*number),
        Same::Real(number) => node.as_real() == Some(*number),
        Same::Text(text) => node.as_str() == Some(text),
    }
}

fn describe(same: &Same) -> String {
    match same {
        Same::Flag(truth) => truth.to_string(),
        Same::Int(number) => number.to_string(),
        Same::Real(number) => number.to_string(),
        Same::Text(text) => format!("\"{text}\""),
    }
}
