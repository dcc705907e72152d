//! What is reserved for a query's client, and what for others (Kea guide, "Host Reservations in DHCPv4"). Pure.

use std::borrow::Cow;
use std::net::Ipv4Addr;

use super::Exchange;
use super::classes::{Asked, Classes};
use super::discover::Site;
use super::snapshot::{Snapshot, SubnetPlan};
use crate::codec::v4::suboption;
use crate::hosts::{self, GLOBAL, Host, IdentifierKind};
use crate::lease::ClientId;

/// Type of a client identifier that holds a DUID (RFC 4361), and the bytes before that: type and IAID.
const DUID_TYPE: u8 = 255;
const BEFORE_DUID: usize = 5;

/// The reservations for whoever sent a query.
#[derive(Debug, Default)]
pub(super) struct Known<'a> {
    /// Those of each of its identifiers, in the order in which identifiers count.
    by_identifier: [&'a [Host]; IdentifierKind::ALL.len()],
    /// How many identifiers the query has; counted only if more than one of them has reservations.
    identifiers: usize,
    /// Which of them give the client something; the others are only known to be its own.
    counting: Counting,
    /// Which goes first where several identifiers have one in the same subnet.
    order: Order,
}

/// Which of a subnet's reservations for one client goes first. Not that of a global one: there it is always the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Order {
    /// That of the first identifier, as the configuration lists them.
    #[default]
    First,
    /// That of the last one: what Kea comes to in a shared network of more subnets than the query has identifiers, where it
    /// gathers the reservations by identifier, and later ones replace earlier ones.
    Last,
}

/// Which reservations count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Counting {
    #[default]
    All,
    /// The global one alone.
    Global,
    None,
}

/// What a client's reservation comes to in a shared network.
#[derive(Default)]
pub(super) struct Reservation<'a> {
    /// The reserved address.
    pub(super) site: Option<Site<'a>>,
    /// The subnet of the reservation: if the client cannot have its address, or has none, it is served there first.
    pub(super) home: Option<&'a SubnetPlan>,
}

impl<'a> Known<'a> {
    /// For whoever sent the query; `flex_id` is what an expression makes of it.
    pub(super) fn of(asked: Asked<'_>, flex_id: Option<&ClientId>, snapshot: &'a Snapshot) -> Self {
        let mut known = Self::default();
        let hosts = &snapshot.config.hosts;
        let kinds = &snapshot.config.host_identifiers;
        for (place, kind) in known.by_identifier.iter_mut().zip(kinds) {
            if hosts.has_kind(*kind)
                && let Some(id) = identifier(*kind, asked, flex_id)
            {
                *place = hosts.of(*kind, &id);
            }
        }
        if known.by_identifier.iter().filter(|hosts| !hosts.is_empty()).count() > 1 {
            let named = kinds.iter().filter_map(|kind| identifier(*kind, asked, flex_id));
            known.identifiers = named.filter(|id| !id.is_empty()).count();
        }
        known
    }

    /// For a client whose selected subnet is `subnet`: where that has no reservations of its own, those of the others in its shared
    /// network count only if it lets global ones count and the client has none.
    pub(super) fn counting_in(mut self, subnet: Option<&SubnetPlan>, snapshot: &Snapshot) -> Self {
        let Some(subnet) = subnet else { return self };
        let network = snapshot.network_of(subnet);
        if network.is_shared && network.members.len() > self.identifiers {
            self.order = Order::Last;
        }
        let scope = subnet.config.reservations;
        let is_early = snapshot.config.early_global_reservations;
        self.counting = match (scope.in_subnet, scope.global) {
            (true, _) => Counting::All,
            (false, _) if is_early => Counting::Global,
            (false, true) if self.global().is_some() => Counting::Global,
            (false, true) => Counting::All,
            (false, false) => Counting::None,
        };
        self
    }

    /// The global reservation.
    pub(super) fn global(&self) -> Option<&'a Host> {
        self.of_subnet(GLOBAL)
    }

    /// The global reservation, if it is to count before a subnet is selected.
    pub(super) fn early(&self, snapshot: &Snapshot) -> Option<&'a Host> {
        snapshot.config.early_global_reservations.then(|| self.global())?
    }

    /// Whether a reservation is this client's.
    fn is_own(&self, host: &Host) -> bool {
        let firsts = self.by_identifier.iter().filter_map(|hosts| hosts.first());
        firsts.into_iter().any(|own| own.kind == host.kind && own.identifier == host.identifier)
    }

    fn of_subnet(&self, id: u32) -> Option<&'a Host> {
        let counts = match self.counting {
            Counting::All => true,
            Counting::Global => id == GLOBAL,
            Counting::None => false,
        };
        let all = self.by_identifier.iter().filter(|_| counts);
        let mut found = all.filter_map(|hosts| hosts::of_subnet(hosts, id));
        match self.order {
            Order::Last if id != GLOBAL => found.next_back(),
            Order::First | Order::Last => found.next(),
        }
    }

    /// The reservation that counts in a subnet: its own, else a global one.
    pub(super) fn current(&self, subnet: &SubnetPlan) -> Option<&'a Host> {
        self.in_subnet(subnet).or_else(|| self.global_in(subnet))
    }

    /// The subnet's own reservation.
    pub(super) fn in_subnet(&self, subnet: &SubnetPlan) -> Option<&'a Host> {
        subnet.config.reservations.in_subnet.then(|| self.of_subnet(subnet.config.id))?
    }

    /// The global reservation, if the subnet lets it count.
    pub(super) fn global_in(&self, subnet: &SubnetPlan) -> Option<&'a Host> {
        subnet.config.reservations.global.then(|| self.global())?
    }

    /// Whether anything is reserved for the client in the shared network of `selected`.
    pub(super) fn is_known(
        &self,
        selected: &SubnetPlan,
        snapshot: &Snapshot,
        classes: &Classes,
    ) -> bool {
        self.current(selected).is_some()
            || self.elsewhere(selected, snapshot, classes).next().is_some()
    }

    /// Reservations of the subnets of the shared network of `selected` that are open to the client. As many looks as
    /// the client has reservations, not as there are subnets.
    fn elsewhere<'s>(
        &'s self,
        selected: &'s SubnetPlan,
        snapshot: &'s Snapshot,
        classes: &'s Classes,
    ) -> impl Iterator<Item = (&'s SubnetPlan, &'a Host)> {
        let shared = snapshot.network_of(selected).is_shared;
        let all = self.by_identifier.iter().filter(move |_| shared).flat_map(|hosts| hosts.iter());
        all.filter_map(move |host| {
            let subnet = snapshot.plan(host.subnet_id)?;
            // Another identifier's reservation may go first there.
            let counts = subnet.membership.network == selected.membership.network
                && self.in_subnet(subnet).is_some_and(|own| std::ptr::eq(own, host))
                && subnet.is_open(classes);
            counts.then_some((subnet, host))
        })
    }
}

impl<'a> Exchange<'a> {
    /// What is reserved for the client in the shared network of `selected`: the nearest reservation of a subnet from
    /// that of its lease on and round, or from `selected` on if it has none, else a global one.
    pub(super) fn reservation(&self, selected: &'a SubnetPlan) -> Reservation<'a> {
        let known = &self.known;
        let selected = self.place_of_lease(selected);
        let near = |(subnet, host): &(&'a SubnetPlan, &'a Host)| {
            let dynamic = |address| subnet.pool_of(address).is_some();
            !(subnet.config.reservations.out_of_pool && host.address.is_some_and(dynamic))
        };
        let own = known.in_subnet(selected).map(|host| (selected, host)).filter(near);
        let snapshot = self.context.snapshot;
        let nearest = own.or_else(|| {
            let others =
                known.elsewhere(selected, snapshot, &self.classes).filter_map(|(subnet, host)| {
                    Some((snapshot.plan(subnet.config.id)?, host)).filter(near)
                });
            let network = snapshot.network_of(selected);
            others
                .min_by_key(|(subnet, _)| network.distance(selected.membership, subnet.membership))
        });
        match nearest {
            Some((subnet, Host { address: Some(address), .. })) => {
                Reservation { site: Some(Site { subnet, address: *address }), home: Some(subnet) }
            }
            Some((subnet, _)) => Reservation { site: None, home: Some(subnet) },
            None => Reservation { site: self.global_site(selected), home: None },
        }
    }

    /// The subnet of the client's lease, if several of the shared network of `selected` may reserve something for it: there
    /// the search for a reservation begins.
    fn place_of_lease(&self, selected: &'a SubnetPlan) -> &'a SubnetPlan {
        let snapshot = self.context.snapshot;
        let mut others = self.known.elsewhere(selected, snapshot, &self.classes);
        if others.next().is_none() {
            return selected;
        }
        let leased = || snapshot.plan(self.own_lease(selected)?.lease.subnet_id);
        leased().filter(|subnet| subnet.is_open(&self.classes)).unwrap_or(selected)
    }

    /// The address of a global reservation, in the first subnet that it fits into.
    fn global_site(&self, selected: &'a SubnetPlan) -> Option<Site<'a>> {
        let address = self.known.global()?.address?;
        let snapshot = self.context.snapshot;
        let network = selected.membership.network;
        let fitting = snapshot.containing(address).filter(|subnet| {
            subnet.membership.network == network
                && subnet.config.reservations.global
                && subnet.is_open(&self.classes)
        });
        let distance = |subnet: &&SubnetPlan| {
            snapshot.network_of(selected).distance(selected.membership, subnet.membership)
        };
        fitting.min_by_key(distance).map(|subnet| Site { subnet, address })
    }

    /// Whether a subnet of the shared network of `selected` keeps `address` for another client.
    pub(super) fn is_reserved_for_other(&self, selected: &SubnetPlan, address: Ipv4Addr) -> bool {
        self.kept_for_other_in(selected, address).is_some()
    }

    /// The subnet of the shared network of `selected` that keeps `address` for another client.
    pub(super) fn kept_for_other_in(
        &self,
        selected: &SubnetPlan,
        address: Ipv4Addr,
    ) -> Option<&'a SubnetPlan> {
        let snapshot = self.context.snapshot;
        let mut keeper = None;
        for (_, host) in snapshot.config.hosts.of_address(address) {
            let Some(subnet) = snapshot.plan(host.subnet_id) else { continue };
            let scope = subnet.config.reservations;
            let counts = subnet.membership.network == selected.membership.network
                && scope.in_subnet
                && !(scope.out_of_pool && subnet.pool_of(address).is_some());
            if counts && self.known.is_own(host) {
                return None;
            }
            keeper = keeper.or(counts.then_some(subnet));
        }
        keeper
    }
}

/// The bytes of one kind by which the client of a query is known.
fn identifier<'q>(
    kind: IdentifierKind,
    asked: Asked<'q>,
    flex_id: Option<&'q ClientId>,
) -> Option<Cow<'q, [u8]>> {
    let Asked { query, .. } = asked;
    let client_id = || match asked.client_id {
        Some(replaced) => Some(Cow::Borrowed(replaced.as_bytes())),
        None => query.client_id_bytes(),
    };
    match kind {
        IdentifierKind::HwAddress => Some(Cow::Borrowed(query.chaddr())),
        IdentifierKind::ClientId => client_id(),
        IdentifierKind::Duid => {
            let holds =
                |id: &Cow<'_, [u8]>| id.first() == Some(&DUID_TYPE) && id.len() > BEFORE_DUID;
            client_id().filter(holds).map(|id| match id {
                Cow::Borrowed(id) => Cow::Borrowed(&id[BEFORE_DUID..]),
                Cow::Owned(id) => Cow::Owned(id[BEFORE_DUID..].to_vec()),
            })
        }
        IdentifierKind::CircuitId => query.relay_suboption(suboption::CIRCUIT_ID),
        IdentifierKind::FlexId => flex_id.map(|id| Cow::Borrowed(id.as_bytes())),
    }
}
