//! What of a partner's updates is refused (implements [`engine::seam::Guard`]). Pure but for the log and
//! the clock of its half.
//!
//! A partner's version overwrites ours, as at Kea, with three exceptions. The first is a promise: it would give the address
//! of a live lease to another client, and this server wrote that lease, told its client of it, and did so later. Within
//! one second the server whose scope the client is in has its way.
//!
//! The other two are late news, which came behind newer ones of the same address because their connection was given up
//! and their bytes were not. An older version that gives the address away from the client to which the partner gave it
//! since is refused: a partner ends a lease, and says so, before it gives its address to another. An older version of the
//! same client's lease that ends no later than what is held is answered as if it were taken: what is held keeps whatever
//! it promises. A partner whose clock was set back sends what looks late, too, but what is held is in the future by
//! its clock then, and gives way. So nothing of a Kea is refused or left out for which somebody waits.
//!
//! The end of an older lease, of another client than has the address by now, is answered as if it were taken as well.
//!
//! What no server can tell from news: what comes late behind the end of a lease, or within the second of newer news.

use std::sync::Arc;

use engine::control::{Answer, code};
use engine::lease::{ClientId, Identity, LeaseState, Stored};
use engine::log;
use engine::seam::Verdict;
use engine::stats::{Counter, Stats};

use crate::family::Lease;
use crate::half::Half;
use crate::machine::{Peers, Role};
use crate::wire::request::PartnerKind;

/// Guards the leases that one relationship shares.
#[derive(Debug)]
pub struct Guard {
    half: Arc<Half>,
    stats: Arc<Stats>,
}

impl Guard {
    /// For the leases of `half`.
    pub const fn new(half: Arc<Half>, stats: Arc<Stats>) -> Self {
        Self { half, stats }
    }
}

/// Whether our lease stands against the partner's of the same second: the version of the server whose scope its client is
/// in; if that is so of both or of neither, the primary's.
pub(crate) fn goes_before(peers: &Peers, ours: &Lease, theirs: &Lease) -> bool {
    let scope = |lease: &Lease| peers.balanced(client_key(lease));
    let local = peers.place(&peers.local().name);
    let partner = peers.partner().and_then(|partner| peers.place(&partner.name));
    match (scope(ours) == local, scope(theirs) == partner) {
        (true, false) => true,
        (false, true) => false,
        _ => peers.local().role == Role::Primary,
    }
}

/// What the clients are shared by, as their queries have it.
pub(crate) fn client_key(lease: &Lease) -> Option<&[u8]> {
    let client_id = lease.client_id.as_ref().map(ClientId::as_bytes);
    let hw_address = Some(lease.hw_address.as_bytes()).filter(|bytes| !bytes.is_empty());
    client_id.filter(|bytes| !bytes.is_empty()).or(hw_address)
}

impl engine::seam::Guard for Guard {
    fn heard(&self, _subnet_id: u32, names_origin: bool) {
        self.half.see_update(names_origin);
    }

    fn judge(&self, held: &Stored, update: &Lease) -> Verdict {
        let wall_s = self.half.clock().now().wall_s;
        let is_past = || self.half.partner_wall_s().is_some_and(|now_s| held.lease.cltt_s <= now_s);
        let covered = || covers(&held.lease, update, wall_s) && is_past();
        // What was promised here is in our time.
        let is_of_another =
            || ends_another(held, update, wall_s) && (held.promised_s > 0 || is_past());
        if covered() || is_of_another() {
            return Verdict::Keep;
        }
        let first = || goes_before(self.half.gate().peers(), &held.lease, update);
        let is_late = is_late(held, update, wall_s) && is_past();
        if !keeps(held, update, wall_s, first) && !is_late {
            return Verdict::Take;
        }
        self.stats.count(Counter::HaUpdatesRefused);
        let (server, address) = (self.half.server(), update.address);
        let (ours, theirs) = (holder(&held.lease), holder(update));
        let theirs_since = update.cltt_s;
        let (how, since) = match held.foreign {
            true => ("given by the partner", held.lease.cltt_s),
            false => ("promised here", held.promised_s.into()),
        };
        log!(
            PEREGRINE_HA_UPDATE_REFUSED,
            "{server}: lease {address} was {how} to {ours} at {since}, the partner's update gives it to {theirs} at \
             {theirs_since}"
        );
        let code = match self.half.partner_kind() {
            PartnerKind::Kea3 => code::CONFLICT,
            PartnerKind::Kea2 => code::ERROR,
        };
        let text = format!("IPv4 address {address} is leased to {ours} since a later time");
        Verdict::Refuse(Answer::error(text).coded(code))
    }
}

/// Whether `held` stays although the partner sends `update`. `first`: it does within the same second.
fn keeps(held: &Stored, update: &Lease, wall_s: u64, first: impl FnOnce() -> bool) -> bool {
    let promised = !held.foreign && held.promised_s > 0;
    let live = held.lease.state == LeaseState::Assigned && held.lease.holds_address(wall_s);
    let gives = update.state == LeaseState::Assigned;
    let client = Identity { client_id: update.client_id.as_ref(), hw_address: &update.hw_address };
    let promised_s = u64::from(held.promised_s);
    let later = promised_s > update.cltt_s || (promised_s == update.cltt_s && first());
    promised && live && gives && !client.owns(&held.lease) && later
}

/// Whether `update` is older news of a live lease which the partner, or a server before its restart, gave to somebody else
/// since.
fn is_late(held: &Stored, update: &Lease, wall_s: u64) -> bool {
    let lease = &held.lease;
    let live = lease.state == LeaseState::Assigned && lease.holds_address(wall_s);
    let gives = update.state == LeaseState::Assigned && update.cltt_s < lease.cltt_s;
    let client = Identity { client_id: update.client_id.as_ref(), hw_address: &update.hw_address };
    held.foreign && live && gives && !client.owns(lease)
}

/// Whether `update` is older news of the same client's lease, and promises nothing that `held` does not.
fn covers(held: &Lease, update: &Lease, wall_s: u64) -> bool {
    let client = |lease: &Lease| (lease.hw_address, lease.client_id.clone(), lease.subnet_id);
    let both = held.state == LeaseState::Assigned && update.state == LeaseState::Assigned;
    let within = update.cltt_s < held.cltt_s && update.expires_at_s() <= held.expires_at_s();
    both && within && held.holds_address(wall_s) && client(held) == client(update)
}

/// Whether `update` is older news of the end of a lease whose address another client has since.
fn ends_another(held: &Stored, update: &Lease, wall_s: u64) -> bool {
    let lease = &held.lease;
    let live = lease.state == LeaseState::Assigned && lease.holds_address(wall_s);
    let ends = update.state != LeaseState::Assigned && update.cltt_s < lease.cltt_s;
    let client = Identity { client_id: update.client_id.as_ref(), hw_address: &update.hw_address };
    let known = held.foreign || held.promised_s > 0;
    known && live && ends && !client.owns(lease)
}

/// A client as people know it.
fn holder(lease: &Lease) -> String {
    match &lease.client_id {
        Some(client_id) => format!("{} (client identifier {client_id})", lease.hw_address),
        None => lease.hw_address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use engine::lease::{ChangeNumber, HwAddress, Origin};

    use super::*;

    fn lease(client: u8, cltt_s: u64) -> Lease {
        Lease {
            address: Ipv4Addr::new(192, 0, 2, 1),
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

    /// Written here at 1000 for client 1, who was told.
    fn promised() -> Stored {
        Stored {
            promised_s: 1000,
            ..Stored::new(lease(1, 1000), ChangeNumber(1), Origin::Client(None))
        }
    }

    fn is_kept(held: &Stored, update: &Lease) -> bool {
        keeps(held, update, 1100, || false)
    }

    #[test]
    fn a_later_promise_to_another_client_stands() {
        assert!(is_kept(&promised(), &lease(2, 999)));
        assert!(!is_kept(&promised(), &lease(2, 1001)));
        assert!(!is_kept(&promised(), &lease(2, 1000)), "the client is the partner's");
        assert!(keeps(&promised(), &lease(2, 1000), 1100, || true), "the client is ours");
    }

    #[test]
    fn of_one_second_the_scopes_owner_goes_first_else_the_primary() {
        use crate::machine::{Mode, Peer};
        let peers = |mode, other, local: &str| {
            let peer = |name: &str, role| Peer { name: name.into(), role, auto_failover: true };
            Peers::new(mode, local, vec![peer("a", Role::Primary), peer("b", other)]).unwrap()
        };
        let pair = |mode, other| ["a", "b"].map(|local| peers(mode, other, local));
        let [a, b] = pair(Mode::LoadBalancing, Role::Secondary);
        // By their hashes: the primary's, the secondary's.
        let client =
            |key: &[u8]| Lease { client_id: Some(ClientId::new(key).unwrap()), ..lease(1, 1000) };
        let (first, second) = (client(&[2, 0, 0, 0, 1, 0]), client(&[2, 0, 0, 0, 1, 2]));
        assert!(goes_before(&a, &first, &second) && !goes_before(&b, &second, &first), "both own");
        assert!(goes_before(&a, &second, &first) && !goes_before(&b, &first, &second), "neither");
        assert!(goes_before(&a, &first, &first) && !goes_before(&b, &first, &first));
        assert!(!goes_before(&a, &second, &second) && goes_before(&b, &second, &second));
        let [a, b] = pair(Mode::HotStandby, Role::Standby);
        assert!(goes_before(&a, &second, &first) && !goes_before(&b, &second, &first));
    }

    #[test]
    fn late_news_of_a_lease_that_the_partner_gave_to_another_since_is_refused() {
        let foreign = Stored {
            foreign: true,
            ..Stored::new(lease(2, 1000), ChangeNumber(1), Origin::Partner)
        };
        assert!(is_late(&foreign, &lease(1, 999), 1100));
        assert!(!is_late(&foreign, &lease(1, 1000), 1100), "nobody knows which came first");
        assert!(!is_late(&foreign, &lease(2, 999), 1100), "it is the same client");
        assert!(!is_late(&foreign, &lease(1, 999), 1601), "it is over");
        let ended = |lease| Stored { lease, ..foreign.clone() };
        let released = Lease { state: LeaseState::Released, ..lease(2, 1000) };
        assert!(!is_late(&ended(released), &lease(1, 999), 1100), "the address is free");
        assert!(!is_late(&promised(), &lease(2, 999), 1100), "that is for a promise to say");
    }

    #[test]
    fn older_news_of_the_same_client_is_kept_if_it_ends_no_later() {
        assert!(covers(&lease(1, 1000), &lease(1, 999), 1100));
        assert!(!covers(&lease(1, 1000), &lease(1, 1000), 1100), "it may differ otherwise");
        assert!(!covers(&lease(1, 1000), &lease(2, 999), 1100), "it is another client");
        let longer = Lease { valid_lifetime_s: 602, ..lease(1, 999) };
        assert!(!covers(&lease(1, 1000), &longer, 1100), "it promises more");
        assert!(!covers(&lease(1, 1000), &lease(1, 999), 1601), "what is held is over");
        for state in [LeaseState::Declined, LeaseState::Released] {
            assert!(!covers(&lease(1, 1000), &Lease { state, ..lease(1, 999) }, 1100));
        }
    }

    #[test]
    fn nothing_else_is_refused_for_its_version() {
        assert!(!is_kept(&promised(), &lease(1, 999)), "it is the same client");
        let untold = Stored { promised_s: 0, ..promised() };
        assert!(!is_kept(&untold, &lease(2, 999)), "the client was not told");
        let foreign = Stored { foreign: true, ..promised() };
        assert!(!is_kept(&foreign, &lease(2, 999)), "the partner or the file wrote it");
        assert!(!keeps(&promised(), &lease(2, 999), 1601, || true), "it is over");
        for state in [LeaseState::Declined, LeaseState::Reclaimed, LeaseState::Released] {
            let update = Lease { state, ..lease(2, 999) };
            assert!(!is_kept(&promised(), &update), "it gives the address to nobody");
        }
        let renewed = Stored { lease: lease(1, 1050), ..promised() };
        assert!(!is_kept(&renewed, &lease(2, 1020)), "the renewal was not acknowledged");
        assert!(is_kept(&renewed, &lease(2, 999)), "what was acknowledged before is");
    }
}
