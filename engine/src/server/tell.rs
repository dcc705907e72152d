//! What the exchanges of packets look like in the log, under Kea's message ids: gathered as data, laid out by the
//! log's writer. Pure but for the log.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::classify::EvaluationError;
use crate::codec::v4::Query;
use crate::lease::{ClientId, HwAddress};
use crate::log::{Batch, Message, messages};
use crate::v4::{DropReason, Event};

/// The lines of one batch of packets.
#[derive(Debug, Default)]
pub(super) struct Lines(Batch<Told>);

/// One line.
#[derive(Debug)]
struct Told {
    label: Label,
    what: What,
}

/// Kea's label of a client: `[hwtype=1 02:..], cid=[..], tid=0x..`.
#[derive(Debug)]
struct Label {
    htype: u8,
    hw_address: HwAddress,
    client_id: Option<ClientId>,
    xid: u32,
}

#[derive(Debug)]
enum What {
    Event(Event),
    Drop(DropReason),
    Trouble(Arc<str>, EvaluationError),
    Missed(Ipv4Addr),
    Omitted(usize),
}

impl Lines {
    /// Tells what an exchange did.
    pub(super) fn event(&mut self, query: &Query<'_>, event: Event) {
        let message = match event {
            Event::Offered { .. } => &messages::DHCP4_LEASE_OFFER,
            Event::Allocated { .. } => &messages::DHCP4_LEASE_ALLOC,
            Event::Reused { .. } => &messages::DHCP4_LEASE_REUSE,
            Event::Refused { .. } => &messages::PEREGRINE_NAK,
            Event::Informed | Event::Ipv6Only => return,
            Event::Released { .. } => &messages::DHCP4_RELEASE,
            Event::ReleaseIgnored { .. } => &messages::DHCP4_RELEASE_FAIL,
            Event::Declined { .. } => &messages::DHCP4_DECLINE_LEASE,
            Event::DeclineIgnored { .. } => &messages::DHCP4_DECLINE_FAIL,
        };
        self.add(message, query, What::Event(event));
    }

    /// Tells that a client was offered another address than is reserved for it.
    pub(super) fn missed_reservation(&mut self, query: &Query<'_>, address: Ipv4Addr) {
        let message = &messages::ALLOC_ENGINE_V4_DISCOVER_ADDRESS_CONFLICT;
        self.add(message, query, What::Missed(address));
    }

    /// Tells that a reply had no room for as many options.
    pub(super) fn omitted(&mut self, query: &Query<'_>, options: usize) {
        self.add(&messages::PEREGRINE_OPTIONS_OMITTED, query, What::Omitted(options));
    }

    /// Tells why a query got no reply.
    pub(super) fn drop(&mut self, query: &Query<'_>, why: DropReason) {
        let message = match why {
            DropReason::NoAddress(_) => &messages::ALLOC_ENGINE_V4_ALLOC_FAIL,
            // As usual as a query that is not let in before any queue.
            DropReason::NotForUs => return,
            DropReason::NoSubnet => &messages::DHCP4_SUBNET_SELECTION_FAILED,
            _ => &messages::PEREGRINE_QUERY_DROPPED,
        };
        self.add(message, query, What::Drop(why));
    }

    /// Tells which class the query is not in because its test could not be evaluated, or that it has no identifier.
    pub(super) fn trouble(&mut self, query: &Query<'_>, class: Arc<str>, error: EvaluationError) {
        let what = What::Trouble(class, error);
        self.add(&messages::DHCPSRV_EVAL_ERROR, query, what);
    }

    /// Hands them to the log.
    pub(super) fn emit(self) {
        self.0.emit();
    }

    fn add(&mut self, message: &'static Message, query: &Query<'_>, what: What) {
        self.0.add(message, || Told { label: Label::of(query), what });
    }
}

impl Label {
    fn of(query: &Query<'_>) -> Self {
        Self {
            htype: query.htype(),
            hw_address: query.hw_address(),
            client_id: query.client_id(),
            xid: query.xid(),
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.label)?;
        match &self.what {
            What::Event(event) => write!(f, "{event}"),
            What::Drop(why) => write!(f, "{why}"),
            What::Trouble(class, error) => {
                write!(f, "not in the class {class}: its test cannot be evaluated: {error}")
            }
            What::Missed(address) => {
                write!(f, "address {address} is reserved for it, and another client holds it")
            }
            What::Omitted(options) => {
                write!(f, "{options} configured options found no room in its reply")
            }
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[hwtype={} {}], cid=[", self.htype, self.hw_address)?;
        match &self.client_id {
            Some(client_id) => write!(f, "{client_id}")?,
            None => f.write_str("no info")?,
        }
        write!(f, "], tid={:#x}", self.xid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_its_client_as_kea_does() {
        let label = Label {
            htype: 1,
            hw_address: HwAddress::new(&[2, 0, 0, 0, 0, 7]).unwrap(),
            client_id: None,
            xid: 0x12ab,
        };
        let address = Ipv4Addr::new(192, 0, 2, 9);
        let what = What::Event(Event::Allocated { address, lifetime_s: 4000, renewed: false });
        let told = Told { label, what };
        assert_eq!(
            told.to_string(),
            "[hwtype=1 02:00:00:00:00:07], cid=[no info], tid=0x12ab: \
             lease 192.0.2.9 has been allocated for 4000 seconds"
        );
    }
}
