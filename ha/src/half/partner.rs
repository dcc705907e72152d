//! What a half knows of its partner and of its backups, learns from them, and tells them of itself. Pure as its
//! [`Half`] is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use engine::config::model::Dhcp4;
use engine::lease::LeaseState;
use engine::seam::Admission;

use super::{Half, backups};
use crate::agreement::Agreement;
use crate::machine::{
    Announced, CallError, HeartbeatStatus, Incarnation, Mode, PartnerStatus, Relationship, State,
    UpdateOutcome,
};
use crate::outbox::{PeerQueue, Update};
use crate::wire::request::{LeaseNews, PartnerKind};

impl Half {
    /// This run of the server.
    pub(crate) const fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    pub(crate) fn is_skewed(&self) -> bool {
        self.machine.lock().is_skewed()
    }

    /// What the partner's wall clock shows now, as far as it is known.
    pub(crate) fn partner_wall_s(&self) -> Option<u64> {
        let now = self.clock.now();
        self.machine.lock().partner_wall_s(now.wall_s)
    }

    /// What the partner is taken for.
    pub fn partner_kind(&self) -> PartnerKind {
        self.kind_of(PeerQueue::Partner)
    }

    /// What a peer is taken for: by its own words, whatever the others are.
    pub(crate) fn kind_of(&self, peer: PeerQueue) -> PartnerKind {
        let kea3 = self.names_itself(peer).is_some_and(|it| it.load(Ordering::Relaxed));
        if kea3 { PartnerKind::Kea3 } else { PartnerKind::Kea2 }
    }

    /// From now on this is the configuration: pools that are open to both servers' clients are shared by halves, and a
    /// partner that is down is waited for as long as its leases may last.
    pub fn follow(&self, config: &Dhcp4) {
        let mut open = engine::v4::undivided(config, &self.gate.classes()).into_iter();
        self.gate.share_pools(open.any(|subnet_id| self.share.has(subnet_id)));
        let of_subnets = config.subnets.iter().map(|subnet| subnet.lifetime);
        let of_classes = config.classes.iter().filter_map(|class| class.lifetime);
        let lifetimes = of_subnets.chain(of_classes);
        let longest_s = lifetimes.map(|it| it.default_s.max(it.max_s)).max().unwrap_or(0);
        let longest = Duration::from_secs(longest_s.into());
        self.act(|machine, now| machine.handle_lifetimes(now, longest));
    }

    fn names_itself(&self, peer: PeerQueue) -> Option<&AtomicBool> {
        match peer {
            PeerQueue::Partner => Some(&self.partner_is_kea3),
            PeerQueue::Backup(number) => self.backup_is_kea3.get(number),
        }
    }

    /// The peer `name` named itself at the end of its synchronisation, as Kea 3 does: all that a backup ever says.
    pub(crate) fn see_named(&self, name: &str) {
        let backup = backups(self.gate.peers()).position(|backup| **backup == *name);
        let Some(peer) = backup.map(PeerQueue::Backup) else { return };
        if let Some(flag) = self.names_itself(peer) {
            flag.store(true, Ordering::Relaxed);
        }
        self.outbox.synchronised(peer);
    }

    /// Whether a peer, taken for a `kind`, refused a released lease, whose state it may not know. It is told of deletions
    /// from now on, and of this one once more.
    pub(crate) fn refuses_state(
        &self,
        peer: PeerQueue,
        kind: PartnerKind,
        update: &Update,
        outcome: &UpdateOutcome,
    ) -> bool {
        let kept = update.news == LeaseNews::Stored && update.lease.state == LeaseState::Released;
        let refused = matches!(outcome, UpdateOutcome::Failure(CallError::Refused { .. }));
        let refuses = kind == PartnerKind::Kea3 && kept && refused;
        if refuses && let Some(flag) = self.names_itself(peer) {
            flag.store(false, Ordering::Relaxed);
        }
        refuses
    }

    /// From now on the partner is told this of our configuration.
    pub fn agree_on(&self, agreement: Option<Agreement>) {
        *self.agreement.lock() = agreement;
    }

    /// The keys in which the partner's configuration differs from ours and must not.
    pub(crate) fn drift(&self) -> Vec<String> {
        self.drift.lock().clone()
    }

    /// What it tells a partner that may be a Peregrine.
    pub(crate) fn announced(&self) -> Announced {
        let running_ms = self.clock.now().mono.as_ns() / 1_000_000;
        let told = self.told_all();
        let (state, serves_returning) = self.of_the_machine();
        Announced {
            incarnation: self.incarnation,
            batches: true,
            serves_returning,
            mode: Some(self.gate.peers().mode()),
            state: Some(state),
            told,
            untold: state == State::Waiting && !self.is_paired(),
            tolerates_skew: self.tolerates_skew,
            halves: self.gate.peers().mode() == Mode::LoadBalancing,
            wants_repair: self.wants_repair,
            wall_ms: Some(self.clock.wall_ms()),
            running_ms: Some(running_ms),
            applied: self.stream.lock().applied(),
            agreement: self.agreement.lock().clone(),
        }
    }

    /// The answer to a heartbeat. While a cancellation is on its way to the partner it names the state to come: a
    /// partner that has left its maintenance and sees the old one would go back into it.
    pub(crate) fn heartbeat_status(&self) -> HeartbeatStatus {
        self.act(|machine, now| {
            let status = machine.heartbeat_status(now);
            let returning = *self.returning.lock();
            HeartbeatStatus { state: returning.unwrap_or(status.state), ..status }
        })
    }

    /// The partner cancels a maintenance.
    pub(crate) fn see_cancellation(&self) {
        self.cancelled.store(true, Ordering::Release);
    }

    /// Whether the partner has cancelled a maintenance since the last call.
    pub(crate) fn take_cancellation(&self) -> bool {
        self.cancelled.swap(false, Ordering::AcqRel)
    }

    /// The partner said its state while clients wait for that, or did not.
    pub(crate) fn end_probe(&self, result: Result<(PartnerStatus, Option<Announced>), CallError>) {
        let answered = result.is_ok();
        let newest = |(_, announced): &(_, Option<Announced>)| self.hears(announced.as_ref());
        let newest = result.as_ref().is_ok_and(newest);
        self.act(|machine, now| {
            if let Ok((status, announced)) = result
                && newest
            {
                let told = announced.as_ref().and_then(|it| it.told);
                machine.handle_announced_anew(announced);
                if told == Some(self.incarnation()) {
                    machine.handle_told_all();
                }
                machine.handle_status(now, status);
            }
        });
        self.gate.trust(answered);
        self.probing.store(false, Ordering::Release);
    }

    /// Whether what the partner says of itself is the newest that was heard of it; words of a Kea are taken as they come.
    pub(crate) fn hears(&self, announced: Option<&Announced>) -> bool {
        announced.is_none_or(|announced| self.stream.lock().hears(announced))
    }

    /// The partner sent a heartbeat, and named itself in it or not, and announced itself or not.
    pub(crate) fn see_heartbeat(&self, named: bool, announced: Option<&Announced>) {
        if let Some(announced) = announced {
            self.stream.lock().asked_by(announced.incarnation);
        }
        self.partner_is_kea3.store(named, Ordering::Relaxed);
        self.act(Relationship::handle_asked);
        if let Some(announced) = announced.filter(|it| self.hears(Some(it))) {
            self.see_told(announced);
        }
    }

    /// The partner sent a lease update, and named its origin in it or not.
    pub(crate) fn see_update(&self, names_origin: bool) {
        self.partner_is_kea3.store(names_origin, Ordering::Relaxed);
    }
}
