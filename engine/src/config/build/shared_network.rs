//! `shared-networks` and `subnet4`: every subnet with what it inherits, and what must hold between them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Builder;
use super::network::Levels;
use super::subnet::interface;
use crate::config::json::{Node, Position};
use crate::config::model::{Network4, Prefix4, Subnet4};
use crate::config::render;

/// The shared networks in their order, and all subnets by ascending id.
pub(super) struct Sites {
    pub(super) networks: Vec<Arc<Network4>>,
    pub(super) subnets: Vec<Arc<Subnet4>>,
}

/// The subnets found so far.
#[derive(Default)]
struct Found<'n> {
    /// The last id that was given automatically.
    automatic: u32,
    subnets: BTreeMap<u32, Arc<Subnet4>>,
    prefixes: BTreeMap<Prefix4, &'n Position>,
}

impl Builder<'_> {
    /// `shared-networks`, then `subnet4`: the order in which automatic ids are given.
    pub(super) fn sites(&mut self, part: &Node) -> Sites {
        let global = [part];
        self.inheritable(Levels(&global));
        let mut found = Found::default();
        let mut networks: Vec<Arc<Network4>> = Vec::new();
        for node in part.list("shared-networks").iter().filter(|node| node.as_map().is_some()) {
            let network = Arc::new(self.network(node));
            if let Some(name) = node.get("name") {
                self.check_name(name, &network, &networks);
            }
            self.network_subnets(node, &network, part, &mut found);
            networks.push(network);
        }
        for node in subnet_nodes(part) {
            let id = found.id(node);
            let subnet = self.subnet(node, id, None, &[part]);
            self.add_subnet(node, subnet, &mut found);
        }
        Sites { networks, subnets: found.subnets.into_values().collect() }
    }

    /// Reports mistakes in what is inherited where they stand, even if no subnet inherits it.
    fn inheritable(&mut self, levels: Levels<'_>) {
        self.lifetime(levels);
        self.timers(levels);
        self.next_server(Levels(&levels.0[..1]));
        self.name_rules(levels);
    }

    fn network(&mut self, node: &Node) -> Network4 {
        Network4 {
            name: node.text("name").unwrap_or_default().to_owned(),
            guard: self.guard(node),
            additional: self.additional(node),
            options: self.options(node),
            user_context: render::user_context(node),
        }
    }

    fn check_name(&mut self, name: &Node, network: &Network4, before: &[Arc<Network4>]) {
        if name.as_str() == Some("") {
            self.mistake(&name.at, "got an empty shared network name, expected a name");
        } else if before.iter().any(|other| other.name == network.name) {
            let found = name.describe();
            let message = format!("got shared network {found} a second time, expected it once");
            self.mistake(&name.at, message);
        }
    }

    /// The subnets of one shared network, which are on one link: with one `interface` and one `authoritative`.
    fn network_subnets<'n>(
        &mut self,
        node: &'n Node,
        network: &Arc<Network4>,
        part: &Node,
        found: &mut Found<'n>,
    ) {
        let above = [node, part];
        self.inheritable(Levels(&above));
        let relays = self.relays(node);
        let authoritative = Levels(&above).flag("authoritative").unwrap_or(false);
        let mut common = interface(node);
        for inner in subnet_nodes(node) {
            let id = found.id(inner);
            let Some(mut subnet) = self.subnet(inner, id, Some(network), &above) else { continue };
            if let Some(at) = inner.get("authoritative")
                && subnet.authoritative != authoritative
            {
                let expected = format!("expected {authoritative}, as in its shared network");
                self.mistake(
                    &at.at,
                    format!("got {} for \"authoritative\", {expected}", at.describe()),
                );
            }
            if let (Some(common), Some(own)) = (&common, &subnet.interface)
                && common != own
                && let Some(at) = inner.get("interface")
            {
                let expected = format!("expected \"{common}\", as elsewhere in its shared network");
                self.mistake(&at.at, format!("got interface {}, {expected}", at.describe()));
            }
            common = common.or_else(|| subnet.interface.clone());
            subnet.interface = subnet.interface.or_else(|| interface(node));
            if subnet.relays.is_empty() {
                subnet.relays.clone_from(&relays);
            }
            self.add_subnet(inner, Some(subnet), found);
        }
    }

    /// Adds a subnet whose id and prefix no other has.
    fn add_subnet<'n>(&mut self, node: &'n Node, subnet: Option<Subnet4>, found: &mut Found<'n>) {
        let Some(subnet) = subnet else { return };
        let (id, Prefix4 { network, len }) = (subnet.id, subnet.prefix);
        if let Some(before) = found.prefixes.insert(subnet.prefix, &node.at) {
            let expected = format!("expected it once (before at {})", place(before));
            let message = format!("got subnet {network}/{len} a second time, {expected}");
            self.mistake(&node.at, message);
        }
        if let Some(before) = found.subnets.insert(id, Arc::new(subnet)) {
            let how = if given_id(node).is_some() { "" } else { " (given automatically)" };
            let Prefix4 { network, len } = before.prefix;
            let expected = format!("expected another than that of {network}/{len}");
            let at = node.get("id").map_or(&node.at, |id| &id.at);
            self.mistake(at, format!("got subnet id {id}{how}, {expected}"));
        }
    }
}

impl Found<'_> {
    /// The id that stands there, else the next automatic one.
    fn id(&mut self, node: &Node) -> u32 {
        given_id(node).unwrap_or_else(|| {
            self.automatic += 1;
            self.automatic
        })
    }
}

fn given_id(node: &Node) -> Option<u32> {
    node.int("id").filter(|id| *id != 0)
}

fn subnet_nodes(holder: &Node) -> impl Iterator<Item = &Node> {
    holder.list("subnet4").iter().filter(|node| node.as_map().is_some())
}

fn place(at: &Position) -> String {
    format!("{}:{}.{}", at.file, at.line, at.column)
}
