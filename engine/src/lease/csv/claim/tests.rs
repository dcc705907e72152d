//! Claims against locks, pid files and live processes.

use std::process::{Child, Command, Stdio};

use super::*;

/// A live process with `file` open, ended when dropped.
struct Holder(Child);

impl Holder {
    fn of(file: &Path) -> Self {
        let stdout = File::options().append(true).create(true).open(file).unwrap();
        let child = Command::new("cat").stdin(Stdio::piped()).stdout(stdout).spawn().unwrap();
        Self(child)
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

struct Folder {
    _dir: tempfile::TempDir,
    file: PathBuf,
    pid_file: PathBuf,
}

fn folder() -> Folder {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("leases.csv");
    fs::write(&file, "").unwrap();
    let pid_file = dir.path().join("kea.kea-dhcp4.pid");
    Folder { _dir: dir, file, pid_file }
}

#[test]
fn only_one_claim_at_a_time() {
    let it = folder();
    let first = claim(&it.file, &[]).unwrap();
    let error = claim(&it.file, &[]).unwrap_err();
    assert!(error.to_string().contains(&format!("locked by process {}", std::process::id())));
    drop(first);
    assert_eq!(claim(&it.file, &[]).unwrap().file(), it.file);
}

#[test]
fn a_live_server_with_the_file_open_keeps_it() {
    let it = folder();
    let holder = Holder::of(&it.file);
    fs::write(&it.pid_file, format!("{}\n", holder.pid())).unwrap();
    let pid_files = [it.pid_file.with_extension("none"), it.pid_file.clone()];
    let error = claim(&it.file, &pid_files).unwrap_err();
    assert!(matches!(&error, ClaimError::InUse { pid, .. } if *pid == holder.pid()), "{error}");
    drop(holder);
    claim(&it.file, &pid_files).unwrap();
}

#[test]
fn a_live_server_with_another_file_does_not() {
    let it = folder();
    let holder = Holder::of(&it.file.with_extension("other"));
    fs::write(&it.pid_file, holder.pid().to_string()).unwrap();
    claim(&it.file, std::slice::from_ref(&it.pid_file)).unwrap();
}

#[test]
fn a_running_cleanup_keeps_the_file() {
    let it = folder();
    let holder = Holder::of(&it.pid_file);
    let note = it.file.with_extension("csv.pid");
    fs::write(&note, holder.pid().to_string()).unwrap();
    let error = claim(&it.file, &[]).unwrap_err();
    assert!(matches!(&error, ClaimError::CleanedUp { pid_file, .. } if *pid_file == note));
    drop(holder);
    claim(&it.file, &[]).unwrap();
}

#[test]
fn stale_and_odd_pid_files_are_passed_over() {
    let it = folder();
    for text in ["", "kea", "-1", "99999999999", &std::process::id().to_string()] {
        fs::write(&it.pid_file, text).unwrap();
        fs::write(it.file.with_extension("csv.pid"), text).unwrap();
        claim(&it.file, std::slice::from_ref(&it.pid_file)).unwrap();
    }
}
