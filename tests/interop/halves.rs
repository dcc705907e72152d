//! A pool that no class divides, before a load-balancing pair of Peregrines: it is used to its last address, whichever
//! server its clients hash to, and a survivor leaves the dead one's half alone until `takeover-delay` is over. And which end
//! of a pool a standby begins at.

use std::net::Ipv4Addr;
use std::path::Path;

use ha::machine::hash;
use perf::fleet::Fleet;
use serde_json::{Value, json};

use crate::modes::PLAIN;
use crate::site::{Plot, Site};
use crate::support::behind_relay::BehindRelay;
use crate::support::loopback::Loopback;
use crate::support::net;
use crate::support::server::{Kind, PATIENCE, Server};
use crate::support::wait::until;
use crate::tls::relationship;

/// Addresses, half of them even.
const ADDRESSES: u32 = 16;
const POOL: &str = "10.0.16.16 - 10.0.16.31";
const TAKEOVER_MS: u64 = 20_000;

fn pair(place: &Loopback, folder: &Path) -> [Server; 2] {
    place.pair("load-balancing", &json!([{"pool": POOL}]), folder)
}

/// Hardware addresses of clients of the primary, or of the secondary: by their client identifiers.
fn clients(of_primary: bool) -> Vec<[u8; 6]> {
    let all = (0..=u8::MAX).map(|number| [2, 7, 7, 7, 7, number]);
    let is_first = |mac: &[u8; 6]| hash(&[&[1][..], mac].concat()).is_multiple_of(2);
    let of = all.filter(|mac| is_first(mac) == of_primary);
    of.take(ADDRESSES as usize).collect()
}

fn is_even(address: Ipv4Addr) -> bool {
    address.to_bits().count_ones().is_multiple_of(2)
}

/// Clients ask until each of `fleet` has a lease, or those without are refused each time.
fn join(place: &BehindRelay, fleet: &mut Fleet, rounds: usize) {
    for _ in 0..rounds {
        let missing = fleet.without_lease();
        if missing.is_empty() {
            return;
        }
        place.join(fleet, missing, ADDRESSES);
    }
}

fn gives(server: &Server) -> Value {
    let status = server.command(&json!({"command": "status-get"}));
    status["arguments"]["high-availability"][0]["peregrine"]["gives"].clone()
}

#[test]
fn a_small_pool_is_used_to_its_last_address() {
    for of_primary in [true, false] {
        let place = Loopback::new(2);
        let folder = tempfile::tempdir().unwrap();
        let servers = pair(&place, folder.path());
        let mut fleet = Fleet::listed(clients(of_primary));
        join(&place, &mut fleet, 10);
        assert_eq!((fleet.without_lease(), fleet.duplicate_addresses()), (vec![], 0));
        for server in &servers {
            assert_eq!(server.leases().len(), ADDRESSES as usize);
            assert_eq!(server.ha()["local"]["state"], "load-balancing");
        }
        let batches = servers[usize::from(!of_primary)].statistics();
        assert!(batches["peregrine-ha-batched-updates-sent"] >= u64::from(ADDRESSES));
    }
}

/// A survivor keeps to its half, also after a restart beside the dead partner, until `takeover-delay` is over.
#[test]
fn a_survivor_leaves_the_other_half_alone_until_it_takes_over() {
    if !net::is_possible("servers in network namespaces") {
        return;
    }
    let kinds = &[Kind::Peregrine, Kind::Peregrine];
    let mut site = Site::start_changed(Plot { kinds, ..PLAIN }, |_, configuration| {
        configuration["subnet4"][0]["pools"] = json!([{"pool": POOL}]);
        let relationship = relationship(configuration);
        relationship["max-unacked-clients"] = json!(0);
        relationship["takeover-delay"] = json!(TAKEOVER_MS);
    });
    let place = site.clients.clone();
    let mut first = Fleet::listed(clients(false).into_iter().take(3).collect());
    join(&place, &mut first, 10);
    assert!(first.leases().all(|(_, lease)| !is_even(lease.address)), "the secondary's own half");

    site.kill(1);
    site.wait_for_takeover(0);
    let mut late = Fleet::listed(clients(true));
    keep_to_the_half(&site, &mut first, &mut late);
    site.kill(0);
    site.start_again(0);
    site.wait_for_takeover(0);
    keep_to_the_half(&site, &mut first, &mut late);

    let survivor = &site.servers[0];
    until("takeover", PATIENCE, || match gives(survivor).as_str() {
        Some("any free address") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    join(&place, &mut late, 10);
    let given: Vec<_> =
        late.leases().chain(first.leases()).map(|(_, lease)| lease.address).collect();
    assert_eq!(given.len(), ADDRESSES as usize, "{given:?}");
    assert_eq!((late.duplicate_addresses(), survivor.leases().len()), (0, ADDRESSES as usize));
}

/// The first server is alone: newcomers get addresses of its half to the last one, and no others; who has a lease keeps it.
fn keep_to_the_half(site: &Site, first: &mut Fleet, late: &mut Fleet) {
    let told = gives(&site.servers[0]);
    assert!(told.as_str().unwrap().contains("takeover-delay"), "{told}");
    let even = ADDRESSES as usize / 2;
    until("lease for each even address", PATIENCE, || {
        join(&site.clients, late, 1);
        let given = late.leases().count();
        if given >= even { Ok(()) } else { Err(given) }
    });
    assert!(late.leases().all(|(_, lease)| is_even(lease.address)), "the survivor's half");
    // Leases are renewed, whosever half they are in.
    for fleet in [first, late] {
        let held: Vec<u32> = fleet.leases().map(|(client, _)| client).collect();
        fleet.begin_round();
        let number = held.len() as u64;
        assert_eq!(site.clients.rebind(fleet, held, ADDRESSES).completed, number);
    }
}

/// A primary gives addresses from the near end of a pool, and the standby that took over for it from the far end.
#[test]
fn a_standby_that_took_over_gives_from_the_far_end() {
    let place = Loopback::new(2);
    let folder = tempfile::tempdir().unwrap();
    let pools = json!([{"pool": POOL}]);
    let mut servers = place.pair("hot-standby", &pools, folder.path());
    let mut first = Fleet::listed(clients(true).into_iter().take(4).collect());
    join(&place, &mut first, 10);
    let last = |fleet: &Fleet| -> Vec<u8> {
        let mut last: Vec<_> = fleet.leases().map(|(_, lease)| lease.address.octets()[3]).collect();
        last.sort_unstable();
        last
    };
    assert!(last(&first).iter().all(|last| *last < 24), "{:?}", last(&first));
    servers[0].kill();
    servers[1].wait_for_state(&["partner-down"]);
    let mut late = Fleet::listed(clients(false).into_iter().take(4).collect());
    join(&place, &mut late, 10);
    assert_eq!(last(&late), [28, 29, 30, 31]);
    let told = gives(&servers[1]);
    assert!(told.as_str().unwrap().contains("far end"), "{told}");
}
