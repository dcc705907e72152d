//! The memory of open offers: which address is promised to which client, for a few seconds. Pure but for its
//! locks. It is no lease, it is not replicated, and losing an entry costs a client one more try.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash, Hasher};
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::clock::Mono;
use crate::lease::Identity;
use crate::limits::{MAX_OPEN_OFFERS, OFFER_HOLD_S};
use crate::sync::Mutex;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Locks on each side; a power of two.
const SHARDS: usize = 256;

/// A client as offers know it: a hash of what identifies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientKey(u64);

impl ClientKey {
    /// The key of a client: by its client identifier, else by its hardware address.
    pub fn of(identity: Identity<'_>) -> Self {
        let mut hasher = DefaultHasher::new();
        match identity.client_id {
            Some(client_id) => (0u8, client_id.as_bytes()).hash(&mut hasher),
            None => (1u8, identity.hw_address.as_bytes()).hash(&mut hasher),
        }
        Self(hasher.finish())
    }
}

/// What an address is promised as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Offer {
    client: ClientKey,
    /// It was promised to another client before, because nothing else was free: who asks first gets it.
    shared: bool,
}

/// All open offers. The address decides; where a client's offer is looked up is a hint. No operation holds
/// more than one lock.
pub struct Offers {
    by_address: Vec<Mutex<Expiring<Ipv4Addr, Offer>>>,
    by_client: Vec<Mutex<Expiring<(ClientKey, u32), Ipv4Addr>>>,
    evicted: AtomicU64,
}

impl fmt::Debug for Offers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offers")
            .field("open", &self.len())
            .field("evicted", &self.evicted())
            .finish()
    }
}

impl Default for Offers {
    fn default() -> Self {
        Self::with_capacity(MAX_OPEN_OFFERS)
    }
}

impl Offers {
    /// A memory of about `limit` promises; the oldest of too many is forgotten.
    pub fn with_capacity(limit: usize) -> Self {
        let capacity = (limit / SHARDS).max(1);
        Self {
            by_address: (0..SHARDS).map(|_| Mutex::new(Expiring::new(capacity))).collect(),
            by_client: (0..SHARDS).map(|_| Mutex::new(Expiring::new(capacity))).collect(),
            evicted: AtomicU64::new(0),
        }
    }

    /// Promises `address` to `client` in the subnet `subnet_id`, or prolongs that promise. False if another
    /// client has it.
    #[must_use]
    pub fn open(&self, address: Ipv4Addr, client: ClientKey, subnet_id: u32, now: Mono) -> bool {
        let mut shard = self.address_shard(address).lock();
        let shared = match shard.live(&address, now) {
            Some(offer) if offer.client != client => return false,
            Some(offer) => offer.shared,
            None => false,
        };
        let lost = shard.insert(address, Offer { client, shared }, now);
        drop(shard);
        self.remember(client, subnet_id, address, now, lost);
        true
    }

    /// Promises `address` to `client` although another may have been promised it: nothing else was free.
    pub fn share(&self, address: Ipv4Addr, client: ClientKey, subnet_id: u32, now: Mono) {
        let mut shard = self.address_shard(address).lock();
        let shared = shard.live(&address, now).is_some_and(|offer| offer.client != client);
        let lost = shard.insert(address, Offer { client, shared }, now);
        drop(shard);
        self.remember(client, subnet_id, address, now, lost);
    }

    /// Takes `address` for the lease of `client` that is about to be written, so that nobody is promised it
    /// meanwhile. False if another client was promised it, and it alone.
    #[must_use]
    pub fn claim(&self, address: Ipv4Addr, client: ClientKey, subnet_id: u32, now: Mono) -> bool {
        let mut shard = self.address_shard(address).lock();
        match shard.live(&address, now) {
            Some(offer) if offer.client == client && !offer.shared => return true,
            Some(offer) if offer.client != client && !offer.shared => return false,
            _ => {}
        }
        let lost = shard.insert(address, Offer { client, shared: false }, now);
        drop(shard);
        self.remember(client, subnet_id, address, now, lost);
        true
    }

    /// The address that is promised to `client` in the subnet.
    pub fn of(&self, client: ClientKey, subnet_id: u32, now: Mono) -> Option<Ipv4Addr> {
        let key = (client, subnet_id);
        let address = self.client_shard(client).lock().live(&key, now)?;
        let offer = self.address_shard(address).lock().live(&address, now)?;
        (offer.client == client).then_some(address)
    }

    /// Whether `address` is promised to anybody else than `client`.
    pub fn is_promised(&self, address: Ipv4Addr, client: ClientKey, now: Mono) -> bool {
        let offer = self.address_shard(address).lock().live(&address, now);
        offer.is_some_and(|offer| offer.client != client)
    }

    /// Ends the promise of `address` to `client`: it became a lease, or is not wanted.
    pub fn close(&self, address: Ipv4Addr, client: ClientKey, subnet_id: u32) {
        self.withdraw(address, client);
        self.client_shard(client).lock().entries.remove(&(client, subnet_id));
    }

    /// Number of promises that are kept, expired ones that nobody met again included.
    pub fn len(&self) -> usize {
        self.by_address.iter().map(|shard| shard.lock().entries.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Promises that were forgotten before their time for want of room.
    pub fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// Notes the client's offer; one that it had before for another address ends.
    fn remember(&self, client: ClientKey, subnet: u32, address: Ipv4Addr, now: Mono, lost: u64) {
        let mut shard = self.client_shard(client).lock();
        let before = shard.live(&(client, subnet), now).filter(|before| *before != address);
        shard.insert((client, subnet), address, now);
        drop(shard);
        if let Some(before) = before {
            self.withdraw(before, client);
        }
        if lost > 0 {
            self.evicted.fetch_add(lost, Ordering::Relaxed);
        }
    }

    fn withdraw(&self, address: Ipv4Addr, client: ClientKey) {
        let mut shard = self.address_shard(address).lock();
        if shard.entries.get(&address).is_some_and(|entry| entry.value.client == client) {
            shard.entries.remove(&address);
        }
    }

    fn address_shard(&self, address: Ipv4Addr) -> &Mutex<Expiring<Ipv4Addr, Offer>> {
        // Neighbours are offered at the same time: spread them.
        let mixed = u32::from(address).wrapping_mul(0x9E37_79B1) >> 16;
        &self.by_address[mixed as usize % SHARDS]
    }

    fn client_shard(&self, client: ClientKey) -> &Mutex<Expiring<(ClientKey, u32), Ipv4Addr>> {
        &self.by_client[(client.0 >> 32) as usize % SHARDS]
    }
}

/// A bounded map whose entries end [`OFFER_HOLD_S`] after they were last written.
#[derive(Debug)]
struct Expiring<K, V> {
    entries: HashMap<K, Entry<V>, BuildHasherDefault<Mixing>>,
    /// Entries in the order in which they may end: each once, with the end that it has noted as `queued`. What was
    /// removed since is skipped.
    queue: VecDeque<(Mono, K)>,
    capacity: usize,
}

#[derive(Clone, Copy, Debug)]
struct Entry<V> {
    value: V,
    until: Mono,
    queued: Mono,
}

impl<K: Copy + Eq + Hash, V: Copy> Expiring<K, V> {
    fn new(capacity: usize) -> Self {
        Self { entries: HashMap::default(), queue: VecDeque::new(), capacity }
    }

    fn live(&self, key: &K, now: Mono) -> Option<V> {
        self.entries.get(key).filter(|entry| entry.until > now).map(|entry| entry.value)
    }

    /// Writes an entry and returns how many others were forgotten before their time to make room. One that is
    /// there keeps its place in the queue: who asks again and again pushes nobody out.
    fn insert(&mut self, key: K, value: V, now: Mono) -> u64 {
        let until = now + Duration::from_secs(OFFER_HOLD_S);
        if let Some(entry) = self.entries.get_mut(&key) {
            (entry.value, entry.until) = (value, until);
            return 0;
        }
        let lost = self.make_room(now);
        self.entries.insert(key, Entry { value, until, queued: until });
        self.queue.push_back((until, key));
        lost
    }

    /// Drops what is over, and the oldest when there are too many. The queue has every entry exactly once, so its
    /// bound is the map's, too. Ends: an entry that was written again gets its new end, and by that its last place.
    fn make_room(&mut self, now: Mono) -> u64 {
        let mut lost = 0;
        while let Some((queued, key)) = self.queue.front().copied() {
            let full = self.queue.len() >= self.capacity;
            if queued > now && !full {
                break;
            }
            self.queue.pop_front();
            let Some(entry) = self.entries.get_mut(&key).filter(|entry| entry.queued == queued)
            else {
                continue;
            };
            if entry.until > queued && entry.until > now {
                entry.queued = entry.until;
                self.queue.push_back((entry.until, key));
                continue;
            }
            lost += u64::from(entry.until > now);
            self.entries.remove(&key);
        }
        lost
    }
}

/// A quick hash for keys that are hashes already, or addresses: a shard is too small for collisions to matter.
#[derive(Debug, Default)]
struct Mixing(u64);

impl Hasher for Mixing {
    fn write(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..piece.len()].copy_from_slice(piece);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        let mixed = (self.0.rotate_left(23) ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }

    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

const _: () = assert!(MAX_OPEN_OFFERS / SHARDS >= 1024);
