//! The applications behind the demo. They have no feature flags, answer every path, and return the injected headers
//! that they received.

use std::net::TcpListener;

use anyhow::{Context, Result};
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, Uri, header::CONTENT_TYPE},
    response::IntoResponse,
};
use serde_json::{Map, Value, json};

/// The injected headers that the answers show.
const SHOWN: [&str; 4] = ["x-tenant-id", "x-user-id", "x-feature-flags", "x-flags-revision"];

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
    let seen: Map<String, Value> = SHOWN
        .iter()
        .filter_map(|shown| Some(((*shown).to_owned(), json!(headers.get(*shown)?.to_str().ok()?))))
        .collect();
    let body = json!({ "answered_by": name, "path": uri.path(), "headers_seen": seen });
    ([(CONTENT_TYPE, "application/json")], format!("{body:#}\n"))
}
