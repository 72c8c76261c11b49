//! Connection limits of a listener: in total, and for each client.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use prometheus::IntGauge;

use crate::client_network::network;

/// Number of shards of the counts by client, so that connections of different clients rarely contend for a lock.
const SHARDS: usize = 16;

/// The connection counts of one listener.
#[derive(Debug)]
pub(crate) struct Admission {
    max: usize,
    max_per_client: usize,
    admitted: AtomicUsize,
    clients: [Mutex<HashMap<IpAddr, usize>>; SHARDS],
    hasher: RandomState,
    /// Shows the number of connections.
    gauge: IntGauge,
}

/// An admitted connection. It counts until it is dropped.
#[derive(Debug)]
pub(super) struct Admitted {
    admission: Arc<Admission>,
    client: Option<IpAddr>,
}

impl Admission {
    /// Creates limits of `max` connections, and of `max_per_client` for each client.
    pub(crate) fn new(max: usize, max_per_client: usize, gauge: IntGauge) -> Self {
        Self {
            max,
            max_per_client,
            admitted: AtomicUsize::new(0),
            clients: std::array::from_fn(|_| Mutex::default()),
            hasher: RandomState::new(),
            gauge,
        }
    }

    /// Admits a connection; none at the limit.
    pub(super) fn admit(self: &Arc<Self>) -> Option<Admitted> {
        self.gauge.inc();
        let before = self.admitted.fetch_add(1, Ordering::Relaxed);
        // Created before the limit is checked, so that dropping it undoes the count.
        let admitted = Admitted {
            admission: Arc::clone(self),
            client: None,
        };
        (before < self.max).then_some(admitted)
    }

    fn shard(&self, client: IpAddr) -> Option<&Mutex<HashMap<IpAddr, usize>>> {
        // A keyed hash, so that clients can't crowd one shard.
        let hash = usize::try_from(self.hasher.hash_one(client) & 0xFFFF).unwrap_or_default();
        self.clients.get(hash % SHARDS)
    }
}

impl Admitted {
    /// Counts the connection for `client`. Returns false at the client's limit.
    #[must_use]
    pub(super) fn charge(&mut self, client: IpAddr) -> bool {
        let client = network(client);
        let Some(shard) = self.admission.shard(client) else {
            return true;
        };
        let mut clients = shard.lock();
        let count = clients.entry(client).or_default();
        // At the limit the client has other connections, so this never leaves an entry with a count of zero.
        if *count >= self.admission.max_per_client {
            return false;
        }
        *count += 1;
        self.client = Some(client);
        true
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.admission.gauge.dec();
        self.admission.admitted.fetch_sub(1, Ordering::Relaxed);
        let Some(client) = self.client else { return };
        let Some(shard) = self.admission.shard(client) else {
            return;
        };
        let mut clients = shard.lock();
        if let Some(count) = clients.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                clients.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use prometheus::IntGauge;

    use super::Admission;

    fn admission(max: usize, max_per_client: usize) -> Arc<Admission> {
        let gauge = IntGauge::new("connections", "Connections.").unwrap();
        Arc::new(Admission::new(max, max_per_client, gauge))
    }

    #[test]
    fn admission_limits_connections() {
        let admission = admission(2, 9);
        let first = admission.admit().unwrap();
        let _second = admission.admit().unwrap();
        assert!(admission.admit().is_none());
        assert_eq!(admission.gauge.get(), 2);
        drop(first);
        assert!(admission.admit().is_some());
    }

    #[test]
    fn admission_limits_connections_per_client_and_ipv6_64() {
        let admission = admission(99, 1);
        let take = |client: &str| {
            let mut admitted = admission.admit().unwrap();
            admitted.charge(client.parse().unwrap()).then_some(admitted)
        };
        for (first, second, other) in [
            ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
            ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"),
        ] {
            let one = take(first).unwrap();
            assert!(take(second).is_none(), "{second}");
            assert!(take(other).is_some(), "{other}");
            drop(one);
            assert!(take(second).is_some(), "{second}");
        }
        let left: usize = admission.clients.iter().map(|shard| shard.lock().len()).sum();
        assert_eq!((left, admission.gauge.get()), (0, 0));
    }
}
