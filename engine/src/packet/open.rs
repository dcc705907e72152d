//! Opens the sockets of an endpoint (*shell*): one for each thread, or one alone where the kernel would give every
//! socket of a group its own copy (UDP broadcasts), and as many for DISCOVERs ([`Share`]).

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};

use super::interfaces::{Endpoint, Kind};
use super::receive::{Raw, RawView, Receive, Share, Udp, arrival, keep};
use super::{Arrival, filter, syscall};
use crate::limits::{RECEIVE_BUFFER, SEND_BUFFER};
use crate::stats::Stats;

/// Why a socket could not be opened. Local, and worth trying again once its cause is gone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Failed {
    /// The process may not.
    #[error(
        "{what}: no permission; run as root or give CAP_NET_RAW and CAP_NET_BIND_SERVICE, \
         or set dhcp-socket-type to udp and use a port from 1024 on"
    )]
    Permission {
        /// What could not be opened.
        what: String,
    },
    /// Another program has the address and port.
    #[error("{what}: another program has this address and port")]
    InUse {
        /// What could not be opened.
        what: String,
    },
    /// Anything else.
    #[error("{what}: {error}")]
    System {
        /// What could not be opened.
        what: String,
        /// The system's words.
        error: String,
    },
}

impl Failed {
    pub(super) fn new(what: String, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::Permission { what },
            io::ErrorKind::AddrInUse => Self::InUse { what },
            _ => Self::System { what, error: error.to_string() },
        }
    }
}

/// The open sockets of an endpoint.
pub(super) struct Opened {
    /// What receives: the thread it is for (`None`: any one) and the socket.
    pub(super) receivers: Vec<(Option<usize>, Box<dyn Receive>)>,
    /// UDP sockets that can send from the endpoint's address.
    pub(super) senders: Vec<Arc<Socket>>,
    /// The least receive buffer that the kernel gave one of them, in bytes.
    pub(super) receive_buffer: usize,
}

/// Opens `endpoint` for `threads` threads on the server's `port`.
pub(super) fn open(
    endpoint: &Endpoint,
    port: u16,
    threads: usize,
    stats: &Arc<Stats>,
) -> Result<Opened, Failed> {
    let name = &endpoint.name;
    let (what, opened) = match &endpoint.kind {
        Kind::Unicast(address) => (
            format!("UDP socket {name}/{address} port {port}"),
            open_unicast(endpoint, *address, port, threads, stats),
        ),
        Kind::Broadcast { to, local } => (
            format!("UDP socket {name} for broadcasts to {to} port {port}"),
            open_broadcast(endpoint, *to, *local, port, stats),
        ),
        Kind::Raw { served, broadcasts, .. } => {
            let view = RawView {
                interface: endpoint.interface,
                served: served.clone(),
                broadcasts: broadcasts.clone(),
                port,
            };
            (format!("raw socket {name}"), open_raw(endpoint, &view, threads, stats))
        }
    };
    opened.map_err(|error| Failed::new(what, &error))
}

/// A packet socket that only sends.
pub(super) fn open_link_sender() -> io::Result<Socket> {
    let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
    enlarge_send_buffer(&socket);
    Ok(socket)
}

fn open_unicast(
    endpoint: &Endpoint,
    address: Ipv4Addr,
    port: u16,
    threads: usize,
    stats: &Arc<Stats>,
) -> io::Result<Opened> {
    let address = SocketAddrV4::new(address, port);
    // A group would let any other group of the same user join: first see that nobody is there.
    new_udp()?.bind(&address.into())?;
    let mut opened = Opened::new();
    // The order is the one in which the program numbers them.
    for share in [Share::Others, Share::Discovers] {
        for thread in 0..threads {
            let socket = new_udp()?;
            socket.set_reuse_port(true)?;
            leave_broadcast_frames(&socket, endpoint)?;
            socket.bind(&address.into())?;
            let arrival = arrival(endpoint.interface, *address.ip(), *address.ip(), endpoint.link);
            opened.add_udp(endpoint, socket, Some(thread), arrival, share, stats)?;
        }
    }
    if let Some(first) = opened.senders.first() {
        let program = filter::spread_udp(count(threads));
        let option = libc::SO_ATTACH_REUSEPORT_CBPF;
        syscall::set_program(first, libc::SOL_SOCKET, option, &program)?;
    }
    Ok(opened)
}

/// Other servers on the same interface may listen to its broadcasts as well: each gets every one of them.
fn open_broadcast(
    endpoint: &Endpoint,
    to: Ipv4Addr,
    local: Ipv4Addr,
    port: u16,
    stats: &Arc<Stats>,
) -> io::Result<Opened> {
    let mut opened = Opened::new();
    for share in [Share::Others, Share::Discovers] {
        let socket = new_udp()?;
        socket.set_reuse_address(true)?;
        socket.bind_device(Some(endpoint.name.as_bytes()))?; // needs no privilege since Linux 5.7
        set_filter(&socket, &filter::broadcasts(endpoint.link, share))?;
        socket.bind(&SocketAddrV4::new(to, port).into())?;
        let arrival = arrival(endpoint.interface, to, local, endpoint.link);
        opened.add_udp(endpoint, socket, None, arrival, share, stats)?;
    }
    opened.senders.clear(); // they have no address to send from
    Ok(opened)
}

fn open_raw(
    endpoint: &Endpoint,
    view: &RawView,
    threads: usize,
    stats: &Arc<Stats>,
) -> io::Result<Opened> {
    let mut opened = Opened::new();
    for share in [Share::Others, Share::Discovers] {
        open_raw_share(&mut opened, endpoint, view, share, threads, stats)?;
    }
    Ok(opened)
}

/// The sockets see nothing until all of a share are one group, so that no frame is seen by two.
fn open_raw_share(
    opened: &mut Opened,
    endpoint: &Endpoint,
    view: &RawView,
    share: Share,
    threads: usize,
    stats: &Arc<Stats>,
) -> io::Result<()> {
    let mut sockets = Vec::new();
    let mut group = None;
    for _ in 0..threads {
        let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
        set_filter(&socket, &filter::nothing())?;
        syscall::set_number(&socket, libc::SOL_PACKET, libc::PACKET_AUXDATA, 1)?;
        syscall::bind_link(&socket, endpoint.interface, libc::ETH_P_IP)?;
        if threads > 1 {
            group = Some(join_group(&socket, group)?);
        }
        sockets.push(socket);
    }
    if let Some(first) = sockets.first().filter(|_| threads > 1) {
        let program = filter::spread_raw(count(threads));
        syscall::set_program(first, libc::SOL_PACKET, libc::PACKET_FANOUT_DATA, &program)?;
    }
    for (thread, socket) in sockets.into_iter().enumerate() {
        opened.enlarge(&socket)?;
        set_filter(&socket, &filter::raw(endpoint.interface, view.port, share))?;
        let name = format!("raw {}", endpoint.name);
        let raw = Raw::new(socket, name, view.clone(), share, stats.clone());
        opened.receivers.push((Some(thread), Box::new(raw)));
    }
    Ok(())
}

/// Joins a fanout group, or begins one with a number of its own; the group's number.
fn join_group(socket: &Socket, group: Option<u16>) -> io::Result<u16> {
    let option = libc::PACKET_FANOUT;
    let mode = libc::PACKET_FANOUT_CBPF;
    let flags = if group.is_none() { libc::PACKET_FANOUT_FLAG_UNIQUEID } else { 0 };
    let value = (mode | flags) << 16 | u32::from(group.unwrap_or(0));
    syscall::set_number(socket, libc::SOL_PACKET, option, value.cast_signed())?;
    match group {
        Some(group) => Ok(group),
        None => {
            let value = syscall::number(socket, libc::SOL_PACKET, option)?.cast_unsigned();
            Ok(u16::try_from(value & 0xffff).expect("masked"))
        }
    }
}

fn set_filter(socket: &Socket, program: &[libc::sock_filter]) -> io::Result<()> {
    syscall::set_program(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, program)
}

fn new_udp() -> io::Result<Socket> {
    Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))
}

/// Beside a raw socket, frames to the Ethernet broadcast address are that socket's.
fn leave_broadcast_frames(socket: &Socket, endpoint: &Endpoint) -> io::Result<()> {
    if endpoint.link { set_filter(socket, &filter::no_broadcast_frames()) } else { Ok(()) }
}

fn count(threads: usize) -> u32 {
    u32::try_from(threads).unwrap_or(u32::MAX)
}

fn enlarge_send_buffer(socket: &Socket) {
    // As much of it as the system allows.
    let _ = socket.set_send_buffer_size(SEND_BUFFER);
}

impl Opened {
    fn new() -> Self {
        Self { receivers: Vec::new(), senders: Vec::new(), receive_buffer: usize::MAX }
    }

    fn add_udp(
        &mut self,
        endpoint: &Endpoint,
        socket: Socket,
        thread: Option<usize>,
        arrival: Arrival,
        share: Share,
        stats: &Arc<Stats>,
    ) -> io::Result<()> {
        socket.set_broadcast(true)?;
        self.enlarge(&socket)?;
        enlarge_send_buffer(&socket);
        let socket = Arc::new(socket);
        let name = format!("udp {}/{}", endpoint.name, arrival.destination);
        let udp = Udp::new(socket.clone(), name, arrival, share, stats.clone());
        self.receivers.push((thread, Box::new(udp)));
        if share == Share::Others {
            self.senders.push(socket);
        }
        Ok(())
    }

    /// Asks for the receive buffer, and for the count of what did not fit.
    fn enlarge(&mut self, socket: &Socket) -> io::Result<()> {
        keep(socket, RECEIVE_BUFFER);
        // The kernel doubles what is asked, for its own bookkeeping.
        self.receive_buffer = self.receive_buffer.min(socket.recv_buffer_size()? / 2);
        syscall::set_number(socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1)
    }
}
