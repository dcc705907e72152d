//! Differences between Kea 2.2 and Peregrine that are meant, each by its name with its reason. One that no scenario
//! meets fails the run: it would hide something.

use crate::client::Held;
use crate::compare::{Difference, What};
use crate::lab::kind_of;
use std::collections::BTreeSet;

use crate::message::{Kind, Query, Reply, VendorOption, vendor_options};

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

/// A difference and where it was seen.
pub(crate) struct Seen<'a> {
    pub(crate) difference: &'a Difference,
    /// The query, if there was one.
    pub(crate) query: Option<&'a Query>,
    /// What its client had of Kea before.
    pub(crate) had: Held,
    pub(crate) kea: Option<&'a Reply>,
    pub(crate) ours: Option<&'a Reply>,
    /// Whether the address that the query asks for, or that Kea gave, was offered to another client before.
    pub(crate) is_promised: bool,
    /// Whether that address is reserved for another client.
    pub(crate) is_reserved: bool,
    /// Whether Peregrine gives the client the address that it has, which is reserved for it.
    pub(crate) has_own: bool,
    /// What Peregrine's options 125 said so far.
    pub(crate) vendor_options: &'a BTreeSet<VendorOption>,
    /// Whether any lease was over when the query came.
    pub(crate) expired: bool,
}

impl Seen<'_> {
    fn is_field(&self, name: &str) -> bool {
        matches!(self.difference.what, What::Field(field) if field == name)
    }

    fn message_type(&self) -> u8 {
        self.option(53).and_then(|data| data.first().copied()).unwrap_or(0)
    }

    fn option(&self, wanted: u8) -> Option<&[u8]> {
        self.query?.option(wanted)
    }

    /// Whether Kea's option 125 says what Peregrine's does, but for what it said at an earlier time.
    fn is_left_over(&self) -> bool {
        let said = |reply: Option<&Reply>| {
            let data = reply.and_then(|reply| reply.options.get(&125));
            data.map(|data| vendor_options(data)).unwrap_or_default()
        };
        let (kea, ours) = (said(self.kea), said(self.ours));
        let is_known = |it: &VendorOption| ours.contains(it) || self.vendor_options.contains(it);
        let is_named = |it: &VendorOption| kea.iter().any(|its| (its.0, its.1) == (it.0, it.1));
        !kea.is_empty()
            && kea.iter().all(is_known)
            && ours.iter().filter(|it| kea.iter().any(|its| its.0 == it.0)).all(is_named)
    }

    fn has_option(&self, code: u8) -> bool {
        self.option(code).is_some()
    }

    /// A REQUEST that names no address.
    fn asks_for_any(&self) -> bool {
        let named = self.has_option(50) || self.query.is_some_and(|it| it.ciaddr != [0; 4]);
        self.message_type() == REQUEST && !named
    }

    /// What both sides answered.
    fn kinds(&self) -> (Kind, Kind) {
        (kind_of(self.kea), kind_of(self.ours))
    }

    fn values(&self) -> (&str, &str) {
        (&self.difference.kea, &self.difference.ours)
    }
}

/// The meant difference that explains what was seen.
pub(crate) fn explain(seen: &Seen<'_>) -> Option<&'static Meant> {
    ALL.iter().find(|meant| (meant.applies)(seen))
}

const DISCOVER: u8 = 1;
const REQUEST: u8 = 3;
const DECLINE: u8 = 4;
const RELEASE: u8 = 7;
const INFORM: u8 = 8;

/// Those that a long random run need not meet: nothing that leads to them is drawn, or seldom.
pub(crate) const SELDOM: [&str; 10] = [
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
            seen.is_field("to-mac")
                && seen.difference.ours == "ffffffffffff"
                && seen.query.is_some_and(|query| query.flags & 0x8000 != 0)
        },
        effect: Effect::None,
    },
    Meant {
        name: "nak-on-the-link",
        reason: "REQUEST with ciaddr, NAK without a relay: Kea sends it to ciaddr; RFC 2131 section 4.1 has it broadcast",
        applies: |seen| {
            let on_link = seen.kea.is_some_and(|reply| {
                reply.options.get(&53) == Some(&vec![6]) && reply.fields["giaddr"] == [0; 4]
            });
            let named = seen.query.is_some_and(|query| query.ciaddr != [0; 4]);
            on_link && named && (seen.is_field("to") || seen.is_field("to-mac"))
        },
        effect: Effect::None,
    },
    Meant {
        name: "open-offer-repeated",
        reason: "DISCOVER and REQUEST without an address, yiaddr: a client that asks again is given the same address, which nobody else was offered \
                 meanwhile (RFC 2131 section 3.1 point 2); Kea goes on to the next",
        applies: |seen| {
            (seen.message_type() == DISCOVER || seen.asks_for_any())
                && seen.had.promised
                && (seen.is_field("yiaddr") || seen.is_field("to"))
        },
        effect: Effect::OtherAddresses,
    },
    Meant {
        name: "open-offer-not-offered",
        reason: "DISCOVER and REQUEST without an address, yiaddr and what follows from the address: one that was offered to another \
                 client some seconds ago is kept for it (RFC 2131 section 3.1 point 2); Kea offers it to who asks, or to the next",
        applies: |seen| {
            let addresses = [seen.kea, seen.ours].map(|reply| reply.map(|reply| reply.yiaddr));
            (seen.message_type() == DISCOVER || seen.asks_for_any())
                && seen.is_promised
                && addresses[0] != addresses[1]
        },
        effect: Effect::OtherAddresses,
    },
    Meant {
        name: "open-offer-kept",
        reason: "REQUEST, NAK and no lease: the address was offered to another client some seconds ago and is kept for \
                 it (RFC 2131 section 3.1 point 2); Kea gives it to who asks first",
        applies: |seen| {
            let refused = seen.message_type() == REQUEST && seen.kinds() == (Kind::Ack, Kind::Nak);
            seen.is_promised
                && refused
                && matches!(seen.difference.what, What::Reply | What::Lease(_))
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
        reason: "DECLINE, broadcast on a link, that names a link without a subnet in option 82 or 118: 2.2 drops it, for 3.x it is \
                 the address that counts",
        applies: |seen| {
            seen.message_type() == DECLINE
                && matches!(seen.difference.what, What::Lease(_))
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
                && seen.difference.ours == "ffffffffffff"
                && seen.query.is_some_and(|query| query.hlen != 6)
        },
        effect: Effect::None,
    },
    Meant {
        name: "broken-relay-information",
        reason: "any reply to a query whose option 82 cannot be read: it is copied as it is (RFC 3046 section 2.2); \
                 Kea leaves it out",
        applies: |seen| {
            seen.difference.what == What::Option(82)
                && seen.difference.kea == "absent"
                && seen.option(82).is_some_and(|data| data.len() < 2)
        },
        effect: Effect::None,
    },
    Meant {
        name: "release-of-ended-lease",
        reason: "RELEASE: a lease that is over is not the client's any more (RFC 2131 section 4.4.5) and is left to \
                 reclamation; Kea deletes it at once",
        applies: |seen| {
            seen.message_type() == RELEASE
                && seen.expired
                && seen.difference.what == What::Lease("present".into())
                && seen.difference.kea == "absent"
        },
        effect: Effect::OtherLeases,
    },
    Meant {
        name: "overloaded-query",
        reason: "any reply to a query with option 52: options in the fields file and sname are read (RFC 2131 section 4.1); \
                 Kea does not look there",
        applies: |seen| {
            seen.has_option(52)
                && seen.difference.kea == "absent"
                && seen.message_type() == DISCOVER
        },
        effect: Effect::None,
    },
    Meant {
        name: "conflict-of-command",
        reason: "lease4-add of an address that no subnet has, or that is leased: result 1 of 2.2, 4 (conflict) of 3.x",
        applies: |seen| seen.difference.what == What::Command && seen.values() == ("1", "4"),
        effect: Effect::None,
    },
    Meant {
        name: "decline-of-ended-lease",
        reason: "DECLINE: a lease that is over is not the client's any more; 2.2 takes it out of use all the same, 3.x does not",
        applies: |seen| {
            let state = matches!(&seen.difference.what, What::Lease(member) if member != "present");
            seen.message_type() == DECLINE && seen.expired && state
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
        reason: "REQUEST or BOOTP, valid lifetime without an end for a client with a lease: a lease is kept for as long as its client \
                 was told (RFC 2131 section 3.1 point 4); Kea's lease cache takes an infinite lifetime for one that is stored \
                 already, and stores nothing",
        applies: |seen| {
            let (kea, ours) = seen.values();
            seen.difference.what == What::Lease("valid-lft".into())
                && ours.starts_with("4294967295 ")
                && !kea.starts_with("4294967295 ")
        },
        effect: Effect::None,
    },
    Meant {
        name: "several-enterprises",
        reason: "any reply, options 124 and 125: 2.2 sends those of one enterprise, 3.x those of each that is configured or named",
        applies: |seen| {
            let (kea, ours) = seen.values();
            matches!(seen.difference.what, What::Option(124 | 125))
                && kea != "absent"
                && ours != kea
                && ours.contains(kea)
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
            let refused = seen.message_type() == REQUEST && seen.kinds() == (Kind::Ack, Kind::Nak);
            seen.is_reserved
                && refused
                && matches!(seen.difference.what, What::Reply | What::Lease(_))
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
            let addresses = [seen.kea, seen.ours].map(|reply| reply.map(|reply| reply.yiaddr));
            seen.message_type() == DISCOVER && seen.has_own && addresses[0] != addresses[1]
        },
        effect: Effect::OtherAddresses,
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
            seen.difference.what == What::Option(125)
                && seen.difference.kea == "absent"
                && seen.has_option(124)
                && !seen.has_option(125)
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
            let chosen = seen.message_type() == DISCOVER
                || (seen.message_type() == REQUEST && !seen.has_option(50));
            let address = seen.is_field("yiaddr") || seen.is_field("to");
            chosen && seen.expired && (address || matches!(seen.difference.what, What::Lease(_)))
        },
        effect: Effect::OtherAddresses,
    },
];
