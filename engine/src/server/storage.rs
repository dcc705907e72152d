//! Where leases are kept (*shell*): the lease file claimed and read, the store filled, the journal open.

#[cfg(test)]
mod tests;

use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::config::model::LeaseDatabase;
use crate::lease::csv::{
    self, ClaimError, Durability, Flag, Journal, LoadError, Loaded, OpenError, Unread,
};
use crate::lease::memory::MemoryStore;
use crate::lease::{
    Change, ChangeKind, ChangeNumber, ChangeSink, Lease4, LeaseState, LeaseStore, Origin,
};
use crate::log;
use crate::packet;
use crate::seam::Replication;
use crate::stats::{Counter, Place, Stats};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// Bytes of a row with client identifier and host name.
const USUAL_ROW: u64 = 96;

/// The leases could not be made ready.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each says what its cause says")]
pub enum StorageError {
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// The store, its journal, and whoever replicates.
#[derive(Clone, Debug)]
pub struct Storage {
    /// The leases.
    pub store: Arc<dyn LeaseStore>,
    sinks: Arc<Sinks>,
    /// The lease file, if there is one.
    file: Option<Arc<Path>>,
    unread: Arc<Mutex<Option<Loading>>>,
    /// No more leases are read.
    stopped: Arc<AtomicBool>,
}

/// What is still to be read, and where it goes.
#[derive(Debug)]
struct Loading {
    unread: Unread,
    store: Arc<MemoryStore>,
}

/// Sees every change under its address's lock: the journal first, then the partner's queue.
struct Sinks {
    journal: Journal,
    replication: OnceLock<Arc<dyn Replication>>,
    stats: Arc<Stats>,
}

impl std::fmt::Debug for Sinks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sinks").field("journal", &self.journal).finish_non_exhaustive()
    }
}

impl Sinks {
    fn around(journal: Journal, stats: Arc<Stats>) -> (Arc<Self>, Arc<dyn ChangeSink>) {
        let sinks = Arc::new(Self { journal, replication: OnceLock::new(), stats });
        (Arc::clone(&sinks), sinks)
    }
}

impl Sinks {
    /// Counts what this server gave for the first time, and what was reclaimed, by Kea's names.
    fn count(&self, change: &Change<'_>) {
        let before = change.before.map(|lease| lease.state);
        let Lease4 { subnet_id, pool_id, .. } = *change.lease;
        let place = Place { subnet_id, pool_id: Some(pool_id) };
        let is_own = matches!(change.origin, Origin::Client(_) | Origin::Asking(_));
        let assigned = is_own
            && change.kind != ChangeKind::Deleted
            && change.lease.state == LeaseState::Assigned
            && !change.before.is_some_and(|before| {
                before.state == LeaseState::Assigned && same_client(before, change.lease)
            });
        if assigned {
            self.stats.count_at(Counter::CumulativeAssigned, place);
        }
        if change.origin == Origin::Reclamation && before != Some(LeaseState::Reclaimed) {
            self.stats.count_at(Counter::ReclaimedLeases, place);
            if before == Some(LeaseState::Declined) {
                self.stats.count_at(Counter::ReclaimedDeclined, place);
            }
        }
    }
}

fn same_client(one: &Lease4, other: &Lease4) -> bool {
    one.client_id == other.client_id && one.hw_address == other.hw_address
}

impl ChangeSink for Sinks {
    fn record(&self, change: &Change<'_>) {
        self.journal.record(change);
        self.count(change);
        if let Some(replication) = self.replication.get() {
            replication.queue(change);
        }
    }

    fn may_clean_up(&self, lease: &Lease4) -> bool {
        self.replication.get().is_none_or(|replication| replication.reclaims(lease))
    }
}

impl Storage {
    /// Claims the lease file and opens it for appending; [`Self::load`] reads it. `pid_files` name servers that may hold
    /// it.
    pub fn open(
        config: &LeaseDatabase,
        pid_files: &[PathBuf],
        stats: Arc<Stats>,
    ) -> Result<Self, StorageError> {
        if !config.persist {
            return Ok(Self::on(Journal::none(), stats));
        }
        let claim = csv::claim(&config.file, pid_files)?;
        let durability = if config.sync_to_disk { Durability::Disk } else { Durability::Kernel };
        let journal = Journal::open(claim, durability)?;
        let unread = Unread::open(&config.file, config.max_row_errors)?;
        let (sinks, sink) = Sinks::around(journal, stats);
        let store = Arc::new(MemoryStore::unloaded(sink));
        let loading = Loading { unread, store: Arc::clone(&store) };
        let file = Some(Arc::from(config.file.as_path()));
        Ok(Self {
            store,
            sinks,
            file,
            unread: Arc::new(Mutex::new(Some(loading))),
            stopped: Arc::default(),
        })
    }

    /// Bytes of the lease file that are still to be read.
    pub fn unread_bytes(&self) -> u64 {
        self.unread.lock().as_ref().map_or(0, |loading| loading.unread.bytes())
    }

    /// Reads the lease file, once; leases are taken as `amend` makes them. The store may be used meanwhile
    /// ([`LeaseStore::is_complete`]).
    pub fn load(
        &self,
        amend: &(dyn Fn(Lease4) -> Option<Lease4> + Sync),
    ) -> Result<(), StorageError> {
        let Some(Loading { unread, store }) = self.unread.lock().take() else { return Ok(()) };
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let take = |leases: &mut Vec<Lease4>| store.load_all(leases.drain(..).filter_map(amend));
        store.make_room(unread.bytes() / USUAL_ROW);
        let mut loaded = unread.read(threads, &take, &self.stopped)?;
        store.end_loading();
        packet::give_memory_back();
        loaded.torn |= self.sinks.journal.was_torn();
        tell(&loaded, store.len());
        if loaded.other_schema {
            self.compact_aside();
        }
        Ok(())
    }

    /// Ends [`Self::load`] soon, wherever it has got to.
    pub fn stop_loading(&self) {
        self.stopped.store(true, Ordering::Release);
    }

    /// An empty store whose changes go to `journal`.
    pub fn on(journal: Journal, stats: Arc<Stats>) -> Self {
        let (sinks, sink) = Sinks::around(journal, stats);
        let store = Arc::new(MemoryStore::new(sink));
        Self { store, sinks, file: None, unread: Arc::default(), stopped: Arc::default() }
    }

    /// A yes or no that is kept as long as the leases are: beside their file, if there is one.
    pub fn flag(&self, name: &str) -> Option<Flag> {
        self.file.as_deref().map(|file| Flag::new(file, name))
    }

    /// Takes every flag back whose name begins with `prefix`, but those named `but`.
    pub fn clear_flags(&self, prefix: &str, but: &[String]) -> io::Result<()> {
        let Some(file) = self.file.as_deref() else { return Ok(()) };
        let names = Flag::names(file)?.into_iter();
        let mut stale = names.filter(|name| name.starts_with(prefix) && !but.contains(name));
        stale.try_for_each(|name| Flag::new(file, &name).clear())
    }

    /// From now on every change is also shown to `replication`. Once only, before the first packet.
    pub fn replicate_to(&self, replication: Arc<dyn Replication>) {
        let first = self.sinks.replication.set(replication).is_ok();
        debug_assert!(first, "replication is joined once");
    }

    /// Whether replies may have to wait for somebody.
    pub fn is_replicated(&self) -> bool {
        self.sinks.replication.get().is_some()
    }

    /// Whether another batch of changes may be begun: false while the lease file takes nothing and too much waits.
    pub fn has_room(&self) -> bool {
        self.sinks.journal.has_room()
    }

    /// Returns when the lease file has every change up to `number`; false, counted and logged, if it has not.
    pub fn write_through(&self, number: ChangeNumber) -> Result<(), String> {
        self.counted(self.sinks.journal.write_through(number).map(drop))
    }

    /// Gives every change up to `number` to the kernel if it need not wait for that, and for no disk: whether that is
    /// enough. A failure is counted and logged.
    pub fn append_through(&self, number: ChangeNumber) -> Result<bool, String> {
        self.counted(self.sinks.journal.append_through(number))
    }

    /// As [`Self::write_through`], for every change so far.
    pub fn flush(&self) -> Result<(), String> {
        self.counted(self.sinks.journal.flush())
    }

    /// Writes what an earlier failure left behind, if anything: without a query that changes a lease, as while they
    /// are dropped for want of room, nobody else would try again.
    pub fn retry(&self) {
        if self.sinks.journal.unwritten() > 0 {
            // A failure is counted and logged, and the next turn tries again.
            let _ = self.flush();
        }
    }

    fn counted<T>(&self, result: Result<T, csv::JournalError>) -> Result<T, String> {
        result.map_err(|error| {
            self.sinks.stats.count(Counter::JournalFailed);
            log!(PEREGRINE_LEASE_FILE_FAILED, "{error}");
            error.to_string()
        })
    }

    /// Cleans up the lease file on a thread of its own, which nobody waits for: a cleanup that is cut short is taken up
    /// by the next one.
    pub fn compact_aside(&self) {
        let storage = self.clone();
        let cleanup = move || {
            packet::give_way();
            storage.compact();
        };
        if let Err(error) = std::thread::Builder::new().name("lfc".into()).spawn(cleanup) {
            log!(PEREGRINE_LFC_FAILED, "no thread for it: {error}");
        }
    }

    /// Cleans up the lease file.
    pub fn compact(&self) {
        log!(DHCPSRV_MEMFILE_LFC_EXECUTE, "cleaning up the lease file");
        match self.sinks.journal.compact() {
            Ok(done) => {
                log!(PEREGRINE_LFC_DONE, "cleaned up the lease file: {} leases", done.leases)
            }
            Err(error) => log!(PEREGRINE_LFC_FAILED, "{error}"),
        }
    }
}

fn tell(loaded: &Loaded, leases: usize) {
    for bad in &loaded.told {
        let (path, line, reason) = (bad.path.display(), bad.line, &bad.reason);
        log!(DHCPSRV_MEMFILE_LEASE_LOAD_ROW_ERROR, "{path}:{line}: {reason}; the row was skipped");
    }
    let (rows, bad) = (loaded.rows, loaded.bad_rows);
    log!(PEREGRINE_LEASES_LOADED, "{leases} leases from {rows} rows, {bad} bad rows skipped");
    if loaded.torn {
        log!(PEREGRINE_LEASE_FILE_TORN, "the last row was not written whole and was cut off");
    }
}
