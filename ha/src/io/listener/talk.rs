//! The conversation over one connection (*shell*): requests are read, answered and, where they cannot be read or do
//! not come to their end, refused in Kea's words.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use engine::stats::Counter;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, WWW_AUTHENTICATE};
use hyper::server::conn::http1::{Builder, Connection};
use hyper::service::{HttpService, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::OwnedSemaphorePermit;

use super::deadline::{Phase, Progress, Watched};
use super::reply::{self, Reply};
use super::{Manners, Place, Shared};
use crate::limits::{ANSWER_PIECE, FAREWELL, FAREWELL_BYTES, LARGE_REQUEST, MAX_HEAD, MAX_REQUEST};
use crate::wire::date::rfc1123;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Serves requests until the connection ends, breaks, or takes too long.
pub(super) async fn talk<S>(stream: S, place: &Place, progress: Progress)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let shared = &place.shared;
    let watched = Watched::new(stream, progress.clone());
    let service = service_fn(|request| serve(request, place, &progress));
    let mut http = Builder::new()
        .max_buf_size(MAX_HEAD)
        .half_close(true)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(watched), service);
    let refusal = tokio::select! {
        ended = &mut http => match ended {
            Ok(()) => None,
            Err(why) if why.is_parse() => {
                shared.stats.count(Counter::HaBadRequest);
                Some((Reply::bad_request(), UNKNOWN))
            }
            Err(_) => {
                shared.stats.count(Counter::HaBroken);
                None
            }
        },
        () = progress.too_slow() => {
            shared.stats.count(Counter::HaTimedOut);
            match progress.phase() {
                // Kea tells it even to who has said nothing yet.
                Phase::New => Some((Reply::timed_out(), UNKNOWN)),
                Phase::Reading => Some((Reply::timed_out(), "HTTP/1.1")),
                Phase::Answering | Phase::Idle => None,
            }
        }
    };
    if let Some((refusal, version)) = refusal {
        part(http, raw(&refusal, version, shared.now_s())).await;
    }
}

/// Kea's version of HTTP towards a client whose own it does not know. (After a good first line it says 1.1; which line
/// was bad is not known here.)
const UNKNOWN: &str = "HTTP/1.0";

/// Says why a connection is closed, and reads for a moment what may still come: what is unread when a socket is
/// closed makes the kernel send a reset, which can overtake the answer.
async fn part<S, H>(http: Connection<TokioIo<Watched<S>>, H>, answer: String)
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: HttpService<Incoming>,
    H::Error: Into<Failure>,
    H::ResBody: Body + 'static,
    <H::ResBody as Body>::Error: Into<Failure>,
{
    let mut stream = http.into_parts().io.into_inner().stream;
    let farewell = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(FAREWELL_BYTES), &mut tokio::io::sink()).await
    };
    // It is closed however this ends.
    let _ = tokio::time::timeout(FAREWELL, farewell).await;
}

async fn serve(
    request: Request<Incoming>,
    place: &Place,
    progress: &Progress,
) -> Result<Response<Pieces>, Failure> {
    let shared = &place.shared;
    let (head, body) = request.into_parts();
    let mut permit = None;
    let reply = if reply::head_is_good(&head.method, &head.headers) {
        let body = Limited::new(body, MAX_REQUEST).collect().await;
        match body {
            Ok(body) => {
                progress.enter(Phase::Answering);
                let answered = answer(head.headers, body.to_bytes(), place).await?;
                permit = answered.1;
                answered.0
            }
            Err(why) if why.is::<http_body_util::LengthLimitError>() => Reply::bad_request(),
            Err(why) => return Err(why),
        }
    } else {
        Reply::bad_request()
    };
    progress.enter(Phase::Idle);
    if let Some(counter) = refusal(reply.status) {
        shared.stats.count(counter);
    }
    let now_s = shared.now_s();
    Ok(shared.settings.look(|settings| response(reply, permit, now_s, &settings.manners)))
}

/// What a long command is answered, and the room that it takes until that is read.
type Answered = (Reply, Option<OwnedSemaphorePermit>);

/// Runs a request's command: here if it is over at once, else on a thread of its own.
async fn answer(headers: HeaderMap, body: Bytes, place: &Place) -> Result<Answered, Failure> {
    let shared = &place.shared;
    if body.len() > LARGE_REQUEST {
        return apart(place, move |shared| {
            let checked = shared.check(&headers, &body);
            match checked {
                Ok(request) => reply::run(&request, &shared.registry),
                Err(refusal) => refusal,
            }
        })
        .await;
    }
    match shared.check(&headers, &body) {
        Err(refusal) => Ok((refusal, None)),
        Ok(request) if reply::is_long(&request) => {
            apart(place, move |shared| reply::run(&request, &shared.registry)).await
        }
        Ok(request) => Ok((reply::run(&request, &shared.registry), None)),
    }
}

impl Shared {
    fn check(&self, headers: &HeaderMap, body: &[u8]) -> Result<Value, Reply> {
        self.settings.look(|settings| reply::check(&settings.rules, headers, body))
    }
}

/// Does something on a thread of its own, when there is room for it.
async fn apart(
    place: &Place,
    work: impl FnOnce(&Shared) -> Reply + Send + 'static,
) -> Result<Answered, Failure> {
    let shared = Arc::clone(&place.shared);
    let room = Arc::clone(&shared.long[usize::from(place.stranger)]);
    let permit = room.acquire_owned().await?;
    // Who asked may be gone meanwhile: the room is taken until the work is done, and the answer read.
    let work = move || (work(&shared), Some(permit));
    Ok(tokio::task::spawn_blocking(work).await?)
}

/// What a refused request counts as.
fn refusal(status: u16) -> Option<Counter> {
    match status {
        400 => Some(Counter::HaBadRequest),
        401 => Some(Counter::HaUnauthorized),
        403 => Some(Counter::HaForbidden),
        _ => None,
    }
}

/// The response with Kea's headers in Kea's order.
fn response(
    reply: Reply,
    permit: Option<OwnedSemaphorePermit>,
    now_s: u64,
    manners: &Manners,
) -> Response<Pieces> {
    let mut response = Response::builder()
        .status(reply.status)
        .header(CONTENT_LENGTH, reply.body.len())
        .header(CONTENT_TYPE, "application/json")
        .header(DATE, rfc1123(now_s));
    if reply.status == 401 {
        let realm = &manners.realm;
        response = response.header(WWW_AUTHENTICATE, format!("Basic realm=\"{realm}\""));
    }
    for (name, value) in &manners.headers {
        response = response.header(name, value);
    }
    let body = Pieces(Bytes::from_owner(Kept { text: reply.body, _permit: permit }));
    response.body(body).expect("the headers were checked with the configuration")
}

/// The text of a body, which takes the room of a long command for as long as any of it is to be read.
struct Kept {
    text: String,
    _permit: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

/// A body that goes to hyper in pieces: given whole it is copied at one go, and all connections of the thread wait.
#[derive(Debug)]
struct Pieces(Bytes);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = self.0.len().min(ANSWER_PIECE);
        let piece = self.0.split_to(length);
        Poll::Ready((!piece.is_empty()).then(|| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.len() as u64)
    }
}

/// The same as text, for a connection that is no longer HTTP's.
fn raw(reply: &Reply, version: &str, now_s: u64) -> String {
    let Reply { status, body } = reply;
    let (reason, length, date) = (reply.reason(), body.len(), rfc1123(now_s));
    format!(
        "{version} {status} {reason}\r\nContent-Length: {length}\r\n\
         Content-Type: application/json\r\nDate: {date}\r\n\r\n{body}"
    )
}
