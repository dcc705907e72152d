//! The lease store: one holder for an address, one lease for a client, and everybody is told in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::clock::{Mono, Now};
use engine::lease::memory::{MemoryStore, NearlyFull};
use engine::lease::{
    ChangeKind, Findable, Grant, GrantRefused, Granted, Identity, Lease4, LeaseState, LeaseStore,
    Origin, Overwrite,
};
use shuttle::thread;

use crate::check;
use crate::paper::{Recorder, address, lease};

struct World {
    store: MemoryStore,
    told: Arc<Recorder>,
}

fn world() -> Arc<World> {
    let told = Arc::new(Recorder::default());
    Arc::new(World { store: MemoryStore::new(told.clone()), told })
}

fn at(wall_s: u64) -> Now {
    Now { mono: Mono::default(), wall_s }
}

fn identity(lease: &Lease4) -> Identity<'_> {
    Identity { client_id: lease.client_id.as_ref(), hw_address: &lease.hw_address }
}

impl World {
    fn grant(&self, wall_s: u64, lease: &Lease4) -> Result<Granted, GrantRefused> {
        let origin = Origin::Client(None);
        let lease = Lease4 { cltt_s: wall_s, ..lease.clone() };
        let client = lease.clone();
        let grant = Grant { lease, identity: identity(&client), one_of: &[1], origin };
        self.store.grant(at(wall_s), grant)
    }

    /// Looks for a lease of the client, or else a free address, and claims it until that holds.
    fn serve(&self, wall_s: u64, client: &Lease4, from: u8) -> Lease4 {
        loop {
            let own = self.store.find_of(identity(client), &[1], at(wall_s));
            let range = address(1)..=address(9);
            let address = match own {
                Some(stored) => stored.lease.address,
                None => (self.store)
                    .find_free(at(wall_s), range, address(from), Findable::ANYTHING, &|_| false)
                    .expect("there are more addresses than clients"),
            };
            let lease = Lease4 { address, ..client.clone() };
            if self.grant(wall_s, &lease).is_ok() {
                return lease;
            }
        }
    }

    /// What holds whenever no operation is under way.
    fn settled(&self) {
        self.store.check().expect("records and indexes agree");
        let mut by_address = BTreeMap::new();
        let mut last_number = BTreeMap::new();
        for told in self.told.told() {
            let before = last_number.insert(told.lease.address, told.number);
            assert!(before < Some(told.number), "changes of an address out of order");
            if told.kind == ChangeKind::Deleted {
                assert!(by_address.remove(&told.lease.address).is_some());
            } else {
                by_address.insert(told.lease.address, told.lease);
            }
        }
        let told: Vec<Lease4> = by_address.into_values().collect();
        assert_eq!(told, self.store.page(None, 100), "the last change is not what is stored");
    }
}

/// Runs both at once and waits for them.
fn race<const N: usize>(world: &Arc<World>, threads: [fn(&World); N]) {
    let threads = threads.map(|run| {
        let world = Arc::clone(world);
        thread::spawn(move || run(&world))
    });
    for thread in threads {
        thread.join().expect("no thread panics");
    }
}

#[test]
fn two_clients_for_one_address() {
    check(1000, || {
        let world = world();
        let contest = |client| {
            let world = Arc::clone(&world);
            thread::spawn(move || world.grant(1000, &lease(client, 1)).is_ok())
        };
        let won = [contest(1), contest(2)].map(|thread| thread.join().expect("no panic"));
        assert_eq!(won.iter().filter(|won| **won).count(), 1);
        let holder = world.store.find(address(1)).expect("one has it").lease;
        assert_eq!(holder.client_id, lease(if won[0] { 1 } else { 2 }, 1).client_id);
        world.settled();
    });
}

#[test]
fn two_clients_and_two_addresses_end_with_one_each() {
    check(800, || {
        let world = world();
        race(
            &world,
            [
                |world| drop(world.serve(1000, &lease(1, 0), 5)),
                |world| drop(world.serve(1000, &lease(2, 0), 5)),
            ],
        );
        assert_eq!(world.store.len(), 2);
        world.settled();
    });
}

#[test]
fn one_client_on_two_workers_has_one_lease() {
    check(800, || {
        let world = world();
        race(
            &world,
            [
                |world| drop(world.serve(1000, &lease(1, 0), 2)),
                |world| drop(world.serve(1000, &lease(1, 0), 7)),
            ],
        );
        assert_eq!(world.store.len(), 1);
        world.settled();
    });
}

#[test]
fn one_client_with_and_without_its_identifier_has_one_lease() {
    check(800, || {
        let world = world();
        race(
            &world,
            [
                |world| drop(world.grant(1000, &lease(1, 2))),
                |world| drop(world.grant(1000, &Lease4 { client_id: None, ..lease(1, 7) })),
            ],
        );
        assert_eq!(world.store.len(), 1);
        world.settled();
    });
}

#[test]
fn two_clients_that_change_places_do_not_lock_each_other_out() {
    check(800, || {
        let world = world();
        world.grant(1000, &lease(1, 1)).expect("free");
        world.grant(1000, &lease(2, 2)).expect("free");
        race(
            &world,
            [
                |world| drop(world.grant(1101, &lease(1, 2))),
                |world| drop(world.grant(1101, &lease(2, 1))),
            ],
        );
        world.settled();
    });
}

#[test]
fn worker_against_partner_against_reclamation() {
    check(800, || {
        let world = world();
        world.grant(1000, &lease(1, 1)).expect("free");
        race(
            &world,
            [
                |world| drop(world.grant(1101, &lease(2, 1))),
                |world| {
                    let theirs = Lease4 { cltt_s: 1100, ..lease(3, 1) };
                    world.store.apply(theirs, Overwrite::Newer, Origin::Partner);
                },
                |world| assert!(world.store.expire(at(1101), 50, 10) <= 1),
            ],
        );
        world.settled();
        let held = world.store.find(address(1)).expect("nothing deletes it").lease;
        assert_ne!(held.client_id, lease(1, 1).client_id, "the ended lease gave way");
        assert_eq!(held.state, LeaseState::Assigned);
    });
}

#[test]
fn renewal_against_reclamation_and_deletion() {
    check(800, || {
        let world = world();
        world.grant(1000, &lease(1, 1)).expect("free");
        race(
            &world,
            [
                |world| drop(world.grant(1101, &lease(1, 1)).expect("its own")),
                |world| assert!(world.store.expire(at(1101), 0, 10) <= 1),
                |world| drop(world.store.delete(address(1), Origin::Administrator)),
            ],
        );
        world.settled();
    });
}

#[test]
fn release_and_decline_end_a_lease_once() {
    check(800, || {
        let world = world();
        world.grant(1000, &lease(1, 1)).expect("free");
        race(
            &world,
            [
                |world| {
                    let client = lease(1, 1);
                    let origin = Origin::Client(None);
                    drop(world.store.release(
                        at(1000),
                        address(1),
                        identity(&client),
                        true,
                        origin,
                    ));
                },
                |world| {
                    let client = lease(1, 1);
                    let origin = Origin::Client(None);
                    drop(world.store.decline(at(1000), address(1), identity(&client), 9, origin));
                },
                |world| drop(world.grant(1000, &lease(2, 1))),
            ],
        );
        world.settled();
        let told = world.told.told();
        let ended = [LeaseState::Declined, LeaseState::Released];
        let ends = told
            .iter()
            .filter(|told| told.kind == ChangeKind::Deleted || ended.contains(&told.lease.state));
        assert_eq!(ends.count(), 1, "released or declined, not both");
    });
}

#[test]
fn a_listing_shows_what_stays_exactly_once() {
    check(600, || {
        let world = world();
        for client in [2, 4, 6] {
            world.grant(1000, &lease(client, client)).expect("free");
        }
        race(
            &world,
            [
                |world| {
                    let mut seen = Vec::new();
                    while let [.., last] = &*world.store.page(seen.last().copied(), 1) {
                        seen.push(last.address);
                    }
                    assert!(seen.is_sorted());
                    for stays in [2, 6] {
                        assert_eq!(seen.iter().filter(|it| **it == address(stays)).count(), 1);
                    }
                },
                |world| {
                    drop(world.store.delete(address(4), Origin::Administrator));
                    drop(world.grant(1000, &lease(3, 3)));
                    drop(world.grant(1000, &lease(6, 6)));
                },
            ],
        );
    });
}

#[test]
fn a_freed_address_is_never_hidden_behind_a_full_mark() {
    check(300, || {
        let map = Arc::new(NearlyFull::default());
        let [first, second] = NearlyFull::GAPS;
        map.mark(first, true);
        let other = Arc::clone(&map);
        let filler = thread::spawn(move || other.mark(second, true));
        map.mark(first, false);
        filler.join().expect("no panic");
        assert_eq!(map.first_free(), Some(first));
        map.mark(first, true);
        assert_eq!(map.first_free(), None);
    });
}

/// The fault: looking and writing as two operations. The checker must see both outcomes of the race.
#[test]
#[should_panic(expected = "two clients believe they have it")]
fn a_store_that_looks_and_then_writes_is_found_out() {
    check(1000, || {
        let world = world();
        let claim = |client| {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                let is_free = world.store.find(address(1)).is_none();
                if is_free {
                    world.store.apply(lease(client, 1), Overwrite::Always, Origin::Partner);
                }
                is_free
            })
        };
        let won = [claim(1), claim(2)].map(|thread| thread.join().expect("no panic"));
        assert_ne!(won, [true, true], "two clients believe they have it");
    });
}
