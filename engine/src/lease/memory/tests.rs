//! The store under real threads; small histories under all schedules are in `tests/model`.

use super::*;
use crate::clock::Mono;
use crate::lease::csv::Journal;
use crate::lease::{HwAddress, LeaseState};

const CLIENTS: u32 = 1000;

fn lease(client: u32, address: Ipv4Addr) -> Lease4 {
    Lease4 {
        address,
        hw_address: HwAddress::new(&client.to_be_bytes()).expect("4 bytes"),
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

/// Claims a free address for the client, again and again until it has one.
fn serve(store: &MemoryStore, client: u32) -> Ipv4Addr {
    let now = Now { mono: Mono::default(), wall_s: 1000 };
    let (low, high) = (Ipv4Addr::new(10, 0, 0, 250), Ipv4Addr::new(10, 0, 4, 225));
    loop {
        let free = store.find_free(now, low..=high, low, Findable::ANYTHING, &|_| false);
        let lease = lease(client, free.expect("as many addresses as clients"));
        let hw_address = lease.hw_address;
        let identity = Identity { client_id: None, hw_address: &hw_address };
        let grant = Grant { lease, identity, one_of: &[1], origin: Origin::Client(None) };
        let address = grant.lease.address;
        if store.grant(now, grant).is_ok() {
            return address;
        }
    }
}

#[test]
fn as_many_clients_as_addresses_all_get_one() {
    let store = MemoryStore::new(Arc::new(Journal::none()));
    let mut given: Vec<Ipv4Addr> = std::thread::scope(|scope| {
        let threads = [0, 1, 2, 3].map(|thread| {
            let store = &store;
            scope.spawn(move || {
                let own = (0..CLIENTS).filter(|client| client % 4 == thread);
                own.map(|client| serve(store, client)).collect::<Vec<_>>()
            })
        });
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    given.sort_unstable();
    given.dedup();
    assert_eq!((given.len(), store.len()), (CLIENTS as usize, CLIENTS as usize));
    assert_eq!(store.check(), Ok(()));
}

/// A wall clock that is set forward ends no lease: nobody else gets its address, and it is not cleaned up.
#[test]
fn a_clock_set_forward_gives_no_address_away() {
    let store = MemoryStore::new(Arc::new(Journal::none()));
    let at = |mono_s: u64, wall_s| Now { mono: Mono::from_ns(mono_s * 1_000_000_000), wall_s };
    let address = Ipv4Addr::new(10, 0, 0, 1);
    let grant = |client, now: Now| {
        let lease = Lease4 { cltt_s: now.wall_s, ..lease(client, address) };
        let hw_address = lease.hw_address;
        let identity = Identity { client_id: None, hw_address: &hw_address };
        let origin = Origin::Client(None);
        store.watch(now);
        store.grant(now, Grant { lease, identity, one_of: &[1], origin }).map(drop)
    };
    assert_eq!(grant(1, at(1, 1000)), Ok(()));
    let stepped = at(51, 1200);
    assert_eq!(grant(2, stepped), Err(GrantRefused::Held(address)));
    assert_eq!(
        store.find_free(stepped, address..=address, address, Findable::ANYTHING, &|_| false),
        None
    );
    assert_eq!(store.expire(stepped, 0, 10), 0);
    // True time has come to the lease's end.
    assert_eq!(grant(2, at(103, 1252)), Ok(()));
}
