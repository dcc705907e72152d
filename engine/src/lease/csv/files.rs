//! The files of one lease file (*shell*), as Kea names them, and their compaction. What is to be done next is read
//! off the files that are there, so that a compaction that was cut short at any point is taken up again, by us
//! or by Kea. Must not know the journal.
//!
//! `F` is appended to. Compaction moves it to `F.1`, writes what is left of `F.2` and `F.1` to `F.output`, which
//! becomes `F.completed` once it is on disk; then `F.1` and `F.2` go, and `F.completed` becomes `F.2`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::backwards::Unread;
use super::claim::{PidNote, foreign_pid};
use super::ink::{FileInk, Ink};
use super::journal::Durability;
use super::load::{LoadError, Loaded};
use super::row::{self, Schema};
use crate::lease::Lease4;
use crate::limits::MAX_CLEANUP_ROW_ERRORS;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

#[cfg(test)]
mod tests;

/// What a compaction did.
#[derive(Debug, Default)]
pub struct Compacted {
    /// Leases that are left.
    pub leases: usize,
    /// What reading the old files came to.
    pub loaded: Loaded,
}

/// Why the files are not compacted. What was done so far is kept, and the next compaction goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// Another compaction of these files is under way.
    #[error("the lease file is being cleaned up already")]
    UnderWay,
    /// Another process says in `F.pid` that it cleans up.
    #[error("process {0} cleans up the lease file")]
    Foreign(u32),
    /// The old files cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A file cannot be written or moved (local).
    #[error("cannot clean up the lease file {}: {source}", path.display())]
    Files {
        /// The lease file.
        path: PathBuf,
        /// What failed.
        #[source]
        source: io::Error,
    },
}

/// One step of a compaction; between two of them the files may be left as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Write what is left of `F.2` and `F.1` to `F.output`, and name it `F.completed`.
    Rewrite,
    /// Remove `F.1`.
    RemoveCopy,
    /// Remove `F.2`.
    RemovePrevious,
    /// Name `F.completed` `F.2`.
    Promote,
}

/// A lease file that is ready for rows.
pub(super) struct Opened {
    pub(super) ink: FileInk,
    /// Bytes it has.
    pub(super) length: u64,
    /// Its last line was not whole and is gone.
    pub(super) torn: bool,
}

/// The names of the files of one lease file.
#[derive(Clone, Debug)]
pub(super) struct Files {
    base: PathBuf,
}

impl Files {
    pub(super) fn new(base: &Path) -> Self {
        Self { base: base.to_owned() }
    }

    /// The files that exist, in the order in which their rows are to be read.
    pub(super) fn in_load_order(&self) -> Vec<PathBuf> {
        let old = if self.completed().exists() {
            vec![self.completed()]
        } else {
            vec![self.previous(), self.copy()]
        };
        old.into_iter().chain([self.base.clone()]).filter(|path| path.exists()).collect()
    }

    /// Opens `F` for appending, behind its last whole row. A file of another schema is moved aside; one that is
    /// no lease file at all is refused and left alone.
    pub(super) fn open_for_append(&self, durability: Durability) -> io::Result<Opened> {
        let length = whole_length(&self.base)?;
        let torn = fs::metadata(&self.base).is_ok_and(|metadata| metadata.len() > length);
        let start = start_of(&self.base)?;
        if length == 0 {
            if !row::HEADER.as_bytes().starts_with(&start) {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no lease file"));
            }
            let ink = FileInk::create(&self.base)?;
            let length = write_header(&ink, durability)?;
            self.sync_folder_for(durability)?;
            return Ok(Opened { ink, length, torn });
        }
        if start != row::HEADER.as_bytes() {
            let header = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
            Schema::read(header).map_err(|bad| io::Error::new(io::ErrorKind::InvalidData, bad))?;
            self.finish().map_err(io::Error::other)?;
            let (ink, length) = self.rotate(durability)?;
            return Ok(Opened { ink, length, torn });
        }
        let ink = FileInk::open(&self.base)?;
        ink.cut(length)?;
        Ok(Opened { ink, length, torn })
    }

    /// Moves `F` to `F.1` and makes a new `F`; if that fails, `F` stays what it was.
    pub(super) fn rotate(&self, durability: Durability) -> io::Result<(FileInk, u64)> {
        let fresh = self.with(".new");
        let ink = FileInk::create(&fresh)?;
        let length = write_header(&ink, durability)?;
        fs::rename(&self.base, self.copy())?;
        if let Err(error) = fs::rename(&fresh, &self.base) {
            fs::rename(self.copy(), &self.base)?;
            return Err(error);
        }
        self.sync_folder_for(durability)?;
        Ok((ink, length))
    }

    /// Compacts: takes up what an earlier compaction left, or else starts with `turn_page`, which rotates.
    pub(super) fn compact(
        &self,
        turn_page: impl FnOnce(&Self) -> io::Result<()>,
    ) -> Result<Compacted, CompactError> {
        if let Some(pid) = foreign_pid(&self.pid()) {
            return Err(CompactError::Foreign(pid));
        }
        let _note = PidNote::write(&self.pid()).map_err(|source| self.failed(source))?;
        if !self.base.exists() {
            return Err(self.failed(io::ErrorKind::NotFound.into()));
        }
        if self.next_step().is_none() {
            turn_page(self).map_err(|source| self.failed(source))?;
        }
        self.finish()
    }

    /// Does all steps that are left.
    fn finish(&self) -> Result<Compacted, CompactError> {
        let mut compacted = Compacted::default();
        while let Some(step) = self.next_step() {
            self.perform(step, &mut compacted)?;
        }
        Ok(compacted)
    }

    /// What is to be done next, by the files that are there.
    pub(super) fn next_step(&self) -> Option<Step> {
        match (self.completed().exists(), self.copy().exists()) {
            (false, false) => None,
            (false, true) => Some(Step::Rewrite),
            (true, true) => Some(Step::RemoveCopy),
            (true, false) if self.previous().exists() => Some(Step::RemovePrevious),
            (true, false) => Some(Step::Promote),
        }
    }

    pub(super) fn perform(
        &self,
        step: Step,
        compacted: &mut Compacted,
    ) -> Result<(), CompactError> {
        let done = match step {
            Step::Rewrite => {
                let written = self.rewrite(compacted);
                if written.is_err() {
                    // A disk that is full needs the room; the error that matters is told.
                    let _ = fs::remove_file(self.output());
                }
                written?;
                fs::rename(self.output(), self.completed())
            }
            Step::RemoveCopy => fs::remove_file(self.copy()),
            Step::RemovePrevious => fs::remove_file(self.previous()),
            Step::Promote => fs::rename(self.completed(), self.previous()),
        };
        done.and_then(|()| self.sync_folder()).map_err(|source| self.failed(source))
    }

    /// Writes what is left of the old files to `F.output` and waits for the disk. They are read as at a start, backwards,
    /// so that of all leases only some are in memory at a time: those are written in the order of their addresses.
    fn rewrite(&self, compacted: &mut Compacted) -> Result<(), CompactError> {
        let old = [self.previous(), self.copy()].into_iter().filter(|path| path.exists());
        let old = Unread::of(old.collect(), MAX_CLEANUP_ROW_ERRORS)?;
        let output = self.create_output().map_err(|source| self.failed(source))?;
        let (output, stop) = (Mutex::new(output), AtomicBool::new(false));
        let loaded = old.read(1, &|leases| output.lock().take(leases, &stop), &stop);
        // Of a reader that was stopped the reason is told here.
        let leases = output.lock().finish().map_err(|source| self.failed(source))?;
        (compacted.leases, compacted.loaded) = (leases, loaded?);
        Ok(())
    }

    fn create_output(&self) -> io::Result<Output> {
        let mut options = File::options();
        options.write(true).create(true).truncate(true).mode(0o640);
        let mut writer = BufWriter::with_capacity(1 << 18, options.open(self.output())?);
        writer.write_all(row::HEADER.as_bytes())?;
        Ok(Output { writer, text: Vec::new(), leases: 0, written: Ok(()) })
    }

    fn sync_folder_for(&self, durability: Durability) -> io::Result<()> {
        match durability {
            Durability::Kernel => Ok(()),
            Durability::Disk => self.sync_folder(),
        }
    }

    /// Waits until names made, moved and removed are on disk.
    fn sync_folder(&self) -> io::Result<()> {
        let parent = self.base.parent().filter(|path| !path.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn failed(&self, source: io::Error) -> CompactError {
        CompactError::Files { path: self.base.clone(), source }
    }

    pub(super) fn copy(&self) -> PathBuf {
        self.with(".1")
    }

    pub(super) fn previous(&self) -> PathBuf {
        self.with(".2")
    }

    pub(super) fn output(&self) -> PathBuf {
        self.with(".output")
    }

    pub(super) fn completed(&self) -> PathBuf {
        self.with(".completed")
    }

    pub(super) fn pid(&self) -> PathBuf {
        self.with(".pid")
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.with(".lock")
    }

    fn with(&self, suffix: &str) -> PathBuf {
        let mut name = self.base.clone().into_os_string();
        name.push(suffix);
        name.into()
    }
}

/// The file that a compaction writes.
struct Output {
    writer: BufWriter<File>,
    text: Vec<u8>,
    /// How many were written.
    leases: usize,
    /// The first failure, after which nothing more is written.
    written: io::Result<()>,
}

impl Output {
    /// Takes out all of `leases` and writes them; if that fails, sets `stop`.
    fn take(&mut self, leases: &mut Vec<Lease4>, stop: &AtomicBool) {
        leases.sort_unstable_by_key(|lease| lease.address);
        for lease in leases.drain(..) {
            if self.written.is_ok() {
                self.text.clear();
                row::write(&lease, &mut self.text);
                self.written = self.writer.write_all(&self.text);
                self.leases += 1;
            }
        }
        if self.written.is_err() {
            stop.store(true, Ordering::Release);
        }
    }

    /// Waits for the disk; tells how many leases it has.
    fn finish(&mut self) -> io::Result<usize> {
        std::mem::replace(&mut self.written, Ok(()))?;
        self.writer.flush()?;
        self.writer.get_ref().sync_all()?;
        Ok(self.leases)
    }
}

/// Writes the header; returns its length.
fn write_header(ink: &FileInk, durability: Durability) -> io::Result<u64> {
    ink.append(row::HEADER.as_bytes())?;
    if durability == Durability::Disk {
        ink.sync()?;
    }
    Ok(row::HEADER.len() as u64)
}

/// As much of a file as our header is long; nothing if there is no file.
fn start_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    if let Some(file) = open_if_there(path)? {
        file.take(row::HEADER.len() as u64).read_to_end(&mut start)?;
    }
    Ok(start)
}

fn open_if_there(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Length of a file up to the end of its last whole line; 0 if there is no file.
pub(super) fn whole_length(path: &Path) -> io::Result<u64> {
    const CHUNK: u64 = 1 << 16;
    let Some(mut file) = open_if_there(path)? else { return Ok(0) };
    let mut end = file.metadata()?.len();
    let mut chunk = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(CHUNK);
        file.seek(SeekFrom::Start(start))?;
        chunk.clear();
        (&file).take(end - start).read_to_end(&mut chunk)?;
        if let Some(newline) = chunk.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + newline as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}
