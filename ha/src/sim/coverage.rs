//! What many runs have to have met: each row of the rule table, each kind of fault, each exception. Pure.

use std::fmt;

use super::excuse::Excuse;
use super::faults::KINDS;
use super::report::Report;
use crate::machine::rules::RULES;

/// Runs that have to meet everything.
pub const AMPLE: u64 = 20_000;
/// How often they have to.
const OFTEN: u64 = 100;

/// Rows that no run can be asked to meet, and why.
const UNREACHABLE: &[(&str, &str)] = &[(
    "recovery-asked-to-leave",
    "a partner in partner-in-maintenance has moved this server to in-maintenance before, which only a cancellation \
         that is carried out twice, and late, and a heartbeat that fails right behind it could lead to \
         communication-recovery",
)];

/// One thing that runs may meet.
struct Line {
    count: u64,
    name: &'static str,
    /// Why it is not asked for.
    excused: Option<&'static str>,
}

impl Line {
    const fn is_rare(&self) -> bool {
        self.excused.is_none() && self.count < OFTEN
    }
}

/// What is rare in so many runs; nothing if they are fewer than [`AMPLE`].
pub fn rare(report: &Report) -> Vec<String> {
    let rare = tables(report).into_iter().flat_map(|(_, lines)| lines).filter(Line::is_rare);
    let told = rare.map(|line| format!("{}: {} times, expected {OFTEN}", line.name, line.count));
    if report.seeds < AMPLE { Vec::new() } else { told.collect() }
}

/// Writes the tables.
pub(super) fn write(report: &Report, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (title, lines) in tables(report) {
        writeln!(f, "{title}:")?;
        for Line { count, name, excused } in lines {
            match excused {
                None => writeln!(f, "  {count:>10} {name}")?,
                Some(why) => writeln!(f, "  {count:>10} {name} (not asked for: {why})")?,
            }
        }
    }
    Ok(())
}

fn tables(report: &Report) -> [(&'static str, Vec<Line>); 3] {
    let excused = |name| UNREACHABLE.iter().find(|(row, _)| *row == name).map(|(_, why)| *why);
    let row = |name: &'static str| {
        let count = report.rules.get(name).copied().unwrap_or_default();
        Line { count, name, excused: excused(name) }
    };
    let fault = |name: &'static str| {
        let count = report.faults.get(name).copied().unwrap_or_default();
        Line { count, name, excused: None }
    };
    let exception = |excuse: Excuse| {
        let name = excuse.name();
        let count = report.exceptions.get(name).copied().unwrap_or_default();
        Line { count, name, excused: None }
    };
    [
        ("faults", KINDS.iter().map(|(name, _)| fault(name)).collect()),
        ("rows of the rule table", RULES.iter().map(|rule| row(rule.name)).collect()),
        ("allowed duplicates", Excuse::ALL.into_iter().map(exception).collect()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_not_asked_for_exist() {
        for (name, why) in UNREACHABLE {
            assert!(RULES.iter().any(|rule| rule.name == *name), "{name}: {why}");
        }
    }

    #[test]
    fn what_is_missing_is_told_of_many_runs_only() {
        let few = Report { seeds: AMPLE - 1, ..Report::default() };
        assert!(rare(&few).is_empty());
        let mut many = Report { seeds: AMPLE, ..Report::default() };
        let all = rare(&many).len();
        assert_eq!(all, KINDS.len() + RULES.len() - UNREACHABLE.len() + 4);
        many.rules.insert("go-first", OFTEN);
        many.faults.insert("crash", OFTEN - 1);
        assert_eq!(rare(&many).len(), all - 1);
    }
}
