//! The clients of the demo: a fleet behind one relay, driven in rounds, as real clients ask again.
//! Shell.

use std::net::SocketAddrV4;
use std::ops::ControlFlow;
use std::time::Duration;

use perf::fleet::{BASE_MAC, Fleet};
use perf::plan::{Exchange, Plan};
use perf::run::{Link, Progress, Relay};
use perf::syscall;
use perf::tally::Tally;

use super::DemoError;
use super::site::{RELAY, Site};

/// Exchanges under way: many, but fewer than Kea keeps waiting for its partner (256).
const WINDOW: u32 = 64;
/// How often a client asks before it gives up.
const ROUNDS: usize = 4;
/// How long a client waits for an answer.
const DROP_TIME: Duration = Duration::from_secs(1);
/// How long one round may begin exchanges.
const PERIOD: Duration = Duration::from_secs(10);

/// The clients and the relay in front of them.
#[derive(Debug)]
pub(super) struct Crowd {
    pub(super) fleet: Fleet,
    relay: Relay,
    next_xid: u32,
}

impl Crowd {
    /// `size` clients that hold nothing yet, in front of the servers of `site`.
    pub(super) fn gather(size: u32, site: &Site) -> Result<Self, DemoError> {
        let local = SocketAddrV4::new(RELAY, 0);
        let relay = Relay::open(&Link { local, device: None, servers: site.servers() })?;
        Ok(Self { fleet: Fleet::new(BASE_MAC, size), relay, next_xid: 1 })
    }

    /// The relay's port, to which the servers answer.
    pub(super) fn relay_port(&self) -> Result<u16, DemoError> {
        Ok(self.relay.local()?.port())
    }

    /// Lets each of `clients` get a lease by DISCOVER and REQUEST.
    pub(super) fn join(
        &mut self,
        clients: Vec<u32>,
        watch: &mut dyn FnMut(u64),
    ) -> Result<Tally, DemoError> {
        self.drive(Exchange::Dora, clients, watch)
    }

    /// Lets each of `clients` renew what it holds, with whichever server answers (REBINDING).
    pub(super) fn rebind(
        &mut self,
        clients: Vec<u32>,
        watch: &mut dyn FnMut(u64),
    ) -> Result<Tally, DemoError> {
        self.drive(Exchange::Rebind, clients, watch)
    }

    fn drive(
        &mut self,
        exchange: Exchange,
        mut clients: Vec<u32>,
        watch: &mut dyn FnMut(u64),
    ) -> Result<Tally, DemoError> {
        self.fleet.begin_round();
        let mut sum: Option<Tally> = None;
        for _ in 0..ROUNDS {
            let before = sum.as_ref().map_or(0, |sum| sum.completed);
            let tally =
                self.round(exchange, &clients, &mut |completed| watch(before + completed))?;
            clients = self.fleet.not_yet_granted(clients);
            match &mut sum {
                None => sum = Some(tally),
                Some(sum) => sum.absorb(&tally),
            }
            if clients.is_empty() {
                break;
            }
        }
        Ok(sum.unwrap_or_default())
    }

    fn round(
        &mut self,
        exchange: Exchange,
        clients: &[u32],
        watch: &mut dyn FnMut(u64),
    ) -> Result<Tally, DemoError> {
        if clients.is_empty() {
            return Ok(Tally::default());
        }
        let plan = Plan {
            exchange,
            drop_time: DROP_TIME,
            period: Some(PERIOD),
            first_xid: self.next_xid,
            ..Plan::each_once(clients.to_vec(), WINDOW, RELAY)
        };
        self.next_xid += u32::try_from(clients.len()).expect("a fleet is small");
        let tally = self.relay.run(&plan, &mut self.fleet, &mut |progress: &Progress<'_>| {
            watch(progress.tally.completed);
            if syscall::interrupted() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if syscall::interrupted() { Err(DemoError::Interrupted) } else { Ok(tally) }
    }
}
