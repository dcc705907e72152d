//! Whose client is it: the RFC 3074 hash and the gate's one load, as every packet meets them.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use engine::seam::{Admission, Client, Waiting};
use ha::machine::hash;
use peregrine_bench::{NOW, hw_address, load_balancing_gate};

fn pearson(criterion: &mut Criterion) {
    let key = hw_address(7);
    criterion.bench_function("RFC 3074 hash of 6 bytes", |bencher| {
        bencher.iter(|| hash(black_box(&key)));
    });
}

fn admission(criterion: &mut Criterion) {
    let gate = load_balancing_gate();
    let addresses: Vec<_> = (0..1024).map(hw_address).collect();
    let mut next = addresses.iter().cycle();
    criterion.bench_function("admission: hash and gate", |bencher| {
        bencher.iter(|| {
            let hw_address = next.next().expect("endless");
            let client = Client {
                key: Some(hw_address),
                hw_address,
                client_id: &[],
                waiting: Waiting::Seconds(0),
                balanced: true,
            };
            gate.admit(black_box(&client), NOW)
        });
    });
}

criterion_group!(group, pearson, admission);
criterion_main!(group);
