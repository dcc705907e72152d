//! The results as a picture: a card for each scenario, bars of medians with their spread, and each target with what was
//! reached. Pure; the picture needs nothing but a browser.

use std::fmt::Write as _;

use super::result::{Bound, Figure, Line, Results, Target, number};

const WIDTH: f64 = 920.0;
const MARGIN: f64 = 28.0;
/// Where bars begin and end.
const BARS: (f64, f64) = (250.0, 640.0);
const ROW: f64 = 30.0;
const TARGET: f64 = 23.0;
const CARD_HEAD: f64 = 46.0;
const CARD_FOOT: f64 = 14.0;
const GAP: f64 = 16.0;
/// Letters of a label that have room before the bars.
const LABEL: usize = 31;
/// Letters of a line of small text.
const SMALL: usize = 128;

const STYLE: &str = "\
text{font-family:'Inter','Segoe UI','Helvetica Neue',Arial,sans-serif;fill:#1f2933}\
.title{font-size:22px;font-weight:600}.name{font-size:15px;font-weight:600}\
.small{font-size:11.5px;fill:#616e7c}.label{font-size:13px}\
.value{font-size:13px;font-weight:600}.target{font-size:12.5px}\
.card{fill:#fff;stroke:#e4e7eb}.spread{stroke:#1f2933;stroke-width:1.4;fill:none}";

/// The picture.
pub(super) fn svg(results: &Results) -> String {
    let mut body = String::new();
    let mut y = MARGIN + 22.0;
    text(&mut body, MARGIN, y, "title", "Peregrine, side by side");
    y += 12.0;
    for condition in &results.conditions {
        y += 16.0;
        text(&mut body, MARGIN, y, "small", &cut(condition, SMALL + 20));
    }
    y += GAP + 4.0;
    for line in &results.lines {
        y += card(&mut body, y, line) + GAP;
    }
    text(
        &mut body,
        MARGIN,
        y + 8.0,
        "small",
        "Bars: medians of all rounds; the thin line: from the least to the most. Bars are to be compared within a card.",
    );
    let height = y + 30.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {WIDTH} {height:.0}\">\n<style>{STYLE}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#f5f7fa\"/>\n{body}</svg>\n"
    )
}

/// Draws a card at `y`; says how high it is.
fn card(out: &mut String, y: f64, line: &Line) -> f64 {
    let rows = line.figures.len() as f64 * ROW;
    let below = line.targets.len() as f64 * TARGET + line.remarks.len() as f64 * 17.0;
    let height = CARD_HEAD + rows + below + CARD_FOOT + if below > 0.0 { 6.0 } else { 0.0 };
    let _ = writeln!(
        out,
        "<rect class=\"card\" x=\"{MARGIN}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height:.1}\" rx=\"8\"/>",
        WIDTH - 2.0 * MARGIN
    );
    let x = MARGIN + 18.0;
    text(out, x, y + 26.0, "name", line.name);
    let after = x + 12.0 + 8.6 * line.name.len() as f64;
    text(out, after, y + 26.0, "small", &cut(line.title, 100));
    let mut at = y + CARD_HEAD;
    let most = line.figures.iter().map(|figure| figure.samples.most()).fold(0.0, f64::max);
    for figure in &line.figures {
        row(out, at, figure, most);
        at += ROW;
    }
    at += 8.0;
    for target in &line.targets {
        verdict(out, x, at + 8.0, target);
        at += TARGET;
    }
    for remark in &line.remarks {
        text(out, x, at + 8.0, "small", &cut(remark, SMALL));
        at += 17.0;
    }
    height
}

fn row(out: &mut String, y: f64, figure: &Figure, most: f64) {
    let samples = &figure.samples;
    let (from, to) = BARS;
    let scale = |value: f64| if most > 0.0 { (to - from) * value / most } else { 0.0 };
    let color = match figure.label.as_str() {
        label if label.starts_with("echo") => "#9aa5b1",
        label if label.starts_with("Kea") => "#e0a458",
        _ => "#2f6f9f",
    };
    let middle = y + 9.0;
    text(out, MARGIN + 18.0, middle + 4.5, "label", &cut(&figure.label, LABEL));
    let _ = writeln!(
        out,
        "<rect x=\"{from}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"18\" rx=\"3\" fill=\"{color}\"><title>{}</title></rect>",
        scale(samples.median()).max(1.5),
        escaped(&figure.note)
    );
    let (least, largest) = (from + scale(samples.least()), from + scale(samples.most()));
    if largest - least > 1.0 {
        let _ = writeln!(
            out,
            "<path class=\"spread\" d=\"M{least:.1} {middle:.1}H{largest:.1}M{least:.1} {:.1}v8M{largest:.1} {:.1}v8\"/>",
            middle - 4.0,
            middle - 4.0
        );
    }
    let told = format!("{} {}", number(samples.median()), figure.unit);
    text(out, from + scale(samples.most()).max(1.5) + 10.0, middle + 4.5, "value", &told);
}

fn verdict(out: &mut String, x: f64, y: f64, target: &Target) {
    let (color, sign) = match (target.bound, target.is_reached()) {
        (Bound::Stated, _) => ("#7b8794", "M-3 0H3"),
        (_, true) => ("#2f855a", "M-3.4 0.3L-0.8 3L3.6 -2.8"),
        (_, false) => ("#c53030", "M-3 -3L3 3M3 -3L-3 3"),
    };
    let _ = writeln!(
        out,
        "<g transform=\"translate({:.1} {:.1})\"><circle r=\"7.5\" fill=\"{color}\"/>\
         <path d=\"{sign}\" stroke=\"#fff\" stroke-width=\"1.8\" fill=\"none\" stroke-linecap=\"round\"/></g>",
        x + 7.5,
        y - 4.0
    );
    let told = format!("{}: {}", target.what, target.told());
    text(out, x + 23.0, y, "target", &told);
}

fn text(out: &mut String, x: f64, y: f64, class: &str, words: &str) {
    let words = escaped(words);
    let _ = writeln!(out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>");
}

/// As much as there is room for, of the first line.
fn cut(words: &str, letters: usize) -> String {
    let words = words.lines().next().unwrap_or_default();
    if words.chars().count() <= letters {
        return words.to_owned();
    }
    words.chars().take(letters - 1).chain(['…']).collect()
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::result::Samples;

    fn line() -> Line {
        let figure = |label: &str, samples: [f64; 3]| Figure {
            label: label.to_owned(),
            unit: "leases/s",
            samples: Samples(samples.to_vec()),
            note: "window <8>".to_owned(),
        };
        Line {
            name: "dora",
            title: "leases & more",
            figures: vec![
                figure("echo", [190e3, 180e3, 185e3]),
                figure("Kea 2.2.0", [17e3, 16e3, 18e3]),
            ],
            targets: vec![Target::at_least("a / b", 0.7, Samples(vec![0.8]))],
            remarks: vec!["x".repeat(500)],
            measured: true,
        }
    }

    #[test]
    fn a_picture_has_every_name_and_no_stray_sign() {
        let lines = vec![line(), Line::missing("mixed", "a pair", "no Kea <2.2>".to_owned())];
        let picture = svg(&Results { conditions: vec!["2 cores".to_owned()], lines });
        for part in
            ["185,000 leases/s", "0.80 of at least 0.70", "leases &amp; more", "&lt;2.2&gt;"]
        {
            assert!(picture.contains(part), "{part} expected in\n{picture}");
        }
        assert!(!picture.contains(&"x".repeat(SMALL)), "what is too long is cut");
        assert_eq!(picture.matches("<svg").count(), picture.matches("</svg>").count());
    }

    #[test]
    fn bars_keep_to_their_place() {
        let mut out = String::new();
        row(&mut out, 0.0, &line().figures[0], 190e3);
        assert!(out.contains(&format!("H{:.1}", BARS.1)), "{out}");
    }
}
