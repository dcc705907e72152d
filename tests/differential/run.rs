//! A story told to both servers, step by step.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use crate::client::{Held, Holdings, Impossible, compose};
use crate::compare::{self, Addresses, Difference, Pools, Reservations, What};
use crate::lab::{Lab, Queries, Replies, kind_of};
use crate::meant::{self, Effect};
use crate::message::{Kind, Reply};
use crate::seen::Seen;
use crate::story::{Expected, Step, Story, Words};
use crate::support::server::PATIENCE;
use crate::support::wait::{until, wall_s};

/// Lets every exchange be printed.
const TELL: &str = "PEREGRINE_DIFFERENTIAL_TELL";
/// A lifetime without an end.
const INFINITE: u64 = u32::MAX as u64;
/// How long ago a lease ended that is set back.
const SINCE_END_S: u64 = 100;

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// Names of the meant differences that were met.
    pub(crate) meant: BTreeSet<&'static str>,
    /// Queries sent to both.
    pub(crate) exchanges: usize,
    /// How many of them were answered by both.
    pub(crate) answered: usize,
}

/// Where a run ended before its end.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// The step, from 0.
    pub(crate) step: usize,
    pub(crate) what: String,
}

/// Parts of every configuration. Where defaults of Kea 2.2 and 3.x differ they are written out.
fn base() -> Value {
    json!({
        "interfaces-config": {"interfaces": ["eth0"]},
        "multi-threading": {"enable-multi-threading": false},
        "valid-lifetime": 4000,
        // 3.x has a lease cache unless told otherwise, and 0 is not taken: it is good for less than a second.
        "cache-threshold": 0.000001,
        "hooks-libraries": [
            {"library": "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_lease_cmds.so"}
        ],
        // Reclamation at a moment of its own would make the sides differ.
        "expired-leases-processing": {
            "reclaim-timer-wait-time": 0, "flush-reclaimed-timer-wait-time": 0, "hold-reclaimed-time": 0
        },
    })
}

fn merged(parts: &[&Value]) -> Value {
    let mut all = base();
    for part in parts {
        for (key, value) in part.as_object().unwrap() {
            all[key] = value.clone();
        }
    }
    all
}

/// Starts both servers anew and tells them the story.
///
/// # Errors
/// The first step at which something is neither the same nor meant.
pub(crate) fn tell(lab: &mut Lab, story: &Story) -> Result<Report, Failure> {
    let kea = merged(&[&story.config, &story.kea]);
    lab.kea.start_anew(&kea);
    lab.ours.start_anew(&merged(&[&story.config, &story.ours]));
    let free = story.ours.get("allocator").is_some();
    let addresses = if free { Addresses::SamePool(Pools::of(&kea)) } else { Addresses::Identical };
    let pools = Pools::of(&kea);
    let mut telling = Telling {
        lab,
        pools: pools.clone(),
        addresses,
        clients: BTreeMap::new(),
        kea: Holdings::new(),
        ours: Holdings::new(),
        xid: 0x1000,
        reservations: Reservations::of(&kea),
        diverged: false,
        given_back: BTreeSet::new(),
        expired: false,
        ended: false,
        longest_s: 0,
        report: Report::default(),
    };
    for (at, step) in story.steps.iter().enumerate() {
        telling.step(step).map_err(|what| Failure { step: at, what: format!("{step}\n{what}") })?;
        // Pools of one subnet fill up at different times then, so that addresses cannot be compared by their pools.
        if telling.diverged && pools.are_several() && step.is_drawn() {
            break;
        }
    }
    Ok(telling.report)
}

struct Telling<'a> {
    lab: &'a mut Lab,
    pools: Pools,
    addresses: Addresses,
    clients: BTreeMap<String, Words>,
    kea: Holdings,
    ours: Holdings,
    xid: u32,
    reservations: Reservations,
    /// Whether the sides came to choose different addresses.
    diverged: bool,
    /// Clients that remember an address that they have no more.
    given_back: BTreeSet<String>,
    /// Whether any lease came to its end.
    expired: bool,
    /// Whether one was set back to its end since the last query.
    ended: bool,
    /// How long an exchange took at most.
    longest_s: u64,
    report: Report,
}

impl Telling<'_> {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Client { name, words } => {
                self.clients.insert(name.clone(), words.clone());
                Ok(())
            }
            Step::Query { client, verb, words, expected } => {
                self.query(client, verb, words, expected.as_ref())
            }
            Step::Expire { client } => self.expire(client),
            Step::End { client } => self.end_lease(client),
            // Another address may be leased at each side by then.
            Step::Command(_) if self.diverged => Ok(()),
            Step::Command(command) => self.command(command),
            Step::Statistics => self.statistics(),
            Step::Restart => {
                self.lab.kea.start();
                self.lab.ours.start();
                self.check_leases(None)
            }
        }
    }

    fn query(
        &mut self,
        client: &str,
        verb: &str,
        words: &Words,
        expected: Option<&Expected>,
    ) -> Result<(), String> {
        self.xid += 1;
        if self.diverged {
            self.forget_given_back();
        }
        let mut all = self.clients.get(client).cloned().unwrap_or_default();
        all.extend(words.iter().cloned());
        let promised = self.ours.get(client).is_some_and(Held::is_promised);
        if promised && all.iter().any(|(key, _)| key == "fresh") {
            return Ok(());
        }
        if self.diverged && expected.is_none() && words.iter().any(|word| self.is_of_pool(word)) {
            return Ok(());
        }
        let compose = |holdings| compose(client, verb, &all, self.xid, holdings);
        let queries = match (compose(&self.kea), compose(&self.ours)) {
            (Ok(kea), Ok(ours)) => Queries { kea, ours },
            // A story of the generator that was cut short, or one side has refused the client and that was meant.
            (Err(Impossible::HoldsNothing), _) | (_, Err(Impossible::HoldsNothing))
                if expected.is_none() =>
            {
                return Ok(());
            }
            (kea, ours) => return Err(format!("cannot be asked: Kea {kea:?}, Peregrine {ours:?}")),
        };
        let asked_s = wall_s();
        let replies = self.lab.exchange(&queries)?;
        self.longest_s = self.longest_s.max(wall_s().saturating_sub(asked_s));
        if std::env::var_os(TELL).is_some() {
            eprintln!("{client} {verb} {words:?}\n{replies}");
        }
        self.report.exchanges += 1;
        self.report.answered += usize::from(replies.kea.is_some() && replies.ours.is_some());
        let had = [&self.kea, &self.ours].map(|it| it.get(client).cloned().unwrap_or_default());
        self.kea.entry(client.into()).or_default().learn(verb, replies.kea.as_ref());
        self.ours.entry(client.into()).or_default().learn(verb, replies.ours.as_ref());
        match (verb, kind_of(replies.ours.as_ref())) {
            ("release", _) => _ = self.given_back.insert(client.into()),
            (_, Kind::Ack) => _ = self.given_back.remove(client),
            _ => {}
        }
        if let Some(expected) = expected {
            check_expected(expected, &replies)?;
        }
        let differences = self.differences(&replies);
        let disguised = words.iter().any(|(key, _)| ["mac", "cid", "htype"].contains(&&**key));
        let about = About { client, had, disguised, queries: &queries, replies: &replies };
        self.explain(&differences, Some(&about))?;
        self.check_leases(Some(&about))?;
        if self.ended {
            self.clear_ended();
        }
        Ok(())
    }

    /// Whether a word names an address of a pool. Whose that is differs where the sides choose different addresses.
    fn is_of_pool(&self, (key, value): &(String, String)) -> bool {
        let named = value.parse().ok().filter(|_| ["requested", "ciaddr"].contains(&&**key));
        named.is_some_and(|address: Ipv4Addr| self.pools.name(address) != address.to_string())
    }

    /// What is not the same in two replies. Where their addresses differ, names that are made of the address do not count.
    fn differences(&self, replies: &Replies) -> Vec<Difference> {
        let compared = |addresses: &Addresses| {
            compare::replies(replies.kea.as_ref(), replies.ours.as_ref(), addresses)
        };
        let is_address = |it: &Difference| matches!(it.what, What::Field("yiaddr" | "to"));
        let mut found = compared(&self.addresses);
        if found.iter().any(is_address) {
            let beside = compared(&Addresses::SamePool(self.pools.clone()));
            found.retain(|it| is_address(it) || beside.iter().any(|other| other.what == it.what));
        }
        found
    }

    /// Where the sides give different addresses, an address that was given back is another's at one of them.
    fn forget_given_back(&mut self) {
        for name in std::mem::take(&mut self.given_back) {
            for holdings in [&mut self.kea, &mut self.ours] {
                holdings.entry(name.clone()).or_default().bound = None;
            }
        }
    }

    /// Deletes leases that are over: after one query each side goes its own way with them.
    fn clear_ended(&mut self) {
        let now_s = wall_s();
        for side in [&self.lab.kea, &self.lab.ours] {
            for lease in side.server.leases() {
                let moment = |key: &str| lease[key].as_u64().unwrap_or(0);
                if lease["state"] == 0 && moment("cltt") + moment("valid-lft") < now_s {
                    let arguments = json!({"ip-address": lease["ip-address"]});
                    side.server.command(&json!({"command": "lease4-del", "arguments": arguments}));
                }
            }
        }
        (self.ended, self.expired) = (false, false);
    }

    fn check_leases(&mut self, about: Option<&About<'_>>) -> Result<(), String> {
        let (kea, ours) = (self.lab.kea.server.leases(), self.lab.ours.server.leases());
        let differences = compare::leases(&kea, &ours, &self.addresses, wall_s(), self.longest_s);
        self.explain(&differences, about)
    }

    /// Every difference is meant, or the run ends.
    fn explain(
        &mut self,
        differences: &[Difference],
        about: Option<&About<'_>>,
    ) -> Result<(), String> {
        let mut unexplained = Vec::new();
        let mut effects = Vec::new();
        for difference in differences {
            let seen = Seen {
                difference,
                query: about.map(|about| &about.queries.ours.0),
                kea_query: about.map(|about| &about.queries.kea.0),
                from_mac: about.map(|about| about.queries.kea.1.from_mac).unwrap_or_default(),
                had: about.map(|about| about.had[0].clone()).unwrap_or_default(),
                had_here: about.map(|about| about.had[1].clone()).unwrap_or_default(),
                kea: about.and_then(|about| about.replies.kea.as_ref()),
                ours: about.and_then(|about| about.replies.ours.as_ref()),
                pools: &self.pools,
                asked_is_promised: about.is_some_and(|about| self.asked_is_promised(about)),
                given_is_promised: about.is_some_and(|about| self.given_is_promised(about)),
                is_reserved: about
                    .is_some_and(|about| self.reservations.keep(&about.queries.ours.0)),
                has_own: about.is_some_and(|about| self.has_own(about)),
                kea_gave_reserved: about.is_some_and(|about| self.kea_gave_reserved(about)),
                vendor_options: &self.lab.ours.vendor_options,
                expired: self.expired,
            };
            match meant::explain(&seen) {
                Some(meant) => {
                    self.report.meant.insert(meant.name);
                    effects.push(meant.effect);
                }
                None => unexplained.push(difference.to_string()),
            }
        }
        if !unexplained.is_empty() {
            let replies = about.map_or(String::new(), |about| about.replies.to_string());
            return Err(format!("{}\n{replies}", unexplained.join("\n")));
        }
        for effect in effects {
            match effect {
                Effect::None => {}
                Effect::OtherAddresses => {
                    self.addresses = Addresses::SamePool(self.pools.clone());
                    self.diverged = true;
                }
                Effect::OtherLeases => self.align(about.map_or("", |about| about.client)),
            }
        }
        Ok(())
    }

    /// Whether the address that the client asks Peregrine for was offered to another one there.
    fn asked_is_promised(&self, about: &About<'_>) -> bool {
        let query = &about.queries.ours.0;
        let asked = query.option(50).unwrap_or(&query.ciaddr);
        self.is_promised(about, |it| it.octets() == asked)
    }

    /// Whether the address that Kea gave was offered to another client by Peregrine; if the sides chose different addresses before,
    /// one of the same pool.
    fn given_is_promised(&self, about: &About<'_>) -> bool {
        let Some(given) = about.replies.kea.as_ref().map(|reply| reply.yiaddr) else {
            return false;
        };
        let alike = |it: Ipv4Addr| self.diverged && self.pools.name(it) == self.pools.name(given);
        self.is_promised(about, |it| it == given || alike(it))
    }

    /// Whether Peregrine offered an address like this to another client.
    fn is_promised(&self, about: &About<'_>, is_meant: impl Fn(Ipv4Addr) -> bool) -> bool {
        let mut others =
            self.ours.iter().filter(|(name, _)| about.disguised || *name != about.client);
        others.any(|(_, held)| held.open.iter().copied().any(&is_meant))
    }

    /// Whether Peregrine offers the client the address that it has there, and that is reserved for it.
    fn has_own(&self, about: &About<'_>) -> bool {
        let given = about.replies.ours.as_ref().map(|reply| reply.yiaddr);
        let held = self.ours.get(about.client).and_then(|held| held.bound).map(|(it, _)| it);
        let query = &about.queries.ours.0;
        given.is_some_and(|given| held == Some(given) && self.reservations.give(query, given))
    }

    /// Whether Kea offers the client an address that is reserved for it.
    fn kea_gave_reserved(&self, about: &About<'_>) -> bool {
        let given = about.replies.kea.as_ref().map(|reply| reply.yiaddr);
        given.is_some_and(|given| self.reservations.give(&about.queries.kea.0, given))
    }

    /// Deletes leases that only one side has, and lets the client begin again: what comes after can be compared.
    fn align(&mut self, client: &str) {
        let (kea, ours) = (self.lab.kea.server.leases(), self.lab.ours.server.leases());
        for (side, mine, others) in [(&self.lab.kea, &kea, &ours), (&self.lab.ours, &ours, &kea)] {
            let whose = |lease: &Value| whose(lease, &self.addresses);
            let of_others: BTreeSet<_> = others.iter().map(whose).collect();
            for lease in mine.iter().filter(|lease| !of_others.contains(&whose(lease))) {
                let arguments = json!({"ip-address": lease["ip-address"]});
                side.server.command(&json!({"command": "lease4-del", "arguments": arguments}));
            }
        }
        // What it was offered stays open all the same.
        for holdings in [&mut self.kea, &mut self.ours] {
            let held = holdings.entry(client.into()).or_default();
            (held.bound, held.offered) = (None, None);
        }
    }

    fn expire(&mut self, client: &str) -> Result<(), String> {
        let held = |holdings: &Holdings| holdings.get(client).and_then(|held| held.bound);
        let (Some(kea), Some(ours)) = (held(&self.kea), held(&self.ours)) else {
            return Ok(());
        };
        self.expired = true;
        for (side, (address, _)) in [(&self.lab.kea, kea), (&self.lab.ours, ours)] {
            let arguments = json!({"ip-address": address});
            let answer =
                side.server.command(&json!({"command": "lease4-get", "arguments": arguments}));
            let lease = &answer["arguments"];
            let (cltt, valid) = (lease["cltt"].as_u64(), lease["valid-lft"].as_u64());
            let (Some(cltt), Some(valid)) = (cltt, valid) else { continue };
            // Kea reads a coarser clock, by which the second may have begun a little later.
            until("end of a lease", PATIENCE, || match wall_s() {
                now if now > cltt + valid + 1 => Ok(()),
                now => Err(now),
            });
        }
        Ok(())
    }

    /// Sets the lease of a client back so that it is over.
    fn end_lease(&mut self, client: &str) -> Result<(), String> {
        // By now it may be another one's.
        if self.given_back.contains(client) {
            return Ok(());
        }
        let held = |holdings: &Holdings| holdings.get(client).and_then(|held| held.bound);
        let (Some(kea), Some(ours)) = (held(&self.kea), held(&self.ours)) else {
            return Ok(());
        };
        let expire = wall_s() - SINCE_END_S;
        let sides = [(&self.lab.kea, kea), (&self.lab.ours, ours)].map(|(side, (address, _))| {
            let arguments = json!({"ip-address": address});
            let command = json!({"command": "lease4-get", "arguments": arguments});
            (side, side.server.command(&command)["arguments"].clone())
        });
        let can_end = |lease: &Value| {
            lease["state"] == 0 && lease["valid-lft"].as_u64().is_some_and(|s| s < INFINITE)
        };
        if !sides.iter().all(|(_, lease)| can_end(lease)) {
            return Ok(());
        }
        (self.expired, self.ended) = (true, true);
        self.given_back.insert(client.into());
        for (side, mut lease) in sides {
            lease["expire"] = expire.into();
            let update = json!({"command": "lease4-update", "arguments": lease});
            let answer = side.server.command(&update);
            if answer["result"] != 0 {
                return Err(format!("lease4-update: {answer}"));
            }
        }
        self.check_leases(None)
    }

    fn statistics(&mut self) -> Result<(), String> {
        let command = json!({"command": "statistic-get-all"});
        let [kea, ours] = [&self.lab.kea, &self.lab.ours].map(|side| {
            compare::statistics(&side.server.command(&command), side.sentinels_since_start())
        });
        self.explain(&compare::statistics_of_both(&kea, &ours), None)
    }

    fn command(&mut self, command: &Value) -> Result<(), String> {
        let answers = [&self.lab.kea, &self.lab.ours].map(|side| side.server.command(command));
        let name = command["command"].as_str().unwrap_or_default();
        // What is said of statistics are their values; of other commands only the result has to be the same.
        let [kea, ours] = answers.clone().map(|answer| match name.starts_with("stat") {
            true => compare::without_moments(&answer).to_string(),
            false => answer["result"].to_string(),
        });
        if kea != ours {
            let name = name.into();
            let difference = Difference { what: What::Command(name), kea, ours };
            self.explain(&[difference], None).map_err(|error| format!("{error}\n{answers:?}"))?;
        }
        self.check_leases(None)
    }
}

/// What a difference was seen at.
struct About<'a> {
    client: &'a str,
    /// What the client had of Kea and of Peregrine before.
    had: [Held; 2],
    /// Whether it came under another identity than usual.
    disguised: bool,
    queries: &'a Queries,
    replies: &'a Replies,
}

/// Whose a lease is, where and in which state.
fn whose(lease: &Value, addresses: &Addresses) -> String {
    let address = lease["ip-address"].as_str().and_then(|text| text.parse().ok());
    let place = address.map(|address| addresses.name(address)).unwrap_or_default();
    let whose = ["hw-address", "client-id", "state", "valid-lft"]
        .map(|key| lease[key].to_string())
        .join(" ");
    format!("{whose} {place} {}", compare::name_of_lease(lease))
}

fn check_expected(expected: &Expected, replies: &Replies) -> Result<(), String> {
    let kea = expected.kea.unwrap_or(expected.kind);
    for (name, reply, kind) in
        [("Kea", &replies.kea, kea), ("Peregrine", &replies.ours, expected.kind)]
    {
        let found = kind_of(reply.as_ref());
        if found != kind {
            return Err(format!("{name} answered {found}, expected {kind}:\n{replies}"));
        }
    }
    for (code, data) in &expected.options {
        let of = |reply: &Reply| reply.options.get(code).map(|data| compare::hex(data));
        let found = replies.ours.as_ref().and_then(of).unwrap_or_default();
        if found != *data {
            return Err(format!("option {code} is {found:?}, expected {data}:\n{replies}"));
        }
    }
    match (expected.address, &replies.ours) {
        (Some(address), Some(reply)) if reply.yiaddr != address => {
            Err(format!("Peregrine gave {}, expected {address}", reply.yiaddr))
        }
        _ => Ok(()),
    }
}
