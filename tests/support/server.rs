//! A server under test: Peregrine, or Debian's Kea 2.2 in its place.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::loopback::Loopback;
use crate::support::net::Lan;
use crate::support::wait::until;

/// Which program serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Peregrine,
    Kea,
}

/// A running server; killed with the value.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    host: &'static str,
    folder: PathBuf,
    config: PathBuf,
    child: Option<Child>,
}

/// How long anything of the network or a process may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

impl Server {
    /// A server on `host` with its files in `folder`; not started yet.
    pub(crate) fn new(kind: Kind, host: &'static str, folder: &Path) -> Self {
        let folder = folder.join(host);
        fs::create_dir_all(&folder).unwrap();
        let config = folder.join("conf");
        Self { kind, host, folder, config, child: None }
    }

    /// A Peregrine on `host` with its files in `folder`, by a configuration file that is not its own alone.
    pub(crate) fn by_file(host: &'static str, folder: &Path, config: &Path) -> Self {
        let mut server = Self::new(Kind::Peregrine, host, folder);
        server.config = config.to_owned();
        server
    }

    /// A Peregrine with a configuration of its own that shares everything else with another server.
    pub(crate) fn beside(other: &Self) -> Self {
        let config = other.folder.join("conf-beside");
        let folder = other.folder.clone();
        Self { kind: Kind::Peregrine, host: other.host, folder, config, child: None }
    }

    /// The configuration's parts that name files: control socket and lease database.
    pub(crate) fn files(&self) -> Value {
        json!({
            "control-socket": {"socket-type": "unix", "socket-name": self.folder.join("ctrl")},
            "lease-database": {
                "type": "memfile", "name": self.lease_file(), "lfc-interval": 0
            },
        })
    }

    /// The lease file.
    pub(crate) fn lease_file(&self) -> PathBuf {
        self.folder.join("leases.csv")
    }

    /// What the server wrote to its log so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Writes the configuration (its `Dhcp4` part, to which the files are added).
    pub(crate) fn configure(&self, dhcp4: &Value) {
        let mut all = self.files();
        for (key, value) in dhcp4.as_object().unwrap() {
            all[key] = value.clone();
        }
        fs::write(&self.config, json!({ "Dhcp4": all }).to_string()).unwrap();
    }

    /// Writes the text of a whole configuration file, which names this server's files itself.
    pub(crate) fn configure_by(&self, text: &str) {
        fs::write(&self.config, text).unwrap();
    }

    /// Where its files are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts the program on its host and waits until it answers commands.
    pub(crate) fn start(&mut self, lan: &Lan) {
        self.start_by(lan.on(self.host, self.program()));
    }

    /// Starts the program on loopback, without root, and waits until it answers commands.
    pub(crate) fn start_here(&mut self, place: &Loopback) {
        self.start_as(self.here(place), None);
    }

    /// As [`Self::start_here`], with a pipe that nobody reads as its standard output.
    pub(crate) fn start_unread(&mut self, place: &Loopback) {
        self.start_as(self.here(place), Some(Stdio::piped()));
    }

    /// Expects the program not to start on loopback; returns how it ended and what it said.
    pub(crate) fn refused_here(&self, place: &Loopback) -> (ExitStatus, String) {
        let output = self.with_files(self.here(place)).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status, text(&output.stdout) + &text(&output.stderr))
    }

    /// The program's name or path.
    pub(crate) fn program(&self) -> &'static str {
        match self.kind {
            Kind::Peregrine => env!("CARGO_BIN_EXE_peregrine"),
            Kind::Kea => "kea-dhcp4",
        }
    }

    /// Starts the program by a command of which the arguments are still missing, and waits until it answers.
    pub(crate) fn start_by(&mut self, command: Command) {
        self.start_as(command, None);
        assert!(!self.log().contains("DHCPSRV_OPEN_SOCKET_FAIL"), "{}", self.log());
    }

    fn here(&self, place: &Loopback) -> Command {
        let mut command = Command::new(self.program());
        command.args(place.arguments());
        command
    }

    fn with_files(&self, mut command: Command) -> Command {
        command
            .arg("-c")
            .arg(&self.config)
            .env("KEA_PIDFILE_DIR", &self.folder)
            .env("KEA_LOCKFILE_DIR", "none")
            .env("KEA_DHCP_DATA_DIR", &self.folder)
            .stdin(Stdio::null());
        command
    }

    fn start_as(&mut self, command: Command, stdout: Option<Stdio>) {
        let _ = fs::remove_file(self.folder.join("ctrl"));
        let log = File::options().create(true).append(true).open(self.folder.join("log")).unwrap();
        let stdout = stdout.unwrap_or_else(|| log.try_clone().unwrap().into());
        let mut command = self.with_files(command);
        self.child = Some(command.stdout(stdout).stderr(log).spawn().unwrap());
        until("answer to status-get", PATIENCE, || {
            let exited = self.child.as_mut().and_then(|child| child.try_wait().unwrap());
            assert!(exited.is_none(), "{:?} ended with {exited:?}:\n{}", self.kind, self.log());
            self.try_command(&json!({"command": "status-get"})).map_err(|error| error.to_string())
        });
    }

    /// Kills the program on the spot.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Whether it was started and not ended.
    pub(crate) fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("it was started").id()
    }

    /// Waits until the program has ended by itself.
    pub(crate) fn wait_for_end(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it was started");
        until("end of the program", PATIENCE, || child.try_wait().unwrap().ok_or(()))
    }

    /// Memory that the process has in use, in KiB.
    pub(crate) fn memory_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Every counter by its name.
    pub(crate) fn statistics(&self) -> BTreeMap<String, u64> {
        let answer = self.command(&json!({"command": "statistic-get-all"}));
        let counters = answer["arguments"].as_object().unwrap().iter();
        counters.map(|(name, samples)| (name.clone(), samples[0][0].as_u64().unwrap())).collect()
    }

    /// The control socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("ctrl")
    }

    /// Sends a command and returns its answer.
    pub(crate) fn command(&self, request: &Value) -> Value {
        self.try_command(request)
            .unwrap_or_else(|error| panic!("{request}: {error}\n{}", self.log()))
    }

    fn try_command(&self, request: &Value) -> std::io::Result<Value> {
        let mut stream = UnixStream::connect(self.folder.join("ctrl"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(request.to_string().as_bytes())?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        text.parse().map_err(std::io::Error::other)
    }

    /// Every lease, by address.
    pub(crate) fn leases(&self) -> Vec<Value> {
        let answer = self.command(&json!({"command": "lease4-get-all"}));
        answer["arguments"]["leases"].as_array().cloned().unwrap_or_default()
    }

    /// The local part of status-get's High Availability.
    pub(crate) fn ha(&self) -> Value {
        self.command(&json!({"command": "status-get"}))["arguments"]["high-availability"][0]
            ["ha-servers"]
            .clone()
    }

    /// Waits until the server is in one of these HA states.
    pub(crate) fn wait_for_state(&self, states: &[&str]) {
        until(&format!("{states:?} at {}", self.host), PATIENCE, || {
            let seen = self.ha()["local"]["state"].as_str().unwrap_or("none").to_owned();
            if states.contains(&seen.as_str()) { Ok(()) } else { Err(seen) }
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            eprintln!(
                "== {:?} on {}, last lines first:\n{}",
                self.kind,
                self.host,
                tail.join("\n")
            );
        }
    }
}
