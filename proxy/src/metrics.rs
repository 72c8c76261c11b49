//! The metrics of one proxy, in a registry of its own, so that two proxies in one process do not mix. No label holds
//! a tenant, a path or other text of a request.

use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use prometheus::core::Collector;
use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};
use tracing::error;

use crate::code_counter::CodeCounter;
use crate::meter::{MeteredFlag, Meters};
use crate::metric_family::seconds;
use crate::snapshot_metrics::{SnapshotCollector, SnapshotMetrics};

/// The result of a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReloadResult {
    /// The documents are served.
    Applied,
    /// The documents equal those that are served.
    Unchanged,
    /// The documents have problems, and nothing changed.
    Refused,
}

/// The metrics of one proxy.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    snapshot: Arc<ArcSwap<SnapshotMetrics>>,
    /// The proxy's own answers, by code.
    pub rejections: CodeCounter,
    /// TLS handshakes, by `ok` or the reason of the failure.
    pub(crate) tls_handshakes: CodeCounter,
    /// Token verifications, by `ok` or the code of the rejection, without cache hits.
    pub verifications: CodeCounter,
    pub(crate) token_cache_hits: IntCounter,
    pub(crate) token_cache_misses: IntCounter,
    pub(crate) token_cache_stale: IntCounter,
    pub(crate) connections_refused: CodeCounter,
    pub(crate) connections_broken_off: CodeCounter,
    pub(crate) admin_connections_closed: CodeCounter,
    /// Connections and requests that the shedder ended, by resource.
    pub(crate) shed: CodeCounter,
    pub(crate) http2_requests_refused: IntCounter,
    /// Requests with a static token of an operator.
    pub(crate) operator_tokens_removed: IntCounter,
    connections: IntGaugeVec,
    reloads: CodeCounter,
    reload_applied_at: Gauge,
    reload_refused_at: Gauge,
    panics: IntCounter,
    truncated_headers: IntCounter,
    ambiguous_targets: IntCounter,
}

impl Metrics {
    /// Creates all metrics, including those of the process.
    #[must_use]
    pub fn new() -> Self {
        let registry = Registry::new();
        let snapshot = Arc::new(ArcSwap::from_pointee(SnapshotMetrics::none()));
        proven(registry.register(Box::new(SnapshotCollector::new(Arc::clone(&snapshot)))));
        #[cfg(target_os = "linux")]
        proven(registry.register(Box::new(
            prometheus::process_collector::ProcessCollector::for_self(),
        )));
        let build = Opts::new("sluice_build_info", "The running version, as a label.");
        let build = build.const_label("version", env!("CARGO_PKG_VERSION"));
        register(&registry, proven(Gauge::with_opts(build))).set(1.0);
        let cache = counters(
            &registry,
            "sluice_token_cache_total",
            "Token cache lookups, by result.",
            "result",
        );
        Self {
            snapshot,
            rejections: CodeCounter::new(counters(
                &registry,
                "sluice_rejections_total",
                "Requests that the proxy answered itself, by code.",
                "reason",
            )),
            tls_handshakes: CodeCounter::new(counters(
                &registry,
                "sluice_tls_handshakes_total",
                "TLS handshakes on listeners, by result.",
                "result",
            )),
            verifications: CodeCounter::new(counters(
                &registry,
                "sluice_token_verifications_total",
                "Token verifications, by result, without cache hits.",
                "result",
            )),
            token_cache_hits: cache.with_label_values(&["hit"]),
            token_cache_misses: cache.with_label_values(&["miss"]),
            token_cache_stale: cache.with_label_values(&["stale"]),
            connections: register(
                &registry,
                proven(IntGaugeVec::new(
                    Opts::new("sluice_connections", "Connections of clients, by listener."),
                    &["listener"],
                )),
            ),
            connections_broken_off: CodeCounter::new(counters(
                &registry,
                "sluice_connections_broken_off_total",
                "HTTP/2 connections that were closed because of the client, by reason.",
                "reason",
            )),
            admin_connections_closed: CodeCounter::new(counters(
                &registry,
                "sluice_admin_connections_closed_total",
                "Admin connections that were closed to admit others, by reason.",
                "reason",
            )),
            shed: CodeCounter::new(counters(
                &registry,
                "sluice_shed_total",
                "Connections and requests that were ended because a resource ran short, by resource.",
                "resource",
            )),
            http2_requests_refused: counter(
                &registry,
                "sluice_http2_requests_refused_total",
                "HTTP/2 requests that were refused before they were read.",
            ),
            operator_tokens_removed: counter(
                &registry,
                "sluice_operator_tokens_removed_total",
                "Requests to public listeners from which a static token of an operator was removed.",
            ),
            connections_refused: CodeCounter::new(counters(
                &registry,
                "sluice_connections_refused_total",
                "Connections that were closed before a request was read, by reason.",
                "reason",
            )),
            reloads: CodeCounter::new(counters(
                &registry,
                "sluice_reloads_total",
                "Reloads of the documents, by result.",
                "result",
            )),
            reload_applied_at: gauge(
                &registry,
                "sluice_reload_last_success_timestamp_seconds",
                "Time of the last successful reload, in seconds since 1970; 0 for never.",
            ),
            reload_refused_at: gauge(
                &registry,
                "sluice_reload_last_failure_timestamp_seconds",
                "Time of the last refused reload, in seconds since 1970; 0 for never.",
            ),
            panics: counter(
                &registry,
                "sluice_panics_total",
                "Requests that failed because of a panic in the proxy.",
            ),
            truncated_headers: counter(
                &registry,
                "sluice_truncated_flag_headers_total",
                "Requests whose list of flags was truncated.",
            ),
            ambiguous_targets: counter(
                &registry,
                "sluice_ambiguous_targets_total",
                "Requests that another reading of their path decided.",
            ),
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

    /// Counts a reload, including the first load.
    pub fn count_reload(&self, result: ReloadResult, at: SystemTime) {
        match result {
            ReloadResult::Applied => self.reload_applied_at.set(seconds(at)),
            ReloadResult::Unchanged => {}
            ReloadResult::Refused => self.reload_refused_at.set(seconds(at)),
        }
        self.reloads.count(match result {
            ReloadResult::Applied => "applied",
            ReloadResult::Unchanged => "unchanged",
            ReloadResult::Refused => "refused",
        });
    }

    /// Returns the gauge of a listener's connections.
    pub(crate) fn connections(&self, listener: &str) -> IntGauge {
        self.connections.with_label_values(&[listener])
    }

    /// Counts a contained panic.
    pub fn count_panic(&self) {
        self.panics.inc();
    }

    /// Counts a truncated list of flags.
    pub fn count_truncated_header(&self) {
        self.truncated_headers.inc();
    }

    /// Counts a request that another reading of its path decided.
    pub fn count_ambiguous_target(&self) {
        self.ambiguous_targets.inc();
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
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn counter(registry: &Registry, name: &str, help: &str) -> IntCounter {
    register(registry, proven(IntCounter::new(name, help)))
}

fn counters(registry: &Registry, name: &str, help: &str, label: &str) -> IntCounterVec {
    register(
        registry,
        proven(IntCounterVec::new(Opts::new(name, help), &[label])),
    )
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Gauge {
    register(registry, proven(Gauge::new(name, help)))
}

fn register<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> C {
    proven(registry.register(Box::new(collector.clone())));
    collector
}

#[expect(
    clippy::expect_used,
    reason = "names and labels are constants, each registered once; a test proves them"
)]
fn proven<T>(result: Result<T, prometheus::Error>) -> T {
    result.expect("constant metrics are valid and distinct")
}

#[cfg(test)]
mod tests;
