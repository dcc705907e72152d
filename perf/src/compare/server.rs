//! A server that is measured: a child process in its namespace, killed with the value. Shell.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::lab::Host;
use super::program::{Program, Programs};
use super::{CompareError, control};
use crate::clock::{Clock, pause};
use crate::syscall;

/// How long a server may take to start: a Kea reads two million leases in less than half a minute.
const PATIENCE: Duration = Duration::from_secs(900);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(5);
/// How long the cleanup of ten million leases is waited for.
const CLEANUP: Duration = Duration::from_secs(60);
/// How long a server may take over one command.
const ANSWER: Duration = Duration::from_secs(10);

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) program: Program,
    pub(super) host: Host,
    child: Child,
}

impl Server {
    /// Starts it, and does not wait.
    pub(super) fn spawn(
        programs: &Programs,
        program: &Program,
        host: &Host,
        configuration: &Value,
        threads: u16,
    ) -> Result<Self, CompareError> {
        let mut command = match program {
            Program::Echo { size } => {
                let mut command = host.command(&programs.own);
                command.arg("echo").arg(format!("{}:67", host.address));
                command.args(["--size", &size.to_string(), "--threads", &threads.to_string()]);
                command
            }
            Program::Peregrine(file) => serving(host, file, configuration)?,
            Program::Kea(kea) => serving(host, &kea.file, configuration)?,
        };
        let failed = |what: &str| CompareError::machine(&format!("{}: {what}", program.label()));
        let log = host.folder.join("output");
        let log = File::options().create(true).append(true).open(log).map_err(failed("log"))?;
        command.stderr(log.try_clone().map_err(failed("log"))?).stdout(log);
        let child = syscall::die_with_parent(&mut command).spawn().map_err(failed("start"))?;
        Ok(Self { program: program.clone(), host: host.clone(), child })
    }

    /// Waits until it answers commands and knows its leases: while they are read, no command about leases is answered.
    pub(super) fn wait_until_ready(&mut self) -> Result<(), CompareError> {
        if matches!(self.program, Program::Echo { .. }) {
            // It has no socket for commands; the generator's first queries wait in its buffer, or are asked again.
            pause(Duration::from_millis(200));
            return self.check_running();
        }
        self.wait("an answer to lease4-get", |server| {
            let nobody = json!({"ip-address": "127.0.0.1"});
            // Result 3: there is no such lease.
            server.ask("lease4-get", nobody).is_ok_and(|answer| answer["result"] == 3)
        })
    }

    /// Waits until Peregrine does not clean up its lease file, for a while: it does so after a start from Kea's rows, and again
    /// and again if it is told to.
    pub(super) fn wait_for_rest(&mut self) -> Result<(), CompareError> {
        let tasks = format!("/proc/{}/task", self.child.id());
        let is_cleaning = || {
            let tasks = fs::read_dir(&tasks).into_iter().flatten().flatten();
            let mut names = tasks.map(|task| fs::read_to_string(task.path().join("comm")));
            names.any(|name| name.is_ok_and(|name| name.trim() == "lfc"))
        };
        let clock = Clock::start();
        self.wait("end of the cleanup", |_| !is_cleaning() || clock.now() > CLEANUP)
    }

    /// Waits for its High Availability state.
    pub(super) fn wait_for_state(&mut self, state: &str) -> Result<(), CompareError> {
        self.wait(state, |server| server.state().as_deref() == Some(state))
    }

    /// Waits until `seen` is true.
    pub(super) fn wait(
        &mut self,
        what: &str,
        seen: impl Fn(&Self) -> bool,
    ) -> Result<(), CompareError> {
        let clock = Clock::start();
        loop {
            if seen(self) {
                return Ok(());
            }
            self.check_running()?;
            if syscall::interrupted() {
                return Err(CompareError::Interrupted);
            }
            if clock.now() > PATIENCE {
                return Err(self.odd(format!("no {what} within {} s", PATIENCE.as_secs())));
            }
            pause(LOOK);
        }
    }

    /// Its High Availability state, if it tells one.
    pub(super) fn state(&self) -> Option<String> {
        let answer = self.ask("status-get", Value::Null).ok()?;
        let local = &answer["arguments"]["high-availability"][0]["ha-servers"]["local"];
        local["state"].as_str().map(str::to_owned)
    }

    /// Sends a command.
    pub(super) fn ask(&self, command: &str, more: Value) -> std::io::Result<Value> {
        control::ask(&self.socket(), command, more, ANSWER)
    }

    /// Where its commands go.
    pub(super) fn socket(&self) -> PathBuf {
        self.host.folder.join("ctl")
    }

    /// A counter of `statistic-get`.
    pub(super) fn counter(&self, name: &str) -> Option<u64> {
        let answer = self.ask("statistic-get", serde_json::json!({ "name": name })).ok()?;
        answer["arguments"][name][0][0].as_u64()
    }

    /// Memory in use, in octets.
    pub(super) fn memory(&self) -> Result<u64, CompareError> {
        let file = format!("/proc/{}/status", self.child.id());
        let text = fs::read_to_string(&file).map_err(CompareError::machine(&file))?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kib.map(|kib| kib * 1024).ok_or_else(|| self.odd(format!("no VmRSS in {file}")))
    }

    /// The process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Fails with what it said if it has ended.
    pub(super) fn check_running(&mut self) -> Result<(), CompareError> {
        match self.child.try_wait() {
            Ok(Some(status)) => {
                let said = |name: &str| {
                    let text = fs::read_to_string(self.host.folder.join(name)).unwrap_or_default();
                    let tail: Vec<&str> = text.lines().rev().take(5).collect();
                    tail.into_iter().rev().collect::<Vec<_>>().join("\n")
                };
                let found = format!("ended with {status}:\n{}\n{}", said("output"), said("log"));
                Err(self.odd(found))
            }
            _ => Ok(()),
        }
    }

    fn odd(&self, found: String) -> CompareError {
        CompareError::Server { server: self.program.label(), found }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes the configuration, and makes the command that serves by it.
fn serving(host: &Host, file: &Path, configuration: &Value) -> Result<Command, CompareError> {
    let path = host.folder.join("conf");
    let text = serde_json::json!({ "Dhcp4": configuration }).to_string();
    fs::write(&path, text).map_err(CompareError::machine(&path.display()))?;
    let mut command = host.command(file);
    command.arg("-c").arg(&path);
    for name in
        ["KEA_PIDFILE_DIR", "KEA_DHCP_DATA_DIR", "KEA_CONTROL_SOCKET_DIR", "KEA_LOG_FILE_DIR"]
    {
        command.env(name, &host.folder);
    }
    command.env("KEA_LOCKFILE_DIR", "none").stdin(Stdio::null());
    Ok(command)
}

/// Removes what an earlier run of a server left.
pub(super) fn clean(host: &Host) -> Result<(), CompareError> {
    let failed = CompareError::machine(&host.folder.display());
    let renewed = fs::remove_dir_all(&host.folder).and_then(|()| fs::create_dir_all(&host.folder));
    renewed.map_err(failed)
}
