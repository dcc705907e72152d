//! A yes or no that is kept beside the lease file (*shell*): yes is a file of its own, no is its absence, so that taking a
//! yes back needs no room on the disk. Must not know what it means.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A flag of one lease file.
#[derive(Clone, Debug)]
pub struct Flag {
    path: PathBuf,
}

impl Flag {
    /// The flag `name` of the lease file `file`: `file.name`.
    pub fn new(file: &Path, name: &str) -> Self {
        let mut path = file.as_os_str().to_owned();
        path.push(".");
        path.push(name);
        Self { path: path.into() }
    }

    /// What stands beside the lease file under its name, flags among it.
    pub fn names(file: &Path) -> io::Result<Vec<String>> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let own = file.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let mut names = Vec::new();
        for entry in fs::read_dir(folder.unwrap_or(Path::new(".")))? {
            let name = entry?.file_name();
            let flag = name.to_str().and_then(|name| name.strip_prefix(own)?.strip_prefix('.'));
            names.extend(flag.map(str::to_owned));
        }
        Ok(names)
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        self.path.exists()
    }

    /// Sets it. `meaning` is for people who open the file. After a loss of power it may be gone.
    pub fn set(&self, meaning: &str) -> io::Result<()> {
        let mut file = File::create(&self.path)?;
        file.write_all(meaning.as_bytes())?;
        file.write_all(b"\n")
    }

    /// Takes it back; returns when that is safe from a loss of power.
    pub fn clear(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_kept_until_it_is_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("leases.csv");
        let flag = Flag::new(&file, "paired");
        assert!(!flag.is_set());
        flag.clear().unwrap();
        flag.set("for people").unwrap();
        assert!(
            Flag::new(&file, "paired").is_set() && folder.path().join("leases.csv.paired").exists()
        );
        assert!(!Flag::new(&file, "other").is_set());
        assert_eq!(Flag::names(&file).unwrap(), ["paired"]);
        flag.clear().unwrap();
        assert!(!flag.is_set());
    }
}
