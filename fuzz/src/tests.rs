//! Each target goes through what it begins with and some changes of it, and finds its way to new courses.

use engine::clock::SystemClock;

use super::{fuzz, target};

#[test]
fn each_target_runs_and_finds_new_courses() {
    for name in ["packet", "configuration", "expression"] {
        let mut target = target(name).expect("it exists");
        let seeds = target.seeds().len();
        let runs = if name == "configuration" { 300 } else { 3000 };
        let report = fuzz(&mut *target, 1, &SystemClock::start(), &mut |done| done < runs);
        assert!(report.finding.is_none(), "{name}: {:?}", report.finding);
        assert!(report.kept > seeds, "{name}: {} courses from {seeds} seeds", report.kept);
    }
}
