//! Whose subnets are whose: `ha-server-name` in the user-context of a subnet names a peer of the relationship that it
//! belongs to (Kea guide, "Hub and Spoke Configuration"). Pure.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

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
    owners: HashMap<u32, Owner>,
    are_several: bool,
}

/// The leases of one relationship.
#[derive(Clone, Debug)]
pub enum Share {
    /// All leases.
    All,
    /// Those of these subnets.
    Of(Arc<HashSet<u32>>),
}

impl Share {
    /// Whether the leases of this subnet belong to it.
    pub fn has(&self, subnet_id: u32) -> bool {
        match self {
            Share::All => true,
            Share::Of(subnets) => subnets.contains(&subnet_id),
        }
    }
}

impl Subnets {
    /// Finds the relationships of subnets, given by their ids and names. `relationships` are the peers of each.
    pub fn new<'a>(
        relationships: &[&Peers],
        subnets: impl IntoIterator<Item = (u32, Option<&'a str>)>,
    ) -> Self {
        let owner = |name: Option<&str>| {
            let Some(name) = name else { return Owner::Unnamed };
            let place = relationships.iter().position(|peers| peers.place(name).is_some());
            place.map_or(Owner::Nobody, Owner::Relationship)
        };
        let owners = subnets.into_iter().map(|(id, name)| (id, owner(name))).collect();
        Self { owners, are_several: relationships.len() > 1 }
    }

    /// The place of the relationship that the subnet belongs to.
    pub fn relationship(&self, subnet_id: u32) -> Option<usize> {
        match self.owners.get(&subnet_id)? {
            Owner::Relationship(place) => Some(*place),
            Owner::Nobody | Owner::Unnamed => None,
        }
    }

    /// The leases of the relationship at `place`. A server's only relationship has all leases as long as no subnet
    /// is named for it, and then those of all its subnets but the ones that are named for others: a partner that is
    /// a hub has leases of other branches, too.
    pub fn share(&self, place: usize) -> Share {
        let own = Owner::Relationship(place);
        let is_named = self.owners.values().any(|owner| *owner == own);
        if !self.are_several && !is_named {
            return Share::All;
        }
        let belongs = |owner: Owner| owner == own || !self.are_several && owner == Owner::Unnamed;
        let subnets = self.owners.iter().filter(|(_, owner)| belongs(**owner));
        Share::Of(Arc::new(subnets.map(|(id, _)| *id).collect()))
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
        let several = Subnets::new(&[&one, &two], subnets);
        let places: Vec<_> = (1..=5).map(|id| several.relationship(id)).collect();
        assert_eq!(places, [Some(0), Some(1), None, None, None]);
        assert_eq!((owned(&several.share(0)), owned(&several.share(1))), (vec![1], vec![2]));

        let branch = Subnets::new(&[&two], subnets);
        assert_eq!(owned(&branch.share(0)), [2, 4], "its own, and what nobody else is named for");
        let alone = Subnets::new(&[&two], [(1, None), (2, None)]);
        assert_eq!(owned(&alone.share(0)), [1, 2, 3, 4, 5]);
        let without = Subnets::new(&[&one, &two], [(1, None)]);
        assert_eq!(owned(&without.share(0)), [0; 0]);
    }
}
