//! What a run is asked to do. Pure data.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::pace::Pace;

/// Which messages make up an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// DISCOVER, OFFER, REQUEST, ACK.
    Dora,
    /// DISCOVER, OFFER only (perfdhcp's `-i`).
    Offer,
    /// REQUEST, ACK of a client that keeps its lease (rebinding); a client without one does DORA.
    Rebind,
}

/// When too many answers are missing to go on (perfdhcp's `-D`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MaxDrop {
    /// So many missing answers; 0 means the first one ends the run.
    Count(u64),
    /// So many percent of the queries, looked at once ten were sent.
    Percent(f64),
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
    /// The relay's address, also that of the socket.
    pub giaddr: Ipv4Addr,
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
            giaddr,
            secs: 0,
            first_xid: 1,
            report_every: Duration::from_secs(1),
        }
    }
}
