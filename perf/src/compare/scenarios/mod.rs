//! The scenarios: what is set up for each, and what must be reached.

mod rates;
mod state;
mod strain;

use super::CompareError;
use super::measure::Bench;
use super::result::{Figure, Target};

/// What a scenario found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) figures: Vec<Figure>,
    pub(super) targets: Vec<Target>,
    pub(super) remarks: Vec<String>,
}

/// A scenario.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) run: fn(&mut Bench<'_>) -> Result<Found, CompareError>,
}

/// All of them, in the order in which they are measured.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "dora",
        title: "relayed DORA, one /8 pool, leases journalled to the kernel",
        run: rates::dora,
    },
    Scenario {
        name: "fdatasync",
        title: "the same, the journal on disk before each reply",
        run: rates::fdatasync,
    },
    Scenario {
        name: "logging",
        title: "the same with Kea's default logging (INFO, a line for each lease) to a file",
        run: rates::logging,
    },
    Scenario {
        name: "hot-standby",
        title: "a hot-standby pair, both servers and the load on this machine",
        run: rates::hot_standby,
    },
    Scenario {
        name: "load-balancing",
        title: "a load-balancing pair, both servers and the load on this machine",
        run: rates::load_balancing,
    },
    Scenario {
        name: "mixed",
        title: "a hot-standby pair, Peregrine the primary and Kea 2.2 its partner",
        run: rates::mixed,
    },
    Scenario { name: "leases", title: "DORA with 10,000,000 leases present", run: rates::leases },
    Scenario {
        name: "subnets",
        title: "10,000 subnets by relay address, option 82, 10 classes",
        run: rates::subnets,
    },
    Scenario { name: "full", title: "a pool that is 99 % full", run: rates::full },
    Scenario { name: "reservations", title: "1,000,000 reservations", run: rates::reservations },
    Scenario {
        name: "overload",
        title: "four times the peak, the server held to a quarter of a core",
        run: strain::overload,
    },
    Scenario {
        name: "burst",
        title: "4,096 DISCOVERs at once, default settings, rmem_max 8 MiB",
        run: strain::burst,
    },
    Scenario {
        name: "latency",
        title: "half the peak rate, quiet and while leases are listed, reloaded and cleaned up",
        run: strain::latency,
    },
    Scenario {
        name: "memory",
        title: "memory of a lease with a client identifier of 7 octets and a host name of 12",
        run: state::memory,
    },
    Scenario { name: "start", title: "start with 2,000,000 leases", run: state::start },
    Scenario {
        name: "sync",
        title: "synchronisation of 500,000 leases between the servers of a pair",
        run: state::sync,
    },
    Scenario { name: "workers", title: "from 1 to 2 workers", run: rates::workers },
];

/// Their names.
pub(super) fn names() -> String {
    SCENARIOS.iter().map(|scenario| scenario.name).collect::<Vec<_>>().join(", ")
}
