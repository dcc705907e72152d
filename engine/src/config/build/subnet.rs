//! One entry of `subnet4`, with what it inherits from the levels above.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::Builder;
use super::network::Levels;
use super::pools::parse_prefix;
use crate::config::json::Node;
use crate::config::model::{Allocator, LeaseCache, Network4, Prefix4, Subnet4};
use crate::config::render;

/// Kea 3's default.
const CACHE_THRESHOLD: f64 = 0.25;

impl Builder<'_> {
    /// One subnet, with what it inherits from the maps `above` it, the nearest first.
    pub(super) fn subnet(
        &mut self,
        node: &Node,
        id: u32,
        network: Option<&Arc<Network4>>,
        above: &[&Node],
    ) -> Option<Subnet4> {
        let prefix = self.prefix(node);
        let nodes: Vec<&Node> = [node].into_iter().chain(above.iter().copied()).collect();
        let levels = Levels(&nodes);
        let pools = self.pools(node, prefix, levels);
        let own = [node];
        let lifetime = self.lifetime(levels);
        let (renew, rebind) = self.timers(levels);
        // One further up was reported there.
        self.next_server(Levels(&own));
        let next_server = levels.filled_text("next-server").and_then(|text| text.parse().ok());
        let text = |key| levels.filled_text(key).unwrap_or_default().to_owned();
        let subnet = Subnet4 {
            id,
            prefix: prefix.unwrap_or(Prefix4 { network: Ipv4Addr::UNSPECIFIED, len: 0 }),
            network: network.cloned(),
            relays: self.relays(node),
            interface: interface(node),
            guard: self.guard(node),
            additional: self.additional(node),
            pools,
            options: self.options(node),
            lifetime,
            renew,
            rebind,
            match_client_id: levels.flag("match-client-id").unwrap_or(true),
            authoritative: levels.flag("authoritative").unwrap_or(false),
            allocator: allocator(levels),
            adaptive_threshold: adaptive_threshold(levels),
            cache: LeaseCache {
                threshold: Some(levels.real("cache-threshold").unwrap_or(CACHE_THRESHOLD)),
                max_age_s: levels.int("cache-max-age"),
            },
            offer_lifetime_s: levels.int("offer-lifetime").unwrap_or(0),
            store_extended_info: levels.flag("store-extended-info").unwrap_or(false),
            reservations: levels.reservation_scope(),
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

    /// `relay` of a subnet or shared network.
    pub(super) fn relays(&mut self, node: &Node) -> Vec<Ipv4Addr> {
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

fn allocator(levels: Levels<'_>) -> Allocator {
    match levels.text("allocator") {
        None | Some("iterative") => Allocator::Iterative,
        Some(_) => Allocator::Random,
    }
}

/// `adaptive-lease-time-threshold`; as in Kea the other allocators know none.
fn adaptive_threshold(levels: Levels<'_>) -> Option<f64> {
    let counts = matches!(levels.text("allocator"), Some("flq"));
    levels.real("adaptive-lease-time-threshold").filter(|share| counts && *share < 1.0)
}

/// `interface` of a subnet or shared network.
pub(super) fn interface(node: &Node) -> Option<String> {
    node.text("interface").filter(|name| !name.is_empty()).map(Into::into)
}
