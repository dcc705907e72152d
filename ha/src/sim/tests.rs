//! Some hundreds of seeds, and the broken rules.

use super::{Breakage, Failure, Report, run};

/// Seeds of the quick run: fewer where the compiler does not optimise.
const SEEDS: u64 = if cfg!(debug_assertions) { 40 } else { 600 };

#[test]
fn seeds_run_without_a_violation() {
    let mut report = Report::default();
    for seed in 0..SEEDS {
        match run(seed, None, 60) {
            Ok(one) => report.add(&one),
            Err(failure) => panic!("{failure}\n{}", failure.events.join("\n")),
        }
    }
    assert!(report.exchanges / report.seeds >= 300, "{report}");
    assert!(report.all_faults() / report.seeds >= 5, "{report}");
    assert!(report.seconds / report.seeds >= 3600, "{report}");
}

/// Seeds within which a broken rule has to be found.
const ENOUGH: u64 = 20_000;

/// Where the first that takes more than some hundred seeds was last seen: only so that the test is quick.
const SEEN_FROM: [(Breakage, u64); 1] = [(Breakage::LateOfPastRun, 126)];

/// By a check of leases, addresses or replies: that the pair does not come back says nothing of the rule.
#[test]
fn each_broken_rule_is_caught() {
    let says_why = |failure: &Failure| !failure.what.starts_with("healed");
    for breakage in Breakage::ALL {
        let from = SEEN_FROM.iter().find(|(it, _)| *it == breakage).map_or(0, |(_, seed)| *seed);
        let mut failures = (from..ENOUGH).filter_map(|seed| run(seed, Some(breakage), 0).err());
        assert!(failures.any(|failure| says_why(&failure)), "{breakage:?}");
    }
}

#[test]
fn a_seed_replays_exactly() {
    let run = |seed, shown| match run(seed, None, shown) {
        Ok(report) => report.to_string(),
        Err(failure) => failure.to_string(),
    };
    for seed in 0..10 {
        assert_eq!(run(seed, 0), run(seed, 0), "seed {seed}");
        assert_eq!(run(seed, 0), run(seed, 10), "seed {seed}: telling of it changes it");
    }
    assert_ne!(run(0, 0), run(1, 0));
}
