//! The break-glass socket: HTTP/1 on a socket file that only its owner may open. There is no further authentication;
//! the user of the peer process is recorded.

use std::sync::Arc;

use axum::extract::connect_info::Connected;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use axum::{Json, Router};
use rules::Timestamp;
use tokio::net::UnixListener;
use tokio::sync::watch;

use super::body::{KillList, KillRecord, KillRequest, RestoreRequest, Restored};
use super::problem::{SocketProblem, SocketProblemAnswer};
use super::{BreakGlass, BreakGlassError, DEFAULT_KILL_MS, KillOrigin};

/// The largest body of a request, in bytes.
const MAX_BODY_BYTES: usize = 16 * 1024;

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

async fn kills(State(server): State<Arc<BreakGlassServer>>) -> Json<KillList> {
    Json(KillList::new(server.break_glass.kills()))
}

async fn kill(
    State(server): State<Arc<BreakGlassServer>>,
    ConnectInfo(peer): ConnectInfo<PeerUser>,
    headers: HeaderMap,
    body: Result<Json<KillRequest>, JsonRejection>,
) -> Result<Json<KillRecord>, SocketProblemAnswer> {
    let origin = origin(&server, &peer, &headers);
    let request_id = origin.request_id.clone();
    let killed = kill_flag(server, origin, body).await;
    killed.map_err(|problem| problem.answer(request_id))
}

async fn kill_flag(
    server: Arc<BreakGlassServer>,
    origin: KillOrigin,
    body: Result<Json<KillRequest>, JsonRejection>,
) -> Result<Json<KillRecord>, SocketProblem> {
    let Json(body) = body?;
    match (server.kill_effect)(&body.flag) {
        KillEffect::TurnsOff => {}
        KillEffect::UnknownFlag => return Err(SocketProblem::unknown_flag(&body.flag)),
        KillEffect::Retired => return Err(SocketProblem::retired(&body.flag)),
    }
    let duration_ms = body.seconds.map_or(DEFAULT_KILL_MS, |seconds| {
        i64::from(seconds).saturating_mul(1_000)
    });
    blocking(move || {
        let kill = server
            .break_glass
            .kill(&body.flag, duration_ms, &body.reason, &origin)?;
        (server.publish_kills)();
        tracing::warn!(
            flag = kill.flag,
            by = kill.by,
            reason = kill.reason,
            "killed on this machine"
        );
        Ok(Json(kill.into()))
    })
    .await
}

async fn restore(
    State(server): State<Arc<BreakGlassServer>>,
    ConnectInfo(peer): ConnectInfo<PeerUser>,
    headers: HeaderMap,
    body: Result<Json<RestoreRequest>, JsonRejection>,
) -> Result<Json<Restored>, SocketProblemAnswer> {
    let origin = origin(&server, &peer, &headers);
    let request_id = origin.request_id.clone();
    let restored = restore_flag(server, origin, body).await;
    restored.map_err(|problem| problem.answer(request_id))
}

async fn restore_flag(
    server: Arc<BreakGlassServer>,
    origin: KillOrigin,
    body: Result<Json<RestoreRequest>, JsonRejection>,
) -> Result<Json<Restored>, SocketProblem> {
    let Json(body) = body?;
    blocking(move || {
        if !server.break_glass.restore(&body.flag, &origin)? {
            return Err(SocketProblem::not_killed(&body.flag));
        }
        (server.publish_kills)();
        tracing::warn!(
            flag = body.flag,
            by = origin.by,
            "no longer killed on this machine"
        );
        Ok(Json(Restored::new(body.flag)))
    })
    .await
}

async fn journal(
    State(server): State<Arc<BreakGlassServer>>,
    ConnectInfo(peer): ConnectInfo<PeerUser>,
    headers: HeaderMap,
) -> Result<Response, SocketProblemAnswer> {
    let origin = origin(&server, &peer, &headers);
    let answer = blocking(move || {
        let entries = server.break_glass.entries().map_err(BreakGlassError::from)?;
        let lines: String = entries.iter().map(|sealed| sealed.text.clone() + "\n").collect();
        Ok(([("content-type", "application/jsonl")], lines).into_response())
    });
    let answer = answer.await.map_err(SocketProblem::of_read);
    answer.map_err(|problem| problem.answer(origin.request_id))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, SocketProblem> + Send + 'static,
) -> Result<T, SocketProblem> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(SocketProblem::defect()))
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
