//! The HTTP/2 connections to an endpoint. Each carries many requests. One connection is opened at a time.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::{Ping, PingPong};
use parking_lot::Mutex;
use pingora::protocols::Stream;

use super::failure::{Failure, RequestFate, UpstreamError};
use super::http2_pings::{CHECK_INTERVAL, PingSchedule};

/// Maximum of concurrent requests on one connection.
const MAX_STREAMS: usize = 100;
/// The limit of streams in the HTTP/2 layer while that of the upstream is unknown; no SETTINGS frame can state this one.
const UNKNOWN_STREAMS: usize = usize::MAX - 1;
/// Flow-control window of one response, in bytes.
const STREAM_WINDOW: u32 = 256 * 1024;
/// Flow-control window of a connection: enough for all its streams, so that a response that no client reads blocks no
/// other.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * 100;
/// Maximum size of the head of a response, in bytes as HTTP/2 counts them.
const MAX_HEADER_LIST: u32 = 512 * 1024;
/// Maximum of body bytes that are buffered for one stream.
const MAX_SEND_BUFFER: usize = 64 * 1024;
const ENDED_EARLY: &str = "the connection ended before the upstream's SETTINGS";
/// Time for the answer to a ping.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

/// The connections to one endpoint.
#[derive(Debug, Default)]
pub(crate) struct Http2Connections {
    open: Mutex<Vec<Http2Connection>>,
    /// Held by the request that opens a connection; with the last failure to open one.
    opening: tokio::sync::Mutex<Option<FailedOpening>>,
}

/// A failure to open a connection, which the requests that waited for it share.
#[derive(Debug)]
struct FailedOpening {
    at: tokio::time::Instant,
    /// The time that the opening had.
    limit: Duration,
    error: UpstreamError,
}

#[derive(Debug)]
struct Http2Connection {
    send: SendRequest<Bytes>,
    state: Arc<ConnectionState>,
    idle_since: Option<Instant>,
}

/// The state of a connection that its requests share.
#[derive(Debug, Default)]
pub(crate) struct ConnectionState {
    /// The requests in flight.
    streams: AtomicUsize,
    /// True if a request has begun since the last sweep.
    was_used: AtomicBool,
    /// True if a part of a response has arrived since the last check of the connection.
    has_read: AtomicBool,
    is_closed: AtomicBool,
    has_missed_ping: AtomicBool,
}

/// A place for one request on a connection. It counts until it is dropped.
#[derive(Debug)]
pub(crate) struct Http2Slot {
    pub(crate) send: SendRequest<Bytes>,
    state: Arc<ConnectionState>,
    is_kept: bool,
}

impl Http2Slot {
    fn take(send: &SendRequest<Bytes>, state: &Arc<ConnectionState>) -> Option<Self> {
        let slot = Self {
            send: send.clone(),
            state: Arc::clone(state),
            is_kept: true,
        };
        let before = state.streams.fetch_add(1, Ordering::Relaxed);
        let max = send.current_max_send_streams().min(MAX_STREAMS);
        let is_taken = before < max && !state.is_closed.load(Ordering::Relaxed);
        if is_taken && !state.was_used.load(Ordering::Relaxed) {
            state.was_used.store(true, Ordering::Relaxed);
        }
        is_taken.then_some(slot)
    }

    /// Returns true unless the connection was opened for this request.
    pub(crate) fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// Takes no more requests on the connection.
    pub(crate) fn retire(&self) {
        self.state.is_closed.store(true, Ordering::Relaxed);
    }

    /// Records that a part of a response has just arrived.
    pub(crate) fn record_read(&self) {
        // Written only if it changes the value, because the requests of the connection share the cache line.
        if !self.state.has_read.load(Ordering::Relaxed) {
            self.state.has_read.store(true, Ordering::Relaxed);
        }
    }

    /// Returns true if the connection was given up because the upstream did not answer a ping.
    pub(crate) fn has_missed_ping(&self) -> bool {
        self.state.has_missed_ping.load(Ordering::Acquire)
    }
}

impl Drop for Http2Slot {
    fn drop(&mut self) {
        self.state.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Http2Connections {
    /// Takes a place on a connection that has one.
    pub(crate) fn take(&self) -> Option<Http2Slot> {
        let list = self.open.lock();
        list.iter()
            .find_map(|connection| Http2Slot::take(&connection.send, &connection.state))
    }

    /// Takes a place, or opens a connection with `connect`, which gets the time that is left of `limit`. Requests that
    /// come meanwhile wait, and take places on the same connection. Otherwise a burst would open a connection for nearly
    /// each of its requests.
    ///
    /// # Errors
    /// The error of `connect`, also that of the request that was waited for; or the wait took longer than `limit`.
    pub(crate) async fn take_or_open<F>(
        &self,
        limit: Duration,
        connect: impl FnOnce(Duration) -> F,
    ) -> Result<Http2Slot, UpstreamError>
    where
        F: Future<Output = Result<Http2Slot, UpstreamError>>,
    {
        let since = tokio::time::Instant::now();
        // No thread waits for this lock. It is released if the request that holds it ends early.
        let Ok(mut failed) = tokio::time::timeout(limit, self.opening.lock()).await else {
            // Perhaps every opening succeeded, and others were first.
            let why = "no connection was opened in time";
            return self
                .take()
                .ok_or_else(|| without_blame(unsent(Failure::ConnectTimeout, why)));
        };
        if let Some(slot) = self.take() {
            return Ok(slot);
        }
        let (whole, limit) = (limit, limit.saturating_sub(since.elapsed()));
        // A timeout is shared only if the opening had as much time as this request has left: it may have been the last
        // moment of that one's total timeout.
        if let Some(failed) = failed.as_ref().filter(|failed| failed.at >= since)
            && (failed.error.failure != Failure::ConnectTimeout || failed.limit >= limit)
        {
            // The failure was counted once, for the request that opened.
            return Err(without_blame(failed.error.clone()));
        }
        // Clients that leave while they open a connection could have the endpoint ejected otherwise.
        let is_short = limit < whole / 2;
        let opened = connect(limit).await.map_err(|error| match error.failure {
            Failure::ConnectTimeout if is_short => without_blame(error),
            _ => error,
        });
        *failed = opened.as_ref().err().map(|error| FailedOpening {
            at: tokio::time::Instant::now(),
            limit,
            error: error.clone(),
        });
        opened
    }

    /// Begins a connection on `stream`, and takes a place on it. Waits for the upstream's SETTINGS, which limit the
    /// requests on the connection: until then others might be put on it for which it has no room.
    ///
    /// # Errors
    /// The upstream does not speak HTTP/2, or takes no request.
    pub(crate) async fn open(&self, stream: Stream) -> Result<Http2Slot, UpstreamError> {
        let (send, mut connection) = Builder::new()
            .enable_push(false)
            .initial_max_send_streams(UNKNOWN_STREAMS)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(MAX_HEADER_LIST)
            .max_send_buffer_size(MAX_SEND_BUFFER)
            // h2 counts a part of a response as an error if its request was cancelled and is forgotten. Clients cancel as
            // they like, and may not end the connection of others with that.
            .max_local_error_reset_streams(None)
            // The same for small parts, which h2 counts until they are read: those of cancelled requests never are. Their
            // memory is bounded by the windows.
            .data_frame_budget(usize::MAX)
            .handshake(stream)
            .await
            .map_err(|error| failed_handshake(&error))?;
        poll_fn(|cx| match Pin::new(&mut connection).poll(cx) {
            Poll::Ready(Ok(())) => Poll::Ready(Err(unsent(Failure::Broken, ENDED_EARLY))),
            Poll::Ready(Err(error)) => Poll::Ready(Err(failed_handshake(&error))),
            Poll::Pending if connection.max_concurrent_send_streams() == UNKNOWN_STREAMS => Poll::Pending,
            Poll::Pending => Poll::Ready(Ok(())),
        })
        .await?;
        let state = Arc::<ConnectionState>::default();
        let pings = connection.ping_pong();
        let of_task = Arc::clone(&state);
        tokio::spawn(async move {
            tokio::select! {
                // In this order, so that after a pause of the whole process the answer to a ping is read before its time
                // is judged.
                biased;
                // It ends once all requests have, and nothing can begin another.
                _ = connection => {}
                () = missed_ping(pings, &of_task) => {}
            }
            of_task.is_closed.store(true, Ordering::Relaxed);
        });
        let mut slot = Http2Slot::take(&send, &state)
            .ok_or_else(|| unsent(Failure::Invalid, "the upstream permits no request"))?;
        slot.is_kept = false;
        self.open.lock().push(Http2Connection {
            send,
            state,
            idle_since: None,
        });
        Ok(slot)
    }

    /// Drops connections that are closed, or were idle for `idle_timeout`.
    pub(crate) fn sweep(&self, now: Instant, idle_timeout: Duration) {
        self.open.lock().retain_mut(|connection| {
            // Short requests begin and end between two sweeps.
            let was_used = connection.state.was_used.swap(false, Ordering::Relaxed);
            if was_used || connection.state.streams.load(Ordering::Relaxed) > 0 {
                connection.idle_since = None;
            }
            let idle_since = *connection.idle_since.get_or_insert(now);
            let is_idle = now.saturating_duration_since(idle_since) >= idle_timeout;
            !is_idle && !connection.state.is_closed.load(Ordering::Relaxed)
        });
    }
}

fn failed_handshake(error: &h2::Error) -> UpstreamError {
    match error.is_io() {
        true => unsent(Failure::Broken, ENDED_EARLY),
        false => unsent(Failure::Invalid, "the upstream does not speak HTTP/2"),
    }
}

/// Returns the error for a request that did not cause it: one event would eject the endpoint for many requests.
fn without_blame(error: UpstreamError) -> UpstreamError {
    UpstreamError {
        blames_endpoint: false,
        ..error
    }
}

/// Returns an error before a request was sent.
fn unsent(failure: Failure, cause: &'static str) -> UpstreamError {
    UpstreamError {
        fate: RequestFate::Unsent,
        ..UpstreamError::new(failure, cause)
    }
}

/// Returns once the upstream does not answer a ping.
async fn missed_ping(pings: Option<PingPong>, state: &ConnectionState) {
    let Some(mut pings) = pings else {
        return std::future::pending().await;
    };
    let mut schedule = PingSchedule::default();
    loop {
        tokio::time::sleep(CHECK_INTERVAL).await;
        let is_used = state.streams.load(Ordering::Relaxed) > 0;
        let has_read = state.has_read.swap(false, Ordering::Relaxed);
        if !schedule.is_due(is_used, has_read, tokio::time::Instant::now()) {
            continue;
        }
        match tokio::time::timeout(PING_TIMEOUT, pings.ping(Ping::opaque())).await {
            Ok(Ok(_)) => {}
            Ok(Err(_)) | Err(_) => {
                // Before the connection is dropped, which wakes its requests: they must see why.
                state.has_missed_ping.store(true, Ordering::Release);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
