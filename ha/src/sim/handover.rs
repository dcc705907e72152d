//! What must hold when a server that was ready begins normal operation: its partner has handed over, and both have the same
//! leases. Pure.

use engine::lease::LeaseState;

use super::ledger::MAX_APART_S;
use super::plan::{SUBNET_ID, Setup};
use super::world::World;
use crate::family::{Address, Lease};
use crate::machine::State;

/// Seconds that a lease has to go on by both clocks to be looked at.
const SLACK_S: u64 = 65;

impl World {
    /// A server begins normal operation with a Peregrine that served while it returned.
    pub(super) fn check_hand_over_is_complete(&mut self, at: usize) {
        let Some(other) = (at < 2).then(|| 1 - at) else { return };
        let right = [at, other].iter().all(|at| self.sites[*at].setup == Setup::Right);
        let able = self.sites[at].server.as_ref().is_some_and(|server| server.hands_over());
        if self.plan.forgets() || !right || !able || self.sites[other].inbox.is_some() {
            return;
        }
        let Some(state) = self.sites[other].server.as_ref().map(super::server::Server::state)
        else {
            return;
        };
        // Whatever was heard of it since it was fetched from, it never said anything else.
        let is_alone = state == State::PartnerDown
            && self.sites[other].entered < self.sites[at].syncs_since
            && self.sites[other].server.is_some();
        if is_alone {
            let (name, partner) = (self.name(at).to_owned(), self.name(other).to_owned());
            return self.fail(|_| format!("{name} serves before {partner} has handed over"));
        }
        if state == self.plan.mode.normal() {
            self.check_ended(at, other);
        }
    }

    /// What has ended at the one that handed over has ended at the other.
    fn check_ended(&mut self, at: usize, other: usize) {
        let (least, most) = self.sites.iter().fold((0, 0), |(least, most), site| {
            (site.ahead_s.0.min(least), site.ahead_s.1.max(most))
        });
        if most - least > MAX_APART_S {
            return;
        }
        let until = self.wall_s(at).max(self.wall_s(other)) + SLACK_S;
        let lives = |lease: &Lease| {
            lease.state == LeaseState::Assigned
                && lease.expires_at_s() > until
                && lease.subnet_id == SUBNET_ID
        };
        let Some(server) = &self.sites[at].server else { return };
        let Some(partner) = &self.sites[other].server else { return };
        let has_ended = |ours: &Lease| {
            let theirs = partner.lease(ours.address);
            let same = |theirs: &Lease| {
                theirs.state == LeaseState::Assigned && theirs.hw_address == ours.hw_address
            };
            // From the hand-over on changes are on their way as in normal operation.
            let fresh = partner.is_fresh(ours.address) || partner.is_telling(ours.address);
            let counts = !fresh && !self.ledger.is_disputed(ours.address);
            counts && !theirs.as_ref().is_some_and(same)
        };
        let leases = server.leases().into_iter().filter(lives);
        let strange: Option<(Address, Option<Lease>)> = leases
            .filter(has_ended)
            .map(|lease| (lease.address, partner.lease(lease.address)))
            .next();
        if let Some((address, theirs)) = strange {
            let name = self.name(at).to_owned();
            self.fail(|_| {
                format!("{name} serves with a lease of {address} that has ended: {theirs:?}")
            });
        }
    }
}
