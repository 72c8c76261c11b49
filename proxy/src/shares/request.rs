//! One request's share: a place among those that upstreams are asked, and the memory that it takes, charged to its
//! client.
//!
//! Memory is counted in two parts. What every request takes is a constant. What its answer takes while the client does
//! not read is counted exactly where it can be: each part of an answer is handed on together with a guard, and the guard
//! is dropped when the last byte of the part is written. While any part waits, more parts wait behind it where they
//! can't be seen; they count as the most that there can be.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::clients::Holdings;
use super::connection::ConnectionShare;
use super::end_signal::EndSignal;
use super::holder::{Holder, Key, Kind};
use super::{OVER_PART, Shares, Short};

/// What a request takes at least while an upstream is asked, in bytes: buffers of the connection to the upstream, heads,
/// and the state of two exchanges. Measured; docs/security.md has the figures.
pub(crate) const REQUEST_BYTES: u64 = 128 * 1024;
/// The most that a request's body takes on its way, in bytes: an HTTP/2 window, parts between the two sides, and what is
/// kept for another attempt.
const UPLOAD_BYTES: u64 = 400 * 1024;
/// The most of an answer that waits unseen behind a part that a client does not take, in bytes: five parts between the
/// two sides, and an HTTP/2 window or a read buffer.
const UNSEEN_BYTES: u64 = 320 * 1024;

/// A request that upstreams may be asked. It counts as long as it, or a part of its answer, exists.
#[derive(Debug)]
pub(crate) struct RequestShare {
    shares: Arc<Shares>,
    connection: Option<Arc<ConnectionShare>>,
    holder: Arc<Holder>,
    key: Key,
    /// Parts of the answer that were handed on and not yet written, in bytes.
    waiting: AtomicU64,
    /// What is counted for parts that can't be seen while others wait, in bytes.
    unseen: AtomicU64,
}

/// What a request needs a share for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    pub(crate) client: Option<IpAddr>,
    pub(crate) is_tunnel: bool,
    /// The length of its body, in bytes; none: it does not say.
    pub(crate) body: Option<u64>,
}

/// A part of an answer on its way to the client.
struct Waiting {
    bytes: Bytes,
    request: Arc<RequestShare>,
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
            true => (Kind::Tunnel, &shares.used.tunnels),
            false => (Kind::Request, &shares.used.in_flight),
        };
        let bytes = REQUEST_BYTES + need.body.unwrap_or(UPLOAD_BYTES).min(UPLOAD_BYTES);
        let holder = Arc::new(Holder {
            kind,
            client: need.client.map(|address| shares.clients.id(address)),
            end,
            requests: 0.into(),
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
            waiting: AtomicU64::new(0),
            unseen: AtomicU64::new(UNSEEN_BYTES),
        });
        count.fetch_add(1, Ordering::Relaxed);
        if let Some(holdings) = share.holdings() {
            share.counted(holdings).fetch_add(1, Ordering::Relaxed);
        }
        if let Some(connection) = &share.connection {
            connection.begin_request();
        }
        share.charge(bytes);
        shares.check(kind, share.holdings()).map(|()| share)
    }

    /// Whether it was told to end, to make room.
    pub(crate) fn is_shed(&self) -> bool {
        self.holder.end.is_given()
    }

    #[cfg(test)]
    pub(super) fn since(&self, since_ms: u64) {
        self.holder.since_ms.store(since_ms, Ordering::Relaxed);
    }

    /// Whether its client is over its limit of memory by so much that the shedder can't keep up.
    pub(crate) fn is_over(&self) -> bool {
        let limit = self.shares.capacity.buffered.client;
        self.holdings()
            .is_some_and(|held| held.buffered.load(Ordering::Relaxed) > limit + limit / OVER_PART)
    }

    /// Says how long the answer is, in bytes, where its head says so: no more than that can wait.
    pub(crate) fn answered(&self, length: Option<u64>) {
        // Parts of an earlier, interim answer have no body, so nothing waits yet.
        if let Some(length) = length {
            self.unseen.store(length.min(UNSEEN_BYTES), Ordering::Relaxed);
        }
    }

    /// Counts a part of the answer until its last byte is written or dropped. `is_last` says that none follows it.
    pub(crate) fn hand_on(self: &Arc<Self>, bytes: Bytes, is_last: bool) -> Bytes {
        let length = bytes.len() as u64;
        if is_last && self.waiting.load(Ordering::Acquire) == 0 {
            self.unseen.store(0, Ordering::Relaxed);
        }
        let before = self.waiting.fetch_add(length, Ordering::AcqRel);
        let unseen = if before == 0 {
            self.holder
                .since_ms
                .store(self.shares.now_ms(), Ordering::Relaxed);
            self.unseen.load(Ordering::Relaxed)
        } else {
            0
        };
        self.charge(length.saturating_add(unseen));
        Bytes::from_owner(Waiting {
            bytes,
            request: Arc::clone(self),
        })
    }

    fn written(&self, length: u64) {
        let before = self.waiting.fetch_sub(length, Ordering::AcqRel);
        let unseen = if before == length {
            self.unseen.load(Ordering::Relaxed)
        } else {
            self.holder
                .since_ms
                .store(self.shares.now_ms(), Ordering::Relaxed);
            0
        };
        self.release(length.saturating_add(unseen));
    }

    fn charge(&self, bytes: u64) {
        self.holder.buffered.fetch_add(bytes, Ordering::Relaxed);
        self.shares.charge(self.holdings(), bytes);
    }

    fn release(&self, bytes: u64) {
        self.holder.buffered.fetch_sub(bytes, Ordering::Relaxed);
        self.shares.release(self.holdings(), bytes);
    }

    fn holdings(&self) -> Option<&Holdings> {
        self.holder
            .client
            .and_then(|client| self.shares.clients.of(client))
    }

    fn counted<'h>(&self, holdings: &'h Holdings) -> &'h std::sync::atomic::AtomicU32 {
        match self.holder.kind {
            Kind::Tunnel => &holdings.tunnels,
            Kind::Request | Kind::Connection => &holdings.in_flight,
        }
    }
}

impl Drop for RequestShare {
    fn drop(&mut self) {
        self.release(self.holder.buffered.load(Ordering::Relaxed));
        if let Some(holdings) = self.holdings() {
            self.counted(holdings).fetch_sub(1, Ordering::Relaxed);
        }
        let count = match self.holder.kind {
            Kind::Tunnel => &self.shares.used.tunnels,
            Kind::Request | Kind::Connection => &self.shares.used.in_flight,
        };
        count.fetch_sub(1, Ordering::Relaxed);
        self.shares.register.remove(self.key);
        if let Some(connection) = &self.connection {
            connection.end_request();
        }
    }
}

impl AsRef<[u8]> for Waiting {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.request.written(self.bytes.len() as u64);
    }
}
