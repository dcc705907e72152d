//! The subnets among which a client has one lease: those of its shared network, or its subnet alone. Pure but for
//! the notes of where addresses were given last.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::snapshot::SubnetPlan;
use crate::classify::ClassId;
use crate::codec::v4::code;
use crate::config::model::{OptionData, Subnet4};
use crate::sync::atomic::{AtomicUsize, Ordering};

/// A shared network, or a subnet that is in none, made ready.
#[derive(Debug)]
pub(super) struct NetworkPlan {
    /// Places of its subnets, by ascending ids.
    pub(super) members: Box<[usize]>,
    /// Their ids.
    pub(super) ids: Box<[u32]>,
    pub(super) is_shared: bool,
    /// The ids by `match-client-id`, if the members differ in it.
    pub(super) by_identity: Option<ByIdentity>,
    /// Places among the members of those that have option 108 themselves, ascending.
    ipv6_only: Box<[usize]>,
    /// Pools of all members by ascending addresses: first address, place of the subnet, place of the pool there.
    /// None if pools of different subnets overlap.
    pools: Option<Box<[(Ipv4Addr, usize, usize)]>>,
    /// Per group of members with one guard: the member that an address was given from last, or [`NOBODY`].
    last: Box<[AtomicUsize]>,
}

/// Where a subnet is in its network.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Membership {
    /// Place of the network.
    pub(super) network: usize,
    /// Place among its members.
    pub(super) place: usize,
    /// Which of the network's groups with one guard.
    group: usize,
}

const NOBODY: usize = usize::MAX;

/// Groups `subnets` into networks, in the order of their first members, and tells each subnet's place.
pub(super) fn networks(subnets: &[Arc<Subnet4>]) -> (Vec<NetworkPlan>, Vec<Membership>) {
    let mut members: Vec<Vec<usize>> = Vec::new();
    let mut known = std::collections::HashMap::new();
    let mut places = vec![Membership::default(); subnets.len()];
    for (at, subnet) in subnets.iter().enumerate() {
        let fresh = members.len();
        let network = match &subnet.network {
            Some(network) => *known.entry(Arc::as_ptr(network)).or_insert(fresh),
            None => fresh,
        };
        if network == fresh {
            members.push(Vec::new());
        }
        places[at] = Membership { network, place: members[network].len(), group: 0 };
        members[network].push(at);
    }
    let plans =
        members.into_iter().map(|members| NetworkPlan::build(members, subnets, &mut places));
    (plans.collect(), places)
}

impl NetworkPlan {
    fn build(members: Vec<usize>, subnets: &[Arc<Subnet4>], places: &mut [Membership]) -> Self {
        let mut guards: Vec<&[ClassId]> = Vec::new();
        for at in &members {
            let guard = subnets[*at].guard.as_slice();
            let known = guards.iter().position(|other| *other == guard);
            places[*at].group = known.unwrap_or(guards.len());
            if known.is_none() {
                guards.push(guard);
            }
        }
        Self {
            ids: members.iter().map(|at| subnets[*at].id).collect(),
            by_identity: ByIdentity::of(&members, subnets),
            is_shared: members.first().is_some_and(|at| subnets[*at].network.is_some()),
            ipv6_only: (0..members.len())
                .filter(|place| has_ipv6_only(&subnets[members[*place]].options))
                .collect(),
            pools: pools_in_order(&members, subnets),
            last: guards.iter().map(|_| AtomicUsize::new(NOBODY)).collect(),
            members: members.into(),
        }
    }

    /// What stands for all of the network where one subnet must: its first subnet's id.
    pub(super) fn number(&self) -> u32 {
        self.ids[0]
    }

    /// Places of all subnets, from `from` on and round to it.
    pub(super) fn around(&self, from: Membership) -> impl Iterator<Item = usize> + Clone + '_ {
        self.members[from.place..].iter().chain(&self.members[..from.place]).copied()
    }

    /// Places of the subnets that have option 108 themselves, from `from` on and round to it.
    pub(super) fn ipv6_only_around(&self, from: Membership) -> impl Iterator<Item = usize> + '_ {
        let first = self.ipv6_only.partition_point(|place| *place < from.place);
        let (before, after) = self.ipv6_only.split_at(first);
        after.iter().chain(before).map(|place| self.members[*place])
    }

    /// How many members are passed on the way from one to another, round all of them.
    pub(super) fn distance(&self, from: Membership, to: Membership) -> usize {
        let count = self.members.len();
        (to.place + count - from.place) % count
    }

    /// Where a search for a free address begins for a client of `selected`: the subnet with the same guard that an
    /// address was given from last, since the ones before it may be full.
    pub(super) fn preferred(&self, selected: Membership) -> usize {
        match self.last[selected.group].load(Ordering::Relaxed) {
            NOBODY => self.members[selected.place],
            last => last,
        }
    }

    /// Notes that an address of the subnet at `at` was given.
    pub(super) fn note(&self, at: usize, membership: Membership) {
        if self.members.len() > 1 {
            self.last[membership.group].store(at, Ordering::Relaxed);
        }
    }

    /// The subnet and the pool of `address`, whoever they are open to; of several the first around `from`.
    pub(super) fn pool_of(
        &self,
        address: Ipv4Addr,
        from: Membership,
        subnets: &[SubnetPlan],
    ) -> Option<(usize, usize)> {
        let Some(pools) = &self.pools else {
            return self.around(from).find_map(|at| Some((at, subnets[at].place_of(address)?)));
        };
        let above = pools.partition_point(|(first, ..)| *first <= address);
        let (_, at, pool) = pools[..above].last()?;
        subnets[*at].pools[*pool].addresses.contains(address).then_some((*at, *pool))
    }
}

/// Whether options of one level hold the IPv6-only preferred option (108, RFC 8925).
pub(super) fn has_ipv6_only(options: &[OptionData]) -> bool {
    let key = (None, code::V6_ONLY_PREFERRED);
    options.iter().any(|option| (option.enterprise, option.code) == key)
}

/// Ids of subnets by what decides whose a lease is.
#[derive(Debug)]
pub(super) struct ByIdentity {
    /// The client identifier.
    pub(super) client_id: Box<[u32]>,
    /// The hardware address alone.
    pub(super) hw_address: Box<[u32]>,
}

impl ByIdentity {
    /// Of `members`, if they differ.
    fn of(members: &[usize], subnets: &[Arc<Subnet4>]) -> Option<Self> {
        let ids = |match_client_id: bool| {
            let members = members.iter().map(|at| &subnets[*at]);
            let alike = members.filter(|subnet| subnet.match_client_id == match_client_id);
            alike.map(|subnet| subnet.id).collect::<Box<[u32]>>()
        };
        let (client_id, hw_address) = (ids(true), ids(false));
        let differ = !client_id.is_empty() && !hw_address.is_empty();
        differ.then_some(Self { client_id, hw_address })
    }
}

/// The pools of `members` by address; none if any two overlap.
fn pools_in_order(
    members: &[usize],
    subnets: &[Arc<Subnet4>],
) -> Option<Box<[(Ipv4Addr, usize, usize)]>> {
    let pools = |at: &usize| {
        let at = *at;
        subnets[at].pools.iter().enumerate().map(move |(place, pool)| (pool, at, place))
    };
    let mut pools: Vec<_> = members.iter().flat_map(pools).collect();
    pools.sort_by_key(|(pool, ..)| pool.first);
    let apart = pools.windows(2).all(|pair| pair[0].0.last < pair[1].0.first);
    apart.then(|| pools.into_iter().map(|(pool, at, place)| (pool.first, at, place)).collect())
}
