//! `subnet4`: each with what it inherits from the global level.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::Builder;
use super::network::Levels;
use super::pools::parse_prefix;
use crate::config::json::{Node, Position};
use crate::config::model::{Prefix4, Subnet4};
use crate::config::render;

impl Builder<'_> {
    /// `subnet4`, by ascending id.
    pub(super) fn subnets(&mut self, part: &Node) -> Vec<Arc<Subnet4>> {
        let global = [part];
        let global = Levels(&global);
        // Reported here even if no subnet inherits them.
        self.lifetime(global);
        self.timers(global);
        self.next_server(global);
        self.name_rules(global);
        let mut automatic = 0;
        let mut subnets: BTreeMap<u32, Arc<Subnet4>> = BTreeMap::new();
        let mut prefixes: BTreeMap<Prefix4, &Position> = BTreeMap::new();
        for node in part.list("subnet4").iter().filter(|node| node.as_map().is_some()) {
            let given = node.int("id").filter(|id| *id != 0);
            let id = given.unwrap_or_else(|| {
                automatic += 1;
                automatic
            });
            let Some(subnet) = self.subnet(node, id, part) else { continue };
            if let Some(before) = prefixes.insert(subnet.prefix, &node.at) {
                let Prefix4 { network, len } = subnet.prefix;
                let expected = format!("expected it once (before at {})", place(before));
                self.mistake(
                    &node.at,
                    format!("got subnet {network}/{len} a second time, {expected}"),
                );
            }
            if let Some(before) = subnets.insert(id, Arc::new(subnet)) {
                let how = if given.is_some() { "" } else { " (given automatically)" };
                let Prefix4 { network, len } = before.prefix;
                let expected = format!("expected another than that of {network}/{len}");
                let at = node.get("id").map_or(&node.at, |id| &id.at);
                self.mistake(at, format!("got subnet id {id}{how}, {expected}"));
            }
        }
        subnets.into_values().collect()
    }

    fn subnet(&mut self, node: &Node, id: u32, part: &Node) -> Option<Subnet4> {
        let prefix = self.prefix(node);
        let levels = [node, part];
        let levels = Levels(&levels);
        let pools = self.pools(node, prefix, levels);
        let own = [node];
        let lifetime = self.lifetime(levels);
        let (renew, rebind) = self.timers(levels);
        // A global one was reported before.
        self.next_server(Levels(&own));
        let next_server = levels.text("next-server").and_then(|text| text.parse().ok());
        let text = |key| levels.text(key).unwrap_or_default().to_owned();
        let interface = node.text("interface").filter(|name| !name.is_empty()).map(Into::into);
        let subnet = Subnet4 {
            id,
            prefix: prefix.unwrap_or(Prefix4 { network: Ipv4Addr::UNSPECIFIED, len: 0 }),
            relays: self.relays(node),
            interface,
            guard: self.guard(node),
            pools,
            options: self.options(node),
            lifetime,
            renew,
            rebind,
            match_client_id: levels.flag("match-client-id").unwrap_or(true),
            authoritative: levels.flag("authoritative").unwrap_or(false),
            next_server: next_server.unwrap_or(Ipv4Addr::UNSPECIFIED),
            server_hostname: text("server-hostname"),
            boot_file_name: text("boot-file-name"),
            names: self.name_rules(levels),
            user_context: render::user_context(node),
        };
        prefix.map(|_| subnet)
    }

    fn prefix(&mut self, node: &Node) -> Option<Prefix4> {
        let node = node.get("subnet")?;
        let prefix = parse_prefix(node.as_str()?);
        if prefix.is_none() {
            let found = node.describe();
            self.mistake(&node.at, format!("got subnet {found}, expected \"address/length\""));
        }
        prefix
    }

    fn relays(&mut self, node: &Node) -> Vec<Ipv4Addr> {
        let Some(relay) = node.get("relay") else { return Vec::new() };
        if let (Some(old), Some(_)) = (relay.entry("ip-address"), relay.get("ip-addresses")) {
            let message = "got \"ip-address\" beside \"ip-addresses\", expected one of them";
            self.mistake(&old.at, message);
        }
        let nodes = relay.get("ip-address").into_iter().chain(relay.list("ip-addresses"));
        let mut relays = Vec::new();
        for node in nodes {
            match node.as_str().map(str::parse) {
                Some(Ok(address)) => relays.push(address),
                Some(Err(_)) => {
                    let found = node.describe();
                    self.mistake(&node.at, format!("got relay {found}, expected an IPv4 address"));
                }
                None => {}
            }
        }
        relays
    }
}

fn place(at: &Position) -> String {
    format!("{}:{}.{}", at.file, at.line, at.column)
}
