//! One request's share: a place among those that upstreams are asked, and the memory that it takes, charged to its
//! client.
//!
//! Memory is counted in two parts. What every request takes is a constant. What its body takes while the upstream does
//! not read, and its answer while the client does not, is counted exactly where it can be: each part is handed on together
//! with a guard, and the guard is dropped when the last byte of the part is written. While any part waits, more parts wait
//! behind it where they can't be seen; they count as the most that there can be.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;

use super::clients::Holdings;
use super::connection::ConnectionShare;
use super::end_signal::EndSignal;
use super::holder::{Holder, HolderKey, HolderKind};
use super::resource::REQUEST_BYTES;
use super::{HARD_LIMIT_PART, Shares, Short};

/// The most of a body that waits unseen behind a part that an upstream does not take, in bytes: an HTTP/2 window, and parts
/// between the two sides.
const UNSEEN_OF_BODY: u64 = 320 * 1024;
/// The same of an answer: five parts between the two sides, or an HTTP/2 window and parts of its size.
const UNSEEN_OF_ANSWER: u64 = 320 * 1024;

/// The most that a large answer to a client of HTTP/1 takes, in bytes: what the HTTP layer collected, parts between the two
/// sides, and a read buffer.
const STALLED_BYTES: u64 = 640 * 1024;

/// A request that upstreams may be asked. It counts as long as it, or a part of its answer, exists.
#[derive(Debug)]
pub(crate) struct RequestShare {
    shares: Arc<Shares>,
    connection: Option<Arc<ConnectionShare>>,
    holder: Arc<Holder>,
    key: HolderKey,
    body: Flow,
    answer: Flow,
    /// Whether nothing more can be written to a client of HTTP/1.
    is_stalled: AtomicBool,
    /// Whether the HTTP layer collects parts of the answer for a client of HTTP/1, whether or not it takes them.
    is_bulk: AtomicBool,
    /// What is counted in either case, in bytes.
    stalled: AtomicU64,
}

/// What goes in one direction.
#[derive(Debug)]
struct Flow {
    /// Parts that were handed on and not yet written, in bytes.
    waiting: AtomicU64,
    /// What is counted for parts that can't be seen while others wait, in bytes.
    unseen: AtomicU64,
}

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the client to the upstream.
    Body,
    /// From the upstream to the client.
    Answer,
}

/// What a request needs a share for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    pub(crate) client: Option<IpAddr>,
    pub(crate) is_tunnel: bool,
}

/// A part of a body or an answer on its way.
struct TrackedBytes {
    bytes: Bytes,
    request: Arc<RequestShare>,
    direction: Direction,
}

impl Shares {
    /// Takes a share for a request that an upstream is to be asked. `end` is what ends the request.
    ///
    /// # Errors
    /// A limit is reached.
    pub(crate) fn take_request_share(
        self: &Arc<Self>,
        connection: Option<Arc<ConnectionShare>>,
        end: Arc<EndSignal>,
        need: Need,
    ) -> Result<Arc<RequestShare>, Short> {
        RequestShare::take(self, connection, end, need)
    }
}

impl RequestShare {
    /// Takes a share for a request of `connection`. `end` is what ends the request.
    pub(super) fn take(
        shares: &Arc<Shares>,
        connection: Option<Arc<ConnectionShare>>,
        end: Arc<EndSignal>,
        need: Need,
    ) -> Result<Arc<Self>, Short> {
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
        // Counted before it is known whether there is room: dropping it takes all of it back.
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
        share.counted(share.holdings()).fetch_add(1, Ordering::Relaxed);
        if let Some(connection) = &share.connection {
            connection.begin_request();
        }
        share.charge(REQUEST_BYTES);
        shares.check(kind, share.holder.client).map(|()| share)
    }

    /// Returns true if it, or its connection, was told to end, to make room.
    pub(crate) fn is_shed(&self) -> bool {
        let connection = self.connection.as_ref();
        self.holder.end_signal.is_sent()
            || connection.is_some_and(|connection| connection.end_signal().is_sent())
    }

    #[cfg(test)]
    pub(super) fn set_since_ms(&self, since_ms: u64) {
        self.holder.since_ms.store(since_ms, Ordering::Relaxed);
    }

    /// Whether its client is over its limit of memory by so much that the shedder can't keep up.
    pub(crate) fn is_over_memory_limit(&self) -> bool {
        let limit = self.shares.capacity.buffered.client;
        let held = self.holdings().buffered.load(Ordering::Relaxed);
        self.holder.client.is_some() && held > limit + limit / HARD_LIMIT_PART
    }

    /// Gives back the place among the requests that upstreams are asked. Parts of the answer may wait to be written still.
    ///
    /// Not before the request's task has ended: until the last part of the answer is written and all of the body has come,
    /// pingora holds the connection to the upstream.
    pub(crate) fn release_slot(&self) {
        if !self.holder.holds_slot.swap(false, Ordering::AcqRel) {
            return;
        }
        self.counted(self.holdings()).fetch_sub(1, Ordering::Relaxed);
        let count = match self.holder.kind {
            HolderKind::Tunnel => &self.shares.used.tunnels,
            HolderKind::Request | HolderKind::Connection => &self.shares.used.in_flight,
        };
        count.fetch_sub(1, Ordering::Relaxed);
    }

    /// Says how long the answer is, in bytes, where its head says so: no more than that can wait.
    pub(crate) fn set_answer_length(&self, length: Option<u64>) {
        // Parts of an earlier, interim answer have no body, so nothing waits yet.
        if let Some(length) = length {
            let unseen = length.min(UNSEEN_OF_ANSWER);
            // Buffers grow by doubling.
            let stalled = length.saturating_mul(2).min(STALLED_BYTES);
            self.stalled.store(stalled, Ordering::Relaxed);
            self.answer.unseen.store(unseen, Ordering::Relaxed);
        }
    }

    /// Counts a part until its last byte is written or dropped. `is_last` says that none follows it.
    pub(crate) fn track(self: &Arc<Self>, direction: Direction, bytes: Bytes, is_last: bool) -> Bytes {
        let (flow, length) = (self.flow(direction), bytes.len() as u64);
        if is_last && flow.waiting.load(Ordering::Acquire) == 0 {
            flow.unseen.store(0, Ordering::Relaxed);
        }
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

    /// Counts the buffers of a large answer to a client of HTTP/1 until the request ends: the HTTP layer collects several
    /// parts before it writes them, and keeps the room.
    pub(crate) fn set_bulk(&self) {
        if !self.is_bulk.swap(true, Ordering::AcqRel) {
            self.set_stalled(true);
        }
    }

    /// Notes whether a client of HTTP/1 takes what is written to it. The HTTP layer copies what it can't write, so that a
    /// part is gone while its bytes are not.
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

    fn counted<'h>(&self, holdings: &'h Holdings) -> &'h std::sync::atomic::AtomicU32 {
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
