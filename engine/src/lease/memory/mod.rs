//! The in-memory store: one table in address order, sharded.
