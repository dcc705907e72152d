//! Sends replies through the open sockets (*shell*): from the address that was asked, in batches, from any thread.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;

use arc_swap::ArcSwap;
use socket2::Socket;

use super::syscall::{self, Outgoing, To};
use super::{Departure, Destination, Links, Ports, Transmit};
use crate::codec::frame::{self, HEADER};
use crate::limits::{BATCH, MAX_SEND_TRIES, SEND_WAIT_MS};
use crate::log;
use crate::stats::{Counter, Stats};
use crate::sync::atomic::{AtomicUsize, Ordering};

/// What can be sent through, as the last look at the interfaces left it.
#[derive(Default)]
pub(super) struct Table {
    /// The UDP sockets bound to each address that is served.
    pub(super) udp: BTreeMap<Ipv4Addr, Vec<Arc<Socket>>>,
    /// Ethernet addresses of the interfaces on which clients can be answered below IP.
    pub(super) links: BTreeMap<u32, [u8; 6]>,
    /// The packet socket that sends frames.
    pub(super) raw: Option<Arc<Socket>>,
    /// Whether what goes through IP leaves through the interface of its query, too.
    pub(super) same_as_inbound: bool,
    /// Names of the interfaces that are served.
    pub(super) names: BTreeMap<u32, Arc<str>>,
    /// The keys of `udp`.
    pub(super) addresses: Arc<[Ipv4Addr]>,
}

/// [`Transmit`] over a [`Table`].
pub(super) struct Sender {
    pub(super) table: ArcSwap<Table>,
    ports: Ports,
    stats: Arc<Stats>,
    turn: AtomicUsize,
}

/// Which socket a reply leaves through; replies that share it go in one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Ip(Ipv4Addr),
    Link,
}

impl Links for Sender {
    fn name(&self, interface: u32) -> Arc<str> {
        self.table.load().names.get(&interface).cloned().unwrap_or_default()
    }

    fn addresses(&self) -> Arc<[Ipv4Addr]> {
        self.table.load().addresses.clone()
    }
}

impl Sender {
    pub(super) fn new(ports: Ports, stats: Arc<Stats>) -> Self {
        Self { table: ArcSwap::default(), ports, stats, turn: AtomicUsize::new(0) }
    }

    fn send_run(&self, table: &Table, way: Way, run: &[Departure]) {
        match (way, &table.raw) {
            (Way::Ip(source), _) => match self.socket(table, source) {
                Some(socket) => {
                    let messages: Vec<_> =
                        run.iter().map(|reply| self.datagram(table, reply)).collect();
                    self.send_all(socket, &messages, run);
                }
                None => self.fail(run, &"no socket is open"),
            },
            (Way::Link, Some(socket)) => self.send_frames(table, socket, run),
            (Way::Link, None) => self.fail(run, &"no raw socket is open"),
        }
    }

    /// A socket bound to `source`, each of its group in turn; any other if that address is not served.
    fn socket<'a>(&self, table: &'a Table, source: Ipv4Addr) -> Option<&'a Socket> {
        let group = table.udp.get(&source).or_else(|| table.udp.values().next())?;
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        group.get(turn % group.len().max(1)).map(Arc::as_ref)
    }

    fn datagram<'a>(&self, table: &Table, reply: &'a Departure) -> Outgoing<'a> {
        let to = match reply.destination {
            Destination::Ip { to } => self.receiver(to),
            // Not reachable below IP after all: everybody on the link gets it.
            Destination::Link { to, .. } => {
                SocketAddrV4::new(Ipv4Addr::BROADCAST, self.receiver(to).port())
            }
        };
        // A broadcast has no route: it goes where the query came from.
        let pinned = table.same_as_inbound || to.ip().is_broadcast();
        let interface = if pinned { reply.interface } else { 0 };
        Outgoing {
            parts: [&[], &reply.message],
            to: To::Ip { to, source: reply.source, interface },
        }
    }

    fn send_frames(&self, table: &Table, socket: &Socket, run: &[Departure]) {
        let mut headers = [[0; HEADER]; BATCH];
        let mut frames = Vec::with_capacity(run.len());
        for (reply, header) in run.iter().zip(&mut headers) {
            let Destination::Link { mac, to } = reply.destination else { continue };
            let own = table.links.get(&reply.interface).copied().unwrap_or_default();
            let from = SocketAddrV4::new(reply.source, self.ports.server);
            // Longer ones do not fit into a frame either: the kernel refuses them.
            if let Some(written) = frame::header(own, mac, from, self.receiver(to), &reply.message)
            {
                *header = written;
            }
            frames.push((reply, &*header, mac));
        }
        let messages: Vec<_> = frames
            .into_iter()
            .map(|(reply, header, mac)| Outgoing {
                parts: [header, &reply.message],
                to: To::Link { interface: reply.interface, mac },
            })
            .collect();
        self.send_all(socket, &messages, run);
    }

    /// `-P` overrides the port of every receiver.
    fn receiver(&self, to: SocketAddrV4) -> SocketAddrV4 {
        SocketAddrV4::new(*to.ip(), self.ports.client.unwrap_or(to.port()))
    }

    /// Sends `messages`, which are those of `replies`: what fails is passed over, what finds no room is tried again
    /// a few times. Those to one receiver go as one that the kernel cuts apart, if it can.
    fn send_all(&self, socket: &Socket, messages: &[Outgoing<'_>], replies: &[Departure]) {
        let (mut done, mut tries, mut join) = (0, 0, true);
        while done < messages.len() {
            match syscall::send(socket, &messages[done..], join) {
                Ok(count) => {
                    done += count.max(1);
                    tries = 0;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if no_room(&error) && tries + 1 < MAX_SEND_TRIES => {
                    tries += 1;
                    syscall::wait_writable(socket, SEND_WAIT_MS);
                }
                // Whatever it was, it may be only about joined ones: a small MTU, an old kernel, one bad receiver.
                Err(_) if join => join = false,
                Err(error) => {
                    self.fail(&replies[done..=done], &error);
                    done += 1;
                    tries = 0;
                }
            }
        }
    }

    fn fail(&self, replies: &[Departure], reason: &dyn std::fmt::Display) {
        self.stats.add(Counter::SendFailed, replies.len() as u64);
        for reply in replies {
            let (from, interface) = (reply.source, reply.interface);
            let (Destination::Ip { to } | Destination::Link { to, .. }) = reply.destination;
            log!(
                DHCP4_PACKET_SEND_FAIL,
                "cannot send from {from} to {to} on interface {interface}: {reason}"
            );
        }
    }
}

impl Transmit for Sender {
    fn transmit(&self, batch: &mut Vec<Departure>) {
        let table = self.table.load();
        let way = |reply: &Departure| match reply.destination {
            Destination::Link { .. } if table.links.contains_key(&reply.interface) => Way::Link,
            _ => Way::Ip(reply.source),
        };
        let order = |reply: &Departure| match reply.destination {
            Destination::Ip { to } => (way(reply), Some(to)),
            Destination::Link { .. } => (way(reply), None),
        };
        if !batch.is_sorted_by_key(order) {
            batch.sort_by_key(order);
        }
        for run in batch.chunk_by(|one, next| way(one) == way(next)) {
            for run in run.chunks(BATCH) {
                self.send_run(&table, way(&run[0]), run);
            }
        }
    }
}

fn no_room(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(libc::ENOBUFS)
}
