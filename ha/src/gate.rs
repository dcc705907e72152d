//! The gate: who of the pair serves a query (implements [`Admission`]). What the machine decided is one atomic
//! word; a query costs one hash and one load of it. Pure but for its atomics. Must not know why a scope is
//! served, nor how leases reach the partner.

use engine::clock::Now;
use engine::limits::{MAX_CLIENT_ID, MAX_HW_ADDRESS};
use engine::seam::{Admission, Admitted, Client, Waiting};
use engine::sync::atomic::{AtomicU64, Ordering};

use crossbeam::queue::ArrayQueue;

use crate::machine::limits::MAX_UNSERVED;
use crate::machine::{Peers, Scopes, Standing, ToBackups, ToPartner, UpdatePolicy};

/// The gate of one relationship.
#[derive(Debug)]
pub struct Gate {
    peers: Peers,
    standing: AtomicU64,
    unserved: ArrayQueue<Unserved>,
    unserved_dropped: AtomicU64,
}

impl Gate {
    /// A closed gate for `peers`: nobody is served before the first [`Self::publish`].
    pub fn new(peers: Peers) -> Self {
        Self {
            peers,
            standing: AtomicU64::new(0),
            unserved: ArrayQueue::new(MAX_UNSERVED),
            unserved_dropped: AtomicU64::new(0),
        }
    }

    /// The servers of the relationship.
    pub const fn peers(&self) -> &Peers {
        &self.peers
    }

    /// Lets the packet path know ([`crate::machine::Action::Publish`]).
    pub fn publish(&self, standing: Standing) {
        self.standing.store(pack(standing), Ordering::Release);
    }

    /// What was published last. One atomic load.
    pub fn standing(&self) -> Standing {
        unpack(self.standing.load(Ordering::Acquire))
    }

    /// The next query that the partner should have answered, for
    /// [`crate::machine::Relationship::handle_unserved`].
    pub fn poll_unserved(&self) -> Option<Unserved> {
        self.unserved.pop()
    }

    /// Queries that the failure detector was not shown because too many waited for it.
    pub fn unserved_dropped(&self) -> u64 {
        self.unserved_dropped.load(Ordering::Relaxed)
    }

    fn show(&self, client: &Client<'_>) {
        let shown = Unserved::new(client).is_some_and(|query| self.unserved.push(query).is_ok());
        if !shown {
            self.unserved_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Admission for Gate {
    /// `HA_` and the peer's name, in the order of the peers.
    fn classes(&self) -> Vec<String> {
        self.peers.all().iter().map(|peer| format!("HA_{}", peer.name)).collect()
    }

    fn admit(&self, client: &Client<'_>, _now: Now) -> Admitted {
        if !client.balanced {
            return Admitted { serve: true, class: Some(self.peers.primary()) };
        }
        let class = self.peers.balanced(client.key);
        let standing = self.standing();
        let serve = class.is_some_and(|place| standing.scopes.contains(place));
        if !serve && standing.watching {
            self.show(client);
        }
        Admitted { serve, class }
    }
}

/// A query that is not served here, kept for the failure detector.
#[derive(Clone, Debug)]
pub struct Unserved {
    hw_address: Short<MAX_HW_ADDRESS>,
    client_id: Short<MAX_CLIENT_ID>,
    waiting: Waiting,
}

impl Unserved {
    fn new(client: &Client<'_>) -> Option<Self> {
        let hw_address = Short::new(client.hw_address)?;
        Some(Self { hw_address, client_id: Short::new(client.client_id)?, waiting: client.waiting })
    }

    /// As the machine wants it.
    pub fn as_client(&self) -> Client<'_> {
        let (hw_address, client_id) = (self.hw_address.bytes(), self.client_id.bytes());
        Client { key: None, hw_address, client_id, waiting: self.waiting, balanced: true }
    }
}

/// At most `N` bytes, without an allocation.
#[derive(Clone, Debug)]
struct Short<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

impl<const N: usize> Short<N> {
    fn new(from: &[u8]) -> Option<Self> {
        let mut bytes = [0; N];
        bytes.get_mut(..from.len())?.copy_from_slice(from);
        Some(Self { bytes, len: u8::try_from(from.len()).ok()? })
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Bits 0 to 31: scopes; 32: watching; 33 and 34: partner; 35 and 36: backups.
const fn pack(standing: Standing) -> u64 {
    let partner = match standing.updates.partner {
        ToPartner::Nothing => 0,
        ToPartner::Send => 1,
        ToPartner::Queue => 2,
        ToPartner::Count => 3,
    };
    let backups = match standing.updates.backups {
        ToBackups::Nothing => 0,
        ToBackups::Send => 1,
        ToBackups::SendAndWait => 2,
    };
    standing.scopes.bits() as u64 | (standing.watching as u64) << 32 | partner << 33 | backups << 35
}

const fn unpack(word: u64) -> Standing {
    let partner = match word >> 33 & 3 {
        0 => ToPartner::Nothing,
        1 => ToPartner::Send,
        2 => ToPartner::Queue,
        _ => ToPartner::Count,
    };
    let backups = match word >> 35 & 3 {
        0 => ToBackups::Nothing,
        1 => ToBackups::Send,
        _ => ToBackups::SendAndWait,
    };
    let scopes = Scopes::from_bits(word as u32);
    Standing { scopes, watching: word >> 32 & 1 == 1, updates: UpdatePolicy { partner, backups } }
}
