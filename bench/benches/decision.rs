//! The steps between reading a query and writing its reply, one at a time: the scope, the classes, the subnet, the address,
//! the row; and the whole exchange.

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use engine::alloc::{ClientKey, Offers, Pool, Round, Search, Turn};
use engine::classify::{ClassNames, Expression, Family};
use engine::codec::options::Definitions;
use engine::codec::v4::Query;
use engine::lease::csv::row;
use engine::lease::memory::MemoryStore;
use engine::lease::{Change, ChangeSink, Identity, KeptOut};
use engine::seam::Allotment;
use engine::select::{Clue, SubnetIndex};
use peregrine_bench::{
    FIRST, LAST, Messages, NOW, POOL, Seen, Server, discover, journal, lease, many_subnets,
};

fn classify(criterion: &mut Criterion) {
    let mut names = ClassNames::default();
    let mut compile = |text: &str| {
        Expression::compile(text, Family::V4, &Definitions::default(), &mut names)
            .expect("it is in order")
    };
    let tests = [
        ("option[60].exists", "classify: is there an option"),
        ("substring(pkt4.mac,0,3) == 0x020000", "classify: a part of the hardware address"),
        (
            "option[12].text == 'client7' or (pkt4.msgtype == 1 and relay4[1].exists)",
            "classify: a host name, or a relayed DISCOVER",
        ),
    ];
    let message = discover(7);
    let query = Seen(Query::parse(&message).expect("a client's message"));
    for (text, name) in tests {
        let test = compile(text);
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| test.evaluate(black_box(&query)).expect("it can be evaluated"));
        });
    }
}

fn select(criterion: &mut Criterion) {
    let text = many_subnets(10_000);
    let configuration = engine::config::parse_text(&text, "bench").expect("it is in order");
    let config = configuration.dhcp4.expect("it has a Dhcp4 part");
    let index = SubnetIndex::build(&config.subnets);
    let relays: Vec<Ipv4Addr> =
        (0..10_000).step_by(97).map(|n: u32| ((11 << 24) + n * 256 + 1).into()).collect();
    let mut next = relays.iter().cycle();
    criterion.bench_function("select one of 10,000 subnets by relay", |bencher| {
        bencher.iter(|| {
            let relay = next.next().copied();
            let local = Ipv4Addr::UNSPECIFIED;
            let clue = Clue { link: None, relay, client: None, interface: "eth0", local };
            index.select(black_box(&clue), &|_| false).expect("it is one of them")
        });
    });
}

struct Nobody;

impl ChangeSink for Nobody {
    fn record(&self, _change: &Change<'_>) {}
}

/// Addresses are promised and not leased: each search goes on behind the one before.
fn allocate(criterion: &mut Criterion) {
    let store = MemoryStore::new(Arc::new(Nobody));
    let (offers, turn) = (Offers::default(), Turn::default());
    let pool = Pool::iterative(FIRST, LAST, KeptOut::default());
    let mut number = 0;
    criterion.bench_function("allocate: promise the next free address", |bencher| {
        bencher.iter(|| {
            number = (number + 1) % POOL;
            let lease = lease(number);
            let identity =
                Identity { client_id: lease.client_id.as_ref(), hw_address: &lease.hw_address };
            let client = ClientKey::of(identity);
            let allotment = Allotment::Whole;
            let (store, offers) = (&store, &offers);
            let search = Search { store, offers, client, subnet_id: 1, now: NOW, allotment };
            let round = Round { turn: &turn, pools: std::iter::once(&pool) };
            let found = search.promise(std::iter::once(round)).expect("there are free ones");
            offers.close(found, client, 1);
            found
        });
    });
}

fn write_row(criterion: &mut Criterion) {
    let (lease, mut text) = (lease(7), Vec::new());
    criterion.bench_function("journal: one row as text", |bencher| {
        bencher.iter(|| {
            text.clear();
            row::write(black_box(&lease), &mut text);
            text.len()
        });
    });
}

/// A batch of 32 new leases, from the store to the ink.
fn write_batch(criterion: &mut Criterion) {
    let journal = journal();
    criterion.bench_function("store and journal: 32 new leases, one write", |bencher| {
        bencher.iter_batched(
            || Server::journalled(&journal),
            |server| {
                (0..32).for_each(|number| server.grant(number));
                journal.flush().expect("it goes nowhere");
                server
            },
            BatchSize::SmallInput,
        );
    });
}

/// DISCOVER, OFFER, REQUEST, ACK: of clients that are new in the first round and known from then on.
fn whole(criterion: &mut Criterion) {
    let journal = journal();
    let server = Server::journalled(&journal);
    let mut messages = Messages::default();
    let mut numbers = (0..POOL / 2).cycle();
    criterion.bench_function("the whole exchange, journalled", |bencher| {
        bencher.iter(|| {
            let number = numbers.next().expect("endless");
            if number % 32 == 31 {
                journal.flush().expect("it goes nowhere");
            }
            server.dora(number, &mut messages)
        });
    });
    let large = Server::by_text(&many_subnets(10_000));
    criterion.bench_function("the whole exchange, 10,000 subnets and 10 classes", |bencher| {
        bencher.iter(|| large.dora(numbers.next().expect("endless"), &mut messages));
    });
}

criterion_group!(group, classify, select, allocate, write_row, write_batch, whole);
criterion_main!(group);
