//! The report beside perfdhcp's own, of the same load on the same server. It needs perfdhcp (Debian:
//! kea-admin), and says so where it is missing; where tests with packages are required, it fails.

use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Command, Output};

use crate::fake::{FakeServer, Manner};

/// Set where every test has to run.
const REQUIRED: &str = "PEREGRINE_REQUIRE_ROOT_TESTS";
pub(crate) const OURS: &str = env!("CARGO_BIN_EXE_peregrine-perf");

fn is_possible() -> bool {
    let installed = Command::new("perfdhcp").arg("-v").output().is_ok();
    if !installed {
        assert!(std::env::var_os(REQUIRED).is_none(), "perfdhcp is not installed");
        eprintln!("not run: perfdhcp is not installed");
    }
    installed
}

/// Another test may take the port that was found free: then (status 1) it is tried with another.
pub(crate) fn load(program: &str, server: &FakeServer, options: &str) -> Output {
    let outputs = (0..10).map(|_| load_once(program, server, options));
    outputs.into_iter().find(|output| output.status.code() != Some(1)).unwrap()
}

fn load_once(program: &str, server: &FakeServer, options: &str) -> Output {
    let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    Command::new(program)
        .args(["-4", "-l", "127.0.0.1", "-L", &port.to_string()])
        .args(["-N", &server.address.port().to_string()])
        .args(options.split_whitespace())
        .arg("127.0.0.1")
        .output()
        .unwrap()
}

/// The report's lines without their numbers.
fn labels(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout);
    let report = text.lines().skip_while(|line| !line.starts_with("***Rate"));
    let label = |line: &str| line.split(':').next().unwrap_or_default().trim().to_owned();
    report.map(label).filter(|label| !label.is_empty()).collect()
}

fn numbers<'a>(output: &'a Output, label: &str) -> Vec<&'a str> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().filter_map(|line| line.strip_prefix(label)).collect()
}

#[test]
fn both_report_the_same_lines_and_counts() {
    if !is_possible() {
        return;
    }
    let server = FakeServer::start(Manner::Honest);
    let options = "-r 200 -R 40 -n 40 -W 500000";
    let (theirs, ours) = (load("perfdhcp", &server, options), load(OURS, &server, options));
    assert_eq!(labels(&ours), labels(&theirs));
    assert_eq!(numbers(&ours, "sent packets: "), ["40", "40"]);
    // A late perfdhcp sends a few more than it was told: each is held against its own number.
    for output in [&ours, &theirs] {
        assert_eq!(numbers(output, "received packets: "), numbers(output, "sent packets: "));
        assert_eq!(numbers(output, "drops: "), ["0", "0"]);
        assert_eq!(numbers(output, "orphans: "), ["0", "0"]);
    }
    assert_eq!((ours.status.code(), theirs.status.code()), (Some(0), Some(0)));
    // Here perfdhcp refuses -W and does not always wait for the last answer: the lines only.
    let options = "-i -r 200 -R 40 -n 40";
    let (theirs, ours) = (load("perfdhcp", &server, options), load(OURS, &server, options));
    assert_eq!(labels(&ours), labels(&theirs));
}

#[test]
fn both_end_alike_when_nobody_answers() {
    if !is_possible() {
        return;
    }
    let server = FakeServer::start(Manner::Silent);
    let options = "-r 100 -R 10 -n 10 -d 0.1 -W 300000";
    let (theirs, ours) = (load("perfdhcp", &server, options), load(OURS, &server, options));
    assert_eq!((ours.status.code(), theirs.status.code()), (Some(3), Some(3)));
    for output in [&ours, &theirs] {
        assert_eq!(numbers(output, "drops: "), numbers(output, "sent packets: "));
        assert_eq!(numbers(output, "received packets: "), ["0", "0"]);
    }
}
