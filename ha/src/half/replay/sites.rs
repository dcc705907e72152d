//! The recordings, and what the relationship was in each.

use super::recording::Exchange;
use super::stand::{Site, credentials, subnet};
use crate::io::listener::Rules;
use crate::machine::{Mode, Role};

macro_rules! recorded {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../tests/captures/", $name, ".jsonl")))
    };
}

/// Their names and lines.
pub(super) const RECORDINGS: [(&str, &str); 21] = [
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

/// The server that answered `exchange`.
pub(super) fn site(recording: &str, exchange: &Exchange) -> Site {
    let [.., place] = address(&exchange.to);
    let number = usize::from(place) - 1;
    let is_kea_3 = exchange.version == "3.3";
    let mut site = Site {
        index: 0,
        mode: Mode::LoadBalancing,
        this: ["server1", "server2", "server3"][number],
        peers: vec![("server1", Role::Primary), ("server2", Role::Secondary)],
        subnets: vec![subnet(1, [192, 0, 2, 0])],
        rules: Rules { credentials: None, restrict_commands: is_kea_3 },
    };
    if recording.starts_with("hot-standby") {
        site.mode = Mode::HotStandby;
        site.peers[1].1 = Role::Standby;
    }
    if recording.starts_with("hot-standby-with-backup") {
        site.peers.push(("server3", Role::Backup));
        site.rules.credentials = credentials(place);
    }
    if recording.starts_with("hot-standby-no-dedicated-listener") {
        site.rules.restrict_commands = false;
    }
    if recording.starts_with("passive-backup") {
        site.mode = Mode::PassiveBackup;
        site.peers[1].1 = Role::Backup;
    }
    if recording.starts_with("updates-rejected") {
        site.subnets = vec![subnet(number as u32 + 1, [192, 0, 2, 0])];
    }
    if recording.starts_with("hub-and-spoke") {
        hub_and_spoke(&mut site, &exchange.to);
    }
    site
}

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
