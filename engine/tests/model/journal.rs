//! The journal's pen: rows in change order, each one once, and a proof of writing proves it.

use std::sync::Arc;

use engine::lease::csv::{Durability, Ink, Journal, claim, load};
use engine::lease::memory::MemoryStore;
use engine::lease::{
    Change, ChangeKind, ChangeNumber, ChangeSink, Lease4, LeaseStore, Origin, Overwrite,
};
use engine::sync::atomic::{AtomicU64, Ordering};
use engine::sync::{Mutex, Queue};
use shuttle::thread;

use crate::check;
use crate::paper::{Paper, address, lease};

/// A journal on paper, and what draws its numbers.
struct Desk {
    journal: Journal,
    paper: Paper,
    last: AtomicU64,
}

fn desk(paper: Paper) -> Arc<Desk> {
    let journal = Journal::with_ink(Box::new(paper.clone()), 0, Durability::Disk);
    Arc::new(Desk { journal, paper, last: AtomicU64::new(0) })
}

impl Desk {
    /// Draws the next number and records a change of the address that ends with it.
    fn change(&self) -> u64 {
        let number = self.last.fetch_add(1, Ordering::SeqCst) + 1;
        self.journal.record(&Change {
            number: ChangeNumber(number),
            kind: ChangeKind::Added,
            lease: &lease(1, u8::try_from(number).expect("few changes")),
            before: None,
            origin: Origin::Partner,
        });
        number
    }

    /// Changes and writes, again and again until the file took it.
    fn change_and_write(&self) {
        let number = self.change();
        loop {
            let Ok(written) = self.journal.write_through(ChangeNumber(number)) else { continue };
            assert!(written.number().0 >= number);
            self.covers(written.number().0);
            self.is_on_disk(number);
            return;
        }
    }

    /// Every change up to `number` is in the file, in order.
    fn covers(&self, number: u64) {
        let rows = self.paper.rows_so_far();
        for (place, row) in rows.iter().enumerate() {
            assert_eq!(usize::from(row.octets()[3]), place + 1, "rows out of order: {rows:?}");
        }
        assert!(rows.len() as u64 >= number, "{number} is said to be written: {rows:?}");
    }

    /// A loss of power now leaves the rows of all changes up to `number`.
    fn is_on_disk(&self, number: u64) {
        let rows = self.paper.rows_on_disk() as u64;
        assert!(rows >= number, "{number} is said to be on disk: {rows} rows are");
    }

    fn whole(&self) {
        let count = self.last.load(Ordering::SeqCst);
        assert_eq!(self.paper.addresses().len() as u64, count);
        self.covers(count);
        assert_eq!(self.journal.unwritten(), 0);
    }
}

fn race(desk: &Arc<Desk>, threads: usize, changes: usize) {
    let threads: Vec<_> = (0..threads)
        .map(|_| {
            let desk = Arc::clone(desk);
            thread::spawn(move || (0..changes).for_each(|_| desk.change_and_write()))
        })
        .collect();
    for thread in threads {
        thread.join().expect("no thread panics");
    }
}

#[test]
fn three_threads_write_through_in_change_order() {
    check(800, || {
        let desk = desk(Paper::default());
        race(&desk, 3, 2);
        desk.whole();
    });
}

#[test]
fn failed_writes_tear_nothing_and_lose_nothing() {
    check(800, || {
        let desk = desk(Paper::failing(2));
        race(&desk, 3, 1);
        desk.whole();
    });
}

#[test]
fn what_a_failed_sync_was_for_is_written_and_synced_again() {
    check(800, || {
        let desk = desk(Paper::failing_to_sync(2));
        race(&desk, 3, 1);
        desk.whole();
    });
}

/// Workers give their rows to the kernel and leave the rest to one thread, which syncs for all of them.
#[test]
fn one_sync_serves_all_whose_rows_were_there() {
    check(800, || {
        let desk = desk(Paper::failing_to_sync(1));
        let left = Arc::new(Queue::new());
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let (desk, left) = (Arc::clone(&desk), Arc::clone(&left));
                thread::spawn(move || {
                    for _ in 0..2 {
                        let number = desk.change();
                        let written = desk.journal.append_through(ChangeNumber(number));
                        match written.expect("the kernel takes everything") {
                            true => desk.is_on_disk(number),
                            false => left.push(number),
                        }
                    }
                })
            })
            .collect();
        let mut sync = || {
            let numbers: Vec<_> = std::iter::from_fn(|| left.pop()).collect();
            let Some(last) = numbers.iter().max() else { return };
            while desk.journal.write_through(ChangeNumber(*last)).is_err() {}
            numbers.into_iter().for_each(|number| desk.is_on_disk(number));
        };
        sync();
        for worker in workers {
            worker.join().expect("no panic");
        }
        sync();
        desk.whole();
    });
}

/// The fault: an answer is given once the kernel has the row.
#[test]
#[should_panic(expected = "is said to be on disk")]
fn an_answer_before_the_sync_is_found_out() {
    check(100, || {
        let desk = desk(Paper::default());
        let number = desk.change();
        desk.journal.append_through(ChangeNumber(number)).expect("nothing fails");
        desk.is_on_disk(number);
    });
}

#[test]
fn what_is_recorded_by_those_who_do_not_write_is_written_by_others() {
    check(800, || {
        let desk = desk(Paper::default());
        let other = Arc::clone(&desk);
        let silent = thread::spawn(move || (other.change(), other.change()));
        race(&desk, 2, 1);
        silent.join().expect("no panic");
        desk.journal.flush().expect("nothing fails");
        desk.whole();
    });
}

/// Two workers on one address: the last row of the file is what the store has.
#[test]
fn the_file_ends_with_what_the_store_has() {
    check(600, || {
        let paper = Paper::default();
        let journal = Arc::new(Journal::with_ink(Box::new(paper.clone()), 0, Durability::Kernel));
        let store = Arc::new(MemoryStore::new(journal.clone()));
        let worker = |client: u8| {
            let (store, journal) = (Arc::clone(&store), Arc::clone(&journal));
            thread::spawn(move || {
                let lease = Lease4 { subnet_id: client.into(), ..lease(client, 1) };
                store.apply(lease, Overwrite::Always, Origin::Partner);
                let version = store.version(address(1)).expect("written before");
                journal.write_through(version).expect("nothing fails");
            })
        };
        for thread in [worker(1), worker(2)] {
            thread.join().expect("no panic");
        }
        journal.flush().expect("nothing fails");
        let last = store.find(address(1)).expect("written").lease;
        let rows = paper.text();
        let last_row = rows.lines().last().expect("two rows");
        assert_eq!(last_row.split(',').nth(5), Some(last.subnet_id.to_string().as_str()));
    });
}

/// On a real file, since compaction moves it.
#[test]
fn compaction_beside_writing_loses_nothing() {
    check(60, || {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("leases.csv");
        let claim = claim(&file, &[]).expect("nobody else");
        let journal = Arc::new(Journal::open(claim, Durability::Kernel).expect("a new file"));
        let store = Arc::new(MemoryStore::new(journal.clone()));
        let worker = |first: u8| {
            let (store, journal) = (Arc::clone(&store), Arc::clone(&journal));
            thread::spawn(move || {
                for last in first..first + 2 {
                    store.apply(lease(last, last), Overwrite::Always, Origin::Partner);
                    let version = store.version(address(last)).expect("written before");
                    journal.write_through(version).expect("nothing fails");
                }
            })
        };
        let threads = [worker(1), worker(3)];
        journal.compact().expect("nothing fails");
        for thread in threads {
            thread.join().expect("no panic");
        }
        let again = MemoryStore::new(Arc::new(Journal::none()));
        load(&file, 0, &again).expect("files that can be read");
        assert_eq!(again.page(None, 9), store.page(None, 9));
    });
}

/// The fault: everybody writes what they find in the queue, without a pen.
#[test]
#[should_panic(expected = "rows out of order")]
fn writing_without_the_pen_is_found_out() {
    check(1000, || {
        let paper = Paper::default();
        let queue = Arc::new(Queue::new());
        let last = Arc::new(Mutex::new(0_u8));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (queue, last, mut ink) = (queue.clone(), last.clone(), paper.clone());
                thread::spawn(move || {
                    let mut number = last.lock();
                    *number += 1;
                    queue.push(format!("192.0.2.{},\n", *number));
                    drop(number);
                    while let Some(row) = queue.pop() {
                        ink.append(row.as_bytes()).expect("nothing fails");
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("no thread panics");
        }
        let text = paper.text();
        assert_eq!(text, "192.0.2.1,\n192.0.2.2,\n", "rows out of order");
    });
}
