//! Whether two configurations mean the same High Availability: a relationship goes on over a reload only as it is.

use engine::config::json::{Mistake, Node};
use engine::config::model::{HookKind, HookLibrary};
use serde_json::Value;

/// What of `new`, the hook libraries of a configuration read from `source`, only a restart could bring to a server
/// that runs by `old`.
pub fn refusals(old: &[HookLibrary], new: &[HookLibrary], source: &Node) -> Vec<Mistake> {
    let of =
        |hooks: &'_ [HookLibrary]| hooks.iter().find(|hook| hook.kind == HookKind::Ha).cloned();
    let (message, at) = match (of(old), of(new)) {
        (None, None) => return Vec::new(),
        (Some(old), Some(new)) if meant(&old) == meant(&new) => return Vec::new(),
        (Some(_), Some(new)) => (
            "got other parameters of High Availability than those in use, expected the same",
            new.at.clone(),
        ),
        (None, Some(new)) => {
            ("got High Availability, and the server was started without it", new.at.clone())
        }
        (Some(_), None) => {
            ("got no High Availability, and the server was started with it", source.at.clone())
        }
    };
    vec![Mistake::new(&at, format!("{message}: it takes a restart"))]
}

/// The parameters without what is said about them.
fn meant(hook: &HookLibrary) -> Value {
    let mut value = hook.parameters.as_ref().map_or(Value::Null, Node::to_serde);
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
    fn what_a_relationship_is_told_may_not_change() {
        let (old, source) = hooks(r#"{"high-availability": [{"mode": "hot-standby"}]}"#);
        let (told, _) = hooks(
            r#"{"comment": "x", "high-availability": [{"user-context": {"a": 1}, "mode": "hot-standby"}]}"#,
        );
        let (other, _) = hooks(r#"{"high-availability": [{"mode": "load-balancing"}]}"#);
        let found = |old: &[_], new: &[_]| -> Vec<String> {
            refusals(old, new, &source).iter().map(|mistake| mistake.message.clone()).collect()
        };
        assert_eq!(found(&old, &told), [""; 0]);
        assert_eq!(found(&[], &[]), [""; 0]);
        for (old, new, said) in [
            (&old[..], &other[..], "got other parameters of High Availability"),
            (&[], &old, "got High Availability"),
            (&old, &[], "got no High Availability"),
        ] {
            let found = found(old, new);
            assert!(found[0].starts_with(said) && found[0].ends_with("a restart"), "{found:?}");
        }
    }
}
