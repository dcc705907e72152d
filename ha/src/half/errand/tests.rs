//! Synchronisations, request by request, with a partner that the test plays: whose version counts, what is owed, what is
//! deleted, and how long the partner's service is off.

use engine::clock::{Clock, Mono, Now};
use engine::lease::json::{kea_text, lease_to_json};
use engine::lease::memory::MemoryStore;
use engine::lease::{
    Change, ChangeSink, ClientId, Grant, HwAddress, Identity, LeaseState, Origin, Overwrite,
};
use engine::pending::{Pending, PendingReply, Release};
use engine::seam::Replication;
use engine::sync::Mutex;
use serde_json::{Value, json};

use super::page::{ended_early, ends_early};
use super::*;
use crate::family::Address;
use crate::half::Memory;
use crate::machine::{Mode, Parameters, Peer, Peers, Role, SyncOrder};
use crate::outbox::Outbox;

const START_S: u64 = 10_000;

/// A clock that the test moves.
#[derive(Default)]
struct Hand(Mutex<u64>);

impl Clock for Hand {
    fn now(&self) -> Now {
        let seconds = *self.0.lock();
        Now { mono: Mono::from_ns(seconds * 1_000_000_000), wall_s: START_S + seconds }
    }
}

struct Nobody;
impl Release for Nobody {
    fn release(&self, _: PendingReply) {}
}

struct Sink(Arc<Outbox>);
impl ChangeSink for Sink {
    fn record(&self, change: &Change<'_>) {
        self.0.queue(change);
    }
}

/// What was written before the process that is tested.
struct Past(bool);
impl Memory for Past {
    fn is_paired(&self) -> bool {
        self.0
    }

    fn set_paired(&self, _: bool) -> Result<(), String> {
        Ok(())
    }
}

struct World {
    clerk: Clerk,
    clock: Arc<Hand>,
}

/// A primary that served with its partner to the end, or not; its pages have three leases.
fn world(paired: bool) -> World {
    let peer = |name: &str, role| Peer { name: name.into(), role, auto_failover: true };
    let all = vec![peer("server1", Role::Primary), peer("server2", Role::Secondary)];
    let peers = Peers::new(Mode::LoadBalancing, "server1", all).unwrap();
    let pending = Arc::new(Pending::new(0, Arc::new(Nobody), Arc::default()));
    let clock = Arc::<Hand>::default();
    let time: Arc<dyn Clock> = Arc::<Hand>::clone(&clock);
    let half = Half::new(0, Parameters::defaults(peers), pending, Arc::default(), time);
    half.remember_in(Arc::new(Past(paired)));
    let store = Arc::new(MemoryStore::new(Arc::new(Sink(Arc::clone(half.outbox())))));
    World { clerk: Clerk { half, store, flush: Arc::new(|_| Ok(())), page_limit: 3 }, clock }
}

fn lease(host: u8, client: u8, cltt_s: u64) -> Lease {
    Lease {
        address: Address::new(192, 0, 2, host),
        hw_address: HwAddress::new(&[2, 0, 0, 0, 0, client]).unwrap(),
        client_id: None::<ClientId>,
        valid_lifetime_s: 4000,
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

impl World {
    fn has(&self, leases: &[Lease]) {
        assert_eq!(self.clerk.store.page(None, 100), leases);
    }

    fn grant(&self, lease: &Lease) {
        let hw_address = lease.hw_address;
        let identity = Identity { client_id: None, hw_address: &hw_address };
        let origin = Origin::Client(None);
        let grant = Grant { lease: lease.clone(), identity, one_of: &[], origin };
        self.clerk.store.grant(self.clock.now(), grant).unwrap();
    }

    fn load(&self, lease: Lease) {
        self.clerk.store.apply(lease, Overwrite::Always, Origin::Load);
    }

    /// Runs a synchronisation of a server's own against these pages; gives what was asked, as command and address or so.
    fn synchronise(&self, pages: &[&[Lease]], meanwhile: impl FnMut(usize)) -> Vec<String> {
        let order = SyncOrder {
            server: 1,
            max_period_s: Some(60),
            administrator: false,
            served: false,
            serving: false,
        };
        self.run(order, pages, meanwhile)
    }

    fn run(
        &self,
        order: SyncOrder,
        pages: &[&[Lease]],
        mut meanwhile: impl FnMut(usize),
    ) -> Vec<String> {
        let mut errand = self.clerk.begin(Job::Sync(order));
        let mut asked = Vec::new();
        let mut pages = pages.iter();
        while let Some(under_way) = errand {
            let (body, _) = self.clerk.ask(&under_way);
            let request: Value = serde_json::from_str(&body).unwrap();
            let command = request["command"].as_str().unwrap().to_owned();
            meanwhile(asked.len());
            let answer = match command.as_str() {
                "lease4-get-page" => page(pages.next().unwrap()),
                _ => json!([{"result": 0, "text": ""}]),
            };
            let arguments = &request["arguments"];
            asked.push(match arguments["ip-address"].as_str() {
                Some(address) => format!("{command} {address}"),
                None => command,
            });
            errand = self.clerk.handle(under_way, Ok(answer.to_string().as_bytes()));
        }
        asked
    }
}

fn page(leases: &[Lease]) -> Value {
    let result = if leases.is_empty() { 3 } else { 0 };
    let leases: Vec<_> = leases.iter().map(lease_to_json).collect();
    json!([{"result": result, "arguments": {"count": leases.len(), "leases": leases}}])
}

const QUIET: fn(usize) = |_| ();

#[test]
fn a_server_that_did_not_serve_alone_takes_the_partners_leases_for_the_truth() {
    let world = world(true);
    // Equal and older at the partner, lacking there, newer here.
    let ours = [lease(1, 1, 100), lease(2, 2, 100), lease(3, 3, 100), lease(9, 9, 100)];
    ours.into_iter().for_each(|lease| world.load(lease));
    let theirs = [lease(1, 21, 100), lease(2, 22, 90), lease(4, 24, 80)];
    let last = [lease(7, 27, 10)];
    let asked = world.synchronise(&[&theirs, &last], QUIET);
    let (disable, page) = ("dhcp-disable", "lease4-get-page");
    assert_eq!(asked, [disable, page, disable, page, "ha-sync-complete-notify"]);
    world.has(&[&theirs[..], &last[..]].concat());
}

#[test]
fn what_came_while_a_page_was_on_its_way_stays() {
    let world = world(true);
    let theirs = [lease(1, 21, 100)];
    world.load(lease(1, 1, 100));
    let update = |host| {
        let update = lease(host, 50, 120);
        world.clerk.store.apply(update, Overwrite::Always, Origin::Partner);
    };
    // Its page was made before the partner gave both addresses.
    world.synchronise(&[&theirs], |asked| {
        if asked == 1 {
            update(1);
            update(2);
        }
    });
    world.has(&[lease(1, 50, 120), lease(2, 50, 120)]);
}

#[test]
fn a_partner_that_has_lost_all_leases_is_told_ours() {
    let world = world(true);
    world.load(lease(1, 1, START_S));
    let asked = world.synchronise(&[&[]], QUIET);
    assert_eq!(asked[2], "lease4-update 192.0.2.1");
    world.has(&[lease(1, 1, START_S)]);
}

#[test]
fn a_lease_of_the_page_that_is_not_understood_is_not_lacking() {
    let world = world(true);
    world.load(lease(1, 1, 100));
    world.load(lease(2, 2, 100));
    let bad = json!([{"result": 0, "arguments": {"count": 2, "leases": [
        lease_to_json(&lease(1, 1, 100)), {"ip-address": "192.0.2.2", "state": "?"}]}}]);
    let order = SyncOrder {
        server: 1,
        max_period_s: Some(60),
        administrator: false,
        served: false,
        serving: false,
    };
    let mut errand = world.clerk.begin(Job::Sync(order));
    for answer in [json!([{"result": 0}]), bad, json!([{"result": 0}])] {
        errand = world.clerk.handle(errand.unwrap(), Ok(answer.to_string().as_bytes()));
    }
    assert!(errand.is_none());
    world.has(&[lease(1, 1, 100), lease(2, 2, 100)]);
}

#[test]
fn for_one_that_served_alone_the_newer_version_counts_and_the_partner_is_told() {
    let world = world(false);
    for lease in [lease(1, 1, START_S), lease(2, 2, START_S - 9), lease(3, 3, START_S)] {
        world.load(lease);
    }
    let theirs = [lease(1, 21, START_S - 1), lease(2, 22, START_S)];
    let asked = world.synchronise(&[&theirs], QUIET);
    assert_eq!(asked[2..4], ["lease4-update 192.0.2.1", "lease4-update 192.0.2.3"]);
    world.has(&[lease(1, 1, START_S), lease(2, 22, START_S), lease(3, 3, START_S)]);
}

/// The partner goes on serving, so that nothing follows the last page but what it lacks.
#[test]
fn what_the_last_page_lacks_is_told_before_a_synchronisation_while_serving_ends() {
    let world = world(false);
    world.load(lease(1, 1, START_S));
    let order = SyncOrder {
        server: 1,
        max_period_s: None,
        administrator: false,
        served: true,
        serving: true,
    };
    let mut errand = world.clerk.begin(Job::Sync(order));
    for answer in [json!([{"result": 0}]), page(&[])] {
        errand = world.clerk.handle(errand.unwrap(), Ok(answer.to_string().as_bytes()));
    }
    let errand = errand.unwrap();
    let (body, _) = world.clerk.ask(&errand);
    assert!(body.contains("lease4-update") && body.contains("192.0.2.1"), "{body}");
    assert!(world.clerk.handle(errand, Ok(b"[{\"result\": 0}]")).is_none());
}

/// Both servers gave one address within one second: both sides of a synchronisation have to choose the same.
#[test]
fn of_one_second_the_version_of_the_scopes_owner_counts() {
    let world = world(false);
    // By their hashes: the primary's, the secondary's.
    let (first, second) = (0x01_00, 0x01_02);
    let of = |host, client: u16, lifetime| {
        let [a, b] = client.to_be_bytes();
        let hw_address = HwAddress::new(&[2, 0, 0, 0, a, b]).unwrap();
        Lease { hw_address, valid_lifetime_s: lifetime, ..lease(host, 0, START_S) }
    };
    for lease in [of(1, first, 10), of(2, second, 10), of(3, second, 10)] {
        world.load(lease);
    }
    let theirs = [of(1, second, 20), of(2, second, 20), of(3, second, 10)];
    let asked = world.synchronise(&[&theirs, &[]], QUIET);
    assert_eq!(asked[2..4], ["lease4-update 192.0.2.1", "dhcp-disable"]);
    world.has(&[of(1, first, 10), of(2, second, 20), of(3, second, 10)]);
}

#[test]
fn leases_that_ended_while_it_served_alone_end_at_the_partner() {
    let world = world(false);
    for host in 1..=3 {
        world.grant(&lease(host, host, START_S - 10));
        let hw_address = lease(host, host, 0).hw_address;
        let identity = Identity { client_id: None, hw_address: &hw_address };
        let address = lease(host, host, 0).address;
        let (now, origin) = (world.clock.now(), Origin::Client(None));
        world.clerk.store.release(now, address, identity, false, origin).unwrap();
    }
    // The second was given anew by the partner since; the third it does not have.
    let theirs = [lease(1, 1, START_S - 10), lease(2, 22, START_S - 5)];
    let asked = world.synchronise(&[&theirs], QUIET);
    assert_eq!(asked[2], "lease4-del 192.0.2.1");
    assert_eq!(asked.len(), 4);
    world.has(&[lease(2, 22, START_S - 5)]);
    assert!(!world.clerk.half.outbox().owed().deletions);
}

#[test]
fn an_administrators_synchronisation_takes_what_is_newer_and_nothing_else() {
    let world = world(true);
    world.load(lease(1, 1, START_S));
    world.load(lease(2, 2, START_S));
    let order = SyncOrder {
        server: 1,
        max_period_s: None,
        administrator: true,
        served: false,
        serving: false,
    };
    let asked = world.run(order, &[&[lease(1, 21, START_S - 1), lease(3, 23, 1)]], QUIET);
    assert_eq!(asked.len(), 3);
    world.has(&[lease(1, 1, START_S), lease(2, 2, START_S), lease(3, 23, 1)]);
}

/// What is owed is sent one by one, and may take longer than the partner's service is off for.
#[test]
fn the_partners_service_is_switched_off_again_in_time() {
    let world = world(false);
    (1..=8).for_each(|host| world.load(lease(host, host, START_S)));
    let asked = world.synchronise(&[&[]], |_| *world.clock.0.lock() += 20);
    let off: Vec<_> = (0..asked.len()).filter(|place| asked[*place] == "dhcp-disable").collect();
    assert!(
        off.len() > 2 && off.windows(2).all(|pair| pair[1] - pair[0] <= 3),
        "60 s hold three: {asked:?}"
    );
    assert_eq!(asked.iter().filter(|command| command.starts_with("lease4-update")).count(), 8);
    assert_eq!(asked.last().unwrap(), "ha-sync-complete-notify");
}

/// The partner's clock is far ahead: it has reclaimed what a client holds here.
#[test]
fn a_partner_whose_clock_is_far_off_ends_no_lease() {
    use LeaseState::{Assigned, Reclaimed};
    let of =
        |client, cltt_s, state| Lease { state, valid_lifetime_s: 100, ..lease(1, client, cltt_s) };
    let ours = of(1, 1000, Assigned);
    let ends = |theirs: &Lease, wall_s| ends_early(theirs, &ours, wall_s);
    assert!(ends(&of(1, 1050, Reclaimed), 1020));
    assert!(ends(&of(1, 990, Assigned), 1020), "an older renewal");
    assert!(!ends(&of(1, 1050, Assigned), 1020), "a newer one");
    assert!(!ends(&of(2, 1010, Assigned), 1020), "another client's");
    assert!(!ends(&of(1, 1050, Reclaimed), 1200), "ours is over");
    let ended = |theirs: &Lease, wall_s| ended_early(theirs, &ours, wall_s);
    assert!(ended(&of(1, 1050, Reclaimed), 1020), "its clock was set since, and agrees now");
    assert!(!ended(&of(1, 1000, Reclaimed), 1020), "the same version");
    assert!(!ended(&of(1, 1050, Assigned), 1020), "a newer one");
    assert!(!ended(&of(2, 1050, Reclaimed), 1020), "another client's");
    assert!(!ended(&of(1, 1150, Reclaimed), 1200), "ours is over");
}

/// A partner that goes on serving, as seen from one that begins to fetch its leases.
const SERVING: SyncOrder =
    SyncOrder { server: 1, max_period_s: None, administrator: false, served: false, serving: true };

/// As a runner does it: what is asked ahead is answered before the page is taken in, and counts if it is what comes next.
/// Gives the addresses after which pages were asked for, and those of the ones ahead.
fn run_ahead(
    world: &World,
    order: SyncOrder,
    pages: &[&[Lease]],
    mut after_first: impl FnMut(),
) -> (Vec<Value>, Vec<Value>) {
    let (mut asked, mut asked_ahead) = (vec![], vec![]);
    let mut answer = |body: &str| {
        let request: Value = serde_json::from_str(body).unwrap_or_default();
        if request["command"] != "lease4-get-page" {
            return "[ { \"result\": 0 } ]".to_owned();
        }
        let from = request["arguments"]["from"].as_str().unwrap();
        let after = from.parse::<Address>().ok();
        let ends = |page: &&&[Lease]| page.last().is_some_and(|lease| Some(lease.address) == after);
        let next = pages.iter().position(|page| ends(&page)).map_or(0, |place| place + 1);
        asked.push(from.into());
        kea_text(&page(pages.get(next).copied().unwrap_or_default()))
    };
    let mut errand = world.clerk.begin(Job::Sync(order));
    let mut early: Option<(String, String)> = None;
    while let Some(mut under_way) = errand {
        let (body, _) = world.clerk.ask(&under_way);
        let text = match early.take().filter(|early| early.0 == body) {
            Some((_, text)) => text,
            None => answer(&body),
        };
        early = world.clerk.ahead(&mut under_way, text.as_bytes()).map(|(body, _)| {
            let request: Value = serde_json::from_str(&body).unwrap();
            asked_ahead.push(request["arguments"]["from"].clone());
            let text = answer(&body);
            after_first();
            (body, text)
        });
        errand = world.clerk.handle(under_way, Ok(text.as_bytes()));
    }
    (asked, asked_ahead)
}

#[test]
fn the_next_page_of_a_partner_that_serves_is_asked_for_while_one_is_taken_in() {
    let world = world(true);
    // Lacking there, and on the second page.
    world.load(lease(9, 9, 100));
    let first = [lease(1, 21, 100), lease(2, 22, 90), lease(3, 23, 90)];
    let pages = [&first[..], &[lease(7, 27, 10)][..]];
    let mut updates = [8, 7].into_iter();
    let asked = run_ahead(&world, SERVING, &pages, || {
        // The partner's update comes when the second page is made, and not taken in yet.
        for host in updates.by_ref() {
            world.clerk.store.apply(lease(host, 50, 120), Overwrite::Always, Origin::Partner);
        }
    });
    assert_eq!(asked, (vec!["start".into(), "192.0.2.3".into()], vec!["192.0.2.3".into()]));
    world.has(&[&first[..], &[lease(7, 50, 120), lease(8, 50, 120)]].concat());
}

#[test]
fn where_the_partner_is_told_something_or_keeps_nothing_pages_go_in_turn() {
    let world = world(false);
    world.load(lease(1, 1, START_S));
    let pages = [
        &[2, 3, 4].map(|host| lease(host, host + 20, START_S))[..],
        &[5, 6, 7].map(|host| lease(host, host + 20, START_S)),
        &[lease(8, 28, START_S)],
    ];
    let (asked, ahead) = run_ahead(&world, SERVING, &pages, || ());
    assert_eq!(ahead, ["192.0.2.4"], "none after the first that the partner is told of");
    assert_eq!(asked.len(), 4, "the one ahead was asked for again: {asked:?}");
    world.has(&[&[lease(1, 1, START_S)][..], pages[0], pages[1], pages[2]].concat());
    for order in [
        SyncOrder { serving: false, ..SERVING },
        SyncOrder { serving: true, administrator: true, ..SERVING },
    ] {
        assert!(run_ahead(&world, order, &pages, || ()).1.is_empty());
    }
}
