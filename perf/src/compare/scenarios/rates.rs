//! Scenarios that ask how many leases a second there are: contenders side by side in a closed loop. Shell.

use std::fs;
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::Found;
use crate::compare::CompareError;
use crate::compare::configuration::Mode;
use crate::compare::lab::{Host, RELAY_STEP, RELAYS};
use crate::compare::lease_file::LeaseFile;
use crate::compare::measure::{Bench, Contender, tell};
use crate::compare::program::Program;
use crate::compare::result::{Figure, Samples, Target};
use crate::pace::Pace;

/// Octets of an answer if nobody tells.
const USUAL_ANSWER: u16 = 300;

pub(super) fn dora(bench: &mut Bench<'_>) -> Result<Found, CompareError> {
    let size = reply_size(bench)?;
    let mut contenders = vec![
        Contender::plain(Program::Echo { size }),
        Contender::plain(bench.programs.peregrine()),
    ];
    contenders.extend(bench.programs.keas().map(Contender::plain));
    let figures = bench.rates(contenders)?;
    let ours = &figures[1].samples;
    // Both sides count exchanges of two round trips.
    let ceiling = ours.against(&figures[0].samples, 1.0);
    let mut targets = vec![Target::at_least("2 x leases / echo round trips", 0.70, ceiling)];
    targets.extend(against_kea(&figures, bench, ours, 8.0));
    let remarks = vec![format!("answers of {size} octets, the echo's as well")];
    Ok(Found { figures, targets, remarks })
}

/// Octets of Peregrine's answers, which the echo's are to have, too.
fn reply_size(bench: &mut Bench<'_>) -> Result<u16, CompareError> {
    let mut stand = bench.stand(Contender::plain(bench.programs.peregrine()))?;
    bench.start(&mut stand)?;
    let load = bench.load(&stand, Pace::Window(8), 0.2);
    let found = bench.generators().run_own(&bench.lab, &load)?.reply_octets;
    Ok(if found > 0.0 { (found.round() as u16).max(280) } else { USUAL_ANSWER })
}

/// `ours` against each Kea's figure; the target is for 2.2, the others are stated.
fn against_kea(figures: &[Figure], bench: &Bench<'_>, ours: &Samples, limit: f64) -> Vec<Target> {
    let keas = bench.programs.keas();
    let found = keas.filter_map(|program| {
        let figure = figures.iter().find(|figure| figure.label.starts_with(&program.label()))?;
        let what = format!("Peregrine / {}", program.label());
        let found = ours.against(&figure.samples, 1.0);
        Some(match program {
            Program::Kea(kea) if kea.is_2_2() => Target::at_least(what, limit, found),
            _ => Target::stated(what, found),
        })
    });
    found.collect()
}

/// Peregrine in its plain setup and in another one, which must reach a part of the plain one's rate.
fn beside_plain(
    bench: &mut Bench<'_>,
    what: &str,
    limit: f64,
    plain: Contender,
    other: Contender,
) -> Result<Found, CompareError> {
    let figures = bench.rates(vec![plain, other])?;
    let found = figures[1].samples.against(&figures[0].samples, 1.0);
    let targets = vec![Target::at_least(what, limit, found)];
    Ok(Found { figures, targets, remarks: Vec::new() })
}

fn ours(bench: &Bench<'_>, label: &str) -> Contender {
    Contender::plain(bench.programs.peregrine()).called(format!("Peregrine, {label}"))
}

pub(super) fn fdatasync(bench: &mut Bench<'_>) -> Result<Found, CompareError> {
    let on_disk = ours(bench, "on disk").changed(|all, _| {
        all["lease-database"]["user-context"] = json!({"peregrine": {"durability": "disk"}});
    });
    let plain = ours(bench, "to the kernel");
    beside_plain(bench, "on disk / to the kernel", 0.80, plain, on_disk)
}

pub(super) fn logging(bench: &mut Bench<'_>) -> Result<Found, CompareError> {
    let plain = ours(bench, "warnings only");
    let logged = ours(bench, "INFO").changed(|all, _| {
        all["loggers"][0]["severity"] = json!("INFO");
    });
    let mut found = beside_plain(bench, "INFO / warnings only", 0.60, plain, logged.clone())?;
    let missing = missing_lines(bench, logged)?;
    found.targets.push(Target::at_most("acknowledgements without their line", 0.0, missing));
    Ok(found)
}

/// Acknowledgements of one more run that have no line in the log.
fn missing_lines(bench: &mut Bench<'_>, logged: Contender) -> Result<Samples, CompareError> {
    let mut stand = bench.stand(logged)?;
    let outcome = bench.measure(&mut stand)?;
    let server = &stand.servers[0];
    let sent = server.counter("pkt4-ack-sent").unwrap_or(outcome.completed);
    let log = stand.hosts[0].folder.join("log");
    let lines = || {
        let octets = fs::read(&log).unwrap_or_default();
        octets.split(|octet| *octet == b'\n').filter(|line| is_lease_line(line)).count() as u64
    };
    let seen = stand.servers[0].wait("as many log lines as leases", |_| lines() >= sent);
    let missing = match seen {
        Ok(()) => 0,
        Err(CompareError::Interrupted) => return Err(CompareError::Interrupted),
        Err(_) => sent.saturating_sub(lines()),
    };
    tell(&format!("{missing} of {sent} acknowledgements have no line"));
    Ok(Samples(vec![missing as f64]))
}

fn is_lease_line(line: &[u8]) -> bool {
    const ID: &[u8] = b"DHCP4_LEASE_ALLOC";
    line.windows(ID.len()).any(|part| part == ID)
}

pub(super) fn hot_standby(bench: &mut Bench<'_>) -> Result<Found, CompareError> {
    pairs(bench, Mode::HotStandby)
}

pub(super) fn load_balancing(bench: &mut Bench<'_>) -> Result<Found, CompareError> {
    pairs(bench, Mode::LoadBalancing)
}

fn pairs(bench: &mut Bench<'_>, mode: Mode) -> Result<Found, CompareError> {
    let of = |program: Program| {
        Contender::pair(format!("{} pair", program.label()), [program.clone(), program], mode)
    };
    let mut contenders = vec![of(bench.programs.peregrine())];
    contenders.extend(bench.programs.keas().map(of));
    let figures = bench.rates(contenders)?;
    let targets = against_kea(&figures, bench, &figures[0].samples, 12.0);
    Ok(Found { figures, targets, remarks: Vec::new() })
}

pub(super) fn mixed(bench: &mut Bench<'_>) -> Result<Found, CompareError> {
    let missing = || CompareError::NotHere("not measured: no Kea 2.2 is installed".to_owned());
    let kea = bench.programs.kea_2_2().ok_or_else(missing)?;
    let ours = bench.programs.peregrine();
    let mode = Mode::HotStandby;
    let figures = bench.rates(vec![
        Contender::pair("Peregrine with Kea 2.2", [ours, kea.clone()], mode),
        Contender::pair("Kea 2.2 with Kea 2.2", [kea.clone(), kea], mode),
    ])?;
    let found = figures[0].samples.against(&figures[1].samples, 1.0);
    let targets = vec![Target::at_least("mixed pair / pair of two Keas", 1.3, found)];
    Ok(Found { figures, targets, remarks: Vec::new() })
}

pub(super) fn leases(bench: &mut Bench<'_>) -> Result<Found, CompareError> {
    let count = bench.arguments.scaled(10_000_000);
    let first = Ipv4Addr::new(10, 0, 0, 1);
    let mut large = ours(bench, &format!("{count} leases"));
    large = large.with_leases(LeaseFile { first, count });
    large.kept = true;
    let plain = ours(bench, "empty");
    beside_plain(bench, "with leases / empty", 0.85, plain, large)
}

/// Subnets of the scenario, and classes.
const SUBNETS: u32 = 10_000;
const CLASSES: u32 = 10;

pub(super) fn subnets(bench: &mut Bench<'_>) -> Result<Found, CompareError> {
    let behind_relays = |bench: &Bench<'_>, label: &str| {
        let mut contender = ours(bench, label);
        contender.relays = SUBNETS;
        // One /22 of the shared address space for each relay: a thousand clients.
        contender.clients = SUBNETS * 900;
        contender.more = vec!["--option-82".to_owned()];
        contender
    };
    let many = behind_relays(bench, "10,000 subnets").changed(|all, _| {
        all["subnet4"] = (0..SUBNETS).map(subnet_of_relay).collect();
        all["client-classes"] = (0..CLASSES).map(class).collect();
    });
    // Answers to 10,000 relays are as many datagrams for the kernel, and option 82 goes there and back: these have both.
    let label = "one subnet of 10,000 relays, the same classes";
    let alike = behind_relays(bench, label).changed(|all, _| {
        name_relays(all);
        all["client-classes"] = (0..CLASSES).map(class).collect();
    });
    let bare =
        behind_relays(bench, "one subnet of 10,000 relays").changed(|all, _| name_relays(all));
    let figures = bench.rates(vec![ours(bench, "one subnet of one relay"), bare, alike, many])?;
    let against = |other: usize| figures[3].samples.against(&figures[other].samples, 1.0);
    let targets = vec![
        Target::at_least("10,000 subnets / one subnet, relays and classes alike", 0.85, against(2)),
        Target::stated("10,000 subnets / one subnet of as many relays, no classes", against(1)),
        Target::stated("10,000 subnets / one subnet of one relay, no classes", against(0)),
    ];
    Ok(Found { figures, targets, remarks: Vec::new() })
}

/// The one subnet is that of all relays.
fn name_relays(all: &mut Value) {
    let relays = (0..SUBNETS).map(relay).map(|relay| relay.to_string());
    all["subnet4"][0]["relay"]["ip-addresses"] = relays.collect();
}

/// One of the many relays.
fn relay(number: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(RELAYS) + number * RELAY_STEP)
}

/// The subnet behind it.
fn subnet_of_relay(number: u32) -> Value {
    let first = u32::from(Ipv4Addr::new(10, 0, 0, 0)) + number * 1024;
    let address = |more: u32| Ipv4Addr::from(first + more);
    json!({
        "id": number + 1, "subnet": format!("{}/22", address(0)),
        "pools": [{"pool": format!("{} - {}", address(10), address(1020))}],
        "relay": {"ip-addresses": [relay(number).to_string()]},
        "option-data": [{"name": "routers", "data": address(1).to_string()}],
    })
}

/// A class by what the relay or the client says; some match, some do not.
fn class(number: u32) -> Value {
    let test = match number % 5 {
        0 => format!("substring(relay4[1].hex,3,1) == 0x{number:02x}"),
        1 => "relay4[2].exists".to_owned(),
        2 => format!("substring(pkt4.mac,5,1) == 0x{number:02x}"),
        3 => "option[60].exists".to_owned(),
        _ => format!("option[12].text == 'host-{number}'"),
    };
    json!({"name": format!("class-{number}"), "test": test})
}

pub(super) fn full(bench: &mut Bench<'_>) -> Result<Found, CompareError> {
    // A hundredth is left, and must last for a run: of a larger pool more is left.
    let size = bench.arguments.scaled(8_000_000);
    let taken = size / 100 * 99;
    let first = Ipv4Addr::new(10, 0, 0, 1);
    let last = Ipv4Addr::from(u32::from(first) + size - 1);
    let mut full = ours(bench, "99 % full").with_leases(LeaseFile { first, count: taken });
    full = full.changed(move |all, host| {
        released_is_free(all, host);
        all["subnet4"][0]["pools"] = json!([{"pool": format!("{first} - {last}")}]);
    });
    full.kept = true;
    // Each run takes three quarters of what is free and gives it back: 99.0 to 99.75 % are taken while it lasts.
    let each = (size - taken) / 4 * 3;
    (full.clients, full.warm_up_s) = (each, 0.0);
    full.more = vec!["-n".to_owned(), each.to_string(), "--release-after".to_owned()];
    let mut plain = ours(bench, "empty").changed(released_is_free);
    (plain.clients, plain.warm_up_s, plain.more) = (each, 0.0, full.more.clone());
    let mut found = beside_plain(bench, "99 % full / empty", 0.80, plain, full)?;
    found.remarks.push(format!("each run ends after {each} leases, which are given back after it"));
    Ok(found)
}

/// A released address may be given to anybody at once.
fn released_is_free(all: &mut Value, _: &Host) {
    all["expired-leases-processing"] = json!({"hold-reclaimed-time": 0});
}

pub(super) fn reservations(bench: &mut Bench<'_>) -> Result<Found, CompareError> {
    let count = bench.arguments.scaled(1_000_000);
    let mut reserved = ours(bench, &format!("{count} reservations")).changed(move |all, _| {
        all["subnet4"][0]["reservations"] = (0..count).map(reservation).collect();
    });
    reserved.kept = true;
    let plain = ours(bench, "none");
    beside_plain(bench, "with reservations / none", 0.85, plain, reserved)
}

/// A reservation for somebody who does not come, at the end of the pool.
fn reservation(number: u32) -> Value {
    let [a, b, c, d] = number.to_be_bytes();
    let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 255, 255, 254)) - number);
    json!({
        "hw-address": format!("06:01:{a:02x}:{b:02x}:{c:02x}:{d:02x}"),
        "ip-address": address.to_string(),
    })
}

pub(super) fn workers(bench: &mut Bench<'_>) -> Result<Found, CompareError> {
    let with = |workers: u16| {
        let mut contender = ours(bench, &format!("{workers} worker(s)"));
        contender.workers = Some(workers);
        contender
    };
    let figures = bench.rates(vec![with(1), with(2)])?;
    let found = figures[1].samples.against(&figures[0].samples, 1.0);
    let targets = vec![Target::stated("2 workers / 1 worker", found)];
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let remarks = vec![match cores {
        0..=2 => format!("{cores} cores: the second worker shares one with the generator"),
        _ => format!("{cores} cores: the generator has one of its own"),
    }];
    Ok(Found { figures, targets, remarks })
}
