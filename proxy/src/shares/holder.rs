//! What can be ended to make room: a connection, or a request that an upstream is asked. All of them are registered,
//! so that those of one client can be found.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::clients::ClientId;
use super::end_signal::EndSignal;

/// The number of parts of the register, so that tasks seldom wait for each other.
const SHARDS: usize = 64;

/// A connection or a request, and what it holds.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) kind: HolderKind,
    pub(super) client: Option<ClientId>,
    /// Ends it.
    pub(super) end_signal: Arc<EndSignal>,
    /// For a connection, the number of its requests that upstreams are asked.
    pub(super) requests: AtomicU32,
    /// Whether it is counted among the requests that upstreams are asked.
    pub(super) holds_slot: AtomicBool,
    /// Memory that is counted for it, in bytes.
    pub(super) buffered: AtomicU64,
    /// When it last got on, in milliseconds since the start: a connection ended a request, a client took a part of an
    /// answer.
    pub(super) since_ms: AtomicU64,
}

/// What a holder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HolderKind {
    /// A connection of a client.
    Connection,
    /// A request that an upstream is asked.
    Request,
    /// A request that became, or may become, a tunnel.
    Tunnel,
}

/// The key of a registered holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HolderKey(u64);

/// All holders.
#[derive(Debug)]
pub(super) struct Register {
    next: AtomicU64,
    shards: [Mutex<HashMap<u64, Arc<Holder>>>; SHARDS],
}

impl Holder {
    /// Whether nothing is asked of an upstream on it.
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

    /// The holders that `wanted` picks.
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
