//! The way of a packet through the rooms: admitted on the thread that received it, decided on its client's worker,
//! sent once whoever must know of its lease does.

#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::net::Ipv4Addr;
use std::sync::Arc;

use super::commit::Commits;
use super::settle::{Decided, Settling};
use super::storage::Storage;
use super::tell;
use crate::alloc::Offers;
use crate::clock::Now;
use crate::codec::v4::{Malformed, MessageType, Query};
use crate::lease::{ChangeNumber, Stored};
use crate::packet::{Buffers, Departure, Links};
use crate::pending::{Pending, Ticket};
use crate::seam::Admission;
use crate::seam::service::Service;
use crate::stats::{Counter, Place, Stats};
use crate::sync::Live;
use crate::v4::{self, Outcome, Snapshot};
use crate::worker::{self, Dispatch, Job, Packet};

/// Everything a packet meets on its way. Pure but for what it is given: a simulation gives it a disk and a link of
/// its own.
pub struct Pipeline {
    /// The configuration.
    pub snapshot: Live<Snapshot>,
    /// Who is served.
    pub admission: Arc<dyn Admission>,
    /// Whether anybody is.
    pub service: Arc<Service>,
    /// The leases and their file.
    pub storage: Storage,
    /// Replies that wait for an acknowledgement.
    pub pending: Arc<Pending>,
    /// The open offers.
    pub offers: Offers,
    /// Names and addresses of the interfaces.
    pub links: Arc<dyn Links>,
    /// The counters.
    pub stats: Arc<Stats>,
    /// The key of the hash that chooses the worker.
    pub key: RandomState,
    /// The port that every reply goes to (Kea's `-P`).
    pub reply_port: Option<u16>,
    /// Who waits for the lease file; without it the worker itself does.
    pub commits: Option<Commits>,
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline").field("storage", &self.storage).finish_non_exhaustive()
    }
}

impl worker::Pipeline for Pipeline {
    fn admit(&self, packet: &Packet, now: Now) -> Option<Dispatch> {
        self.stats.count(Counter::Received);
        let query = match self.read(&packet.message, || self.snapshot.load().is_lenient()) {
            Ok(query) if query.is_bootp() && !self.snapshot.load().serves_bootp() => {
                self.stats.count(Counter::ParseFailed);
                return self.refused(malformed(Malformed::NoMessageType));
            }
            Ok(query) => query,
            Err(why) => {
                self.stats.count(Counter::ParseFailed);
                return self.refused(malformed(why));
            }
        };
        self.stats.count(received(query.message_type()));
        if !self.service.is_enabled() {
            return self.refused(Counter::ServiceDisabled);
        }
        let admitted = v4::ask_admission(&query, |client| self.admission.admit(client, now));
        if !admitted.serve {
            return self.refused(Counter::NotForUs);
        }
        let yields = query.message_type() == MessageType::Discover;
        let (hash, outline) = (self.hash(&query), Some(query.outline()));
        Some(Dispatch { hash, class: admitted.class, yields, outline })
    }

    fn desk(self: Arc<Self>) -> Box<dyn worker::Desk> {
        let settling = self.settling();
        Box::new(Desk { pipeline: self, settling, replies: Vec::new() })
    }

    fn dropped(&self, _job: Job) {
        self.stats.count(Counter::QueueFull);
        self.stats.count(Counter::ReceiveDrop);
    }
}

/// One worker's way through the pipeline.
struct Desk {
    pipeline: Arc<Pipeline>,
    settling: Settling,
    /// Memory for the replies of a batch.
    replies: Vec<Decided>,
}

impl worker::Desk for Desk {
    fn serve(
        &mut self,
        batch: &mut Vec<Job>,
        now: Now,
        buffers: &Buffers,
        out: &mut Vec<Departure>,
    ) {
        let pipeline = &*self.pipeline;
        pipeline.storage.store.watch(now);
        let Some(right) = pipeline.service.begin_turn() else {
            // They were admitted before the service was switched off.
            let dropped = batch.len() as u64;
            pipeline.stats.add(Counter::ServiceDisabled, dropped);
            pipeline.stats.add(Counter::ReceiveDrop, dropped);
            return;
        };
        let mut turn = Turn {
            pipeline,
            snapshot: &pipeline.snapshot.load(),
            local_addresses: &pipeline.links.addresses(),
            admission: &*pipeline.admission,
            interface: None,
            now,
            buffers,
            lines: tell::Lines::default(),
            replies: &mut self.replies,
        };
        let mut last_change = None;
        // The jobs stay in the batch: the worker uses their buffers again.
        for job in batch.iter() {
            last_change = last_change.max(turn.decide(job));
        }
        let lines = turn.lines;
        drop(right);
        let written = match (last_change, &pipeline.commits) {
            (None, _) => true,
            (Some(last), None) => pipeline.storage.write_through(last).is_ok(),
            (Some(last), Some(commits)) => match pipeline.storage.append_through(last) {
                Ok(false) => {
                    commits.give_back(buffers);
                    let waits = |decided: &mut Decided| decided.reply.last_change.is_some();
                    commits.leave(last, self.replies.extract_if(.., waits).collect());
                    true
                }
                other => other.is_ok(),
            },
        };
        for decided in self.replies.drain(..) {
            out.extend(self.settling.settle(decided, written));
        }
        lines.emit();
    }
}

/// One batch on one worker: one configuration, one time.
struct Turn<'a> {
    pipeline: &'a Pipeline,
    snapshot: &'a Snapshot,
    local_addresses: &'a [Ipv4Addr],
    /// See [`v4::Context::admission`].
    admission: &'a dyn Admission,
    /// The interface of the last packet, and its name.
    interface: Option<(u32, Arc<str>)>,
    now: Now,
    buffers: &'a Buffers,
    lines: tell::Lines,
    replies: &'a mut Vec<Decided>,
}

impl Turn<'_> {
    /// Decides about one query; returns the last change that was made for it.
    fn decide(&mut self, job: &Job) -> Option<ChangeNumber> {
        let pipeline = self.pipeline;
        // It was read when it was admitted, and has not changed since.
        let query = Query::outlined(&job.packet.message, job.dispatch.outline.as_ref()?)?;
        let ticket = match self.reserve(&query, job.dispatch.hash) {
            Ok(ticket) => ticket,
            Err(why) => return pipeline.refused(why),
        };
        self.look_up_interface(job.packet.arrival.interface);
        let (trouble, shortage) = (Cell::new(None), Cell::new(None));
        let context = v4::Context {
            snapshot: self.snapshot,
            store: &*pipeline.storage.store,
            offers: &pipeline.offers,
            admission: self.admission,
            now: self.now,
            ticket,
            replicated: pipeline.storage.is_replicated(),
            interface: self.interface.as_ref().map_or("", |(_, name)| name),
            local_addresses: self.local_addresses,
            buffers: self.buffers,
            reply_port: pipeline.reply_port,
            trouble: &trouble,
            shortage: &shortage,
        };
        let outcome = v4::exchange(&query, &job.packet.arrival, job.dispatch.class, &context);
        if let Some(trouble) = trouble.get() {
            pipeline.stats.count(Counter::ClassEvaluationFailed);
            let names = &self.snapshot.config().class_names;
            let name = match trouble.class {
                Some(class) => Arc::clone(names.name(class)),
                None => "identifier-expression".into(),
            };
            self.lines.trouble(&query, name, trouble.error);
        }
        match outcome {
            Outcome::Reply(reply) => {
                self.lines.event(&query, reply.event);
                if let Some(address) = reply.event.missed_reservation() {
                    self.lines.missed_reservation(&query, address);
                    self.count_at(Counter::ReservationConflicts, address);
                }
                if let Some(address) = reply.event.reused() {
                    self.count_at(Counter::LeaseReuses, address);
                }
                if let Some(failure) = reply.event.allocation_failure() {
                    pipeline.count_failure(failure, shortage.get());
                }
                if reply.omitted > 0 {
                    pipeline.stats.add(Counter::OptionsOmitted, reply.omitted as u64);
                    self.lines.omitted(&query, reply.omitted);
                }
                let last_change = reply.last_change;
                self.replies.push(Decided { reply, ticket });
                last_change
            }
            Outcome::Silent { changed, event } => {
                self.lines.event(&query, event);
                pipeline.cancel(ticket);
                changed
            }
            Outcome::Drop(why) => {
                self.lines.drop(&query, why);
                pipeline.cancel(ticket);
                if let Some(failure) = why.allocation_failure() {
                    pipeline.count_failure(failure, shortage.get());
                }
                if let Some(counter) = why.counter() {
                    pipeline.stats.count(counter);
                }
                if why.is_refusal() {
                    pipeline.stats.count(Counter::ReceiveDrop);
                }
                None
            }
        }
    }

    /// Counts what concerns an address, for its lease's subnet and pool too.
    fn count_at(&self, counter: Counter, address: Ipv4Addr) {
        let pipeline = self.pipeline;
        match pipeline.storage.store.find(address) {
            Some(Stored { lease, .. }) => {
                let place = Place { subnet_id: lease.subnet_id, pool_id: Some(lease.pool_id) };
                pipeline.stats.count_at(counter, place);
            }
            None => pipeline.stats.count(counter),
        }
    }

    fn look_up_interface(&mut self, index: u32) {
        if self.interface.as_ref().is_none_or(|(known, _)| *known != index) {
            self.interface = Some((index, self.pipeline.links.name(index)));
        }
    }

    /// Takes room for the reply and for the change before anything is stored.
    fn reserve(&self, query: &Query<'_>, client: u64) -> Result<Option<Ticket>, Counter> {
        if !self.snapshot.may_change_lease(query.message_type()) {
            return Ok(None);
        }
        if !self.pipeline.storage.has_room() {
            return Err(Counter::JournalFailed);
        }
        let is_answered = query.message_type() == MessageType::Request;
        if !is_answered || !self.pipeline.storage.is_replicated() {
            return Ok(None);
        }
        match self.pipeline.pending.reserve(client) {
            Ok(ticket) => Ok(Some(ticket)),
            Err(_full) => Err(Counter::QueueFull),
        }
    }
}

impl Pipeline {
    /// Reads a query; one that is malformed is read again if the configuration is lenient.
    fn read<'a>(
        &self,
        message: &'a [u8],
        is_lenient: impl Fn() -> bool,
    ) -> Result<Query<'a>, Malformed> {
        match Query::parse_any(message) {
            Err(Malformed::OptionLength { .. } | Malformed::FqdnFlags(_)) if is_lenient() => {
                Query::parse_leniently(message)
            }
            read => read,
        }
    }

    /// Which worker's client it is; another hash than the one that shares clients with a partner.
    fn hash(&self, query: &Query<'_>) -> u64 {
        match query.chaddr() {
            [] => self.key.hash_one(query.client_id_bytes().as_deref().unwrap_or_default()),
            address => self.key.hash_one(address),
        }
    }

    fn settling(&self) -> Settling {
        Settling {
            storage: self.storage.clone(),
            pending: Arc::clone(&self.pending),
            stats: Arc::clone(&self.stats),
        }
    }

    fn cancel(&self, ticket: Option<Ticket>) {
        if let Some(ticket) = ticket {
            self.pending.cancel(ticket);
        }
    }

    /// Counts a query that goes no further.
    fn refused<T>(&self, counter: Counter) -> Option<T> {
        self.stats.count(counter);
        self.stats.count(Counter::ReceiveDrop);
        None
    }

    fn count_failure(&self, failure: v4::AllocationFailure, place: Option<v4::Shortage>) {
        let Some(v4::Shortage { subnet_id, is_shared }) = place else { return };
        for counter in failure.counters(is_shared) {
            self.stats.count_at(counter, Place::subnet(subnet_id));
        }
    }
}

const fn received(message_type: MessageType) -> Counter {
    match message_type {
        MessageType::Discover => Counter::DiscoverReceived,
        MessageType::Offer => Counter::OfferReceived,
        MessageType::Request => Counter::RequestReceived,
        MessageType::Decline => Counter::DeclineReceived,
        MessageType::Ack => Counter::AckReceived,
        MessageType::Nak => Counter::NakReceived,
        MessageType::Release => Counter::ReleaseReceived,
        MessageType::Inform => Counter::InformReceived,
    }
}

const fn malformed(why: Malformed) -> Counter {
    match why {
        Malformed::TooShort(_) => Counter::MalformedTooShort,
        Malformed::TooLong(_) => Counter::MalformedTooLong,
        Malformed::HardwareLength(_) => Counter::MalformedHardwareLength,
        Malformed::Cookie => Counter::MalformedCookie,
        Malformed::OptionLength { .. } => Counter::MalformedOptionLength,
        Malformed::FqdnFlags(_) => Counter::MalformedFqdnFlags,
        Malformed::NoMessageType => Counter::MalformedNoMessageType,
        Malformed::UnknownMessageType(_) => Counter::UnknownReceived,
    }
}
