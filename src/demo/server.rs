//! A server of the pair: a child process that is killed when this value goes, or this process does.
//! Shell.

use std::fs::{self, File};
use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use perf::syscall;
use serde_json::{Value, json};

use super::DemoError;
use super::books::{self, Book};
use super::site::{Member, Site};
use crate::control::{self, Answer, EMPTY};

/// How long a server may take to answer one command.
const PATIENCE: Duration = Duration::from_secs(5);
/// Leases asked for at a time.
const PAGE: usize = 2000;
/// Pages at most: far more than the pools hold.
const PAGES: usize = 1000;

/// A server, up or down.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) member: Member,
    command_line: CommandLine,
    socket: PathBuf,
    log: PathBuf,
    child: Option<Child>,
}

#[derive(Debug)]
struct CommandLine {
    program: PathBuf,
    configuration: PathBuf,
    directory: PathBuf,
    ports: [u16; 2],
}

impl Server {
    /// Writes the configuration of `member` and makes ready to start `program` with it.
    pub(super) fn new(
        member: Member,
        program: &Path,
        site: &Site,
        relay_port: u16,
    ) -> Result<Self, DemoError> {
        let command_line = CommandLine {
            program: program.to_owned(),
            configuration: site.write_configuration(&member)?,
            directory: site.directory.clone(),
            ports: [site.dhcp_port, relay_port],
        };
        let (socket, log) = (site.file(&member, "ctl"), site.file(&member, "log"));
        Ok(Self { member, command_line, socket, log, child: None })
    }

    /// Starts the process; what it says is added to its log.
    pub(super) fn start(&mut self) -> Result<(), DemoError> {
        let failed = || DemoError::machine(format!("{} could not be started", self.member.name));
        let log = File::options().create(true).append(true).open(&self.log).map_err(failed())?;
        let line = &self.command_line;
        let mut command = Command::new(&line.program);
        command
            .arg("-c")
            .arg(&line.configuration)
            .args(["-p", &line.ports[0].to_string(), "-P", &line.ports[1].to_string()])
            .env("KEA_PIDFILE_DIR", &line.directory)
            .env("KEA_LOCKFILE_DIR", &line.directory)
            .stdin(Stdio::null())
            .stderr(log.try_clone().map_err(failed())?)
            .stdout(log);
        self.child = Some(syscall::die_with_parent(&mut command).spawn().map_err(failed())?);
        Ok(())
    }

    /// Kills the process (SIGKILL) and waits for its end.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sees whether the process still runs.
    ///
    /// # Errors
    /// [`DemoError::Ended`] if it should and does not.
    pub(super) fn check_running(&mut self) -> Result<(), DemoError> {
        let Some(child) = &mut self.child else { return Ok(()) };
        match child.try_wait() {
            Ok(Some(status)) => {
                self.child = None;
                Err(DemoError::Ended { server: self.member.name, status: status.to_string() })
            }
            Ok(None) | Err(_) => Ok(()),
        }
    }

    /// The state of its High Availability relationship, if it is up and tells.
    pub(super) fn state(&self) -> Option<String> {
        let answer = control::ask(&self.socket, "status-get", None, PATIENCE).ok()?;
        state_in(&answer.arguments)
    }

    /// All leases in its books.
    pub(super) fn book(&self) -> Result<Book, DemoError> {
        let mut book = Book::new();
        let mut from = "start".to_owned();
        for _ in 0..PAGES {
            let answer = self.ask("lease4-get-page", json!({"from": from, "limit": PAGE}))?;
            match books::enter(&mut book, &answer.arguments) {
                Ok(Some(last)) if answer.result == 0 => from = last.to_string(),
                Ok(_) if answer.result == 0 || answer.result == EMPTY => break,
                Ok(_) => return Err(self.unexpected("lease4-get-page", answer.text)),
                Err(found) => return Err(self.unexpected("lease4-get-page", found)),
            }
        }
        Ok(book)
    }

    /// What it logged from octet `from` on.
    pub(super) fn log_from(&self, from: usize) -> String {
        let octets = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(octets.get(from..).unwrap_or_default()).into_owned()
    }

    /// Octets in the log.
    pub(super) fn log_len(&self) -> usize {
        let len = fs::metadata(&self.log).map_or(0, |metadata| metadata.len());
        usize::try_from(len).unwrap_or(usize::MAX)
    }

    /// Its server identifier.
    pub(super) fn identifier(&self) -> Ipv4Addr {
        self.member.address
    }

    fn ask(&self, command: &'static str, arguments: Value) -> Result<Answer, DemoError> {
        control::ask(&self.socket, command, Some(arguments), PATIENCE)
            .map_err(|error: io::Error| self.unexpected(command, error.to_string()))
    }

    fn unexpected(&self, command: &'static str, found: String) -> DemoError {
        DemoError::Answer { server: self.member.name, command, found }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The local state in the arguments of status-get.
fn state_in(arguments: &Value) -> Option<String> {
    let local = &arguments["high-availability"][0]["ha-servers"]["local"];
    local["state"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::site::PAIR;

    #[test]
    fn the_state_is_found_in_status_get() {
        let arguments = json!({"pid": 1, "high-availability": [{
            "ha-mode": "load-balancing",
            "ha-servers": {"local": {"role": "primary", "state": "partner-down"}, "remote": {}},
        }]});
        assert_eq!(state_in(&arguments).as_deref(), Some("partner-down"));
        assert_eq!(state_in(&json!({})), None);
    }

    #[test]
    fn a_child_that_ends_is_noticed_and_its_words_are_kept() {
        let site = Site::prepare("").unwrap();
        let mut server = Server::new(PAIR[0], Path::new("/bin/echo"), &site, 1068).unwrap();
        server.start().unwrap();
        let ended = (0..1000).find_map(|_| {
            perf::clock::pause(std::time::Duration::from_millis(5));
            server.check_running().err()
        });
        assert!(matches!(ended, Some(DemoError::Ended { server: "server1", .. })), "{ended:?}");
        assert!(server.log_from(0).contains("-c "), "{}", server.log_from(0));
        assert!(server.log_from(0).contains("-P 1068"));
        assert_eq!(server.log_from(server.log_len()), "");
    }

    #[test]
    fn a_child_goes_with_the_server() {
        let site = Site::prepare("").unwrap();
        let script = site.directory.join("wait");
        fs::write(&script, "#!/bin/sh\nexec sleep 1000\n").unwrap();
        let mut mode = fs::metadata(&script).unwrap().permissions();
        std::os::unix::fs::PermissionsExt::set_mode(&mut mode, 0o700);
        fs::set_permissions(&script, mode).unwrap();
        let mut server = Server::new(PAIR[0], &script, &site, 1068).unwrap();
        server.start().unwrap();
        server.check_running().unwrap();
        let id = server.child.as_ref().unwrap().id();
        drop(server);
        assert!(!Path::new(&format!("/proc/{id}")).exists());
    }
}
