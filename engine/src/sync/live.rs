//! One value that is replaced as a whole while others read it: a configuration, a table of sockets. A reader takes
//! a snapshot with one atomic load and keeps it as long as it likes; nobody ever waits for a reader. Pure.

use std::sync::Arc;

use cell::Cell;

/// A value that is swapped in whole.
#[derive(Debug)]
pub struct Live<T>(Cell<T>);

impl<T> Live<T> {
    /// Holds `value` first.
    pub fn new(value: Arc<T>) -> Self {
        Self(Cell::new(value))
    }

    /// The value as it is now. Take it once for a piece of work that must see one value throughout.
    pub fn load(&self) -> Arc<T> {
        self.0.load()
    }

    /// Shows the value as it is now, for a moment: as [`Self::load`], without counting another holder of it, for which
    /// all readers would contend.
    pub fn look<R>(&self, at: impl FnOnce(&T) -> R) -> R {
        self.0.look(at)
    }

    /// Puts `value` in the place of the one that was there, which is returned.
    pub fn replace(&self, value: Arc<T>) -> Arc<T> {
        self.0.swap(value)
    }

    /// Replaces the value by what `change` makes of it; `change` is asked again if somebody else was quicker,
    /// so that no update is lost. Returns the value that was replaced.
    pub fn update(&self, change: impl Fn(&T) -> T) -> Arc<T> {
        let mut seen = self.load();
        loop {
            let new = Arc::new(change(&seen));
            match self.0.replace_if(&seen, new) {
                Ok(()) => return seen,
                Err(current) => seen = current,
            }
        }
    }
}

#[cfg(not(feature = "model"))]
mod cell {
    use std::sync::Arc;

    use arc_swap::ArcSwap;

    /// An atomic `Arc`.
    #[derive(Debug)]
    pub(super) struct Cell<T>(ArcSwap<T>);

    impl<T> Cell<T> {
        pub(super) fn new(value: Arc<T>) -> Self {
            Self(ArcSwap::new(value))
        }

        pub(super) fn load(&self) -> Arc<T> {
            self.0.load_full()
        }

        pub(super) fn look<R>(&self, at: impl FnOnce(&T) -> R) -> R {
            at(&self.0.load())
        }

        pub(super) fn swap(&self, value: Arc<T>) -> Arc<T> {
            self.0.swap(value)
        }

        /// Puts `new` in the place of `seen`, or says what is there instead.
        pub(super) fn replace_if(&self, seen: &Arc<T>, new: Arc<T>) -> Result<(), Arc<T>> {
            let before = self.0.compare_and_swap(seen, new);
            if Arc::ptr_eq(&before, seen) { Ok(()) } else { Err(Arc::clone(&before)) }
        }
    }
}

/// What `ArcSwap` promises, in the model checker's terms: each operation is one step.
#[cfg(feature = "model")]
mod cell {
    use std::sync::Arc;

    use super::super::Mutex;

    #[derive(Debug)]
    pub(super) struct Cell<T>(Mutex<Arc<T>>);

    impl<T> Cell<T> {
        pub(super) fn new(value: Arc<T>) -> Self {
            Self(Mutex::new(value))
        }

        pub(super) fn load(&self) -> Arc<T> {
            Arc::clone(&self.0.lock())
        }

        pub(super) fn look<R>(&self, at: impl FnOnce(&T) -> R) -> R {
            at(&self.load())
        }

        pub(super) fn swap(&self, value: Arc<T>) -> Arc<T> {
            std::mem::replace(&mut self.0.lock(), value)
        }

        pub(super) fn replace_if(&self, seen: &Arc<T>, new: Arc<T>) -> Result<(), Arc<T>> {
            let mut there = self.0.lock();
            if Arc::ptr_eq(&there, seen) {
                *there = new;
                return Ok(());
            }
            Err(Arc::clone(&there))
        }
    }
}

#[cfg(all(test, not(feature = "model")))]
mod tests {
    use super::*;

    #[test]
    fn readers_keep_what_they_took_and_no_update_is_lost() {
        let live = Live::new(Arc::new(0_u32));
        let taken = live.load();
        assert_eq!(*live.replace(Arc::new(5)), 0);
        assert_eq!((*taken, *live.load()), (0, 5));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..500).for_each(|_| drop(live.update(|n| n + 1))));
            }
        });
        assert_eq!(*live.load(), 2005);
    }
}
