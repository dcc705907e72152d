//! The results as text. Pure.

use std::fmt::Write as _;

use super::result::{Bound, Line, Results, number};

/// The whole table.
pub(super) fn text(results: &Results) -> String {
    let mut out = String::new();
    for condition in &results.conditions {
        let _ = writeln!(out, "{condition}");
    }
    for line in &results.lines {
        out.push('\n');
        out.push_str(&scenario(line));
    }
    out
}

/// One scenario of it.
pub(super) fn scenario(line: &Line) -> String {
    let mut out = format!("{}: {}\n", line.name, line.title);
    let width = line.figures.iter().map(|figure| figure.label.chars().count()).max().unwrap_or(0);
    for figure in &line.figures {
        let samples = &figure.samples;
        let _ = writeln!(
            out,
            "  {:width$}  {:>11} {}  ({} to {})  {}",
            figure.label,
            number(samples.median()),
            figure.unit,
            number(samples.least()),
            number(samples.most()),
            figure.note
        );
    }
    for target in &line.targets {
        let verdict = match (target.bound, target.is_reached()) {
            (Bound::Stated, _) => "stated",
            (_, true) => "reached",
            (_, false) => "NOT REACHED",
        };
        let _ = writeln!(
            out,
            "  {verdict}: {}: {} ({} to {})",
            target.what,
            target.told(),
            number(target.found.least()),
            number(target.found.most())
        );
    }
    for remark in &line.remarks {
        let _ = writeln!(out, "  {remark}");
    }
    out
}
