//! Every bound of the machine in one place.

use std::time::Duration;

/// Peers of one relationship, backups included: scopes are bits of one word.
pub const MAX_PEERS: usize = 32;
/// Clients that the failure detector remembers as heard, and as many again as unacked. Kea has no
/// bound; more than this are counted as not remembered.
pub const MAX_WATCHED_CLIENTS: usize = 65_536;
/// Clients whose updates the partner refused that are remembered.
pub const MAX_REJECTED_CLIENTS: usize = 65_536;
/// Scopes of a partner's heartbeat that are kept.
pub const MAX_PARTNER_SCOPES: usize = MAX_PEERS;
/// Transitions in one run of the machine; the longest way is waiting, syncing, ready, normal.
pub const MAX_STEPS: usize = 8;
/// How often a cancelled maintenance is cancelled again for a partner that goes back into it.
pub const MAX_REPEATED_CANCELS: u8 = 5;
/// Actions that may wait for the driver before notes are dropped and counted.
pub const MAX_ACTIONS: usize = 256;
/// Queries of the partner's clients that wait for the failure detector.
pub const MAX_UNSERVED: usize = 1024;

/// A server that was given no input for longer than this stood still: its driver looks each second.
pub const STANDSTILL: Duration = Duration::from_secs(5);

/// How exactly it is known when a client of this server was heard last.
pub const HEARD_EVERY: Duration = Duration::from_millis(100);
/// For how long a server that was cut off serves nobody while it asks its partner: whoever is not answered goes on.
pub const MAX_DOUBT: Duration = Duration::from_secs(3);
/// A server that was in doubt and had no answer serves for as long before it asks again: clients repeat a query within
/// seconds.
pub const DOUBT_EVERY: Duration = Duration::from_secs(20);

const _: () = assert!(MAX_PEERS <= u32::BITS as usize);
const _: () = assert!(MAX_STEPS * 8 < MAX_ACTIONS);
const _: () = assert!(STANDSTILL.as_secs() > crate::limits::MAX_WAIT.as_secs());
