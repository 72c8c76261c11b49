//! The stream that pingora is handed: for an HTTP/1 request it yields the bytes of the body and no more. Bytes that
//! follow stay in the edge's buffer, and the socket returns to the edge when the request ends.

use std::fmt;
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use ::wire::BodyScanner;
use async_trait::async_trait;
use pingora::protocols::raw_connect::ProxyDigest;
use pingora::protocols::{
    ALPN, GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl, TimingDigest,
    UniqueID, UniqueIDType,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use super::client_connection::{BodyFault, ClientConnection};
use super::flood::{Flood, FloodWatch};
use super::http2_preface::PREFACE;
use super::socket::BufferedSocket;

/// Maximum of bytes that are read beyond a request before it is answered.
const MAX_BUFFERED_BYTES: usize = 64 * 1024;
/// Time for the rest of a body after its request was answered.
const REST_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection as pingora holds it for one HTTP/1 request, or for a whole HTTP/2 connection. Dropping it returns the
/// socket to the edge.
pub(super) struct PingoraStream {
    /// Present until the stream is dropped.
    socket: Option<BufferedSocket>,
    mode: ReadMode,
    connection: Arc<ClientConnection>,
    digest: Option<Arc<ProxyDigest>>,
    /// Time for the body of an HTTP/1 request, or for an HTTP/2 request head.
    limit: Duration,
    /// The deadline, set by the first read that has to wait.
    deadline: Option<Pin<Box<Sleep>>>,
    /// True once the deadline was shortened because the request is answered.
    is_deadline_shortened: bool,
    /// True while the client takes none of the bytes written to it.
    is_stalled: bool,
    back: Option<oneshot::Sender<ReturnedSocket>>,
}

/// A connection after a request.
pub(super) struct ReturnedSocket {
    pub(super) socket: BufferedSocket,
    /// True if the whole body of the request was read.
    pub(super) is_body_done: bool,
}

/// The bytes that reads return.
enum ReadMode {
    /// The body of an HTTP/1 request.
    Body(BodyScanner),
    /// All bytes, after a switch of protocols.
    Switched,
    /// HTTP/2 frames.
    Http2(FloodWatch),
}

impl PingoraStream {
    /// Creates the stream of an HTTP/1 request with `body`, and the receiver that gets the socket back.
    pub(super) fn for_request(
        socket: BufferedSocket,
        body: BodyScanner,
        connection: &Arc<ClientConnection>,
        digest: Option<Arc<ProxyDigest>>,
        body_timeout: Duration,
    ) -> (Self, oneshot::Receiver<ReturnedSocket>) {
        let (back, returned) = oneshot::channel();
        let stream = Self {
            socket: Some(socket),
            mode: ReadMode::Body(body),
            connection: Arc::clone(connection),
            digest,
            limit: body_timeout,
            deadline: None,
            is_deadline_shortened: false,
            is_stalled: false,
            back: Some(back),
        };
        (stream, returned)
    }

    /// Polls the deadline of the body. Returns the error of the read once it has passed.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let limit = self.limit;
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(limit)));
        if self.connection.is_answered() && !self.is_deadline_shortened {
            self.is_deadline_shortened = true;
            // Answered while the body still arrives: it is read only so that the connection can be kept.
            let soon = tokio::time::Instant::now() + REST_TIMEOUT;
            if soon < deadline.deadline() {
                deadline.as_mut().reset(soon);
            }
        }
        ready!(deadline.as_mut().poll(cx));
        self.connection.set_fault(BodyFault::Late);
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }

    /// Fails the read when an HTTP/2 request head is incomplete for too long; `read` is the result so far.
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
        // Polled even if the read is ready, so that bytes sent one at a time do not extend the deadline.
        if deadline.as_mut().poll(cx).is_pending() {
            return read;
        }
        self.connection.set_flood(Flood::SlowHead);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Creates the stream of an HTTP/2 connection.
    pub(super) fn for_http2(
        socket: BufferedSocket,
        connection: &Arc<ClientConnection>,
        head_timeout: Duration,
    ) -> Self {
        Self {
            socket: Some(socket),
            mode: ReadMode::Http2(FloodWatch::new(PREFACE.len(), Instant::now())),
            connection: Arc::clone(connection),
            digest: connection.digest(),
            limit: head_timeout,
            deadline: None,
            is_deadline_shortened: false,
            is_stalled: false,
            back: None,
        }
    }

    /// Records whether the client takes what is written to it. HTTP/2 has a window for each stream instead.
    fn set_stalled(&mut self, is_stalled: bool) {
        if self.is_stalled != is_stalled && !matches!(self.mode, ReadMode::Http2(_)) {
            self.is_stalled = is_stalled;
            self.connection.served_request.set_stalled(is_stalled);
        }
    }

    fn socket(&mut self) -> io::Result<&mut BufferedSocket> {
        self.socket
            .as_mut()
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for PingoraStream {
    fn drop(&mut self) {
        let (Some(socket), Some(back)) = (self.socket.take(), self.back.take()) else {
            return;
        };
        let is_body_done = matches!(&self.mode, ReadMode::Body(body) if body.is_done());
        // The receiver is gone when the connection's task itself is being dropped.
        let _ = back.send(ReturnedSocket { socket, is_body_done });
    }
}

impl AsyncRead for PingoraStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        // Set by the response filter of this request, after the stream was created.
        if this.connection.is_switched() {
            this.mode = ReadMode::Switched;
        }
        let Some(socket) = &mut this.socket else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        match &mut this.mode {
            ReadMode::Switched => socket.poll_read(cx, space),
            ReadMode::Http2(watch) => {
                let read = poll_frames(socket, watch, &this.connection, cx, space);
                let in_head = watch.is_in_head();
                this.poll_head_deadline(cx, read, in_head)
            }
            // pingora reads on after the body to notice that the client closes the connection.
            ReadMode::Body(body) if body.is_done() => poll_next_request(socket, cx),
            ReadMode::Body(body) => match poll_body(socket, body, &this.connection, cx, space) {
                Poll::Pending => this.poll_deadline(cx).map(Err),
                ready => ready,
            },
        }
    }
}

/// Reads HTTP/2 frames, and fails when they are a flood.
fn poll_frames(
    socket: &mut BufferedSocket,
    watch: &mut FloodWatch,
    connection: &ClientConnection,
    cx: &mut Context<'_>,
    space: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    let before = space.filled().len();
    ready!(socket.poll_read(cx, space))?;
    let read = space.filled().get(before..).unwrap_or_default();
    // Frames are judged before the HTTP layer sees them, so a flood costs no work beyond its read.
    let flood = watch.record_read(read, Instant::now());
    if let Some(streams) = &connection.streams {
        streams.set_begun(watch.requests());
    }
    let Some(flood) = flood else {
        return Poll::Ready(Ok(()));
    };
    connection.set_flood(flood);
    space.set_filled(before);
    Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
}

/// Reads available bytes of the body, and puts bytes that follow it back into the buffer.
fn poll_body(
    socket: &mut BufferedSocket,
    body: &mut BodyScanner,
    connection: &ClientConnection,
    cx: &mut Context<'_>,
    space: &mut ReadBuf<'_>,
) -> Poll<io::Result<()>> {
    let before = space.filled().len();
    let had_buffered = !socket.buffer.is_empty();
    ready!(socket.poll_read(cx, space))?;
    let read = space.filled().get(before..).unwrap_or_default();
    let taken = match body.take(read) {
        Ok(taken) => taken,
        Err(why) => {
            connection.set_fault(BodyFault::Invalid(why));
            space.set_filled(before);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, why)));
        }
    };
    let beyond = read.get(taken..).unwrap_or_default();
    if !beyond.is_empty() {
        // Bytes that remained in the buffer come after those just taken from it, so they are put back behind.
        let rest = had_buffered.then(|| socket.buffer.split());
        socket.buffer.extend_from_slice(beyond);
        socket
            .buffer
            .extend_from_slice(rest.as_deref().unwrap_or_default());
        space.set_filled(before + taken);
    }
    Poll::Ready(Ok(()))
}

/// Reads the bytes of the next request into the buffer. pingora only learns from this if the client closed the
/// connection.
fn poll_next_request(socket: &mut BufferedSocket, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    while socket.buffer.len() < MAX_BUFFERED_BYTES {
        if ready!(socket.poll_fill_buffer(cx))? == 0 {
            return Poll::Ready(Ok(()));
        }
    }
    // The buffer is full. No waker is needed: the end of the current request polls again.
    Poll::Pending
}

impl AsyncWrite for PingoraStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.socket()?.writer().poll_write(cx, bytes);
        self.set_stalled(written.is_pending());
        let written = ready!(written)?;
        if let ReadMode::Http2(watch) = &mut self.mode {
            watch.record_written(bytes.get(..written).unwrap_or_default());
        }
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.socket()?.writer().poll_flush(cx);
        self.set_stalled(flushed.is_pending());
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.connection.is_kept() {
            return self.poll_flush(cx);
        }
        self.socket()?.writer().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.socket()?.writer().poll_write_vectored(cx, bytes);
        self.set_stalled(written.is_pending());
        let written = ready!(written)?;
        if let ReadMode::Http2(watch) = &mut self.mode {
            let mut left = written;
            for part in bytes {
                let length = part.len().min(left);
                watch.record_written(part.get(..length).unwrap_or_default());
                left -= length;
            }
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.socket
            .as_ref()
            .is_some_and(|socket| socket.inner().is_write_vectored())
    }
}

#[async_trait]
impl Shutdown for PingoraStream {
    async fn shutdown(&mut self) {
        if self.connection.is_kept() {
            return;
        }
        if let Some(socket) = &mut self.socket {
            socket.inner_mut().shutdown().await;
        }
    }
}

impl UniqueID for PingoraStream {
    fn id(&self) -> UniqueIDType {
        self.socket
            .as_ref()
            .map_or(0, |socket| socket.inner().stream().id())
    }
}

impl Ssl for PingoraStream {
    fn selected_alpn_proto(&self) -> Option<ALPN> {
        match &self.mode {
            ReadMode::Http2(_) => Some(ALPN::H2),
            ReadMode::Switched | ReadMode::Body(_) => None,
        }
    }
}

impl GetTimingDigest for PingoraStream {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl GetProxyDigest for PingoraStream {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        self.digest.clone()
    }
}

impl GetSocketDigest for PingoraStream {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        Some(Arc::clone(&self.connection.socket_digest))
    }
}

impl Peek for PingoraStream {}

impl fmt::Debug for PingoraStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PingoraStream")
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}
