//! Metrics of requests.

use prometheus::{IntCounter, Registry};

use super::registration::{codes, counter};
use crate::code_counter::CodeCounter;

/// Metrics of requests, beside the meters of routes and flags.
#[derive(Debug)]
pub(crate) struct RequestMetrics {
    /// The proxy's own answers, by code.
    pub(crate) rejections: CodeCounter,
    /// Requests that failed because of a panic in the proxy.
    pub(crate) panics: IntCounter,
    /// Requests whose list of flags was truncated.
    pub(crate) truncated_headers: IntCounter,
    /// Requests that another reading of their path decided.
    pub(crate) ambiguous_targets: IntCounter,
}

impl RequestMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            rejections: codes(
                registry,
                "sluice_rejections_total",
                "Requests that the proxy answered itself, by code.",
                "reason",
            ),
            panics: counter(
                registry,
                "sluice_panics_total",
                "Requests that failed because of a panic in the proxy.",
            ),
            truncated_headers: counter(
                registry,
                "sluice_truncated_flag_headers_total",
                "Requests whose list of flags was truncated.",
            ),
            ambiguous_targets: counter(
                registry,
                "sluice_ambiguous_targets_total",
                "Requests that another reading of their path decided.",
            ),
        }
    }
}
