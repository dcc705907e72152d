//! The relationships of one server (*shell*): the configuration joined with the engine's parts. A server has one, or
//! as a hub several: then the subnet decides whom a query is asked about and who is told of a lease.

mod join;
mod subnets;

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use engine::config::model::{Dhcp4, Subnet4};
use engine::log;
use engine::seam::{Admission, Replication};
use engine::server::Parts;

use self::join::{Gates, Guards, OnlyOutbox, Outboxes};
pub use self::subnets::{Share, Subnets};
use crate::agreement::Agreement;
use crate::config::{Relationship, SERVER_NAME, Server};
use crate::guard::Guard;
use crate::half::Half;
use crate::io::client::Target;
use crate::io::listener::{self, Patience, Rules};
use crate::io::tls::{self, Acceptor, Connector, Part};
use crate::io::{self as driving, Driver};
use crate::machine::Peers;
use crate::wire::auth::Credentials;

/// High Availability cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
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

/// The server's halves of its pairs, joined with the engine and not talking yet.
pub struct Hub {
    halves: Vec<Arc<Half>>,
    settings: Vec<driving::Settings>,
    subnets: Arc<Subnets>,
    parts: driving::Parts,
}

/// What the names of memories of pairs begin with.
const MEMORY: &str = "paired";

/// The running relationships; dropping it stops them.
#[derive(Debug)]
pub struct Drivers(Vec<Driver>);

impl Hub {
    /// Joins the relationships, at least one, with the engine. From now on the service is as their state machines
    /// want it: off, at first. `config` is the server's configuration.
    pub fn join(
        relationships: &[Relationship],
        config: &Dhcp4,
        parts: &Parts,
    ) -> Result<Self, StartError> {
        let settings: Result<_, _> =
            relationships.iter().map(|relationship| settings(relationship, parts)).collect();
        let settings = settings?;
        let peers: Vec<_> = relationships.iter().map(|it| &it.parameters.peers).collect();
        let subnets = Arc::new(Subnets::new(&peers, server_names(&config.subnets)));
        let half = |(index, relationship): (usize, &Relationship)| {
            Half::of_share(
                u32::try_from(index).expect("a configuration is not that long"),
                relationship.parameters.clone(),
                subnets.share(index),
                Arc::clone(&parts.pending),
                Arc::clone(&parts.service),
                Arc::clone(&parts.clock),
            )
        };
        let halves: Vec<_> = relationships.iter().enumerate().map(half).collect();
        let names: Vec<_> = halves.iter().map(|half| memory_name(half.gate().peers())).collect();
        forget_pairs(parts, &names);
        for (half, name) in halves.iter().zip(&names) {
            half.follow(config);
            if let Some(flag) = parts.storage.flag(name) {
                half.remember_in(Arc::new(flag));
            }
        }
        let first = parts.guard.set(guard(&halves, &subnets, parts)).is_ok();
        debug_assert!(first, "a guard is joined once");
        let storage = parts.storage.clone();
        let parts = driving::Parts {
            store: Arc::clone(&parts.storage.store),
            leases: parts.leases.clone(),
            flush: Arc::new(move |number| storage.write_through(number)),
            registry: Arc::clone(&parts.registry),
            clock: Arc::clone(&parts.clock),
            stats: Arc::clone(&parts.stats),
        };
        Ok(Self { halves, settings, subnets, parts })
    }

    /// For a server without relationships: forgets what is remembered of those it had.
    pub fn forget_pairs(parts: &Parts) {
        forget_pairs(parts, &[]);
    }

    /// Says for the packet path whom this server serves.
    pub fn admission(&self) -> Arc<dyn Admission> {
        match &self.halves[..] {
            [only] => Arc::clone(only.gate()) as Arc<dyn Admission>,
            several => Arc::new(Gates::new(several, Arc::clone(&self.subnets))),
        }
    }

    /// Takes the changes that the peers must know.
    pub fn replication(&self) -> Arc<dyn Replication> {
        match &self.halves[..] {
            [only] => Arc::new(OnlyOutbox(Arc::clone(only))) as Arc<dyn Replication>,
            several => Arc::new(Outboxes::new(several, Arc::clone(&self.subnets))),
        }
    }

    /// Tells the relationships, which go on as they are, that this configuration is served from now on.
    pub fn follow(&self) -> impl Fn(&Dhcp4) + Send + Sync + use<> {
        let (known, halves) = (Arc::clone(&self.subnets), self.halves.clone());
        move |config| {
            known.renew(server_names(&config.subnets));
            halves.iter().for_each(|half| half.follow(config));
        }
    }

    /// Tells the partners what a configuration, as config-get tells it, has to agree with theirs in.
    pub fn agree(&self) -> impl Fn(&serde_json::Value) + Send + Sync + use<> {
        let halves = self.halves.clone();
        move |config| {
            let agreement = Agreement::of(config);
            halves.iter().for_each(|half| half.agree_on(agreement.clone()));
        }
    }

    /// Begins to talk: the listeners, the heartbeats, the client threads.
    pub fn start(self) -> Result<Drivers, StartError> {
        let relationships = self.halves.into_iter().zip(self.settings).collect();
        Ok(Drivers(Driver::start_all(relationships, &self.parts)?))
    }
}

impl Drivers {
    /// Stops all threads and waits for them.
    pub fn stop(self) {
        drop(self.0);
    }
}

/// Forgets what is remembered of the pairs that are not configured now, `but` those named: what this server promises from
/// now on they are not told.
fn forget_pairs(parts: &Parts, but: &[String]) {
    if let Err(why) = parts.storage.clear_flags(MEMORY, but) {
        log!(PEREGRINE_HA_MEMORY_FAILED, "{why}");
    }
}

/// What is remembered of a pair is its own, wherever it stands in the configuration, and whoever is there beside it.
fn memory_name(peers: &Peers) -> String {
    let mut name = String::from(MEMORY);
    for peer in [Some(peers.local()), peers.partner()].into_iter().flatten() {
        name.push('-');
        for byte in peer.name.bytes() {
            match byte {
                b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'.' | b'_' => name.push(byte.into()),
                other => name.push_str(&format!("%{other:02x}")),
            }
        }
    }
    name
}

fn guard(
    halves: &[Arc<Half>],
    subnets: &Arc<Subnets>,
    parts: &Parts,
) -> Arc<dyn engine::seam::Guard> {
    let of = |half: &Arc<Half>| Guard::new(Arc::clone(half), Arc::clone(&parts.stats));
    match halves {
        [only] => Arc::new(of(only)),
        several => Arc::new(Guards::new(several.iter().map(of).collect(), Arc::clone(subnets))),
    }
}

/// `ha-server-name` of each subnet, else of its shared network, by the subnet's id.
pub(crate) fn server_names(subnets: &[Arc<Subnet4>]) -> impl Iterator<Item = (u32, Option<&str>)> {
    subnets.iter().map(|subnet| {
        let network = subnet.network.as_ref().and_then(|network| network.user_context.as_ref());
        let contexts = [subnet.user_context.as_ref(), network];
        let mut contexts = contexts.into_iter().flatten();
        (subnet.id, contexts.find_map(|context| context.get(SERVER_NAME)?.as_str()))
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{Mode, Peer, Role};

    #[test]
    fn each_pair_has_a_memory_of_its_own() {
        let name = |own: &str, other: &str| {
            let peer = |name: &str, role| Peer { name: name.into(), role, auto_failover: true };
            let all = vec![peer(own, Role::Standby), peer(other, Role::Primary)];
            memory_name(&Peers::new(Mode::HotStandby, own, all).unwrap())
        };
        assert_eq!(name("server2", "server1"), "paired-server2-server1");
        assert_eq!(name("a-b", "../c d"), "paired-a%2db-..%2fc%20d");
        assert_ne!(name("a-b", "c"), name("a", "b-c"));
    }
}
