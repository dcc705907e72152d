//! The socket and the loop around a [`Session`]. Shell.

mod volley;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::ops::ControlFlow;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::clock::Clock;
use crate::fleet::Fleet;
use crate::limits::{BATCH, BATCHES, IDLE, SERVERS, SOCKET_BUFFER};
use crate::plan::Plan;
use crate::session::Session;
use crate::syscall::{self, Inbox};
use crate::tally::Tally;
use crate::wire::Datagram;
use volley::Volley;

/// The relay's place in the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where the relay sends from, and where the servers answer to.
    pub local: SocketAddrV4,
    /// The interface that is used, if one was named.
    pub device: Option<String>,
    /// The servers; each query goes to all of them, as a relay with several helper addresses does.
    pub servers: Vec<SocketAddrV4>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The time since the start.
    pub elapsed: Duration,
    /// What was counted up to now.
    pub tally: &'a Tally,
}

/// Why a run could not be made: always this machine's fault.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The socket could not be had.
    #[error("the socket on {local}: {error}")]
    Socket {
        /// The address that was asked for.
        local: SocketAddrV4,
        /// What the kernel said.
        error: io::Error,
    },
    /// No or too many servers.
    #[error("{found} servers found, 1 to {SERVERS} expected")]
    Servers {
        /// How many were given.
        found: usize,
    },
    /// No or too slow a pace, or no clients.
    #[error("the plan begins no exchange: {what} expected")]
    Plan {
        /// What is missing.
        what: &'static str,
    },
}

/// The socket of the relay, open.
#[derive(Debug)]
pub struct Relay {
    link: Link,
    socket: UdpSocket,
}

impl Relay {
    /// Opens the socket.
    ///
    /// # Errors
    /// [`RunError::Socket`] and [`RunError::Servers`].
    pub fn open(link: &Link) -> Result<Self, RunError> {
        if link.servers.is_empty() || link.servers.len() > SERVERS {
            return Err(RunError::Servers { found: link.servers.len() });
        }
        let local = link.local;
        let socket = open(link).map_err(|error| RunError::Socket { local, error })?;
        Ok(Self { link: link.clone(), socket })
    }

    /// The address in use: the port is the one that the kernel chose if 0 was asked for.
    ///
    /// # Errors
    /// [`RunError::Socket`] if the kernel does not tell.
    pub fn local(&self) -> Result<SocketAddrV4, RunError> {
        local_address(&self.socket)
            .map_err(|error| RunError::Socket { local: self.link.local, error })
    }

    /// Makes a run, and calls `progress` every [`Plan::report_every`] and at the end; `Break` ends
    /// the run.
    ///
    /// # Errors
    /// [`RunError::Plan`] for a plan that would never begin.
    pub fn run(
        &self,
        plan: &Plan,
        fleet: &mut Fleet,
        progress: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Tally, RunError> {
        check(plan)?;
        let clock = Clock::start();
        let session = Session::new(plan, fleet, clock.now());
        let turn = Turn {
            relay: self,
            session,
            inbox: Inbox::default(),
            outbox: Vec::with_capacity(BATCH),
            one_server: plan.one_server,
        };
        Ok(turn.until_finished(plan, &clock, progress))
    }
}

/// The address that the kernel would send from to reach `server` (through `device` if given).
///
/// # Errors
/// What the kernel says if there is no way to the server.
pub fn address_towards(server: Ipv4Addr, device: Option<&str>) -> io::Result<Ipv4Addr> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_broadcast(true)?;
    if let Some(device) = device {
        socket.bind_device(Some(device.as_bytes()))?;
    }
    let socket: UdpSocket = socket.into();
    socket.connect((server, 67))?;
    Ok(*local_address(&socket)?.ip())
}

struct Turn<'a> {
    relay: &'a Relay,
    session: Session<'a>,
    inbox: Inbox,
    outbox: Vec<(SocketAddrV4, Datagram)>,
    one_server: bool,
}

impl Turn<'_> {
    fn until_finished(
        mut self,
        plan: &Plan,
        clock: &Clock,
        progress: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Tally {
        if plan.at_once {
            self.send_at_once(clock);
        }
        let report_every = plan.report_every;
        let mut report_at = report_every;
        loop {
            let now = clock.now();
            let received = self.receive(now);
            self.session.handle_timeouts(now);
            let mut sent = 0;
            for _ in 0..BATCHES {
                let batch = self.send(clock.now());
                sent += batch;
                if batch < BATCH {
                    break;
                }
            }
            let now = clock.now();
            if self.session.is_finished(now) {
                break;
            }
            if self.session.elapsed(now) >= report_at {
                report_at = self.session.elapsed(now) + report_every;
                if self.report(now, progress).is_break() {
                    self.session.abort();
                }
            }
            if received + sent == 0 {
                let until = self.session.poll_deadline().unwrap_or(now + IDLE);
                let span = until.saturating_sub(now).min(IDLE);
                syscall::wait_readable(&self.relay.socket, span);
            }
        }
        let now = clock.now();
        let _ = self.report(now, progress);
        self.session.finish(now)
    }

    fn report(
        &self,
        now: Duration,
        progress: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        progress(&Progress { elapsed: self.session.elapsed(now), tally: self.session.tally() })
    }

    fn receive(&mut self, now: Duration) -> usize {
        // An error (a port nobody listens on) is a missing answer, and counted as that.
        let count = syscall::receive(&self.relay.socket, &mut self.inbox).unwrap_or(0);
        for octets in self.inbox.datagrams() {
            self.session.handle_datagram(now, octets);
        }
        count
    }

    /// Writes every query that is due before the first one is sent, and then gives them to the kernel as fast as it
    /// takes them.
    fn send_at_once(&mut self, clock: &Clock) {
        let now = clock.now();
        let mut queries: Vec<Datagram> = Vec::new();
        while let Some(datagram) = self.session.poll_transmit(now) {
            queries.push(datagram);
        }
        let volley = Volley::new(&queries);
        let began = clock.now();
        for server in &self.relay.link.servers {
            let unsent = volley.send(&self.relay.socket, *server);
            self.session.note_unsent(unsent);
        }
        self.session.note_begun_in(clock.now().saturating_sub(began));
    }

    fn send(&mut self, now: Duration) -> usize {
        let servers = &self.relay.link.servers;
        let each = if self.one_server { 1 } else { servers.len() };
        while self.outbox.len() + each <= BATCH {
            let Some(datagram) = self.session.poll_transmit(now) else { break };
            if self.one_server {
                let turn = datagram.xid() as usize % servers.len();
                self.outbox.push((servers[turn], datagram));
            } else {
                self.outbox.extend(servers.iter().map(|server| (*server, datagram)));
            }
        }
        if self.outbox.is_empty() {
            return 0;
        }
        let sent = syscall::send(&self.relay.socket, &self.outbox).unwrap_or_else(|_| {
            self.session.note_unsent(1);
            1
        });
        self.outbox.drain(..sent);
        sent
    }
}

fn check(plan: &Plan) -> Result<(), RunError> {
    use crate::pace::Pace;
    if matches!(plan.pace, Pace::Rate(0) | Pace::Window(0)) {
        return Err(RunError::Plan { what: "a rate or window above 0" });
    }
    if plan.clients.is_empty() {
        return Err(RunError::Plan { what: "at least one client" });
    }
    if plan.at_once && matches!(plan.pace, Pace::Rate(_)) {
        return Err(RunError::Plan { what: "a window to be sent at once" });
    }
    Ok(())
}

fn open(link: &Link) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_broadcast(true)?;
    socket.set_recv_buffer_size(SOCKET_BUFFER)?;
    socket.set_send_buffer_size(SOCKET_BUFFER)?;
    if let Some(device) = &link.device {
        socket.bind_device(Some(device.as_bytes()))?;
    }
    socket.bind(&SocketAddr::V4(link.local).into())?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

fn local_address(socket: &UdpSocket) -> io::Result<SocketAddrV4> {
    match socket.local_addr()? {
        SocketAddr::V4(local) => Ok(local),
        SocketAddr::V6(_) => Err(io::Error::other("an IPv4 address expected")),
    }
}
