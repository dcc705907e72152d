//! A backup that missed updates: the newest change of each address is kept for it, and sent once it is there again and says
//! that it is a Peregrine. What it has acknowledged is in its lease file, so that any run of it lacks no more than this. Pure
//! but for its locks.

use super::state::State;
use super::untold::Untold;
use super::{Load, Outbox, PeerQueue, Recall};
use crate::family::Address;
use crate::limits::GREETING_EVERY;
use crate::machine::{Incarnation, UpdateOutcome};

/// Stands for all runs of a backup.
const ANY_RUN: Incarnation = Incarnation(0);

/// What is to be done for a peer.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is moved once, and is a load almost always")]
pub enum Turn {
    /// Updates are to be sent; [`Outbox::settle`], [`Outbox::settle_batch`] or [`Outbox::put_back`] has to follow.
    Send(Load, Recall),
    /// A backup that missed updates is to be asked whether it is there, and who it is: [`Outbox::greeted`] has to follow.
    Greet,
}

/// Who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeted {
    /// Nobody.
    Nobody,
    /// One that does not say that it is a Peregrine: it fetches what it missed when it is told to.
    Kea,
    /// One that is told what it missed.
    Peregrine,
}

/// How far a backup is with being asked.
#[derive(Debug, Default)]
pub(super) struct Greeting {
    /// It answered something else, or was silent for long enough.
    due: bool,
    under_way: bool,
}

impl State {
    /// Everything that this peer misses is kept, whichever run of it misses it.
    pub(super) fn of_backup(mut self) -> Self {
        self.is_backup = true;
        self.untold.follow(Some(ANY_RUN));
        self
    }

    fn is_behind(&self) -> bool {
        self.is_backup && self.untold.len() > 0 && !self.greeting.under_way
    }

    /// A backup is to be asked as soon as anybody has time for it.
    pub(super) fn greet_if_behind(&mut self) {
        self.greeting.due |= self.is_behind();
    }
}

impl Untold {
    /// The peer has fetched everything: what changes from now on is kept again, if it was not.
    fn begin_again(&mut self) {
        if self.run().is_none() {
            self.follow_anew(ANY_RUN);
        }
    }
}

impl Outbox {
    /// Waits for something to do for `peer`. What was taken is given up once it is recalled. What only a
    /// partner that takes batches can be asked is passed over. `None` once stopped.
    pub fn turn(&self, peer: PeerQueue) -> Option<Turn> {
        let side = self.side(peer)?;
        let mut state = side.state.lock();
        loop {
            if state.stopped {
                return None;
            }
            if state.is_behind() && std::mem::take(&mut state.greeting.due) {
                state.greeting.under_way = true;
                return Some(Turn::Greet);
            }
            match state.take() {
                Some(Load::One(update)) if update.asks => {
                    drop(state);
                    self.settle(peer, &update, UpdateOutcome::Conflict);
                    state = side.state.lock();
                }
                Some(load) => return Some(Turn::Send(load, side.recalls.watch())),
                None if state.is_behind() => {
                    let waited = side.wake.wait_for(&mut state, GREETING_EVERY);
                    if waited.timed_out() {
                        state.greet_if_behind();
                    }
                }
                None => side.wake.wait(&mut state),
            }
        }
    }

    /// How the greeting of `peer` ended; gives the number of changes that it is told now.
    pub fn greeted(&self, peer: PeerQueue, who: Greeted) -> usize {
        let Some(side) = self.side(peer) else { return 0 };
        let mut state = side.state.lock();
        state.greeting.under_way = false;
        let told = match who {
            Greeted::Nobody => 0,
            Greeted::Kea => {
                state.untold.follow(None);
                0
            }
            Greeted::Peregrine => state.send_missed(),
        };
        drop(state);
        side.wake.notify_all();
        told
    }

    /// A backup has fetched everything.
    pub fn synchronised(&self, peer: PeerQueue) {
        if let Some(side) = self.side(peer) {
            side.state.lock().untold.begin_again();
        }
    }

    /// The partner told of a newer version of a lease, and tells the backups itself.
    pub(super) fn outdate_for_backups(&self, address: Address) {
        self.backups.iter().for_each(|side| side.state.lock().untold.outdate(address));
    }
}
