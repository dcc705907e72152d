//! What statistics were, by name: samples with their moments, resets and removals (Kea guide, "Statistics"). Counters are
//! only read when somebody asks, so a sample is the value of a moment at which it was asked for. Pure.

use std::collections::{HashMap, VecDeque};

use crate::clock::Mono;

/// How many samples of a statistic are kept; the newest always is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// So many.
    Count(usize),
    /// Those not older than the newest by more than this, milliseconds.
    Age(u64),
}

/// A value and when it was seen first, milliseconds since 1970.
pub(super) type Sample = (i64, u64);

/// The value of a statistic as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) name: String,
    pub(super) value: i64,
    /// Whether it is what is there now rather than what was counted since start: a configuration sets it anew.
    pub(super) is_gauge: bool,
}

/// The moment of a look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) ms: u64,
    /// Since when the present configuration is served.
    pub(super) configured: Mono,
}

/// What is known of every statistic that ever was anything but 0, or was meant by a command.
#[derive(Debug)]
pub(super) struct Ledger {
    entries: HashMap<String, Entry>,
    limit: Limit,
    started_ms: u64,
    configured: Mono,
}

#[derive(Debug)]
struct Entry {
    /// The newest first; never empty.
    samples: VecDeque<Sample>,
    /// What the value was when it was reset.
    base: i64,
    /// What it was when it was removed: until it changes it is not there.
    removed: Option<i64>,
    limit: Limit,
    is_gauge: bool,
}

impl Entry {
    fn trim(&mut self) {
        let newest_ms = self.samples.front().map_or(0, |sample| sample.1);
        let is_over = |samples: &VecDeque<Sample>| match self.limit {
            Limit::Count(most) => samples.len() > most.max(1),
            Limit::Age(most_ms) => {
                samples.back().is_some_and(|sample| newest_ms.saturating_sub(sample.1) > most_ms)
            }
        };
        while is_over(&self.samples) {
            self.samples.pop_back();
        }
    }
}

impl Ledger {
    pub(super) fn new(limit: Limit, started_ms: u64) -> Self {
        Self { entries: HashMap::new(), limit, started_ms, configured: Mono::default() }
    }

    /// The samples of a statistic, the newest first; none if it was removed and has not changed since.
    pub(super) fn look(&mut self, reading: &Reading, at: Moment) -> Option<Vec<Sample>> {
        self.take_up(at);
        if reading.value == 0 && !reading.is_gauge && !self.entries.contains_key(&reading.name) {
            return Some(vec![(0, self.started_ms)]);
        }
        let entry = self.entry(reading, at);
        if let Some(removed) = entry.removed {
            if removed == reading.value {
                return None;
            }
            (entry.base, entry.removed) = (removed, None);
            entry.samples = [(reading.value - removed, at.ms)].into();
        }
        let value = reading.value - entry.base;
        if entry.samples.front().is_none_or(|newest| newest.0 != value) {
            entry.samples.push_front((value, at.ms));
            entry.trim();
        }
        Some(entry.samples.iter().copied().collect())
    }

    /// Lets it begin anew from 0. Whether it was there.
    pub(super) fn reset(&mut self, reading: &Reading, at: Moment) -> bool {
        let is_there = self.look(reading, at).is_some();
        if is_there {
            let entry = self.entry(reading, at);
            entry.base = reading.value;
            entry.samples = [(0, at.ms)].into();
        }
        is_there
    }

    /// Takes it away until it changes. Whether it was there.
    pub(super) fn remove(&mut self, reading: &Reading, at: Moment) -> bool {
        let is_there = self.look(reading, at).is_some();
        if is_there {
            self.entry(reading, at).removed = Some(reading.value);
        }
        is_there
    }

    /// How many samples of it are kept from now on. Whether it was there.
    pub(super) fn limit(&mut self, reading: &Reading, limit: Limit, at: Moment) -> bool {
        let is_there = self.look(reading, at).is_some();
        if is_there {
            let entry = self.entry(reading, at);
            entry.limit = limit;
            entry.trim();
        }
        is_there
    }

    /// How many samples of each are kept from now on.
    pub(super) fn limit_all(&mut self, limit: Limit) {
        self.limit = limit;
        for entry in self.entries.values_mut() {
            entry.limit = limit;
            entry.trim();
        }
    }

    fn entry(&mut self, reading: &Reading, at: Moment) -> &mut Entry {
        let first = match reading.is_gauge {
            true => (reading.value, at.ms),
            false => (0, self.started_ms),
        };
        let (limit, is_gauge) = (self.limit, reading.is_gauge);
        let new = || Entry { samples: [first].into(), base: 0, removed: None, limit, is_gauge };
        self.entries.entry(reading.name.clone()).or_insert_with(new)
    }

    /// A new configuration counts anew what is there.
    fn take_up(&mut self, at: Moment) {
        if self.configured == at.configured {
            return;
        }
        self.configured = at.configured;
        for entry in self.entries.values_mut().filter(|entry| entry.is_gauge) {
            (entry.base, entry.removed) = (0, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment { ms, configured: Mono::default() }
    }

    fn counter(value: i64) -> Reading {
        Reading { name: "c".into(), value, is_gauge: false }
    }

    #[test]
    fn samples_are_what_was_seen_the_newest_first_and_as_many_as_are_kept() {
        let mut ledger = Ledger::new(Limit::Count(3), 5);
        assert_eq!(ledger.look(&counter(0), at(10)).unwrap(), [(0, 5)]);
        assert_eq!(ledger.look(&counter(2), at(20)).unwrap(), [(2, 20), (0, 5)]);
        assert_eq!(ledger.look(&counter(2), at(30)).unwrap(), [(2, 20), (0, 5)]);
        ledger.look(&counter(3), at(40));
        assert_eq!(ledger.look(&counter(4), at(50)).unwrap(), [(4, 50), (3, 40), (2, 20)]);
        assert!(ledger.limit(&counter(4), Limit::Age(10), at(60)));
        assert_eq!(ledger.look(&counter(4), at(70)).unwrap(), [(4, 50), (3, 40)]);
        ledger.limit_all(Limit::Count(0));
        assert_eq!(ledger.look(&counter(4), at(80)).unwrap(), [(4, 50)]);
        // What comes to be there later is kept as all are.
        let other = |value| Reading { name: "d".into(), ..counter(value) };
        ledger.look(&other(1), at(90));
        assert_eq!(ledger.look(&other(2), at(91)).unwrap(), [(2, 91)]);
    }

    #[test]
    fn what_is_reset_goes_on_from_0_and_what_is_removed_is_there_again_once_it_changes() {
        let mut ledger = Ledger::new(Limit::Count(20), 0);
        assert!(ledger.reset(&counter(7), at(1)));
        assert_eq!(ledger.look(&counter(9), at(2)).unwrap(), [(2, 2), (0, 1)]);
        assert!(ledger.remove(&counter(9), at(3)));
        assert!(!ledger.remove(&counter(9), at(3)) && !ledger.reset(&counter(9), at(3)));
        assert!(!ledger.limit(&counter(9), Limit::Count(1), at(3)));
        assert_eq!(ledger.look(&counter(9), at(4)), None);
        assert_eq!(ledger.look(&counter(10), at(5)).unwrap(), [(1, 5)]);
    }

    #[test]
    fn a_configuration_sets_anew_what_is_there_and_not_what_was_counted() {
        let mut ledger = Ledger::new(Limit::Count(20), 0);
        let gauge = |value| Reading { name: "g".into(), is_gauge: true, ..counter(value) };
        assert_eq!(ledger.look(&gauge(5), at(1)).unwrap(), [(5, 1)]);
        ledger.reset(&gauge(5), at(2));
        ledger.reset(&counter(5), at(2));
        assert_eq!(ledger.look(&gauge(6), at(3)).unwrap()[0], (1, 3));
        let later = Moment { ms: 4, configured: Mono::from_ns(1) };
        assert_eq!(ledger.look(&gauge(6), later).unwrap()[0], (6, 4));
        assert_eq!(ledger.look(&counter(6), later).unwrap()[0], (1, 4));
    }
}
