//! The idle HTTP/1 connections to an endpoint. A connection is checked when it is taken: an upstream may close it, or send
//! what nobody asked for, at any time.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Instant;

use parking_lot::Mutex;
use pingora::protocols::Stream;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::task::coop::unconstrained;

use crate::edge::buffered::Buffered;

/// The limit of idle connections to all endpoints together.
#[derive(Debug, Clone)]
pub(crate) struct IdleLimit {
    max: usize,
    count: Arc<AtomicUsize>,
}

/// The idle connections to one endpoint. The one that was used last is taken first, so that those that are not needed
/// expire.
#[derive(Debug, Default)]
pub(crate) struct IdleConnections(Mutex<Vec<IdleConnection>>);

/// An idle connection.
#[derive(Debug)]
struct IdleConnection {
    stream: Buffered<Stream>,
    until: Instant,
    _counted: IdleCount,
}

/// One of the idle connections of all endpoints. It counts until it is dropped.
#[derive(Debug)]
struct IdleCount(Arc<AtomicUsize>);

impl IdleLimit {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            count: Arc::default(),
        }
    }

    /// Counts one more; none at the limit.
    fn count(&self) -> Option<IdleCount> {
        let counted = IdleCount(Arc::clone(&self.count));
        let before = self.count.fetch_add(1, Ordering::Relaxed);
        (before < self.max).then_some(counted)
    }
}

impl Drop for IdleCount {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl IdleConnections {
    /// Takes a connection that is still open.
    pub(crate) fn take(&self, now: Instant) -> Option<Buffered<Stream>> {
        loop {
            // The lock is released before the connection is checked.
            let mut idle = self.0.lock().pop()?;
            if now < idle.until && is_open(&mut idle.stream) {
                return Some(idle.stream);
            }
        }
    }

    /// Keeps a connection until `until`, or drops it at the limit. Nothing may be left to read from it.
    pub(crate) fn put(&self, mut stream: Buffered<Stream>, until: Instant, limit: &IdleLimit) {
        if !stream.buffer.is_empty() || !is_open(&mut stream) {
            return;
        }
        let Some(counted) = limit.count() else { return };
        stream.shrink();
        self.0.lock().push(IdleConnection {
            stream,
            until,
            _counted: counted,
        });
    }

    /// Drops connections that have expired or were closed.
    pub(crate) fn sweep(&self, now: Instant) {
        self.0
            .lock()
            .retain_mut(|idle| now < idle.until && is_open(&mut idle.stream));
    }
}

/// Returns true if a read would wait. An end, an error and bytes that nobody asked for all make a connection useless.
fn is_open(stream: &mut Buffered<Stream>) -> bool {
    let mut space = [0];
    let mut read = ReadBuf::new(&mut space);
    let check = poll_fn(|cx| Pin::new(stream.inner_mut()).poll_read(cx, &mut read));
    // A task that has used up its budget of operations would get `Pending` without a look at the socket: a client could
    // bring that about with pipelined requests, and so be served on a closed connection.
    let check = pin!(unconstrained(check));
    check.poll(&mut Context::from_waker(Waker::noop())).is_pending()
}
