//! Log lines: message ids with their severity and logger ([`messages`]), and a bounded queue to a writer
//! thread (*shell*) that never delays who logs and counts what it drops.
//!
//! `log!(DHCP4_STARTED, "version {version}")` asks one atomic whether anybody wants the line, makes the text,
//! and puts it in the queue. [`Writer`] takes it out, lays it out by Kea's patterns and writes it to where the
//! configuration's `loggers` say. Before a writer is started, lines go to standard error.

pub mod messages;
mod output;
mod pattern;
mod writer;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam::channel::Sender;

use crate::clock;
use crate::config::model::Severity;
pub use writer::{Options, StartError, Writer};

/// A message: what can be logged, once for all.
#[derive(Debug)]
pub struct Message {
    /// Its id, as Kea's where Kea has it.
    pub id: &'static str,
    /// Severity.
    pub severity: Severity,
    /// For [`Severity::Debug`]: the least `debuglevel` that shows it.
    pub debuglevel: u8,
    /// The component: `dhcp4`, `leases`, `ha-hooks`, ...
    pub logger: &'static str,
    /// What it means and what to do, for the operator.
    pub explanation: &'static str,
    /// Whether the configuration's loggers want it.
    wanted: AtomicBool,
}

/// One line on its way to the writer.
#[derive(Debug)]
struct Line {
    message: &'static Message,
    /// Microseconds since 1970 UTC.
    at_us: u64,
    thread: u64,
    text: String,
}

/// What travels to the writer.
#[derive(Debug)]
enum Item {
    Line(Line),
    /// Everything before this is to be on its way out before the sender is answered.
    Flush(Sender<()>),
}

static QUEUE: OnceLock<Sender<Item>> = OnceLock::new();
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Whether `message` would be written. One atomic load.
pub fn is_enabled(message: &Message) -> bool {
    message.wanted.load(Ordering::Relaxed)
}

/// Lines that were dropped because the queue was full, since start.
pub fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// From now on nothing is written, until a [`Writer`] is started: for simulations, which log far too much.
pub fn silence() {
    for message in messages::ALL {
        message.wanted.store(false, Ordering::Relaxed);
    }
}

/// Queues one line for the writer; drops and counts it when the queue is full.
pub fn emit(message: &'static Message, text: String) {
    let line = Line { message, at_us: clock::wall_us(), thread: thread_number(), text };
    match QUEUE.get() {
        Some(queue) => {
            if queue.try_send(Item::Line(line)).is_err() {
                DROPPED.fetch_add(1, Ordering::Relaxed);
            }
        }
        None => eprintln!("{} {}", line.message.id, line.text),
    }
}

/// Logs a message of [`messages`] if its logger wants it: `log!(ID, "format", args...)`.
#[macro_export]
macro_rules! log {
    ($id:ident, $($arg:tt)*) => {{
        let message = &$crate::log::messages::$id;
        if $crate::log::is_enabled(message) {
            $crate::log::emit(message, format!($($arg)*));
        }
    }};
}

/// A small number for the calling thread, counted from 1.
fn thread_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static NUMBER: u64 = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}
