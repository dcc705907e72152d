//! Every mode with a Kea 2.2 on either side, with and without a backup, told as stories: deaths, cuts, what
//! administrators do. Each combination tells each story in a test of its own.
//!
//! What is met where, ours as the first server and as the second each time (d: `deaths`, c: `cuts`, a: `administrators`,
//! b: `backups`, t: [`crate::tls`]; a capital letter: under TLS and with passwords):
//!
//! | step | load-balancing | with a backup | hot-standby | with a backup | passive-backup | with two |
//! |---|---|---|---|---|---|---|
//! | start, serve | d c a D C A T | D C A | d c a D C A T | D C A | b B | B |
//! | SIGKILL of either, return | d D T | D | d D T | D | b B | B |
//! | SIGKILL of a backup, return | | D | | D | b B | B |
//! | partition, both ways | c C | C | c C | C | b B | B |
//! | partition, one way | c C | C | c C | C | b B | B |
//! | maintenance, start and cancel | a A | A | a A | A | b B (refused) | B (refused) |
//! | ha-sync | a A | A | a A | A | b B | B |
//! | ha-scopes | a A | A | a A | A | b B | B |
//! | certificates, passwords | D C A T | D C A | D C A T | D C A | B | B |
//! | passwords alone | t | | t | | | |
//!
//! The first server's backup is another program than its partner, or the same; leases are compared page by page after
//! each step, with [`crate::site::pages`].

use serde_json::{Value, json};

use crate::pair::Mode;
use crate::site::{ADDRESSES, HOSTS, Plot, Site, name, state_of};
use crate::support::net::{self, Cut};
use crate::support::server::Kind::{self, Kea, Peregrine};
use crate::support::server::PATIENCE;
use crate::support::wait::until;

/// As most sites are: no certificates, clients wait for no backup.
pub(crate) const PLAIN: Plot = Plot {
    mode: Mode::LoadBalancing,
    kinds: &[],
    secured: false,
    wait_backup_ack: false,
    heartbeat_ms: 200,
    valid_lifetime_s: 600,
};

/// As above, with certificates and passwords on every connection.
const SECURED: Plot = Plot { secured: true, ..PLAIN };

const fn plot(mode: Mode, kinds: &'static [Kind], base: Plot) -> Plot {
    Plot { mode, kinds, ..base }
}

/// The stories of a pair, for one combination.
macro_rules! pairs {
    ($($name:ident: $plot:expr;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn deaths() {
                super::deaths($plot);
            }

            #[test]
            fn cuts() {
                super::cuts($plot);
            }

            #[test]
            fn administrators() {
                super::administrators($plot);
            }
        }
    )*};
}

pairs! {
    balancing_ours_first: plot(Mode::LoadBalancing, &[Peregrine, Kea], PLAIN);
    balancing_kea_first: plot(Mode::LoadBalancing, &[Kea, Peregrine], PLAIN);
    balancing_ours_first_backup_ours:
        plot(Mode::LoadBalancing, &[Peregrine, Kea, Peregrine], SECURED);
    balancing_kea_first_backup_kea: plot(Mode::LoadBalancing, &[Kea, Peregrine, Kea], SECURED);
    standby_ours_first: plot(Mode::HotStandby, &[Peregrine, Kea], PLAIN);
    standby_kea_first: plot(Mode::HotStandby, &[Kea, Peregrine], PLAIN);
    balancing_ours_first_secured: plot(Mode::LoadBalancing, &[Peregrine, Kea], SECURED);
    balancing_kea_first_secured: plot(Mode::LoadBalancing, &[Kea, Peregrine], SECURED);
    standby_ours_first_secured: plot(Mode::HotStandby, &[Peregrine, Kea], SECURED);
    standby_kea_first_secured: plot(Mode::HotStandby, &[Kea, Peregrine], SECURED);
    standby_ours_first_backup_kea: plot(Mode::HotStandby, &[Peregrine, Kea, Kea], SECURED);
    standby_kea_first_backup_ours: plot(Mode::HotStandby, &[Kea, Peregrine, Peregrine], SECURED);
    // The stories are true of the original.
    balancing_of_keas: plot(Mode::LoadBalancing, &[Kea, Kea, Kea], SECURED);
    standby_of_keas: plot(Mode::HotStandby, &[Kea, Kea, Kea], PLAIN);
}

fn is_possible() -> bool {
    net::is_possible("servers in network namespaces")
}

/// Each server is killed, missed, and taken back.
fn deaths(plot: Plot) {
    if !is_possible() {
        return;
    }
    let mut site = Site::start(plot);
    site.serve(20);
    for victim in [1, 0] {
        site.kill(victim);
        site.wait_for_takeover(1 - victim);
        site.serve(20);
        site.start_again(victim);
        site.wait_until_normal();
        site.compare();
    }
    if plot.kinds.len() > 2 {
        // A backup misses what happens while it is away, and fetches it when it is told to.
        site.kill(2);
        site.serve(10);
        site.start_again(2);
        site.wait_until_normal();
        site.synchronise(2, 0);
        site.compare();
    }
    site.serve(10);
}

/// The servers live and serve, but do not hear each other: at first not at all, then one way only.
fn cuts(plot: Plot) {
    if !is_possible() {
        return;
    }
    let mut site = Site::start(plot);
    site.serve(20);
    let cuts = [
        Cut::Apart("one", "two"),
        Cut::OneWay { from: "one", to: ADDRESSES[1] },
        Cut::OneWay { from: "two", to: ADDRESSES[0] },
    ];
    for cut in cuts {
        site.cut(cut, true);
        site.wait_for_states(match plot.mode {
            Mode::LoadBalancing => ["communication-recovery"; 2],
            // Nobody complains, so that the standby leaves the clients to the primary.
            _ => ["partner-down", "hot-standby"],
        });
        site.serve_apart(20);
        site.cut(cut, false);
        site.wait_until_normal();
        // Before anybody renews: what each granted without the other is known by now.
        site.compare();
        site.serve(10);
    }
}

/// Maintenance, synchronisation and scopes by hand.
fn administrators(plot: Plot) {
    if !is_possible() {
        return;
    }
    let mut site = Site::start(plot);
    site.serve(20);
    for stays in [0, 1] {
        maintenance(&mut site, stays);
    }
    for place in 0..plot.kinds.len() {
        let from = if place == 0 { 1 } else { 0 };
        site.differ(place, from);
        site.synchronise(place, from);
        site.agree(place, from);
        site.compare();
    }
    scopes(&mut site);
}

/// `stays` takes over and gives back; then takes over for good, and the other one is restarted.
fn maintenance(site: &mut Site, stays: usize) {
    let leaves = 1 - stays;
    site.order(stays, "ha-maintenance-start", &Value::Null);
    during_maintenance(site, stays);
    let served = site.serve_apart(10);
    assert_eq!(served.into_iter().collect::<Vec<_>>(), [(ADDRESSES[stays].parse().unwrap(), 10)]);
    site.compare();
    cancel_maintenance(site, stays);
    site.serve(10);

    site.order(stays, "ha-maintenance-start", &Value::Null);
    during_maintenance(site, stays);
    site.kill(leaves);
    // Nobody has to complain: its silence was announced.
    site.servers[stays].wait_for_state(&["partner-down"]);
    site.serve(10);
    site.start_again(leaves);
    site.wait_until_normal();
    site.compare();
    site.serve(10);
}

fn during_maintenance(site: &Site, stays: usize) {
    site.servers[stays].wait_for_state(&["partner-in-maintenance"]);
    site.servers[1 - stays].wait_for_state(&["in-maintenance"]);
}

/// The scopes are moved to the second server, and back.
fn scopes(site: &mut Site) {
    let all = match site.plot.mode {
        Mode::LoadBalancing => vec![name(0), name(1)],
        _ => vec![name(0)],
    };
    let set = |site: &Site, scopes: [&[String]; 2]| {
        // The one that gives up goes first, so that no client has two servers.
        let order = if scopes[0].is_empty() { [0, 1] } else { [1, 0] };
        for place in order {
            site.order(place, "ha-scopes", &json!({"scopes": scopes[place]}));
        }
    };
    set(site, [&[], &all]);
    let served = site.serve_apart(10);
    assert_eq!(served.into_iter().collect::<Vec<_>>(), [(ADDRESSES[1].parse().unwrap(), 10)]);
    site.compare();
    match site.plot.mode {
        Mode::LoadBalancing => set(site, [&all[..1], &all[1..]]),
        _ => set(site, [&all, &[]]),
    }
    site.serve(10);
}

/// Ends a maintenance for good: until both have seen each other out of it. A Kea that cancels may go back into it, with
/// another Kea as well, by what it had seen of its partner before; and would serve its partner's clients meanwhile.
fn cancel_maintenance(site: &Site, stays: usize) {
    site.order(stays, "ha-maintenance-cancel", &Value::Null);
    until("end of the maintenance", PATIENCE, || {
        if state_of(&site.servers[stays]) == "partner-in-maintenance" {
            // Refused as long as the partner has not followed it back.
            site.servers[stays].command(&json!({"command": "ha-maintenance-cancel"}));
        }
        is_settled(site)
    });
}

/// Whether both are in normal operation, and know it of each other.
pub(crate) fn is_settled(site: &Site) -> Result<(), Vec<Value>> {
    let seen = site.servers[..2].iter().map(|server| {
        let ha = server.ha();
        [ha["local"]["state"].clone(), ha["remote"]["last-state"].clone()]
    });
    let seen: Vec<_> = seen.flatten().collect();
    let normal = seen.iter().all(|state| state == site.plot.mode.name());
    if normal { Ok(()) } else { Err(seen) }
}

/// A primary with backups: they follow, fetch what they missed, and one of them serves when it is told to.
fn backups(plot: Plot) {
    if !is_possible() {
        return;
    }
    let mut site = Site::start(plot);
    site.serve(20);
    let last = plot.kinds.len() - 1;
    site.kill(last);
    if plot.wait_backup_ack {
        site.serve_nobody("a backup is away, and clients wait for it");
    } else {
        site.serve_apart(20);
    }
    site.start_again(last);
    site.wait_until_normal();
    site.synchronise(last, 0);
    site.serve(10);

    cut_backup(&mut site, last);
    if plot.kinds[0] == Peregrine {
        // Nobody takes over from a primary that has no partner.
        let answer = site.servers[0].command(&json!({"command": "ha-maintenance-start"}));
        assert_ne!(answer["result"], 0, "{answer}");
        assert_eq!(state_of(&site.servers[0]), plot.mode.name());
        site.serve(10);
    }
    manual_failover(&mut site);
}

/// A backup is not heard, does not hear, or neither, and fetches what it missed. Where clients do not wait for it they are
/// served all the time, and it knows of them before they renew.
fn cut_backup(site: &mut Site, backup: usize) {
    let cuts = [
        Cut::OneWay { from: HOSTS[backup], to: ADDRESSES[0] },
        Cut::OneWay { from: HOSTS[0], to: ADDRESSES[backup] },
        Cut::Apart(HOSTS[0], HOSTS[backup]),
    ];
    for cut in cuts {
        site.cut(cut, true);
        if site.plot.wait_backup_ack {
            site.serve_nobody("a backup is cut off, and clients wait for it");
        } else {
            site.serve_apart(10);
        }
        site.cut(cut, false);
        site.wait_until_normal();
        if !site.plot.wait_backup_ack {
            site.synchronise(backup, 0);
            site.compare();
        }
        site.serve(10);
    }
}

/// The primary dies and returns; dies, the first backup is told to serve, and the primary fetches what it missed.
fn manual_failover(site: &mut Site) {
    site.kill(0);
    site.start_again(0);
    site.wait_until_normal();
    site.serve(10);
    site.kill(0);
    site.serve_nobody("a backup serves nobody by itself");
    site.order(1, "ha-scopes", &json!({"scopes": [name(0)]}));
    // Whoever holds the service off has to let it go: High Availability itself.
    site.order(1, "dhcp-enable", &json!({"origin": "ha-partner", "origin-id": 1000}));
    let served = site.serve_apart(10);
    assert_eq!(served.into_iter().collect::<Vec<_>>(), [(ADDRESSES[1].parse().unwrap(), 10)]);
    site.order(1, "ha-scopes", &json!({"scopes": []}));
    if site.plot.kinds[0] == Kea {
        // It never answers an ha-sync that names a backup, also if that is a Kea.
        return;
    }
    site.start_again(0);
    site.wait_until_normal();
    for place in [0, 2] {
        if site.servers.get(place).is_some() {
            site.synchronise(place, 1);
        }
    }
    site.serve(10);
}

/// Clients wait for the backups, and nobody else gets in.
const WAITING: Plot = Plot { wait_backup_ack: true, ..SECURED };

#[test]
fn passive_backup_ours_first() {
    backups(plot(Mode::PassiveBackup, &[Peregrine, Kea], PLAIN));
}

#[test]
fn passive_backup_kea_first() {
    backups(plot(Mode::PassiveBackup, &[Kea, Peregrine], PLAIN));
}

#[test]
fn passive_backup_ours_first_waiting() {
    backups(plot(Mode::PassiveBackup, &[Peregrine, Kea], WAITING));
}

#[test]
fn passive_backup_kea_first_waiting() {
    backups(plot(Mode::PassiveBackup, &[Kea, Peregrine], WAITING));
}

#[test]
fn passive_backup_ours_first_with_two() {
    backups(plot(Mode::PassiveBackup, &[Peregrine, Kea, Peregrine], SECURED));
}

#[test]
fn passive_backup_kea_first_with_two() {
    backups(plot(Mode::PassiveBackup, &[Kea, Peregrine, Kea], SECURED));
}

/// The story is true of the original.
#[test]
fn passive_backup_of_keas() {
    backups(plot(Mode::PassiveBackup, &[Kea, Kea, Kea], PLAIN));
}

/// A maintenance is cancelled again and again, at heartbeats so short that some are always under way: cancelled once,
/// it stays so.
fn maintenances_cancelled(plot: Plot, stays: usize) {
    if !is_possible() {
        return;
    }
    let mut site = Site::start(Plot { heartbeat_ms: 100, ..plot });
    for _ in 0..15 {
        site.order(stays, "ha-maintenance-start", &Value::Null);
        during_maintenance(&site, stays);
        site.order(stays, "ha-maintenance-cancel", &Value::Null);
        site.wait_until_normal();
        // Lease updates lead a Kea astray now and then; it is called back.
        site.serve(2);
        until("end of the maintenance", PATIENCE, || is_settled(&site));
    }
}

#[test]
fn our_primary_cancels_maintenances_of_a_kea() {
    maintenances_cancelled(plot(Mode::HotStandby, &[Peregrine, Kea], PLAIN), 0);
    maintenances_cancelled(plot(Mode::LoadBalancing, &[Peregrine, Kea], PLAIN), 0);
}

#[test]
fn our_partner_cancels_maintenances_of_a_kea() {
    maintenances_cancelled(plot(Mode::HotStandby, &[Kea, Peregrine], PLAIN), 1);
    maintenances_cancelled(plot(Mode::LoadBalancing, &[Kea, Peregrine], PLAIN), 1);
}

#[test]
fn two_peregrines_cancel_maintenances() {
    maintenances_cancelled(plot(Mode::LoadBalancing, &[Peregrine, Peregrine], PLAIN), 0);
    maintenances_cancelled(plot(Mode::HotStandby, &[Peregrine, Peregrine], PLAIN), 1);
}

/// The first server cancels a maintenance and renews a lease before the next heartbeat. Gives whether it goes back into
/// the maintenance, by the state that it saw its partner in before.
fn goes_back(kinds: &'static [Kind]) -> bool {
    let mut site = Site::start(Plot { heartbeat_ms: 2000, ..plot(Mode::HotStandby, kinds, PLAIN) });
    site.serve(5);
    site.order(0, "ha-maintenance-start", &Value::Null);
    during_maintenance(&site, 0);
    until("heartbeat that tells of the maintenance", PATIENCE, || {
        let seen = site.servers[0].ha()["remote"]["last-state"].clone();
        if seen == "in-maintenance" { Ok(()) } else { Err(seen) }
    });
    site.order(0, "ha-maintenance-cancel", &Value::Null);
    assert_eq!(state_of(&site.servers[0]), "hot-standby");
    site.serve_apart(5);
    let back = state_of(&site.servers[0]) == "partner-in-maintenance";
    if !back {
        // One that is back draws its partner in again with the next heartbeat.
        assert_eq!(state_of(&site.servers[1]), "hot-standby", "the partner has left it");
    }
    back
}

/// Why the stories with a Kea cancel a maintenance until it is over: two Keas do it among themselves.
#[test]
fn a_kea_goes_back_into_a_maintenance_that_it_cancelled() {
    if is_possible() {
        assert!(goes_back(&[Kea, Kea]));
    }
}

#[test]
fn a_peregrine_does_not_go_back_into_a_maintenance_that_it_cancelled() {
    if is_possible() {
        for kinds in [&[Peregrine, Kea], &[Peregrine, Peregrine]] {
            assert!(!goes_back(kinds));
        }
    }
}
