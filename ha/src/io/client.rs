//! One kept-alive HTTP connection to a peer (*shell*), over TLS where its entry says so: one exchange at a time, on the caller's thread.
//!
//! A connection is opened by the first exchange and used again by the next. After a timeout or an error it is
//! closed. An exchange that fails on a used connection before its answer begins is tried once more on a new
//! one: the peer may just have closed the old one, and every request may be repeated.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::tls::{Connector, HandshakeError};
use crate::limits::MAX_ANSWER;
use crate::outbox::Recall;
use crate::wire::auth::Credentials;

/// Where a peer listens and what it wants to see.
#[derive(Clone, Debug)]
pub struct Target {
    /// Address and port of its `url`.
    pub address: SocketAddr,
    /// The credentials that its entry holds.
    pub credentials: Option<Credentials>,
    /// How to shake hands with it; `None`: HTTP without TLS.
    pub tls: Option<Connector>,
}

/// Why an exchange gave no answer. The partner or the way to it is to blame; it may be tried again later.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// No connection.
    #[error("cannot connect to {0}: {1}")]
    Connect(SocketAddr, io::Error),
    /// TLS: it or its certificate is not to be believed, or it does not believe us.
    #[error("the TLS handshake with {0} failed: {1}")]
    Handshake(SocketAddr, HandshakeError),
    /// No answer in time: its outcome is unknown.
    #[error("no answer from {0} within {1:?}")]
    TimedOut(SocketAddr, Duration),
    /// The connection broke, or what came over it is no HTTP answer.
    #[error("the connection to {0} failed: {reason}", reason = whole(.1.as_ref()))]
    Broken(SocketAddr, Box<dyn std::error::Error + Send + Sync>),
    /// Nobody waits for it any more: the partner learns by a synchronisation what it would have said.
    #[error("the request to {0} was given up: the partner is to synchronise")]
    Recalled(SocketAddr),
    /// We are being stopped.
    #[error("stopped while waiting for {0}")]
    Stopped(SocketAddr),
}

/// Says to every connection that it shall give up.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// Gives the signal of a [`Stop`]; dropping it does so, too.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

impl Stopper {
    /// A signal and its first listener.
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(receiver))
    }

    /// Gives the signal.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Waits for the signal.
    pub async fn wait(&mut self) {
        let _ = self.0.wait_for(|stopped| *stopped).await;
    }

    /// Whether it was given.
    pub fn is_given(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }
}

/// One connection to one peer.
#[derive(Debug)]
pub struct Connection {
    runtime: Runtime,
    link: Link,
    stop: Stop,
}

#[derive(Debug)]
struct Link {
    target: Target,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    sender: SendRequest<Full<Bytes>>,
    task: JoinHandle<()>,
}

impl Connection {
    /// A connection that is opened when it is first needed. Fails if the system gives no event queue.
    pub fn new(target: Target, stop: Stop) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, link: Link { target, open: None }, stop })
    }

    /// Sends `body` and returns the body of the answer, whatever its status.
    pub fn exchange(&mut self, body: String, timeout: Duration) -> Result<Bytes, ExchangeError> {
        self.exchange_until(std::future::pending(), body, timeout)
    }

    /// As [`Self::exchange`], given up with its connection once it is recalled: what did not arrive until then does not
    /// arrive later.
    pub fn exchange_unless(
        &mut self,
        mut recall: Recall,
        body: String,
        timeout: Duration,
    ) -> Result<Bytes, ExchangeError> {
        self.exchange_until(async move { recall.wait().await }, body, timeout)
    }

    fn exchange_until(
        &mut self,
        recalled: impl Future<Output = ()>,
        body: String,
        timeout: Duration,
    ) -> Result<Bytes, ExchangeError> {
        let Self { runtime, link, stop } = self;
        let address = link.target.address;
        let result = runtime.block_on(async {
            let deadline = tokio::time::Instant::now() + timeout;
            let result = tokio::select! {
                // What is recalled before it was sent is not sent.
                biased;
                () = stop.wait() => Err(ExchangeError::Stopped(address)),
                () = recalled => Err(ExchangeError::Recalled(address)),
                result = tokio::time::timeout_at(deadline, link.exchange(body.into())) => {
                    result.unwrap_or(Err(ExchangeError::TimedOut(address, timeout)))
                }
            };
            // A process that was stopped meanwhile finds both, the answer and that its time is over.
            let late = tokio::time::Instant::now() > deadline;
            if late { Err(ExchangeError::TimedOut(address, timeout)) } else { result }
        });
        if result.is_err() {
            self.close();
        }
        result
    }

    /// Closes the connection at once.
    pub fn close(&mut self) {
        if self.link.open.take().is_some() {
            // The task ends, and with it the socket, when its runtime looks at it.
            self.runtime.block_on(tokio::task::yield_now());
        }
    }
}

impl Link {
    async fn exchange(&mut self, body: Bytes) -> Result<Bytes, ExchangeError> {
        // Lets the connection see that the peer closed it meanwhile.
        tokio::task::yield_now().await;
        self.open.take_if(|open| open.sender.is_closed());
        let used = self.open.is_some();
        let answer = match self.send(body.clone()).await {
            Err(ExchangeError::Broken(..)) if used => {
                self.open = None;
                self.send(body).await?
            }
            result => result?,
        };
        let whole = Limited::new(answer, MAX_ANSWER).collect().await;
        Ok(whole.map_err(|why| ExchangeError::Broken(self.target.address, why))?.to_bytes())
    }

    async fn send(&mut self, body: Bytes) -> Result<Incoming, ExchangeError> {
        let request = self.target.request(body);
        let address = self.target.address;
        let open = match &mut self.open {
            Some(open) => open,
            closed => closed.insert(Open::to(&self.target).await?),
        };
        let broken = |why: hyper::Error| match HandshakeError::behind(&why) {
            Some(refusal) => ExchangeError::Handshake(address, refusal),
            None => ExchangeError::Broken(address, why.into()),
        };
        open.sender.ready().await.map_err(broken)?;
        open.sender.send_request(request).await.map(Response::into_body).map_err(broken)
    }
}

impl Open {
    async fn to(Target { address, tls, .. }: &Target) -> Result<Self, ExchangeError> {
        let address = *address;
        let refused = |why| ExchangeError::Connect(address, why);
        let stream = TcpStream::connect(address).await.map_err(refused)?;
        stream.set_nodelay(true).map_err(refused)?;
        // Whatever way it is closed, by the system included when the process dies: what was not sent yet is thrown
        // away. Else it would be sent on for minutes, and an update that was given up could overtake newer ones.
        stream.set_zero_linger().map_err(refused)?;
        match tls {
            None => Self::over(address, stream).await,
            Some(tls) => {
                let failed = |why| ExchangeError::Handshake(address, why);
                Self::over(address, tls.connect(stream).await.map_err(failed)?).await
            }
        }
    }

    async fn over<S>(address: SocketAddr, stream: S) -> Result<Self, ExchangeError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = Builder::new()
            .title_case_headers(true)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|why| ExchangeError::Broken(address, why.into()))?;
        let task = tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Self { sender, task })
    }
}

/// An error with all that caused it: hyper's own words leave the cause out.
fn whole(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Target {
    /// The request with Kea's headers in Kea's order; `Host` has no port.
    fn request(&self, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::post("/").header(HOST, self.address.ip().to_string());
        if let Some(credentials) = &self.credentials {
            request = request.header(AUTHORIZATION, credentials.header());
        }
        request
            .header(CONTENT_LENGTH, body.len())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .expect("an address and base64 text are header values")
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use super::*;
    use crate::outbox::Recalls;

    fn connection() -> (TcpListener, Stopper, Connection) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stopper, stop) = Stopper::new();
        let target = Target { address, credentials: None, tls: None };
        let connection = Connection::new(target, stop).unwrap();
        (listener, stopper, connection)
    }

    /// Nothing is left with the system of what was asked over this connection.
    fn assert_taken_along(listener: &TcpListener) {
        let mut peer = listener.accept().unwrap().0;
        let end = peer.read_to_end(&mut Vec::new());
        assert_eq!(end.map_err(|why| why.kind()), Err(io::ErrorKind::ConnectionReset));
    }

    /// A request that was given up does not arrive later.
    #[test]
    fn a_connection_that_is_given_up_takes_its_request_along() {
        let (listener, _stopper, mut connection) = connection();
        let asked = connection.exchange("{}".to_owned(), Duration::from_millis(50));
        assert!(matches!(asked, Err(ExchangeError::TimedOut(..))), "{asked:?}");
        assert_taken_along(&listener);
    }

    #[test]
    fn a_request_that_is_recalled_ends_at_once_and_takes_its_connection_along() {
        let (listener, _stopper, mut connection) = connection();
        let recalls = Recalls::default();
        let recall = recalls.watch();
        let long = Duration::from_secs(3600);
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let asked = connection.exchange_unless(recall, "{}".to_owned(), long);
                assert!(matches!(asked, Err(ExchangeError::Recalled(..))), "{asked:?}");
            });
            let peer = listener.accept().unwrap().0;
            assert!((&peer).read(&mut [0; 16]).unwrap() > 0, "it is under way");
            recalls.give();
            asking.join().unwrap();
            let end = (&peer).read_to_end(&mut Vec::new());
            assert_eq!(end.map_err(|why| why.kind()), Err(io::ErrorKind::ConnectionReset));
        });
        let recall = recalls.watch();
        recalls.give();
        let asked = connection.exchange_unless(recall, "{}".to_owned(), long);
        assert!(matches!(asked, Err(ExchangeError::Recalled(..))), "not even sent: {asked:?}");
    }
}
