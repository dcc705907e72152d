//! Fixtures shared by the benches: configurations, queries and stores of known sizes.
