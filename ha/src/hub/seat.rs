//! What stands between the engine and the relationships: it stays when they are replaced. Pure.

use std::sync::Arc;

use engine::clock::Now;
use engine::lease::{Change, Stored};
use engine::seam::{Admission, Admitted, Allotment, Client, Replication, Verdict};
use engine::stats::Stats;
use engine::sync::Live;

use super::Subnets;
use super::join::{Gates, Guards, OnlyOutbox, Outboxes};
use crate::family::Lease;
use crate::guard::Guard;
use crate::half::Half;

/// The relationships as the engine meets them at the moment.
pub(super) struct Seat(Live<Site>);

/// The relationships of one configuration.
pub(super) struct Site {
    admission: Arc<dyn Admission>,
    replication: Arc<dyn Replication>,
    guard: Arc<dyn engine::seam::Guard>,
    subnets: Arc<Subnets>,
}

impl Site {
    /// Joins `halves`, at least one, whose subnets are `subnets`.
    pub(super) fn of(halves: &[Arc<Half>], subnets: Arc<Subnets>, stats: &Arc<Stats>) -> Arc<Self> {
        let guard = |half: &Arc<Half>| Guard::new(Arc::clone(half), Arc::clone(stats));
        let several = || Arc::clone(&subnets);
        Arc::new(match halves {
            [only] => Self {
                admission: Arc::clone(only.gate()) as Arc<dyn Admission>,
                replication: Arc::new(OnlyOutbox(Arc::clone(only))),
                guard: Arc::new(guard(only)),
                subnets,
            },
            halves => Self {
                admission: Arc::new(Gates::new(halves, several())),
                replication: Arc::new(Outboxes::new(halves, several())),
                guard: Arc::new(Guards::new(halves.iter().map(guard).collect(), several())),
                subnets,
            },
        })
    }
}

impl Seat {
    pub(super) fn new(site: Arc<Site>) -> Self {
        Self(Live::new(site))
    }

    /// From now on the engine meets `site`.
    pub(super) fn replace(&self, site: Arc<Site>) {
        self.0.replace(site);
    }

    /// The subnets of the relationships.
    pub(super) fn subnets(&self) -> Arc<Subnets> {
        self.0.look(|site| Arc::clone(&site.subnets))
    }
}

impl std::fmt::Debug for Seat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.look(|site| f.debug_tuple("Seat").field(&site.admission).finish())
    }
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Site").field("admission", &self.admission).finish_non_exhaustive()
    }
}

impl Admission for Seat {
    fn classes(&self) -> Vec<String> {
        self.0.look(|site| site.admission.classes())
    }

    fn admit(&self, client: &Client<'_>, now: Now) -> Admitted {
        self.0.look(|site| site.admission.admit(client, now))
    }

    fn goes_by_subnet(&self) -> bool {
        self.0.look(|site| site.admission.goes_by_subnet())
    }

    fn admit_in(&self, client: &Client<'_>, subnet_id: Option<u32>, now: Now) -> Admitted {
        self.0.look(|site| site.admission.admit_in(client, subnet_id, now))
    }

    fn allotment(&self, subnet_id: u32) -> Allotment {
        self.0.look(|site| site.admission.allotment(subnet_id))
    }
}

impl Replication for Seat {
    fn queue(&self, change: &Change<'_>) {
        self.0.look(|site| site.replication.queue(change));
    }

    fn reclaims(&self, lease: &Lease) -> bool {
        self.0.look(|site| site.replication.reclaims(lease))
    }
}

impl engine::seam::Guard for Seat {
    fn heard(&self, subnet_id: u32, names_origin: bool) {
        self.0.look(|site| site.guard.heard(subnet_id, names_origin));
    }

    fn judge(&self, held: &Stored, update: &Lease) -> Verdict {
        self.0.look(|site| site.guard.judge(held, update))
    }
}
