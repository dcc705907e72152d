//! The dedicated HTTP listener (*shell*): a partner's commands, answered on threads of its own.
//!
//! Each thread has its own event loop and accepts from the one listening socket; a command runs on the thread
//! that read it. Connections are bounded in number (those of strangers apart, so that they cannot keep a
//! peer out), in size and in time. Errors of one connection end that connection and nothing else.

mod deadline;
mod reply;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;

use engine::clock::Clock;
use engine::control::Registry;
use engine::log;
use engine::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, WWW_AUTHENTICATE};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

pub use deadline::Patience;
use deadline::{Phase, Progress, Watched};
#[cfg(any(test, feature = "sim"))]
pub(crate) use reply::reply;
pub use reply::{PARTNER_COMMANDS, Reply, Rules};

use super::client::{Stop, Stopper};
use crate::limits::{ACCEPT_BACKOFF, MAX_CONNECTIONS, MAX_HEAD, MAX_REQUEST, MAX_STRANGERS};
use crate::wire::date::rfc1123;

/// Where and how to listen.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Address and port of this server's `url`; port 0 takes a free one.
    pub address: SocketAddr,
    /// Number of threads, at least 1.
    pub threads: usize,
    /// Who may send what.
    pub rules: Rules,
    /// Addresses of the peers: what else connects is a stranger.
    pub peers: Vec<IpAddr>,
    /// How long to wait for requests.
    pub patience: Patience,
}

/// The listener cannot be started; the configuration or the machine is to blame.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is not ours or the port is taken.
    #[error("cannot listen on {0}: {1}")]
    Bind(SocketAddr, io::Error),
    /// No thread or event queue.
    #[error("cannot start a thread of the listener: {0}")]
    Thread(io::Error),
}

/// What the listener met, counted since its start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections taken.
    pub accepted: AtomicU64,
    /// Connections closed at once because there were too many.
    pub refused: AtomicU64,
    /// Errors of accepting; the listener waits a moment and goes on.
    pub accept_errors: AtomicU64,
    /// Connections that ended with something that is no HTTP, or broke.
    pub broken: AtomicU64,
    /// Requests that were not complete in time.
    pub timed_out: AtomicU64,
    open: AtomicUsize,
    strangers: AtomicUsize,
}

/// A running listener; dropping it stops it.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    counters: Arc<Counters>,
    stopper: Stopper,
    threads: Vec<JoinHandle<()>>,
}

/// What every connection needs.
struct Shared {
    settings: Settings,
    registry: Arc<Registry>,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
}

impl Listener {
    /// Binds and starts the threads.
    pub fn start(
        settings: Settings,
        registry: Arc<Registry>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ListenError> {
        let bind = |why| ListenError::Bind(settings.address, why);
        let socket = std::net::TcpListener::bind(settings.address).map_err(bind)?;
        socket.set_nonblocking(true).map_err(bind)?;
        let address = socket.local_addr().map_err(bind)?;
        let (stopper, stop) = Stopper::new();
        let counters = Arc::new(Counters::default());
        let number = settings.threads.max(1);
        let shared = Arc::new(Shared { settings, registry, clock, counters: counters.clone() });
        let mut listener = Self { address, counters, stopper, threads: Vec::new() };
        for i in 0..number {
            let socket = socket.try_clone().map_err(ListenError::Thread)?;
            let thread = spawn(i, socket, shared.clone(), stop.clone());
            listener.threads.push(thread.map_err(ListenError::Thread)?);
        }
        Ok(listener)
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it met.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stopper.stop();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn spawn(
    i: usize,
    socket: std::net::TcpListener,
    shared: Arc<Shared>,
    mut stop: Stop,
) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let guard = runtime.enter();
    let socket = TcpListener::from_std(socket)?;
    drop(guard);
    std::thread::Builder::new().name(format!("ha-listener-{i}")).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                () = stop.wait() => {}
                () = accept(&socket, &shared) => {}
            }
        });
    })
}

/// Takes connections for ever; an error such as too many open files is waited out.
async fn accept(socket: &TcpListener, shared: &Arc<Shared>) {
    loop {
        match socket.accept().await {
            Ok((stream, from)) => {
                if let Some(place) = Place::take(shared, from.ip()) {
                    tokio::spawn(connection(stream, shared.clone(), place));
                }
            }
            Err(why) => {
                log!(PEREGRINE_HA_LISTENER_FAILED, "{}: {why}", shared.settings.address);
                shared.counters.accept_errors.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
}

/// One of the connections there is room for.
struct Place {
    counters: Arc<Counters>,
    stranger: bool,
}

impl Place {
    fn take(shared: &Shared, from: IpAddr) -> Option<Self> {
        let counters = shared.counters.clone();
        let stranger = !shared.settings.peers.contains(&from);
        // Counted first and checked then: dropping the place takes both back.
        let place = Self { counters: counters.clone(), stranger };
        let open = counters.open.fetch_add(1, Ordering::Relaxed);
        let strangers = counters.strangers.fetch_add(usize::from(stranger), Ordering::Relaxed);
        if open >= MAX_CONNECTIONS || (stranger && strangers >= MAX_STRANGERS) {
            let before = counters.refused.fetch_add(1, Ordering::Relaxed);
            // One line for each doubling: whoever knocks so often must not fill the log.
            if (before + 1).is_power_of_two() {
                log!(
                    PEREGRINE_HA_LISTENER_FULL,
                    "{} connections refused, the last from {from}",
                    before + 1
                );
            }
            return None;
        }
        counters.accepted.fetch_add(1, Ordering::Relaxed);
        Some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.counters.open.fetch_sub(1, Ordering::Relaxed);
        self.counters.strangers.fetch_sub(usize::from(self.stranger), Ordering::Relaxed);
    }
}

/// Serves one connection until it ends, breaks, or takes too long.
async fn connection(stream: TcpStream, shared: Arc<Shared>, place: Place) {
    let _ = stream.set_nodelay(true);
    let progress = Progress::new(shared.settings.patience);
    let watched = Watched { stream, progress: progress.clone() };
    let service = service_fn(|request| serve(request, &shared, &progress));
    let mut http = Builder::new()
        .max_buf_size(MAX_HEAD)
        .half_close(true)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(watched), service);
    tokio::select! {
        ended = &mut http => {
            if ended.is_err() {
                place.counters.broken.fetch_add(1, Ordering::Relaxed);
            }
        }
        () = progress.too_slow() => {
            place.counters.timed_out.fetch_add(1, Ordering::Relaxed);
            if progress.phase() == Phase::Reading {
                let stream = http.into_parts().io.into_inner().stream;
                let _ = stream.try_write(raw(&Reply::timed_out(), shared.now_s()).as_bytes());
            }
        }
    }
}

async fn serve(
    request: Request<Incoming>,
    shared: &Shared,
    progress: &Progress,
) -> Result<Response<Full<Bytes>>, Box<dyn std::error::Error + Send + Sync>> {
    let (head, body) = request.into_parts();
    let Shared { settings, registry, .. } = shared;
    let reply = if reply::head_is_good(&head.method, &head.headers) {
        let body = Limited::new(body, MAX_REQUEST).collect().await;
        match body {
            Ok(body) => {
                progress.enter(Phase::Answering);
                reply::reply(&settings.rules, &head.headers, &body.to_bytes(), registry)
            }
            Err(why) if why.is::<http_body_util::LengthLimitError>() => Reply::bad_request(),
            Err(why) => return Err(why),
        }
    } else {
        Reply::bad_request()
    };
    progress.enter(Phase::Idle);
    Ok(response(reply, shared.now_s()))
}

/// The response with Kea's headers in Kea's order.
fn response(reply: Reply, now_s: u64) -> Response<Full<Bytes>> {
    let mut response = Response::builder()
        .status(reply.status)
        .header(CONTENT_LENGTH, reply.body.len())
        .header(CONTENT_TYPE, "application/json")
        .header(DATE, rfc1123(now_s));
    if reply.status == 401 {
        response = response.header(WWW_AUTHENTICATE, "Basic realm=\"\"");
    }
    response.body(Full::from(reply.body)).expect("numbers and dates are header values")
}

/// The same as text, for a connection that is no longer HTTP's.
fn raw(Reply { status, body }: &Reply, now_s: u64) -> String {
    let (length, date) = (body.len(), rfc1123(now_s));
    format!(
        "HTTP/1.1 {status} Request Timeout\r\nContent-Length: {length}\r\n\
         Content-Type: application/json\r\nDate: {date}\r\n\r\n{body}"
    )
}

impl Shared {
    fn now_s(&self) -> u64 {
        self.clock.now().wall_s
    }
}

#[cfg(test)]
mod tests;
