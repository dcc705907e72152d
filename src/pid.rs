//! The pid file, at Kea's place and under Kea's name, so that keactrl and scripts find us and a second server
//! does not start.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where Kea's pid files lie unless `KEA_PIDFILE_DIR` says otherwise.
const FOLDER: &str = "/run/kea";

/// Our pid file; removed with the value.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
}

/// The pid file could not be taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PidFileError {
    /// Another server runs with this configuration.
    #[error("already running: {} names process {pid}, which is alive", path.display())]
    Running {
        /// The pid file.
        path: PathBuf,
        /// Its process.
        pid: u32,
    },
    /// The file cannot be written.
    #[error("cannot write the pid file {}: {error} (KEA_PIDFILE_DIR chooses another folder)", path.display())]
    Io {
        /// The pid file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

impl PidFile {
    /// Takes the pid file of the server that runs by `config`. Without the right to write to the default folder
    /// there is none: only the lease file's lock keeps a second server off then.
    pub(crate) fn take(config: &Path) -> Result<Option<Self>, PidFileError> {
        let folder = std::env::var_os("KEA_PIDFILE_DIR").map(PathBuf::from);
        let path = path_in(folder.as_deref().unwrap_or(Path::new(FOLDER)), config);
        if let Some(pid) = running(&path) {
            return Err(PidFileError::Running { path, pid });
        }
        match fs::write(&path, format!("{}\n", std::process::id())) {
            Ok(()) => Ok(Some(Self { path })),
            Err(_) if folder.is_none() => Ok(None),
            Err(error) => Err(PidFileError::Io { path, error }),
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // A file that is gone already needs no removing.
        let _ = fs::remove_file(&self.path);
    }
}

/// `kea-dhcp4.conf` runs under `kea-dhcp4.kea-dhcp4.pid`, as Kea names it.
fn path_in(folder: &Path, config: &Path) -> PathBuf {
    let name = config.file_stem().unwrap_or_default().to_string_lossy();
    folder.join(format!("{name}.kea-dhcp4.pid"))
}

/// The process that the file names, if it lives and is not this one.
fn running(path: &Path) -> Option<u32> {
    let pid: u32 = fs::read_to_string(path).ok()?.trim().parse().ok()?;
    (pid != std::process::id() && Path::new(&format!("/proc/{pid}")).exists()).then_some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_living_process_keeps_the_file_and_a_dead_one_loses_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = path_in(folder.path(), Path::new("/etc/kea/kea-dhcp4.conf"));
        assert!(path.ends_with("kea-dhcp4.kea-dhcp4.pid"));
        fs::write(&path, "1\n").unwrap();
        assert_eq!(running(&path), Some(1));
        for stale in ["999999999", "", "x"] {
            fs::write(&path, stale).unwrap();
            assert_eq!(running(&path), None);
        }
    }
}
