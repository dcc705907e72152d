//! Compaction cut short anywhere, and reading what Kea left.

use std::sync::Arc;

use super::*;
use crate::lease::LeaseStore;
use crate::lease::csv::{Journal, load};
use crate::lease::memory::MemoryStore;
use crate::limits::LOAD_BATCH;

fn row(last: u8, cltt_s: u64) -> String {
    format!("192.0.2.{last},02:00:00:00:00:{last:02x},,100,{},1,0,0,,0,,0\n", cltt_s + 100)
}

fn deletion(last: u8) -> String {
    format!("192.0.2.{last},02:00:00:00:00:{last:02x},,0,1000,1,0,0,,0,,0\n")
}

fn file(rows: &[String]) -> String {
    row::HEADER.to_owned() + &rows.concat()
}

/// Last byte of the address and cltt of every lease that a restart would know.
fn known(files: &Files) -> Vec<(u8, u64)> {
    let store = MemoryStore::new(Arc::new(Journal::none()));
    let loaded = load(&files.base, 0, &store).unwrap();
    assert_eq!(loaded.bad_rows, 0);
    let leases = store.page(None, usize::MAX).into_iter();
    leases.map(|lease| (lease.address.octets()[3], lease.cltt_s)).collect()
}

/// A folder with leases 1 to 4 in `F.2` and `F`, of which 3 is deleted, 2 renewed and 1 old.
fn folder() -> (tempfile::TempDir, Files) {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::new(&dir.path().join("leases.csv"));
    fs::write(files.previous(), file(&[row(1, 1000), row(2, 1000), row(3, 1000)])).unwrap();
    fs::write(&files.base, file(&[row(4, 1001), row(2, 1002), deletion(3)])).unwrap();
    (dir, files)
}

const KNOWN: [(u8, u64); 3] = [(1, 1000), (2, 1002), (4, 1001)];

#[test]
fn a_compaction_cut_short_after_any_step_loses_and_revives_nothing() {
    for steps in 0..=4 {
        let (_dir, files) = folder();
        drop(files.rotate(Durability::Kernel).unwrap());
        let mut done = Vec::new();
        for _ in 0..steps {
            let step = files.next_step().unwrap();
            files.perform(step, &mut Compacted::default()).unwrap();
            done.push(step);
        }
        assert_eq!(known(&files), KNOWN, "after {done:?}");
        let ink = FileInk::open(&files.base).unwrap();
        ink.append((row(1, 1010) + &deletion(4)).as_bytes()).unwrap();
        let now_known = [(1, 1010), (2, 1002)];
        assert_eq!(known(&files), now_known, "after {done:?}");
        let rotated = std::cell::Cell::new(false);
        files
            .compact(|files| {
                rotated.set(true);
                files.rotate(Durability::Kernel).map(drop)
            })
            .unwrap();
        assert_eq!(rotated.get(), steps == 4, "a rotation only when nothing is left to do");
        assert_eq!((known(&files), files.next_step()), (now_known.to_vec(), None));
    }
}

#[test]
fn the_steps_are_keas() {
    let (_dir, files) = folder();
    assert_eq!(files.next_step(), None);
    drop(files.rotate(Durability::Disk).unwrap());
    let mut steps = Vec::new();
    while let Some(step) = files.next_step() {
        files.perform(step, &mut Compacted::default()).unwrap();
        steps.push(step);
    }
    use Step::{Promote, RemoveCopy, RemovePrevious, Rewrite};
    assert_eq!(steps, [Rewrite, RemoveCopy, RemovePrevious, Promote]);
    let compact = fs::read_to_string(files.previous()).unwrap();
    assert_eq!(compact, file(&[row(1, 1000), row(2, 1002), row(4, 1001)]));
}

#[test]
fn a_crash_within_a_step_is_as_if_it_had_not_begun() {
    let (_dir, files) = folder();
    fs::rename(&files.base, files.copy()).unwrap();
    fs::write(files.with(".new"), &row::HEADER[..9]).unwrap();
    fs::write(files.output(), file(&[row(1, 1)])).unwrap();
    assert_eq!(known(&files), KNOWN);
    let opened = files.open_for_append(Durability::Kernel).unwrap();
    assert_eq!((opened.length, opened.torn), (row::HEADER.len() as u64, false));
    files.compact(|_| panic!("there is a copy to work on")).unwrap();
    assert_eq!(known(&files), KNOWN);
}

#[test]
fn an_old_schema_is_moved_aside_behind_an_unfinished_compaction() {
    let (_dir, files) = folder();
    fs::rename(&files.base, files.copy()).unwrap();
    let old = file(&[row(5, 1003)]).replace(",pool_id", "").replace(",,0\n", ",\n");
    fs::write(&files.base, old).unwrap();
    let known_before = known(&files);
    drop(files.open_for_append(Durability::Kernel).unwrap());
    assert!(files.copy().exists());
    assert_eq!(known(&files), known_before);
    assert_eq!(fs::read_to_string(&files.base).unwrap(), row::HEADER);
}

#[test]
fn nothing_is_moved_when_the_lease_file_is_gone() {
    let (_dir, files) = folder();
    fs::rename(&files.base, files.copy()).unwrap();
    let error = files.compact(|_| Ok(())).unwrap_err();
    assert!(matches!(error, CompactError::Files { .. }));
    assert!(files.copy().exists() && !files.pid().exists());
}

#[test]
fn too_many_bad_rows_stop_the_compaction_before_anything_is_removed() {
    let (_dir, files) = folder();
    let bad = "no row\n".repeat(MAX_CLEANUP_ROW_ERRORS as usize + 1);
    fs::write(files.copy(), row::HEADER.to_owned() + &bad).unwrap();
    let error = files.compact(|_| Ok(())).unwrap_err();
    assert!(matches!(error, CompactError::Load(LoadError::TooManyBadRows { line: 102, .. })));
    assert!(files.copy().exists() && files.previous().exists());
}

#[test]
fn bad_rows_are_skipped_counted_and_limited() {
    let (_dir, files) = folder();
    let long = "x".repeat(300_000);
    let text = file(&[row(1, 7), "bad\n".into(), "\n".into(), long + "\n", row(9, 8)]);
    fs::write(&files.base, text).unwrap();
    let store = MemoryStore::new(Arc::new(Journal::none()));
    let loaded = load(&files.base, 2, &store).unwrap();
    assert_eq!((loaded.bad_rows, loaded.rows), (2, 5));
    assert_eq!(loaded.told.iter().map(|bad| bad.line).collect::<Vec<_>>(), [3, 5]);
    assert_eq!(loaded.told[0].path, files.base);
    assert_eq!(store.len(), 4);
    let error = load(&files.base, 1, &store).unwrap_err();
    assert!(matches!(error, LoadError::TooManyBadRows { limit: 1, line: 5, .. }));
    fs::write(&files.base, "address,duid\n").unwrap();
    let error = load(&files.base, 0, &store).unwrap_err();
    assert!(error.to_string().contains("column 2 of the header is 'duid', expected 'hwaddr'"));
}

#[test]
fn the_files_of_a_cleaned_up_kea_are_read_together() {
    let dir = tempfile::tempdir().unwrap();
    let files = Files::new(&dir.path().join("leases.csv"));
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/leases");
    for version in ["2.2", "3"] {
        let name = data.join(format!("kea-{version}-compacted.csv"));
        fs::copy(&name, &files.base).unwrap();
        fs::copy(name.with_extension("csv.2"), files.previous()).unwrap();
        let addresses: Vec<u8> = known(&files).into_iter().map(|(last, _)| last).collect();
        assert_eq!(addresses, [60, 61, 100, 101, 103, 106]);
    }
}

#[test]
fn more_leases_than_are_in_memory_at_a_time_are_kept_once_each_as_they_were_last() {
    let (_dir, files) = folder();
    let count = LOAD_BATCH as u32 + 1000;
    let row = |number: u32, cltt_s: u32| {
        let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + number);
        format!("{address},02:00:00:00:00:01,,100,{},1,0,0,,0,,0\n", cltt_s + 100)
    };
    let first: Vec<String> = (0..count).map(|number| row(number, 1)).collect();
    let renewed = (0..count).rev().step_by(2).map(|number| row(number, 2));
    fs::write(files.previous(), file(&first)).unwrap();
    fs::write(files.copy(), file(&renewed.collect::<Vec<_>>())).unwrap();
    let mut compacted = Compacted::default();
    files.perform(Step::Rewrite, &mut compacted).unwrap();
    assert_eq!(
        (compacted.leases, compacted.loaded.rows),
        (count as usize, 3 * u64::from(count) / 2)
    );
    let text = fs::read_to_string(files.completed()).unwrap();
    let mut rows: Vec<&str> = text.lines().skip(1).collect();
    let mut expected: Vec<String> = (0..count).map(|number| row(number, 1 + number % 2)).collect();
    rows.sort_unstable();
    expected.sort_unstable();
    assert!(rows.into_iter().eq(expected.iter().map(|row| row.trim_end())));
}
