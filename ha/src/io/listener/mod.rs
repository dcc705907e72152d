//! The dedicated HTTP listener (*shell*): a partner's commands, or those of a control socket over HTTP, answered on
//! threads of its own.
//!
//! Each thread has its own event loop and accepts from the one listening socket. A command that is over at once runs
//! on the thread that read it; one that may take its time, such as a listing, has a thread of its own, so that no
//! heartbeat waits for it. Connections are bounded in number (those of strangers apart, so that they cannot keep a
//! peer out), in size and in time, the TLS handshake included. Errors of one connection end that connection and nothing else.

mod deadline;
mod handshake;
mod reply;
mod talk;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::{fmt, io};

use engine::clock::Clock;
use engine::control::Registry;
use engine::log;
use engine::stats::{Counter, Stats};
use engine::sync::Live;
use engine::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

pub use deadline::Patience;
use deadline::{Phase, Progress};
use handshake::{Refusal, Refusals};
#[cfg(any(test, feature = "sim"))]
pub(crate) use reply::reply;
pub use reply::{PARTNER_COMMANDS, Reply, Rules};
use talk::talk;

use super::client::{Stop, Stopper};
use super::tls::{self, Acceptor};
use crate::limits::{
    ACCEPT_BACKOFF, MAX_CONNECTIONS, MAX_LONG_COMMANDS, MAX_LONG_OF_STRANGERS, MAX_STRANGERS,
};

/// Where and how to listen.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address and port of this server's `url`; port 0 takes a free one.
    pub address: SocketAddr,
    /// Number of threads, at least 1.
    pub threads: usize,
    /// Who may send what.
    pub rules: Rules,
    /// Addresses of the peers: what else connects is a stranger.
    pub peers: Vec<IpAddr>,
    /// How long to wait for requests.
    pub patience: Patience,
    /// How to shake hands; `None`: HTTP without TLS.
    pub tls: Option<Acceptor>,
    /// What else is said.
    pub manners: Manners,
}

/// What a listener says beyond the answers, and whom it takes for a stranger.
#[derive(Clone, Debug, Default)]
pub struct Manners {
    /// Whose users and passwords are asked for, when some are.
    pub realm: String,
    /// Headers of every answer, by name and value.
    pub headers: Vec<(String, String)>,
    /// Nobody is a stranger: the listener is no partner's, but a control socket.
    pub welcomes_all: bool,
}

/// The listener cannot be started; the configuration or the machine is to blame.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is not ours or the port is taken.
    #[error("cannot listen on {0}: {1}")]
    Bind(SocketAddr, io::Error),
    /// No thread or event queue.
    #[error("cannot start a thread of the listener: {0}")]
    Thread(io::Error),
}

/// How many connections are open.
#[derive(Debug, Default)]
struct Room {
    open: AtomicUsize,
    strangers: AtomicUsize,
}

/// A running listener; dropping it stops it.
pub struct Listener {
    address: SocketAddr,
    shared: Arc<Shared>,
    stopper: Stopper,
    threads: Vec<JoinHandle<()>>,
}

/// What every connection needs.
struct Shared {
    settings: Live<Settings>,
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    room: Room,
    stats: Arc<Stats>,
    refusals: Refusals,
    /// Room for long commands of peers, and of strangers.
    long: [Arc<Semaphore>; 2],
}

impl Listener {
    /// Binds and starts the threads. What the listener meets is counted in `stats`.
    pub fn start(
        settings: Settings,
        registry: Arc<Registry>,
        clock: Arc<dyn Clock>,
        stats: Arc<Stats>,
    ) -> Result<Self, ListenError> {
        let bind = |why| ListenError::Bind(settings.address, why);
        let socket = std::net::TcpListener::bind(settings.address).map_err(bind)?;
        socket.set_nonblocking(true).map_err(bind)?;
        let address = socket.local_addr().map_err(bind)?;
        let (stopper, stop) = Stopper::new();
        let number = settings.threads.max(1);
        let shared = Arc::new(Shared {
            settings: Live::new(Arc::new(settings)),
            registry,
            clock,
            room: Room::default(),
            stats,
            refusals: Refusals::default(),
            long: [MAX_LONG_COMMANDS, MAX_LONG_OF_STRANGERS].map(|n| Arc::new(Semaphore::new(n))),
        });
        let mut listener =
            Self { address, shared: Arc::clone(&shared), stopper, threads: Vec::new() };
        for i in 0..number {
            let socket = socket.try_clone().map_err(ListenError::Thread)?;
            let thread = spawn(i, socket, shared.clone(), stop.clone());
            listener.threads.push(thread.map_err(ListenError::Thread)?);
        }
        Ok(listener)
    }

    /// From now on by `settings`, but for their address and threads; connections that are open go on.
    pub fn renew(&self, settings: Settings) {
        self.shared.settings.replace(Arc::new(settings));
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it counts what it meets.
    pub fn stats(&self) -> &Stats {
        &self.shared.stats
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("address", &self.address).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stopper.stop();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn spawn(
    i: usize,
    socket: std::net::TcpListener,
    shared: Arc<Shared>,
    mut stop: Stop,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let guard = runtime.enter();
    let socket = TcpListener::from_std(socket)?;
    drop(guard);
    std::thread::Builder::new().name(format!("ha-listener-{i}")).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                () = stop.wait() => {}
                () = accept(&socket, &shared) => {}
            }
        });
        // A long command that is still under way has nobody to answer any more, and is not waited for.
        runtime.shutdown_background();
    })
}

/// Takes connections for ever; an error such as too many open files is waited out.
async fn accept(socket: &TcpListener, shared: &Arc<Shared>) {
    loop {
        match socket.accept().await {
            Ok((stream, from)) => {
                if let Some(place) = Place::take(shared, from.ip()) {
                    tokio::spawn(connection(stream, from, place));
                }
            }
            Err(why) => {
                let address = shared.settings.load().address;
                log!(PEREGRINE_HA_LISTENER_FAILED, "{address}: {why}");
                shared.stats.count(Counter::HaAcceptFailed);
                tokio::time::sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
}

/// One of the connections there is room for.
struct Place {
    shared: Arc<Shared>,
    stranger: bool,
}

impl Place {
    fn take(shared: &Arc<Shared>, from: IpAddr) -> Option<Self> {
        let stranger = shared
            .settings
            .look(|settings| !settings.manners.welcomes_all && !settings.peers.contains(&from));
        // Counted first and checked then: dropping the place takes both back.
        let place = Self { shared: Arc::clone(shared), stranger };
        let open = shared.room.open.fetch_add(1, Ordering::Relaxed);
        let strangers = shared.room.strangers.fetch_add(usize::from(stranger), Ordering::Relaxed);
        if open >= MAX_CONNECTIONS || (stranger && strangers >= MAX_STRANGERS) {
            shared.stats.count(Counter::HaRefused);
            let refused = shared.stats.value(Counter::HaRefused);
            // One line for each doubling: whoever knocks so often must not fill the log.
            if refused.is_power_of_two() {
                log!(
                    PEREGRINE_HA_LISTENER_FULL,
                    "{refused} connections refused, the last from {from}"
                );
            }
            return None;
        }
        shared.stats.count(Counter::HaAccepted);
        Some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.room.open.fetch_sub(1, Ordering::Relaxed);
        let strangers = &self.shared.room.strangers;
        strangers.fetch_sub(usize::from(self.stranger), Ordering::Relaxed);
    }
}

/// Serves one connection, whose place is given back with the end of it.
async fn connection(stream: TcpStream, from: SocketAddr, place: Place) {
    let shared = &place.shared;
    let _ = stream.set_nodelay(true);
    let settings = shared.settings.load();
    let progress = Progress::new(settings.patience);
    match &settings.tls {
        None => talk(stream, &place, progress).await,
        Some(acceptor) => match handshake::shake(acceptor, stream, &progress).await {
            Ok(stream) => {
                progress.enter(Phase::New);
                talk(stream, &place, progress).await;
            }
            Err(why) => {
                shared.stats.count(Counter::HaHandshakeFailed);
                shared.refusals.tell(from, &why, shared.clock.now().mono);
                if let Refusal::Failed(_, stream) = why {
                    tls::part(stream).await;
                }
            }
        },
    }
}

impl Shared {
    fn now_s(&self) -> u64 {
        self.clock.now().wall_s
    }
}

#[cfg(test)]
mod long;
#[cfg(test)]
mod tests;
