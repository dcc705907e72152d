//! Scenarios in which a server has more to do than it can, or something else to do besides: overload, a burst, latency.
//! Shell.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::Found;
use crate::compare::cgroup::{Setting, Share};
use crate::compare::lab::Host;
use crate::compare::lease_file::LeaseFile;
use crate::compare::load::Outcome;
use crate::compare::measure::{Bench, Contender, Stand, tell};
use crate::compare::result::{Figure, Samples, Target};
use crate::compare::{CompareError, control};
use crate::pace::Pace;

/// Hundredths of a core that the overloaded server has.
const SHARE: u32 = 25;

pub(super) fn overload(bench: &mut Bench<'_>) -> Result<Found, CompareError> {
    // Made before the server and so gone after it.
    let share = Share::of_core(SHARE)?;
    let plain = Contender::plain(bench.programs.peregrine()).changed(by_default);
    let mut stand = bench.stand(plain)?;
    let (mut peaks, mut goods, mut lost, mut lost_first) = (vec![], vec![], vec![], vec![]);
    for round in 0..bench.arguments.rounds() {
        bench.start(&mut stand)?;
        share.hold(stand.servers[0].pid())?;
        if round == 0 {
            bench.choose_window(&mut stand)?;
        }
        let peak = bench.measure(&mut stand)?.rate;
        let outcome = offer(bench, &stand, 4.0 * peak)?;
        let good = outcome.rate;
        tell(&format!("round {}: peak {peak:.0}/s, overloaded {good:.0}/s", round + 1));
        peaks.push(peak);
        goods.push(good);
        lost.push(percent(outcome.drops[1], outcome.sent[1]));
        lost_first.push(percent(outcome.drops[0], outcome.sent[0]));
        stand.servers.clear();
    }
    let (peaks, goods) = (Samples(peaks), Samples(goods));
    let window = format!("closed loop, window {}", stand.window);
    let ratio = goods.against(&peaks, 1.0);
    let figures = vec![
        rate("Peregrine, its peak", peaks, window),
        rate("Peregrine, at 4 times as much", goods, "open loop".to_owned()),
    ];
    let targets = vec![
        Target::at_least("overloaded / peak", 0.85, ratio),
        Target::at_most("REQUESTs lost, in percent", 1.0, Samples(lost)),
        Target::stated("DISCOVERs lost, in percent", Samples(lost_first)),
    ];
    let remarks = vec![format!(
        "the server has {SHARE} hundredths of a core, given out every 10 ms; default settings"
    )];
    Ok(Found { figures, targets, remarks })
}

/// An open loop at this rate.
fn offer(bench: &mut Bench<'_>, stand: &Stand, rate: f64) -> Result<Outcome, CompareError> {
    let warm_up_s = stand.contender.warm_up_s;
    let seconds = f64::from(bench.arguments.seconds()) + warm_up_s;
    let mut load = bench.load(stand, Pace::Rate((rate as u32).max(1)), seconds);
    // What a server does before it is warm is another question than how it does.
    load.more.extend(["--warm-up".to_owned(), warm_up_s.to_string()]);
    bench.generators().run_own(&bench.lab, &load)
}

fn rate(label: &str, samples: Samples, note: String) -> Figure {
    Figure { label: label.to_owned(), unit: "leases/s", samples, note }
}

fn percent(part: u64, of: u64) -> f64 {
    if of == 0 { 0.0 } else { part as f64 * 100.0 / of as f64 }
}

/// Queues and threads as a server has them without being told.
fn by_default(all: &mut Value, _: &Host) {
    if let Some(all) = all.as_object_mut() {
        all.remove("multi-threading");
    }
}

/// DISCOVERs of the burst.
const BURST: u32 = 4096;
/// Octets that the kernel may be asked to hold for a socket.
const RMEM_MAX: u64 = 8 << 20;

/// In which they must have been sent, or it was no such burst.
const BURST_MS: f64 = 5.0;
/// How often it is tried in a round: whoever else wants the core makes it longer.
const BURST_TRIES: u32 = 8;

pub(super) fn burst(bench: &mut Bench<'_>) -> Result<Found, CompareError> {
    let _raised = Setting::at_least("/proc/sys/net/core/rmem_max", RMEM_MAX)?;
    let mut programs = vec![bench.programs.peregrine()];
    programs.extend(bench.programs.keas());
    let mut found = Found::default();
    let mut ours_ms = None;
    for program in programs {
        let mut stand = bench.stand(Contender::plain(program).changed(by_default))?;
        stand.hosts[0].expect_rmem_max(RMEM_MAX)?;
        let (mut lost, mut took_ms) = (Vec::new(), Vec::new());
        for _ in 0..bench.arguments.rounds() {
            let outcome = one_burst(bench, &mut stand)?;
            lost.push(outcome.drops[0] as f64);
            took_ms.push(outcome.begun_in_ms);
        }
        let took_ms = Samples(took_ms);
        let note = format!("{BURST} sent within {:.1} ms", took_ms.median());
        let label = stand.contender.label.clone();
        tell(&format!("{label}: {note}, lost: {:.0}", Samples(lost.clone()).median()));
        ours_ms.get_or_insert(took_ms);
        found.figures.push(Figure { label, unit: "DISCOVERs lost", samples: Samples(lost), note });
    }
    let ours = found.figures[0].samples.clone();
    found.targets.push(Target::at_most("DISCOVERs of Peregrine lost", 0.0, ours));
    let ours_ms = ours_ms.unwrap_or_default();
    found.targets.push(Target::at_most("ms in which they were sent", BURST_MS, ours_ms));
    found.remarks =
        found.figures.iter().map(|one| format!("{}: {}", one.label, one.note)).collect();
    Ok(found)
}

/// A burst on a server that was just started, short enough if the machine lets us: one that was too long shows nothing,
/// unless something was lost all the same.
fn one_burst(bench: &mut Bench<'_>, stand: &mut Stand) -> Result<Outcome, CompareError> {
    let mut shortest: Option<Outcome> = None;
    for _ in 0..BURST_TRIES {
        bench.start(stand)?;
        let mut load = bench.load(stand, Pace::Window(BURST), 5.0);
        load.clients = BURST;
        let count = BURST.to_string();
        load.more = ["-i", "-d", "2", "-n", &count, "--at-once"].map(str::to_owned).to_vec();
        let outcome = bench.generators().run_own(&bench.lab, &load)?;
        stand.servers.clear();
        let longer = |best: &Outcome| best.begun_in_ms > outcome.begun_in_ms;
        if outcome.drops[0] > 0 || shortest.as_ref().is_none_or(longer) {
            shortest = Some(outcome);
        }
        if shortest.as_ref().is_some_and(|it| it.drops[0] > 0 || it.begun_in_ms <= BURST_MS) {
            break;
        }
    }
    shortest.ok_or_else(|| CompareError::NotHere("no burst was sent".to_owned()))
}

/// Leases that are listed while clients are served.
const LISTED: u32 = 1_000_000;

pub(super) fn latency(bench: &mut Bench<'_>) -> Result<Found, CompareError> {
    let count = bench.arguments.scaled(LISTED);
    let leases = LeaseFile { first: Ipv4Addr::new(10, 0, 0, 1), count };
    let plain = Contender::plain(bench.programs.peregrine());
    let mut quiet = bench.stand(plain.clone().called("Peregrine"))?;
    let mut busy =
        bench.stand(plain.called("Peregrine, busy").with_leases(leases).changed(|all, _| {
            all["lease-database"]["lfc-interval"] = json!(2);
        }))?;
    busy.contender.kept = true;
    let (mut rates, mut quiet_ms, mut busy_ms) = (vec![], vec![], vec![]);
    let mut done = Done::default();
    bench.choose_window(&mut quiet)?;
    quiet.rest();
    for round in 0..bench.arguments.rounds() {
        let peak = bench.measure(&mut quiet)?.rate;
        quiet_ms.push(offer(bench, &quiet, peak / 2.0)?.answer_p99_ms);
        quiet.rest();
        bench.start(&mut busy)?;
        busy_ms.push(disturbed(bench, &busy, peak / 2.0, &mut done)?);
        rates.push(peak / 2.0);
        tell(&format!(
            "round {}: at {:.0}/s p99 {:.2} ms, {:.2} ms while busy",
            round + 1,
            peak / 2.0,
            quiet_ms[round as usize],
            busy_ms[round as usize]
        ));
    }
    let at = format!("at {:.0} leases/s", Samples(rates).median());
    let (quiet_ms, busy_ms) = (Samples(quiet_ms), Samples(busy_ms));
    let figure = |label: &str, samples: &Samples| {
        let (label, samples) = (label.to_owned(), samples.clone());
        Figure { label, unit: "ms (p99 of an answer)", samples, note: at.clone() }
    };
    let figures =
        vec![figure("Peregrine, at half its peak", &quiet_ms), figure("while busy", &busy_ms)];
    let targets = vec![
        Target::at_most("p99 at half the peak, in ms", 1.0, quiet_ms),
        Target::at_most("p99 while busy, in ms", 5.0, busy_ms),
    ];
    let remarks = vec![format!(
        "busy: {} listings of {count} leases or more, {} of {} reloads taken, the lease file cleaned up every 2 s",
        done.listings, done.reloads, done.reloads_asked
    )];
    Ok(Found { figures, targets, remarks })
}

/// What a busy server was asked for besides.
#[derive(Debug, Default)]
struct Done {
    listings: u32,
    reloads: u32,
    reloads_asked: u32,
}

/// The 99th percentile, in milliseconds, while the server lists all leases and reloads, again and again.
fn disturbed(
    bench: &mut Bench<'_>,
    stand: &Stand,
    rate: f64,
    done: &mut Done,
) -> Result<f64, CompareError> {
    const PATIENCE: Duration = Duration::from_secs(60);
    let (over, socket) = (AtomicBool::new(false), stand.servers[0].socket());
    let ask = |command: &str| {
        let answer = control::ask(&socket, command, Value::Null, PATIENCE);
        answer.is_ok_and(|answer| answer["result"] == 0)
    };
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut done = Done::default();
            while !over.load(Ordering::Relaxed) {
                done.listings += u32::from(ask("lease4-get-all"));
                done.reloads_asked += 1;
                done.reloads += u32::from(ask("config-reload"));
            }
            done
        });
        let outcome = offer(bench, stand, rate);
        over.store(true, Ordering::Relaxed);
        if let Ok(asked) = asking.join() {
            done.listings += asked.listings;
            done.reloads += asked.reloads;
            done.reloads_asked += asked.reloads_asked;
        }
        Ok(outcome?.answer_p99_ms)
    })
}
