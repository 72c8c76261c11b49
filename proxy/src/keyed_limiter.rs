//! Rate limits by key. The algorithm is GCRA, by the crate governor. This module bounds the number of counted keys.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use quick_cache::UnitWeighter;
use quick_cache::sync::Cache;

use crate::client_network::network;

/// Maximum of keys that one limiter counts. The least recently seen are evicted and start anew.
pub(crate) const MAX_KEYS: u64 = 65_536;
/// Expected number of keys, which sizes the tables.
const USUAL_KEYS: usize = 256;

/// A client as it is counted: its network as a number; none for all clients without a known address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClientKey(Option<u128>);

impl ClientKey {
    /// Returns the key of a client's address.
    pub(crate) fn of(client: Option<IpAddr>) -> Self {
        Self(client.map(|client| match network(client) {
            IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
            IpAddr::V6(address) => address.to_bits(),
        }))
    }
}

/// A rate limit that is counted for each key.
#[derive(Debug)]
pub(crate) struct KeyedLimiter<K: Clone + Eq + std::hash::Hash, C: Clock = ElapsedClock> {
    limiter: RateLimiter<K, UsageStore<K>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
}

/// The use of a limit by key.
#[derive(Debug)]
struct UsageStore<K>(Cache<K, Arc<InMemoryState>>);

/// A clock that starts when a limit is created.
#[derive(Debug, Clone)]
pub(crate) struct ElapsedClock(Instant);

impl ElapsedClock {
    /// Starts a clock.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }
}

impl Clock for ElapsedClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        // governor reads 0 as "nothing was used".
        (self.0.elapsed() + Duration::from_nanos(1)).into()
    }
}

impl<K: Clone + Eq + std::hash::Hash> StateStore for UsageStore<K> {
    type Key = K;

    fn measure_and_replace<T, F, E>(&self, key: &K, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let Ok(cell) = self
            .0
            .get_or_insert_with(key, || Ok::<_, Infallible>(Arc::default()));
        cell.measure_and_replace(&NotKeyed::NonKey, f)
    }
}

impl<K: Clone + Eq + std::hash::Hash, C: Clock + Clone> KeyedLimiter<K, C> {
    /// Creates a limiter.
    pub(crate) fn new(quota: Quota, clock: C) -> Self {
        let store = UsageStore(Cache::with_weighter(USUAL_KEYS, MAX_KEYS, UnitWeighter));
        Self {
            limiter: RateLimiter::new(quota, store, clock.clone()),
            clock,
        }
    }

    /// Counts one use by `key`.
    ///
    /// # Errors
    /// The limit is exceeded; the duration is the time until the next use is allowed.
    pub(crate) fn count(&self, key: &K) -> Result<(), Duration> {
        let counted = self.limiter.check_key(key);
        counted.map_err(|until| until.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests;
