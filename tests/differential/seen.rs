//! A difference and all that is known of where it was seen: what the meant ones are told apart by. Pure.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use serde_json::Value;

use crate::client::Held;
use crate::compare::{Difference, Pools, What};
use crate::lab::kind_of;
use crate::message::{Kind, Query, Reply, VendorOption, vendor_options};

pub(crate) const DISCOVER: u8 = 1;
pub(crate) const REQUEST: u8 = 3;
pub(crate) const DECLINE: u8 = 4;
pub(crate) const RELEASE: u8 = 7;
pub(crate) const INFORM: u8 = 8;

/// What the subnet and the pool of an address decide beside options.
const OF_POOL: [&str; 5] = ["siaddr", "sname", "file", "to-mac", "flags"];

/// A difference and where it was seen.
pub(crate) struct Seen<'a> {
    pub(crate) difference: &'a Difference,
    /// The query as Peregrine got it, if there was one, and as Kea did.
    pub(crate) query: Option<&'a Query>,
    pub(crate) kea_query: Option<&'a Query>,
    /// The hardware address that it came from.
    pub(crate) from_mac: [u8; 6],
    /// What its client had of Kea before, and of Peregrine.
    pub(crate) had: Held,
    pub(crate) had_here: Held,
    pub(crate) kea: Option<&'a Reply>,
    pub(crate) ours: Option<&'a Reply>,
    pub(crate) pools: &'a Pools,
    /// Whether the address that the query asks for was offered to another client before.
    pub(crate) asked_is_promised: bool,
    /// Whether the address that Kea gave was; where the sides chose different addresses before, whether one of its pool was.
    pub(crate) given_is_promised: bool,
    /// Whether the address that the query asks for is reserved for another client.
    pub(crate) is_reserved: bool,
    /// Whether Peregrine gives the client the address that it has, which is reserved for it.
    pub(crate) has_own: bool,
    /// Whether the address that Kea gave is reserved for the client, by whatever identifier.
    pub(crate) kea_gave_reserved: bool,
    /// What Peregrine's options 125 said so far.
    pub(crate) vendor_options: &'a BTreeSet<VendorOption>,
    /// Whether any lease was over when the query came.
    pub(crate) expired: bool,
}

impl Seen<'_> {
    pub(crate) fn is_field(&self, name: &str) -> bool {
        matches!(self.difference.what, What::Field(field) if field == name)
    }

    /// 0 for BOOTP.
    pub(crate) fn message_type(&self) -> u8 {
        self.option(53).and_then(|data| data.first().copied()).unwrap_or(0)
    }

    pub(crate) fn option(&self, wanted: u8) -> Option<&[u8]> {
        self.query?.option(wanted)
    }

    pub(crate) fn has_option(&self, code: u8) -> bool {
        self.option(code).is_some()
    }

    /// What both sides answered.
    pub(crate) fn kinds(&self) -> (Kind, Kind) {
        (kind_of(self.kea), kind_of(self.ours))
    }

    pub(crate) fn values(&self) -> (&str, &str) {
        (&self.difference.kea, &self.difference.ours)
    }

    /// Whether the values begin so.
    pub(crate) fn starts(&self, kea: &str, ours: &str) -> bool {
        self.difference.kea.starts_with(kea) && self.difference.ours.starts_with(ours)
    }

    /// A REQUEST that names no address.
    pub(crate) fn asks_for_any(&self) -> bool {
        let named = self.has_option(50) || self.query.is_some_and(|it| it.ciaddr != [0; 4]);
        self.message_type() == REQUEST && !named
    }

    /// Whether it is for the server to choose an address.
    pub(crate) fn chooses(&self) -> bool {
        self.message_type() == DISCOVER || self.asks_for_any()
    }

    /// The addresses that were given; none is none.
    fn given(&self) -> [Option<Ipv4Addr>; 2] {
        let given =
            |reply: Option<&Reply>| reply.map(|it| it.yiaddr).filter(|it| !it.is_unspecified());
        [given(self.kea), given(self.ours)]
    }

    pub(crate) fn addresses_differ(&self) -> bool {
        self.given()[0] != self.given()[1]
    }

    /// Whether it is the address that differs, or that the reply was sent to it.
    pub(crate) fn is_address(&self) -> bool {
        let to_it = |reply: Option<&Reply>| reply.is_some_and(|reply| reply.to.0 == reply.yiaddr);
        let is_sent_there = self.is_field("to") && to_it(self.kea) && to_it(self.ours);
        self.is_field("yiaddr") || is_sent_there
    }

    /// Whether it is what a subnet or a pool decides, and the addresses are of different pools.
    pub(crate) fn follows_from_pool(&self) -> bool {
        let [Some(kea), Some(ours)] = self.given() else { return false };
        let decided = match self.difference.what {
            What::Option(code) => !matches!(code, 53 | 54 | 61 | 82),
            What::Field(name) => OF_POOL.contains(&name),
            _ => false,
        };
        decided && self.pools.name(kea) != self.pools.name(ours)
    }

    /// Whether a lease differs that follows from what the two sides gave: of an address that one of them gave, or what the
    /// client had before and lost at Kea.
    pub(crate) fn is_about_lease(&self) -> bool {
        if !matches!(self.difference.what, What::Lease(_)) {
            return false;
        }
        let had =
            [self.had.bound, self.had_here.bound].map(|bound| bound.map(|(address, _)| address));
        let concerned = self.given().into_iter().chain(had).flatten();
        let texts = [&self.difference.kea, &self.difference.ours];
        let leases = texts.map(|text| address_of_lease(text));
        concerned.into_iter().any(|address| leases.contains(&Some(address)))
    }

    /// Whether what Peregrine has is a lease of `address`.
    pub(crate) fn ours_is_lease_of(&self, address: &[u8]) -> bool {
        let lease = address_of_lease(&self.difference.ours);
        lease.is_some_and(|lease| lease.octets() == *address)
    }

    /// Whether what Kea has is a lease of `address`.
    pub(crate) fn kea_is_lease_of(&self, address: &[u8]) -> bool {
        let lease = address_of_lease(&self.difference.kea);
        lease.is_some_and(|lease| lease.octets() == *address)
    }

    /// Whether Kea lacks a declined lease that Peregrine has, of an address of the same pool as `address`.
    pub(crate) fn ours_is_declined_beside(&self, address: &[u8]) -> bool {
        let lease: Value = self.difference.ours.parse().unwrap_or_default();
        let place = lease["ip-address"].as_str().and_then(|text| text.parse().ok());
        let asked = <[u8; 4]>::try_from(address).map(Ipv4Addr::from);
        let same =
            |(it, asked): (Ipv4Addr, Ipv4Addr)| self.pools.name(it) == self.pools.name(asked);
        self.difference.kea == "absent"
            && lease["state"] == 1
            && place.zip(asked.ok()).is_some_and(same)
    }

    /// Whether Kea's option 125 says what Peregrine's does, but for what it said at an earlier time.
    pub(crate) fn is_left_over(&self) -> bool {
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
}

/// Of which address a lease in a difference is: a whole lease, or `MEMBER of ADDRESS`.
fn address_of_lease(text: &str) -> Option<Ipv4Addr> {
    if let Some((_, address)) = text.rsplit_once(" of ") {
        return address.trim_matches('"').parse().ok();
    }
    let lease: Value = text.parse().ok()?;
    lease["ip-address"].as_str()?.parse().ok()
}
