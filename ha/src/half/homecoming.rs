//! A Peregrine that returns to a partner that goes on serving, on both sides. Pure as its [`Half`] is.
//!
//! The partner keeps what changes from its first request on ([`crate::outbox::Outbox::follow_anew`]); the pages are read as
//! they are. What was kept follows as lease updates, until little is left: then replies wait for the one that returns, and
//! once it was told the rest it lacks nothing (`machine`, `hand-over`).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::control::{Answer, Command, Registry};

use super::commands::named;
use super::{Half, Halves};
use crate::machine::{Announced, Incarnation, Relationship, State, ToPartner};
use crate::stream::{Arrival, Stamp};
use crate::wire::homecoming;

/// The returning side.
impl Half {
    /// The request with which it begins; none if the partner has not said which run it is. What the partner is to be told
    /// of ours counts from now on, too.
    pub(crate) fn begin_return(&self) -> Option<String> {
        let to = self.partner_run()?;
        let number = self.returns.fetch_add(1, Ordering::AcqRel) + 1;
        self.outbox.follow(None);
        self.outbox.follow(Some(to));
        let stamp = Stamp { from: self.incarnation, to, number };
        Some(homecoming::request(&self.server, stamp))
    }

    /// The partner's leases are fetched, and it was told ours.
    pub(crate) fn end_return(&self) {
        self.outbox.complete();
    }
}

/// The side that serves.
impl Half {
    /// A run of the partner begins to fetch the leases.
    fn take_in_return(&self, stamp: Stamp) -> Result<Answer, Answer> {
        match self.stream.lock().arrive(Stamp { number: u64::MAX, ..stamp }) {
            Arrival::New => {}
            _ => return Err(Answer::error("a synchronisation of an unknown or earlier run")),
        }
        let mut begun = self.begun.lock();
        if begun.is_some_and(|(run, number)| run == stamp.from && stamp.number <= number) {
            return Err(Answer::error("a later synchronisation has begun"));
        }
        self.act(|machine, now| machine.begin_return(now, stamp.from))?;
        *begun = Some((stamp.from, stamp.number));
        self.outbox.follow_anew(stamp.from);
        Ok(Answer::success("What changes from now on is kept."))
    }

    /// The partner is told of changes from now on, or they are kept for it: of which of its runs that holds.
    pub(super) fn keep_changes(&self, machine: &Relationship) {
        if matches!(machine.sends_updates().partner, ToPartner::Send | ToPartner::Queue) {
            self.outbox.follow(machine.announces_return().map(|announced| announced.incarnation));
        }
    }

    /// The run of a partner that takes part.
    pub(super) fn partner_run(&self) -> Option<Incarnation> {
        self.machine.lock().announces_return().map(|announced| announced.incarnation)
    }

    /// See [`Announced::told`].
    pub(super) fn told_all(&self) -> Option<Incarnation> {
        let owed = self.outbox.owed();
        owed.follows.filter(|_| owed.told)
    }

    /// The partner said in a heartbeat of its own which state it is in.
    pub(crate) fn see_told(&self, announced: &Announced) {
        self.act(|machine, now| machine.handle_told(now, announced));
    }

    /// The state, and whether this server serves while its partner returns.
    pub(super) fn of_the_machine(&self) -> (State, bool) {
        let machine = self.machine.lock();
        (machine.state(), machine.parameters().serves_returning())
    }
}

/// Registers the command by which a partner returns.
pub(crate) fn register(halves: &Halves, registry: &Registry) {
    let halves = Arc::clone(halves);
    registry.register(homecoming::COMMAND, move |command: &Command<'_>| {
        let halves = halves.load();
        let half = named(&halves, command).or_else(|| halves.first());
        let half = half.expect("a server with this has a relationship");
        let stamp = homecoming::read(command.arguments);
        stamp.and_then(|stamp| half.take_in_return(stamp)).unwrap_or_else(|refusal| refusal)
    });
}
