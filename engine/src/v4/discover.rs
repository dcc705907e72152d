//! DISCOVER: an address is chosen and promised for some seconds; no lease is written (RFC 2131 section 4.3.1).

use std::net::Ipv4Addr;

use super::answer::Promise;
use super::names::name_of;
use super::snapshot::SubnetPlan;
use super::{AllocationFailure, Context, DropReason, Event, Exchange, Outcome, Shortage};
use crate::codec::v4::MessageType;
use crate::config::model::Lifetime;
use crate::lease::{ChangeNumber, Grant, INFINITE_LIFETIME, Lease4, Origin, Stored};

/// An address, and the subnet that it is given from.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) subnet: &'a SubnetPlan,
    pub(super) address: Ipv4Addr,
}

impl<'a> Exchange<'a> {
    pub(super) fn discover(&self) -> Result<Outcome, DropReason> {
        if self.classes.is_rejected(self.context.snapshot) {
            return Err(DropReason::ClassReject);
        }
        let selected = self.subnet.ok_or(DropReason::NoSubnet)?;
        if let Some(subnet) = self.ipv6_only(selected) {
            return self.without_address(MessageType::Offer, subnet);
        }
        let selected = self
            .open_from(selected)
            .ok_or_else(|| DropReason::NoAddress(self.failure(selected)))?;
        let reservation = self.reservation(selected);
        let selected = reservation.home.unwrap_or(selected);
        let reserved = reservation.site.filter(|site| self.is_available(*site));
        let site = reserved
            .or_else(|| self.site_of_lease(selected))
            .or_else(|| self.requested_if_free(selected))
            .or_else(|| self.promised(selected))
            .or_else(|| self.next_free(self.place_of_search(selected)))
            .ok_or_else(|| DropReason::NoAddress(self.failure(selected)))?;
        let missed = reservation.site.filter(|_| reserved.is_none());
        let event = Event::Offered { address: site.address, missed: missed.map(|it| it.address) };
        let mut promise = self.promise_of(site);
        let offer_s = self.offer_lifetime_s(site.subnet);
        let version = match offer_s {
            0 => None,
            _ => self.lease_offer(&promise, offer_s),
        };
        if let Some(left_s) = self.left_of_own(&promise).filter(|_| version.is_none()) {
            promise.lifetime_s = left_s;
        }
        Ok(Outcome::Reply(self.promise(MessageType::Offer, &promise, version, event)))
    }

    /// What is left of the client's lease of the address, if that is what a REQUEST would be told.
    fn left_of_own(&self, promise: &Promise<'a>) -> Option<u32> {
        if !promise.subnet.config.cache.is_on() {
            return None;
        }
        let own = self.context.store.find(promise.address)?;
        let lease = self.lease_of(promise, Some(&own));
        self.reusable_s(promise, &own, &lease)
    }

    /// Leases an offered address for some seconds (`offer-lifetime`), unless the client has it for longer. No reply waits
    /// for a partner: it learns of the lease once the client takes it.
    fn lease_offer(&self, promise: &Promise<'a>, offer_s: u32) -> Option<ChangeNumber> {
        let context = self.context;
        let own = context.store.find(promise.address);
        let own = own.filter(|stored| self.owns(&stored.lease));
        if self.must_ask(promise.pool, promise.address, own.as_ref()) {
            return None;
        }
        let wall_s = context.now.wall_s;
        let ends_later = |stored: &Stored| {
            stored.lease.holds_address(wall_s)
                && (stored.lease.valid_lifetime_s == INFINITE_LIFETIME
                    || stored.lease.expires_at_s() > wall_s + u64::from(offer_s))
        };
        if own.as_ref().is_some_and(ends_later) {
            return None;
        }
        let lease = Lease4 { valid_lifetime_s: offer_s, ..self.lease_of(promise, own.as_ref()) };
        let identity = self.identity_in(promise.subnet);
        let grant = Grant { lease, identity, one_of: &[], origin: Origin::Client(None) };
        // If another client was faster, the offer stands as any other does: its REQUEST will be refused.
        context.store.grant(context.now, grant).ok().map(|granted| granted.version)
    }

    /// Of the first class that has one, else of the subnet.
    fn offer_lifetime_s(&self, subnet: &SubnetPlan) -> u32 {
        if !self.context.snapshot.leases_offers {
            return 0;
        }
        let mut classes = self.classes.definitions(self.context.snapshot);
        let of_class = classes.find_map(|(class, _)| class.offer_lifetime_s);
        of_class.unwrap_or(subnet.config.offer_lifetime_s)
    }

    /// Whether the client can have its reserved address: it has it, or nobody else does and it is promised from now on.
    pub(super) fn is_available(&self, site: Site<'a>) -> bool {
        let context = self.context;
        let stored = context.store.find(site.address);
        let keeps = |stored: &Stored| {
            stored.keeps_address(context.now.wall_s) || self.may_be_renewed(site.subnet, stored)
        };
        match stored.filter(keeps) {
            Some(stored) => self.owns(&stored.lease),
            None => {
                let network = context.snapshot.network_of(site.subnet);
                self.search(network).promise_this(site.address)
            }
        }
    }

    /// What OFFER and ACK say about an address.
    pub(super) fn promise_of(&self, site: Site<'a>) -> Promise<'a> {
        let Site { subnet, address } = site;
        let pool = subnet.pool_of(address);
        let rules = pool.and_then(|pool| pool.names.as_deref()).unwrap_or(&subnet.config.names);
        let host = self.known.current(subnet);
        let reserved = host.map(|host| &*host.hostname).filter(|name| !name.is_empty());
        Promise {
            address,
            lifetime_s: self.lifetime_s(subnet, address),
            subnet,
            pool,
            host,
            name: name_of(self.query, address, rules, reserved),
        }
    }

    /// The address of the client's lease: a live one, or one that was kept for it and that nobody was promised.
    pub(super) fn site_of_lease(&self, selected: &SubnetPlan) -> Option<Site<'a>> {
        let context = self.context;
        let network = context.snapshot.network_of(selected);
        let stored = self.own_lease(selected)?;
        let address = stored.lease.address;
        let site = self.allowed(selected, address)?;
        let usable =
            stored.keeps_address(context.now.wall_s) || self.search(network).promise_this(address);
        usable.then_some(site)
    }

    /// The address of option 50, else `ciaddr`.
    fn requested_if_free(&self, selected: &SubnetPlan) -> Option<Site<'a>> {
        let site = self.allowed(selected, self.wanted_address()?)?;
        let search = self.search(self.context.snapshot.network_of(selected));
        search.promise_this(site.address).then_some(site)
    }

    /// The address of the client's open offer, prolonged.
    pub(super) fn promised(&self, selected: &SubnetPlan) -> Option<Site<'a>> {
        let search = self.search(self.context.snapshot.network_of(selected));
        let address = search.offers.of(search.client, search.subnet_id, self.context.now.mono)?;
        let site = self.allowed(selected, address)?;
        search.promise_this(address).then_some(site)
    }

    /// Where in a shared network the search for an address begins, unless an address was given from elsewhere before: in the
    /// subnet of the address that the client asked for and cannot have, else in that of its lease.
    pub(super) fn place_of_search(&self, selected: &'a SubnetPlan) -> &'a SubnetPlan {
        let snapshot = self.context.snapshot;
        if snapshot.network_of(selected).members.len() == 1 {
            return selected;
        }
        let asked = self.wanted_address().and_then(|address| self.site_of(selected, address));
        let asked = asked.filter(|(_, pool)| pool.is_open(&self.classes)).map(|(subnet, _)| subnet);
        let leased = || snapshot.plan(self.own_lease(selected)?.lease.subnet_id);
        let open = |subnet: &&SubnetPlan| subnet.is_open(&self.classes);
        asked.filter(open).or_else(|| leased().filter(open)).unwrap_or(selected)
    }

    /// The next free address of the pools that are open to the client: of the subnet that one was given from last,
    /// then of the others of its shared network in turn.
    pub(super) fn next_free(&self, selected: &SubnetPlan) -> Option<Site<'a>> {
        let snapshot = self.context.snapshot;
        let network = snapshot.network_of(selected);
        let first = &snapshot.subnets[network.preferred(selected.membership)];
        let rounds = self.around(first).map(|subnet| subnet.round(&self.classes));
        let address = self.search(network).promise(rounds)?;
        let (subnet, _) = self.site_of(first, address)?;
        network.note(network.members[subnet.membership.place], subnet.membership);
        Some(Site { subnet, address })
    }

    /// The subnet of `address` if it lies in a pool that is open to the client, and is not reserved for another.
    pub(super) fn allowed(&self, selected: &SubnetPlan, address: Ipv4Addr) -> Option<Site<'a>> {
        let (subnet, pool) = self.site_of(selected, address)?;
        let open = subnet.is_open(&self.classes)
            && pool.is_open(&self.classes)
            && !self.is_reserved_for_other(selected, address)
            && self.is_ours_to_give(pool, address);
        open.then_some(Site { subnet, address })
    }

    /// Why nothing was found.
    pub(super) fn failure(&self, selected: &SubnetPlan) -> AllocationFailure {
        let snapshot = self.context.snapshot;
        let network = snapshot.network_of(selected);
        let last = self.around(&snapshot.subnets[network.preferred(selected.membership)]).last();
        self.context.shortage.set(Some(Shortage {
            subnet_id: last.unwrap_or(selected).config.id,
            is_shared: network.is_shared,
        }));
        let members = network.members.iter().map(|at| &snapshot.subnets[*at]);
        if members.clone().all(|subnet| subnet.pools.is_empty()) {
            return AllocationFailure::NoPools;
        }
        let is_open = |subnet: &SubnetPlan| {
            subnet.is_open(&self.classes) && subnet.open_pools(&self.classes).next().is_some()
        };
        match members.clone().any(is_open) {
            false => AllocationFailure::Classes,
            true if network.is_shared => AllocationFailure::FullNetwork,
            true => AllocationFailure::Full,
        }
    }

    /// The client's wish within the bounds of its first class that has any, else of the subnet. Where addresses run short
    /// it is the least that the bounds allow, or what is left of the client's lease if that is more.
    fn lifetime_s(&self, subnet: &SubnetPlan, address: Ipv4Addr) -> u32 {
        if self.query.is_bootp() {
            return INFINITE_LIFETIME;
        }
        let mut classes = self.classes.definitions(self.context.snapshot);
        let Lifetime { default_s, min_s, max_s } =
            classes.find_map(|(class, _)| class.lifetime).unwrap_or(subnet.config.lifetime);
        if self.runs_short(subnet, address) {
            return min_s.max(self.left_s(address));
        }
        let wish = self.query.requested_lifetime_s().filter(|wish| *wish > 0);
        wish.map_or(default_s, |wish| wish.max(min_s).min(max_s))
    }

    /// Whether the pools that are open to the client are as full as `adaptive-lease-time-threshold` says, counted with
    /// `address`.
    fn runs_short(&self, subnet: &SubnetPlan, address: Ipv4Addr) -> bool {
        let Some(threshold) = subnet.config.adaptive_threshold else { return false };
        let Context { store, now, .. } = *self.context;
        let open = subnet.open_pools(&self.classes).map(|pool| &pool.addresses);
        if !open.clone().any(|pool| pool.contains(address)) {
            return false;
        }
        let (held, all) = open.fold((0, 0), |(held, all), pool| {
            (held + pool.held(store, now.mono), all + pool.size())
        });
        let is_held = store.find(address).is_some_and(|stored| stored.keeps_address(now.wall_s));
        (held + u64::from(!is_held)) as f64 >= threshold * all as f64
    }

    /// What is left of the client's live lease of `address`, seconds.
    fn left_s(&self, address: Ipv4Addr) -> u32 {
        let now_s = self.context.now.wall_s;
        let Some(stored) = self.context.store.find(address) else { return 0 };
        let lease = &stored.lease;
        if !lease.holds_address(now_s) || !self.owns(lease) {
            return 0;
        }
        let end_s = lease.cltt_s.saturating_add(lease.valid_lifetime_s.into());
        u32::try_from(end_s.saturating_sub(now_s)).unwrap_or(u32::MAX)
    }
}
