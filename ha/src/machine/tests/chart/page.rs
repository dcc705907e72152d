//! The page: each state with its rows, in words.

use std::fmt::Write;

use super::super::super::{Mode, State};
use super::{look, rows, words};

/// States in the order of a server's life.
const ORDER: [State; 12] = [
    State::Waiting,
    State::Syncing,
    State::Ready,
    State::LoadBalancing,
    State::HotStandby,
    State::CommunicationRecovery,
    State::PartnerDown,
    State::PartnerInMaintenance,
    State::InMaintenance,
    State::Terminated,
    State::PassiveBackup,
    State::Backup,
];

/// The text of the page.
pub(super) fn page() -> String {
    let mut text = String::from(HEAD);
    let modes = [Mode::LoadBalancing, Mode::HotStandby, Mode::PassiveBackup].map(words::mode);
    writeln!(text, "Modes and roles: {}.\n", modes.join("; ")).unwrap();
    text.push_str("| state | scopes | DHCP service | updates to the partner | heartbeats |\n");
    text.push_str("|---|---|---|---|---|\n");
    for state in ORDER {
        let it = look(state);
        let (service, updates) = (on(it.serves), words::updates(it.to_partner));
        let heartbeats = if it.heartbeats { "yes" } else { "no" };
        let link = format!("[{state}](#{state})");
        writeln!(text, "| {link} | {} | {service} | {updates} | {heartbeats} |", it.scopes)
            .unwrap();
    }
    text.push_str(NOTES);
    ORDER.into_iter().for_each(|state| section(&mut text, state));
    text
}

const fn on(serves: bool) -> &'static str {
    if serves { "on" } else { "off" }
}

fn section(text: &mut String, state: State) {
    let (meaning, advice) = words::about(state);
    writeln!(text, "\n## {state}\n\n{meaning}\n\n*What to do:* {advice}").unwrap();
    let mut rows = rows(state).peekable();
    if rows.peek().is_none() {
        text.push_str("\nNo rule leads away from here.\n");
    } else {
        text.push_str("\n| rule | the partner's state | if | then |\n|---|---|---|---|\n");
    }
    for rule in rows {
        let (partner, condition) = (words::partner(rule.partner), words::condition(rule));
        let then = words::then(rule.then);
        writeln!(text, "| `{}` | {partner} | {condition} | {then} |", rule.name).unwrap();
    }
    for line in words::elsewhere(state) {
        writeln!(text, "\n{line}").unwrap();
    }
}

const HEAD: &str = "\
# States of a High Availability server

This page and its drawing are made from the table of rules in `ha/src/machine/rules.rs`; a test fails when they differ.
The table is looked at after each heartbeat, after lease updates that failed, and after commands. The first row that
fits decides; without one the server stays where it is. `status-get` shows the state that a server is in, its log each
change (HA_STATE_TRANSITION), with the partner's state at that moment.

![States and the rules between them](ha-states.svg)

";

const NOTES: &str = "
The scopes are those of a primary. A secondary's own are its clients of load-balancing; a standby and a backup have none
of their own, and a standby serves the primary's when it serves everybody. With `auto-failover` false only its own are
served in partner-down. \"Only counted\" means that the partner learns by fetching: `unsent-update-count` tells it to.

The partner counts as failed when nothing was heard of it for `max-response-delay` and, where its clients can be heard
(load-balancing, and at a standby), more than `max-unacked-clients` of them wait in vain.

Commands lead from any state: `ha-reset` to waiting; `ha-maintenance-start` to partner-in-maintenance, or to
partner-down if the partner does not answer; `ha-continue` ends a pause.
";
