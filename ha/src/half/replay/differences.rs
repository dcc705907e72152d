//! Where our answer is meant to be another than the recorded one, and why. A difference that is met nowhere fails the
//! test, so that the list stays true.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::recording::Exchange;
use super::texts::{self, Pair};
use crate::io::listener::PARTNER_COMMANDS;

/// A difference that is meant.
pub(super) struct Difference {
    /// Its name.
    pub(super) name: &'static str,
    /// Why.
    pub(super) reason: &'static str,
    /// Whether it is this one: what was recorded, and our status line and answer.
    pub(super) is: fn(&Exchange, &str, &Value) -> bool,
}

/// All of them.
pub(super) const DIFFERENCES: &[Difference] = &[
    Difference {
        name: "conflict",
        reason: "what 2.2 answers with 1 we answer with 4, as 3.x: 2.2 takes both for a failure",
        is: |it, _, ours| {
            it.version == "2.2"
                && (it.told()["result"] == 1 && ours["result"] == 4)
                && it.told()["text"] == ours["text"]
        },
    },
    Difference {
        name: "released",
        reason: "2.2 does not know state 3, in which 3.x keeps released leases",
        is: |it, _, ours| {
            it.version == "2.2"
                && (text(it.told()).starts_with("Invalid state value: ")
                    && it.told()["result"] == 1)
                && match it.ask.as_ref().map(|ask| &ask["arguments"]["state"]) {
                    Some(state) if *state == 3 => {
                        ["IPv4 lease added.", "IPv4 lease updated."].contains(&text(ours))
                            && ours["result"] == 0
                    }
                    _ => {
                        text(ours).ends_with("3 (released) and 4 (registered)")
                            && ours["result"] == 1
                    }
                }
        },
    },
    Difference {
        name: "cancelled",
        reason: "we name the state that we return to, as 3.x does; 2.2 does not look at it",
        is: |it, _, ours| {
            it.version == "2.2"
                && it.command() == "ha-maintenance-notify"
                && it.told()["text"] == ours["text"]
                && ours["arguments"]["state"].is_string()
        },
    },
    Difference {
        name: "words",
        reason: "where 2.2 and 3.x tell the same error in other words we have those of 3.x",
        is: |it, _, ours| {
            let both_failed = ours["result"] == 1 && it.told()["result"] == 1;
            let pair = (text(it.told()), text(ours));
            it.version == "2.2" && it.by_client && both_failed && texts::WORDS.contains(&pair)
        },
    },
    Difference {
        name: "unanswered",
        reason: "2.2 closes the connection where it meets a mistake that it does not expect",
        is: |it, _, ours| {
            let pair = (it.command(), text(ours));
            (it.version == "2.2" && it.answer.is_null())
                && (ours["result"] == 1 && texts::UNANSWERED.contains(&pair))
        },
    },
    Difference {
        name: "server-name",
        reason: "2.2 does not look at whom a command names, and synchronises with itself if asked to",
        is: |it, _, ours| {
            let pair = (it.command(), text(ours));
            (it.version == "2.2" && it.told()["result"] == 0)
                && (ours["result"] == 1 && texts::SERVER_NAMES.contains(&pair))
        },
    },
    Difference {
        name: "unbuilt",
        reason: "these commands of lease_cmds are not built; no partner sends them",
        is: |it, _, ours| {
            texts::UNBUILT.contains(&(it.command(), text(ours))) && ours["result"] == 2
        },
    },
    Difference {
        name: "origin",
        reason: "3.x takes origins as numbers, and we do",
        is: |it, _, ours| {
            text(it.told()) == "'origin' argument must be a string" && ours["result"] == 0
        },
    },
    Difference {
        name: "order",
        reason: "we list leases by address, also those of one subnet",
        is: |it, _, ours| {
            let leases = |answer: &Value| {
                let leases = answer["arguments"]["leases"].as_array();
                let mut lines: Vec<_> =
                    leases.into_iter().flatten().map(Value::to_string).collect();
                lines.sort_unstable();
                lines
            };
            it.command() == "lease4-get-all" && leases(it.told()) == leases(ours)
        },
    },
    Difference {
        name: "credentials",
        reason: "the listener of 2.2 does not look at credentials, ours asks for them, as 3.x does",
        is: |it, status, _| {
            let own = super::stand::credentials(1).expect("a user with a name");
            let right = it.header("Authorization").is_some_and(|value| own.accepts(value));
            it.version == "2.2" && it.by_client && !right && status == "HTTP/1.1 401 Unauthorized"
        },
    },
    Difference {
        name: "version",
        reason: "we say which version's interface we have",
        is: |it, _, ours| {
            it.command() == "version-get" && ours["text"] == engine::control::core::KEA_VERSION
        },
    },
    Difference {
        name: "commands",
        reason: "we list the commands that we have; all that a partner sends are among them",
        is: |it, _, ours| {
            let listed = ours["arguments"].as_array();
            let has = |name: &str| listed.is_some_and(|list| list.iter().any(|it| it == name));
            it.command() == "list-commands" && PARTNER_COMMANDS.into_iter().all(has)
        },
    },
    Difference {
        name: "position",
        reason: "Kea adds the place in its own copy of the request, which only its parser knows",
        is: |it, _, ours| {
            let (words, place) = text(it.told()).rsplit_once("(<").unwrap_or_default();
            (text(ours) == words.trim_end() && place.ends_with(')'))
                && it.told()["result"] == ours["result"]
        },
    },
    Difference {
        name: "passive-backup-reset",
        reason: "a primary with backups only goes on serving after ha-reset; Kea then has no scope",
        is: |it, _, ours| {
            let local = |answer: &Value| {
                let relationship = &answer["arguments"]["high-availability"][0];
                (relationship["ha-servers"]["local"]["scopes"]).clone()
            };
            it.place.starts_with("admin-passive-backup")
                && local(it.told()) == json!([])
                && local(ours) == json!(["server1"])
        },
    },
    Difference {
        name: "service",
        reason: "Kea's HTTP control socket looks at 'service'; a dedicated listener, as ours is, does not",
        is: |it, _, ours| {
            it.place.starts_with("hot-standby-no-dedicated-listener-3.3")
                && texts::SERVICES.contains(&(text(it.told()), text(ours)))
                && ours["result"] == 0
        },
    },
    Difference {
        name: "close",
        reason: "who asks for the end of the connection is told that it ends (RFC 9112 section 9.6)",
        is: |it, _, ours| it.header("Connection") == Some("close") && ours == it.told(),
    },
];

fn text(answer: &Value) -> &str {
    answer["text"].as_str().unwrap_or_default()
}

/// Those that were met.
#[derive(Default)]
pub(super) struct Differences {
    met: Vec<&'static str>,
    /// What was asked or said there, and what we said.
    pairs: BTreeSet<(String, String)>,
}

impl Differences {
    /// Whether it is meant that our answer, under this status line, is another.
    pub(super) fn mean(&mut self, exchange: &Exchange, status: &str, ours: &Value) -> bool {
        let meant = DIFFERENCES.iter().find(|it| (it.is)(exchange, status, ours));
        self.met.extend(meant.map(|it| it.name));
        for theirs in [exchange.command(), text(exchange.told())] {
            self.pairs.insert((theirs.to_owned(), text(ours).to_owned()));
        }
        meant.is_some()
    }

    /// The names of those that were not met, and the texts.
    pub(super) fn unused(&self) -> Vec<String> {
        let unused = DIFFERENCES.iter().filter(|it| !self.met.contains(&it.name));
        let unused = unused.map(|Difference { name, reason, .. }| format!("{name}: {reason}"));
        let is_met = |pair: &&Pair| self.pairs.contains(&(pair.0.to_owned(), pair.1.to_owned()));
        let texts = texts::ALL.iter().copied().flatten().filter(|pair| !is_met(pair));
        unused.chain(texts.map(|pair| format!("{pair:?}"))).collect()
    }
}
