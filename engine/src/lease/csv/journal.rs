//! The journal (*shell*): every change of a lease becomes a row of Kea's lease file, in change order.
//!
//! A change is recorded under its address's lock: its row joins a queue. Before a reply is sent, its thread
//! calls [`Journal::write_through`]: whoever holds the pen writes everything that is queued with one write,
//! and those who waited for the pen mostly find their rows written. What was written is attested by
//! [`Written`]. A write that fails is cut back to the last whole row; its rows stay for the next attempt.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;

use super::claim::Claim;
use super::files::{CompactError, Compacted, Files};
use super::ink::Ink;
use super::row;
use crate::lease::{Change, ChangeKind, ChangeNumber, ChangeSink, Origin};
use crate::limits::{MAX_JOURNAL_GAP_TURNS, MAX_UNWRITTEN_ROWS};
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Mutex, Queue, yield_now};

#[cfg(test)]
mod histories;
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
    inbox: Queue<Line>,
    /// Rows that are recorded and not written yet.
    unwritten: AtomicUsize,
    /// The last change that came from the files themselves.
    loaded: AtomicU64,
    written: AtomicU64,
    durability: Durability,
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

struct Line {
    number: u64,
    text: Vec<u8>,
}

/// What only the holder of the pen touches.
struct Pen {
    ink: Box<dyn Ink>,
    /// Whole rows that are in the file for sure, in bytes.
    length: u64,
    /// A failed write could not be cut back yet.
    torn: bool,
    /// The next change to be put into `page`.
    next: u64,
    /// Rows that came before their predecessors.
    early: BTreeMap<u64, Vec<u8>>,
    /// Rows up to `next`, in order, not yet written.
    page: Vec<u8>,
    rows: usize,
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
        Ok(Self::at_desk(Box::new(opened.ink), opened.length, durability, Some(claimed)))
    }

    /// Whether opening cut off a last line that was not whole.
    pub fn was_torn(&self) -> bool {
        let files = self.desk.as_ref().and_then(|desk| desk.files.as_ref());
        files.is_some_and(|files| files.torn)
    }

    /// A journal on something else than claimed files, which holds `length` bytes already. There is nothing
    /// to compact.
    pub fn with_ink(ink: Box<dyn Ink>, length: u64, durability: Durability) -> Self {
        Self::at_desk(ink, length, durability, None)
    }

    fn at_desk(
        ink: Box<dyn Ink>,
        length: u64,
        durability: Durability,
        files: Option<Claimed>,
    ) -> Self {
        let early = BTreeMap::new();
        let pen = Pen { ink, length, torn: false, next: 1, early, page: Vec::new(), rows: 0 };
        let desk = Desk {
            inbox: Queue::new(),
            unwritten: AtomicUsize::new(0),
            loaded: AtomicU64::new(0),
            written: AtomicU64::new(0),
            durability,
            pen: Mutex::new(pen),
            files,
        };
        Self { desk: Some(desk) }
    }

    /// Writes every change up to `number`, which the caller has seen made (so it is recorded). Waits only while
    /// another thread holds the pen, or is about to record an earlier change.
    pub fn write_through(&self, number: ChangeNumber) -> Result<Written, JournalError> {
        let Some(desk) = &self.desk else { return Ok(Written(number)) };
        if let Some(written) = desk.covers(number) {
            return Ok(written);
        }
        let mut pen = desk.pen.lock();
        match desk.covers(number) {
            Some(written) => Ok(written),
            None => desk.write(&mut pen, number),
        }
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
        desk.write(&mut desk.pen.lock(), ChangeNumber(0)).map(drop)
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
        let mut text = Vec::with_capacity(ROW_BYTES);
        match change.kind {
            ChangeKind::Deleted => row::write_deletion(change.lease, &mut text),
            ChangeKind::Added | ChangeKind::Updated => row::write(change.lease, &mut text),
        }
        desk.unwritten.fetch_add(1, Ordering::AcqRel);
        desk.inbox.push(Line { number, text });
    }
}

/// Bytes of a usual row.
const ROW_BYTES: usize = 128;

impl Desk {
    fn covers(&self, number: ChangeNumber) -> Option<Written> {
        let written = self.written.load(Ordering::Acquire);
        (number.0 <= written).then_some(Written(ChangeNumber(written)))
    }

    /// Gathers what is recorded, at least up to `number`, and writes it.
    fn write(&self, pen: &mut Pen, number: ChangeNumber) -> Result<Written, JournalError> {
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
        let rows = pen.rows;
        pen.write(self.durability).map_err(JournalError::Write)?;
        self.unwritten.fetch_sub(rows, Ordering::AcqRel);
        self.written.store(pen.next - 1, Ordering::Release);
        match self.covers(number) {
            Some(written) if !gap => Ok(written),
            _ => Err(JournalError::Gap(missing)),
        }
    }

    /// Moves recorded rows to the page, as far as no earlier one is missing.
    fn gather(&self, pen: &mut Pen) {
        pen.next = pen.next.max(self.loaded.load(Ordering::Acquire) + 1);
        while let Some(line) = self.inbox.pop() {
            pen.take(line);
        }
    }

    /// Moves the file aside and goes on in a new one.
    fn turn_page(&self, files: &Files) -> io::Result<()> {
        let mut pen = self.pen.lock();
        pen.mend()?;
        let (ink, length) = files.rotate(self.durability)?;
        pen.ink = Box::new(ink);
        pen.length = length;
        Ok(())
    }
}

impl Pen {
    /// Puts a row in its place. One that nobody waits for any more comes last: no later change of its
    /// address can have come before it.
    fn take(&mut self, line: Line) {
        if line.number > self.next {
            self.early.insert(line.number, line.text);
            return;
        }
        if line.number < self.next {
            self.next -= 1;
        }
        self.put(&line.text);
        self.put_early();
    }

    /// Puts the rows whose turn has come.
    fn put_early(&mut self) {
        while let Some(text) = self.early.remove(&self.next) {
            self.put(&text);
        }
    }

    /// Goes on behind a change that was never recorded.
    fn give_up_waiting(&mut self) {
        if let Some(first) = self.early.keys().next() {
            self.next = *first;
            self.put_early();
        }
    }

    fn put(&mut self, row: &[u8]) {
        self.page.extend_from_slice(row);
        self.rows += 1;
        self.next += 1;
    }

    /// Writes the page, or leaves file and page as they were.
    fn write(&mut self, durability: Durability) -> io::Result<()> {
        self.mend()?;
        if self.page.is_empty() {
            return Ok(());
        }
        let result = self.ink.append(&self.page).and_then(|()| match durability {
            Durability::Kernel => Ok(()),
            Durability::Disk => self.ink.sync(),
        });
        if let Err(error) = result {
            self.torn = self.ink.cut(self.length).is_err();
            return Err(error);
        }
        self.length += self.page.len() as u64;
        self.page.clear();
        self.rows = 0;
        Ok(())
    }

    /// Cuts off what a failed write left behind.
    fn mend(&mut self) -> io::Result<()> {
        if self.torn {
            self.ink.cut(self.length)?;
            self.torn = false;
        }
        Ok(())
    }
}
