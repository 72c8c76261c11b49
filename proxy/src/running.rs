//! A running proxy: gives access to its parts, and shuts down without losing a request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::admin::AdminServer;
use crate::capacity::Capacity;
use crate::key_store::KeyStore;
use crate::metrics::Metrics;
use crate::observations::Observations;
use crate::publisher::Publisher;
use crate::readiness::Readiness;

/// Interval at which a drain checks for requests in flight.
const DRAIN_PAUSE: Duration = Duration::from_millis(10);
/// Time for the last lines of the access log.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);
/// Time for remaining tasks to end.
const RUNTIME_LIMIT: Duration = Duration::from_secs(1);

/// A running proxy. Dropping it stops it at once; [`Running::stop`] drains it.
pub struct Running {
    runtime: Option<Runtime>,
    publisher: Publisher,
    bound: Box<[Bound]>,
    admin: Option<(SocketAddr, AdminServer)>,
    stop: watch::Sender<bool>,
}

/// A bound listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The listener's name.
    pub name: Box<str>,
    /// The address, with the port that the system chose for port 0.
    pub address: SocketAddr,
}

/// The result of a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// The number of requests that were aborted at the drain timeout.
    pub cut_off: usize,
}

impl Running {
    pub(crate) fn new(
        runtime: Runtime,
        publisher: Publisher,
        bound: Box<[Bound]>,
        admin: Option<(SocketAddr, AdminServer)>,
        stop: watch::Sender<bool>,
    ) -> Self {
        Self {
            runtime: Some(runtime),
            publisher,
            bound,
            admin,
            stop,
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
        self.admin.as_ref().map(|(address, _)| *address)
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

    /// Runs until SIGTERM or SIGINT, then drains as [`Running::stop`] does. After SIGTERM it serves for `drain.delay`
    /// first, after SIGINT it does not. A second signal aborts the drain.
    ///
    /// # Errors
    /// The signal handlers can't be installed.
    pub fn run(self) -> std::io::Result<Stopped> {
        let Some(runtime) = &self.runtime else {
            return Ok(Stopped { cut_off: 0 });
        };
        let _inside = runtime.enter();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let terminated = runtime.block_on(is_first_signal(&mut terminate, &mut interrupt));
        let (delay, timeout) = self.publisher.drain_times();
        let delay = if terminated { delay } else { Duration::ZERO };
        info!("draining: no longer ready");
        let cut_off = runtime.block_on(async {
            tokio::select! {
                cut_off = self.drain(delay, timeout) => cut_off,
                _ = is_first_signal(&mut terminate, &mut interrupt) => self.publisher.shared.in_flight.now(),
            }
        });
        // The guard borrows the runtime, which `end` consumes.
        drop(_inside);
        Ok(self.end(cut_off))
    }

    /// Drains and stops the proxy. It is not ready at once and serves for `drain.delay`. Then it accepts no
    /// connections, and requests in flight have `drain.timeout`. Blocks for as long as that takes.
    #[must_use]
    pub fn stop(self) -> Stopped {
        let (delay, timeout) = self.publisher.drain_times();
        let Some(runtime) = &self.runtime else {
            return Stopped { cut_off: 0 };
        };
        let cut_off = runtime.block_on(self.drain(delay, timeout));
        self.end(cut_off)
    }

    /// Waits for requests in flight. Returns the number that is left at the timeout.
    async fn drain(&self, delay: Duration, timeout: Duration) -> usize {
        // Readiness first: load balancers need the delay to stop sending requests before connections are refused.
        self.publisher.readiness.set_draining();
        tokio::time::sleep(delay).await;
        self.publisher.shared.set_draining();
        self.stop.send_replace(true);
        let deadline = Instant::now() + timeout;
        loop {
            let left = self.publisher.shared.in_flight.now();
            if left == 0 || Instant::now() >= deadline {
                return left;
            }
            tokio::time::sleep(DRAIN_PAUSE).await;
        }
    }

    fn end(mut self, cut_off: usize) -> Stopped {
        if cut_off > 0 {
            warn!("{cut_off} requests were cut off");
        }
        self.stop_runtime();
        if !self.publisher.shared.access_log.flush(FLUSH_LIMIT) {
            warn!("the last lines of the access log could not be written");
        }
        if let Some((_, admin)) = self.admin.take() {
            admin.stop();
        }
        Stopped { cut_off }
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

/// Waits for one of two signals. Returns true if it was the first.
async fn is_first_signal(first: &mut Signal, second: &mut Signal) -> bool {
    tokio::select! {
        _ = first.recv() => true,
        _ = second.recv() => false,
    }
}
