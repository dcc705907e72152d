//! Another configuration for a server that runs (*shell*). What is decided by the configuration is swapped in whole
//! between two batches of packets; sockets, loggers and control sockets that stay the same are left alone. What cannot
//! change without a restart is refused, and then nothing has changed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::Value;

use super::pipeline::Pipeline;
use crate::clock::Clock;
use crate::config::json::{Mistake, Node};
use crate::config::model::{ControlSocket as SocketConfig, Dhcp4, Interfaces};
use crate::control::Registry;
use crate::control::core::Served;
use crate::control::unix::{self, ControlSocket};
use crate::limits::{RELOAD_LOOKS, SOON_MS};
use crate::log;
use crate::packet::interfaces::{self, Absent};
use crate::stats::Stats;
use crate::sync::{Live, Mutex};
use crate::v4::Snapshot;
use crate::worker::Listening;

/// The new configuration was not taken; the old one is served as before.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each says what its cause says")]
pub enum ReloadError {
    #[error("the server is still starting: ask again")]
    Starting,
    #[error(transparent)]
    Control(#[from] unix::OpenError),
    #[error(transparent)]
    Log(#[from] log::StartError),
    #[error("cannot list the interfaces: {0}")]
    Interfaces(io::Error),
    #[error("cannot listen, as service-sockets-require-all demands: {}", Listed(.0))]
    Absent(Vec<Absent>),
}

struct Listed<'a>(&'a [Absent]);

impl std::fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let all: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&all.join("; "))
    }
}

/// Changes the configuration of a running server, from any thread.
pub struct Reload {
    pub(super) current: Arc<Live<Dhcp4>>,
    pub(super) served: Arc<Live<Served>>,
    pub(super) clock: Arc<dyn Clock>,
    /// What runs, once it does.
    pub(super) running: OnceLock<Running>,
    /// One change at a time.
    pub(super) turn: Mutex<()>,
}

/// What a new configuration is handed to.
pub(super) struct Running {
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) listening: Listening,
    pub(super) doors: Arc<Doors>,
}

impl std::fmt::Debug for Reload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reload").field("since", &self.served.load().since).finish_non_exhaustive()
    }
}

impl Reload {
    /// The configuration that is served.
    pub fn current(&self) -> Arc<Dhcp4> {
        self.current.load()
    }

    /// What config-get tells of it.
    pub fn served(&self) -> Arc<Served> {
        self.served.load()
    }

    /// What of `new`, read from `source`, only a restart could bring.
    pub fn refusals(&self, new: &Dhcp4, source: &Node) -> Vec<Mistake> {
        let old = self.current.load();
        let dhcp4 = source.get("Dhcp4");
        let at = |word| dhcp4.and_then(|part| part.entry(word)).map_or(&source.at, |it| &it.at);
        let mut found = Vec::new();
        if new.multi_threading != old.multi_threading {
            found.push(Mistake::new(at("multi-threading"), restart("multi-threading")));
        }
        let (a, b) = (&new.lease_database, &old.lease_database);
        if (a.persist, &a.file, a.sync_to_disk) != (b.persist, &b.file, b.sync_to_disk) {
            found.push(Mistake::new(at("lease-database"), restart("lease-database")));
        }
        found
    }

    /// Serves by `new` from now on; `json` is what config-get tells of it. `before` is called once nothing can fail any
    /// more and before the first packet meets `new`.
    ///
    /// # Errors
    /// Why `new` was not taken. Nothing has changed then.
    pub fn apply(
        &self,
        new: Dhcp4,
        json: Value,
        before: impl FnOnce(&Dhcp4),
    ) -> Result<(), ReloadError> {
        let _turn = self.turn.lock();
        let Running { pipeline, listening, doors } = self.running()?;
        let old = self.current.load();
        require_interfaces(&new.interfaces)?;
        let added = doors.open_new(&new.control_sockets)?;
        if new.loggers != old.loggers {
            log::reroute(&new.loggers)?;
        }
        let new = Arc::new(new);
        let classes = pipeline.admission.classes();
        let snapshot = Snapshot::build(Arc::clone(&new), &classes);
        before(&new);
        pipeline.stats.set_places(&super::places(&new));
        let retired = pipeline.snapshot.replace(Arc::new(snapshot));
        self.current.replace(Arc::clone(&new));
        let since = self.clock.now().mono;
        self.served.replace(Arc::new(Served { json, since }));
        let limit = usize::try_from(new.parked_packet_limit).unwrap_or(usize::MAX);
        pipeline.pending.set_limit(limit);
        if new.interfaces != old.interfaces {
            listening.configure(&new.interfaces);
        }
        doors.settle(added, &new.control_sockets);
        outlive(&retired);
        Ok(())
    }
}

impl Reload {
    /// What runs; the control sockets are open a moment before it does.
    fn running(&self) -> Result<&Running, ReloadError> {
        for _ in 0..RELOAD_LOOKS {
            if let Some(running) = self.running.get() {
                return Ok(running);
            }
            std::thread::park_timeout(Duration::from_millis(SOON_MS));
        }
        Err(ReloadError::Starting)
    }
}

/// What is said of a part that was changed and cannot be.
fn restart(part: &str) -> String {
    format!("got another {part} than the one in use, expected the same: it takes a restart")
}

fn require_interfaces(wanted: &Interfaces) -> Result<(), ReloadError> {
    if !wanted.require_all {
        return Ok(());
    }
    match interfaces::absent(wanted).map_err(ReloadError::Interfaces)? {
        absent if absent.is_empty() => Ok(()),
        absent => Err(ReloadError::Absent(absent)),
    }
}

/// Waits until no worker uses `retired` any more, so that it is not a worker who has to take down, between two
/// packets, what may be a million reservations. A batch is short, and so is the wait.
fn outlive(retired: &Arc<Snapshot>) {
    for _ in 0..RELOAD_LOOKS {
        if Arc::strong_count(retired) == 1 {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(SOON_MS));
    }
}

/// The control sockets that are open.
#[derive(Default)]
pub(super) struct Doors(Mutex<Vec<(PathBuf, ControlSocket)>>, Office);

/// Who answers behind them.
#[derive(Default)]
pub(super) struct Office {
    pub(super) registry: Arc<Registry>,
    pub(super) stats: Arc<Stats>,
}

impl std::fmt::Debug for Doors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Doors").field(&*self.0.lock()).finish()
    }
}

impl Doors {
    /// Opens every one of `wanted`.
    pub(super) fn open(office: Office, wanted: &[SocketConfig]) -> Result<Self, unix::OpenError> {
        let doors = Self(Mutex::default(), office);
        let opened = doors.open_new(wanted)?;
        *doors.0.lock() = opened;
        Ok(doors)
    }

    /// Opens those of `wanted` that are not open.
    fn open_new(
        &self,
        wanted: &[SocketConfig],
    ) -> Result<Vec<(PathBuf, ControlSocket)>, unix::OpenError> {
        let open = self.0.lock();
        let mut opened: Vec<(PathBuf, ControlSocket)> = Vec::new();
        for SocketConfig::Unix { path } in wanted {
            let has = |all: &[(PathBuf, ControlSocket)]| all.iter().any(|(known, _)| known == path);
            if has(&open) {
                continue;
            }
            let Office { registry, stats } = &self.1;
            let socket = ControlSocket::open(path, Arc::clone(registry), Arc::clone(stats))?;
            opened.push((path.clone(), socket));
        }
        Ok(opened)
    }

    /// Adds what was opened and closes what is not wanted any more; who has asked there is still answered.
    fn settle(&self, opened: Vec<(PathBuf, ControlSocket)>, wanted: &[SocketConfig]) {
        let is_wanted =
            |path: &Path| wanted.iter().any(|SocketConfig::Unix { path: wanted }| wanted == path);
        let mut open = self.0.lock();
        let (stay, leave) = std::mem::take(&mut *open).into_iter().partition(|it| is_wanted(&it.0));
        *open = stay;
        open.extend(opened);
        drop(open);
        let leave: Vec<(PathBuf, ControlSocket)> = leave;
        drop(leave);
    }

    /// Closes all.
    pub(super) fn close(&self) {
        let open = std::mem::take(&mut *self.0.lock());
        drop(open);
    }
}
