//! What was acknowledged is kept: across SIGKILL under load, a full disk, cleanups of the lease file under load; and no
//! two programs write one lease file.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use perf::fleet::{BASE_MAC, Fleet};
use perf::pace::Pace;
use perf::plan::Plan;
use serde_json::{Value, json};

use crate::support::loopback::Loopback;
use crate::support::net;
use crate::support::server::{Kind, PATIENCE, Server};
use crate::support::wait::until;

fn pools() -> Value {
    json!([{"pool": "10.16.0.0 - 10.17.255.255"}])
}

/// Each assigned lease's holder.
fn holders(server: &Server) -> BTreeMap<Ipv4Addr, String> {
    let text = |lease: &Value, key: &str| lease[key].as_str().unwrap().to_owned();
    let leases = server.leases().into_iter().filter(|lease| lease["state"] == 0);
    leases
        .map(|lease| (text(&lease, "ip-address").parse().unwrap(), text(&lease, "hw-address")))
        .collect()
}

/// Fails unless every lease that a client of `fleet` was promised is among `holders` as that client's.
fn assert_kept(fleet: &Fleet, holders: &BTreeMap<Ipv4Addr, String>) {
    for (client, lease) in fleet.leases() {
        let mac = fleet.mac(client).map(|byte| format!("{byte:02x}")).join(":");
        assert_eq!(holders.get(&lease.address), Some(&mac), "{lease:?} of client {client}");
    }
    assert_eq!(fleet.duplicate_addresses(), 0);
}

/// Lets clients come without end (and without a second try), until `act` returns.
fn load_while<T: Send>(place: &Loopback, fleet: &mut Fleet, act: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let acting = scope.spawn(act);
        while !acting.is_finished() {
            let missing = fleet.without_lease();
            assert!(!missing.is_empty(), "the fleet is too small");
            let plan = Plan {
                exchanges: None,
                pace: Pace::Window(32),
                period: Some(Duration::from_millis(100)),
                exit_wait: Some(Duration::from_millis(50)),
                ..Plan::each_once(missing, 32, place.relay())
            };
            place.drive(fleet, plan);
        }
        acting.join().unwrap()
    })
}

/// Waits until at least `count` clients have been acknowledged.
fn acknowledged(server: &Server, count: u64) {
    until("acknowledgements", PATIENCE, || {
        let sent = server.statistics()["pkt4-ack-sent"];
        if sent >= count { Ok(()) } else { Err(sent) }
    });
}

#[test]
fn a_kill_under_load_forgets_no_acknowledged_lease() {
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::new(Kind::Peregrine, "lone", folder.path());
    server.configure(&place.configuration(0, &pools()));
    let mut fleet = Fleet::new(BASE_MAC, 100_000);
    for _ in 0..3 {
        server.start_here(&place);
        assert_kept(&fleet, &holders(&server));
        load_while(&place, &mut fleet, || {
            acknowledged(&server, 500);
            server.kill();
        });
    }
    server.start_here(&place);
    let (kept, promised) = (holders(&server), fleet.leases().count());
    assert_kept(&fleet, &kept);
    assert!(promised >= 1500 && kept.len() >= promised, "{} of {promised}", kept.len());
}

/// A small file system, mounted until it is dropped.
pub(crate) struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one of this size (`256k`).
    pub(crate) fn mount(path: &Path, size: &str) -> Self {
        fs::create_dir_all(path).unwrap();
        let size = format!("size={size}");
        net::run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs", path.to_str().unwrap()]);
        Self(path.to_owned())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[test]
fn a_full_disk_stops_acknowledgements_and_loses_nothing() {
    if !net::is_possible("a small disk") {
        return;
    }
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let disk_path = folder.path().join("disk");
    let disk = SmallDisk::mount(&disk_path, "256k");
    let (lease_file, ballast) = (disk_path.join("leases.csv"), disk_path.join("ballast"));
    fs::write(&ballast, vec![0; 128 << 10]).unwrap();
    let mut server = Server::new(Kind::Peregrine, "lone", folder.path());
    let mut configuration = place.configuration(0, &pools());
    configuration["lease-database"] =
        json!({"type": "memfile", "name": lease_file, "lfc-interval": 0});
    server.configure(&configuration);
    server.start_here(&place);

    let mut fleet = Fleet::new(BASE_MAC, 20_000);
    load_while(&place, &mut fleet, || {
        until("failure to write", PATIENCE, || {
            let failed = server.statistics()["peregrine-journal-failed"];
            if failed > 20 { Ok(()) } else { Err(failed) }
        });
    });
    assert!(server.log().contains("PEREGRINE_LEASE_FILE_FAILED"));
    let promised = fleet.leases().count();
    assert!(promised > 100, "{promised}");
    let rows = fs::read_to_string(&lease_file).unwrap();
    assert!(rows.ends_with('\n'), "a torn row");
    assert!(rows.lines().count() > promised, "an acknowledgement without its row");

    fs::remove_file(&ballast).unwrap();
    let mut others = Fleet::new([2, 0, 2, 0, 0, 0], 200);
    place.join_all(&mut others);
    server.kill();
    server.start_here(&place);
    let kept = holders(&server);
    assert_kept(&fleet, &kept);
    assert_kept(&others, &kept);
    server.kill();
    drop(disk);
}

/// Starting must fail and name `pid`, and leave everything as it was.
fn refused(server: &Server, place: &Loopback, pid: u32) {
    let (status, told) = server.refused_here(place);
    assert_eq!(status.code(), Some(1), "{told}");
    assert!(told.contains(&pid.to_string()) && told.contains("leases.csv"), "{pid}: {told}");
    assert!(!server.socket().exists());
}

#[test]
fn one_lease_file_has_one_server() {
    let places = [Loopback::new(1), Loopback::new(1)];
    let folder = tempfile::tempdir().unwrap();
    let [mut first, mut second] =
        ["first", "second"].map(|name| Server::new(Kind::Peregrine, name, folder.path()));
    first.configure(&places[0].configuration(0, &pools()));
    first.start_here(&places[0]);
    let mut fleet = Fleet::new(BASE_MAC, 50);
    places[0].join_all(&mut fleet);
    let mut configuration = places[1].configuration(0, &pools());
    let shared = first.files()["lease-database"].clone();
    configuration["lease-database"] = shared.clone();
    second.configure(&configuration);
    refused(&second, &places[1], first.pid());
    first.kill();

    // A process that Kea's cleanup says it is; this one lives.
    let cleanup = first.folder().join("leases.csv.pid");
    fs::write(&cleanup, format!("{}\n", std::process::id())).unwrap();
    refused(&second, &places[1], std::process::id());
    // One that is gone holds nobody up.
    fs::write(&cleanup, "4194305\n").unwrap();
    second.start_here(&places[1]);
    assert_kept(&fleet, &holders(&second));
}

/// Kea holds the file: its pid file lies where `KEA_PIDFILE_DIR` says, under the name of its configuration.
#[test]
fn a_live_kea_keeps_its_lease_file() {
    if !net::is_possible("a Kea in a network namespace") {
        return;
    }
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let lan = net::Lan::new(&[("kea", "192.0.2.1/24")]);
    let mut kea = Server::new(Kind::Kea, "kea", folder.path());
    kea.configure(&json!({
        "interfaces-config": {"interfaces": ["eth0"]},
        "subnet4": [{"id": 1, "subnet": "192.0.2.0/24",
                     "pools": [{"pool": "192.0.2.100 - 192.0.2.200"}]}]
    }));
    kea.start(&lan);
    // Ours looks for pid files in the same folder; its configuration has another name.
    let ours = Server::beside(&kea);
    let mut configuration = place.configuration(0, &pools());
    configuration["lease-database"] = kea.files()["lease-database"].clone();
    ours.configure(&configuration);
    let (status, told) = ours.refused_here(&place);
    assert_eq!(status.code(), Some(1), "{told}");
    assert!(told.contains(&kea.pid().to_string()) && told.contains("leases.csv"), "{told}");
    kea.command(&json!({"command": "status-get"}));
}

#[test]
fn expired_leases_are_reclaimed_and_their_addresses_used_again() {
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::new(Kind::Peregrine, "lone", folder.path());
    let mut configuration = place.configuration(0, &json!([{"pool": "10.16.0.0 - 10.16.0.49"}]));
    configuration["valid-lifetime"] = json!(1);
    configuration["expired-leases-processing"] = json!({
        "reclaim-timer-wait-time": 1, "flush-reclaimed-timer-wait-time": 1,
        "hold-reclaimed-time": 3600
    });
    server.configure(&configuration);
    server.start_here(&place);
    let mut first = Fleet::new(BASE_MAC, 50);
    place.join_all(&mut first);
    until("reclamation", PATIENCE, || {
        let states = server.leases().into_iter().map(|lease| lease["state"].as_u64());
        let reclaimed = states.filter(|state| *state == Some(2)).count();
        if reclaimed == 50 { Ok(()) } else { Err(reclaimed) }
    });
    let mut second = Fleet::new([2, 0, 2, 0, 0, 0], 50);
    let tally = place.join(&mut second, (0..50).collect(), 50);
    assert_eq!((tally.completed, second.duplicate_addresses()), (50, 0), "{tally:?}");
    assert_eq!(server.leases().len(), 50);
}

#[test]
fn cleanups_under_load_lose_nothing_and_the_file_shrinks() {
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::new(Kind::Peregrine, "lone", folder.path());
    let mut configuration = place.configuration(0, &pools());
    configuration["lease-database"] = server.files()["lease-database"].clone();
    configuration["lease-database"]["lfc-interval"] = json!(1);
    server.configure(&configuration);
    server.start_here(&place);
    let mut fleet = Fleet::new(BASE_MAC, 300);
    place.join_all(&mut fleet);
    let cleanups = || server.log().matches("PEREGRINE_LFC_DONE").count();
    // Everybody renews again and again, so that most rows are out of date.
    let mut rounds = 0;
    while cleanups() < 3 || rounds < 5 {
        let tally = place.rebind(&mut fleet, (0..300).collect(), 32);
        assert_eq!(tally.completed, 300, "{tally:?}");
        rounds += 1;
    }
    let done = cleanups();
    until("one more cleanup", PATIENCE, || if cleanups() > done { Ok(()) } else { Err(done) });
    server.kill();
    assert!(!server.log().contains("PEREGRINE_LFC_FAILED"), "{}", server.log());

    let lease_file = server.lease_file();
    let rows_of = |suffix: &str| {
        let path = lease_file.with_extension(format!("csv{suffix}"));
        fs::read_to_string(path).map_or(0, |text| text.lines().count().saturating_sub(1))
    };
    let rows: Vec<usize> = ["", ".1", ".2", ".completed"].map(rows_of).into();
    assert!(rows.iter().sum::<usize>() < 300 * rounds, "{rows:?} after {rounds} rounds");
    server.start_here(&place);
    assert_kept(&fleet, &holders(&server));
    server.kill();

    if !net::is_installed("kea-lfc") {
        return;
    }
    clean_up_with_kea(&lease_file, folder.path());
    assert_eq!(rows_of(".2"), 300, "Kea's cleanup of our files");
    server.start_here(&place);
    assert_kept(&fleet, &holders(&server));
    let tally = place.rebind(&mut fleet, (0..300).collect(), 32);
    assert_eq!(tally.completed, 300, "{tally:?}");
    server.kill();
    server.start_here(&place);
    assert_kept(&fleet, &holders(&server));
}

/// Runs Kea's own cleanup on our files, as Kea's server would: the file is moved aside first.
fn clean_up_with_kea(lease_file: &Path, folder: &Path) {
    let with = |suffix: &str| {
        let mut name = lease_file.as_os_str().to_owned();
        name.push(suffix);
        name
    };
    fs::rename(lease_file, with(".1")).unwrap();
    let output = Command::new("kea-lfc")
        .arg("-4")
        .args(["-x".into(), with(".2"), "-i".into(), with(".1"), "-o".into(), with(".output")])
        .args(["-f".into(), with(".completed"), "-p".into(), with(".pid")])
        .args(["-c", "ignored"])
        .env("KEA_LOCKFILE_DIR", "none")
        .env("KEA_PIDFILE_DIR", folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}
