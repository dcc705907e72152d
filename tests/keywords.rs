//! `docs/keywords.md` tells of every keyword what the tables say: it is made from them, and this test holds it.
//!
//! After a change of a table: `PEREGRINE_WRITE_DOCS=1 cargo test --test keywords`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use engine::config::wire::{Key, Kind, Same, Shape, Status, v4};

const HEAD: &str = "# Every keyword of `Dhcp4`

Made from the tables that configurations are held against (`engine/src/config/wire`, `ha/src/config`); `tests/keywords.rs`
holds this page to them. What a keyword means is in Kea's own guide. *without effect* gives the reason; *only* names the
values that are accepted and the part that every other value would need. A configuration that asks for a part that is not
built is refused with one message that names it.

`allocator`: `iterative` takes the next address, `random` any one of any pool that is open to the client. `flq` and
`shared-flq` are understood and choose as `random` does, which is the order in which Kea fills its lists: a free address is
found in one step however full the pools are, so no list of free addresses is made at start or at a reload or kept in
memory. Unlike Kea, an address that has expired is taken before it is cleaned up, once no other is free; and one that was
given back may be given again before others that have been free for longer. `adaptive-lease-time-threshold` counts with
`flq` only, as in Kea; a pool of more than 4096 addresses is counted once a second.

";

/// One line of the table; what it holds for is gathered.
type Row = (String, String, String);

#[test]
fn the_page_of_keywords_is_as_the_tables_are() {
    let mut rows: BTreeMap<Row, Vec<&'static str>> = BTreeMap::new();
    gather(&v4::DHCP4, None, &mut rows);
    let mut page = String::from(HEAD);
    page.push_str("| keyword | in | value | status |\n|---|---|---|---|\n");
    for ((word, value, status), maps) in &rows {
        writeln!(page, "| `{word}` | {} | {value} | {status} |", maps.join(", ")).unwrap();
    }
    page.push_str("\n## High Availability (`parameters` of `libdhcp_ha`)\n\n");
    let mut rows = BTreeMap::new();
    gather(&ha::config::PARAMETERS, None, &mut rows);
    page.push_str("| keyword | in | value | status |\n|---|---|---|---|\n");
    for ((word, value, status), maps) in &rows {
        writeln!(page, "| `{word}` | {} | {value} | {status} |", maps.join(", ")).unwrap();
    }
    page.push_str("\n## Flexible identifiers (`parameters` of `libdhcp_flex_id`)\n\n");
    let mut rows = BTreeMap::new();
    gather(&v4::FLEX_ID, None, &mut rows);
    page.push_str("| keyword | in | value | status |\n|---|---|---|---|\n");
    for ((word, value, status), maps) in &rows {
        writeln!(page, "| `{word}` | {} | {value} | {status} |", maps.join(", ")).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/keywords.md");
    if std::env::var_os("PEREGRINE_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert_eq!(found, page, "docs/keywords.md is old: see the head of tests/keywords.rs");
}

/// `outer` is the status of a map that is not built or without effect: it holds for all that is inside.
fn gather(shape: &'static Shape, outer: Option<&str>, rows: &mut BTreeMap<Row, Vec<&'static str>>) {
    for key in shape.keys() {
        let status = outer.map_or_else(|| status(key), Into::into);
        let maps = rows.entry((key.word.into(), value(&key.kind), status.clone())).or_default();
        if maps.contains(&shape.name) {
            continue;
        }
        maps.push(shape.name);
        if let Kind::Map(inner) | Kind::Maps(inner) = key.kind {
            let idle = !matches!(key.status, Status::Built) || outer.is_some();
            gather(inner, Some(&*status).filter(|_| idle), rows);
        }
    }
}

fn value(kind: &Kind) -> String {
    match kind {
        Kind::Flag => "true or false".into(),
        Kind::Int(least, most) if *most == i64::MAX => format!("integer from {least}"),
        Kind::Int(least, most) => format!("integer, {least} to {most}"),
        Kind::Real(least, most) => format!("number, {least} to {most}"),
        Kind::Text(usize::MAX) => "text".into(),
        Kind::Text(most) => format!("text, at most {most} bytes"),
        Kind::Word(words) => words.join(", "),
        Kind::Address => "address".into(),
        Kind::Texts => "list of texts".into(),
        Kind::Free => "map, kept as it is".into(),
        Kind::Map(_) => "map".into(),
        Kind::Maps(_) => "list of maps".into(),
    }
}

fn status(key: &Key) -> String {
    match &key.status {
        Status::Built => "works".into(),
        Status::Inert(why) => format!("without effect: {why}"),
        Status::Later(part) => format!("not built yet: {part}"),
        Status::Only(same, part) => {
            let values: Vec<String> = same.iter().map(same_text).collect();
            format!("only {}; not built yet: {part}", values.join(", "))
        }
    }
}

fn same_text(same: &Same) -> String {
    match same {
        Same::Flag(truth) => truth.to_string(),
        Same::Int(number) => number.to_string(),
        Same::Real(number) => number.to_string(),
        Same::Text(text) => format!("`{text}`"),
    }
}
