//! Sockets behind one trait (*shell*): raw, UDP, and a stub for tests; batches both ways; all `unsafe` of the
//! workspace in one file here. Must not know what a lease is.
//!
//! What the configuration names and what the machine has make a plan ([`interfaces`]); `hub` opens what is planned
//! and looks again every few seconds; `filter` makes the kernel give each packet to one socket only;
//! [`receive`] reads, `transmit` sends.

mod buffers;
mod filter;
mod hub;
pub mod interfaces;
pub mod link;
mod open;
pub mod receive;
mod sockets;
pub mod stub;
mod syscall;
mod transmit;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

pub use buffers::Buffers;
pub use open::Failed;
pub use sockets::Sockets;
pub(crate) use sockets::{Change, Mailbox, Scan, SocketId, Watch};
#[cfg(all(test, not(feature = "model")))]
pub(crate) use syscall::thread_cpu_ns;
pub(crate) use syscall::{give_memory_back, give_way};

use crate::config::model::Interfaces;
use crate::limits::MAX_WORKERS;
use crate::stats::Stats;

/// Port of a DHCPv4 server (RFC 2131 section 4.1).
pub const SERVER_PORT: u16 = 67;

/// UDP ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// The one that the server listens on and sends from (`-p`).
    pub server: u16,
    /// Where every answer goes, whatever its destination says (`-P`).
    pub client: Option<u16>,
}

impl Default for Ports {
    fn default() -> Self {
        Self { server: SERVER_PORT, client: None }
    }
}

/// Opens what `wanted` names, for `threads` workers (at least one, at most `limits::MAX_WORKERS`). What is not there
/// yet is logged, and opened when it comes up, as long as a [`crate::worker::Pool`] runs.
///
/// # Errors
/// If something is missing and `require_all` is set, after `max_retries` further tries; or if nothing could be opened
/// and waiting will not help (no permission, address in use).
pub fn open(
    wanted: &Interfaces,
    ports: Ports,
    threads: usize,
    stats: &Arc<Stats>,
) -> Result<Sockets, OpenError> {
    let mailboxes: Vec<_> =
        (0..threads.clamp(1, MAX_WORKERS)).map(|_| Arc::<Mailbox>::default()).collect();
    let sender = Arc::new(transmit::Sender::new(ports, stats.clone()));
    let hub = hub::Hub::new(wanted, ports, mailboxes.clone(), sender.clone(), stats.clone());
    hub.start()?;
    Ok(Sockets { mailboxes, watch: Arc::new(hub), transmit: sender.clone(), links: sender })
}

/// Why the server cannot listen as the configuration says: each reason of each interface. Local.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot listen: {}", Listed(problems))]
pub struct OpenError {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Problem {
    /// What is named is not there (yet).
    #[error(transparent)]
    Absent(#[from] interfaces::Absent),
    /// It is there, but its socket cannot be opened.
    #[error(transparent)]
    Failed(#[from] Failed),
}

struct Listed<'a>(&'a [Problem]);

impl std::fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// A packet and how it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// How it came in.
    pub arrival: Arrival,
    /// The UDP payload.
    pub message: Vec<u8>,
}

/// How a message came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Index of the interface that received it; for a UDP packet, the one that its destination is an address of.
    pub interface: u32,
    /// Sender's address and port.
    pub source: SocketAddrV4,
    /// The address it was sent to (255.255.255.255 for a broadcast).
    pub destination: Ipv4Addr,
    /// The first address that this server serves on the interface: what a reply to a broadcast leaves from,
    /// and the server identifier. The address that was asked, if it was one of ours.
    pub local: Ipv4Addr,
    /// Whether the interface has a raw socket, so that the client can be answered below IP.
    pub raw: bool,
}

/// Where a reply goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Through IP: a relay, or a client that has its address.
    Ip {
        /// Receiver.
        to: SocketAddrV4,
    },
    /// Straight to the link: a client without an address yet.
    Link {
        /// Ethernet destination.
        mac: [u8; 6],
        /// IP destination and port.
        to: SocketAddrV4,
    },
}

/// A reply on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// Interface to send through.
    pub interface: u32,
    /// Address it leaves from (the port is the socket's).
    pub source: Ipv4Addr,
    /// Where it goes.
    pub destination: Destination,
    /// The DHCP message.
    pub message: Vec<u8>,
}

/// Sends replies. Callable from any thread.
pub trait Transmit: Send + Sync {
    /// Sends all of `batch`. What cannot be sent is counted, logged and dropped. Replies that it leaves in `batch`
    /// are done: the caller may use their buffers again.
    fn transmit(&self, batch: &mut Vec<Departure>);
}

/// The interfaces and addresses that are served at the moment.
pub trait Links: Send + Sync {
    /// The name of an interface; empty if nothing is open on it.
    fn name(&self, interface: u32) -> Arc<str>;

    /// Addresses that a client may name as its server: those of all open sockets.
    fn addresses(&self) -> Arc<[Ipv4Addr]>;
}
