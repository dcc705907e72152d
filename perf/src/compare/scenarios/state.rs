//! Scenarios about the leases that a server has: what they take in memory, and how soon it knows them. Shell.

use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

use super::Found;
use crate::clock::Clock;
use crate::compare::CompareError;
use crate::compare::configuration::Mode;
use crate::compare::lease_file::LeaseFile;
use crate::compare::load::{self, Outcome};
use crate::compare::measure::{Bench, Contender, Stand, tell};
use crate::compare::result::{Figure, Samples, Target};
use crate::compare::server::Server;
use crate::pace::Pace;

/// Leases of these scenarios.
const LEASES: u32 = 2_000_000;

fn lease_file(count: u32) -> LeaseFile {
    LeaseFile { first: Ipv4Addr::new(10, 0, 0, 1), count }
}

pub(super) fn memory(bench: &mut Bench<'_>) -> Result<Found, CompareError> {
    let count = bench.arguments.scaled(LEASES);
    let mut programs = vec![bench.programs.peregrine()];
    programs.extend(bench.programs.keas());
    let mut found = Found::default();
    for program in programs {
        let label = program.label();
        let mut octets = |leases: u32| -> Result<f64, CompareError> {
            let mut contender = Contender::plain(program.clone());
            if leases > 0 {
                contender = contender.with_leases(lease_file(leases));
            }
            let mut stand = bench.stand(contender)?;
            bench.start(&mut stand)?;
            Ok(stand.servers[0].memory()? as f64)
        };
        // Once is enough: it does not depend on who else runs.
        let each = (octets(count)? - octets(0)?) / f64::from(count);
        tell(&format!("{label}: {each:.0} octets a lease"));
        let note = format!("resident with {count} leases less resident with none");
        let samples = Samples(vec![each]);
        found.figures.push(Figure { label, unit: "octets a lease", samples, note });
    }
    let ours = found.figures[0].samples.clone();
    found.targets.push(Target::at_most("octets a lease, indexes included", 128.0, ours));
    Ok(found)
}

pub(super) fn start(bench: &mut Bench<'_>) -> Result<Found, CompareError> {
    let count = bench.arguments.scaled(LEASES);
    let mut programs = vec![bench.programs.peregrine()];
    programs.extend(bench.programs.keas());
    let mut stands = Vec::new();
    for program in programs {
        let contender = Contender::plain(program).with_leases(lease_file(count));
        stands.push((bench.stand(contender)?, Vec::new()));
    }
    for round in 0..bench.arguments.rounds() {
        for (stand, seconds) in &mut stands {
            seconds.push(seconds_to_first_lease(bench, stand)?);
            let last = seconds.last().copied().unwrap_or(0.0);
            tell(&format!("{}: round {}: {last:.2} s", stand.contender.label, round + 1));
        }
    }
    let note = format!("from the start to the first newcomer's lease, {count} leases in the file");
    let figures: Vec<Figure> = stands
        .into_iter()
        .map(|(stand, seconds)| Figure {
            label: stand.contender.label.clone(),
            unit: "s",
            samples: Samples(seconds),
            note: note.clone(),
        })
        .collect();
    let targets = times_faster(bench, &figures, 15.0);
    Ok(Found { figures, targets, remarks: vec![note] })
}

/// Clients that ask one after the other.
const FEW_CLIENTS: u32 = 65_536;

/// A newcomer asks all the while: nothing else tells so surely that a server serves.
fn seconds_to_first_lease(bench: &mut Bench<'_>, stand: &mut Stand) -> Result<f64, CompareError> {
    bench.prepare(stand, 0)?;
    let mut load = bench.load(stand, Pace::Window(1), 900.0);
    // A generator with millions of clients takes the processor from the server while it makes them.
    load.clients = FEW_CLIENTS;
    load.more = ["--enough", "1", "-d", "0.02"].map(str::to_owned).to_vec();
    let generator = bench.generators().spawn_own(&bench.lab, &load)?;
    let clock = Clock::start();
    let mut server = bench.spawn(stand, 0)?;
    let output = generator.wait_with_output().map_err(CompareError::machine(&"the generator"))?;
    let took = clock.now().as_secs_f64();
    server.check_running()?;
    match load::outcome(&output)?.completed {
        0 => Err(CompareError::NotHere(format!("{}: no lease in 900 s", stand.contender.label))),
        _ => Ok(took),
    }
}

/// How many times as long as Peregrine each Kea took; the target is for 2.2.
fn times_faster(bench: &Bench<'_>, figures: &[Figure], limit: f64) -> Vec<Target> {
    let keas = bench.programs.keas.iter().zip(&figures[1..]);
    keas.map(|(kea, figure)| {
        let what = format!("Kea {}'s time / Peregrine's", kea.version);
        let found = figure.samples.against(&figures[0].samples, 1.0);
        match kea.is_2_2() {
            true => Target::at_least(what, limit, found),
            false => Target::stated(what, found),
        }
    })
    .collect()
}

/// Newcomers a second who ask the other server meanwhile.
const NEWCOMERS: u32 = 200;
/// Leases that one server of a pair fetches from the other.
const FETCHED: u32 = 500_000;

pub(super) fn sync(bench: &mut Bench<'_>) -> Result<Found, CompareError> {
    let count = bench.arguments.scaled(FETCHED);
    let mut programs = vec![bench.programs.peregrine()];
    programs.extend(bench.programs.keas());
    let mut found = Found::default();
    for program in programs {
        let label = format!("{} pair", program.label());
        let mode = Mode::HotStandby;
        let mut pair = Contender::pair(label.clone(), [program.clone(), program], mode);
        pair.places[0].leases = Some(lease_file(count));
        let mut stand = bench.stand(pair)?;
        let (mut seconds, mut served) = (Vec::new(), Vec::new());
        for round in 0..bench.arguments.rounds() {
            let (took, outcome) = fetched(bench, &mut stand)?;
            tell(&format!("{label}: round {}: {took:.2} s", round + 1));
            seconds.push(took);
            let sent = outcome.sent[0].max(1) as f64;
            served.push(outcome.completed as f64 * 100.0 / sent);
            stand.servers.clear();
        }
        let served = Samples(served);
        let told = served.median();
        if found.figures.is_empty() {
            let what = "newcomers whom Peregrine served meanwhile, in percent";
            found.targets.push(Target::at_least(what, 99.0, served));
        }
        let note =
            format!("{told:.1} % of the newcomers who came meanwhile, 200 a second, were served");
        found.remarks.push(format!("{label}: {note}"));
        found.figures.push(Figure { label, unit: "s", samples: Samples(seconds), note });
    }
    found.targets.extend(times_faster(bench, &found.figures, 30.0));
    Ok(found)
}

/// How long the second server is in the state in which it fetches the first one's leases, and what clients saw.
fn fetched(bench: &mut Bench<'_>, stand: &mut Stand) -> Result<(f64, Outcome), CompareError> {
    bench.prepare(stand, 0)?;
    bench.prepare(stand, 1)?;
    let mut first = bench.spawn(stand, 0)?;
    first.wait_until_ready()?;
    // Nobody there to talk to: it serves alone.
    first.wait_for_state("partner-down")?;
    stand.servers.push(first);
    let mut load = bench.load(stand, Pace::Rate(NEWCOMERS), 900.0);
    load.clients = NEWCOMERS * 900;
    let generator = bench.generators().spawn_own(&bench.lab, &load)?;
    let took = seconds_in_sync(bench, stand);
    let _ = Command::new("kill").args(["-INT", &generator.id().to_string()]).status();
    let output = generator.wait_with_output().map_err(CompareError::machine(&"the generator"))?;
    Ok((took?, load::outcome(&output)?))
}

fn seconds_in_sync(bench: &Bench<'_>, stand: &mut Stand) -> Result<f64, CompareError> {
    let mut second = bench.spawn(stand, 1)?;
    second.wait_until_ready()?;
    let in_state = |server: &Server, states: &[&str]| {
        server.state().is_some_and(|state| states.contains(&state.as_str()))
    };
    // A fetch that is over before it was seen counts from the first sight of the server.
    let clock = Clock::start();
    second
        .wait("synchronisation", |server| in_state(server, &["syncing", "ready", "hot-standby"]))?;
    let began = if in_state(&second, &["syncing"]) { clock.now() } else { Duration::ZERO };
    second
        .wait("end of the synchronisation", |server| in_state(server, &["ready", "hot-standby"]))?;
    let took = clock.now().saturating_sub(began).as_secs_f64();
    stand.servers.push(second);
    Ok(took)
}
