//! Sockets without a network, for tests: packets are put in by hand, replies are kept.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use super::receive::{Intake, Receive};
use super::sockets::{Change, Mailbox, Scan, SocketId, Sockets, Watch};
use super::{Departure, Links, Packet, Transmit};
use crate::config::model::Interfaces;
use crate::sync::{Mutex, before_io};

/// The other end of stub [`Sockets`].
pub struct Stub {
    lines: Vec<Line>,
    sent: mpsc::Receiver<Departure>,
}

/// The way to one worker's socket.
struct Line {
    waiting: Arc<Mutex<VecDeque<Item>>>,
    ring: UnixStream,
}

/// What a stub socket gives next.
enum Item {
    Packet(Packet),
    Error(io::ErrorKind),
}

struct Sent(mpsc::Sender<Departure>);

struct StubSocket {
    waiting: Arc<Mutex<VecDeque<Item>>>,
    bell: UnixStream,
}

struct Still;

/// Sockets for `threads` workers, one each.
pub fn sockets(threads: usize) -> io::Result<(Sockets, Stub)> {
    let (sender, sent) = mpsc::channel();
    let mut stub = Stub { lines: Vec::new(), sent };
    let mut mailboxes = Vec::new();
    for thread in 0..threads {
        let (ring, bell) = UnixStream::pair()?;
        ring.set_nonblocking(true)?;
        bell.set_nonblocking(true)?;
        let waiting = Arc::<Mutex<VecDeque<Item>>>::default();
        stub.lines.push(Line { waiting: waiting.clone(), ring });
        let mailbox = Mailbox::default();
        mailbox.put(Change::Open(SocketId(thread), Box::new(StubSocket { waiting, bell })));
        mailboxes.push(Arc::new(mailbox));
    }
    let transmit = Arc::new(Sent(sender));
    Ok((Sockets { mailboxes, watch: Arc::new(Still), transmit, links: Arc::new(Nowhere) }, stub))
}

impl Stub {
    /// Lets `thread`'s socket receive `packets`, in this order and all at once.
    pub fn deliver(&self, thread: usize, packets: impl IntoIterator<Item = Packet>) {
        self.put(thread, packets.into_iter().map(Item::Packet));
    }

    /// Lets the next receive of `thread`'s socket fail.
    pub fn fail(&self, thread: usize, error: io::ErrorKind) {
        self.put(thread, [Item::Error(error)].into_iter());
    }

    /// The next reply that is sent, or `None` if there is none within `patience`.
    pub fn sent(&self, patience: Duration) -> Option<Departure> {
        self.sent.recv_timeout(patience).ok()
    }

    fn put(&self, thread: usize, items: impl Iterator<Item = Item>) {
        let line = &self.lines[thread];
        line.waiting.lock().extend(items);
        // A full buffer has rung already.
        let _ = (&line.ring).write(&[0]);
    }
}

impl Receive for StubSocket {
    fn receive(
        &mut self,
        limit: usize,
        _intake: &mut Intake,
        into: &mut Vec<Packet>,
    ) -> io::Result<bool> {
        before_io();
        let _ = (&self.bell).read(&mut [0; 64]);
        let mut waiting = self.waiting.lock();
        for _ in 0..limit {
            match waiting.pop_front() {
                Some(Item::Packet(packet)) => into.push(packet),
                Some(Item::Error(kind)) => return Err(kind.into()),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut SourceFd(&self.bell.as_raw_fd()), token, Interest::READABLE)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut SourceFd(&self.bell.as_raw_fd()))
    }

    fn name(&self) -> &str {
        "stub"
    }
}

impl Transmit for Sent {
    fn transmit(&self, batch: &mut Vec<Departure>) {
        before_io();
        for reply in batch.drain(..) {
            // Nobody looks at it any more if this fails.
            let _ = self.0.send(reply);
        }
    }
}

impl Watch for Still {
    fn scan(&self) -> Scan {
        Scan::Same
    }

    fn configure(&self, _wanted: &Interfaces) {}
}

/// No interface is served by a stub.
struct Nowhere;

impl Links for Nowhere {
    fn name(&self, _interface: u32) -> Arc<str> {
        Arc::default()
    }

    fn addresses(&self) -> Arc<[Ipv4Addr]> {
        Arc::default()
    }
}
