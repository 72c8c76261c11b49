//! A key server for tests, on a port that the system chooses. Tests set its response.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use tokio::sync::watch;

/// Public Ed25519 keys of RFC 8032 section 7.1.
pub(crate) const KEYS: [&str; 3] = [
    "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw",
    "_FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU",
];

#[derive(Clone)]
pub(crate) enum KeyResponse {
    Status(u16),
    Text(String),
    Redirect(String),
}

pub(crate) struct TestKeyServer {
    pub(crate) url: String,
    state: Arc<ServerState>,
}

struct ServerState {
    answer: Mutex<KeyResponse>,
    asked: AtomicUsize,
    held: watch::Sender<bool>,
}

/// Returns a JWKS with the keys at these indices of [`KEYS`], under these ids.
pub(crate) fn jwks(keys: &[(&str, usize)]) -> String {
    let key = |&(kid, place): &(&str, usize)| {
        format!(
            r#"{{"kty":"OKP","crv":"Ed25519","use":"sig","kid":"{kid}","x":"{}"}}"#,
            KEYS[place]
        )
    };
    format!(
        r#"{{"keys":[{}]}}"#,
        keys.iter().map(key).collect::<Vec<_>>().join(",")
    )
}

/// Waits until `so` returns true. Panics after ten seconds.
pub(crate) async fn eventually(what: &str, so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !so() {
        assert!(Instant::now() < deadline, "it never happened: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

impl TestKeyServer {
    pub(crate) async fn start(answer: KeyResponse) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let held = watch::Sender::new(false);
        let state = Arc::new(ServerState {
            answer: Mutex::new(answer),
            asked: AtomicUsize::new(0),
            held,
        });
        let shared = Arc::clone(&state);
        let router = Router::new().fallback(move || Arc::clone(&shared).respond());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, state }
    }

    pub(crate) async fn with_keys(keys: &[(&str, usize)]) -> Self {
        Self::start(KeyResponse::Text(jwks(keys))).await
    }

    pub(crate) fn answer(&self, answer: KeyResponse) {
        *self.state.answer.lock() = answer;
    }

    /// Returns the number of requests so far.
    pub(crate) fn asked(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }

    /// Holds responses back until `release`.
    pub(crate) fn hold(&self) {
        self.state.held.send_replace(true);
    }

    pub(crate) fn release(&self) {
        self.state.held.send_replace(false);
    }
}

impl ServerState {
    async fn respond(self: Arc<Self>) -> Response {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.held.subscribe().wait_for(|held| !held).await.unwrap();
        let answer = self.answer.lock().clone();
        match answer {
            KeyResponse::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
            KeyResponse::Text(text) => text.into_response(),
            KeyResponse::Redirect(to) => (StatusCode::FOUND, [(LOCATION, to)]).into_response(),
        }
    }
}
