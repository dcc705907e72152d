//! Replies that wait until everybody who must know of their lease does.
//!
//! Call order: [`Pending::reserve`] before anything is stored (no room: the query is dropped and nothing is
//! stored); [`Pending::expect`] for each acknowledgement, under the lock of the lease's address;
//! [`Pending::park`] with the reply once the journal has the change, or [`Pending::cancel`]. The reply is
//! handed to [`Release`] by whoever brings the last acknowledgement. A newer query of the same client
//! replaces its pending reply; one failed acknowledgement drops the reply.
//!
//! Pure but for its locks. Must not know who acknowledges.

use std::net::Ipv4Addr;

use crate::lease::ChangeNumber;
use crate::packet::Departure;

/// Names one pending reply, and no later one in the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    slot: u32,
    generation: u32,
}

/// A reply, and the version of the lease that it reports.
#[derive(Debug)]
pub struct PendingReply {
    /// Where it goes and its bytes.
    pub departure: Departure,
    /// The address it reports, if any.
    pub reports: Option<(Ipv4Addr, ChangeNumber)>,
}

/// Takes replies that may be sent. Implementations check that the lease still has the version that the reply
/// reports, and drop and count it if not.
pub trait Release: Send + Sync {
    /// Sends `reply`, or drops and counts it.
    fn release(&self, reply: PendingReply);
}

/// There is no room for another pending reply (`parked-packet-limit`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no room for another pending reply")]
pub struct Full;
