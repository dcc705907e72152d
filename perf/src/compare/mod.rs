//! `peregrine-perf compare`: the echo, Peregrine and each Kea side by side, on one machine, in one run. Shell, but for
//! [`result`](self::result), the table and the chart.
//!
//! A scenario makes a [`lab::Lab`], lets contenders take turns in it round by round, and says what it found as a
//! [`result::Line`]: figures with their spread, and each target with what was reached. Everything that a scenario
//! compares is measured in that scenario, so that its ratios are of one moment.

mod cgroup;
mod chart;
mod configuration;
mod control;
mod lab;
mod lease_file;
mod load;
mod measure;
mod options;
mod program;
mod result;
mod scenarios;
mod server;
mod table;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use options::{Arguments, Generator};

use lab::Lab;
use measure::Bench;
use program::Programs;
use result::{Line, Results};
use scenarios::{SCENARIOS, Scenario};

/// Why something could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// This machine does not let us.
    #[error("{what}: {error}")]
    Machine {
        /// What was tried.
        what: String,
        /// What the machine said.
        error: std::io::Error,
    },
    /// A program is not there.
    #[error("{what} not found, expected {expected}")]
    Missing {
        /// Which.
        what: &'static str,
        /// Where it was looked for.
        expected: &'static str,
    },
    /// A server does not do what it should.
    #[error("{server}: {found}")]
    Server {
        /// Which.
        server: String,
        /// What it did instead.
        found: String,
    },
    /// The generator told nothing that could be read.
    #[error("the generator's report expected, found: {found}")]
    Generator {
        /// What it printed.
        found: String,
    },
    /// No such scenario.
    #[error("scenario {found:?} found, one of these expected: {}", scenarios::names())]
    Scenario {
        /// What was asked for.
        found: String,
    },
    /// The scenario cannot be done here.
    #[error("{0}")]
    NotHere(String),
    /// Somebody pressed a key.
    #[error("interrupted")]
    Interrupted,
}

impl CompareError {
    /// What the machine said when `what` was tried.
    fn machine(what: &dyn std::fmt::Display) -> impl Fn(std::io::Error) -> Self + use<> {
        let what = what.to_string();
        move |error| Self::Machine { what: what.clone(), error }
    }
}

/// Measures what was asked for and writes the results; says whether every target was reached.
///
/// # Errors
/// [`CompareError`] if nothing can be measured at all; what concerns one scenario only is told in its line.
pub fn run(arguments: &Arguments) -> Result<bool, CompareError> {
    if arguments.list {
        SCENARIOS.iter().for_each(|scenario| println!("{:16} {}", scenario.name, scenario.title));
        return Ok(true);
    }
    let chosen = chosen(arguments)?;
    let programs = Programs::find(arguments)?;
    let work = arguments.work.clone().unwrap_or_else(std::env::temp_dir);
    fs::create_dir_all(&arguments.output)
        .map_err(CompareError::machine(&arguments.output.display()))?;
    let mut results = Results { conditions: conditions(arguments, &programs), lines: Vec::new() };
    for condition in &results.conditions {
        println!("{condition}");
    }
    for (number, scenario) in chosen.iter().enumerate() {
        eprintln!("{}: {}", scenario.name, scenario.title);
        let line = match measure(arguments, &programs, &work, number, scenario) {
            Err(error @ CompareError::Interrupted) => return Err(error),
            Err(error) => Line::missing(scenario.name, scenario.title, error.to_string()),
            Ok(line) => line,
        };
        print!("\n{}", table::scenario(&line));
        results.lines.push(line);
        // After each scenario: a long run that is cut short has told what it knew.
        write(&arguments.output, &results)?;
    }
    Ok(results.is_all_reached())
}

fn chosen(arguments: &Arguments) -> Result<Vec<&'static Scenario>, CompareError> {
    let by_name = |name: &String| {
        let found = SCENARIOS.iter().find(|scenario| scenario.name == name);
        found.ok_or_else(|| CompareError::Scenario { found: name.clone() })
    };
    match arguments.scenarios.is_empty() {
        true => Ok(SCENARIOS.iter().collect()),
        false => arguments.scenarios.iter().map(by_name).collect(),
    }
}

fn measure(
    arguments: &Arguments,
    programs: &Programs,
    work: &Path,
    number: usize,
    scenario: &Scenario,
) -> Result<Line, CompareError> {
    let lab = Lab::new(work, number)?;
    let mut bench = Bench { arguments, programs, lab, next_run: 0 };
    let found = (scenario.run)(&mut bench)?;
    Ok(Line {
        name: scenario.name,
        title: scenario.title,
        figures: found.figures,
        targets: found.targets,
        remarks: found.remarks,
        measured: true,
    })
}

fn write(output: &Path, results: &Results) -> Result<(), CompareError> {
    let parts = [
        ("table.txt", table::text(results)),
        ("results.json", format!("{:#}\n", results.json())),
        ("chart.svg", chart::svg(results)),
    ];
    for (name, text) in parts {
        let file: PathBuf = output.join(name);
        fs::write(&file, text).map_err(CompareError::machine(&file.display()))?;
    }
    Ok(())
}

/// What must be known of the machine and the way of measuring.
fn conditions(arguments: &Arguments, programs: &Programs) -> Vec<String> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let model = model.trim_start_matches([' ', '\t', ':']);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let revision = Command::new(&programs.peregrine).arg("-V").output();
    let revision = revision.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let keas: Vec<&str> = programs.keas.iter().map(|kea| kea.version.as_str()).collect();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    vec![
        format!("machine: {cores} cores, {model}, Linux {}", kernel.trim()),
        format!("load average at the start: {}", load.split(' ').next().unwrap_or_default()),
        format!(
            "programs: {}; Kea {}",
            revision.unwrap_or_default().lines().next().unwrap_or("Peregrine"),
            if keas.is_empty() { "none".to_owned() } else { keas.join(", ") }
        ),
        format!(
            "rounds: {} of {} s each, in turn; workers: Peregrine and echo {}, Kea {}; generator: {}",
            arguments.rounds(),
            arguments.seconds(),
            arguments.workers,
            arguments.kea_threads,
            match arguments.generator {
                Generator::Own => "peregrine-perf, closed loop",
                Generator::Perfdhcp => "perfdhcp, the highest rate that is followed",
            }
        ),
    ]
}
