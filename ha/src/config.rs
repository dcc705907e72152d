//! The `high-availability` parameters: shape, defaults and rules (Kea guide, "High Availability"). Pure.
