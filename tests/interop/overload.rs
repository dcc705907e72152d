//! More clients than can be served: those who were offered an address get it, newcomers wait; and a burst after which
//! nobody is missing. Told by counts of one run.

use std::fs;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use perf::fleet::{BASE_MAC, Fleet};
use perf::pace::Pace;
use perf::plan::Plan;
use perf::wire::{self, Form, Query};
use serde_json::{Value, json};

use crate::support::loopback::Loopback;
use crate::support::server::{Kind, PATIENCE, Server};
use crate::support::wait::until;

/// A quarter of a core, for a process that is put into it. Gone with the value.
struct QuarterCore(PathBuf);

impl QuarterCore {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("peregrine-{}-{number}", std::process::id());
        let of_old = Path::new("/sys/fs/cgroup/cpu");
        if of_old.exists() {
            let place = of_old.join(name);
            fs::create_dir(&place).unwrap();
            fs::write(place.join("cpu.cfs_period_us"), "100000").unwrap();
            fs::write(place.join("cpu.cfs_quota_us"), "25000").unwrap();
            return Self(place);
        }
        let root = Path::new("/sys/fs/cgroup");
        fs::write(root.join("cgroup.subtree_control"), "+cpu").unwrap();
        let place = root.join(name);
        fs::create_dir(&place).unwrap();
        fs::write(place.join("cpu.max"), "25000 100000").unwrap();
        Self(place)
    }

    fn hold(&self, process: u32) {
        fs::write(self.0.join("cgroup.procs"), process.to_string()).unwrap();
    }
}

impl Drop for QuarterCore {
    fn drop(&mut self) {
        // The last process in it has ended, or ends at once.
        until("end of the control group", PATIENCE, || fs::remove_dir(&self.0));
    }
}

/// A server as it is without settings of its own, but for its addresses.
fn start(place: &Loopback, folder: &Path) -> Server {
    let pools: Value = json!([{"pool": "10.16.0.0 - 10.31.255.255"}]);
    let mut configuration = place.configuration(0, &pools);
    configuration.as_object_mut().unwrap().remove("multi-threading");
    configuration["loggers"] = json!([{"name": "kea-dhcp4", "severity": "WARN"}]);
    let mut server = Server::new(Kind::Peregrine, "lone", folder);
    server.configure(&configuration);
    server.start_here(place);
    server
}

fn dropped(server: &Server) -> u64 {
    let statistics = server.statistics();
    ["peregrine-kernel-drop", "peregrine-discover-discarded", "pkt4-queue-full"]
        .iter()
        .map(|name| statistics[*name])
        .sum()
}

#[test]
fn four_times_as_much_as_can_be_served_loses_discovers_and_no_requests() {
    let core = QuarterCore::new();
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let server = start(&place, folder.path());
    core.hold(server.pid());

    let mut fleet = Fleet::new(BASE_MAC, 500_000);
    let clients: Vec<u32> = (0..500_000).collect();
    let plan = Plan {
        exchanges: None,
        period: Some(Duration::from_secs(3)),
        exit_wait: Some(Duration::from_secs(2)),
        ..Plan::each_once(clients, 256, place.relay())
    };
    let peak = place.drive(&mut fleet, plan.clone());
    assert!(peak.completed > 100, "{peak:?}");
    let rate = (peak.throughput() * 4.0) as u32;
    let mut newcomers = Fleet::new([2, 7, 0, 0, 0, 0], 500_000);
    let flood = place.drive(&mut newcomers, Plan { pace: Pace::Rate(rate), ..plan });

    println!(
        "peak {:.0}/s, offered {rate}/s: {:.2} of the peak completed; {:.3} % of DISCOVERs and {:.3} % of \
         REQUESTs were lost; the server dropped {}",
        peak.throughput(),
        flood.completed as f64 / 3.0 / peak.throughput(),
        flood.offer.drop_percent().unwrap(),
        flood.ack.drop_percent().unwrap(),
        dropped(&server),
    );
    assert!(dropped(&server) > 0, "it was not too much: {flood:?}");
    assert!(flood.offer.drops * 4 > flood.offer.sent, "it was not too much: {flood:?}");
    assert!(flood.ack.sent > 100, "{flood:?}");
    // How few REQUESTs are lost depends on what else the machine does: `peregrine-perf compare` measures that.
    let lost = [&flood.offer, &flood.ack].map(|stage| stage.drop_percent().unwrap());
    assert!(lost[1] * 10.0 <= lost[0], "of DISCOVERs and REQUESTs were lost, in percent: {lost:?}");
    // Everybody is served once it is over.
    let mut late = Fleet::new([2, 8, 0, 0, 0, 0], 200);
    place.join_all(&mut late);
}

/// As when the power comes back to a quarter of a town.
#[test]
fn four_thousand_discovers_at_once_are_all_answered() {
    const BURST: u32 = 4096;
    let place = Loopback::new(1);
    let folder = tempfile::tempdir().unwrap();
    let server = start(&place, folder.path());
    let fleet = Fleet::new(BASE_MAC, BURST);
    let from = UdpSocket::bind((place.relay(), 0)).unwrap();
    for client in 0..BURST {
        let query = Query {
            xid: client,
            secs: 0,
            mac: fleet.mac(client),
            giaddr: place.relay(),
            form: Form::Discover,
            broadcast: false,
            more: &[],
            circuit: None,
        };
        let octets = wire::encode(&query);
        from.send_to(octets.octets(), place.server()).unwrap();
    }
    until("offers", PATIENCE, || {
        let statistics = server.statistics();
        let seen = (statistics["pkt4-offer-sent"], statistics["pkt4-receive-drop"]);
        if seen.0 == u64::from(BURST) { Ok(()) } else { Err(seen) }
    });
    assert_eq!((dropped(&server), server.statistics()["pkt4-receive-drop"]), (0, 0));
}
