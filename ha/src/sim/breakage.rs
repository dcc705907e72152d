//! Broken rules: the product's parts wrapped so that one rule no longer holds, to show that the checks see it. The
//! product itself has no switch for it.

use std::sync::Arc;

use engine::lease::{Change, Origin};
use engine::pending::Pending;
use engine::seam::Replication;

use crate::outbox::Outbox;

/// A rule that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breakage {
    /// A reply is sent before the partner has acknowledged its lease.
    ReplyEarly,
    /// Two updates of one address reach the partner in the wrong order.
    UpdatesSwapped,
    /// The journal is acknowledged before it is written.
    JournalLate,
    /// An answer is given from a lease that nobody has acknowledged yet.
    CachedAnswer,
    /// A lease of the partner ends by the partner's clock, which is fast.
    FastClock,
}

impl Breakage {
    /// All of them.
    pub const ALL: [Breakage; 5] = [
        Breakage::ReplyEarly,
        Breakage::UpdatesSwapped,
        Breakage::JournalLate,
        Breakage::CachedAnswer,
        Breakage::FastClock,
    ];

    /// What the store tells of its changes.
    pub(super) fn wrap(
        breakage: Option<Self>,
        outbox: &Arc<Outbox>,
        _pending: &Arc<Pending>,
    ) -> Arc<dyn Replication> {
        let outbox = Arc::clone(outbox);
        match breakage {
            Some(Breakage::ReplyEarly) => Arc::new(Unasked(outbox)),
            _ => outbox,
        }
    }
}

/// Tells the partner, and makes no reply wait for it.
struct Unasked(Arc<Outbox>);

impl Replication for Unasked {
    fn queue(&self, change: &Change<'_>) {
        let origin = match change.origin {
            Origin::Client(_) => Origin::Client(None),
            other => other,
        };
        self.0.queue(&Change { origin, ..*change });
    }
}
