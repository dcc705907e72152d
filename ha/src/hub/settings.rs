//! From a relationship of the configuration to what its driver is told (*shell*: files with credentials are read).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use engine::log;
use engine::server::Parts;

use super::StartError;
use crate::config::{Relationship, Server};
use crate::io::client::Target;
use crate::io::listener::{self, Manners, Patience, Rules};
use crate::io::tls::{self, Acceptor, Connector, Part};
use crate::io::{self as driving};
use crate::wire::auth::Credentials;

/// What the driver of `relationship` is told.
pub(super) fn settings(
    relationship: &Relationship,
    parts: &Parts,
) -> Result<driving::Settings, StartError> {
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
                rules: Rules {
                    restrict_commands: relationship.restrict_commands,
                    credentials: credentials.into_iter().collect(),
                },
                peers: addresses_of_others(relationship, &own),
                patience: Patience::default(),
                manners: Manners::default(),
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

/// Whether both ask for, and show, the same users and passwords: they may stand in files.
pub(super) fn same_logins(one: &driving::Settings, other: &driving::Settings) -> bool {
    let shown = |settings: &driving::Settings| {
        let targets = settings.targets.iter();
        targets.map(|(name, target)| (name.clone(), target.credentials.clone())).collect::<Vec<_>>()
    };
    let asked = |settings: &driving::Settings| {
        settings.listener.as_ref().map(|listener| listener.rules.credentials.clone())
    };
    shown(one) == shown(other) && asked(one) == asked(other)
}

/// Lets a relationship that goes on show and believe the certificates that were read anew. Gives the names of the
/// servers whose are others than before.
pub(super) fn renew_certificates(
    settings: &driving::Settings,
    old: &Relationship,
    new: &Relationship,
) -> Vec<Arc<str>> {
    let mut renewed = Vec::new();
    for (old, server) in old.servers.iter().zip(&new.servers) {
        let (Some(before), Some(tls)) = (&old.tls, &server.tls) else { continue };
        if before.is_same(tls) {
            continue;
        }
        match settings.targets.get(&server.name) {
            Some(target) => {
                if let Some(connector) = &target.tls {
                    connector.renew(tls);
                }
            }
            None => {
                let listener = settings.listener.as_ref();
                if let Some(acceptor) = listener.and_then(|listener| listener.tls.as_ref()) {
                    acceptor.renew(tls, new.require_client_certs);
                }
            }
        }
        renewed.push(Arc::clone(&server.name));
    }
    renewed
}
