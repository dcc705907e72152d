//! What a run is asked to do. Pure data.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::fleet::Fleet;
use crate::limits::RELEASE_RATE;
use crate::pace::Pace;
use crate::wire::Codes;

/// Which messages make up an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// DISCOVER, OFFER, REQUEST, ACK.
    Dora,
    /// DISCOVER, OFFER only (perfdhcp's `-i`).
    Offer,
    /// REQUEST, ACK of a client that keeps its lease (rebinding); a client without one does DORA.
    Rebind,
    /// RELEASE of what a client has, which nobody answers.
    Release,
}

/// When too many answers are missing to go on (perfdhcp's `-D`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxDrop {
    /// So many missing answers; 0 means the first one ends the run.
    Count(u64),
    /// So many percent of the queries, looked at once ten were sent.
    Percent(f64),
}

/// What other queries are mixed into the exchanges, as parts of 1. Both together are at most 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mix {
    /// Renewals of leases that were given in this run.
    pub renewals: f64,
    /// Releases of such.
    pub releases: f64,
}

/// The relays in front of the clients: each client is behind one of them, in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relays {
    /// How many, at least one.
    pub count: u32,
    /// From one's address to the next one's.
    pub step: u32,
    /// Whether they say by option 82 whose query it is.
    pub option_82: bool,
}

impl Default for Relays {
    fn default() -> Self {
        Self { count: 1, step: 256, option_82: false }
    }
}

/// What every answer must be like, besides being one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The address is in this subnet, given as address and length of its prefix.
    pub subnet: Option<(Ipv4Addr, u8)>,
    /// The address has a prefix of this length in common with the relay's.
    pub relay_prefix: Option<u8>,
    /// It has these options.
    pub options: Codes,
}

impl Expected {
    /// Whether `address` is one for a client behind the relay `giaddr`.
    pub fn is_right_subnet(&self, address: Ipv4Addr, giaddr: Ipv4Addr) -> bool {
        let own = self.subnet.is_none_or(|(subnet, length)| shares(address, subnet, length));
        own && self.relay_prefix.is_none_or(|length| shares(address, giaddr, length))
    }
}

fn shares(one: Ipv4Addr, other: Ipv4Addr, prefix_length: u8) -> bool {
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix_length.min(32))).unwrap_or(0);
    (u32::from(one) ^ u32::from(other)) & mask == 0
}

/// When clients begin to say that they have waited for long (perfdhcp's `-Y` and `-y`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Impatience {
    /// From this moment of the run on.
    pub from: Duration,
    /// For so long; `secs` counts up meanwhile.
    pub span: Duration,
}

/// A run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which messages make up an exchange.
    pub exchange: Exchange,
    /// How exchanges follow each other.
    pub pace: Pace,
    /// The clients by number, one exchange each in this order, and again from the first.
    pub clients: Vec<u32>,
    /// Exchanges to begin; `None`: no limit.
    pub exchanges: Option<u64>,
    /// Time in which exchanges begin; `None`: no limit.
    pub period: Option<Duration>,
    /// After this time an answer counts as missing.
    pub drop_time: Duration,
    /// Missing answers that end the run.
    pub max_drop: Option<MaxDrop>,
    /// How long what is under way may go on after the last exchange began; `None`: until each has
    /// ended.
    pub exit_wait: Option<Duration>,
    /// Exchanges that begin at once at the start (perfdhcp's `-P`).
    pub preload: u64,
    /// Whether the first window is written before any of it is sent, and given to the kernel in pieces that it cuts
    /// apart.
    pub at_once: bool,
    /// What happens before this moment is not counted.
    pub warm_up: Duration,
    /// Exchanges that ended well after which the run is over.
    pub enough: Option<u64>,
    /// What else is mixed in.
    pub mix: Mix,
    /// What answers must be like.
    pub expected: Expected,
    /// The first relay's address.
    pub giaddr: Ipv4Addr,
    /// All of them.
    pub relays: Relays,
    /// Options of the user's choice, as octets.
    pub more: Vec<u8>,
    /// Whether clients want answers broadcast.
    pub broadcast: bool,
    /// Whether each query goes to one of the servers in turn rather than to all.
    pub one_server: bool,
    /// When clients begin to complain.
    pub impatience: Option<Impatience>,
    /// `secs` of each query: how long the clients pretend to have waited, in seconds.
    pub secs: u16,
    /// The first transaction identifier.
    pub first_xid: u32,
    /// Time between two calls of the progress callback.
    pub report_every: Duration,
}

impl Plan {
    /// One DORA for each client, `window` of them under way.
    pub fn each_once(clients: Vec<u32>, window: u32, giaddr: Ipv4Addr) -> Self {
        Self {
            exchange: Exchange::Dora,
            pace: Pace::Window(window),
            exchanges: Some(clients.len() as u64),
            clients,
            period: None,
            drop_time: Duration::from_secs(1),
            max_drop: None,
            exit_wait: None,
            preload: 0,
            at_once: false,
            warm_up: Duration::ZERO,
            enough: None,
            mix: Mix::default(),
            expected: Expected::default(),
            giaddr,
            relays: Relays::default(),
            more: Vec::new(),
            broadcast: false,
            one_server: false,
            impatience: None,
            secs: 0,
            first_xid: 1,
            report_every: Duration::from_secs(1),
        }
    }
}

impl Plan {
    /// After a run by `plan`: a release by each client that has a lease.
    pub fn release_all(plan: &Self, fleet: &Fleet) -> Self {
        let clients: Vec<u32> = fleet.leases().map(|(client, _)| client).collect();
        Self {
            exchange: Exchange::Release,
            pace: Pace::Rate(RELEASE_RATE),
            exchanges: Some(clients.len() as u64),
            clients,
            period: None,
            preload: 0,
            at_once: false,
            warm_up: Duration::ZERO,
            enough: None,
            mix: Mix::default(),
            ..plan.clone()
        }
    }

    /// The relay that a client is behind.
    pub fn relay_of(&self, client: u32) -> Ipv4Addr {
        let number = client % self.relays.count.max(1);
        u32::from(self.giaddr).wrapping_add(number.wrapping_mul(self.relays.step)).into()
    }

    /// `secs` of a query that is sent `elapsed` after the start.
    pub fn secs_at(&self, elapsed: Duration) -> u16 {
        let Some(Impatience { from, span }) = self.impatience else { return self.secs };
        match elapsed.checked_sub(from) {
            Some(late) if late < span => {
                self.secs.saturating_add(u16::try_from(late.as_secs() + 1).unwrap_or(u16::MAX))
            }
            _ => self.secs,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_behind_the_relays_in_turn() {
        let relays = Relays { count: 3, step: 256, option_82: false };
        let plan = Plan { relays, ..Plan::each_once(vec![0], 1, Ipv4Addr::new(10, 0, 255, 1)) };
        let behind = [0, 1, 2, 3].map(|client| plan.relay_of(client).octets());
        assert_eq!(behind, [[10, 0, 255, 1], [10, 1, 0, 1], [10, 1, 1, 1], [10, 0, 255, 1]]);
    }

    #[test]
    fn a_subnet_is_that_of_all_or_that_of_the_relay() {
        let (address, giaddr) = (Ipv4Addr::new(10, 1, 2, 3), Ipv4Addr::new(10, 1, 9, 1));
        let right = |subnet, relay_prefix| {
            let expected = Expected { subnet, relay_prefix, options: Codes::default() };
            expected.is_right_subnet(address, giaddr)
        };
        assert!(right(None, None) && right(None, Some(16)) && !right(None, Some(24)));
        assert!(right(Some((Ipv4Addr::new(10, 0, 0, 0), 8)), None));
        assert!(!right(Some((Ipv4Addr::new(11, 0, 0, 0), 8)), None));
        assert!(right(Some((Ipv4Addr::UNSPECIFIED, 0)), Some(0)));
    }

    #[test]
    fn impatience_begins_and_ends() {
        let impatience =
            Some(Impatience { from: Duration::from_secs(5), span: Duration::from_secs(3) });
        let plan = Plan { impatience, ..Plan::each_once(vec![0], 1, Ipv4Addr::LOCALHOST) };
        let told = [4, 5, 7, 8].map(|second| plan.secs_at(Duration::from_secs(second)));
        assert_eq!(told, [0, 1, 3, 0]);
    }
}
