//! Reads lease files from their newest row backwards (*shell*), on several threads: the first row that is met of an
//! address is its last one, so a lease is known for good long before all rows are read, and what a server writes
//! meanwhile is newer than anything that is still to come.
//!
//! Each thread goes over all rows and takes those of its own addresses, so that nobody waits for anybody and the rows of
//! one address stay in order. Rows that cannot be read are only counted here; to tell of them is left to
//! [`read_rows`], forwards. Must not know who writes the files.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead};
use std::net::Ipv4Addr;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::files::{Files, whole_length};
use super::load::{LoadError, Loaded, read_rows};
use super::row::{Row, Schema};
use crate::lease::Lease4;
use crate::limits::{LOAD_BATCH, MAX_LEASE_LINE, MAX_LOAD_THREADS};
use crate::sync::atomic::{AtomicBool, Ordering};

/// Bytes that are read at a time.
const CHUNK: u64 = 1 << 20;
const _: () = assert!(CHUNK > MAX_LEASE_LINE);

/// The files of a lease file, open, as long as they are now: what is appended later is not read.
#[derive(Debug)]
pub struct Unread {
    /// In the order in which their rows were written, those with rows.
    files: Vec<Opened>,
    /// All of them.
    paths: Vec<PathBuf>,
    max_row_errors: u32,
    other_schema: bool,
    torn: bool,
}

#[derive(Debug)]
struct Opened {
    path: PathBuf,
    file: File,
    schema: Schema,
    /// Behind the header, and behind the last whole line.
    rows: std::ops::Range<u64>,
}

/// What a thread counted.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    rows: u64,
    bad_rows: u64,
}

impl Unread {
    /// Opens the files of the lease file `base` and reads their headers. `max_row_errors` bad rows are allowed in each
    /// (0: any number).
    pub fn open(base: &Path, max_row_errors: u32) -> Result<Self, LoadError> {
        Self::of(Files::new(base).in_load_order(), max_row_errors)
    }

    /// As [`Self::open`], of these files, in the order in which their rows were written.
    pub(super) fn of(paths: Vec<PathBuf>, max_row_errors: u32) -> Result<Self, LoadError> {
        let files = Vec::new();
        let mut unread = Self { files, paths, max_row_errors, other_schema: false, torn: false };
        for path in unread.paths.clone() {
            let failed = |source| LoadError::Read { path: path.clone(), source };
            let file = File::open(&path).map_err(failed)?;
            let end = whole_length(&path).map_err(failed)?;
            unread.torn |= file.metadata().map_err(failed)?.len() > end;
            if end == 0 {
                continue;
            }
            let header = first_line(&file, end).map_err(failed)?;
            let schema = Schema::read(&header);
            let schema =
                schema.map_err(|source| LoadError::Header { path: path.clone(), source })?;
            unread.other_schema |= schema != Schema::OURS;
            let rows = header.len() as u64 + 1..end;
            unread.files.push(Opened { path, file, schema, rows });
        }
        Ok(unread)
    }

    /// Bytes of rows that are to be read.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.rows.end - file.rows.start).sum()
    }

    /// Gives the last row of each address that has a lease to `take`, many at a time, which takes them out; from `threads`
    /// threads at once, the caller's among them. Ends with [`LoadError::Stopped`] soon after `stop` is set.
    pub fn read(
        self,
        threads: usize,
        take: &(dyn Fn(&mut Vec<Lease4>) + Sync),
        stop: &AtomicBool,
    ) -> Result<Loaded, LoadError> {
        let threads = threads.clamp(1, MAX_LOAD_THREADS);
        // Soon after one of the threads has met too many bad rows all of them are done.
        let refused = &AtomicBool::new(false);
        let results: Vec<Result<Counted, LoadError>> = std::thread::scope(|scope| {
            let unread = &self;
            let reader = |share: usize| {
                let (known, met) = (Known::default(), Vec::new());
                Reader { share, threads, known, met, take, stop, refused }
            };
            let begin = |share: usize| {
                let mut reader = reader(share);
                scope.spawn(move || reader.read_all(unread))
            };
            let others: Vec<_> = (1..threads).map(begin).collect();
            let own = reader(0).read_all(unread);
            let others = others.into_iter().map(|it| it.join().expect("a loader does not panic"));
            std::iter::once(own).chain(others).collect()
        });
        if stop.load(Ordering::Acquire) {
            return Err(LoadError::Stopped);
        }
        let mut loaded = Loaded::default();
        let mut bad_rows = 0;
        for counted in results {
            let counted = counted?;
            loaded.rows += counted.rows;
            bad_rows += counted.bad_rows;
        }
        if bad_rows > 0 {
            // Rare: they are told of in their order, and counted against what is allowed in each file.
            loaded.rows = 0;
            for file in &self.files {
                read_rows(&file.path, self.max_row_errors, &mut loaded, &mut |_| {})?;
            }
        }
        // What was appended meanwhile is of no interest.
        (loaded.other_schema, loaded.torn) = (self.other_schema, self.torn);
        loaded.files = self.paths;
        Ok(loaded)
    }
}

/// The line that a file of `length` bytes begins with, without its newline.
fn first_line(file: &File, length: u64) -> io::Result<Vec<u8>> {
    let mut line = vec![0; usize::try_from(length.min(MAX_LEASE_LINE)).unwrap_or(0)];
    file.read_exact_at(&mut line, 0)?;
    let end = line.iter().position(|byte| *byte == b'\n').unwrap_or(line.len());
    line.truncate(end);
    Ok(line)
}

/// One thread's way through the files.
struct Reader<'a> {
    share: usize,
    threads: usize,
    known: Known,
    /// Leases that were met and are still to be taken.
    met: Vec<Lease4>,
    take: &'a (dyn Fn(&mut Vec<Lease4>) + Sync),
    stop: &'a AtomicBool,
    refused: &'a AtomicBool,
}

impl Reader<'_> {
    fn read_all(&mut self, unread: &Unread) -> Result<Counted, LoadError> {
        let mut counted = Counted::default();
        for opened in unread.files.iter().rev() {
            let before = counted.bad_rows;
            self.read_file(opened, &mut counted, |counted| {
                let bad_rows = counted.bad_rows - before;
                unread.max_row_errors > 0 && bad_rows > unread.max_row_errors.into()
            })
            .map_err(|source| LoadError::Read { path: opened.path.clone(), source })?;
        }
        (self.take)(&mut self.met);
        Ok(counted)
    }

    fn read_file(
        &mut self,
        opened: &Opened,
        counted: &mut Counted,
        is_too_bad: impl Fn(&Counted) -> bool,
    ) -> io::Result<()> {
        let mut chunk = Vec::new();
        let mut begins = Vec::new();
        let mut end = opened.rows.end;
        // Bytes of a line longer than a chunk that were passed over already.
        let mut is_too_long = false;
        while end > opened.rows.start {
            if is_too_bad(counted) {
                self.refused.store(true, Ordering::Release);
            }
            if self.refused.load(Ordering::Acquire) || self.stop.load(Ordering::Acquire) {
                return Ok(());
            }
            let start = end.saturating_sub(CHUNK).max(opened.rows.start);
            chunk.resize(usize::try_from(end - start).map_err(io::Error::other)?, 0);
            opened.file.read_exact_at(&mut chunk, start)?;
            let whole = if start == opened.rows.start {
                0
            } else {
                // The line that begins before the chunk belongs to the next one.
                let search = chunk.len() - usize::from(!is_too_long);
                match chunk[..search].iter().position(|byte| *byte == b'\n') {
                    Some(newline) => newline + 1,
                    None => {
                        is_too_long = true;
                        end = start;
                        continue;
                    }
                }
            };
            let mut lines = &chunk[whole..];
            if std::mem::take(&mut is_too_long) {
                let last = lines.iter().rposition(|byte| *byte == b'\n');
                counted.bad_rows += u64::from(self.share == 0);
                lines = &lines[..last.unwrap_or(0)];
            }
            begin_of_lines(lines, &mut begins)?;
            let mut behind = lines.len();
            for begin in begins.iter().rev() {
                let line = &lines[*begin..behind];
                behind = *begin;
                match line.strip_suffix(b"\n").unwrap_or(line) {
                    [] => {}
                    line => self.read_row(line, opened.schema, counted),
                }
            }
            end = start + whole as u64;
        }
        Ok(())
    }

    fn read_row(&mut self, line: &[u8], schema: Schema, counted: &mut Counted) {
        let address = address_of(line);
        let block = address.map_or(0, |address| address >> 8);
        if (block ^ block >> 6 ^ block >> 12) as usize % self.threads != self.share {
            return;
        }
        let row = if line.len() as u64 >= MAX_LEASE_LINE { None } else { schema.parse(line).ok() };
        let Some(row) = row else {
            counted.bad_rows += 1;
            return;
        };
        counted.rows += 1;
        let address = match &row {
            Row::Lease(lease) => lease.address,
            Row::Deleted(address) => *address,
        };
        if self.known.is_new(address)
            && let Row::Lease(lease) = row
        {
            self.met.push(lease);
            if self.met.len() >= LOAD_BATCH {
                (self.take)(&mut self.met);
            }
        }
    }
}

/// Where lines begin, found forwards: for that the standard library has a fast search.
fn begin_of_lines(lines: &[u8], begins: &mut Vec<usize>) -> io::Result<()> {
    begins.clear();
    let (mut rest, mut at) = (lines, 0);
    while at < lines.len() {
        begins.push(at);
        at += rest.skip_until(b'\n')?;
    }
    Ok(())
}

/// The address that a row begins with, if it is one.
fn address_of(line: &[u8]) -> Option<u32> {
    let end = line.iter().take(16).position(|byte| *byte == b',')?;
    let (mut address, mut octet, mut digits, mut dots) = (0_u32, 0_u32, 0, 0);
    for byte in &line[..end] {
        match byte {
            b'0'..=b'9' if digits < 3 => {
                octet = octet * 10 + u32::from(byte - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && octet < 256 => {
                address = address << 8 | octet;
                (octet, digits, dots) = (0, 0, dots + 1);
            }
            _ => return None,
        }
    }
    (dots == 3 && digits > 0 && octet < 256).then_some(address << 8 | octet)
}

/// Addresses whose last row was met.
#[derive(Default)]
struct Known {
    blocks: HashMap<u32, usize>,
    bits: Vec<[u64; 4]>,
    /// The block that was asked for last: rows of neighbours often stand together.
    last: Option<(u32, usize)>,
}

impl Known {
    /// Notes the address; whether it was not there.
    fn is_new(&mut self, address: Ipv4Addr) -> bool {
        let [.., place] = address.octets();
        let block = address.to_bits() >> 8;
        let at = match self.last {
            Some((last, at)) if last == block => at,
            _ => *self.blocks.entry(block).or_insert_with(|| {
                self.bits.push([0; 4]);
                self.bits.len() - 1
            }),
        };
        self.last = Some((block, at));
        let word = &mut self.bits[at][usize::from(place >> 6)];
        let bit = 1 << (place & 63);
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

#[cfg(test)]
mod tests;
