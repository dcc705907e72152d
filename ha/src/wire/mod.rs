//! Kea's High Availability messages, byte compatible (Kea guide, "High Availability"). Pure.
//!
//! [`request`] builds the body of every request we send, [`answer`] reads what comes back and says what it
//! means, [`date`] is the time in both, [`auth`] the credentials. Must not know sockets or the machine.

pub mod announce;
pub mod answer;
pub mod auth;
pub mod batch;
pub mod date;
pub mod digest;
pub mod homecoming;
pub mod request;
mod update;

#[cfg(test)]
mod tests;
