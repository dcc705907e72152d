//! The differential test: Debian's Kea 2.2 and Peregrine side by side, with the same configuration and the same
//! packets. Replies are compared field by field and option by option, leases as they are stored; what differs is a
//! mistake of ours or meant ([`meant`]). It needs root, iproute2 and Kea 2.2.

#![expect(clippy::unwrap_used, reason = "an unwrap of a test is an assertion")]

mod client;
mod compare;
mod lab;
mod meant;
mod message;
mod random;
mod run;
mod seen;
mod story;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "shared with the black-box suite; a part of it is used")]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use run::{Report, tell};
use story::Story;

/// Runs only the scenario files whose name contains this.
const ONLY: &str = "PEREGRINE_DIFFERENTIAL_ONLY";

/// The seed of the first random story, and how many exchanges are wanted.
const SEED: &str = "PEREGRINE_DIFFERENTIAL_SEED";
const EXCHANGES: &str = "PEREGRINE_DIFFERENTIAL_EXCHANGES";

fn scenario_files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential/scenarios");
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|e| e == "story")).collect();
    files.sort();
    files
}

/// Tells the story of a file; a server that does not start with it is a failure of this story only.
fn read_and_tell(lab: &mut lab::Lab, file: &Path) -> Result<Report, String> {
    let story = Story::parse(&fs::read_to_string(file).unwrap())?;
    let told = catch_unwind(AssertUnwindSafe(|| tell(lab, &story)));
    let told = told.map_err(|_| "a server failed: see above".to_owned())?;
    told.map_err(|failure| format!("step {}: {}", failure.step + 1, failure.what))
}

#[test]
fn scenarios() {
    lab::among_clients("scenarios", |lab| {
        let only = std::env::var(ONLY).unwrap_or_default();
        let (mut failures, mut met, mut exchanges) = (Vec::new(), BTreeSet::new(), 0);
        let files = scenario_files();
        for file in files.iter().filter(|file| file.to_string_lossy().contains(&only)) {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            let told = read_and_tell(lab, file);
            match told {
                Ok(report) => {
                    met.extend(report.meant);
                    exchanges += report.exchanges;
                }
                Err(error) => failures.push(format!("== {name}: {error}")),
            }
        }
        eprintln!(
            "{} scenarios, {exchanges} exchanges, meant differences met: {met:?}",
            files.len()
        );
        assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
        if only.is_empty() {
            for meant in meant::ALL {
                let reason = meant.reason;
                let cites = |sources: &[&str]| sources.iter().all(|it| reason.contains(it));
                assert!(cites(&["RFC"]) || cites(&["2.2", "3.x"]), "no source: {reason}");
                assert!(met.contains(meant.name), "{} was not met: {}", meant.name, meant.reason);
            }
            let is_known = |name: &&str| meant::ALL.iter().any(|meant| meant.name == *name);
            assert!(meant::SELDOM.iter().all(is_known), "{:?}", meant::SELDOM);
        }
    });
}

/// From so many exchanges on a random run meets every meant difference that random stories can meet.
const LONG: u64 = 25_000;

/// Nothing may stand among the meant differences that hides something without being met.
fn check_met(met: &BTreeMap<&str, usize>) {
    let names = meant::ALL.iter().map(|meant| meant.name);
    let unmet = names.filter(|name| !met.contains_key(name) && !meant::SELDOM.contains(name));
    let unmet: Vec<_> = unmet.collect();
    assert!(unmet.is_empty(), "not met: {unmet:?}");
}

/// A number that the environment may set.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number is set"))
}

#[test]
fn random() {
    lab::among_clients("random", |lab| {
        let (first, wanted) = (number(SEED, 1), number(EXCHANGES, 1000));
        // How many stories met each of the meant differences.
        let mut met = BTreeMap::new();
        let (mut exchanges, mut answered) = (0, 0);
        let (mut failures, mut shortened) = (Vec::new(), String::new());
        for seed in first.. {
            let story = random::draw(seed);
            let told = catch_unwind(AssertUnwindSafe(|| tell(lab, &story)));
            match told.unwrap_or_else(|_| panic!("seed {seed}: a server failed\n{story}")) {
                Ok(report) => {
                    exchanges += report.exchanges;
                    answered += report.answered;
                    report.meant.into_iter().for_each(|name| *met.entry(name).or_default() += 1);
                }
                Err(failure) => {
                    let (story, failure) = match failures.is_empty() {
                        true => random::shrink(lab, story, failure),
                        false => (story, failure),
                    };
                    let what = &failure.what;
                    eprintln!("seed {seed}, step {}: {what}", failure.step + 1);
                    failures.push(format!("seed {seed}, step {}: {what}", failure.step + 1));
                    if failures.len() == 1 {
                        shortened = format!("seed {seed}, shortened:\n{story}");
                    }
                }
            }
            if exchanges as u64 >= wanted {
                let stories = seed - first + 1;
                eprintln!(
                    "{stories} random stories, {exchanges} exchanges, {answered} answered, {met:?}"
                );
                assert!(failures.is_empty(), "{}\n{shortened}", failures.join("\n"));
                assert!(answered * 3 > exchanges, "only {answered} of {exchanges} were answered");
                if wanted >= LONG {
                    check_met(&met);
                }
                return;
            }
        }
    });
}
