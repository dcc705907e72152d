//! What statistics tell of leases, and `leases-reclaim` (Kea guide, "Statistics in the DHCPv4 Server"). Pure but for the
//! clock and the journal it is given.
//!
//! What a subnet has assigned is counted when it is asked for: the packet path keeps no books for it.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::core::statistics;
use super::{Answer, Command, Registry};
use crate::clock::Clock;
use crate::lease::{ChangeNumber, LeaseState, LeaseStore};
use crate::limits::RECLAIM_SLICE;
use crate::stats::Stats;

/// Leases that are taken from the store at a time.
const SLICE: usize = 1024;

/// What the commands count and reclaim.
#[derive(Clone)]
pub struct Census {
    /// The leases.
    pub store: Arc<dyn LeaseStore>,
    /// Reads the time.
    pub clock: Arc<dyn Clock>,
    /// The counters.
    pub stats: Arc<Stats>,
    /// The ids of all subnets, and how many addresses their pools have.
    pub subnets: Arc<dyn Fn() -> Vec<(u32, u64)> + Send + Sync>,
    /// Returns when the lease file has everything up to a change, or says why it has not.
    pub written: Arc<dyn Fn(ChangeNumber) -> Result<(), String> + Send + Sync>,
}

/// Leases of one subnet, or of all.
#[derive(Clone, Copy, Default)]
struct Count {
    /// Held by a client, or declined.
    assigned: u64,
    declined: u64,
}

impl Census {
    /// Registers the commands.
    pub fn register(self, registry: &Registry) {
        let census = self.clone();
        registry.register("statistic-get-all", move |_| Answer::with(census.statistics()));
        registry.register("leases-reclaim", move |command| match self.reclaim(command) {
            Ok(()) => Answer::success("Reclamation of expired leases is complete."),
            Err(why) => Answer::error(why),
        });
    }

    fn statistics(&self) -> Value {
        let mut all = match statistics(&self.stats) {
            Value::Object(all) => all,
            _ => Map::new(),
        };
        let counts = self.count();
        let whole = counts.values().fold(Count::default(), |sum, of| Count {
            assigned: sum.assigned + of.assigned,
            declined: sum.declined + of.declined,
        });
        let mut tell = |name: String, value: u64| all.insert(name, json!([[value, Value::Null]]));
        tell("assigned-addresses".into(), whole.assigned);
        tell("declined-addresses".into(), whole.declined);
        for (id, total) in (self.subnets)() {
            let of = counts.get(&id).copied().unwrap_or_default();
            tell(format!("subnet[{id}].total-addresses"), total);
            tell(format!("subnet[{id}].assigned-addresses"), of.assigned);
            tell(format!("subnet[{id}].declined-addresses"), of.declined);
        }
        Value::Object(all)
    }

    /// By subnet.
    fn count(&self) -> HashMap<u32, Count> {
        let mut counts = HashMap::<u32, Count>::new();
        let mut after = None;
        loop {
            let page = self.store.page(after, SLICE);
            for lease in &page {
                let of = counts.entry(lease.subnet_id).or_default();
                match lease.state {
                    LeaseState::Declined => {
                        of.assigned += 1;
                        of.declined += 1;
                    }
                    LeaseState::Assigned => of.assigned += 1,
                    LeaseState::Reclaimed | LeaseState::Released | LeaseState::Registered => {}
                }
            }
            match page.last() {
                Some(last) if page.len() == SLICE => after = Some(last.address),
                _ => return counts,
            }
        }
    }

    /// Reclaims every lease whose time is over, in slices; with `remove` they are deleted.
    fn reclaim(&self, command: &Command<'_>) -> Result<(), String> {
        let remove = command.arguments.and_then(|arguments| arguments.get("remove"));
        let Some(remove) = remove else {
            return Err("Missing mandatory 'remove' parameter.".into());
        };
        let Some(remove) = remove.as_bool() else {
            return Err("'remove' parameter expected to be a boolean.".into());
        };
        let hold_s = if remove { 0 } else { u64::MAX };
        loop {
            let now = self.clock.now();
            self.store.watch(now);
            let done = self.store.expire(now, hold_s, RECLAIM_SLICE);
            (self.written)(self.store.last_change())?;
            if done < RECLAIM_SLICE {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::clock::{Mono, Now};
    use crate::lease::csv::Journal;
    use crate::lease::{HwAddress, Lease4, Origin, Overwrite};
    use crate::server::Storage;
    use crate::stats::Counter;

    struct Stopped;
    impl Clock for Stopped {
        fn now(&self) -> Now {
            Now { mono: Mono::from_ns(0), wall_s: 5_000 }
        }
    }

    fn lease(last: u8, subnet_id: u32, state: LeaseState, cltt_s: u64) -> Lease4 {
        Lease4 {
            address: Ipv4Addr::new(192, 0, 2, last),
            hw_address: HwAddress::new(&[2, 0, 0, 0, 0, last]).unwrap(),
            client_id: None,
            valid_lifetime_s: 100,
            cltt_s,
            subnet_id,
            fqdn_fwd: false,
            fqdn_rev: false,
            hostname: "".into(),
            state,
            user_context: None,
            pool_id: 0,
        }
    }

    #[test]
    fn subnets_tell_what_they_have_and_reclaiming_is_counted() {
        let stats = Arc::<Stats>::default();
        let storage = Storage::on(Journal::none(), Arc::clone(&stats));
        for lease in [
            lease(1, 1, LeaseState::Assigned, 4_990),
            lease(2, 1, LeaseState::Assigned, 1_000),
            lease(3, 1, LeaseState::Declined, 1_000),
            lease(4, 1, LeaseState::Released, 1_000),
            lease(5, 2, LeaseState::Declined, 4_990),
        ] {
            storage.store.apply(lease, Overwrite::Always, Origin::Administrator);
        }
        let registry = Registry::default();
        let census = Census {
            store: Arc::clone(&storage.store),
            clock: Arc::new(Stopped),
            stats: Arc::clone(&stats),
            subnets: Arc::new(|| vec![(1, 10), (2, 20), (3, 30)]),
            written: Arc::new(|_| Ok(())),
        };
        census.register(&registry);
        let told = |name: &str| {
            let all = registry.execute(&json!({"command": "statistic-get-all"})).arguments.unwrap();
            all[name][0][0].as_u64()
        };
        let of = |id: u32| {
            ["total", "assigned", "declined"]
                .map(|name| told(&format!("subnet[{id}].{name}-addresses")).unwrap())
        };
        assert_eq!([of(1), of(2), of(3)], [[10, 3, 1], [20, 1, 1], [30, 0, 0]]);
        assert_eq!((told("assigned-addresses"), told("declined-addresses")), (Some(4), Some(2)));
        assert_eq!(told("pkt4-received"), Some(0));
        let reclaim = |arguments: Value| {
            let answer =
                registry.execute(&json!({"command": "leases-reclaim", "arguments": arguments}));
            (answer.result, answer.text.unwrap())
        };
        assert_eq!(reclaim(json!({})), (1, "Missing mandatory 'remove' parameter.".into()));
        let wrong = (1, "'remove' parameter expected to be a boolean.".into());
        assert_eq!(reclaim(json!({"remove": 1})), wrong);
        let done = (0, "Reclamation of expired leases is complete.".into());
        assert_eq!(reclaim(json!({"remove": false})), done);
        assert_eq!((of(1), storage.store.len()), ([10, 1, 0], 4));
        let counted =
            [Counter::ReclaimedLeases, Counter::ReclaimedDeclined].map(|it| stats.value(it));
        assert_eq!(counted, [3, 1]);
        assert_eq!(reclaim(json!({"remove": true})), done);
        // What was reclaimed before is deleted, and counted once only.
        assert_eq!((storage.store.len(), stats.value(Counter::ReclaimedLeases)), (2, 3));
    }
}
