//! An endpoint of an upstream: its address, its requests in flight, and its health.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use pingora::upstreams::peer::HttpPeer;
use rules::{Ejection, HealthCheck};

use super::http2_connections::Http2Connections;
use super::idle_connections::IdleConnections;

/// An endpoint that requests can be sent to.
#[derive(Debug)]
pub(crate) struct LiveEndpoint {
    pub(crate) address: SocketAddr,
    /// Host and port as written in the definition, for a `Host` header.
    pub(crate) authority: Arc<str>,
    pub(super) weight: u32,
    pub(super) rank: Rank,
    /// The endpoint's seed for sticky balancing; the same on every node.
    pub(super) seed: u64,
    pub(crate) peer: HttpPeer,
    pub(super) state: Arc<EndpointState>,
}

/// The health of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointHealth {
    /// It gets requests.
    Fit,
    /// It gets no requests for a time, after consecutive failures.
    Ejected,
    /// Health checks fail.
    Unhealthy,
}

impl EndpointHealth {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Fit, Self::Ejected, Self::Unhealthy];

    /// Returns the name in metrics and in the admin API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fit => "fit",
            Self::Ejected => "ejected",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// The rank of an endpoint in balancing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    /// An endpoint that takes turns.
    First,
    /// An endpoint that is used only if no other can be: the IPv6 address of a host that also has IPv4 addresses.
    Reserve,
}

/// The state of an endpoint, kept while its address and connection settings are unchanged.
#[derive(Debug)]
pub(super) struct EndpointState {
    born: Instant,
    in_flight: AtomicUsize,
    /// Consecutive failures.
    failures: AtomicU32,
    /// Milliseconds since `born`; 0 for never.
    ejected_until_ms: AtomicU64,
    is_unhealthy: AtomicBool,
    was_checked: AtomicBool,
    /// Consecutive checks that contradict the current health.
    streak: AtomicU32,
    /// The connections to it.
    pub(super) idle: IdleConnections,
    pub(super) http2: Http2Connections,
}

/// A request in flight to an endpoint. Dropping it ends the count.
#[derive(Debug)]
pub(crate) struct EndpointRequest {
    endpoint: Arc<LiveEndpoint>,
    /// True once the response is complete and the request no longer counts.
    has_ended: bool,
}

impl EndpointState {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            born: now,
            in_flight: AtomicUsize::new(0),
            failures: AtomicU32::new(0),
            ejected_until_ms: AtomicU64::new(0),
            is_unhealthy: AtomicBool::new(false),
            was_checked: AtomicBool::new(false),
            streak: AtomicU32::new(0),
            idle: IdleConnections::default(),
            http2: Http2Connections::default(),
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Returns true while the endpoint is ejected.
    pub(super) fn is_ejected(&self, now: Instant) -> bool {
        let until = self.ejected_until_ms.load(Ordering::Relaxed);
        until != 0 && self.millis(now) < until
    }

    /// Returns true if the endpoint should get requests.
    pub(super) fn is_fit(&self, now: Instant) -> bool {
        !self.is_unhealthy() && !self.is_ejected(now)
    }

    /// Returns its health.
    pub(super) fn health(&self, now: Instant) -> EndpointHealth {
        match (self.is_unhealthy(), self.is_ejected(now)) {
            (true, _) => EndpointHealth::Unhealthy,
            (false, true) => EndpointHealth::Ejected,
            (false, false) => EndpointHealth::Fit,
        }
    }

    /// Returns true if health checks found the endpoint unhealthy.
    pub(super) fn is_unhealthy(&self) -> bool {
        self.is_unhealthy.load(Ordering::Relaxed)
    }

    /// Records a check. Returns true if it changes the endpoint's health. The first check decides alone, because
    /// nothing is known before it. At most one task checks an endpoint at a time.
    pub(super) fn record_check(&self, well: bool, health: &HealthCheck) -> bool {
        // Relaxed is sufficient everywhere in this type: the values are independent, and a late read delays one
        // decision only.
        let first = !self.was_checked.swap(true, Ordering::Relaxed);
        if well != self.is_unhealthy() {
            self.streak.store(0, Ordering::Relaxed);
            return false;
        }
        let streak = self.streak.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let needed = if well { health.healthy } else { health.unhealthy };
        if !first && streak < needed {
            return false;
        }
        self.streak.store(0, Ordering::Relaxed);
        self.is_unhealthy.store(!well, Ordering::Relaxed);
        true
    }

    /// Forgets the results of health checks.
    pub(super) fn forget_health(&self) {
        self.was_checked.store(false, Ordering::Relaxed);
        self.streak.store(0, Ordering::Relaxed);
        self.is_unhealthy.store(false, Ordering::Relaxed);
    }

    /// Counts a failure. Returns true if it ejects the endpoint. Afterwards a single failure ejects it again.
    pub(super) fn record_failure(&self, now: Instant, ejection: Ejection) -> bool {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if failures < ejection.failures {
            return false;
        }
        self.failures
            .store(ejection.failures.saturating_sub(1), Ordering::Relaxed);
        let millis = self.millis(now);
        let before = self.ejected_until_ms.load(Ordering::Relaxed);
        // Of several requests that fail at the same time, exactly one ejects the endpoint.
        before <= millis
            && self
                .ejected_until_ms
                .compare_exchange(
                    before,
                    millis.saturating_add(ejection.for_ms).max(1),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok()
    }

    /// Records a response.
    pub(super) fn record_success(&self) {
        // Written only if it changes the value, because all threads share the cache line.
        if self.failures.load(Ordering::Relaxed) != 0 {
            self.failures.store(0, Ordering::Relaxed);
        }
    }

    fn millis(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.born).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX)
    }
}

impl EndpointRequest {
    pub(super) fn new(endpoint: &Arc<LiveEndpoint>) -> Self {
        endpoint.state.in_flight.fetch_add(1, Ordering::Relaxed);
        Self {
            endpoint: Arc::clone(endpoint),
            has_ended: false,
        }
    }

    /// Ends the request's count.
    pub(super) fn end(&mut self) {
        if !std::mem::replace(&mut self.has_ended, true) {
            self.endpoint.state.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(super) fn shared(&self) -> &Arc<LiveEndpoint> {
        &self.endpoint
    }

    pub(crate) fn endpoint(&self) -> &LiveEndpoint {
        &self.endpoint
    }
}

impl Drop for EndpointRequest {
    fn drop(&mut self) {
        self.end();
    }
}
