//! What runs came to, in numbers. Pure.

use std::collections::BTreeMap;
use std::fmt;

/// Figures of one run or of many.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Runs.
    pub seeds: u64,
    /// Exchanges that a client completed: an answer to what it asked, or a release on its way.
    pub exchanges: u64,
    /// Virtual seconds.
    pub seconds: u64,
    /// Events that were handled.
    pub steps: u64,
    /// Faults, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Times that each row of the rule table was applied.
    pub rules: BTreeMap<&'static str, u64>,
    /// Duplicate addresses that are allowed, by kind.
    pub exceptions: BTreeMap<&'static str, u64>,
    /// Whatever else is worth a number.
    pub others: BTreeMap<&'static str, u64>,
}

impl Report {
    pub(super) fn fault(&mut self, kind: &'static str) {
        *self.faults.entry(kind).or_default() += 1;
    }

    pub(super) fn exception(&mut self, kind: &'static str) {
        *self.exceptions.entry(kind).or_default() += 1;
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.others.entry(what).or_default() += 1;
    }

    /// Number of faults of all kinds.
    pub fn all_faults(&self) -> u64 {
        self.faults.values().sum()
    }

    /// Adds the figures of another.
    pub fn add(&mut self, other: &Report) {
        self.seeds += other.seeds;
        self.exchanges += other.exchanges;
        self.seconds += other.seconds;
        self.steps += other.steps;
        for (ours, theirs) in [
            (&mut self.faults, &other.faults),
            (&mut self.rules, &other.rules),
            (&mut self.exceptions, &other.exceptions),
            (&mut self.others, &other.others),
        ] {
            for (name, count) in theirs {
                *ours.entry(name).or_default() += count;
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = |count: u64| count / self.seeds.max(1);
        writeln!(
            f,
            "{} seeds; each, on average: {} exchanges, {} faults, {} virtual seconds, {} events",
            self.seeds,
            each(self.exchanges),
            each(self.all_faults()),
            each(self.seconds),
            each(self.steps),
        )?;
        super::coverage::write(self, f)?;
        writeln!(f, "others:")?;
        for (name, count) in &self.others {
            writeln!(f, "  {count:>10} {name}")?;
        }
        Ok(())
    }
}
