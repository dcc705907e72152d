//! What is under way to a peer is recalled: whoever waits for its answer gives it up at once, and its connection with it.
//! Pure but for its channel.
//!
//! A request that went out over a line that was cut would else be sent again by the system until it is given up by itself,
//! ten seconds later; by then the line may be back, the partner may have fetched our leases, and what it has from there
//! is newer.

use tokio::sync::watch;

/// Recalls what is under way; counts how often.
#[derive(Debug)]
pub(crate) struct Recalls(watch::Sender<u64>);

/// Says when what was taken from the queue is recalled.
#[derive(Clone, Debug)]
pub struct Recall(watch::Receiver<u64>);

impl Default for Recalls {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Recalls {
    /// Recalls everything that was taken until now.
    pub(crate) fn give(&self) {
        self.0.send_modify(|number| *number += 1);
    }

    /// For what is taken now, under the lock under which it may be recalled.
    pub(crate) fn watch(&self) -> Recall {
        Recall(self.0.subscribe())
    }

    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn number(&self) -> u64 {
        *self.0.borrow()
    }
}

impl Recall {
    /// Waits until it is recalled; for ever if its queue is gone.
    pub async fn wait(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether it is.
    pub fn is_given(&self) -> bool {
        self.0.has_changed().unwrap_or(false)
    }
}
