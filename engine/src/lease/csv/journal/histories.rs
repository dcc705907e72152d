//! Random histories of changes, writes, compactions, crashes and restarts: what was written through is known
//! after any of them, and nothing else.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::super::{Durability, Journal, claim, load};
use super::tests::lease;
use crate::lease::memory::MemoryStore;
use crate::lease::{ChangeNumber, Lease4, LeaseStore, Origin, Overwrite};

#[derive(Clone, Debug)]
enum Event {
    Write {
        last: u8,
        cltt_s: u64,
    },
    Delete {
        last: u8,
    },
    Compact,
    Restart,
    /// The process ends within a write, which leaves so many bytes of a row.
    Crash {
        bytes: usize,
    },
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (1_u8..6, 0_u64..9).prop_map(|(last, cltt_s)| Event::Write { last, cltt_s }),
        2 => (1_u8..6).prop_map(|last| Event::Delete { last }),
        2 => Just(Event::Compact),
        1 => Just(Event::Restart),
        1 => (1_usize..40).prop_map(|bytes| Event::Crash { bytes }),
    ]
}

struct Server {
    journal: Arc<Journal>,
    store: MemoryStore,
}

/// A server's start on the file, in the order in which the server does it.
fn start(file: &Path) -> Server {
    let claim = claim(file, &[]).unwrap();
    let journal = Arc::new(Journal::open(claim, Durability::Kernel).unwrap());
    let store = MemoryStore::new(journal.clone());
    let loaded = load(file, 0, &store).unwrap();
    assert_eq!((loaded.bad_rows, loaded.torn), (0, false));
    Server { journal, store }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_restart_knows_exactly_what_was_written(
        history in proptest::collection::vec(events(), 1..40)
    ) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("leases.csv");
        let mut server = start(&file);
        for event in history {
            let mut number = ChangeNumber(0);
            match event {
                Event::Write { last, cltt_s } => {
                    let lease = Lease4 { cltt_s, ..lease(last) };
                    let address = lease.address;
                    server.store.apply(lease, Overwrite::Always, Origin::Partner);
                    number = server.store.version(address).unwrap();
                }
                Event::Delete { last } => {
                    let deleted = server.store.delete(lease(last).address, Origin::Administrator);
                    number = deleted.map_or(number, |it| it.version);
                }
                Event::Compact => drop(server.journal.compact().unwrap()),
                Event::Restart | Event::Crash { .. } => {
                    let known = server.store.page(None, 100);
                    drop(server);
                    if let Event::Crash { bytes } = event {
                        let mut text = std::fs::read(&file).unwrap();
                        text.extend_from_slice(&b"192.0.2.1,02:00:00:00:00:01,,100,1100,1"[..bytes - 1]);
                        std::fs::write(&file, text).unwrap();
                    }
                    server = start(&file);
                    prop_assert_eq!(server.store.page(None, 100), known);
                }
            }
            server.journal.write_through(number).unwrap();
        }
        let known = server.store.page(None, 100);
        drop(server);
        prop_assert_eq!(start(&file).store.page(None, 100), known);
    }
}
