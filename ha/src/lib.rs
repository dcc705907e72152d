//! High Availability: who serves which client, and the partner always knows what we promised.
//!
//! [`config`] reads the `high-availability` parameters, [`machine`] decides (pure), [`wire`] is Kea's JSON (pure),
//! [`io`] talks (*shell*: driver thread, client pool, dedicated listener), [`gate`] joins the engine's
//! admission, [`outbox`] its replication; [`hub`] puts them together. [`limits`] holds every bound.

#[cfg(test)]
#[path = "../tests/support/certificates.rs"]
mod certificates;
pub mod config;
pub mod gate;
pub mod hub;
pub mod io;
pub mod limits;
pub mod machine;
pub mod outbox;
pub mod wire;

pub use hub::{Hub, StartError};
pub use io::Driver;
