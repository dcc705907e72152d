//! The lease store, without journal and partner.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use engine::lease::{Findable, Identity, LeaseStore, Origin};
use peregrine_bench::{FIRST, LAST, NOW, POOL, Server, lease};

fn renew(criterion: &mut Criterion) {
    let server = Server::with_leases(POOL);
    let mut next = (0..POOL).cycle();
    criterion.bench_function("grant: a renewal among 65,536 leases", |bencher| {
        bencher.iter(|| server.grant(next.next().expect("endless")));
    });
}

fn give_and_take(criterion: &mut Criterion) {
    let server = Server::with_leases(POOL / 2);
    let mut next = (POOL / 2..POOL).cycle();
    criterion.bench_function("grant: a new lease, and its release", |bencher| {
        bencher.iter(|| {
            let number = next.next().expect("endless");
            server.grant(number);
            let lease = lease(number);
            let identity =
                Identity { client_id: lease.client_id.as_ref(), hw_address: &lease.hw_address };
            let origin = Origin::Client(None);
            server.store.release(NOW, lease.address, identity, false, origin).expect("it holds it")
        });
    });
}

/// The search starts behind the free addresses, as that of a pool's cursor does at its worst.
fn find_free(criterion: &mut Criterion) {
    let server = Server::with_leases(POOL);
    let free = POOL / 100;
    for number in 0..free {
        let address = lease(number * 100).address;
        server.store.delete(address, Origin::Administrator).expect("it was there");
    }
    assert_eq!(server.store.len(), (POOL - free) as usize);
    let mut from = (0..POOL).step_by(101).map(|number| lease(number).address).cycle();
    criterion.bench_function("find_free at 99 % fill", |bencher| {
        bencher.iter(|| {
            let from = from.next().expect("endless");
            let found = server.store.find_free(
                NOW,
                FIRST..=LAST,
                black_box(from),
                Findable::ANYTHING,
                &|_| false,
            );
            found.expect("1 % is free")
        });
    });
}

criterion_group!(group, renew, give_and_take, find_free);
criterion_main!(group);
