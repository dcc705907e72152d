//! Differences between Kea 2.2 and Peregrine that are meant, each by its name with its reason. One that no scenario
//! meets fails the run: it would hide something.

use serde_json::Value;

use crate::compare::{What, hex};
use crate::message::{Kind, Reply, enterprises};
use crate::seen::{DECLINE, DISCOVER, INFORM, RELEASE, REQUEST, Seen};

/// A difference that is meant.
pub(crate) struct Meant {
    pub(crate) name: &'static str,
    /// Which message and why: Kea 2.2 against 3.x, or an RFC.
    pub(crate) reason: &'static str,
    applies: fn(&Seen<'_>) -> bool,
    pub(crate) effect: Effect,
}

/// What follows from a difference for the rest of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    None,
    /// Free choices of addresses are not the same any more.
    OtherAddresses,
    /// A lease is there that the other side has not.
    OtherLeases,
}

/// The meant difference that explains what was seen.
pub(crate) fn explain(seen: &Seen<'_>) -> Option<&'static Meant> {
    ALL.iter().find(|meant| (meant.applies)(seen))
}

/// The parts of a reply's option 124 or 125.
fn parts(reply: Option<&Reply>, code: u8) -> Vec<(u32, String)> {
    let data = reply.and_then(|reply| reply.options.get(&code));
    data.map(|data| enterprises(data)).unwrap_or_default()
}

const BOOTP: u8 = 0;
const BROADCAST: &str = "ffffffffffff";
/// What of a lease changes beside its state when it is declined.
const DECLINED: [&str; 5] = ["hw-address", "client-id", "hostname", "valid-lft", "cltt"];

/// Those that a long random run need not meet: nothing that leads to them is drawn, or seldom.
pub(crate) const SELDOM: [&str; 13] = [
    "reserved-by-another-identifier",
    "form-of-relay-information",
    "vendor-options-left-over",
    "name-of-the-selected-subnet",
    "current-binding-first",
    "no-ethernet-address",
    "broken-relay-information",
    "overloaded-query",
    "conflict-of-command",
    "required-class-without-test",
    "home-of-a-reservation",
    "class-of-a-skipped-operand",
    "name-with-a-last-dot",
];

/// All of them.
pub(crate) const ALL: &[Meant] = &[
    Meant {
        name: "relayed-nak-broadcast-flag",
        reason: "REQUEST, NAK through a relay: 2.2 leaves flags 0, 3.x sets the broadcast flag (RFC 2131 section 4.3.2)",
        applies: |seen| {
            seen.message_type() == REQUEST
                && seen.kinds() == (Kind::Nak, Kind::Nak)
                && seen.is_field("flags")
                && matches!(seen.values(), ("0000", "8000") | ("0001", "8001"))
                && seen.kea.is_some_and(|reply| reply.fields["giaddr"] != [0; 4])
        },
        effect: Effect::None,
    },
    Meant {
        name: "broadcast-frame",
        reason: "any reply to a client with the broadcast flag: 2.2 puts chaddr into the Ethernet header, 3.x ff:ff:ff:ff:ff:ff",
        applies: |seen| {
            let asks = seen.query.filter(|query| query.flags & 0x8000 != 0);
            seen.is_field("to-mac")
                && seen.difference.ours == BROADCAST
                && asks.is_some_and(|query| seen.difference.kea == hex(&query.chaddr))
        },
        effect: Effect::None,
    },
    Meant {
        name: "nak-on-the-link",
        reason: "REQUEST with ciaddr, NAK without a relay: Kea sends it to ciaddr; RFC 2131 section 4.1 has it broadcast",
        applies: |seen| {
            let on_link = seen.kea.is_some_and(|reply| reply.fields["giaddr"] == [0; 4]);
            let named = seen.kea_query.filter(|query| query.ciaddr != [0; 4]);
            let to_client =
                |reply: &Reply| named.is_some_and(|it| reply.to.0.octets() == it.ciaddr);
            let card = seen.query.map(|query| hex(&query.chaddr)).unwrap_or_default();
            let to_anybody = [&card, BROADCAST].contains(&&*seen.difference.ours);
            let place = match seen.is_field("to") {
                true => seen.difference.ours == "255.255.255.255",
                false => seen.is_field("to-mac") && seen.difference.kea == "holder" && to_anybody,
            };
            seen.message_type() == REQUEST
                && seen.kinds() == (Kind::Nak, Kind::Nak)
                && on_link
                && seen.kea.is_some_and(to_client)
                && place
        },
        effect: Effect::None,
    },
    Meant {
        name: "open-offer-repeated",
        reason: "DISCOVER and REQUEST without an address, yiaddr: a client that asks again is given the same address, which nobody else was offered \
                 meanwhile (RFC 2131 section 3.1 point 2); Kea goes on to the next",
        applies: |seen| {
            // Of several offers the one of this network is repeated, which need not be the last one.
            let again = seen.ours.is_some_and(|reply| seen.had_here.open.contains(&reply.yiaddr));
            seen.chooses() && seen.is_address() && again
        },
        effect: Effect::OtherAddresses,
    },
    Meant {
        name: "open-offer-not-offered",
        reason: "DISCOVER and REQUEST without an address, yiaddr and what follows from the address: one that was offered to another \
                 client some seconds ago is kept for it (RFC 2131 section 3.1 point 2); Kea offers it to who asks, or to the next",
        applies: |seen| {
            let none =
                matches!(seen.kinds(), (Kind::Offer, Kind::Nothing) | (Kind::Ack, Kind::Nak));
            let follows = match seen.difference.what {
                What::Reply => none,
                What::Lease(_) => seen.asks_for_any() && seen.is_about_lease(),
                _ => seen.is_address() || seen.follows_from_pool(),
            };
            seen.chooses() && seen.given_is_promised && seen.addresses_differ() && follows
        },
        effect: Effect::OtherAddresses,
    },
    Meant {
        name: "open-offer-kept",
        reason: "REQUEST, NAK and no lease: the address was offered to another client some seconds ago and is kept for \
                 it (RFC 2131 section 3.1 point 2); Kea gives it to who asks first",
        applies: |seen| {
            seen.message_type() == REQUEST
                && seen.asked_is_promised
                && seen.kinds() == (Kind::Ack, Kind::Nak)
                && (seen.difference.what == What::Reply || seen.is_about_lease())
        },
        effect: Effect::OtherLeases,
    },
    Meant {
        name: "reboot-without-subnet",
        reason: "REQUEST with option 50 and without 54 from a relay without a subnet: 2.2 answers NAK, 3.x nothing \
                 unless it is authoritative",
        applies: |seen| {
            seen.message_type() == REQUEST
                && seen.difference.what == What::Reply
                && seen.values() == ("nak", "nothing")
                && seen.has_option(50)
                && !seen.has_option(54)
                && seen.query.is_some_and(|query| query.giaddr != [0; 4])
        },
        effect: Effect::None,
    },
    Meant {
        name: "direct-without-subnet",
        reason: "REQUEST and INFORM, broadcast on a link without a subnet: 2.2 answers nothing, 3.x as \
                 to relays",
        applies: |seen| {
            seen.difference.what == What::Reply
                && seen.kinds().0 == Kind::Nothing
                && match seen.message_type() {
                    REQUEST => seen.kinds().1 == Kind::Nak,
                    INFORM => seen.kinds().1 == Kind::Ack,
                    _ => false,
                }
                && seen.query.is_some_and(|query| query.giaddr == [0; 4])
        },
        effect: Effect::None,
    },
    Meant {
        name: "direct-decline-without-subnet",
        reason: "DECLINE, broadcast on a link, that names a link without a subnet in option 82 or 118, state of the lease: 2.2 drops it, for 3.x it is \
                 the address that counts",
        applies: |seen| {
            let asked = seen.query.and_then(|query| query.option(50));
            let asked_of_kea = seen.kea_query.and_then(|query| query.option(50));
            // Where addresses differ a declined lease is another one than it was, and like any other of its pool, since it has no
            // client.
            let is_kept = asked_of_kea.is_some_and(|asked| seen.kea_is_lease_of(asked));
            let states = |member: &str| match member {
                "state" => seen.starts("0 of", "1 of"),
                "present" => true,
                other => DECLINED.contains(&other),
            };
            seen.message_type() == DECLINE
                && matches!(&seen.difference.what, What::Lease(member) if states(member))
                && (asked.is_some_and(|asked| seen.ours_is_lease_of(asked))
                    || seen.difference.ours == "absent" && is_kept
                    || asked.is_some_and(|asked| seen.ours_is_declined_beside(asked)))
                && (seen.has_option(82) || seen.has_option(118))
                && seen.query.is_some_and(|query| query.giaddr == [0; 4])
        },
        effect: Effect::OtherLeases,
    },
    Meant {
        name: "no-ethernet-address",
        reason: "OFFER to a client whose hlen is not 6: Kea unicasts to the Ethernet header's source; where a client names no \
                 address to unicast to, RFC 2131 section 4.1 has a broadcast",
        applies: |seen| {
            seen.is_field("to-mac")
                && seen.kinds() == (Kind::Offer, Kind::Offer)
                && seen.difference.ours == BROADCAST
                && seen.query.is_some_and(|query| query.hlen != 6 && query.ciaddr == [0; 4])
                && seen.difference.kea == hex(&seen.from_mac)
        },
        effect: Effect::None,
    },
    Meant {
        name: "broken-relay-information",
        reason: "any reply to a query whose option 82 cannot be read: it is copied as it is (RFC 3046 section 2.2); \
                 Kea leaves it out",
        applies: |seen| {
            let broken = seen.option(82).filter(|data| data.len() < 2);
            seen.difference.what == What::Option(82)
                && seen.difference.kea == "absent"
                && broken.is_some_and(|data| seen.difference.ours == hex(data))
        },
        effect: Effect::None,
    },
    Meant {
        name: "release-of-ended-lease",
        reason: "RELEASE: a lease that is over is not the client's any more (RFC 2131 section 4.4.5) and is left to \
                 reclamation; Kea deletes it at once",
        applies: |seen| {
            let given_back = seen.query.filter(|_| seen.message_type() == RELEASE);
            seen.expired
                && seen.difference.what == What::Lease("present".into())
                && seen.difference.kea == "absent"
                && given_back.is_some_and(|query| seen.ours_is_lease_of(&query.ciaddr))
        },
        effect: Effect::OtherLeases,
    },
    Meant {
        name: "overloaded-query",
        reason: "OFFER, option 12 for a DISCOVER with option 52: options in the fields file and sname are read (RFC 2131 section 4.1); \
                 Kea does not look there",
        applies: |seen| {
            let said =
                seen.query.map(|it| hex(&[&it.file[..], &it.sname].concat().to_ascii_lowercase()));
            seen.message_type() == DISCOVER
                && seen.has_option(52)
                && seen.difference.what == What::Option(12)
                && seen.difference.kea == "absent"
                && said.is_some_and(|said| said.contains(&seen.difference.ours))
        },
        effect: Effect::None,
    },
    Meant {
        name: "conflict-of-command",
        reason: "lease4-add of an address that no subnet has, or that is leased: result 1 of 2.2, 4 (conflict) of 3.x",
        applies: |seen| {
            seen.difference.what == What::Command("lease4-add".into())
                && seen.values() == ("1", "4")
        },
        effect: Effect::None,
    },
    Meant {
        name: "decline-of-ended-lease",
        reason: "DECLINE: a lease that is over is not the client's any more; 2.2 takes it out of use all the same, 3.x does not",
        applies: |seen| {
            let asked = seen.query.and_then(|query| query.option(50));
            let declined = match &seen.difference.what {
                What::Lease(member) if member == "state" => seen.starts("1 of", "0 of"),
                What::Lease(member) => DECLINED.contains(&&**member),
                _ => false,
            };
            seen.message_type() == DECLINE
                && seen.expired
                && declined
                && asked.is_some_and(|asked| seen.ours_is_lease_of(asked))
        },
        effect: Effect::OtherLeases,
    },
    Meant {
        name: "refused-bootp",
        reason: "BOOTP request that DHCP would refuse: BOOTP has no message for that (RFC 951); Kea's hook sends a reply \
                 without an address",
        applies: |seen| {
            seen.message_type() == 0
                && seen.difference.what == What::Reply
                && seen.kinds() == (Kind::Other(0), Kind::Nothing)
                && seen.kea.is_some_and(|reply| reply.yiaddr.is_unspecified())
        },
        effect: Effect::None,
    },
    Meant {
        name: "endless-over-lease",
        reason: "REQUEST and BOOTP, valid lifetime without an end for a client with a lease: a lease is kept for as long as its client \
                 was told (RFC 2131 section 3.1 point 4); Kea's lease cache takes an infinite lifetime for one that is stored \
                 already, and stores nothing",
        applies: |seen| {
            let (kea, ours) = seen.values();
            let told = |reply: &Reply| reply.options.get(&51).is_none_or(|data| *data == [255; 4]);
            matches!(seen.message_type(), REQUEST | BOOTP)
                && seen.ours.is_some_and(told)
                && seen.difference.what == What::Lease("valid-lft".into())
                && seen.ours.is_some_and(|reply| seen.ours_is_lease_of(&reply.yiaddr.octets()))
                && ours.starts_with("4294967295 ")
                && !kea.starts_with("4294967295 ")
        },
        effect: Effect::OtherLeases,
    },
    Meant {
        name: "several-enterprises",
        reason: "any reply, options 124 and 125: 2.2 sends those of one enterprise, 3.x those of each that is configured or named",
        applies: |seen| {
            let What::Option(code @ (124 | 125)) = seen.difference.what else { return false };
            let parts = parts(seen.ours, code);
            let is_part = parts.iter().any(|(_, text)| *text == seen.difference.kea);
            // Nothing is configured for the one that 2.2 sees.
            let named = seen.option(125).map(enterprises).unwrap_or_default();
            let is_named = |wanted: u32| named.iter().skip(1).any(|(it, _)| *it == wanted);
            let is_of_others = seen.difference.kea == "absent"
                && parts.iter().all(|(enterprise, _)| is_named(*enterprise));
            parts.len() > 1 && is_part || is_of_others
        },
        effect: Effect::None,
    },
    Meant {
        name: "vendor-options-left-over",
        reason: "any reply, option 125 that the configuration holds: 2.2 adds a client's sub-options to the configured option itself, which later \
                 replies to others then carry as well; 3.x makes a new option for each reply",
        applies: |seen| seen.difference.what == What::Option(125) && seen.is_left_over(),
        effect: Effect::None,
    },
    Meant {
        name: "reserved-in-another-subnet",
        reason: "REQUEST, NAK for an address of a pool that another subnet of the shared network reserves for another client: \
                 what an administrator assigns is that client's (RFC 2131 section 1, manual allocation), as in every OFFER; Kea asks \
                 only the subnet of the client's lease here",
        applies: |seen| {
            seen.message_type() == REQUEST
                && seen.is_reserved
                && seen.kinds() == (Kind::Ack, Kind::Nak)
                && (seen.difference.what == What::Reply || seen.is_about_lease())
        },
        effect: Effect::OtherLeases,
    },
    Meant {
        name: "name-of-the-selected-subnet",
        reason: "REQUEST, lease without a name: a lease has the name that its client was told (RFC 4702 section 4); in a shared network \
                 Kea's has that of the selected subnet where the address's subnet gives none",
        applies: |seen| {
            let is_named =
                |reply: &Reply| [12, 81].iter().any(|code| reply.options.contains_key(code));
            seen.difference.what == What::Lease("hostname".into())
                && seen.difference.ours.starts_with("\"\" of ")
                && ![seen.kea, seen.ours].into_iter().flatten().any(is_named)
        },
        effect: Effect::OtherLeases,
    },
    Meant {
        name: "current-binding-first",
        reason: "DISCOVER, yiaddr: the address of the client's current binding goes first (RFC 2131 section 4.3.1); where the selected \
                 subnet knows no reservations, Kea takes a client's own reservation in another one for somebody else's",
        applies: |seen| {
            seen.message_type() == DISCOVER
                && seen.has_own
                && seen.addresses_differ()
                && (seen.is_address() || seen.follows_from_pool())
        },
        effect: Effect::OtherAddresses,
    },
    Meant {
        name: "reserved-by-another-identifier",
        reason: "DISCOVER and REQUEST without an address, yiaddr: where the client's reservation cannot be had, an address is chosen that nobody is \
                 assigned (RFC 2131 section 1, dynamic allocation); Kea comes past one that is reserved for the client by an \
                 identifier that does not count",
        applies: |seen| {
            seen.chooses() && seen.kea_gave_reserved && !seen.has_own && seen.is_address()
        },
        effect: Effect::OtherAddresses,
    },
    Meant {
        name: "form-of-relay-information",
        reason: "user-context of a lease, relay-agent-info of store-extended-info: 2.2 has the bytes of option 82 as a text, 3.x a map with \
                 them as sub-options and with the remote and relay ids",
        applies: |seen| {
            let of = |text: &str| text.rsplit_once(" of ").map(|(context, _)| context.to_owned());
            let context = |text: &str| of(text)?.parse::<Value>().ok();
            let info =
                |context: Option<Value>| context.map(|it| it["ISC"]["relay-agent-info"].clone());
            let kea = info(context(&seen.difference.kea));
            let ours = info(context(&seen.difference.ours));
            seen.difference.what == What::Lease("user-context".into())
                && ours.is_some_and(|ours| {
                    ours["sub-options"].is_string() && kea == Some(ours["sub-options"].clone())
                })
        },
        effect: Effect::None,
    },
    Meant {
        name: "class-of-a-skipped-operand",
        reason: "any reply, option 42 with 192.0.2.6, which only such a class has: 2.2 evaluates an operand that cannot be \
                 evaluated also where the one before it decides, 3.x does not",
        applies: |seen| {
            let values = ("absent", "c0000206");
            seen.difference.what == What::Option(42) && seen.values() == values
        },
        effect: Effect::None,
    },
    Meant {
        name: "name-with-a-last-dot",
        reason: "any reply, option 12 of a query whose option 12 ends with a dot: 2.2 adds the suffix to such a name, too, for 3.x it \
                 is whole",
        applies: |seen| {
            let (kea, ours) = seen.values();
            seen.difference.what == What::Option(12)
                && seen.option(12).is_some_and(|name| name.ends_with(b"."))
                && kea.starts_with(ours)
        },
        effect: Effect::None,
    },
    Meant {
        name: "vendor-named-by-class",
        reason: "any reply, option 125: a query's option 124 names an enterprise for 3.x, for 2.2 only its option 125 does",
        applies: |seen| {
            let named = seen.option(124).map(hex).unwrap_or_default();
            let parts = parts(seen.ours, 125);
            seen.difference.what == What::Option(125)
                && seen.difference.kea == "absent"
                && !seen.has_option(125)
                && parts.iter().all(|(enterprise, _)| named.contains(&format!("{enterprise:08x}")))
        },
        effect: Effect::None,
    },
    Meant {
        name: "required-class-without-test",
        reason: "any reply, option 42 with 192.0.2.5, which only such a class has: a class without a test that a pool asks \
                 for is assigned by 3.x and not by 2.2",
        applies: |seen| {
            let values = ("absent", "c0000205");
            seen.difference.what == What::Option(42) && seen.values() == values
        },
        effect: Effect::None,
    },
    Meant {
        name: "home-of-a-reservation",
        reason: "DISCOVER, yiaddr 10.2.0.77 for 10.1.0.10 and option 12: a reservation without address in another subnet of the shared \
                 network makes 3.x serve the client from there, 2.2 stays with the selected one",
        applies: |seen| {
            let address = seen.is_field("yiaddr") && seen.values() == ("10.1.0.10", "10.2.0.77");
            // With the subnet the client gets the reservation's name.
            let name =
                seen.difference.what == What::Option(12) && seen.values() == ("absent", "61");
            seen.message_type() == DISCOVER && (address || name)
        },
        effect: Effect::None,
    },
    Meant {
        name: "never-used-first",
        reason: "DISCOVER and REQUEST, yiaddr: an address without a lease is chosen before one whose lease is over, and \
                 of those the one that was over first (RFC 2131 section 2.2); Kea takes the next in turn",
        applies: |seen| {
            let lease = seen.asks_for_any() && matches!(seen.difference.what, What::Lease(_));
            seen.chooses() && seen.expired && (seen.is_address() || lease)
        },
        effect: Effect::OtherAddresses,
    },
];
