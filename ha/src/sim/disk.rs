//! A server's disk in the simulation: what the kernel has, what is safe from a loss of power, and crashes in the
//! middle of a write. Pure but for its lock.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use engine::lease::csv::Ink;
use engine::lease::csv::row::HEADER;
use engine::sync::Mutex;

use super::breakage::Breakage;
use crate::family::Address;
use crate::half::Memory;

/// A disk with one lease file; the process that writes to it comes and goes.
#[derive(Clone, Debug)]
pub(super) struct Disk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    text: Vec<u8>,
    /// Bytes that survive a loss of power.
    synced: usize,
    /// The process that may write, counted from 1.
    process: u32,
    /// Bytes of the next write after which the process dies.
    dies_after: Option<usize>,
    died: bool,
    /// Bytes that still fit, if the disk is filling up.
    room: Option<usize>,
    /// Last row of each address in `text`, as far as whole lines go; and bytes looked at for it.
    rows: BTreeMap<Address, Row>,
    looked_at: usize,
    /// A broken disk: what is written arrives with the next write.
    late: Option<Vec<u8>>,
    /// Whether the partner knows all leases.
    paired: bool,
}

/// Where the last row of an address is.
#[derive(Clone, Copy, Debug)]
struct Row {
    start: usize,
    end: usize,
}

impl Disk {
    pub(super) fn new(breakage: Option<Breakage>) -> Self {
        let text = HEADER.as_bytes().to_vec();
        let looked_at = text.len();
        let (process, synced) = (0, looked_at);
        let rows = BTreeMap::new();
        let late = (breakage == Some(Breakage::JournalLate)).then(Vec::new);
        let state = State {
            text,
            synced,
            process,
            dies_after: None,
            died: false,
            room: None,
            rows,
            looked_at,
            late,
            paired: false,
        };
        Self(Arc::new(Mutex::new(state)))
    }

    /// A process opens the file, which has no torn line any more; gives its text and the way to write.
    pub(super) fn open(&self) -> (Vec<u8>, DiskInk) {
        let mut state = self.0.lock();
        state.process += 1;
        state.died = false;
        state.dies_after = None;
        state.late.iter_mut().for_each(Vec::clear);
        let whole = state.text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        state.cut(whole);
        (state.text.clone(), DiskInk { disk: self.clone(), process: state.process })
    }

    /// The process is gone: it writes nothing any more, whatever its last words are.
    pub(super) fn close(&self) {
        self.0.lock().process += 1;
    }

    /// The machine lost power: what was not synced is gone. Gives the addresses of rows that were lost.
    pub(super) fn lose_power(&self) -> Vec<Address> {
        let mut state = self.0.lock();
        state.look();
        let synced = state.synced;
        let lost = state.rows.iter().filter(|(_, row)| row.end > synced);
        let lost = lost.map(|(address, _)| *address).collect();
        state.cut(synced);
        lost
    }

    /// The process dies in its next write, of which so many bytes arrive.
    pub(super) fn die_in_next_write(&self, after: usize) {
        self.0.lock().dies_after = Some(after);
    }

    /// No write kills the process any more.
    pub(super) fn live(&self) {
        self.0.lock().dies_after = None;
    }

    /// So many bytes still fit; any number of them if none is given.
    pub(super) fn fill(&self, room: Option<usize>) {
        self.0.lock().room = room;
    }

    /// Whether the process died by that.
    pub(super) fn has_died(&self) -> bool {
        self.0.lock().died
    }

    /// Whether the last row of `address` is `row`; with `synced`, safe from a loss of power.
    pub(super) fn has(&self, address: Address, row: &[u8], synced: bool) -> bool {
        let mut state = self.0.lock();
        state.look();
        let Some(found) = state.rows.get(&address).copied() else { return false };
        &state.text[found.start..found.end] == row && (!synced || found.end <= state.synced)
    }
}

impl State {
    /// Notes the rows that came since it was last done.
    fn look(&mut self) {
        while let Some(len) = self.text[self.looked_at..].iter().position(|byte| *byte == b'\n') {
            let row = Row { start: self.looked_at, end: self.looked_at + len + 1 };
            let line = &self.text[row.start..row.end];
            let address = line.split(|byte| *byte == b',').next().unwrap_or_default();
            let address = std::str::from_utf8(address).ok().and_then(|text| text.parse().ok());
            if let Some(address) = address {
                self.rows.insert(address, row);
            }
            self.looked_at = row.end;
        }
    }

    fn cut(&mut self, len: usize) {
        self.text.truncate(len);
        self.synced = self.synced.min(len);
        if self.looked_at > len {
            self.rows.clear();
            self.looked_at = HEADER.len();
        }
    }
}

/// One process's way to the file.
#[derive(Clone, Debug)]
pub(super) struct DiskInk {
    disk: Disk,
    process: u32,
}

impl DiskInk {
    /// Does something if the process still lives.
    fn alive(&self, act: impl FnOnce(&mut State)) -> io::Result<()> {
        let mut state = self.disk.0.lock();
        if state.process != self.process || state.died {
            return Err(io::Error::other("the process is dead"));
        }
        act(&mut state);
        if state.died { Err(io::Error::other("the process dies")) } else { Ok(()) }
    }
}

/// As the ink, for what is kept beside the leases.
#[derive(Debug)]
pub(super) struct DiskMemory(pub(super) DiskInk);

impl Memory for DiskMemory {
    fn is_paired(&self) -> bool {
        self.0.disk.0.lock().paired
    }

    fn set_paired(&self, paired: bool) -> Result<(), String> {
        self.0.alive(|state| state.paired = paired).map_err(|error| error.to_string())
    }
}

impl Ink for DiskInk {
    fn append(&self, rows: &[u8]) -> io::Result<()> {
        let mut full = false;
        self.alive(|state| {
            let Some(room) = &mut state.room else { return };
            full = *room < rows.len();
            let fits = rows.len().min(*room);
            *room -= fits;
            if full {
                state.text.extend_from_slice(&rows[..fits]);
            }
        })?;
        if full {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.alive(|state| match state.dies_after.take() {
            Some(after) => {
                state.text.extend_from_slice(&rows[..after.min(rows.len())]);
                state.died = true;
            }
            None => {
                let late = state.late.as_mut().map(|late| std::mem::replace(late, rows.to_vec()));
                state.text.extend_from_slice(late.as_deref().unwrap_or(rows));
            }
        })
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        self.alive(|state| state.cut(usize::try_from(len).unwrap_or(usize::MAX)))
    }

    fn sync(&self) -> io::Result<()> {
        self.alive(|state| state.synced = state.text.len())
    }
}
