//! A configuration made ready for the packet path: indexes, class order, merged options. Immutable but for the
//! pools' cursors. Pure.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::classes::{ClassPlan, Classes};
use super::division::Division;
use super::network::{self, Membership, NetworkPlan};
use super::options::OptionTable;
use crate::alloc::{Pool, Round, Turn};
use crate::classify::ClassId;
use crate::codec::v4::{MessageType, Query, code, suboption};
use crate::config::model::{
    Allocator, ClientClass, Dhcp4, HookKind, NameRules, OptionData, Pool4, Subnet4,
};
use crate::hosts::Host;
use crate::lease::KeptOut;
use crate::packet::Arrival;
use crate::select::{Clue, SubnetIndex, is_open};

/// Everything that an exchange needs of one configuration.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) config: Arc<Dhcp4>,
    pub(super) classes: ClassPlan,
    pub(super) subnets: Vec<SubnetPlan>,
    pub(super) networks: Vec<NetworkPlan>,
    pub(super) global: OptionTable,
    /// Every value of option 54 that the configuration has, at any level but that of classes; sorted.
    server_identifiers: Vec<Ipv4Addr>,
    /// Those of classes.
    class_server_identifiers: Vec<(ClassId, Ipv4Addr)>,
    /// Options that the configuration defines and that must be of their types in a query.
    pub(super) checked_codes: Box<[u8]>,
    index: SubnetIndex,
    by_id: HashMap<u32, usize>,
    serves_bootp: bool,
    /// Options of reservations, by where the reservation is in memory: it stays there as long as its configuration.
    host_options: HashMap<usize, OptionTable>,
    /// Offered addresses are leased somewhere (`offer-lifetime`).
    pub(super) leases_offers: bool,
}

/// A subnet made ready.
#[derive(Debug)]
pub(super) struct SubnetPlan {
    pub(super) config: Arc<Subnet4>,
    /// By ascending addresses; they do not overlap.
    pub(super) pools: Vec<PoolPlan>,
    turn: Turn,
    /// Its options over its shared network's.
    pub(super) options: OptionTable,
    /// Classes evaluated last: the subnet's, then its shared network's.
    pub(super) additional: Box<[ClassId]>,
    pub(super) membership: Membership,
}

/// A pool made ready.
#[derive(Debug)]
pub(super) struct PoolPlan {
    pub(super) addresses: Pool,
    pub(super) guard: Box<[ClassId]>,
    /// Its options over the subnet's and the shared network's.
    pub(super) options: OptionTable,
    /// Classes evaluated last: the pool's, then the subnet's and its shared network's.
    pub(super) additional: Box<[ClassId]>,
    pub(super) id: u32,
    /// How names are made there, if the pool has rules of its own.
    pub(super) names: Option<Arc<NameRules>>,
}

impl Snapshot {
    /// Makes `config` ready. `admission_classes` are the names that admission gives, in its order.
    pub fn build(config: Arc<Dhcp4>, admission_classes: &[String]) -> Self {
        let (networks, memberships) = network::networks(&config.subnets);
        let division = Division::of(&config, admission_classes);
        let subnets: Vec<_> = (config.subnets.iter().zip(memberships))
            .map(|(subnet, membership)| SubnetPlan::build(subnet, membership, &config, &division))
            .collect();
        Self {
            networks,
            classes: ClassPlan::build(&config, admission_classes),
            index: SubnetIndex::build(&config.subnets),
            by_id: subnets.iter().enumerate().map(|(at, plan)| (plan.config.id, at)).collect(),
            global: OptionTable::merge(&[&config.options]),
            server_identifiers: server_identifiers(&config),
            class_server_identifiers: class_server_identifiers(&config),
            checked_codes: config.definitions.checked_codes().collect(),
            host_options: host_options(&config),
            leases_offers: leases_offers(&config),
            serves_bootp: config.hooks.iter().any(|hook| hook.kind == HookKind::Bootp),
            subnets,
            config,
        }
    }

    /// Whether a message of this type may change a lease, so that there must be room for the change.
    pub fn may_change_lease(&self, message_type: MessageType) -> bool {
        let offers = self.leases_offers && message_type == MessageType::Discover;
        offers || super::may_change_lease(message_type)
    }

    /// Whether BOOTP requests are served (`libdhcp_bootp`).
    pub fn serves_bootp(&self) -> bool {
        self.serves_bootp
    }

    /// Whether some malformed options are put up with (`lenient-option-parsing`).
    pub fn is_lenient(&self) -> bool {
        self.config.compatibility.lenient
    }

    /// The configuration that this is of.
    pub fn config(&self) -> &Arc<Dhcp4> {
        &self.config
    }

    /// The subnet with this id.
    pub fn subnet(&self, id: u32) -> Option<&Arc<Subnet4>> {
        self.by_id.get(&id).map(|at| &self.subnets[*at].config)
    }

    /// Whether a client may have been told that this is its server. Of a class only who is in it, or may come to be in
    /// it once its subnet is known.
    pub(super) fn is_server_identifier(&self, address: Ipv4Addr, classes: &Classes) -> bool {
        let is_told = |(class, told): &(ClassId, Ipv4Addr)| {
            *told == address && (classes.contains(*class) || !self.classes.is_early(*class))
        };
        self.server_identifiers.binary_search(&address).is_ok()
            || self.class_server_identifiers.iter().any(is_told)
    }

    /// The subnet with this id, made ready.
    pub(super) fn plan(&self, id: u32) -> Option<&SubnetPlan> {
        self.by_id.get(&id).map(|at| &self.subnets[*at])
    }

    /// The options of a reservation of this configuration.
    pub(super) fn options_of(&self, host: &Host) -> Option<&OptionTable> {
        self.host_options.get(&std::ptr::from_ref(host).addr())
    }

    /// The shared network of `subnet`, or what stands for one.
    pub(super) fn network_of(&self, subnet: &SubnetPlan) -> &NetworkPlan {
        &self.networks[subnet.membership.network]
    }

    /// The subnets that contain `address`, whoever they are open to.
    pub(super) fn containing(&self, address: Ipv4Addr) -> impl Iterator<Item = &SubnetPlan> {
        self.index.containing(address).map(|at| &self.subnets[at])
    }

    pub(super) fn select(
        &self,
        query: &Query<'_>,
        arrival: &Arrival,
        interface: &str,
        classes: &Classes,
    ) -> Option<&SubnetPlan> {
        let mut clue = clue(query, arrival, interface);
        if self.config.compatibility.ignore_link_selection {
            clue.link = query.address_option(code::SUBNET_SELECTION);
        }
        self.index.select(&clue, &|class| classes.contains(class)).map(|at| &self.subnets[at])
    }
}

/// What of the query decides about its subnet.
fn clue<'a>(query: &Query<'_>, arrival: &Arrival, interface: &'a str) -> Clue<'a> {
    let link = query
        .relay_address(suboption::LINK_SELECTION)
        .or_else(|| query.address_option(code::SUBNET_SELECTION));
    let senders = [query.ciaddr(), *arrival.source.ip()];
    let client = senders.into_iter().find(|address| !address.is_unspecified());
    Clue {
        link,
        relay: Some(query.giaddr()).filter(|relay| !relay.is_unspecified()),
        client: client.filter(|_| !arrival.destination.is_broadcast()),
        interface,
        local: arrival.local,
    }
}

#[cfg(test)]
thread_local! {
    /// How often a test's thread asked a subnet whether it is open: what a query must not ask of each subnet.
    pub(super) static LOOKS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

impl SubnetPlan {
    fn build(
        subnet: &Arc<Subnet4>,
        membership: Membership,
        config: &Dhcp4,
        division: &Division,
    ) -> Self {
        let pool = |pool| PoolPlan::build(pool, subnet, config, division);
        Self {
            turn: Turn::default(),
            config: Arc::clone(subnet),
            pools: subnet.pools.iter().map(pool).collect(),
            options: OptionTable::merge(&[&subnet.options, subnet.network_options()]),
            additional: additional(&[], subnet),
            membership,
        }
    }

    /// Place of the pool of `address`, whoever it is open to.
    pub(super) fn place_of(&self, address: Ipv4Addr) -> Option<usize> {
        let above = self.pools.partition_point(|pool| pool.addresses.first() <= address);
        let place = above.checked_sub(1)?;
        self.pools[place].addresses.contains(address).then_some(place)
    }

    /// The pool of `address`, whoever it is open to.
    pub(super) fn pool_of(&self, address: Ipv4Addr) -> Option<&PoolPlan> {
        self.place_of(address).map(|at| &self.pools[at])
    }

    /// Whether the guards of the subnet and its shared network let the query in.
    pub(super) fn is_open(&self, classes: &Classes) -> bool {
        #[cfg(test)]
        LOOKS.set(LOOKS.get() + 1);
        let is_member = |class| classes.contains(class);
        is_open(self.config.network_guard(), &is_member) && is_open(&self.config.guard, &is_member)
    }

    /// The pools that are open to `classes`, in their order.
    pub(super) fn open_pools<'a>(
        &'a self,
        classes: &'a Classes,
    ) -> impl DoubleEndedIterator<Item = &'a PoolPlan> + Clone {
        self.pools.iter().filter(|pool| pool.is_open(classes))
    }

    /// The round through the pools that are open to `classes`.
    pub(super) fn round<'a>(
        &'a self,
        classes: &'a Classes,
    ) -> Round<'a, impl DoubleEndedIterator<Item = &'a Pool> + Clone> {
        let pools = self.open_pools(classes).map(|pool| &pool.addresses);
        Round { turn: &self.turn, pools }
    }
}

impl PoolPlan {
    fn build(pool: &Pool4, subnet: &Subnet4, config: &Dhcp4, division: &Division) -> Self {
        let scope = subnet.reservations;
        let reserved = config.hosts.addresses(subnet.id, pool.first, pool.last);
        let reserved = reserved.filter(|_| scope.in_subnet && !scope.out_of_pool);
        let ends_of_24 = config.compatibility.exclude_first_last_24 && subnet.prefix.len <= 24;
        let kept_out = KeptOut::new(reserved, ends_of_24);
        let addresses = match subnet.allocator {
            Allocator::Iterative => Pool::iterative(pool.first, pool.last, kept_out),
            Allocator::Random => Pool::random(pool.first, pool.last, kept_out),
        };
        let addresses = match division.divides(pool, subnet) {
            true => addresses.of_one_server(),
            false => addresses,
        };
        Self {
            addresses,
            guard: pool.guard.as_slice().into(),
            options: OptionTable::merge(&[
                &pool.options,
                &subnet.options,
                subnet.network_options(),
            ]),
            additional: additional(&pool.additional, subnet),
            id: pool.id,
            names: pool.names.clone(),
        }
    }

    pub(super) fn is_open(&self, classes: &Classes) -> bool {
        is_open(&self.guard, &|class| classes.contains(class))
    }
}

fn leases_offers(config: &Dhcp4) -> bool {
    config.subnets.iter().any(|subnet| subnet.offer_lifetime_s > 0)
        || config.classes.iter().any(|class| class.offer_lifetime_s.is_some_and(|time| time > 0))
}

/// The classes that a pool's, its subnet's and its shared network's lists name, in this order.
fn additional(pool: &[ClassId], subnet: &Subnet4) -> Box<[ClassId]> {
    let network = subnet.network.iter().flat_map(|network| &network.additional);
    pool.iter().chain(&subnet.additional).chain(network).copied().collect()
}

fn host_options(config: &Dhcp4) -> HashMap<usize, OptionTable> {
    let tables = config.hosts.all().iter().filter_map(|host| {
        let options = &host.details.as_ref()?.options;
        let table = || OptionTable::merge(&[options]);
        (!options.is_empty()).then(|| (std::ptr::from_ref(host).addr(), table()))
    });
    tables.collect()
}

fn server_identifiers(config: &Dhcp4) -> Vec<Ipv4Addr> {
    let networks = config.networks.iter().map(|network| &network.options);
    let subnets = config.subnets.iter().map(|subnet| &subnet.options);
    let pools = config.subnets.iter().flat_map(|subnet| &subnet.pools).map(|pool| &pool.options);
    let levels = [&config.options].into_iter().chain(networks).chain(subnets).chain(pools);
    let mut found: Vec<_> = levels.flat_map(|options| server_identifiers_of(options)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn class_server_identifiers(config: &Dhcp4) -> Vec<(ClassId, Ipv4Addr)> {
    let told = |class: &ClientClass| {
        let class_id = class.id;
        let addresses: Vec<_> = server_identifiers_of(&class.options).collect();
        addresses.into_iter().map(move |address| (class_id, address))
    };
    config.classes.iter().flat_map(told).collect()
}

/// The values of option 54 among `options`.
fn server_identifiers_of(options: &[OptionData]) -> impl Iterator<Item = Ipv4Addr> {
    options
        .iter()
        .filter(|option| option.enterprise.is_none() && option.code == code::SERVER_IDENTIFIER)
        .filter_map(|option| <[u8; 4]>::try_from(&*option.data).ok())
        .map(Ipv4Addr::from)
}
