//! Lines that are gathered as data and queued as one: whoever serves packets makes no text. Pure but for the queue.
//! Must not know what the lines are about.

use std::fmt;

use super::{Lines, Message, is_enabled, queue, wait_for_room};
use crate::limits::MAX_LOG_LINES;

/// Lines of one thread that are to be queued together: their text is what `T` displays as.
#[derive(Debug)]
pub struct Batch<T>(Vec<(&'static Message, T)>);

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: fmt::Display + Send + 'static> Batch<T> {
    /// Adds the line that `what` gives, if the message's logger wants it: otherwise it costs one atomic load.
    pub fn add(&mut self, message: &'static Message, what: impl FnOnce() -> T) {
        if is_enabled(message) {
            self.0.push((message, what()));
        }
    }

    /// Queues the lines for the writer, and waits for it while the queue is full: who logs more than can be written
    /// slows down rather than losing lines. Only if the writer does not get on they are dropped and counted.
    pub fn emit(self) {
        if !self.0.is_empty() {
            wait_for_room(self.0.len());
            queue(Lines::Many(Box::new(self.0)), MAX_LOG_LINES);
        }
    }
}

/// Lines of any kind.
pub(super) trait Gathered: Send {
    /// How many they are.
    fn len(&self) -> usize;

    /// Shows each of them.
    fn show(&self, show: &mut dyn FnMut(&'static Message, &dyn fmt::Display));
}

impl<T: fmt::Display + Send> Gathered for Vec<(&'static Message, T)> {
    fn len(&self) -> usize {
        self.len()
    }

    fn show(&self, show: &mut dyn FnMut(&'static Message, &dyn fmt::Display)) {
        for (message, what) in self {
            show(message, what);
        }
    }
}
