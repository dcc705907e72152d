//! The outbox: order, one request per address, tickets, policies. Peers are played by the test.

mod batches;
mod behind;
mod kept;
mod owed;

use std::net::{Ipv4Addr, SocketAddrV4};

use engine::lease::{Change, ChangeKind, ChangeNumber, HwAddress, Lease4, LeaseState, Origin};
use engine::packet::{Departure, Destination};
use engine::pending::{PendingReply, Release};
use engine::seam::Replication;
use engine::stats::{Counter, Stats};

use super::*;
use crate::limits::MAX_QUEUED_UPDATES;
use crate::machine::ToBackups;
use crate::wire::request::LeaseNews;

#[derive(Default)]
struct Seen {
    full: AtomicU64,
    overflowed: AtomicU64,
    outcomes: Mutex<Vec<UpdateOutcome>>,
    /// Whose they were.
    clients: Mutex<Vec<Option<ClientKey>>>,
    backlogs: Mutex<Vec<Result<(), CallError>>>,
}

impl Observer for Seen {
    fn queue_is_full(&self) {
        self.full.fetch_add(1, Ordering::Relaxed);
    }

    fn backlog_overflowed(&self) {
        self.overflowed.fetch_add(1, Ordering::Relaxed);
    }

    fn partner_updated(&self, client: Option<ClientKey>, outcome: UpdateOutcome) {
        self.clients.lock().push(client);
        self.outcomes.lock().push(outcome);
    }

    fn backlog_sent(&self, result: Result<(), CallError>) {
        self.backlogs.lock().push(result);
    }
}

#[derive(Default)]
struct Sent(Mutex<Vec<u8>>);

impl Release for Sent {
    fn release(&self, reply: PendingReply) {
        self.0.lock().push(reply.departure.message[0]);
    }
}

struct World {
    outbox: Outbox,
    pending: Arc<Pending>,
    seen: Arc<Seen>,
    sent: Arc<Sent>,
    stats: Arc<Stats>,
    service: Arc<Service>,
    changes: AtomicU64,
}

const SEND: UpdatePolicy = UpdatePolicy { partner: ToPartner::Send, backups: ToBackups::Nothing };

fn world(backups: usize, limit: usize) -> World {
    let (sent, stats) = (Arc::new(Sent::default()), Arc::new(Stats::default()));
    let pending = Arc::new(Pending::new(0, sent.clone(), stats.clone()));
    let seen = Arc::new(Seen::default());
    let observer: Arc<dyn Observer> = seen.clone();
    let service = Arc::new(Service::default());
    let observer = Arc::downgrade(&observer);
    let limits = Limits { delayed_updates: limit, untold: 3 };
    let outbox = Outbox::new(pending.clone(), observer, service.clone(), true, backups, limits);
    outbox.set_policy(SEND);
    World { outbox, pending, seen, sent, stats, service, changes: AtomicU64::new(0) }
}

pub(super) fn lease(host: u8, cltt_s: u64) -> Lease4 {
    Lease4 {
        address: Ipv4Addr::new(192, 0, 2, host),
        hw_address: HwAddress::new(&[host]).unwrap(),
        client_id: None,
        valid_lifetime_s: 100,
        cltt_s,
        subnet_id: 1,
        fqdn_fwd: false,
        fqdn_rev: false,
        hostname: "".into(),
        state: LeaseState::Assigned,
        user_context: None,
        pool_id: 0,
    }
}

impl World {
    fn change(&self, lease: &Lease4, kind: ChangeKind, origin: Origin) {
        let number = ChangeNumber(self.changes.fetch_add(1, Ordering::Relaxed) + 1);
        let change = Change { number, kind, lease, before: None, origin };
        self.outbox.queue(&change);
    }

    /// A client's change of `host`'s lease, without a reply.
    fn changed(&self, host: u8, cltt_s: u64) {
        self.change(&lease(host, cltt_s), ChangeKind::Updated, Origin::Client(None));
    }

    /// A client's change of `host`'s lease and the reply that reports it.
    fn promised(&self, host: u8) {
        let ticket = self.pending.reserve(u64::from(host)).unwrap();
        self.change(&lease(host, 1), ChangeKind::Added, Origin::Client(Some(ticket)));
        self.pending.park(ticket, reply(host));
    }

    fn take(&self) -> Update {
        assert!(self.outbox.waiting(PeerQueue::Partner) > 0, "something is to be sent");
        self.outbox.next(PeerQueue::Partner).unwrap().0.one()
    }

    fn settle(&self, update: &Update, outcome: UpdateOutcome) {
        self.outbox.settle(PeerQueue::Partner, update, outcome);
    }

    fn replies(&self) -> Vec<u8> {
        self.sent.0.lock().clone()
    }

    fn dropped(&self) -> u64 {
        self.stats.value(Counter::ReplyUnacknowledged)
    }
}

fn reply(name: u8) -> PendingReply {
    let departure = Departure {
        interface: 1,
        source: Ipv4Addr::LOCALHOST,
        destination: Destination::Ip { to: SocketAddrV4::new(Ipv4Addr::LOCALHOST, 68) },
        message: vec![name],
    };
    PendingReply { departure, reports: None, acknowledged: false }
}

fn silence() -> UpdateOutcome {
    UpdateOutcome::Failure(CallError::Communication("no answer".into()))
}

fn refusal() -> UpdateOutcome {
    UpdateOutcome::Failure(CallError::Refused { result: 1, text: "no".into() })
}

#[test]
fn a_reply_leaves_when_the_partner_has_the_lease() {
    let world = world(0, 0);
    world.promised(1);
    assert!(world.replies().is_empty());
    let update = world.take();
    assert_eq!((update.news, update.lease.address.octets()[3]), (LeaseNews::Stored, 1));
    world.settle(&update, UpdateOutcome::Success);
    assert_eq!(world.replies(), [1]);
    assert_eq!(*world.seen.outcomes.lock(), [UpdateOutcome::Success]);
}

#[test]
fn a_conflict_and_a_refusal_drop_only_their_own_reply() {
    let world = world(0, 0);
    (1..=3).for_each(|host| world.promised(host));
    for outcome in [UpdateOutcome::Conflict, refusal(), UpdateOutcome::Success] {
        let update = world.take();
        world.settle(&update, outcome);
    }
    assert_eq!((world.replies(), world.dropped()), (vec![3], 2));
}

/// Its reply would tell of a lease that is not the client's any more.
#[test]
fn what_waits_is_not_sent_once_the_partner_has_told_of_a_newer_version() {
    let world = world(0, 0);
    (1..=2).for_each(|host| world.promised(host));
    world.changed(2, 2);
    world.change(&lease(2, 3), ChangeKind::Updated, Origin::Partner);
    let update = world.take();
    assert_eq!((update.lease.address, world.dropped()), (lease(1, 0).address, 1));
    world.promised(1);
    world.change(&lease(1, 3), ChangeKind::Updated, Origin::Partner);
    assert_eq!((world.outbox.waiting(PeerQueue::Partner), world.dropped()), (0, 2));
    world.settle(&update, UpdateOutcome::Success);
    world.changed(1, 4);
    assert_eq!(world.take().lease.cltt_s, 4);
}

#[test]
fn silence_of_the_partner_fails_all_that_wait() {
    let world = world(0, 0);
    (1..=5).for_each(|host| world.promised(host));
    let under_way = world.take();
    let first = world.take();
    world.settle(&first, silence());
    assert_eq!((world.dropped(), world.outbox.waiting(PeerQueue::Partner)), (4, 0));
    world.settle(&under_way, UpdateOutcome::Success);
    assert_eq!(world.replies(), [1]);
    assert_eq!(world.pending.len(), 0);
}

#[test]
fn an_address_has_one_request_under_way() {
    let world = world(0, 0);
    world.changed(1, 1);
    world.changed(1, 2);
    world.changed(2, 1);
    let first = world.take();
    let other = world.take();
    assert_eq!((first.lease.cltt_s, other.lease.address.octets()[3]), (1, 2));
    assert_eq!(world.outbox.waiting(PeerQueue::Partner), 1);
    world.settle(&first, refusal());
    assert_eq!(world.take().lease.cltt_s, 2);
}

#[test]
fn an_address_still_waits_after_the_queue_was_emptied() {
    let world = world(0, 0);
    world.changed(1, 1);
    let hanging = world.take();
    world.outbox.set_policy(UpdatePolicy { partner: ToPartner::Count, ..SEND });
    world.outbox.set_policy(SEND);
    world.changed(1, 2);
    world.changed(2, 3);
    assert_eq!(world.take().lease.cltt_s, 3);
    world.settle(&hanging, refusal());
    assert_eq!(world.take().lease.cltt_s, 2);
}

#[test]
fn only_what_clients_change_is_sent() {
    let world = world(0, 0);
    for origin in [Origin::Partner, Origin::Administrator, Origin::Reclamation, Origin::Load] {
        world.change(&lease(1, 1), ChangeKind::Added, origin);
    }
    assert_eq!(world.outbox.waiting(PeerQueue::Partner), 0);
    world.change(&lease(1, 1), ChangeKind::Deleted, Origin::Client(None));
    assert_eq!(world.take().news, LeaseNews::Deleted);
}

#[test]
fn policies_count_or_forget() {
    let world = world(0, 0);
    world.outbox.set_policy(UpdatePolicy { partner: ToPartner::Count, ..SEND });
    world.promised(1);
    world.promised(2);
    assert_eq!((world.outbox.take_unsent(), world.outbox.take_unsent()), (2, 0));
    world.outbox.set_policy(UpdatePolicy::default());
    world.promised(3);
    assert_eq!(world.outbox.take_unsent(), 0);
    assert_eq!(world.replies(), [1, 2, 3]);
}

#[test]
fn losing_the_partner_drops_replies_and_keeps_their_leases_for_later() {
    let world = world(0, 10);
    world.promised(1);
    world.outbox.set_policy(UpdatePolicy { partner: ToPartner::Queue, ..SEND });
    assert_eq!(world.dropped(), 1);
    world.promised(2);
    assert_eq!(world.replies(), [2]);

    assert_eq!(world.outbox.send_backlog(), None);
    world.promised(3);
    for host in 1..=3 {
        let update = world.take();
        assert_eq!(update.lease.address.octets()[3], host);
        world.settle(&update, UpdateOutcome::Success);
    }
    assert_eq!(*world.seen.backlogs.lock(), [Ok(())]);
    assert_eq!((world.replies(), world.seen.outcomes.lock().len()), (vec![2, 3], 1));
}

#[test]
fn an_empty_backlog_is_sent_at_once() {
    let world = world(0, 10);
    world.outbox.set_policy(UpdatePolicy { partner: ToPartner::Queue, ..SEND });
    assert_eq!(world.outbox.send_backlog(), Some(Ok(())));
    world.changed(1, 1);
    world.outbox.set_policy(SEND);
    world.changed(2, 1);
    assert_eq!(world.outbox.waiting(PeerQueue::Partner), 2);
}

#[test]
fn a_failed_backlog_says_so_once() {
    let world = world(0, 10);
    world.outbox.set_policy(UpdatePolicy { partner: ToPartner::Queue, ..SEND });
    (1..=3).for_each(|host| world.changed(host, 1));
    world.outbox.send_backlog();
    let (first, second) = (world.take(), world.take());
    world.settle(&first, silence());
    world.settle(&second, silence());
    assert_eq!(world.seen.backlogs.lock().len(), 1);
    assert!(world.seen.backlogs.lock()[0].is_err());
    assert_eq!(world.outbox.waiting(PeerQueue::Partner), 0);
}

#[test]
fn a_backlog_has_its_limit() {
    let world = world(0, 2);
    world.outbox.set_policy(UpdatePolicy { partner: ToPartner::Queue, ..SEND });
    (1..=2).for_each(|host| world.changed(host, 1));
    assert!(!world.outbox.has_overflowed());
    world.changed(3, 1);
    assert_eq!(world.seen.overflowed.load(Ordering::Relaxed), 1);
    assert!(world.outbox.has_overflowed());
    world.outbox.clear_backlog();
    assert!(!world.outbox.has_overflowed());
    assert_eq!(world.outbox.send_backlog(), Some(Ok(())));
}

/// The release has room, and is given up behind the grant that has none.
#[test]
fn what_outlived_a_full_backlog_does_not_end_a_later_lease() {
    let world = world(0, 1);
    world.outbox.set_policy(UpdatePolicy { partner: ToPartner::Queue, ..SEND });
    let released = Lease4 { state: LeaseState::Released, ..lease(1, 1) };
    world.change(&released, ChangeKind::Updated, Origin::Client(None));
    world.changed(1, 2);
    assert!(world.outbox.has_overflowed());
    world.outbox.set_policy(UpdatePolicy { partner: ToPartner::Count, ..SEND });
    assert!(!world.outbox.owed().deletions, "the address has a lease again");
}

#[test]
fn a_partner_that_refuses_what_was_promised_lacks_it_until_it_fetches_all() {
    let world = world(0, 1);
    let settle = |outcome| {
        world.changed(1, 1);
        let update = world.take();
        world.outbox.settle(PeerQueue::Partner, &update, outcome);
        world.outbox.partner_lacks()
    };
    assert!(!settle(UpdateOutcome::Success));
    assert!(settle(UpdateOutcome::Conflict));
    assert!(settle(UpdateOutcome::Success), "still");
    world.outbox.set_policy(UpdatePolicy { partner: ToPartner::Count, ..SEND });
    assert!(world.outbox.partner_lacks(), "it is only seen as lost for having refused");
    world.outbox.follow_anew(Incarnation(7));
    assert!(!world.outbox.partner_lacks());
}

#[test]
fn what_silence_cut_off_is_kept_unless_something_newer_was_sent() {
    let world = world(0, 10);
    (1..=3).for_each(|host| world.changed(host, 1));
    let first = world.take();
    world.settle(&first, silence());
    // A machine that is paused sends on.
    world.changed(2, 2);
    let newer = world.take();
    world.settle(&newer, UpdateOutcome::Success);
    world.outbox.set_policy(UpdatePolicy { partner: ToPartner::Queue, ..SEND });
    world.outbox.send_backlog();
    let sent: Vec<_> = (0..2).map(|_| world.take().lease.address.octets()[3]).collect();
    assert_eq!((sent, world.outbox.waiting(PeerQueue::Partner)), (vec![1, 3], 0));
}

#[test]
fn what_changed_while_the_service_was_closing_is_sent_when_the_pair_is_back() {
    let world = world(0, 0);
    world.outbox.set_policy(UpdatePolicy { partner: ToPartner::Count, ..SEND });
    world.changed(1, 1);
    let user = engine::seam::service::Origin::USER;
    world.service.disable(user, Default::default(), None);
    (2..=4).for_each(|host| world.changed(host, 1));
    world.service.enable(user);
    world.changed(3, 2);
    assert_eq!(world.outbox.take_unsent(), 5);
    world.outbox.set_policy(SEND);
    let sent: Vec<_> = (0..2).map(|_| world.take().lease.address.octets()[3]).collect();
    assert_eq!((sent, world.outbox.waiting(PeerQueue::Partner)), (vec![2, 4], 0));
}

#[test]
fn a_late_failure_does_not_put_an_older_version_behind_a_newer_one() {
    let world = world(0, 10);
    let queue = UpdatePolicy { partner: ToPartner::Queue, ..SEND };
    world.changed(1, 1);
    let hanging = world.take();
    world.changed(1, 2);
    world.outbox.set_policy(queue);
    world.settle(&hanging, silence());
    assert_eq!(world.outbox.send_backlog(), None);
    for cltt_s in 1..=2 {
        let update = world.take();
        assert_eq!(update.lease.cltt_s, cltt_s);
        world.settle(&update, UpdateOutcome::Success);
    }
    assert_eq!(*world.seen.backlogs.lock(), [Ok(())]);
}

#[test]
fn a_backlog_behind_a_request_that_hangs_ends_with_it() {
    let world = world(0, 10);
    world.changed(1, 1);
    let hanging = world.take();
    world.outbox.set_policy(UpdatePolicy { partner: ToPartner::Queue, ..SEND });
    world.changed(1, 2);
    world.outbox.send_backlog();
    world.settle(&hanging, silence());
    assert_eq!(world.seen.backlogs.lock().len(), 1);
    assert_eq!(world.seen.outcomes.lock().len(), 0);
    assert_eq!(world.outbox.waiting(PeerQueue::Partner), 0);
}

/// Workers, client threads and a machine that cannot make up its mind.
#[test]
fn threads_keep_the_order_of_each_address_and_settle_every_ticket() {
    const HOSTS: usize = 6;
    const CHANGES: u64 = 3_000;
    let world = world(0, 1_000_000);
    // Each address's lock, with its last version; what the partner has, and whether a request is under way.
    let locks: Vec<_> = (0..HOSTS).map(|_| Mutex::new(0_u64)).collect();
    let partner: Vec<_> = (0..HOSTS).map(|_| Mutex::new(0_u64)).collect();
    let numbers = AtomicU64::new(0);
    let left = AtomicU64::new(3);
    std::thread::scope(|scope| {
        for worker in 0..3_u64 {
            let (world, locks, numbers, left) = (&world, &locks, &numbers, &left);
            scope.spawn(move || {
                for n in 0..CHANGES {
                    let host = usize::try_from((n * 7 + worker) % HOSTS as u64).unwrap();
                    let ticket = world.pending.reserve(n * 3 + worker).unwrap();
                    let mut version = locks[host].lock();
                    *version += 1;
                    let number = ChangeNumber(numbers.fetch_add(1, Ordering::Relaxed) + 1);
                    let lease = lease(u8::try_from(host).unwrap(), *version);
                    let (kind, origin) = (ChangeKind::Updated, Origin::Client(Some(ticket)));
                    let change = Change { number, kind, lease: &lease, before: None, origin };
                    world.outbox.queue(&change);
                    drop(version);
                    world.pending.park(ticket, reply(0));
                }
                left.fetch_sub(1, Ordering::Release);
            });
        }
        for client in 0..3_u64 {
            let (world, partner) = (&world, &partner);
            scope.spawn(move || {
                let mut n = client;
                while let Some((load, _)) = world.outbox.next(PeerQueue::Partner) {
                    let update = load.one();
                    n += 1;
                    let host = usize::from(update.lease.address.octets()[3]);
                    let mut has = partner[host].try_lock().expect("one request of an address");
                    let outcome = if n % 50 == 0 { silence() } else { UpdateOutcome::Success };
                    assert!(update.lease.cltt_s >= *has, "an older version came later");
                    *has = update.lease.cltt_s;
                    drop(has);
                    world.settle(&update, outcome);
                }
            });
        }
        scope.spawn(|| {
            while left.load(Ordering::Acquire) > 0 {
                world.outbox.set_policy(UpdatePolicy { partner: ToPartner::Queue, ..SEND });
                std::thread::yield_now();
                world.outbox.send_backlog();
                std::thread::yield_now();
                world.outbox.set_policy(SEND);
                std::thread::yield_now();
            }
            while world.outbox.waiting(PeerQueue::Partner) > 0 {
                std::thread::yield_now();
            }
            world.outbox.stop();
        });
    });
    assert!(world.pending.is_empty(), "{} tickets are open", world.pending.len());
}

#[test]
fn what_finds_the_queue_full_fails_at_once() {
    let world = world(0, 0);
    for host in 0..MAX_QUEUED_UPDATES {
        world.changed(u8::try_from(host % 250).unwrap(), 1);
    }
    world.promised(251);
    assert_eq!((world.dropped(), world.outbox.refused()), (1, 1));
    assert_eq!(world.seen.full.load(Ordering::Relaxed), 1);
}

/// A backup that takes an update and never answers: its queue is bounded, what it misses is counted, and clients have
/// their replies at once.
#[test]
fn a_backup_that_fell_behind_delays_nobody() {
    let world = world(1, 0);
    let backup = PeerQueue::Backup(0);
    world.outbox.set_policy(UpdatePolicy { partner: ToPartner::Nothing, backups: ToBackups::Send });
    world.promised(1);
    let under_way = world.outbox.next(backup).unwrap().0.one();
    for host in 0..MAX_QUEUED_UPDATES + 10 {
        world.changed(u8::try_from(host % 200).unwrap(), 1);
    }
    world.promised(250);
    assert_eq!(world.replies(), [1, 250]);
    assert_eq!(world.outbox.waiting(backup), MAX_QUEUED_UPDATES);
    assert_eq!((world.outbox.take_missed(backup), world.outbox.take_missed(backup)), (11, 0));

    let silent = UpdateOutcome::Failure(CallError::Communication("no answer".into()));
    world.outbox.settle(backup, &under_way, silent);
    assert_eq!(world.outbox.waiting(backup), MAX_QUEUED_UPDATES, "it may come back");
    assert_eq!(world.outbox.take_missed(backup), 1, "what it did not answer is not sent again");
    let next = world.outbox.next(backup).unwrap().0.one();
    world.outbox.settle(backup, &next, UpdateOutcome::Success);
    assert!(world.dropped() == 0 && world.seen.outcomes.lock().is_empty());
}

/// What waits for an acknowledgement of the backup fails with it, so that the clients ask again.
#[test]
fn a_backup_that_is_waited_for_fails_what_waits_behind_it() {
    let world = world(1, 0);
    let backup = PeerQueue::Backup(0);
    let wait = UpdatePolicy { partner: ToPartner::Nothing, backups: ToBackups::SendAndWait };
    world.outbox.set_policy(wait);
    (1..=3).for_each(|host| world.promised(host));
    let first = world.outbox.next(backup).unwrap().0.one();
    let silent = UpdateOutcome::Failure(CallError::Communication("no answer".into()));
    world.outbox.settle(backup, &first, silent);
    assert_eq!((world.dropped(), world.outbox.waiting(backup)), (3, 0));
    assert_eq!(world.outbox.take_missed(backup), 3);
}

#[test]
fn backups_are_waited_for_if_the_policy_says_so() {
    let world = world(2, 0);
    let wait = UpdatePolicy { partner: ToPartner::Nothing, backups: ToBackups::SendAndWait };
    world.outbox.set_policy(wait);
    world.promised(1);
    for number in 0..2 {
        assert!(world.replies().is_empty());
        let update = world.outbox.next(PeerQueue::Backup(number)).unwrap().0.one();
        world.outbox.settle(PeerQueue::Backup(number), &update, UpdateOutcome::Success);
    }
    assert_eq!(world.replies(), [1]);
    world.outbox.set_policy(UpdatePolicy { backups: ToBackups::Send, ..wait });
    world.promised(2);
    assert_eq!(world.replies(), [1, 2]);
    assert_eq!(world.outbox.waiting(PeerQueue::Backup(1)), 1);
    assert!(world.seen.outcomes.lock().is_empty());
}

#[test]
fn what_is_under_way_is_recalled_once_the_partner_is_given_up() {
    let world = world(1, 10);
    world.changed(1, 1);
    world.promised(2);
    let policy = |partner| world.outbox.set_policy(UpdatePolicy { partner, ..SEND });
    let (first, recall) = world.outbox.next(PeerQueue::Partner).unwrap();
    policy(ToPartner::Queue);
    assert!(!recall.is_given(), "it is told of later, behind this");
    policy(ToPartner::Count);
    assert!(recall.is_given(), "it synchronises, and what was sent may come behind that");
    world.settle(&first.one(), silence());
    policy(ToPartner::Send);
    world.changed(1, 2);
    let (_, recall) = world.outbox.next(PeerQueue::Partner).unwrap();
    assert!(!recall.is_given(), "that was before");
}

#[test]
fn a_stopped_outbox_fails_everything() {
    let world = world(0, 0);
    world.promised(1);
    std::thread::scope(|scope| {
        world.outbox.stop();
        let ended = scope.spawn(|| world.outbox.next(PeerQueue::Partner));
        assert!(ended.join().unwrap().is_none());
    });
    world.promised(2);
    assert_eq!((world.dropped(), world.pending.len()), (2, 0));
}

/// A declined lease is nobody's: whose update was refused is known from the lease before. A client that declines its
/// address counts as the same that had it.
#[test]
fn a_refused_decline_counts_for_the_client_that_declined() {
    let world = world(0, 0);
    let held = lease(1, 1);
    let declined =
        Lease4 { hw_address: HwAddress::default(), state: LeaseState::Declined, ..held.clone() };
    world.change(&held, ChangeKind::Added, Origin::Client(None));
    let update = world.take();
    world.settle(&update, UpdateOutcome::Conflict);
    for before in [Some(&held), None] {
        let number = ChangeNumber(world.changes.fetch_add(1, Ordering::Relaxed) + 1);
        let (kind, origin) = (ChangeKind::Updated, Origin::Client(None));
        world.outbox.queue(&Change { number, kind, lease: &declined, before, origin });
        let update = world.take();
        world.settle(&update, UpdateOutcome::Conflict);
    }
    let client = ClientKey::new(held.hw_address.as_bytes(), &[]);
    assert_eq!(*world.seen.clients.lock(), [client.clone(), client, None]);
}
