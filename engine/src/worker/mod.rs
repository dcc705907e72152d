//! Packet workers (*shell*): one thread each, a bounded queue that drops the oldest and counts it, pinning, a
//! work limit per turn. A thread takes a batch from its sockets, goes through at once with the packets of its own
//! clients and hands over the others. Must not know what a packet says: a [`Pipeline`] does.
//!
//! With more to do than can be done, what clients were promised comes first: the sockets for DISCOVERs give a batch only
//! while the others have nothing, queues drop DISCOVERs before anything else, and DISCOVERs that waited for too
//! long are thrown away unread ([`patience`]).

mod patience;
mod pool;
pub mod queue;
mod turn;

use std::sync::Arc;

use crate::clock::Now;
use crate::codec::v4::Outline;
use crate::packet::{Buffers, Departure};

pub use crate::packet::Packet;
pub use pool::{Listening, PinPolicy, Pool, Settings, StartError};

/// What admission found about a packet that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// Keyed hash of the client, independent of the RFC 3074 one: chooses the worker.
    pub hash: u64,
    /// Index into the classes of the admission seam.
    pub class: Option<usize>,
    /// Where there is no room for all, it goes before others do.
    pub yields: bool,
    /// What was found in it, if it was looked at.
    pub outline: Option<Outline>,
}

/// A packet on its way through a worker.
#[derive(Clone, Debug)]
pub struct Job {
    /// The packet.
    pub packet: Packet,
    /// What admission found.
    pub dispatch: Dispatch,
}

/// What the workers do with packets. Callable from every worker at once.
pub trait Pipeline: Send + Sync {
    /// Steps 2 and 3 of the way of a packet: counted and dropped (`None`), or whose client it is. No lock, no
    /// allocation.
    fn admit(&self, packet: &Packet, now: Now) -> Option<Dispatch>;

    /// What a worker serves its batches with. Asked for once by each of them.
    fn desk(self: Arc<Self>) -> Box<dyn Desk>;

    /// A job that was dropped because its worker's queue was full.
    fn dropped(&self, job: Job);
}

/// One worker's share of a [`Pipeline`].
pub trait Desk: Send {
    /// Steps 4 to 6 for a batch: goes through the jobs of `batch` in order, and puts replies that may be sent at once
    /// into `out`, which the worker sends as one batch. Jobs that it leaves in `batch` are done: the worker
    /// empties it and uses their buffers again. `buffers` has memory for replies.
    fn serve(
        &mut self,
        batch: &mut Vec<Job>,
        now: Now,
        buffers: &Buffers,
        out: &mut Vec<Departure>,
    );
}

#[cfg(all(test, not(feature = "model")))]
mod tests;
