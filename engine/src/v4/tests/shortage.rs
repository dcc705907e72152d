//! Where addresses run short leases are as short as they may be (`adaptive-lease-time-threshold`).

use super::world::*;
use crate::codec::v4::code;
use crate::config::parse_text;

/// Ten addresses for everybody, and ten for members only.
fn world(allocator: &str) -> World {
    let text = format!(
        r#"{{ "Dhcp4": {{ "allocator": "{allocator}", "adaptive-lease-time-threshold": 0.5, "cache-threshold": 0,
            "valid-lifetime": 4000, "min-valid-lifetime": 300, "max-valid-lifetime": 8000,
            "client-classes": [ {{ "name": "member", "test": "option[77].exists" }} ],
            "subnet4": [ {{ "id": 1, "subnet": "192.0.2.0/24", "pools": [
                {{ "pool": "192.0.2.100-192.0.2.109" }},
                {{ "pool": "192.0.2.110-192.0.2.119", "client-class": "member" }} ] }} ] }} }}"#
    );
    let config = parse_text(&text, "test").unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    World::new(config.dhcp4.unwrap())
}

fn lifetime_s(answer: &Answer) -> u32 {
    answer.number(code::LEASE_TIME).unwrap()
}

#[test]
fn new_leases_are_short_from_the_threshold_on() {
    let mut world = world("flq");
    let held: Vec<_> = (1..=4).map(|client| world.dora(&Ask::direct(client))).collect();
    assert!(held.iter().all(|answer| lifetime_s(answer) == 4000));
    // The fifth of ten is the half; a member may have any of twenty.
    let fifth = world.dora(&Ask::direct(5));
    assert_eq!(lifetime_s(&fifth), 300);
    assert_eq!(lifetime_s(&world.reply(&Ask::direct(6).option(77, b"x"))), 4000);
    let wish = Ask::direct(7).option(code::LEASE_TIME, 8000_u32.to_be_bytes());
    assert_eq!(lifetime_s(&world.reply(&wish)), 300, "no wish goes beyond it");

    // Who renews keeps what is left, if that is more.
    world.pass(1000);
    let renewal = world.reply(&Ask::direct(1).renewing(held[0].yiaddr));
    assert_eq!(lifetime_s(&renewal), 3000);
    world.pass(2900);
    assert_eq!(lifetime_s(&world.reply(&Ask::direct(1).renewing(held[0].yiaddr))), 300);
}

#[test]
fn only_the_free_lease_queue_counts() {
    for allocator in ["iterative", "random"] {
        let world = world(allocator);
        (1..=9).for_each(|client| assert_eq!(lifetime_s(&world.dora(&Ask::direct(client))), 4000));
    }
}
