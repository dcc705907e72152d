//! The relationship state machine: who of a pair serves whom, and when. Pure: no clock, thread,
//! socket or log; `now` is an argument, what is to be done comes out as [`Action`]s. It assumes
//! neither DHCPv4 nor v6 and must not know JSON, HTTP or the lease store.
//!
//! [`Relationship`] is the machine. It has four kinds of methods: getters, `handle_*` (something
//! happened), commands (somebody wants something; they give the [`engine::control::Answer`]) and
//! `poll_*` (what is to be done, and when to call again). [`rules`] holds its transitions as one
//! table, [`Peers`] and [`Parameters`] what it is built from, [`hash`] shares the clients, [`sync`]
//! is the order of a synchronisation, [`returning`] what is done for a partner that returns while this server serves.

mod action;
mod announced;
pub mod arguments;
mod commands;
mod detector;
mod gives;
mod handle;
mod hash;
pub mod limits;
mod parameters;
mod partner;
mod rejected;
mod relationship;
mod returning;
pub mod rules;
mod stage;
mod state;
mod status;
pub mod sync;
mod timer;
mod words;

#[cfg(test)]
mod tests;

pub use action::{
    Action, CallError, Note, Notification, NotifyAnswer, Standing, SyncDone, SyncOrder, ToBackups,
    ToPartner, UpdateOutcome, UpdatePolicy,
};
pub use announced::{Announced, Incarnation, Offset, Owed};
pub use commands::unknown_server;
pub use detector::ClientKey;
pub use gives::Gives;
pub use hash::hash;
pub use parameters::{Mode, Parameters, Pause, Peer, Peers, PeersError, Role, Scopes};
pub use partner::PartnerStatus;
pub use relationship::Relationship;
pub use state::{Seen, SeenSet, State, StateSet, UnknownState};
pub use status::{HeartbeatStatus, LocalStatus, RemoteStatus, Status, Words};
