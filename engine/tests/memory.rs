//! What the lease store takes for each lease, its indexes included, and that no grant waits for a large table to grow:
//! counted by the allocator, what it adds of its own included.

#![expect(unsafe_code, reason = "an allocator that counts has no safe form")]
#![expect(clippy::unwrap_used, reason = "an unwrap of a test is an assertion")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use engine::clock::{Mono, Now};
use engine::lease::csv::Journal;
use engine::lease::memory::MemoryStore;
use engine::lease::{
    ClientId, Findable, Grant, HwAddress, Identity, Lease4, LeaseState, LeaseStore, Origin,
};

/// Bytes of one lease.
const ALLOWED: usize = 128;
/// Bytes that a grant may move at most when it takes more memory.
const LARGEST: usize = 64 << 10;
/// A build with debug assertions needs minutes for two million.
const LEASES: u32 = if cfg!(debug_assertions) { 250_000 } else { 2_000_000 };
const RENEWALS: u32 = LEASES / 2;

/// The system's allocator, which keeps books.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static MOST_AT_ONCE: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a piece of memory takes from the machine: its usable bytes and the word before them.
fn taken(place: *mut u8) -> usize {
    // SAFETY: `place` came from the system's allocator and was not given back.
    unsafe { libc::malloc_usable_size(place.cast()) + size_of::<usize>() }
}

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    // SAFETY: as the trait asks of the caller.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        MOST_AT_ONCE.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are the same.
        let place = unsafe { System.alloc(layout) };
        IN_USE.fetch_add(taken(place), Ordering::Relaxed);
        place
    }

    // SAFETY: as the trait asks of the caller.
    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(taken(place), Ordering::Relaxed);
        // SAFETY: `place` came from the same allocator.
        unsafe { System.dealloc(place, layout) }
    }

    // SAFETY: as the trait asks of the caller.
    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        MOST_AT_ONCE.fetch_max(size, Ordering::Relaxed);
        IN_USE.fetch_sub(taken(place), Ordering::Relaxed);
        // SAFETY: `place` came from the same allocator.
        let place = unsafe { System.realloc(place, layout, size) };
        IN_USE.fetch_add(taken(place), Ordering::Relaxed);
        place
    }
}

/// Client `number`, in an order that no index can make use of.
fn hw_address(number: u32) -> [u8; 6] {
    let [a, b, c, d] = number.wrapping_mul(0x9e37_79b1).to_be_bytes();
    [2, 0, a, b, c, d]
}

fn now(second: u32) -> Now {
    Now { mono: Mono::default(), wall_s: 1_800_000_000 + u64::from(second) }
}

fn grant(store: &MemoryStore, number: u32, address: Ipv4Addr, second: u32) {
    let hw_address = HwAddress::new(&hw_address(number)).unwrap();
    let client_id = ClientId::new(&[&[1], hw_address.as_bytes()].concat());
    let lease = Lease4 {
        address,
        hw_address,
        client_id: client_id.clone(),
        valid_lifetime_s: 3600,
        cltt_s: now(second).wall_s,
        subnet_id: 1,
        fqdn_fwd: false,
        fqdn_rev: false,
        hostname: format!("host-{number:07}").as_str().into(),
        state: LeaseState::Assigned,
        user_context: None,
        pool_id: 0,
    };
    let identity = Identity { client_id: client_id.as_ref(), hw_address: &hw_address };
    let grant = Grant { lease, identity, one_of: &[1], origin: Origin::Client(None) };
    store.grant(now(second), grant).unwrap();
}

#[test]
fn a_lease_takes_no_more_than_it_may_and_nobody_waits_for_a_table() {
    let before = IN_USE.load(Ordering::Relaxed);
    let store = MemoryStore::new(Arc::new(Journal::none()));
    let empty = IN_USE.load(Ordering::Relaxed) - before;
    MOST_AT_ONCE.store(0, Ordering::Relaxed);
    let first = u32::from(Ipv4Addr::new(10, 0, 0, 0));
    let (low, high) = (Ipv4Addr::from(first), Ipv4Addr::new(10, 255, 255, 255));
    let mut from = low;
    let per_lease = || (IN_USE.load(Ordering::Relaxed) - before) / LEASES as usize;
    for number in 0..LEASES {
        let free = store.find_free(now(0), low..=high, from, Findable::ANYTHING, &|_| false);
        from = free.unwrap();
        grant(&store, number, from, number / 20_000);
    }
    let fresh = per_lease();
    // Renewals come in another order than the leases did.
    for number in 0..RENEWALS {
        let number = number.wrapping_mul(7_919) % LEASES;
        grant(&store, number, Ipv4Addr::from(first + number), 1000 + number / 20_000);
    }
    let renewed = per_lease();
    let largest = MOST_AT_ONCE.load(Ordering::Relaxed);
    println!(
        "{LEASES} leases: {fresh} bytes each, {renewed} after {RENEWALS} renewals; empty {empty}; at most \
         {largest} bytes at once"
    );
    assert_eq!(store.len(), LEASES as usize);
    assert!(fresh <= ALLOWED && renewed <= ALLOWED, "{fresh}, {renewed} bytes a lease");
    assert!(largest <= LARGEST, "a grant took {largest} bytes at once");
}
