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
        let free = store.find_free(now, low..=high, low, KeptOut::NOTHING, &|_| false);
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
