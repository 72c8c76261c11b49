//! The socket of break-glass: HTTP/1 on a file that only its owner may open. Whoever may, is asked for nothing else;
//! the user behind the connection is written down.

use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use axum::{Json, Router};
use rules::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::UnixListener;
use tokio::sync::watch;

use super::{Asker, BreakGlass, BreakGlassError, DEFAULT_KILL_MS, LocalKill};
use crate::timestamp;

/// Longest body of a request, in bytes.
const MAX_BODY_BYTES: usize = 16 * 1024;
/// How soon after its time a kill ends.
const EXPIRY_TICK: Duration = Duration::from_secs(1);

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
#[error("the break-glass socket `{path}` can't be made: {reason}")]
pub struct SocketError {
    path: String,
    reason: std::io::Error,
}

/// What the socket's requests are about.
pub struct BreakGlassServer {
    /// The kills.
    pub break_glass: Arc<BreakGlass>,
    /// Says what time it is.
    pub clock: fn() -> Timestamp,
    /// Whether there is such a flag.
    pub knows: Box<dyn Fn(&str) -> bool + Send + Sync>,
    /// Puts the kills in force. When it returns, new requests are decided by them.
    pub enforce: Box<dyn Fn() + Send + Sync>,
}

/// Whose process is at the other end.
#[derive(Debug, Clone)]
struct Peer(String);

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
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
    /// For how many seconds; left out: an hour.
    seconds: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RestoreBody {
    flag: String,
}

impl BreakGlassServer {
    /// Makes the socket at `path`, where a former process may have left one behind. To be called on a runtime.
    ///
    /// # Errors
    /// It can't be made there, or something that is no socket is in its place.
    pub fn bind(path: &Path) -> Result<UnixListener, SocketError> {
        bind(path).map_err(|reason| SocketError {
            path: path.display().to_string(),
            reason,
        })
    }

    /// Answers requests until it is stopped, and ends kills whose time is up.
    pub async fn serve(self, listener: UnixListener, mut stopped: watch::Receiver<bool>) {
        let server = Arc::new(self);
        let expiring = tokio::spawn(expire(Arc::clone(&server), stopped.clone()));
        let router = Router::new()
            .route("/kills", get(kills))
            .route("/kill", post(kill))
            .route("/restore", post(restore))
            .route("/journal", get(journal))
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .with_state(server);
        let service = router.into_make_service_with_connect_info::<Peer>();
        let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
            let _ = stopped.wait_for(|stop| *stop).await;
        });
        if let Err(error) = serving.await {
            tracing::error!(%error, "the break-glass socket has ended");
        }
        expiring.abort();
    }
}

/// Made where nobody else can reach it, closed to others, and then moved into its place.
fn bind(path: &Path) -> std::io::Result<UnixListener> {
    let there = std::fs::symlink_metadata(path);
    if there.is_ok_and(|there| !there.file_type().is_socket()) {
        return Err(std::io::Error::other("there is a file that is no socket"));
    }
    let mut aside: PathBuf = path.to_owned();
    aside.as_mut_os_string().push(".new");
    match std::fs::remove_dir_all(&aside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    DirBuilder::new().mode(0o700).create(&aside)?;
    let inside = aside.join("socket");
    let listener = UnixListener::bind(&inside)?;
    std::fs::set_permissions(&inside, Permissions::from_mode(0o600))?;
    std::fs::rename(&inside, path)?;
    std::fs::remove_dir(&aside)?;
    Ok(listener)
}

/// Ends kills whose time is up.
async fn expire(server: Arc<BreakGlassServer>, mut stopped: watch::Receiver<bool>) {
    let mut tick = tokio::time::interval(EXPIRY_TICK);
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return,
            _ = tick.tick() => {}
        }
        let now = (server.clock)();
        if server.break_glass.next_expiry().is_none_or(|at| at > now) {
            continue;
        }
        let server = Arc::clone(&server);
        let ended = tokio::task::spawn_blocking(move || {
            let ended = server.break_glass.expire(now);
            (server.enforce)();
            ended
        });
        for flag in ended.await.unwrap_or_default() {
            tracing::warn!(flag, "the local kill has expired: the documents decide again");
        }
    }
}

async fn kills(State(server): State<Arc<BreakGlassServer>>) -> Response {
    let kills = server.break_glass.kills();
    let kills: Vec<Value> = kills.iter().map(as_json).collect();
    Json(json!({ "kills": kills })).into_response()
}

async fn kill(
    State(server): State<Arc<BreakGlassServer>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    headers: HeaderMap,
    body: Result<Json<KillBody>, JsonRejection>,
) -> Response {
    let Json(body) = match body {
        Ok(body) => body,
        Err(rejection) => return malformed(&rejection),
    };
    if !(server.knows)(&body.flag) {
        let detail = format!("no flag has the key `{}`", body.flag);
        return problem(StatusCode::NOT_FOUND, "FLAG_NOT_FOUND", &detail);
    }
    let duration_ms = body.seconds.map_or(DEFAULT_KILL_MS, |seconds| {
        i64::from(seconds).saturating_mul(1_000)
    });
    let asker = asker(&server, &peer, &headers);
    blocking(move || {
        let killed = server
            .break_glass
            .kill(&body.flag, duration_ms, &body.reason, &asker);
        match killed {
            Ok(kill) => {
                (server.enforce)();
                tracing::warn!(
                    flag = kill.flag,
                    by = kill.by,
                    reason = kill.reason,
                    "killed on this machine"
                );
                Json(as_json(&kill)).into_response()
            }
            Err(error) => refused(&error),
        }
    })
    .await
}

async fn restore(
    State(server): State<Arc<BreakGlassServer>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    headers: HeaderMap,
    body: Result<Json<RestoreBody>, JsonRejection>,
) -> Response {
    let Json(body) = match body {
        Ok(body) => body,
        Err(rejection) => return malformed(&rejection),
    };
    let asker = asker(&server, &peer, &headers);
    blocking(move || match server.break_glass.restore(&body.flag, &asker) {
        Ok(true) => {
            (server.enforce)();
            tracing::warn!(
                flag = body.flag,
                by = asker.by,
                "no longer killed on this machine"
            );
            Json(json!({ "flag": body.flag, "restored": true })).into_response()
        }
        Ok(false) => {
            let detail = format!("`{}` is not killed on this machine", body.flag);
            problem(StatusCode::NOT_FOUND, "NOT_KILLED", &detail)
        }
        Err(error) => refused(&error),
    })
    .await
}

async fn journal(State(server): State<Arc<BreakGlassServer>>) -> Response {
    blocking(move || match server.break_glass.entries() {
        Ok(entries) => {
            let lines: String = entries.iter().map(|sealed| sealed.text.clone() + "\n").collect();
            ([("content-type", "application/jsonl")], lines).into_response()
        }
        Err(error) => refused(&error.into()),
    })
    .await
}

async fn blocking(work: impl FnOnce() -> Response + Send + 'static) -> Response {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        problem(
            StatusCode::INTERNAL_SERVER_ERROR,
            "INTERNAL",
            "the request met a defect",
        )
    })
}

fn asker(server: &BreakGlassServer, peer: &Peer, headers: &HeaderMap) -> Asker {
    let id = headers.get("x-request-id").and_then(|id| id.to_str().ok());
    let id = id.filter(|id| (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()));
    let at = (server.clock)();
    Asker {
        by: peer.0.clone(),
        request_id: id.map_or_else(|| format!("local-{}", at.0), ToOwned::to_owned),
        at,
    }
}

fn as_json(kill: &LocalKill) -> Value {
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

fn refused(error: &BreakGlassError) -> Response {
    let (status, code) = match error {
        BreakGlassError::Duration => (StatusCode::UNPROCESSABLE_ENTITY, "INVALID_DURATION"),
        BreakGlassError::Reason => (StatusCode::UNPROCESSABLE_ENTITY, "REASON_MISSING"),
        BreakGlassError::Full => (StatusCode::CONFLICT, "TOO_MANY_KILLS"),
        BreakGlassError::Journal(_) => (StatusCode::SERVICE_UNAVAILABLE, "STORE_UNAVAILABLE"),
    };
    problem(status, code, &error.to_string())
}

fn problem(status: StatusCode, code: &str, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or("error");
    let body = json!({
        "type": "about:blank", "title": title, "status": status.as_u16(), "code": code, "detail": detail,
    });
    let kind = [("content-type", "application/problem+json")];
    (status, kind, body.to_string()).into_response()
}
