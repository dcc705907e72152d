//! Every bound of the load generator, in one place. Pure.

use std::time::Duration;

/// Datagrams that one system call takes or gives at most.
pub const BATCH: usize = 64;

/// Batches that are sent at most before the next is received.
pub const BATCHES: usize = 16;

/// Releases that are sent per second once a run is over: no server may lose any.
pub const RELEASE_RATE: u32 = 40_000;

/// Exchanges under way at most; one more is not begun and counted as `local_limit`.
pub const UNDER_WAY: usize = 1 << 18;

/// Exchanges that a late open loop begins at once at most, so that a stall ends in no flood.
pub const BURST: u64 = 1024;

/// Octets of a reply that are looked at; what is longer is cut by the kernel.
pub const REPLY: usize = 1500;

/// Octets of the longest query that is written: 240 fixed ones, 60 of its own options, [`MORE`] and option 82.
pub const QUERY: usize = 412;

/// Octets of options of the user's choice in a query.
pub const MORE: usize = 96;

/// Clients of one fleet at most.
pub const CLIENTS: u32 = 1 << 24;

/// What the kernel is asked to hold for the socket, in octets, each way.
pub const SOCKET_BUFFER: usize = 8 << 20;

/// The longest wait for a datagram, so that progress is shown and an interrupt is seen.
pub const IDLE: Duration = Duration::from_millis(50);

/// The longest latency that the histograms tell apart, in nanoseconds.
pub const LATENCY_NS: u64 = 60_000_000_000;

/// Servers of one run at most: each datagram goes to all of them.
pub const SERVERS: usize = 64;

/// Options of the user's choice at most.
pub const CHOSEN_OPTIONS: usize = 16;

/// Slots of the exchanges under way: a power of two.
pub const SLOTS: usize = 4 * UNDER_WAY;

/// Threads of the echo server at most.
pub const ECHO_THREADS: usize = 64;

/// Octets of a datagram that is handed to the kernel to be cut apart at most.
pub const JOINED: usize = 60_000;

/// How long a query that is to be sent at once waits for the kernel to have room.
pub const VOLLEY_PATIENCE: Duration = Duration::from_secs(2);

/// Between two attempts to send it.
pub const VOLLEY_PAUSE: Duration = Duration::from_micros(50);

/// Octets of an echo: from the shortest that can hold its options to the longest reply.
pub const ECHO: std::ops::RangeInclusive<i64> = 280..=REPLY as i64;

const _: () = assert!(SERVERS <= BATCH, "one query to all servers fits into one batch");
