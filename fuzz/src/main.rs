//! Runs a fuzz target for a time: `peregrine-fuzz TARGET [--seconds N] [--seed N]`, or once for the bytes of a
//! file: `peregrine-fuzz TARGET --replay FILE`. Targets: packet, configuration, expression.
//!
//! A target tells what happened for an input as a number; input that leads to a new one is kept and changed further,
//! which takes the place of a compiler's coverage on a stable toolchain. A finding is written to `target/fuzz`, made
//! smaller, and ends the run with status 1.

mod configuration;
mod expression;
mod mutate;
mod packet;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use engine::clock::{Clock, SystemClock};
use mutate::{Mutator, Random};

/// Inputs that are kept to be changed further.
const MAX_KEPT: usize = 8192;
/// Bytes of an input.
const MAX_INPUT: usize = 1 << 16;
/// An input that takes longer is a finding.
const MAX_TIME: Duration = Duration::from_secs(5);

/// Something that reads input of strangers.
pub(crate) trait Target {
    /// Inputs to begin with.
    fn seeds(&self) -> Vec<Vec<u8>>;
    /// What inputs are made of.
    fn words(&self) -> Vec<Vec<u8>>;
    /// Reads `input` and tells what happened: the same number for the same kind of course.
    ///
    /// # Panics
    /// That is the finding.
    fn run(&mut self, input: &[u8]) -> u64;
}

/// What a run came to.
pub(crate) struct Report {
    pub(crate) runs: u64,
    pub(crate) kept: usize,
    pub(crate) finding: Option<Vec<u8>>,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let number = |name: &str| value(name).and_then(|text| text.parse::<u64>().ok());
    let Some((name, mut target)) =
        arguments.first().and_then(|name| Some((name.clone(), target(name)?)))
    else {
        eprintln!(
            "usage: peregrine-fuzz packet|configuration|expression [--seconds N] [--seed N] [--replay FILE]"
        );
        return ExitCode::from(2);
    };
    if let Some(file) = value("--replay") {
        return match std::fs::read(&file) {
            Ok(input) => {
                println!("{:#x}", target.run(&input));
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("{file}: {error}");
                ExitCode::from(2)
            }
        };
    }
    let seed = number("--seed").unwrap_or_else(Random::seed);
    let clock = SystemClock::start();
    let start = clock.now().mono;
    let limit = Duration::from_secs(number("--seconds").unwrap_or(600));
    println!("{name}: seed {seed}, {} s", limit.as_secs());
    let report = fuzz(&mut *target, seed, &clock, &mut |_| clock.now().mono.since(start) < limit);
    println!("{name}: {} runs, {} kinds of course", report.runs, report.kept);
    match report.finding {
        None => ExitCode::SUCCESS,
        Some(input) => {
            let input = smaller(&mut *target, input);
            eprintln!("{name}: FINDING with seed {seed}: {}", written(&name, seed, &input));
            ExitCode::FAILURE
        }
    }
}

/// The target called `name`.
pub(crate) fn target(name: &str) -> Option<Box<dyn Target>> {
    Some(match name {
        "packet" => Box::new(packet::Packets::new()),
        "configuration" => Box::new(configuration::Configurations),
        "expression" => Box::new(expression::Expressions::new()),
        _ => return None,
    })
}

/// Runs `target` while `go_on` says so.
pub(crate) fn fuzz(
    target: &mut dyn Target,
    seed: u64,
    clock: &SystemClock,
    go_on: &mut dyn FnMut(u64) -> bool,
) -> Report {
    let mut mutator = Mutator::new(seed, target.words());
    let mut kept = target.seeds();
    let mut seen = HashSet::new();
    let mut runs = 0;
    while go_on(runs) {
        let input = match kept.get(runs as usize) {
            Some(seed) if runs < kept.len() as u64 && seen.len() <= kept.len() => seed.clone(),
            _ => mutator.change(&kept, MAX_INPUT),
        };
        runs += 1;
        let start = clock.now().mono;
        let Ok(course) = catch_unwind(AssertUnwindSafe(|| target.run(&input))) else {
            return Report { runs, kept: seen.len(), finding: Some(input) };
        };
        if clock.now().mono.since(start) > MAX_TIME {
            return Report { runs, kept: seen.len(), finding: Some(input) };
        }
        if seen.len() < MAX_KEPT && seen.insert(course) {
            kept.push(input);
        }
    }
    Report { runs, kept: seen.len(), finding: None }
}

/// Leaves out of `input` what the finding does not need.
fn smaller(target: &mut dyn Target, mut input: Vec<u8>) -> Vec<u8> {
    std::panic::set_hook(Box::new(|_| {}));
    let mut step = input.len() / 2;
    while step > 0 {
        let mut at = 0;
        while at < input.len() {
            let mut less = input.clone();
            less.drain(at..(at + step).min(input.len()));
            match catch_unwind(AssertUnwindSafe(|| target.run(&less))) {
                Err(_) => input = less,
                Ok(_) => at += step,
            }
        }
        step /= 2;
    }
    let _ = std::panic::take_hook();
    input
}

fn written(name: &str, seed: u64, input: &[u8]) -> String {
    let folder = PathBuf::from("target/fuzz");
    let file = folder.join(format!("{name}-{seed}"));
    let result = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, input));
    match result {
        Ok(()) => format!("{} ({} bytes)", file.display(), input.len()),
        Err(error) => format!("{}: {error}; the input: {input:02x?}", file.display()),
    }
}
