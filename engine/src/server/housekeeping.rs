//! Housekeeping (*shell*): one thread that reclaims expired leases in bounded slices, cleans up the lease file and
//! ends the periods of dhcp-disable. It never holds up a packet or a command.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::storage::Storage;
use crate::clock::{Clock, Mono};
use crate::config::model::ExpiredLeases;
use crate::limits::{HOUSEKEEPING_TURN, RECLAIM_SLICE};
use crate::log;
use crate::seam::service::Service;

/// What is to be kept in order.
pub(super) struct Duties {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) storage: Storage,
    pub(super) service: Arc<Service>,
    pub(super) expired: ExpiredLeases,
    /// Seconds between two cleanups of the lease file; 0 is never.
    pub(super) lfc_interval_s: u32,
}

/// The running thread; ends with the value.
#[derive(Debug)]
pub(super) struct Housekeeper {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Housekeeper {
    pub(super) fn start(duties: Duties) -> std::io::Result<Self> {
        let (stop, stopped) = bounded(0);
        let thread = std::thread::Builder::new()
            .name("housekeeping".into())
            .spawn(move || duties.run(&stopped))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Housekeeper {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was already reported by its own message.
            let _ = thread.join();
        }
    }
}

/// When something is due next.
struct Due {
    at: Mono,
    every: Duration,
}

impl Due {
    /// Every so many seconds from `now` on; 0 is never.
    fn every(seconds: u32, now: Mono) -> Option<Self> {
        let every = Duration::from_secs(seconds.into());
        (seconds > 0).then(|| Self { at: now + every, every })
    }

    fn is_now(due: &mut Option<Self>, now: Mono) -> bool {
        match due {
            Some(due) if due.at <= now => {
                due.at = now + due.every;
                true
            }
            _ => false,
        }
    }
}

impl Duties {
    fn run(&self, stopped: &Receiver<()>) {
        let start = self.clock.now().mono;
        let mut reclaim = Due::every(self.expired.reclaim_wait_s, start);
        let mut clean_up = Due::every(self.lfc_interval_s, start);
        while stopped.recv_timeout(HOUSEKEEPING_TURN) == Err(RecvTimeoutError::Timeout) {
            let now = self.clock.now().mono;
            self.service.handle_timeout(now);
            if Due::is_now(&mut reclaim, now) {
                self.reclaim();
            }
            if Due::is_now(&mut clean_up, now) {
                self.storage.compact();
            }
        }
    }

    /// One cycle of reclamation: at most `max-reclaim-leases` leases in at most `max-reclaim-time`.
    fn reclaim(&self) {
        let start = self.clock.now();
        let most = match self.expired.max_leases {
            0 => usize::MAX,
            limit => limit as usize,
        };
        let time = match self.expired.max_time_ms {
            0 => Duration::MAX,
            ms => Duration::from_millis(ms.into()),
        };
        let mut reclaimed = 0;
        loop {
            let limit = RECLAIM_SLICE.min(most - reclaimed);
            let now = self.clock.now();
            let done = self.storage.store.expire(now, self.expired.hold_s.into(), limit);
            reclaimed += done;
            let out_of_time = now.mono.since(start.mono) >= time;
            if done < limit || reclaimed >= most || out_of_time {
                break;
            }
        }
        if reclaimed > 0 && self.storage.flush().is_ok() {
            log!(ALLOC_ENGINE_V4_LEASES_RECLAMATION_COMPLETE, "reclaimed {reclaimed} leases");
        }
    }
}
