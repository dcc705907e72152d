//! Control commands: the registry (pure) and the UNIX socket that reaches it (*shell*).
//!
//! A command is a name, a handler, and Kea's answer shape. Other rooms and crates register their own.

mod registry;

pub use registry::{Answer, Command, Registry, code};
