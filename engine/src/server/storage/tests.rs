//! The lease file while it is cleaned up.

use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use super::*;
use crate::lease::{HwAddress, LeaseState, Origin, Overwrite};

const PATIENCE: Duration = Duration::from_secs(20);

fn lease(last: u8) -> Lease4 {
    Lease4 {
        address: Ipv4Addr::new(192, 0, 2, last),
        hw_address: HwAddress::new(&[2, 0, 0, 0, 0, last]).unwrap(),
        client_id: None,
        valid_lifetime_s: 100,
        cltt_s: 1000,
        subnet_id: 1,
        fqdn_fwd: false,
        fqdn_rev: false,
        hostname: "".into(),
        state: LeaseState::Assigned,
        user_context: None,
        pool_id: 0,
    }
}

/// Does it on a thread of its own, and fails if that takes too long.
fn in_time<T: Send + 'static>(what: &str, act: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, finished) = mpsc::channel();
    std::thread::spawn(move || drop(done.send(act())));
    finished.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{what} waits for the cleanup"))
}

#[test]
fn nobody_waits_for_a_cleanup_of_the_lease_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("leases.csv");
    let config = LeaseDatabase {
        persist: true,
        file: file.clone(),
        lfc_interval_s: 0,
        max_row_errors: 0,
        sync_to_disk: false,
    };
    let storage = Storage::open(&config, &[], Arc::default()).unwrap();
    storage.load(&Some).unwrap();
    storage.store.apply(lease(1), Overwrite::Always, Origin::Administrator);
    storage.flush().unwrap();
    // What the cleanup writes goes nowhere until somebody reads it: it is held in the middle of its rewriting.
    let output = folder.path().join("leases.csv.output");
    assert!(Command::new("mkfifo").arg(&output).status().unwrap().success());
    storage.compact_aside();
    let copy = folder.path().join("leases.csv.1");
    let (begun, beginning) = mpsc::channel();
    std::thread::spawn(move || {
        while !copy.exists() {
            std::thread::yield_now();
        }
        let _ = begun.send(());
    });
    beginning.recv_timeout(PATIENCE).expect("the cleanup begins");
    let busy = storage.clone();
    in_time("a grant", move || {
        busy.store.apply(lease(2), Overwrite::Always, Origin::Client(None));
        busy.write_through(busy.store.last_change()).unwrap();
    });
    let busy = storage.clone();
    assert_eq!(in_time("a listing", move || busy.store.page(None, 10)).len(), 2);
    let busy = storage.clone();
    in_time("another cleanup", move || busy.compact());
    assert!(std::fs::read_to_string(&file).unwrap().contains("192.0.2.2,"));
    assert!(!folder.path().join("leases.csv.completed").exists(), "the cleanup was not held");
    // Let go: what cannot be a lease file fails, and the next cleanup does it.
    drop(in_time("the reader", move || std::fs::read(output)));
    let rest = storage.clone();
    let compacted = folder.path().join("leases.csv.2");
    in_time("the next cleanup", move || {
        while !compacted.exists() {
            rest.compact();
            std::thread::yield_now();
        }
    });
    assert_eq!(storage.store.len(), 2);
}
