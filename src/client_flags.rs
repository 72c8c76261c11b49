//! `GET /api/v1/me/feature-flags`: the flags that are on for a client, for front ends. It is on the admin listener and is
//! made reachable by a route of the gateway, so it accepts the tokens of requests, not those of operators.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::routing::get;
use control::api::PREFIX;
use proxy::{ClientFlags, ClientRefused, DryRunRequest, client_flags};
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use crate::clock;
use crate::issuer_keys::issuer_keys;
use crate::request_explainer::RequestExplainer;

/// The path below the prefix of the API.
const PATH: &str = "/me/feature-flags";
/// The number of lists that are decided at a time; others wait, so that clients cannot block operators.
const MAX_CONCURRENT: usize = 4;
/// The headers that frame a message or belong to one connection. They are not credentials or attributes of a client.
const OMITTED: [HeaderName; 5] = [
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::EXPECT,
];
/// The time for which a browser may keep the answer to a preflight request, in seconds.
const PREFLIGHT_MAX_AGE: HeaderValue = HeaderValue::from_static("600");

#[derive(Clone)]
struct ListState {
    explainer: Arc<RequestExplainer>,
    slots: Arc<Semaphore>,
}

/// Returns the router of the list.
pub(crate) fn router(explainer: Arc<RequestExplainer>) -> Router {
    let state = ListState {
        explainer,
        slots: Arc::new(Semaphore::new(MAX_CONCURRENT)),
    };
    Router::new()
        .route(&format!("{PREFIX}{PATH}"), get(list).options(preflight))
        .with_state(state)
}

/// Answers a preflight request (Fetch standard, CORS protocol). Any page may read the list: it needs the client's token,
/// and is sent without credentials that a browser adds.
async fn preflight() -> Response<Body> {
    let mut response = common(Response::new(Body::empty()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let allowed = [
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, HEAD"),
        ),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("authorization, if-none-match"),
        ),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE),
    ];
    headers.extend(allowed);
    response
}

async fn list(State(state): State<ListState>, headers: HeaderMap) -> Response<Body> {
    let Ok(slot) = state.slots.acquire_owned().await else {
        return problem(&unavailable());
    };
    let (explainer, sent) = (state.explainer, headers.clone());
    // Verifying a token may wait for keys.
    let decided = tokio::task::spawn_blocking(move || {
        let decided = decide(&explainer, &sent);
        drop(slot);
        decided
    });
    match decided.await {
        Ok(Ok(flags)) => found(&flags, &headers),
        Ok(Err(refused)) => problem(&refused),
        Err(_) => problem(&ClientRefused {
            status: 500,
            code: "DEFECT",
            detail: "the request failed because of a defect of the server",
            challenge: None,
        }),
    }
}

fn decide(explainer: &RequestExplainer, headers: &HeaderMap) -> Result<ClientFlags, ClientRefused> {
    let (gateway, keys) = explainer.running().ok_or_else(unavailable)?;
    let decider = &gateway.decider;
    let listener = decider.listeners().first().ok_or_else(unavailable)?;
    let head = request_head(headers);
    let request = DryRunRequest {
        listener,
        head: &head,
        caller: None,
        // The peer is the gateway, if the request came through one of its routes.
        client: None,
        attributes: Vec::new(),
        open_breakers: &|tenant| explainer.open_breakers(tenant),
    };
    let now = clock::now();
    let keys_of = |position: usize| {
        let issuer = gateway.identity.issuers.get(position)?;
        issuer_keys(issuer, keys).ok()
    };
    keys.wait(client_flags(decider, &request, keys_of, (now, now.seconds())))
}

/// Returns the request as the data plane reads it: with the client's headers, and a target that is not read.
fn request_head(headers: &HeaderMap) -> Vec<u8> {
    let mut head = format!("GET {PREFIX}{PATH} HTTP/1.1\r\n").into_bytes();
    for (name, value) in headers {
        if !OMITTED.contains(name) {
            head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
    }
    head.extend(b"\r\n");
    head
}

/// Returns the list, or 304 if the client has it already. The `ETag` is a digest of the list, so that it changes only with
/// the client's flags.
fn found(list: &ClientFlags, headers: &HeaderMap) -> Response<Body> {
    let flags = list.flags.iter().map(|flag| {
        let value = serde_json::from_str::<Value>(&flag.value).ok();
        let body = json!({ "variant": flag.variant, "value": value });
        (flag.key.clone(), body)
    });
    let flags: Map<String, Value> = flags.collect();
    let body = json!({ "tenant": list.tenant, "flags": flags }).to_string();
    let sha256 = digest(&SHA256, body.as_bytes());
    let hex: String = sha256
        .as_ref()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let etag = format!("\"{hex}\"");
    let mut response = if is_known(headers, &etag) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let mut response = Response::new(Body::from(body));
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    };
    if let Ok(etag) = HeaderValue::try_from(etag) {
        response.headers_mut().insert(header::ETAG, etag);
    }
    let cached = HeaderValue::from_static("private, no-cache");
    response.headers_mut().insert(header::CACHE_CONTROL, cached);
    common(response)
}

/// Returns true if `If-None-Match` lists the tag (RFC 9110 section 13.1.2); weak tags are equal to strong ones.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let listed = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut tags = listed
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    tags.any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
    })
}

/// Adds the headers of every answer.
fn common(mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("authorization, cookie"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("etag"),
    );
    response
}

fn unavailable() -> ClientRefused {
    ClientRefused {
        status: 503,
        code: "NOT_RUNNING",
        detail: "the proxy does not run yet",
        challenge: None,
    }
}

fn problem(refused: &ClientRefused) -> Response<Body> {
    let status = StatusCode::from_u16(refused.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": refused.code,
        "detail": refused.detail,
    });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let challenge = refused.challenge.as_deref().map(HeaderValue::try_from);
    if let Some(Ok(challenge)) = challenge {
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    common(response)
}
