//! What only the holder of the journal's pen touches: rows on their way into the file, in change order. Does what
//! its ink does; else pure.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use crate::lease::csv::ink::Ink;
use crate::lease::csv::trays::Sheaf;

/// The pen.
pub(super) struct Pen {
    pub(super) ink: Arc<dyn Ink>,
    /// Whole rows that are in the file, in bytes.
    pub(super) length: u64,
    /// A failed write could not be cut back yet.
    torn: bool,
    /// What was last taken from the trays.
    pub(super) sheaf: Sheaf,
    /// The next change to be put into `page`.
    pub(super) next: u64,
    /// Rows that came before their predecessors.
    early: BTreeMap<u64, Vec<u8>>,
    /// Rows up to `next`, in order, not in the file yet.
    page: Rows,
    /// Rows at the end of the file that the disk may not have.
    unproved: Rows,
}

/// Rows one after the other.
#[derive(Default)]
struct Rows {
    text: Vec<u8>,
    count: usize,
}

/// How much of what is in the file a sync is to prove, taken before it begins.
#[derive(Clone, Copy)]
pub(super) struct Proof {
    /// All changes up to this one.
    pub(super) number: u64,
    /// Their rows.
    pub(super) rows: usize,
    bytes: usize,
}

impl Pen {
    pub(super) fn new(ink: Arc<dyn Ink>, length: u64) -> Self {
        Self {
            ink,
            length,
            torn: false,
            sheaf: Sheaf::default(),
            next: 1,
            early: BTreeMap::new(),
            page: Rows::default(),
            unproved: Rows::default(),
        }
    }

    /// Puts a row in its place. One that nobody waits for any more comes last: no later change of its
    /// address can have come before it.
    pub(super) fn take(&mut self, number: u64, row: &[u8]) {
        if number > self.next {
            self.early.insert(number, row.to_vec());
            return;
        }
        if number < self.next {
            self.next -= 1;
        }
        self.put(row);
        self.put_early();
    }

    /// Puts the rows whose turn has come.
    fn put_early(&mut self) {
        while let Some(text) = self.early.remove(&self.next) {
            self.put(&text);
        }
    }

    /// Goes on behind a change that was never recorded.
    pub(super) fn give_up_waiting(&mut self) {
        if let Some(first) = self.early.keys().next() {
            self.next = *first;
            self.put_early();
        }
    }

    fn put(&mut self, row: &[u8]) {
        self.page.text.extend_from_slice(row);
        self.page.count += 1;
        self.next += 1;
    }

    /// Writes the page, or leaves file and page as they were. Returns how many rows went; if `unproved` they are kept
    /// until the disk has them for sure.
    pub(super) fn write(&mut self, unproved: bool) -> io::Result<usize> {
        self.mend()?;
        if self.page.text.is_empty() {
            return Ok(0);
        }
        if let Err(error) = self.ink.append(&self.page.text) {
            self.torn = self.ink.cut(self.length).is_err();
            return Err(error);
        }
        self.length += self.page.text.len() as u64;
        let rows = self.page.count;
        if unproved {
            self.unproved.append(&self.page);
        }
        self.page.clear();
        Ok(rows)
    }

    /// What a sync that begins now will prove.
    pub(super) fn proof(&self) -> Proof {
        let Rows { text, count } = &self.unproved;
        Proof { number: self.next - 1, rows: *count, bytes: text.len() }
    }

    /// The disk has what `proof` said.
    pub(super) fn proved(&mut self, proof: Proof) {
        self.unproved.text.drain(..proof.bytes);
        self.unproved.count -= proof.rows;
    }

    /// The disk may lack any row that is not proved, and would not say so a second time: all of them are taken back,
    /// to be written again.
    pub(super) fn take_back(&mut self) {
        self.length -= self.unproved.text.len() as u64;
        self.torn = self.ink.cut(self.length).is_err();
        let mut rows = std::mem::take(&mut self.unproved);
        rows.append(&self.page);
        self.page = rows;
    }

    /// Cuts off what a failed write left behind.
    pub(super) fn mend(&mut self) -> io::Result<()> {
        if self.torn {
            self.ink.cut(self.length)?;
            self.torn = false;
        }
        Ok(())
    }
}

impl Rows {
    fn append(&mut self, more: &Self) {
        self.text.extend_from_slice(&more.text);
        self.count += more.count;
    }

    fn clear(&mut self) {
        self.text.clear();
        self.count = 0;
    }
}
