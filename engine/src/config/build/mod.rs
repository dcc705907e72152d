//! From positioned JSON to the checked [`model`](super::model), collecting every mistake on the way. Pure.
//!
//! [`wire::check`](super::wire::check()) goes first and reports unknown keywords, types and parts that are not built.
//! What follows reads only what has the right type, so that nothing is reported twice.

mod classes;
mod definitions;
mod global;
mod hooks;
#[cfg(test)]
mod inheritance_tests;
mod loggers;
mod names;
mod network;
mod options;
mod pools;
mod reservations;
mod shared_network;
mod sockets;
mod subnet;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::json::{Mistake, Node, Position};
use super::model::{Configuration, Dhcp4, Dhcp6, HookLibrary, NameRules, Samples};
use super::wire::{self, Depth, v4, v6};
use crate::classify::ClassNames;
use crate::codec::options::Definitions;
use crate::limits::MAX_MISTAKES;

pub(super) use pools::parse_prefix;
pub(super) use reservations::scope_of_mode;

/// Where a file lies that is named without a directory. The defaults are those of Kea's packages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directories {
    /// Lease files (Kea: `KEA_DHCP_DATA_DIR`).
    pub data: PathBuf,
    /// Control sockets (Kea: `KEA_CONTROL_SOCKET_DIR`).
    pub sockets: PathBuf,
    /// Log files (Kea: `KEA_LOG_FILE_DIR`).
    pub logs: PathBuf,
}

impl Default for Directories {
    fn default() -> Directories {
        Directories {
            data: "/var/lib/kea".into(),
            sockets: "/run/kea".into(),
            logs: "/var/log/kea".into(),
        }
    }
}

/// Checks an entry of `hooks-libraries` for whoever owns the library, so that its mistakes are reported with the rest of
/// the file: the entry, and the `Dhcp4` or `Dhcp6` that it stands in. Gives warnings, or mistakes.
pub type CheckHook<'a> =
    &'a mut dyn FnMut(&HookLibrary, &Node) -> Result<Vec<Mistake>, Vec<Mistake>>;

/// Checks a file's JSON and builds the configuration from it.
///
/// # Errors
/// All mistakes of the file, in its order.
pub fn build(
    source: Node,
    directories: &Directories,
    check_hook: CheckHook<'_>,
) -> Result<Configuration, Vec<Mistake>> {
    let mut builder = Builder::new(directories, check_hook);
    let (dhcp4, dhcp6) = builder.parts(&source);
    let Builder { mut mistakes, warnings, .. } = builder;
    if !mistakes.is_empty() {
        mistakes.sort_by(|a, b| order(&source, a).cmp(&order(&source, b)));
        mistakes.dedup();
        tell_parts_once(&mut mistakes);
        mistakes.truncate(MAX_MISTAKES);
        return Err(mistakes);
    }
    Ok(Configuration { dhcp4, dhcp6, source, warnings })
}

/// What is gathered while a configuration is built.
struct Builder<'a> {
    directories: &'a Directories,
    check_hook: CheckHook<'a>,
    names: ClassNames,
    /// Classes that `client-classes` defines.
    defined: BTreeSet<&'a str>,
    /// Those of them that make others by `template-test`.
    templates: Vec<&'a str>,
    /// What `option-def` defines.
    definitions: Definitions,
    /// The rules for names so far and what they were made of: most subnets share them.
    name_rules: Vec<([Option<String>; 5], Arc<NameRules>)>,
    /// Where the first reservation by flex-id is.
    first_flex_id: Option<Position>,
    mistakes: Vec<Mistake>,
    warnings: Vec<Mistake>,
}

impl<'a> Builder<'a> {
    fn new(directories: &'a Directories, check_hook: CheckHook<'a>) -> Builder<'a> {
        Builder {
            directories,
            check_hook,
            names: ClassNames::default(),
            defined: BTreeSet::new(),
            templates: Vec::new(),
            definitions: Definitions::default(),
            name_rules: Vec::new(),
            first_flex_id: None,
            mistakes: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn parts(&mut self, source: &'a Node) -> (Option<Dhcp4>, Option<Dhcp6>) {
        let Some(entries) = source.as_map() else {
            let found = source.describe();
            self.mistake(
                &source.at,
                format!("got {found}, expected a map with \"Dhcp4\" or \"Dhcp6\""),
            );
            return (None, None);
        };
        if entries.is_empty() {
            self.mistake(&source.at, "got an empty map, expected \"Dhcp4\" or \"Dhcp6\"");
        }
        let (mut dhcp4, mut dhcp6) = (None, None);
        for entry in entries {
            match entry.key.as_str() {
                "Dhcp4" => dhcp4 = self.dhcp4(&entry.node),
                "Dhcp6" => dhcp6 = Some(self.dhcp6(&entry.node)),
                other => self.mistake(
                    &entry.at,
                    format!("got unexpected keyword \"{other}\" in toplevel map, expected \"Dhcp4\" or \"Dhcp6\""),
                ),
            }
        }
        (dhcp4, dhcp6)
    }

    fn dhcp4(&mut self, node: &'a Node) -> Option<Dhcp4> {
        wire::check(node, &v4::DHCP4, Depth::Built, &mut self.mistakes);
        self.without_effect(node);
        self.definitions = self.definitions(node);
        let classes = self.classes(node);
        let shared_network::Sites { networks, subnets } = self.sites(node);
        let hooks = self.hooks(node);
        let flex_id = self.flex_id(&hooks);
        let sockets = self.control_sockets(node);
        let dhcp4 = Dhcp4 {
            interfaces: self.interfaces(node),
            control_sockets: sockets.unix,
            http_sockets: sockets.http,
            multi_threading: self.multi_threading(node),
            lease_database: self.lease_database(node),
            expired_leases: global::expired_leases(node),
            classes,
            hooks,
            loggers: self.loggers(node),
            echo_client_id: node.flag("echo-client-id").unwrap_or(true),
            authoritative: node.flag("authoritative").unwrap_or(false),
            stash_agent_options: node.flag("stash-agent-options").unwrap_or(false),
            decline_probation_s: node.int("decline-probation-period").unwrap_or(86_400),
            parked_packet_limit: node.int("parked-packet-limit").unwrap_or(256),
            samples: Samples {
                count: node.int("statistic-default-sample-count").unwrap_or(20),
                age_s: node.int("statistic-default-sample-age").unwrap_or(0),
            },
            options: self.global_options(node),
            hosts: self.hosts(node, &subnets),
            host_identifiers: self.host_identifiers(node),
            flex_id,
            early_global_reservations: node
                .flag("early-global-reservations-lookup")
                .unwrap_or(false),
            compatibility: global::compatibility(node),
            lease_checks: global::lease_checks(node),
            networks,
            subnets,
            definitions: std::mem::take(&mut self.definitions),
            class_names: std::mem::take(&mut self.names),
        };
        self.warn_of_flex_id(&dhcp4);
        self.warn_of_stash(node, &dhcp4);
        Some(dhcp4)
    }

    fn dhcp6(&mut self, node: &Node) -> Dhcp6 {
        wire::check(node, &v6::DHCP6, Depth::Shape, &mut self.mistakes);
        Dhcp6 { at: node.at.clone(), hooks: self.hooks(node) }
    }

    fn mistake(&mut self, at: &Position, message: impl Into<String>) {
        self.mistakes.push(Mistake::new(at, message));
    }

    fn warning(&mut self, at: &Position, message: impl Into<String>) {
        self.warnings.push(Mistake::new(at, message));
    }
}

/// Leaves one mistake for each part that is not built yet, the first that names it.
fn tell_parts_once(mistakes: &mut Vec<Mistake>) {
    let mut parts = BTreeSet::new();
    mistakes.retain(|mistake| {
        let part = mistake.unbuilt();
        let part = part.and_then(|rest| rest.split(" (").next());
        part.is_none_or(|part| parts.insert(part.to_owned()))
    });
}

/// The file's own mistakes by line, then those of each included file.
fn order<'m>(source: &Node, mistake: &'m Mistake) -> (bool, &'m str, u32, u32) {
    let Position { file, line, column } = &mistake.at;
    (*file != source.at.file, file, *line, *column)
}

/// `name` in `directory`, unless it names a directory itself.
fn placed(directory: &Path, name: &str) -> PathBuf {
    if name.contains('/') { name.into() } else { directory.join(name) }
}
