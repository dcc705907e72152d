//! One worker: its sockets, its queue, and the bounded turn it goes through again and again. In a turn each
//! socket that has something gives one batch, and so does the queue, so that none of them starves; the sockets for
//! DISCOVERs only once the others have nothing more, or after a number of turns.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Poll, Token};

use super::patience::Patience;
use super::pool::Shared;
use super::{Desk, Job};
use crate::clock::{Mono, Now};
use crate::limits::{
    BATCH, HOLD_BACK_LOOK_MS, HOLD_BACK_MS, INTERFACE_SCAN_MS, MAX_DISCARDED, MAX_RECEIVE_ERRORS,
    MAX_TURNS_PASSED_OVER, RECEIVE_BUFFER, RECEIVE_RETRY_MS, RUSH_RECEIVE_BUFFER, SOON_MS,
};
use crate::log;
use crate::packet::receive::{Intake, Receive, Share};
use crate::packet::{Change, Departure, Packet, Scan, SocketId};
use crate::stats::Counter;
use crate::sync::before_io;

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
    /// Turns in which DISCOVERs waited for everything else.
    passed_over: u32,
    /// Since when another worker's queue has no room.
    held_back: Option<Mono>,
}

struct Socket {
    id: SocketId,
    receiver: Box<dyn Receive>,
    /// Whether the kernel may have something.
    ready: bool,
    /// Errors since it last gave anything.
    errors: u32,
    /// It has something, for which there is no room.
    held: bool,
    patience: Patience,
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
            passed_over: 0,
            held_back: None,
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
        self.receive_all(Share::Others);
        if self.is_discovers_turn() {
            self.receive_all(Share::Discovers);
        }
        true
    }

    fn receive_all(&mut self, share: Share) {
        for index in 0..self.sockets.len() {
            let socket = &self.sockets[index];
            if socket.ready && socket.receiver.share() == share {
                self.receive(index);
            }
        }
    }

    /// Whether everything else is done, or DISCOVERs have waited for it long enough.
    fn is_discovers_turn(&mut self) -> bool {
        let other = |socket: &Socket| socket.ready && socket.receiver.share() == Share::Others;
        let busy = self.sockets.iter().any(other) || !self.shared.queues[self.index].is_empty();
        let wait = busy && self.passed_over < MAX_TURNS_PASSED_OVER;
        self.passed_over = if wait { self.passed_over + 1 } else { 0 };
        !wait
    }

    /// Waits for a socket or the queue; not at all if there is something left to do.
    fn wait(&mut self) {
        let busy = self.sockets.iter().any(|socket| socket.ready && !socket.held);
        let held = self.sockets.iter().any(|socket| socket.ready && socket.held);
        let queue = &self.shared.queues[self.index];
        let timeout = if busy || !queue.prepare_sleep() {
            Some(Duration::ZERO)
        } else if held {
            Some(Duration::from_millis(HOLD_BACK_LOOK_MS))
        } else {
            self.patience()
        };
        before_io();
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
        let share = self.sockets[at].receiver.share();
        let now = self.shared.clock.now().mono;
        if share == Share::Discovers && self.sockets[at].patience.look(now) {
            return self.discard(at, now);
        }
        let limit = self.limit(share, now);
        let socket = &mut self.sockets[at];
        socket.held = limit == 0;
        if socket.held {
            return;
        }
        match socket.receiver.receive(limit, &mut self.intake, &mut self.packets) {
            Ok(more) => {
                socket.ready = more;
                socket.errors = 0;
                if !more && share == Share::Discovers && socket.patience.emptied(now) {
                    socket.receiver.keep(RECEIVE_BUFFER);
                    log!(
                        PEREGRINE_RUSH_OVER,
                        "{}: every DISCOVER is read again",
                        socket.receiver.name()
                    );
                }
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

    /// How many packets may be taken: no more than a queue holds, so that one batch cannot push itself out of it, and
    /// no more than the others' have room for. What there is no room for is better left in the kernel for a while.
    fn limit(&mut self, share: Share, now: Mono) -> usize {
        let capacity = self.shared.queues[self.index].capacity();
        let (most, half) = (BATCH.min(capacity), capacity.div_ceil(2));
        let queues =
            self.shared.queues.iter().enumerate().filter(|(index, _)| *index != self.index);
        let room = queues.map(|(_, queue)| capacity.saturating_sub(queue.len())).min();
        let room = room.unwrap_or(capacity);
        match share {
            Share::Discovers => most.min(if room >= half { room } else { 0 }),
            Share::Others if room > 0 => {
                self.held_back = None;
                most.min(room)
            }
            Share::Others => {
                let since = *self.held_back.get_or_insert(now);
                let over = now.since(since) >= Duration::from_millis(HOLD_BACK_MS);
                if over { most } else { 0 }
            }
        }
    }

    /// Throws away what waits in a socket for DISCOVERs: it has waited for too long.
    fn discard(&mut self, at: usize, now: Mono) {
        let socket = &mut self.sockets[at];
        let mut discarded = 0;
        while discarded < MAX_DISCARDED {
            match socket.receiver.discard(BATCH) {
                Ok(0) => break,
                Ok(count) => discarded += count,
                Err(error) => {
                    self.shared.stats.count(Counter::ReceiveFailed);
                    log!(PEREGRINE_RECEIVE_FAILED, "{}: {error}", socket.receiver.name());
                    break;
                }
            }
        }
        self.shared.stats.add(Counter::DiscoverDiscarded, discarded as u64);
        self.shared.stats.add(Counter::ReceiveDrop, discarded as u64);
        if socket.patience.discarded(now) {
            socket.receiver.keep(RUSH_RECEIVE_BUFFER);
            log!(
                PEREGRINE_RUSH,
                "{}: {discarded} DISCOVERs waited for too long and were thrown away",
                socket.receiver.name()
            );
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
        let patience = Patience::default();
        self.sockets.push(Socket { id, receiver, ready: true, errors: 0, held: false, patience });
    }
}
