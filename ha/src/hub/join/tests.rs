//! A hub with two branches: whom a query is asked about, who is told of a lease, whom a command means.

use engine::clock::{Mono, SystemClock};
use engine::control::{Channel, Registry};
use engine::lease::{ChangeKind, ChangeNumber, HwAddress, Lease4, LeaseState, Origin};
use engine::pending::{Pending, PendingReply, Release};
use engine::seam::Waiting;
use engine::seam::service::Service;
use serde_json::{Value, json};

use super::*;
use crate::half::{all_of, commands};
use crate::machine::{
    Mode, Parameters, Peer, Peers, Role, Scopes, Standing, ToBackups, ToPartner, UpdatePolicy,
};
use crate::outbox::PeerQueue;

struct Nobody;
impl Release for Nobody {
    fn release(&self, _reply: PendingReply) {}
}

/// The hub, the standby of each: server2 of server1, and server4 of server3. Subnet 1 is the first pair's, 2 the other's.
struct World {
    halves: Vec<Arc<Half>>,
    subnets: Arc<Subnets>,
    pending: Arc<Pending>,
    service: Arc<Service>,
    registry: Registry,
}

impl World {
    fn new() -> Self {
        let peers = [("server1", "server2"), ("server3", "server4")].map(|(primary, own)| {
            let peer = |name: &str, role| Peer { name: name.into(), role, auto_failover: true };
            let all = vec![peer(primary, Role::Primary), peer(own, Role::Standby)];
            Peers::new(Mode::HotStandby, own, all).unwrap()
        });
        let named = (1..).zip(["server2", "server3", "other"].map(Some));
        let subnets = Arc::new(Subnets::new(&[&peers[0], &peers[1]], named));
        let pending = Arc::new(Pending::new(0, Arc::new(Nobody), Arc::default()));
        let service = Arc::<Service>::default();
        let clock = Arc::new(SystemClock::start());
        let halves: Vec<_> = (0..)
            .zip(peers)
            .map(|(index, peers)| {
                let parameters = Parameters::defaults(peers);
                let share = subnets.share(index as usize);
                let (pending, service) = (Arc::clone(&pending), Arc::clone(&service));
                Half::of_share(index, parameters, share, pending, service, clock.clone())
            })
            .collect();
        let registry = Registry::default();
        commands::register(&all_of(&halves), &registry);
        Self { halves, subnets, pending, service, registry }
    }

    fn ask(&self, channel: Channel, command: &str, arguments: Value) -> Value {
        let request = json!({"command": command, "arguments": arguments});
        self.registry.over(channel).execute(&request).into_json()
    }

    fn scopes(&self) -> [Vec<Arc<str>>; 2] {
        [0, 1].map(|place: usize| self.halves[place].heartbeat_status().scopes)
    }
}

fn lease(subnet_id: u32) -> Lease4 {
    Lease4 {
        address: [192, 0, 2, 1].into(),
        hw_address: HwAddress::new(&[2, 0, 0, 0, 0, 1]).unwrap(),
        client_id: None,
        valid_lifetime_s: 100,
        cltt_s: 1000,
        subnet_id,
        fqdn_fwd: false,
        fqdn_rev: false,
        hostname: "".into(),
        state: LeaseState::Assigned,
        user_context: None,
        pool_id: 0,
    }
}

#[test]
fn a_query_is_served_if_the_relationship_of_its_subnet_serves_it() {
    let world = World::new();
    let gates = Gates::new(&world.halves, Arc::clone(&world.subnets));
    assert_eq!(gates.classes(), ["HA_server1", "HA_server2", "HA_server3", "HA_server4"]);
    let now = Now { mono: Mono::from_ns(0), wall_s: 0 };
    let waiting = Waiting::Seconds(3);
    let key: &[u8] = &[2, 0, 0, 0, 0, 1];
    let client =
        Client { key: Some(key), hw_address: key, client_id: &[], waiting, balanced: true };
    let at_first = || gates.admit(&client, now);
    let unknown = |serve| Admitted { serve, class: None };
    assert!(gates.goes_by_subnet());
    assert_eq!(at_first(), unknown(false), "nobody is served by any of them");
    let watching = Standing { watching: true, ..Standing::default() };
    world.halves[0].gate().publish(watching);
    assert_eq!(at_first(), unknown(true), "the detector has to know the subnet");
    gates.admit_in(&client, Some(2), now);
    assert!(world.halves[0].gate().poll_unserved().is_none(), "it is the other branch's");
    gates.admit_in(&client, Some(1), now);
    assert!(world.halves[0].gate().poll_unserved().is_some());
    world.halves[0].gate().publish(Standing::default());
    let scopes = Scopes::NONE.with(0);
    world.halves[1].gate().publish(Standing { scopes, ..Standing::default() });
    assert_eq!(at_first(), unknown(true));
    let admit = |subnet| gates.admit_in(&client, subnet, now);
    assert_eq!(admit(Some(1)), Admitted { serve: false, class: Some(0) });
    assert_eq!(admit(Some(2)), Admitted { serve: true, class: Some(2) });
    for subnet in [Some(3), Some(4), None] {
        assert_eq!(admit(subnet), Admitted { serve: false, class: None }, "{subnet:?}");
    }
}

#[test]
fn the_partner_of_its_subnet_is_told_of_a_lease_and_waited_for() {
    let world = World::new();
    let outboxes = Outboxes::new(&world.halves, Arc::clone(&world.subnets));
    let updates = UpdatePolicy { partner: ToPartner::Send, backups: ToBackups::Nothing };
    world.halves.iter().for_each(|half| half.outbox().set_policy(updates));
    let ticket = world.pending.reserve(1).unwrap();
    let tell = |subnet_id, origin| {
        let lease = lease(subnet_id);
        let (number, kind) = (ChangeNumber(1), ChangeKind::Added);
        outboxes.queue(&Change { number, kind, lease: &lease, before: None, origin });
    };
    let waiting = || [0, 1].map(|at: usize| world.halves[at].outbox().waiting(PeerQueue::Partner));
    tell(3, Origin::Client(Some(ticket)));
    // What one partner writes is not told to the other, whosever subnet it is in.
    tell(1, Origin::Partner);
    tell(2, Origin::Partner);
    assert_eq!(waiting(), [0, 0]);
    tell(2, Origin::Client(Some(ticket)));
    assert_eq!(waiting(), [0, 1]);
    let update = world.halves[1].outbox().try_next(PeerQueue::Partner).unwrap().one();
    assert_eq!((update.ticket, update.lease.subnet_id), (Some(ticket), 2));
}

/// After a termination; the hub has no clients of its own.
#[test]
fn the_relationship_of_its_subnet_says_whether_a_lease_is_cleaned_up() {
    let world = World::new();
    let outboxes = Outboxes::new(&world.halves, Arc::clone(&world.subnets));
    let terminated = Standing { own_leases_only: true, ..Standing::default() };
    world.halves[1].gate().publish(terminated);
    assert_eq!([1, 2, 3].map(|subnet| outboxes.reclaims(&lease(subnet))), [true, false, true]);
    assert!(!OnlyOutbox(Arc::clone(&world.halves[1])).reclaims(&lease(1)));
}

#[test]
fn a_command_means_whom_it_names_or_the_listener_through_which_it_came() {
    let world = World::new();
    let set = |channel, names: Value, server: Option<&str>| {
        let mut arguments = json!({"scopes": names});
        if let Some(server) = server {
            arguments["server-name"] = json!(server);
        }
        world.ask(channel, "ha-scopes", arguments)
    };
    let scopes = |one: &[&str], two: &[&str]| {
        [one, two].map(|names| names.iter().map(|name| Arc::from(*name)).collect::<Vec<_>>())
    };
    set(Channel::Control, json!(["server1"]), None);
    assert_eq!(world.scopes(), scopes(&["server1"], &[]));
    set(Channel::Control, json!(["HA_server3"]), Some("server4"));
    assert_eq!(world.scopes(), scopes(&["server1"], &["server3"]));
    set(Channel::Partner(1), json!([]), None);
    assert_eq!(world.scopes(), scopes(&["server1"], &[]));
    set(Channel::Partner(1), json!([]), Some("server2"));
    assert_eq!(world.scopes(), scopes(&[], &[]));
    let unknown = set(Channel::Partner(1), json!([]), Some("server5"));
    assert_eq!(unknown["text"], "server5 matches no configured 'server-name'");
    let foreign = set(Channel::Control, json!(["server3"]), None);
    let text = "invalid server name specified 'server3' while enabling/disabling HA scopes";
    assert_eq!(foreign["text"], text);

    let own = world.ask(Channel::Control, "ha-sync", json!({"server-name": "server4"}));
    let text = "'server4' points to local server but should point to a partner";
    assert_eq!(own["text"], text);
}

#[test]
fn status_lists_the_relationships_in_their_order() {
    let world = World::new();
    let status = world.ask(Channel::Control, "status-get", json!({}));
    let list = status["arguments"]["high-availability"].as_array().unwrap();
    let names = list.iter().map(|entry| &entry["ha-servers"]["local"]["server-name"]);
    assert_eq!(names.collect::<Vec<_>>(), ["server2", "server4"]);
    assert!(list.iter().all(|entry| entry["ha-mode"] == "hot-standby"));
}

/// The first in maintenance does not keep the second from being asked; the answer is the last one.
#[test]
fn maintenance_is_of_all_relationships() {
    let world = World::new();
    let notify = json!({"cancel": false, "server-name": "server1", "state": "hot-standby"});
    let notified = world.ask(Channel::Partner(0), "ha-maintenance-notify", notify);
    assert_eq!(notified["result"], 0);
    // The first error ends it: otherwise this would wait for the second partner's answer, which never comes.
    let start = world.ask(Channel::Control, "ha-maintenance-start", json!({}));
    let text = "Unable to transition the server from the in-maintenance to \
                partner-in-maintenance state.";
    assert_eq!((&start["result"], &start["text"]), (&json!(1), &json!(text)));
    let cancel = world.ask(Channel::Control, "ha-maintenance-cancel", json!({}));
    assert_eq!(cancel["result"], 1);
}

/// Two branches fetch at once, and each calls itself the first: the end of one is not that of the other.
#[test]
fn the_end_of_one_synchronisation_is_not_that_of_another() {
    use engine::seam::service::Origin;
    let world = World::new();
    for half in &world.halves {
        world.service.enable(Origin::ha_local(half.index()));
    }
    let disable = |origin| world.service.disable(origin, Mono::from_ns(0), None);
    disable(Origin(2000));
    disable(Origin(2001));
    let done = json!({"origin": 2000, "origin-id": 2000, "server-name": "server3"});
    world.ask(Channel::Partner(1), "ha-sync-complete-notify", done);
    assert_eq!(world.service.disabled_by(), [Origin(2000)]);
    disable(Origin(2001));
    // Kea 2.2 says nothing more.
    world
        .registry
        .over(Channel::Partner(0))
        .execute(&json!({"command": "ha-sync-complete-notify"}));
    assert_eq!(world.service.disabled_by(), [Origin(2001)]);
}
