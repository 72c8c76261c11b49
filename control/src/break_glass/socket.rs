//! The break-glass socket: HTTP/1 on a socket file that only its owner may open. There is no further authentication;
//! the user of the peer process is recorded.

use std::sync::Arc;

use axum::extract::connect_info::Connected;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use axum::{Json, Router};
use changes::timestamp;
use rules::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::UnixListener;
use tokio::sync::watch;

use super::{BreakGlass, BreakGlassError, DEFAULT_KILL_MS, KillOrigin, LocalKill};

/// The largest body of a request, in bytes.
const MAX_BODY_BYTES: usize = 16 * 1024;
/// The help for an attempt to kill a retired flag.
const RETIRED_HELP: &str = "revert it to ga (in documents: `lifecycle: ga`), then kill it; or close the routes that it gates in the gateway's document";

/// The effect that a kill of a flag would have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KillEffect {
    /// The flag would be off for everyone.
    TurnsOff,
    /// None: a retired flag serves its final variant even if it is killed.
    Retired,
    /// None: the flag does not exist.
    UnknownFlag,
}

/// The kills and the functions that the socket's handlers call.
pub struct BreakGlassServer {
    /// The kills.
    pub break_glass: Arc<BreakGlass>,
    /// Returns the current time.
    pub clock: fn() -> Timestamp,
    /// Returns the effect that a kill of a flag would have.
    pub kill_effect: Box<dyn Fn(&str) -> KillEffect + Send + Sync>,
    /// Publishes a snapshot with the kills. When it returns, new requests are decided by it.
    pub publish_kills: Box<dyn Fn() + Send + Sync>,
    /// Reports the reason why kills cannot be made here, for `/readyz`; none if they can.
    pub set_unavailable: Box<dyn Fn(Option<String>) + Send + Sync>,
}

/// The user of the peer process.
#[derive(Debug, Clone)]
struct PeerUser(String);

impl Connected<IncomingStream<'_, UnixListener>> for PeerUser {
    fn connect_info(stream: IncomingStream<'_, UnixListener>) -> Self {
        let user = stream.io().peer_cred().map(|peer| peer.uid());
        Self(user.map_or_else(|_| "uid:unknown".into(), |user| format!("uid:{user}")))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KillBody {
    flag: String,
    reason: String,
    /// Duration in seconds; default one hour.
    seconds: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RestoreBody {
    flag: String,
}

/// Answers requests until it is stopped.
pub(super) async fn serve(
    server: Arc<BreakGlassServer>,
    listener: UnixListener,
    mut stopped: watch::Receiver<bool>,
) {
    let router = Router::new()
        .route("/kills", get(kills))
        .route("/kill", post(kill))
        .route("/restore", post(restore))
        .route("/journal", get(journal))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(server);
    let service = router.into_make_service_with_connect_info::<PeerUser>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    });
    if let Err(error) = serving.await {
        tracing::error!(%error, "the break-glass socket has ended");
    }
}

async fn kills(State(server): State<Arc<BreakGlassServer>>) -> Response {
    let kills = server.break_glass.kills();
    let kills: Vec<Value> = kills.iter().map(kill_json).collect();
    Json(json!({ "kills": kills })).into_response()
}

async fn kill(
    State(server): State<Arc<BreakGlassServer>>,
    ConnectInfo(peer): ConnectInfo<PeerUser>,
    headers: HeaderMap,
    body: Result<Json<KillBody>, JsonRejection>,
) -> Response {
    let Json(body) = match body {
        Ok(body) => body,
        Err(rejection) => return malformed(&rejection),
    };
    match (server.kill_effect)(&body.flag) {
        KillEffect::TurnsOff => {}
        KillEffect::UnknownFlag => {
            let detail = format!("no flag has the key `{}`", body.flag);
            return problem(StatusCode::NOT_FOUND, "FLAG_NOT_FOUND", &detail);
        }
        KillEffect::Retired => {
            let detail = format!(
                "`{}` is retired and serves its final variant, even if it is killed",
                body.flag
            );
            return problem_with_help(StatusCode::CONFLICT, "FLAG_RETIRED", &detail, Some(RETIRED_HELP));
        }
    }
    let duration_ms = body.seconds.map_or(DEFAULT_KILL_MS, |seconds| {
        i64::from(seconds).saturating_mul(1_000)
    });
    let origin = origin(&server, &peer, &headers);
    blocking(move || {
        let killed = server
            .break_glass
            .kill(&body.flag, duration_ms, &body.reason, &origin);
        match killed {
            Ok(kill) => {
                (server.publish_kills)();
                tracing::warn!(
                    flag = kill.flag,
                    by = kill.by,
                    reason = kill.reason,
                    "killed on this machine"
                );
                Json(kill_json(&kill)).into_response()
            }
            Err(error) => error_response(&error),
        }
    })
    .await
}

async fn restore(
    State(server): State<Arc<BreakGlassServer>>,
    ConnectInfo(peer): ConnectInfo<PeerUser>,
    headers: HeaderMap,
    body: Result<Json<RestoreBody>, JsonRejection>,
) -> Response {
    let Json(body) = match body {
        Ok(body) => body,
        Err(rejection) => return malformed(&rejection),
    };
    let origin = origin(&server, &peer, &headers);
    blocking(move || match server.break_glass.restore(&body.flag, &origin) {
        Ok(true) => {
            (server.publish_kills)();
            tracing::warn!(
                flag = body.flag,
                by = origin.by,
                "no longer killed on this machine"
            );
            Json(json!({ "flag": body.flag, "restored": true })).into_response()
        }
        Ok(false) => {
            let detail = format!("`{}` is not killed on this machine", body.flag);
            problem(StatusCode::NOT_FOUND, "NOT_KILLED", &detail)
        }
        Err(error) => error_response(&error),
    })
    .await
}

async fn journal(State(server): State<Arc<BreakGlassServer>>) -> Response {
    blocking(move || match server.break_glass.entries() {
        Ok(entries) => {
            let lines: String = entries.iter().map(|sealed| sealed.text.clone() + "\n").collect();
            ([("content-type", "application/jsonl")], lines).into_response()
        }
        Err(error) => error_response(&error.into()),
    })
    .await
}

async fn blocking(work: impl FnOnce() -> Response + Send + 'static) -> Response {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL",
            "the request failed because of a defect in sluice",
        )
    })
}

fn origin(server: &BreakGlassServer, peer: &PeerUser, headers: &HeaderMap) -> KillOrigin {
    let id = headers.get("x-request-id").and_then(|id| id.to_str().ok());
    let id = id.filter(|id| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()));
    let at = (server.clock)();
    KillOrigin {
        by: peer.0.clone(),
        request_id: id.map_or_else(|| format!("local-{}", at.0), ToOwned::to_owned),
        at,
    }
}

fn kill_json(kill: &LocalKill) -> Value {
    json!({
        "flag": kill.flag,
        "until": timestamp::text(kill.until),
        "by": kill.by,
        "reason": kill.reason,
    })
}

fn malformed(rejection: &JsonRejection) -> Response {
    problem(rejection.status(), "MALFORMED_BODY", &rejection.body_text())
}

fn error_response(error: &BreakGlassError) -> Response {
    let (status, code) = match error {
        BreakGlassError::Duration => (StatusCode::UNPROCESSABLE_ENTITY, "INVALID_DURATION"),
        BreakGlassError::Reason => (StatusCode::UNPROCESSABLE_ENTITY, "REASON_MISSING"),
        BreakGlassError::Full => (StatusCode::CONFLICT, "TOO_MANY_KILLS"),
        BreakGlassError::Journal(_) => (StatusCode::SERVICE_UNAVAILABLE, "STORE_UNAVAILABLE"),
        BreakGlassError::OtherProcess => (StatusCode::SERVICE_UNAVAILABLE, "JOURNAL_IN_USE"),
        BreakGlassError::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "JOURNAL_UNUSABLE"),
    };
    let help = match error {
        BreakGlassError::Journal(error) => Some(error.help()),
        BreakGlassError::OtherProcess => Some("retry: that process or this one answers within a second"),
        BreakGlassError::Unavailable { help, .. } => Some(*help),
        _ => None,
    };
    problem_with_help(status, code, &error.to_string(), help)
}

fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    problem_with_help(status, code, detail, None)
}

fn problem_with_help(status: StatusCode, code: &str, detail: &str, help: Option<&str>) -> Response {
    let title = status.canonical_reason().unwrap_or("error");
    let mut body = json!({
        "type": "about:blank", "title": title, "status": status.as_u16(), "code": code, "detail": detail,
    });
    if let (Some(help), Some(fields)) = (help, body.as_object_mut()) {
        fields.insert("help".into(), help.into());
    }
    let kind = [("content-type", "application/problem+json")];
    (status, kind, redact::masked_json(&body.to_string())).into_response()
}
