//! Every bound of the engine in one place, related by asserts.

use std::time::Duration;

/// Bytes of a hardware address, as DHCP's `hlen` allows (RFC 2131 section 2) and Kea keeps.
pub const MAX_HW_ADDRESS: usize = 20;
/// Bytes of a client identifier (RFC 2132 section 9.14: the option's length is one byte).
pub const MAX_CLIENT_ID: usize = 255;
/// Largest DHCP message that is read or written, in bytes (an Ethernet frame's payload).
pub const MAX_MESSAGE: usize = 1500;
/// Largest reply that goes through IP to one receiver, in bytes: beyond [`MAX_MESSAGE`] the kernel sends it in fragments.
pub const MAX_ROUTED_REPLY: usize = 4 * MAX_MESSAGE;
/// Datagrams taken from or given to the kernel in one call.
pub const BATCH: usize = 64;
/// Replies that may wait for an acknowledgement when `parked-packet-limit` is 0 ("unlimited").
pub const MAX_PENDING_REPLIES: usize = 65_536;
/// Parts of the pending replies with a lock each; a client's hash chooses.
pub const PENDING_SHARDS: u32 = 64;
/// Parts of the lease store's hints by identity, with a lock each.
pub const IDENTITY_STRIPES: u32 = if cfg!(feature = "model") {
    4
} else if cfg!(test) {
    4096
} else {
    65_536
};
/// Parts of the lease store's index of ends, with a lock each.
pub const END_SHARDS: usize = if cfg!(feature = "model") { 2 } else { 64 };
/// Batches of replies that may wait for the disk before workers wait as well.
pub const MAX_COMMIT_BATCHES: usize = 4096;
/// By how much a thread with long work and no hurry is nicer than the workers: half of what there is.
pub const GIVES_WAY_BY: i32 = 10;
/// Leases that a thread reads before it puts them into the store: so many that neighbours in memory are among them.
pub const LOAD_BATCH: usize = 32_768;
/// Leases for which room is made at once before a lease file is read: its rows may be of far fewer.
pub const MAX_EXPECTED_LEASES: u64 = 4_000_000;
/// Rows that may wait for a lease file that takes none before queries are dropped.
pub const MAX_UNWRITTEN_ROWS: usize = 262_144;
/// Parts of the rows that wait for the journal's pen, with a lock each.
pub const JOURNAL_TRAYS: u64 = if cfg!(feature = "model") { 2 } else { 16 };
/// Seconds between two attempts to write rows that the lease file did not take.
pub const JOURNAL_RETRY_S: u32 = 1;
/// Turns the journal's pen waits for a change that was numbered but not recorded yet.
pub const MAX_JOURNAL_GAP_TURNS: usize = 1_000_000;
/// Bytes of lease files that are read before the server begins to serve; it serves while it reads longer ones.
pub const LOAD_AT_ONCE: u64 = 4 << 20;
/// Threads that read the lease file at start.
pub const MAX_LOAD_THREADS: usize = 16;
/// Bytes of one line of a lease file.
pub const MAX_LEASE_LINE: u64 = 1 << 17;
/// Bad rows in one file at which compaction stops, as Kea's does.
pub const MAX_CLEANUP_ROW_ERRORS: u32 = 100;
/// Bad lines of a lease file that are kept to be told of; the others are only counted.
pub const MAX_BAD_LINES_TOLD: usize = 100;
/// Open offers that are remembered to keep an address out of two of them.
pub const MAX_OPEN_OFFERS: usize = 262_144;
/// Seconds for which an address is kept from other clients after the end of a lease that another server wrote: its
/// clock may be that much slower (High Availability ends when clocks are farther apart).
pub const OTHER_WRITER_HOLD_S: u64 = 60;
/// Seconds an offer keeps its address from other clients.
pub const OFFER_HOLD_S: u64 = 10;
/// How often a command that switches the service off looks whether a batch of queries is still being decided.
pub const MAX_QUIET_LOOKS: usize = if cfg!(test) { 3 } else { 5_000 };
/// Milliseconds between two such looks.
pub const QUIET_LOOK_MS: u64 = 1;
/// Parts of the counters; more threads than these share some.
pub const STATS_PARTS: usize = 16;
/// Log lines that wait for the writer; workers wait until there is room.
pub const MAX_LOG_LINES: usize = 65_536;
/// Room beyond that for lines of those who must not wait; what comes on top is dropped and counted.
pub const SPARE_LOG_LINES: usize = 8192;
/// How often a worker looks whether the log has room while the writer does not get on, and milliseconds between two
/// looks; then lines are dropped, until it does.
pub const LOG_PATIENCE_TURNS: u32 = 1000;
/// See [`LOG_PATIENCE_TURNS`].
pub const LOG_PATIENCE_TURN_MS: u64 = 1;
/// Pieces of the log's queue that are laid out before they are written.
pub const MAX_LOG_BATCH: usize = 256;
/// Milliseconds for which the log's writer lets lines gather.
pub const LOG_LINGER_MS: u64 = 2;
/// Bytes of one command on the control socket.
pub const MAX_COMMAND: usize = 4 << 20;
/// Connections to the control socket that are served at once.
pub const MAX_COMMAND_CONNECTIONS: usize = 64;
/// How long the control socket waits after an error such as too many open files.
pub const COMMAND_ACCEPT_RETRY: Duration = Duration::from_millis(100);
/// How long a command's connection may stay silent, either way (Kea's own bound).
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(10);
/// Depth of nesting in a JSON document.
pub const MAX_JSON_DEPTH: usize = 100;
/// Bytes of a class's `test`.
pub const MAX_EXPRESSION: usize = 65_536;
/// Depth of nesting in a class's `test`.
pub const MAX_EXPRESSION_DEPTH: usize = 64;
/// Bytes of a string while a class's `test` is evaluated.
pub const MAX_EXPRESSION_VALUE: usize = 65_536;
/// Bytes of a compiled regular expression in a class's `test`.
pub const MAX_PATTERN_PROGRAM: usize = 1 << 20;
/// Bytes of `hostname-char-set` (Kea's own bound).
pub const MAX_PATTERN: usize = 4096;
/// Options inside one another.
pub const MAX_OPTION_DEPTH: usize = 8;
/// Enterprises of option 125 that one reply answers.
pub const MAX_ENTERPRISES: usize = 8;
/// Files that include one another, one in the other (Kea's bound).
pub const MAX_INCLUDE_DEPTH: usize = 10;
/// Included files of one configuration.
pub const MAX_INCLUDES: usize = 10_000;
/// Bytes of a configuration, its included files too.
pub const MAX_CONFIG_BYTES: usize = 1 << 30;
/// Mistakes of a configuration that are reported in one run.
pub const MAX_MISTAKES: usize = 500;
/// Pause between two turns of housekeeping.
pub const HOUSEKEEPING_TURN: Duration = Duration::from_millis(200);
/// Leases that are reclaimed at a time, before anybody else gets a turn.
pub const RECLAIM_SLICE: usize = 64;
/// Receive buffer asked of the kernel for each socket, in bytes.
pub const RECEIVE_BUFFER: usize = 8 << 20;
/// The same for DISCOVERs, as long as more of them come than can be answered: what is on top is dropped by the kernel.
pub const RUSH_RECEIVE_BUFFER: usize = 1 << 20;
/// Milliseconds for which DISCOVERs may wait in a socket until they are thrown away unread: a client that waits for
/// longer, and then for its address, takes the answer for lost.
pub const DISCOVER_PATIENCE_MS: u64 = 500;
/// Milliseconds without such a loss until as much as before may wait again.
pub const CALM_MS: u64 = 2000;
/// DISCOVERs that are thrown away in one go.
pub const MAX_DISCARDED: usize = 65_536;
/// Turns in a row in which DISCOVERs wait for everything else.
pub const MAX_TURNS_PASSED_OVER: u32 = 8;
/// Milliseconds for which a worker takes nothing from its sockets for want of room in another's queue; then that queue
/// loses its oldest.
pub const HOLD_BACK_MS: u64 = 50;
/// Milliseconds until the next look whether there is room.
pub const HOLD_BACK_LOOK_MS: u64 = 1;
/// Send buffer asked of the kernel for each socket, in bytes.
pub const SEND_BUFFER: usize = 1 << 20;
/// Buffers of packets that are done that a worker keeps for later ones.
pub const MAX_SPARE_BUFFERS: usize = 4 * BATCH;
/// Packets per worker's queue when `packet-queue-size` is 0 ("unlimited").
pub const MAX_PACKET_QUEUE: usize = 65_536;
/// Workers, whatever `thread-pool-size` says.
pub const MAX_WORKERS: usize = 256;
/// How often a datagram is tried that finds no room in the kernel.
pub const MAX_SEND_TRIES: u32 = 4;
/// Milliseconds waited for room before each further try.
pub const SEND_WAIT_MS: u16 = 5;
/// Milliseconds between two looks at the interfaces.
pub const INTERFACE_SCAN_MS: u64 = 2000;
/// Milliseconds until the next look when sockets still have to be closed before others can be opened.
pub const SOON_MS: u64 = 5;
/// Looks, that long apart, whether a server that starts takes a new configuration already, and whether the replaced one
/// is still in use, before it is left to its last user.
pub const RELOAD_LOOKS: u32 = 200;
/// Errors of a socket in a row after which it is left alone for a while.
pub const MAX_RECEIVE_ERRORS: u32 = 8;
/// That while, in milliseconds.
pub const RECEIVE_RETRY_MS: u64 = 100;

const _: () = assert!(BATCH <= MAX_PENDING_REPLIES);
const _: () = assert!(RUSH_RECEIVE_BUFFER < RECEIVE_BUFFER);
const _: () = assert!(HOLD_BACK_MS < DISCOVER_PATIENCE_MS);
const _: () = assert!(MAX_CLIENT_ID <= u8::MAX as usize);

/// Steps of the wall clock that are remembered one by one; older ones are taken together.
pub const MAX_CLOCK_STEPS: usize = 8;
