//! One address of an upstream: how it is reached, how many requests it has, and whether it is fit for more.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use pingora::upstreams::peer::HttpPeer;
use rules::{Ejection, HealthCheck};

/// An address that requests can be sent to.
#[derive(Debug)]
pub(crate) struct LiveEndpoint {
    pub(crate) address: SocketAddr,
    /// Its host and port as they were written, for a `Host`.
    pub(crate) authority: Arc<str>,
    pub(super) weight: u32,
    pub(super) rank: Rank,
    /// Tells it apart from others when tenants are spread; the same on every node.
    pub(super) seed: u64,
    pub(crate) peer: HttpPeer,
    pub(super) state: Arc<EndpointState>,
}

/// Whether an endpoint takes turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    /// It does.
    First,
    /// It is asked only where no other can be: it is the IPv6 address of a host that has IPv4 ones, too.
    Reserve,
}

/// What outlives changes of everything but address and way of connecting.
#[derive(Debug)]
pub(super) struct EndpointState {
    born: Instant,
    in_flight: AtomicUsize,
    /// Failures in a row.
    failures: AtomicU32,
    /// Since `born`; 0 for never.
    ejected_until_ms: AtomicU64,
    unhealthy: AtomicBool,
    checked: AtomicBool,
    /// Checks in a row that speak against what is thought of it.
    streak: AtomicU32,
}

/// A request that an endpoint has. Dropping it ends that.
#[derive(Debug)]
pub(crate) struct EndpointRequest {
    endpoint: Arc<LiveEndpoint>,
    /// Whether it was answered whole, and counts no more.
    ended: bool,
}

impl EndpointState {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            born: now,
            in_flight: AtomicUsize::new(0),
            failures: AtomicU32::new(0),
            ejected_until_ms: AtomicU64::new(0),
            unhealthy: AtomicBool::new(false),
            checked: AtomicBool::new(false),
            streak: AtomicU32::new(0),
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Whether it failed too often, a short while ago.
    pub(super) fn is_ejected(&self, now: Instant) -> bool {
        let until = self.ejected_until_ms.load(Ordering::Relaxed);
        until != 0 && self.millis(now) < until
    }

    /// Whether it should get requests.
    pub(super) fn is_fit(&self, now: Instant) -> bool {
        !self.is_unhealthy() && !self.is_ejected(now)
    }

    /// Whether checks say that it should get no requests.
    pub(super) fn is_unhealthy(&self) -> bool {
        self.unhealthy.load(Ordering::Relaxed)
    }

    /// Takes note of a check, and says whether that changes what is thought of it. The very first one decides
    /// alone: until then nothing is known. Only one task checks an endpoint at a time.
    pub(super) fn record_check(&self, well: bool, health: &HealthCheck) -> bool {
        let first = !self.checked.swap(true, Ordering::Relaxed);
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
        self.unhealthy.store(!well, Ordering::Relaxed);
        true
    }

    /// What checks found counts no more.
    pub(super) fn forget_health(&self) {
        self.checked.store(false, Ordering::Relaxed);
        self.streak.store(0, Ordering::Relaxed);
        self.unhealthy.store(false, Ordering::Relaxed);
    }

    /// Counts a failure, and says whether it is ejected for it. After that one failure more ejects it again.
    pub(super) fn record_failure(&self, now: Instant, ejection: Ejection) -> bool {
        let failures = self.failures.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if failures < ejection.failures {
            return false;
        }
        self.failures
            .store(ejection.failures.saturating_sub(1), Ordering::Relaxed);
        let millis = self.millis(now);
        let before = self.ejected_until_ms.load(Ordering::Relaxed);
        // Of several requests that fail at once, one ejects it.
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

    /// Takes note of an answer.
    pub(super) fn record_success(&self) {
        // Written only where it changes something: it is shared by all threads.
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
            ended: false,
        }
    }

    /// The endpoint has done with it.
    pub(super) fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            self.endpoint.state.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
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
