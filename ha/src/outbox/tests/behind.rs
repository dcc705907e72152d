//! What a backup missed.

use super::*;
use crate::outbox::{Greeted, Turn};

const BACKUP: PeerQueue = PeerQueue::Backup(0);

fn beside_a_backup(backups: ToBackups) -> World {
    let world = world(1, 0);
    world.outbox.set_policy(UpdatePolicy { partner: ToPartner::Nothing, backups });
    world
}

fn silent() -> UpdateOutcome {
    UpdateOutcome::Failure(CallError::Communication("no answer".into()))
}

impl World {
    /// The backup does not answer the next update.
    fn lose(&self) {
        let update = self.outbox.next(BACKUP).unwrap().0.one();
        self.outbox.settle(BACKUP, &update, silent());
    }

    /// What the backup is sent, all of it in time.
    fn told_to_backup(&self) -> Vec<(u8, u64)> {
        let next = || self.outbox.try_next(BACKUP).map(Load::one);
        let sent = std::iter::from_fn(next).map(|update| {
            self.outbox.settle(BACKUP, &update, UpdateOutcome::Success);
            (update.lease.address.octets()[3], update.lease.cltt_s)
        });
        sent.collect()
    }

    fn greet(&self, who: Greeted) -> usize {
        assert!(matches!(self.outbox.turn(BACKUP), Some(Turn::Greet)));
        self.outbox.greeted(BACKUP, who)
    }
}

#[test]
fn a_peregrine_is_told_the_newest_change_of_each_address_once_it_answers() {
    for backups in [ToBackups::Send, ToBackups::SendAndWait] {
        let world = beside_a_backup(backups);
        for (host, cltt_s) in [(1, 1), (2, 1), (1, 5)] {
            world.changed(host, cltt_s);
            world.lose();
        }
        // Nothing else is to be done: it is asked now and then.
        assert_eq!(world.greet(Greeted::Nobody), 0);
        assert_eq!(
            (world.greet(Greeted::Peregrine), world.told_to_backup()),
            (2, vec![(2, 1), (1, 5)])
        );
        assert_eq!(world.stats.value(Counter::HaResent), 2);
        // Whoever answers an update is asked at once, before the next.
        world.changed(3, 1);
        world.lose();
        (4..=5).for_each(|host| world.changed(host, 1));
        let update = world.outbox.next(BACKUP).unwrap().0.one();
        world.outbox.settle(BACKUP, &update, UpdateOutcome::Success);
        assert_eq!(
            (world.greet(Greeted::Peregrine), world.told_to_backup()),
            (1, vec![(5, 1), (3, 1)])
        );
    }
}

#[test]
fn what_is_newer_by_now_is_not_told() {
    let world = beside_a_backup(ToBackups::Send);
    for host in 1..=3 {
        world.changed(host, 1);
        world.lose();
    }
    world.changed(1, 2);
    world.change(&lease(2, 2), ChangeKind::Updated, Origin::Partner);
    assert_eq!(world.told_to_backup(), [(1, 2)]);
    assert_eq!((world.greet(Greeted::Peregrine), world.told_to_backup()), (1, vec![(3, 1)]));
}

#[test]
fn a_kea_and_one_that_missed_too_much_fetch_everything() {
    let world = beside_a_backup(ToBackups::Send);
    let miss = |hosts: std::ops::RangeInclusive<u8>| {
        for host in hosts {
            world.changed(host, 1);
            world.lose();
        }
    };
    miss(1..=2);
    assert_eq!(world.greet(Greeted::Kea), 0);
    miss(3..=3);
    world.changed(4, 1);
    assert_eq!(world.told_to_backup(), [(4, 1)], "nothing is kept for a Kea");
    world.outbox.synchronised(BACKUP);
    // There is room for three.
    miss(1..=4);
    world.changed(5, 1);
    assert_eq!(world.told_to_backup(), [(5, 1)], "it lacks more than is kept");
    world.outbox.synchronised(BACKUP);
    miss(6..=6);
    assert_eq!((world.greet(Greeted::Peregrine), world.told_to_backup()), (1, vec![(6, 1)]));
}
