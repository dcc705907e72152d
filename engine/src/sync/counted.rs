//! Locks that note, for the threads that ask for it, who took them where, who had to wait, and for how long they were
//! held: for tests of the crate alone.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;

use crate::packet::thread_cpu_ns;

/// Where a lock is taken: file and line.
pub(crate) type Place = (&'static str, u32);

/// What was noted at one place.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Profile {
    /// How often a lock was taken there.
    pub(crate) taken: u64,
    /// How often somebody else had it.
    pub(crate) waited: u64,
    /// Nanoseconds of the thread's own time for which it was held at most: what other threads did meanwhile on the
    /// same core is not its fault.
    pub(crate) longest_ns: u64,
}

static TOTAL: parking_lot::Mutex<BTreeMap<Place, Profile>> =
    parking_lot::Mutex::new(BTreeMap::new());

/// What one thread notes; added to the total when it ends.
struct Ledger {
    places: BTreeMap<Place, Profile>,
    /// Locks that it holds now.
    held: usize,
}

thread_local! {
    static LEDGER: RefCell<Option<Ledger>> = const { RefCell::new(None) };
}

/// From now on what the calling thread locks is noted.
pub(crate) fn note_this_thread() {
    LEDGER.with_borrow_mut(|ledger| {
        ledger.get_or_insert_with(|| Ledger { places: BTreeMap::new(), held: 0 });
    });
}

/// What threads that have ended noted.
pub(crate) fn total() -> BTreeMap<Place, Profile> {
    TOTAL.lock().clone()
}

/// How many locks the calling thread holds, if that is noted.
pub(crate) fn held() -> usize {
    LEDGER.try_with(|it| it.borrow().as_ref().map_or(0, |ledger| ledger.held)).unwrap_or(0)
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let mut total = TOTAL.lock();
        for (place, more) in &self.places {
            let all = total.entry(*place).or_default();
            all.taken += more.taken;
            all.waited += more.waited;
            all.longest_ns = all.longest_ns.max(more.longest_ns);
        }
    }
}

fn with_ledger<R>(act: impl FnOnce(&mut Ledger) -> R) -> Option<R> {
    LEDGER.try_with(|it| it.borrow_mut().as_mut().map(act)).ok().flatten()
}

/// As parking_lot's.
#[derive(Default)]
pub struct Mutex<T: ?Sized>(parking_lot::Mutex<T>);

/// As parking_lot's.
pub struct MutexGuard<'a, T: ?Sized> {
    guard: parking_lot::MutexGuard<'a, T>,
    /// Where it was taken and when, if that is noted.
    since: Option<(Place, u64)>,
}

impl<T> Mutex<T> {
    /// A lock around `value`.
    pub const fn new(value: T) -> Self {
        Self(parking_lot::Mutex::new(value))
    }

    /// What was behind it.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits for the lock.
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let caller = Location::caller();
        let place = (caller.file(), caller.line());
        let tried = self.0.try_lock();
        let waits = tried.is_none();
        let guard = tried.unwrap_or_else(|| self.0.lock());
        let noted = with_ledger(|ledger| {
            let profile = ledger.places.entry(place).or_default();
            profile.taken += 1;
            profile.waited += u64::from(waits);
            ledger.held += 1;
        });
        MutexGuard { guard, since: noted.map(|()| (place, thread_cpu_ns())) }
    }

    /// Takes the lock if nobody has it: nobody waits for that, so it is not noted.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        Some(MutexGuard { guard: self.0.try_lock()?, since: None })
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        let Some((place, since)) = self.since else { return };
        let held_ns = thread_cpu_ns() - since;
        with_ledger(|ledger| {
            let profile = ledger.places.entry(place).or_default();
            profile.longest_ns = profile.longest_ns.max(held_ns);
            ledger.held -= 1;
        });
    }
}
