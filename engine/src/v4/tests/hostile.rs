//! Nothing that comes from the network makes an exchange panic.

use proptest::prelude::*;

use super::world::*;
use crate::codec::v4::{MessageType, Query};
use crate::lease::LeaseStore;
use crate::packet::Buffers;
use crate::seam::ServeAll;
use crate::v4::{Context, Outcome, Reply, exchange};

fn serve(world: &World, ask: &Ask, bytes: &[u8]) -> Option<Outcome> {
    let query = Query::parse(bytes).ok()?;
    let context = Context {
        snapshot: &world.snapshot,
        store: &world.store,
        offers: &world.offers,
        admission: &ServeAll,
        now: world.now,
        ticket: None,
        replicated: false,
        interface: "eth0",
        local_addresses: &[LOCAL],
        buffers: &Buffers::default(),
        reply_port: None,
        trouble: &Default::default(),
        shortage: &Default::default(),
    };
    Some(exchange(&query, &ask.arrival(), None, &context))
}

/// Good queries of every kind.
fn asks() -> impl Strategy<Value = Ask> {
    let address = prop_oneof![any::<u32>().prop_map(Into::into), (95u8..125).prop_map(ip)];
    let options =
        prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..20)), 0..8);
    (any::<bool>(), 0u8..4, 1u8..9, address, any::<u16>(), options).prop_map(
        |(relayed, number, message_type, address, flags, options)| {
            let ask = if relayed { Ask::relayed(number) } else { Ask::direct(number) };
            let ask = match message_type {
                1 | 5 => ask.selecting(address),
                2 => ask.rebooting(address),
                3 => ask.renewing(address),
                4 => ask.rebinding(address),
                6 => ask.releasing(address),
                7 => ask.declining(address),
                _ => ask.of(MessageType::Inform),
            };
            let ask = Ask { flags, ..ask };
            options.into_iter().fold(ask, |ask, (code, data)| ask.option(code.max(1), data))
        },
    )
}

proptest! {
    #[test]
    fn any_sequence_of_queries_is_served(asks in prop::collection::vec(asks(), 1..20)) {
        let mut world = World::plain();
        for ask in &asks {
            let outcome = serve(&world, ask, &ask.bytes());
            if let Some(Outcome::Reply(Reply { reports: Some((address, version)), .. })) = outcome {
                prop_assert!((ip(100)..=ip(120)).contains(&address));
                prop_assert_eq!(world.store.version(address), Some(version));
            }
            world.pass(500);
        }
    }

    #[test]
    fn a_changed_query_is_served_or_refused(
        ask in asks(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<prop::sample::Index>(),
        truncated: bool,
    ) {
        let world = World::plain();
        let mut bytes = ask.bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if truncated {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Some(Outcome::Reply(reply)) = serve(&world, &ask, &bytes) {
            let message = &reply.departure.message;
            prop_assert!(Query::parse(message).is_ok(), "{message:?}");
        }
    }
}
