//! The share of one request: a slot among the requests in flight to upstreams, and memory, charged to its client.
//!
//! Memory has two parts. A constant covers what every request takes. The body while the upstream does not read, and
//! the response while the client does not, are counted exactly: each part travels with a guard that is dropped when
//! its last byte is written. Behind a waiting part more parts wait inside the HTTP layer, where they can't be seen.
//! Those count as their maximum.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;

use super::clients::Holdings;
use super::connection::ConnectionShare;
use super::end_signal::EndSignal;
use super::holder::{Holder, HolderKey, HolderKind};
use super::resource::REQUEST_BYTES;
use super::{HARD_LIMIT_PART, ShareDenied, Shares};

/// Maximum of a request body that waits unseen behind a part that the upstream does not take, in bytes: an HTTP/2
/// window, and parts between the two sides.
const UNSEEN_OF_BODY: u64 = 320 * 1024;
/// Maximum of a response that waits unseen, in bytes: five parts between the two sides, or an HTTP/2 window and parts
/// of that size.
const UNSEEN_OF_ANSWER: u64 = 320 * 1024;

/// Maximum that a large response to an HTTP/1 client takes, in bytes: what the HTTP layer has collected, parts
/// between the two sides, and a read buffer.
const STALLED_BYTES: u64 = 640 * 1024;

/// The share of a request. It counts while the request, or a part of its response, exists.
#[derive(Debug)]
pub(crate) struct RequestShare {
    shares: Arc<Shares>,
    connection: Option<Arc<ConnectionShare>>,
    holder: Arc<Holder>,
    key: HolderKey,
    body: Flow,
    answer: Flow,
    /// True while an HTTP/1 client takes nothing that is written to it.
    is_stalled: AtomicBool,
    /// True once the HTTP layer collects parts of a large response for an HTTP/1 client, whatever the client takes.
    is_bulk: AtomicBool,
    /// Bytes charged in either case.
    stalled: AtomicU64,
}

/// The counts of one direction.
#[derive(Debug)]
struct Flow {
    /// Bytes of parts that were handed on and not yet written.
    waiting: AtomicU64,
    /// Bytes charged for parts that can't be seen while others wait.
    unseen: AtomicU64,
}

/// A direction of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the client to the upstream.
    Body,
    /// From the upstream to the client.
    Answer,
}

/// The requirements of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShareRequest {
    pub(crate) client: Option<IpAddr>,
    pub(crate) is_tunnel: bool,
}

/// A part of a body or response. It counts until it is dropped.
struct TrackedBytes {
    bytes: Bytes,
    request: Arc<RequestShare>,
    direction: Direction,
}

impl Shares {
    /// Takes a share for a request to an upstream. `end` ends the request.
    ///
    /// # Errors
    /// A limit is reached.
    pub(crate) fn take_request_share(
        self: &Arc<Self>,
        connection: Option<Arc<ConnectionShare>>,
        end: Arc<EndSignal>,
        need: ShareRequest,
    ) -> Result<Arc<RequestShare>, ShareDenied> {
        RequestShare::take(self, connection, end, need)
    }
}

impl RequestShare {
    /// Takes a share for a request of `connection`. `end` ends the request.
    pub(super) fn take(
        shares: &Arc<Shares>,
        connection: Option<Arc<ConnectionShare>>,
        end: Arc<EndSignal>,
        need: ShareRequest,
    ) -> Result<Arc<Self>, ShareDenied> {
        let (kind, count) = match need.is_tunnel {
            true => (HolderKind::Tunnel, &shares.used.tunnels),
            false => (HolderKind::Request, &shares.used.in_flight),
        };
        let holder = Arc::new(Holder {
            kind,
            client: need.client.map(|address| shares.clients.id(address)),
            end_signal: end,
            requests: 0.into(),
            holds_slot: AtomicBool::new(true),
            buffered: AtomicU64::new(0),
            since_ms: AtomicU64::new(shares.now_ms()),
        });
        let key = shares.register.add(&holder);
        // Counted before the limits are checked: dropping it undoes all counts. Two requests that race for the last
        // slot then both see it taken, and no limit is exceeded.
        let share = Arc::new(Self {
            shares: Arc::clone(shares),
            connection,
            holder,
            key,
            body: Flow::new(UNSEEN_OF_BODY),
            answer: Flow::new(UNSEEN_OF_ANSWER),
            is_stalled: AtomicBool::new(false),
            is_bulk: AtomicBool::new(false),
            stalled: AtomicU64::new(STALLED_BYTES),
        });
        count.fetch_add(1, Ordering::Relaxed);
        share.count_of(share.holdings()).fetch_add(1, Ordering::Relaxed);
        if let Some(connection) = &share.connection {
            connection.begin_request();
        }
        share.charge(REQUEST_BYTES);
        shares.check(kind, share.holder.client).map(|()| share)
    }

    /// Returns true if the shedder ended the request or its connection.
    pub(crate) fn is_shed(&self) -> bool {
        let connection = self.connection.as_ref();
        self.holder.end_signal.is_sent()
            || connection.is_some_and(|connection| connection.end_signal().is_sent())
    }

    #[cfg(test)]
    pub(super) fn set_since_ms(&self, since_ms: u64) {
        self.holder.since_ms.store(since_ms, Ordering::Relaxed);
    }

    /// Returns true if the client exceeds its memory limit by so much that the shedder can't keep up.
    pub(crate) fn is_over_memory_limit(&self) -> bool {
        let limit = self.shares.capacity.buffered.client;
        let held = self.holdings().buffered.load(Ordering::Relaxed);
        self.holder.client.is_some() && held > limit + limit / HARD_LIMIT_PART
    }

    /// Releases the slot of the request; parts of its response may still wait to be written.
    ///
    /// Called when the request's task ends: until the whole response is written and the whole body has arrived,
    /// pingora keeps the connection to the upstream.
    pub(crate) fn release_slot(&self) {
        if !self.holder.holds_slot.swap(false, Ordering::AcqRel) {
            return;
        }
        self.count_of(self.holdings()).fetch_sub(1, Ordering::Relaxed);
        let count = match self.holder.kind {
            HolderKind::Tunnel => &self.shares.used.tunnels,
            HolderKind::Request | HolderKind::Connection => &self.shares.used.in_flight,
        };
        count.fetch_sub(1, Ordering::Relaxed);
    }

    /// Sets the length of the response, in bytes, if its head states one. No more than that can wait.
    pub(crate) fn set_answer_length(&self, length: Option<u64>) {
        // An interim response has no body, so nothing waits yet.
        if let Some(length) = length {
            let unseen = length.min(UNSEEN_OF_ANSWER);
            // Buffers grow by doubling.
            let stalled = length.saturating_mul(2).min(STALLED_BYTES);
            self.stalled.store(stalled, Ordering::Relaxed);
            self.answer.unseen.store(unseen, Ordering::Relaxed);
        }
    }

    /// Counts a part until its last byte is written or dropped. `is_last` marks the last part.
    pub(crate) fn track(self: &Arc<Self>, direction: Direction, bytes: Bytes, is_last: bool) -> Bytes {
        let (flow, length) = (self.flow(direction), bytes.len() as u64);
        // Nothing waits and nothing follows, so nothing unseen can wait behind this part.
        if is_last && flow.waiting.load(Ordering::Acquire) == 0 {
            flow.unseen.store(0, Ordering::Relaxed);
        }
        // The first waiting part also pays for the unseen ones; `written` refunds them with the last.
        let before = flow.waiting.fetch_add(length, Ordering::AcqRel);
        let unseen = if before == 0 {
            self.holder
                .since_ms
                .store(self.shares.now_ms(), Ordering::Relaxed);
            flow.unseen.load(Ordering::Relaxed)
        } else {
            0
        };
        self.charge(length.saturating_add(unseen));
        if self.holder.client.is_some() {
            self.shares.shed_client_memory(self.holdings());
        }
        Bytes::from_owner(TrackedBytes {
            bytes,
            request: Arc::clone(self),
            direction,
        })
    }

    /// Charges the buffers of a large response to an HTTP/1 client until the request ends: the HTTP layer collects
    /// several parts before it writes them, and keeps the buffer.
    pub(crate) fn set_bulk(&self) {
        if !self.is_bulk.swap(true, Ordering::AcqRel) {
            self.set_stalled(true);
        }
    }

    /// Records whether an HTTP/1 client takes what is written to it. The HTTP layer copies bytes that it can't write,
    /// so a part may be dropped while its bytes still wait.
    pub(super) fn set_stalled(&self, is_stalled: bool) {
        let is_bulk = self.is_bulk.load(Ordering::Acquire);
        if is_bulk && !is_stalled || self.is_stalled.swap(is_stalled, Ordering::AcqRel) == is_stalled {
            return;
        }
        self.holder
            .since_ms
            .store(self.shares.now_ms(), Ordering::Relaxed);
        let bytes = self.stalled.load(Ordering::Relaxed);
        if is_stalled {
            self.charge(bytes);
        } else {
            self.release(bytes);
        }
    }

    fn written(&self, direction: Direction, length: u64) {
        let flow = self.flow(direction);
        let before = flow.waiting.fetch_sub(length, Ordering::AcqRel);
        let unseen = if before == length {
            flow.unseen.load(Ordering::Relaxed)
        } else {
            self.holder
                .since_ms
                .store(self.shares.now_ms(), Ordering::Relaxed);
            0
        };
        self.release(length.saturating_add(unseen));
    }

    fn flow(&self, direction: Direction) -> &Flow {
        match direction {
            Direction::Body => &self.body,
            Direction::Answer => &self.answer,
        }
    }

    fn charge(&self, bytes: u64) {
        self.holder.buffered.fetch_add(bytes, Ordering::Relaxed);
        self.shares
            .charge(self.holdings(), self.holder.client.is_some(), bytes);
    }

    fn release(&self, bytes: u64) {
        self.holder.buffered.fetch_sub(bytes, Ordering::Relaxed);
        self.shares.release(self.holdings(), bytes);
    }

    fn holdings(&self) -> &Holdings {
        self.shares.clients.of(self.holder.client)
    }

    fn count_of<'h>(&self, holdings: &'h Holdings) -> &'h std::sync::atomic::AtomicU32 {
        match self.holder.kind {
            HolderKind::Tunnel => &holdings.tunnels,
            HolderKind::Request | HolderKind::Connection => &holdings.in_flight,
        }
    }
}

impl Flow {
    fn new(unseen: u64) -> Self {
        Self {
            waiting: AtomicU64::new(0),
            unseen: AtomicU64::new(unseen),
        }
    }
}

impl Drop for RequestShare {
    fn drop(&mut self) {
        self.release_slot();
        self.release(self.holder.buffered.load(Ordering::Relaxed));
        self.shares.register.remove(self.key);
        if let Some(connection) = &self.connection {
            connection.end_request();
        }
    }
}

impl AsRef<[u8]> for TrackedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for TrackedBytes {
    fn drop(&mut self) {
        self.request.written(self.direction, self.bytes.len() as u64);
    }
}
