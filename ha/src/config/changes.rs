//! What a relationship is told, for comparing two configurations: over a reload one goes on that means the same, and
//! one that means something else is built anew. Pure.

use engine::config::json::{Mistake, Node};
use engine::config::model::{HookKind, HookLibrary};
use serde_json::Value;

/// What of `new`, the hook libraries of a configuration read from `source`, only a restart could bring to a server
/// that runs by `old`: to begin with High Availability, or to end it.
pub fn refusals(old: &[HookLibrary], new: &[HookLibrary], source: &Node) -> Vec<Mistake> {
    let of = |hooks: &[HookLibrary]| {
        hooks.iter().find(|hook| hook.kind == HookKind::Ha).map(|hook| hook.at.clone())
    };
    let (message, at) = match (of(old), of(new)) {
        (None, None) | (Some(_), Some(_)) => return Vec::new(),
        (None, Some(at)) => ("got High Availability, and the server was started without it", at),
        (Some(_), None) => {
            ("got no High Availability, and the server was started with it", source.at.clone())
        }
    };
    vec![Mistake::new(&at, format!("{message}: it takes a restart"))]
}

/// The entry of a relationship without what is said about it.
pub(super) fn meaning(entry: &Node) -> Value {
    let mut value = entry.to_serde();
    strip(&mut value);
    value
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("comment");
            map.remove("user-context");
            map.values_mut().for_each(strip);
        }
        Value::Array(values) => values.iter_mut().for_each(strip),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hooks(parameters: &str) -> (Vec<HookLibrary>, Node) {
        let no_files = &mut |_: &str| Err(std::io::ErrorKind::NotFound.into());
        let source = engine::config::json::parse(parameters, "f", no_files).unwrap();
        let hook = HookLibrary {
            library: "libdhcp_ha.so".into(),
            kind: HookKind::Ha,
            parameters: Some(source.clone()),
            at: source.at.clone(),
        };
        (vec![hook], source)
    }

    #[test]
    fn high_availability_neither_comes_nor_goes_without_a_restart() {
        let (with, source) = hooks(r#"{"high-availability": [{"mode": "hot-standby"}]}"#);
        let (other, _) = hooks(r#"{"high-availability": [{"mode": "load-balancing"}]}"#);
        let found = |old: &[_], new: &[_]| -> Vec<String> {
            refusals(old, new, &source).iter().map(|mistake| mistake.message.clone()).collect()
        };
        assert_eq!(found(&with, &other), [""; 0]);
        assert_eq!(found(&[], &[]), [""; 0]);
        for (old, new, said) in [
            (&[][..], &with[..], "got High Availability"),
            (&with, &[], "got no High Availability"),
        ] {
            let found = found(old, new);
            assert!(found[0].starts_with(said) && found[0].ends_with("a restart"), "{found:?}");
        }
    }

    #[test]
    fn a_comment_means_nothing() {
        let meaning = |text: &str| meaning(&hooks(text).1);
        let told =
            meaning(r#"{"comment": "x", "peers": [{"user-context": {"a": 1}, "name": "b"}]}"#);
        assert_eq!(told, meaning(r#"{"peers": [{"name": "b"}]}"#));
        assert_ne!(told, meaning(r#"{"peers": [{"name": "c"}]}"#));
    }
}
