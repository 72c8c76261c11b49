//! A proxy that runs: takes newer snapshots, and ends without losing a request.

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

/// How often it is looked whether the last requests are over.
const DRAIN_PAUSE: Duration = Duration::from_millis(10);
/// How long the last lines of the access log may take.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);
/// How long tasks may take to end that nobody waits for any more.
const RUNTIME_LIMIT: Duration = Duration::from_secs(1);

/// A proxy that runs. Dropping it ends it at once; [`Running::stop`] lets it finish.
pub struct Running {
    runtime: Option<Runtime>,
    publisher: Publisher,
    bound: Box<[Bound]>,
    admin: Option<(SocketAddr, AdminServer)>,
    stop: watch::Sender<bool>,
}

/// A listener and where it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The listener's name.
    pub name: Box<str>,
    /// Its address, with the port that the system chose where it was to choose.
    pub address: SocketAddr,
}

/// How a proxy ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped {
    /// How many requests were cut off, because they took longer than they were given.
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

    /// Where it listens, in the order of the document.
    #[must_use]
    pub fn listeners(&self) -> &[Bound] {
        &self.bound
    }

    /// Where the admin listener is, if there is one.
    #[must_use]
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(|(address, _)| *address)
    }

    /// Its counters.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.publisher.shared.metrics
    }

    /// The most that its connections and requests may take.
    #[must_use]
    pub fn capacity(&self) -> Capacity {
        *self.publisher.shared.shares.capacity()
    }

    /// What it has seen of flags so far.
    #[must_use]
    pub fn observations(&self) -> Observations {
        Observations::of(Arc::clone(&self.publisher.shared))
    }

    /// The keys that it fetches, for whoever else believes an issuer.
    #[must_use]
    pub fn keys(&self) -> &Arc<KeyStore> {
        &self.publisher.keys
    }

    /// Whether it is ready, for whoever else has something to say about that.
    #[must_use]
    pub fn readiness(&self) -> &Arc<Readiness> {
        &self.publisher.readiness
    }

    /// Where newer snapshots are handed in.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// Runs until the process is told to end, then ends as [`Running::stop`] does. On SIGTERM it goes on serving
    /// for `drain.delay` first; on SIGINT it doesn't. Another signal cuts off what is still under way.
    pub fn run(self) -> std::io::Result<Stopped> {
        let Some(runtime) = &self.runtime else {
            return Ok(Stopped { cut_off: 0 });
        };
        let _inside = runtime.enter();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let terminated = runtime.block_on(either(&mut terminate, &mut interrupt));
        let (delay, timeout) = self.publisher.drain_times();
        let delay = if terminated { delay } else { Duration::ZERO };
        info!("ending: not ready from now on");
        let cut_off = runtime.block_on(async {
            tokio::select! {
                cut_off = self.drain(delay, timeout) => cut_off,
                _ = either(&mut terminate, &mut interrupt) => self.publisher.shared.in_flight.now(),
            }
        });
        drop(_inside);
        Ok(self.end(cut_off))
    }

    /// Ends it: not ready at once, but serving for `drain.delay`; then no new connections, and the requests
    /// under way within `drain.timeout`. Blocks for as long as that takes.
    #[must_use]
    pub fn stop(self) -> Stopped {
        let (delay, timeout) = self.publisher.drain_times();
        let Some(runtime) = &self.runtime else {
            return Stopped { cut_off: 0 };
        };
        let cut_off = runtime.block_on(self.drain(delay, timeout));
        self.end(cut_off)
    }

    /// Waits for the requests under way, and says how many were left at the end.
    async fn drain(&self, delay: Duration, timeout: Duration) -> usize {
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

/// Waits for one of the two, and says whether it was the first.
async fn either(first: &mut Signal, second: &mut Signal) -> bool {
    tokio::select! {
        _ = first.recv() => true,
        _ = second.recv() => false,
    }
}
