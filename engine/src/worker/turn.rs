//! One worker: its sockets, its queue, and the bounded turn it goes through again and again. In a turn each
//! socket that has something gives one batch, and so does the queue, so that none of them starves.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Poll, Token};

use super::pool::Shared;
use super::{Desk, Job};
use crate::clock::{Mono, Now};
use crate::limits::{BATCH, INTERFACE_SCAN_MS, MAX_RECEIVE_ERRORS, RECEIVE_RETRY_MS, SOON_MS};
use crate::log;
use crate::packet::receive::{Intake, Receive};
use crate::packet::{Change, Departure, Packet, Scan, SocketId};
use crate::stats::Counter;

/// The token of the worker's waker; sockets have their own numbers.
pub(super) const WAKE: Token = Token(usize::MAX);

/// The worker that also looks after the interfaces.
const HOUSEKEEPER: usize = 0;

/// A worker's state.
pub(super) struct Worker {
    index: usize,
    shared: Arc<Shared>,
    desk: Box<dyn Desk>,
    poll: Poll,
    events: Events,
    sockets: Vec<Socket>,
    intake: Intake,
    packets: Vec<Packet>,
    /// Jobs for each worker, gathered from one batch; the worker's own are served at once.
    sorted: Vec<Vec<Job>>,
    jobs: Vec<Job>,
    dropped: Vec<Job>,
    out: Vec<Departure>,
    next_scan: Mono,
}

struct Socket {
    id: SocketId,
    receiver: Box<dyn Receive>,
    /// Whether the kernel may have something.
    ready: bool,
    /// Errors since it last gave anything.
    errors: u32,
}

impl Worker {
    pub(super) fn new(index: usize, poll: Poll, shared: Arc<Shared>) -> Self {
        let sorted = shared.queues.iter().map(|_| Vec::new()).collect();
        let next_scan = shared.clock.now().mono + Duration::from_millis(INTERFACE_SCAN_MS);
        Self {
            index,
            desk: Arc::clone(&shared.pipeline).desk(),
            shared,
            poll,
            events: Events::with_capacity(BATCH),
            sockets: Vec::new(),
            intake: Intake::default(),
            packets: Vec::new(),
            sorted,
            jobs: Vec::new(),
            dropped: Vec::new(),
            out: Vec::new(),
            next_scan,
        }
    }

    /// One turn. False when the pool stops.
    pub(super) fn turn(&mut self) -> bool {
        if self.shared.stopping.load(crate::sync::atomic::Ordering::Acquire) {
            return false;
        }
        self.keep_house();
        self.change_sockets();
        self.wait();
        self.serve_queue();
        for index in 0..self.sockets.len() {
            if self.sockets[index].ready {
                self.receive(index);
            }
        }
        true
    }

    /// Waits for a socket or the queue; not at all if there is something left to do.
    fn wait(&mut self) {
        let busy = self.sockets.iter().any(|socket| socket.ready);
        let queue = &self.shared.queues[self.index];
        let timeout =
            if busy || !queue.prepare_sleep() { Some(Duration::ZERO) } else { self.patience() };
        let outcome = self.poll.poll(&mut self.events, timeout);
        queue.awake();
        if let Err(error) = outcome {
            if error.kind() != io::ErrorKind::Interrupted {
                self.shared.stats.count(Counter::ReceiveFailed);
                log!(PEREGRINE_RECEIVE_FAILED, "waiting for packets: {error}");
            }
            return;
        }
        if self.events.is_empty() {
            for socket in &mut self.sockets {
                socket.ready |= socket.errors > 0;
            }
        }
        for event in &self.events {
            let id = SocketId(event.token().0);
            if let Ok(at) = self.sockets.binary_search_by_key(&id, |socket| socket.id) {
                self.sockets[at].ready = true;
            }
        }
    }

    /// Takes one batch from a socket: the packets of own clients are served, the others handed over.
    fn receive(&mut self, at: usize) {
        // No more than a queue holds, so that one batch cannot push itself out of it.
        let limit = BATCH.min(self.shared.queues[self.index].capacity());
        let socket = &mut self.sockets[at];
        match socket.receiver.receive(limit, &mut self.intake, &mut self.packets) {
            Ok(more) => {
                socket.ready = more;
                socket.errors = 0;
            }
            Err(error) => {
                socket.errors += 1;
                socket.ready = socket.errors < MAX_RECEIVE_ERRORS;
                self.shared.stats.count(Counter::ReceiveFailed);
                log!(PEREGRINE_RECEIVE_FAILED, "{}: {error}", socket.receiver.name());
            }
        }
        if !self.packets.is_empty() {
            let now = self.shared.clock.now();
            self.sort(now);
            self.hand_over();
            self.jobs.append(&mut self.sorted[self.index]);
            self.serve(now);
        }
    }

    /// Admits the packets and puts each to its worker's.
    fn sort(&mut self, now: Now) {
        let workers = self.sorted.len() as u64;
        for packet in self.packets.drain(..) {
            match self.shared.pipeline.admit(&packet, now) {
                Some(dispatch) => {
                    let worker = usize::try_from(dispatch.hash % workers).unwrap_or(0);
                    self.sorted[worker].push(Job { packet, dispatch });
                }
                None => self.intake.buffers().give(packet.message),
            }
        }
    }

    fn hand_over(&mut self) {
        for (worker, jobs) in self.sorted.iter_mut().enumerate() {
            if worker == self.index || jobs.is_empty() {
                continue;
            }
            if self.shared.queues[worker].push(jobs, &mut self.dropped) {
                self.shared.wake(worker);
            }
        }
        for job in self.dropped.drain(..) {
            self.shared.pipeline.dropped(job);
        }
    }

    fn serve_queue(&mut self) {
        let queue = &self.shared.queues[self.index];
        if queue.is_empty() {
            return;
        }
        queue.take(BATCH, &mut self.jobs);
        let now = self.shared.clock.now();
        self.serve(now);
    }

    fn serve(&mut self, now: Now) {
        if self.jobs.is_empty() {
            return;
        }
        let buffers = self.intake.buffers();
        self.desk.serve(&mut self.jobs, now, buffers, &mut self.out);
        if !self.out.is_empty() {
            self.shared.transmit.transmit(&mut self.out);
        }
        self.out.drain(..).for_each(|reply| buffers.give(reply.message));
        self.jobs.drain(..).for_each(|job| buffers.give(job.packet.message));
    }

    fn keep_house(&mut self) {
        if self.index != HOUSEKEEPER {
            return;
        }
        let now = self.shared.clock.now().mono;
        if now >= self.next_scan {
            let scan = self.shared.watch.scan();
            if scan != Scan::Same {
                self.shared.wake_all();
            }
            let pause = if scan == Scan::Unfinished { SOON_MS } else { INTERFACE_SCAN_MS };
            self.next_scan = now + Duration::from_millis(pause);
        }
    }

    /// How long nothing needs to happen by itself.
    fn patience(&self) -> Option<Duration> {
        let failing = self.sockets.iter().any(|socket| socket.errors > 0);
        let retry = failing.then_some(Duration::from_millis(RECEIVE_RETRY_MS));
        let scan =
            (self.index == HOUSEKEEPER).then(|| self.next_scan.since(self.shared.clock.now().mono));
        retry.into_iter().chain(scan).min()
    }

    fn change_sockets(&mut self) {
        for change in self.shared.mailboxes[self.index].take() {
            match change {
                Change::Open(id, receiver) => self.open(id, receiver),
                Change::Close(id) => {
                    if let Ok(at) = self.sockets.binary_search_by_key(&id, |socket| socket.id) {
                        let mut socket = self.sockets.remove(at);
                        // Closing it does the same.
                        let _ = socket.receiver.deregister(self.poll.registry());
                    }
                }
            }
        }
    }

    /// Numbers only grow, so the list stays in order.
    fn open(&mut self, id: SocketId, mut receiver: Box<dyn Receive>) {
        if let Err(error) = receiver.register(self.poll.registry(), Token(id.0)) {
            self.shared.stats.count(Counter::ReceiveFailed);
            log!(PEREGRINE_RECEIVE_FAILED, "{}: {error}", receiver.name());
            return;
        }
        self.sockets.push(Socket { id, receiver, ready: true, errors: 0 });
    }
}
