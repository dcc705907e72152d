//! The UNIX control socket (*shell*; Kea guide, "UNIX Control Socket"): one request per connection, a JSON map
//! in, a JSON map out. Each connection has a thread of its own, so that a slow client or a long listing delays
//! nobody; their number, their size and their time are bounded.

use std::fs::Permissions;
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use mio::net::UnixListener;
use mio::{Events, Interest, Poll, Token, Waker};
use serde_json::Value;

use super::{Answer, Registry};
use crate::clock::{Clock, SystemClock};
use crate::limits::{COMMAND_ACCEPT_RETRY, COMMAND_TIMEOUT, MAX_COMMAND, MAX_COMMAND_CONNECTIONS};
use crate::log;
use crate::packet;
use crate::stats::{Counter, Stats};

/// The socket could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process answers on it.
    #[error("control socket {} is in use by another process: stop it, or choose another socket-name", .0.display())]
    InUse(PathBuf),
    /// There is something else than a socket.
    #[error("control socket {} is a file of another kind: remove it, or choose another socket-name", .0.display())]
    NoSocket(PathBuf),
    /// The system refused.
    #[error("cannot open control socket {}: {error}", path.display())]
    Io {
        /// The socket's path.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

/// An open control socket. Dropping it stops listening and removes the file.
#[derive(Debug)]
pub struct ControlSocket {
    path: PathBuf,
    waker: Waker,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ControlSocket {
    /// Listens on `path` and answers from `registry`; what is wrong with a client is counted in `stats`. A socket
    /// file that nobody answers on is replaced.
    pub fn open(
        path: &Path,
        registry: Arc<Registry>,
        stats: Arc<Stats>,
    ) -> Result<Self, OpenError> {
        if UnixStream::connect(path).is_ok() {
            return Err(OpenError::InUse(path.to_owned()));
        }
        if std::fs::symlink_metadata(path).is_ok_and(|there| !there.file_type().is_socket()) {
            return Err(OpenError::NoSocket(path.to_owned()));
        }
        let office = Office { registry, stats, open: AtomicUsize::new(0) };
        Self::listen(path, office).map_err(|error| OpenError::Io { path: path.to_owned(), error })
    }

    fn listen(path: &Path, office: Office) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut listener = UnixListener::bind(path)?;
        std::fs::set_permissions(path, Permissions::from_mode(0o660))?;
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let thread = std::thread::Builder::new()
            .name("control".into())
            .spawn(move || accept(poll, &listener, &Arc::new(office), &stop))?;
        Ok(Self { path: path.to_owned(), waker, stopping, thread: Some(thread) })
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Release);
        if self.waker.wake().is_ok()
            && let Some(thread) = self.thread.take()
        {
            // A panic of the thread was already reported by its own message.
            let _ = thread.join();
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

const LISTENER: Token = Token(0);
const WAKER: Token = Token(1);

/// What every connection needs.
struct Office {
    registry: Arc<Registry>,
    stats: Arc<Stats>,
    /// Connections that have a thread.
    open: AtomicUsize,
}

/// Accepts until told to stop. Errors of single connections pass; one that lasts, such as too many open files, is
/// waited out: the event queue tells of a connection only once.
fn accept(mut poll: Poll, listener: &UnixListener, office: &Arc<Office>, stop: &AtomicBool) {
    let mut events = Events::with_capacity(8);
    let mut again = None;
    let mut told = false;
    while !stop.load(Ordering::Acquire) {
        match poll.poll(&mut events, again) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                log!(PEREGRINE_CONTROL_SOCKET_FAILED, "cannot wait for commands: {error}");
                return;
            }
            Ok(()) => {}
        }
        match take_all(|| listener.accept().map(|(stream, _)| serve(stream, office))) {
            Ok(()) => (again, told) = (None, false),
            Err(error) => {
                // Once for as long as it lasts: this comes ten times a second.
                if !std::mem::replace(&mut told, true) {
                    log!(PEREGRINE_CONTROL_SOCKET_FAILED, "cannot accept a connection: {error}");
                }
                again = Some(COMMAND_ACCEPT_RETRY);
            }
        }
    }
}

/// Takes connections until there are none left, or gives the error that keeps it from that.
fn take_all(mut take: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    loop {
        match take() {
            Ok(()) => {}
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => return Ok(()),
                // The client is gone already, or a signal came.
                io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => {}
                _ => return Err(error),
            },
        }
    }
}

/// Gives a connection its thread, or closes it when there are too many.
fn serve(stream: mio::net::UnixStream, office: &Arc<Office>) {
    let stream = UnixStream::from(stream);
    if office.open.fetch_add(1, Ordering::AcqRel) >= MAX_COMMAND_CONNECTIONS {
        office.open.fetch_sub(1, Ordering::AcqRel);
        office.stats.count(Counter::ControlRefused);
        log!(PEREGRINE_CONTROL_TOO_MANY, "closed a connection: {MAX_COMMAND_CONNECTIONS} are open");
        return;
    }
    let its_office = Arc::clone(office);
    let spawned = std::thread::Builder::new().name("command".into()).spawn(move || {
        if let Err(error) = answer(stream, &its_office) {
            its_office.stats.count(Counter::ControlBroken);
            log!(PEREGRINE_CONTROL_SOCKET_FAILED, "a command's connection failed: {error}");
        }
        its_office.open.fetch_sub(1, Ordering::AcqRel);
    });
    if let Err(error) = spawned {
        office.open.fetch_sub(1, Ordering::AcqRel);
        log!(PEREGRINE_CONTROL_SOCKET_FAILED, "no thread for a command: {error}");
    }
}

/// Reads one request, answers it, and closes.
fn answer(mut stream: UnixStream, office: &Office) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_write_timeout(Some(COMMAND_TIMEOUT))?;
    let answer = match read_request(&mut stream)? {
        Request::Nothing => return Ok(()),
        Request::Command(request) => {
            // This thread has no other request.
            if is_a_look(&request) {
                packet::give_way();
            }
            office.registry.execute(&request)
        }
        Request::Bad(why) => {
            office.stats.count(Counter::ControlMalformed);
            Answer::error(format!("Error during command processing: {why}"))
        }
    };
    stream.write_all(answer.into_json().to_string().as_bytes())
}

/// Whether a command only tells what there is, of which there may be much: nothing waits for it, and it starts no
/// threads, which would give way for ever.
fn is_a_look(request: &Value) -> bool {
    let name = request["command"].as_str().unwrap_or_default();
    ["lease4-get", "stat-", "statistic-get", "config-get"].iter().any(|look| name.starts_with(look))
}

enum Request {
    Nothing,
    Command(Value),
    Bad(String),
}

/// Reads until one JSON value is complete; the client need not close its side, but has to be done in time.
fn read_request(stream: &mut UnixStream) -> io::Result<Request> {
    let clock = SystemClock::start();
    let deadline = clock.now().mono + COMMAND_TIMEOUT;
    let mut text = Vec::new();
    let mut chunk = [0; 65_536];
    loop {
        let left = deadline.since(clock.now().mono);
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let n = match stream.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        text.extend_from_slice(&chunk[..n]);
        if text.iter().all(u8::is_ascii_whitespace) && n == 0 {
            return Ok(Request::Nothing);
        }
        match serde_json::Deserializer::from_slice(&text).into_iter::<Value>().next() {
            Some(Ok(request)) => return Ok(Request::Command(request)),
            Some(Err(error)) if !error.is_eof() || n == 0 => {
                return Ok(Request::Bad(format!("no JSON: {error}")));
            }
            _ if text.len() > MAX_COMMAND => {
                return Ok(Request::Bad(format!("a command has at most {MAX_COMMAND} bytes")));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn opened() -> (tempfile::TempDir, PathBuf, ControlSocket) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ctrl");
        let registry = Arc::new(Registry::default());
        registry.register("echo", |c| Answer::with(c.arguments.cloned().unwrap_or(Value::Null)));
        let socket = ControlSocket::open(&path, registry, Arc::default()).unwrap();
        (dir, path, socket)
    }

    fn ask(path: &Path, pieces: &[&[u8]]) -> String {
        let mut stream = UnixStream::connect(path).unwrap();
        for piece in pieces {
            stream.write_all(piece).unwrap();
        }
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_request_in_pieces_is_answered_without_closing() {
        let (_dir, path, _socket) = opened();
        let text = ask(&path, &[b"{\"command\": \"ec", b"ho\", \"arguments\": [1]}"]);
        assert_eq!(text.parse::<Value>().unwrap(), json!({"result": 0, "arguments": [1]}));
    }

    #[test]
    fn garbage_is_answered_and_the_next_one_served() {
        let (_dir, path, _socket) = opened();
        for garbage in [&b"{bad"[..], b"\xff\xff\x00", b"]"] {
            assert_eq!(ask(&path, &[garbage]).parse::<Value>().unwrap()["result"], 1);
        }
        let half = UnixStream::connect(&path).unwrap();
        drop(half);
        let silent = UnixStream::connect(&path).unwrap();
        assert!(ask(&path, &[b"{\"command\":\"list-commands\"}"]).contains("echo"));
        drop(silent);
    }

    #[test]
    fn errors_of_single_connections_pass_and_others_are_waited_out() {
        use io::ErrorKind::{ConnectionAborted, Interrupted, WouldBlock};
        let mut left = vec![Some(WouldBlock), Some(Interrupted), None, Some(ConnectionAborted)];
        let result = take_all(|| left.pop().unwrap().map_or(Ok(()), |kind| Err(kind.into())));
        assert!(result.is_ok() && left.is_empty(), "{result:?}");
        let full = || io::Error::from_raw_os_error(24);
        let error = take_all(|| Err(full())).unwrap_err();
        assert_eq!(error.kind(), full().kind());
    }

    #[test]
    fn who_looks_gives_way_and_who_starts_something_does_not() {
        let niceness = |_: &crate::control::Command<'_>| {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            // What follows the name, which may hold anything; field 19 of proc(5).
            let (_, fields) = stat.rsplit_once(')').unwrap();
            Answer::with(fields.split_whitespace().nth(16).unwrap().parse::<i64>().unwrap().into())
        };
        let dir = tempfile::tempdir().unwrap();
        let (path, registry) = (dir.path().join("ctrl"), Arc::new(Registry::default()));
        registry.register("lease4-get-all", niceness);
        registry.register("config-reload", niceness);
        let _socket = ControlSocket::open(&path, registry, Arc::default()).unwrap();
        let found = |name: &str| {
            let text = format!("{{\"command\": \"{name}\"}}");
            let answer: Value = ask(&path, &[text.as_bytes()]).parse().unwrap();
            answer["arguments"].as_i64().unwrap()
        };
        let (own, looking) = (found("config-reload"), found("lease4-get-all"));
        assert_eq!(looking, (own + i64::from(crate::limits::GIVES_WAY_BY)).min(19));
    }

    #[test]
    fn a_path_that_names_another_file_leaves_that_file_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kea-dhcp4.conf");
        std::fs::write(&path, "precious").unwrap();
        let error = ControlSocket::open(&path, Arc::default(), Arc::default()).unwrap_err();
        assert!(matches!(&error, OpenError::NoSocket(found) if *found == path), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn a_socket_in_use_is_refused_and_a_stale_one_replaced() {
        let (dir, path, socket) = opened();
        let again = ControlSocket::open(&path, Arc::default(), Arc::default());
        assert!(matches!(again, Err(OpenError::InUse(_))), "{again:?}");
        drop(socket);
        assert!(!path.exists());
        let stale = dir.path().join("stale");
        drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
        assert!(ControlSocket::open(&stale, Arc::default(), Arc::default()).is_ok());
    }
}
