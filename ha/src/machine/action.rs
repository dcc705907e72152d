//! What goes in and out of the machine: outcomes of calls, things to be done, things worth a line
//! in the log. Pure data.

use super::announced::Offset;
use super::gives::Gives;
use super::parameters::Scopes;
use super::state::{Seen, State};
use std::time::Duration;

/// How a call to the partner failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No connection, no answer in time, or no HTTP.
    #[error("{0}")]
    Communication(String),
    /// The partner answered with an error.
    #[error("{text}, error code {result}")]
    Refused {
        /// Its result code.
        result: i64,
        /// Its text.
        text: String,
    },
    /// The answer is not of the expected shape.
    #[error("{0}")]
    Malformed(String),
}

/// What became of a client's lease update at the partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// Applied.
    Success,
    /// Refused because the partner holds another view of the lease (result 4).
    Conflict,
    /// Anything else that is not applied.
    Failure(CallError),
}

/// A synchronisation that went to its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SyncDone {
    /// Leases received.
    pub leases: u64,
}

/// A synchronisation to be done (the order of its requests is [`super::sync::Transfer`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncOrder {
    /// Whose leases: the place of a peer in [`super::Peers::all`].
    pub server: usize,
    /// `max-period` of dhcp-disable in seconds; none if an administrator gave none.
    pub max_period_s: Option<u32>,
    /// Whether ha-sync asked for it and waits for its answer ([`Action::AnswerSync`]).
    pub administrator: bool,
    /// Whether this server served until it began: neither server's leases alone are the truth, and both may fetch at once.
    pub served: bool,
    /// Whether the peer goes on serving meanwhile, and hands over at the end.
    pub serving: bool,
}

/// An ha-maintenance-notify to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Whether the maintenance ends.
    pub cancel: bool,
    /// `state`: the state this server is in, or returns to.
    pub state: State,
    /// Whether it says once more what was said before: no command waits for its answer.
    pub repeated: bool,
}

/// The partner's answer to ha-maintenance-notify, whatever its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifyAnswer {
    /// Its result code.
    pub result: i64,
    /// Its text.
    pub text: String,
    /// `state` of its arguments (Kea 3, when a maintenance ends).
    pub state: Option<State>,
}

/// What becomes of a lease update for the partner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToPartner {
    /// Nothing: there is no partner, or updates are switched off.
    #[default]
    Nothing,
    /// Sent, and the reply waits for it.
    Send,
    /// Kept for later (`delayed-updates-limit`); the reply does not wait.
    Queue,
    /// Not sent, but counted ([`super::Relationship::handle_unsent`]).
    Count,
}

/// What becomes of a lease update for the backups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToBackups {
    /// Nothing: this is a backup, or updates are switched off.
    #[default]
    Nothing,
    /// Sent; the reply does not wait.
    Send,
    /// Sent, and the reply waits for it (`wait-backup-ack`).
    SendAndWait,
}

/// What becomes of a lease update.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpdatePolicy {
    /// For the partner.
    pub partner: ToPartner,
    /// For each backup.
    pub backups: ToBackups,
}

/// Everything that the packet path has to know of a relationship.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Scopes served.
    pub scopes: Scopes,
    /// Communication is interrupted: the partner's clients are watched.
    pub watching: bool,
    /// The partner may take over while this server serves its own clients: one that was cut off from them as well asks
    /// the partner before it serves them again.
    pub wary: bool,
    /// What becomes of lease updates.
    pub updates: UpdatePolicy,
    /// The partner tells nothing any more (terminated): only leases of clients in the scopes are cleaned up here.
    pub own_leases_only: bool,
    /// The partner may have renewed leases of which it has not told: one of the two is in communication-recovery, or the
    /// partner was when it was last heard.
    pub apart: bool,
    /// Which addresses of pools that are open to both servers' clients are given.
    pub gives: Gives,
}

/// Something to be done by the driver, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Send ha-heartbeat; ends with `handle_heartbeat`.
    SendHeartbeat,
    /// Fetch the partner's leases; ends with `handle_sync`. Never ordered twice at once.
    StartSync(SyncOrder),
    /// Answer the ha-sync that waits.
    AnswerSync(engine::control::Answer),
    /// Send the delayed updates; ends with `handle_backlog_sent`.
    SendBacklog,
    /// Tell which leases ended while the partner was away; ends with `handle_backlog_sent`.
    SendDeletions,
    /// Forget the delayed updates.
    ClearBacklog,
    /// Send ha-reset; ends with `handle_reset_answer`.
    SendReset,
    /// Send ha-maintenance-notify; ends with `handle_maintenance_answer`.
    SendMaintenanceNotify(Notification),
    /// Tell the packet path: [`crate::gate::Gate::publish`].
    Publish(Standing),
    /// Switch the service on or off for the local origin of the relationship. May repeat what
    /// already is.
    SetService(bool),
    /// Take back what the partner switched off with dhcp-disable: the origin it names, or, without
    /// one, whatever it switched off.
    ReleaseRemoteOrigin(Option<u32>),
    /// Log it.
    Note(Note),
}

/// Something worth a line in the log; each names Kea's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// PEREGRINE_HA_STOOD_STILL: for so long.
    StoodStill(Duration),
    /// HA_STATE_TRANSITION (HA_STATE_TRANSITION_PASSIVE_BACKUP without a partner), and
    /// HA_LEASE_UPDATES_ENABLED or _DISABLED by `updates`.
    Transition {
        /// The state that was left.
        from: State,
        /// The state that was entered.
        to: State,
        /// What was known of the partner.
        partner: Seen,
        /// What becomes of lease updates from now on.
        updates: UpdatePolicy,
    },
    /// HA_STATE_MACHINE_PAUSED.
    Paused(State),
    /// HA_STATE_MACHINE_CONTINUED.
    Continued(State),
    /// HA_LOCAL_DHCP_ENABLE or HA_LOCAL_DHCP_DISABLE.
    Service {
        /// Whether it was switched on.
        on: bool,
        /// The state in which it was.
        state: State,
    },
    /// HA_HEARTBEAT_COMMUNICATIONS_FAILED or HA_HEARTBEAT_FAILED.
    HeartbeatFailed(CallError),
    /// HA_COMMUNICATION_INTERRUPTED: nothing was heard for max-response-delay.
    Interrupted,
    /// HA_COMMUNICATION_INTERRUPTED_CLIENT4_UNACKED: one more client waits for the partner.
    ClientUnacked {
        /// Unacked clients by now.
        unacked: usize,
        /// Clients that may still be unacked before the partner is considered down.
        left: u64,
    },
    /// HA_HIGH_CLOCK_SKEW, in seconds, the partner's clock less ours.
    ClockSkew(i64),
    /// PEREGRINE_HA_CLOCKS_APART: by how much, long before it ends anything.
    ClockOffset(Offset),
    /// HA_HIGH_CLOCK_SKEW_CAUSED_TERMINATION.
    SkewTerminates(i64),
    /// HA_LEASE_UPDATE_REJECTS_CAUSED_TERMINATION, with the number of clients.
    RejectsTerminate(usize),
    /// HA_TERMINATED: restart both servers.
    Terminated,
    /// HA_TERMINATED_RESTART_PARTNER: this server was restarted, the partner was not.
    RestartPartner,
    /// HA_TERMINATED_PARTNER_DID_NOT_RESTART, for ten minutes.
    PartnerDidNotRestart,
    /// HA_INVALID_PARTNER_STATE_*: the partner is in a state that this mode does not have.
    InvalidPartnerState(State),
    /// HA_SYNC_START.
    SyncStarted,
    /// HA_SYNC_SUCCESSFUL.
    SyncSuccessful(SyncDone),
    /// HA_SYNC_FAILED.
    SyncFailed(CallError),
    /// HA_LEASES_BACKLOG_START.
    BacklogStarted,
    /// HA_LEASES_BACKLOG_SUCCESS.
    BacklogSent,
    /// HA_LEASES_BACKLOG_COMMUNICATIONS_FAILED or HA_LEASES_BACKLOG_FAILED.
    BacklogFailed(CallError),
    /// HA_RESET_COMMUNICATIONS_FAILED or HA_RESET_FAILED.
    ResetFailed(CallError),
    /// HA_MAINTENANCE_STARTED: the partner may be shut down.
    MaintenanceStarted,
    /// HA_MAINTENANCE_STARTED_IN_PARTNER_DOWN.
    MaintenanceStartedInPartnerDown,
    /// HA_MAINTENANCE_SHUTDOWN_SAFE: this server may be shut down.
    ShutdownSafe,
    /// HA_MAINTENANCE_NOTIFY_* or HA_MAINTENANCE_NOTIFY_CANCEL_* (COMMUNICATIONS_FAILED, FAILED).
    NotifyFailed {
        /// Whether it was a cancellation.
        cancel: bool,
        /// Why.
        error: CallError,
    },
}
