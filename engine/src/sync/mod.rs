//! Locks, atomics, queues and swapped values, chosen once for the crate: parking_lot's, the standard library's,
//! crossbeam's and arc-swap's in the product, shuttle's under the feature `model`, so that the same code runs in
//! the model checker. Must not know what they guard.

#[cfg(all(test, not(feature = "model")))]
pub(crate) mod counted;
mod live;

pub use live::Live;

/// To be called before input or output that may take its time: in the crate's tests it is noted which locks are held then.
#[inline]
pub(crate) fn before_io() {
    #[cfg(all(test, not(feature = "model")))]
    counted::before_io();
}

#[cfg(all(test, not(feature = "model")))]
pub use counted::{Mutex, MutexGuard};
#[cfg(not(feature = "model"))]
pub use crossbeam::queue::SegQueue as Queue;
#[cfg(not(feature = "model"))]
pub use parking_lot::{Condvar, RwLock};
#[cfg(not(any(test, feature = "model")))]
pub use parking_lot::{Mutex, MutexGuard};
#[cfg(not(feature = "model"))]
pub use std::sync::atomic;
#[cfg(not(feature = "model"))]
pub use std::thread::yield_now;

#[cfg(feature = "model")]
pub use model::*;

/// Shuttle's primitives in the shape of parking_lot's (no poisoning).
#[cfg(feature = "model")]
mod model {
    pub use shuttle::sync::MutexGuard;
    pub use shuttle::sync::atomic;
    pub use shuttle::thread::yield_now;

    /// A queue of many writers and readers, first in first out.
    #[derive(Debug, Default)]
    pub struct Queue<T>(Mutex<std::collections::VecDeque<T>>);

    impl<T> Queue<T> {
        /// An empty queue.
        pub fn new() -> Self {
            Self(Mutex::new(std::collections::VecDeque::new()))
        }

        /// Appends `value`.
        pub fn push(&self, value: T) {
            self.0.lock().push_back(value);
        }

        /// Takes the first value.
        pub fn pop(&self) -> Option<T> {
            self.0.lock().pop_front()
        }
    }

    /// A mutual exclusion lock whose `lock` gives the guard itself.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        /// A lock around `value`.
        pub fn new(value: T) -> Self {
            Self(shuttle::sync::Mutex::new(value))
        }

        /// Waits for the lock.
        pub fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().expect("a model thread panicked under a lock")
        }

        /// Takes the lock if nobody holds it.
        pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }
    }

    /// A reader-writer lock without poisoning.
    #[derive(Debug, Default)]
    pub struct RwLock<T>(shuttle::sync::RwLock<T>);

    impl<T> RwLock<T> {
        /// A lock around `value`.
        pub fn new(value: T) -> Self {
            Self(shuttle::sync::RwLock::new(value))
        }

        /// Waits for shared access.
        pub fn read(&self) -> shuttle::sync::RwLockReadGuard<'_, T> {
            self.0.read().expect("a model thread panicked under a lock")
        }

        /// Waits for exclusive access.
        pub fn write(&self) -> shuttle::sync::RwLockWriteGuard<'_, T> {
            self.0.write().expect("a model thread panicked under a lock")
        }
    }

    /// A condition variable in parking_lot's shape.
    #[derive(Debug, Default)]
    pub struct Condvar(shuttle::sync::Condvar);

    impl Condvar {
        /// A condition variable nobody waits on.
        pub fn new() -> Self {
            Self(shuttle::sync::Condvar::new())
        }

        /// Wakes one waiter.
        pub fn notify_one(&self) {
            self.0.notify_one();
        }

        /// Wakes every waiter.
        pub fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}
