//! Whose subnets are whose: `ha-server-name` in the user-context of a subnet names a peer of the relationship that it
//! belongs to (Kea guide, "Hub and Spoke Configuration"). Subnets come and go while the relationships stay. Pure.

use std::collections::HashMap;
use std::sync::Arc;

use engine::sync::Live;

use crate::machine::Peers;

/// Whom a subnet's `ha-server-name` means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The relationship of this place.
    Relationship(usize),
    /// A name that no peer has.
    Nobody,
    /// Nothing.
    Unnamed,
}

/// The relationships of all subnets.
#[derive(Debug)]
pub struct Subnets {
    peers: Vec<Peers>,
    owned: Live<Owned>,
}

/// The owners of the subnets of one configuration.
#[derive(Debug)]
struct Owned {
    owners: HashMap<u32, Owner>,
    /// Whether a subnet is named for the relationship of this place.
    named: Vec<bool>,
}

/// The leases of one relationship, as the subnets are at the moment.
#[derive(Clone, Debug)]
pub enum Share {
    /// All leases.
    All,
    /// Those of the relationship of this place.
    Of(Arc<Subnets>, usize),
}

impl Share {
    /// Whether the leases of this subnet belong to it.
    pub fn has(&self, subnet_id: u32) -> bool {
        match self {
            Share::All => true,
            Share::Of(subnets, place) => subnets.belongs(subnet_id, *place),
        }
    }
}

impl Subnets {
    /// Finds the relationships of subnets, given by their ids and names. `relationships` are the peers of each.
    pub fn new<'a>(
        relationships: &[&Peers],
        subnets: impl IntoIterator<Item = (u32, Option<&'a str>)>,
    ) -> Self {
        let peers: Vec<_> = relationships.iter().map(|peers| (*peers).clone()).collect();
        Self { owned: Live::new(Arc::new(Owned::new(&peers, subnets))), peers }
    }

    /// From now on these are the subnets.
    pub fn renew<'a>(&self, subnets: impl IntoIterator<Item = (u32, Option<&'a str>)>) {
        self.owned.replace(Arc::new(Owned::new(&self.peers, subnets)));
    }

    /// The place of the relationship that the subnet belongs to.
    pub fn relationship(&self, subnet_id: u32) -> Option<usize> {
        match self.owned.load().owners.get(&subnet_id)? {
            Owner::Relationship(place) => Some(*place),
            Owner::Nobody | Owner::Unnamed => None,
        }
    }

    /// The leases of the relationship at `place`. A server's only relationship has all leases as long as no subnet
    /// is named for it, and then those of all its subnets but the ones that are named for others: a partner that is
    /// a hub has leases of other branches, too.
    pub fn share(self: &Arc<Self>, place: usize) -> Share {
        Share::Of(Arc::clone(self), place)
    }

    fn belongs(&self, subnet_id: u32, place: usize) -> bool {
        let owned = self.owned.load();
        let is_only = self.peers.len() == 1;
        if is_only && !owned.named[place] {
            return true;
        }
        match owned.owners.get(&subnet_id) {
            Some(Owner::Relationship(owner)) => *owner == place,
            Some(Owner::Unnamed) => is_only,
            Some(Owner::Nobody) | None => false,
        }
    }
}

impl Owned {
    fn new<'a>(
        relationships: &[Peers],
        subnets: impl IntoIterator<Item = (u32, Option<&'a str>)>,
    ) -> Self {
        let owner = |name: Option<&str>| {
            let Some(name) = name else { return Owner::Unnamed };
            let place = relationships.iter().position(|peers| peers.place(name).is_some());
            place.map_or(Owner::Nobody, Owner::Relationship)
        };
        let owners: HashMap<_, _> =
            subnets.into_iter().map(|(id, name)| (id, owner(name))).collect();
        let is_named = |place| owners.values().any(|owner| *owner == Owner::Relationship(place));
        let named = (0..relationships.len()).map(is_named).collect();
        Self { owners, named }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{Mode, Peer, Role};

    fn peers(one: &str, other: &str) -> Peers {
        let peer = |name: &str, role| Peer { name: name.into(), role, auto_failover: true };
        let all = vec![peer(one, Role::Primary), peer(other, Role::Standby)];
        Peers::new(Mode::HotStandby, one, all).unwrap()
    }

    fn owned(share: &Share) -> Vec<u32> {
        (1..=5).filter(|id| share.has(*id)).collect()
    }

    #[test]
    fn each_relationship_has_the_subnets_that_name_one_of_its_peers() {
        let (one, two) = (peers("server1", "server2"), peers("server3", "server4"));
        let subnets = [(1, Some("server2")), (2, Some("server3")), (3, Some("server9")), (4, None)];
        let several = Arc::new(Subnets::new(&[&one, &two], subnets));
        let places: Vec<_> = (1..=5).map(|id| several.relationship(id)).collect();
        assert_eq!(places, [Some(0), Some(1), None, None, None]);
        assert_eq!((owned(&several.share(0)), owned(&several.share(1))), (vec![1], vec![2]));

        let branch = Arc::new(Subnets::new(&[&two], subnets));
        assert_eq!(owned(&branch.share(0)), [2, 4], "its own, and what nobody else is named for");
        let alone = Arc::new(Subnets::new(&[&two], [(1, None), (2, None)]));
        assert_eq!(owned(&alone.share(0)), [1, 2, 3, 4, 5]);
        let without = Arc::new(Subnets::new(&[&one, &two], [(1, None)]));
        assert_eq!(owned(&without.share(0)), [0; 0]);

        let share = branch.share(0);
        branch.renew([(1, Some("server3")), (2, Some("server2")), (5, None)]);
        assert_eq!(owned(&share), [1, 5], "after a reload, for who took its share before");
        assert_eq!(branch.relationship(1), Some(0));
    }
}
