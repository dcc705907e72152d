//! Each clue alone, in its order, with guards.

use super::*;
use crate::config::model::{Lifetime, Prefix4, Timer};

fn subnet(id: u32, network: [u8; 4], len: u8) -> Subnet4 {
    Subnet4 {
        names: Default::default(),
        id,
        prefix: Prefix4 { network: network.into(), len },
        relays: Vec::new(),
        interface: None,
        guard: Vec::new(),
        pools: Vec::new(),
        options: Vec::new(),
        lifetime: Lifetime { default_s: 1, min_s: 1, max_s: 1 },
        renew: Timer::Unset,
        rebind: Timer::Unset,
        match_client_id: true,
        authoritative: false,
        next_server: Ipv4Addr::UNSPECIFIED,
        server_hostname: String::new(),
        boot_file_name: String::new(),
        user_context: None,
    }
}

fn clue() -> Clue<'static> {
    Clue { link: None, relay: None, client: None, interface: "eth0", local: [192, 0, 2, 1].into() }
}

fn subnets() -> Vec<Arc<Subnet4>> {
    let mut all = vec![
        subnet(1, [10, 0, 0, 0], 8),
        subnet(2, [10, 1, 0, 0], 16),
        subnet(3, [192, 0, 2, 0], 24),
        subnet(4, [198, 51, 100, 0], 24),
        subnet(5, [203, 0, 113, 0], 24),
        subnet(6, [203, 0, 113, 0], 25),
    ];
    all[3].relays = vec![[10, 1, 0, 9].into()];
    all[3].interface = Some("eth1".into());
    all[4].guard = vec![ClassId(7), ClassId(8)];
    all.into_iter().map(Arc::new).collect()
}

fn select(clue: &Clue<'_>, classes: &[u32]) -> Option<u32> {
    let subnets = subnets();
    let index = SubnetIndex::build(&subnets);
    index.select(clue, &|class| classes.contains(&class.0)).map(|at| subnets[at].id)
}

#[test]
fn each_clue_leads_to_its_subnet() {
    let at = |a: u8, b, c, d| Some(Ipv4Addr::new(a, b, c, d));
    // A link decides alone, also when it leads nowhere.
    assert_eq!(
        select(&Clue { link: at(198, 51, 100, 3), relay: at(10, 0, 0, 1), ..clue() }, &[]),
        Some(4)
    );
    assert_eq!(select(&Clue { link: at(9, 9, 9, 9), relay: at(10, 0, 0, 1), ..clue() }, &[]), None);
    // A relay address that a subnet names beats the prefixes that contain it.
    assert_eq!(select(&Clue { relay: at(10, 1, 0, 9), ..clue() }, &[]), Some(4));
    // Of overlapping prefixes the lowest id is taken, not the longest.
    assert_eq!(select(&Clue { relay: at(10, 1, 0, 8), ..clue() }, &[]), Some(1));
    assert_eq!(select(&Clue { client: at(192, 0, 2, 77), ..clue() }, &[]), Some(3));
    assert_eq!(select(&Clue { client: at(9, 9, 9, 9), ..clue() }, &[]), None);
    // Without addresses the interface decides: by name, else by its address.
    assert_eq!(select(&Clue { interface: "eth1", ..clue() }, &[]), Some(4));
    assert_eq!(select(&clue(), &[]), Some(3));
}

#[test]
fn a_guarded_subnet_is_passed_over() {
    let inside = Clue { relay: Some([203, 0, 113, 5].into()), ..clue() };
    assert_eq!(select(&inside, &[]), Some(6));
    assert_eq!(select(&inside, &[8]), Some(5));
    let outside = Clue { relay: Some([203, 0, 113, 200].into()), ..clue() };
    assert_eq!(select(&outside, &[]), None);
}
