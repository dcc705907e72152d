//! Talking to peers (*shell*): the only room of the crate with sockets, threads and async; it decides nothing.
//!
//! [`Driver`] holds the threads of a [`crate::half::Half`]: timers, errands, the client
//! threads that empty the outbox over kept-alive connections ([`client`]), the dedicated [`listener`], and TLS for
//! both ([`tls`]).

pub mod client;
mod driver;
mod errand;
pub mod listener;
mod pool;
pub mod tls;

pub use crate::half::errand::Flush;
pub(crate) use driver::register;
pub use driver::{Driver, Parts, Settings, StartError};
