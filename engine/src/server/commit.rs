//! Replies that wait for the lease file (*shell*): for the disk, or for another worker that is writing. A thread waits in
//! the workers' place, once for all that came until then, and sends what waited. Must not know how a reply is decided.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam::channel::{Receiver, Sender, bounded};

use super::settle::{Decided, Settling};
use crate::lease::ChangeNumber;
use crate::limits::{MAX_COMMIT_BATCHES, MAX_SPARE_BUFFERS};
use crate::packet::{Buffers, Departure, Transmit};
use crate::sync::Mutex;

/// Where workers leave what waits for the lease file. Dropping it sends what is there and ends the thread.
pub struct Commits {
    /// `None` only while it is dropped.
    batches: Option<Sender<Batch>>,
    spare: Arc<Spare>,
    thread: Option<JoinHandle<()>>,
}

/// Replies to be sent once every change up to a number is written.
struct Batch {
    number: ChangeNumber,
    replies: Vec<Decided>,
}

/// Memory of messages that were sent, on its way back to the workers.
type Spare = Mutex<Vec<Vec<u8>>>;

/// The thread's own.
struct Committer {
    batches: Receiver<Batch>,
    settling: Settling,
    transmit: Arc<dyn Transmit>,
    spare: Arc<Spare>,
}

impl Commits {
    /// Starts the thread.
    pub(super) fn start(settling: Settling, transmit: Arc<dyn Transmit>) -> io::Result<Self> {
        let (sender, batches) = bounded(MAX_COMMIT_BATCHES);
        let spare = Arc::<Spare>::default();
        let committer = Committer { batches, settling, transmit, spare: spare.clone() };
        let thread =
            std::thread::Builder::new().name("commit".into()).spawn(move || committer.run())?;
        Ok(Self { batches: Some(sender), spare, thread: Some(thread) })
    }

    /// Leaves replies here until every change up to `number` is written. Waits only if too many wait already.
    pub(super) fn leave(&self, number: ChangeNumber, replies: Vec<Decided>) {
        if let Some(batches) = &self.batches {
            // The thread ends after the last sender.
            let _ = batches.send(Batch { number, replies });
        }
    }

    /// Gives the memory of messages that were sent back.
    pub(super) fn give_back(&self, buffers: &Buffers) {
        self.spare.lock().drain(..).for_each(|buffer| buffers.give(buffer));
    }
}

impl Drop for Commits {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            // If it panicked it has said so.
            let _ = thread.join();
        }
    }
}

impl Committer {
    fn run(self) {
        let mut waiting = Vec::new();
        let mut out = Vec::new();
        while let Ok(first) = self.batches.recv() {
            waiting.push(first);
            waiting.extend(self.batches.try_iter());
            let last = waiting.iter().map(|batch| batch.number).max().unwrap_or_default();
            // A failure is counted and logged there; the rows are kept, the replies are not sent.
            let written = self.settling.storage.write_through(last).is_ok();
            for decided in waiting.drain(..).flat_map(|batch| batch.replies) {
                out.extend(self.settling.settle_late(decided, written));
            }
            self.send(&mut out);
        }
    }

    fn send(&self, out: &mut Vec<Departure>) {
        if out.is_empty() {
            return;
        }
        self.transmit.transmit(out);
        let mut spare = self.spare.lock();
        let room = MAX_SPARE_BUFFERS.saturating_sub(spare.len());
        spare.extend(out.drain(..).map(|reply| reply.message).take(room));
    }
}
