//! What states, facts and rows are called to people.

use super::super::super::rules::{Fact, Facts, Rule, Then, Why};
use super::super::super::{Mode, Role, Seen, SeenSet, State, ToPartner};
use super::roles;

/// What a state means, and what to do about it.
pub(super) fn about(state: State) -> (&'static str, &'static str) {
    match state {
        State::Backup => (
            "A backup: takes the updates of the servers that serve, and serves nobody.",
            "Nothing to do. To let it serve by hand: `ha-scopes`, then `dhcp-enable`.",
        ),
        State::CommunicationRecovery => (
            "The partner did not answer, and is not given up yet. Each serves its own clients; what changes is kept for \
             the partner, up to `delayed-updates-limit`.",
            "Look at the network between the servers, and whether the partner runs.",
        ),
        State::HotStandby => (
            "Normal operation of a primary, which serves everybody, and a standby, which serves nobody.",
            "Nothing to do.",
        ),
        State::LoadBalancing => (
            "Normal operation of a primary and a secondary: each serves half of the clients.",
            "Nothing to do.",
        ),
        State::InMaintenance => (
            "About to be stopped by its administrator; the partner serves everybody.",
            "Stop the server, or give `ha-maintenance-cancel` to the partner.",
        ),
        State::PartnerDown => (
            "The partner is considered dead: everybody is served here.",
            "Start the partner again; it fetches what it missed by itself. If both servers are in this state, the \
             network between them is cut and addresses may be given out twice: mend it first.",
        ),
        State::PartnerInMaintenance => (
            "The partner is about to be stopped: everybody is served here, and it still gets all updates.",
            "Stop the partner, or give `ha-maintenance-cancel` to this server.",
        ),
        State::PassiveBackup => {
            ("Normal operation of a primary that has only backups.", "Nothing to do.")
        }
        State::Ready => (
            "Has the partner's leases, and waits until the partner has seen it.",
            "Nothing to do: it lasts for a heartbeat or two.",
        ),
        State::Syncing => (
            "Fetches the partner's leases.",
            "Wait. If it does not end, the log says why the partner's pages do not come (HA_SYNC_FAILED).",
        ),
        State::Terminated => (
            "The servers cannot work together: their clocks are more than 60 seconds apart, or one refused too many of \
             the other's updates. Each serves its own clients, and nobody is told of anything.",
            "Mend the cause (time, subnets), then give `ha-reset` to one of the servers; a Kea has to be given it, too, or \
             restarted. While the cause is there they end here again.",
        ),
        State::Waiting => (
            "Started or reset; waits until it is its turn to synchronise.",
            "If it lasts: the partner is silent and `max-response-delay` has not passed, or it is terminated and has to \
             be restarted, or its mode is another.",
        ),
    }
}

/// What else than the table leads away from a state.
pub(super) fn elsewhere(state: State) -> &'static [&'static str] {
    match state {
        State::Syncing => &[
            "When all leases are fetched, **ready**. When that fails it is tried again after the next heartbeat.",
        ],
        State::CommunicationRecovery => &[
            "When the delayed updates are sent, **load-balancing**. If there were too many, or one was not taken, the \
             partner is sent `ha-reset`, and then **waiting**.",
        ],
        State::InMaintenance => &[
            "When the partner cancels the maintenance (`ha-maintenance-notify`), the state before.",
        ],
        State::PartnerInMaintenance => {
            &["`ha-maintenance-cancel` leads both servers back to their states before."]
        }
        _ => &[],
    }
}

/// Facts by their names in the code, so that one without words shows its name until it gets some.
const FACTS: [(&str, &str); 13] = [
    ("Paused", "the machine is paused"),
    ("Skewed", "the clocks are more than 60 s apart"),
    ("Rejected", "`max-rejected-lease-updates` is reached"),
    ("SyncsLeases", "`sync-leases` is on"),
    ("DelaysUpdates", "`delayed-updates-limit` is not 0"),
    ("Interrupted", "nothing was heard for `max-response-delay`"),
    ("Failed", "the partner counts as failed"),
    ("Overflowed", "more than `delayed-updates-limit` updates were delayed"),
    ("NewUnsent", "the partner changed leases without telling"),
    ("StuckTerminated", "the partner has been terminated for ten minutes"),
    ("Closed", "the service is closed because the partner has synchronised"),
    ("Owing", "the partner was not told of leases that ended"),
    ("Leads", "an administrator gave `ha-reset` to this server, and the partner is a Peregrine"),
];

fn fact(fact: Fact) -> String {
    let name = format!("{fact:?}");
    let known = FACTS.iter().find(|(its_name, _)| *its_name == name);
    known.map_or(name.clone(), |(_, words)| (*words).to_owned())
}

/// When a row holds, beside the states.
pub(super) fn condition(rule: &Rule) -> String {
    let members = match (rule.mode, rule.role) {
        (Some(mode), Some(role)) => Some(format!("{role} in {mode}")),
        (Some(mode), None) => Some(format!("mode {mode}")),
        (None, Some(role)) => Some(role.to_string()),
        (None, None) => None,
    };
    let among = |facts: Facts| {
        let one = move |fact: &Fact| facts.has_all(Facts::of(&[*fact]));
        Fact::ALL.into_iter().filter(one)
    };
    let with = among(rule.with).map(fact);
    let without = among(rule.without).map(|it| format!("not: {}", fact(it)));
    let all: Vec<String> = members.into_iter().chain(with).chain(without).collect();
    all.join("; ")
}

/// The states of the partner for which a row holds.
pub(super) fn partner(seen: SeenSet) -> String {
    if seen == SeenSet::ANY {
        return "any".into();
    }
    let names = Seen::all().filter(|it| seen.contains(*it)).map(|it| match it {
        Seen::Unset => "not heard yet",
        Seen::Unavailable => "no answer",
        Seen::In(state) => state.name(),
    });
    names.collect::<Vec<_>>().join(", ")
}

/// What a row does.
pub(super) fn then(then: Then) -> String {
    match then {
        Then::Stay => "stays".into(),
        Then::Enter(state) => format!("**{state}**"),
        Then::EnterNormal => "**load-balancing** or **hot-standby**".into(),
        Then::Terminate(why) => format!("**terminated**: {}", reason(why)),
        Then::Distrust => "**waiting**: the partner's mode is another".into(),
        Then::Synchronise => "fetches the partner's leases".into(),
        Then::SendBacklog => "sends the delayed updates".into(),
        other => match format!("{other:?}").as_str() {
            "Reopen" => "opens the service again".into(),
            "ResetPartner" => "sends the partner `ha-reset`".into(),
            "SendDeletions" => "tells the partner which leases ended".into(),
            name => name.to_owned(),
        },
    }
}

const fn reason(why: Why) -> &'static str {
    match why {
        Why::Skew => "the clocks",
        Why::Rejects => "refused updates",
        Why::Partner => "the partner ended it",
        Why::NotRestarted => "the partner is not restarted",
    }
}

pub(super) const fn updates(to_partner: ToPartner) -> &'static str {
    match to_partner {
        ToPartner::Nothing => "no",
        ToPartner::Send => "yes",
        ToPartner::Queue => "later",
        ToPartner::Count => "only counted",
    }
}

/// A mode with its roles.
pub(super) fn mode(mode: Mode) -> String {
    let names: Vec<_> = roles(mode).iter().copied().map(Role::name).collect();
    format!("{mode} ({})", names.join(", "))
}
