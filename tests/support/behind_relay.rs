//! Clients behind a relay of the test: those of `perf`, with what the tests ask of them.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use perf::fleet::Fleet;
use perf::plan::{Exchange, Plan};
use perf::run::{Link, Relay};
use perf::tally::Tally;

/// The relay, and the servers that it knows.
pub(crate) struct BehindRelay {
    relay: Relay,
    address: Ipv4Addr,
    next_xid: AtomicU32,
}

impl BehindRelay {
    /// A relay at `local` that sends each query to all `servers`.
    pub(crate) fn open(local: SocketAddrV4, servers: Vec<SocketAddrV4>) -> Self {
        let relay = Relay::open(&Link { local, device: None, servers }).unwrap();
        Self { relay, address: *local.ip(), next_xid: AtomicU32::new(1) }
    }

    /// The relay's port.
    pub(crate) fn port(&self) -> u16 {
        self.relay.local().unwrap().port()
    }

    /// The relay's address.
    pub(crate) fn relay(&self) -> Ipv4Addr {
        self.address
    }

    /// One DORA for each of `clients`, `window` of them under way; no second try.
    pub(crate) fn join(&self, fleet: &mut Fleet, clients: Vec<u32>, window: u32) -> Tally {
        self.drive(fleet, Plan::each_once(clients, window, self.address))
    }

    /// Each of `clients` keeps its lease, or gets one.
    pub(crate) fn rebind(&self, fleet: &mut Fleet, clients: Vec<u32>, window: u32) -> Tally {
        let plan = Plan::each_once(clients, window, self.address);
        self.drive(fleet, Plan { exchange: Exchange::Rebind, ..plan })
    }

    /// As [`Self::join`], and those without a lease try again, a few times.
    pub(crate) fn join_all(&self, fleet: &mut Fleet) {
        for _ in 0..10 {
            let missing = fleet.without_lease();
            if missing.is_empty() {
                return;
            }
            self.join(fleet, missing, 64);
        }
        assert_eq!(fleet.without_lease(), [] as [u32; 0], "clients without a lease");
    }

    /// Makes a run of this plan with transaction identifiers that no run before had.
    pub(crate) fn drive(&self, fleet: &mut Fleet, plan: Plan) -> Tally {
        let number = u32::try_from(plan.clients.len()).unwrap() * 4;
        let first_xid = self.next_xid.fetch_add(number, Ordering::Relaxed);
        let plan = Plan { first_xid, report_every: Duration::from_millis(20), ..plan };
        self.relay.run(&plan, fleet, &mut |_| ControlFlow::Continue(())).unwrap()
    }
}
