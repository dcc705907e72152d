//! A client that renews past its relay is served as if the relay's option were there.

use super::world::*;
use crate::codec::v4::code;
use crate::config::parse_text;
use crate::v4::{Event, NakReason};

/// A circuit decides the class, the class the pool.
fn world(stash: bool) -> World {
    let text = format!(
        r#"{{ "Dhcp4": {{ "stash-agent-options": {stash}, "store-extended-info": true, "cache-threshold": 0,
            "client-classes": [ {{ "name": "attic", "test": "relay4[1].hex == 'attic'",
                "option-data": [ {{ "name": "domain-name", "data": "attic.test" }} ] }} ],
            "subnet4": [ {{ "id": 1, "subnet": "192.0.2.0/24", "pools": [
                {{ "pool": "192.0.2.100-192.0.2.110", "client-class": "attic" }} ] }} ] }} }}"#
    );
    let config = parse_text(&text, "test").unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    World::new(config.dhcp4.unwrap())
}

#[test]
fn the_relays_option_is_recalled_for_a_renewal() {
    let relayed = || Ask::relayed(1).option(code::RELAY_AGENT_INFORMATION, b"\x01\x05attic");
    let stashing = world(true);
    let address = stashing.dora(&relayed()).yiaddr;
    let renewal = stashing.reply(&Ask::direct(1).renewing(address));
    assert_eq!(renewal.yiaddr, address);
    assert_eq!(renewal.option(code::DOMAIN_NAME), Some(&b"attic.test"[..]));
    assert_eq!(renewal.option(code::RELAY_AGENT_INFORMATION), None, "no relay would take it off");
    let kept = stashing.lease(address).unwrap().user_context.unwrap();
    assert!(kept.contains("0x01056174746963"), "{kept}");
    assert_eq!(stashing.reply(&Ask::direct(1).renewing(address)).yiaddr, address, "and again");

    // An empty one counts as none; another client's lease, and one of a server that does not stash, say nothing.
    let empty = Ask::direct(1).renewing(address).option(code::RELAY_AGENT_INFORMATION, b"");
    assert_eq!(stashing.reply(&empty).yiaddr, address);
    assert_eq!(stashing.nak(&Ask::direct(2).renewing(address)), NakReason::InUse);
    let forgetful = world(false);
    let address = forgetful.dora(&relayed()).yiaddr;
    assert_eq!(forgetful.nak(&Ask::direct(1).renewing(address)), NakReason::NotAllowed);
}

#[test]
fn what_is_over_is_not_recalled() {
    let mut world = world(true);
    let relayed = Ask::relayed(1).option(code::RELAY_AGENT_INFORMATION, b"\x01\x05attic");
    let address = world.dora(&relayed).yiaddr;
    world.pass(7201);
    let refused = world.reply(&Ask::direct(1).renewing(address)).reply.event;
    assert!(matches!(refused, Event::Refused { .. }), "{refused:?}");
}
