//! One half of a pair: the machine behind its lock, and the doing of what it wants. Pure but for its locks, its
//! channels, which nobody waits for here, and the log; time comes from the [`Clock`] that it is given.
//!
//! Whoever has an input (listener, client threads, commands, timers) calls [`Half::act`]: under the machine's
//! lock the input is handled and what follows is done at once, in order. Nothing of that blocks; what talks
//! to a peer becomes a [`Job`], done as an [`errand`]. Lock order: machine, outbox, pending replies.
//! The packet path takes none of these but the outbox's: flags tell the machine what happened there.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender, bounded};
use engine::clock::{Clock, Mono, Now};
use engine::control::Answer;
use engine::log;
use engine::pending::Pending;
use engine::seam::service::{Origin, Service};
use engine::sync::{Live, Mutex};

pub(crate) mod batch;
pub(crate) mod commands;
pub(crate) mod errand;
pub(crate) mod homecoming;
mod notes;
mod pairing;
mod partner;
mod repair;

use batch::Addressee;
pub use pairing::Memory;
use pairing::Pairing;

use crate::agreement::Agreement;
use crate::gate::Gate;
use crate::hub::Share;
use crate::limits::{MAX_ERRANDS, MAX_MAINTENANCE_COMMANDS};
use crate::machine::{
    Action, CallError, ClientKey, Incarnation, Notification, NotifyAnswer, Parameters, Peers,
    Relationship, Role, Scopes, Standing, State, SyncOrder, ToPartner, UpdateOutcome,
};
use crate::outbox::{Limits, Observer, Outbox};
use crate::stream::Stream;

/// Something to be asked of a peer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Job {
    Heartbeat,
    /// A heartbeat beside the others, which may be held up by a line that was cut.
    Probe,
    Sync(SyncOrder),
    Reset,
    Maintenance(Notification),
    /// Whoever takes jobs shall end.
    End,
}

/// The machine of one relationship, its gate and its outbox.
pub struct Half {
    index: u32,
    server: Arc<str>,
    share: Share,
    machine: Mutex<Relationship>,
    gate: Arc<Gate>,
    outbox: Arc<Outbox>,
    service: Arc<Service>,
    clock: Arc<dyn Clock>,
    queue_full: AtomicBool,
    /// Whether the machine remembers clients whose updates the partner refused.
    remembers_refusals: AtomicBool,
    /// Whether the partner named itself in its last heartbeat, as Kea 3 does.
    partner_is_kea3: AtomicBool,
    /// The same of each backup: it named itself when it had synchronised.
    backup_is_kea3: Box<[AtomicBool]>,
    /// This run of the server, as the partner knows it.
    incarnation: Incarnation,
    /// `clock-skew` is `tolerate`.
    tolerates_skew: bool,
    /// How often this run began to fetch the leases of a partner that serves.
    returns: AtomicU64,
    /// The run of the partner that did so here last, and how often it had.
    begun: Mutex<Option<(Incarnation, u64)>>,
    /// `conflict-resolution` is `repair`.
    wants_repair: bool,
    /// The partner's batches, as they arrive.
    stream: Mutex<Stream>,
    /// Held by whoever takes one of them in.
    taking: Mutex<()>,
    /// Seconds by which the partner's clock is ahead, as its times are reckoned with.
    ahead_s: AtomicI64,
    /// What our configuration has to agree with the partner's in.
    agreement: Mutex<Option<Agreement>>,
    /// The keys in which the two differ.
    drift: Mutex<Vec<String>>,
    /// It was told that pools are open to both servers' clients beside a Kea.
    told_of_pools: AtomicBool,
    /// Where ours go.
    addressee: Mutex<Addressee>,
    /// The state that this server returns to once the partner has heard that the maintenance is cancelled.
    returning: Mutex<Option<State>>,
    /// The partner cancelled a maintenance since its last heartbeat: it may not know yet that we heard of it.
    cancelled: AtomicBool,
    /// A [`Job::Probe`] was sent and has not ended.
    probing: AtomicBool,
    pairing: Pairing,
    errands: Errands,
}

/// Ways to the threads of the driver, and commands that wait for them.
struct Errands {
    heartbeats: Sender<Job>,
    others: Sender<Job>,
    wake: Sender<()>,
    receivers: Mutex<Option<Receivers>>,
    sync_waits: Mutex<Option<Sender<Answer>>>,
    /// In the order of the notifications.
    maintenance_waits: Mutex<VecDeque<Sender<Answer>>>,
}

/// The other ends, for the threads.
pub(crate) struct Receivers {
    pub(crate) heartbeats: Receiver<Job>,
    pub(crate) others: Receiver<Job>,
    pub(crate) wake: Receiver<()>,
}

/// The relationships of a server, at least one, in their order; a reload may replace them.
pub(crate) type Halves = Arc<Live<Vec<Arc<Half>>>>;

/// As [`Halves`], of relationships that stay.
pub(crate) fn all_of(halves: &[Arc<Half>]) -> Halves {
    Arc::new(Live::new(Arc::new(halves.to_vec())))
}

impl std::fmt::Debug for Half {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Half").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Half {
    /// The half that a server's only relationship describes: all leases are its own. From now on the service is as the machine wants it (off,
    /// at first); nobody is talked to before a [`crate::Driver`] is started.
    pub fn new(
        index: u32,
        parameters: Parameters,
        pending: Arc<Pending>,
        service: Arc<Service>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let run = Incarnation::draw();
        Self::of_share(index, parameters, Share::All, run, pending, service, clock)
    }

    /// As [`Self::new`], for the relationship `index` whose own leases are `share`, in a run of this number.
    pub(crate) fn of_share(
        index: u32,
        parameters: Parameters,
        share: Share,
        incarnation: Incarnation,
        pending: Arc<Pending>,
        service: Arc<Service>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        let peers = parameters.peers.clone();
        let limits = Limits {
            delayed_updates: parameters.delayed_updates_limit as usize,
            untold: parameters.max_untold,
        };
        let max_ack_delay = parameters.max_ack_delay;
        let backups = backups(&peers).count();
        let has_partner = peers.is_active_pair();
        let tolerates_skew = parameters.tolerates_skew;
        let wants_repair = parameters.wants_repair;
        let now = clock.now();
        let half = Arc::new_cyclic(|half: &std::sync::Weak<Self>| Self {
            index,
            server: peers.local().name.clone(),
            share,
            outbox: Arc::new(Outbox::new(
                pending,
                half.clone(),
                service.clone(),
                has_partner,
                backups,
                limits,
            )),
            machine: Mutex::new(Relationship::new(parameters, now)),
            gate: Arc::new(Gate::new(peers, max_ack_delay)),
            service,
            clock,
            queue_full: AtomicBool::new(false),
            remembers_refusals: AtomicBool::new(false),
            partner_is_kea3: AtomicBool::new(false),
            backup_is_kea3: (0..backups).map(|_| AtomicBool::new(false)).collect(),
            incarnation,
            tolerates_skew,
            returns: AtomicU64::new(0),
            begun: Mutex::default(),
            wants_repair,
            stream: Mutex::new(Stream::new(incarnation)),
            taking: Mutex::default(),
            ahead_s: AtomicI64::new(0),
            agreement: Mutex::default(),
            drift: Mutex::default(),
            told_of_pools: AtomicBool::new(false),
            addressee: Mutex::default(),
            returning: Mutex::default(),
            cancelled: AtomicBool::new(false),
            probing: AtomicBool::new(false),
            pairing: Pairing::default(),
            errands: Errands::new(),
        });
        half.act(|_, _| ());
        half
    }

    /// Implements the engine's admission.
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Implements the engine's replication.
    pub fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    /// From now on it is remembered in `memory` whether the partner knows all that clients were promised here. Once only,
    /// before the first packet.
    pub fn remember_in(&self, memory: Arc<dyn Memory>) {
        self.pairing.remember_in(memory);
        // One without a partner serves from its first moment.
        self.act(|machine, now| self.part_if_alone(machine.standing(now)));
    }

    /// Notes what may be promised from now on without the partner's knowing: also where the configuration of the day has
    /// no partner, since a later one may.
    fn part_if_alone(&self, standing: Standing) {
        let told = standing.updates.partner == ToPartner::Send;
        if standing.scopes != Scopes::NONE && !told {
            self.pairing.part(&self.server);
        }
    }

    /// Whether the partner knew all that clients were promised here when it was last heard.
    pub(crate) fn is_paired(&self) -> bool {
        self.pairing.is_paired()
    }

    /// A heartbeat has ended; `settled`: it found both servers in normal operation.
    pub(crate) fn end_heartbeat(&self, settled: bool) {
        // Nobody begins to serve alone meanwhile.
        let machine = self.machine.lock();
        let settled = settled && machine.is_settled();
        let run = machine.announces_return().map(|it| it.incarnation).filter(|_| settled);
        // After a hand-over, or a short break, it is known at once.
        let told = run.is_some() && run == self.told_all();
        self.pairing.hear(&self.server, settled && !self.outbox.partner_lacks(), told);
        run.into_iter().for_each(|run| self.outbox.settle_with(run));
        drop(machine);
        if settled && self.outbox.owed().changes > 0 {
            self.outbox.resend();
        }
    }

    /// This server's name.
    pub fn server(&self) -> &Arc<str> {
        &self.server
    }

    /// Hands an input to the machine and does what follows from it. Never blocks but for the machine's lock.
    pub fn act<R>(&self, input: impl FnOnce(&mut Relationship, Now) -> R) -> R {
        let now = self.clock.now();
        let mut machine = self.machine.lock();
        let due = machine.poll_timeout();
        self.catch_up(&mut machine, now);
        let result = input(&mut machine, now);
        let backlog_sent = self.perform(&mut machine, now);
        self.gate.turn(now);
        if machine.poll_timeout() != due {
            self.wake();
        }
        self.remembers_refusals.store(machine.rejected_clients() > 0, Ordering::Release);
        drop(machine);
        if let Some(result) = backlog_sent {
            self.backlog_sent(result);
        }
        result
    }

    /// Lets the machine and the service know that time has passed; gives the time of the next call.
    pub(crate) fn handle_timeout(&self) -> Option<Mono> {
        self.service.handle_timeout(self.clock.now().mono);
        let machine = self.act(|machine, now| {
            machine.handle_timeout(now);
            machine.poll_timeout()
        });
        [machine, self.service.poll_timeout()].into_iter().flatten().min()
    }

    /// When [`Self::handle_timeout`] is to be called.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        let machine = self.machine.lock().poll_timeout();
        [machine, self.service.poll_timeout()].into_iter().flatten().min()
    }

    /// The machine has had its turns until now.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn skip(&self) {
        let now = self.clock.now();
        self.machine.lock().skip_turns(now);
        self.gate.turn(now);
    }

    /// The state that the machine is in.
    #[cfg(any(test, feature = "sim"))]
    pub(crate) fn look<R>(&self, at: impl FnOnce(&Relationship) -> R) -> R {
        at(&self.machine.lock())
    }

    pub(crate) const fn index(&self) -> u32 {
        self.index
    }

    /// Whether a server of the relationship is called so.
    pub(crate) fn has_peer(&self, name: &str) -> bool {
        self.gate.peers().place(name).is_some()
    }

    /// The leases that it exchanges with its partner.
    pub(crate) const fn share(&self) -> &Share {
        &self.share
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn take_receivers(&self) -> Option<Receivers> {
        self.errands.receivers.lock().take()
    }

    /// Lets the driver's thread look again.
    pub(crate) fn wake(&self) {
        // One is enough: a full channel wakes it, too.
        let _ = self.errands.wake.try_send(());
    }

    /// Ends the threads that take jobs, and lets no command wait for them any longer.
    pub(crate) fn dismiss(&self) {
        for sender in [&self.errands.heartbeats, &self.errands.others] {
            // A full channel holds jobs, which a stopped thread does not start.
            let _ = sender.try_send(Job::End);
        }
        *self.errands.sync_waits.lock() = None;
        self.errands.maintenance_waits.lock().clear();
    }

    pub(crate) fn sync_timeout(&self) -> Duration {
        self.machine.lock().parameters().sync_timeout
    }

    /// Where the answer to an ha-sync will come.
    pub(crate) fn wait_for_sync(&self) -> Receiver<Answer> {
        let (sender, receiver) = bounded(1);
        *self.errands.sync_waits.lock() = Some(sender);
        receiver
    }

    /// Whether another maintenance command may wait for its answer.
    pub(super) fn has_room_for_maintenance(&self) -> bool {
        self.errands.maintenance_waits.lock().len() < MAX_MAINTENANCE_COMMANDS
    }

    /// Where the answer to the maintenance command will come that the machine has just taken.
    pub(crate) fn wait_for_maintenance(&self) -> Receiver<Answer> {
        let (sender, receiver) = bounded(1);
        self.errands.maintenance_waits.lock().push_back(sender);
        receiver
    }

    /// The partner has answered a notification, or not. The first of the maintenance commands that wait has its
    /// answer by that.
    pub(crate) fn end_maintenance(
        &self,
        sent: Notification,
        result: Result<NotifyAnswer, CallError>,
    ) {
        let answer = self.act(|machine, now| {
            *self.returning.lock() = None;
            machine.handle_maintenance_answer(now, sent, result)
        });
        if sent.repeated {
            return;
        }
        if let Some(waiting) = self.errands.maintenance_waits.lock().pop_front() {
            let _ = waiting.try_send(answer);
        }
    }

    /// What happened on the packet path since the last input.
    fn catch_up(&self, machine: &mut Relationship, now: Now) {
        machine.handle_turn(now);
        let own = Origin::ha_local(self.index);
        machine.handle_service(self.service.disabled_by().iter().any(|origin| *origin != own));
        match self.outbox.take_unsent() {
            0 => {}
            unsent => machine.handle_unsent(unsent),
        }
        while let Some(query) = self.gate.poll_unserved() {
            machine.handle_unserved(now, &query.as_client());
        }
        if self.outbox.has_overflowed() {
            machine.handle_backlog_overflow();
        }
        machine.handle_owed(self.outbox.owed());
        if self.gate.is_in_doubt() && !self.probing.swap(true, Ordering::AcqRel) {
            log!(
                PEREGRINE_HA_CUT_OFF,
                "{}: no client was heard for a while either: asking the partner before any is served",
                self.server
            );
            self.errands.send(Job::Probe);
        }
        if self.queue_full.swap(false, Ordering::AcqRel) {
            let full = CallError::Communication("the queue to the partner is full".into());
            machine.handle_update(now, None, UpdateOutcome::Failure(full));
        }
    }

    /// Does what the machine wants; gives the result of sending delayed updates if there is one already.
    fn perform(&self, machine: &mut Relationship, now: Now) -> Option<Result<(), CallError>> {
        let mut backlog_sent = None;
        while let Some(action) = machine.poll_action() {
            match action {
                Action::SendHeartbeat => self.errands.send(Job::Heartbeat),
                Action::StartSync(order) => self.errands.send(Job::Sync(order)),
                Action::SendReset => self.errands.send(Job::Reset),
                Action::SendMaintenanceNotify(what) => {
                    *self.returning.lock() = what.cancel.then_some(what.state);
                    self.errands.send(Job::Maintenance(what));
                }
                Action::AnswerSync(answer) => self.errands.answer_sync(answer),
                Action::SendBacklog => backlog_sent = self.outbox.send_backlog(),
                Action::SendDeletions => backlog_sent = self.outbox.send_untold(),
                Action::ClearBacklog => self.outbox.clear_backlog(),
                Action::Publish(standing) => {
                    self.part_if_alone(standing);
                    self.gate.publish(standing);
                    self.keep_changes(machine);
                    self.outbox.set_policy(standing.updates);
                }
                Action::SetService(on) => self.set_service(on, now),
                Action::ReleaseRemoteOrigin(origin) => self.release(origin),
                Action::Note(note) => notes::log(&self.server, machine, &note),
            }
        }
        backlog_sent
    }

    fn set_service(&self, on: bool, now: Now) {
        let own = Origin::ha_local(self.index);
        if on { self.service.enable(own) } else { self.service.disable(own, now.mono, None) }
    }

    /// A partner that names no origin is Kea 2.2, which can only mean "ha-partner".
    fn release(&self, origin: Option<u32>) {
        match origin {
            Some(origin) => self.service.enable(Origin(origin)),
            None => {
                self.service.enable(Origin::ha_remote(self.index));
                self.service.enable(Origin::ha_remote(0));
            }
        }
    }
}

/// The names of the peers that are told of leases and asked for nothing, in the order of their queues.
pub(crate) fn backups(peers: &Peers) -> impl Iterator<Item = &Arc<str>> {
    let serves = peers.local().role != Role::Backup;
    let backups = peers.all().iter().filter(move |peer| serves && peer.role == Role::Backup);
    backups.map(|peer| &peer.name)
}

impl Observer for Half {
    fn queue_is_full(&self) {
        self.queue_full.store(true, Ordering::Release);
        self.wake();
    }

    fn backlog_overflowed(&self) {
        self.wake();
    }

    fn partner_updated(&self, client: Option<ClientKey>, outcome: UpdateOutcome) {
        // The usual case tells the machine nothing, and spares its lock to the client threads.
        let usual = outcome == UpdateOutcome::Success;
        if !usual || self.remembers_refusals.load(Ordering::Acquire) {
            self.act(|machine, now| machine.handle_update(now, client, outcome));
        }
    }

    fn backlog_sent(&self, result: Result<(), CallError>) {
        self.act(|machine, now| {
            if result.is_ok() && machine.is_handing() {
                self.outbox.complete();
            }
            machine.handle_backlog_sent(now, result);
        });
    }
}

impl Errands {
    fn new() -> Self {
        let (heartbeats, heartbeats_out) = bounded(MAX_ERRANDS);
        let (others, others_out) = bounded(MAX_ERRANDS);
        let (wake, wake_out) = bounded(1);
        let receivers =
            Receivers { heartbeats: heartbeats_out, others: others_out, wake: wake_out };
        let receivers = Mutex::new(Some(receivers));
        Self {
            heartbeats,
            others,
            wake,
            receivers,
            sync_waits: Mutex::new(None),
            maintenance_waits: Mutex::default(),
        }
    }

    /// The machine has at most one job of each kind under way, and few of maintenance, so that there is room; after
    /// the driver's end nobody takes them.
    fn send(&self, job: Job) {
        let sender = if matches!(job, Job::Heartbeat) { &self.heartbeats } else { &self.others };
        let _ = sender.try_send(job);
    }

    fn answer_sync(&self, answer: Answer) {
        if let Some(waiting) = self.sync_waits.lock().take() {
            let _ = waiting.try_send(answer);
        }
    }
}

#[cfg(test)]
pub(crate) mod replay;

#[cfg(test)]
mod tests;
