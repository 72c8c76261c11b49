//! Metrics of client connections.

use prometheus::core::Collector as _;
use prometheus::proto::MetricFamily;
use prometheus::{IntCounter, IntGauge, IntGaugeVec, Registry};

use super::registration::{codes, counter, gauges};
use crate::code_counter::CodeCounter;

/// Metrics of the connections of listeners and of the admin listener.
#[derive(Debug)]
pub(crate) struct ConnectionMetrics {
    open: IntGaugeVec,
    pub(crate) refused: CodeCounter,
    pub(crate) broken_off: CodeCounter,
    pub(crate) admin_closed: CodeCounter,
    /// TLS handshakes, by `ok` or the reason of the failure.
    pub(crate) tls_handshakes: CodeCounter,
    pub(crate) http2_requests_refused: IntCounter,
    /// Connections and requests that the shedder ended, by resource.
    pub(crate) shed: CodeCounter,
}

impl ConnectionMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            open: gauges(
                registry,
                "sluice_connections",
                "Connections of clients, by listener.",
                "listener",
            ),
            refused: codes(
                registry,
                "sluice_connections_refused_total",
                "Connections that were closed before a request was read, by reason.",
                "reason",
            ),
            broken_off: codes(
                registry,
                "sluice_connections_broken_off_total",
                "HTTP/2 connections that were closed because of the client, by reason.",
                "reason",
            ),
            admin_closed: codes(
                registry,
                "sluice_admin_connections_closed_total",
                "Admin connections that were closed to admit others, by reason.",
                "reason",
            ),
            tls_handshakes: codes(
                registry,
                "sluice_tls_handshakes_total",
                "TLS handshakes on listeners, by result.",
                "result",
            ),
            http2_requests_refused: counter(
                registry,
                "sluice_http2_requests_refused_total",
                "HTTP/2 requests that were rejected before they were read.",
            ),
            shed: codes(
                registry,
                "sluice_shed_total",
                "Connections and requests that were ended because a resource ran short, by resource.",
                "resource",
            ),
        }
    }

    /// Returns the gauge of a listener's open connections.
    pub(crate) fn open(&self, listener: &str) -> IntGauge {
        self.open.with_label_values(&[listener])
    }

    /// Returns true if a connection of any listener is open.
    pub(crate) fn any_open(&self) -> bool {
        let families = self.open.collect();
        let mut gauges = families.iter().flat_map(MetricFamily::get_metric);
        gauges.any(|metric| metric.get_gauge().get_value() > 0.0)
    }
}
