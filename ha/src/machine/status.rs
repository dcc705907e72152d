//! What status-get and ha-heartbeat tell of a relationship. Pure data; [`crate::wire`] makes JSON
//! of it.

use std::sync::Arc;

use super::parameters::{Mode, Role};
use super::state::{Seen, State};

/// The answer to ha-heartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeartbeatStatus {
    /// `date-time`: seconds since 1970-01-01 UTC.
    pub wall_s: u64,
    /// `scopes`: names, ascending.
    pub scopes: Vec<Arc<str>>,
    /// `state`.
    pub state: State,
    /// `unsent-update-count`.
    pub unsent_updates: u64,
}

/// One entry of `high-availability` in status-get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// `ha-mode`.
    pub mode: Mode,
    /// `ha-servers.local`.
    pub local: LocalStatus,
    /// `ha-servers.remote`; none for a backup and in passive-backup.
    pub remote: Option<RemoteStatus>,
    /// Why it is in its state (not in Kea's answer).
    pub words: Words,
}

/// A server's state in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// Why it is in its state.
    pub why: String,
    /// What it waits for to leave it.
    pub waits_for: String,
    /// Seconds since it entered it.
    pub since_s: u64,
}

/// This server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalStatus {
    /// `role`.
    pub role: Role,
    /// `scopes`: names, ascending.
    pub scopes: Vec<Arc<str>>,
    /// `server-name`.
    pub server_name: Arc<str>,
    /// `state`.
    pub state: State,
    /// `system-time`: our wall clock at the last heartbeat, seconds since 1970; none if it failed.
    pub system_time_s: Option<u64>,
    /// Whether the machine is paused (not in Kea's answer).
    pub paused: bool,
}

/// The partner, as last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteStatus {
    /// `age`: seconds since the last successful heartbeat; 0 if not in touch.
    pub age_s: u64,
    /// `analyzed-packets`.
    pub analyzed_packets: u64,
    /// `clock-skew` in seconds, the partner's clock less ours; none if the last heartbeat failed.
    pub clock_skew_s: Option<i64>,
    /// `communication-interrupted`.
    pub communication_interrupted: bool,
    /// `connecting-clients`.
    pub connecting_clients: usize,
    /// `in-touch`: whether any heartbeat has ended, well or not.
    pub in_touch: bool,
    /// `last-scopes`.
    pub last_scopes: Vec<String>,
    /// `last-state`.
    pub last_state: Seen,
    /// `role`.
    pub role: Role,
    /// `server-name`.
    pub server_name: Arc<str>,
    /// `system-time`: its wall clock at the last heartbeat, seconds since 1970.
    pub system_time_s: Option<u64>,
    /// `unacked-clients`.
    pub unacked_clients: usize,
    /// `unacked-clients-left`.
    pub unacked_clients_left: u64,
}
