//! Log lines: message ids with their severity and logger ([`messages`]), and a bounded queue to a writer
//! thread (*shell*). A line that finds it full is dropped, counted and told of; only who gathers lines in a [`Batch`],
//! and so may log more than can be written, waits for the writer as long as that gets on.
//!
//! `log!(DHCP4_STARTED, "version {version}")` asks one atomic whether anybody wants the line, makes the text,
//! and puts it in the queue. Who logs much and must be quick gathers its lines as data in a [`Batch`], which is
//! queued as one; their text is made by the writer. [`Writer`] takes lines out, lays them out by Kea's patterns
//! and writes them to where the configuration's `loggers` say. Before a writer is started, lines go to standard
//! error.

mod batch;
pub mod messages;
mod output;
mod pattern;
mod writer;

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crossbeam::channel::Sender;

use crate::clock;
use crate::config::model::Severity;
use crate::limits::{LOG_PATIENCE_TURN_MS, LOG_PATIENCE_TURNS, MAX_LOG_LINES, SPARE_LOG_LINES};
pub use batch::Batch;
pub use writer::{Options, StartError, Writer, reroute};

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

/// Lines of one moment and one thread on their way to the writer.
struct Parcel {
    /// Microseconds since 1970 UTC.
    at_us: u64,
    thread: u64,
    lines: Lines,
}

/// What they say.
enum Lines {
    /// One line whose text is made.
    One(&'static Message, String),
    /// Data of which the writer makes the texts.
    Many(Box<dyn batch::Gathered>),
}

/// One line, as it is laid out.
struct Line<'a> {
    message: &'static Message,
    at_us: u64,
    thread: u64,
    text: &'a dyn fmt::Display,
}

/// What travels to the writer.
enum Item {
    Parcel(Parcel),
    /// Everything before this is to be on its way out before the sender is answered.
    Flush(Sender<()>),
    /// From now on lines go there.
    Reroute(Box<writer::Routes>),
}

/// Its bound is [`WAITING`]'s.
static QUEUE: OnceLock<Sender<Item>> = OnceLock::new();
/// Lines in the queue.
static WAITING: AtomicUsize = AtomicUsize::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);
/// Lines that were written or given up by the writer, to see whether it gets on.
static DONE: AtomicU64 = AtomicU64::new(0);
/// What [`DONE`] was when somebody waited for the writer in vain: until it is more, nobody waits again.
static STUCK_AT: AtomicU64 = AtomicU64::new(u64::MAX);

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
    queue(Lines::One(message, text), MAX_LOG_LINES + SPARE_LOG_LINES);
}

/// Queues lines if no more than `most` wait with them.
fn queue(lines: Lines, most: usize) {
    let parcel = Parcel { at_us: clock::wall_us(), thread: thread_number(), lines };
    let Some(queue) = QUEUE.get() else {
        parcel.show(&mut |line| eprintln!("{} {}", line.message.id, line.text));
        return;
    };
    let count = parcel.len();
    if WAITING.fetch_add(count, Ordering::Relaxed) + count > most {
        WAITING.fetch_sub(count, Ordering::Relaxed);
        DROPPED.fetch_add(count as u64, Ordering::Relaxed);
    } else if queue.send(Item::Parcel(parcel)).is_err() {
        // The writer is gone, and the process about to be.
        DROPPED.fetch_add(count as u64, Ordering::Relaxed);
    }
}

/// Waits until `count` lines have room, as long as the writer gets on with its work.
fn wait_for_room(count: usize) {
    let is_full = || WAITING.load(Ordering::Relaxed) + count > MAX_LOG_LINES;
    let mut done = DONE.load(Ordering::Relaxed);
    if !is_full() || QUEUE.get().is_none() || done == STUCK_AT.load(Ordering::Relaxed) {
        return;
    }
    let mut turns = 0;
    while is_full() && turns < LOG_PATIENCE_TURNS {
        std::thread::park_timeout(Duration::from_millis(LOG_PATIENCE_TURN_MS));
        turns += 1;
        let now = DONE.load(Ordering::Relaxed);
        if now != done {
            (done, turns) = (now, 0);
        }
    }
    if is_full() {
        STUCK_AT.store(done, Ordering::Relaxed);
    }
}

impl Parcel {
    /// How many lines it has.
    fn len(&self) -> usize {
        match &self.lines {
            Lines::One(..) => 1,
            Lines::Many(gathered) => gathered.len(),
        }
    }

    /// Shows each line.
    fn show(&self, show: &mut dyn FnMut(&Line<'_>)) {
        let (at_us, thread) = (self.at_us, self.thread);
        match &self.lines {
            Lines::One(message, text) => show(&Line { message, at_us, thread, text }),
            Lines::Many(gathered) => {
                gathered.show(&mut |message, text| show(&Line { message, at_us, thread, text }));
            }
        }
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
