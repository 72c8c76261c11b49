//! HTTP/2: the connection of a client, within the limits set here. Each request is a task of its own. A client that
//! exceeds a limit far beyond regular use loses its connection.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, ready};

use ::wire::{Framing, RequestHead};
use atomic_waker::AtomicWaker;
use bytes::Bytes;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream};
use http::Request;
use pingora::server::ShutdownWatch;
use tokio::time::Instant;

use super::client_connection::ClientConnection;
use super::frame_stream::FrameStream;
use super::limits::EdgeLimits;
use super::socket::BufferedSocket;
use super::{Edge, http2_head};
use crate::answer::AnswerCode;
use crate::engine::{self, Alarm, Arrival, Buffers, ClientSide, Http2StreamState};
use crate::request_context::RequestContext;
use crate::shared::Shared;
use crate::shares::EndSignal;

/// Concurrent streams of one connection.
const MAX_STREAMS: u32 = 100;
/// Bytes that a header field counts beside its name and value (RFC 9113 section 6.5.2).
const FIELD_OVERHEAD: usize = 32;
/// Flow-control window of one stream, in bytes.
const STREAM_WINDOW: u32 = 256 * 1024;
/// Flow-control window of a connection, in bytes.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Maximum of response bytes that are buffered for one stream.
const MAX_SEND_BUFFER: usize = 64 * 1024;
/// Reset streams that wait to be accepted (CVE-2023-44487).
const MAX_PENDING_RESETS: usize = 20;
/// Streams that the proxy resets because of protocol errors of the client (CVE-2025-8671).
const MAX_OWN_RESETS: usize = 256;

/// The requests in flight of one connection.
#[derive(Debug, Default)]
struct ActiveRequests {
    count: AtomicUsize,
    /// Wakes the connection when the last one ends.
    ended: AtomicWaker,
}

/// A request in flight. It counts until it is dropped.
#[derive(Debug)]
struct ActiveRequest(Arc<ActiveRequests>);

impl ActiveRequest {
    fn begin(active: &Arc<ActiveRequests>) -> Self {
        active.count.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(active))
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.ended.wake();
        }
    }
}

/// Serves an HTTP/2 connection until it ends, and counts the flood that ended it.
pub(super) async fn serve(
    edge: &Edge,
    socket: BufferedSocket,
    connection: &Arc<ClientConnection>,
    shutdown: ShutdownWatch,
) {
    serve_streams(edge, socket, connection, shutdown).await;
    if let Some(flood) = connection.flood() {
        edge.shared.metrics.connections.broken_off.count(flood.reason());
    }
}

async fn serve_streams(
    edge: &Edge,
    socket: BufferedSocket,
    connection: &Arc<ClientConnection>,
    mut shutdown: ShutdownWatch,
) {
    let stream = FrameStream::new(socket, connection);
    // A client that does not complete the handshake is gone; it has a deadline like a head.
    let Ok(mut streams) = options(&edge.limits).handshake::<_, Bytes>(stream).await else {
        return;
    };
    let active = Arc::<ActiveRequests>::default();
    let (mut alarm, mut idle_since) = (Alarm::default(), Instant::now());
    let mut close_deadline = None;
    let mut is_stopping = *shutdown.borrow();
    if is_stopping {
        streams.graceful_shutdown();
    }
    loop {
        let mut stopping = pin!(shutdown.changed());
        let accepted = poll_fn(|cx| {
            if !is_stopping && stopping.as_mut().poll(cx).is_ready() {
                is_stopping = true;
                // GOAWAY: the client opens no more streams, and those that are open end.
                streams.graceful_shutdown();
            }
            if let Poll::Ready(accepted) = streams.poll_accept(cx) {
                return Poll::Ready(accepted);
            }
            active.ended.register(cx.waker());
            if active.count.load(Ordering::Acquire) > 0 {
                (idle_since, close_deadline) = (Instant::now(), None);
                return Poll::Pending;
            }
            if close_deadline.is_none() {
                ready!(alarm.poll(cx, idle_since + edge.limits.idle_timeout));
                // GOAWAY. Parts of responses may still wait for the client's windows, and are written first.
                streams.graceful_shutdown();
            }
            let deadline = *close_deadline.get_or_insert_with(|| Instant::now() + edge.limits.write_timeout);
            if let Poll::Ready(accepted) = streams.poll_accept(cx) {
                return Poll::Ready(accepted);
            }
            alarm.poll(cx, deadline).map(|()| None)
        });
        // An error ends the connection: a client often just closes it.
        let Some(Ok((request, respond))) = accepted.await else {
            return;
        };
        idle_since = Instant::now();
        let (shared, connection) = (Arc::clone(&edge.shared), Arc::clone(connection));
        let active = ActiveRequest::begin(&active);
        // In a box, so that the large future is not moved again as a task.
        tokio::spawn(Box::pin(async move {
            serve_stream(&shared, &connection, request, respond).await;
            drop(active);
        }));
    }
}

/// Serves one request.
async fn serve_stream(
    shared: &Arc<Shared>,
    connection: &Arc<ClientConnection>,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) {
    connection.share.touch(std::time::Instant::now());
    // The stream is charged before its head is judged: a refused request also occupies memory until its response is
    // taken.
    let Some(share) = shared.shares.take_stream_share(&connection.share) else {
        shared
            .metrics
            .requests
            .rejections
            .count(AnswerCode::CLIENT_LIMIT.name);
        // A reset costs less memory than an answer, which would wait for the client's window.
        respond.send_reset(Reason::ENHANCE_YOUR_CALM);
        return;
    };
    if let Some(streams) = &connection.streams {
        streams.count_read();
    }
    let end = Arc::new(EndSignal::with_fallback(connection.share.fallback_end_signal()));
    let stream = Http2StreamState {
        end: Arc::clone(&end),
        share: Some(share),
    };
    tokio::select! {
        biased;
        // The request is polled first, so that one that is complete is not counted as shed.
        () = serve_request(shared, connection, request, respond, stream) => {}
        // Dropping the future resets the stream.
        () = end.wait() => return,
    }
    // From here on the signal falls back to the connection: response frames may still wait in the HTTP/2 layer.
    end.set_task_ended();
}

async fn serve_request(
    shared: &Arc<Shared>,
    connection: &Arc<ClientConnection>,
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
    stream: Http2StreamState,
) {
    let (parts, body) = request.into_parts();
    let mut head = RequestHead::default();
    let filled = http2_head::fill(&mut head, &parts);
    let has_body = !body.is_end_stream();
    let mut client = ClientSide::http2(body, respond, stream);
    let mut context = RequestContext::new(shared, head);
    let mut buffers = Buffers::default();
    if let Err(code) = filled {
        let refused = (code, code.detail.to_owned(), &**connection);
        return engine::refuse_head(shared, &mut client, &mut context, &mut buffers, refused).await;
    }
    let length = context.head.fields.value("content-length");
    let length = length.and_then(|length| std::str::from_utf8(length).ok()?.parse().ok());
    let framing = match (has_body, length) {
        (false, _) => Framing::Empty,
        (true, Some(length)) => Framing::Length(length),
        (true, None) => Framing::Chunked,
    };
    let arrival = Arrival { connection, framing };
    if client.is_reset() {
        return engine::observe_gone(shared, &client, &mut context, &buffers, arrival);
    }
    engine::serve(shared, &mut client, &mut context, &mut buffers, arrival).await;
}

/// Returns the HTTP/2 settings of a connection.
fn options(limits: &EdgeLimits) -> Builder {
    // The HTTP/2 layer's limit is higher than the proxy's own, so that most oversized heads get a 431 instead of a
    // reset.
    let overhead = limits.head.fields.saturating_mul(FIELD_OVERHEAD);
    let header_list = limits.head.bytes.saturating_add(overhead);
    let mut options = Builder::new();
    options
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(u32::try_from(header_list).unwrap_or(u32::MAX))
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buffer_size(MAX_SEND_BUFFER)
        .max_pending_accept_reset_streams(MAX_PENDING_RESETS)
        .max_local_error_reset_streams(Some(MAX_OWN_RESETS));
    options
}
