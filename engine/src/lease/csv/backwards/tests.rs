//! Backwards comes to the same as forwards.

use std::fmt::Write as _;
use std::fs;
use std::sync::Arc;

use super::*;
use crate::lease::LeaseStore;
use crate::lease::csv::{Journal, load, row};
use crate::lease::memory::MemoryStore;

/// What `text` in the files by their suffixes comes to, forwards and backwards on some numbers of threads.
fn both_ways(
    files: &[(&str, &str)],
    max_row_errors: u32,
) -> Result<(Vec<Lease4>, u64, u64), String> {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("leases.csv");
    for (suffix, text) in files {
        fs::write(folder.path().join(format!("leases.csv{suffix}")), text).unwrap();
    }
    let plain = MemoryStore::new(Arc::new(Journal::none()));
    let forwards = load(&base, max_row_errors, &plain).map_err(|error| error.to_string());
    for threads in [1, 2, 5] {
        let store = MemoryStore::new(Arc::new(Journal::none()));
        let take = |leases: &mut Vec<Lease4>| {
            for lease in &*leases {
                assert!(store.find(lease.address).is_none(), "an address is met once");
            }
            store.load_all(leases.drain(..));
        };
        let unread = Unread::open(&base, max_row_errors);
        let backwards =
            unread.and_then(|unread| unread.read(threads, &take, &AtomicBool::new(false)));
        match (&forwards, backwards) {
            (Err(one), Err(two)) => assert_eq!(*one, two.to_string()),
            (Ok(one), Ok(two)) => {
                assert_eq!(store.page(None, usize::MAX), plain.page(None, usize::MAX));
                assert_eq!(store.check(), Ok(()));
                let facts = |it: &Loaded| (it.rows, it.bad_rows, it.torn, it.other_schema);
                assert_eq!(facts(one), facts(&two));
                assert_eq!((one.told.len(), &one.files), (two.told.len(), &two.files));
            }
            (one, two) => panic!("{one:?}, {two:?}"),
        }
    }
    forwards.map(|it| (plain.page(None, usize::MAX), it.rows, it.bad_rows))
}

fn text(rows: impl IntoIterator<Item = String>) -> String {
    row::HEADER.to_owned() + &rows.into_iter().collect::<String>()
}

fn row(address: u32, client: u32, lifetime_s: u32) -> String {
    let address = Ipv4Addr::from_bits(0x0a00_0000 | address);
    format!(
        "{address},02:00:00:00:00:{:02x},,{lifetime_s},{},1,0,0,host-{client},0,,0\n",
        client % 256,
        1_000_000 + client
    )
}

#[test]
fn the_last_row_of_an_address_counts_whatever_file_it_is_in() {
    let mut lot = 7_u32;
    let mut many = |count: u32| {
        let mut rows = Vec::new();
        for client in 0..count {
            lot = lot.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            rows.push(row(lot >> 20, client, if lot.is_multiple_of(5) { 0 } else { 3600 }));
        }
        text(rows)
    };
    // More than a chunk, and several files.
    let (old, copy, new) = (many(20_000), many(5_000), many(40_000));
    assert!(new.len() as u64 > 2 * CHUNK);
    let (leases, rows, bad) = both_ways(&[(".2", &old), (".1", &copy), ("", &new)], 0).unwrap();
    assert_eq!((rows, bad), (65_000, 0));
    assert!(leases.len() > 1000);
}

#[test]
fn what_cannot_be_read_is_told_of_as_it_is_forwards() {
    let good = || [row(1, 1, 60), row(2, 2, 60)].concat();
    let long = format!("10.0.0.9,{}\n", "a".repeat(3 * CHUNK as usize));
    let mut bad = text([]);
    for line in ["no row\n", "10.0.0.300,x\n", "\n", "10.0.0.1,zz,,1,1,1,0,0,,0,,0\n"] {
        write!(bad, "{}{line}", good()).unwrap();
    }
    bad += &long;
    bad += &good();
    let (leases, rows, bad_rows) = both_ways(&[("", &bad)], 0).unwrap();
    assert_eq!((leases.len(), rows, bad_rows), (2, 10, 4));
    assert!(both_ways(&[("", &bad)], 3).unwrap_err().contains("more than 3 bad rows"));
    // As the last line, and as the only one.
    assert_eq!(both_ways(&[("", &text([good(), long.clone()]))], 0).unwrap().2, 1);
    assert_eq!(both_ways(&[("", &text([long]))], 0).unwrap().2, 1);
}

#[test]
fn headers_torn_rows_and_empty_files_are_what_they_are_forwards() {
    let torn = text([row(1, 1, 60), "10.0.0.2,02:00".into()]);
    assert_eq!(both_ways(&[("", &torn)], 0).unwrap().1, 1);
    assert_eq!(both_ways(&[("", ""), (".2", row::HEADER)], 0).unwrap().1, 0);
    assert_eq!(both_ways(&[], 0).unwrap().1, 0);
    let of_old = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname\n\
                  10.0.0.1,02:00:00:00:00:01,,60,1000,1,0,0,\n";
    assert_eq!(both_ways(&[(".completed", of_old), ("", &torn)], 0).unwrap().1, 2);
    assert!(both_ways(&[("", "dear diary,\n")], 0).unwrap_err().contains("no DHCPv4 lease file"));
}
