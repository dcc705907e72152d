//! REQUEST in its four forms: selecting, init-reboot, renewing, rebinding (RFC 2131 section 4.3.2).

use std::net::Ipv4Addr;

use super::answer::Promise;
use super::discover::Site;
use super::relay_info::with_relay_info;
use super::snapshot::SubnetPlan;
use super::{DropReason, Event, Exchange, NakReason, Outcome};
use crate::codec::v4::MessageType;
use crate::lease::{Grant, HostName, Lease4, LeaseState, Origin, Stored};

/// How often an address is picked for a REQUEST that names none: each time another client was faster.
const MAX_PICKS: usize = 16;

/// How a REQUEST ends without an ACK.
enum Refusal {
    Nak(NakReason),
    Drop(DropReason),
}

impl From<NakReason> for Refusal {
    fn from(reason: NakReason) -> Self {
        Self::Nak(reason)
    }
}

impl From<DropReason> for Refusal {
    fn from(reason: DropReason) -> Self {
        Self::Drop(reason)
    }
}

impl<'a> Exchange<'a> {
    pub(super) fn request(&self) -> Result<Outcome, DropReason> {
        match self.try_request() {
            Ok(outcome) => Ok(outcome),
            Err(Refusal::Drop(reason)) => Err(reason),
            Err(Refusal::Nak(_)) if !self.is_complete => Err(DropReason::StillLoading),
            // BOOTP knows no NAK.
            Err(Refusal::Nak(reason)) if self.query.is_bootp() => {
                Err(DropReason::BootpRefused(reason))
            }
            Err(Refusal::Nak(reason)) => {
                let event = Event::Refused { address: self.wanted_address(), reason };
                Ok(Outcome::Reply(self.nak(event)))
            }
        }
    }

    fn try_request(&self) -> Result<Outcome, Refusal> {
        if self.classes.is_rejected(self.context.snapshot) {
            return Err(NakReason::Rejected.into());
        }
        let selected = self.subnet.ok_or_else(|| self.without_subnet())?;
        if let Some(subnet) = self.ipv6_only(selected) {
            return Ok(self.without_address(MessageType::Ack, subnet)?);
        }
        if self.is_init_reboot() {
            self.check_reboot(selected)?;
        }
        let selected =
            self.open_from(selected).ok_or_else(|| NakReason::NoAddress(self.failure(selected)))?;
        match self.wanted_address() {
            Some(address) => self.grant_wanted(selected, address),
            None => self.grant_any(selected),
        }
    }

    /// Option 50, else `ciaddr`.
    pub(super) fn wanted_address(&self) -> Option<Ipv4Addr> {
        let wanted = self.query.requested_address().unwrap_or_else(|| self.query.ciaddr());
        Some(wanted).filter(|address| !address.is_unspecified())
    }

    fn is_init_reboot(&self) -> bool {
        self.query.server_identifier().is_none() && self.query.requested_address().is_some()
    }

    /// No subnet: one that rebinds may be known to another server, and one that reboots unless this is the
    /// authoritative one; others are told.
    fn without_subnet(&self) -> Refusal {
        let named = self.query.server_identifier().is_some();
        let rebinding = !self.query.ciaddr().is_unspecified()
            && self.query.requested_address().is_none()
            && self.arrival.destination.is_broadcast();
        let rebooting = self.is_init_reboot() && !self.context.snapshot.config.authoritative;
        match !named && (rebinding || rebooting) {
            true => DropReason::NoSubnet.into(),
            false => NakReason::NoSubnet.into(),
        }
    }

    /// A client that reboots must be known, and be right about its address. A lease of a subnet that is closed to it by
    /// now is not looked for.
    fn check_reboot(&self, selected: &SubnetPlan) -> Result<(), Refusal> {
        let is_open = |known: &Stored| {
            let subnet = self.context.snapshot.plan(known.lease.subnet_id);
            subnet.is_none_or(|subnet| subnet.is_open(&self.classes))
        };
        match self.own_lease(selected).filter(is_open) {
            Some(known) if Some(known.lease.address) == self.wanted_address() => Ok(()),
            Some(_) => Err(NakReason::OtherAddress.into()),
            None if selected.config.authoritative => Err(NakReason::UnknownClient.into()),
            None => Err(DropReason::UnknownClient.into()),
        }
    }

    fn grant_wanted(
        &self,
        selected: &'a SubnetPlan,
        address: Ipv4Addr,
    ) -> Result<Outcome, Refusal> {
        let context = self.context;
        if self.is_refused_for_other(selected, address) {
            return Err(NakReason::Reserved.into());
        }
        let (own, others) = self.sort_out(context.store.find(address));
        if others.is_some_and(|it| {
            it.lease.holds_address(context.now.wall_s) || self.may_be_renewed(selected, &it)
        }) {
            return Err(NakReason::InUse.into());
        }
        let reserved = self.reservation(selected).site;
        if let Some(site) = reserved.filter(|site| site.address == address) {
            return self.grant_own(selected, site, own);
        }
        if let Some(Site { address, .. }) = reserved
            && !self.is_held(address)
        {
            return Err(NakReason::OtherReserved(address).into());
        }
        let Some(site) = self.allowed(selected, address) else {
            return Err(match self.site_of(selected, address) {
                None => DropReason::UnknownAddress(address).into(),
                Some(_) => NakReason::NotAllowed.into(),
            });
        };
        self.grant_own(selected, site, own)
    }

    /// Grants what the client asks for, unless its lease is another one.
    fn grant_own(
        &self,
        selected: &SubnetPlan,
        site: Site<'a>,
        own: Option<Stored>,
    ) -> Result<Outcome, Refusal> {
        if own.as_ref().is_some_and(|own| self.has_another(selected, own)) {
            return Err(NakReason::OtherAddress.into());
        }
        self.grant(site, own).ok_or_else(|| NakReason::InUse.into())
    }

    /// Whether a REQUEST for `address` is refused since it is another's reservation. Of one that is in no pool, and reserved
    /// in another subnet of the shared network than the client is in, nothing is said: it is unknown there, as for Kea.
    fn is_refused_for_other(&self, selected: &SubnetPlan, address: Ipv4Addr) -> bool {
        let Some(keeper) = self.kept_for_other_in(selected, address) else { return false };
        let here = || self.own_lease(selected).map_or(selected.config.id, |it| it.lease.subnet_id);
        self.site_of(selected, address).is_some() || keeper.config.id == here()
    }

    /// Whether the client's lease is another one than `own`, which is live and the client's only by its hardware address: one
    /// of the two sides names no client identifier.
    fn has_another(&self, selected: &SubnetPlan, own: &Stored) -> bool {
        let (lease, identity) = (&own.lease, self.client.identity());
        let is_half_known = lease.client_id.as_ref() != identity.client_id;
        is_half_known
            && lease.holds_address(self.context.now.wall_s)
            && self.own_lease(selected).is_some_and(|it| it.lease.address != lease.address)
    }

    /// Whether anybody has a live lease of `address`.
    fn is_held(&self, address: Ipv4Addr) -> bool {
        let stored = self.context.store.find(address);
        stored.is_some_and(|stored| stored.keeps_address(self.context.now.wall_s))
    }

    /// A record of the client itself, and one of another.
    fn sort_out(&self, stored: Option<Stored>) -> (Option<Stored>, Option<Stored>) {
        match stored {
            Some(stored) if self.owns(&stored.lease) => (Some(stored), None),
            other => (None, other),
        }
    }

    /// The client names no address: it gets the one that is reserved for it and no other, else its own, or any.
    fn grant_any(&self, selected: &'a SubnetPlan) -> Result<Outcome, Refusal> {
        let reservation = self.reservation(selected);
        if let Some(site) = reservation.site {
            // As if the client had asked for it; after a NAK its DISCOVER is offered another one.
            let own = self.sort_out(self.context.store.find(site.address)).0;
            let granted = self.is_available(site).then(|| self.grant(site, own)).flatten();
            return granted.ok_or_else(|| NakReason::InUse.into());
        }
        let selected = reservation.home.unwrap_or(selected);
        for _ in 0..MAX_PICKS {
            let site = self
                .site_of_lease(selected)
                .or_else(|| self.promised(selected))
                .or_else(|| self.next_free(self.place_of_search(selected)));
            let Some(site) = site else { break };
            let stored = self.context.store.find(site.address);
            if let Some(outcome) = self.grant(site, self.sort_out(stored).0) {
                return Ok(outcome);
            }
        }
        Err(NakReason::NoAddress(self.failure(selected)).into())
    }

    /// Writes the lease and answers; none if another client has the address or was promised it.
    /// `own` is the record that the client has there already: if it is young, the answer tells of it as it stands.
    fn grant(&self, site: Site<'a>, own: Option<Stored>) -> Option<Outcome> {
        let context = self.context;
        let address = site.address;
        let promise = self.promise_of(site);
        let lease = self.lease_of(&promise, own.as_ref());
        let asks = self.must_ask(promise.pool, address, own.as_ref());
        if let Some(own) = own.as_ref().filter(|_| !asks)
            && let Some(left_s) = self.reusable_s(&promise, own, &lease)
        {
            let promise = Promise { lifetime_s: left_s, ..promise };
            let event = Event::Reused { address, left_s };
            let reply = self.promise(MessageType::Ack, &promise, Some(own.version), event);
            return Some(Outcome::Reply(reply));
        }
        let network = context.snapshot.network_of(site.subnet);
        let search = self.search(network);
        // A live lease is stronger than a promise, which was made before the partner told of the lease.
        let holds = own.as_ref().is_some_and(|own| own.lease.holds_address(context.now.wall_s));
        let claim =
            || context.offers.claim(address, search.client, search.subnet_id, context.now.mono);
        if !holds && !claim() {
            return None;
        }
        let grant = Grant {
            lease,
            identity: self.identity_in(site.subnet),
            one_of: &network.ids,
            origin: match (asks, context.ticket) {
                (false, _) => self.origin(),
                (true, Some(ticket)) => Origin::Asking(ticket),
                // Nobody could be told that it was refused.
                (true, None) => return None,
            },
        };
        let granted = context.store.grant(context.now, grant);
        context.offers.close(address, search.client, search.subnet_id);
        let granted = granted.ok()?;
        let before = granted.before.filter(|before| self.owns(before));
        let event = Event::Allocated {
            address,
            lifetime_s: promise.lifetime_s,
            renewed: before.is_some_and(|lease| lease.holds_address(context.now.wall_s)),
        };
        let version = Some(granted.version);
        Some(Outcome::Reply(self.promise(MessageType::Ack, &promise, version, event)))
    }

    pub(super) fn lease_of(&self, promise: &Promise<'_>, own: Option<&Stored>) -> Lease4 {
        let noted = own.and_then(|stored| stored.lease.user_context.clone());
        let user_context = match promise.subnet.config.store_extended_info {
            true => with_relay_info(noted, self.query),
            false => noted,
        };
        Lease4 {
            address: promise.address,
            hw_address: self.client.hw_address,
            client_id: self.identity_in(promise.subnet).client_id.cloned(),
            valid_lifetime_s: promise.lifetime_s,
            cltt_s: self.context.now.wall_s,
            subnet_id: promise.subnet.config.id,
            fqdn_fwd: false,
            fqdn_rev: false,
            hostname: promise
                .name
                .as_ref()
                .map_or_else(HostName::default, |name| name.hostname.as_str().into()),
            state: LeaseState::Assigned,
            user_context,
            pool_id: promise.pool.map_or(0, |pool| pool.id),
        }
    }
}
