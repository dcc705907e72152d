//! What the exchanges of packets look like in the log, under Kea's message ids. Pure but for the log.

use std::fmt;

use crate::codec::v4::Query;
use crate::log;
use crate::v4::{DropReason, Event};

/// Kea's label of a client: `[hwtype=1 02:..], cid=[..], tid=0x..`.
struct Label<'a>(&'a Query<'a>);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query = self.0;
        write!(f, "[hwtype={} {}], cid=[", query.htype(), query.hw_address())?;
        match query.client_id() {
            Some(client_id) => write!(f, "{client_id}")?,
            None => write!(f, "no info")?,
        }
        write!(f, "], tid={:#x}", query.xid())
    }
}

/// Logs what an exchange did.
pub(super) fn event(query: &Query<'_>, event: &Event) {
    let label = Label(query);
    match event {
        Event::Offered { .. } => log!(DHCP4_LEASE_OFFER, "{label}: {event}"),
        Event::Allocated { .. } => log!(DHCP4_LEASE_ALLOC, "{label}: {event}"),
        Event::Refused { .. } => log!(PEREGRINE_NAK, "{label}: {event}"),
        Event::Informed => {}
        Event::Released { .. } => log!(DHCP4_RELEASE, "{label}: {event}"),
        Event::ReleaseIgnored { .. } => log!(DHCP4_RELEASE_FAIL, "{label}: {event}"),
        Event::Declined { .. } => log!(DHCP4_DECLINE_LEASE, "{label}: {event}"),
        Event::DeclineIgnored { .. } => log!(DHCP4_DECLINE_FAIL, "{label}: {event}"),
    }
}

/// Logs why a query got no reply.
pub(super) fn drop(query: &Query<'_>, why: &DropReason) {
    let label = Label(query);
    match why {
        DropReason::NoAddress(_) => log!(ALLOC_ENGINE_V4_ALLOC_FAIL, "{label}: {why}"),
        DropReason::NoSubnet => log!(DHCP4_SUBNET_SELECTION_FAILED, "{label}: {why}"),
        _ => log!(PEREGRINE_QUERY_DROPPED, "{label}: {why}"),
    }
}
