//! The gate: implements engine's admission and replication for one relationship.
