//! The applications behind the demo. They have no feature flags, answer every path, and return the injected headers
//! that they received. A request can ask for a delay and for an error.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header::CONTENT_TYPE},
    response::IntoResponse,
};
use serde_json::{Map, Value, json};

/// The injected headers that the answers show.
const SHOWN: [&str; 4] = ["x-tenant-id", "x-user-id", "x-feature-flags", "x-flags-revision"];

/// The header of a request that the applications answer after this many milliseconds.
pub(super) const DELAY_HEADER: &str = "x-demo-delay-ms";
/// The header of a request that the applications answer with an error.
pub(super) const FAILURE_HEADER: &str = "x-demo-failure";
/// Longest delay.
const MAX_DELAY: Duration = Duration::from_secs(1);

/// Starts an application called `name` on `listener`.
pub(super) fn serve(name: &'static str, listener: TcpListener) -> Result<()> {
    listener.set_nonblocking(true)?;
    let listener =
        tokio::net::TcpListener::from_std(listener).context("can't serve the demo's application")?;
    let router = Router::new().fallback(answer).with_state(name);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(())
}

async fn answer(State(name): State<&'static str>, uri: Uri, headers: HeaderMap) -> impl IntoResponse {
    let delay = headers
        .get(DELAY_HEADER)
        .and_then(|delay| delay.to_str().ok()?.parse().ok());
    if let Some(delay) = delay.map(Duration::from_millis) {
        tokio::time::sleep(delay.min(MAX_DELAY)).await;
    }
    let status = match headers.contains_key(FAILURE_HEADER) {
        true => StatusCode::INTERNAL_SERVER_ERROR,
        false => StatusCode::OK,
    };
    let seen: Map<String, Value> = SHOWN
        .iter()
        .filter_map(|shown| Some(((*shown).to_owned(), json!(headers.get(*shown)?.to_str().ok()?))))
        .collect();
    let body = json!({ "answered_by": name, "path": uri.path(), "headers_seen": seen });
    (
        status,
        [(CONTENT_TYPE, "application/json")],
        format!("{body:#}\n"),
    )
}
