//! The journal (*shell*): every change of a lease becomes a row of Kea's lease file, in change order.
//!
//! A change is recorded under its address's lock: its row is put on a tray. Before a reply is sent, its thread
//! calls [`Journal::write_through`]: whoever holds the pen writes everything that is queued with one write,
//! and those who waited for the pen mostly find their rows written. What was written is attested by
//! [`Written`]. A write that fails is cut back to the last whole row; its rows stay for the next attempt.
//!
//! If a row counts only once the disk has it, one sync is under way at a time, and not under the pen: rows are
//! written meanwhile, and the next sync is for all of them.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use self::pen::Pen;

use super::claim::Claim;
use super::files::{CompactError, Compacted, Files};
use super::ink::Ink;
use super::row;
use super::trays::Trays;
use crate::lease::{Change, ChangeKind, ChangeNumber, ChangeSink, Origin};
use crate::limits::{MAX_JOURNAL_GAP_TURNS, MAX_UNWRITTEN_ROWS};
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Mutex, MutexGuard, yield_now};

#[cfg(test)]
mod histories;
mod pen;
#[cfg(test)]
mod tests;

/// When a row counts as written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Once the kernel has it: survives the end of this process.
    #[default]
    Kernel,
    /// Once the disk has it: survives a loss of power.
    Disk,
}

/// Proof that every change up to a number is written, made by [`Journal::write_through`] alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written(ChangeNumber);

impl Written {
    /// The number up to which all changes are written.
    pub const fn number(self) -> ChangeNumber {
        self.0
    }
}

/// Why changes are not written. They are kept and tried again by the next [`Journal::write_through`].
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file took no more, or not for sure (local: disk full, I/O error).
    #[error("cannot write to the lease file: {0}")]
    Write(#[source] io::Error),
    /// A change below the number was drawn but never recorded.
    #[error("change {} was not recorded", .0.0)]
    Gap(ChangeNumber),
}

/// The lease file cannot be opened for writing.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the lease file {}: {source}", path.display())]
pub struct OpenError {
    /// The file.
    pub path: PathBuf,
    /// What failed.
    #[source]
    pub source: io::Error,
}

/// The lease file as the server writes it. Callable from every thread.
pub struct Journal {
    desk: Option<Desk>,
}

/// What a journal with a file consists of.
struct Desk {
    trays: Trays,
    /// Rows that are recorded and not written yet.
    unwritten: AtomicUsize,
    /// The last change that came from the files themselves.
    loaded: AtomicU64,
    /// The last change up to which all rows are in the file; they may be taken back.
    appended: AtomicU64,
    written: AtomicU64,
    durability: Durability,
    /// Held while a sync is under way, and taken before the pen.
    seal: Mutex<()>,
    pen: Mutex<Pen>,
    files: Option<Claimed>,
}

/// The files that compaction works on, and the right to.
struct Claimed {
    files: Files,
    _claim: Claim,
    compacting: Mutex<()>,
    /// Opening cut off a torn last line.
    torn: bool,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("unwritten", &self.unwritten()).finish_non_exhaustive()
    }
}

impl Journal {
    /// No file (`persist: false`): everything counts as written.
    pub const fn none() -> Self {
        Self { desk: None }
    }

    /// Opens the claimed file for appending: a torn last line is cut off, and a file of another schema moved
    /// aside for the compaction that is due then.
    pub fn open(claim: Claim, durability: Durability) -> Result<Self, OpenError> {
        let files = Files::new(claim.file());
        let opened = files.open_for_append(durability);
        let opened =
            opened.map_err(|source| OpenError { path: claim.file().to_owned(), source })?;
        let compacting = Mutex::new(());
        let claimed = Claimed { files, _claim: claim, compacting, torn: opened.torn };
        Ok(Self::at_desk(Arc::new(opened.ink), opened.length, durability, Some(claimed)))
    }

    /// Whether opening cut off a last line that was not whole.
    pub fn was_torn(&self) -> bool {
        let files = self.desk.as_ref().and_then(|desk| desk.files.as_ref());
        files.is_some_and(|files| files.torn)
    }

    /// A journal on something else than claimed files, which holds `length` bytes already. There is nothing
    /// to compact.
    pub fn with_ink(ink: Box<dyn Ink>, length: u64, durability: Durability) -> Self {
        Self::at_desk(ink.into(), length, durability, None)
    }

    fn at_desk(
        ink: Arc<dyn Ink>,
        length: u64,
        durability: Durability,
        files: Option<Claimed>,
    ) -> Self {
        let desk = Desk {
            trays: Trays::new(),
            unwritten: AtomicUsize::new(0),
            loaded: AtomicU64::new(0),
            appended: AtomicU64::new(0),
            written: AtomicU64::new(0),
            durability,
            seal: Mutex::new(()),
            pen: Mutex::new(Pen::new(ink, length)),
            files,
        };
        Self { desk: Some(desk) }
    }

    /// Writes every change up to `number`, which the caller has seen made (so it is recorded). Waits only while
    /// another thread holds the pen, is about to record an earlier change, or has a sync under way.
    pub fn write_through(&self, number: ChangeNumber) -> Result<Written, JournalError> {
        let Some(desk) = &self.desk else { return Ok(Written(number)) };
        if let Some(written) = desk.covers(number) {
            return Ok(written);
        }
        match desk.durability {
            Durability::Kernel => {
                desk.append(&mut desk.pen.lock(), number)?;
            }
            Durability::Disk => desk.sync(&desk.seal.lock(), number)?,
        }
        desk.covers(number).ok_or(JournalError::Gap(number))
    }

    /// Gives every change up to `number` to the kernel, and waits for neither a disk nor the pen: says whether they count
    /// as written. If not, [`Self::write_through`] is still to be called before anybody is told of them.
    pub fn append_through(&self, number: ChangeNumber) -> Result<bool, JournalError> {
        let Some(desk) = &self.desk else { return Ok(true) };
        if desk.appended.load(Ordering::Acquire) < number.0 {
            let Some(mut pen) = desk.pen.try_lock() else { return Ok(false) };
            desk.append(&mut pen, number)?;
        }
        Ok(desk.covers(number).is_some())
    }

    /// Rows that are recorded and not written yet.
    pub fn unwritten(&self) -> usize {
        self.desk.as_ref().map_or(0, |desk| desk.unwritten.load(Ordering::Acquire))
    }

    /// Whether there is room for another batch of changes. While the file takes no rows, queries are to be
    /// dropped once this is false; those under way find room above the limit.
    pub fn has_room(&self) -> bool {
        self.unwritten() < MAX_UNWRITTEN_ROWS
    }

    /// Writes everything that is recorded. Also done when the journal is dropped, without a way to tell of errors.
    pub fn close(self) -> Result<(), JournalError> {
        self.flush()
    }

    /// Writes everything that is recorded.
    pub fn flush(&self) -> Result<(), JournalError> {
        let Some(desk) = &self.desk else { return Ok(()) };
        match desk.durability {
            Durability::Kernel => desk.append(&mut desk.pen.lock(), ChangeNumber(0)),
            Durability::Disk => desk.sync(&desk.seal.lock(), ChangeNumber(0)),
        }
    }

    /// Compacts the files as Kea's cleanup does (Kea guide, "Why Is Lease File Cleanup Necessary?"), on the
    /// caller's thread: the pen is held only while the file is moved aside and a new one opened.
    pub fn compact(&self) -> Result<Compacted, CompactError> {
        let Some((desk, claimed)) = self.desk.as_ref().and_then(|d| Some((d, d.files.as_ref()?)))
        else {
            return Ok(Compacted::default());
        };
        let _alone = claimed.compacting.try_lock().ok_or(CompactError::UnderWay)?;
        claimed.files.compact(|files| desk.turn_page(files))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Nobody is left to tell; whoever wants to know calls `close`.
        drop(self.flush());
    }
}

impl ChangeSink for Journal {
    fn record(&self, change: &Change<'_>) {
        let Some(desk) = &self.desk else { return };
        let number = change.number.0;
        if change.origin == Origin::Load {
            desk.loaded.fetch_max(number, Ordering::AcqRel);
            return;
        }
        desk.unwritten.fetch_add(1, Ordering::AcqRel);
        desk.trays.put(number, |text| match change.kind {
            ChangeKind::Deleted => row::write_deletion(change.lease, text),
            ChangeKind::Added | ChangeKind::Updated => row::write(change.lease, text),
        });
    }
}

impl Desk {
    fn covers(&self, number: ChangeNumber) -> Option<Written> {
        let written = self.written.load(Ordering::Acquire);
        (number.0 <= written).then_some(Written(ChangeNumber(written)))
    }

    /// Gathers what is recorded, at least up to `number`, and gives it to the kernel.
    fn append(&self, pen: &mut Pen, number: ChangeNumber) -> Result<(), JournalError> {
        if number.0 > 0 && self.appended.load(Ordering::Acquire) >= number.0 {
            return Ok(());
        }
        self.gather(pen);
        for _ in 0..MAX_JOURNAL_GAP_TURNS {
            if pen.next > number.0 {
                break;
            }
            yield_now();
            self.gather(pen);
        }
        let missing = ChangeNumber(pen.next);
        let gap = missing <= number;
        if gap {
            pen.give_up_waiting();
        }
        let rows = pen.write(self.durability == Durability::Disk).map_err(JournalError::Write)?;
        self.appended.store(pen.next - 1, Ordering::Release);
        if self.durability == Durability::Kernel {
            self.unwritten.fetch_sub(rows, Ordering::AcqRel);
            self.written.store(pen.next - 1, Ordering::Release);
        }
        if gap { Err(JournalError::Gap(missing)) } else { Ok(()) }
    }

    /// Makes sure that the disk has every change up to `number`, and with them all that the kernel has when it begins.
    /// Whoever waited for the seal mostly finds that the sync before was for him as well.
    fn sync(&self, _seal: &MutexGuard<'_, ()>, number: ChangeNumber) -> Result<(), JournalError> {
        if number.0 > 0 && self.covers(number).is_some() {
            return Ok(());
        }
        let mut pen = self.pen.lock();
        self.append(&mut pen, number)?;
        let (ink, proof) = (Arc::clone(&pen.ink), pen.proof());
        drop(pen);
        let result = if proof.rows > 0 { ink.sync() } else { Ok(()) };
        let mut pen = self.pen.lock();
        if let Err(error) = result {
            pen.take_back();
            self.appended.store(self.written.load(Ordering::Acquire), Ordering::Release);
            return Err(JournalError::Write(error));
        }
        pen.proved(proof);
        drop(pen);
        self.unwritten.fetch_sub(proof.rows, Ordering::AcqRel);
        self.written.store(proof.number, Ordering::Release);
        Ok(())
    }

    /// Moves recorded rows to the page, as far as no earlier one is missing.
    fn gather(&self, pen: &mut Pen) {
        pen.next = pen.next.max(self.loaded.load(Ordering::Acquire) + 1);
        let mut sheaf = std::mem::take(&mut pen.sheaf);
        self.trays.take(&mut sheaf);
        sheaf.rows().for_each(|(number, row)| pen.take(number, row));
        pen.sheaf = sheaf;
    }

    /// Moves the file aside and goes on in a new one. No later sync is for the old one.
    fn turn_page(&self, files: &Files) -> io::Result<()> {
        let seal = self.seal.lock();
        let mut pen = self.pen.lock();
        pen.mend()?;
        let proof = pen.proof();
        if proof.rows > 0 {
            if let Err(error) = pen.ink.sync() {
                pen.take_back();
                self.appended.store(self.written.load(Ordering::Acquire), Ordering::Release);
                return Err(error);
            }
            pen.proved(proof);
            self.unwritten.fetch_sub(proof.rows, Ordering::AcqRel);
            self.written.store(proof.number, Ordering::Release);
        }
        let (ink, length) = files.rotate(self.durability)?;
        drop(seal);
        pen.ink = Arc::new(ink);
        pen.length = length;
        Ok(())
    }
}
