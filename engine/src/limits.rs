//! Every bound of the engine in one place, related by asserts.

/// Bytes of a hardware address, as DHCP's `hlen` allows (RFC 2131 section 2) and Kea keeps.
pub const MAX_HW_ADDRESS: usize = 20;
/// Bytes of a client identifier (RFC 2132 section 9.14: the option's length is one byte).
pub const MAX_CLIENT_ID: usize = 255;
/// Largest DHCP message that is read or written, in bytes (an Ethernet frame's payload).
pub const MAX_MESSAGE: usize = 1500;
/// Datagrams taken from or given to the kernel in one call.
pub const BATCH: usize = 64;
/// Replies that may wait for an acknowledgement when `parked-packet-limit` is 0 ("unlimited").
pub const MAX_PENDING_REPLIES: usize = 65_536;
/// Parts of the pending replies with a lock each; a client's hash chooses.
pub const PENDING_SHARDS: u32 = 64;
/// Parts of the lease store's hints by identity, with a lock each.
pub const IDENTITY_STRIPES: u64 = 256;
/// Parts of the lease store's index of ends, with a lock each.
pub const END_SHARDS: usize = 16;
/// Rows that may wait for a lease file that takes none before queries are dropped.
pub const MAX_UNWRITTEN_ROWS: usize = 262_144;
/// Turns the journal's pen waits for a change that was numbered but not recorded yet.
pub const MAX_JOURNAL_GAP_TURNS: usize = 1_000_000;
/// Bytes of one line of a lease file.
pub const MAX_LEASE_LINE: u64 = 1 << 17;
/// Bad rows in one file at which compaction stops, as Kea's does.
pub const MAX_CLEANUP_ROW_ERRORS: u32 = 100;
/// Bad lines of a lease file that are kept to be told of; the others are only counted.
pub const MAX_BAD_LINES_TOLD: usize = 100;
/// Open offers that are remembered to keep an address out of two of them.
pub const MAX_OPEN_OFFERS: usize = 262_144;
/// Seconds an offer keeps its address from other clients.
pub const OFFER_HOLD_S: u64 = 10;
/// Log lines that wait for the writer; what comes on top is dropped and counted.
pub const MAX_LOG_LINES: usize = 16_384;
/// Bytes of one command on the control socket.
pub const MAX_COMMAND: usize = 4 << 20;
/// Depth of nesting in a JSON document.
pub const MAX_JSON_DEPTH: usize = 100;
/// Receive buffer asked of the kernel for each socket, in bytes.
pub const RECEIVE_BUFFER: usize = 8 << 20;

const _: () = assert!(BATCH <= MAX_PENDING_REPLIES);
const _: () = assert!(MAX_CLIENT_ID <= u8::MAX as usize);
