//! The load on a server: the generator as a process of its own in its namespace, and what it reports. Shell, but for
//! reading reports.

use std::net::Ipv4Addr;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::CompareError;
use super::lab::{self, Lab, RELAY, RELAY_STEP, RELAYS};
use super::options::{Arguments, Generator};
use super::program::{Programs, on_path};
use crate::pace::Pace;
use crate::syscall;

/// What clients do, and for how long.
#[derive(Clone, Debug)]
pub(super) struct Load {
    /// The servers, each of which hears every query.
    pub(super) servers: Vec<Ipv4Addr>,
    /// A window or a rate.
    pub(super) pace: Pace,
    /// How long exchanges begin, in seconds.
    pub(super) seconds: f64,
    /// Different clients; none of them came in an earlier run.
    pub(super) clients: u32,
    /// The run's number, which makes them so.
    pub(super) run: u32,
    /// Relays in front of them; 1: the one of all scenarios.
    pub(super) relays: u32,
    /// Further options of the generator.
    pub(super) more: Vec<String>,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    /// Exchanges that ended well, per second.
    pub(super) rate: f64,
    /// How many in all.
    pub(super) completed: u64,
    /// Queries sent: DISCOVERs, REQUESTs.
    pub(super) sent: [u64; 2],
    /// Of them without answer.
    pub(super) drops: [u64; 2],
    /// From DISCOVER to ACK: median and 99th percentile, in milliseconds.
    pub(super) latency_ms: [f64; 2],
    /// From a query to its answer, the slower of both kinds: 99th percentile, in milliseconds.
    pub(super) answer_p99_ms: f64,
    /// Until the last exchange began, in milliseconds.
    pub(super) begun_in_ms: f64,
    /// Answers that were wrong.
    pub(super) wrong: u64,
    /// Octets of an answer.
    pub(super) reply_octets: f64,
}

/// Who makes loads.
#[derive(Debug)]
pub(super) struct Generators<'a> {
    pub(super) programs: &'a Programs,
    pub(super) arguments: &'a Arguments,
}

/// perfdhcp's first rate, and by how much more it is tried with next.
const FIRST_RATE: f64 = 2000.0;
const RAISE: f64 = 1.4;
/// A server follows while it serves so much of the rate.
const FOLLOWS: f64 = 0.9;
/// Rates at most.
const RATES: usize = 24;

impl Generators<'_> {
    /// Makes the load with the generator that was chosen.
    pub(super) fn run(&self, lab: &Lab, load: &Load) -> Result<Outcome, CompareError> {
        match self.arguments.generator {
            Generator::Own => self.run_own(lab, load),
            Generator::Perfdhcp => self.run_perfdhcp(lab, load),
        }
    }

    /// Starts ours and does not wait.
    pub(super) fn spawn_own(
        &self,
        lab: &Lab,
        load: &Load,
    ) -> Result<std::process::Child, CompareError> {
        let mut command = self.own(lab, load);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        syscall::die_with_parent(&mut command)
            .spawn()
            .map_err(CompareError::machine(&"the generator"))
    }

    /// Makes the load with ours.
    pub(super) fn run_own(&self, lab: &Lab, load: &Load) -> Result<Outcome, CompareError> {
        let child = self.spawn_own(lab, load)?;
        let output = child.wait_with_output().map_err(CompareError::machine(&"the generator"))?;
        outcome(&output)
    }

    fn own(&self, lab: &Lab, load: &Load) -> Command {
        let mut command = self.pinned(lab, &self.programs.own);
        let relays = load.relays.to_string();
        match load.relays {
            1 => command.args(["-l", &RELAY.to_string()]),
            _ => command
                .args(["--giaddr", &RELAYS.to_string(), "--relays", &relays])
                .args(["--giaddr-step", &RELAY_STEP.to_string()]),
        };
        match load.pace {
            Pace::Window(size) => command.args(["--window", &size.to_string()]),
            Pace::Rate(rate) => command.args(["-r", &rate.to_string()]),
        };
        command
            .args(["-R", &load.clients.to_string(), "-p", &load.seconds.to_string()])
            .args(["-b", &base(load.run), "--json"])
            .args(&load.more)
            .args(load.servers.iter().map(Ipv4Addr::to_string));
        command
    }

    /// Raises the rate until the server no longer follows, and takes the best.
    fn run_perfdhcp(&self, lab: &Lab, load: &Load) -> Result<Outcome, CompareError> {
        let missing = CompareError::Missing { what: "perfdhcp", expected: "on the path" };
        let file = on_path("perfdhcp").ok_or(missing)?;
        let [server] = &load.servers[..] else {
            let why = "not measured with perfdhcp: a relay with two servers is beyond it";
            return Err(CompareError::NotHere(why.to_owned()));
        };
        let (mut best, mut rate, mut behind) = (Outcome::default(), FIRST_RATE, 0);
        for step in 0..RATES {
            let mut command = self.pinned(lab, &file);
            command
                .args(["-4", "-r", &format!("{rate:.0}"), "-R", &load.clients.to_string()])
                .args(["-p", &format!("{:.0}", load.seconds.max(1.0))])
                .args(["-b", &base(load.run.wrapping_mul(32) + step as u32)])
                .args(["-W", "200000", "-l", &lab::near(*server).to_string(), &server.to_string()]);
            let output = syscall::die_with_parent(&mut command).output();
            let output = output.map_err(CompareError::machine(&"perfdhcp"))?;
            let found = perfdhcp_outcome(&String::from_utf8_lossy(&output.stdout));
            behind = if found.rate >= rate * FOLLOWS { 0 } else { behind + 1 };
            if found.rate > best.rate {
                best = found;
            }
            // Once may be somebody else's doing.
            if behind == 2 || syscall::interrupted() {
                break;
            }
            rate *= RAISE;
        }
        Ok(best)
    }

    /// A command on the generator's core.
    fn pinned(&self, lab: &Lab, program: &std::path::Path) -> Command {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let core = self.arguments.generator_core.or((cores > 1).then(|| cores - 1));
        match (core, on_path("taskset")) {
            (Some(core), Some(taskset)) => {
                let mut command = lab.at_load(&taskset);
                command.args(["-c", &core.to_string()]).arg(program);
                command
            }
            _ => lab.at_load(program),
        }
    }
}

/// Hardware addresses that no other run has.
fn base(run: u32) -> String {
    let [_, _, high, low] = run.to_be_bytes();
    format!("mac=02:{high:02x}:{low:02x}:00:00:00")
}

/// What our generator printed.
pub(super) fn outcome(output: &Output) -> Result<Outcome, CompareError> {
    if syscall::interrupted() {
        return Err(CompareError::Interrupted);
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let report: Value = serde_json::from_str(&text).map_err(|_| CompareError::Generator {
        found: format!("{text}{}", String::from_utf8_lossy(&output.stderr)),
    })?;
    Ok(read(&report))
}

fn read(report: &Value) -> Outcome {
    let number = |value: &Value| value.as_f64().unwrap_or(0.0);
    let stages = [&report["discover-offer"], &report["request-ack"]];
    let wrong = ["non-unique-addresses", "wrong-addresses", "wrong-subnets", "wrong-options"];
    let count = |key: &str| stages.map(|stage| stage[key].as_u64().unwrap_or(0));
    Outcome {
        rate: number(&report["throughput"]),
        completed: report["completed"].as_u64().unwrap_or(0),
        sent: count("sent"),
        drops: count("drops"),
        latency_ms: ["p50", "p99"].map(|key| number(&report["exchange-ms"][key])),
        answer_p99_ms: stages
            .map(|stage| number(&stage["delay-ms"]["p99"]))
            .into_iter()
            .fold(0.0, f64::max),
        begun_in_ms: number(&report["begun-in-s"]) * 1e3,
        wrong: wrong.iter().map(|key| count(key)[1]).sum(),
        reply_octets: number(&report["reply-octets"]),
    }
}

/// What perfdhcp printed.
fn perfdhcp_outcome(text: &str) -> Outcome {
    let numbers = |label: &str| -> [f64; 2] {
        let mut found = text.lines().filter_map(|line| {
            line.strip_prefix(label)?.split_whitespace().next()?.parse::<f64>().ok()
        });
        [found.next().unwrap_or(0.0), found.next().unwrap_or(0.0)]
    };
    let counts = |label: &str| numbers(label).map(|number| number as u64);
    let average: f64 = numbers("avg delay: ").iter().sum();
    let longest: f64 = numbers("max delay: ").iter().sum();
    Outcome {
        rate: numbers("Rate: ")[0],
        completed: counts("received packets: ")[1],
        sent: counts("sent packets: "),
        drops: counts("drops: "),
        // It tells no percentiles: the average, and the longest.
        latency_ms: [average, longest],
        answer_p99_ms: 0.0,
        begun_in_ms: 0.0,
        wrong: counts("non unique addresses: ")[1],
        reply_octets: 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_runs_share_clients() {
        assert_eq!(base(1), "mac=02:00:01:00:00:00");
        assert_eq!(base(0x0203), "mac=02:02:03:00:00:00");
    }

    #[test]
    fn perfdhcps_report_is_read() {
        let text = "***Rate statistics***\nRate: 1999.5 4-way exchanges/second, expected rate: 2000\n\
                    sent packets: 20\nreceived packets: 19\ndrops: 1\navg delay: 0.5 ms\n\
                    sent packets: 19\nreceived packets: 18\ndrops: 1\navg delay: 0.25 ms\n";
        let found = perfdhcp_outcome(text);
        assert_eq!((found.rate, found.completed), (1999.5, 18));
        assert_eq!((found.sent, found.drops, found.latency_ms[0]), ([20, 19], [1, 1], 0.75));
    }
}
