//! The machine's notes as lines of the log, under Kea's message ids. Pure but for the log.

use engine::log;

use crate::machine::{CallError, Note, Relationship, State, ToPartner};

/// Logs one note of `server`'s machine.
pub(super) fn log(server: &str, machine: &Relationship, note: &Note) {
    let partner = machine.peers().partner().map_or("", |peer| &*peer.name);
    match note {
        Note::Transition { from, to, partner, updates } => {
            let (from, to) = (upper(from.name()), upper(to.name()));
            let seen = if partner.name().is_empty() { "undefined" } else { partner.name() };
            if machine.peers().is_active_pair() {
                let partner = upper(seen);
                log!(
                    HA_STATE_TRANSITION,
                    "{server}: server transitions from {from} to {to} state, partner state is {partner}"
                );
                log_updates(server, &to, updates.partner);
            } else {
                log!(
                    HA_STATE_TRANSITION_PASSIVE_BACKUP,
                    "{server}: server transitions from {from} to {to} state"
                );
            }
        }
        Note::StoodStill(span) => {
            log!(
                PEREGRINE_HA_STOOD_STILL,
                "{server}: stood still for {} s: {partner} may serve alone since",
                span.as_secs()
            );
        }
        Note::Paused(state) => {
            log!(HA_STATE_MACHINE_PAUSED, "{server}: paused in {}", upper(state.name()))
        }
        Note::Continued(state) => {
            log!(HA_STATE_MACHINE_CONTINUED, "{server}: continues from {}", upper(state.name()));
        }
        Note::Service { on: true, state } => {
            log!(HA_LOCAL_DHCP_ENABLE, "{server}: DHCP service is on in {}", upper(state.name()));
        }
        Note::Service { on: false, state } => {
            log!(HA_LOCAL_DHCP_DISABLE, "{server}: DHCP service is off in {}", upper(state.name()));
        }
        Note::Interrupted => {
            log!(
                HA_COMMUNICATION_INTERRUPTED,
                "{server}: communication with {partner} is interrupted"
            );
        }
        Note::ClientUnacked { unacked, left } => {
            log!(
                HA_COMMUNICATION_INTERRUPTED_CLIENT4_UNACKED,
                "{server}: {unacked} clients wait for {partner}, {left} more mean that it is down"
            );
        }
        Note::ClockSkew(_) | Note::ClockOffset(_) | Note::SkewTerminates(_) => {
            log_clocks(server, partner, note);
        }
        Note::RejectsTerminate(clients) => {
            log!(
                HA_LEASE_UPDATE_REJECTS_CAUSED_TERMINATION,
                "{server}: {partner} refused updates of {clients} clients"
            );
        }
        Note::Terminated => log!(HA_TERMINATED, "{server}: restart both servers"),
        Note::RestartPartner => {
            log!(HA_TERMINATED_RESTART_PARTNER, "{server}: restart {partner}, too")
        }
        Note::PartnerDidNotRestart => {
            log!(HA_TERMINATED_PARTNER_DID_NOT_RESTART, "{server}: {partner} was not restarted");
        }
        Note::InvalidPartnerState(state) => log_invalid_state(server, partner, *state),
        Note::SyncStarted => log!(HA_SYNC_START, "{server}: fetching the leases of {partner}"),
        Note::SyncSuccessful(done) => {
            log!(HA_SYNC_SUCCESSFUL, "{server}: fetched {} leases of {partner}", done.leases);
        }
        Note::BacklogStarted => {
            log!(HA_LEASES_BACKLOG_START, "{server}: sending delayed updates to {partner}")
        }
        Note::BacklogSent => {
            log!(HA_LEASES_BACKLOG_SUCCESS, "{server}: sent delayed updates to {partner}")
        }
        Note::MaintenanceStarted => {
            log!(HA_MAINTENANCE_STARTED, "{server}: {partner} may be stopped");
        }
        Note::MaintenanceStartedInPartnerDown => {
            log!(HA_MAINTENANCE_STARTED_IN_PARTNER_DOWN, "{server}: {partner} is stopped already");
        }
        Note::ShutdownSafe => {
            log!(HA_MAINTENANCE_SHUTDOWN_SAFE, "{server}: this server may be stopped")
        }
        Note::HeartbeatFailed(why)
        | Note::SyncFailed(why)
        | Note::BacklogFailed(why)
        | Note::ResetFailed(why)
        | Note::NotifyFailed { error: why, .. } => log_failure(server, partner, note, why),
    }
}

fn log_clocks(server: &str, partner: &str, note: &Note) {
    let text = |ahead: String| format!("{server}: the clock of {partner} is {ahead} ahead of ours");
    match note {
        Note::ClockSkew(s) => log!(HA_HIGH_CLOCK_SKEW, "{}", text(format!("{s} s"))),
        Note::ClockOffset(it) => {
            log!(PEREGRINE_HA_CLOCKS_APART, "{}", text(format!("{} ms", it.ms)));
        }
        Note::SkewTerminates(s) => {
            log!(HA_HIGH_CLOCK_SKEW_CAUSED_TERMINATION, "{}", text(format!("{s} s")));
        }
        _ => {}
    }
}

fn log_updates(server: &str, state: &str, policy: ToPartner) {
    match policy {
        ToPartner::Send => {
            log!(HA_LEASE_UPDATES_ENABLED, "{server}: lease updates are sent in {state}")
        }
        _ => log!(HA_LEASE_UPDATES_DISABLED, "{server}: lease updates are not sent in {state}"),
    }
}

fn log_invalid_state(server: &str, partner: &str, state: State) {
    match state {
        State::HotStandby => {
            log!(HA_INVALID_PARTNER_STATE_HOT_STANDBY, "{server}: {partner} is in {state}");
        }
        State::LoadBalancing => {
            log!(HA_INVALID_PARTNER_STATE_LOAD_BALANCING, "{server}: {partner} is in {state}");
        }
        _ => {
            log!(
                HA_INVALID_PARTNER_STATE_COMMUNICATION_RECOVERY,
                "{server}: {partner} is in {state}"
            );
        }
    }
}

fn log_failure(server: &str, partner: &str, note: &Note, why: &CallError) {
    let text = format!("{server}: {partner}: {why}");
    let unheard = matches!(why, CallError::Communication(_));
    match (note, unheard) {
        (Note::HeartbeatFailed(_), true) => log!(HA_HEARTBEAT_COMMUNICATIONS_FAILED, "{text}"),
        (Note::HeartbeatFailed(_), false) => log!(HA_HEARTBEAT_FAILED, "{text}"),
        (Note::BacklogFailed(_), true) => log!(HA_LEASES_BACKLOG_COMMUNICATIONS_FAILED, "{text}"),
        (Note::BacklogFailed(_), false) => log!(HA_LEASES_BACKLOG_FAILED, "{text}"),
        (Note::ResetFailed(_), true) => log!(HA_RESET_COMMUNICATIONS_FAILED, "{text}"),
        (Note::ResetFailed(_), false) => log!(HA_RESET_FAILED, "{text}"),
        (Note::NotifyFailed { cancel: false, .. }, true) => {
            log!(HA_MAINTENANCE_NOTIFY_COMMUNICATIONS_FAILED, "{text}");
        }
        (Note::NotifyFailed { cancel: false, .. }, false) => {
            log!(HA_MAINTENANCE_NOTIFY_FAILED, "{text}");
        }
        (Note::NotifyFailed { cancel: true, .. }, true) => {
            log!(HA_MAINTENANCE_NOTIFY_CANCEL_COMMUNICATIONS_FAILED, "{text}");
        }
        (Note::NotifyFailed { cancel: true, .. }, false) => {
            log!(HA_MAINTENANCE_NOTIFY_CANCEL_FAILED, "{text}");
        }
        _ => log!(HA_SYNC_FAILED, "{text}"),
    }
}

fn upper(state: &str) -> String {
    state.to_ascii_uppercase()
}
