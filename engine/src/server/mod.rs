//! The server (*shell*): puts the rooms together and runs them until it is told to stop.
//!
//! [`Prepared::new`] takes what can be refused (the lease file, the sockets); whoever takes part joins it through
//! [`Parts`]; [`Prepared::start`] begins to serve.

mod commit;
#[cfg(all(test, not(feature = "model")))]
mod contention;
mod housekeeping;
mod pipeline;
mod reload;
mod sanity;
mod settle;
mod storage;
mod tell;
mod trial;

use std::collections::BTreeMap;
use std::hash::RandomState;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use crossbeam::channel::{Receiver, Sender, bounded};
use serde_json::Value;

pub use commit::Commits;
pub use pipeline::Pipeline;
pub use reload::{Reload, ReloadError};
pub use settle::ReplySender;
pub use storage::{Storage, StorageError};
pub use trial::shortcomings;

use crate::alloc::Offers;
use crate::clock::{Clock, Mono, SystemClock};
use crate::config::model::{Dhcp4, Subnet4};
use crate::control::Registry;
use crate::control::census::{Census, Configured, SubnetPools};
use crate::control::core::{Core, Served};
use crate::control::leases::LeaseCommands;
use crate::control::unix;
use crate::lease::csv::LoadError;
use crate::lease::json::{LeaseSubnet, SubnetKey};
use crate::limits::LOAD_AT_ONCE;
use crate::log;
use crate::packet::{self, Links, Ports, Sockets};
use crate::pending::Pending;
use crate::seam::service::Service;
use crate::seam::{Admission, GuardPost, Replication};
use crate::select::is_open;
use crate::stats::{Place, Stats};
use crate::sync::{Live, Mutex};
use crate::v4::Snapshot;
use crate::worker::{self, Pool, Settings};
use housekeeping::{Duties, Housekeeper};
use reload::{Doors, Office, Running};
pub use sanity::Sanity;
use settle::Settling;

/// What the command line adds to the configuration.
#[derive(Clone, Debug)]
pub struct Options {
    /// Ports to use instead of 67 and 68.
    pub ports: Ports,
    /// Pid files of servers that may hold the lease file.
    pub pid_files: Vec<PathBuf>,
    /// Our own name and version.
    pub own_name: &'static str,
}

/// The server cannot start. Nothing was served.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each says what its cause says")]
pub enum StartError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Sockets(#[from] packet::OpenError),
    #[error(transparent)]
    Workers(#[from] worker::StartError),
    #[error(transparent)]
    Control(#[from] unix::OpenError),
    #[error("cannot start housekeeping: {0}")]
    Housekeeping(io::Error),
    #[error("cannot start the thread that waits for the lease file: {0}")]
    Commits(io::Error),
    #[error("cannot start to read the leases: {0}")]
    Loading(io::Error),
}

/// What others need to take part.
#[derive(Clone)]
pub struct Parts {
    /// Reads the time.
    pub clock: Arc<dyn Clock>,
    /// The leases and their file.
    pub storage: Storage,
    /// Replies that wait for an acknowledgement.
    pub pending: Arc<Pending>,
    /// The service's switch.
    pub service: Arc<Service>,
    /// The counters.
    pub stats: Arc<Stats>,
    /// The commands.
    pub registry: Arc<Registry>,
    /// The lease commands, for a partner's updates that come together.
    pub leases: LeaseCommands,
    /// Where a guard of the leases against a partner's updates is joined.
    pub guard: GuardPost,
    /// Number of packet workers.
    pub threads: usize,
    /// `enable-multi-threading`.
    pub multi_threading: bool,
    /// Tells the server to stop, with its exit status.
    pub shutdown: Sender<u8>,
}

/// A server whose lease file and sockets are open, and that does not serve yet.
pub struct Prepared {
    config: Arc<Dhcp4>,
    reload: Arc<Reload>,
    options: Options,
    settings: Settings,
    sockets: Sockets,
    links: Arc<dyn Links>,
    parts: Parts,
    started: Mono,
    stopped: Receiver<u8>,
}

/// The running server. Dropping it stops it in order.
pub struct Server {
    // Ended in this order: commands first, then packets, then housekeeping.
    doors: Arc<Doors>,
    pool: Option<Pool>,
    _housekeeper: Housekeeper,
    storage: Storage,
    /// Reads the leases, if that is not done.
    loader: Option<JoinHandle<()>>,
    stopped: Receiver<u8>,
}

impl Prepared {
    /// Opens the lease file and the sockets. `config_json` is config-get's answer. The leases, if they are many, are read
    /// by [`Self::load`], or else while the server serves already: who holds a lease may renew it as soon as it is
    /// read, and nobody else is answered until all are.
    pub fn new(
        config: Arc<Dhcp4>,
        config_json: Value,
        options: Options,
    ) -> Result<Self, StartError> {
        let (interfaces, ports) = (config.interfaces.clone(), options.ports);
        Self::prepare(config, config_json, options, |threads, stats| {
            packet::open(&interfaces, ports, threads, stats)
        })
    }

    /// As [`Self::new`], on sockets that are open: stubs, for tests.
    pub fn with_sockets(
        config: Arc<Dhcp4>,
        config_json: Value,
        options: Options,
        sockets: Sockets,
    ) -> Result<Self, StartError> {
        Self::prepare(config, config_json, options, |_, _| Ok(sockets))
    }

    /// Reads the leases now: whoever takes part must find all of them.
    pub fn load(&self) -> Result<(), StartError> {
        Ok(load(&self.parts.storage, &self.config)?)
    }

    fn prepare(
        config: Arc<Dhcp4>,
        config_json: Value,
        options: Options,
        open: impl FnOnce(usize, &Arc<Stats>) -> Result<Sockets, packet::OpenError>,
    ) -> Result<Self, StartError> {
        let stats = Arc::new(Stats::default());
        stats.set_places(&places(&config));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
        let storage =
            Storage::open(&config.lease_database, &options.pid_files, Arc::clone(&stats))?;
        if storage.unread_bytes() <= LOAD_AT_ONCE {
            load(&storage, &config)?;
        }
        let settings = Settings::from(&config.multi_threading);
        let sockets = open(settings.threads, &stats)?;
        let sender = ReplySender {
            storage: storage.clone(),
            transmit: sockets.transmit(),
            stats: Arc::clone(&stats),
        };
        let limit = usize::try_from(config.parked_packet_limit).unwrap_or(usize::MAX);
        let pending = Arc::new(Pending::new(limit, Arc::new(sender), Arc::clone(&stats)));
        let (shutdown, stopped) = bounded(1);
        let threads = settings.threads;
        let guard = GuardPost::default();
        let current = Arc::new(Live::new(Arc::clone(&config)));
        let leases = lease_commands(&current, &storage, &clock, &guard);
        let parts = Parts {
            clock,
            storage,
            pending,
            service: Arc::default(),
            stats,
            registry: Arc::default(),
            leases,
            guard,
            threads,
            multi_threading: config.multi_threading.enabled,
            shutdown,
        };
        let started = parts.clock.now().mono;
        let links = sockets.links();
        let reload = Reload {
            current,
            served: Served::live(config_json, started),
            clock: Arc::clone(&parts.clock),
            running: OnceLock::new(),
            turn: Mutex::default(),
        };
        let prepared = Self {
            reload: Arc::new(reload),
            config,
            options,
            settings,
            sockets,
            links,
            parts,
            started,
            stopped,
        };
        prepared.register();
        Ok(prepared)
    }

    /// What others need to take part.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// What gives the server another configuration once it runs.
    pub fn reload(&self) -> Arc<Reload> {
        Arc::clone(&self.reload)
    }

    /// Makes replies wait for whoever `replication` tells.
    pub fn replicate_to(&self, replication: Arc<dyn Replication>) {
        self.parts.storage.replicate_to(replication);
    }

    /// Serves those whom `admission` admits.
    pub fn start(self, admission: Arc<dyn Admission>) -> Result<Server, StartError> {
        let snapshot = Snapshot::build(Arc::clone(&self.config), &admission.classes());
        let parts = &self.parts;
        let commits = Some(self.commits().map_err(StartError::Commits)?);
        let pipeline = Pipeline {
            snapshot: Live::new(Arc::new(snapshot)),
            admission,
            service: Arc::clone(&parts.service),
            storage: parts.storage.clone(),
            pending: Arc::clone(&parts.pending),
            offers: Offers::default(),
            links: self.links,
            stats: Arc::clone(&parts.stats),
            key: RandomState::new(),
            reply_port: self.options.ports.client,
            commits,
        };
        let pipeline = Arc::new(pipeline);
        let office =
            Office { registry: Arc::clone(&parts.registry), stats: Arc::clone(&parts.stats) };
        let doors = Arc::new(Doors::open(office, &self.config.control_sockets)?);
        let pool = Pool::start(
            &self.settings,
            self.sockets,
            Arc::<Pipeline>::clone(&pipeline),
            Arc::clone(&parts.clock),
            Arc::clone(&parts.stats),
        )?;
        let duties = Duties {
            clock: Arc::clone(&parts.clock),
            storage: parts.storage.clone(),
            service: Arc::clone(&parts.service),
            config: Arc::clone(&self.reload.current),
        };
        let housekeeper = Housekeeper::start(duties).map_err(StartError::Housekeeping)?;
        log!(DHCP4_STARTED, "{}", self.options.own_name);
        let running = Running { pipeline, listening: pool.listening(), doors: Arc::clone(&doors) };
        let first = self.reload.running.set(running).is_ok();
        debug_assert!(first, "a server starts once");
        let loader = load_aside(parts, &self.config).map_err(StartError::Loading)?;
        Ok(Server {
            doors,
            pool: Some(pool),
            _housekeeper: housekeeper,
            storage: self.parts.storage,
            loader,
            stopped: self.stopped,
        })
    }

    fn commits(&self) -> io::Result<Commits> {
        let parts = &self.parts;
        let settling = Settling {
            storage: parts.storage.clone(),
            pending: Arc::clone(&parts.pending),
            stats: Arc::clone(&parts.stats),
        };
        Commits::start(settling, self.sockets.transmit())
    }

    fn register(&self) {
        let parts = &self.parts;
        let persist = self.config.lease_database.persist;
        let core = Core {
            clock: Arc::clone(&parts.clock),
            started: self.started,
            service: Arc::clone(&parts.service),
            served: Arc::clone(&self.reload.served),
            threads: self.settings.threads,
            packet_queue_size: self.settings.queue_size,
            multi_threading: self.config.multi_threading.enabled,
            lease_file: persist.then(|| self.config.lease_database.file.clone()),
            shutdown: parts.shutdown.clone(),
        };
        core.register(&parts.registry, self.options.own_name);
        parts.leases.clone().register(&parts.registry);
        let current = Arc::clone(&self.reload.current);
        let served = Arc::clone(&self.reload.served);
        let census = Census {
            store: Arc::clone(&parts.storage.store),
            clock: Arc::clone(&parts.clock),
            stats: Arc::clone(&parts.stats),
            configured: Arc::new(move || configured(&current.load(), served.load().since)),
            written: Arc::clone(&parts.leases.written),
        };
        census.register(&parts.registry);
    }
}

impl Server {
    /// Waits until the server is told to stop, stops it in order, and returns the exit status.
    pub fn run(mut self) -> u8 {
        // Whoever may stop it holds a sender, the registry among them: there is always one.
        let status = self.stopped.recv().unwrap_or(1);
        if let Some(pool) = self.pool.take() {
            pool.stop();
        }
        log!(DHCP4_SHUTDOWN, "the server stops");
        // A failure is logged by the storage itself; there is nothing to be done about it any more.
        let _ = self.storage.flush();
        status
    }
}

/// Reads the leases if that is still to be done.
fn load(storage: &Storage, config: &Arc<Dhcp4>) -> Result<(), StorageError> {
    let sanity = Sanity::new(Arc::clone(config));
    storage.load(&|lease| sanity.amend(lease))?;
    sanity.tell();
    Ok(())
}

/// Reads the leases on a thread of its own. If they cannot be read the server stops.
fn load_aside(parts: &Parts, config: &Arc<Dhcp4>) -> io::Result<Option<JoinHandle<()>>> {
    if parts.storage.store.is_complete() {
        return Ok(None);
    }
    let (storage, shutdown) = (parts.storage.clone(), parts.shutdown.clone());
    let config = Arc::clone(config);
    let read = move || {
        match load(&storage, &config) {
            Ok(()) | Err(StorageError::Load(LoadError::Stopped)) => {}
            Err(error) => {
                log!(DHCP4_INIT_FAIL, "{error}");
                // Whoever stopped it already was faster.
                let _ = shutdown.try_send(1);
            }
        }
    };
    std::thread::Builder::new().name("load".into()).spawn(read).map(Some)
}

fn lease_commands(
    current: &Arc<Live<Dhcp4>>,
    storage: &Storage,
    clock: &Arc<dyn Clock>,
    guard: &GuardPost,
) -> LeaseCommands {
    let (current, written) = (Arc::clone(current), storage.clone());
    LeaseCommands {
        store: Arc::clone(&storage.store),
        clock: Arc::clone(clock),
        subnet: Arc::new(move |key| lease_subnet(&current.load(), key)),
        written: Arc::new(move |number| written.write_through(number)),
        guard: Arc::clone(guard),
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Behind the doors are the commands, which hold the doors: they do not close by themselves.
        self.doors.close();
        self.storage.stop_loading();
        if let Some(loader) = self.loader.take() {
            // A panic of the thread was already reported by its own message.
            let _ = loader.join();
        }
    }
}

/// The ids of all subnets, and how many addresses their pools have.
fn configured(config: &Dhcp4, since: Mono) -> Configured {
    let of = |subnet: &Arc<Subnet4>| {
        let mut pools = BTreeMap::<u32, u64>::new();
        for pool in &subnet.pools {
            let size = u64::from(pool.last.to_bits() - pool.first.to_bits()) + 1;
            *pools.entry(pool.id).or_default() += size;
        }
        SubnetPools { id: subnet.id, pools: pools.into_iter().collect() }
    };
    Configured {
        since,
        subnets: config.subnets.iter().map(of).collect(),
        sample_count: config.samples.count,
        sample_age_s: config.samples.age_s,
    }
}

/// The subnets and pools that are counted for.
fn places(config: &Dhcp4) -> Vec<Place> {
    let of = |subnet: &Arc<Subnet4>| {
        let subnet_id = subnet.id;
        let pools = subnet.pools.iter().map(|pool| Some(pool.id)).chain([None]);
        pools.map(|pool_id| Place { subnet_id, pool_id }).collect::<Vec<_>>()
    };
    config.subnets.iter().flat_map(of).collect()
}

/// The subnet that a lease command means.
pub fn lease_subnet(config: &Dhcp4, key: SubnetKey) -> Option<LeaseSubnet> {
    let found = match key {
        SubnetKey::Id(id) => {
            let at = config.subnets.binary_search_by_key(&id, |subnet| subnet.id).ok()?;
            &config.subnets[at]
        }
        SubnetKey::Address(address) => {
            // As in Kea one with a guard is not meant: nobody is a client of a class here.
            let is_open = |subnet: &Subnet4| {
                is_open(&subnet.guard, &|_| false) && is_open(subnet.network_guard(), &|_| false)
            };
            let mut subnets = config.subnets.iter();
            subnets.find(|subnet| subnet.prefix.contains(address) && is_open(subnet))?
        }
    };
    Some(LeaseSubnet {
        id: found.id,
        network: found.prefix.network,
        prefix_len: found.prefix.len,
        valid_lifetime_s: found.lifetime.default_s,
    })
}
