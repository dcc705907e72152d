//! Random sequences of what can happen to a queue.

use proptest::prelude::*;

use super::super::tests::lease;
use super::*;

#[derive(Clone, Debug)]
enum Step {
    Change(u8),
    Take,
    Finish(usize),
    Outdate(u8),
    Drain,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..4_u8).prop_map(Step::Change),
        4 => Just(Step::Take),
        3 => (0..4_usize).prop_map(Step::Finish),
        1 => (0..4_u8).prop_map(Step::Outdate),
        1 => Just(Step::Drain),
    ];
    proptest::collection::vec(step, 0..80)
}

proptest! {
    /// Whatever happens, the updates of an address leave in their order, one at a time, none twice or lost.
    #[test]
    fn a_queue_keeps_the_order_of_each_address(steps in steps()) {
        let mut queue = Queue::new(1_000);
        let mut under_way: Vec<Update> = Vec::new();
        let mut last = [0_u64; 4];
        let mut left = 0;
        for (number, step) in (1_u64..).zip(steps) {
            match step {
                Step::Change(host) => {
                    let update = Update {
                        number: ChangeNumber(number), news: LeaseNews::Stored, ticket: None,
                        lease: lease(host, number), declined_by: None, delayed: false, asks: false,
                    };
                    assert!(queue.push(update));
                    left += 1;
                }
                Step::Take => if let Some(update) = queue.take() {
                    let host = usize::from(update.lease.address.octets()[3]);
                    prop_assert!(last[host] < update.lease.cltt_s);
                    let busy = under_way.iter().any(|other| other.lease.address == update.lease.address);
                    prop_assert!(!busy);
                    last[host] = update.lease.cltt_s;
                    under_way.push(update);
                    left -= 1;
                },
                Step::Finish(which) => if which < under_way.len() {
                    queue.finish(under_way.remove(which).lease.address);
                },
                Step::Outdate(host) => {
                    let outdated = queue.outdate(lease(host, 0).address);
                    prop_assert!(outdated.iter().all(|update| update.lease.address.octets()[3] == host));
                    left -= outdated.len();
                }
                Step::Drain => {
                    let drained = queue.drain();
                    prop_assert_eq!(drained.len(), left);
                    left = 0;
                }
            }
            prop_assert_eq!(queue.len(), left);
        }
        for update in under_way {
            queue.finish(update.lease.address);
        }
        while let Some(update) = queue.take() {
            queue.finish(update.lease.address);
            left -= 1;
        }
        prop_assert_eq!(left, 0);
    }
}
