//! The partner's stream of batches as it arrives here: each batch once, in order, of its present run only. Pure.
//!
//! A batch is stamped with the run of the server that sends it, the run that it is meant for, and its number. What comes
//! late, behind a newer batch, from an earlier run, or when its sender has given it up, is refused: done then it would undo
//! what came since. What comes twice gets its first answer. How long it was on its way the sender's monotonic clock says,
//! which is read with every batch, and was compared with ours by the last answer to a heartbeat.

use std::collections::VecDeque;

use engine::clock::Mono;
use engine::control::Answer;

use crate::limits::{MAX_PAST_RUNS, REQUEST_TIMEOUT};
use crate::machine::{Announced, Incarnation};

/// The place of a batch in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The run that sends it.
    pub from: Incarnation,
    /// The run that it is meant for.
    pub to: Incarnation,
    /// Its number, from 1.
    pub number: u64,
}

/// What is to be done with a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrival {
    /// It is the next; [`Stream::done`] has to follow.
    New,
    /// It was done, with this answer.
    Again(Answer),
    /// Something newer came before it: it must not be done any more.
    Late,
    /// It is of an earlier run of the partner: it must not be done any more.
    OfPastRun,
    /// It is not for this run, or of one that has not announced itself here.
    Unknown,
}

/// How far the partner's stream is applied.
#[derive(Debug)]
pub struct Stream {
    own: Incarnation,
    run: Option<Run>,
    past: VecDeque<Incarnation>,
}

#[derive(Debug)]
struct Run {
    incarnation: Incarnation,
    applied: u64,
    answer: Option<Answer>,
    /// Milliseconds by which its monotonic clock is behind ours, or less by the way of an answer.
    behind_ms: Option<i128>,
    /// What its clock showed in the newest that it said of itself.
    said_ms: u64,
}

impl Run {
    const fn new(incarnation: Incarnation) -> Self {
        Self { incarnation, applied: 0, answer: None, behind_ms: None, said_ms: 0 }
    }
}

const fn ms(mono: Mono) -> i128 {
    (mono.as_ns() / 1_000_000) as i128
}

impl Stream {
    /// Nothing has come to this run yet.
    pub const fn new(own: Incarnation) -> Self {
        Self { own, run: None, past: VecDeque::new() }
    }

    /// The partner asked, and announced itself as this run. What it asked may come late: a run that was followed by another
    /// does not come back by this.
    pub fn asked_by(&mut self, incarnation: Incarnation) {
        if !self.past.contains(&incarnation) {
            self.enter(incarnation);
        }
    }

    /// The partner answered what it was asked just now, as this run.
    pub fn answered_by(&mut self, announced: &Announced, now: Mono) {
        self.past.retain(|past| *past != announced.incarnation);
        self.enter(announced.incarnation);
        if let Some((run, theirs_ms)) = self.run.as_mut().zip(announced.running_ms) {
            run.behind_ms = Some(ms(now) - i128::from(theirs_ms));
        }
    }

    /// Whether what the partner says of itself is the newest that was heard of this run of it: answers and requests come
    /// in any order.
    pub fn hears(&mut self, announced: &Announced) -> bool {
        let run = self.run.as_mut().filter(|run| run.incarnation == announced.incarnation);
        let Some((run, said_ms)) = run.zip(announced.running_ms) else { return true };
        let newest = said_ms >= run.said_ms;
        run.said_ms = run.said_ms.max(said_ms);
        newest
    }

    fn enter(&mut self, incarnation: Incarnation) {
        if self.run.as_ref().is_some_and(|run| run.incarnation == incarnation) {
            return;
        }
        let before = self.run.replace(Run::new(incarnation));
        if self.past.len() >= MAX_PAST_RUNS {
            self.past.pop_front();
        }
        self.past.extend(before.map(|run| run.incarnation));
    }

    /// Whether the run that sent something when its monotonic clock showed `sent_ms` does not wait for its answer any more.
    pub fn is_given_up(&self, from: Incarnation, sent_ms: u64, now: Mono) -> bool {
        let run = self.run.as_ref().filter(|run| run.incarnation == from);
        let behind_ms = run.and_then(|run| run.behind_ms);
        let way_ms = behind_ms.map(|behind_ms| ms(now) - behind_ms - i128::from(sent_ms));
        way_ms.is_some_and(|way_ms| way_ms > REQUEST_TIMEOUT.as_millis().cast_signed())
    }

    /// A batch arrives.
    pub fn arrive(&self, stamp: Stamp) -> Arrival {
        if self.past.contains(&stamp.from) {
            return Arrival::OfPastRun;
        }
        let run = self.run.as_ref().filter(|run| run.incarnation == stamp.from);
        let Some(run) = run.filter(|_| stamp.to == self.own) else { return Arrival::Unknown };
        match &run.answer {
            Some(answer) if stamp.number == run.applied => Arrival::Again(answer.clone()),
            _ if stamp.number <= run.applied => Arrival::Late,
            _ => Arrival::New,
        }
    }

    /// It is done, with this answer.
    pub fn done(&mut self, stamp: Stamp, answer: &Answer) {
        if let Some(run) = self.run.as_mut().filter(|run| run.incarnation == stamp.from) {
            run.applied = stamp.number;
            run.answer = Some(answer.clone());
        }
    }

    /// The partner's present run, and the number of its last batch that was applied; 0 before the first.
    pub fn applied(&self) -> Option<(Incarnation, u64)> {
        self.run.as_ref().map(|run| (run.incarnation, run.applied))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Incarnation = Incarnation(1);
    const FIRST: Incarnation = Incarnation(2);
    const SECOND: Incarnation = Incarnation(3);

    fn stamp(from: Incarnation, number: u64) -> Stamp {
        Stamp { from, to: OWN, number }
    }

    fn answer(text: &str) -> Answer {
        Answer::success(text)
    }

    #[test]
    fn a_batch_is_done_once_and_never_behind_a_newer_one() {
        let mut stream = Stream::new(OWN);
        assert_eq!(stream.arrive(stamp(FIRST, 1)), Arrival::Unknown, "it has not announced itself");
        stream.asked_by(FIRST);
        assert_eq!(stream.arrive(stamp(FIRST, 1)), Arrival::New);
        stream.done(stamp(FIRST, 1), &answer("one"));
        assert_eq!(stream.arrive(stamp(FIRST, 1)), Arrival::Again(answer("one")));
        assert_eq!(stream.arrive(stamp(FIRST, 3)), Arrival::New, "the second was given up");
        stream.done(stamp(FIRST, 3), &answer("three"));
        assert_eq!(stream.arrive(stamp(FIRST, 2)), Arrival::Late);
        assert_eq!(stream.arrive(stamp(FIRST, 1)), Arrival::Late);
        assert_eq!(stream.applied(), Some((FIRST, 3)));
    }

    #[test]
    fn nothing_of_an_earlier_run_is_taken() {
        let mut stream = Stream::new(OWN);
        stream.asked_by(FIRST);
        stream.done(stamp(FIRST, 7), &answer("seven"));
        stream.asked_by(SECOND);
        assert_eq!(stream.applied(), Some((SECOND, 0)));
        assert_eq!(stream.arrive(stamp(FIRST, 8)), Arrival::OfPastRun);
        stream.asked_by(FIRST);
        assert_eq!(stream.arrive(stamp(FIRST, 8)), Arrival::OfPastRun, "that request was late");
        assert_eq!(stream.arrive(stamp(SECOND, 1)), Arrival::New);
        let elsewhere = Stamp { to: SECOND, ..stamp(SECOND, 1) };
        assert_eq!(stream.arrive(elsewhere), Arrival::Unknown, "it is for another run of ours");
    }

    fn says(incarnation: Incarnation, running_ms: u64) -> Announced {
        Announced { running_ms: Some(running_ms), ..Announced::of(incarnation) }
    }

    #[test]
    fn what_was_long_on_its_way_is_given_up_whatever_the_clocks_show() {
        let at = |ms: u64| Mono::from_ns(ms * 1_000_000);
        let limit_ms = u64::try_from(REQUEST_TIMEOUT.as_millis()).unwrap();
        let mut stream = Stream::new(OWN);
        assert!(!stream.is_given_up(FIRST, 0, at(90_000_000)), "nobody knows how long");
        // Its clock is ahead, or behind; the answer took 3 ms.
        for origin_ms in [7_000_000, 1_000] {
            stream.answered_by(&says(FIRST, origin_ms), at(5_000_003));
            for (sent_ms, came_ms, given_up) in [
                (1, limit_ms, false),
                (1, limit_ms + 4, false),
                (1, limit_ms + 5, true),
                (60_000, 60_000, false),
            ] {
                let came = at(5_000_000 + came_ms);
                assert_eq!(stream.is_given_up(FIRST, origin_ms + sent_ms, came), given_up);
            }
        }
        stream.asked_by(SECOND);
        assert!(!stream.is_given_up(SECOND, 0, at(90_000_000)), "its clock was not compared");
    }

    #[test]
    fn older_words_are_known_as_such() {
        let mut stream = Stream::new(OWN);
        stream.asked_by(FIRST);
        assert!(stream.hears(&says(FIRST, 5)));
        assert!(stream.hears(&says(FIRST, 5)), "of one millisecond");
        assert!(!stream.hears(&says(FIRST, 4)));
        assert!(stream.hears(&says(FIRST, 6)));
        stream.asked_by(SECOND);
        assert!(stream.hears(&says(SECOND, 1)), "another run has another clock");
    }

    /// Whatever came when: who answers is the one that is there.
    #[test]
    fn an_answer_says_which_run_it_is() {
        let mut stream = Stream::new(OWN);
        stream.asked_by(SECOND);
        stream.asked_by(FIRST);
        stream.answered_by(&says(SECOND, 0), Mono::default());
        assert_eq!(stream.arrive(stamp(SECOND, 1)), Arrival::New);
        assert_eq!(stream.arrive(stamp(FIRST, 1)), Arrival::OfPastRun);
        for run in 10..100 {
            stream.asked_by(Incarnation(run));
        }
        assert_eq!(stream.past.len(), MAX_PAST_RUNS);
    }
}
