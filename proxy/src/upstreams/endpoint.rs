//! One address of an upstream: how it is reached, how many requests it has, and whether it is fit for more.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use pingora::upstreams::peer::HttpPeer;
use rules::Ejection;

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
}

/// A request that an endpoint has. Dropping it ends that.
#[derive(Debug)]
pub(crate) struct Asked(Arc<LiveEndpoint>);

impl EndpointState {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            born: now,
            in_flight: AtomicUsize::new(0),
            failures: AtomicU32::new(0),
            ejected_until_ms: AtomicU64::new(0),
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
        !self.is_ejected(now)
    }

    /// Counts a failure, and says whether it is ejected for it. After that one failure more ejects it again.
    pub(super) fn failed(&self, now: Instant, ejection: Ejection) -> bool {
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
    pub(super) fn succeeded(&self) {
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

impl Asked {
    pub(super) fn new(endpoint: &Arc<LiveEndpoint>) -> Self {
        endpoint.state.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(endpoint))
    }

    pub(crate) fn endpoint(&self) -> &LiveEndpoint {
        &self.0
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.state.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
