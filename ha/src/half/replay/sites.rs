//! The recordings, and what the relationship was in each.

use super::recording::Exchange;
use super::stand::{Site, credentials, subnet};
use crate::io::listener::Rules;
use crate::machine::{Mode, Pause, Role, State};

macro_rules! recorded {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../tests/captures/", $name, ".jsonl")))
    };
}

/// What was asked over HTTP: names and lines.
pub(crate) const WIRE: [(&str, &str); 21] = [
    recorded!("communication-recovery-backlog-overflow-2.2"),
    recorded!("communication-recovery-backlog-overflow-3.3"),
    recorded!("communication-recovery-backlog-sent-2.2"),
    recorded!("communication-recovery-backlog-sent-3.3"),
    recorded!("hot-standby-no-dedicated-listener-2.2"),
    recorded!("hot-standby-no-dedicated-listener-3.3"),
    recorded!("hot-standby-with-backup-and-basic-auth-2.2"),
    recorded!("hot-standby-with-backup-and-basic-auth-3.3"),
    recorded!("hub-and-spoke-3.3"),
    recorded!("load-balancing-2.2"),
    recorded!("load-balancing-3.3"),
    recorded!("mixed-primary2.2-secondary3.3"),
    recorded!("mixed-primary3.3-secondary2.2"),
    recorded!("passive-backup-no-wait-2.2"),
    recorded!("passive-backup-wait-ack-2.2"),
    recorded!("passive-backup-wait-ack-3.3"),
    recorded!("paused-states-2.2"),
    recorded!("paused-states-3.3"),
    recorded!("updates-rejected-by-partner-2.2"),
    recorded!("updates-rejected-by-partner-3.3"),
    recorded!("updates-rejected-until-terminated-3.3"),
];

/// What was asked on control sockets.
pub(crate) const COMMANDS: [(&str, &str); 26] = [
    recorded!("admin-clock-skew-2.2"),
    recorded!("admin-clock-skew-3.3"),
    recorded!("admin-communication-recovery-2.2"),
    recorded!("admin-communication-recovery-3.3"),
    recorded!("admin-communication-recovery-overflow-2.2"),
    recorded!("admin-communication-recovery-overflow-3.3"),
    recorded!("admin-hot-standby-2.2"),
    recorded!("admin-hot-standby-3.3"),
    recorded!("admin-hub-and-spoke-3.3"),
    recorded!("admin-load-balancing-2.2"),
    recorded!("admin-load-balancing-3.3"),
    recorded!("admin-mixed-primary2.2"),
    recorded!("admin-mixed-primary3.3"),
    recorded!("admin-no-dedicated-listener-2.2"),
    recorded!("admin-no-dedicated-listener-3.3"),
    recorded!("admin-passive-backup-wait-ack-2.2"),
    recorded!("admin-passive-backup-wait-ack-3.3"),
    recorded!("admin-paused-states-2.2"),
    recorded!("admin-paused-states-3.3"),
    recorded!("admin-rejected-until-terminated-3.3"),
    recorded!("admin-updates-rejected-2.2"),
    recorded!("admin-updates-rejected-3.3"),
    recorded!("commands-2.2"),
    recorded!("commands-3.3"),
    recorded!("commands-all-lease-states-2.2"),
    recorded!("commands-all-lease-states-3.3"),
];

/// The server that answered `exchange`.
pub(super) fn site(recording: &str, exchange: &Exchange) -> Site {
    let recording = recording.trim_start_matches("admin-");
    let [.., place] = address(&exchange.to);
    let number = usize::from(place) - 1;
    let is_kea_3 = exchange.version == "3.3";
    let mut site = Site {
        index: 0,
        mode: Mode::LoadBalancing,
        this: ["server1", "server2", "server3"][number],
        peers: vec![("server1", Role::Primary), ("server2", Role::Secondary)],
        subnets: vec![subnet(1, [192, 0, 2, 0])],
        rules: Rules { credentials: Vec::new(), restrict_commands: is_kea_3 },
        pauses: Vec::new(),
        also: None,
    };
    let of = |names: &[&str]| names.iter().any(|name| recording.starts_with(name));
    if of(&["hot-standby", "no-dedicated-listener"]) {
        site.mode = Mode::HotStandby;
        site.peers[1].1 = Role::Standby;
    }
    if of(&["hot-standby-with-backup", "hot-standby-2.2", "hot-standby-3.3"]) {
        site.peers.push(("server3", Role::Backup));
        site.rules.credentials = credentials(place).into_iter().collect();
    }
    if of(&["hot-standby-no-dedicated-listener"]) {
        site.rules.restrict_commands = false;
    }
    if of(&["paused-states"]) {
        site.pauses = vec![(State::Waiting, Pause::Once), (State::LoadBalancing, Pause::Always)];
    }
    if of(&["passive-backup"]) {
        site.mode = Mode::PassiveBackup;
        site.peers[1].1 = Role::Backup;
    }
    if of(&["updates-rejected", "rejected-until-terminated"]) {
        site.subnets = vec![subnet(number as u32 + 1, [192, 0, 2, 0])];
    }
    if of(&["commands"]) {
        let lifetime = if of(&["commands-all-lease-states"]) { 3600 } else { 4000 };
        site.subnets[0].valid_lifetime_s = lifetime;
        site.subnets.push(subnet(10, [198, 51, 100, 0]));
    }
    if of(&["hub-and-spoke"]) {
        hub_and_spoke(&mut site, &exchange.to);
    }
    if exchange.place.starts_with("admin-hub-and-spoke") && exchange.to == HUB {
        let mut also = site.clone();
        hub_and_spoke(&mut also, "192.0.2.2:8001");
        site.also = Some(Box::new(also));
    }
    site
}

/// A relationship of no recording, in which the server of this role is called "this" and its partner "partner".
pub(super) fn any(mode: Mode, role: Role) -> Site {
    let (first, second) = match role {
        Role::Secondary | Role::Standby => ("partner", "this"),
        Role::Backup => ("first", "second"),
        Role::Primary => ("this", "partner"),
    };
    let mut peers = vec![(first, Role::Primary)];
    match mode {
        Mode::LoadBalancing => peers.push((second, Role::Secondary)),
        Mode::HotStandby => peers.push((second, Role::Standby)),
        Mode::PassiveBackup => {}
    }
    if role == Role::Backup {
        peers.push(("this", Role::Backup));
    }
    Site {
        index: 0,
        mode,
        this: "this",
        peers,
        subnets: Vec::new(),
        rules: Rules { credentials: Vec::new(), restrict_commands: true },
        pauses: Vec::new(),
        also: None,
    }
}

/// The hub, asked as server2.
const HUB: &str = "192.0.2.2:8000";

/// The hub is server2 to one branch and server4 to the other.
fn hub_and_spoke(site: &mut Site, to: &str) {
    site.mode = Mode::HotStandby;
    site.subnets = vec![subnet(1, [192, 0, 2, 0]), subnet(2, [198, 51, 100, 0])];
    site.peers = vec![("server1", Role::Primary), ("server2", Role::Standby)];
    if to == "192.0.2.2:8001" || to == "192.0.2.3:8000" {
        site.peers = vec![("server3", Role::Primary), ("server4", Role::Standby)];
    }
    if to == "192.0.2.2:8001" {
        (site.index, site.this) = (1, "server4");
    }
}

fn address(to: &str) -> [u8; 4] {
    let (address, _) = to.split_once(':').unwrap();
    address.parse::<std::net::Ipv4Addr>().unwrap().octets()
}
