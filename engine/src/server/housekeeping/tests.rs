//! Housekeeping on a store of its own, with a clock that a test sets.

use std::io;
use std::net::Ipv4Addr;

use super::*;
use crate::clock::{Mono, Now, SystemClock};
use crate::lease::csv::{Durability, Ink, Journal};
use crate::lease::{HwAddress, Lease4, LeaseState, Origin, Overwrite};
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A file on a disk that is full for a while, and tells what it takes.
struct FullDisk {
    full: Arc<AtomicBool>,
    rows: Sender<Vec<u8>>,
}

impl Ink for FullDisk {
    fn append(&self, rows: &[u8]) -> io::Result<()> {
        if self.full.load(Ordering::Acquire) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.rows.send(rows.to_vec()).map_err(io::Error::other)
    }

    fn cut(&self, _len: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

fn lease() -> Lease4 {
    Lease4 {
        address: Ipv4Addr::new(192, 0, 2, 1),
        hw_address: HwAddress::new(&[2, 0, 0, 0, 0, 1]).unwrap(),
        client_id: None,
        valid_lifetime_s: 100,
        cltt_s: 1000,
        subnet_id: 1,
        fqdn_fwd: false,
        fqdn_rev: false,
        hostname: "".into(),
        state: LeaseState::Assigned,
        user_context: None,
        pool_id: 0,
    }
}

#[test]
fn what_a_full_disk_did_not_take_is_written_once_there_is_room_without_another_query() {
    let (rows, written) = bounded(8);
    let full = Arc::new(AtomicBool::new(true));
    let ink = FullDisk { full: Arc::clone(&full), rows };
    let journal = Journal::with_ink(Box::new(ink), 0, Durability::Kernel);
    let storage = Storage::on(journal, Arc::default());
    storage.store.apply(lease(), Overwrite::Always, Origin::Partner);
    assert!(storage.flush().is_err());
    full.store(false, Ordering::Release);
    let text = r#"{"Dhcp4": {"lease-database": {"type": "memfile", "lfc-interval": 0},
        "expired-leases-processing": {"reclaim-timer-wait-time": 0,
            "flush-reclaimed-timer-wait-time": 0}}}"#;
    let config = crate::config::parse_text(text, "test").unwrap().dhcp4.unwrap();
    let _housekeeper = Housekeeper::start(Duties {
        clock: Arc::new(SystemClock::start()),
        storage,
        service: Arc::default(),
        config: Arc::new(Live::new(Arc::new(config))),
    });
    let row = written.recv_timeout(Duration::from_secs(20)).expect("it is tried again");
    assert!(row.starts_with(b"192.0.2.1,"));
}

/// A clock that goes on by `step_ms` with each look.
struct Steps {
    looks: AtomicU64,
    step_ms: u64,
    wall_s: u64,
}

impl Clock for Steps {
    fn now(&self) -> Now {
        let looks = self.looks.fetch_add(1, Ordering::AcqRel);
        let mono = Mono::from_ns((1 + looks) * self.step_ms * 1_000_000);
        Now { mono, wall_s: self.wall_s }
    }
}

/// Housekeeping at `wall_s`, of `count` leases in `state` that ended at 1100.
fn duties(count: u32, state: LeaseState, wall_s: u64, step_ms: u64) -> Duties {
    let storage = Storage::on(Journal::none(), Arc::default());
    for last in 0..count {
        let address = Ipv4Addr::from_bits(Ipv4Addr::new(10, 0, 0, 0).to_bits() + last);
        let lease = Lease4 { address, state, ..lease() };
        storage.store.apply(lease, Overwrite::Always, Origin::Administrator);
    }
    let config = crate::config::parse_text(r#"{"Dhcp4": {}}"#, "test").unwrap().dhcp4.unwrap();
    Duties {
        clock: Arc::new(Steps { looks: AtomicU64::new(0), step_ms, wall_s }),
        storage,
        service: Arc::default(),
        config: Arc::new(Live::new(Arc::new(config))),
    }
}

fn in_state(duties: &Duties, state: LeaseState) -> usize {
    let all = duties.storage.store.page(None, usize::MAX);
    all.iter().filter(|lease| lease.state == state).count()
}

fn expired_leases() -> ExpiredLeases {
    ExpiredLeases {
        reclaim_wait_s: 10,
        flush_wait_s: 25,
        hold_s: 3600,
        max_leases: 100,
        max_time_ms: 250,
        unwarned_cycles: 5,
    }
}

#[test]
fn one_flush_deletes_all_that_were_held_long_enough_and_reclaims_nothing() {
    let held = duties(1000, LeaseState::Reclaimed, 5000, 1);
    held.flush(3600);
    assert_eq!(in_state(&held, LeaseState::Reclaimed), 0);
    let young = duties(10, LeaseState::Reclaimed, 4700, 1);
    young.flush(3600);
    assert_eq!(in_state(&young, LeaseState::Reclaimed), 10);
    let ended = duties(10, LeaseState::Assigned, 5000, 1);
    ended.flush(0);
    assert_eq!(in_state(&ended, LeaseState::Assigned), 10);
}

#[test]
fn without_a_timer_of_reclamation_an_ended_lease_stays_as_it_is_whatever_is_flushed() {
    let mut ended = duties(1, LeaseState::Assigned, 5000, 1000);
    let held = Lease4 { state: LeaseState::Reclaimed, cltt_s: 0, ..lease() };
    let address = held.address;
    ended.storage.store.apply(held, Overwrite::Always, Origin::Administrator);
    let text = r#"{"Dhcp4": {"expired-leases-processing": {"reclaim-timer-wait-time": 0,
        "flush-reclaimed-timer-wait-time": 1, "hold-reclaimed-time": 1}}}"#;
    let config = crate::config::parse_text(text, "test").unwrap().dhcp4.unwrap();
    ended.config = Arc::new(Live::new(Arc::new(config)));
    let store = Arc::clone(&ended.storage.store);
    let _housekeeper = Housekeeper::start(ended);
    let deadline = SystemClock::start();
    while store.find(address).is_some() {
        assert!(deadline.now().mono.since(Mono::default()) < Duration::from_secs(20));
        std::thread::yield_now();
    }
    assert_eq!(store.page(None, 10)[0].state, LeaseState::Assigned);
}

#[test]
fn a_cycle_of_reclamation_ends_at_its_number_of_leases_and_says_that_more_are_left() {
    let duties = duties(300, LeaseState::Assigned, 5000, 1);
    assert!(!duties.reclaim(&ExpiredLeases { max_time_ms: 0, ..expired_leases() }));
    assert_eq!(in_state(&duties, LeaseState::Reclaimed), 100);
    assert!(duties.reclaim(&ExpiredLeases { max_leases: 0, max_time_ms: 0, ..expired_leases() }));
    assert_eq!(in_state(&duties, LeaseState::Reclaimed), 300);
}

#[test]
fn a_cycle_of_reclamation_ends_once_its_time_is_over_but_not_before_its_first_slice() {
    // The clock goes on by 200 ms with each look, and each slice takes two looks.
    let duties = duties(1000, LeaseState::Assigned, 5000, 200);
    let all = ExpiredLeases { max_leases: 0, ..expired_leases() };
    assert!(!duties.reclaim(&ExpiredLeases { max_time_ms: 1, ..all.clone() }));
    assert_eq!(in_state(&duties, LeaseState::Reclaimed), RECLAIM_SLICE);
    assert!(!duties.reclaim(&ExpiredLeases { max_time_ms: 500, ..all.clone() }));
    assert_eq!(in_state(&duties, LeaseState::Reclaimed), 4 * RECLAIM_SLICE);
    assert!(duties.reclaim(&ExpiredLeases { max_time_ms: 0, ..all }));
    assert_eq!(in_state(&duties, LeaseState::Reclaimed), 1000);
}

#[test]
fn without_a_flush_timer_a_lease_goes_as_it_is_reclaimed() {
    let duties = duties(3, LeaseState::Assigned, 5000, 1);
    assert!(duties.reclaim(&ExpiredLeases { flush_wait_s: 0, ..expired_leases() }));
    assert!(duties.storage.store.is_empty());
}

#[test]
fn slowness_is_told_once_more_cycles_than_unwarned_were_unfinished_and_then_anew() {
    let told = |unwarned, cycles: &[bool]| {
        let mut unfinished = Unfinished::default();
        cycles.iter().map(|finished| unfinished.is_slow(unwarned, *finished)).collect::<Vec<_>>()
    };
    assert_eq!(told(2, &[false; 6]), [false, false, true, false, false, true]);
    assert_eq!(told(2, &[false, false, true, false, false]), [false; 5]);
    assert_eq!(told(0, &[false; 3]), [false; 3]);
}
