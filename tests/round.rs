//! What config-get answers is the configuration: fed back it is the same one, in every keyword that there is.
//!
//! `PEREGRINE_CONFIGURATIONS` may name a folder with further ones; those that are refused are passed over.

#![expect(clippy::unwrap_used, reason = "an unwrap of a test is an assertion")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use engine::config::json::{Mistake, Node};
use engine::config::model::{Configuration, Dhcp4, HookLibrary};
use engine::config::wire::{Kind, Shape, Status, v4};
use engine::config::{Directories, parse_text_with, render};
use ha::config::Identity;

fn read(text: &str, name: &str) -> Result<Configuration, Vec<Mistake>> {
    // One example leaves it to the host's name which of the servers it is.
    let identity = Identity { host_name: Some("server1".into()), ..Identity::default() };
    let mut check_hook =
        |library: &HookLibrary, part: &Node| ha::config::check_hook(library, part, &identity);
    parse_text_with(text, name, &Directories::default(), &mut check_hook)
}

fn within(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|kind| kind == "json")).collect()
}

/// All that a configuration means, without where in a file it stood and how its tables are hashed.
fn meaning(mut dhcp4: Dhcp4) -> Vec<String> {
    let hooks = std::mem::take(&mut dhcp4.hooks).into_iter().map(|hook| {
        let parameters = hook.parameters.as_ref().map(Node::to_serde);
        format!("{} {:?} {parameters:?}", hook.library, hook.kind)
    });
    let mut all: Vec<_> = hooks.collect();
    for socket in std::mem::take(&mut dhcp4.http_sockets) {
        let (tls, login) = (socket.tls, socket.login);
        all.push(format!("{} {tls:?} {login:?} {:?}", socket.address, socket.headers));
    }
    let hosts = std::mem::take(&mut dhcp4.hosts);
    all.extend(hosts.all().iter().map(|host| format!("{host:?}")));
    all.extend(format!("{dhcp4:#?}").lines().map(str::to_owned));
    all
}

/// A configuration with every keyword, and one with those that cannot stand beside others of it.
fn every_keyword() -> [String; 2] {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/every-keyword.json");
    let text = std::fs::read_to_string(path).unwrap();
    let flags = r#""reservations-global": true, "reservations-in-subnet": false, "reservations-out-of-pool": true"#;
    let (old, new) = (r#""reservation-mode": "global""#, flags);
    assert!(text.contains(old));
    [text.replace(old, new), text]
}

/// Fails unless the configuration of `text` comes back as it went.
fn goes_round(text: &str, name: &str) -> Result<(), Vec<Mistake>> {
    let first = read(text, name)?;
    let rendered = render(&first);
    let told = format!("{rendered:#}");
    let again = read(&told, "config-get").unwrap_or_else(|it| panic!("{name}: {it:#?}\n{told}"));
    let second = render(&again);
    assert_eq!(second, rendered, "{name}");
    if let (Some(first), Some(again)) = (first.dhcp4, again.dhcp4) {
        let (before, after) = (meaning(first), meaning(again));
        let differs = before.iter().zip(&after).find(|(before, after)| before != after);
        assert!(differs.is_none() && before.len() == after.len(), "{name}: {differs:#?}");
    }
    Ok(())
}

#[test]
fn what_config_get_tells_is_the_same_configuration() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = within(&root.join("examples"));
    assert!(files.len() > 5);
    for text in every_keyword() {
        goes_round(&text, "every keyword").unwrap_or_else(|it| panic!("{it:#?}"));
    }
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        goes_round(&text, &file.display().to_string()).unwrap_or_else(|it| panic!("{it:#?}"));
    }
    if let Some(folder) = std::env::var_os("PEREGRINE_CONFIGURATIONS") {
        for file in within(Path::new(&folder)) {
            let text = std::fs::read_to_string(&file).unwrap();
            match goes_round(&text, &file.display().to_string()) {
                Ok(()) => println!("{}: the same", file.display()),
                Err(mistakes) => println!("{}: refused: {}", file.display(), mistakes[0]),
            }
        }
    }
}

#[test]
fn every_keyword_goes_round() {
    let mut given = BTreeSet::new();
    for text in every_keyword() {
        let configuration = read(&text, "f").unwrap();
        gather(configuration.source.get("Dhcp4").unwrap(), &v4::DHCP4, &mut given);
    }
    let mut known = BTreeSet::new();
    list(&v4::DHCP4, &mut known);
    let missing: Vec<_> = known.difference(&given).collect();
    assert_eq!(missing, [] as [&(&str, &str); 0], "put them into tests/every-keyword.json");
}

/// The keywords that `node` has, each with the name of its map.
fn gather(node: &Node, shape: &'static Shape, given: &mut BTreeSet<(&'static str, &'static str)>) {
    for entry in node.as_map().unwrap_or_default() {
        let Some(key) = shape.key(&entry.key) else { continue };
        given.insert((shape.name, key.word));
        match key.kind {
            Kind::Map(inner) => gather(&entry.node, inner, given),
            Kind::Maps(inner) => {
                entry.node.as_list().unwrap().iter().for_each(|node| gather(node, inner, given));
            }
            _ => {}
        }
    }
}

/// The keywords that there are and that may be given.
fn list(shape: &'static Shape, known: &mut BTreeSet<(&'static str, &'static str)>) {
    for key in shape.keys() {
        let unbuilt = matches!(key.status, Status::Later(_));
        if unbuilt && !matches!(key.kind, Kind::Text(_)) {
            continue;
        }
        if known.insert((shape.name, key.word))
            && let Kind::Map(inner) | Kind::Maps(inner) = key.kind
        {
            list(inner, known);
        }
    }
}
