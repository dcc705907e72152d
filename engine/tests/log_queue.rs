//! The log's queue against a writer that cannot keep up, in a process where nobody else logs: what it counts as lost
//! is exact only there.

use std::path::Path;
use std::time::Duration;

use engine::config::model::{LogOutput, LogTarget, Logger, Severity};
use engine::limits::MAX_LOG_LINES;
use engine::log::{self, Batch, Options, Writer, messages};

#[test]
fn lines_reach_their_file_and_what_finds_no_room_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("server.log");
    let writer = Writer::start(&[logger_to(&path)], "kea-dhcp4", Options::default()).unwrap();

    let many = 3 * MAX_LOG_LINES as u64;
    for n in 0..many {
        engine::log!(DHCP4_STARTED, "line {n}.");
    }
    writer.flush(Duration::from_secs(20));
    let lost = log::dropped();
    let mut batch = Batch::default();
    for n in 0..3 {
        batch.add(&messages::DHCP4_SHUTDOWN, || n);
        batch.add(&messages::PEREGRINE_QUERY_DROPPED, || n);
    }
    batch.emit();
    writer.flush(Duration::from_secs(20));

    // Far more than there is room for, and gathered far faster than it is written: who gathers waits.
    let before = log::dropped();
    for first in (0..many).step_by(64) {
        let mut batch = Batch::default();
        (first..many.min(first + 64)).for_each(|n| batch.add(&messages::DHCP4_LEASE_ALLOC, || n));
        batch.emit();
    }
    writer.flush(Duration::from_secs(60));
    assert_eq!(log::dropped(), before);

    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().filter(|it| it.contains("DHCP4_LEASE_ALLOC")).count() as u64, many);
    let told = text.contains("PEREGRINE_LOG_LINES_LOST");
    assert_eq!(told, lost > 0, "{lost} lines were lost");
    let lines = |id: &'static str| text.lines().filter(move |line| line.contains(id));
    assert_eq!(lines("DHCP4_STARTED line ").count() as u64 + lost, many);
    let gathered: Vec<_> = lines("DHCP4_SHUTDOWN ").collect();
    assert_eq!(gathered.len(), 3);
    assert!(gathered.iter().zip(0..).all(|(line, n)| line.ends_with(&format!(" {n}"))));
    assert!(text.contains("DHCP4_STARTED line 0."), "{}", text.lines().next().unwrap_or(""));
}

fn logger_to(path: &Path) -> Logger {
    let output = LogOutput {
        to: LogTarget::File(path.to_owned()),
        flush: true,
        max_size: 0,
        max_versions: 0,
        pattern: String::new(),
    };
    Logger {
        name: "kea-dhcp4".into(),
        severity: Severity::Info,
        debuglevel: 0,
        outputs: vec![output],
    }
}
