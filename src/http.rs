//! Control sockets over HTTP and HTTPS (Kea guide, "HTTP/HTTPS Control Socket"): opened, renewed and closed as the
//! configuration has them (*shell*). The listener is the one that partners talk to, with other manners.

use std::net::SocketAddr;
use std::sync::Arc;

use engine::clock::Clock;
use engine::config::json::Mistake;
use engine::config::model::{HttpClient, HttpSocket};
use engine::control::Registry;
use engine::server::Parts;
use engine::stats::Stats;
use engine::sync::Mutex;
use ha::config::Tls;
use ha::io::listener::{ListenError, Listener, Manners, Patience, Rules, Settings};
use ha::io::tls::Acceptor;
use ha::wire::auth::Credentials;

/// Threads of one socket: what takes its time has a thread of its own anyway.
const THREADS: usize = 1;

/// How each control socket over HTTP is to answer: its files are read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted(Vec<Settings>);

impl Wanted {
    /// Reads what `sockets` name.
    pub(crate) fn read(sockets: &[HttpSocket]) -> Result<Self, Vec<Mistake>> {
        let mut mistakes = Vec::new();
        let mut wanted = Vec::new();
        for socket in sockets {
            match settings(socket) {
                Ok(settings) => wanted.push(settings),
                Err(message) => mistakes.push(Mistake::new(&socket.at, message)),
            }
        }
        if mistakes.is_empty() { Ok(Self(wanted)) } else { Err(mistakes) }
    }
}

/// The sockets that are open.
pub(crate) struct HttpDoors {
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    stats: Arc<Stats>,
    open: Mutex<Vec<(SocketAddr, Listener)>>,
}

/// Sockets that were opened for a configuration that is not served yet; dropping them closes them.
pub(crate) struct Opened(Vec<(SocketAddr, Listener)>);

impl HttpDoors {
    /// For the commands of a server. Nothing is open.
    pub(crate) fn of(parts: &Parts) -> Self {
        Self {
            registry: Arc::clone(&parts.registry),
            clock: Arc::clone(&parts.clock),
            stats: Arc::clone(&parts.stats),
            open: Mutex::default(),
        }
    }

    /// Opens those of `wanted` that are not.
    pub(crate) fn open_new(&self, wanted: &Wanted) -> Result<Opened, ListenError> {
        let open = self.open.lock();
        let is_new = |it: &&Settings| !open.iter().any(|(address, _)| *address == it.address);
        let listen = |settings: &Settings| {
            let (registry, clock) = (Arc::clone(&self.registry), Arc::clone(&self.clock));
            let stats = Arc::clone(&self.stats);
            let listener = Listener::start(settings.clone(), registry, clock, stats)?;
            Ok((settings.address, listener))
        };
        wanted.0.iter().filter(is_new).map(listen).collect::<Result<_, _>>().map(Opened)
    }

    /// Adds what was opened, lets the others answer as `wanted` from now on, and closes what is not wanted any more.
    pub(crate) fn settle(&self, opened: Opened, wanted: &Wanted) {
        let mut open = self.open.lock();
        open.extend(opened.0);
        let mut leave = Vec::new();
        for (address, listener) in std::mem::take(&mut *open) {
            match wanted.0.iter().find(|settings| settings.address == address) {
                Some(settings) => {
                    listener.renew(settings.clone());
                    open.push((address, listener));
                }
                None => leave.push(listener),
            }
        }
        drop(open);
        drop(leave);
    }

    /// Closes all.
    pub(crate) fn close(&self) {
        let open = std::mem::take(&mut *self.open.lock());
        drop(open);
    }
}

fn settings(socket: &HttpSocket) -> Result<Settings, String> {
    let tls = match &socket.tls {
        None => None,
        Some(files) => {
            let tls = Tls::of_files(&files.anchor, &files.certificate, &files.key)?;
            Some(Acceptor::new(&tls, files.client_certificates))
        }
    };
    let login = socket.login.as_ref();
    let clients = login.map_or(&[][..], |login| &login.clients);
    let credentials = clients.iter().map(credentials).collect::<Result<_, _>>()?;
    Ok(Settings {
        address: socket.address,
        threads: THREADS,
        rules: Rules { credentials, restrict_commands: false },
        peers: Vec::new(),
        patience: Patience::default(),
        tls,
        manners: Manners {
            realm: login.map(|login| login.realm.clone()).unwrap_or_default(),
            headers: socket.headers.clone(),
            welcomes_all: true,
        },
    })
}

fn credentials(client: &HttpClient) -> Result<Credentials, String> {
    let unreadable = |error| format!("cannot read a user or password: {error}");
    let password = client.password.text().map_err(unreadable)?;
    let (user, password) = match &client.user {
        Some(user) => (user.text().map_err(unreadable)?, password),
        None => {
            let both = password.split_once(':');
            let both = both.map(|(user, password)| (user.to_owned(), password.to_owned()));
            both.ok_or("got a password-file without a colon and without a user, expected \"user:password\" in it")?
        }
    };
    let found = Credentials::new(&user, &password).filter(|_| !user.contains(':'));
    found.ok_or_else(|| "got a user that is empty or has a colon, expected a name".to_owned())
}
