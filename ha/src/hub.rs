//! The relationships of one server (*shell*): the configuration joined with the engine's parts. A server has one, or
//! as a hub several: then the subnet decides whom a query is asked about and who is told of a lease.
//!
//! A new configuration goes by [`Hub::change`]: a relationship that means the same goes on, with the certificates as they
//! are now; one that means something else is stopped, and built anew beside the leases, as by a restart.

mod join;
mod seat;
mod settings;
mod subnets;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use engine::config::model::{Dhcp4, Subnet4};
use engine::log;
use engine::seam::service::{Busy, Origin};
use engine::seam::{Admission, Replication};
use engine::server::Parts;
use engine::sync::Mutex;

#[cfg(any(test, feature = "sim"))]
pub(crate) use self::join::OnlyOutbox;
use self::seat::{Seat, Site};
use self::settings::{renew_certificates, same_logins, settings};
pub use self::subnets::{Share, Subnets};
use crate::agreement::Agreement;
use crate::config::{Relationship, SERVER_NAME};
use crate::half::{Half, Halves, all_of};
use crate::io::{self as driving, Driver};
use crate::machine::{Incarnation, Peers};

/// High Availability cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Packets are processed by one thread, so there would be no listener for the partner. A configuration that was
    /// checked says no such thing.
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

/// Other relationships were not taken; those in use go on.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError<E> {
    /// They could not be built.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Nobody could listen at the new address.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, io::Error),
    /// The server could not be halted for a moment.
    #[error("the relationships cannot be replaced now, {0}: try again")]
    Busy(#[from] Busy),
    /// Something else of the configuration.
    #[error("{0}")]
    Other(E),
}

/// The server's halves of its pairs, joined with the engine. Dropping it stops what runs.
pub struct Hub {
    halves: Halves,
    seat: Arc<Seat>,
    engine: Parts,
    parts: driving::Parts,
    pairs: Mutex<Vec<Pair>>,
    agreement: Mutex<Option<Agreement>>,
}

/// One of the relationships.
struct Pair {
    relationship: Relationship,
    half: Arc<Half>,
    settings: driving::Settings,
    /// None: it does not talk yet.
    driver: Option<Driver>,
}

/// What the names of memories of pairs begin with.
const MEMORY: &str = "paired";

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("seat", &self.seat).finish_non_exhaustive()
    }
}

impl Hub {
    /// Joins the relationships, at least one, with the engine. From now on the service is as their state machines
    /// want it: off, at first. `config` is the server's configuration.
    pub fn join(
        relationships: &[Relationship],
        config: &Dhcp4,
        engine: &Parts,
    ) -> Result<Self, StartError> {
        let settings = settings_of(relationships, engine)?;
        let subnets = named(relationships, &config.subnets);
        let both = relationships.iter().zip(settings).enumerate();
        let pairs: Vec<_> = both
            .map(|(place, (relationship, settings))| {
                Pair::build(place, relationship, settings, &subnets, engine)
            })
            .collect();
        pairs.iter().for_each(|pair| pair.half.follow(config));
        remember(&pairs, |_| true, engine);
        let halves: Vec<_> = pairs.iter().map(|pair| Arc::clone(&pair.half)).collect();
        let seat = Arc::new(Seat::new(Site::of(&halves, subnets, &engine.stats)));
        let guard = Arc::clone(&seat) as Arc<dyn engine::seam::Guard>;
        let first = engine.guard.set(guard).is_ok();
        debug_assert!(first, "a guard is joined once");
        let storage = engine.storage.clone();
        let parts = driving::Parts {
            store: Arc::clone(&engine.storage.store),
            leases: engine.leases.clone(),
            flush: Arc::new(move |number| storage.write_through(number)),
            registry: Arc::clone(&engine.registry),
            clock: Arc::clone(&engine.clock),
            stats: Arc::clone(&engine.stats),
        };
        let halves = all_of(&halves);
        let (engine, pairs) = (engine.clone(), Mutex::new(pairs));
        Ok(Self { halves, seat, engine, parts, pairs, agreement: Mutex::default() })
    }

    /// For a server without relationships: forgets what is remembered of those it had.
    pub fn forget_pairs(parts: &Parts) {
        forget_pairs(parts, &[]);
    }

    /// Says for the packet path whom this server serves.
    pub fn admission(&self) -> Arc<dyn Admission> {
        Arc::clone(&self.seat) as Arc<dyn Admission>
    }

    /// Takes the changes that the peers must know.
    pub fn replication(&self) -> Arc<dyn Replication> {
        Arc::clone(&self.seat) as Arc<dyn Replication>
    }

    /// Tells the relationships that `config` is served from now on.
    pub fn follow(&self, config: &Dhcp4) {
        self.seat.subnets().renew(server_names(&config.subnets));
        self.halves.load().iter().for_each(|half| half.follow(config));
    }

    /// Tells the partners what a configuration, as config-get tells it, has to agree with theirs in.
    pub fn agree(&self, config: &serde_json::Value) {
        let agreement = Agreement::of(config);
        (*self.agreement.lock()).clone_from(&agreement);
        self.halves.load().iter().for_each(|half| half.agree_on(agreement.clone()));
    }

    /// Begins to talk: the listeners, the heartbeats, the client threads, the commands.
    pub fn start(&self) -> Result<(), StartError> {
        driving::register(&self.halves, &self.parts);
        self.drive(&mut self.pairs.lock())
    }

    /// Stops all threads and waits for them.
    pub fn stop(&self) {
        let drivers: Vec<_> =
            self.pairs.lock().iter_mut().filter_map(|pair| pair.driver.take()).collect();
        drop(drivers);
    }

    /// Goes on with `relationships`, at least one, and with what `apply` makes the rest of the server take over.
    ///
    /// Where they mean what those in use do nothing is stopped, and renewed certificates are shown and believed from the
    /// next connection on. A relationship that means something else begins in waiting and fetches what its partner has;
    /// the leases stay. Nobody is served while it is exchanged, and until its machine wants it.
    ///
    /// # Errors
    /// Why they were not taken. Those in use go on then; ones that had been stopped already begin anew, too.
    pub fn change<E>(
        &self,
        relationships: &[Relationship],
        config: &Dhcp4,
        apply: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), ChangeError<E>> {
        let settings = settings_of(relationships, &self.engine)?;
        let mut pairs = self.pairs.lock();
        if are_same(&pairs, relationships, &settings) {
            apply().map_err(ChangeError::Other)?;
            pairs.iter_mut().zip(relationships).for_each(|(pair, new)| pair.renew(new));
            return Ok(());
        }
        require_addresses(&pairs, &settings)?;
        let old: Vec<_> = pairs.iter().map(|pair| pair.relationship.clone()).collect();
        let service = &self.engine.service;
        service.disable(Origin::REBUILDING, self.engine.clock.now().mono, None);
        if let Err(busy) = service.wait_until_quiet() {
            service.enable(Origin::REBUILDING);
            return Err(busy.into());
        }
        self.rebuild(&mut pairs, relationships, settings, config);
        let applied = apply();
        if applied.is_err()
            && let Ok(settings) = settings_of(&old, &self.engine)
        {
            self.rebuild(&mut pairs, &old, settings, config);
        }
        let driven = self.drive(&mut pairs);
        service.enable(Origin::REBUILDING);
        if let Err(error) = driven {
            // Its partner takes over from a server that has ended, not from one that is silent.
            log!(DHCP4_INIT_FAIL, "High Availability cannot go on: {error}");
            let _ = self.engine.shutdown.try_send(1);
        }
        applied.map_err(ChangeError::Other)
    }

    /// Puts `relationships` in the place of those that mean something else. While it does so nobody may be served.
    fn rebuild(
        &self,
        pairs: &mut Vec<Pair>,
        relationships: &[Relationship],
        settings: Vec<driving::Settings>,
        config: &Dhcp4,
    ) {
        let same_places = pairs.len() == relationships.len()
            && pairs
                .iter()
                .zip(relationships)
                .all(|(pair, new)| pair.relationship.parameters.peers == new.parameters.peers);
        let subnets = match same_places {
            true => self.seat.subnets(),
            false => named(relationships, &config.subnets),
        };
        let mut old: Vec<_> = std::mem::take(pairs).into_iter().map(Some).collect();
        old.resize_with(old.len().max(relationships.len()), || None);
        let mut fresh = Vec::new();
        // Those that end do so before any begins: one may listen where another did.
        let kept: Vec<_> = old
            .into_iter()
            .enumerate()
            .map(|(place, pair)| {
                let new = relationships.get(place).zip(settings.get(place));
                let stays = |pair: &Pair| {
                    same_places && new.is_some_and(|(it, settings)| pair.means(it, settings))
                };
                match pair {
                    Some(pair) if stays(&pair) => Some(pair),
                    other => {
                        self.end(place, other);
                        None
                    }
                }
            })
            .collect();
        let new = relationships.iter().zip(settings).enumerate();
        for ((place, (relationship, settings)), kept) in new.zip(kept) {
            pairs.push(match kept {
                Some(mut pair) => {
                    pair.renew(relationship);
                    pair
                }
                None => {
                    fresh.push(place);
                    Pair::build(place, relationship, settings, &subnets, &self.engine)
                }
            });
        }
        remember(pairs, |place| fresh.contains(&place), &self.engine);
        let halves: Vec<_> = pairs.iter().map(|pair| Arc::clone(&pair.half)).collect();
        halves.iter().for_each(|half| half.follow(config));
        self.seat.replace(Site::of(&halves, subnets, &self.engine.stats));
        let agreement = self.agreement.lock().clone();
        halves.iter().for_each(|half| half.agree_on(agreement.clone()));
        for place in fresh {
            log!(PEREGRINE_HA_REBUILT, "{}: other parameters", halves[place].server());
        }
        self.halves.replace(Arc::new(halves));
    }

    /// Ends what was at `place`, and takes back what it and its partner held off.
    fn end(&self, place: usize, pair: Option<Pair>) {
        drop(pair);
        let index = index(place);
        self.engine.service.enable(Origin::ha_local(index));
        self.engine.service.enable(Origin::ha_remote(index));
    }

    /// Lets those talk that do not yet.
    fn drive(&self, pairs: &mut [Pair]) -> Result<(), StartError> {
        for pair in pairs.iter_mut().filter(|pair| pair.driver.is_none()) {
            pair.driver = Some(Driver::start_one(&pair.half, pair.settings.clone(), &self.parts)?);
        }
        Ok(())
    }
}

impl Pair {
    fn build(
        place: usize,
        relationship: &Relationship,
        settings: driving::Settings,
        subnets: &Arc<Subnets>,
        engine: &Parts,
    ) -> Self {
        let half = Half::of_share(
            index(place),
            relationship.parameters.clone(),
            subnets.share(place),
            Incarnation::draw(),
            Arc::clone(&engine.pending),
            Arc::clone(&engine.service),
            Arc::clone(&engine.clock),
        );
        Self { relationship: relationship.clone(), half, settings, driver: None }
    }

    /// Whether it is what `new` describes, certificates aside.
    fn means(&self, new: &Relationship, settings: &driving::Settings) -> bool {
        self.relationship.meaning == new.meaning
            && self.relationship.parameters.peers == new.parameters.peers
            && same_logins(&self.settings, settings)
    }

    /// Goes on as `new`, which means the same, with the certificates that were read for it.
    fn renew(&mut self, new: &Relationship) {
        let renewed = renew_certificates(&self.settings, &self.relationship, new);
        if !renewed.is_empty() {
            let server = self.half.server();
            log!(PEREGRINE_HA_CERTIFICATES_RENEWED, "{server}: for {}", renewed.join(", "));
        }
        self.relationship = new.clone();
    }
}

fn index(place: usize) -> u32 {
    u32::try_from(place).expect("a configuration is not that long")
}

fn are_same(
    pairs: &[Pair],
    relationships: &[Relationship],
    settings: &[driving::Settings],
) -> bool {
    let mut all = pairs.iter().zip(relationships).zip(settings);
    pairs.len() == relationships.len()
        && all.all(|((pair, new), settings)| pair.means(new, settings))
}

fn settings_of(
    relationships: &[Relationship],
    engine: &Parts,
) -> Result<Vec<driving::Settings>, StartError> {
    relationships.iter().map(|relationship| settings(relationship, engine)).collect()
}

/// Where nobody listens yet somebody must be able to, before anything is stopped.
fn require_addresses<E>(
    pairs: &[Pair],
    settings: &[driving::Settings],
) -> Result<(), ChangeError<E>> {
    let address = |settings: &driving::Settings| settings.listener.as_ref().map(|it| it.address);
    let open: Vec<_> = pairs.iter().filter_map(|pair| address(&pair.settings)).collect();
    for wanted in settings.iter().filter_map(address).filter(|wanted| !open.contains(wanted)) {
        TcpListener::bind(wanted).map_err(|error| ChangeError::Listen(wanted, error))?;
    }
    Ok(())
}

/// The subnets of a configuration, by whose they are.
fn named(relationships: &[Relationship], subnets: &[Arc<Subnet4>]) -> Arc<Subnets> {
    let peers: Vec<_> = relationships.iter().map(|it| &it.parameters.peers).collect();
    Arc::new(Subnets::new(&peers, server_names(subnets)))
}

/// Joins the memories of the pairs at the places that are `fresh`, and forgets what is remembered of others than these.
fn remember(pairs: &[Pair], fresh: impl Fn(usize) -> bool, engine: &Parts) {
    let names: Vec<_> = pairs.iter().map(|pair| memory_name(pair.half.gate().peers())).collect();
    forget_pairs(engine, &names);
    for (place, (pair, name)) in pairs.iter().zip(&names).enumerate() {
        if fresh(place)
            && let Some(flag) = engine.storage.flag(name)
        {
            pair.half.remember_in(Arc::new(flag));
        }
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

/// `ha-server-name` of each subnet, else of its shared network, by the subnet's id.
pub(crate) fn server_names(subnets: &[Arc<Subnet4>]) -> impl Iterator<Item = (u32, Option<&str>)> {
    subnets.iter().map(|subnet| {
        let network = subnet.network.as_ref().and_then(|network| network.user_context.as_ref());
        let contexts = [subnet.user_context.as_ref(), network];
        let mut contexts = contexts.into_iter().flatten();
        (subnet.id, contexts.find_map(|context| context.get(SERVER_NAME)?.as_str()))
    })
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
