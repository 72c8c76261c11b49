//! The connection as pingora sees it while it serves one request: it reads the body and nothing after it.
//! What the client sends beyond stays with the edge, and so does the connection when the request is over.

use std::fmt;
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use ::wire::Body;
use async_trait::async_trait;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest,
    UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use super::arrival::{Arrival, BodyFault};
use super::flood::{Flood, FloodWatch};
use super::http2::PREFACE;
use super::line::Line;

/// The most that is read of what follows a request before it is answered, in bytes.
const MAX_AHEAD: usize = 64 * 1024;
/// How long the rest of a body may take after its request was answered.
const REST_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection for the time of one request. When this is dropped, the connection goes back to the edge.
pub(super) struct Exchange {
    /// There until it is dropped.
    line: Option<Line>,
    mode: Mode,
    arrival: Arc<Arrival>,
    digest: Option<Arc<ProxyDigest>>,
    /// How long what is under way may take: the body of a request, the head of one of HTTP/2.
    limit: Duration,
    /// When it has to have come. There once something of it was waited for.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Whether the deadline is that of a body that nobody needs any more.
    hastened: bool,
    /// Whether the client takes nothing of what is written to it.
    is_stalled: bool,
    back: Option<oneshot::Sender<Returned>>,
}

/// A connection that a request has done with.
pub(super) struct Returned {
    pub(super) line: Line,
    /// Whether all of the request's body was read.
    pub(super) body_done: bool,
}

/// What is read.
enum Mode {
    /// The body of an HTTP/1 request.
    Body(Body),
    /// Everything: what follows a switch of protocols.
    Switched,
    /// The frames of HTTP/2.
    Http2(FloodWatch),
}

impl Exchange {
    /// The view of an HTTP/1 request with this body, and where the connection comes back.
    pub(super) fn of_request(
        line: Line,
        body: Body,
        arrival: &Arc<Arrival>,
        digest: Option<Arc<ProxyDigest>>,
        body_timeout: Duration,
    ) -> (Self, oneshot::Receiver<Returned>) {
        let (back, returned) = oneshot::channel();
        let exchange = Self {
            line: Some(line),
            mode: Mode::Body(body),
            arrival: Arc::clone(arrival),
            digest,
            limit: body_timeout,
            deadline: None,
            hastened: false,
            is_stalled: false,
            back: Some(back),
        };
        (exchange, returned)
    }

    /// Waits for the end of the time that the body has; the error is what is wrong then.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let limit = self.limit;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(limit)));
        if self.arrival.is_hastened() && !self.hastened {
            self.hastened = true;
            let soon = tokio::time::Instant::now() + REST_TIMEOUT;
            if soon < deadline.deadline() {
                deadline.as_mut().reset(soon);
            }
        }
        ready!(deadline.as_mut().poll(cx));
        self.arrival.fail(BodyFault::Late);
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }

    /// Breaks the connection off when a head of HTTP/2 is under way for too long; `read` is what came of reading.
    fn poll_head_deadline(
        &mut self,
        cx: &mut Context<'_>,
        read: Poll<io::Result<()>>,
        in_head: bool,
    ) -> Poll<io::Result<()>> {
        if !in_head {
            self.deadline = None;
            return read;
        }
        let limit = self.limit;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(limit)));
        if deadline.as_mut().poll(cx).is_pending() {
            return read;
        }
        self.arrival.flooded(Flood::SlowHead);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// The view of a whole connection of HTTP/2.
    pub(super) fn of_connection(line: Line, arrival: &Arc<Arrival>, head_timeout: Duration) -> Self {
        Self {
            line: Some(line),
            mode: Mode::Http2(FloodWatch::new(PREFACE.len(), Instant::now())),
            arrival: Arc::clone(arrival),
            digest: arrival.digest(),
            limit: head_timeout,
            deadline: None,
            hastened: false,
            is_stalled: false,
            back: None,
        }
    }

    /// Notes whether the client takes what is written to it. Over HTTP/2 each stream has a window of its own.
    fn stalls(&mut self, is_stalled: bool) {
        if self.is_stalled != is_stalled && !matches!(self.mode, Mode::Http2(_)) {
            self.is_stalled = is_stalled;
            self.arrival.share.stalls(is_stalled);
        }
    }

    fn line(&mut self) -> io::Result<&mut Line> {
        self.line
            .as_mut()
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let (Some(line), Some(back)) = (self.line.take(), self.back.take()) else {
            return;
        };
        let body_done = matches!(&self.mode, Mode::Body(body) if body.is_done());
        // Nobody waits for it where the task itself is being dropped.
        let _ = back.send(Returned { line, body_done });
    }
}

impl AsyncRead for Exchange {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.arrival.is_switched() {
            this.mode = Mode::Switched;
        }
        let Some(line) = &mut this.line else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        match &mut this.mode {
            Mode::Switched => line.poll_read(cx, space),
            Mode::Http2(watch) => {
                let read = poll_frames(line, watch, &this.arrival, cx, space);
                let in_head = watch.is_in_head();
                this.poll_head_deadline(cx, read, in_head)
            }
            Mode::Body(body) if body.is_done() => poll_beyond(line, cx),
            Mode::Body(body) => match poll_body(line, body, &this.arrival, cx, space) {
                Poll::Pending => this.poll_deadline(cx).map(Err),
                ready => ready,
            },
        }
    }
}

/// Reads frames, unless they are a flood.
fn poll_frames(
    line: &mut Line,
    watch: &mut FloodWatch,
    arrival: &Arrival,
    cx: &mut Context<'_>,
    space: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    let before = space.filled().len();
    ready!(line.poll_read(cx, space))?;
    let read = space.filled().get(before..).unwrap_or_default();
    let flood = watch.read(read, Instant::now());
    if let Some(streams) = &arrival.streams {
        streams.begun(watch.requests());
    }
    let Some(flood) = flood else {
        return Poll::Ready(Ok(()));
    };
    arrival.flooded(flood);
    space.set_filled(before);
    Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
}

/// Reads of the body what is there, and keeps back what follows it.
fn poll_body(
    line: &mut Line,
    body: &mut Body,
    arrival: &Arrival,
    cx: &mut Context<'_>,
    space: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    let before = space.filled().len();
    let had_ahead = !line.ahead.is_empty();
    ready!(line.poll_read(cx, space))?;
    let read = space.filled().get(before..).unwrap_or_default();
    let taken = match body.take(read) {
        Ok(taken) => taken,
        Err(why) => {
            arrival.fail(BodyFault::Invalid(why));
            space.set_filled(before);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, why)));
        }
    };
    let beyond = read.get(taken..).unwrap_or_default();
    if !beyond.is_empty() {
        // What was read ahead already comes after what was just read of it.
        let rest = had_ahead.then(|| line.ahead.split());
        line.ahead.extend_from_slice(beyond);
        line.ahead.extend_from_slice(rest.as_deref().unwrap_or_default());
        space.set_filled(before + taken);
    }
    Poll::Ready(Ok(()))
}

/// Reads what follows the request, for the next one. pingora only sees whether the client is gone.
fn poll_beyond(line: &mut Line, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    while line.ahead.len() < MAX_AHEAD {
        if ready!(line.poll_ahead(cx))? == 0 {
            return Poll::Ready(Ok(()));
        }
    }
    // There is no more room, and nothing wakes this up but the end of the request.
    Poll::Pending
}

impl AsyncWrite for Exchange {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.line()?.writer().poll_write(cx, bytes);
        self.stalls(written.is_pending());
        let written = ready!(written)?;
        if let Mode::Http2(watch) = &mut self.mode {
            watch.wrote(bytes.get(..written).unwrap_or_default());
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.line()?.writer().poll_flush(cx);
        self.stalls(flushed.is_pending());
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.arrival.is_kept() {
            return self.poll_flush(cx);
        }
        self.line()?.writer().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.line()?.writer().poll_write_vectored(cx, bytes);
        self.stalls(written.is_pending());
        let written = ready!(written)?;
        if let Mode::Http2(watch) = &mut self.mode {
            let mut left = written;
            for part in bytes {
                let length = part.len().min(left);
                watch.wrote(part.get(..length).unwrap_or_default());
                left -= length;
            }
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.line
            .as_ref()
            .is_some_and(|line| line.socket().is_write_vectored())
    }
}

#[async_trait]
impl Shutdown for Exchange {
    async fn shutdown(&mut self) {
        if self.arrival.is_kept() {
            return;
        }
        if let Some(line) = &mut self.line {
            line.socket_mut().shutdown().await;
        }
    }
}

impl UniqueID for Exchange {
    fn id(&self) -> UniqueIDType {
        self.line.as_ref().map_or(0, |line| line.stream().id())
    }
}

impl Ssl for Exchange {
    fn selected_alpn_proto(&self) -> Option<ALPN> {
        match &self.mode {
            Mode::Http2(_) => Some(ALPN::H2),
            Mode::Switched | Mode::Body(_) => None,
        }
    }
}

impl GetTimingDigest for Exchange {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for Exchange {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.digest.clone()
    }
}

impl GetSocketDigest for Exchange {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(Arc::clone(&self.arrival.socket))
    }
}

impl Peek for Exchange {}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("arrival", &self.arrival)
            .finish_non_exhaustive()
    }
}
