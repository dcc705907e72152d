//! The writer (*shell*): one thread that takes lines from the queue and writes them in batches to the outputs
//! that the configuration's loggers name.

use std::collections::BTreeMap;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{self, Receiver, Sender};

use super::output::Output;
use super::pattern::Pattern;
use super::{DONE, DROPPED, Item, Line, Message, QUEUE, WAITING, messages};
use crate::config::model::{LogOutput, LogTarget, Logger, Severity};
use crate::limits::{LOG_LINGER_MS, MAX_LOG_BATCH, MAX_LOG_LINES};
use crate::log;

/// The writer could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An output cannot be opened.
    #[error("cannot open log output {target:?}: {error}")]
    Output {
        /// What was named in the configuration.
        target: LogTarget,
        /// Why not.
        error: io::Error,
    },
    /// The system gave no thread.
    #[error("cannot start the log writer: {0}")]
    Thread(io::Error),
}

/// How the writer of this process was started.
static MANNER: OnceLock<(&'static str, Options)> = OnceLock::new();

/// How the writer is started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// `-d`: everything is shown, on standard output as well.
    pub verbose: bool,
}

/// The running writer. Dropping it writes what is queued.
#[derive(Debug)]
pub struct Writer {
    thread: Option<JoinHandle<()>>,
}

/// One configured destination.
#[derive(Debug)]
struct Route {
    pattern: Pattern,
    output: Output,
    /// Lines laid out and not written yet, and the gravest severity among them.
    buffer: String,
    gravest: Severity,
}

impl Writer {
    /// Decides which messages are wanted, opens the outputs and starts the thread. One writer per process:
    /// a later call changes what is wanted only.
    pub fn start(
        loggers: &[Logger],
        root: &'static str,
        options: Options,
    ) -> Result<Self, StartError> {
        let routes = open(loggers, root, options)?;
        let (sender, receiver) = channel::unbounded();
        if QUEUE.set(sender).is_err() {
            return Ok(Self { thread: None });
        }
        let _ = MANNER.set((root, options));
        let thread = std::thread::Builder::new()
            .name("log".into())
            .spawn(move || run(&receiver, routes))
            .map_err(StartError::Thread)?;
        Ok(Self { thread: Some(thread) })
    }

    /// Waits, at most `patience`, until everything logged so far is written.
    pub fn flush(&self, patience: Duration) {
        let (done, wait) = channel::bounded(1);
        if let Some(queue) = QUEUE.get()
            && self.thread.is_some()
            && queue.send_timeout(Item::Flush(done), patience).is_ok()
        {
            // Running out of patience is no error: the lines are lost with the process, not the process.
            let _ = wait.recv_timeout(patience);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.flush(Duration::from_secs(2));
    }
}

/// From now on lines are wanted, and go, as `loggers` say. Lines that are queued go where they were to go.
///
/// # Errors
/// An output that cannot be opened; then nothing has changed.
pub fn reroute(loggers: &[Logger]) -> Result<(), StartError> {
    let (Some((root, options)), Some(queue)) = (MANNER.get(), QUEUE.get()) else { return Ok(()) };
    let routes = open(loggers, root, *options)?;
    // It fails only if the writer is gone, and the process about to be.
    let _ = queue.send(Item::Reroute(Box::new(routes)));
    Ok(())
}

/// The destinations, and which of them each logger's lines go to.
#[derive(Debug)]
pub(super) struct Routes {
    routes: Vec<Route>,
    routing: BTreeMap<&'static str, Vec<usize>>,
}

/// Opens what `loggers` name; once that is done, decides which messages are wanted.
fn open(loggers: &[Logger], root: &'static str, options: Options) -> Result<Routes, StartError> {
    let mut routes = Vec::new();
    let mut opened: BTreeMap<(LogTarget, String), usize> = BTreeMap::new();
    let mut routing: BTreeMap<&'static str, Vec<usize>> = BTreeMap::new();
    for message in messages::ALL {
        let logger = choose(loggers, root, message);
        if routing.contains_key(message.logger) {
            continue;
        }
        let outputs = logger.map(|l| l.outputs.clone()).filter(|o| !o.is_empty());
        let mut taken = Vec::new();
        for config in outputs.unwrap_or_else(|| vec![to_stdout()]) {
            let key = (config.to.clone(), config.pattern.clone());
            let index = match opened.get(&key) {
                Some(index) => *index,
                None => {
                    routes.push(Route::open(&config, root)?);
                    opened.insert(key, routes.len() - 1);
                    routes.len() - 1
                }
            };
            taken.push(index);
        }
        routing.insert(message.logger, taken);
    }
    for message in messages::ALL {
        let logger = choose(loggers, root, message);
        message.wanted.store(is_wanted(logger, message, options), Ordering::Relaxed);
    }
    Ok(Routes { routes, routing })
}

/// The entry of the message's own logger, else the root's.
fn choose<'a>(loggers: &'a [Logger], root: &str, message: &Message) -> Option<&'a Logger> {
    let own = loggers.iter().find(|logger| {
        logger.name.strip_prefix(root).and_then(|rest| rest.strip_prefix('.'))
            == Some(message.logger)
    });
    own.or_else(|| loggers.iter().find(|logger| logger.name == root))
}

fn is_wanted(logger: Option<&Logger>, message: &Message, options: Options) -> bool {
    if options.verbose {
        return true;
    }
    let (severity, debuglevel) =
        logger.map_or((Severity::Info, 0), |logger| (logger.severity, logger.debuglevel));
    message.severity >= severity
        && (message.severity != Severity::Debug || debuglevel >= message.debuglevel)
}

fn to_stdout() -> LogOutput {
    LogOutput {
        to: LogTarget::Stdout,
        flush: true,
        max_size: 0,
        max_versions: 0,
        pattern: String::new(),
    }
}

impl Route {
    fn open(config: &LogOutput, root: &'static str) -> Result<Self, StartError> {
        let output = Output::open(config, root)
            .map_err(|error| StartError::Output { target: config.to.clone(), error })?;
        let pattern = Pattern::new(&config.pattern, output.is_syslog(), root);
        Ok(Self { pattern, output, buffer: String::new(), gravest: Severity::Debug })
    }

    fn take(&mut self, line: &Line<'_>) {
        self.gravest = self.gravest.max(line.message.severity);
        self.pattern.write(line, &mut self.buffer);
        if self.output.is_syslog() {
            self.write();
        }
    }

    /// Writes what was laid out. A failing output loses its lines, and they are counted: logging never stops
    /// the server, and there is nowhere else to say so.
    fn write(&mut self) {
        if self.buffer.is_empty() {
            return;
        }
        if self.output.write(&self.buffer, self.gravest).is_err() {
            DROPPED.fetch_add(self.buffer.lines().count() as u64, Ordering::Relaxed);
        }
        self.buffer.clear();
        self.gravest = Severity::Debug;
    }
}

/// Takes lines until the last sender is gone; writes whenever the queue is empty or a batch is full, and lets
/// lines gather for a moment before it looks again, so that whoever logs much need not wake it each time.
fn run(queue: &Receiver<Item>, mut out: Routes) {
    let mut told = 0;
    while let Ok(first) = queue.recv() {
        let mut flushed: Vec<Sender<()>> = Vec::new();
        for item in std::iter::once(first).chain(queue.try_iter().take(MAX_LOG_BATCH)) {
            match item {
                Item::Parcel(parcel) => {
                    parcel.show(&mut |line| {
                        for index in out.routing.get(line.message.logger).into_iter().flatten() {
                            out.routes[*index].take(line);
                        }
                    });
                    WAITING.fetch_sub(parcel.len(), Ordering::Relaxed);
                    DONE.fetch_add(parcel.len() as u64, Ordering::Relaxed);
                }
                Item::Flush(done) => flushed.push(done),
                Item::Reroute(other) => {
                    out.routes.iter_mut().for_each(Route::write);
                    out = *other;
                }
            }
        }
        out.routes.iter_mut().for_each(Route::write);
        tell_losses(&mut told);
        if queue.is_empty() && flushed.is_empty() {
            std::thread::park_timeout(Duration::from_millis(LOG_LINGER_MS));
        }
        for done in flushed {
            // Who asked may have run out of patience and gone.
            let _ = done.send(());
        }
    }
}

/// Says how many lines were lost since it was said last, once there is room again.
fn tell_losses(told: &mut u64) {
    let lost = DROPPED.load(Ordering::Relaxed);
    if lost > *told && WAITING.load(Ordering::Relaxed) < MAX_LOG_LINES {
        log!(PEREGRINE_LOG_LINES_LOST, "{} lines were lost, {lost} since the start", lost - *told);
        *told = lost;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logger(name: &str, severity: Severity, debuglevel: u8) -> Logger {
        Logger { name: name.into(), severity, debuglevel, outputs: Vec::new() }
    }

    #[test]
    fn a_loggers_own_entry_beats_the_roots() {
        let loggers =
            [logger("kea-dhcp4", Severity::Warn, 0), logger("kea-dhcp4.dhcp4", Severity::Info, 0)];
        let message = &messages::DHCP4_STARTED;
        let chosen = choose(&loggers, "kea-dhcp4", message);
        assert_eq!(chosen.unwrap().name, "kea-dhcp4.dhcp4");
        assert!(is_wanted(chosen, message, Options::default()));
        assert!(!is_wanted(Some(&loggers[0]), message, Options::default()));
        assert!(is_wanted(None, message, Options::default()));
        assert!(is_wanted(Some(&loggers[0]), message, Options { verbose: true }));
    }
}
