//! Whether leases lie in the subnets that they say (Kea guide, "Sanity Checks in DHCPv4"), looked at as the
//! lease file is read. Pure but for the log.

use std::sync::Arc;

use crate::config::model::{Dhcp4, LeaseChecks};
use crate::lease::Lease4;
use crate::limits::MAX_BAD_LINES_TOLD;
use crate::log;
use crate::select::{Clue, SubnetIndex};
use crate::sync::atomic::{AtomicUsize, Ordering};

/// The check, and what it found so far. Used from several threads at once.
#[derive(Debug)]
pub struct Sanity {
    config: Arc<Dhcp4>,
    index: SubnetIndex,
    /// Leases that lay elsewhere and stay so.
    kept: AtomicUsize,
    /// Those that got the subnet of their address.
    fixed: AtomicUsize,
    /// Those that were forgotten.
    deleted: AtomicUsize,
}

impl Sanity {
    /// For leases that are read under `config`.
    pub fn new(config: Arc<Dhcp4>) -> Self {
        let index = SubnetIndex::build(&config.subnets);
        let [kept, fixed, deleted] = [const { AtomicUsize::new(0) }; 3];
        Self { config, index, kept, fixed, deleted }
    }

    /// The lease as it is to be known, or nothing if it is to be forgotten. The lease file is not changed.
    pub fn amend(&self, lease: Lease4) -> Option<Lease4> {
        if self.config.lease_checks == LeaseChecks::None || is_at_home(&lease, &self.config) {
            return Some(lease);
        }
        let (address, before) = (lease.address, lease.subnet_id);
        let clue =
            Clue { link: Some(address), relay: None, client: None, interface: "", local: address };
        let home = self.index.select(&clue, &|_| true).map(|at| self.config.subnets[at].id);
        let told = self.found().iter().sum::<usize>();
        let (count, fate, lease) = match (self.config.lease_checks, home) {
            (LeaseChecks::Fix | LeaseChecks::FixOrDelete, Some(id)) => {
                let fate = format!("it belongs to subnet {id} from now on");
                (&self.fixed, fate, Some(Lease4 { subnet_id: id, ..lease }))
            }
            (LeaseChecks::FixOrDelete | LeaseChecks::Delete, _) => {
                (&self.deleted, "it is forgotten".into(), None)
            }
            _ => (&self.kept, "it is kept as it is".into(), Some(lease)),
        };
        count.fetch_add(1, Ordering::Relaxed);
        if told < MAX_BAD_LINES_TOLD {
            log!(
                DHCPSRV_LEASE_SANITY_FAIL,
                "lease {address} says subnet {before}, which is not that of the address: {fate}"
            );
        }
        lease
    }

    /// Tells what was found, if anything.
    pub(super) fn tell(&self) {
        let [kept, fixed, deleted] = self.found();
        if kept + fixed + deleted > 0 {
            log!(
                DHCPSRV_LEASE_SANITY_FAIL,
                "leases in subnets that are not their addresses': {kept} kept, {fixed} put right, {deleted} forgotten"
            );
        }
    }

    fn found(&self) -> [usize; 3] {
        [&self.kept, &self.fixed, &self.deleted].map(|count| count.load(Ordering::Relaxed))
    }
}

fn is_at_home(lease: &Lease4, config: &Dhcp4) -> bool {
    let place = config.subnets.binary_search_by_key(&lease.subnet_id, |subnet| subnet.id);
    place.is_ok_and(|at| config.subnets[at].prefix.contains(lease.address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_text;
    use crate::lease::{HwAddress, LeaseState};

    fn lease(address: [u8; 4], subnet_id: u32) -> Lease4 {
        Lease4 {
            address: address.into(),
            hw_address: HwAddress::new(&address).unwrap(),
            client_id: None,
            valid_lifetime_s: 100,
            cltt_s: 1000,
            subnet_id,
            fqdn_fwd: false,
            fqdn_rev: false,
            hostname: "".into(),
            state: LeaseState::Assigned,
            user_context: None,
            pool_id: 0,
        }
    }

    #[test]
    fn leases_of_wrong_subnets_are_told_of_put_right_or_forgotten() {
        let outcome = |checks: &str| {
            let text = format!(
                r#"{{ "Dhcp4": {{ "sanity-checks": {{ "lease-checks": "{checks}" }}, "subnet4": [
                    {{ "id": 1, "subnet": "10.0.1.0/24" }}, {{ "id": 2, "subnet": "10.0.2.0/24" }} ] }} }}"#
            );
            let config = parse_text(&text, "test").unwrap().dhcp4.unwrap();
            let sanity = Sanity::new(Arc::new(config));
            let leases =
                [lease([10, 0, 1, 1], 1), lease([10, 0, 2, 1], 1), lease([10, 9, 0, 1], 7)];
            let amended = leases.into_iter().filter_map(|lease| sanity.amend(lease));
            let subnets: Vec<u32> = amended.map(|lease| lease.subnet_id).collect();
            let [kept, fixed, deleted] = sanity.found();
            ((kept, fixed, deleted), subnets)
        };
        assert_eq!(outcome("none"), ((0, 0, 0), vec![1, 1, 7]));
        assert_eq!(outcome("warn"), ((2, 0, 0), vec![1, 1, 7]));
        assert_eq!(outcome("fix"), ((1, 1, 0), vec![1, 2, 7]));
        assert_eq!(outcome("fix-del"), ((0, 1, 1), vec![1, 2]));
        assert_eq!(outcome("del"), ((0, 0, 2), vec![1]));
    }
}
