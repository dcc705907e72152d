//! A lease file written here is read by Kea, and what Kea makes of it is read here: through `kea-lfc`, which
//! reads, merges and rewrites lease files as the server does. Needs Debian's `kea-dhcp4-server`; says so and
//! passes without it, unless `PEREGRINE_REQUIRE_ROOT_TESTS` is set.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use engine::lease::csv::{Durability, Journal, Loaded, claim, load};
use engine::lease::memory::MemoryStore;
use engine::lease::{
    ClientId, HwAddress, INFINITE_LIFETIME, Lease4, LeaseState, LeaseStore, Origin, Overwrite,
};

fn lease(last: u8) -> Lease4 {
    Lease4 {
        address: Ipv4Addr::new(192, 0, 2, last),
        hw_address: HwAddress::new(&[2, 0, 0, 0, 0, last]).expect("6 bytes"),
        client_id: ClientId::new(&[1, 2, last]),
        valid_lifetime_s: 3600,
        cltt_s: 1_795_171_857,
        subnet_id: 1,
        fqdn_fwd: false,
        fqdn_rev: false,
        hostname: "".into(),
        state: LeaseState::Assigned,
        user_context: None,
        pool_id: 0,
    }
}

/// One lease of each kind that Kea 2.2 knows.
fn leases() -> Vec<Lease4> {
    let context = r#"{ "a": 1, "b": "x&y" }"#;
    vec![
        lease(1),
        Lease4 { client_id: None, hostname: "a,b&c.example".into(), fqdn_fwd: true, ..lease(2) },
        Lease4 { valid_lifetime_s: INFINITE_LIFETIME, ..lease(3) },
        Lease4 { user_context: Some(context.into()), fqdn_rev: true, ..lease(4) },
        Lease4 {
            hw_address: HwAddress::default(),
            client_id: None,
            state: LeaseState::Declined,
            ..lease(5)
        },
        Lease4 { state: LeaseState::Reclaimed, ..lease(6) },
        Lease4 { hw_address: HwAddress::default(), subnet_id: 4_000_000_000, ..lease(7) },
    ]
}

/// Whether `kea-lfc` is there.
fn is_possible() -> bool {
    let possible = Command::new("kea-lfc").arg("-v").output().is_ok();
    let demanded = std::env::var_os("PEREGRINE_REQUIRE_ROOT_TESTS").is_some();
    assert!(possible || !demanded, "kea-lfc is missing, and tests with Kea are required here");
    if !possible {
        eprintln!("skipped: this test needs kea-lfc (package kea-dhcp4-server)");
    }
    possible
}

/// Writes `leases`, and some that go again, through a store and its journal.
fn write(file: &Path, leases: &[Lease4]) {
    let claim = claim(file, &[]).expect("nobody else has it");
    let journal = Arc::new(Journal::open(claim, Durability::Disk).expect("a new file"));
    let store = MemoryStore::new(journal.clone());
    for lease in leases {
        let older = Lease4 { cltt_s: lease.cltt_s - 10, ..lease.clone() };
        store.apply(older, Overwrite::Always, Origin::Partner);
        store.apply(lease.clone(), Overwrite::Newer, Origin::Partner);
    }
    store.apply(lease(200), Overwrite::Always, Origin::Partner);
    let deleted = store.delete(lease(200).address, Origin::Administrator).expect("it is there");
    journal.write_through(deleted.version).expect("the disk has room");
}

fn read(file: &Path) -> (Vec<Lease4>, Loaded) {
    let store = MemoryStore::new(Arc::new(Journal::none()));
    let loaded = load(file, 0, &store).expect("a lease file");
    (store.page(None, usize::MAX), loaded)
}

/// Kea's cleanup of `F.1`, as its server would start it.
fn clean_up(file: &Path) -> String {
    let with = |suffix: &str| PathBuf::from(format!("{}{suffix}", file.display()));
    std::fs::rename(file, with(".1")).expect("it was written");
    let folder = file.parent().expect("in a folder");
    let output = Command::new("kea-lfc")
        .env("KEA_LOCKFILE_DIR", folder)
        .env("KEA_PIDFILE_DIR", folder)
        .args(["-4", "-d", "-c", "none", "-x"])
        .arg(with(".2"))
        .arg("-i")
        .arg(with(".1"))
        .arg("-o")
        .arg(with(".output"))
        .arg("-f")
        .arg(with(".completed"))
        .arg("-p")
        .arg(with(".pid"))
        .output()
        .expect("kea-lfc was there");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn kea_reads_what_is_written_here_and_its_cleanup_is_read_here() {
    if !is_possible() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("leases.csv");
    let written = leases();
    write(&file, &written);
    assert_eq!(read(&file).0, written);
    let said = clean_up(&file);
    assert!(said.contains("errors: 0"), "{said}");
    let (after, loaded) = read(&file);
    assert_eq!(after, written, "{said}");
    assert_eq!((loaded.bad_rows, loaded.rows), (0, written.len() as u64));
}
