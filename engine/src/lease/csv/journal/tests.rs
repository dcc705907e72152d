//! The journal, one thread at a time; races are in `tests/model.rs`.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::lease::csv::{claim, load};
use crate::lease::memory::MemoryStore;
use crate::lease::{HwAddress, Lease4, LeaseState, LeaseStore, Overwrite};

/// A file in memory that takes only so much.
#[derive(Default)]
struct Sheet {
    bytes: Vec<u8>,
    room: usize,
    cut_fails: bool,
    sync_fails: bool,
    syncs: usize,
    appends: usize,
}

#[derive(Clone)]
struct MemoryInk(Arc<Mutex<Sheet>>);

impl MemoryInk {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Sheet { room: usize::MAX, ..Sheet::default() })))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().bytes.clone()).unwrap()
    }
}

impl Ink for MemoryInk {
    fn append(&self, rows: &[u8]) -> io::Result<()> {
        let mut sheet = self.0.lock();
        let room = sheet.room - sheet.bytes.len();
        sheet.bytes.extend_from_slice(&rows[..rows.len().min(room)]);
        sheet.appends += 1;
        if rows.len() > room { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        let mut sheet = self.0.lock();
        if sheet.cut_fails {
            return Err(io::Error::other("cut"));
        }
        sheet.bytes.truncate(usize::try_from(len).unwrap());
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut sheet = self.0.lock();
        sheet.syncs += 1;
        if sheet.sync_fails { Err(io::Error::other("sync")) } else { Ok(()) }
    }
}

pub(super) fn lease(last: u8) -> Lease4 {
    Lease4 {
        address: Ipv4Addr::new(192, 0, 2, last),
        hw_address: HwAddress::new(&[2, 0, 0, 0, 0, last]).unwrap(),
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

fn row(last: u8) -> String {
    format!("192.0.2.{last},02:00:00:00:00:{last:02x},,100,1100,1,0,0,,0,,0\n")
}

fn record(journal: &Journal, number: u64, last: u8) {
    let change = Change {
        number: ChangeNumber(number),
        kind: ChangeKind::Added,
        lease: &lease(last),
        before: None,
        origin: Origin::Partner,
    };
    journal.record(&change);
}

fn through(journal: &Journal, number: u64) -> Result<u64, JournalError> {
    journal.write_through(ChangeNumber(number)).map(|written| written.number().0)
}

#[test]
fn everything_queued_goes_with_one_write_in_change_order() {
    let ink = MemoryInk::new();
    let journal = Journal::with_ink(Box::new(ink.clone()), 0, Durability::Kernel);
    for number in [3, 1, 2, 4] {
        record(&journal, number, u8::try_from(number).unwrap());
    }
    assert_eq!(journal.unwritten(), 4);
    assert_eq!(through(&journal, 2).unwrap(), 4);
    assert_eq!(ink.text(), row(1) + &row(2) + &row(3) + &row(4));
    assert_eq!(through(&journal, 4).unwrap(), 4);
    let sheet = ink.0.lock();
    assert_eq!((sheet.appends, sheet.syncs, journal.unwritten()), (1, 0, 0));
}

#[test]
fn a_full_disk_leaves_whole_rows_and_loses_nothing() {
    for (cut_fails, durability) in
        [(false, Durability::Kernel), (true, Durability::Kernel), (false, Durability::Disk)]
    {
        let ink = MemoryInk::new();
        let journal = Journal::with_ink(Box::new(ink.clone()), 0, durability);
        record(&journal, 1, 1);
        through(&journal, 1).unwrap();
        ink.0.lock().room = row(1).len() * 2 + 7;
        ink.0.lock().cut_fails = cut_fails;
        record(&journal, 2, 2);
        record(&journal, 3, 3);
        let error = through(&journal, 2).unwrap_err();
        assert!(matches!(error, JournalError::Write(e) if e.kind() == io::ErrorKind::StorageFull));
        assert_eq!(ink.text() == row(1), !cut_fails);
        assert!(through(&journal, 3).is_err());
        assert_eq!(through(&journal, 1).unwrap(), 1);
        assert_eq!(journal.unwritten(), 2);
        ink.0.lock().room = usize::MAX;
        ink.0.lock().cut_fails = false;
        record(&journal, 4, 4);
        assert_eq!(through(&journal, 3).unwrap(), 4);
        assert_eq!(ink.text(), row(1) + &row(2) + &row(3) + &row(4));
        assert_eq!(journal.unwritten(), 0);
    }
}

#[test]
fn rows_whose_sync_failed_are_written_again() {
    let ink = MemoryInk::new();
    let journal = Journal::with_ink(Box::new(ink.clone()), 0, Durability::Disk);
    ink.0.lock().sync_fails = true;
    record(&journal, 1, 1);
    assert!(through(&journal, 1).is_err());
    assert_eq!(ink.text(), "");
    ink.0.lock().sync_fails = false;
    assert_eq!(through(&journal, 1).unwrap(), 1);
    assert_eq!((ink.text(), ink.0.lock().syncs), (row(1), 2));
}

#[test]
fn loaded_leases_are_not_written_and_leave_no_gap() {
    let ink = MemoryInk::new();
    let journal = Arc::new(Journal::with_ink(Box::new(ink.clone()), 0, Durability::Kernel));
    let store = MemoryStore::new(journal.clone());
    for last in 1..=3 {
        store.apply(lease(last), Overwrite::Always, Origin::Load);
    }
    store.delete(lease(2).address, Origin::Load).unwrap();
    let stored = store.delete(lease(3).address, Origin::Administrator).unwrap();
    assert_eq!(through(&journal, stored.version.0).unwrap(), 5);
    assert_eq!(ink.text(), row(3).replace(",100,1100,", ",0,1000,"));
}

#[test]
fn an_unrecorded_change_is_an_error_once_and_its_late_row_still_comes() {
    let ink = MemoryInk::new();
    let journal = Journal::with_ink(Box::new(ink.clone()), 0, Durability::Kernel);
    record(&journal, 2, 2);
    assert!(matches!(through(&journal, 2), Err(JournalError::Gap(ChangeNumber(1)))));
    assert_eq!(ink.text(), row(2));
    record(&journal, 1, 1);
    record(&journal, 3, 3);
    assert_eq!(through(&journal, 3).unwrap(), 3);
    assert_eq!(ink.text(), row(2) + &row(1) + &row(3));
}

#[test]
fn there_is_no_room_while_too_much_waits() {
    let journal = Journal::with_ink(Box::new(MemoryInk::new()), 0, Durability::Kernel);
    assert!(journal.has_room());
    for number in 1..=MAX_UNWRITTEN_ROWS as u64 {
        record(&journal, number, 1);
    }
    assert!(!journal.has_room());
    through(&journal, 1).unwrap();
    assert!(journal.has_room());
}

#[test]
fn without_a_file_everything_counts_as_written() {
    let journal = Journal::none();
    record(&journal, 1, 1);
    assert_eq!(through(&journal, 7).unwrap(), 7);
    assert_eq!(journal.compact().unwrap().leases, 0);
    journal.close().unwrap();
}

fn open(file: &Path, durability: Durability) -> Arc<Journal> {
    Arc::new(Journal::open(claim(file, &[]).unwrap(), durability).unwrap())
}

fn loaded(file: &Path) -> (Vec<Lease4>, crate::lease::csv::Loaded) {
    let store = MemoryStore::new(Arc::new(Journal::none()));
    let loaded = load(file, 0, &store).unwrap();
    (store.page(None, usize::MAX), loaded)
}

#[test]
fn a_restart_knows_what_was_written_and_a_torn_line_goes() {
    for durability in [Durability::Kernel, Durability::Disk] {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("leases.csv");
        let journal = open(&file, durability);
        record(&journal, 1, 1);
        record(&journal, 2, 2);
        drop(journal);
        let whole = format!("{}{}{}", row::HEADER, row(1), row(2));
        std::fs::write(&file, format!("{whole}192.0.2.3,02:00:00:00:00:03,,100,11")).unwrap();
        let (leases, report) = loaded(&file);
        assert_eq!(leases, [lease(1), lease(2)]);
        assert!(report.torn && !report.other_schema && report.bad_rows == 0);
        let journal = open(&file, durability);
        assert!(journal.was_torn());
        record(&journal, 1, 4);
        through(&journal, 1).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), whole + &row(4));
    }
}

#[test]
fn a_torn_header_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("leases.csv");
    std::fs::write(&file, &row::HEADER[..20]).unwrap();
    assert_eq!(loaded(&file).0, []);
    drop(open(&file, Durability::Disk));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), row::HEADER);
}

#[test]
fn what_is_no_lease_file_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("leases.csv");
    for text in ["#!/bin/sh", "root:x:0:0:\n", "address,duid,valid_lifetime\n2001:db8::1,01,3\n"] {
        std::fs::write(&file, text).unwrap();
        let error = Journal::open(claim(&file, &[]).unwrap(), Durability::Kernel).unwrap_err();
        assert_eq!(error.source.kind(), io::ErrorKind::InvalidData);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }
}

#[test]
fn compaction_leaves_one_row_per_lease_and_the_journal_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("leases.csv");
    let journal = open(&file, Durability::Disk);
    let store = MemoryStore::new(journal.clone());
    for last in [3, 1, 2, 3, 1] {
        store.apply(lease(last), Overwrite::Always, Origin::Partner);
    }
    store.delete(lease(2).address, Origin::Administrator).unwrap();
    through(&journal, 6).unwrap();
    let compacted = journal.compact().unwrap();
    assert_eq!((compacted.leases, compacted.loaded.rows), (2, 6));
    store.apply(lease(4), Overwrite::Always, Origin::Partner);
    through(&journal, 7).unwrap();
    let text = |suffix: &str| {
        std::fs::read_to_string(dir.path().join(format!("leases.csv{suffix}"))).unwrap()
    };
    assert_eq!(text(".2"), row::HEADER.to_owned() + &row(1) + &row(3));
    assert_eq!(text(""), row::HEADER.to_owned() + &row(4));
    for gone in [".1", ".completed", ".output", ".pid", ".new"] {
        assert!(!dir.path().join(format!("leases.csv{gone}")).exists(), "{gone}");
    }
    assert_eq!(journal.compact().unwrap().leases, 3);
    assert_eq!(loaded(&file).0, [lease(1), lease(3), lease(4)]);
}

#[test]
fn a_file_of_kea_2_is_moved_aside_and_compacted() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("leases.csv");
    let kea = include_bytes!("../../../../tests/data/leases/kea-2.2-all-states.csv");
    std::fs::write(&file, kea).unwrap();
    let (leases, report) = loaded(&file);
    assert_eq!((leases.len(), report.rows, report.bad_rows), (6, 14, 0));
    assert!(report.other_schema);
    let journal = open(&file, Durability::Kernel);
    record(&journal, 1, 1);
    through(&journal, 1).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), row::HEADER.to_owned() + &row(1));
    journal.compact().unwrap();
    let (after, report) = loaded(&file);
    assert!(!report.other_schema && after.len() == 7);
    assert!(leases.iter().all(|lease| after.contains(lease)));
}
