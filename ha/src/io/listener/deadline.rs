//! How long a connection may take (*shell*): a stream that notes when a request begins, and the moment at which
//! the connection has to end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use engine::sync::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::limits::{IDLE_TIMEOUT, REQUEST_READ_TIMEOUT};

/// How long the listener waits for its clients.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a whole request, from its first byte or the start of the connection; and for a TLS handshake.
    pub request: Duration,
    /// For the next request.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { request: REQUEST_READ_TIMEOUT, idle: IDLE_TIMEOUT }
    }
}

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Open, and nothing came yet; with TLS, the handshake is under way or just done.
    New,
    /// A part of a request came.
    Reading,
    /// A request is whole and its answer is not.
    Answering,
    /// The last request is answered.
    Idle,
}

/// The phase of a connection and when it began.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    phase: Arc<Mutex<(Phase, Instant)>>,
    changed: Arc<Notify>,
    patience: Patience,
}

impl Progress {
    pub(super) fn new(patience: Patience) -> Self {
        let phase = Arc::new(Mutex::new((Phase::New, Instant::now())));
        Self { phase, changed: Arc::default(), patience }
    }

    pub(super) fn enter(&self, phase: Phase) {
        *self.phase.lock() = (phase, Instant::now());
        self.changed.notify_one();
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.lock().0
    }

    /// Waits until the connection has been in one phase for too long.
    pub(super) async fn too_slow(&self) {
        loop {
            let deadline = self.deadline();
            if Instant::now() >= deadline {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    fn deadline(&self) -> Instant {
        let (phase, since) = *self.phase.lock();
        match phase {
            Phase::New | Phase::Reading => since + self.patience.request,
            Phase::Answering | Phase::Idle => since + self.patience.idle,
        }
    }

    fn bytes_came(&self) {
        if matches!(self.phase(), Phase::New | Phase::Idle) {
            self.enter(Phase::Reading);
        }
    }
}

/// A stream that tells its [`Progress`] when a request begins.
#[derive(Debug)]
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) progress: Progress,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.progress.bytes_came();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
