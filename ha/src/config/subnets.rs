//! `ha-server-name` in the user-contexts of subnets and shared networks: which relationship they belong to. Pure.

use std::collections::BTreeSet;

use engine::config::json::{Mistake, Node};

use super::Relationship;

/// The key in a user-context; its value is the name of any peer of the relationship.
pub const SERVER_NAME: &str = "ha-server-name";

/// Checks the names in `part` (the file's `Dhcp4` or `Dhcp6`). Gives warnings.
///
/// # Errors
/// Names that are none.
pub(super) fn check(
    relationships: &[Relationship],
    part: &Node,
) -> Result<Vec<Mistake>, Vec<Mistake>> {
    let mut check =
        Check { relationships, used: BTreeSet::new(), mistakes: vec![], warnings: vec![] };
    let several = relationships.len() > 1;
    check.level(part, None);
    for network in part.list("shared-networks") {
        let own = check.name(network);
        let found = check.level(network, own);
        if several && found.len() > 1 {
            let message = "got a shared network whose subnets belong to several relationships, or some to none: its \
                           clients get addresses of any of them";
            check.warnings.push(Mistake::new(&network.at, message));
        }
    }
    let Check { used, mistakes, mut warnings, .. } = check;
    for (place, relationship) in relationships.iter().enumerate() {
        if several && !used.contains(&place) {
            let message = "got a relationship whose peers no subnet names in \"ha-server-name\": it serves nobody";
            warnings.push(Mistake::new(&relationship.at, message));
        }
    }
    if mistakes.is_empty() { Ok(warnings) } else { Err(mistakes) }
}

struct Check<'a> {
    relationships: &'a [Relationship],
    used: BTreeSet<usize>,
    mistakes: Vec<Mistake>,
    warnings: Vec<Mistake>,
}

impl Check<'_> {
    /// The subnets of a map, which have the name `inherited` unless they have one of their own; gives the
    /// relationships that they belong to.
    fn level(&mut self, node: &Node, inherited: Option<usize>) -> BTreeSet<Option<usize>> {
        let mut found = BTreeSet::new();
        let subnets = ["subnet4", "subnet6"].into_iter().flat_map(|key| node.list(key));
        for subnet in subnets {
            let is_named = name_of(subnet).is_some();
            let own = self.name(subnet);
            if !is_named && inherited.is_none() && self.relationships.len() > 1 {
                let message = "got a subnet without \"ha-server-name\" in its user-context beside several \
                               relationships: nobody serves it";
                self.warnings.push(Mistake::new(&subnet.at, message));
            }
            let place = if is_named { own } else { inherited };
            self.used.extend(place);
            found.insert(place);
        }
        found
    }

    /// The relationship that a subnet or network names.
    fn name(&mut self, node: &Node) -> Option<usize> {
        let name = name_of(node)?;
        let Some(text) = name.as_str() else {
            let message = format!(
                "got {} for \"{SERVER_NAME}\", expected the name of a peer",
                name.describe()
            );
            self.mistakes.push(Mistake::new(&name.at, message));
            return None;
        };
        let has = |it: &Relationship| it.parameters.peers.place(text).is_some();
        let place = self.relationships.iter().position(has);
        if place.is_none() {
            let effect = match self.relationships.len() {
                1 => "the partner's leases there are not fetched",
                _ => "nobody serves it",
            };
            let message =
                format!("got {SERVER_NAME} \"{text}\", which is no peer's name: {effect}");
            self.warnings.push(Mistake::new(&name.at, message));
        }
        place
    }
}

fn name_of(node: &Node) -> Option<&Node> {
    node.get("user-context")?.get(SERVER_NAME)
}
