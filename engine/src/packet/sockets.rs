//! The open sockets as the workers see them: each worker's own, and what changes while it runs.

use std::sync::Arc;

use super::receive::Receive;
use super::{Links, Transmit};
use crate::config::model::Interfaces;
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicBool, Ordering};

/// All sockets of a server, and what keeps them up to date.
pub struct Sockets {
    pub(crate) mailboxes: Vec<Arc<Mailbox>>,
    pub(crate) watch: Arc<dyn Watch>,
    pub(super) transmit: Arc<dyn Transmit>,
    pub(super) links: Arc<dyn Links>,
}

impl Sockets {
    /// How many workers they are for.
    pub fn threads(&self) -> usize {
        self.mailboxes.len()
    }

    /// What sends replies through them, from any thread.
    pub fn transmit(&self) -> Arc<dyn Transmit> {
        self.transmit.clone()
    }

    /// What is served at the moment.
    pub fn links(&self) -> Arc<dyn Links> {
        self.links.clone()
    }
}

/// Names a socket among those of its server, never twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SocketId(pub(crate) usize);

/// What a worker has to do to its sockets.
pub(crate) enum Change {
    /// Receive from this one as well.
    Open(SocketId, Box<dyn Receive>),
    /// Receive from it no more.
    Close(SocketId),
}

/// Changes for one worker. Looking into an empty one costs one atomic load.
#[derive(Default)]
pub(crate) struct Mailbox {
    filled: AtomicBool,
    changes: Mutex<Vec<Change>>,
}

impl Mailbox {
    pub(crate) fn put(&self, change: Change) {
        let mut changes = self.changes.lock();
        changes.push(change);
        self.filled.store(true, Ordering::Release);
    }

    pub(crate) fn take(&self) -> Vec<Change> {
        if !self.filled.load(Ordering::Acquire) {
            return Vec::new();
        }
        let mut changes = self.changes.lock();
        self.filled.store(false, Ordering::Release);
        std::mem::take(&mut *changes)
    }
}

/// Looks after the interfaces.
pub(crate) trait Watch: Send + Sync {
    /// Looks at the interfaces and opens and closes sockets.
    fn scan(&self) -> Scan;

    /// From the next look on, `wanted` is what should be open.
    fn configure(&self, wanted: &Interfaces);
}

/// What a look at the interfaces came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scan {
    /// All is as it was.
    Same,
    /// A mailbox was filled.
    Changed,
    /// As `Changed`, and what is to be opened has to wait until a worker has closed what is in its place: look again
    /// soon.
    Unfinished,
}
