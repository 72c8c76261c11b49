//! The Prometheus that checks of rollout plans query.

use std::path::PathBuf;

/// A Prometheus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrometheusSource {
    /// The URL of its HTTP API, without `/api/v1`.
    pub url: Box<str>,
    /// The longest time of a query, in milliseconds.
    pub timeout_ms: u64,
    /// The file with a bearer token.
    pub token_file: Option<PathBuf>,
}
