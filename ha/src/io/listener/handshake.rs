//! The TLS handshake of a connection (*shell*): bounded in time, and told sparingly when it fails.

use std::net::SocketAddr;

use engine::clock::Mono;
use engine::log;
use engine::sync::Mutex;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::deadline::Progress;
use crate::io::tls::{Acceptor, HandshakeError};
use crate::limits::{MAX_REFUSAL_LINES, REFUSAL_WINDOW};

/// Why a connection got no further.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The other side is to blame.
    #[error("{0}")]
    Failed(HandshakeError, TcpStream),
    /// The other side is slow or silent.
    #[error("it took too long")]
    TooSlow,
}

/// Shakes hands within the time for a request.
pub(super) async fn shake(
    tls: &Acceptor,
    stream: TcpStream,
    progress: &Progress,
) -> Result<TlsStream<TcpStream>, Refusal> {
    tokio::select! {
        shaken = tls.accept(stream) => shaken.map_err(|(why, stream)| Refusal::Failed(why, stream)),
        () = progress.too_slow() => Err(Refusal::TooSlow),
    }
}

/// What was told of failed handshakes lately: whoever knocks often must not fill the log.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    since: Option<Mono>,
    lines: u32,
    untold: u64,
}

impl Refusals {
    /// Logs that the handshake with `from` failed, or counts it if too many were logged just now.
    pub(super) fn tell(&self, from: SocketAddr, why: &Refusal, now: Mono) {
        if let Some(untold) = self.0.lock().take_line(now) {
            let others = match untold {
                0 => String::new(),
                number => format!(" (and {number} others before, not told)"),
            };
            log!(
                HTTP_CONNECTION_HANDSHAKE_FAILED,
                "TLS handshake with {from} failed: {why}{others}"
            );
        }
    }
}

impl Window {
    /// Whether a line may be written now, and how many were not since the last one.
    fn take_line(&mut self, now: Mono) -> Option<u64> {
        if self.since.is_none_or(|since| now.since(since) >= REFUSAL_WINDOW) {
            (self.since, self.lines) = (Some(now), 0);
        }
        if self.lines == MAX_REFUSAL_LINES {
            self.untold += 1;
            return None;
        }
        self.lines += 1;
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_failures_fills_no_log() {
        let mut window = Window::default();
        let at = |ms| Mono::default() + std::time::Duration::from_millis(ms);
        let told = (0..1_000).filter(|ms| window.take_line(at(*ms)).is_some()).count();
        assert_eq!(told, MAX_REFUSAL_LINES as usize);
        assert_eq!(window.take_line(at(10_000)), Some(1_000 - u64::from(MAX_REFUSAL_LINES)));
        assert_eq!(window.take_line(at(10_001)), Some(0));
    }
}
