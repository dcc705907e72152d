//! Whether leases lie in the subnets that they say (Kea guide, "Sanity Checks in DHCPv4"), looked at once after the
//! lease file was read. Pure but for the log.

use crate::config::model::{Dhcp4, LeaseChecks};
use crate::lease::{Lease4, LeaseStore, Origin, Overwrite};
use crate::limits::{MAX_BAD_LINES_TOLD, SANITY_PAGE};
use crate::log;
use crate::select::{Clue, SubnetIndex};

/// What was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Leases that lay elsewhere and stay so.
    pub(super) kept: usize,
    /// Those that got the subnet of their address.
    pub(super) fixed: usize,
    /// Those that were forgotten.
    pub(super) deleted: usize,
}

/// Looks at every lease of `store`, and does with those in a wrong subnet as configured. The lease file is not changed.
pub(super) fn check(store: &dyn LeaseStore, config: &Dhcp4) -> Found {
    let mut found = Found::default();
    if config.lease_checks == LeaseChecks::None {
        return found;
    }
    let index = SubnetIndex::build(&config.subnets);
    let mut after = None;
    loop {
        let page = store.page(after, SANITY_PAGE);
        let Some(last) = page.last() else { break };
        after = Some(last.address);
        for lease in page.into_iter().filter(|lease| !is_at_home(lease, config)) {
            amend(lease, &index, store, config, &mut found);
        }
    }
    if found != Found::default() {
        let Found { kept, fixed, deleted } = found;
        log!(
            DHCPSRV_LEASE_SANITY_FAIL,
            "leases in subnets that are not their addresses': {kept} kept, {fixed} put right, {deleted} forgotten"
        );
    }
    found
}

fn is_at_home(lease: &Lease4, config: &Dhcp4) -> bool {
    let place = config.subnets.binary_search_by_key(&lease.subnet_id, |subnet| subnet.id);
    place.is_ok_and(|at| config.subnets[at].prefix.contains(lease.address))
}

fn amend(
    lease: Lease4,
    index: &SubnetIndex,
    store: &dyn LeaseStore,
    config: &Dhcp4,
    found: &mut Found,
) {
    let address = lease.address;
    let clue =
        Clue { link: Some(address), relay: None, client: None, interface: "", local: address };
    let home = index.select(&clue, &|_| true).map(|at| config.subnets[at].id);
    let before = lease.subnet_id;
    let fate = match (config.lease_checks, home) {
        (LeaseChecks::Fix | LeaseChecks::FixOrDelete, Some(id)) => {
            store.apply(Lease4 { subnet_id: id, ..lease }, Overwrite::Always, Origin::Load);
            found.fixed += 1;
            format!("it belongs to subnet {id} from now on")
        }
        (LeaseChecks::FixOrDelete | LeaseChecks::Delete, _) => {
            drop(store.delete(address, Origin::Load));
            found.deleted += 1;
            "it is forgotten".into()
        }
        _ => {
            found.kept += 1;
            "it is kept as it is".into()
        }
    };
    if found.kept + found.fixed + found.deleted <= MAX_BAD_LINES_TOLD {
        log!(
            DHCPSRV_LEASE_SANITY_FAIL,
            "lease {address} says subnet {before}, which is not that of the address: {fate}"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::parse_text;
    use crate::lease::csv::Journal;
    use crate::lease::memory::MemoryStore;
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
            let store = MemoryStore::new(Arc::new(Journal::none()));
            for lease in [lease([10, 0, 1, 1], 1), lease([10, 0, 2, 1], 1), lease([10, 9, 0, 1], 7)]
            {
                store.apply(lease, Overwrite::Always, Origin::Load);
            }
            let found = check(&store, &config);
            let subnets: Vec<u32> =
                store.page(None, 10).iter().map(|lease| lease.subnet_id).collect();
            ((found.kept, found.fixed, found.deleted), subnets)
        };
        assert_eq!(outcome("none"), ((0, 0, 0), vec![1, 1, 7]));
        assert_eq!(outcome("warn"), ((2, 0, 0), vec![1, 1, 7]));
        assert_eq!(outcome("fix"), ((1, 1, 0), vec![1, 2, 7]));
        assert_eq!(outcome("fix-del"), ((0, 1, 1), vec![1, 2]));
        assert_eq!(outcome("del"), ((0, 0, 2), vec![1]));
    }
}
