//! The form of the Prometheus that checks of rollout plans query.

use super::answer::is_http_url;
use super::issuer::names_user;
use super::text::FilePath;
use crate::form::{Duration, Resolved, object, parsed};
use crate::prometheus_source::PrometheusSource;
use crate::validate::InvalidValue;

/// The default of the longest time of a query, in milliseconds.
const TIMEOUT_MS: u64 = 5_000;

object! {
    /// Prometheus that checks of rollout plans query.
    Prometheus("a Prometheus"): PrometheusSource {
        /// URL of its HTTP API, http or https, without `/api/v1`: `http://prometheus:9090`.
        url: required PrometheusUrl,
        /// Maximum time of a query. Default: 5s.
        timeout: strict Duration = TIMEOUT_MS,
        /// File with a bearer token for its queries, read for each. Default: none.
        token_file: strict Resolved<FilePath>,
    } => PrometheusSource { url, timeout_ms: timeout, token_file }
}

parsed! {
    PrometheusUrl("an http or https URL", "invalid-url"): Box<str> = |url| {
        let help = "write it like `http://prometheus:9090`";
        if names_user(url) {
            let title = "a URL of Prometheus can't contain a user";
            return Err(InvalidValue::new(title, "put a bearer token into a file, and name it in `token_file`"));
        }
        let has_query = url.contains(['?', '#']);
        let plain = (is_http_url(url) && !has_query).then(|| url.trim_end_matches('/').into());
        plain.ok_or_else(|| InvalidValue::new(format!("`{url}` is not an http or https URL of a server"), help))
    };
}
