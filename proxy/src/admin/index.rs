//! `GET /` of the admin and of the health listener: what it is, and what is served where. As JSON for a client that asks for it, otherwise
//! as text.

use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName};

const INDEX_TEXT: &str = "\
Sluice: admin listener
  /livez            the process is alive
  /readyz           it serves requests; /readyz?verbose says why not
  /metrics          metrics for Prometheus
  /api/v1           the admin API; /api/v1/openapi.json describes it
  /console          the web pages by which people operate flags, unless they are off
";
const INDEX_JSON: &str = concat!(
    r#"{"service":"sluice-admin","health":"/livez","readiness":"/readyz?verbose","metrics":"/metrics","#,
    r#""api":"/api/v1","openapi":"/api/v1/openapi.json","console":"/console"}"#,
    "\n"
);

const HEALTH_TEXT: &str = "\
Sluice: health listener
  /livez            the process is alive
  /readyz           it serves requests; /readyz?verbose says why not
  /metrics          metrics for Prometheus
";
const HEALTH_JSON: &str = concat!(
    r#"{"service":"sluice-health","health":"/livez","readiness":"/readyz?verbose","metrics":"/metrics"}"#,
    "\n"
);

type Index = ([(HeaderName, &'static str); 2], &'static str);

/// Answers the request on the admin listener.
pub(super) async fn index(headers: HeaderMap) -> Index {
    choose(&headers, INDEX_TEXT, INDEX_JSON)
}

/// Answers the request on the health listener.
pub(super) async fn health_index(headers: HeaderMap) -> Index {
    choose(&headers, HEALTH_TEXT, HEALTH_JSON)
}

fn choose(headers: &HeaderMap, text: &'static str, json: &'static str) -> Index {
    let accepted = headers.get_all(ACCEPT).iter();
    let mut ranges = accepted
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    let is_json = |range: &str| {
        let name = range.split(';').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case("application/json")
    };
    let (kind, body) = match ranges.any(is_json) {
        true => ("application/json", json),
        false => ("text/plain; charset=utf-8", text),
    };
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store")], body)
}
