//! Files that cannot be read, files that include others, and files that were damaged.

use std::path::Path;

use proptest::prelude::*;

use super::super::{Directories, load, load_with, parse_text, render};

fn first(path: &Path) -> String {
    load(path).unwrap_err()[0].message.clone()
}

#[test]
fn a_file_that_cannot_be_read_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    assert!(first(&folder.path().join("none")).starts_with("cannot read the file: "));
    assert!(first(folder.path()).starts_with("cannot read the file: "));
    let path = folder.path().join("bytes");
    std::fs::write(&path, b"{\n \"\xc3\xa9\xff").unwrap();
    let mistakes = load(&path).unwrap_err();
    assert_eq!((mistakes[0].at.line, mistakes[0].at.column), (2, 4));
    assert_eq!(mistakes[0].message, "got bytes that are no UTF-8, expected text");
}

#[test]
fn included_files_keep_their_places() {
    let folder = tempfile::tempdir().unwrap();
    let subnets = folder.path().join("subnets.json");
    std::fs::write(&subnets, "[ { \"subnet\": \"192.0.2.0/24\",\n \"pool\": 1 } ]").unwrap();
    let main = folder.path().join("main.json");
    let text = format!(
        "{{\"Dhcp4\": {{ \"subnet4\": <?include \"{}\"?>, \"x\": 1 }} }}",
        subnets.display()
    );
    std::fs::write(&main, text).unwrap();
    let mistakes = load(&main).unwrap_err();
    assert_eq!(mistakes.len(), 2);
    assert_eq!(*mistakes[0].at.file, *main.display().to_string());
    assert_eq!(
        mistakes[1].to_string(),
        format!(
            "{}:2.2: got unexpected keyword \"pool\" in subnet4 map, did you mean \"pools\"?",
            subnets.display()
        )
    );
}

#[test]
fn directories_and_the_check_of_hooks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main.json");
    let text = r#"{"Dhcp4": { "hooks-libraries": [ { "library": "libdhcp_lease_cmds.so" } ] } }"#;
    std::fs::write(&path, text).unwrap();
    let directories = Directories { data: "/d".into(), ..Directories::default() };
    let mut seen = Vec::new();
    let configuration = load_with(&path, &directories, &mut |hook, part| {
        seen.push((hook.library.clone(), part.at.column));
        Ok(Vec::new())
    });
    let file = configuration.unwrap().dhcp4.unwrap().lease_database.file;
    assert_eq!(file.to_str(), Some("/d/kea-leases4.csv"));
    assert_eq!(seen, [("libdhcp_lease_cmds.so".to_owned(), 11)]);
}

const SEED: &str = include_str!("../../../tests/data/seeds/seed-load-balancing-with-backup.json");

proptest! {
    #[test]
    fn no_damage_panics(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..40_usize), 1..4),
        put in r#"([{}\[\]:,"]|-1|null|\{\}|""|"x"|999999999999|[a-z]{3}){0,3}"#,
    ) {
        let mut text: Vec<char> = SEED.chars().collect();
        for (index, length) in cuts {
            let from = index.index(text.len());
            let to = (from + length).min(text.len());
            text.splice(from..to, put.chars());
        }
        let text: String = text.into_iter().collect();
        match parse_text(&text, "f") {
            Ok(configuration) => drop(render(&configuration)),
            Err(mistakes) => prop_assert!(!mistakes.is_empty()),
        }
    }

    /// Every value of the seed replaced by one of another type.
    #[test]
    fn no_other_type_panics(at in any::<prop::sample::Index>(), put in 0..6_usize) {
        let mut value: serde_json::Value = serde_json::from_str(SEED).unwrap();
        let replacement = [
            serde_json::json!(null),
            serde_json::json!(-1),
            serde_json::json!("x"),
            serde_json::json!([{}]),
            serde_json::json!({"a": []}),
            serde_json::json!([3, "y"]),
        ][put].clone();
        let mut count = 0;
        each(&mut value, &mut |_| count += 1);
        let chosen = at.index(count);
        let mut place = 0;
        each(&mut value, &mut |value| {
            if place == chosen {
                *value = replacement.clone();
            }
            place += 1;
        });
        let _ = parse_text(&value.to_string(), "f");
    }
}

fn each(value: &mut serde_json::Value, change: &mut dyn FnMut(&mut serde_json::Value)) {
    match value {
        serde_json::Value::Array(values) => values.iter_mut().for_each(|value| each(value, change)),
        serde_json::Value::Object(map) => map.values_mut().for_each(|value| each(value, change)),
        _ => {}
    }
    change(value);
}
