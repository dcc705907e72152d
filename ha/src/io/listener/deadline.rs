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
            let Some(deadline) = self.deadline() else {
                self.changed.notified().await;
                continue;
            };
            if Instant::now() >= deadline {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep_until(deadline) => {}
                () = self.changed.notified() => {}
            }
        }
    }

    /// None while it is we who take our time.
    fn deadline(&self) -> Option<Instant> {
        let (phase, since) = *self.phase.lock();
        match phase {
            Phase::New | Phase::Reading => Some(since + self.patience.request),
            Phase::Answering => None,
            Phase::Idle => Some(since + self.patience.idle),
        }
    }

    fn bytes_came(&self) {
        if matches!(self.phase(), Phase::New | Phase::Idle) {
            self.enter(Phase::Reading);
        }
    }

    /// A long answer may take as long as it is being read.
    fn bytes_went(&self) {
        let mut phase = self.phase.lock();
        if phase.0 == Phase::Idle {
            // Who waits for the earlier deadline looks again when it comes.
            phase.1 = Instant::now();
        }
    }
}

/// A stream that tells its [`Progress`] when a request begins, and keeps back what hyper would say of a request
/// that it cannot read: the listener has words of its own for that.
#[derive(Debug)]
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) progress: Progress,
    /// Something was kept back: the stream stays open for what is said instead.
    refused: bool,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, progress: Progress) -> Self {
        Self { stream, progress, refused: false }
    }
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
        let wanted = before_refusal(bytes);
        if wanted.is_empty() {
            self.refused = !bytes.is_empty();
            return Poll::Ready(Ok(bytes.len()));
        }
        let polled = Pin::new(&mut self.stream).poll_write(cx, wanted);
        if matches!(polled, Poll::Ready(Ok(_))) {
            self.progress.bytes_went();
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.refused {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// What comes before hyper's own refusal, which stands last and, unlike every answer of ours, has no body.
fn before_refusal(bytes: &[u8]) -> &[u8] {
    if !bytes.ends_with(b"\r\n\r\n") {
        return bytes;
    }
    let last = bytes.windows(7).rposition(|window| window == b"HTTP/1.");
    let refusal = last.filter(|at| {
        let head = &bytes[*at..];
        head.windows(EMPTY.len()).any(|window| window == EMPTY)
    });
    &bytes[..refusal.unwrap_or(bytes.len())]
}

const EMPTY: &[u8] = b"\r\nContent-Length: 0\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_without_body_is_kept_back() {
        let refusal = "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\n\r\n";
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]";
        let odd =
            "HTTP/1.1 200 OK\r\nContent-Length: 29\r\n\r\n\"HTTP/1.1 Content-Length: 0\"\r\n\r\n";
        for (written, sent) in [
            (refusal.to_owned(), ""),
            (answer.to_owned(), answer),
            (format!("{answer}{refusal}"), answer),
            (odd.to_owned(), odd),
            (String::new(), ""),
        ] {
            assert_eq!(before_refusal(written.as_bytes()), sent.as_bytes(), "{written}");
        }
    }
}
