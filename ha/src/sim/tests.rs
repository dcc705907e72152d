//! Some hundreds of seeds, and the broken rules.

use super::{Breakage, Report, run};

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

#[test]
fn each_broken_rule_is_caught() {
    for breakage in Breakage::ALL {
        let caught = (0..ENOUGH).find_map(|seed| run(seed, Some(breakage), 0).err());
        assert!(caught.is_some(), "{breakage:?}");
    }
}

#[test]
fn a_seed_replays_exactly() {
    let both = [run(7, None, 0), run(7, None, 0)].map(|run| run.map(|report| report.to_string()));
    assert_eq!(both[0], both[1]);
}
