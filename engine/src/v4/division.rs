//! Which pools the configuration's classes divide between the servers of a pair: all clients that a guard lets in are
//! one server's. What is left is shared by halves ([`crate::seam::Allotment`]). Pure.

use std::collections::HashMap;

use crate::classify::ClassId;
use crate::config::model::{Dhcp4, Pool4, Subnet4};

/// Classes whose members are clients of one server.
#[derive(Debug)]
pub(super) struct Division {
    /// The server, by its place among the classes that admission gives.
    server_of: HashMap<ClassId, usize>,
}

impl Division {
    /// By the names of the classes that admission gives (`HA_server1`), and the classes whose test names one of them.
    pub(super) fn of(config: &Dhcp4, admission: &[String]) -> Self {
        let named = admission.iter().enumerate();
        let named = named.filter_map(|(at, name)| Some((config.class_names.id(name)?, at)));
        let mut server_of: HashMap<_, _> = named.collect();
        for class in &config.classes {
            let members = class.test.iter().flat_map(|test| test.members());
            let mut servers: Vec<usize> =
                members.filter_map(|id| server_of.get(&id).copied()).collect();
            servers.dedup();
            if let [server] = servers[..] {
                server_of.insert(class.id, server);
            }
        }
        Self { server_of }
    }

    /// Whether only one server's clients get addresses of a pool.
    pub(super) fn divides(&self, pool: &Pool4, subnet: &Subnet4) -> bool {
        [&pool.guard[..], &subnet.guard, subnet.network_guard()].into_iter().any(|guard| {
            let mut servers = guard.iter().map(|class| self.server_of.get(class));
            let first = servers.next().flatten();
            first.is_some() && servers.all(|server| server == first)
        })
    }
}

/// The subnets that have a pool which is open to the clients of more than one server, by the names of the classes that
/// admission gives.
pub fn undivided(config: &Dhcp4, admission: &[String]) -> Vec<u32> {
    let division = Division::of(config, admission);
    let open = |subnet: &&std::sync::Arc<Subnet4>| {
        subnet.pools.iter().any(|pool| !division.divides(pool, subnet))
    };
    config.subnets.iter().filter(open).map(|subnet| subnet.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_text;

    #[test]
    fn a_pool_is_divided_by_the_class_of_one_server_at_any_level() {
        let config = r#"{"Dhcp4": {
            "interfaces-config": {"interfaces": []},
            "client-classes": [
                {"name": "phones"},
                {"name": "phones-of-a", "test": "member('phones') and member('HA_a')"},
                {"name": "either", "test": "member('HA_a') or member('HA_b')"}
            ],
            "shared-networks": [{"name": "n", "client-class": "HA_b", "subnet4": [
                {"id": 1, "subnet": "10.1.0.0/24", "pools": [{"pool": "10.1.0.1 - 10.1.0.9"}]}]}],
            "subnet4": [
                {"id": 2, "subnet": "10.2.0.0/24", "client-class": "HA_a",
                 "pools": [{"pool": "10.2.0.1 - 10.2.0.9"}]},
                {"id": 3, "subnet": "10.3.0.0/24",
                 "pools": [{"pool": "10.3.0.1 - 10.3.0.9", "client-class": "phones-of-a"}]},
                {"id": 4, "subnet": "10.4.0.0/24",
                 "pools": [{"pool": "10.4.0.1 - 10.4.0.9", "client-class": "phones"}]},
                {"id": 5, "subnet": "10.5.0.0/24",
                 "pools": [{"pool": "10.5.0.1 - 10.5.0.9", "client-class": "either"}]},
                {"id": 6, "subnet": "10.6.0.0/24",
                 "pools": [{"pool": "10.6.0.1 - 10.6.0.9", "client-classes": ["HA_a", "HA_b"]}]},
                {"id": 7, "subnet": "10.7.0.0/24", "pools": [
                    {"pool": "10.7.0.1 - 10.7.0.9", "client-class": "HA_a"},
                    {"pool": "10.7.0.11 - 10.7.0.19"}]},
                {"id": 8, "subnet": "10.8.0.0/24"}
            ]
        }}"#;
        let config = parse_text(config, "test").unwrap().dhcp4.unwrap();
        let names = ["HA_a".to_owned(), "HA_b".to_owned()];
        assert_eq!(undivided(&config, &names), [4, 5, 6, 7]);
        assert_eq!(undivided(&config, &[]), [1, 2, 3, 4, 5, 6, 7]);
    }
}
