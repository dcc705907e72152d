//! Each clue alone, in its order, with guards.

use super::*;
use crate::classify::ClassNames;
use crate::config::model::{Network4, Prefix4};

fn subnet(id: u32, network: [u8; 4], len: u8) -> Subnet4 {
    Subnet4::plain(id, Prefix4 { network: network.into(), len })
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

#[test]
fn a_query_looks_at_no_more_of_ten_thousand_subnets_than_of_one() {
    let network = |guard: &[ClassId]| {
        Arc::new(Network4 {
            additional: Vec::new(),
            name: "n".into(),
            guard: guard.to_vec(),
            options: Vec::new(),
            user_context: None,
        })
    };
    let looks = |count: u32| {
        let mut names = ClassNames::default();
        let (staff, guests) = (names.intern("staff"), names.intern("guests"));
        let networks = [network(&[staff]), network(&[guests])];
        let subnets: Vec<_> = (0..count)
            .map(|number| {
                let [_, _, high, low] = number.to_be_bytes();
                let mut subnet = subnet(number + 1, [10, high, low, 0], 24);
                subnet.network = Some(Arc::clone(&networks[number as usize % 2]));
                subnet.relays = vec![[172, 16, 0, 1].into()];
                subnet.interface = Some("eth0".into());
                Arc::new(subnet)
            })
            .collect();
        let index = SubnetIndex::build(&subnets);
        let address: Ipv4Addr = subnets.last().unwrap().prefix.network;
        let clues = [
            Clue { link: Some(address), ..clue() },
            Clue { relay: Some([172, 16, 0, 1].into()), ..clue() },
            Clue { relay: Some(address), ..clue() },
            Clue { client: Some(address), ..clue() },
            clue(),
        ];
        clues.map(|clue| {
            let asked = std::cell::Cell::new(0_u32);
            let nobody = |_| {
                asked.set(asked.get() + 1);
                false
            };
            assert_eq!(index.select(&clue, &nobody), None);
            assert!(index.select(&clue, &|class| class == staff || class == guests).is_some());
            asked.get()
        })
    };
    let few = looks(2);
    assert!(few.iter().all(|looks| *looks > 0));
    assert_eq!(looks(10_000), few);
}
