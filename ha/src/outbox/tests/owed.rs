//! Deletions of which the partner was not told.

use super::*;
use crate::limits::MAX_KEPT_DELETIONS;

const COUNT: UpdatePolicy = UpdatePolicy { partner: ToPartner::Count, ..SEND };
const QUEUE: UpdatePolicy = UpdatePolicy { partner: ToPartner::Queue, ..SEND };

impl World {
    fn deleted(&self, host: u8, origin: Origin) {
        self.change(&lease(host, 1), ChangeKind::Deleted, origin);
    }

    /// The hosts whose deletions are kept.
    fn owed(&self) -> Vec<u8> {
        let leases = self.outbox.deletions(Ipv4Addr::UNSPECIFIED..=Ipv4Addr::BROADCAST);
        leases.iter().map(|lease| lease.address.octets()[3]).collect()
    }
}

#[test]
fn what_ends_while_the_partner_is_away_is_kept_unless_it_is_given_anew() {
    let world = world(0, 0);
    world.outbox.set_policy(COUNT);
    (1..=5).for_each(|host| world.deleted(host, Origin::Client(None)));
    world.changed(2, 2);
    world.change(&lease(3, 2), ChangeKind::Updated, Origin::Partner);
    world.deleted(6, Origin::Administrator);
    world.deleted(7, Origin::Reclamation);
    world.deleted(8, Origin::Partner);
    assert_eq!(world.owed(), [1, 4, 5, 6]);
    world.outbox.forget_deletion(lease(4, 0).address);
    assert_eq!(world.owed(), [1, 5, 6]);
}

#[test]
fn the_deletions_are_sent_and_their_end_is_told() {
    let world = world(0, 0);
    world.outbox.set_policy(COUNT);
    assert_eq!(world.outbox.send_deletions(), Some(Ok(())), "there are none");
    (1..=2).for_each(|host| world.deleted(host, Origin::Client(None)));
    assert_eq!(world.outbox.send_deletions(), None);
    for left in [1, 0] {
        let update = world.take();
        assert_eq!(update.news, LeaseNews::Deleted);
        world.settle(&update, UpdateOutcome::Success);
        assert_eq!(world.seen.backlogs.lock().len(), usize::from(left == 0));
    }
    assert_eq!(*world.seen.backlogs.lock(), [Ok(())]);
    assert!(!world.outbox.owes_deletions());
}

#[test]
fn deletions_that_met_a_silence_are_still_owed() {
    let world = world(0, 100);
    world.outbox.set_policy(COUNT);
    (1..=3).for_each(|host| world.deleted(host, Origin::Client(None)));
    world.outbox.send_deletions();
    let update = world.take();
    world.settle(&update, silence());
    assert!(matches!(world.seen.backlogs.lock()[..], [Err(_)]));
    assert_eq!(world.owed(), [1, 2, 3]);
}

/// Whatever the partner was to be told when it fell silent or was given up, it is told what is gone.
#[test]
fn deletions_on_their_way_are_kept_when_the_partner_is_given_up() {
    for first in [SEND, QUEUE] {
        let world = world(0, 2);
        (1..=3).for_each(|host| world.deleted(host, Origin::Client(None)));
        let under_way = world.take();
        world.outbox.set_policy(first);
        world.deleted(4, Origin::Client(None));
        world.outbox.clear_backlog();
        world.outbox.set_policy(COUNT);
        assert_eq!(world.owed(), [1, 2, 3, 4], "{first:?}");
        // Its answer comes all the same.
        world.settle(&under_way, UpdateOutcome::Success);
        assert_eq!(world.owed(), [2, 3, 4]);
    }
}

#[test]
fn a_deletion_that_a_standby_missed_is_sent_in_normal_operation() {
    let world = world(0, 0);
    world.deleted(1, Origin::Client(None));
    let update = world.take();
    world.settle(&update, silence());
    assert_eq!(world.owed(), [1]);
    world.outbox.resend_deletions();
    let update = world.take();
    assert_eq!((update.news, update.delayed), (LeaseNews::Deleted, false));
    world.settle(&update, UpdateOutcome::Success);
    assert!(!world.outbox.owes_deletions());
}

/// The partner has given the address to somebody since: what it did not answer is not sent again (seed 108900).
#[test]
fn what_the_partner_outdates_while_it_is_on_its_way_is_not_owed() {
    let given = |world: &World| world.change(&lease(1, 2), ChangeKind::Updated, Origin::Partner);
    let world = world(0, 0);
    world.deleted(1, Origin::Client(None));
    let update = world.take();
    given(&world);
    world.settle(&update, silence());
    assert!(world.owed().is_empty());
    // As well if it is given up before.
    world.deleted(1, Origin::Client(None));
    let update = world.take();
    given(&world);
    world.outbox.set_policy(COUNT);
    assert!(world.owed().is_empty());
    world.settle(&update, silence());
    assert!(world.owed().is_empty());
}

#[test]
fn what_finds_no_room_is_counted() {
    let world = world(0, 0);
    world.outbox.set_policy(COUNT);
    for host in 0..=u32::try_from(MAX_KEPT_DELETIONS).unwrap() {
        let address = Ipv4Addr::from_bits(0x0a00_0000 + host);
        let lease = Lease4 { address, ..lease(1, 1) };
        world.change(&lease, ChangeKind::Deleted, Origin::Client(None));
    }
    assert_eq!(world.stats.value(Counter::HaDeletionsForgotten), 1);
}

/// As Kea counts: a lease that gives way to the client's new one is no exchange of its own.
#[test]
fn unsent_exchanges_are_counted_not_leases() {
    let world = world(0, 0);
    world.outbox.set_policy(COUNT);
    let ticket = world.pending.reserve(1).unwrap();
    world.deleted(1, Origin::Client(Some(ticket)));
    world.change(&lease(2, 2), ChangeKind::Added, Origin::Client(Some(ticket)));
    assert_eq!(world.outbox.take_unsent(), 1);
    world.deleted(2, Origin::Client(None));
    assert_eq!(world.outbox.take_unsent(), 1);
}
