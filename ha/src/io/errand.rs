//! Errand threads (*shell*): each does what the machine wants to be asked of a peer, over connections of its own, so
//! that neither a heartbeat nor a synchronisation waits for anything else.

use std::time::Duration;

use crossbeam::channel::Receiver;
use hyper::body::Bytes;

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

/// What was asked before its turn, and its answer.
struct Early {
    body: String,
    answer: Result<Bytes, CallError>,
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
        let (mut rest, mut early) = (Some(errand), None);
        while let Some(mut errand) = rest {
            let (body, timeout) = self.clerk.ask(&errand);
            let answer = match early.take().filter(|early: &Early| early.body == body) {
                Some(early) => early.answer,
                None => connection.as_mut().map_err(|why| why.clone()).and_then(|connection| {
                    connection.exchange(body, timeout).map_err(CallError::from)
                }),
            };
            let ahead = answer.as_ref().ok().and_then(|body| self.clerk.ahead(&mut errand, body));
            (rest, early) = match (ahead, &mut connection) {
                (Some(ahead), Ok(connection)) => self.both(errand, &answer, connection, ahead),
                _ => (self.handle(errand, &answer), None),
            };
        }
    }

    fn handle(&self, errand: Errand, answer: &Result<Bytes, CallError>) -> Option<Errand> {
        self.clerk.handle(errand, answer.as_deref().map_err(Clone::clone))
    }

    /// Takes in an answer, and meanwhile asks what comes next.
    fn both(
        &self,
        errand: Errand,
        answer: &Result<Bytes, CallError>,
        connection: &mut Connection,
        (body, timeout): (String, Duration),
    ) -> (Option<Errand>, Option<Early>) {
        std::thread::scope(|scope| {
            let asked = body.clone();
            let asking = std::thread::Builder::new()
                .name("ha-errands-next".into())
                .spawn_scoped(scope, || connection.exchange(asked, timeout));
            let rest = self.handle(errand, answer);
            // Without a thread it is asked in its turn.
            let early = asking.ok().and_then(|asking| asking.join().ok());
            (rest, early.map(|answer| Early { body, answer: answer.map_err(CallError::from) }))
        })
    }

    fn open(&self, errand: &Errand) -> Result<Connection, CallError> {
        let target = errand.server().and_then(|place| self.targets.get(place));
        let target = target.unwrap_or(&self.partner).clone();
        Connection::new(target, self.stop.clone())
            .map_err(|why| CallError::Communication(why.to_string()))
    }
}
