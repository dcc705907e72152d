//! The load generator against servers in this process: it sees that all is well, and each way in
//! which it is not.

#![expect(clippy::unwrap_used, reason = "the helpers of a test are test code")]

mod echo;
mod fake;
mod perfdhcp;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::ControlFlow;
use std::time::Duration;

use fake::{FakeServer, Manner};
use perf::fleet::{BASE_MAC, Fleet};
use perf::pace::Pace;
use perf::plan::{Exchange, MaxDrop, Plan};
use perf::run::{Link, Relay, RunError};
use perf::tally::Tally;

const LOCAL: Ipv4Addr = Ipv4Addr::LOCALHOST;

fn relay(servers: &[&FakeServer]) -> Relay {
    let servers = servers.iter().map(|server| server.address).collect();
    let local = SocketAddrV4::new(LOCAL, 0);
    Relay::open(&Link { local, device: None, servers }).unwrap()
}

/// One exchange for each client, with patience enough for a busy machine.
fn plan(clients: u32) -> Plan {
    let drop_time = Duration::from_secs(5);
    Plan { drop_time, ..Plan::each_once((0..clients).collect(), 8, LOCAL) }
}

/// The same for servers whose answers are not to be waited for.
fn hasty(clients: u32) -> Plan {
    Plan { drop_time: Duration::from_millis(300), ..plan(clients) }
}

fn load(manner: Manner, plan: &Plan) -> (Tally, Fleet) {
    let server = FakeServer::start(manner);
    let mut fleet = Fleet::new(BASE_MAC, 100);
    let run = relay(&[&server]).run(plan, &mut fleet, &mut |_| ControlFlow::Continue(()));
    (run.unwrap(), fleet)
}

#[test]
fn all_clients_of_an_honest_server_are_served() {
    let (tally, fleet) = load(Manner::Honest, &plan(100));
    assert!(tally.is_clean(), "{tally:?}");
    assert_eq!((tally.completed, tally.by_server[&LOCAL]), (100, 100));
    assert_eq!((tally.offer.orphans, tally.ack.orphans, tally.malformed), (0, 0, 0));
    assert_eq!((fleet.leases().count(), fleet.duplicate_addresses()), (100, 0));
    assert!(tally.ack.percentile_ms(99.0).unwrap() > 0.0);
}

#[test]
fn a_second_run_keeps_what_the_first_was_given() {
    let server = FakeServer::start(Manner::Honest);
    let relay = relay(&[&server]);
    let mut fleet = Fleet::new(BASE_MAC, 20);
    let first = plan(20);
    let mut quiet = |_: &perf::run::Progress<'_>| ControlFlow::Continue(());
    relay.run(&first, &mut fleet, &mut quiet).unwrap();
    let before: Vec<_> = fleet.leases().collect();
    // The fake server answers a rebinding client with the address that its hardware address got.
    let second = Plan { exchange: Exchange::Rebind, first_xid: 5000, ..first };
    let tally = relay.run(&second, &mut fleet, &mut quiet).unwrap();
    assert_eq!((tally.offer.sent, tally.ack.sent, tally.completed), (0, 20, 20));
    assert_eq!(fleet.leases().collect::<Vec<_>>(), before);
}

#[test]
fn a_rate_is_kept() {
    let limited = Plan { pace: Pace::Rate(500), ..plan(100) };
    let (tally, _) = load(Manner::Honest, &limited);
    assert_eq!(tally.completed, 100);
    assert!(tally.elapsed >= Duration::from_millis(198), "{:?} for 100 at 500/s", tally.elapsed);
}

#[test]
fn duplicate_addresses_are_found() {
    let (tally, fleet) = load(Manner::SameAddress, &plan(10));
    assert_eq!((tally.ack.duplicates, fleet.duplicate_addresses()), (9, 9));
    assert!(!tally.is_clean());
}

#[test]
fn refusals_are_found() {
    let (tally, fleet) = load(Manner::Refuse, &plan(10));
    assert_eq!((tally.ack.rejected, tally.completed, fleet.leases().count()), (10, 0, 0));
    assert!(!tally.is_clean());
}

#[test]
fn another_address_than_offered_is_found() {
    let (tally, _) = load(Manner::Switch, &plan(10));
    assert_eq!((tally.ack.wrong_address, tally.completed), (10, 0));
    assert!(!tally.is_clean());
}

#[test]
fn silence_is_found_and_ends_the_run() {
    let (tally, _) = load(Manner::Silent, &hasty(10));
    assert_eq!((tally.offer.sent, tally.offer.drops), (10, 10));
    assert!(!tally.is_clean());
    let (tally, _) =
        load(Manner::Silent, &Plan { max_drop: Some(MaxDrop::Count(1)), ..hasty(100) });
    assert!(tally.offer.sent < 100, "given up after the first window");
}

#[test]
fn answers_to_nobody_are_orphans() {
    let (tally, _) = load(Manner::WrongXid, &hasty(10));
    assert_eq!((tally.offer.orphans, tally.offer.drops), (10, 10));
    let (tally, _) = load(Manner::Twice, &plan(10));
    assert_eq!(tally.completed, 10);
    assert!(tally.offer.orphans > 0, "{tally:?}");
}

#[test]
fn torn_answers_are_malformed() {
    let (tally, _) = load(Manner::Torn, &hasty(10));
    assert_eq!((tally.malformed, tally.offer.drops), (10, 10));
}

#[test]
fn each_query_goes_to_all_servers() {
    let (silent, honest) = (FakeServer::start(Manner::Silent), FakeServer::start(Manner::Honest));
    let mut fleet = Fleet::new(BASE_MAC, 10);
    let relay = relay(&[&silent, &honest]);
    let tally = relay.run(&plan(10), &mut fleet, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(tally.completed, 10);
}

#[test]
fn progress_is_told_and_can_end_the_run() {
    let server = FakeServer::start(Manner::Honest);
    let endless = Plan { exchanges: None, report_every: Duration::from_millis(10), ..plan(10) };
    let mut calls = 0;
    let mut fleet = Fleet::new(BASE_MAC, 10);
    let run = relay(&[&server]).run(&endless, &mut fleet, &mut |progress| {
        calls += 1;
        assert!(progress.elapsed >= Duration::from_millis(10));
        if calls < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    assert!(run.unwrap().completed > 0);
    assert_eq!(calls, 4, "three on the way and one at the end");
}

#[test]
fn a_plan_that_never_begins_is_refused() {
    let server = FakeServer::start(Manner::Silent);
    let mut fleet = Fleet::new(BASE_MAC, 1);
    let run = relay(&[&server]).run(&plan(0), &mut fleet, &mut |_| ControlFlow::Continue(()));
    assert!(matches!(run, Err(RunError::Plan { .. })));
}

#[test]
fn the_program_reports_as_perfdhcp_and_ends_as_it_does() {
    let honest = FakeServer::start(Manner::Honest);
    let run = |server: &FakeServer, options: &str| {
        let output = perfdhcp::load(perfdhcp::OURS, server, options);
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (status, report) = run(&honest, "-r 1000 -R 50 -n 50 -D 10% -d 5");
    assert_eq!(status, Some(0), "{report}");
    let lines = "***Statistics for: REQUEST-ACK***\nsent packets: 50\nreceived packets: 50\n";
    assert!(report.contains(lines), "{report}");
    let silent = FakeServer::start(Manner::Silent);
    let (status, report) = run(&silent, "-n 3 -R 3 -d 0.05 --json");
    assert_eq!(status, Some(3), "{report}");
    assert!(report.contains("\"drops\": 3"), "{report}");
    assert_eq!(run(&silent, "-n none").0, Some(2));
}
