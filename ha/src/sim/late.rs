//! Lease updates that are carried out late, or twice: which of them a server has to see through. Pure.
//!
//! Nothing in the protocol says in which order updates were sent. Those left out here would be taken for news: what
//! comes late behind the end of a lease gives it back to its client, and what comes within the second of a newer version
//! takes its place. Between Peregrines stamps tell; a Kea has none.

use std::time::Duration;

use engine::lease::LeaseState;
use serde_json::Value;

use super::server::Server;
use super::world::{Site, World};
use crate::family::{Address, Lease};
use crate::family::{DELETE, UPDATE};
use crate::machine::Incarnation;
use crate::wire::batch;

/// What a late update says.
#[derive(Debug)]
pub(super) struct Late {
    deletes: bool,
    address: Address,
    cltt_s: u64,
    state: u64,
    hw_address: String,
}

impl Late {
    /// Reads a request; none if it is no lease update.
    pub(super) fn of(body: &str) -> Option<Self> {
        if !body.contains(UPDATE) && !body.contains(DELETE) {
            return None;
        }
        let request: Value = serde_json::from_str(body).ok()?;
        let arguments = &request["arguments"];
        let number = |key: &str| arguments[key].as_u64().unwrap_or_default();
        Some(Self {
            deletes: request["command"] == DELETE,
            address: arguments["ip-address"].as_str()?.parse().ok()?,
            cltt_s: number("expire").saturating_sub(number("valid-lft")),
            state: number("state"),
            hw_address: arguments["hw-address"].as_str().unwrap_or_default().to_owned(),
        })
    }

    fn is_of_the_client_of(&self, lease: &Lease) -> bool {
        lease.hw_address.to_string() == self.hw_address
    }

    /// Whether it is the last that its sender did to the address.
    fn is_true(&self, sent_from: Option<&Lease>) -> bool {
        match sent_from {
            None => self.deletes,
            Some(lease) => {
                let same = lease.cltt_s == self.cltt_s && lease.state as u64 == self.state;
                !self.deletes && same && self.is_of_the_client_of(lease)
            }
        }
    }

    /// Whether it is older than a live lease.
    fn is_behind(&self, held: &Lease) -> bool {
        let another = self.deletes && !self.is_of_the_client_of(held);
        let older = self.cltt_s < held.cltt_s || (self.cltt_s == held.cltt_s && another);
        older && held.state == LeaseState::Assigned && (self.deletes || self.state == 0)
    }
}

/// Batches of a run that is over.
impl World {
    /// How much later a request comes once more: a batch perhaps when its sender has been started again.
    pub(super) fn again(&mut self, body: &str) -> Duration {
        match body.contains(batch::COMMAND) && self.dice.chance(250) {
            true => self.dice.span(3_000, 60_000),
            false => self.dice.span(1, 3_000),
        }
    }

    /// How long a request lies with its receiver before it is carried out: a batch perhaps until its sender, which died with it,
    /// has been started again.
    pub(super) fn held_up(&mut self, body: &str, dies: bool) -> Duration {
        match dies && body.contains(batch::COMMAND) && self.dice.chance(500) {
            true => self.dice.span(1_000, 60_000),
            false => Duration::ZERO,
        }
    }

    /// The leases of the server `to`, if the request is a batch of another run than the one that has announced itself there:
    /// such a batch changes nothing.
    pub(super) fn before_past_run(&mut self, body: &str, to: usize) -> Option<Vec<Lease>> {
        let server = self.sites[to].server.as_ref()?;
        let run = run_of(body).filter(|run| server.hears_run() != Some(*run))?;
        let leases = server.leases();
        self.report.count("batches of a run that is over");
        self.tell(|world| format!("{} is past: a batch for {}", run, world.name(to)));
        Some(leases)
    }

    /// See [`Self::before_past_run`].
    pub(super) fn check_past_run(&mut self, to: usize, before: &[Lease]) {
        let after = self.sites[to].server.as_ref().map(Server::leases);
        if after.is_some_and(|after| after != before) {
            let name = self.name(to).to_owned();
            self.fail(|_| format!("{name} carries out a batch of a run that is over"));
        }
    }
}

/// The run that sends a batch; none if the request is none.
fn run_of(body: &str) -> Option<Incarnation> {
    if !body.contains(batch::COMMAND) {
        return None;
    }
    let request: Value = serde_json::from_str(body).ok()?;
    Incarnation::read(request["arguments"]["incarnation"].as_str()?)
}

impl World {
    /// Whether carrying it out late does no harm: it is still true, or behind newer news.
    pub(super) fn is_seen_through(&self, from: usize, to: usize, late: &Late) -> bool {
        let lease = |at: usize| {
            let server = self.sites[at].server.as_ref();
            server.map(|server| server.lease(late.address))
        };
        let is_true = lease(from).is_some_and(|sent_from| late.is_true(sent_from.as_ref()));
        let Site { clock, error, server, .. } = &self.sites[to];
        clock.set(self.now, *error);
        // By a clock that was set back since, what is held looks like news of the future.
        let partner_s = server.as_ref().and_then(|server| server.half.partner_wall_s());
        let is_past = |held: &Lease| partner_s.is_some_and(|now_s| held.cltt_s <= now_s);
        let held = lease(to).flatten();
        let held = held.filter(|held| held.holds_address(self.wall_s(to)) && is_past(held));
        is_true || held.is_some_and(|held| late.is_behind(&held))
    }
}
