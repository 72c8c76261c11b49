//! The connection slots of the admin listener, limited in total and for each client. When all slots are taken, the
//! connection that has been idle longest is closed to admit a new one. A connection whose response is being produced
//! is never closed for another.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::client_network::network;
use crate::code_counter::CodeCounter;
use crate::metrics::Metrics;

/// Maximum of open connections.
pub const MAX_ADMIN_CONNECTIONS: usize = 128;
/// Maximum of open connections of one client.
pub const MAX_ADMIN_CONNECTIONS_PER_CLIENT: usize = 32;

/// All slots.
pub(super) struct ConnectionSlots {
    /// Maximum of open connections.
    max_connections: usize,
    taken: Mutex<Vec<Arc<ConnectionSlot>>>,
    metrics: Arc<Metrics>,
}

/// The slot of one connection.
struct ConnectionSlot {
    client: IpAddr,
    state: Mutex<SlotState>,
    evicted: Notify,
}

/// The state of a connection.
#[derive(Clone, Copy)]
enum SlotState {
    /// Idle since this time: waiting for a request, or for the client to read a response.
    Idle(Instant),
    /// A response is being produced.
    Busy,
}

/// A slot that a connection holds. Dropping it frees the slot.
pub(super) struct SlotGuard {
    slots: Arc<ConnectionSlots>,
    slot: Arc<ConnectionSlot>,
}

/// Marks a slot as busy until it is dropped.
pub(super) struct ResponseGuard(Arc<ConnectionSlot>);

impl ConnectionSlots {
    /// Creates slots for `max_connections`, at most [`MAX_ADMIN_CONNECTIONS`].
    pub(super) fn new(metrics: Arc<Metrics>, max_connections: usize) -> Arc<Self> {
        Arc::new(Self {
            max_connections: max_connections.clamp(1, MAX_ADMIN_CONNECTIONS),
            taken: Mutex::default(),
            metrics,
        })
    }

    /// Returns the counter of closed connections.
    pub(super) fn closed(&self) -> &CodeCounter {
        &self.metrics.connections.admin_closed
    }

    /// Takes a slot for a connection of `peer`. If there is none, evicts the connection that has been idle longest:
    /// of the same client if that is at its limit, else of the client with most idle connections. Returns none if no
    /// connection is idle.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr) -> Option<SlotGuard> {
        let client = network(peer);
        let mut taken = self.taken.lock();
        let of_client = taken.iter().filter(|slot| slot.client == client).count();
        let evict_from = if of_client >= MAX_ADMIN_CONNECTIONS_PER_CLIENT.min(self.max_connections) {
            Some(client)
        } else if taken.len() >= self.max_connections {
            Some(most_idle_client(&taken).unwrap_or(client))
        } else {
            None
        };
        if let Some(evict_from) = evict_from {
            let Some(index) = longest_idle(&taken, evict_from) else {
                self.closed().count("full");
                return None;
            };
            // Removed here, not when the evicted connection ends: the new one needs the slot now.
            taken.swap_remove(index).evicted.notify_one();
            self.closed().count("displaced");
        }
        let slot = Arc::new(ConnectionSlot {
            client,
            state: Mutex::new(SlotState::Idle(Instant::now())),
            evicted: Notify::new(),
        });
        taken.push(Arc::clone(&slot));
        Some(SlotGuard {
            slots: Arc::clone(self),
            slot,
        })
    }
}

/// Returns the client with most idle connections.
fn most_idle_client(taken: &[Arc<ConnectionSlot>]) -> Option<IpAddr> {
    let idle_count = |client: IpAddr| {
        let is_idle = |slot: &&Arc<ConnectionSlot>| slot.client == client && slot.idle_since().is_some();
        taken.iter().filter(is_idle).count()
    };
    let clients = taken.iter().map(|slot| slot.client);
    clients.max_by_key(|client| idle_count(*client))
}

/// Returns the index of the client's connection that has been idle longest.
fn longest_idle(taken: &[Arc<ConnectionSlot>], client: IpAddr) -> Option<usize> {
    let of_client = taken.iter().enumerate().filter(|(_, slot)| slot.client == client);
    let idle = of_client.filter_map(|(index, slot)| Some((slot.idle_since()?, index)));
    idle.min().map(|(_, index)| index)
}

impl ConnectionSlot {
    fn idle_since(&self) -> Option<Instant> {
        match *self.state.lock() {
            SlotState::Idle(since) => Some(since),
            SlotState::Busy => None,
        }
    }
}

impl SlotGuard {
    /// Marks the slot as busy until the guard is dropped.
    pub(super) fn begin_response(&self) -> ResponseGuard {
        *self.slot.state.lock() = SlotState::Busy;
        ResponseGuard(Arc::clone(&self.slot))
    }

    /// Completes when the slot was given to another connection.
    pub(super) async fn evicted(&self) {
        self.slot.evicted.notified().await;
    }
}

impl Drop for ResponseGuard {
    fn drop(&mut self) {
        *self.0.state.lock() = SlotState::Idle(Instant::now());
    }
}

impl Drop for SlotGuard {
    fn drop(&mut self) {
        let mut taken = self.slots.taken.lock();
        taken.retain(|slot| !Arc::ptr_eq(slot, &self.slot));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn slots() -> Arc<ConnectionSlots> {
        ConnectionSlots::new(Arc::new(Metrics::new()), MAX_ADMIN_CONNECTIONS)
    }

    fn take(slots: &Arc<ConnectionSlots>, client: u8, count: usize) -> Vec<SlotGuard> {
        (0..count).map(|_| slots.take(address(client)).unwrap()).collect()
    }

    fn is_evicted(taken: &SlotGuard) -> bool {
        let slots = taken.slots.taken.lock();
        !slots.iter().any(|slot| Arc::ptr_eq(slot, &taken.slot))
    }

    #[test]
    fn a_client_at_its_limit_evicts_its_own_longest_idle() {
        let slots = slots();
        let other = take(&slots, 1, 1);
        let all = take(&slots, 2, MAX_ADMIN_CONNECTIONS_PER_CLIENT);
        drop(all[0].begin_response());
        let _next = take(&slots, 2, 1);
        let evicted: Vec<bool> = all.iter().take(3).map(is_evicted).collect();
        assert_eq!(evicted, [false, true, false]);
        assert!(!is_evicted(&other[0]));
    }

    #[test]
    fn a_new_connection_evicts_one_of_the_client_with_most() {
        let slots = slots();
        let mut all = take(&slots, 0, 5);
        let big = take(&slots, 1, MAX_ADMIN_CONNECTIONS_PER_CLIENT);
        let mut client = 2;
        while slots.taken.lock().len() < MAX_ADMIN_CONNECTIONS {
            all.extend(take(&slots, client, 1));
            client += 1;
        }
        let _newcomer = take(&slots, client, 1);
        assert_eq!(slots.taken.lock().len(), MAX_ADMIN_CONNECTIONS);
        assert!(is_evicted(&big[0]));
        assert!(!all.iter().any(is_evicted));
    }

    #[test]
    fn a_connection_with_a_running_response_keeps_its_slot() {
        let slots = slots();
        let all = take(&slots, 1, MAX_ADMIN_CONNECTIONS_PER_CLIENT);
        let mut response_guards: Vec<ResponseGuard> = all.iter().map(SlotGuard::begin_response).collect();
        assert!(slots.take(address(1)).is_none());
        assert!(slots.take(address(2)).is_some());
        response_guards.pop();
        assert!(slots.take(address(1)).is_some());
        assert!(all.last().is_some_and(is_evicted));
    }

    #[test]
    fn closed_connection_releases_its_slot() {
        let slots = slots();
        drop(take(&slots, 1, MAX_ADMIN_CONNECTIONS_PER_CLIENT));
        assert!(slots.taken.lock().is_empty());
    }
}
