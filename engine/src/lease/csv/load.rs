//! Reads lease files (*shell*): lines of bounded length, rows that cannot be read skipped and told of, a torn last
//! line left out. Must not know who writes them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::files::Files;
use super::row::{BadHeader, BadRow, Row, Schema};
use crate::lease::{LeaseStore, Origin, Overwrite};
use crate::limits::{MAX_BAD_LINES_TOLD, MAX_LEASE_LINE};

/// What reading lease files came to.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The files that were read, in order.
    pub files: Vec<PathBuf>,
    /// Rows that were read, deletions included.
    pub rows: u64,
    /// Rows that were skipped, in all.
    pub bad_rows: u64,
    /// The first of them.
    pub told: Vec<BadLine>,
    /// A file was of another schema than ours: compaction is due.
    pub other_schema: bool,
    /// A file ended within a line, which was left out.
    pub torn: bool,
}

/// A row that was skipped.
#[derive(Debug)]
pub struct BadLine {
    /// The file.
    pub path: PathBuf,
    /// The line in it, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: BadRow,
}

/// Lease files cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Reading failed (local).
    #[error("cannot read the lease file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What failed.
        #[source]
        source: io::Error,
    },
    /// It is no lease file for DHCPv4.
    #[error("{} is no DHCPv4 lease file: {source}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// What its first line says.
        #[source]
        source: BadHeader,
    },
    /// The server is being stopped.
    #[error("stopped before all leases were read")]
    Stopped,
    /// More bad rows than `max-row-errors` allows.
    #[error("{} has more than {limit} bad rows, the last in line {line}: {reason}", path.display())]
    TooManyBadRows {
        /// The file.
        path: PathBuf,
        /// What is allowed.
        limit: u32,
        /// The line of the last one.
        line: u64,
        /// What is wrong with it.
        reason: BadRow,
    },
}

/// Reads all files of the lease file `base` into `store`, in Kea's order: `.completed`, or else `.2` and `.1`, then
/// the file itself; none need exist. `max_row_errors` bad rows are allowed in each (0: any number).
pub fn load(base: &Path, max_row_errors: u32, store: &dyn LeaseStore) -> Result<Loaded, LoadError> {
    let mut loaded = Loaded::default();
    for path in Files::new(base).in_load_order() {
        read_rows(&path, max_row_errors, &mut loaded, &mut |row| put(row, store))?;
    }
    Ok(loaded)
}

/// Reads the text of one lease file into `store`, as [`load`] reads its files.
pub fn load_text(text: &[u8], store: &dyn LeaseStore) -> Result<Loaded, LoadError> {
    let mut loaded = Loaded::default();
    let lines = Lines { reader: text, line: Vec::new(), number: 0, torn: false };
    read_lines(lines, Path::new("text"), 0, &mut loaded, &mut |row| put(row, store))?;
    Ok(loaded)
}

fn put(row: Row, store: &dyn LeaseStore) {
    match row {
        Row::Lease(lease) => drop(store.apply(lease, Overwrite::Always, Origin::Load)),
        Row::Deleted(address) => drop(store.delete(address, Origin::Load)),
    }
}

/// Shows every row of a file to `take`, in order.
pub(super) fn read_rows(
    path: &Path,
    max_row_errors: u32,
    loaded: &mut Loaded,
    take: &mut dyn FnMut(Row),
) -> Result<(), LoadError> {
    let file = File::open(path);
    let file = file.map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    let reader = BufReader::with_capacity(1 << 18, file);
    loaded.files.push(path.to_owned());
    let lines = Lines { reader, line: Vec::new(), number: 0, torn: false };
    read_lines(lines, path, max_row_errors, loaded, take)
}

fn read_lines(
    mut lines: Lines<impl BufRead>,
    path: &Path,
    max_row_errors: u32,
    loaded: &mut Loaded,
    take: &mut dyn FnMut(Row),
) -> Result<(), LoadError> {
    let failed = |source| LoadError::Read { path: path.to_owned(), source };
    let mut errors = 0;
    let mut schema = None;
    while let Some(line) = lines.next_line().map_err(failed)? {
        let Some(schema) = schema else {
            let header = Schema::read(line);
            let header =
                header.map_err(|source| LoadError::Header { path: path.to_owned(), source })?;
            loaded.other_schema |= header != Schema::OURS;
            schema = Some(header);
            continue;
        };
        if line.is_empty() {
            continue;
        }
        match schema.parse(line) {
            Ok(row) => {
                loaded.rows += 1;
                take(row);
            }
            Err(reason) => {
                let (path, line) = (path.to_owned(), lines.number);
                errors += 1;
                if max_row_errors > 0 && errors > max_row_errors {
                    let limit = max_row_errors;
                    return Err(LoadError::TooManyBadRows { path, limit, line, reason });
                }
                loaded.tell(BadLine { path, line, reason });
            }
        }
    }
    loaded.torn |= lines.torn;
    Ok(())
}

impl Loaded {
    fn tell(&mut self, bad: BadLine) {
        self.bad_rows += 1;
        if self.told.len() < MAX_BAD_LINES_TOLD {
            self.told.push(bad);
        }
    }
}

/// The whole lines of a file. Of one that is too long, only the beginning is seen, which is a bad row.
struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    number: u64,
    torn: bool,
}

impl<R: BufRead> Lines<R> {
    fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        self.line.clear();
        (&mut self.reader).take(MAX_LEASE_LINE).read_until(b'\n', &mut self.line)?;
        self.number += 1;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
            return Ok(Some(&self.line));
        }
        let whole = !self.line.is_empty() && self.reader.skip_until(b'\n')? > 0;
        self.torn = !whole && !self.line.is_empty();
        Ok(if whole { Some(&self.line) } else { None })
    }
}
