//! The share of one connection: a file descriptor and memory, charged to its client.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

use super::Shares;
use super::clients::ClientId;
use super::end_signal::EndSignal;
use super::holder::{Holder, HolderKey, HolderKind};
use super::resource::Resource;

/// Memory of a connection, in bytes: its read buffer and the state of TLS and HTTP/2. Measured; docs/security.md has
/// the figures.
pub(crate) const CONNECTION_BYTES: u64 = 144 * 1024;

/// The share of an admitted connection. It counts until it is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionShare {
    shares: Arc<Shares>,
    /// Present once the client is known.
    held: Option<(Arc<Holder>, HolderKey)>,
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
        // Created before the limit is checked, so that dropping it undoes the count.
        let share = Self {
            shares: Arc::clone(shares),
            held: None,
        };
        shares.wake_shedder_if_short();
        let used = before.saturating_add(shares.used.upstream_descriptors());
        let has_room = used < shares.capacity.descriptors
            || used < shares.capacity.descriptors + shares.capacity.connection_slack()
                && shares.make_room(Resource::Descriptors);
        has_room.then_some(share)
    }

    /// Charges the connection to a client; none for a trusted proxy's, which serves many clients. Returns false at a
    /// memory limit, or if the client holds more than is left.
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
        // Charged before it is checked, like every share: of two that race for the last memory neither exceeds the
        // limit.
        let has_room = shares.has_memory_for_all() || shares.make_room(Resource::Buffered);
        // No client is refused for the connections of a trusted proxy.
        let is_greedy = || !shares.has_memory(client) || shares.is_greedy_of_descriptors(holdings);
        has_room && (client.is_none() || !is_greedy())
    }

    /// Returns the signal that ends the connection.
    pub(crate) fn end_signal(&self) -> Arc<EndSignal> {
        let held = self.held.as_ref();
        held.map_or_else(Arc::default, |(holder, _)| Arc::clone(&holder.end_signal))
    }

    /// Returns the signal that ends what remains of a finished request: its connection's. None where other clients
    /// share the connection.
    pub(crate) fn fallback_end_signal(&self) -> Option<Arc<EndSignal>> {
        let (holder, _) = self.held.as_ref()?;
        holder.client.map(|_| Arc::clone(&holder.end_signal))
    }

    pub(super) fn client(&self) -> Option<ClientId> {
        self.held.as_ref()?.0.client
    }

    /// Records that the client sent something at `now`.
    pub(crate) fn touch(&self, now: Instant) {
        if let Some((holder, _)) = &self.held {
            holder.since_ms.store(self.shares.ms_at(now), Ordering::Relaxed);
        }
    }

    #[cfg(test)]
    pub(super) fn set_since_ms(&self, since_ms: u64) {
        if let Some((holder, _)) = &self.held {
            holder.since_ms.store(since_ms, Ordering::Relaxed);
        }
    }

    /// Counts a request of the connection that is sent to an upstream.
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
