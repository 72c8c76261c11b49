//! Live rate limits: the use of a route's limit by each tenant or client. The algorithm is GCRA, by the crate
//! governor. This module bounds the number of counted keys.

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
use rules::{LimitBy, RateLimit, Route, TenantId};

use crate::client_network::network;

/// Maximum of tenants, and of clients, that one route's limit counts. The least recently seen are evicted and start
/// anew.
pub(crate) const MAX_KEYS: u64 = 65_536;
/// Expected number of keys, which sizes the tables.
const USUAL_KEYS: usize = 256;

/// A client as it is counted; none for all clients without a known address.
type ClientKey = Option<u128>;

/// The limit of one route.
#[derive(Debug)]
pub(crate) struct LiveLimit<C: Clock = ElapsedClock> {
    route: Box<str>,
    definition: RateLimit,
    tenants: KeyedLimiter<TenantId, C>,
    clients: KeyedLimiter<ClientKey, C>,
    clock: C,
}

type KeyedLimiter<K, C> = RateLimiter<K, UsageStore<K>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// The use of a limit by key.
#[derive(Debug)]
struct UsageStore<K>(Cache<K, Arc<InMemoryState>>);

/// A clock that starts when a limit is created.
#[derive(Debug, Clone)]
pub(crate) struct ElapsedClock(Instant);

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

impl LiveLimit {
    /// Returns the limits of `routes`, in order. A limit of `former` with the same route and definition is reused
    /// with its counts.
    pub(crate) fn make_live(routes: &[Route], former: &[Option<Arc<Self>>]) -> Box<[Option<Arc<Self>>]> {
        let live = |route: &Route| {
            let definition = route.limit?;
            let same = |live: &&Arc<Self>| live.route == route.name && live.definition == definition;
            // Counts survive a reload, so that reloading does not reset the limits of clients.
            let known = former.iter().flatten().find(same);
            Some(known.map_or_else(
                || Arc::new(Self::new(&route.name, definition, ElapsedClock(Instant::now()))),
                Arc::clone,
            ))
        };
        routes.iter().map(live).collect()
    }
}

impl<C: Clock + Clone> LiveLimit<C> {
    fn new(route: &str, definition: RateLimit, clock: C) -> Self {
        // GCRA spreads the allowed requests evenly: one for each part of the period.
        let period = Duration::from_millis(definition.per_ms) / definition.count.get();
        // A zero period would mean no limit, so the smallest period is used.
        let quota = Quota::with_period(period.max(Duration::from_nanos(1)));
        let quota = quota.map_or(Quota::per_second(definition.burst), |quota| {
            quota.allow_burst(definition.burst)
        });
        Self {
            route: route.into(),
            definition,
            tenants: RateLimiter::new(quota, UsageStore::new(), clock.clone()),
            clients: RateLimiter::new(quota, UsageStore::new(), clock.clone()),
            clock,
        }
    }

    /// Returns the kind of key that it counts by.
    pub(crate) fn by(&self) -> LimitBy {
        self.definition.by
    }

    /// Counts a request of `tenant`, or else of `client`.
    ///
    /// # Errors
    /// The limit is exceeded; the duration is the time until the next request is allowed.
    pub(crate) fn count(&self, tenant: Option<&TenantId>, client: Option<IpAddr>) -> Result<(), Duration> {
        let counted = match tenant {
            Some(tenant) => self.tenants.check_key(tenant),
            None => self.clients.check_key(&key(client)),
        };
        counted.map_err(|until| until.wait_time_from(self.clock.now()))
    }
}

impl<K: Clone + Eq + std::hash::Hash> UsageStore<K> {
    fn new() -> Self {
        Self(Cache::with_weighter(USUAL_KEYS, MAX_KEYS, UnitWeighter))
    }
}

/// Returns the key of a client: its network as a number.
fn key(client: Option<IpAddr>) -> ClientKey {
    Some(match network(client?) {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    })
}

#[cfg(test)]
mod tests;
