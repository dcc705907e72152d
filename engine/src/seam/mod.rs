//! The seams: traits through which something outside the engine takes part.
//!
//! [`Admission`] says which clients are served, [`Replication`] makes replies wait for a partner, [`Guard`] has a say
//! when the partner's updates come in, [`service`] switches the service on and off by origin. The engine never names who
//! stands behind them.
//! Commands join through [`crate::control::Registry`].

mod allotment;
pub mod service;

pub use allotment::Allotment;

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::clock::Now;
use crate::control::Answer;
use crate::lease::{Change, Lease4, Stored};

/// What admission sees of a query: the parts that decide whose client it is, v4 and v6 alike.
#[derive(Clone, Copy, Debug)]
pub struct Client<'a> {
    /// The key of the RFC 3074 hash: option 61's data, else `chaddr`; the DUID in DHCPv6. `None` if the
    /// query has none.
    pub key: Option<&'a [u8]>,
    /// Hardware address (empty in DHCPv6).
    pub hw_address: &'a [u8],
    /// Client identifier or DUID; empty if none.
    pub client_id: &'a [u8],
    /// How long the client says it has been waiting: `secs` as received, or the elapsed time option.
    pub waiting: Waiting,
    /// Whether the message type takes part in load balancing (DISCOVER, REQUEST, DECLINE, RELEASE, INFORM).
    pub balanced: bool,
}

/// How long a client says it has been trying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// DHCPv4's `secs`, as received.
    Seconds(u16),
    /// DHCPv6's elapsed time option, in hundredths of a second.
    Centiseconds(u16),
}

/// Whether a query is served here, and the class it gets either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Serve it; otherwise it is counted and dropped.
    pub serve: bool,
    /// Index into [`Admission::classes`] of the class the query gets.
    pub class: Option<usize>,
}

/// Decides before any queue whether a query is ours. Called for every packet: no lock, no allocation.
pub trait Admission: Send + Sync + fmt::Debug {
    /// Names of the classes that admission gives (`HA_server1`), fixed while one configuration is served.
    fn classes(&self) -> Vec<String>;
    /// Decides about one query. Out-of-scope ones are also shown to the failure detector.
    fn admit(&self, client: &Client<'_>, now: Now) -> Admitted;

    /// Whether the subnet decides. Then [`Self::admit`] lets everybody in without a class, and [`Self::admit_in`]
    /// is asked once the subnet is selected. Fixed while one configuration is served.
    fn goes_by_subnet(&self) -> bool {
        false
    }

    /// Decides about one query of a subnet, or of none. Asked only if [`Self::goes_by_subnet`].
    fn admit_in(&self, client: &Client<'_>, subnet_id: Option<u32>, now: Now) -> Admitted {
        let _ = subnet_id;
        self.admit(client, now)
    }

    /// Which free addresses of a subnet are ours to give. No lock, no allocation.
    fn allotment(&self, subnet_id: u32) -> Allotment {
        let _ = subnet_id;
        Allotment::Whole
    }
}

/// Serves everybody and gives no class: a server without a partner.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServeAll;

impl Admission for ServeAll {
    fn classes(&self) -> Vec<String> {
        Vec::new()
    }

    fn admit(&self, _client: &Client<'_>, _now: Now) -> Admitted {
        Admitted { serve: true, class: None }
    }
}

/// Tells a partner of changes, and makes replies wait for its acknowledgement.
pub trait Replication: Send + Sync {
    /// Queues `change` for whoever must know it, and calls [`crate::pending::Pending::expect`] for each
    /// acknowledgement that its ticket has to wait for. Called under the lock of the change's address, so
    /// the queue has the changes of one address in their order. Must not block.
    fn queue(&self, change: &Change<'_>);

    /// Whether this server cleans up `lease`, whose time is over by what it knows. Called under the lock of its address.
    /// Must not block.
    fn reclaims(&self, lease: &Lease4) -> bool {
        let _ = lease;
        true
    }
}

/// Has a say when a partner's update is about to take the place of a lease.
pub trait Guard: Send + Sync {
    /// A partner's update of a lease in this subnet came. `names_origin`: it says where it comes from, as Kea 3's do and
    /// older ones' do not.
    fn heard(&self, subnet_id: u32, names_origin: bool);
    /// What becomes of `update`, which names an address that has the lease `held`.
    fn judge(&self, held: &Stored, update: &Lease4) -> Verdict;
}

/// What becomes of a partner's update.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It takes the place of what is there.
    Take,
    /// What is there says the same and more, and stays: the partner is told that all is well.
    Keep,
    /// It is refused with this answer.
    Refuse(Answer),
}

/// Where a [`Guard`] is joined, once; until then every update is taken.
pub type GuardPost = Arc<OnceLock<Arc<dyn Guard>>>;
