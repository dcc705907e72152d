//! A worker's queue: what is pushed is taken or dropped, in order, and a sleeping worker is woken.

use std::sync::Arc;

use engine::worker::queue::Queue;
use shuttle::sync::{Condvar, Mutex};
use shuttle::thread;

use crate::check;

/// The poll that a worker sleeps in.
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.rung.lock().expect("no panic") = true;
        self.changed.notify_one();
    }

    fn wait(&self) {
        let mut rung = self.rung.lock().expect("no panic");
        while !*rung {
            rung = self.changed.wait(rung).expect("no panic");
        }
        *rung = false;
    }
}

const PRODUCERS: u32 = 2;
const EACH: u32 = 3;

/// Takes until as many are taken as were not dropped; what wakes it is `prepare`'s and `push`'s business.
fn history(capacity: usize, wakes: bool) {
    let queue = Arc::new(Queue::new(capacity));
    let bell = Arc::new(Bell::default());
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|producer| {
            let (queue, bell) = (Arc::clone(&queue), Arc::clone(&bell));
            thread::spawn(move || {
                let mut dropped = Vec::new();
                let mut items: Vec<u32> = (0..EACH).map(|item| producer * 10 + item).collect();
                let mut rest = items.split_off(1);
                for batch in [&mut items, &mut rest] {
                    if queue.push(batch, &mut dropped) && wakes {
                        bell.ring();
                    }
                }
                dropped
            })
        })
        .collect();
    let taker = {
        let (queue, bell) = (Arc::clone(&queue), Arc::clone(&bell));
        thread::spawn(move || {
            let mut taken = Vec::new();
            // The last item pushed is never dropped, so each producer's last or a later item comes.
            loop {
                queue.take(2, &mut taken);
                if taken.contains(&STOP) {
                    return taken;
                }
                if queue.prepare_sleep() {
                    bell.wait();
                    queue.awake();
                }
            }
        })
    };
    let mut dropped = Vec::new();
    for producer in producers {
        dropped.extend(producer.join().expect("no panic"));
    }
    if queue.push(&mut vec![STOP], &mut dropped) && wakes {
        bell.ring();
    }
    let mut taken = taker.join().expect("no panic");
    queue.take(9, &mut taken);
    adds_up(taken, dropped, capacity);
}

/// What ends a history.
const STOP: u32 = 99;

fn adds_up(taken: Vec<u32>, dropped: Vec<u32>, capacity: usize) {
    for producer in 0..PRODUCERS {
        let own: Vec<u32> = taken.iter().copied().filter(|item| item / 10 == producer).collect();
        assert!(own.is_sorted(), "out of order: {own:?}");
    }
    if capacity > (PRODUCERS * EACH) as usize {
        assert!(dropped.is_empty());
    }
    let mut all = [taken, dropped].concat();
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 10, 11, 12, STOP]);
}

#[test]
fn what_is_pushed_is_taken_or_dropped() {
    check(800, || history(2, true));
}

#[test]
fn with_room_nothing_is_dropped_and_nobody_sleeps_for_ever() {
    check(800, || history(9, true));
}

/// The fault: a push that wakes nobody.
#[test]
#[should_panic(expected = "deadlock")]
fn a_worker_that_is_not_woken_is_found_out() {
    check(1000, || history(9, false));
}
