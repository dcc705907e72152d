//! Sockets that packets come in through, one trait for all (*shell*). What is no packet for this server is counted
//! by its reason and dropped here.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;
use std::sync::Arc;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use socket2::Socket;

use super::syscall::{self, Inbox, Taken};
use super::{Arrival, Buffers, Packet};
use crate::codec::frame::{self, Checksum, Refusal};
use crate::limits::MAX_MESSAGE;
use crate::stats::{Counter, Stats};

/// What a socket is for. DISCOVERs have sockets of their own: whoever sends one was promised nothing yet, so they are
/// what goes when there is too much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Share {
    /// DISCOVERs whose first option says so.
    Discovers,
    /// Everything else.
    #[default]
    Others,
}

/// A socket that packets come in through. Belongs to one worker.
pub trait Receive: Send {
    /// Takes at most `limit` datagrams from the kernel without waiting, and appends those that are packets for this
    /// server to `into`. False once the kernel has no more. An error ends nothing: ask again.
    fn receive(
        &mut self,
        limit: usize,
        intake: &mut Intake,
        into: &mut Vec<Packet>,
    ) -> io::Result<bool>;

    /// Has `registry` tell when there is something to receive.
    fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()>;

    /// Takes that back.
    fn deregister(&mut self, registry: &Registry) -> io::Result<()>;

    /// The socket's name for log lines.
    fn name(&self) -> &str;

    /// What comes in through it.
    fn share(&self) -> Share {
        Share::Others
    }

    /// Throws away at most `limit` datagrams that wait, the oldest first, without a look at them: how many.
    fn discard(&mut self, limit: usize) -> io::Result<usize> {
        let _ = limit;
        Ok(0)
    }

    /// From now on the kernel drops what comes on top of so many bytes.
    fn keep(&mut self, bytes: usize) {
        let _ = bytes;
    }
}

/// What a thread needs to receive, used again and again: room for a batch, and buffers of packets that are done.
#[derive(Default)]
pub struct Intake {
    inbox: Inbox,
    buffers: Buffers,
}

impl Intake {
    /// The buffers of messages that are done.
    pub fn buffers(&self) -> &Buffers {
        &self.buffers
    }

    fn take(&mut self, socket: &Socket, limit: usize) -> io::Result<Option<usize>> {
        if_any(|| syscall::receive(socket, &mut self.inbox, limit))
    }

    /// A packet with a copy of `message`, in a spare buffer if there is one.
    fn packet(&self, arrival: Arrival, message: &[u8]) -> Packet {
        let mut buffer = self.buffers.take();
        buffer.extend_from_slice(message);
        Packet { arrival, message: buffer }
    }
}

/// What `take` gives, or none if it would have to wait.
fn if_any(mut take: impl FnMut() -> io::Result<usize>) -> io::Result<Option<usize>> {
    loop {
        match take() {
            Ok(count) => return Ok(Some(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn discard(socket: &Socket, limit: usize) -> io::Result<usize> {
    Ok(if_any(|| syscall::discard(socket, limit))?.unwrap_or(0))
}

/// Sets the receive buffer, beyond `rmem_max` if the process may.
pub(super) fn keep(socket: &Socket, bytes: usize) {
    let wanted = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    let forced = syscall::set_number(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, wanted);
    if forced.is_err() {
        // The kernel takes any number, and gives what it allows.
        let _ = socket.set_recv_buffer_size(bytes);
    }
}

/// Counts what the kernel dropped because a socket's buffer was full, from the running number it tells.
#[derive(Debug, Default)]
struct Overflow(u32);

impl Overflow {
    fn count(&mut self, taken: &Taken, stats: &Stats) {
        if let Some(total) = taken.overflow {
            stats.add(Counter::KernelDrop, u64::from(total.wrapping_sub(self.0)));
            self.0 = total;
        }
    }
}

fn refuse(stats: &Stats, reason: Counter) {
    stats.count(reason);
    stats.count(Counter::ReceiveDrop);
}

/// A UDP socket bound to one address: all that it gets was sent there.
pub(super) struct Udp {
    pub(super) socket: Arc<Socket>,
    pub(super) name: String,
    /// The arrival of each of its packets, but for the source.
    pub(super) arrival: Arrival,
    pub(super) share: Share,
    pub(super) stats: Arc<Stats>,
    overflow: Overflow,
}

impl Udp {
    pub(super) fn new(
        socket: Arc<Socket>,
        name: String,
        arrival: Arrival,
        share: Share,
        stats: Arc<Stats>,
    ) -> Self {
        Self { socket, name, arrival, share, stats, overflow: Overflow::default() }
    }
}

impl Receive for Udp {
    fn receive(
        &mut self,
        limit: usize,
        intake: &mut Intake,
        into: &mut Vec<Packet>,
    ) -> io::Result<bool> {
        let Some(count) = intake.take(&self.socket, limit)? else { return Ok(false) };
        for index in 0..count {
            let (taken, message) = intake.inbox.datagram(index);
            self.overflow.count(taken, &self.stats);
            if taken.truncated || message.len() > MAX_MESSAGE {
                refuse(&self.stats, Counter::Oversized);
                continue;
            }
            let arrival = Arrival { source: taken.source, ..self.arrival };
            into.push(intake.packet(arrival, message));
        }
        Ok(count == limit)
    }

    fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut SourceFd(&self.socket.as_raw_fd()), token, Interest::READABLE)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut SourceFd(&self.socket.as_raw_fd()))
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn share(&self) -> Share {
        self.share
    }

    fn discard(&mut self, limit: usize) -> io::Result<usize> {
        discard(&self.socket, limit)
    }

    fn keep(&mut self, bytes: usize) {
        keep(&self.socket, bytes);
    }
}

/// A packet socket: whole frames that were sent to the Ethernet broadcast address.
pub(super) struct Raw {
    pub(super) socket: Socket,
    pub(super) name: String,
    pub(super) view: RawView,
    pub(super) share: Share,
    pub(super) stats: Arc<Stats>,
    overflow: Overflow,
}

/// What a frame must match to be a packet for this server. Pure.
#[derive(Clone, Debug)]
pub(super) struct RawView {
    /// Index of the interface.
    pub(super) interface: u32,
    /// The addresses that are served, the one that answers broadcasts first.
    pub(super) served: Vec<Ipv4Addr>,
    /// The interface's own broadcast addresses.
    pub(super) broadcasts: Vec<Ipv4Addr>,
    /// The server's port.
    pub(super) port: u16,
}

impl Raw {
    pub(super) fn new(
        socket: Socket,
        name: String,
        view: RawView,
        share: Share,
        stats: Arc<Stats>,
    ) -> Self {
        Self { socket, name, view, share, stats, overflow: Overflow::default() }
    }
}

impl RawView {
    /// The packet in a frame, or by what it is counted.
    fn read<'a>(&self, taken: &Taken, frame: &'a [u8]) -> Result<(Arrival, &'a [u8]), Counter> {
        if taken.truncated {
            return Err(Counter::Oversized);
        }
        let status = taken.aux.map_or(0, |aux| aux.status);
        let checksum = if status & libc::TP_STATUS_CSUMNOTREADY != 0 {
            Checksum::NotReady
        } else {
            Checksum::Complete
        };
        let frame = frame::parse(frame, checksum).map_err(counter)?;
        let cut_out = taken.aux.filter(|_| status & libc::TP_STATUS_VLAN_VALID != 0);
        let vlan = cut_out.map_or(frame.vlan, |aux| aux.vlan_tci & 0x0fff);
        if vlan != 0 {
            return Err(Counter::OtherVlan); // a VLAN's own interface serves its clients
        }
        if frame.payload.len() > MAX_MESSAGE {
            return Err(Counter::Oversized);
        }
        let destination = *frame.destination.ip();
        let local = self.local(destination).ok_or(Counter::NotOurAddress)?;
        if frame.destination.port() != self.port {
            return Err(Counter::NotOurAddress);
        }
        let interface = self.interface;
        let arrival = Arrival { interface, source: frame.source, destination, local, raw: true };
        Ok((arrival, frame.payload))
    }

    /// What answers a packet to `destination` leave from; `None` if the packet is not for us. 0.0.0.0 is a
    /// broadcast of old (RFC 1122 section 3.3.6).
    fn local(&self, destination: Ipv4Addr) -> Option<Ipv4Addr> {
        if self.served.contains(&destination) {
            return Some(destination);
        }
        let broadcast = destination.is_broadcast()
            || destination.is_unspecified()
            || self.broadcasts.contains(&destination);
        self.served.first().copied().filter(|_| broadcast)
    }
}

fn counter(refusal: Refusal) -> Counter {
    match refusal {
        Refusal::Truncated => Counter::FrameTruncated,
        Refusal::NotIpv4 | Refusal::NotUdp => Counter::NotOurAddress,
        Refusal::Fragment => Counter::FrameFragment,
        Refusal::IpChecksum | Refusal::UdpChecksum => Counter::FrameChecksum,
    }
}

impl Receive for Raw {
    fn receive(
        &mut self,
        limit: usize,
        intake: &mut Intake,
        into: &mut Vec<Packet>,
    ) -> io::Result<bool> {
        let Some(count) = intake.take(&self.socket, limit)? else { return Ok(false) };
        for index in 0..count {
            let (taken, frame) = intake.inbox.datagram(index);
            self.overflow.count(taken, &self.stats);
            match self.view.read(taken, frame) {
                Ok((arrival, message)) => {
                    into.push(intake.packet(arrival, message));
                }
                Err(reason) => refuse(&self.stats, reason),
            }
        }
        Ok(count == limit)
    }

    fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut SourceFd(&self.socket.as_raw_fd()), token, Interest::READABLE)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut SourceFd(&self.socket.as_raw_fd()))
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn share(&self) -> Share {
        self.share
    }

    fn discard(&mut self, limit: usize) -> io::Result<usize> {
        discard(&self.socket, limit)
    }

    fn keep(&mut self, bytes: usize) {
        keep(&self.socket, bytes);
    }
}

/// The arrival of packets that all come to `local` or its broadcast address.
pub(super) fn arrival(
    interface: u32,
    destination: Ipv4Addr,
    local: Ipv4Addr,
    raw: bool,
) -> Arrival {
    let source = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
    Arrival { interface, source, destination, local, raw }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::syscall::Aux;

    const SERVED: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)];
    const FROM: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 68);

    fn read(to: [u8; 4], port: u16, length: usize, aux: Option<Aux>) -> Result<Ipv4Addr, Counter> {
        let view = RawView {
            interface: 7,
            served: SERVED.to_vec(),
            broadcasts: vec![Ipv4Addr::new(192, 0, 2, 255)],
            port: 67,
        };
        let message = vec![1; length];
        let to = SocketAddrV4::new(to.into(), port);
        let header = frame::header([2; 6], frame::BROADCAST, FROM, to, &message).unwrap();
        let bytes = [&header[..], &message].concat();
        let length = bytes.len();
        let taken = Taken { length, truncated: false, source: FROM, aux, overflow: None };
        let (arrival, payload) = view.read(&taken, &bytes)?;
        assert_eq!((payload, arrival.interface, arrival.raw), (&message[..], 7, true));
        assert_eq!((arrival.source, arrival.destination), (FROM, *to.ip()));
        Ok(arrival.local)
    }

    #[test]
    fn broadcasts_are_answered_from_the_first_address_and_others_from_the_one_that_was_asked() {
        for to in [[255; 4], [0; 4], [192, 0, 2, 255], [192, 0, 2, 1]] {
            assert_eq!(read(to, 67, 300, None), Ok(SERVED[0]));
        }
        assert_eq!(read([192, 0, 2, 2], 67, 300, None), Ok(SERVED[1]));
        for to in [[192, 0, 2, 3], [198, 51, 100, 255]] {
            assert_eq!(read(to, 67, 300, None), Err(Counter::NotOurAddress));
        }
        assert_eq!(read([255; 4], 68, 300, None), Err(Counter::NotOurAddress));
    }

    #[test]
    fn a_tag_that_the_card_took_out_is_looked_at_only_if_it_is_valid() {
        let tag = |status, vlan_tci| Some(Aux { status, vlan_tci });
        let valid = libc::TP_STATUS_VLAN_VALID;
        assert_eq!(read([255; 4], 67, 300, tag(valid, 5)), Err(Counter::OtherVlan));
        assert_eq!(read([255; 4], 67, 300, tag(valid, 0xe000)), Ok(SERVED[0]));
        assert_eq!(read([255; 4], 67, 300, tag(0, 5)), Ok(SERVED[0]));
    }

    #[test]
    fn the_largest_message_fits_and_a_larger_one_is_counted() {
        assert_eq!(read([255; 4], 67, MAX_MESSAGE, None), Ok(SERVED[0]));
        assert_eq!(read([255; 4], 67, MAX_MESSAGE + 1, None), Err(Counter::Oversized));
    }

    #[test]
    fn the_kernel_s_running_count_of_drops_is_added_up() {
        let stats = Stats::default();
        let mut overflow = Overflow(u32::MAX - 1);
        for total in [None, Some(u32::MAX), Some(4), Some(4)] {
            let source = FROM;
            let taken = Taken { length: 0, truncated: false, source, aux: None, overflow: total };
            overflow.count(&taken, &stats);
        }
        assert_eq!(stats.value(Counter::KernelDrop), 6);
    }
}
