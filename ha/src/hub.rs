//! The relationships of one server (*shell*): the configuration joined with the engine's parts. One relationship so
//! far; several (hub and spoke) are refused at start.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use engine::log;
use engine::seam::{Admission, Replication};
use engine::server::Parts;

use crate::config::{Relationship, Server};
use crate::guard::Guard;
use crate::half::Half;
use crate::io::client::Target;
use crate::io::listener::{self, Patience, Rules};
use crate::io::tls::{self, Acceptor, Connector, Part};
use crate::io::{self as driving, Driver};
use crate::wire::auth::Credentials;

/// High Availability cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// More than one relationship.
    #[error(
        "high-availability has {0} relationships: hub and spoke is not built yet, expected one"
    )]
    SeveralRelationships(usize),
    /// Packets are processed by one thread, so there would be no listener for the partner.
    #[error(
        "the partner needs a listener here: expected multi-threading in Dhcp4, and \
         enable-multi-threading and http-dedicated-listener in high-availability, not to be false"
    )]
    NoListener,
    /// A file with a user or password.
    #[error("cannot read the credentials of {server}: {error}")]
    Credentials {
        /// The peer.
        server: Arc<str>,
        /// Why not.
        error: io::Error,
    },
    /// The threads and the listener.
    #[error(transparent)]
    Driver(#[from] driving::StartError),
}

/// The server's half of its pair, joined with the engine and not talking yet.
pub struct Hub {
    half: Arc<Half>,
    settings: driving::Settings,
    parts: driving::Parts,
}

impl Hub {
    /// Joins the one relationship with the engine. From now on the service is as the state machine wants it:
    /// off, at first.
    pub fn join(relationships: &[Relationship], parts: &Parts) -> Result<Self, StartError> {
        let [relationship] = relationships else {
            return Err(StartError::SeveralRelationships(relationships.len()));
        };
        let settings = settings(relationship, parts)?;
        let half = Half::new(
            0,
            relationship.parameters.clone(),
            Arc::clone(&parts.pending),
            Arc::clone(&parts.service),
            Arc::clone(&parts.clock),
        );
        if let Some(flag) = parts.storage.flag("paired") {
            half.remember_in(Arc::new(flag));
        }
        let guard = Arc::new(Guard::new(Arc::clone(&half), Arc::clone(&parts.stats)));
        let first = parts.guard.set(guard).is_ok();
        debug_assert!(first, "a guard is joined once");
        let storage = parts.storage.clone();
        let parts = driving::Parts {
            store: Arc::clone(&parts.storage.store),
            flush: Arc::new(move |number| storage.write_through(number)),
            registry: Arc::clone(&parts.registry),
            clock: Arc::clone(&parts.clock),
            stats: Arc::clone(&parts.stats),
        };
        Ok(Self { half, settings, parts })
    }

    /// Says for the packet path whom this server serves.
    pub fn admission(&self) -> Arc<dyn Admission> {
        Arc::clone(self.half.gate()) as Arc<dyn Admission>
    }

    /// Takes the changes that the peers must know.
    pub fn replication(&self) -> Arc<dyn Replication> {
        Arc::clone(self.half.outbox()) as Arc<dyn Replication>
    }

    /// Begins to talk: the listener, the heartbeats, the client threads.
    pub fn start(self) -> Result<Driver, StartError> {
        Ok(Driver::start(self.half, self.settings, self.parts)?)
    }
}

fn settings(relationship: &Relationship, parts: &Parts) -> Result<driving::Settings, StartError> {
    let workers = u32::try_from(parts.threads).ok().filter(|_| parts.multi_threading);
    let threads = relationship.multi_threading.effective(workers);
    let own = relationship.parameters.peers.local().name.clone();
    let mut targets = BTreeMap::new();
    let mut listener = None;
    for server in &relationship.servers {
        let credentials = credentials(server)?;
        warn_of_certificate(server, server.name == own, parts.clock.now().wall_s);
        if server.name == own {
            let number = threads.listener.ok_or(StartError::NoListener)?;
            listener = Some(listener::Settings {
                address: server.address,
                threads: number as usize,
                rules: Rules { restrict_commands: relationship.restrict_commands, credentials },
                peers: addresses_of_others(relationship, &own),
                patience: Patience::default(),
                tls: server
                    .tls
                    .as_ref()
                    .map(|tls| Acceptor::new(tls, relationship.require_client_certs)),
            });
        } else {
            let tls = server.tls.as_ref().map(Connector::new);
            let target = Target { address: server.address, credentials, tls };
            targets.insert(Arc::clone(&server.name), target);
        }
    }
    Ok(driving::Settings {
        targets,
        listener,
        client_threads: threads.client as usize,
        sync_page_limit: relationship.sync_page_limit,
    })
}

fn addresses_of_others(relationship: &Relationship, own: &str) -> Vec<IpAddr> {
    let others = relationship.servers.iter().filter(|server| *server.name != *own);
    others.map(|server| server.address.ip()).collect()
}

/// What the peers will see when they refuse our certificate is told here, too.
fn warn_of_certificate(server: &Server, is_own: bool, wall_s: u64) {
    let part = if is_own { Part::Server } else { Part::Client };
    if let Some(why) = server.tls.as_ref().and_then(|tls| tls::doubt(tls, part, wall_s)) {
        log!(PEREGRINE_HA_CERTIFICATE_DOUBTFUL, "cert-file of {}: {why}", server.name);
    }
}

fn credentials(server: &Server) -> Result<Option<Credentials>, StartError> {
    let Some(login) = &server.login else { return Ok(None) };
    let read = || Ok(Credentials::new(&login.user.text()?, &login.password.text()?));
    read().map_err(|error| StartError::Credentials { server: Arc::clone(&server.name), error })
}
