//! Kea's HA commands as JSON, byte compatible (pure).
