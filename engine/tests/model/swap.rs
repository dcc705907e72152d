//! The swap of a configuration: a piece of work sees one value, later looks see no older one, no update is lost.

use std::sync::Arc;

use engine::sync::Live;
use shuttle::thread;

use crate::check;

/// A configuration whose two halves belong together.
#[derive(Debug)]
struct Snapshot {
    version: u32,
    same: u32,
}

fn snapshot(version: u32) -> Snapshot {
    Snapshot { version, same: version }
}

#[test]
fn readers_see_whole_values_that_only_get_newer() {
    check(2000, || {
        let live = Arc::new(Live::new(Arc::new(snapshot(0))));
        let readers = [(); 2].map(|()| {
            let live = Arc::clone(&live);
            thread::spawn(move || {
                let mut newest = 0;
                for _ in 0..3 {
                    let taken = live.load();
                    thread::yield_now();
                    assert_eq!(taken.version, taken.same);
                    assert!(taken.version >= newest, "an older value came back");
                    newest = taken.version;
                }
            })
        });
        let replaced: Vec<u32> =
            (1..4).map(|version| live.replace(Arc::new(snapshot(version))).version).collect();
        assert_eq!(replaced, [0, 1, 2]);
        for reader in readers {
            reader.join().expect("no panic");
        }
    });
}

#[test]
fn no_update_is_lost_between_two_commands() {
    check(2000, || {
        let live = Arc::new(Live::new(Arc::new(snapshot(0))));
        let writers = [(); 3].map(|()| {
            let live = Arc::clone(&live);
            thread::spawn(move || live.update(|old| snapshot(old.version + 1)).version)
        });
        let mut replaced = writers.map(|writer| writer.join().expect("no panic"));
        replaced.sort_unstable();
        assert_eq!((replaced, live.load().version), ([0, 1, 2], 3));
    });
}

/// The fault: an update as a load and a replacement.
#[test]
#[should_panic(expected = "an update was lost")]
fn a_blind_replacement_is_found_out() {
    check(2000, || {
        let live = Arc::new(Live::new(Arc::new(snapshot(0))));
        let writers = [(); 2].map(|()| {
            let live = Arc::clone(&live);
            thread::spawn(move || {
                let version = live.load().version + 1;
                live.replace(Arc::new(snapshot(version)));
            })
        });
        for writer in writers {
            writer.join().expect("no panic");
        }
        assert_eq!(live.load().version, 2, "an update was lost");
    });
}
