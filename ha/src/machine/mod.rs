//! The relationship state machine (pure): its rules as one table, partner view, scopes, hash, timers.
