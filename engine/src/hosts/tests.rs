//! Look-ups among few and among a million.

use super::*;

fn host(kind: IdentifierKind, identifier: &[u8], subnet_id: u32, address: u32) -> Host {
    Host {
        kind,
        identifier: ClientId::new(identifier).unwrap(),
        subnet_id,
        address: (address > 0).then(|| address.into()),
        hostname: "".into(),
        details: None,
    }
}

#[test]
fn the_reservations_of_an_identifier_stand_together_by_subnet() {
    use IdentifierKind::{ClientId, HwAddress};
    let hosts = Hosts::new(vec![
        host(HwAddress, &[1, 2], 7, 70),
        host(HwAddress, &[1, 2], GLOBAL, 0),
        host(ClientId, &[1, 2], 3, 70),
        host(HwAddress, &[1], 5, 50),
    ]);
    let subnets = |kind, identifier: &[u8]| -> Vec<u32> {
        hosts.of(kind, identifier).iter().map(|host| host.subnet_id).collect()
    };
    assert_eq!(subnets(HwAddress, &[1, 2]), [GLOBAL, 7]);
    assert_eq!(subnets(HwAddress, &[1]), [5]);
    assert_eq!(subnets(ClientId, &[1, 2]), [3]);
    assert!(subnets(ClientId, &[1]).is_empty() && subnets(HwAddress, &[]).is_empty());
    assert!(hosts.of(IdentifierKind::Duid, &[1, 2]).is_empty());
    assert!(of_subnet(hosts.of(HwAddress, &[1, 2]), 7).is_some());
    assert!(of_subnet(hosts.of(HwAddress, &[1, 2]), 5).is_none());
    let mut holders: Vec<u32> =
        hosts.of_address(70.into()).map(|(_, host)| host.subnet_id).collect();
    holders.sort_unstable();
    assert_eq!(holders, [3, 7]);
    assert_eq!(hosts.of_address(51.into()).count(), 0);
    let inside: Vec<_> = hosts.addresses(7, 0.into(), 70.into()).collect();
    assert_eq!(inside, [Ipv4Addr::from(70)]);
    assert_eq!(Hosts::default().of(HwAddress, &[1]).len() + Hosts::new(vec![]).all().len(), 0);
}

/// Sizes, and slots looked at, rather than time.
#[test]
fn a_million_reservations_are_compact_and_each_is_found_by_few_looks() {
    const COUNT: u32 = 1_000_000;
    assert!(size_of::<Host>() <= 64, "{}", size_of::<Host>());
    let kind = IdentifierKind::HwAddress;
    let bytes = |number: u32| {
        [
            [2, 0],
            number.to_be_bytes()[..2].try_into().unwrap(),
            number.to_be_bytes()[2..].try_into().unwrap(),
        ]
        .concat()
    };
    let hosts = Hosts::new((1..=COUNT).map(|n| host(kind, &bytes(n), 1, n)).collect());
    assert!(hosts.slots.len() <= 4 * COUNT as usize);
    let longest = hosts.slots.split(|slot| *slot == 0).map(<[u32]>::len).max().unwrap();
    assert!(longest < 200, "a look-up may look at {longest} slots");
    for number in (1..=COUNT).step_by(997) {
        let [found] = hosts.of(kind, &bytes(number)) else { panic!("{number} once") };
        assert_eq!(found.address, Some(number.into()));
        assert_eq!(hosts.of_address(number.into()).count(), 1);
    }
    assert!(hosts.of(kind, &bytes(COUNT + 1)).is_empty());
}
