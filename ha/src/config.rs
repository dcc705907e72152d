//! The `high-availability` parameters: shape, defaults and rules (Kea guide, "High Availability"). Pure, but for
//! [`Secret::text`] and [`Tls`], whose files are read. Must not know how the machine works or how peers are reached.
//!
//! [`from_library`] turns the hook library's entry into [`Relationship`]s, reporting every mistake with its position;
//! [`class_warnings`] looks for class names that nearly are a scope's.

mod build;
mod changes;
mod identity;
mod peers;
mod shape;
mod subnets;
#[cfg(test)]
mod tests;
mod tls;
mod warnings;

use std::net::SocketAddr;
use std::sync::Arc;

use engine::config::json::Position;

pub use engine::config::model::Secret;

pub use build::{check_hook, from_hook, from_library};
pub use changes::refusals;
pub use identity::Identity;
pub use shape::{PARAMETERS, PEER, RELATIONSHIP};
pub use subnets::SERVER_NAME;
pub use tls::{Anchors, Tls};
pub use warnings::class_warnings;

use crate::machine::Parameters;

/// One entry of `high-availability`.
#[derive(Clone, Debug)]
pub struct Relationship {
    /// Where it stands.
    pub at: Position,
    /// What its machine is told.
    pub parameters: Parameters,
    /// How each peer is reached, in the order of [`Peers::all`](crate::machine::Peers::all).
    pub servers: Vec<Server>,
    /// `sync-page-limit`: leases on a page, at least 1.
    pub sync_page_limit: u32,
    /// `multi-threading`, as given.
    pub multi_threading: MultiThreading,
    /// `require-client-certs`; matters with TLS only.
    pub require_client_certs: bool,
    /// `restrict-commands`: the own listener takes only what a partner sends.
    pub restrict_commands: bool,
    /// The entry without what is said about it: two that are equal here are alike but for what is in files.
    pub(crate) meaning: serde_json::Value,
}

/// How one peer is reached.
#[derive(Clone, Debug)]
pub struct Server {
    /// `name`.
    pub name: Arc<str>,
    /// `url` as given, for status and log.
    pub url: String,
    /// Its address and port; the path of a URL means nothing to High Availability.
    pub address: SocketAddr,
    /// `basic-auth-*`: what a client must show to this server; `None` without.
    pub login: Option<Login>,
    /// `trust-anchor`, `cert-file` and `key-file` for this peer; `None` without TLS. It is this and not the
    /// scheme of the URL that decides.
    pub tls: Option<Tls>,
}

/// `basic-auth-user` and `basic-auth-password`, or the files that hold them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub user: Secret,
    /// The password.
    pub password: Secret,
}

/// `multi-threading` of a relationship.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MultiThreading {
    /// `enable-multi-threading`.
    pub enabled: bool,
    /// `http-dedicated-listener`.
    pub dedicated_listener: bool,
    /// `http-listener-threads`; 0: as many as there are workers.
    pub listener_threads: u32,
    /// `http-client-threads`; 0: as many as there are workers.
    pub client_threads: u32,
}

/// What comes out of [`MultiThreading`] and the engine's threads (Kea guide, "Multi-Threaded Configuration").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EffectiveThreads {
    /// Threads of the own listener; `None`: there is no own listener, commands come over the control channel.
    pub listener: Option<u32>,
    /// Threads (and connections for each peer) that send.
    pub client: u32,
}

impl MultiThreading {
    /// What holds when the engine has `workers` threads, or none because its multi-threading is off.
    pub fn effective(self, workers: Option<u32>) -> EffectiveThreads {
        let Some(workers) = workers.filter(|_| self.enabled) else {
            return EffectiveThreads { listener: None, client: 1 };
        };
        let or_workers = |threads: u32| if threads == 0 { workers.max(1) } else { threads };
        EffectiveThreads {
            listener: self.dedicated_listener.then(|| or_workers(self.listener_threads)),
            client: or_workers(self.client_threads),
        }
    }
}
