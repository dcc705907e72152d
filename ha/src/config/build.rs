//! From positioned JSON to [`Relationship`]s.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use engine::config::json::{Mistake, Node};
use engine::config::model::{HookKind, HookLibrary};
use engine::config::wire::{self, Depth};

use super::shape::NO_LISTENER;
use super::{
    Identity, MultiThreading, PARAMETERS, Relationship, changes, class_warnings, peers, subnets,
};
use crate::machine::{Mode, Parameters, Pause, State};

/// Checks an entry of `hooks-libraries` of `part` (the file's `Dhcp4` or `Dhcp6`) if it is ours; for the engine's `load_with`.
/// Gives warnings.
///
/// # Errors
/// All mistakes.
pub fn check_hook(
    library: &HookLibrary,
    part: &Node,
    identity: &Identity,
) -> Result<Vec<Mistake>, Vec<Mistake>> {
    match library.kind {
        HookKind::Ha => {
            let relationships = match (from_library(library, identity), without_listener(part)) {
                (Ok(relationships), None) => relationships,
                (Ok(_), Some(mistake)) => return Err(vec![mistake]),
                (Err(mistakes), mistake) => {
                    return Err(mistakes.into_iter().chain(mistake).collect());
                }
            };
            let mut warnings = class_warnings(&relationships, part);
            warnings.extend(subnets::check(&relationships, part)?);
            Ok(warnings)
        }
        HookKind::LeaseCmds | HookKind::StatCmds | HookKind::Bootp | HookKind::FlexId => {
            Ok(Vec::new())
        }
    }
}

/// A server of one thread has no listener of its own either.
fn without_listener(part: &Node) -> Option<Mistake> {
    let flag = part.get("multi-threading")?.get("enable-multi-threading")?;
    let found = "\"enable-multi-threading\" in multi-threading beside libdhcp_ha";
    let message =
        format!("not built yet: {NO_LISTENER} ({found} as {}), expected true", flag.describe());
    (flag.as_bool() == Some(false)).then(|| Mistake::new(&flag.at, message))
}

/// The relationships of the entry `library` of `hooks-libraries`; `identity` says who this server is.
///
/// # Errors
/// All mistakes.
pub fn from_library(
    library: &HookLibrary,
    identity: &Identity,
) -> Result<Vec<Relationship>, Vec<Mistake>> {
    match &library.parameters {
        Some(parameters) => from_hook(parameters, identity),
        None => {
            let message =
                "got libdhcp_ha without \"parameters\", expected \"high-availability\" there";
            Err(vec![Mistake::new(&library.at, message)])
        }
    }
}

/// The relationships of the hook library's `parameters`.
///
/// # Errors
/// All mistakes.
pub fn from_hook(
    parameters: &Node,
    identity: &Identity,
) -> Result<Vec<Relationship>, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    wire::check(parameters, &PARAMETERS, Depth::Built, &mut mistakes);
    let nodes = parameters.list("high-availability");
    if let Some(list) = parameters.get("high-availability")
        && nodes.is_empty()
        && list.as_list().is_some()
    {
        mistakes
            .push(Mistake::new(&list.at, "got an empty list, expected at least one relationship"));
    }
    let relationships: Vec<Option<Relationship>> =
        nodes.iter().map(|node| relationship(node, identity, &mut mistakes)).collect();
    check_several(nodes, &mut mistakes);
    check_listeners(nodes, &relationships, &mut mistakes);
    if mistakes.is_empty() {
        return Ok(relationships.into_iter().flatten().collect());
    }
    mistakes.sort_by_key(|mistake| (mistake.at.line, mistake.at.column));
    mistakes.dedup();
    Err(mistakes)
}

/// `mode` of a relationship, if it is one.
pub(super) fn mode_of(node: &Node) -> Option<Mode> {
    Mode::named(node.text("mode")?)
}

fn relationship(
    node: &Node,
    identity: &Identity,
    mistakes: &mut Vec<Mistake>,
) -> Option<Relationship> {
    node.as_map()?;
    let pauses = pauses(node, mistakes);
    let mode = mode_of(node);
    if let Some(mode) = mode {
        check_mode(node, mode, mistakes);
    }
    let (peers, servers) = peers::peers(node, mode, identity, mistakes)?;
    let defaults = Parameters::defaults(peers);
    let int = |key, default| node.int::<u32>(key).unwrap_or(default);
    let delay = |key, default| node.int(key).map_or(default, Duration::from_millis);
    let flag = |key, default| node.flag(key).unwrap_or(default);
    let parameters = Parameters {
        heartbeat_delay: delay("heartbeat-delay", defaults.heartbeat_delay),
        max_response_delay: delay("max-response-delay", defaults.max_response_delay),
        max_ack_delay: delay("max-ack-delay", defaults.max_ack_delay),
        max_unacked_clients: int("max-unacked-clients", defaults.max_unacked_clients),
        max_rejected_lease_updates: int(
            "max-rejected-lease-updates",
            defaults.max_rejected_lease_updates,
        ),
        send_lease_updates: flag("send-lease-updates", defaults.send_lease_updates),
        sync_leases: flag("sync-leases", defaults.sync_leases),
        sync_timeout: delay("sync-timeout", defaults.sync_timeout),
        delayed_updates_limit: int("delayed-updates-limit", defaults.delayed_updates_limit),
        max_untold: defaults.max_untold,
        wait_backup_ack: flag("wait-backup-ack", defaults.wait_backup_ack),
        tolerates_skew: node.text("clock-skew") == Some("tolerate"),
        takeover_delay: node.int("takeover-delay").map(Duration::from_millis),
        wants_repair: node.text("conflict-resolution") == Some("repair"),
        pauses,
        peers: defaults.peers,
    };
    Some(Relationship {
        at: node.at.clone(),
        parameters,
        servers,
        sync_page_limit: int("sync-page-limit", 10_000),
        multi_threading: multi_threading(node),
        require_client_certs: flag("require-client-certs", true),
        restrict_commands: flag("restrict-commands", true),
        meaning: changes::meaning(node),
    })
}

/// What a mode forbids.
fn check_mode(node: &Node, mode: Mode, mistakes: &mut Vec<Mistake>) {
    if let Some(limit) = node.get("delayed-updates-limit")
        && mode != Mode::LoadBalancing
        && limit.as_int().is_some_and(|limit| limit != 0)
    {
        let message = format!(
            "got {} for \"delayed-updates-limit\" in mode {}, expected 0",
            limit.describe(),
            mode.name()
        );
        mistakes.push(Mistake::new(&limit.at, message));
    }
    if let Some(wait) = node.get("wait-backup-ack")
        && mode != Mode::PassiveBackup
        && wait.as_bool() == Some(true)
    {
        let message = format!("got \"wait-backup-ack\" in mode {}, expected false", mode.name());
        mistakes.push(Mistake::new(&wait.at, message));
    }
}

fn multi_threading(node: &Node) -> MultiThreading {
    let node = node.get("multi-threading");
    let flag = |key| node.and_then(|node| node.flag(key)).unwrap_or(true);
    let int = |key| node.and_then(|node| node.int(key)).unwrap_or(0);
    MultiThreading {
        enabled: flag("enable-multi-threading"),
        dedicated_listener: flag("http-dedicated-listener"),
        listener_threads: int("http-listener-threads"),
        client_threads: int("http-client-threads"),
    }
}

/// `state-machine`.
fn pauses(node: &Node, mistakes: &mut Vec<Mistake>) -> BTreeMap<State, Pause> {
    let mut pauses = BTreeMap::new();
    let states = node.get("state-machine").map(|machine| machine.list("states"));
    for entry in states.unwrap_or_default() {
        let Some(name) = entry.get("state") else { continue };
        let Some(text) = name.as_str() else { continue };
        let Ok(state) = text.parse::<State>() else {
            let names: Vec<&str> = State::ALL.iter().map(|state| state.name()).collect();
            let expected = format!("expected one of {}", names.join(", "));
            mistakes
                .push(Mistake::new(&name.at, format!("got state {}, {expected}", name.describe())));
            continue;
        };
        let pause = match entry.text("pause") {
            Some("always") => Pause::Always,
            Some("once") => Pause::Once,
            _ => Pause::Never,
        };
        if pauses.insert(state, pause).is_some() {
            let message = format!("got state \"{text}\" a second time, expected it once");
            mistakes.push(Mistake::new(&name.at, message));
        }
    }
    pauses
}

/// Several relationships are a hub and its spokes: hot-standby all of them, and no name in two.
fn check_several(nodes: &[Node], mistakes: &mut Vec<Mistake>) {
    if nodes.len() < 2 {
        return;
    }
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, node) in nodes.iter().enumerate() {
        if let (Some(mode), Some(place)) = (mode_of(node), node.get("mode"))
            && mode != Mode::HotStandby
        {
            let message = format!(
                "got mode {} in one of several relationships, expected hot-standby",
                mode.name()
            );
            mistakes.push(Mistake::new(&place.at, message));
        }
        for name in node.list("peers").iter().filter_map(|peer| peer.get("name")) {
            let Some(text) = name.as_str().map(str::trim) else { continue };
            if *seen.entry(text).or_insert(index) != index {
                let expected = "expected a name that no other relationship has";
                let message = format!("got peer {}, {expected}", name.describe());
                mistakes.push(Mistake::new(&name.at, message));
            }
        }
    }
}

/// Each relationship has a listener of its own, at the `url` of this server there.
fn check_listeners(
    nodes: &[Node],
    relationships: &[Option<Relationship>],
    mistakes: &mut Vec<Mistake>,
) {
    let mut seen = BTreeSet::new();
    for (node, relationship) in nodes.iter().zip(relationships) {
        let Some(relationship) = relationship else { continue };
        let own = &relationship.parameters.peers.local().name;
        let Some(server) = relationship.servers.iter().find(|server| server.name == *own) else {
            continue;
        };
        let is_own = |peer: &&Node| peer.text("name").map(str::trim) == Some(&**own);
        let url = node.list("peers").iter().find(is_own).and_then(|peer| peer.get("url"));
        if !seen.insert(server.address)
            && let Some(url) = url
        {
            let expected =
                "expected another address or port than this server has in another relationship";
            mistakes.push(Mistake::new(&url.at, format!("got url {}, {expected}", url.describe())));
        }
    }
}
