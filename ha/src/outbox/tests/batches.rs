//! Batches: one at a time while the next gathers, a result for each lease, and back to single updates.

use super::*;
use crate::limits::MAX_BATCH;

fn batch(world: &World) -> Vec<Update> {
    match world.outbox.try_next(PeerQueue::Partner) {
        Some(Load::Batch(updates)) => updates,
        other => panic!("no batch but {other:?}"),
    }
}

fn addresses(updates: &[Update]) -> Vec<u8> {
    updates.iter().map(|update| update.lease.address.octets()[3]).collect()
}

fn settle(world: &World, updates: Vec<Update>, outcome: impl Fn(&Update) -> UpdateOutcome) {
    let settled = updates.into_iter().map(|update| (outcome(&update), update));
    let settled = settled.map(|(outcome, update)| (update, outcome)).collect();
    world.outbox.settle_batch(PeerQueue::Partner, settled);
}

#[test]
fn the_next_batch_gathers_while_one_is_under_way() {
    let world = world(0, 0);
    world.outbox.set_batches(true);
    assert_eq!(world.outbox.try_next(PeerQueue::Partner), None);
    (1..=3).for_each(|host| world.promised(host));
    let first = batch(&world);
    assert_eq!(addresses(&first), [1, 2, 3]);
    (2..=5).for_each(|host| world.promised(host));
    assert_eq!(world.outbox.try_next(PeerQueue::Partner), None, "one is under way");
    settle(&world, first, |_| UpdateOutcome::Success);
    assert_eq!(world.replies(), [1], "those of 2 and 3 were replaced by newer ones");
    let second = batch(&world);
    assert_eq!(
        addresses(&second),
        [4, 5, 2, 3],
        "an address whose update was under way comes last"
    );
    settle(&world, second, |_| UpdateOutcome::Success);
    assert_eq!(world.replies().len(), 5);
}

/// What waits behind a lost batch is not sent after it into the same silence.
#[test]
fn nothing_goes_between_the_loss_of_a_batch_and_of_what_waits_behind_it() {
    for _ in 0..200 {
        let world = world(0, 10);
        world.outbox.set_batches(true);
        world.promised(1);
        let lost = batch(&world);
        (2..=5).for_each(|host| world.promised(host));
        std::thread::scope(|scope| {
            let next = scope.spawn(|| world.outbox.next(PeerQueue::Partner));
            settle(&world, lost, |_| silence());
            world.outbox.stop();
            assert!(next.join().unwrap().is_none());
        });
        assert_eq!(world.dropped(), 5);
    }
}

#[test]
fn a_batch_has_a_bound_and_holds_an_address_once() {
    let world = world(0, 0);
    world.outbox.set_batches(true);
    world.changed(1, 1);
    world.changed(1, 2);
    let first = batch(&world);
    assert_eq!(addresses(&first), [1]);
    settle(&world, first, |_| UpdateOutcome::Success);
    assert_eq!(batch(&world)[0].lease.cltt_s, 2);
    let many = super::world(0, 0);
    many.outbox.set_batches(true);
    (0..200).for_each(|host| many.changed(host, 1));
    let first = batch(&many);
    assert_eq!(first.len(), MAX_BATCH);
    settle(&many, first, |_| UpdateOutcome::Success);
    assert_eq!(batch(&many).len(), 200 - MAX_BATCH);
}

#[test]
fn a_refused_lease_drops_its_own_reply_only() {
    let world = world(0, 0);
    world.outbox.set_batches(true);
    (1..=3).for_each(|host| world.promised(host));
    settle(&world, batch(&world), |update| match update.lease.address.octets()[3] {
        2 => UpdateOutcome::Conflict,
        _ => UpdateOutcome::Success,
    });
    assert_eq!((world.replies(), world.dropped()), (vec![1, 3], 1));
}

#[test]
fn without_an_answer_no_reply_is_sent() {
    let world = world(0, 10);
    world.outbox.set_batches(true);
    (1..=2).for_each(|host| world.promised(host));
    let lost = batch(&world);
    world.promised(3);
    let silent = UpdateOutcome::Failure(CallError::Communication("no answer".into()));
    settle(&world, lost, |_| silent.clone());
    assert_eq!((world.replies().len(), world.dropped()), (0, 3));
    // Their outcome is not known: they are sent again, in their order.
    world.outbox.set_policy(UpdatePolicy { partner: ToPartner::Queue, ..SEND });
    world.outbox.set_policy(SEND);
    assert_eq!(addresses(&batch(&world)), [1, 2, 3]);
}

#[test]
fn what_was_not_taken_goes_again_singly_and_in_order() {
    let world = world(0, 0);
    world.outbox.set_batches(true);
    (1..=3).for_each(|host| world.promised(host));
    let refused = batch(&world);
    world.changed(2, 7);
    world.outbox.set_batches(false);
    world.outbox.put_back(PeerQueue::Partner, refused);
    let mut sent = Vec::new();
    while let Some(load) = world.outbox.try_next(PeerQueue::Partner) {
        let update = load.one();
        sent.push((update.lease.address.octets()[3], update.lease.cltt_s));
        world.settle(&update, UpdateOutcome::Success);
    }
    assert_eq!(sent, [(1, 1), (2, 1), (3, 1), (2, 7)]);
    assert_eq!((world.replies(), world.dropped()), (vec![1, 2, 3], 0));
}

#[test]
fn what_was_not_taken_waits_where_nothing_is_sent_any_more() {
    let world = world(0, 10);
    world.outbox.set_batches(true);
    (1..=2).for_each(|host| world.promised(host));
    let refused = batch(&world);
    world.outbox.set_policy(UpdatePolicy { partner: ToPartner::Queue, ..SEND });
    world.outbox.set_batches(false);
    world.outbox.put_back(PeerQueue::Partner, refused);
    assert_eq!((world.dropped(), world.outbox.waiting(PeerQueue::Partner)), (2, 0));
    world.outbox.set_policy(SEND);
    assert_eq!(world.outbox.waiting(PeerQueue::Partner), 2);
    // Given up while it was under way: the partner learns of it by fetching.
    let world = super::world(0, 0);
    world.outbox.set_batches(true);
    world.promised(1);
    let refused = batch(&world);
    world.outbox.set_policy(UpdatePolicy { partner: ToPartner::Count, ..SEND });
    world.outbox.put_back(PeerQueue::Partner, refused);
    assert_eq!((world.dropped(), world.outbox.waiting(PeerQueue::Partner)), (1, 0));
}
