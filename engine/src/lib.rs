//! The DHCP engine: a packet in, a decision, a packet out.
//!
//! A query comes in through [`packet`] (sockets), is admitted through [`seam`] (is this client ours?),
//! handed to its [`worker`], read by [`codec`], sorted into classes by [`classify`], given a subnet by
//! [`select`], what [`hosts`] reserve for it and an address by [`alloc`], and decided on in [`v4`]. What was promised is kept in
//! [`lease`] and written to Kea's lease file; the reply waits in [`pending`] until everybody who
//! must know of it does. [`config`] reads Kea's configuration, [`control`] answers Kea's commands,
//! [`stats`] counts, [`log`] tells.
//!
//! Every room is pure (no clock, socket, file or thread) but `packet`, `worker`, `lease::csv`'s journal,
//! the listeners of `control`, the writer of `log`, and [`server`], which puts all of them together.

pub mod alloc;
mod brackets;
pub mod classify;
pub mod clock;
pub mod codec;
pub mod config;
pub mod control;
pub mod hosts;
pub mod lease;
pub mod limits;
pub mod log;
pub mod packet;
pub mod pending;
pub mod rng;
pub mod seam;
pub mod select;
pub mod server;
pub mod stats;
pub mod sync;
pub mod v4;
pub mod worker;
