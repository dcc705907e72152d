//! What statistics tell of the server, its subnets and pools, the commands for them, and `leases-reclaim` (Kea guide,
//! "Statistics in the DHCPv4 Server"). Pure but for the clock and the journal it is given.
//!
//! What a subnet has assigned is counted when it is asked for: the packet path keeps no books for it.

mod commands;
mod ledger;
mod rows;

use std::collections::HashMap;
use std::sync::Arc;

use super::{Command, Registry};
use crate::clock::{Clock, Mono};
use crate::lease::{ChangeNumber, LeaseState, LeaseStore};
use crate::limits::RECLAIM_SLICE;
use crate::stats::{Counter, LOCAL, Place, Stats};
use crate::sync::Mutex;
use ledger::{Ledger, Limit, Moment, Reading};

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
    /// What is configured now.
    pub configured: Arc<dyn Fn() -> Configured + Send + Sync>,
    /// Returns when the lease file has everything up to a change, or says why it has not.
    pub written: Arc<dyn Fn(ChangeNumber) -> Result<(), String> + Send + Sync>,
}

/// What statistics need to know of a configuration.
#[derive(Clone, Debug, Default)]
pub struct Configured {
    /// Since when it is served.
    pub since: Mono,
    /// The subnets, by ascending id.
    pub subnets: Vec<SubnetPools>,
    /// `statistic-default-sample-count`; with 0 it is the age that counts.
    pub sample_count: u32,
    /// `statistic-default-sample-age`, seconds.
    pub sample_age_s: u32,
}

impl Configured {
    fn limit(&self) -> Limit {
        match self.sample_count {
            0 => Limit::Age(u64::from(self.sample_age_s) * 1000),
            count => Limit::Count(count.try_into().unwrap_or(usize::MAX)),
        }
    }
}

/// How many addresses the pools of a subnet have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubnetPools {
    /// The subnet's id.
    pub id: u32,
    /// By ascending `pool-id`, each once.
    pub pools: Vec<(u32, u64)>,
}

impl SubnetPools {
    fn total(&self) -> u64 {
        self.pools.iter().map(|(_, addresses)| addresses).sum()
    }
}

/// Leases of one place, or of all.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// Held by a client, or declined.
    assigned: u64,
    declined: u64,
}

/// Leases by subnet and by pool.
type Counts = HashMap<Place, Count>;

/// The commands at work.
struct Office {
    census: Census,
    ledger: Mutex<Ledger>,
}

impl Census {
    /// Registers the commands.
    pub fn register(self, registry: &Registry) {
        let limit = (self.configured)().limit();
        let ledger = Mutex::new(Ledger::new(limit, self.clock.wall_ms()));
        commands::register(&Arc::new(Office { census: self, ledger }), registry);
    }

    fn moment(&self) -> Moment {
        Moment { ms: self.clock.wall_ms(), configured: (self.configured)().since }
    }

    /// The value of a statistic as it is now, if there is one of this name.
    fn reading(&self, name: &str) -> Option<Reading> {
        let global = Counter::ALL.iter().find(|counter| counter.name() == name);
        match global {
            Some(counter) => Some(self.global(*counter)),
            None => self.readings().into_iter().find(|reading| reading.name == name),
        }
    }

    fn global(&self, counter: Counter) -> Reading {
        let value = match counter {
            // The queue of the log is the process's, and counts for itself.
            Counter::LogLinesDropped => crate::log::dropped(),
            other => self.stats.value(other),
        };
        reading(counter.name().into(), value, false)
    }

    /// The values of all statistics.
    fn readings(&self) -> Vec<Reading> {
        let mut all: Vec<_> = Counter::ALL.iter().map(|counter| self.global(*counter)).collect();
        let counts = self.count();
        let wholes = counts.iter().filter(|(place, _)| place.pool_id.is_none());
        let whole = wholes.fold(Count::default(), |sum, (_, of)| Count {
            assigned: sum.assigned + of.assigned,
            declined: sum.declined + of.declined,
        });
        all.push(reading("assigned-addresses".into(), whole.assigned, true));
        all.push(reading("declined-addresses".into(), whole.declined, true));
        for subnet in (self.configured)().subnets {
            self.read_place(Place::subnet(subnet.id), subnet.total(), &counts, &mut all);
            for (pool_id, total) in subnet.pools {
                let place = Place { subnet_id: subnet.id, pool_id: Some(pool_id) };
                self.read_place(place, total, &counts, &mut all);
            }
        }
        all
    }

    fn read_place(&self, place: Place, total: u64, counts: &Counts, all: &mut Vec<Reading>) {
        let name = |what: &str| match place.pool_id {
            None => format!("subnet[{}].{what}", place.subnet_id),
            Some(pool) => format!("subnet[{}].pool[{pool}].{what}", place.subnet_id),
        };
        let of = counts.get(&place).copied().unwrap_or_default();
        all.push(reading(name("total-addresses"), total, true));
        all.push(reading(name("assigned-addresses"), of.assigned, true));
        all.push(reading(name("declined-addresses"), of.declined, true));
        for counter in LOCAL {
            let value = self.stats.value_at(counter, place);
            if value > 0 || is_always_told(counter, place) {
                all.push(reading(name(counter.name()), value, false));
            }
        }
    }

    fn count(&self) -> Counts {
        let mut counts = Counts::new();
        let mut after = None;
        loop {
            let page = self.store.page(after, SLICE);
            for lease in &page {
                let (assigned, declined) = match lease.state {
                    LeaseState::Declined => (1, 1),
                    LeaseState::Assigned => (1, 0),
                    LeaseState::Reclaimed | LeaseState::Released | LeaseState::Registered => {
                        continue;
                    }
                };
                let whole = Place::subnet(lease.subnet_id);
                for place in [whole, Place { pool_id: Some(lease.pool_id), ..whole }] {
                    let of = counts.entry(place).or_default();
                    of.assigned += assigned;
                    of.declined += declined;
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

/// What is told of a place before it ever happened; the rest comes to be with its first time.
fn is_always_told(counter: Counter, place: Place) -> bool {
    let of_leases =
        [Counter::CumulativeAssigned, Counter::ReclaimedLeases, Counter::ReclaimedDeclined];
    of_leases.contains(&counter)
        || (counter == Counter::ReservationConflicts && place.pool_id.is_none())
}

fn reading(name: String, value: u64, is_gauge: bool) -> Reading {
    Reading { name, value: i64::try_from(value).unwrap_or(i64::MAX), is_gauge }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use serde_json::{Value, json};

    use super::*;
    use crate::clock::Now;
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
            configured: Arc::new(|| {
                let subnet = |id: u32| SubnetPools { id, pools: vec![(0, 4), (id, 6)] };
                Configured {
                    subnets: vec![subnet(1), subnet(2)],
                    sample_count: 20,
                    ..Configured::default()
                }
            }),
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
        assert_eq!([of(1), of(2)], [[10, 3, 1], [10, 1, 1]]);
        // Every lease says 0; of a pool of its own nothing was given.
        assert_eq!(told("subnet[1].pool[0].assigned-addresses"), Some(3));
        assert_eq!(told("subnet[1].pool[1].assigned-addresses"), Some(0));
        assert_eq!(told("subnet[1].pool[1].total-addresses"), Some(6));
        assert_eq!(told("subnet[3].total-addresses"), None);
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
    /// A command, its arguments, and what comes of it.
    type Case = (&'static str, Value, i64, &'static str);

    fn answers(name: &str) -> Vec<Case> {
        let mut all = vec![
            ("statistic-get", json!({}), 1, "Missing mandatory 'name' parameter."),
            ("statistic-get", json!({"name": 1}), 1, "'name' parameter expected to be a string."),
            ("statistic-reset", json!({"name": "n"}), 1, "No 'n' statistic found"),
            ("statistic-remove", json!({"name": "n"}), 1, "No 'n' statistic found"),
            (
                "statistic-sample-age-set",
                json!({"name": name}),
                1,
                "Missing mandatory 'duration' parameter.",
            ),
            (
                "statistic-sample-count-set",
                json!({"name": name, "max-samples": "x"}),
                1,
                "'max-samples' parameter expected to be an integer.",
            ),
            (
                "statistic-sample-count-set-all",
                json!({"max-samples": 0}),
                1,
                "'max-samples' parameter must not be zero",
            ),
            (
                "statistic-sample-count-set-all",
                json!({"max-samples": 5}),
                0,
                "All statistics count limit are set.",
            ),
            (
                "statistic-sample-age-set-all",
                json!({"duration": 60}),
                0,
                "All statistics duration limit are set.",
            ),
            ("statistic-reset-all", json!({}), 0, "All statistics reset to neutral values."),
            (
                "statistic-remove-all",
                json!({}),
                0,
                "Warning: statistic-remove-all command is deprecated. All statistics removed.",
            ),
        ];
        all.extend(answers_about_subnets());
        all
    }

    fn answers_about_subnets() -> Vec<Case> {
        vec![
            ("stat-lease4-get", json!({}), 0, "stat-lease4-get[all subnets]: 1 rows found"),
            (
                "stat-lease4-get",
                json!({"subnet-id": 7}),
                3,
                "stat-lease4-get[subnet-id=7]: no matching data, subnet-id: 7 does not exist",
            ),
            (
                "stat-lease4-get",
                json!({"subnet-range": {"first-subnet-id": 2, "last-subnet-id": 3}}),
                3,
                "stat-lease4-get[subnets 2 through 3]: no matching data, \
                 selected ID range: 2 through 3 includes no known subnets",
            ),
            (
                "stat-lease4-get",
                json!({"subnet-range": {"first-subnet-id": 3, "last-subnet-id": 2}}),
                1,
                "'last-subnet-id' must be greater than 'first-subnet-id'",
            ),
            (
                "stat-lease4-get",
                json!({"subnet-id": "1"}),
                1,
                "'subnet-id' parameter is not integer",
            ),
            ("stat-lease4-get", json!({"subnet-id": 0}), 1, "'subnet-id' parameter must be > 0"),
        ]
    }

    /// Every answer of the commands for one statistic and for all of them, right and wrong.
    #[test]
    fn every_answer_about_statistics() {
        let stats = Arc::<Stats>::default();
        let place = Place { subnet_id: 1, pool_id: Some(0) };
        stats.set_places(&[place, Place::subnet(1)]);
        stats.count_at(Counter::CumulativeAssigned, place);
        let storage = Storage::on(Journal::none(), Arc::clone(&stats));
        let registry = Registry::default();
        let subnet = SubnetPools { id: 1, pools: vec![(0, 4)] };
        let configured =
            Configured { subnets: vec![subnet], sample_count: 1, ..Configured::default() };
        let census = Census {
            store: Arc::clone(&storage.store),
            clock: Arc::new(Stopped),
            stats,
            configured: Arc::new(move || configured.clone()),
            written: Arc::new(|_| Ok(())),
        };
        census.register(&registry);
        let name = "subnet[1].cumulative-assigned-addresses";
        let ask = |command: &str, arguments: Value| {
            registry.execute(&json!({"command": command, "arguments": arguments}))
        };
        let told = |name: &str| ask("statistic-get", json!({"name": name})).arguments.unwrap();
        let rows = || ask("stat-lease4-get", json!({"subnet-id": 1})).arguments.unwrap();
        assert_eq!(rows()["result-set"]["rows"], json!([[1, 4, 1, 0, 0]]));
        let at = commands::moment(5_000_000);
        assert_eq!(told(name), json!({name: [[1, at]]}));
        assert_eq!(told("nonsense"), json!({}));
        for (command, arguments, result, text) in answers(name) {
            let answer = ask(command, arguments);
            assert_eq!((answer.result, answer.text.as_deref()), (result, Some(text)));
        }
        assert_eq!(told(name), json!({}), "removed");
        let all = ask("statistic-global-get-all", json!({})).arguments.unwrap();
        assert_eq!(all, json!({}));
        assert_eq!(rows()["result-set"]["rows"], json!([[1, 0, 0, 0, 0]]));
    }
}
