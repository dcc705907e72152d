//! The family of DHCP whose leases a pair shares, DHCPv4: what its leases and their addresses are, and what its service and
//! its commands are called. Pure.
//!
//! The wire layer, the outbox and the simulator know a lease by these names only. What is in a lease beside its address,
//! its state and its times they leave to `engine::lease::json`, and to `wire::update`, which writes many at once.

/// A lease.
pub use engine::lease::Lease4 as Lease;
/// The address of a lease, in the order of pages.
pub use std::net::Ipv4Addr as Address;

/// The `service` of every command.
pub const SERVICE: &str = "dhcp4";
/// The command by which a peer is told of a lease.
pub const UPDATE: &str = "lease4-update";
/// The command by which a peer is told that a lease is gone.
pub const DELETE: &str = "lease4-del";
/// The command by which leases are fetched, some at a time.
pub const PAGE: &str = "lease4-get-page";
/// The command by which a Peregrine is told of many leases.
pub const BATCH: &str = "peregrine-lease4-batch";
