//! The in-memory store: one table in address order, sharded.

pub use super::reference::Reference as MemoryStore;
