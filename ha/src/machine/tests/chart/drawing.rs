//! The drawing: states at places chosen by hand, and the ways between them along lines chosen by hand. A way that has
//! no line yet is drawn straight, so that none is missing.

use std::fmt::Write;

use super::super::super::State;
use super::{look, ways};

const WIDTH: i32 = 1540;
const HEIGHT: i32 = 1070;
/// Half of a state's height.
const HALF: i32 = 34;
/// Radius of the bends.
const BEND: i32 = 12;

/// Centre and half of the width of a state.
const fn place(state: State) -> (i32, i32, i32) {
    match state {
        State::Backup => (90, 200, 70),
        State::PassiveBackup => (270, 200, 90),
        State::Waiting => (150, 480, 90),
        State::Syncing => (430, 480, 90),
        State::Ready => (730, 480, 90),
        State::LoadBalancing | State::HotStandby => (1060, 480, 130),
        State::CommunicationRecovery => (1110, 680, 125),
        State::PartnerDown => (590, 720, 95),
        State::PartnerInMaintenance => (910, 200, 115),
        State::InMaintenance => (1260, 200, 105),
        State::Terminated => (1370, 880, 90),
    }
}

/// Where a line begins, bends and ends.
type Points = &'static [(i32, i32)];
/// Where words stand, and which end of them (SVG's `text-anchor`).
type Place = (i32, i32, &'static str);

/// A line of a way: where it bends, and where its words stand.
struct Line {
    from: State,
    to: State,
    points: Points,
    words: Place,
}

const fn line(from: State, to: State, points: Points, words: Place) -> Line {
    Line { from, to, points, words }
}

use State::{
    Backup, CommunicationRecovery as Recovery, InMaintenance, LoadBalancing as Normal, PartnerDown,
    PartnerInMaintenance, PassiveBackup, Ready, Syncing, Terminated, Waiting,
};

/// The lines; words without a place are told at the end of the ways only.
const LINES: [Line; 32] = [
    line(Waiting, Backup, &[(110, 446), (110, 234)], (104, 330, "end")),
    line(Waiting, PassiveBackup, &[(215, 446), (215, 234)], (221, 300, "start")),
    line(Waiting, Syncing, &[(240, 472), (340, 472)], (290, 464, "middle")),
    line(Waiting, Ready, &[(210, 514), (210, 560), (690, 560), (690, 514)], (560, 554, "middle")),
    line(Waiting, PartnerDown, &[(180, 514), (180, 620), (590, 620), (590, 686)], NOWHERE),
    line(Waiting, Terminated, &[(110, 514), (110, 880), (1280, 880)], NOWHERE),
    line(Syncing, Waiting, &[(390, 446), (390, 380), (150, 380), (150, 446)], NOWHERE),
    line(Syncing, PartnerDown, &[(460, 514), (460, 620), (590, 620), (590, 686)], NOWHERE),
    line(Syncing, Terminated, &[(400, 514), (400, 880), (1280, 880)], NOWHERE),
    line(Ready, Syncing, &[(680, 446), (680, 415), (470, 415), (470, 446)], (575, 409, "middle")),
    line(Ready, Waiting, &[(700, 446), (700, 380), (150, 380), (150, 446)], NOWHERE),
    line(Ready, Normal, &[(820, 480), (930, 480)], (875, 472, "middle")),
    line(Ready, PartnerDown, &[(720, 514), (720, 620), (590, 620), (590, 686)], NOWHERE),
    line(Ready, Terminated, &[(790, 514), (790, 880), (1280, 880)], NOWHERE),
    line(Ready, PartnerInMaintenance, &[(740, 446), (740, 200), (795, 200)], (734, 215, "end")),
    line(Ready, InMaintenance, &[(790, 446), (790, 310), (1190, 310), (1190, 234)], NOWHERE),
    line(Normal, Waiting, &[(960, 446), (960, 380), (150, 380), (150, 446)], NOWHERE),
    line(Normal, PartnerDown, &[(960, 514), (960, 620), (590, 620), (590, 686)], NOWHERE),
    line(Normal, Terminated, &[(1190, 480), (1390, 480), (1390, 846)], NOWHERE),
    line(Normal, Recovery, &[(1090, 514), (1090, 646)], (1084, 590, "end")),
    line(Normal, PartnerInMaintenance, &[(985, 446), (985, 234)], (991, 268, "start")),
    line(
        Normal,
        InMaintenance,
        &[(1150, 446), (1150, 345), (1225, 345), (1225, 234)],
        (1231, 265, "start"),
    ),
    line(Recovery, Waiting, &[(985, 660), (865, 660), (865, 380), (150, 380), (150, 446)], NOWHERE),
    line(Recovery, PartnerDown, &[(985, 700), (685, 700)], NOWHERE),
    line(Recovery, Terminated, &[(1235, 680), (1390, 680), (1390, 846)], NOWHERE),
    line(Recovery, PartnerInMaintenance, &[(985, 675), (915, 675), (915, 234)], NOWHERE),
    line(
        Recovery,
        InMaintenance,
        &[(1220, 646), (1220, 560), (1340, 560), (1340, 234)],
        (1346, 400, "start"),
    ),
    line(PartnerDown, Waiting, &[(495, 720), (145, 720), (145, 514)], NOWHERE),
    line(
        PartnerDown,
        Normal,
        &[(640, 754), (640, 800), (935, 800), (935, 600), (985, 600), (985, 514)],
        (760, 794, "middle"),
    ),
    line(PartnerDown, Terminated, &[(590, 754), (590, 880), (1280, 880)], NOWHERE),
    line(
        PartnerInMaintenance,
        PartnerDown,
        &[(840, 234), (840, 740), (685, 740)],
        (834, 260, "end"),
    ),
    line(
        PartnerInMaintenance,
        Terminated,
        &[(910, 166), (910, 120), (1510, 120), (1510, 880), (1460, 880)],
        NOWHERE,
    ),
];

/// Words that would be told too often.
const NOWHERE: Place = (0, 0, "");

/// What is done on the way from one state to another without a row of the table.
const DONE: [(&str, Points, Place); 2] = [
    ("all leases fetched", &[(520, 480), (640, 480)], (580, 472, "middle")),
    ("updates sent", &[(1140, 646), (1140, 514)], (1146, 590, "start")),
];

const fn colour(to: State) -> &'static str {
    match to {
        State::Waiting => "#546e7a",
        State::PartnerDown => "#c62828",
        State::Terminated => "#5d4037",
        State::LoadBalancing | State::HotStandby => "#2e7d32",
        State::PartnerInMaintenance | State::InMaintenance => "#6a1b9a",
        State::CommunicationRecovery => "#e65100",
        _ => "#1565c0",
    }
}

/// The text of the drawing.
pub(super) fn drawing() -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"'DejaVu Sans', Verdana, sans-serif\" font-size=\"13\">\n\
         <title>States of a High Availability server and the rules between them</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n"
    );
    svg.push_str(TITLE);
    let ways = ways();
    for ((from, to), names) in &ways {
        writeln!(svg, "<!-- {from} to {to} -->").unwrap();
        way(&mut svg, *from, *to, names);
    }
    for (words, points, at) in DONE {
        let to = if at.2 == "middle" { State::Ready } else { State::LoadBalancing };
        path(&mut svg, points, colour(to), " stroke-dasharray=\"6 4\"");
        label(&mut svg, at, words, colour(to));
    }
    for state in State::ALL.into_iter().filter(|state| *state != State::HotStandby) {
        node(&mut svg, state);
    }
    legend(&mut svg, &ways);
    svg.push_str("</svg>\n");
    svg
}

const TITLE: &str = "<text x=\"30\" y=\"48\" font-size=\"24\" font-weight=\"bold\" fill=\"#263238\">\
States of a High Availability server</text>\n\
<text x=\"30\" y=\"74\" fill=\"#546e7a\">An arrow has the colour of the state that it leads to, and the names of the \
rules that lead there; dashed: done without a rule.</text>\n";

fn way(svg: &mut String, from: State, to: State, names: &[&str]) {
    let known = LINES.iter().find(|line| (line.from, line.to) == (from, to));
    let straight = [(place(from).0, place(from).1 - HALF), (place(to).0, place(to).1 + HALF)];
    let points = known.map_or(&straight[..], |line| line.points);
    path(svg, points, colour(to), "");
    match known.map(|line| line.words) {
        Some(NOWHERE) => {}
        Some(at) => label(svg, at, &names.join("\n"), colour(to)),
        None => {
            let at = ((straight[0].0 + straight[1].0) / 2, (straight[0].1 + straight[1].1) / 2);
            label(svg, (at.0, at.1, "middle"), &names.join("\n"), colour(to));
        }
    }
}

/// A line with rounded bends and an arrow's head.
fn path(svg: &mut String, points: &[(i32, i32)], colour: &str, style: &str) {
    let (first, last) = (points[0], points[points.len() - 1]);
    let mut d = format!("M{} {}", first.0, first.1);
    for bend in points.windows(3) {
        let (before, at, after) = (bend[0], bend[1], bend[2]);
        let (a, b) = (towards(at, before, BEND), towards(at, after, BEND));
        write!(d, " L{} {} Q{} {} {} {}", a.0, a.1, at.0, at.1, b.0, b.1).unwrap();
    }
    let end = towards(last, points[points.len() - 2], 9);
    write!(d, " L{} {}", end.0, end.1).unwrap();
    writeln!(
        svg,
        "<path d=\"{d}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.8\"{style}/>"
    )
    .unwrap();
    let back = towards(last, points[points.len() - 2], 11);
    let (dx, dy) = ((last.0 - back.0) * 5 / 11, (last.1 - back.1) * 5 / 11);
    let corners = format!(
        "{},{} {},{} {},{}",
        last.0,
        last.1,
        back.0 - dy,
        back.1 + dx,
        back.0 + dy,
        back.1 - dx
    );
    writeln!(svg, "<polygon points=\"{corners}\" fill=\"{colour}\"/>").unwrap();
}

/// The point at `distance` from `from` on the way to `to`, at most half of the way.
fn towards(from: (i32, i32), to: (i32, i32), distance: i32) -> (i32, i32) {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let length = f64::from(dx * dx + dy * dy).sqrt();
    let share = (f64::from(distance) / length).min(0.5);
    let step = |d: i32| (f64::from(d) * share).round() as i32;
    (from.0 + step(dx), from.1 + step(dy))
}

/// Words with a white edge, so that lines do not run through them.
fn label(svg: &mut String, (x, y, anchor): (i32, i32, &str), words: &str, colour: &str) {
    let lines: Vec<&str> = words.lines().collect();
    let first = y - 15 * (i32::try_from(lines.len()).unwrap() - 1);
    for (n, line) in (0..).zip(lines) {
        let y = first + 15 * n;
        writeln!(
            svg,
            "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" fill=\"{colour}\" stroke=\"#ffffff\" \
             stroke-width=\"4\" paint-order=\"stroke\">{line}</text>"
        )
        .unwrap();
    }
}

fn node(svg: &mut String, state: State) {
    let (x, y, half) = place(state);
    let it = look(state);
    let fill = match (it.serves, it.scopes) {
        (false, _) => "#eceff1",
        (true, "everybody's") => "#ffe0b2",
        (true, _) => "#dcedc8",
    };
    let (left, top, wide, high) = (x - half, y - HALF, 2 * half, 2 * HALF);
    writeln!(
        svg,
        "<rect x=\"{left}\" y=\"{top}\" width=\"{wide}\" height=\"{high}\" rx=\"14\" fill=\"{fill}\" \
         stroke=\"{}\" stroke-width=\"2.5\"/>",
        colour(state)
    )
    .unwrap();
    let name = match state {
        State::LoadBalancing => "load-balancing, hot-standby",
        State::CommunicationRecovery => "communication-recovery",
        state => state.name(),
    };
    let serves = if it.serves { format!("serves {}", clients(it.scopes)) } else { "off".into() };
    let size = if name.len() > 22 { 14 } else { 15 };
    writeln!(
        svg,
        "<text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" font-weight=\"bold\" font-size=\"{size}\" \
         fill=\"#212121\">{name}</text>\n<text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" \
         font-size=\"12\" fill=\"#455a64\">{serves}</text>",
        y - 3,
        y + 17
    )
    .unwrap();
}

fn clients(scopes: &str) -> &'static str {
    if scopes == "everybody's" { "everybody" } else { "its own clients" }
}

type Ways = std::collections::BTreeMap<(State, State), Vec<&'static str>>;

/// The rules of the ways whose words stand nowhere else: for each state, those that lead to it.
fn legend(svg: &mut String, ways: &Ways) {
    let silent = |from: State, to: State| {
        let line = LINES.iter().find(|line| (line.from, line.to) == (from, to));
        line.is_some_and(|line| line.words == NOWHERE)
    };
    let mut y = 970;
    for to in [
        State::Waiting,
        State::PartnerDown,
        State::Terminated,
        State::InMaintenance,
        State::PartnerInMaintenance,
    ] {
        let mut names: Vec<&str> = Vec::new();
        for ((from, target), rules) in ways {
            if *target == to && silent(*from, to) {
                names.extend(rules);
            }
        }
        names.sort_unstable();
        names.dedup();
        writeln!(
            svg,
            "<text x=\"30\" y=\"{y}\" fill=\"{}\"><tspan font-weight=\"bold\">to {to}:</tspan> {}</text>",
            colour(to),
            names.join(", ")
        )
        .unwrap();
        y += 20;
    }
}
