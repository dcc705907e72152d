//! DISCOVER: an address is chosen and promised for some seconds; no lease is written (RFC 2131 section 4.3.1).

use std::net::Ipv4Addr;

use super::answer::Promise;
use super::names::name_of;
use super::snapshot::SubnetPlan;
use super::{AllocationFailure, DropReason, Event, Exchange, Outcome};
use crate::codec::v4::MessageType;
use crate::config::model::Lifetime;
use crate::select::is_open;

impl Exchange<'_> {
    pub(super) fn discover(&self) -> Result<Outcome, DropReason> {
        let subnet = self.subnet.ok_or(DropReason::NoSubnet)?;
        let address = self
            .address_of_lease(subnet)
            .or_else(|| self.requested_if_free(subnet))
            .or_else(|| self.promised(subnet))
            .or_else(|| self.next_free(subnet))
            .ok_or_else(|| DropReason::NoAddress(self.failure(subnet)))?;
        let promise = self.promise_of(subnet, address);
        let event = Event::Offered { address };
        Ok(Outcome::Reply(self.promise(MessageType::Offer, &promise, None, event)))
    }

    /// What OFFER and ACK say about `address`.
    pub(super) fn promise_of<'a>(&self, subnet: &'a SubnetPlan, address: Ipv4Addr) -> Promise<'a> {
        let pool = subnet.pool_of(address);
        let rules = pool.and_then(|pool| pool.names.as_deref()).unwrap_or(&subnet.config.names);
        Promise {
            address,
            lifetime_s: self.lifetime_s(subnet),
            subnet,
            pool,
            name: name_of(self.query, address, rules, None),
        }
    }

    /// The address of the client's lease: a live one, or one that was kept for it and that nobody was promised.
    pub(super) fn address_of_lease(&self, subnet: &SubnetPlan) -> Option<Ipv4Addr> {
        let context = self.context;
        let identity = self.client.identity();
        let stored = context.store.find_of(identity, &subnet.network, context.now)?;
        let lease = &stored.lease;
        let usable = self.is_allowed(subnet, lease.address)
            && (stored.keeps_address(context.now.wall_s)
                || self.search(subnet).promise_this(lease.address));
        usable.then_some(lease.address)
    }

    /// The address of option 50.
    fn requested_if_free(&self, subnet: &SubnetPlan) -> Option<Ipv4Addr> {
        let address = self.query.requested_address()?;
        let free = self.is_allowed(subnet, address) && self.search(subnet).promise_this(address);
        free.then_some(address)
    }

    /// The address of the client's open offer, prolonged.
    pub(super) fn promised(&self, subnet: &SubnetPlan) -> Option<Ipv4Addr> {
        let search = self.search(subnet);
        let address = search.offers.of(search.client, subnet.config.id, self.context.now.mono)?;
        let good = self.is_allowed(subnet, address) && search.promise_this(address);
        good.then_some(address)
    }

    /// The next free address of the pools that are open to the client.
    pub(super) fn next_free(&self, subnet: &SubnetPlan) -> Option<Ipv4Addr> {
        let pools = subnet.open_pools(&self.classes).map(|pool| &pool.addresses);
        self.search(subnet).promise(pools)
    }

    /// Whether `address` lies in a pool that is open to the client.
    pub(super) fn is_allowed(&self, subnet: &SubnetPlan, address: Ipv4Addr) -> bool {
        subnet.pool_of(address).is_some_and(|pool| pool.is_open(&self.classes))
    }

    /// Why nothing was found.
    pub(super) fn failure(&self, subnet: &SubnetPlan) -> AllocationFailure {
        if subnet.pools.is_empty() {
            return AllocationFailure::NoPools;
        }
        let is_member = |class| self.classes.contains(class);
        match subnet.pools.iter().any(|pool| is_open(&pool.guard, &is_member)) {
            true => AllocationFailure::Full,
            false => AllocationFailure::Classes,
        }
    }

    /// The client's wish within the bounds of its first class that has any, else of the subnet.
    fn lifetime_s(&self, subnet: &SubnetPlan) -> u32 {
        let mut classes = self.classes.definitions(self.context.snapshot);
        let Lifetime { default_s, min_s, max_s } =
            classes.find_map(|(class, _)| class.lifetime).unwrap_or(subnet.config.lifetime);
        self.query.requested_lifetime_s().map_or(default_s, |wish| wish.max(min_s).min(max_s))
    }
}
