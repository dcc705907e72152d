//! Talking to peers (*shell*): the only room of the crate with sockets, threads and async; it decides nothing.
//!
//! [`Half`] is the machine behind its lock, [`Driver`] its threads: timers, errands, the client
//! threads that empty the outbox over kept-alive connections ([`client`]), the dedicated [`listener`], and TLS for both ([`tls`]).

pub mod client;
mod commands;
mod driver;
mod errand;
mod half;
pub mod listener;
mod notes;
mod pool;
pub mod tls;

pub use driver::{Driver, Parts, Settings, StartError};
pub use errand::Flush;
pub use half::Half;
