//! Every bound of High Availability in one place, related by asserts.

use std::time::Duration;

/// Lease updates that wait for a peer, those under way included; one more fails at once.
pub const MAX_QUEUED_UPDATES: usize = 65_536;
/// Lease updates of one batch to a Peregrine: at some hundred bytes each it stays below [`LARGE_REQUEST`].
pub const MAX_BATCH: usize = 128;
/// Keys of an agreement that a partner may send.
pub const MAX_AGREEMENT: usize = 256;
/// Subnets that have a hash of their own in an agreement; where there are more, one stands for all.
pub const MAX_AGREEMENT_SUBNETS: usize = 64;
/// Earlier runs of the partner that are remembered, so that nothing late of theirs is taken.
pub const MAX_PAST_RUNS: usize = 16;
/// Changes that are remembered because they were made while the service was being switched off.
pub const MAX_LATE_UPDATES: usize = 4_096;
/// Leases that ended while the partner was away and that it is told of when it is back; more are counted.
pub const MAX_KEPT_DELETIONS: usize = 65_536;
/// Addresses whose newest change is kept for a Peregrine that is away or returns; where more change, it fetches all leases while
/// nobody is served.
pub const MAX_UNTOLD: usize = 65_536;
/// With so many changes left to tell, a returning Peregrine is waited for: some batches take milliseconds.
pub const FEW_UNTOLD: usize = 2 * MAX_BATCH;
/// Time for one exchange with a peer; pages of a synchronisation have `sync-timeout`.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a partner may take to say its state while clients wait for that.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// Bytes of a peer's answer (a page of leases is the largest).
pub const MAX_ANSWER: usize = 64 << 20;
/// Characters of a peer's text that are kept for the log and for people.
pub const MAX_PEER_TEXT: usize = 300;
/// Leases of a page that are named because they are not understood; the others are left out silently.
pub const MAX_BAD_SHOWN: usize = 16;
/// Leases asked for in one page of a synchronisation, whatever `sync-page-limit` allows: with 1 KiB for each
/// the answer keeps below [`MAX_ANSWER`].
pub const MAX_PAGE: u32 = 65_536;
/// Bytes of a request to the listener.
pub const MAX_REQUEST: usize = 4 << 20;
/// Bytes of a request's head; also hyper's read buffer.
pub const MAX_HEAD: usize = 16 << 10;
/// Bytes of a request from which on it is read and run on a thread of its own.
pub const LARGE_REQUEST: usize = 64 << 10;
/// Bytes of an answer that are written at a time.
pub const ANSWER_PIECE: usize = 64 << 10;
/// Commands of peers that may take their time, such as listings, at one time, until their answers are read.
pub const MAX_LONG_COMMANDS: usize = 4;
/// The same of addresses that are no peer's.
pub const MAX_LONG_OF_STRANGERS: usize = 1;
/// Connections to the listener at one time, all peers together.
pub const MAX_CONNECTIONS: usize = 512;
/// Connections to the listener from addresses that are no peer's.
pub const MAX_STRANGERS: usize = 64;
/// Bytes of a file with certificates or a key.
pub const MAX_PEM_FILE: u64 = 1 << 20;
/// Certificates of one `trust-anchor`.
pub const MAX_ANCHORS: usize = 1_024;
/// Time for a whole request, from its first byte (or from the start of its connection).
pub const REQUEST_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a client that is refused may take to read why.
pub const FAREWELL: Duration = Duration::from_secs(1);
/// Bytes read from a client that is refused before its connection is closed.
pub const FAREWELL_BYTES: u64 = 256 << 10;
/// Lines about failed TLS handshakes within [`REFUSAL_WINDOW`]; more are counted only.
pub const MAX_REFUSAL_LINES: u32 = 10;
/// After this time the next lines about failed TLS handshakes are written.
pub const REFUSAL_WINDOW: Duration = Duration::from_secs(10);
/// How long a connection may stay open between requests.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the accept loop waits after an error such as too many open files.
pub const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);
/// Threads of the listener or of the client pool.
pub const MAX_THREADS: usize = 256;
/// How often a backup that missed updates is asked whether it is there again.
pub const GREETING_EVERY: Duration = Duration::from_secs(2);
/// Errands (heartbeats, synchronisation and the like) that wait for their thread.
pub const MAX_ERRANDS: usize = 16;
/// Maintenance commands that wait for the partner's answer at one time.
pub const MAX_MAINTENANCE_COMMANDS: usize = 8;
/// The longest that a driver's thread waits before it looks at its timers again.
pub const MAX_WAIT: Duration = Duration::from_secs(1);
/// How long a command waits for an exchange with the partner.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(15);
/// How long ha-sync waits for its end; the synchronisation itself goes on.
pub const SYNC_COMMAND_TIMEOUT: Duration = Duration::from_secs(3_600);

/// Beside them: a synchronisation, a reset, the end.
const _: () = assert!(MAX_MAINTENANCE_COMMANDS + 4 <= MAX_ERRANDS);
const _: () = assert!(PROBE_TIMEOUT.as_secs() < crate::machine::limits::MAX_DOUBT.as_secs());
const _: () = assert!(MAX_STRANGERS < MAX_CONNECTIONS);
const _: () = assert!(COMMAND_TIMEOUT.as_secs() > REQUEST_TIMEOUT.as_secs());
const _: () = assert!(MAX_PAGE as usize * 1_024 <= MAX_ANSWER);
const _: () = assert!(MAX_HEAD >= 8_192, "hyper's least buffer");
