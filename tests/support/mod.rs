//! What the suites of whole servers share: servers to start, the networks that they stand in, clients behind a relay,
//! and waiting.
//!
//! A suite includes it as a module of its own, since only a test of the package knows where the program under test is.

pub(crate) mod behind_relay;
pub(crate) mod dhcp;
pub(crate) mod loopback;
pub(crate) mod net;
pub(crate) mod server;
pub(crate) mod wait;
