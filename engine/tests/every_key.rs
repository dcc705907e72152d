//! Configurations that use every keyword: they load, and config-get of one, fed back, gives the same.

#![expect(clippy::unwrap_used, reason = "an unwrap of a test is an assertion")]

use std::collections::BTreeSet;

use engine::config::json::Node;
use engine::config::model::Configuration;
use engine::config::wire::{Kind, Shape, Status, v4};
use engine::config::{parse_text, render};

const EVERY_KEY: &str = include_str!("data/configs/every-key.json");
const OLD_SPELLINGS: &str = include_str!("data/configs/old-spellings.json");

fn load(text: &str) -> Configuration {
    parse_text(text, "f").unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

#[test]
fn what_config_get_tells_gives_the_same_configuration() {
    for text in [EVERY_KEY, OLD_SPELLINGS] {
        let first = load(text);
        let told = render(&first);
        let second = load(&told.to_string());
        assert_eq!(render(&second), told);
        // What the engine works with is the same, too: positions and the JSON apart.
        assert_eq!(essence(&second), essence(&first));
    }
}

/// The model as text, without what says where something stood.
fn essence(configuration: &Configuration) -> String {
    let mut dhcp4 = configuration.dhcp4.clone().unwrap();
    dhcp4.hooks.clear();
    // Where its index has them depends on a number drawn at each start.
    let hosts = format!("{:?}", dhcp4.hosts.all());
    dhcp4.hosts = Default::default();
    format!("{hosts}{dhcp4:?}")
}

/// A keyword that is new in the tables needs a place in the example.
#[test]
fn the_examples_use_every_keyword_that_is_built() {
    let mut used = BTreeSet::new();
    for text in [EVERY_KEY, OLD_SPELLINGS] {
        let source = load(text).source;
        note(source.get("Dhcp4").unwrap(), &v4::DHCP4, &mut used);
    }
    let mut all = BTreeSet::new();
    gather(&v4::DHCP4, &mut all);
    let missing: Vec<_> = all.difference(&used).collect();
    assert!(missing.is_empty(), "not in engine/tests/data/configs: {missing:?}");
}

fn note(node: &Node, shape: &'static Shape, used: &mut BTreeSet<(&'static str, &'static str)>) {
    for key in shape.keys() {
        let Some(value) = node.get(key.word) else { continue };
        used.insert((shape.name, key.word));
        match key.kind {
            Kind::Map(inner) => note(value, inner, used),
            Kind::Maps(inner) => {
                value.as_list().unwrap().iter().for_each(|node| note(node, inner, used));
            }
            _ => {}
        }
    }
}

fn gather(shape: &'static Shape, all: &mut BTreeSet<(&'static str, &'static str)>) {
    for key in shape.keys().filter(|key| !matches!(key.status, Status::Later(_))) {
        let new = all.insert((shape.name, key.word));
        if let Kind::Map(inner) | Kind::Maps(inner) = key.kind
            && new
        {
            gather(inner, all);
        }
    }
}
