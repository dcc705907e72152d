//! Several relationships as the engine sees them: one gate, one queue of changes and one guard, which know by the
//! subnet whom to ask and whom to tell. Pure. Must not know what a relationship decides.

use std::sync::Arc;

use engine::clock::Now;
use engine::lease::{Change, Stored};
use engine::seam::{Admission, Admitted, Allotment, Client, Replication, Verdict};

use super::Subnets;
use crate::family::Lease;
use crate::guard::{Guard, client_key};
use crate::half::Half;
use crate::machine::{Scopes, Standing};

/// The gates of several relationships.
#[derive(Debug)]
pub(super) struct Gates {
    halves: Vec<Arc<Half>>,
    /// The place of each one's first class among the classes of all.
    first_classes: Vec<usize>,
    subnets: Arc<Subnets>,
}

impl Gates {
    pub(super) fn new(halves: &[Arc<Half>], subnets: Arc<Subnets>) -> Self {
        let mut next = 0;
        let first_classes = halves.iter().map(|half| {
            let first = next;
            next += half.gate().peers().all().len();
            first
        });
        Self { first_classes: first_classes.collect(), halves: halves.to_vec(), subnets }
    }
}

impl Admission for Gates {
    fn classes(&self) -> Vec<String> {
        self.halves.iter().flat_map(|half| half.gate().classes()).collect()
    }

    /// Whosever it is, which its subnet will say; but a hub whose branches all live serves nobody, and then no query
    /// takes anybody's place in a queue.
    fn admit(&self, _client: &Client<'_>, _now: Now) -> Admitted {
        let wants = |standing: Standing| standing.watching || standing.scopes != Scopes::NONE;
        let serve = self.halves.iter().any(|half| wants(half.gate().standing()));
        Admitted { serve, class: None }
    }

    fn goes_by_subnet(&self) -> bool {
        true
    }

    fn admit_in(&self, client: &Client<'_>, subnet_id: Option<u32>, now: Now) -> Admitted {
        let Some(place) = subnet_id.and_then(|id| self.subnets.relationship(id)) else {
            return Admitted { serve: false, class: None };
        };
        let Admitted { serve, class } = self.halves[place].gate().admit(client, now);
        Admitted { serve, class: class.map(|class| self.first_classes[place] + class) }
    }

    fn allotment(&self, subnet_id: u32) -> Allotment {
        let place = self.subnets.relationship(subnet_id);
        place.map_or(Allotment::Whole, |at| self.halves[at].gate().allotment(subnet_id))
    }
}

/// The outbox of the only relationship of a server.
#[derive(Debug)]
pub(crate) struct OnlyOutbox(pub(crate) Arc<Half>);

impl Replication for OnlyOutbox {
    fn queue(&self, change: &Change<'_>) {
        self.0.outbox().queue(change);
    }

    fn reclaims(&self, lease: &Lease) -> bool {
        self.0.gate().reclaims(client_key(lease))
    }
}

/// The outboxes of several relationships: each is shown the changes of its own subnets' leases only.
#[derive(Debug)]
pub(super) struct Outboxes {
    halves: Vec<Arc<Half>>,
    subnets: Arc<Subnets>,
}

impl Outboxes {
    pub(super) fn new(halves: &[Arc<Half>], subnets: Arc<Subnets>) -> Self {
        Self { halves: halves.to_vec(), subnets }
    }
}

impl Replication for Outboxes {
    fn queue(&self, change: &Change<'_>) {
        if let Some(place) = self.subnets.relationship(change.lease.subnet_id) {
            self.halves[place].outbox().queue(change);
        }
    }

    /// A lease of no relationship is cleaned up as one of a server alone.
    fn reclaims(&self, lease: &Lease) -> bool {
        let place = self.subnets.relationship(lease.subnet_id);
        place.is_none_or(|place| self.halves[place].gate().reclaims(client_key(lease)))
    }
}

/// The guards of several relationships: each has its say about its own subnets' leases.
#[derive(Debug)]
pub(super) struct Guards {
    guards: Vec<Guard>,
    subnets: Arc<Subnets>,
}

impl Guards {
    pub(super) const fn new(guards: Vec<Guard>, subnets: Arc<Subnets>) -> Self {
        Self { guards, subnets }
    }

    fn of(&self, subnet_id: u32) -> Option<&Guard> {
        self.subnets.relationship(subnet_id).map(|place| &self.guards[place])
    }
}

impl engine::seam::Guard for Guards {
    fn heard(&self, subnet_id: u32, names_origin: bool) {
        if let Some(guard) = self.of(subnet_id) {
            guard.heard(subnet_id, names_origin);
        }
    }

    fn judge(&self, held: &Stored, update: &Lease) -> Verdict {
        self.of(update.subnet_id).map_or(Verdict::Take, |guard| guard.judge(held, update))
    }
}

#[cfg(test)]
mod tests;
