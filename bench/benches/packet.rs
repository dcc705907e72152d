//! What one packet costs without sockets, journal and partner: reading it, deciding, writing the reply.

use std::hint::black_box;
use std::net::Ipv4Addr;

use criterion::{Criterion, criterion_group, criterion_main};
use engine::codec::v4::{MessageType, Query};
use engine::v4::Outcome;
use peregrine_bench::{FIRST, POOL, Server, discover, lease, request};

fn decode(criterion: &mut Criterion) {
    let message = discover(7);
    criterion.bench_function("decode a DISCOVER", |bencher| {
        bencher.iter(|| Query::parse(black_box(&message)).expect("a client's message").xid());
    });
}

/// The client has a lease: there is nothing to search, so that most of it is the reply.
fn encode(criterion: &mut Criterion) {
    let server = Server::with_leases(8);
    let message = discover(7);
    let query = Query::parse(&message).expect("a client's message");
    expect(&server.exchange(&query), MessageType::Offer);
    criterion.bench_function("OFFER of the client's own lease, encoded", |bencher| {
        bencher.iter(|| server.exchange(black_box(&query)));
    });
}

/// Each DISCOVER comes from another client, none of which has a lease.
fn offer(criterion: &mut Criterion) {
    let server = Server::with_leases(0);
    let messages: Vec<_> = (0..POOL / 4).map(discover).collect();
    expect(&server.answer(&messages[0]), MessageType::Offer);
    let mut next = messages.iter().cycle();
    criterion.bench_function("DISCOVER to OFFER, bytes to bytes", |bencher| {
        bencher.iter(|| server.answer(next.next().expect("endless")));
    });
}

/// Each REQUEST comes from another client; from the second round on it renews.
fn ack(criterion: &mut Criterion) {
    let server = Server::with_leases(POOL / 2);
    let messages: Vec<_> = (0..POOL / 2).map(|n| request(n, lease(n).address)).collect();
    expect(&server.answer(&messages[0]), MessageType::Ack);
    let mut next = messages.iter().cycle();
    criterion.bench_function("REQUEST to ACK, bytes to bytes", |bencher| {
        bencher.iter(|| server.answer(next.next().expect("endless")));
    });
}

fn nak(criterion: &mut Criterion) {
    let server = Server::with_leases(8);
    let message = request(9, Ipv4Addr::from(u32::from(FIRST) + 3));
    expect(&server.answer(&message), MessageType::Nak);
    criterion.bench_function("REQUEST for another's address to NAK", |bencher| {
        bencher.iter(|| server.answer(black_box(&message)));
    });
}

/// A bench of the wrong answer measures nothing.
fn expect(outcome: &Outcome, wanted: MessageType) {
    let found = match outcome {
        Outcome::Reply(reply) => reply.message_type,
        other => panic!("no reply: {other:?}"),
    };
    assert_eq!(found, wanted);
}

criterion_group!(group, decode, encode, offer, ack, nak);
criterion_main!(group);
