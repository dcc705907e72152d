//! A pool that no class divides, before a load-balancing pair of Peregrines: it is used to its last address, whichever
//! server its clients hash to, and a survivor leaves the dead one's half alone until `takeover-delay` is over.

use std::net::Ipv4Addr;
use std::path::Path;

use ha::machine::hash;
use perf::fleet::Fleet;
use serde_json::{Value, json};

use crate::support::loopback::Loopback;
use crate::support::server::{PATIENCE, Server};
use crate::support::wait::until;

/// Addresses, half of them even.
const ADDRESSES: u32 = 16;
const TAKEOVER_MS: u64 = 15_000;

fn pair(place: &Loopback, folder: &Path) -> [Server; 2] {
    let pools = json!([{"pool": "10.16.0.16 - 10.16.0.31"}]);
    let own = json!({"takeover-delay": TAKEOVER_MS});
    place.pair_told(&own, "load-balancing", &pools, folder)
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
fn join(place: &Loopback, fleet: &mut Fleet, rounds: usize) {
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

#[test]
fn a_survivor_leaves_the_other_half_alone_until_it_takes_over() {
    let place = Loopback::new(2);
    let folder = tempfile::tempdir().unwrap();
    let mut servers = pair(&place, folder.path());
    let mut first = Fleet::listed(clients(false).into_iter().take(3).collect());
    join(&place, &mut first, 10);
    assert!(first.leases().all(|(_, lease)| !is_even(lease.address)), "the secondary's own half");

    servers[1].kill();
    servers[0].wait_for_state(&["partner-down"]);
    assert!(
        gives(&servers[0]).as_str().unwrap().contains("takeover-delay"),
        "{}",
        gives(&servers[0])
    );
    let mut late = Fleet::listed(clients(true));
    let even = ADDRESSES as usize / 2;
    until("lease for each even address", PATIENCE, || {
        join(&place, &mut late, 1);
        let given = late.leases().count();
        if given >= even { Ok(()) } else { Err(given) }
    });
    assert!(late.leases().all(|(_, lease)| is_even(lease.address)), "the survivor's half");
    // Leases are renewed, whosever half they are in.
    let all = (0..first.size()).collect();
    assert_eq!(place.rebind(&mut first, all, ADDRESSES).completed, 3);

    until("takeover", PATIENCE, || match gives(&servers[0]).as_str() {
        Some("any free address") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    join(&place, &mut late, 10);
    let given: Vec<_> =
        late.leases().chain(first.leases()).map(|(_, lease)| lease.address).collect();
    assert_eq!(given.len(), ADDRESSES as usize, "{given:?}");
    assert_eq!((late.duplicate_addresses(), servers[0].leases().len()), (0, ADDRESSES as usize));
}
