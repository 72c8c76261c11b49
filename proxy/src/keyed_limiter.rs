//! Rate limits by key. The algorithm is GCRA, by the crate governor. This module bounds the number of counted keys.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use governor::clock::{Clock, Reference as _};
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
    usage: UsageStore<K>,
    /// The time for which a permit may be taken in advance: the burst without the first use.
    tolerance: Nanos,
    clock: C,
    /// The reading of the clock at the creation.
    start: C::Instant,
}

/// The use of a limit by key. Clones share it.
#[derive(Debug, Clone)]
struct UsageStore<K>(Arc<Cache<K, Arc<InMemoryState>>>);

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
        let cache = Cache::with_weighter(USUAL_KEYS, MAX_KEYS, UnitWeighter);
        let usage = UsageStore(Arc::new(cache));
        let start = clock.now();
        let period = Nanos::from(quota.replenish_interval());
        Self {
            limiter: RateLimiter::new(quota, usage.clone(), clock.clone()),
            usage,
            tolerance: period * u64::from(quota.burst_size().get() - 1),
            clock,
            start,
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

    /// Returns the time until the next use by `key` is allowed; none if it is now. Counts nothing.
    pub(crate) fn wait(&self, key: &K) -> Option<Duration> {
        let state = self.usage.0.get(key)?;
        // governor has no reading access, so the theoretical arrival time of GCRA is returned as the reason not to
        // replace it.
        let arrival = state.measure_and_replace(&NotKeyed::NonKey, Err::<((), Nanos), _>);
        let earliest = arrival.err().flatten()?.saturating_sub(self.tolerance);
        let now = self.clock.now().duration_since(self.start);
        let wait = Duration::from(earliest.saturating_sub(now));
        (!wait.is_zero()).then_some(wait)
    }
}

#[cfg(test)]
mod tests;
