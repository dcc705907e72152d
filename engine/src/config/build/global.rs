//! The maps of the global level: sockets, threads, the lease file, reclamation.

use super::{Builder, placed};
use crate::config::json::Node;
use crate::config::model::{
    Compatibility, Dhcp4, ExpiredLeases, InterfaceSpec, Interfaces, LeaseChecks, LeaseDatabase,
    MultiThreading,
};
use crate::config::wire::{self, Depth, Kind, Shape, key};

/// Ours, in `multi-threading`, `user-context`.
const OUR_THREADS: Shape =
    Shape { name: "peregrine", groups: &[&[key("pin-threads", Kind::Flag)]], mandatory: &[] };

/// Ours, in `lease-database`, `user-context`.
const OUR_LEASES: Shape = Shape {
    name: "peregrine",
    groups: &[&[key("durability", Kind::Word(&["kernel", "disk"]))]],
    mandatory: &[],
};

impl Builder<'_> {
    /// Tells of settings that are understood and have no effect, where somebody may count on one.
    pub(super) fn without_effect(&mut self, dhcp4: &Node) {
        let inside = |map: &str, word: &str| dhcp4.get(map)?.entry(word);
        if let Some(entry) = inside("interfaces-config", "re-detect")
            && entry.node.as_bool() == Some(false)
        {
            let message =
                "\"re-detect\": false has no effect: interfaces are always looked at again";
            self.warning(&entry.at, message);
        }
        if let Some(entry) = inside("dhcp-queue-control", "enable-queue")
            && entry.node.as_bool() == Some(true)
        {
            let message =
                "\"enable-queue\" has no effect: packets always wait in the workers' queues";
            self.warning(&entry.at, message);
        }
    }

    /// What is not kept cannot be remembered.
    pub(super) fn warn_of_stash(&mut self, node: &Node, dhcp4: &Dhcp4) {
        if let Some(entry) = node.entry("stash-agent-options")
            && dhcp4.stash_agent_options
            && !dhcp4.subnets.iter().any(|subnet| subnet.store_extended_info)
        {
            let message = "\"stash-agent-options\" has no effect: leases keep what the relay said only \
                           with \"store-extended-info\"";
            self.warning(&entry.at, message);
        }
    }

    /// `interfaces-config`.
    pub(super) fn interfaces(&mut self, dhcp4: &Node) -> Interfaces {
        let defaults = Interfaces { raw: true, retry_wait_ms: 5000, ..Interfaces::default() };
        let Some(node) = dhcp4.get("interfaces-config") else { return defaults };
        let mut listen: Vec<InterfaceSpec> = Vec::new();
        for entry in node.list("interfaces") {
            let Some(spec) = self.interface(entry) else { continue };
            if listen.iter().any(|other| overlap(other, &spec)) {
                let message = format!(
                    "got {} a second time in interfaces, expected it once",
                    entry.describe()
                );
                self.mistake(&entry.at, message);
            }
            listen.push(spec);
        }
        let raw = node.text("dhcp-socket-type") != Some("udp");
        Interfaces {
            listen,
            raw,
            same_as_inbound: !raw && node.text("outbound-interface") != Some("use-routing"),
            require_all: node.flag("service-sockets-require-all").unwrap_or(false),
            max_retries: node.int("service-sockets-max-retries").unwrap_or(0),
            retry_wait_ms: node.int("service-sockets-retry-wait-time").unwrap_or(5000),
        }
    }

    fn interface(&mut self, entry: &Node) -> Option<InterfaceSpec> {
        let text = entry.as_str()?.trim();
        let expected = "expected \"*\", an interface or interface/address";
        if text.is_empty() {
            self.mistake(&entry.at, format!("got an empty interface name, {expected}"));
            return None;
        }
        match text.split_once('/') {
            None if text == "*" => Some(InterfaceSpec::All),
            None => Some(InterfaceSpec::Name(text.into())),
            Some((name, address)) => match (name.trim(), address.trim().parse()) {
                ("" | "*", _) | (_, Err(_)) => {
                    self.mistake(&entry.at, format!("got {}, {expected}", entry.describe()));
                    None
                }
                (name, Ok(address)) => Some(InterfaceSpec::Address(name.into(), address)),
            },
        }
    }

    /// `multi-threading`.
    pub(super) fn multi_threading(&mut self, dhcp4: &Node) -> MultiThreading {
        let node = dhcp4.get("multi-threading");
        let ours = self.ours(node, &OUR_THREADS);
        let flag = |key| node.and_then(|node| node.flag(key));
        MultiThreading {
            enabled: flag("enable-multi-threading").unwrap_or(true),
            thread_pool_size: node.and_then(|node| node.int("thread-pool-size")).unwrap_or(0),
            packet_queue_size: node.and_then(|node| node.int("packet-queue-size")).unwrap_or(64),
            pin_threads: ours.and_then(|ours| ours.flag("pin-threads")),
        }
    }

    /// `lease-database`.
    pub(super) fn lease_database(&mut self, dhcp4: &Node) -> LeaseDatabase {
        let node = dhcp4.get("lease-database");
        if let Some(kind) = node.and_then(|node| node.get("type"))
            && let Some(name @ ("mysql" | "postgresql")) = kind.as_str()
        {
            self.mistake(&kind.at, format!("not built yet: a lease database of type \"{name}\""));
        }
        let ours = self.ours(node, &OUR_LEASES);
        let name = node.and_then(|node| node.text("name")).filter(|name| !name.is_empty());
        LeaseDatabase {
            persist: node.and_then(|node| node.flag("persist")).unwrap_or(true),
            file: placed(&self.directories.data, name.unwrap_or("kea-leases4.csv")),
            lfc_interval_s: node.and_then(|node| node.int("lfc-interval")).unwrap_or(3600),
            max_row_errors: node.and_then(|node| node.int("max-row-errors")).unwrap_or(0),
            sync_to_disk: ours.and_then(|ours| ours.text("durability")) == Some("disk"),
        }
    }

    /// `"user-context": {"peregrine": {...}}` of a map, checked.
    fn ours<'n>(&mut self, node: Option<&'n Node>, shape: &Shape) -> Option<&'n Node> {
        let ours = node?.get("user-context")?.get("peregrine")?;
        wire::check(ours, shape, Depth::Built, &mut self.mistakes);
        Some(ours)
    }
}

/// `compatibility`.
pub(super) fn compatibility(dhcp4: &Node) -> Compatibility {
    let node = dhcp4.get("compatibility");
    let flag = |key| node.and_then(|node| node.flag(key)).unwrap_or(false);
    Compatibility {
        exclude_first_last_24: flag("exclude-first-last-24"),
        ignore_server_identifier: flag("ignore-dhcp-server-identifier"),
        ignore_link_selection: flag("ignore-rai-link-selection"),
        lenient: flag("lenient-option-parsing"),
    }
}

/// `lease-checks` of `sanity-checks`.
pub(super) fn lease_checks(dhcp4: &Node) -> LeaseChecks {
    match dhcp4.get("sanity-checks").and_then(|node| node.text("lease-checks")) {
        Some("none") => LeaseChecks::None,
        Some("fix") => LeaseChecks::Fix,
        Some("fix-del") => LeaseChecks::FixOrDelete,
        Some("del") => LeaseChecks::Delete,
        _ => LeaseChecks::Warn,
    }
}

/// `expired-leases-processing`.
pub(super) fn expired_leases(dhcp4: &Node) -> ExpiredLeases {
    let node = dhcp4.get("expired-leases-processing");
    let int = |key, default| node.and_then(|node| node.int(key)).unwrap_or(default);
    ExpiredLeases {
        reclaim_wait_s: int("reclaim-timer-wait-time", 10),
        flush_wait_s: int("flush-reclaimed-timer-wait-time", 25),
        hold_s: int("hold-reclaimed-time", 3600),
        max_leases: int("max-reclaim-leases", 100),
        max_time_ms: int("max-reclaim-time", 250),
        unwarned_cycles: int("unwarned-reclaim-cycles", 5),
    }
}

/// Whether both name one socket. `*` beside a name is allowed, as in Kea.
fn overlap(a: &InterfaceSpec, b: &InterfaceSpec) -> bool {
    use InterfaceSpec::{Address, Name};
    match (a, b) {
        (Name(a), Address(b, _)) | (Address(a, _), Name(b)) => a == b,
        _ => a == b,
    }
}
