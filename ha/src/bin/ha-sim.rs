//! The simulator's program (*shell*): runs seeds, prints what they came to, and shows the last events of one that fails.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ha::sim::{Breakage, Failure, Report, rare, run};

const USAGE: &str =
    "usage: ha-sim [--seed N] [--count M] [--threads T] [--events K] [--broken 1..11] [--keep-going]
  --seed        the first seed (0)
  --count       how many; 20,000 and more have to meet every row, fault and exception often (1)
  --threads     run so many at a time (1)
  --events      events to show of a seed that fails (60)
  --broken      break this rule, to see it caught
  --keep-going  go on after a failure, and tell only which seeds fail";

/// What was asked for.
struct Wish {
    seed: u64,
    count: u64,
    threads: u64,
    keep_going: bool,
    /// A rule that is broken, by its number from 1.
    broken: Option<Breakage>,
    /// Events to show of a seed that fails.
    events: usize,
}

/// What several threads share.
struct Progress<'a> {
    wish: &'a Wish,
    next: AtomicU64,
    stop: AtomicBool,
}

fn main() -> ExitCode {
    let Some(wish) = read(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let next = AtomicU64::new(wish.seed);
    let progress = Progress { wish: &wish, next, stop: AtomicBool::new(false) };
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..wish.threads).map(|_| scope.spawn(|| progress.work())).collect();
        threads.into_iter().map(|thread| thread.join().expect("a run does not panic")).collect()
    });
    let mut report = Report::default();
    let mut failures = Vec::new();
    for (one, failed) in results {
        report.add(&one);
        failures.extend(failed);
    }
    if let [failure, ..] = &failures[..]
        && !wish.keep_going
    {
        println!("{}\n{failure}", failure.events.join("\n"));
        return ExitCode::FAILURE;
    }
    print!("{report}");
    let rare = if wish.broken.is_none() { rare(&report) } else { Vec::new() };
    for line in &rare {
        println!("too rare: {line}");
    }
    println!("{} violations", failures.len());
    if failures.is_empty() && rare.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Progress<'_> {
    /// Runs seeds until there are no more.
    fn work(&self) -> (Report, Vec<Failure>) {
        let wish = self.wish;
        let mut report = Report::default();
        let mut failures = Vec::new();
        let end = wish.seed.saturating_add(wish.count);
        let seeds = std::iter::from_fn(|| {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            (seed < end && !self.stop.load(Ordering::Relaxed)).then_some(seed)
        });
        for seed in seeds {
            let shown = if wish.keep_going { 0 } else { wish.events };
            match run(seed, wish.broken, shown) {
                Ok(one) => report.add(&one),
                Err(failure) => {
                    if wish.keep_going {
                        println!("{failure}");
                    } else {
                        self.stop.store(true, Ordering::Relaxed);
                    }
                    failures.push(failure);
                }
            }
        }
        (report, failures)
    }
}

fn read(mut words: impl Iterator<Item = String>) -> Option<Wish> {
    let (seed, count, threads) = (0, 1, 1);
    let mut wish = Wish { seed, count, threads, keep_going: false, broken: None, events: 60 };
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seed" => wish.seed = words.next()?.parse().ok()?,
            "--count" => wish.count = words.next()?.parse().ok()?,
            "--threads" => wish.threads = words.next()?.parse().ok().filter(|n| *n > 0)?,
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
