//! Starts the workers, and stops them.

use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use core_affinity::CoreId;
use mio::{Poll, Waker};

use super::queue::Queue;
use super::turn::{WAKE, Worker};
use super::{Job, Pipeline};
use crate::clock::Clock;
use crate::config::model::{Interfaces, MultiThreading};
use crate::limits::{MAX_PACKET_QUEUE, MAX_WORKERS, SOON_MS};
use crate::log;
use crate::packet::{Mailbox, Scan, Sockets, Transmit, Watch};
use crate::stats::Stats;
use crate::sync::atomic::{AtomicBool, Ordering};

/// Whether each worker stays on a core of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PinPolicy {
    /// If there are at least as many cores as workers.
    #[default]
    Auto,
    /// Yes; workers beyond the number of cores share them in turn.
    Always,
    /// No.
    Never,
}

/// How many workers, and how they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many, at least one.
    pub threads: usize,
    /// Packets that wait for each of them, at least one.
    pub queue_size: usize,
    /// Whether they are pinned.
    pub pin: PinPolicy,
}

impl From<&MultiThreading> for Settings {
    fn from(wanted: &MultiThreading) -> Self {
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = match wanted.thread_pool_size {
            _ if !wanted.enabled => 1,
            0 => cores(),
            size => usize::from(size),
        };
        let queue_size = match wanted.packet_queue_size {
            0 => MAX_PACKET_QUEUE,
            size => usize::try_from(size).map_or(MAX_PACKET_QUEUE, |s| s.min(MAX_PACKET_QUEUE)),
        };
        let pin = match wanted.pin_threads {
            None => PinPolicy::Auto,
            Some(true) => PinPolicy::Always,
            Some(false) => PinPolicy::Never,
        };
        Self { threads: threads.clamp(1, MAX_WORKERS), queue_size, pin }
    }
}

/// Why the workers cannot run. Local.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the packet workers: {0}")]
pub struct StartError(#[from] io::Error);

/// The running workers. Dropping it stops them, as [`Pool::stop`] does.
pub struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What the workers share.
pub(super) struct Shared {
    pub(super) queues: Vec<Queue<Job>>,
    pub(super) wakers: Vec<Waker>,
    pub(super) mailboxes: Vec<Arc<Mailbox>>,
    pub(super) watch: Arc<dyn Watch>,
    pub(super) pipeline: Arc<dyn Pipeline>,
    pub(super) transmit: Arc<dyn Transmit>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) stats: Arc<Stats>,
    pub(super) stopping: AtomicBool,
}

impl Pool {
    /// Starts one worker for each thread that `sockets` were opened for.
    pub fn start(
        settings: &Settings,
        sockets: Sockets,
        pipeline: Arc<dyn Pipeline>,
        clock: Arc<dyn Clock>,
        stats: Arc<Stats>,
    ) -> Result<Self, StartError> {
        let count = sockets.threads();
        let polls = (0..count).map(|_| Poll::new()).collect::<io::Result<Vec<_>>>()?;
        let wakers: io::Result<Vec<_>> =
            polls.iter().map(|poll| Waker::new(poll.registry(), WAKE)).collect();
        let shared = Arc::new(Shared {
            queues: (0..count).map(|_| queue(settings.queue_size)).collect(),
            wakers: wakers?,
            transmit: sockets.transmit(),
            mailboxes: sockets.mailboxes,
            watch: sockets.watch,
            pipeline,
            clock,
            stats,
            stopping: AtomicBool::new(false),
        });
        let cores = cores(settings.pin, count);
        let pinned = if cores.is_empty() { "not pinned" } else { "pinned" };
        let mut pool = Self { shared, threads: Vec::new() };
        for (index, poll) in polls.into_iter().enumerate() {
            let core = (!cores.is_empty()).then(|| cores[index % cores.len()]);
            let worker = Worker::new(index, poll, pool.shared.clone());
            pool.threads.push(
                std::thread::Builder::new()
                    .name(format!("packet-{index}"))
                    .spawn(move || run(worker, index, core))?,
            );
        }
        let queue_size = settings.queue_size;
        log!(
            PEREGRINE_WORKERS_STARTED,
            "{count} workers, {queue_size} packets in each queue, {pinned}"
        );
        Ok(pool)
    }

    /// What can change where the workers listen.
    pub fn listening(&self) -> Listening {
        Listening(Arc::clone(&self.shared))
    }

    /// Ends the workers after their turn and waits for them. What is in the queues is dropped.
    pub fn stop(self) {
        drop(self);
    }
}

/// Where the workers listen; to be changed from any thread.
#[derive(Clone)]
pub struct Listening(Arc<Shared>);

impl Listening {
    /// From now on `wanted` are the interfaces to listen on; sockets that stay the same stay open.
    pub fn configure(&self, wanted: &Interfaces) {
        self.0.watch.configure(wanted);
        self.look();
    }

    /// Looks at the interfaces now rather than in a few seconds.
    pub fn look(&self) {
        // `Unfinished` ends by itself after a bounded number of looks.
        loop {
            let scan = self.0.watch.scan();
            if scan != Scan::Same {
                self.0.wake_all();
            }
            if scan != Scan::Unfinished {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(SOON_MS));
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.wake_all();
        for thread in self.threads.drain(..) {
            // A worker that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Shared {
    pub(super) fn wake(&self, worker: usize) {
        // It fails only if the worker's poll is gone, and the worker with it.
        let _ = self.wakers[worker].wake();
    }

    pub(super) fn wake_all(&self) {
        for worker in 0..self.wakers.len() {
            self.wake(worker);
        }
    }
}

fn queue(size: usize) -> Queue<Job> {
    Queue::with_yielding(size, |job| job.dispatch.yields)
}

fn run(mut worker: Worker, index: usize, core: Option<CoreId>) {
    if let Some(core) = core
        && !core_affinity::set_for_current(core)
    {
        log!(PEREGRINE_WORKER_PIN_FAILED, "worker {index} could not be pinned to core {}", core.id);
    }
    while worker.turn() {}
}

/// The cores that workers are pinned to; none if they are not pinned.
fn cores(policy: PinPolicy, workers: usize) -> Vec<CoreId> {
    let cores = match policy {
        PinPolicy::Never => Vec::new(),
        PinPolicy::Auto | PinPolicy::Always => core_affinity::get_core_ids().unwrap_or_default(),
    };
    if policy == PinPolicy::Auto && cores.len() < workers { Vec::new() } else { cores }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(enabled: bool, threads: u16, queue: u32) -> Settings {
        Settings::from(&MultiThreading {
            enabled,
            thread_pool_size: threads,
            packet_queue_size: queue,
            pin_threads: Some(false),
        })
    }

    #[test]
    fn kea_s_zeroes_mean_as_many_as_there_may_be() {
        assert_eq!(settings(false, 8, 64).threads, 1);
        assert_eq!(settings(true, 8, 64).threads, 8);
        assert_eq!(settings(true, u16::MAX, 64).threads, MAX_WORKERS);
        assert!(settings(true, 0, 64).threads >= 1);
        assert_eq!(settings(true, 1, 0).queue_size, MAX_PACKET_QUEUE);
        assert_eq!(settings(true, 1, u32::MAX).queue_size, MAX_PACKET_QUEUE);
        assert_eq!(settings(true, 1, 64).pin, PinPolicy::Never);
    }

    #[test]
    fn more_workers_than_cores_are_pinned_only_by_order() {
        let present = core_affinity::get_core_ids().unwrap_or_default().len();
        assert_eq!(cores(PinPolicy::Auto, present).len(), present);
        assert_eq!(cores(PinPolicy::Auto, present + 1), []);
        assert_eq!(cores(PinPolicy::Always, present + 1).len(), present);
        assert_eq!(cores(PinPolicy::Never, 1), []);
    }
}
