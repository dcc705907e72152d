//! A part of a core for a server, and what else is set on the machine for a while. Shell.

use std::fs;
use std::path::{Path, PathBuf};

use super::CompareError;

/// Microseconds in which the part is given out: short, so that a server that used its part does not stand still long.
const PERIOD_US: u32 = 10_000;

/// A control group; gone with the value, once its processes are.
#[derive(Debug)]
pub(super) struct Share(PathBuf);

impl Share {
    /// One that gets so many hundredths of a core.
    pub(super) fn of_core(percent: u32) -> Result<Self, CompareError> {
        let name = format!("pgc{}", std::process::id());
        let quota = PERIOD_US * percent / 100;
        let (old, new) = (Path::new("/sys/fs/cgroup/cpu"), Path::new("/sys/fs/cgroup"));
        if old.join("cpu.cfs_quota_us").exists() || old.join("tasks").exists() {
            let share = Self(old.join(name));
            share.make()?;
            share.write("cpu.cfs_period_us", &PERIOD_US.to_string())?;
            share.write("cpu.cfs_quota_us", &quota.to_string())?;
            return Ok(share);
        }
        if new.join("cgroup.controllers").exists() {
            // An error means that it is on already, or the next line fails.
            let _ = fs::write(new.join("cgroup.subtree_control"), "+cpu");
            let share = Self(new.join(name));
            share.make()?;
            share.write("cpu.max", &format!("{quota} {PERIOD_US}"))?;
            return Ok(share);
        }
        Err(CompareError::NotHere("not measured: no control groups for the processor".to_owned()))
    }

    /// Moves a process there.
    pub(super) fn hold(&self, pid: u32) -> Result<(), CompareError> {
        self.write("cgroup.procs", &pid.to_string())
    }

    fn make(&self) -> Result<(), CompareError> {
        fs::create_dir_all(&self.0).map_err(CompareError::machine(&self.0.display()))
    }

    fn write(&self, name: &str, text: &str) -> Result<(), CompareError> {
        let file = self.0.join(name);
        fs::write(&file, text).map_err(CompareError::machine(&file.display()))
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// A number of the kernel's that is set for a while.
#[derive(Debug)]
pub(super) struct Setting {
    file: PathBuf,
    before: String,
}

impl Setting {
    /// Raises it to `value` if it is lower; what it was comes back with the end of the value.
    pub(super) fn at_least(file: &str, value: u64) -> Result<Self, CompareError> {
        let file = PathBuf::from(file);
        let failed = CompareError::machine(&file.display());
        let before = fs::read_to_string(&file).map_err(&failed)?;
        if before.trim().parse::<u64>().is_ok_and(|before| before < value) {
            fs::write(&file, value.to_string()).map_err(&failed)?;
        }
        Ok(Self { file, before })
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        let _ = fs::write(&self.file, &self.before);
    }
}
