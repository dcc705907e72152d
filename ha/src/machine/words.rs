//! A server's state for people: why it is in it, and what it waits for. Pure.

use engine::clock::{Mono, Now};

use super::parameters::{Mode, Role};
use super::relationship::Relationship;
use super::stage::{Alone, Flush, Recovery, Stage};
use super::state::{Seen, State};
use super::status::Words;

/// Why a state was entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The server was started.
    Started,
    /// A row of the rule table, by its name.
    Row(&'static str),
    /// Something else, in words.
    Did(&'static str),
}

/// When and why the present state was entered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entered {
    pub(super) since: Mono,
    pub(super) cause: Cause,
    /// The partner's clock less ours at that time.
    pub(super) skew_s: Option<i64>,
}

impl Entered {
    pub(super) const fn at(since: Mono) -> Self {
        Self { since, cause: Cause::Started, skew_s: None }
    }
}

/// What the rows that lead to a state mean; `{}` is the partner's name.
const ROWS: &[(&str, &str)] = &[
    ("backup", "its role is backup"),
    ("passive-backup", "it has no partner, only backups"),
    (
        "skewed-untold",
        "the clocks are too far apart, and {} changed leases that are to be fetched first",
    ),
    (
        "skewed-untold-works",
        "the clocks are too far apart, and {} changed leases that are to be fetched first",
    ),
    ("skewed", "the clocks were more than 60 s apart"),
    ("rejected", "{} refused the updates of max-rejected-lease-updates clients"),
    ("foreign-recovery", "{} is in a state that this server's mode does not have"),
    ("foreign-load-balancing", "{} is configured for load-balancing, this server is not"),
    ("foreign-hot-standby", "{} is configured for hot-standby, this server is not"),
    ("follow-untold", "{} is terminated, and changed leases that are to be fetched first"),
    ("follow", "{} is terminated"),
    ("not-restarted", "{} stayed terminated for ten minutes"),
    (
        "down",
        "{} was silent for longer than max-response-delay, and nothing spoke against its failure",
    ),
    ("wait-over", "{} was heard, and has leases"),
    ("wait-over-no-sync", "{} was heard, and sync-leases is off"),
    ("go-first", "both servers were waiting, and the primary goes first"),
    (
        "go-first-no-sync",
        "both servers were waiting, the primary goes first, and sync-leases is off",
    ),
    ("ready-first", "both servers were ready"),
    ("ready-untold", "{} changed leases after they were fetched"),
    ("ready-second", "{} is in normal operation"),
    ("partner-leaves", "{} is in maintenance"),
    ("asked-to-leave", "{} took over for a maintenance of this server"),
    ("given-up", "{} had taken this server for dead"),
    ("interrupted", "{} does not answer"),
    (
        "recovery-overflowed",
        "more changed while {} was silent than delayed-updates-limit allows to keep",
    ),
    ("begins-anew-untold", "{} served alone, and waits to tell what it granted"),
    (
        "begins-anew",
        "{} was restarted, or begins anew, and fetches the leases while this server serves",
    ),
    ("recovery-given-up", "{} had taken this server for dead"),
    ("recovery-partner-leaves", "{} is in maintenance"),
    ("recovery-asked-to-leave", "{} took over for a maintenance of this server"),
    ("recovery-lost", "{} is configured as a backup, or without a partner"),
    ("resync", "{} is back, and changed leases that are to be fetched"),
    ("returned", "{} is back and has all leases"),
    ("both-alone", "{} served everybody at the same time"),
    ("shut-down", "{} was stopped for its maintenance"),
];

impl Relationship {
    /// Why it is in its state, and what it waits for.
    pub(super) fn words(&self, now: Now) -> Words {
        let since_s = now.mono.since(self.entered.since).as_secs();
        let waits_for = match self.is_paused() {
            true => "ha-continue: the configuration pauses the state machine here".to_owned(),
            false => self.awaited(now),
        };
        Words { why: self.why(), waits_for, since_s }
    }

    fn partner_name(&self) -> &str {
        self.peers().partner().map_or("the partner", |peer| &*peer.name)
    }

    fn why(&self) -> String {
        let said = match self.entered.cause {
            Cause::Started => "it was started".to_owned(),
            Cause::Did(what) => what.to_owned(),
            Cause::Row(name) => {
                let known = ROWS.iter().find(|(row, _)| *row == name);
                known.map_or_else(
                    || format!("of the rule {name}"),
                    |(_, words)| words.replace("{}", self.partner_name()),
                )
            }
        };
        match self.entered.skew_s.filter(|_| self.entered.cause == Cause::Row("skewed")) {
            Some(skew) => format!("{said} (that of {} was {skew} s ahead)", self.partner_name()),
            None => said,
        }
    }

    fn awaited(&self, now: Now) -> String {
        let partner = self.partner_name();
        match &self.stage {
            Stage::Backup => "nothing: a backup takes updates and serves nobody".into(),
            Stage::PassiveBackup => "nothing: this is its normal operation".into(),
            Stage::Normal => self.awaited_in_normal(),
            Stage::Recovery(recovery) => self.awaited_in_recovery(*recovery, now),
            Stage::Waiting => self.awaited_in_waiting(now),
            Stage::Syncing if self.partner.seen == Seen::Unavailable => self.answer_of_partner(now),
            Stage::Syncing => format!("the leases of {partner}, which are being fetched"),
            Stage::Ready if self.partner.seen == Seen::Unavailable => self.answer_of_partner(now),
            Stage::Ready if self.behind => {
                format!("{partner} to hand over; {}", self.seen_last())
            }
            Stage::Ready => {
                format!("{partner} to see that this server is ready; {}", self.seen_last())
            }
            Stage::Terminated => format!(
                "its administrator: once the cause is gone, ha-reset here or at {partner} brings both back (a Kea has to \
                 be given it, too)"
            ),
            Stage::InMaintenance { .. } => {
                format!("its stop, or ha-maintenance-cancel at {partner}, which serves everybody")
            }
            Stage::PartnerInMaintenance { .. } => {
                format!("{partner} to be stopped, or ha-maintenance-cancel here")
            }
            Stage::PartnerDown(alone) => self.awaited_alone(*alone),
        }
    }

    fn awaited_in_normal(&self) -> String {
        match self.partner.seen {
            Seen::In(state) if state == self.state() => {
                "nothing: both servers are in normal operation".into()
            }
            _ => format!(
                "{} to be in {}, too; {}",
                self.partner_name(),
                self.state(),
                self.seen_last()
            ),
        }
    }

    fn awaited_in_recovery(&self, recovery: Recovery, now: Now) -> String {
        let partner = self.partner_name();
        match (recovery.flush, recovery.overflowed) {
            (Flush::Sending, _) => format!("{partner} to take the updates that were kept for it"),
            (Flush::Resetting, _) | (Flush::Idle, true) => {
                format!(
                    "{partner} to be heard: it has to synchronise, more changed than was kept for it"
                )
            }
            (Flush::Idle, false) => self.answer_of_partner(now),
        }
    }

    fn awaited_in_waiting(&self, now: Now) -> String {
        let partner = self.partner_name();
        match self.partner.seen {
            Seen::Unset => format!("the first answer of {partner}"),
            Seen::Unavailable => self.answer_of_partner(now),
            Seen::In(State::Waiting) if self.peers().local().role != Role::Primary => {
                format!("{partner}: both are waiting, and the primary goes first")
            }
            Seen::In(State::Terminated) => format!(
                "{partner} to leave terminated: ha-reset there, or its restart; after ten minutes this server is \
                 terminated, too"
            ),
            Seen::In(
                state @ (State::HotStandby | State::LoadBalancing | State::CommunicationRecovery),
            ) if self.peers().mode().normal() != state => {
                format!("{partner} to be configured for {}: it is in {state}", self.peers().mode())
            }
            _ => format!("the next heartbeat; {}", self.seen_last()),
        }
    }

    fn awaited_alone(&self, alone: Alone) -> String {
        let partner = self.partner_name();
        match alone {
            Alone { handing: true, .. } => {
                format!("{partner} to take the last of what changed while it fetched the leases")
            }
            Alone { telling: true, .. } => {
                format!("{partner} to take word of what changed while it was away")
            }
            Alone { closed: true, .. } => {
                format!(
                    "{partner} to be seen ready: it has fetched the leases, and nobody is served meanwhile"
                )
            }
            _ => format!("{partner} to come back and fetch the leases; {}", self.seen_last()),
        }
    }

    /// A partner that is silent: until when it is waited for.
    fn answer_of_partner(&self, now: Now) -> String {
        let partner = self.partner_name();
        let silent = now.mono.since(self.partner.last_poke);
        let left_s = self.parameters.max_response_delay.saturating_sub(silent).as_secs();
        let clients = u64::from(self.parameters.max_unacked_clients);
        let shares = self.peers().mode() == Mode::LoadBalancing
            || self.peers().local().role == Role::Standby;
        let heard_s = silent.as_secs();
        if !self.is_interrupted(now) {
            return format!(
                "an answer of {partner}, silent for {heard_s} s; it may be given up in {left_s} s (max-response-delay)"
            );
        }
        if self.serves() && shares && clients > 0 {
            let left = self.unacked_left(now);
            return format!(
                "an answer of {partner}, silent for {heard_s} s, or {left} more of its clients that nobody answers \
                 (max-unacked-clients): then it is given up"
            );
        }
        format!("an answer of {partner}, silent for {heard_s} s")
    }

    fn seen_last(&self) -> String {
        let partner = self.partner_name();
        match self.partner.seen {
            Seen::Unset => format!("{partner} was not heard yet"),
            Seen::Unavailable => format!("{partner} does not answer"),
            Seen::In(state) => format!("{partner} is in {state}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::{RULES, Then};
    use super::*;

    #[test]
    fn each_row_that_leads_to_a_state_has_words() {
        let leads = |then| {
            matches!(then, Then::Enter(_) | Then::EnterNormal | Then::Terminate(_) | Then::Distrust)
        };
        for rule in RULES.iter().filter(|rule| leads(rule.then)) {
            assert!(ROWS.iter().any(|(name, _)| *name == rule.name), "{}", rule.name);
        }
        for (name, _) in ROWS {
            assert!(RULES.iter().any(|rule| rule.name == *name), "{name} is no row");
        }
    }
}
