//! What a run is about: mode, servers, clients, delays, faults to come; all of it drawn from the seed. Pure.

use std::sync::Arc;
use std::time::Duration;

use engine::config::model::Dhcp4;
use engine::lease::csv::Durability;

use super::clock::Error;
use super::dice::Dice;
use crate::family::Address;
use crate::machine::{Mode, Parameters, Pause, Peer, Peers, Role, State};

/// The id of the one subnet.
pub(super) const SUBNET_ID: u32 = 1;

/// The plan of a run.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) mode: Mode,
    pub(super) servers: Vec<Member>,
    pub(super) clients: usize,
    config: Arc<Dhcp4>,
    /// Until the world is healed.
    pub(super) trouble: Duration,
    /// What arrives within this time is taken together.
    pub(super) gathers: Duration,
    /// Whether a server may be another program when it is started again: a Kea in the place of a Peregrine, or the other
    /// way round.
    pub(super) replaces: bool,
    /// Threads that send lease updates to a peer.
    pub(super) senders: usize,
    pub(super) page_limit: u32,
    parameters: Parameters,
    other_config: Arc<Dhcp4>,
}

/// How a server is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setup {
    /// As the plan has it.
    Right,
    /// The other mode of a pair.
    OtherMode,
    /// Passive-backup: as its one active server, or as a backup.
    Lone,
    /// It lacks the subnet, and has another one.
    OtherSubnet,
}

/// A server of the plan.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: Arc<str>,
    pub(super) role: Role,
    pub(super) address: Address,
    pub(super) durability: Durability,
    pub(super) clock: Error,
    /// Speaks as a Kea 2.2 does.
    pub(super) is_kea: bool,
    /// Is a Peregrine that does not serve while its partner returns, and knows no halves of pools.
    pub(super) is_older: bool,
}

impl Plan {
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let mode = dice.pick(&[
            Mode::LoadBalancing,
            Mode::LoadBalancing,
            Mode::LoadBalancing,
            Mode::HotStandby,
            Mode::HotStandby,
            Mode::PassiveBackup,
        ]);
        let servers = members(mode, dice);
        let clients = dice.place(7) + 5;
        let lifetime_s = u32::try_from(dice.between(60, 300)).expect("small");
        let mut parameters = parameters(mode, &servers, dice);
        // Without a draw of its own, which would make every seed another run.
        parameters.wants_repair = clients.is_multiple_of(3);
        let pool = clients as u64 * dice.between(60, 180) / 100;
        let replaces = dice.chance(150);
        // With a Kea, a Peregrine that knows no halves, or a partner that is told nothing, a pool has to be divided.
        let tells = parameters.send_lease_updates && parameters.sync_leases;
        let knows_halves = !servers.iter().any(|it| it.is_kea || it.is_older);
        let whole = tells && !replaces && knows_halves && dice.chance(400);
        Self {
            config: Arc::new(config(mode, &servers, lifetime_s, (pool, whole), SUBNET_ID)),
            other_config: Arc::new(config(
                mode,
                &servers,
                lifetime_s,
                (pool, whole),
                SUBNET_ID + 1,
            )),
            gathers: Duration::from_millis(dice.pick(&[0, 0, 3, 20])),
            mode,
            servers,
            clients,
            trouble: Duration::from_secs(dice.between(2950, 4100)),
            senders: dice.place(4) + 1,
            replaces,
            page_limit: dice.pick(&[1, 2, 3, 5, 10, 1000]),
            parameters,
        }
    }

    /// The parameters of one server.
    pub(super) fn parameters(&self, server: usize, setup: Setup) -> Parameters {
        let own = &self.servers[server].name;
        let mut all = self.parameters.peers.all().to_vec();
        let mode = match (setup, self.mode) {
            (Setup::Right | Setup::OtherSubnet, mode) => mode,
            (Setup::OtherMode, Mode::LoadBalancing) => Mode::HotStandby,
            (Setup::OtherMode, Mode::HotStandby) => Mode::LoadBalancing,
            (Setup::OtherMode | Setup::Lone, _) => Mode::PassiveBackup,
        };
        for peer in &mut all {
            peer.role = match (mode, peer.role) {
                (Mode::LoadBalancing, Role::Standby) => Role::Secondary,
                (Mode::HotStandby, Role::Secondary) => Role::Standby,
                (Mode::PassiveBackup, Role::Secondary | Role::Standby) => Role::Backup,
                (_, role) => role,
            };
        }
        let peers = Peers::new(mode, own, all).expect("the roles fit the mode");
        let mut parameters = Parameters { peers, ..self.parameters.clone() };
        if mode != Mode::LoadBalancing {
            parameters.delayed_updates_limit = 0;
        }
        parameters.wait_backup_ack &= mode == Mode::PassiveBackup;
        parameters
    }

    /// The configuration of a server.
    pub(super) const fn config(&self, setup: Setup) -> &Arc<Dhcp4> {
        if matches!(setup, Setup::OtherSubnet) { &self.other_config } else { &self.config }
    }

    /// Whether the configuration wants leases not to be sent, or not to be fetched. Such a pair promises nothing beyond one
    /// server: each has its own addresses and clients, and does not take over from the other.
    pub(super) const fn forgets(&self) -> bool {
        !self.parameters.send_lease_updates || !self.parameters.sync_leases
    }

    /// Whether `takeover-delay` is shorter than leases may last.
    pub(super) fn takes_over_early(&self) -> bool {
        let lifetimes = self.config.subnets.iter().map(|subnet| subnet.lifetime.max_s);
        let longest = Duration::from_secs(lifetimes.max().unwrap_or_default().into());
        self.parameters.takeover_delay.is_some_and(|delay| delay < longest)
    }

    /// In how long a healed pair is back in normal operation.
    pub(super) fn patience(&self) -> Duration {
        let heartbeat = self.parameters.heartbeat_delay;
        self.parameters.max_response_delay * 2 + heartbeat * 12 + Duration::from_secs(180)
    }
}

fn members(mode: Mode, dice: &mut Dice) -> Vec<Member> {
    let other = match mode {
        Mode::LoadBalancing => Some(Role::Secondary),
        Mode::HotStandby => Some(Role::Standby),
        Mode::PassiveBackup => None,
    };
    let backups = match mode {
        Mode::PassiveBackup => dice.place(2) + 1,
        _ => usize::from(dice.chance(300)),
    };
    let mut roles = vec![Role::Primary];
    roles.extend(other);
    roles.extend(std::iter::repeat_n(Role::Backup, backups));
    let durability = dice.pick(&[Durability::Kernel, Durability::Disk]);
    let names = ["a", "b", "c"];
    let kea = if dice.chance(200) { dice.place(2) } else { names.len() };
    let older = if dice.chance(200) { dice.place(2) } else { names.len() };
    let member = |(place, role): (usize, Role)| Member {
        name: names[place].into(),
        role,
        address: Address::new(10, 0, 0, 1 + u8::try_from(place).expect("few")),
        durability,
        clock: Error::new(
            u32::try_from(dice.below(200)).expect("small"),
            i64::try_from(dice.below(20)).expect("small") - 10,
        ),
        is_kea: place == kea,
        is_older: place == older,
    };
    roles.into_iter().enumerate().map(member).collect()
}

fn parameters(mode: Mode, servers: &[Member], dice: &mut Dice) -> Parameters {
    let forgets = dice.below(50);
    let auto_failover = forgets > 1 && !dice.chance(50);
    let peer =
        |member: &Member| Peer { name: member.name.clone(), role: member.role, auto_failover };
    let peers = Peers::new(mode, &servers[0].name, servers.iter().map(peer).collect());
    let mut parameters = Parameters::defaults(peers.expect("the roles fit the mode"));
    parameters.heartbeat_delay = Duration::from_secs(dice.pick(&[5, 10, 20, 30, 30]));
    parameters.max_response_delay = Duration::from_secs(dice.pick(&[20, 40, 60]));
    parameters.max_ack_delay = Duration::from_secs(dice.pick(&[2, 5, 10]));
    parameters.max_unacked_clients = dice.pick(&[0, 0, 1, 2, 10]);
    parameters.max_rejected_lease_updates = dice.pick(&[0, 1, 2, 3, 10]);
    match forgets {
        0 => parameters.send_lease_updates = false,
        1 => parameters.sync_leases = false,
        _ => {}
    }
    parameters.sync_timeout = Duration::from_secs(dice.pick(&[10, 60]));
    if mode == Mode::LoadBalancing {
        parameters.delayed_updates_limit = dice.pick(&[0, 3, 10, 100]);
    }
    parameters.max_untold = dice.pick(&[2, 10, 65_536, 65_536]);
    parameters.takeover_delay =
        dice.pick(&[None, None, Some(0), Some(120)]).map(Duration::from_secs);
    parameters.wait_backup_ack = mode == Mode::PassiveBackup && dice.chance(500);
    if dice.chance(30) {
        let state = dice.pick(&State::ALL);
        parameters.pauses.insert(state, dice.pick(&[Pause::Once, Pause::Always]));
    }
    parameters
}

/// One subnet; in load-balancing, each of the pair has its pool, unless there is one `whole` one.
fn config(
    mode: Mode,
    servers: &[Member],
    lifetime_s: u32,
    (addresses, whole): (u64, bool),
    subnet_id: u32,
) -> Dhcp4 {
    let net = format!("10.0.{}", subnet_id - SUBNET_ID);
    let range = |from: u64, count: u64| format!("{net}.{from} - {net}.{}", from + count - 1);
    let pools = if mode == Mode::LoadBalancing && !whole {
        let half = addresses.div_ceil(2).max(2);
        let pool = |member: &Member, from| {
            let range = range(from, half);
            format!(r#"{{"pool": "{range}", "client-class": "HA_{}"}}"#, member.name)
        };
        format!("{}, {}", pool(&servers[0], 100), pool(&servers[1], 180))
    } else {
        format!(r#"{{"pool": "{}"}}"#, range(100, addresses.max(2)))
    };
    let text = format!(
        r#"{{"Dhcp4": {{
            "interfaces-config": {{"interfaces": []}},
            "lease-database": {{"type": "memfile", "persist": false}},
            "valid-lifetime": {lifetime_s},
            "decline-probation-period": 120,
            "sanity-checks": {{"lease-checks": "fix"}},
            "expired-leases-processing": {{"hold-reclaimed-time": 300}},
            "subnet4": [{{"id": {subnet_id}, "subnet": "{net}.0/24", "pools": [{pools}]}}]
        }}}}"#
    );
    let read = engine::config::parse_text(&text, "plan");
    read.expect("the plan's configuration is in order").dhcp4.expect("it has the part")
}
