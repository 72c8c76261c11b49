//! Live upstreams: endpoints with their addresses, counters and health, and the background tasks that update them.
//! State survives a reload if its definition is unchanged.

mod attempts;
mod balance;
mod circuit;
mod collector;
mod connector;
mod endpoint;
mod endpoint_table;
mod failure;
mod health;
mod http2_connections;
mod http2_pings;
mod idle_connections;
mod live;
mod meter;
mod peer;
mod resolved_host;
mod resolver;
mod served;
mod status;

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use rules::Upstream;
use tokio::runtime::Handle;

pub(crate) use self::attempts::UpstreamAttempts;
use self::collector::UpstreamCollector;
#[cfg(feature = "scripted")]
pub use self::connector::ScriptedConnections;
pub(crate) use self::connector::{Connected, ConnectionProtocol, Connector};
pub use self::endpoint::EndpointHealth;
pub(crate) use self::endpoint::LiveEndpoint;
pub(crate) use self::failure::{Failure, RequestFate, UpstreamError};
use self::health::Checker;
pub(crate) use self::http2_connections::Http2Slot;
pub(crate) use self::live::{LiveUpstream, Unavailable};
use self::served::ServedUpstreams;
pub use self::status::{EndpointStatus, UpstreamStatus};
use crate::metrics::Metrics;

/// Maximum wait of a start or reload for names that were never resolved.
const FIRST_LOOKUP_LIMIT: Duration = Duration::from_secs(2);
/// Interval at which idle connections that expired or were closed are dropped.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Creates live upstreams, and ends the background tasks of those that are no longer served.
pub(crate) struct UpstreamStore {
    runtime: Handle,
    /// Created on first use, because it reads the system's certificates.
    checker: OnceLock<Checker>,
    served: Arc<ServedUpstreams>,
}

impl UpstreamStore {
    /// Creates a store whose background tasks run on `runtime`. `metrics` exports its upstreams.
    pub(crate) fn new(runtime: Handle, metrics: &Metrics) -> Arc<Self> {
        let served = Arc::<ServedUpstreams>::default();
        metrics.register(UpstreamCollector::new(Arc::clone(&served)));
        runtime.spawn(sweep(Arc::downgrade(&served)));
        Arc::new(Self {
            runtime,
            checker: OnceLock::new(),
            served,
        })
    }

    /// Creates the live upstreams of `definitions`. An upstream of `former` with the same definition is reused. If
    /// its definition changed, endpoints that are reached in the same way keep their state. Waits up to 2 s for names
    /// that were never resolved.
    pub(crate) fn make_live(
        &self,
        definitions: &[Upstream],
        former: &[Arc<LiveUpstream>],
    ) -> Box<[Arc<LiveUpstream>]> {
        let (unresolved, all_resolved) = mpsc::channel();
        let live = definitions.iter().map(|definition| {
            let namesake = former.iter().find(|live| live.name() == &*definition.name);
            match namesake {
                Some(same) if same.definition().is_same(definition) => Arc::clone(same),
                _ => {
                    let live = LiveUpstream::new(definition, namesake.map(|former| &**former), former);
                    self.start_tasks(&live, &unresolved);
                    live
                }
            }
        });
        let live = live.collect();
        // The receiver must only wait for the resolvers' senders.
        drop(unresolved);
        let deadline = Instant::now() + FIRST_LOOKUP_LIMIT;
        while let Some(left) = deadline.checked_duration_since(Instant::now()) {
            // Nothing is ever sent: a resolver drops its sender after its first look-up.
            if all_resolved.recv_timeout(left) == Err(RecvTimeoutError::Disconnected) {
                break;
            }
        }
        live
    }

    /// Records that `live` is served from now on, and ends the background tasks of other upstreams.
    pub(crate) fn publish(&self, live: &[Arc<LiveUpstream>]) {
        let mut served = self.served.0.lock();
        for former in served.iter().filter_map(Weak::upgrade) {
            if !live.iter().any(|live| Arc::ptr_eq(live, &former)) {
                former.retire();
            }
        }
        *served = live.iter().map(Arc::downgrade).collect();
    }

    /// Returns the status of the served upstreams, in the order of the document.
    pub(crate) fn status(&self) -> Vec<UpstreamStatus> {
        let now = Instant::now();
        let served = self.served.all();
        served.iter().map(|live| UpstreamStatus::of(live, now)).collect()
    }

    /// Starts the background tasks of an upstream. Its resolver drops `unresolved` after the first look-up.
    fn start_tasks(&self, live: &Arc<LiveUpstream>, unresolved: &mpsc::Sender<()>) {
        if live.has_names() {
            let first = (!live.is_resolved()).then(|| unresolved.clone());
            let resolver = resolver::keep_resolved(Arc::downgrade(live), first);
            live.add_task(self.runtime.spawn(resolver).abort_handle());
        }
        if live.definition().health.is_some() {
            let checker = self.checker.get_or_init(Checker::new).clone();
            let checks = checker.keep_checked(Arc::downgrade(live));
            live.add_task(self.runtime.spawn(checks).abort_handle());
        }
    }
}

/// Drops idle connections that expired or were closed, until the store is gone.
async fn sweep(served: Weak<ServedUpstreams>) {
    loop {
        tokio::time::sleep(SWEEP_INTERVAL).await;
        let Some(served) = served.upgrade() else { return };
        for live in served.all() {
            live.sweep(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests;
