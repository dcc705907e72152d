//! RELEASE and DECLINE: a client gives its lease back (RFC 2131 sections 4.3.3 and 4.3.4). Neither is answered.

use super::{DropReason, Event, Exchange, Outcome};
use crate::lease::Stored;

impl Exchange<'_> {
    /// The lease of `ciaddr` ends if it is the client's. It is kept for it if leases are kept after their end, unless its
    /// subnet is configured no more: the client would never get it again, and a partner refuses a lease of a subnet that
    /// it does not know, which counts towards the end of the relationship.
    pub(super) fn release(&self) -> Outcome {
        let context = self.context;
        let address = self.query.ciaddr();
        let expired = &context.snapshot.config.expired_leases;
        let is_known = |stored: Stored| context.snapshot.subnet(stored.lease.subnet_id).is_some();
        let keep = expired.flush_wait_s > 0
            && expired.hold_s > 0
            && context.store.find(address).is_some_and(is_known);
        let identity = self.client.identity();
        let ended = context.store.release(context.now, address, identity, keep, self.origin());
        match ended {
            Ok(stored) => Outcome::Silent {
                changed: Some(stored.version),
                event: Event::Released { address },
            },
            Err(_) => Outcome::Silent { changed: None, event: Event::ReleaseIgnored { address } },
        }
    }

    /// The address of option 50 is taken out of use for the probation period if the lease is the client's.
    pub(super) fn decline(&self) -> Result<Outcome, DropReason> {
        let context = self.context;
        let address = self.query.requested_address().ok_or(DropReason::DeclineWithoutAddress)?;
        let declined = context.store.decline(
            context.now,
            address,
            self.client.identity(),
            context.snapshot.config.decline_probation_s,
            self.origin(),
        );
        Ok(match declined {
            Ok(stored) => Outcome::Silent {
                changed: Some(stored.version),
                event: Event::Declined { address },
            },
            Err(_) => Outcome::Silent { changed: None, event: Event::DeclineIgnored { address } },
        })
    }
}
