//! Sockets behind one trait (*shell*): raw, UDP, and a stub for tests; batches both ways; all `unsafe` of the
//! workspace in one file here. Must not know what a lease is.

use std::net::{Ipv4Addr, SocketAddrV4};

/// How a message came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Index of the interface that received it.
    pub interface: u32,
    /// Sender's address and port.
    pub source: SocketAddrV4,
    /// The address it was sent to (255.255.255.255 for a broadcast).
    pub destination: Ipv4Addr,
    /// The first address that this server serves on the interface: what a reply to a broadcast leaves from,
    /// and the server identifier. The address that was asked, if it was one of ours.
    pub local: Ipv4Addr,
    /// Whether it came through the raw socket, so that the client can be answered below IP.
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
    /// Sends all of `batch` and empties it. What cannot be sent is counted, logged and dropped.
    fn transmit(&self, batch: &mut Vec<Departure>);
}
