//! What was measured, and whether it is enough. Pure.

use serde_json::{Value, json};

/// Numbers of one kind, one for each round.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Samples(pub(super) Vec<f64>);

impl Samples {
    /// The middle one; of an even number the mean of the two in the middle; 0 without any.
    pub(super) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        match sorted.len() {
            0 => 0.0,
            count if count % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
            _ => sorted[middle],
        }
    }

    /// The smallest.
    pub(super) fn least(&self) -> f64 {
        self.0.iter().copied().reduce(f64::min).unwrap_or(0.0)
    }

    /// The largest.
    pub(super) fn most(&self) -> f64 {
        self.0.iter().copied().reduce(f64::max).unwrap_or(0.0)
    }

    /// Each round's number against the same round's of another, `factor` times.
    pub(super) fn against(&self, other: &Self, factor: f64) -> Self {
        let pairs = self.0.iter().zip(&other.0);
        Self(pairs.map(|(own, other)| ratio(*own, *other) * factor).collect())
    }
}

fn ratio(one: f64, other: f64) -> f64 {
    if other == 0.0 { 0.0 } else { one / other }
}

/// What was measured of one contender.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    /// Whose.
    pub(super) label: String,
    /// Of what: `leases/s`.
    pub(super) unit: &'static str,
    /// One for each round.
    pub(super) samples: Samples,
    /// Under which conditions, and what else was seen.
    pub(super) note: String,
}

/// On which side of the limit it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    AtLeast,
    AtMost,
    /// Nothing is asked; the figure is only stated.
    Stated,
}

/// What must be reached.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Of what: `2 x leases / echo round trips`.
    pub(super) what: String,
    pub(super) bound: Bound,
    pub(super) limit: f64,
    /// What was found, one for each round.
    pub(super) found: Samples,
}

impl Target {
    /// At least so much of it.
    pub(super) fn at_least(what: impl Into<String>, limit: f64, found: Samples) -> Self {
        Self { what: what.into(), bound: Bound::AtLeast, limit, found }
    }

    /// At most so much.
    pub(super) fn at_most(what: impl Into<String>, limit: f64, found: Samples) -> Self {
        Self { what: what.into(), bound: Bound::AtMost, limit, found }
    }

    /// Only stated.
    pub(super) fn stated(what: impl Into<String>, found: Samples) -> Self {
        Self { what: what.into(), bound: Bound::Stated, limit: 0.0, found }
    }

    /// Whether the median is on the right side.
    pub(super) fn is_reached(&self) -> bool {
        let found = self.found.median();
        match self.bound {
            Bound::AtLeast => !self.found.0.is_empty() && found >= self.limit,
            Bound::AtMost => !self.found.0.is_empty() && found <= self.limit,
            Bound::Stated => true,
        }
    }

    /// What was found and what was asked for, in words.
    pub(super) fn told(&self) -> String {
        let found = number(self.found.median());
        match self.bound {
            Bound::AtLeast => format!("{found} of at least {}", number(self.limit)),
            Bound::AtMost => format!("{found} of at most {}", number(self.limit)),
            Bound::Stated => found,
        }
    }
}

/// A scenario's outcome.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// The scenario.
    pub(super) name: &'static str,
    /// What it is.
    pub(super) title: &'static str,
    pub(super) figures: Vec<Figure>,
    pub(super) targets: Vec<Target>,
    /// What else must be known, and why something is missing.
    pub(super) remarks: Vec<String>,
    /// Whether it could be measured.
    pub(super) measured: bool,
}

impl Line {
    /// A scenario that could not be measured.
    pub(super) fn missing(name: &'static str, title: &'static str, why: String) -> Self {
        let (figures, targets) = (Vec::new(), Vec::new());
        Self { name, title, figures, targets, remarks: vec![why], measured: false }
    }
}

/// Everything.
#[derive(Clone, Debug)]
pub(super) struct Results {
    /// The machine and the programs, one fact each.
    pub(super) conditions: Vec<String>,
    pub(super) lines: Vec<Line>,
}

impl Results {
    /// Whether every scenario was measured and every target reached.
    pub(super) fn is_all_reached(&self) -> bool {
        self.lines.iter().all(|line| line.measured && line.targets.iter().all(Target::is_reached))
    }

    /// For machines.
    pub(super) fn json(&self) -> Value {
        let lines: Vec<Value> = self.lines.iter().map(line_json).collect();
        json!({"conditions": self.conditions, "scenarios": lines})
    }
}

fn line_json(line: &Line) -> Value {
    let samples = |samples: &Samples| {
        json!({
            "median": samples.median(), "least": samples.least(), "most": samples.most(),
            "rounds": samples.0,
        })
    };
    let figures = line.figures.iter().map(|figure| {
        json!({
            "label": figure.label, "unit": figure.unit, "note": figure.note,
            "found": samples(&figure.samples),
        })
    });
    let targets = line.targets.iter().map(|target| {
        let bound = match target.bound {
            Bound::AtLeast => json!({"at-least": target.limit}),
            Bound::AtMost => json!({"at-most": target.limit}),
            Bound::Stated => Value::Null,
        };
        json!({
            "what": target.what, "bound": bound, "found": samples(&target.found),
            "reached": target.is_reached(),
        })
    });
    json!({
        "name": line.name, "title": line.title, "measured": line.measured,
        "figures": figures.collect::<Vec<_>>(), "targets": targets.collect::<Vec<_>>(),
        "remarks": line.remarks,
    })
}

/// Three digits that count, or all before the point with thousands apart.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 100.0 {
        return thousands(value);
    }
    let digits = if size >= 10.0 {
        1
    } else if size >= 0.1 || size == 0.0 {
        2
    } else {
        4
    };
    format!("{value:.digits$}")
}

fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if value < 0.0 { format!("-{out}") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(Samples(vec![3.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(Samples(vec![4.0, 1.0, 2.0, 3.0]).median(), 2.5);
        assert_eq!(Samples::default().median(), 0.0);
    }

    #[test]
    fn rounds_are_held_against_each_other() {
        let (own, other) = (Samples(vec![10.0, 30.0]), Samples(vec![20.0, 0.0]));
        assert_eq!(own.against(&other, 2.0), Samples(vec![1.0, 0.0]));
    }

    #[test]
    fn a_target_without_figures_is_not_reached() {
        assert!(!Target::at_most("x", 1.0, Samples::default()).is_reached());
        assert!(Target::at_most("x", 1.0, Samples(vec![0.5])).is_reached());
        assert!(!Target::at_least("x", 1.0, Samples(vec![0.5])).is_reached());
        assert!(Target::stated("x", Samples::default()).is_reached());
    }

    #[test]
    fn numbers_are_short() {
        let printed = [0.0, 0.0213, 0.784, 12.34, 123.4, 17_654.3, 1_234_567.0].map(number);
        assert_eq!(printed, ["0.00", "0.0213", "0.78", "12.3", "123", "17,654", "1,234,567"]);
    }
}
