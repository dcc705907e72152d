//! A worker's bounded queue: full means that the oldest goes, of those that yield first. Many threads add, one takes.
//!
//! A lock around a ring, and not a lock-free queue, because producers hand over a whole batch at once: one short
//! lock for each (batch, worker) pair costs less than an atomic exchange for each packet, *the oldest* is
//! exact, whether the taker sleeps is known under the same lock, and the model checker runs this very code.
//!
//! Pure but for its lock. Must not know what it holds.

use std::collections::VecDeque;

use crate::sync::Mutex;
use crate::sync::atomic::{AtomicUsize, Ordering};

/// A bounded queue of `T` between many producers and one taker that sleeps on something else (a poll).
///
/// The taker's call order: [`Queue::take`] until it gives nothing, then [`Queue::prepare_sleep`]; if that says
/// true, sleep until woken, then [`Queue::awake`]. Whoever is told so by [`Queue::push`] wakes the taker.
#[derive(Debug)]
pub struct Queue<T> {
    ring: Mutex<Ring<T>>,
    capacity: usize,
    yields: fn(&T) -> bool,
    /// A hint for readers without the lock.
    length: AtomicUsize,
}

#[derive(Debug)]
struct Ring<T> {
    items: VecDeque<T>,
    /// Those that yield: taken last, dropped first.
    yielding: VecDeque<T>,
    sleeping: bool,
}

impl<T> Queue<T> {
    /// An empty queue for at most `capacity` items (at least one), which are all alike.
    pub fn new(capacity: usize) -> Self {
        Self::with_yielding(capacity, |_| false)
    }

    /// As [`Self::new`], for items some of which yield to the others: they are taken after them and dropped before.
    pub fn with_yielding(capacity: usize, yields: fn(&T) -> bool) -> Self {
        let (items, yielding) = (VecDeque::new(), VecDeque::new());
        let ring = Mutex::new(Ring { items, yielding, sleeping: false });
        Self { ring, capacity: capacity.max(1), yields, length: AtomicUsize::new(0) }
    }

    /// How many items fit.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many items there were a moment ago.
    pub fn len(&self) -> usize {
        self.length.load(Ordering::Relaxed)
    }

    /// Whether there was nothing a moment ago.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds all of `items` in their order and empties it; what finds no room pushes the oldest out, into
    /// `dropped`; one that yields pushes out none that does not, and goes itself if need be. True if the taker
    /// sleeps and the caller must wake it.
    #[must_use]
    pub fn push(&self, items: &mut Vec<T>, dropped: &mut Vec<T>) -> bool {
        if items.is_empty() {
            return false;
        }
        let mut ring = self.ring.lock();
        for item in items.drain(..) {
            if (self.yields)(&item) {
                ring.yielding.push_back(item);
            } else {
                ring.items.push_back(item);
            }
            if ring.len() > self.capacity {
                let oldest = ring.yielding.pop_front();
                dropped.extend(oldest.or_else(|| ring.items.pop_front()));
            }
        }
        self.length.store(ring.len(), Ordering::Relaxed);
        std::mem::take(&mut ring.sleeping)
    }

    /// Moves at most `limit` items, the oldest first, to the end of `into`.
    pub fn take(&self, limit: usize, into: &mut Vec<T>) {
        let mut ring = self.ring.lock();
        let count = limit.min(ring.items.len());
        into.extend(ring.items.drain(..count));
        let more = (limit - count).min(ring.yielding.len());
        into.extend(ring.yielding.drain(..more));
        self.length.store(ring.len(), Ordering::Relaxed);
    }

    /// Whether the taker may sleep: if so, the next push asks for it to be woken. False if there is something to
    /// take.
    #[must_use]
    pub fn prepare_sleep(&self) -> bool {
        let mut ring = self.ring.lock();
        ring.sleeping = ring.len() == 0;
        ring.sleeping
    }

    /// The taker is awake again, for whatever reason: pushes need not wake it.
    pub fn awake(&self) {
        self.ring.lock().sleeping = false;
    }
}

impl<T> Ring<T> {
    fn len(&self) -> usize {
        self.items.len() + self.yielding.len()
    }
}

#[cfg(all(test, not(feature = "model")))]
mod tests {
    use super::*;

    fn push(queue: &Queue<u32>, items: &[u32]) -> (Vec<u32>, bool) {
        let mut dropped = Vec::new();
        let wake = queue.push(&mut items.to_vec(), &mut dropped);
        (dropped, wake)
    }

    #[test]
    fn a_full_queue_loses_its_oldest_and_keeps_the_order() {
        let queue = Queue::new(3);
        assert_eq!(push(&queue, &[1, 2]), (vec![], false));
        assert_eq!(push(&queue, &[3, 4, 5]), (vec![1, 2], false));
        assert_eq!(queue.len(), 3);
        let mut taken = Vec::new();
        queue.take(2, &mut taken);
        queue.take(9, &mut taken);
        assert_eq!(taken, [3, 4, 5]);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_batch_larger_than_the_queue_keeps_its_newest() {
        let queue = Queue::new(2);
        assert_eq!(push(&queue, &[1, 2, 3, 4, 5]).0, [1, 2, 3]);
    }

    #[test]
    fn what_yields_is_dropped_first_and_taken_last() {
        let queue = Queue::with_yielding(3, |item: &u32| *item >= 100);
        assert_eq!(push(&queue, &[101, 1, 102]), (vec![], false));
        assert_eq!(push(&queue, &[2, 103]).0, [101, 102]);
        assert_eq!(push(&queue, &[3, 104]).0, [103, 104]);
        assert_eq!(push(&queue, &[4]).0, [1]);
        let mut taken = Vec::new();
        queue.take(1, &mut taken);
        assert_eq!(push(&queue, &[105]), (vec![], false));
        queue.take(9, &mut taken);
        assert_eq!(taken, [2, 3, 4, 105]);
    }

    #[test]
    fn only_a_sleeping_taker_is_woken_and_only_once() {
        let queue = Queue::new(4);
        assert!(queue.prepare_sleep());
        assert!(push(&queue, &[1]).1);
        assert!(!push(&queue, &[2]).1);
        assert!(!queue.prepare_sleep(), "there is something to take");
        queue.take(9, &mut Vec::new());
        assert!(queue.prepare_sleep());
        queue.awake();
        assert!(!push(&queue, &[3]).1);
    }

    #[test]
    fn nothing_is_lost_between_threads() {
        let queue = Queue::new(100_000);
        let mut taken = Vec::new();
        std::thread::scope(|scope| {
            for producer in 0..4_u32 {
                let queue = &queue;
                scope.spawn(move || {
                    for i in 0..1000 {
                        assert!(push(queue, &[producer * 1000 + i]).0.is_empty());
                    }
                });
            }
            while taken.len() < 4000 {
                queue.take(7, &mut taken);
                std::thread::yield_now();
            }
        });
        for producer in 0..4 {
            let own: Vec<_> = taken.iter().filter(|i| *i / 1000 == producer).collect();
            assert!(own.is_sorted());
        }
        taken.sort_unstable();
        assert!(taken.iter().copied().eq(0..4000));
    }
}
