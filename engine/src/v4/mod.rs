//! One DHCPv4 exchange: query, configuration, leases and the time lead to an [`Outcome`] (RFC 2131 section 4.3).
//!
//! Pure. Must not know sockets, who replicates, or where leases are kept. The caller does admission, takes the
//! ticket before ([`may_change_lease`]), waits for whoever must know, and sends.

mod accept;
mod admit;
mod answer;
mod classes;
mod discover;
mod division;
mod flex_id;
mod inform;
mod ipv6_only;
mod known;
mod names;
mod network;
mod options;
mod outcome;
mod relay_info;
mod release;
mod request;
mod reuse;
mod snapshot;
mod stash;
#[cfg(test)]
mod tests;
mod vendor;

use std::cell::Cell;
use std::net::Ipv4Addr;

pub use admit::ask_admission;
pub use division::undivided;
pub use outcome::{AllocationFailure, DropReason, Event, NakReason, Outcome, Reply, Shortage};
pub use snapshot::Snapshot;

use crate::alloc::{ClientKey, Offers, Search};
use crate::classify::{ClassId, EvaluationError};
use crate::clock::Now;
use crate::codec::v4::{MessageType, Query};
use crate::hosts::Host;
use crate::lease::{
    AddressHalf, ClientId, HwAddress, Identity, Lease4, LeaseStore, Origin, Stored,
};
use crate::packet::{Arrival, Buffers};
use crate::pending::Ticket;
use crate::seam::{Admission, Allotment};
use classes::{Asked, Classes};
use known::Known;
use network::NetworkPlan;
use snapshot::{PoolPlan, SubnetPlan};

/// What an exchange works with.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The configuration.
    pub snapshot: &'a Snapshot,
    /// The leases.
    pub store: &'a dyn LeaseStore,
    /// The open offers.
    pub offers: &'a Offers,
    /// Asked once the subnet is selected: whose client it is, if that is what decides ([`Admission::goes_by_subnet`]), and
    /// which addresses are ours to give.
    pub admission: &'a dyn Admission,
    /// Both clocks.
    pub now: Now,
    /// Room for the reply, if somebody must know of the lease before it is sent.
    pub ticket: Option<Ticket>,
    /// Whether somebody else must know of leases.
    pub replicated: bool,
    /// Name of the interface that received the query.
    pub interface: &'a str,
    /// Addresses of all sockets that are open: what a client may name as its server.
    pub local_addresses: &'a [Ipv4Addr],
    /// Memory for the reply.
    pub buffers: &'a Buffers,
    /// The port that every reply goes to instead of 68 and 67 (Kea's `-P`), for tests.
    pub reply_port: Option<u16>,
    /// Told of the first class whose test the query's values did not fit.
    pub trouble: &'a Cell<Option<ClassTrouble>>,
    /// Where no address was found, if none was.
    pub shortage: &'a Cell<Option<Shortage>>,
}

/// A class that a query is not in because its test could not be evaluated, or the identifier that it therefore lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassTrouble {
    /// The class; none: `identifier-expression`.
    pub class: Option<ClassId>,
    /// Why.
    pub error: EvaluationError,
}

/// Whether a message of this type may change a lease, so that its reply may have to wait.
pub const fn may_change_lease(message_type: MessageType) -> bool {
    matches!(message_type, MessageType::Request | MessageType::Release | MessageType::Decline)
}

/// Answers one query. `class` is what admission gave it, an index into the names the snapshot was built with.
pub fn exchange(
    query: &Query<'_>,
    arrival: &Arrival,
    class: Option<usize>,
    context: &Context<'_>,
) -> Outcome {
    let decided = match stash::recalled(query, context) {
        Some(relay_info) => {
            Exchange::decide(&query.recalling(&relay_info), arrival, class, context)
        }
        None => Exchange::decide(query, arrival, class, context),
    };
    decided.unwrap_or_else(Outcome::Drop)
}

/// A query on its way, and what was found out about it so far.
struct Exchange<'a> {
    query: &'a Query<'a>,
    arrival: &'a Arrival,
    context: &'a Context<'a>,
    /// What stands for option 61.
    replaced: Option<ClientId>,
    classes: Classes,
    known: Known<'a>,
    subnet: Option<&'a SubnetPlan>,
    /// Which addresses are ours to give there.
    allotment: Allotment,
    client: Client,
    /// Whether every lease is known ([`LeaseStore::is_complete`]).
    is_complete: bool,
}

/// Who asks.
struct Client {
    hw_address: HwAddress,
    client_id: Option<ClientId>,
    /// Whether the client identifier decides whose a lease is (`match-client-id`), as the selected subnet has it.
    match_client_id: bool,
    /// What its offers are found by.
    key: ClientKey,
}

impl Client {
    /// The client of `query` in `subnet`. Its offers are found by the client identifier if that counts anywhere in the
    /// shared network: a renewal may select another of the subnets than the DISCOVER did.
    fn new(
        query: &Query<'_>,
        client_id: Option<ClientId>,
        subnet: Option<&SubnetPlan>,
        snapshot: &Snapshot,
    ) -> Self {
        let hw_address = query.hw_address();
        let match_client_id = subnet.is_none_or(|it| it.config.match_client_id);
        let mixed = subnet.is_some_and(|it| snapshot.network_of(it).by_identity.is_some());
        let decisive = client_id.as_ref().filter(|_| match_client_id || mixed);
        let key = ClientKey::of(Identity { client_id: decisive, hw_address: &hw_address });
        Self { hw_address, client_id, match_client_id, key }
    }

    fn identity(&self) -> Identity<'_> {
        self.identity_by(self.match_client_id)
    }

    fn identity_by(&self, match_client_id: bool) -> Identity<'_> {
        let client_id = self.client_id.as_ref().filter(|_| match_client_id);
        Identity { client_id, hw_address: &self.hw_address }
    }
}

impl<'a> Exchange<'a> {
    /// The order is Kea's: options of the configuration's own, classes, acceptance, class DROP, sanity, subnet, admission by it, the classes that depend
    /// on a reservation, class DROP again, and the message's own processing.
    fn decide(
        query: &'a Query<'a>,
        arrival: &'a Arrival,
        class: Option<usize>,
        context: &'a Context<'a>,
    ) -> Result<Outcome, DropReason> {
        let snapshot = context.snapshot;
        let is_complete = context.store.is_complete();
        accept::check_options(query, snapshot)?;
        let asked = Asked { query, arrival, context, client_id: None };
        let identifier = flex_id::replacing(asked);
        let replaced = identifier.as_ref().and_then(|id| flex_id::client_id(id, asked));
        let asked = Asked { client_id: replaced.as_ref(), ..asked };
        let mut classes = Classes::of(asked, class);
        accept::accept(query, arrival, context, &classes)?;
        classes.check_drop(snapshot)?;
        accept::check_sanity(query)?;
        let identifier = identifier.or_else(|| flex_id::for_reservation(&classes, asked));
        let known = Known::of(asked, identifier.as_ref(), snapshot);
        if let Some(host) = known.early(snapshot) {
            classes.reserve(host.classes(), asked);
            classes.complete(true, asked);
            classes.check_drop(snapshot)?;
        }
        let subnet = snapshot.select(query, arrival, context.interface, &classes);
        let known = known.counting_in(subnet, snapshot);
        if context.admission.goes_by_subnet() {
            let subnet_id = subnet.map(|it| it.config.id);
            let class = admit::admit_in(query, context.admission, subnet_id, context.now)?;
            classes.admit(class, snapshot);
        }
        // What gives a lease back needs no more than whose it is.
        if !matches!(query.message_type(), MessageType::Release | MessageType::Decline) {
            complete(&mut classes, &known, subnet, asked);
            classes.check_drop(snapshot)?;
        }
        let client_id = replaced.clone().or_else(|| query.client_id());
        let client = Client::new(query, client_id, subnet, snapshot);
        let allotted = |subnet: &SubnetPlan| context.admission.allotment(subnet.config.id);
        let allotment = subnet.map_or(Allotment::Whole, allotted);
        let exchange = Self {
            query,
            arrival,
            context,
            replaced,
            classes,
            known,
            subnet,
            allotment,
            client,
            is_complete,
        };
        exchange.check_loaded()?;
        match query.message_type() {
            MessageType::Discover => exchange.discover(),
            MessageType::Request => exchange.request(),
            MessageType::Release => Ok(exchange.release()),
            MessageType::Decline => exchange.decline(),
            MessageType::Inform => Ok(exchange.inform()),
            other => Err(DropReason::UnexpectedType(other)),
        }
    }

    /// Until every lease is known, only who holds a lease that is known is served: it may renew.
    fn check_loaded(&self) -> Result<(), DropReason> {
        let renews = || {
            let stored = self.wanted_address().and_then(|it| self.context.store.find(it));
            stored.is_some_and(|it| {
                let live = it.lease.holds_address(self.context.now.wall_s);
                live && self.client.identity().owns(&it.lease)
            })
        };
        match self.query.message_type() {
            _ if self.is_complete => Ok(()),
            MessageType::Inform => Ok(()),
            MessageType::Request if renews() => Ok(()),
            _ => Err(DropReason::StillLoading),
        }
    }

    fn asked(&self) -> Asked<'_> {
        let (query, arrival, context) = (self.query, self.arrival, self.context);
        Asked { query, arrival, context, client_id: self.replaced.as_ref() }
    }

    fn search(&self, network: &NetworkPlan) -> Search<'a> {
        Search {
            store: self.context.store,
            offers: self.context.offers,
            client: self.client.key,
            subnet_id: network.number(),
            now: self.context.now,
            allotment: self.allotment,
        }
    }

    /// The subnets of the shared network of `subnet` that are open to the client, from it on and round.
    fn around<'s>(
        &'s self,
        subnet: &'s SubnetPlan,
    ) -> impl Iterator<Item = &'s SubnetPlan> + Clone {
        let snapshot = self.context.snapshot;
        let places = snapshot.network_of(subnet).around(subnet.membership);
        places.map(|at| &snapshot.subnets[at]).filter(|subnet| subnet.is_open(&self.classes))
    }

    /// Where a client is served whose subnet is `selected`: if what its reservation gives closes that to it, in the next subnet of
    /// the shared network that is open.
    fn open_from(&self, selected: &'a SubnetPlan) -> Option<&'a SubnetPlan> {
        if selected.is_open(&self.classes) {
            return Some(selected);
        }
        let next = self.around(selected).next()?;
        self.context.snapshot.plan(next.config.id)
    }

    /// The subnet and the pool of `address` in the shared network of `selected`, whoever they are open to.
    fn site_of(
        &self,
        selected: &SubnetPlan,
        address: Ipv4Addr,
    ) -> Option<(&'a SubnetPlan, &'a PoolPlan)> {
        let snapshot = self.context.snapshot;
        let network = snapshot.network_of(selected);
        let (at, pool) = network.pool_of(address, selected.membership, &snapshot.subnets)?;
        let subnet = &snapshot.subnets[at];
        Some((subnet, &subnet.pools[pool]))
    }

    /// Who the client is in `subnet`: another one of the shared network may go by the hardware address alone.
    fn identity_in(&self, subnet: &SubnetPlan) -> Identity<'_> {
        self.client.identity_by(subnet.config.match_client_id)
    }

    /// Whether `lease` is the client's: what decides is for its subnet to say, or, of a lease elsewhere than in the shared
    /// network that the client is in, for the selected one.
    fn owns(&self, lease: &Lease4) -> bool {
        let network = self.subnet.map(|it| it.membership.network);
        let subnet = self.context.snapshot.plan(lease.subnet_id);
        let subnet = subnet.filter(|it| network == Some(it.membership.network));
        let identity = subnet.map_or_else(|| self.client.identity(), |it| self.identity_in(it));
        identity.owns(lease)
    }

    /// The client's lease in the shared network of `selected`: first by its client identifier, where that decides.
    fn own_lease(&self, selected: &SubnetPlan) -> Option<Stored> {
        let context = self.context;
        let network = context.snapshot.network_of(selected);
        let find = |match_client_id: bool, ids: &[u32]| {
            let identity = self.client.identity_by(match_client_id);
            context.store.find_of(identity, ids, context.now)
        };
        match &network.by_identity {
            None => find(selected.config.match_client_id, &network.ids),
            Some(ids) => find(true, &ids.client_id).or_else(|| find(false, &ids.hw_address)),
        }
    }

    fn origin(&self) -> Origin {
        Origin::Client(self.context.ticket)
    }

    /// Whether the owner of `address` has to agree before the client gets it: `own` is the record that the client has there.
    fn must_ask(&self, pool: Option<&PoolPlan>, address: Ipv4Addr, own: Option<&Stored>) -> bool {
        let Allotment::Asking(half) = self.allotment else { return false };
        pool.is_some_and(|pool| pool.addresses.is_shared())
            && AddressHalf::of(address) != half
            && !own.is_some_and(|own| self.allotment.lets_keep(own))
    }

    /// Whether the partner may have renewed another client's `lease`, however long ago it ended here.
    fn may_be_renewed(&self, selected: &SubnetPlan, stored: &Stored) -> bool {
        self.allotment.keeps(stored, || {
            let site = self.site_of(selected, stored.lease.address);
            site.is_none_or(|(_, pool)| pool.addresses.is_shared())
        })
    }

    /// Whether this server may give an address of `pool` to the client, as far as the partner is concerned: nobody else may
    /// have got it there.
    fn is_ours_to_give(&self, pool: &PoolPlan, address: Ipv4Addr) -> bool {
        if !matches!(self.allotment, Allotment::Alone { .. } | Allotment::Apart) {
            return true;
        }
        let is_shared = pool.addresses.is_shared();
        let is_in_half = || match self.allotment {
            Allotment::Alone { half, .. } if is_shared => AddressHalf::of(address) == half,
            _ => true,
        };
        match self.context.store.find(address) {
            Some(stored) if self.owns(&stored.lease) && self.allotment.lets_keep(&stored) => true,
            Some(stored)
                if self.allotment.keeps(&stored, || is_shared) && !self.owns(&stored.lease) =>
            {
                false
            }
            _ => is_in_half(),
        }
    }
}

/// Adds what the client's reservation gives, if the subnet is settled, and the classes that depend on whether it has
/// one. In a shared network the subnet, and with it the reservation, may still change.
fn complete(
    classes: &mut Classes,
    known: &Known<'_>,
    subnet: Option<&SubnetPlan>,
    asked: Asked<'_>,
) {
    let snapshot = asked.context.snapshot;
    let early = known.early(snapshot);
    let mut is_known = early.is_some();
    if let Some(subnet) = subnet {
        // In a shared network only a global reservation says now that there are classes; they are those of whichever counts here.
        let shared = snapshot.network_of(subnet).is_shared;
        let has_classes = |host: &&Host| !host.classes().is_empty();
        let is_early = |host: &&Host| early.is_some_and(|early| std::ptr::eq(early, *host));
        let current = known.current(subnet).filter(has_classes).filter(|host| !is_early(host));
        let global = known.global_in(subnet).filter(|_| early.is_none()).filter(has_classes);
        if let Some(host) = current.filter(|_| !shared || global.is_some()) {
            classes.reserve(host.classes(), asked);
        }
        is_known |= known.is_known(subnet, snapshot, classes);
    }
    classes.complete(is_known, asked);
}
