//! Locks that note, for the threads that ask for it, who took them where, who had to wait, for how long they were
//! held, and whether that was across input or output: for tests of the crate alone.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use crate::packet::thread_cpu_ns;

/// Where a lock is taken: file and line.
pub(crate) type Place = (&'static str, u32);

/// What was noted at one place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profile {
    /// How often a lock was taken there.
    pub(crate) taken: u64,
    /// How often somebody else had it.
    pub(crate) waited: u64,
    /// For how many nanoseconds of the thread's own time it was held, in the order in which it was let go: what other threads
    /// did meanwhile on the same core is not its fault.
    pub(crate) held_ns: Vec<u64>,
}

/// What is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Who had to wait. The clock is not read: that takes longer than most locks are held, and others would wait for it.
    Waits,
    /// For how long locks were held as well.
    Times,
}

/// Who notes: threads of one test, or of one of its runs.
pub(crate) type Book = u32;

static TOTAL: parking_lot::Mutex<BTreeMap<(Book, Place), Profile>> =
    parking_lot::Mutex::new(BTreeMap::new());

/// Where somebody held a lock across input or output that a noted thread waits for elsewhere, if need be.
static ACROSS_IO: parking_lot::Mutex<Vec<Place>> = parking_lot::Mutex::new(Vec::new());

/// A noted thread took the lock, and would have waited for it.
const WAITED_FOR: u8 = 1;
/// Some thread held it across input or output.
const HELD_ACROSS_IO: u8 = 2;

/// What is known of one lock.
type Marks = Arc<AtomicU8>;

/// What the noting takes that it does not see itself, in nanoseconds: reading the clock, mostly.
#[derive(Clone, Copy, Debug, Default)]
struct Unseen {
    /// Within the time of a lock that is noted.
    own_ns: u64,
    /// Within that of a lock that is held meanwhile.
    around_ns: u64,
}

/// The book in which that is found out.
const OWN_BOOK: Book = Book::MAX - 2;

static UNSEEN: OnceLock<Unseen> = OnceLock::new();

/// What one thread notes; added to the total when it ends.
struct Ledger {
    book: Book,
    /// None: times are not noted.
    unseen: Option<Unseen>,
    paused: bool,
    places: BTreeMap<Place, Profile>,
}

thread_local! {
    static LEDGER: RefCell<Option<Ledger>> = const { RefCell::new(None) };
    /// The locks that this thread holds, and where it took them.
    static HELD: RefCell<Vec<(Place, Marks)>> = const { RefCell::new(Vec::new()) };
    /// Nanoseconds that the noting itself took in this thread: they are nobody's.
    static NOTING_NS: Cell<u64> = const { Cell::new(0) };
}

/// From now on what the calling thread locks is noted.
pub(crate) fn note_this_thread(book: Book, what: What) {
    let unseen = (what == What::Times).then(|| *UNSEEN.get_or_init(Unseen::measure));
    LEDGER.with_borrow_mut(|ledger| {
        ledger.get_or_insert_with(|| Ledger::new(book, unseen)).paused = false;
    });
}

/// What the calling thread locks is not noted for a while.
pub(crate) fn pause() {
    LEDGER.with_borrow_mut(|ledger| ledger.iter_mut().for_each(|it| it.paused = true));
}

/// What threads that have ended noted.
pub(crate) fn total(book: Book) -> BTreeMap<Place, Profile> {
    let total = TOTAL.lock();
    total.range((book, ("", 0))..(book + 1, ("", 0))).map(|(at, it)| (at.1, it.clone())).collect()
}

/// How many locks the calling thread holds.
pub(crate) fn held() -> usize {
    HELD.try_with(|held| held.borrow().len()).unwrap_or(0)
}

/// Where locks are taken that are held across input or output though noted threads wait for them.
pub(crate) fn held_across_io() -> Vec<Place> {
    ACROSS_IO.lock().clone()
}

/// The calling thread is about to read or write something that may take its time.
pub(crate) fn before_io() {
    let _ = HELD.try_with(|held| {
        held.borrow().iter().for_each(|one| mark(one, HELD_ACROSS_IO));
    });
}

/// Marks a lock, and tells if it now has both marks.
fn mark((place, marks): &(Place, Marks), more: u8) {
    let before = marks.fetch_or(more, Ordering::AcqRel);
    if before != before | more && before | more == WAITED_FOR | HELD_ACROSS_IO {
        ACROSS_IO.lock().push(*place);
    }
}

impl Ledger {
    fn new(book: Book, unseen: Option<Unseen>) -> Self {
        Self { book, unseen, paused: false, places: BTreeMap::new() }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let mut total = TOTAL.lock();
        for (place, more) in &mut self.places {
            let all = total.entry((self.book, *place)).or_default();
            all.taken += more.taken;
            all.waited += more.waited;
            all.held_ns.append(&mut more.held_ns);
        }
    }
}

impl Unseen {
    /// Finds out with locks under which nothing is done, by the shortest times: on a thread of its own, in a book that nobody
    /// reads.
    fn measure() -> Self {
        const TRIES: usize = 2000;
        let (outer, inner) = (Mutex::new(()), Mutex::new(()));
        let note = || {
            LEDGER.set(Some(Ledger::new(OWN_BOOK, Some(Self::default()))));
            for _ in 0..TRIES {
                drop(outer.lock());
            }
            for _ in 0..TRIES {
                let _held = outer.lock();
                drop(inner.lock());
            }
        };
        std::thread::scope(|scope| drop(scope.spawn(note).join()));
        let all = total(OWN_BOOK);
        let shortest: Vec<u64> =
            all.values().filter_map(|it| it.held_ns.iter().min().copied()).collect();
        let [own_ns, around_ns, _] = shortest[..] else { return Self::default() };
        Self { own_ns, around_ns: around_ns.saturating_sub(own_ns) }
    }
}

fn with_ledger<R>(act: impl FnOnce(&mut Ledger) -> R) -> Option<R> {
    let noting = |it: &RefCell<Option<Ledger>>| {
        it.borrow_mut().as_mut().filter(|ledger| !ledger.paused).map(act)
    };
    LEDGER.try_with(noting).ok().flatten()
}

/// As parking_lot's.
#[derive(Default)]
pub struct Mutex<T: ?Sized> {
    marks: OnceLock<Marks>,
    lock: parking_lot::Mutex<T>,
}

/// As parking_lot's.
pub struct MutexGuard<'a, T: ?Sized> {
    /// Gone only while the value is dropped.
    guard: Option<parking_lot::MutexGuard<'a, T>>,
    marks: Marks,
    noted: Option<Noted>,
}

/// A turn that is noted once the lock is free again.
#[derive(Clone, Copy)]
struct Noted {
    place: Place,
    waited: bool,
    /// When it began, and what the noting had taken by then.
    since: Option<(u64, u64)>,
}

impl<T> Mutex<T> {
    /// A lock around `value`.
    pub const fn new(value: T) -> Self {
        Self { marks: OnceLock::new(), lock: parking_lot::Mutex::new(value) }
    }

    /// What was behind it.
    pub fn into_inner(self) -> T {
        self.lock.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits for the lock.
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let place = place(Location::caller());
        let tried = self.lock.try_lock();
        let waited = tried.is_none();
        let guard = tried.unwrap_or_else(|| self.lock.lock());
        let times = with_ledger(|ledger| ledger.unseen.is_some());
        let began_ns = times.filter(|times| *times).map(|_| thread_cpu_ns());
        let marks = self.hold(place);
        let noted = times.map(|_| {
            mark(&(place, Arc::clone(&marks)), WAITED_FOR);
            let since = began_ns.map(|began_ns| {
                let now_ns = thread_cpu_ns();
                (now_ns, noting(now_ns - began_ns))
            });
            Noted { place, waited, since }
        });
        MutexGuard { guard: Some(guard), marks, noted }
    }

    /// Takes the lock if nobody has it: nobody waits for that, so it is not noted.
    #[track_caller]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let guard = self.lock.try_lock()?;
        let marks = self.hold(place(Location::caller()));
        Some(MutexGuard { guard: Some(guard), marks, noted: None })
    }

    fn hold(&self, place: Place) -> Marks {
        let marks = self.marks.get_or_init(Marks::default);
        let _ = HELD.try_with(|held| held.borrow_mut().push((place, Arc::clone(marks))));
        Arc::clone(marks)
    }
}

fn place(caller: &'static Location<'static>) -> Place {
    (caller.file(), caller.line())
}

/// Adds what the noting took, and tells what it took in all.
fn noting(more_ns: u64) -> u64 {
    NOTING_NS.try_with(|all| all.replace(all.get() + more_ns) + more_ns).unwrap_or(0)
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lock.fmt(f)
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.guard.as_ref().expect("there until the drop")
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.guard.as_mut().expect("there until the drop")
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        let since = self.noted.and_then(|noted| noted.since);
        let ended_ns = since.map(|_| thread_cpu_ns());
        // Nobody is to wait for the noting.
        self.guard = None;
        let _ = HELD.try_with(|held| {
            let mut held = held.borrow_mut();
            let at = held.iter().rposition(|(_, marks)| Arc::ptr_eq(marks, &self.marks));
            at.map(|at| held.remove(at))
        });
        let Some(Noted { place, waited, .. }) = self.noted else { return };
        let seen_ns = since.zip(ended_ns).map(|((since_ns, noted_ns), ended_ns)| {
            (ended_ns - since_ns).saturating_sub(noting(0) - noted_ns)
        });
        let around_ns = with_ledger(|ledger| {
            let unseen = ledger.unseen.unwrap_or_default();
            let profile = ledger.places.entry(place).or_default();
            profile.taken += 1;
            profile.waited += u64::from(waited);
            profile.held_ns.extend(seen_ns.map(|ns| ns.saturating_sub(unseen.own_ns)));
            unseen.around_ns
        });
        if let Some(ended_ns) = ended_ns {
            noting(thread_cpu_ns() - ended_ns + around_ns.unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_held_across_io_is_found_if_noted_threads_wait_for_it() {
        let (bad, good) = (Mutex::new(0), Mutex::new(0));
        {
            let _held = (bad.lock(), good.lock());
            before_io();
        }
        assert!(held() == 0 && !is_found());
        std::thread::scope(|scope| {
            let noted = scope.spawn(|| {
                note_this_thread(u32::MAX - 1, What::Waits);
                // Nobody waits for it so.
                drop(good.try_lock());
                drop(bad.lock());
            });
            // What a thread noted is told as it ends, which the scope alone does not wait for.
            noted.join().unwrap();
        });
        assert!(is_found());
        assert_eq!(total(u32::MAX - 1).len(), 1);
    }

    fn is_found() -> bool {
        held_across_io().iter().any(|(file, _)| file.ends_with("counted.rs"))
    }
}
