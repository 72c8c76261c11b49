//! Metrics of reloads.

use std::time::SystemTime;

use prometheus::{Gauge, Registry};

use super::registration::{codes, gauge};
use crate::code_counter::CodeCounter;
use crate::metric_family::seconds;

/// The result of a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReloadResult {
    /// The documents are served.
    Applied,
    /// The documents equal those that are served.
    Unchanged,
    /// The documents have problems, and nothing changed.
    Refused,
}

/// Metrics of reloads, including the first load.
#[derive(Debug)]
pub(crate) struct ReloadMetrics {
    results: CodeCounter,
    applied_at: Gauge,
    refused_at: Gauge,
}

impl ReloadMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            results: codes(
                registry,
                "sluice_reloads_total",
                "Reloads of the documents, by result.",
                "result",
            ),
            applied_at: gauge(
                registry,
                "sluice_reload_last_success_timestamp_seconds",
                "Time of the last successful reload, in seconds since 1970; 0 for never.",
            ),
            refused_at: gauge(
                registry,
                "sluice_reload_last_failure_timestamp_seconds",
                "Time of the last rejected reload, in seconds since 1970; 0 for never.",
            ),
        }
    }

    /// Counts a reload.
    pub(crate) fn count(&self, result: ReloadResult, at: SystemTime) {
        match result {
            ReloadResult::Applied => self.applied_at.set(seconds(at)),
            ReloadResult::Unchanged => {}
            ReloadResult::Refused => self.refused_at.set(seconds(at)),
        }
        self.results.count(match result {
            ReloadResult::Applied => "applied",
            ReloadResult::Unchanged => "unchanged",
            ReloadResult::Refused => "refused",
        });
    }
}
