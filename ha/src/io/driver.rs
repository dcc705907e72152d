//! The driver of one relationship (*shell*): its threads, from the start to the stop.
//!
//! One thread runs the machine's timers, one sends heartbeats, one does longer errands (synchronisation, reset,
//! maintenance), the client threads empty the outbox, the listener's threads take the partner's commands.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam::channel::{Receiver, RecvTimeoutError};
use engine::clock::Clock;
use engine::control::leases::LeaseCommands;
use engine::control::{Channel, Registry};
use engine::lease::LeaseStore;
use engine::log;
use engine::stats::Stats;

use super::client::{Connection, Stop, Stopper, Target};
use super::errand::Runner;
use super::listener::{ListenError, Listener, Settings as ListenerSettings};
use super::pool::Courier;
use crate::half::errand::{Clerk, Flush};
use crate::half::{Half, Halves, Job, Receivers, all_of, backups, batch, commands};
use crate::limits::{MAX_PAGE, MAX_THREADS, MAX_WAIT};
use crate::outbox::PeerQueue;

/// What a driver is told by the configuration, beside the machine's parameters.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where each of the other peers listens, by its name.
    pub targets: BTreeMap<Arc<str>, Target>,
    /// The own listener, if there shall be one.
    pub listener: Option<ListenerSettings>,
    /// Connections to each peer, at least 1 (`http-client-threads`, 0 already replaced by the workers' number).
    pub client_threads: usize,
    /// `sync-page-limit`, at least 1.
    pub sync_page_limit: u32,
}

/// What a driver needs of the engine.
#[derive(Clone)]
pub struct Parts {
    /// The leases.
    pub store: Arc<dyn LeaseStore>,
    /// The lease commands, for a partner's updates that come together.
    pub leases: LeaseCommands,
    /// Writes the lease file up to a change.
    pub flush: Flush,
    /// The commands; the driver adds its own.
    pub registry: Arc<Registry>,
    /// Reads the time for the listener's `Date`.
    pub clock: Arc<dyn Clock>,
    /// Counts what the listener meets.
    pub stats: Arc<Stats>,
}

/// Why a relationship cannot be driven. The configuration or the machine is to blame.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The own listener.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A thread, or an event queue for it.
    #[error("cannot start a thread of the relationship: {0}")]
    Thread(#[from] io::Error),
    /// A peer without an address.
    #[error("peer '{0}' has no address to connect to")]
    NoTarget(Arc<str>),
    /// The half has a driver already.
    #[error("relationship of '{0}' is driven already")]
    Driven(Arc<str>),
}

/// A running relationship; dropping it stops it: what waits for a peer fails, and nobody is talked to any more.
pub struct Driver {
    half: Arc<Half>,
    stopper: Stopper,
    threads: Vec<JoinHandle<()>>,
    listener: Option<Listener>,
    listen: Option<Listen>,
}

/// What the listener is started from, again if need be.
#[derive(Clone)]
struct Listen {
    settings: ListenerSettings,
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    stats: Arc<Stats>,
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("half", &self.half).finish_non_exhaustive()
    }
}

impl Driver {
    /// Starts all threads and registers the ha-* commands, for the only relationship of a server.
    pub fn start(half: Arc<Half>, settings: Settings, parts: Parts) -> Result<Self, StartError> {
        let receivers = receivers(&half)?;
        register(&all_of(std::slice::from_ref(&half)), &parts);
        Self::drive(half, receivers, settings, &parts)
    }

    /// Starts all threads for one of the relationships of a server; [`register`] adds the commands of all.
    pub(crate) fn start_one(
        half: &Arc<Half>,
        settings: Settings,
        parts: &Parts,
    ) -> Result<Self, StartError> {
        let receivers = receivers(half)?;
        Self::drive(Arc::clone(half), receivers, settings, parts)
    }

    fn drive(
        half: Arc<Half>,
        receivers: Receivers,
        settings: Settings,
        parts: &Parts,
    ) -> Result<Self, StartError> {
        let (stopper, stop) = Stopper::new();
        let registry = Arc::new(parts.registry.over(Channel::Partner(half.index())));
        let (clock, stats) = (Arc::clone(&parts.clock), Arc::clone(&parts.stats));
        let listen = settings.listener.clone();
        let listen = listen.map(|settings| Listen { settings, registry, clock, stats });
        let mut driver = Self { half, stopper, threads: Vec::new(), listener: None, listen };
        driver.open_listener()?;
        let clerk = Clerk {
            half: Arc::clone(&driver.half),
            store: Arc::clone(&parts.store),
            flush: Arc::clone(&parts.flush),
            page_limit: settings.sync_page_limit.clamp(1, MAX_PAGE),
        };
        driver.start_clients(&settings, &clerk, &parts.stats, &stop)?;
        driver.start_errands(&settings, clerk, receivers, stop)?;
        log!(HA_SERVICE_STARTED, "{}: started high availability service", driver.half.server());
        Ok(driver)
    }

    /// The machine, its gate and its outbox.
    pub fn half(&self) -> &Arc<Half> {
        &self.half
    }

    /// Where the own listener listens.
    pub fn listens_on(&self) -> Option<SocketAddr> {
        self.listener.as_ref().map(Listener::address)
    }

    /// Lets the partner's commands in, if there shall be a listener and it is closed.
    pub fn open_listener(&mut self) -> Result<(), ListenError> {
        if let (None, Some(listen)) = (&self.listener, &self.listen) {
            let Listen { settings, registry, clock, stats } = listen.clone();
            self.listener = Some(Listener::start(settings, registry, clock, stats)?);
        }
        Ok(())
    }

    /// Takes no more commands of the partner and closes its connections.
    pub fn close_listener(&mut self) {
        self.listener = None;
    }

    /// Stops all threads and waits for them.
    pub fn stop(self) {
        drop(self);
    }

    fn start_clients(
        &mut self,
        settings: &Settings,
        clerk: &Clerk,
        stats: &Arc<Stats>,
        stop: &Stop,
    ) -> Result<(), StartError> {
        let peers = self.half.gate().peers();
        let partner = peers.is_active_pair().then(|| peers.partner()).flatten();
        let partner = partner.map(|peer| (PeerQueue::Partner, &peer.name));
        let backups = backups(peers).enumerate().map(|(n, name)| (PeerQueue::Backup(n), name));
        let number = settings.client_threads.clamp(1, MAX_THREADS);
        let mut threads = Vec::new();
        for (peer, name) in partner.into_iter().chain(backups) {
            let courier = Courier {
                clerk: clerk.clone(),
                peer,
                target: target(settings, name)?,
                stats: Arc::clone(stats),
                stop: stop.clone(),
            };
            threads.extend(courier.start(number)?);
        }
        self.threads.extend(threads);
        Ok(())
    }

    fn start_errands(
        &mut self,
        settings: &Settings,
        clerk: Clerk,
        receivers: Receivers,
        stop: Stop,
    ) -> Result<(), StartError> {
        let Receivers { heartbeats, others, wake } = receivers;
        let peers = self.half.gate().peers();
        let local = &peers.local().name;
        // In passive-backup there is no partner, but backups from which an administrator may fetch.
        let mut others_than_this = peers.all().iter().filter(|peer| peer.name != *local);
        if let Some(partner) = peers.partner().or_else(|| others_than_this.next()) {
            let targets = peers.all().iter().map(|peer| {
                // The machine never names this server itself; its place is filled all the same.
                target(settings, if peer.name == *local { &partner.name } else { &peer.name })
            });
            let runner = Runner {
                clerk,
                partner: target(settings, &partner.name)?,
                targets: targets.collect::<Result<_, _>>()?,
                stop: stop.clone(),
            };
            self.threads.push(spawn_runner("ha-heartbeat", runner.clone(), heartbeats)?);
            self.threads.push(spawn_runner("ha-errands", runner, others)?);
        }
        let half = Arc::clone(&self.half);
        let timers = std::thread::Builder::new().name("ha-timers".into());
        self.threads.push(timers.spawn(move || run_timers(&half, &wake, &stop))?);
        Ok(())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.stopper.stop();
        self.half.outbox().stop();
        self.half.wake();
        self.half.dismiss();
        self.listener = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        log!(HA_DEINIT_OK, "{}: stopped high availability service", self.half.server());
    }
}

/// Registers the commands of the relationships of a server.
pub(crate) fn register(halves: &Halves, parts: &Parts) {
    commands::register(halves, &parts.registry);
    batch::register(halves, &parts.leases, &parts.registry);
}

fn receivers(half: &Half) -> Result<Receivers, StartError> {
    half.take_receivers().ok_or_else(|| StartError::Driven(Arc::clone(half.server())))
}

fn target(settings: &Settings, name: &Arc<str>) -> Result<Target, StartError> {
    settings.targets.get(name).cloned().ok_or_else(|| StartError::NoTarget(Arc::clone(name)))
}

fn spawn_runner(name: &str, runner: Runner, jobs: Receiver<Job>) -> io::Result<JoinHandle<()>> {
    let connection = Connection::new(runner.partner.clone(), runner.stop.clone())?;
    let builder = std::thread::Builder::new().name(name.into());
    builder.spawn(move || runner.run(&jobs, connection))
}

fn run_timers(half: &Half, wake: &Receiver<()>, stop: &Stop) {
    while !stop.is_given() {
        let due = half.handle_timeout();
        let now = half.clock().now().mono;
        let wait = due.map_or(MAX_WAIT, |due| due.since(now).min(MAX_WAIT));
        if wake.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}
