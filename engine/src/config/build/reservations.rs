//! `reservations`, global and of subnets, and which of them count.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::Builder;
use super::network::Levels;
use crate::codec::options::encode_hex;
use crate::config::json::{Node, Position};
use crate::config::model::{ReservationScope, Subnet4};
use crate::hosts::{Details, GLOBAL, Host, Hosts, IdentifierKind};
use crate::lease::ClientId;

/// Values of `reservation-mode`.
const MODES: &[(&str, ReservationScope)] = &[
    ("all", ReservationScope { global: false, in_subnet: true, out_of_pool: false }),
    ("out-of-pool", ReservationScope { global: false, in_subnet: true, out_of_pool: true }),
    ("global", ReservationScope { global: true, in_subnet: false, out_of_pool: false }),
    ("disabled", ReservationScope { global: false, in_subnet: false, out_of_pool: false }),
    ("off", ReservationScope { global: false, in_subnet: false, out_of_pool: false }),
];

/// The keywords that came in the place of `reservation-mode`.
const FLAGS: [&str; 3] =
    ["reservations-global", "reservations-in-subnet", "reservations-out-of-pool"];

impl Levels<'_> {
    /// Which reservations count: each flag as the most specific map says that has it, or the old `reservation-mode`.
    pub(super) fn reservation_scope(self) -> ReservationScope {
        let usual = ReservationScope::default();
        let flag = |word: &str, of: fn(&ReservationScope) -> bool| {
            self.0.iter().find_map(|map| map.flag(word).or_else(|| mode(map).map(|mode| of(&mode))))
        };
        ReservationScope {
            global: flag(FLAGS[0], |mode| mode.global).unwrap_or(usual.global),
            in_subnet: flag(FLAGS[1], |mode| mode.in_subnet).unwrap_or(usual.in_subnet),
            out_of_pool: flag(FLAGS[2], |mode| mode.out_of_pool).unwrap_or(usual.out_of_pool),
        }
    }
}

fn mode(map: &Node) -> Option<ReservationScope> {
    scope_of_mode(map.text("reservation-mode")?)
}

/// What a value of `reservation-mode` means.
pub(in crate::config) fn scope_of_mode(word: &str) -> Option<ReservationScope> {
    MODES.iter().find(|(known, _)| *known == word).map(|(_, scope)| *scope)
}

/// What was found so far, to find repetitions.
#[derive(Default)]
struct Seen<'n> {
    hosts: Vec<Host>,
    identifiers: HashMap<(u32, IdentifierKind, ClientId), &'n Position>,
    addresses: HashMap<(u32, Ipv4Addr), &'n Position>,
    /// `ip-reservations-unique`.
    unique: bool,
}

impl Builder<'_> {
    /// All reservations. `subnets` are those of `part`.
    pub(super) fn hosts(&mut self, part: &Node, subnets: &[Arc<Subnet4>]) -> Arc<Hosts> {
        let unique = part.flag("ip-reservations-unique").unwrap_or(true);
        let mut seen = Seen { unique, ..Seen::default() };
        self.check_mode(part);
        for node in part.list("reservations") {
            self.reservation(node, None, &mut seen);
        }
        let by_prefix: HashMap<_, _> = subnets.iter().map(|it| (it.prefix, &**it)).collect();
        let networks = part.list("shared-networks");
        for holder in [part].into_iter().chain(networks) {
            if !std::ptr::eq(holder, part) {
                self.check_mode(holder);
            }
            for node in holder.list("subnet4") {
                self.check_mode(node);
                let prefix = node.text("subnet").and_then(super::parse_prefix);
                let Some(subnet) = prefix.and_then(|it| by_prefix.get(&it)) else { continue };
                for reservation in node.list("reservations") {
                    self.reservation(reservation, Some(subnet), &mut seen);
                }
            }
        }
        Arc::new(Hosts::new(seen.hosts))
    }

    /// `host-reservation-identifiers`.
    pub(super) fn host_identifiers(&mut self, part: &Node) -> Vec<IdentifierKind> {
        let Some(list) = part.get("host-reservation-identifiers") else {
            return IdentifierKind::USUAL.to_vec();
        };
        let mut kinds = Vec::new();
        for node in list.as_list().unwrap_or_default() {
            let Some(word) = node.as_str() else { continue };
            match IdentifierKind::ALL.into_iter().find(|kind| kind.word() == word) {
                Some(kind) if kinds.contains(&kind) => {
                    let message =
                        format!("got {} a second time, expected it once", node.describe());
                    self.mistake(&node.at, message);
                }
                Some(kind) => kinds.push(kind),
                None => {
                    let words: Vec<_> =
                        IdentifierKind::ALL.iter().map(|kind| kind.word()).collect();
                    let expected = format!("expected one of {}", words.join(", "));
                    self.mistake(&node.at, format!("got {}, {expected}", node.describe()));
                }
            }
        }
        if list.as_list().is_some_and(<[Node]>::is_empty) {
            self.mistake(
                &list.at,
                "got an empty list, expected identifiers such as \"hw-address\"",
            );
        }
        kinds
    }

    fn check_mode(&mut self, map: &Node) {
        let Some(entry) = map.entry("reservation-mode") else { return };
        let node = &entry.node;
        if mode(map).is_none() && node.as_str().is_some() {
            let words: Vec<_> = MODES.iter().map(|(word, _)| *word).collect();
            let expected = format!("expected one of {}", words.join(", "));
            let message = format!("got {} for \"reservation-mode\", {expected}", node.describe());
            self.mistake(&node.at, message);
        }
        if let Some(word) = FLAGS.iter().find(|word| map.get(word).is_some()) {
            let message =
                format!("got \"reservation-mode\" beside \"{word}\", expected one of them");
            self.mistake(&entry.at, message);
        }
    }

    fn reservation<'n>(&mut self, node: &'n Node, subnet: Option<&Subnet4>, seen: &mut Seen<'n>) {
        let levels = [node];
        let details = Details {
            options: self.options(node),
            classes: self.reserved_classes(node),
            next_server: self.next_server(Levels(&levels)).filter(|it| !it.is_unspecified()),
            server_hostname: node.text("server-hostname").unwrap_or_default().into(),
            boot_file_name: node.text("boot-file-name").unwrap_or_default().into(),
        };
        let address = self.reserved_address(node, subnet);
        let Some((kind, identifier)) = self.identifier(node) else { return };
        let host = Host {
            kind,
            identifier,
            subnet_id: subnet.map_or(GLOBAL, |subnet| subnet.id),
            address,
            hostname: node.text("hostname").unwrap_or_default().into(),
            details: details.is_some().then(|| Box::new(details)),
        };
        self.check_unique(node, &host, seen);
        seen.hosts.push(host);
    }

    fn check_unique<'n>(&mut self, node: &'n Node, host: &Host, seen: &mut Seen<'n>) {
        let key = (host.subnet_id, host.kind, host.identifier.clone());
        if let Some(before) = seen.identifiers.insert(key, &node.at) {
            let word = host.kind.word();
            let Position { line, column, .. } = before;
            let expected = format!("expected it once (before at {line}.{column})");
            let message =
                format!("got a second reservation for {word} {}, {expected}", host.identifier);
            self.mistake(&node.at, message);
        }
        let Some(address) = host.address.filter(|_| seen.unique) else { return };
        if let Some(before) = seen.addresses.insert((host.subnet_id, address), &node.at) {
            let Position { line, column, .. } = before;
            let expected = "expected one, or \"ip-reservations-unique\": false";
            let message = format!(
                "got a second reservation of {address} (before at {line}.{column}), {expected}"
            );
            self.mistake(&node.at, message);
        }
    }

    /// What the client is known by: exactly one identifier.
    fn identifier(&mut self, node: &Node) -> Option<(IdentifierKind, ClientId)> {
        let mut given = IdentifierKind::ALL
            .into_iter()
            .filter_map(|kind| Some((kind, node.entry(kind.word())?)));
        let Some((kind, entry)) = given.next() else {
            let words: Vec<_> = IdentifierKind::ALL.iter().map(|kind| kind.word()).collect();
            let expected = format!("expected one of {}", words.join(", "));
            self.mistake(&node.at, format!("got a reservation without identifier, {expected}"));
            return None;
        };
        if let Some((other, second)) = given.next() {
            let words = (kind.word(), other.word());
            let message = format!("got both {} and {} of a client, expected one", words.0, words.1);
            self.mistake(&second.at, message);
        }
        let text = entry.node.as_str()?;
        let quoted = text.trim().strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
        let bytes = match quoted {
            Some(quoted) => Some(quoted.as_bytes().to_vec()),
            None => encode_hex(text).ok(),
        };
        let most = kind.max_len();
        let found =
            bytes.filter(|bytes| bytes.len() <= most).and_then(|bytes| ClientId::new(&bytes));
        if found.is_none() {
            let expected = format!("expected 1 to {most} bytes in hexadecimal or 'text' in quotes");
            let message =
                format!("got {} for \"{}\", {expected}", entry.node.describe(), kind.word());
            self.mistake(&entry.node.at, message);
        }
        if kind == IdentifierKind::FlexId && self.first_flex_id.is_none() {
            self.first_flex_id = Some(entry.at.clone());
        }
        Some((kind, found?))
    }

    fn reserved_address(&mut self, node: &Node, subnet: Option<&Subnet4>) -> Option<Ipv4Addr> {
        let value = node.get("ip-address")?;
        let text = value.as_str().filter(|text| !text.is_empty())?;
        let address = text.parse().ok().filter(|it: &Ipv4Addr| !it.is_unspecified());
        let Some(address) = address.filter(|it| !it.is_broadcast()) else {
            let message = format!("got {}, expected an IPv4 address", value.describe());
            self.mistake(&value.at, message);
            return None;
        };
        if let Some(subnet) = subnet
            && !subnet.prefix.contains(address)
        {
            let prefix = subnet.prefix;
            let expected =
                format!("expected one inside the subnet {}/{}", prefix.network, prefix.len);
            self.mistake(&value.at, format!("got reserved address {address}, {expected}"));
        }
        Some(address)
    }

    fn reserved_classes(&mut self, node: &Node) -> Vec<crate::classify::ClassId> {
        let names = node.list("client-classes").iter().filter_map(Node::as_str);
        names.filter(|name| !name.is_empty()).map(|name| self.names.intern(name)).collect()
    }
}
