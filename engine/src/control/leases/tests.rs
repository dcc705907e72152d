//! The lease commands as a partner sends them, on a store.

use serde_json::json;

use super::*;
use crate::clock::{Mono, Now};
use crate::lease::memory::MemoryStore;
use crate::lease::{Change, ChangeSink};

struct Unseen;
impl ChangeSink for Unseen {
    fn record(&self, _change: &Change<'_>) {}
}

struct Stopped;
impl Clock for Stopped {
    fn now(&self) -> Now {
        Now { mono: Mono::from_ns(0), wall_s: 5_000 }
    }
}

fn registered() -> Registry {
    let subnet = LeaseSubnet {
        id: 1,
        network: Ipv4Addr::new(192, 0, 2, 0),
        prefix_len: 24,
        valid_lifetime_s: 100,
    };
    let commands = LeaseCommands {
        store: Arc::new(MemoryStore::new(Arc::new(Unseen))),
        clock: Arc::new(Stopped),
        subnet: Arc::new(move |_| Some(subnet)),
        written: Arc::new(|_| Ok(())),
        guard: GuardPost::default(),
    };
    let registry = Registry::default();
    commands.register(&registry);
    registry
}

fn ask(registry: &Registry, command: &str, arguments: &Value) -> (i64, String) {
    let answer = registry.execute(&json!({"command": command, "arguments": arguments}));
    (answer.result, answer.text.unwrap_or_default())
}

/// A lease as a partner names it, in an update and in a deletion alike.
fn lease(client: &str, cltt_s: u64) -> Value {
    json!({
        "expire": cltt_s + 100, "force-create": true, "hw-address": client, "ip-address": "192.0.2.1",
        "origin": "ha-partner", "state": 0, "subnet-id": 1, "valid-lft": 100,
    })
}

#[test]
fn a_late_deletion_spares_the_lease_that_was_given_since() {
    let registry = registered();
    let (old, new) = (lease("02:00:00:00:00:01", 1_000), lease("02:00:00:00:00:02", 1_001));
    assert_eq!(ask(&registry, "lease4-update", &new).0, 0);
    let answer = ask(&registry, "lease4-del", &old);
    assert_eq!(answer, (code::EMPTY, "IPv4 lease not found.".to_owned()));
    assert_eq!(ask(&registry, "lease4-get", &json!({"ip-address": "192.0.2.1"})).0, 0);
    assert_eq!(ask(&registry, "lease4-del", &new), (0, "IPv4 lease deleted.".to_owned()));
}

#[test]
fn a_late_deletion_spares_another_client_of_the_same_second() {
    let registry = registered();
    let (old, new) = (lease("02:00:00:00:00:01", 1_000), lease("02:00:00:00:00:02", 1_000));
    assert_eq!(ask(&registry, "lease4-update", &new).0, 0);
    assert_eq!(ask(&registry, "lease4-del", &old).0, code::EMPTY);
    // A later lease that never arrived has ended, and ours is older still.
    assert_eq!(ask(&registry, "lease4-del", &lease("02:00:00:00:00:01", 1_001)).0, 0);
}

#[test]
fn who_names_only_the_address_means_whatever_is_there() {
    let registry = registered();
    ask(&registry, "lease4-update", &lease("02:00:00:00:00:01", 1_000));
    let address = json!({"ip-address": "192.0.2.1"});
    assert_eq!(ask(&registry, "lease4-del", &address).0, 0);
    assert_eq!(ask(&registry, "lease4-del", &address).0, code::EMPTY);
}
