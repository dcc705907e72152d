//! Errand threads (*shell*): each does what the machine wants to be asked of a peer, over connections of its own, so
//! that neither a heartbeat nor a synchronisation waits for anything else.

use crossbeam::channel::Receiver;

use super::client::{Connection, Stop, Target};
use crate::half::Job;
use crate::half::errand::{Clerk, Errand};
use crate::machine::CallError;

/// What an errand thread works with.
#[derive(Clone)]
pub(super) struct Runner {
    pub(super) clerk: Clerk,
    pub(super) partner: Target,
    /// The targets of all peers, by their place.
    pub(super) targets: Vec<Target>,
    pub(super) stop: Stop,
}

impl Runner {
    /// Runs jobs until the signal to stop, each of `jobs`; `connection` is kept for heartbeats.
    pub(super) fn run(&self, jobs: &Receiver<Job>, mut connection: Connection) {
        while let Ok(job) = jobs.recv() {
            if self.stop.is_given() {
                return;
            }
            let Some(errand) = self.clerk.begin(job) else { return };
            if let Errand::Heartbeat { .. } = errand {
                self.run_over(Ok(&mut connection), errand);
            } else {
                let mut own = self.open(&errand);
                self.run_over(own.as_mut().map_err(|why| why.clone()), errand);
            }
        }
    }

    /// The whole of an errand, over one connection, or to its end without one.
    fn run_over(&self, mut connection: Result<&mut Connection, CallError>, errand: Errand) {
        let mut rest = Some(errand);
        while let Some(errand) = rest {
            let (body, timeout) = self.clerk.ask(&errand);
            let answer = match &mut connection {
                Ok(connection) => connection.exchange(body, timeout).map_err(CallError::from),
                Err(why) => Err(why.clone()),
            };
            rest = self.clerk.handle(errand, answer.as_deref().map_err(Clone::clone));
        }
    }

    fn open(&self, errand: &Errand) -> Result<Connection, CallError> {
        let target = errand.server().and_then(|place| self.targets.get(place));
        let target = target.unwrap_or(&self.partner).clone();
        Connection::new(target, self.stop.clone())
            .map_err(|why| CallError::Communication(why.to_string()))
    }
}
