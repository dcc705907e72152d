//! The gate: who of the pair serves a query (implements [`Admission`]). What the machine decided is
//! one atomic word; a query costs one hash and a load of it, of the machine's last turn and of when a client was last heard. Pure but for its atomics. Must not
//! know why a scope is served, nor how leases reach the partner.

use std::time::Duration;

use engine::clock::{Mono, Now};
use engine::lease::AddressHalf;
use engine::limits::{MAX_CLIENT_ID, MAX_HW_ADDRESS};
use engine::seam::{Admission, Admitted, Allotment, Client, Waiting};
use engine::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam::queue::ArrayQueue;

use crate::machine::limits::{DOUBT_EVERY, HEARD_EVERY, MAX_DOUBT, MAX_UNSERVED, STANDSTILL};
use crate::machine::{Gives, Peers, Role, Scopes, Standing, ToBackups, ToPartner, UpdatePolicy};

/// The gate of one relationship.
#[derive(Debug)]
pub struct Gate {
    peers: Peers,
    standing: AtomicU64,
    /// [`Gives::OwnHalf`], if that is what the standing says.
    since_s: AtomicU64,
    /// Whether there are pools that are open to the clients of both servers.
    shares_pools: AtomicBool,
    /// When the machine last had its turn, by the monotonic clock in nanoseconds.
    turned: AtomicU64,
    /// The same by the wall clock, in seconds: a machine that was paused finds only that one set right.
    turned_s: AtomicU64,
    /// When a client that is served here was last heard, as exactly as [`HEARD_EVERY`].
    heard: AtomicU64,
    /// Since when this server does not know whether the partner serves its clients; 0 if it knows.
    doubts: AtomicU64,
    /// When it began a doubt last that the partner did not end; 0 if it never did.
    doubted: AtomicU64,
    /// For how long clients wait until they prove to the partner that this server fails.
    max_ack_delay: Duration,
    unserved: ArrayQueue<Unserved>,
    unserved_dropped: AtomicU64,
}

impl Gate {
    /// A closed gate for `peers`: nobody is served before the first [`Self::publish`].
    pub fn new(peers: Peers, max_ack_delay: Duration) -> Self {
        Self {
            peers,
            standing: AtomicU64::new(0),
            since_s: AtomicU64::new(0),
            shares_pools: AtomicBool::new(false),
            turned: AtomicU64::new(u64::MAX),
            turned_s: AtomicU64::new(u64::MAX),
            heard: AtomicU64::new(0),
            doubts: AtomicU64::new(0),
            doubted: AtomicU64::new(0),
            max_ack_delay,
            unserved: ArrayQueue::new(MAX_UNSERVED),
            unserved_dropped: AtomicU64::new(0),
        }
    }

    /// The servers of the relationship.
    pub const fn peers(&self) -> &Peers {
        &self.peers
    }

    /// Lets the packet path know ([`crate::machine::Action::Publish`]).
    pub fn publish(&self, standing: Standing) {
        if let Gives::OwnHalf { since_s } = standing.gives {
            self.since_s.store(since_s, Ordering::Release);
        }
        // After it: whoever sees that the half alone is given sees since when.
        self.standing.store(pack(standing), Ordering::Release);
    }

    /// Whether there are pools from now on that are open to the clients of both servers.
    pub(crate) fn share_pools(&self, shares: bool) {
        self.shares_pools.store(shares, Ordering::Release);
    }

    /// Whether there are.
    pub(crate) fn shares_pools(&self) -> bool {
        self.shares_pools.load(Ordering::Acquire)
    }

    /// The machine has had its turn.
    pub(crate) fn turn(&self, now: Now) {
        self.turned.store(now.mono.as_ns(), Ordering::Release);
        self.turned_s.store(now.wall_s, Ordering::Release);
    }

    /// Whether the machine has not had its turn for so long that the process stood still: what was published says
    /// nothing any more.
    fn stood_still(&self, now: Now) -> bool {
        let passed = now.mono.as_ns().saturating_sub(self.turned.load(Ordering::Acquire));
        let passed_s = now.wall_s.saturating_sub(self.turned_s.load(Ordering::Acquire));
        u128::from(passed) > STANDSTILL.as_nanos() || passed_s > STANDSTILL.as_secs()
    }

    /// A client of this server is heard. If none was for so long that the partner may have seen them wait and taken over,
    /// this one waits as well, until the partner has said ([`Self::trust`]) or does not answer. Where few clients ask, the next
    /// one is served: it may be the same one again.
    fn doubts(&self, wary: bool, now: Mono) -> bool {
        let now = now.as_ns();
        let since =
            |before: &AtomicU64| u128::from(now.saturating_sub(before.load(Ordering::Acquire)));
        let silence = since(&self.heard);
        if silence >= HEARD_EVERY.as_nanos() {
            let again = self.doubted.load(Ordering::Acquire) == 0
                || since(&self.doubted) > DOUBT_EVERY.as_nanos();
            if wary && again && silence > self.max_ack_delay.as_nanos() {
                self.doubted.store(now.max(1), Ordering::Release);
                self.doubts.store(now.max(1), Ordering::Release);
            }
            // After the doubt: whoever sees that a client was heard sees it, too.
            self.heard.store(now, Ordering::Release);
        }
        wary && self.is_in_doubt() && since(&self.doubts) <= MAX_DOUBT.as_nanos()
    }

    /// Whether the partner is to be asked before anybody is served.
    pub(crate) fn is_in_doubt(&self) -> bool {
        self.doubts.load(Ordering::Acquire) != 0
    }

    /// What was published last is true: the partner was asked. If it `answered`, the next silence is another one: as long as
    /// the partner is heard nobody doubts, so that no client is put off twice for nothing.
    pub(crate) fn trust(&self, answered: bool) {
        if answered {
            self.doubted.store(0, Ordering::Release);
        }
        self.doubts.store(0, Ordering::Release);
    }

    /// What was published last. One atomic load.
    pub fn standing(&self) -> Standing {
        let word = self.standing.load(Ordering::Acquire);
        unpack(word, self.since_s.load(Ordering::Acquire))
    }

    /// Whether the lease of the client with this key is cleaned up here: one without a client is by both. While the partner
    /// may renew leases of shared pools without a word, what ends is not forgotten.
    pub fn reclaims(&self, key: Option<&[u8]>) -> bool {
        let standing = self.standing();
        if self.shares_pools() && matches!(standing.gives, Gives::OwnHalf { .. }) {
            return false;
        }
        let place = self.peers.balanced(key);
        if standing.apart {
            // Whoever serves its clients now, the partner may have renewed their leases.
            return place
                .is_none_or(|place| Some(place) == self.peers.place(&self.peers.local().name));
        }
        !standing.own_leases_only || place.is_none_or(|place| standing.scopes.contains(place))
    }

    /// The next query that the partner should have answered, for
    /// [`crate::machine::Relationship::handle_unserved`].
    pub fn poll_unserved(&self) -> Option<Unserved> {
        self.unserved.pop()
    }

    /// Queries that the failure detector was not shown because too many waited for it.
    pub fn unserved_dropped(&self) -> u64 {
        self.unserved_dropped.load(Ordering::Relaxed)
    }

    fn show(&self, client: &Client<'_>) {
        let shown = Unserved::new(client).is_some_and(|query| self.unserved.push(query).is_ok());
        if !shown {
            self.unserved_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Admission for Gate {
    /// `HA_` and the peer's name, in the order of the peers.
    fn classes(&self) -> Vec<String> {
        self.peers.all().iter().map(|peer| format!("HA_{}", peer.name)).collect()
    }

    fn admit(&self, client: &Client<'_>, now: Now) -> Admitted {
        if !client.balanced {
            return Admitted { serve: true, class: Some(self.peers.primary()) };
        }
        let class = self.peers.balanced(client.key);
        let standing = self.standing();
        let ours = class.is_some_and(|place| standing.scopes.contains(place));
        if !ours && standing.watching {
            self.show(client);
        }
        let serve = ours && !self.stood_still(now) && !self.doubts(standing.wary, now.mono);
        Admitted { serve, class }
    }

    fn allotment(&self, _subnet_id: u32) -> Allotment {
        let Standing { gives, apart, .. } = self.standing();
        if gives == Gives::EverythingFromFarEnd {
            return Allotment::FarEnd;
        }
        // The partner may serve its own clients, and renew what it gave them from pools of this server.
        let whole = if apart { Allotment::Apart } else { Allotment::Whole };
        if !self.shares_pools() {
            return whole;
        }
        let half = match self.peers.local().role {
            Role::Primary => AddressHalf::Even,
            Role::Secondary | Role::Standby | Role::Backup => AddressHalf::Odd,
        };
        match gives {
            Gives::Everything | Gives::EverythingFromFarEnd => whole,
            Gives::OwnHalfAndAsks => Allotment::Asking(half),
            Gives::OwnHalf { since_s } => Allotment::Alone { half, since_s },
        }
    }
}

/// A query that is not served here, kept for the failure detector.
#[derive(Clone, Debug)]
pub struct Unserved {
    hw_address: Short<MAX_HW_ADDRESS>,
    client_id: Short<MAX_CLIENT_ID>,
    waiting: Waiting,
}

impl Unserved {
    fn new(client: &Client<'_>) -> Option<Self> {
        let hw_address = Short::new(client.hw_address)?;
        Some(Self { hw_address, client_id: Short::new(client.client_id)?, waiting: client.waiting })
    }

    /// As the machine wants it.
    pub fn as_client(&self) -> Client<'_> {
        let (hw_address, client_id) = (self.hw_address.bytes(), self.client_id.bytes());
        Client { key: None, hw_address, client_id, waiting: self.waiting, balanced: true }
    }
}

/// At most `N` bytes, without an allocation.
#[derive(Clone, Debug)]
struct Short<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

impl<const N: usize> Short<N> {
    fn new(from: &[u8]) -> Option<Self> {
        let mut bytes = [0; N];
        bytes.get_mut(..from.len())?.copy_from_slice(from);
        Some(Self { bytes, len: u8::try_from(from.len()).ok()? })
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// Bits 0 to 31: scopes; 32: watching; 33 and 34: partner; 35 and 36: backups; 37: own leases only;
/// 38: wary; 39 and 40: what is given.
const fn pack(standing: Standing) -> u64 {
    let partner = match standing.updates.partner {
        ToPartner::Nothing => 0,
        ToPartner::Send => 1,
        ToPartner::Queue => 2,
        ToPartner::Count => 3,
    };
    let backups = match standing.updates.backups {
        ToBackups::Nothing => 0,
        ToBackups::Send => 1,
        ToBackups::SendAndWait => 2,
    };
    let flags = (standing.watching as u64) << 32 | (standing.own_leases_only as u64) << 37;
    let flags = flags | (standing.wary as u64) << 38 | (standing.apart as u64) << 41;
    let gives = match standing.gives {
        Gives::Everything => 0,
        Gives::OwnHalfAndAsks => 1,
        Gives::OwnHalf { .. } => 2,
        Gives::EverythingFromFarEnd => 3,
    };
    standing.scopes.bits() as u64 | flags | partner << 33 | backups << 35 | gives << 39
}

const fn unpack(word: u64, since_s: u64) -> Standing {
    let partner = match word >> 33 & 3 {
        0 => ToPartner::Nothing,
        1 => ToPartner::Send,
        2 => ToPartner::Queue,
        _ => ToPartner::Count,
    };
    let backups = match word >> 35 & 3 {
        0 => ToBackups::Nothing,
        1 => ToBackups::Send,
        _ => ToBackups::SendAndWait,
    };
    let scopes = Scopes::from_bits(word as u32);
    let [watching, own_leases_only, wary] = [word >> 32 & 1, word >> 37 & 1, word >> 38 & 1];
    Standing {
        scopes,
        watching: watching == 1,
        wary: wary == 1,
        updates: UpdatePolicy { partner, backups },
        own_leases_only: own_leases_only == 1,
        apart: word >> 41 & 1 == 1,
        gives: match word >> 39 & 3 {
            0 => Gives::Everything,
            1 => Gives::OwnHalfAndAsks,
            3 => Gives::EverythingFromFarEnd,
            _ => Gives::OwnHalf { since_s },
        },
    }
}

#[cfg(test)]
mod tests {
    use engine::clock::Mono;

    use super::*;
    use crate::machine::{Mode, Peer, Role};

    const NOW: Now = Now { mono: Mono::from_ns(0), wall_s: 0 };

    fn gate(mode: Mode, other: Role) -> Gate {
        let peer = |name: &str, role| Peer { name: name.into(), role, auto_failover: true };
        let all = vec![peer("a", Role::Backup), peer("z", Role::Primary), peer("b", other)];
        Gate::new(Peers::new(mode, "z", all).unwrap(), Duration::from_secs(10))
    }

    fn client(key: Option<&[u8]>) -> Client<'_> {
        let hw_address = key.unwrap_or_default();
        let waiting = Waiting::Seconds(3);
        Client { key, hw_address, client_id: &[], waiting, balanced: true }
    }

    /// Hashes of 92 and 27.
    const FIRST: &[u8] = &[2, 0, 0, 0, 1, 0];
    const SECOND: &[u8] = &[2, 0, 0, 0, 1, 2];

    fn serving(gate: &Gate, places: &[usize], watching: bool) {
        let scopes = places.iter().fold(Scopes::NONE, |scopes, place| scopes.with(*place));
        gate.publish(Standing { scopes, watching, ..Standing::default() });
    }

    #[test]
    fn each_query_gets_its_servers_class_and_is_served_if_the_scope_is() {
        let gate = gate(Mode::LoadBalancing, Role::Secondary);
        assert_eq!(gate.classes(), ["HA_a", "HA_b", "HA_z"]);
        let admit = |key| gate.admit(&client(Some(key)), NOW);
        assert_eq!(admit(FIRST), Admitted { serve: false, class: Some(2) }, "closed at first");
        serving(&gate, &[2], false);
        assert_eq!(admit(FIRST), Admitted { serve: true, class: Some(2) });
        assert_eq!(admit(SECOND), Admitted { serve: false, class: Some(1) });
        serving(&gate, &[1, 2], false);
        assert_eq!(admit(SECOND), Admitted { serve: true, class: Some(1) });
        let nobody = gate.admit(&client(None), NOW);
        assert_eq!(nobody, Admitted { serve: false, class: None });
        let unbalanced = Client { balanced: false, ..client(Some(SECOND)) };
        serving(&gate, &[], false);
        assert_eq!(gate.admit(&unbalanced, NOW), Admitted { serve: true, class: Some(2) });
    }

    #[test]
    fn nobody_is_served_by_what_was_published_before_a_standstill() {
        let gate = gate(Mode::HotStandby, Role::Standby);
        serving(&gate, &[2], false);
        gate.turn(NOW);
        let serves = |passed| {
            let now = Now { mono: NOW.mono + passed, ..NOW };
            gate.admit(&client(Some(FIRST)), now).serve
        };
        assert!(serves(STANDSTILL));
        let longer = STANDSTILL + std::time::Duration::from_millis(1);
        assert!(!serves(longer));
        gate.turn(Now { mono: NOW.mono + longer, ..NOW });
        assert!(serves(longer));
    }

    #[test]
    fn nobody_is_served_either_once_the_wall_clock_tells_of_a_pause() {
        let gate = gate(Mode::HotStandby, Role::Standby);
        serving(&gate, &[2], false);
        gate.turn(NOW);
        let serves = |wall_s| gate.admit(&client(Some(FIRST)), Now { wall_s, ..NOW }).serve;
        assert!(serves(NOW.wall_s + STANDSTILL.as_secs()));
        assert!(!serves(NOW.wall_s + STANDSTILL.as_secs() + 1));
    }

    #[test]
    fn a_server_that_was_cut_off_from_its_clients_serves_none_before_it_asked() {
        let gate = gate(Mode::LoadBalancing, Role::Secondary);
        let scopes = Scopes::NONE.with(2);
        let publish = |wary| {
            gate.publish(Standing { scopes, watching: true, wary, ..Standing::default() });
        };
        publish(false);
        let at = |seconds: f64| NOW.mono + Duration::from_secs_f64(seconds);
        let serves = |seconds| {
            gate.turn(Now { mono: at(seconds), ..NOW });
            gate.admit(&client(Some(FIRST)), Now { mono: at(seconds), ..NOW }).serve
        };
        assert!(serves(1.0) && serves(100.0), "a silence of all clients says nothing else");
        publish(true);
        assert!(serves(110.0) && !gate.is_in_doubt(), "nobody has waited for so long");
        assert!(!serves(120.1) && gate.is_in_doubt());
        assert!(!serves(120.2), "nor is the next one");
        gate.admit(&client(Some(SECOND)), Now { mono: at(120.3), ..NOW });
        assert_eq!(gate.poll_unserved().unwrap().as_client().hw_address, SECOND);
        assert!(gate.poll_unserved().is_none(), "our own clients do not speak against the partner");
        gate.trust(false);
        assert!(serves(121.0), "the partner has not taken over");
        assert!(serves(131.1), "whoever asks again is not put off again");
        assert!(!serves(151.1), "a silence again");
        gate.trust(true);
        assert!(!serves(162.0), "and another one, after the partner was heard");
        gate.trust(true);
        assert!(!serves(172.5), "however soon");
        gate.trust(true);
        assert!(!serves(183.0));
        assert!(serves(186.1), "the partner does not say");
        assert!(serves(197.0), "and the only client of a quiet network is served");
        publish(false);
        assert!(serves(220.0), "normal operation");
    }

    #[test]
    fn a_standby_pair_has_one_scope() {
        let gate = gate(Mode::HotStandby, Role::Standby);
        serving(&gate, &[2], false);
        for key in [Some(FIRST), Some(SECOND), None] {
            let admitted = gate.admit(&client(key), NOW);
            assert_eq!(admitted, Admitted { serve: true, class: Some(2) });
        }
    }

    #[test]
    fn the_partners_queries_are_shown_only_during_an_interruption() {
        let gate = gate(Mode::LoadBalancing, Role::Secondary);
        serving(&gate, &[2], false);
        gate.admit(&client(Some(SECOND)), NOW);
        assert!(gate.poll_unserved().is_none());
        serving(&gate, &[2], true);
        gate.admit(&client(Some(FIRST)), NOW);
        gate.admit(&client(Some(SECOND)), NOW);
        let shown = gate.poll_unserved().unwrap();
        assert_eq!(shown.as_client().hw_address, SECOND);
        assert_eq!(shown.as_client().waiting, Waiting::Seconds(3));
        assert!(gate.poll_unserved().is_none());
    }

    #[test]
    fn what_the_detector_cannot_take_is_counted() {
        let gate = gate(Mode::LoadBalancing, Role::Secondary);
        serving(&gate, &[2], true);
        for _ in 0..MAX_UNSERVED + 3 {
            gate.admit(&client(Some(SECOND)), NOW);
        }
        let long = Client { hw_address: &[0; 21], ..client(Some(SECOND)) };
        gate.admit(&long, NOW);
        assert_eq!(gate.unserved_dropped(), 4);
        assert_eq!(std::iter::from_fn(|| gate.poll_unserved()).count(), MAX_UNSERVED);
    }

    #[test]
    fn after_a_termination_each_cleans_up_its_own_clients_leases() {
        let gate = gate(Mode::LoadBalancing, Role::Secondary);
        for (own_leases_only, expected) in [(false, [true; 3]), (true, [true, false, true])] {
            let scopes = Scopes::NONE.with(2);
            gate.publish(Standing { scopes, own_leases_only, ..Standing::default() });
            assert_eq!([Some(FIRST), Some(SECOND), None].map(|key| gate.reclaims(key)), expected);
        }
        let scopes = Scopes::NONE.with(0).with(1);
        gate.publish(Standing { scopes, apart: true, ..Standing::default() });
        let own = [Some(FIRST), Some(SECOND), None].map(|key| gate.reclaims(key));
        assert_eq!(own, [true, false, true], "whoever else is served");
    }

    #[test]
    fn shared_pools_are_given_from_by_halves_and_what_ends_apart_is_not_forgotten() {
        let primary = gate(Mode::LoadBalancing, Role::Secondary);
        let own = |since_s| Gives::OwnHalf { since_s };
        let half = AddressHalf::Even;
        for (gives, expected, reclaims) in [
            (Gives::Everything, Allotment::Whole, true),
            (Gives::OwnHalfAndAsks, Allotment::Asking(half), true),
            (own(7), Allotment::Alone { half, since_s: 7 }, false),
            (own(8), Allotment::Alone { half, since_s: 8 }, false),
            (Gives::Everything, Allotment::Whole, true),
        ] {
            primary.publish(Standing { gives, ..Standing::default() });
            primary.share_pools(false);
            assert_eq!((primary.allotment(1), primary.reclaims(None)), (Allotment::Whole, true));
            primary.share_pools(true);
            assert_eq!((primary.allotment(1), primary.reclaims(None)), (expected, reclaims));
        }
    }

    #[test]
    fn a_standby_alone_gives_from_the_far_end_of_any_pool() {
        let standby = gate(Mode::HotStandby, Role::Standby);
        let gives = Gives::EverythingFromFarEnd;
        standby.publish(Standing { gives, ..Standing::default() });
        for shares in [false, true] {
            standby.share_pools(shares);
            assert_eq!((standby.allotment(1), standby.reclaims(None)), (Allotment::FarEnd, true));
        }
    }

    #[test]
    fn a_standing_survives_its_word() {
        use ToBackups as B;
        use ToPartner as P;
        for partner in [P::Nothing, P::Send, P::Queue, P::Count] {
            for backups in [B::Nothing, B::Send, B::SendAndWait] {
                for (watching, scopes) in [(true, Scopes::NONE), (false, Scopes::NONE.with(31))] {
                    let updates = UpdatePolicy { partner, backups };
                    let own_leases_only = !watching;
                    for wary in [false, true] {
                        let flags =
                            Standing { watching, wary, own_leases_only, ..Standing::default() };
                        for gives in [
                            Gives::Everything,
                            Gives::OwnHalfAndAsks,
                            Gives::OwnHalf { since_s: 9 },
                            Gives::EverythingFromFarEnd,
                        ] {
                            let standing = Standing { scopes, updates, gives, ..flags };
                            assert_eq!(unpack(pack(standing), 9), standing);
                        }
                    }
                }
            }
        }
    }
}
