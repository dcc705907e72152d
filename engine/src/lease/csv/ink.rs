//! What the journal's pen writes with: a file that is only appended to and cut (*shell*), behind a trait so that
//! tests and simulations can let it fail. Must not know rows.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::sync::before_io;

/// Something rows are appended to, by one thread at a time; another may sync meanwhile.
pub trait Ink: Send + Sync {
    /// Appends all of `rows`. After an error any part of them may have been appended.
    fn append(&self, rows: &[u8]) -> io::Result<()>;

    /// Cuts it back to its first `len` bytes.
    fn cut(&self, len: u64) -> io::Result<()>;

    /// Makes sure that everything that was appended before survives a loss of power.
    fn sync(&self) -> io::Result<()>;
}

/// A file, opened for appending.
#[derive(Debug)]
pub struct FileInk(File);

impl FileInk {
    /// Opens `path`, or makes it, readable by owner and group as Kea 3 does.
    pub fn open(path: &Path) -> io::Result<Self> {
        OpenOptions::new().append(true).create(true).mode(0o640).open(path).map(Self)
    }

    /// Makes an empty `path`, whatever was there.
    pub fn create(path: &Path) -> io::Result<Self> {
        let ink = Self::open(path)?;
        ink.0.set_len(0)?;
        Ok(ink)
    }
}

impl Ink for FileInk {
    fn append(&self, rows: &[u8]) -> io::Result<()> {
        before_io();
        (&self.0).write_all(rows)
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        before_io();
        self.0.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        before_io();
        self.0.sync_data()
    }
}
