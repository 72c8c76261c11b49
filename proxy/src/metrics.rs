//! The metrics of one proxy, in a registry of its own, so that two proxies in one process do not mix. No label holds
//! a path or other text of a request, and a tenant only if the configuration selects it.

mod connections;
mod notifications;
mod open_metrics;
mod registration;
mod reloads;
mod requests;
mod rollouts;
mod scrape_source;
mod tokens;
mod verified;

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use prometheus::core::Collector;
use prometheus::{Gauge, Registry, TextEncoder};
use tracing::error;

use self::connections::ConnectionMetrics;
pub use self::notifications::NotificationCounts;
use self::notifications::NotificationMetrics;
use self::reloads::ReloadMetrics;
pub(crate) use self::reloads::ReloadResult;
use self::requests::RequestMetrics;
use self::rollouts::RolloutCollector;
pub use self::rollouts::RolloutStatus;
use self::scrape_source::ScrapeSource;
use self::tokens::TokenMetrics;
use self::verified::VerifiedCollector;
use crate::meter::{MeteredFlag, Meters};
use crate::snapshot_metrics::{SnapshotCollector, SnapshotMetrics};
use crate::tenant_meters::{TenantCollector, TenantMeters};

/// The metrics of one proxy.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    snapshot: Arc<ArcSwap<SnapshotMetrics>>,
    pub(crate) requests: RequestMetrics,
    pub(crate) tokens: TokenMetrics,
    pub(crate) connections: ConnectionMetrics,
    pub(crate) reloads: ReloadMetrics,
    pub(crate) store_damaged: Gauge,
    pub(crate) notifications: NotificationMetrics,
    /// The states of rollout plans.
    pub(crate) rollouts: ScrapeSource<Vec<RolloutStatus>>,
    /// The last time at which the source of the flags was found equal to what is served.
    pub(crate) verified: ScrapeSource<SystemTime>,
    /// Requests by tenant; none unless they are configured.
    tenants: OnceLock<Arc<TenantMeters>>,
}

impl Metrics {
    /// Creates all metrics, including those of the process.
    #[must_use]
    pub fn new() -> Self {
        let registry = Registry::new();
        let snapshot = Arc::new(ArcSwap::from_pointee(SnapshotMetrics::none()));
        registration::collector(&registry, SnapshotCollector::new(Arc::clone(&snapshot)));
        #[cfg(target_os = "linux")]
        registration::collector(
            &registry,
            prometheus::process_collector::ProcessCollector::for_self(),
        );
        registration::build_info(&registry);
        let (rollouts, verified) = (ScrapeSource::new(), ScrapeSource::new());
        registration::collector(&registry, RolloutCollector::new(rollouts.clone()));
        registration::collector(&registry, VerifiedCollector::new(verified.clone()));
        Self {
            snapshot,
            requests: RequestMetrics::new(&registry),
            tokens: TokenMetrics::new(&registry),
            connections: ConnectionMetrics::new(&registry),
            reloads: ReloadMetrics::new(&registry),
            store_damaged: registration::gauge(
                &registry,
                "sluice_store_damaged",
                "1 if the store that has the flags is damaged, otherwise 0.",
            ),
            notifications: NotificationMetrics::new(&registry),
            rollouts,
            verified,
            tenants: OnceLock::new(),
            registry,
        }
    }

    /// Returns the counters for a snapshot that is being prepared: for the names of its routes, and the keys and
    /// variants of its flags, by id. They are exported once they are published.
    #[must_use]
    pub fn prepare<'a>(
        &self,
        routes: impl IntoIterator<Item = &'a str>,
        flags: impl IntoIterator<Item = Option<MeteredFlag<'a>>>,
    ) -> Arc<Meters> {
        Arc::new(Meters::continuing(&self.snapshot.load().meters, routes, flags))
    }

    /// Exports the counters of the snapshot that is served from now on. Series of routes and flags that it lacks
    /// disappear.
    pub fn publish(&self, meters: Arc<Meters>, revision: &str, at: SystemTime) {
        self.snapshot.store(Arc::new(SnapshotMetrics {
            meters,
            snapshot: Some((revision.into(), at)),
        }));
    }

    /// Counts requests of the named tenants, and of the first `max` others, from now on. Only the first call has an effect.
    pub(crate) fn count_tenants(&self, names: &[Box<str>], max: usize) {
        let meters = Arc::new(TenantMeters::new(names, max));
        if self.tenants.set(Arc::clone(&meters)).is_ok() {
            self.register(TenantCollector::new(meters));
        }
    }

    /// Returns the counts by tenant, if they are configured.
    pub(crate) fn tenants(&self) -> Option<&TenantMeters> {
        self.tenants.get().map(|meters| &**meters)
    }

    /// Registers a collector. If its names are already registered, logs that its metrics are missing.
    pub(crate) fn register(&self, collector: impl Collector + 'static) {
        if let Err(error) = self.registry.register(Box::new(collector)) {
            error!("can't register metrics, some will be missing: {error}");
        }
    }

    /// Returns all metrics in the Prometheus text format (version 0.0.4).
    ///
    /// # Errors
    /// A metric can't be encoded.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }

    /// Returns all metrics in the text format OpenMetrics 1.0, with the trace ids of sampled requests as exemplars.
    #[must_use]
    pub fn render_open_metrics(&self) -> String {
        let families = self.registry.gather();
        open_metrics::render(&families, &self.snapshot.load().exemplars())
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
