//! Every bound of the load generator, in one place. Pure.

use std::time::Duration;

/// Datagrams that one system call takes or gives at most.
pub const BATCH: usize = 64;

/// Exchanges under way at most; one more is not begun and counted as `local_limit`.
pub const UNDER_WAY: usize = 1 << 18;

/// Exchanges that a late open loop begins at once at most, so that a stall ends in no flood.
pub const BURST: u64 = 1024;

/// Octets of a reply that are looked at; what is longer is cut by the kernel.
pub const REPLY: usize = 1500;

/// Octets of the longest query that is written: 240 fixed ones and 60 of options.
pub const QUERY: usize = 300;

/// Clients of one fleet at most.
pub const CLIENTS: u32 = 1 << 24;

/// What the kernel is asked to hold for the socket, in octets, each way.
pub const SOCKET_BUFFER: usize = 8 << 20;

/// The longest wait for a datagram, so that progress is shown and an interrupt is seen.
pub const IDLE: Duration = Duration::from_millis(50);

/// The longest latency that the histograms tell apart, in nanoseconds.
pub const LATENCY_NS: u64 = 60_000_000_000;

/// Servers of one run at most: each datagram goes to all of them.
pub const SERVERS: usize = 8;

const _: () = assert!(SERVERS <= BATCH, "one query to all servers fits into one batch");
