//! Metrics of tokens.

use prometheus::{IntCounter, Registry};

use super::registration::{codes, counter, counters};
use crate::code_counter::CodeCounter;

/// Metrics of tokens.
#[derive(Debug)]
pub(crate) struct TokenMetrics {
    /// Token verifications, by `ok` or the code of the rejection, without cache hits.
    pub(crate) verifications: CodeCounter,
    pub(crate) cache_hits: IntCounter,
    pub(crate) cache_misses: IntCounter,
    pub(crate) stale_cache_hits: IntCounter,
    /// Requests whose credential was ignored, by code.
    pub(crate) ignored: CodeCounter,
    /// Requests with a static token of an operator.
    pub(crate) operator_tokens_removed: IntCounter,
}

impl TokenMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        let cache = counters(
            registry,
            "sluice_token_cache_total",
            "Token cache lookups, by result.",
            "result",
        );
        Self {
            verifications: codes(
                registry,
                "sluice_token_verifications_total",
                "Token verifications, by result, without cache hits.",
                "result",
            ),
            cache_hits: cache.with_label_values(&["hit"]),
            cache_misses: cache.with_label_values(&["miss"]),
            stale_cache_hits: cache.with_label_values(&["stale"]),
            ignored: codes(
                registry,
                "sluice_ignored_credentials_total",
                "Requests whose token or certificate was ignored on a route with `auth: lenient`, by the reason.",
                "reason",
            ),
            operator_tokens_removed: counter(
                registry,
                "sluice_operator_tokens_removed_total",
                "Requests to public listeners from which a static token of an operator was removed.",
            ),
        }
    }
}
