//! Live rate limits: the use of a route's limit by each tenant or client.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use governor::Quota;
use governor::clock::Clock;
use rules::{LimitBy, RateLimit, Route, TenantId};

use crate::keyed_limiter::{ClientKey, ElapsedClock, KeyedLimiter};

/// The limit of one route.
#[derive(Debug)]
pub(crate) struct LiveLimit<C: Clock = ElapsedClock> {
    route: Box<str>,
    definition: RateLimit,
    tenants: KeyedLimiter<TenantId, C>,
    clients: KeyedLimiter<ClientKey, C>,
    /// Counts requests whose caller was refused, by address. Apart from `clients`: a request that was accepted does not
    /// count, so that valid requests up to the limit tell nothing about the route before its gate is decided. Clients of
    /// one address share the count: behind a NAT, a neighbour's bad tokens get a client a 429 here too.
    refused: KeyedLimiter<ClientKey, C>,
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
                || Arc::new(Self::new(&route.name, definition, ElapsedClock::start())),
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
            tenants: KeyedLimiter::new(quota, clock.clone()),
            clients: KeyedLimiter::new(quota, clock.clone()),
            refused: KeyedLimiter::new(quota, clock),
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
        match tenant {
            Some(tenant) => self.tenants.count(tenant),
            None => self.clients.count(&ClientKey::of(client)),
        }
    }

    /// Counts a request of `client` whose caller was refused.
    pub(crate) fn count_refused(&self, client: Option<IpAddr>) {
        // A limit that is reached counts no further request.
        let _ = self.refused.count(&ClientKey::of(client));
    }

    /// Returns the time until a caller of `client` may be refused again; none if it may be now. Counts nothing.
    pub(crate) fn wait_after_refusals(&self, client: Option<IpAddr>) -> Option<Duration> {
        self.refused.wait(&ClientKey::of(client))
    }
}

#[cfg(test)]
mod tests;
