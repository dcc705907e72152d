//! Control commands: the [`Registry`] (pure), the commands of the core and of the leases, and the UNIX socket
//! that reaches them (*shell*).
//!
//! A command is a name, a handler, and Kea's answer shape. Other rooms and crates register their own.

pub mod census;
pub mod core;
pub mod leases;
mod registry;
pub mod unix;

pub use registry::{Answer, Channel, Command, Registry, code};
