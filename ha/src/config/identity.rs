//! Which of the peers this server is: by `this-server-name`, or by what the machine says, so that both servers of a pair
//! may have the same file. Pure.

use engine::config::json::{Mistake, Node};

/// What is known of this server beside its configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Chosen where the server was started, by the command line or the environment: it goes before the file.
    pub chosen: Option<String>,
    /// The name of the machine, for a file that names nobody.
    pub host_name: Option<String>,
}

impl Identity {
    /// The name of this server in a relationship of these peers; `None` with a mistake.
    pub(super) fn name_in<'a>(
        &'a self,
        relationship: &'a Node,
        peers: &[&str],
        mistakes: &mut Vec<Mistake>,
    ) -> Option<&'a str> {
        let is_peer = |name: &&str| peers.contains(name);
        if let Some(chosen) = self.chosen.as_deref().filter(is_peer) {
            return Some(chosen);
        }
        if let Some(given) = relationship.get("this-server-name") {
            let name = given.as_str()?.trim();
            if name.is_empty() {
                let message = "got an empty \"this-server-name\", expected a name";
                mistakes.push(Mistake::new(&given.at, message));
                return None;
            }
            if !peers.contains(&name) {
                let message = format!(
                    "got this-server-name \"{name}\", expected one of the peers ({})",
                    peers.join(", ")
                );
                mistakes.push(Mistake::new(&given.at, message));
            }
            return Some(name);
        }
        let host_name = self.host_name.as_deref();
        let short = host_name.and_then(|name| name.split('.').next());
        if let Some(name) = host_name.filter(is_peer).or(short.filter(is_peer)) {
            return Some(name);
        }
        let said =
            |name: Option<&str>| name.map_or("none".to_owned(), |name| format!("\"{name}\""));
        let message = format!(
            "got no \"this-server-name\", and neither --server-name or PEREGRINE_SERVER_NAME ({}) nor the host name ({}) \
             is one of the peers ({})",
            said(self.chosen.as_deref()),
            said(host_name),
            peers.join(", ")
        );
        mistakes.push(Mistake::new(&relationship.at, message));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(identity: &Identity, relationship: &str) -> Result<String, Vec<String>> {
        let no_files = &mut |_: &str| Err(std::io::ErrorKind::NotFound.into());
        let node = engine::config::json::parse(relationship, "f", no_files).unwrap();
        let mut mistakes = Vec::new();
        let found = identity.name_in(&node, &["a", "b"], &mut mistakes).map(str::to_owned);
        let told = || mistakes.iter().map(ToString::to_string).collect();
        found.filter(|_| mistakes.is_empty()).ok_or_else(told)
    }

    fn identity(chosen: Option<&str>, host_name: Option<&str>) -> Identity {
        let owned = |name: Option<&str>| name.map(str::to_owned);
        Identity { chosen: owned(chosen), host_name: owned(host_name) }
    }

    #[test]
    fn the_choice_goes_before_the_file_and_the_file_before_the_machine() {
        let named = r#"{"this-server-name": " a "}"#;
        for (chosen, host_name, file, expected) in [
            (None, Some("b"), named, "a"),
            (Some("b"), None, named, "b"),
            (Some("c"), None, named, "a"),
            (Some("b"), Some("a"), "{}", "b"),
            (None, Some("a"), "{}", "a"),
            (None, Some("b.example.org"), "{}", "b"),
        ] {
            let found = name(&identity(chosen, host_name), file);
            assert_eq!(found.as_deref(), Ok(expected), "{chosen:?} {host_name:?} {file}");
        }
    }

    #[test]
    fn whoever_is_no_peer_is_told_what_was_looked_at() {
        let told = name(&identity(Some("c"), Some("d")), "{}").unwrap_err();
        assert_eq!(
            told,
            [
                "f:1.1: got no \"this-server-name\", and neither --server-name or PEREGRINE_SERVER_NAME (\"c\") nor the \
              host name (\"d\") is one of the peers (a, b)"
            ]
        );
    }
}
