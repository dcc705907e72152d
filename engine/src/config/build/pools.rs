//! `pools` of a subnet.

use std::net::Ipv4Addr;

use super::Builder;
use super::network::Levels;
use crate::config::json::Node;
use crate::config::model::{Pool4, Prefix4};

impl Builder<'_> {
    /// `pools` by ascending addresses, which is the order in which they are used. Each lies in `prefix`, if that is
    /// known, and overlaps no other; it inherits from `levels`, the first of which is the subnet.
    pub(super) fn pools(
        &mut self,
        subnet: &Node,
        prefix: Option<Prefix4>,
        levels: Levels<'_>,
    ) -> Vec<Pool4> {
        let mut pools = Vec::new();
        let mut places = Vec::new();
        for node in subnet.list("pools") {
            let options = self.options(node);
            let guard = self.guard(node);
            let additional = self.additional(node);
            let Some(text) = node.get("pool") else { continue };
            let Some((first, last)) = self.range(text) else { continue };
            if let Some(prefix) = prefix
                && !(prefix.contains(first) && prefix.contains(last))
            {
                let expected =
                    format!("expected one inside the subnet {}/{}", prefix.network, prefix.len);
                self.mistake(&text.at, format!("got pool {first}-{last}, {expected}"));
            }
            places.push((first, last, text));
            let id = node.int("pool-id").unwrap_or(0);
            let levels: Vec<&Node> = [node].into_iter().chain(levels.0.iter().copied()).collect();
            let names = self.pool_name_rules(Levels(&levels));
            pools.push(Pool4 { first, last, guard, additional, options, id, names });
        }
        self.report_overlaps(places);
        pools.sort_by_key(|pool| pool.first);
        pools
    }

    /// `first - last`, or a prefix.
    fn range(&mut self, node: &Node) -> Option<(Ipv4Addr, Ipv4Addr)> {
        let text = node.as_str()?;
        let range = match (text.split_once('-'), parse_prefix(text)) {
            (Some((first, last)), _) => {
                first.trim().parse::<Ipv4Addr>().ok().zip(last.trim().parse::<Ipv4Addr>().ok())
            }
            (None, Some(prefix)) => Some((prefix.network, broadcast(prefix))),
            (None, None) => None,
        };
        match range {
            Some((first, last)) if first > last => {
                self.mistake(
                    &node.at,
                    format!("got pool {first}-{last}, expected the lower address first"),
                );
                None
            }
            Some(range) => Some(range),
            None => {
                let expected = "expected \"first - last\" or \"prefix/length\"";
                self.mistake(&node.at, format!("got pool {}, {expected}", node.describe()));
                None
            }
        }
    }

    fn report_overlaps(&mut self, mut places: Vec<(Ipv4Addr, Ipv4Addr, &Node)>) {
        places.sort_by_key(|(first, last, _)| (*first, *last));
        let mut reached: Option<(Ipv4Addr, Ipv4Addr, &Node)> = None;
        for place in places {
            if let Some(before) = reached
                && place.0 <= before.1
            {
                let (later, earlier) = if (place.2.at.line, place.2.at.column)
                    > (before.2.at.line, before.2.at.column)
                {
                    (place, before)
                } else {
                    (before, place)
                };
                let expected =
                    format!("expected none that overlaps pool {}-{}", earlier.0, earlier.1);
                self.mistake(&later.2.at, format!("got pool {}-{}, {expected}", later.0, later.1));
            }
            reached = reached.filter(|before| before.1 >= place.1).or(Some(place));
        }
    }
}

/// `network/length`; host bits are cut off, as Kea does.
pub(in crate::config) fn parse_prefix(text: &str) -> Option<Prefix4> {
    let (network, len) = text.split_once('/')?;
    let network: Ipv4Addr = network.trim().parse().ok()?;
    let len: u8 = len.trim().parse().ok().filter(|len| *len <= 32)?;
    let mask = Prefix4 { network, len }.mask();
    Some(Prefix4 { network: network & mask, len })
}

fn broadcast(prefix: Prefix4) -> Ipv4Addr {
    prefix.network | !prefix.mask()
}
