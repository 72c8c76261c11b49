//! A running proxy: gives access to its parts, and shuts down without losing a request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tracing::warn;

use crate::access_log::AccessLogger;
use crate::admin::AdminServer;
use crate::capacity::Capacity;
use crate::drain_times::DrainTimes;
use crate::key_store::KeyStore;
use crate::metrics::Metrics;
use crate::observations::Observations;
use crate::publisher::Publisher;
use crate::pulse::Pulse;
use crate::readiness::Readiness;
use crate::sockets::{Bound, HandedSocket};

/// Interval at which a drain checks for requests in flight.
const DRAIN_PAUSE: Duration = Duration::from_millis(10);
/// Time in which accepted connections reach the count of open ones.
const SETTLE_TIME: Duration = Duration::from_millis(100);
/// Time for the last lines of the access log, and for the last traces.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);
/// Time for remaining tasks to end.
const RUNTIME_LIMIT: Duration = Duration::from_secs(1);

/// A running proxy. Dropping it stops it at once; [`Running::stop`] drains it.
pub struct Running {
    runtime: Option<Runtime>,
    publisher: Publisher,
    bound: Box<[Bound]>,
    side: SideServers,
    /// Starts to accept connections.
    accept: watch::Sender<bool>,
    stop: watch::Sender<bool>,
    /// Copies of the sockets, for another process.
    copies: Mutex<Vec<HandedSocket>>,
}

/// The result of a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// The number of requests that were aborted.
    pub cut_off: usize,
    /// The end of the drain.
    pub end: DrainEnd,
}

/// The end of a drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrainEnd {
    /// All requests have finished.
    Finished,
    /// The timeout elapsed before.
    TimedOut,
    /// The caller aborted it.
    Aborted,
}

/// A running listener beside those for requests to upstreams, with its address.
type BoundServer = (SocketAddr, AdminServer);

/// The running listeners that are not for requests to upstreams.
#[derive(Default)]
pub(crate) struct SideServers {
    pub(crate) admin: Option<BoundServer>,
    pub(crate) health: Option<BoundServer>,
    /// The one for the admins of orgs.
    pub(crate) tenants: Option<BoundServer>,
}

impl Running {
    pub(crate) fn new(
        runtime: Runtime,
        publisher: Publisher,
        (bound, copies): (Box<[Bound]>, Vec<HandedSocket>),
        side: SideServers,
        (accept, stop): (watch::Sender<bool>, watch::Sender<bool>),
    ) -> Self {
        Self {
            runtime: Some(runtime),
            publisher,
            bound,
            side,
            accept,
            stop,
            copies: Mutex::new(copies),
        }
    }

    /// Returns the listeners, in the order of the document.
    #[must_use]
    pub fn listeners(&self) -> &[Bound] {
        &self.bound
    }

    /// Returns the address of the admin listener, if there is one.
    #[must_use]
    pub fn admin(&self) -> Option<SocketAddr> {
        self.side.admin.as_ref().map(|(address, _)| *address)
    }

    /// Returns the address of the health listener, if there is one.
    #[must_use]
    pub fn health(&self) -> Option<SocketAddr> {
        self.side.health.as_ref().map(|(address, _)| *address)
    }

    /// Returns the address of the listener for the admins of orgs, if there is one.
    #[must_use]
    pub fn tenants(&self) -> Option<SocketAddr> {
        self.side.tenants.as_ref().map(|(address, _)| *address)
    }

    /// Starts to accept connections, after a start with [`Accepting::Later`](crate::Accepting::Later).
    pub fn accept(&self) {
        self.accept.send_replace(true);
    }

    /// Calls `hand_over` with the copies of the listeners' sockets. They are kept if
    /// [`BoundSockets::to_hand_over`](crate::BoundSockets::to_hand_over) was called, until the drain.
    pub fn with_copies<R>(&self, hand_over: impl FnOnce(&[HandedSocket]) -> R) -> R {
        hand_over(&self.copies.lock())
    }

    /// Stops the listeners that are not for requests to upstreams, because another process answers there. Blocks up to two
    /// seconds each.
    pub fn stop_admin(&mut self) {
        let side = std::mem::take(&mut self.side);
        for (_, server) in [side.admin, side.health, side.tenants].into_iter().flatten() {
            server.stop();
        }
    }

    /// Returns access to the runtime that serves requests, for a watchdog.
    #[must_use]
    pub fn pulse(&self) -> Option<Pulse> {
        let runtime = self.runtime.as_ref()?.handle().clone();
        Some(Pulse::new(runtime, self.stop.subscribe()))
    }

    /// Returns the metrics.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.publisher.shared.metrics
    }

    /// Returns the limits of connections and requests.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        *self.publisher.shared.shares.capacity()
    }

    /// Returns the observations of flags.
    #[must_use]
    pub fn observations(&self) -> Observations {
        Observations::of(Arc::clone(&self.publisher.shared))
    }

    /// Returns the key store, for other users of the issuers' keys.
    #[must_use]
    pub fn keys(&self) -> &Arc<KeyStore> {
        &self.publisher.keys
    }

    /// Returns the readiness, to which other parts of the process add notes.
    #[must_use]
    pub fn readiness(&self) -> &Arc<Readiness> {
        &self.publisher.readiness
    }

    /// Returns the publisher of snapshots.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// Returns the times of a shutdown, as the active document sets them.
    #[must_use]
    pub fn drain_times(&self) -> DrainTimes {
        self.publisher.drain_times()
    }

    /// Returns the access log.
    #[must_use]
    pub fn access_log(&self) -> AccessLogger {
        self.publisher.shared.access_log.clone()
    }

    /// Drains and stops the proxy. It is not ready at once and serves for `times.delay`. Then it accepts no
    /// connections, and requests in flight have `times.timeout`. If `abort` completes, the drain ends early. Blocks for
    /// as long as that takes.
    #[must_use]
    pub fn stop_within(self, times: DrainTimes, abort: impl Future<Output = ()>) -> Stopped {
        let Some(runtime) = &self.runtime else {
            return Stopped {
                cut_off: 0,
                end: DrainEnd::Finished,
            };
        };
        let (cut_off, end) = runtime.block_on(async {
            tokio::select! {
                cut_off = self.drain(times) => match cut_off {
                    0 => (0, DrainEnd::Finished),
                    left => (left, DrainEnd::TimedOut),
                },
                () = abort => (self.publisher.shared.in_flight.now(), DrainEnd::Aborted),
            }
        });
        self.end();
        Stopped { cut_off, end }
    }

    /// Drains and stops the proxy, with the times of the active document.
    #[must_use]
    pub fn stop(self) -> Stopped {
        let times = self.drain_times();
        self.stop_within(times, std::future::pending())
    }

    /// Waits for requests in flight. Returns the number that is left at the timeout.
    async fn drain(&self, times: DrainTimes) -> usize {
        // Readiness first: load balancers need the delay to stop sending requests before connections are refused.
        self.publisher
            .readiness
            .set_draining(Instant::now() + times.longest());
        tokio::time::sleep(times.delay).await;
        self.publisher.shared.set_draining();
        // Before the listeners: while a copy is open, the system accepts connections that nothing serves.
        self.copies.lock().clear();
        self.stop.send_replace(true);
        let begun = Instant::now();
        loop {
            let left = self.publisher.shared.in_flight.now();
            let elapsed = begun.elapsed();
            // A client that keeps its connection may have sent its next request just now. It is answered with
            // `Connection: close`, so that no client finds its connection closed under a request.
            let is_quiet = elapsed >= times.idle
                || elapsed >= SETTLE_TIME && !self.publisher.shared.metrics.connections.any_open();
            if left == 0 && is_quiet || elapsed >= times.timeout {
                return left;
            }
            tokio::time::sleep(DRAIN_PAUSE).await;
        }
    }

    fn end(mut self) {
        self.stop_runtime();
        if !self.publisher.shared.access_log.flush(FLUSH_LIMIT) {
            warn!("the last lines of the access log could not be written");
        }
        if let Some(tracer) = self.publisher.shared.tracer.get()
            && !tracer.end(FLUSH_LIMIT)
        {
            warn!("the last traces could not be exported");
        }
        self.stop_admin();
    }

    fn stop_runtime(&mut self) {
        // The requests that end with the runtime are logged as ended by the shutdown.
        self.publisher.shared.set_draining();
        self.stop.send_replace(true);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(RUNTIME_LIMIT);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop_runtime();
    }
}
