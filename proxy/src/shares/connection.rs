//! One connection's share: a descriptor of the process and some memory, charged to its client.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::Shares;
use super::clients::ClientId;
use super::end_signal::EndSignal;
use super::holder::{Holder, HolderKey, HolderKind};
use super::request::RequestShare;
use super::resource::Resource;

/// What a connection takes, in bytes: its read buffer and the state of TLS and HTTP/2. Measured; docs/security.md has the
/// figures.
pub(crate) const CONNECTION_BYTES: u64 = 144 * 1024;

/// A connection that was let in. It counts as long as it exists.
#[derive(Debug)]
pub(crate) struct ConnectionShare {
    shares: Arc<Shares>,
    /// There once its client is known.
    held: Option<(Arc<Holder>, HolderKey)>,
    /// The request that the whole connection serves.
    request: Mutex<Weak<RequestShare>>,
}

impl Shares {
    /// Counts a connection; none where no descriptor is left for it.
    pub(crate) fn take_connection_share(self: &Arc<Self>) -> Option<ConnectionShare> {
        ConnectionShare::take(self)
    }
}

impl ConnectionShare {
    /// Counts a connection; none where no descriptor is left for it.
    pub(super) fn take(shares: &Arc<Shares>) -> Option<Self> {
        let before = shares.used.connections.fetch_add(1, Ordering::Relaxed);
        // Made before it is known whether there is room, so that dropping it takes the count back.
        let share = Self {
            shares: Arc::clone(shares),
            held: None,
            request: Mutex::default(),
        };
        shares.wake_shedder_if_short();
        let used = before.saturating_add(shares.used.upstream_descriptors());
        let has_room = used < shares.capacity.descriptors
            || used < shares.capacity.descriptors + shares.capacity.connection_slack()
                && shares.make_room(Resource::Descriptors);
        has_room.then_some(share)
    }

    /// Charges the connection to a client; none for the connections of trusted proxies, which are nobody's. False if
    /// a limit of memory is reached, or this client holds more than is left.
    #[must_use]
    pub(crate) fn charge(&mut self, client: Option<IpAddr>) -> bool {
        let shares = &self.shares;
        let client = client.map(|address| shares.clients.id(address));
        let holder = Arc::new(Holder {
            kind: HolderKind::Connection,
            client,
            end_signal: Arc::default(),
            requests: AtomicU32::new(0),
            holds_slot: AtomicBool::new(false),
            buffered: AtomicU64::new(CONNECTION_BYTES),
            since_ms: AtomicU64::new(shares.now_ms()),
        });
        let key = shares.register.add(&holder);
        self.held = Some((holder, key));
        let holdings = shares.clients.of(client);
        holdings.connections.fetch_add(1, Ordering::Relaxed);
        shares.charge(holdings, client.is_some(), CONNECTION_BYTES);
        let has_room = shares.has_memory_for_all() || shares.make_room(Resource::Buffered);
        // Nobody is judged by the connections of trusted proxies, which are all of their clients'.
        let is_greedy = || !shares.has_memory(client) || shares.is_greedy_of_descriptors(holdings);
        has_room && (client.is_none() || !is_greedy())
    }

    /// The signal that ends the connection.
    pub(crate) fn end_signal(&self) -> Arc<EndSignal> {
        let held = self.held.as_ref();
        held.map_or_else(Arc::default, |(holder, _)| Arc::clone(&holder.end_signal))
    }

    /// The signal that ends what is left of a request on it: none where that may be others' as well.
    pub(crate) fn fallback_end_signal(&self) -> Option<Arc<EndSignal>> {
        let (holder, _) = self.held.as_ref()?;
        holder.client.map(|_| Arc::clone(&holder.end_signal))
    }

    pub(super) fn client(&self) -> Option<ClientId> {
        self.held.as_ref()?.0.client
    }

    /// Notes that the client sent something.
    pub(crate) fn touch(&self) {
        if let Some((holder, _)) = &self.held {
            holder.since_ms.store(self.shares.now_ms(), Ordering::Relaxed);
        }
    }

    #[cfg(test)]
    pub(super) fn set_since_ms(&self, since_ms: u64) {
        if let Some((holder, _)) = &self.held {
            holder.since_ms.store(since_ms, Ordering::Relaxed);
        }
    }

    /// Names the request that the whole connection serves, as it does over HTTP/1.
    pub(crate) fn set_request(&self, request: &Arc<RequestShare>) {
        *self.request.lock() = Arc::downgrade(request);
    }

    /// Notes whether the client takes what is written to it.
    pub(crate) fn set_stalled(&self, is_stalled: bool) {
        let request = self.request.lock().upgrade();
        if let Some(request) = request {
            request.set_stalled(is_stalled);
        }
    }

    /// Counts a request that an upstream is asked on the connection.
    pub(super) fn begin_request(&self) {
        if let Some((holder, _)) = &self.held {
            holder.requests.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn end_request(&self) {
        if let Some((holder, _)) = &self.held {
            holder.since_ms.store(self.shares.now_ms(), Ordering::Relaxed);
            holder.requests.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for ConnectionShare {
    fn drop(&mut self) {
        let shares = &self.shares;
        if let Some((holder, key)) = self.held.take() {
            shares.register.remove(key);
            let holdings = shares.clients.of(holder.client);
            shares.release(holdings, CONNECTION_BYTES);
            holdings.connections.fetch_sub(1, Ordering::Relaxed);
        }
        shares.used.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
