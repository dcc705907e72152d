//! What is kept for a partner that is not told now: what becomes of it, and of the promises made on it.

use super::*;

const COUNT: UpdatePolicy = UpdatePolicy { partner: ToPartner::Count, ..SEND };
const QUEUE: UpdatePolicy = UpdatePolicy { partner: ToPartner::Queue, ..SEND };

#[test]
fn what_changed_while_the_service_was_closing_survives_another_policy_of_the_same_kind() {
    let world = world(0, 0);
    world.outbox.set_policy(COUNT);
    world.service.disable(engine::seam::service::Origin::USER, Default::default(), None);
    world.changed(1, 1);
    // As when the partner's first heartbeat ends the watch over its clients.
    world.outbox.set_policy(COUNT);
    world.outbox.set_policy(SEND);
    assert_eq!(world.take().lease.address.octets()[3], 1);
}

#[test]
fn what_changed_while_the_service_was_closing_is_promised_to_nobody() {
    let world = world(0, 0);
    world.outbox.set_policy(COUNT);
    world.service.disable(engine::seam::service::Origin::USER, Default::default(), None);
    world.promised(1);
    assert_eq!((world.replies(), world.dropped(), world.pending.len()), (vec![], 1, 0));
}

#[test]
fn the_partners_own_version_outdates_what_is_kept_for_it() {
    let world = world(0, 10);
    world.outbox.set_policy(QUEUE);
    (1..=2).for_each(|host| world.changed(host, 1));
    world.change(&lease(1, 2), ChangeKind::Updated, Origin::Partner);
    assert_eq!(world.outbox.send_backlog(), None);
    let sent = world.take();
    assert_eq!((sent.lease.address.octets()[3], world.outbox.waiting(PeerQueue::Partner)), (2, 0));
}

/// A request hangs while the partner is given up, synchronises a newer version and comes back.
#[test]
fn what_hung_when_the_partner_was_given_up_is_never_sent_again() {
    for back_before_its_end in [false, true] {
        let world = world(0, 10);
        world.changed(1, 1);
        let hanging = world.take();
        world.outbox.set_policy(COUNT);
        world.changed(1, 2);
        if back_before_its_end {
            world.outbox.set_policy(SEND);
        }
        world.settle(&hanging, silence());
        world.outbox.set_policy(SEND);
        world.outbox.set_policy(QUEUE);
        assert_eq!(world.outbox.send_backlog(), Some(Ok(())), "{back_before_its_end}");
    }
}

/// As above, and its end tells nothing of the partner that is back: not the machine, nor those who wait for it.
#[test]
fn what_hung_when_the_partner_was_given_up_does_not_give_it_up_again() {
    let world = world(0, 10);
    world.changed(1, 1);
    let hanging = world.take();
    world.outbox.set_policy(COUNT);
    world.outbox.set_policy(SEND);
    world.promised(2);
    world.settle(&hanging, silence());
    assert_eq!(*world.seen.outcomes.lock(), []);
    world.settle(&world.take(), UpdateOutcome::Success);
    assert_eq!(world.replies(), [2]);
}

#[test]
fn what_changed_while_the_service_was_closing_is_delayed_with_the_rest() {
    let world = world(0, 10);
    world.outbox.set_policy(COUNT);
    world.service.disable(engine::seam::service::Origin::USER, Default::default(), None);
    world.changed(1, 1);
    world.outbox.set_policy(QUEUE);
    assert_eq!(world.outbox.send_backlog(), None);
    assert_eq!(world.take().lease.address.octets()[3], 1);
}
