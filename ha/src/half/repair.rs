//! Leases about which the two servers of a pair do not agree (`"conflict-resolution": "repair"`, between Peregrines):
//! compared, and made the same. Pure but for the log and what it is given.
//!
//! Who refuses an update of a batch sends along what he has at its address. The client whose update it was is told nothing,
//! as ever. If what the partner has is live and was written by a later promise than any that was made here, it takes the
//! place of ours. What the partner cannot have, since its configuration differs, stays here, and promises nothing new.

use engine::control::leases::LeaseCommands;
use engine::control::{Answer, code};
use engine::lease::json::lease_to_json;
use engine::lease::{Applied, ChangeNumber, Identity, Origin, Overwrite, Stored};
use engine::log;
use engine::stats::{Counter, Stats};
use serde_json::{Map, Value};

use super::Half;
use super::errand::Clerk;
use crate::family::Lease;
use crate::machine::{CallError, UpdateOutcome};
use crate::outbox::Update;
use crate::wire::batch::{self, Dispute};

/// What became of a batch, for each update.
type Settled = Vec<(Update, UpdateOutcome)>;

impl Half {
    /// Whether conflicts are repaired: both servers are configured to.
    pub(crate) fn repairs(&self) -> bool {
        self.machine.lock().repairs()
    }

    /// What is held here at the addresses of the updates that were refused, by their places; for the partner.
    pub(super) fn held_instead(
        &self,
        leases: &LeaseCommands,
        updates: &[&Map<String, Value>],
        each: &[Answer],
    ) -> Map<String, Value> {
        let refused = |(_, answer): &(usize, &Answer)| answer.result == code::CONFLICT;
        let places = each.iter().enumerate().filter(refused).map(|(place, _)| place);
        let places: Vec<usize> = places.collect();
        if places.is_empty() || !self.repairs() {
            return Map::new();
        }
        let held = places.into_iter().filter_map(|place| {
            let address = updates.get(place)?.get("ip-address")?.as_str()?.parse().ok()?;
            Some((place.to_string(), lease_to_json(&leases.store.find(address)?.lease)))
        });
        held.collect()
    }
}

impl Clerk {
    /// As [`Half::end_batch`], and what the partner refused is compared with what it has.
    pub(crate) fn end_batch(
        &self,
        updates: Vec<Update>,
        answer: Option<Result<&[u8], CallError>>,
        stats: &Stats,
    ) -> Option<Settled> {
        let body = answer.as_ref().and_then(|answer| answer.as_ref().ok()).copied();
        let settled = self.half.end_batch(updates, answer)?;
        self.take_back(&settled);
        let disputed = settled.iter().any(|(_, outcome)| *outcome == UpdateOutcome::Conflict);
        if let Some(body) = body.filter(|_| disputed && self.half.repairs()) {
            self.reconcile(&settled, body, stats);
        }
        Some(settled)
    }

    /// An address that the partner was asked for and did not give is not ours: nobody was promised it.
    fn take_back(&self, settled: &Settled) {
        let refused = settled.iter().filter(|(_, outcome)| *outcome == UpdateOutcome::Conflict);
        for (update, _) in refused.filter(|(update, _)| update.asks) {
            self.store.delete_version(update.lease.address, update.number, Origin::Partner);
        }
    }

    /// Compares what was refused in a batch with what the partner has.
    fn reconcile(&self, settled: &[(Update, UpdateOutcome)], body: &[u8], stats: &Stats) {
        let server = self.half.server();
        let mut last = None;
        for Dispute { place, text, held } in batch::disputes(body) {
            let Some((update, _)) = settled.get(place) else { continue };
            let address = update.lease.address;
            let held = held.map(|held| self.in_our_time(held)).filter(|it| it.address == address);
            match held.and_then(|held| self.give_way(update.number, held)) {
                Some((theirs, number)) => {
                    stats.count(Counter::HaLeasesRepaired);
                    last = last.max(Some(number));
                    log!(
                        PEREGRINE_HA_LEASE_REPAIRED,
                        "{server}: lease {address} of {} is now the partner's, of {}",
                        update.lease.hw_address,
                        theirs.hw_address
                    );
                }
                None => {
                    stats.count(Counter::HaLeasesDisputed);
                    let keys = self.half.drift().join(", ");
                    let keys = if keys.is_empty() { "nothing that is known".into() } else { keys };
                    log!(
                        PEREGRINE_HA_LEASE_DISPUTED,
                        "{server}: the partner does not take lease {address} of {}: {text}; the \
                         configurations differ in {keys}",
                        update.lease.hw_address
                    );
                }
            }
        }
        if let Some(Err(why)) = last.map(|number| (self.flush)(number)) {
            // The rows stay with the journal, which tries again with its next write.
            log!(HA_LEASE_SYNC_FAILED, "{server}: the lease file was not written: {why}");
        }
    }

    fn in_our_time(&self, lease: Lease) -> Lease {
        Lease { cltt_s: self.half.in_our_time(lease.cltt_s), ..lease }
    }

    /// Takes over what the partner has in the place of what it refused, the change `refused` or one before, if it is the
    /// better promise.
    fn give_way(&self, refused: ChangeNumber, theirs: Lease) -> Option<(Lease, ChangeNumber)> {
        let ours = self.store.find(theirs.address).filter(|ours| ours.version <= refused)?;
        let wall_s = self.half.clock().now().wall_s;
        if !self.is_own(&theirs) || !is_better(&ours, &theirs, wall_s) {
            return None;
        }
        let unchanged = Overwrite::Unchanged(Some(ours.mark()));
        match self.store.apply(theirs.clone(), unchanged, Origin::Partner) {
            Applied::Added(number) | Applied::Updated(number) => Some((theirs, number)),
            Applied::Kept => None,
        }
    }
}

/// Whether the partner's live lease goes before one of ours that it refused: it is another client's, and nobody was promised
/// ours later.
fn is_better(ours: &Stored, theirs: &Lease, wall_s: u64) -> bool {
    let client = Identity { client_id: theirs.client_id.as_ref(), hw_address: &theirs.hw_address };
    let promised_s = if ours.foreign { 0 } else { u64::from(ours.promised_s) };
    theirs.holds_address(wall_s) && !client.owns(&ours.lease) && theirs.cltt_s >= promised_s
}

#[cfg(test)]
mod tests {
    use engine::lease::{HwAddress, LeaseState};

    use super::*;

    fn lease(client: u8, cltt_s: u64) -> Lease {
        Lease {
            address: [192, 0, 2, 1].into(),
            hw_address: HwAddress::new(&[2, 0, 0, 0, 0, client]).unwrap(),
            client_id: None,
            valid_lifetime_s: 600,
            cltt_s,
            subnet_id: 1,
            fqdn_fwd: false,
            fqdn_rev: false,
            hostname: "".into(),
            state: LeaseState::Assigned,
            user_context: None,
            pool_id: 0,
        }
    }

    #[test]
    fn only_a_live_lease_of_another_client_that_was_promised_later_goes_before_ours() {
        let ours = Stored::new(lease(1, 1000), ChangeNumber(1), Origin::Client(None));
        assert!(is_better(&ours, &lease(2, 900), 1100), "ours was promised to nobody");
        assert!(!is_better(&ours, &lease(1, 900), 1100), "it is an older version of the same");
        assert!(!is_better(&ours, &lease(2, 400), 1100), "it is over");
        let ended = Lease { state: LeaseState::Reclaimed, ..lease(2, 900) };
        assert!(!is_better(&ours, &ended, 1100), "it has ended");
        let promised = Stored { promised_s: 950, ..ours };
        assert!(!is_better(&promised, &lease(2, 900), 1100), "our client was told later");
        assert!(is_better(&promised, &lease(2, 950), 1100));
        assert!(is_better(&Stored { foreign: true, ..promised }, &lease(2, 900), 1100));
    }
}
