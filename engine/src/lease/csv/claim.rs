//! Who may use a lease file (*shell*): one process at a time. Ours lock a file beside it; Kea is known by its pid
//! files. Must not know what is in the file.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::files::Files;

#[cfg(test)]
mod tests;

/// The right to use a lease file, until it is dropped.
#[derive(Debug)]
pub struct Claim {
    file: PathBuf,
    _lock: File,
}

/// Why the lease file must not be used.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Another server of ours holds the lock.
    #[error("the lease file {} is locked by process {pid}", file.display())]
    Locked {
        /// The lease file.
        file: PathBuf,
        /// What the lock file says of its holder; empty if it says nothing.
        pid: String,
    },
    /// The process of a server's pid file has it open.
    #[error("the lease file {} is in use by process {pid} (see {})", file.display(), pid_file.display())]
    InUse {
        /// The lease file.
        file: PathBuf,
        /// The process.
        pid: u32,
        /// Where it is named.
        pid_file: PathBuf,
    },
    /// Kea's cleanup of the file is running.
    #[error("the lease file {} is being cleaned up by process {pid} (see {})", file.display(), pid_file.display())]
    CleanedUp {
        /// The lease file.
        file: PathBuf,
        /// The process.
        pid: u32,
        /// Where it is named.
        pid_file: PathBuf,
    },
    /// The lock cannot be made (local).
    #[error("cannot lock {}: {source}", path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What failed.
        #[source]
        source: io::Error,
    },
}

impl Claim {
    /// The lease file.
    pub fn file(&self) -> &Path {
        &self.file
    }
}

/// Claims a lease file. Refused while another server of ours has it, while a live process that one of
/// `pid_files` names (Kea's `<config>.kea-dhcp4.pid`) has it open, and while Kea's cleanup of it runs.
pub fn claim(file: &Path, pid_files: &[PathBuf]) -> Result<Claim, ClaimError> {
    let files = Files::new(file);
    let lock = lock(file, &files.lock())?;
    let file = file.to_owned();
    if let Some(pid) = foreign_pid(&files.pid()) {
        return Err(ClaimError::CleanedUp { file, pid, pid_file: files.pid() });
    }
    let user = pid_files.iter().find_map(|pid_file| {
        let pid = foreign_pid(pid_file)?;
        may_hold(pid, &file).then(|| (pid, pid_file.clone()))
    });
    match user {
        Some((pid, pid_file)) => Err(ClaimError::InUse { file, pid, pid_file }),
        None => Ok(Claim { file, _lock: lock }),
    }
}

fn lock(file: &Path, path: &Path) -> Result<File, ClaimError> {
    let failed = |source| ClaimError::Lock { path: path.to_owned(), source };
    let mut lock = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(failed)?;
    let mut tries = OWN_LOCK_TRIES;
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) => {
                let pid = holder(&mut lock);
                if tries == 0 || pid != std::process::id().to_string() {
                    return Err(ClaimError::Locked { file: file.to_owned(), pid });
                }
                // Perhaps not ours any more: a child between its fork and its exec keeps it for a moment.
                tries -= 1;
                std::thread::park_timeout(OWN_LOCK_PAUSE);
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
    let noted = lock
        .set_len(0)
        .and_then(|()| lock.rewind())
        .and_then(|()| writeln!(lock, "{}", std::process::id()));
    noted.map(|()| lock).map_err(failed)
}

/// How often a lock that this process holds itself is looked at again.
const OWN_LOCK_TRIES: u32 = 50;
/// The pause between two looks.
const OWN_LOCK_PAUSE: Duration = Duration::from_millis(2);

/// Who holds the lock, as far as the file tells.
fn holder(lock: &mut File) -> String {
    let mut pid = String::new();
    // What cannot be read cannot be told.
    let _ = lock.rewind().and_then(|()| lock.take(PID_BYTES).read_to_string(&mut pid));
    pid.trim().to_owned()
}

/// Most bytes of a pid file that are looked at.
const PID_BYTES: u64 = 32;

/// The process that a pid file names, if it lives and is not this one.
pub(super) fn foreign_pid(pid_file: &Path) -> Option<u32> {
    let mut text = String::new();
    File::open(pid_file).ok()?.take(PID_BYTES).read_to_string(&mut text).ok()?;
    let pid = text.trim().parse().ok()?;
    (pid != std::process::id() && process(pid).exists()).then_some(pid)
}

/// Whether a process has `file` open. Where its files cannot be seen, whether it is a DHCP server by its name.
fn may_hold(pid: u32, file: &Path) -> bool {
    let Ok(file) = file.canonicalize() else { return false };
    let Ok(open) = fs::read_dir(process(pid).join("fd")) else {
        let name = fs::read_to_string(process(pid).join("comm"));
        return name.map_or(true, |name| name.starts_with("kea-") || name.starts_with("peregrine"));
    };
    open.flatten().any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == file))
}

fn process(pid: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}"))
}

/// A pid file that names this process while it exists.
#[derive(Debug)]
pub(super) struct PidNote(PathBuf);

impl PidNote {
    pub(super) fn write(path: &Path) -> io::Result<Self> {
        fs::write(path, format!("{}\n", std::process::id()))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PidNote {
    fn drop(&mut self) {
        // A note that stays names a process that ended, which everybody checks.
        let _ = fs::remove_file(&self.0);
    }
}
