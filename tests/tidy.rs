//! The repository checks itself: sizes, module headers, banned names, `unsafe` in its place.

#![expect(clippy::unwrap_used, reason = "an unwrap of a test is an assertion")]

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a file at which this test fails.
const FILE_LIMIT: usize = 900;
/// Lines of a function at which this test fails.
const FUNCTION_LIMIT: usize = 100;
/// The only files that may hold `unsafe`: system calls, each crate's in one place, and a test's allocator.
const UNSAFE_FILES: [&str; 4] = [
    "engine/src/packet/syscall.rs",
    "engine/tests/allocations.rs",
    "engine/tests/memory.rs",
    "perf/src/syscall.rs",
];

struct Source {
    /// Path below the repository.
    path: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path);
        }
    }
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for folder in ["src", "tests", "engine", "ha", "perf", "bench", "fuzz", "examples", "docs"] {
        if root().join(folder).exists() {
            files_below(&root().join(folder), &mut found);
        }
    }
    let rust = found.into_iter().filter(|path| path.extension().is_some_and(|e| e == "rs"));
    rust.map(|path| Source {
        path: path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned(),
        text: fs::read_to_string(&path).unwrap(),
    })
    .collect()
}

/// Fails with one line for each finding.
fn report(findings: Vec<String>) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn every_module_says_what_it_is_for() {
    let bare = sources().into_iter().filter(|source| !source.text.starts_with("//!"));
    report(bare.map(|source| format!("{}: begins without a //! header", source.path)).collect());
}

#[test]
fn files_and_functions_keep_to_their_size() {
    let mut findings = Vec::new();
    for source in sources() {
        let lines: Vec<&str> = source.text.lines().collect();
        if lines.len() > FILE_LIMIT {
            findings.push(format!("{}: {} lines, at most {FILE_LIMIT}", source.path, lines.len()));
        }
        for (start, line) in lines.iter().enumerate() {
            let body = line.trim_start();
            if !is_function(body) {
                continue;
            }
            let indent = &line[..line.len() - body.len()];
            let end = format!("{indent}}}");
            let length = lines[start..].iter().position(|l| **l == end).unwrap_or(0) + 1;
            if length > FUNCTION_LIMIT {
                findings.push(format!("{}:{}: {length} lines", source.path, start + 1));
            }
        }
    }
    report(findings);
}

fn is_function(line: &str) -> bool {
    let mut words = line.split_whitespace().skip_while(|word| {
        word.starts_with("pub") || ["const", "async", "unsafe", "extern"].contains(word)
    });
    words.next() == Some("fn")
}

#[test]
fn names_are_the_fields() {
    let banned = ["Manager", "Helper", "Util"];
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| source.path != "tests/tidy.rs") {
        for (number, line) in source.text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            let defines = ["struct ", "enum ", "trait ", "mod "].iter().find_map(|kind| {
                code.split_once(kind)
                    .map(|(_, rest)| rest.split(|c: char| !c.is_alphanumeric()).next())
            });
            let bad_type =
                defines.flatten().is_some_and(|name| banned.iter().any(|word| name.contains(word)));
            if bad_type || code.contains("fn get_") {
                findings.push(format!("{}:{}: {}", source.path, number + 1, code.trim()));
            }
        }
    }
    report(findings);
}

#[test]
fn unsafe_stays_in_its_place_with_its_reason() {
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| source.path != "tests/tidy.rs") {
        let lines: Vec<&str> = source.text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap_or("");
            if !code.contains("unsafe {")
                && !code.contains("unsafe fn")
                && !code.contains("unsafe impl")
            {
                continue;
            }
            let place = format!("{}:{}", source.path, number + 1);
            if !UNSAFE_FILES.contains(&source.path.as_str()) {
                findings.push(format!("{place}: unsafe outside of {UNSAFE_FILES:?}"));
            } else if !lines[number.saturating_sub(8)..number].iter().any(|l| l.contains("SAFETY:"))
            {
                findings.push(format!("{place}: unsafe without a SAFETY comment above it"));
            }
        }
    }
    report(findings);
}

#[test]
fn nothing_is_silenced_or_left_undone() {
    let banned = ["todo!(", "unimplemented!(", "#[ignore", "FIXME", "#[allow("];
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| source.path != "tests/tidy.rs") {
        for (number, line) in source.text.lines().enumerate() {
            if let Some(word) = banned.iter().find(|word| line.contains(**word)) {
                findings.push(format!("{}:{}: {word}", source.path, number + 1));
            }
        }
    }
    report(findings);
}

#[test]
fn the_maps_name_every_room() {
    let map = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut findings = Vec::new();
    for library in ["engine/src", "ha/src", "perf/src", "src"] {
        for entry in fs::read_dir(root().join(library)).unwrap() {
            let path = entry.unwrap().path();
            let room = path.file_stem().unwrap().to_str().unwrap().to_owned();
            if !["lib", "main"].contains(&room.as_str()) && !map.contains(&format!("`{room}`")) {
                findings.push(format!("ARCHITECTURE.md does not name `{room}` of {library}"));
            }
        }
    }
    report(findings);
}
