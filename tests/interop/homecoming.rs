//! A Peregrine that returns to a Peregrine, and a line between the two that was cut: who served goes on serving, and what
//! the other one lacks is all that it is told. The length is `PEREGRINE_RETURNS` deaths (5 by default).

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::sync::Mutex;
use perf::clock::Clock;
use perf::fleet::Fleet;
use perf::plan::{Exchange, Plan};
use serde_json::{Value, json};

use crate::modes::{PLAIN, is_settled};
use crate::site::{ADDRESSES, HOSTS, Plot, Site, pages, state_of};
use crate::support::behind_relay::BehindRelay;
use crate::support::net::{self, Cut};
use crate::support::server::Kind::Peregrine;
use crate::support::server::{PATIENCE, Server};
use crate::support::wait::until;
use crate::tls::relationship;

/// Clients that hold leases, and how many of them renew at a time.
const CLIENTS: u32 = 600;
const GROUP: u32 = 24;
/// Clients that hold leases and ask nothing.
const RESTING: u32 = 1_400;
/// How long an answer may take until the next group asks.
const ANSWER: Duration = Duration::from_millis(100);
/// A server is away for so long.
const AWAY: Duration = Duration::from_millis(1500);
/// The longest that the clients of the server that stays may go without an answer.
const LONGEST_GAP: Duration = Duration::from_secs(1);

/// Clients that renew without a pause, and when each server last acknowledged anything.
struct Watch {
    clock: Clock,
    seen: Mutex<[Seen; 2]>,
    over: AtomicBool,
}

/// What was seen of one server.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    last: Duration,
    longest: Duration,
    acknowledged: u64,
}

impl Watch {
    fn new() -> Self {
        Self { clock: Clock::start(), seen: Mutex::default(), over: AtomicBool::new(false) }
    }

    /// Looks from now on; gives what was seen before.
    fn begin(&self) -> [Seen; 2] {
        let last = self.clock.now();
        std::mem::replace(
            &mut *self.seen.lock(),
            [Seen { last, longest: Duration::ZERO, acknowledged: 0 }; 2],
        )
    }

    /// What was seen of a server until now.
    fn look(&self, place: usize) -> Seen {
        let seen = self.seen.lock()[place];
        let open = self.clock.now().saturating_sub(seen.last);
        Seen { longest: seen.longest.max(open), ..seen }
    }

    fn acknowledged_by(&self, server: Ipv4Addr) {
        let Some(place) = ADDRESSES.iter().position(|address| *address == server.to_string())
        else {
            return;
        };
        let now = self.clock.now();
        let seen = &mut self.seen.lock()[place];
        seen.longest = seen.longest.max(now.saturating_sub(seen.last));
        seen.last = now;
        seen.acknowledged += 1;
    }

    /// Renews, group after group, until it is over.
    fn renew(&self, clients: &BehindRelay, fleet: &mut Fleet) {
        let mut next = 0;
        while !self.over.load(Ordering::Acquire) {
            let group: Vec<u32> = (0..GROUP).map(|n| (next + n) % CLIENTS).collect();
            next = (next + GROUP) % CLIENTS;
            fleet.begin_round();
            let plan = Plan::each_once(group.clone(), GROUP, clients.relay());
            let plan = Plan { exchange: Exchange::Rebind, drop_time: ANSWER, ..plan };
            clients.drive(fleet, plan);
            let silent = fleet.not_yet_granted(group.clone());
            for client in group.into_iter().filter(|client| !silent.contains(client)) {
                fleet
                    .lease(client)
                    .into_iter()
                    .for_each(|lease| self.acknowledged_by(lease.server));
            }
        }
    }
}

fn start() -> Site {
    let kinds = &[Peregrine, Peregrine];
    Site::start_changed(Plot { kinds, ..PLAIN }, |_, configuration| {
        // Each acknowledgement is a change.
        configuration["cache-threshold"] = json!(0.0);
        let relationship = relationship(configuration);
        relationship["max-response-delay"] = json!(500);
        relationship["max-unacked-clients"] = json!(0);
        relationship["delayed-updates-limit"] = json!(10);
        relationship["sync-page-limit"] = json!(50);
    })
}

/// Waits until both are in normal operation, and know it of each other.
fn wait_until_settled(site: &Site) {
    until("normal operation", PATIENCE, || {
        let states: Vec<String> = site.servers.iter().map(state_of).collect();
        let normal = states.iter().all(|state| state == site.plot.mode.name());
        if normal { is_settled(site) } else { Err(states.into_iter().map(Value::from).collect()) }
    });
}

/// Waits until both list the same leases, but for what changes meanwhile.
fn wait_until_equal(site: &Site) {
    until("equal leases", PATIENCE, || {
        let [one, two] = [0, 1].map(|place| pages(&site.servers[place]));
        if one == two { Ok(()) } else { Err((one.len(), two.len())) }
    });
}

fn statistic(server: &Server, name: &str) -> u64 {
    let answer = server.command(&json!({"command": "statistic-get-all"}));
    answer["arguments"][name][0][0].as_u64().unwrap_or_else(|| panic!("{name}: {answer}"))
}

/// Runs `story` while clients renew; their leases are equal at both servers afterwards.
fn under_load(site: &mut Site, story: impl FnOnce(&mut Site, &Watch)) {
    let clients = site.clients.clone();
    let mut fleet = Fleet::new([2, 0, 7, 0, 0, 0], CLIENTS);
    clients.join_all(&mut fleet);
    let watch = Watch::new();
    std::thread::scope(|scope| {
        let (watch, clients, fleet) = (&watch, &clients, &mut fleet);
        scope.spawn(move || watch.renew(clients, fleet));
        let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| story(site, watch)));
        watch.over.store(true, Ordering::Release);
        told.unwrap_or_else(|why| std::panic::resume_unwind(why));
    });
    wait_until_equal(site);
}

/// Either server dies and returns; whoever asks the other one is answered all the time.
#[test]
fn the_partner_serves_throughout_a_return() {
    if !net::is_possible("servers in network namespaces") {
        return;
    }
    let asked = std::env::var("PEREGRINE_RETURNS").map(|text| text.parse().unwrap());
    // Beside other tests the machine, not the pair, says how long a gap is: it has to end before anybody is missed.
    let bound = if asked.is_ok() { LONGEST_GAP } else { PATIENCE };
    let rounds = asked.unwrap_or(5);
    let mut site = start();
    let mut gaps = Vec::new();
    under_load(&mut site, |site, watch| {
        for round in 0..rounds {
            let victim = round % 2;
            watch.begin();
            let begun = watch.clock.now();
            site.kill(victim);
            // Until then it may answer nobody and keep its connections.
            let dead = watch.clock.now();
            let away = dead + AWAY;
            until("take-over", PATIENCE, || {
                let state = state_of(&site.servers[1 - victim]);
                let alone = state == "partner-down" && watch.clock.now() >= away;
                if alone { Ok(()) } else { Err(state) }
            });
            let died = watch.look(1 - victim);
            watch.begin();
            site.start_again(victim);
            wait_until_settled(site);
            let returned = watch.look(1 - victim);
            println!(
                "round {round}: {} dies within {:?} {died:?}, returns {returned:?}",
                HOSTS[victim],
                dead.saturating_sub(begun)
            );
            assert!(returned.acknowledged > 0, "nobody asked");
            gaps.push(died.longest.max(returned.longest));
        }
    });
    let longest = gaps.iter().max().copied().unwrap_or_default();
    println!("longest gap of service at the server that stays, {rounds} deaths: {longest:?}");
    assert!(longest < bound, "{gaps:?}");
}

/// A backup that was cut off, or died, is told what changed meanwhile and nothing else, without a command.
#[test]
fn a_backup_that_returns_is_told_what_changed() {
    if !net::is_possible("servers in network namespaces") {
        return;
    }
    let kinds = &[Peregrine, Peregrine, Peregrine];
    let mut site = Site::start_changed(Plot { kinds, ..PLAIN }, |_, configuration| {
        configuration["cache-threshold"] = json!(0.0);
    });
    let clients = site.clients.clone();
    let mut fleet = Fleet::new([2, 0, 7, 0, 0, 0], CLIENTS);
    clients.join_all(&mut fleet);
    wait_until_all_equal(&site);
    let backup = 2;
    for dies in [false, true] {
        let before = resent(&site);
        if dies {
            site.kill(backup);
        } else {
            site.cut(Cut::Unplugged(HOSTS[backup]), true);
        }
        for _ in 0..2 {
            fleet.begin_round();
            let renewed = clients.rebind(&mut fleet, (0..GROUP).collect(), GROUP);
            assert!(renewed.completed > 0, "{renewed:?}");
        }
        if dies {
            site.start_again(backup);
        } else {
            site.cut(Cut::Unplugged(HOSTS[backup]), false);
        }
        // Renewals within one second leave nothing to compare.
        until("what it missed was told", PATIENCE, || {
            if dies && resent(&site) == before { Err(()) } else { Ok(()) }
        });
        wait_until_all_equal(&site);
        let told = resent(&site) - before;
        println!("{told} leases told again to a backup of {CLIENTS}, {GROUP} of which changed");
        // A line that is cut for a moment loses nothing: what waits in the queue goes on.
        assert!((u64::from(dies)..=u64::from(GROUP)).contains(&told), "{told}");
    }
    for server in &site.servers[..2] {
        let behind = server.log().matches("PEREGRINE_HA_BACKUP_RETURNED").count();
        assert!(behind > 0, "it is told that the backup is back");
    }
}

/// Waits until all servers, the backup too, list the same leases.
fn wait_until_all_equal(site: &Site) {
    until("equal leases at all", PATIENCE, || {
        let all: Vec<_> = site.servers.iter().map(pages).collect();
        if all.iter().all(|it| *it == all[0]) {
            return Ok(());
        }
        Err(all.iter().map(|leases| leases.len()).collect::<Vec<_>>())
    });
}

fn resent(site: &Site) -> u64 {
    site.servers.iter().map(|server| statistic(server, "peregrine-ha-changes-resent")).sum()
}

/// More changes than `delayed-updates-limit` during a cut: nobody waits, and each address is told of once.
#[test]
fn after_a_cut_only_what_changed_is_told() {
    if !net::is_possible("servers in network namespaces") {
        return;
    }
    let mut site = Site::start_changed(
        Plot { kinds: &[Peregrine, Peregrine], ..PLAIN },
        |_, configuration| {
            configuration["cache-threshold"] = json!(0.0);
            let relationship = relationship(configuration);
            relationship["max-response-delay"] = json!(500);
            relationship["max-unacked-clients"] = json!(200);
            relationship["delayed-updates-limit"] = json!(10);
        },
    );
    site.clients.join_all(&mut Fleet::new([2, 0, 8, 0, 0, 0], RESTING));
    let mut states = Vec::new();
    let before = resent(&site);
    under_load(&mut site, |site, watch| {
        let end = watch.clock.now() + Duration::from_secs(5);
        site.cut(Cut::Apart(HOSTS[0], HOSTS[1]), true);
        while watch.clock.now() < end {
            perf::clock::pause(Duration::from_millis(20));
        }
        site.wait_for_states(["communication-recovery"; 2]);
        site.cut(Cut::Apart(HOSTS[0], HOSTS[1]), false);
        until("normal operation", PATIENCE, || {
            let now: Vec<String> = site.servers.iter().map(state_of).collect();
            let normal = now.iter().all(|state| state == site.plot.mode.name());
            states.extend(now);
            if normal { is_settled(site) } else { Err(Vec::new()) }
        });
    });
    let told = resent(&site) - before;
    println!(
        "{told} changes told again of {CLIENTS} leases that changed and {RESTING} that did not"
    );
    assert!((1..=u64::from(CLIENTS)).contains(&told), "{told}");
    let waits = states.iter().any(|state| ["waiting", "syncing"].contains(&state.as_str()));
    assert!(!waits, "{states:?}");
}
