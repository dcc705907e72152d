//! Talking to peers (*shell*): [`client`] is one kept-alive connection, [`pool`] the client threads that empty
//! the outbox, [`listener`] the dedicated HTTP listener with its own threads. The only room of the crate with
//! sockets, threads and async; it decides nothing.

pub mod client;
pub mod listener;
