//! The connections and requests that the shedder can end. All are registered, so that those of one client can be
//! found.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::clients::ClientId;
use super::end_signal::EndSignal;

/// Number of shards of the register, so that tasks rarely contend for a lock.
const SHARDS: usize = 64;

/// A connection or a request, and the amounts that it holds.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) kind: HolderKind,
    pub(super) client: Option<ClientId>,
    /// Ends the connection or request.
    pub(super) end_signal: Arc<EndSignal>,
    /// Requests in flight to upstreams on a connection.
    pub(super) requests: AtomicU32,
    /// True while it counts as a request or tunnel in flight.
    pub(super) holds_slot: AtomicBool,
    /// Memory charged to it, in bytes.
    pub(super) buffered: AtomicU64,
    /// Time of its last progress, in milliseconds since the start: a connection finished a request, or a client took
    /// a part of a response.
    pub(super) since_ms: AtomicU64,
}

/// The kind of a holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HolderKind {
    /// A client's connection.
    Connection,
    /// A request in flight to an upstream.
    Request,
    /// A request that is, or may become, a tunnel.
    Tunnel,
}

/// The key of a registered holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HolderKey(u64);

/// The register of all holders.
#[derive(Debug)]
pub(super) struct Register {
    next: AtomicU64,
    shards: [Mutex<HashMap<u64, Arc<Holder>>>; SHARDS],
}

impl Holder {
    /// Returns true for a connection without a request in flight.
    pub(super) fn is_idle_connection(&self) -> bool {
        self.kind == HolderKind::Connection && self.requests.load(Ordering::Relaxed) == 0
    }
}

impl Register {
    pub(super) fn new() -> Self {
        Self {
            next: AtomicU64::new(0),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    pub(super) fn add(&self, holder: &Arc<Holder>) -> HolderKey {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        if let Some(shard) = self.shard(key) {
            shard.lock().insert(key, Arc::clone(holder));
        }
        HolderKey(key)
    }

    pub(super) fn remove(&self, HolderKey(key): HolderKey) {
        if let Some(shard) = self.shard(key) {
            shard.lock().remove(&key);
        }
    }

    /// Returns the holders that `wanted` selects.
    pub(super) fn filter(&self, wanted: impl Fn(&Holder) -> bool) -> Vec<Arc<Holder>> {
        let mut found = Vec::new();
        for shard in &self.shards {
            found.extend(shard.lock().values().filter(|holder| wanted(holder)).cloned());
        }
        found
    }

    fn shard(&self, key: u64) -> Option<&Mutex<HashMap<u64, Arc<Holder>>>> {
        self.shards.get(usize::try_from(key).unwrap_or_default() % SHARDS)
    }
}
