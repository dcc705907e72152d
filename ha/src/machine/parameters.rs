//! What a relationship is built from: its mode, its peers and its delays. Pure. Must not know JSON:
//! [`crate::config`] converts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::limits::MAX_PEERS;
use super::state::State;
use crate::limits::MAX_UNTOLD;

/// How the servers share the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Two servers, each with half of the clients.
    LoadBalancing,
    /// One server works, the other is ready to.
    HotStandby,
    /// One server works; backups only take its updates.
    PassiveBackup,
}

impl Mode {
    /// Its name in configurations and in status-get.
    pub const fn name(self) -> &'static str {
        match self {
            Mode::LoadBalancing => "load-balancing",
            Mode::HotStandby => "hot-standby",
            Mode::PassiveBackup => "passive-backup",
        }
    }

    /// The mode of that name.
    pub fn named(name: &str) -> Option<Self> {
        let all = [Mode::LoadBalancing, Mode::HotStandby, Mode::PassiveBackup];
        all.into_iter().find(|mode| mode.name() == name)
    }

    /// The state of normal operation.
    pub const fn normal(self) -> State {
        match self {
            Mode::LoadBalancing => State::LoadBalancing,
            Mode::HotStandby => State::HotStandby,
            Mode::PassiveBackup => State::PassiveBackup,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a server is in its relationship.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The one that goes first.
    Primary,
    /// The other one of a load-balancing pair.
    Secondary,
    /// The other one of a hot-standby pair.
    Standby,
    /// Takes updates only.
    Backup,
}

impl Role {
    /// Its name in configurations and in status-get.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Primary => "primary",
            Role::Secondary => "secondary",
            Role::Standby => "standby",
            Role::Backup => "backup",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One server of a relationship.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its name, which is also the name of its scope.
    pub name: Arc<str>,
    /// Its role.
    pub role: Role,
    /// Whether it serves the partner's clients when the partner is down.
    pub auto_failover: bool,
}

/// A set of scopes: bit n is the peer of place n in [`Peers::all`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u32);

impl Scopes {
    /// No scope.
    pub const NONE: Self = Self(0);

    /// Whether the scope of the peer at `place` is in it.
    pub const fn contains(self, place: usize) -> bool {
        place < MAX_PEERS && self.0 & (1 << place) != 0
    }

    /// The same set and the scope of the peer at `place`.
    ///
    /// # Panics
    /// If `place` is no peer's.
    #[must_use]
    pub const fn with(self, place: usize) -> Self {
        assert!(place < MAX_PEERS, "a place is below the number of peers");
        Self(self.0 | 1 << place)
    }

    /// Whether it is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

/// The servers of a relationship, with the roles that its mode asks for: checked once, by
/// [`Peers::new`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peers {
    mode: Mode,
    all: Vec<Peer>,
    local: usize,
    primary: usize,
    /// The secondary or the standby.
    other: Option<usize>,
}

/// Why servers make no relationship.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeersError {
    /// `this-server-name` is not among the peers.
    #[error("this server's name '{0}' matches no peer")]
    NotAPeer(String),
    /// A name is used twice.
    #[error("peer name '{0}' is used more than once")]
    Twice(Arc<str>),
    /// A role appears too often, too rarely or in a mode that does not have it.
    #[error("{found} peer(s) with role {role} in mode {mode}: expected {expected}")]
    Roles {
        /// The mode.
        mode: Mode,
        /// The role.
        role: Role,
        /// How many peers have it.
        found: usize,
        /// How many should.
        expected: usize,
    },
    /// More than [`MAX_PEERS`].
    #[error("{0} peers: expected at most {MAX_PEERS}")]
    TooMany(usize),
}

impl Peers {
    /// Checks the roles against the mode (Kea guide, "Load Balancing Configuration" and its
    /// neighbours). The order of the peers becomes that of their names.
    pub fn new(mode: Mode, this_server: &str, mut all: Vec<Peer>) -> Result<Self, PeersError> {
        all.sort_by(|a, b| a.name.cmp(&b.name));
        if all.len() > MAX_PEERS {
            return Err(PeersError::TooMany(all.len()));
        }
        if let Some(pair) = all.windows(2).find(|pair| pair[0].name == pair[1].name) {
            return Err(PeersError::Twice(Arc::clone(&pair[0].name)));
        }
        let expected = match mode {
            Mode::LoadBalancing => [1, 1, 0],
            Mode::HotStandby => [1, 0, 1],
            Mode::PassiveBackup => [1, 0, 0],
        };
        for (role, expected) in
            [Role::Primary, Role::Secondary, Role::Standby].into_iter().zip(expected)
        {
            let found = all.iter().filter(|peer| peer.role == role).count();
            if found != expected {
                return Err(PeersError::Roles { mode, role, found, expected });
            }
        }
        let local = place_of(&all, |peer| &*peer.name == this_server)
            .ok_or_else(|| PeersError::NotAPeer(this_server.to_owned()))?;
        let primary = place_of(&all, |peer| peer.role == Role::Primary).expect("counted above");
        let other = place_of(&all, |peer| matches!(peer.role, Role::Secondary | Role::Standby));
        Ok(Self { mode, all, local, primary, other })
    }

    /// The mode they were checked for.
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// All of them, in the order of their names; a place is an index into this.
    pub fn all(&self) -> &[Peer] {
        &self.all
    }

    /// This server.
    pub fn local(&self) -> &Peer {
        &self.all[self.local]
    }

    /// The other active server: none in passive-backup. A backup's partner is the first active one.
    pub fn partner(&self) -> Option<&Peer> {
        let place = if self.local == self.primary { self.other? } else { self.primary };
        Some(&self.all[place])
    }

    /// Whether this server exchanges heartbeats with a partner: it has one and is no backup.
    pub fn is_active_pair(&self) -> bool {
        self.local().role != Role::Backup && self.partner().is_some()
    }

    /// The place of the peer called `name`.
    pub fn place(&self, name: &str) -> Option<usize> {
        place_of(&self.all, |peer| &*peer.name == name)
    }

    /// The place of the primary.
    pub const fn primary(&self) -> usize {
        self.primary
    }

    /// Whose client it is: the place of a peer. `None` if the mode shares clients and there is no
    /// key.
    pub fn balanced(&self, key: Option<&[u8]>) -> Option<usize> {
        match (self.mode, self.other) {
            (Mode::LoadBalancing, Some(other)) => {
                Some(if super::hash(key?).is_multiple_of(2) { self.primary } else { other })
            }
            _ => Some(self.primary),
        }
    }

    /// What this server serves when all is well.
    pub fn default_scopes(&self) -> Scopes {
        match self.local().role {
            Role::Primary | Role::Secondary => Scopes::NONE.with(self.local),
            Role::Standby | Role::Backup => Scopes::NONE,
        }
    }

    /// What a server serves that is alone: the scopes of the primary and of the secondary.
    pub fn failover_scopes(&self) -> Scopes {
        let scopes = Scopes::NONE.with(self.primary);
        match self.other {
            Some(place) if self.all[place].role == Role::Secondary => scopes.with(place),
            _ => scopes,
        }
    }

    /// The names of `scopes`, ascending.
    pub fn scope_names(&self, scopes: Scopes) -> Vec<Arc<str>> {
        let served = self.all.iter().enumerate().filter(|(place, _)| scopes.contains(*place));
        served.map(|(_, peer)| Arc::clone(&peer.name)).collect()
    }
}

fn place_of(peers: &[Peer], is: impl Fn(&Peer) -> bool) -> Option<usize> {
    peers.iter().position(is)
}

/// Whether the machine stops on entering a state (`state-machine` in the configuration).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pause {
    /// No.
    #[default]
    Never,
    /// The first time.
    Once,
    /// Each time.
    Always,
}

/// What a relationship is told by the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// The servers.
    pub peers: Peers,
    /// `heartbeat-delay`: from the end of a heartbeat to the next; zero for none.
    pub heartbeat_delay: Duration,
    /// `max-response-delay`: silence of more than this is an interruption.
    pub max_response_delay: Duration,
    /// `max-ack-delay`: a client that has waited for more than this is unacked.
    pub max_ack_delay: Duration,
    /// `max-unacked-clients`: more than so many mean that the partner is down; 0 asks for none.
    pub max_unacked_clients: u32,
    /// `max-rejected-lease-updates`: so many clients with refused updates end the relationship; 0
    /// for never.
    pub max_rejected_lease_updates: u32,
    /// `send-lease-updates`.
    pub send_lease_updates: bool,
    /// `sync-leases`.
    pub sync_leases: bool,
    /// `sync-timeout`: for one page; its whole seconds are the `max-period` of dhcp-disable.
    pub sync_timeout: Duration,
    /// `delayed-updates-limit`: updates kept while the partner is silent; 0 means that
    /// communication-recovery is not used.
    pub delayed_updates_limit: u32,
    /// Addresses whose newest change is kept for a Peregrine that is away (not configured).
    pub max_untold: usize,
    /// `wait-backup-ack`.
    pub wait_backup_ack: bool,
    /// `clock-skew` is `tolerate` (not Kea's): clocks that are far apart do not end a pair of Peregrines that both say so.
    pub tolerates_skew: bool,
    /// `takeover-delay` (not Kea's): how long a partner has to be down before its half of shared pools is given; none: the
    /// longest lifetime and [`OTHER_WRITER_HOLD_S`](engine::limits::OTHER_WRITER_HOLD_S) seconds.
    pub takeover_delay: Option<Duration>,
    /// `conflict-resolution` is `repair` (not Kea's): refused updates do not end a pair of Peregrines that both say so; what
    /// the two have is compared instead.
    pub wants_repair: bool,
    /// `state-machine`: states that stop the machine.
    pub pauses: BTreeMap<State, Pause>,
}

impl Parameters {
    /// Kea's defaults for `peers`.
    pub fn defaults(peers: Peers) -> Self {
        let delayed_updates_limit = if peers.mode == Mode::LoadBalancing { 100 } else { 0 };
        Self {
            peers,
            heartbeat_delay: Duration::from_secs(10),
            max_response_delay: Duration::from_secs(60),
            max_ack_delay: Duration::from_secs(10),
            max_unacked_clients: 10,
            max_rejected_lease_updates: 10,
            send_lease_updates: true,
            sync_leases: true,
            sync_timeout: Duration::from_secs(60),
            delayed_updates_limit,
            max_untold: MAX_UNTOLD,
            wait_backup_ack: false,
            tolerates_skew: false,
            takeover_delay: None,
            wants_repair: false,
            pauses: BTreeMap::new(),
        }
    }

    /// Whether a Peregrine that returns may fetch the leases while this server serves, and this one so at it.
    pub const fn serves_returning(&self) -> bool {
        self.send_lease_updates && self.sync_leases
    }

    /// Seconds for which a synchronisation switches the partner's service off: at least one.
    pub fn sync_period_s(&self) -> u32 {
        u32::try_from(self.sync_timeout.as_secs()).unwrap_or(u32::MAX).max(1)
    }
}
