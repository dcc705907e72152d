//! Housekeeping (*shell*): one thread that reclaims expired leases in bounded slices, cleans up the lease file, writes
//! what could not be written before, and ends the periods of dhcp-disable. It never holds up a packet or a command.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::storage::Storage;
use crate::clock::{Clock, Mono};
use crate::config::model::{Dhcp4, ExpiredLeases};
use crate::limits::{HOUSEKEEPING_TURN, JOURNAL_RETRY_S, RECLAIM_SLICE};
use crate::log;
use crate::seam::service::Service;
use crate::sync::Live;

/// What is to be kept in order.
pub(super) struct Duties {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) storage: Storage,
    pub(super) service: Arc<Service>,
    /// `expired-leases-processing` and `lfc-interval` of the configuration that is served.
    pub(super) config: Arc<Live<Dhcp4>>,
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

/// What is due when, by one configuration.
struct Agenda {
    expired: ExpiredLeases,
    lfc_interval_s: u32,
    reclaim: Option<Due>,
    flush: Option<Due>,
    clean_up: Option<Due>,
}

impl Agenda {
    fn new(config: &Dhcp4, now: Mono) -> Self {
        let (expired, lfc_interval_s) =
            (config.expired_leases.clone(), config.lease_database.lfc_interval_s);
        Self {
            reclaim: Due::every(expired.reclaim_wait_s, now),
            flush: Due::every(expired.flush_wait_s, now),
            clean_up: Due::every(lfc_interval_s, now),
            expired,
            lfc_interval_s,
        }
    }

    /// Begins anew if the configuration says something else by now.
    fn follow(&mut self, config: &Dhcp4, now: Mono) {
        let lfc_interval_s = config.lease_database.lfc_interval_s;
        if self.expired != config.expired_leases || self.lfc_interval_s != lfc_interval_s {
            *self = Self::new(config, now);
        }
    }
}

impl Duties {
    fn run(&self, stopped: &Receiver<()>) {
        let start = self.clock.now().mono;
        let mut agenda = Agenda::new(&self.config.load(), start);
        let mut unfinished = Unfinished::default();
        let mut retry = Due::every(JOURNAL_RETRY_S, start);
        while stopped.recv_timeout(HOUSEKEEPING_TURN) == Err(RecvTimeoutError::Timeout) {
            let now = self.clock.now().mono;
            self.service.handle_timeout(now);
            agenda.follow(&self.config.load(), now);
            if Due::is_now(&mut retry, now) {
                self.storage.retry();
            }
            if Due::is_now(&mut agenda.reclaim, now) {
                let finished = self.reclaim(&agenda.expired);
                if unfinished.is_slow(agenda.expired.unwarned_cycles, finished) {
                    warn_of_slowness(agenda.expired.unwarned_cycles);
                }
            }
            if Due::is_now(&mut agenda.flush, now) {
                self.flush(agenda.expired.hold_s);
            }
            if Due::is_now(&mut agenda.clean_up, now) {
                self.storage.compact_aside();
            }
        }
    }

    /// One cycle of reclamation: at most `max-reclaim-leases` leases in at most `max-reclaim-time`. As in Kea they are held
    /// if there is a flush timer, and deleted at once without one. Says whether nothing is left to do.
    fn reclaim(&self, expired: &ExpiredLeases) -> bool {
        let start = self.clock.now();
        let hold_s = if expired.flush_wait_s == 0 { 0 } else { u64::MAX };
        let most = match expired.max_leases {
            0 => usize::MAX,
            limit => limit as usize,
        };
        let time = match expired.max_time_ms {
            0 => Duration::MAX,
            ms => Duration::from_millis(ms.into()),
        };
        let mut reclaimed = 0;
        let finished = loop {
            let limit = RECLAIM_SLICE.min(most - reclaimed);
            let now = self.clock.now();
            self.storage.store.watch(now);
            let done = self.storage.store.expire(now, hold_s, limit);
            reclaimed += done;
            if done < limit {
                break true;
            }
            let out_of_time = now.mono.since(start.mono) >= time;
            if !self.storage.has_room() || reclaimed >= most || out_of_time {
                break false;
            }
        };
        if reclaimed > 0 && self.storage.flush().is_ok() {
            log!(ALLOC_ENGINE_V4_LEASES_RECLAMATION_COMPLETE, "reclaimed {reclaimed} leases");
        }
        finished
    }

    /// Deletes all leases that were held for `hold_s` seconds after their end, in slices: `max-reclaim-leases` is not
    /// about them, or more would come than go.
    fn flush(&self, hold_s: u32) {
        let mut flushed = 0;
        loop {
            let now = self.clock.now();
            self.storage.store.watch(now);
            let done = self.storage.store.flush_reclaimed(now, hold_s.into(), RECLAIM_SLICE);
            flushed += done;
            // A failure is counted and logged, and what is left goes the next time.
            let written = done == 0 || self.storage.flush().is_ok();
            if done < RECLAIM_SLICE || !written {
                break;
            }
        }
        if flushed > 0 {
            log!(
                PEREGRINE_LEASES_FLUSHED,
                "deleted {flushed} leases held for {hold_s} s after their end"
            );
        }
    }
}

/// Cycles of reclamation in a row that left something undone.
#[derive(Default)]
struct Unfinished(u32);

impl Unfinished {
    /// Counts a cycle. It is to be told once more of them than `unwarned-reclaim-cycles` came in a row; then the count
    /// begins anew, as Kea's.
    fn is_slow(&mut self, unwarned_cycles: u32, finished: bool) -> bool {
        self.0 = if finished { 0 } else { self.0.saturating_add(1) };
        let slow = unwarned_cycles > 0 && self.0 > unwarned_cycles;
        if slow {
            self.0 = 0;
        }
        slow
    }
}

/// Tells that reclamation does not keep up.
fn warn_of_slowness(cycles: u32) {
    log!(
        ALLOC_ENGINE_V4_LEASES_RECLAMATION_SLOW,
        "expired leases are left after each of more than {cycles} cycles of reclamation"
    );
}
