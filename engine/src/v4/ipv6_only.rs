//! Clients that can do without an address where there is IPv6 (option 108, RFC 8925 section 3.3). Pure.

use super::network::has_ipv6_only;
use super::snapshot::SubnetPlan;
use super::{DropReason, Exchange, Outcome};
use crate::codec::v4::{MessageType, code};

impl Exchange<'_> {
    /// The subnet that tells the client to do without an address, if it asks for option 108: the first of the network
    /// that has the option itself, or the selected one if the network has it. As in Kea no other level counts.
    pub(super) fn ipv6_only<'s>(&'s self, selected: &'s SubnetPlan) -> Option<&'s SubnetPlan> {
        if !self.query.requested_options().contains(code::V6_ONLY_PREFERRED) {
            return None;
        }
        let snapshot = self.context.snapshot;
        let network = snapshot.network_of(selected);
        let mut own = network.ipv6_only_around(selected.membership).map(|at| &snapshot.subnets[at]);
        let inherited = || Some(selected).filter(|it| has_ipv6_only(it.config.network_options()));
        own.find(|subnet| subnet.is_open(&self.classes)).or_else(inherited)
    }

    /// OFFER or ACK of no address.
    pub(super) fn without_address(
        &self,
        message_type: MessageType,
        subnet: &SubnetPlan,
    ) -> Result<Outcome, DropReason> {
        let (reply, carried) = self.tell(message_type, subnet);
        if !carried {
            return Err(DropReason::Ipv6OnlyHidden);
        }
        Ok(Outcome::Reply(reply))
    }
}
