//! Exchanges under configurations as operators write them: classes by expression, guarded pools.

use super::world::*;
use crate::clock::Now;
use crate::codec::v4::code;
use crate::config::parse_text;
use crate::seam::{Admission, Admitted, Client};
use crate::v4::{AllocationFailure, DropReason, Outcome};

fn world(text: &str) -> World {
    let admission = ["HA_server1".to_owned(), "HA_server2".to_owned()];
    let config = parse_text(text, "test").unwrap().dhcp4.unwrap();
    World::admitting(config, &admission)
}

/// The address that is offered, or why there is none.
fn offered(world: &World, ask: &Ask, class: Option<usize>) -> Result<String, DropReason> {
    match world.ask_as(ask, class) {
        Outcome::Reply(reply) => {
            let bytes: [u8; 4] = reply.departure.message[16..20].try_into().unwrap();
            Ok(std::net::Ipv4Addr::from(bytes).to_string())
        }
        Outcome::Drop(reason) => Err(reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn phones_and_laptops_get_the_pools_of_their_server() {
    let world = world(
        r#"{ "Dhcp4": {
            "client-classes": [
                { "name": "phones", "test": "substring(option[60].hex,0,6) == 'Aastra'" },
                { "name": "laptops", "test": "not member('phones')" },
                { "name": "phones_server1", "test": "member('phones') and member('HA_server1')" },
                { "name": "phones_server2", "test": "member('phones') and member('HA_server2')" },
                { "name": "laptops_server1", "test": "member('laptops') and member('HA_server1')" },
                { "name": "laptops_server2", "test": "member('laptops') and member('HA_server2')" }
            ],
            "subnet4": [ {
                "id": 1, "subnet": "192.0.2.0/24",
                "pools": [
                    { "pool": "192.0.2.100 - 192.0.2.125", "client-class": "phones_server1" },
                    { "pool": "192.0.2.126 - 192.0.2.150", "client-class": "laptops_server1" },
                    { "pool": "192.0.2.200 - 192.0.2.225", "client-class": "phones_server2" },
                    { "pool": "192.0.2.226 - 192.0.2.250", "client-class": "laptops_server2" }
                ],
                "option-data": [ { "name": "routers", "data": "192.0.2.254" } ]
            } ]
        } }"#,
    );
    let laptop = Ask::direct(1);
    let phone = Ask::direct(2).option(code::VENDOR_CLASS_IDENTIFIER, "AastraIPPhone");
    assert_eq!(offered(&world, &phone, Some(0)).unwrap(), "192.0.2.100");
    assert_eq!(offered(&world, &laptop, Some(0)).unwrap(), "192.0.2.126");
    assert_eq!(offered(&world, &phone, Some(1)).unwrap(), "192.0.2.200");
    assert_eq!(offered(&world, &laptop, Some(1)).unwrap(), "192.0.2.226");
    let refused = offered(&world, &laptop, None).unwrap_err();
    assert_eq!(refused, DropReason::NoAddress(AllocationFailure::Classes));
}

#[test]
fn classes_are_given_in_their_order() {
    let world = world(
        r#"{ "Dhcp4": {
            "valid-lifetime": 4000,
            "client-classes": [
                { "name": "DROP", "test": "pkt4.mac == 0x020000000109" },
                { "name": "vendor", "test": "member('VENDOR_CLASS_acme')", "valid-lifetime": 111,
                  "option-data": [ { "name": "domain-name", "data": "acme.example" } ] },
                { "name": "guests", "test": "member('UNKNOWN')", "valid-lifetime": 222,
                  "option-data": [ { "name": "domain-name", "data": "guests.example" } ] },
                { "name": "after-guests", "test": "member('guests')" },
                { "name": "never", "test": "member('KNOWN')", "valid-lifetime": 1 }
            ],
            "subnet4": [ {
                "id": 1, "subnet": "192.0.2.0/24",
                "pools": [ { "pool": "192.0.2.100/31", "client-class": "after-guests" } ]
            } ]
        } }"#,
    );
    assert_eq!(world.dropped(&Ask::direct(9)), DropReason::ClassDrop);
    let guest = world.reply(&Ask::direct(1));
    assert_eq!((guest.number(51), guest.option(15)), (Some(222), Some(&b"guests.example"[..])));
    let acme = world.reply(&Ask::direct(2).option(code::VENDOR_CLASS_IDENTIFIER, "acme"));
    assert_eq!((acme.number(51), acme.option(15)), (Some(111), Some(&b"acme.example"[..])));
}

#[test]
fn the_query_is_what_expressions_see() {
    let world = world(
        r#"{ "Dhcp4": {
            "client-classes": [
                { "name": "all", "test": "pkt.iface == 'eth0' and pkt.src == 192.0.2.9 and pkt.dst == 192.0.2.1 and pkt4.giaddr == 192.0.2.9 and pkt4.hlen == 6 and pkt4.htype == 1 and pkt4.msgtype == 1 and pkt4.transid == 0x09080706 and pkt4.ciaddr == 0.0.0.0 and relay4[1].hex == 'port' and option[12].exists and not option[13].exists and member('ALL')" }
            ],
            "subnet4": [ {
                "id": 1, "subnet": "192.0.2.0/24",
                "pools": [ { "pool": "192.0.2.100/31", "client-class": "all" } ]
            } ]
        } }"#,
    );
    let ask = Ask::relayed(1).option(12, "x").option(82, b"\x01\x04port");
    assert_eq!(offered(&world, &ask, None).unwrap(), "192.0.2.100");
    assert!(offered(&world, &Ask::relayed(1), None).is_err());
}

/// Serves the clients of one subnet and knows whose the others are.
#[derive(Debug)]
struct OfSubnetTwo;

impl Admission for OfSubnetTwo {
    fn classes(&self) -> Vec<String> {
        unreachable!("the world has them")
    }

    fn admit(&self, _client: &Client<'_>, _now: Now) -> Admitted {
        unreachable!("the subnet is known")
    }

    fn goes_by_subnet(&self) -> bool {
        true
    }

    fn admit_in(&self, client: &Client<'_>, subnet_id: Option<u32>, _now: Now) -> Admitted {
        assert!(client.balanced && client.key == Some(client.hw_address));
        Admitted { serve: subnet_id == Some(2), class: Some(1) }
    }
}

#[test]
fn with_several_partners_the_subnet_decides_and_its_class_comes_after_it() {
    let world = world(
        r#"{ "Dhcp4": {
            "client-classes": [
                { "name": "early", "test": "member('HA_server2')" },
                { "name": "late", "test": "member('UNKNOWN') and member('HA_server2')" }
            ],
            "subnet4": [
                { "id": 1, "subnet": "192.0.2.0/24", "pools": [ { "pool": "192.0.2.100-192.0.2.120" } ] },
                { "id": 2, "subnet": "192.0.3.0/24", "pools": [
                    { "pool": "192.0.3.100-192.0.3.109", "client-class": "HA_server1" },
                    { "pool": "192.0.3.110-192.0.3.119", "client-class": "early" },
                    { "pool": "192.0.3.120-192.0.3.129", "client-class": "late" },
                    { "pool": "192.0.3.130-192.0.3.139", "client-class": "HA_server2" } ] }
            ] } }"#,
    );
    let from = |relay: [u8; 4]| Ask { giaddr: relay.into(), ..Ask::relayed(1) };
    let offer = match world.ask_by_subnet(&from([192, 0, 3, 1]), &OfSubnetTwo) {
        Outcome::Reply(reply) => reply.departure.message[16..20].to_vec(),
        other => panic!("{other:?}"),
    };
    assert_eq!(offer, [192, 0, 3, 120]);
    for relay in [[192, 0, 2, 1], [198, 51, 100, 1]] {
        let dropped = world.ask_by_subnet(&from(relay), &OfSubnetTwo);
        assert!(matches!(dropped, Outcome::Drop(DropReason::NotForUs)), "{dropped:?}");
    }
}
