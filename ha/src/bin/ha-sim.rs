//! The simulator's program: runs seeds, says what came of them, and shows the last events of one that fails.

use std::process::ExitCode;

use ha::sim::{Breakage, Report, run};

const USAGE: &str =
    "usage: ha-sim [--seed N] [--count M] [--events K] [--broken 1..5] [--keep-going]";

/// What was asked for.
struct Wish {
    seed: u64,
    count: u64,
    keep_going: bool,
    /// A rule that is broken, by its number from 1.
    broken: Option<Breakage>,
    /// Events to show of a seed that fails.
    events: usize,
}

fn main() -> ExitCode {
    let Some(wish) = read(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let mut report = Report::default();
    let mut failures = 0_u64;
    for seed in wish.seed..wish.seed.saturating_add(wish.count) {
        let shown = if wish.keep_going { 0 } else { wish.events };
        match run(seed, wish.broken, shown) {
            Ok(one) => report.add(&one),
            Err(failure) if wish.keep_going => {
                failures += 1;
                println!("{failure}");
            }
            Err(failure) => {
                println!("{}", failure.events.join("\n"));
                println!("{failure}");
                return ExitCode::FAILURE;
            }
        }
    }
    print!("{report}");
    if failures == 0 {
        return ExitCode::SUCCESS;
    }
    println!("{failures} seeds failed");
    ExitCode::FAILURE
}

fn read(mut words: impl Iterator<Item = String>) -> Option<Wish> {
    let mut wish = Wish { seed: 0, count: 1, keep_going: false, broken: None, events: 60 };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seed" => wish.seed = words.next()?.parse().ok()?,
            "--count" => wish.count = words.next()?.parse().ok()?,
            "--broken" => {
                let number: usize = words.next()?.parse().ok()?;
                wish.broken = Some(*Breakage::ALL.get(number.checked_sub(1)?)?);
            }
            "--events" => wish.events = words.next()?.parse().ok()?,
            "--keep-going" => wish.keep_going = true,
            _ => return None,
        }
    }
    Some(wish)
}
