//! Two Peregrines that do not agree about leases, with `conflict-resolution` at `repair`: they compare what they have, and go
//! on. If only one of them is so configured, they end as Keas do.
#![expect(clippy::unwrap_used, reason = "the helpers of a test may panic")]

mod support;

use engine::control::{Answer, Command, code};
use engine::lease::Lease4;
use engine::stats::Counter;
use ha::machine::{Mode, Parameters, State};
use ha::wire::batch;
use serde_json::Map;

use support::{Node, addresses, lease, parameters, until};

const MODE: Mode = Mode::HotStandby;

fn wanting(this: &str, wants_repair: bool) -> Parameters {
    Parameters { wants_repair, max_rejected_lease_updates: 3, ..parameters(this, MODE) }
}

fn held(node: &Node, host: u8) -> Lease4 {
    node.store.find(lease(host, 0).address).unwrap().lease
}

/// The second server promised an address that the first one, which does not know of it, gives to another client. Its clock
/// is ahead, so that its promise is the later one.
#[test]
fn the_later_promise_takes_the_place_of_the_other_servers_lease() {
    let addresses = addresses();
    let unsynchronised = |this| Parameters { sync_leases: false, ..wanting(this, true) };
    let second = Node::start_ahead(1, addresses, unsynchronised("server2"), 30);
    until("partner-down", || second.state() == State::PartnerDown);
    second.grant(10);
    until("the first promise", || second.replied(10));
    let first = Node::start(0, addresses, unsynchronised("server1"));
    until("normal operation", || [&first, &second].iter().all(|it| it.state() == MODE.normal()));
    until("that repair is announced", || {
        [&first, &second].iter().all(|node| {
            node.driver.half().act(|machine, _| machine.repairs() && machine.is_settled())
        })
    });
    assert!(!first.knows(10));

    first.grant_to(10, 99);
    until("the repair", || first.stats.value(Counter::HaLeasesRepaired) == 1);
    let [ours, theirs] = [held(&first, 10), held(&second, 10)];
    assert_eq!((ours.hw_address, theirs.hw_address), (lease(10, 0).hw_address, ours.hw_address));
    assert_eq!(first.stats.value(Counter::ReplyUnacknowledged), 1, "nobody was told");
    assert_eq!(first.state(), MODE.normal());
    // The client that has it keeps it, whoever is asked.
    first.grant(10);
    until("the renewal", || first.replied(10));
}

/// What becomes of a pair of which the second server refuses what the first tells it.
fn refused(wants_repair: [bool; 2]) -> [Node; 2] {
    let addresses = addresses();
    let first = Node::start(0, addresses, wanting("server1", wants_repair[0]));
    let second = Node::start(1, addresses, wanting("server2", wants_repair[1]));
    until("normal operation", || [&first, &second].iter().all(|it| it.state() == MODE.normal()));
    until("batches", || {
        first.driver.half().act(|machine, _| machine.announced().is_some_and(|it| it.batches))
    });
    let refuse = |command: &Command<'_>| {
        let batch = batch::read(command.arguments).unwrap();
        let refusal = Answer::error("Invalid subnet-id").coded(code::CONFLICT);
        batch::answer(&vec![refusal; batch.updates.len()], Map::new())
    };
    second.registry.register(batch::COMMAND, refuse);
    for host in 1..=10 {
        first.grant(host);
    }
    until("replies dropped", || first.stats.value(Counter::ReplyUnacknowledged) == 10);
    [first, second]
}

#[test]
fn refused_updates_end_no_pair_that_repairs() {
    let [first, second] = refused([true, true]);
    assert_eq!(first.stats.value(Counter::HaLeasesDisputed), 10);
    assert_eq!(first.driver.half().act(|machine, _| machine.rejected_clients()), 0);
    assert_eq!([first.state(), second.state()], [MODE.normal(); 2]);
}

#[test]
fn refused_updates_end_a_pair_of_which_only_one_repairs() {
    for wants_repair in [[true, false], [false, true]] {
        let pair = refused(wants_repair);
        until("termination", || pair.iter().all(|node| node.state() == State::Terminated));
        assert_eq!(pair[0].stats.value(Counter::HaLeasesDisputed), 0);
    }
}
