//! The share of one request: a slot among the requests in flight to upstreams, and memory, charged to its client.
//!
//! Memory has three parts. A constant covers what every request takes. The buffers of a direction in which much data
//! waits are charged as their maximum, until the request ends. Data that the HTTP/2 layer holds is counted exactly: each
//! part travels with a guard that is dropped when its last byte is written.

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

/// Memory of a direction in which much data waits, in bytes: what was read, and what waits to be written.
pub(super) const BULK_BYTES: u64 = 128 * 1024;

/// The share of a request. It counts while the request, or a part of its response, exists.
#[derive(Debug)]
pub(crate) struct RequestShare {
    shares: Arc<Shares>,
    connection: Option<Arc<ConnectionShare>>,
    holder: Arc<Holder>,
    key: HolderKey,
    body: Flow,
    answer: Flow,
}

/// The state of one direction.
#[derive(Debug, Default)]
struct Flow {
    /// Bytes of parts that were handed on and not yet written.
    waiting: AtomicU64,
    /// True once its buffers are charged.
    is_bulk: AtomicBool,
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
            body: Flow::default(),
            answer: Flow::default(),
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
    /// Called when the request ends: until then it has the connection to its upstream.
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

    /// Counts a part until its last byte is written or dropped.
    pub(crate) fn track(self: &Arc<Self>, direction: Direction, bytes: Bytes) -> Bytes {
        let length = bytes.len() as u64;
        if self.flow(direction).waiting.fetch_add(length, Ordering::AcqRel) == 0 {
            self.record_progress();
        }
        self.charge(length);
        if self.holder.client.is_some() {
            self.shares.shed_client_memory(self.holdings());
        }
        Bytes::from_owner(TrackedBytes {
            bytes,
            request: Arc::clone(self),
            direction,
        })
    }

    /// Charges the buffers of a direction until the request ends: they keep their size, whatever is taken from them.
    pub(crate) fn set_bulk(&self, direction: Direction) {
        let flow = self.flow(direction);
        if !flow.is_bulk.load(Ordering::Relaxed) && !flow.is_bulk.swap(true, Ordering::AcqRel) {
            self.record_progress();
            self.charge(BULK_BYTES);
            if self.holder.client.is_some() {
                self.shares.shed_client_memory(self.holdings());
            }
        }
    }

    /// Records that the client has taken a part of a large response.
    pub(crate) fn record_progress(&self) {
        self.holder
            .since_ms
            .store(self.shares.now_ms(), Ordering::Relaxed);
    }

    fn written(&self, direction: Direction, length: u64) {
        if self.flow(direction).waiting.fetch_sub(length, Ordering::AcqRel) != length {
            self.record_progress();
        }
        self.release(length);
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
