//! The admin listener and the health listener: liveness, readiness and metrics. Each has a thread and a runtime of its
//! own, so that neither it nor the data plane can delay the other.

mod connection_slots;
mod index;
mod write_timeout;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, RawQuery, State};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::IntoResponse as _;
use axum::routing::get;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rules::AdminHosts;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{error, warn};

use self::connection_slots::{ConnectionSlots, SlotGuard};
pub use self::connection_slots::{MAX_ADMIN_CONNECTIONS, MAX_ADMIN_CONNECTIONS_PER_CLIENT};
use self::index::{health_index, index};
use self::write_timeout::WriteTimeoutStream;
use crate::answer::prefers_open_metrics;
use crate::edge::tls;
use crate::metrics::Metrics;
use crate::readiness::{Readiness, ReadinessReport};

/// Name of the admin listener in messages.
pub(crate) const ADMIN_LISTENER: &str = "admin";
/// Name of the health listener in messages.
pub(crate) const HEALTH_LISTENER: &str = "health";
/// Maximum request body of a handler without a limit of its own, in bytes.
pub const MAX_ADMIN_BODY_BYTES: usize = 64 * 1024;
/// The timeouts of the admin listener.
const CLIENT_TIMEOUTS: ClientTimeouts = ClientTimeouts {
    head: Duration::from_secs(10),
    write: Duration::from_secs(10),
};
/// Size of the read buffer, in bytes, which bounds the request head.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Time for the last responses after the server is stopped.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// The timeouts for a client.
#[derive(Debug, Clone, Copy)]
struct ClientTimeouts {
    /// Time for a whole head, from the start of the connection or the previous response.
    head: Duration,
    /// Time without progress of a write.
    write: Duration,
}

/// The data of the built-in pages.
#[derive(Debug, Clone)]
pub struct AdminState {
    /// Source of `/metrics`.
    pub metrics: Arc<Metrics>,
    /// Source of `/readyz`.
    pub readiness: Arc<Readiness>,
    /// The hosts by which the pages may be requested; none for all. Over TLS the certificate protects from DNS rebinding.
    pub hosts: Option<Arc<AdminHosts>>,
}

/// Returns the current TLS configuration of the admin listener. Without one, handshakes fail.
pub(crate) type TlsConfigSource = Arc<dyn Fn() -> Option<Arc<ServerConfig>> + Send + Sync>;

/// The service of the admin listener.
struct AdminService {
    /// Name of the listener, for its thread and the log.
    name: &'static str,
    router: Router,
    metrics: Arc<Metrics>,
    /// The TLS configuration; none for plain HTTP.
    encryption: Option<TlsConfigSource>,
    timeouts: ClientTimeouts,
    /// Maximum of open connections.
    max_connections: usize,
}

/// A running admin listener. Dropping it stops it.
#[derive(Debug)]
pub struct AdminServer {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// Returns the router of `/livez`, `/readyz`, `/metrics` and of the list of what is served. Callers merge other routes into
/// it.
pub fn admin_router(state: AdminState) -> Router {
    pages(state, Router::new().route("/", get(index)))
}

/// Returns the router of `/livez`, `/readyz`, `/metrics` and of the list of them, and nothing else.
pub(crate) fn health_router(state: AdminState) -> Router {
    pages(state, Router::new().route("/", get(health_index)))
}

fn pages(state: AdminState, index: Router<AdminState>) -> Router {
    index
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .layer(DefaultBodyLimit::max(MAX_ADMIN_BODY_BYTES))
        .layer(from_fn_with_state(state.clone(), check_hosts))
        .with_state(state)
}

impl AdminServer {
    /// Serves `router` on `listener` until the server is stopped. Connections that are closed to admit others are
    /// counted in `metrics`.
    ///
    /// # Errors
    /// The listener can't be set up, or the system provides no thread.
    pub fn start(listener: std::net::TcpListener, router: Router, metrics: Arc<Metrics>) -> io::Result<Self> {
        Self::start_with(
            (ADMIN_LISTENER, listener),
            router,
            metrics,
            None,
            (MAX_ADMIN_CONNECTIONS, watch::channel(true).1),
        )
    }

    /// Starts like [`AdminServer::start`], with at most `max_connections` and over TLS if `encryption` is given. No
    /// connection is accepted before `accepts` is true.
    pub(crate) fn start_with(
        (name, listener): (&'static str, std::net::TcpListener),
        router: Router,
        metrics: Arc<Metrics>,
        encryption: Option<TlsConfigSource>,
        (max_connections, accepts): (usize, watch::Receiver<bool>),
    ) -> io::Result<Self> {
        let service = AdminService {
            name,
            router,
            metrics,
            encryption,
            timeouts: CLIENT_TIMEOUTS,
            max_connections,
        };
        Self::serve(listener, service, accepts)
    }

    fn serve(
        listener: std::net::TcpListener,
        service: AdminService,
        accepts: watch::Receiver<bool>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = watch::channel(false);
        let thread = thread::Builder::new().name(service.name.into()).spawn(move || {
            runtime.block_on(accept(listener, Arc::new(service), accepts, stopped));
            runtime.shutdown_timeout(Duration::ZERO);
        })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }

    /// Stops the server: accepts no more connections and gives running responses two seconds. Blocks for as long.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the thread of the admin or health listener panicked");
        }
    }
}

impl Drop for AdminServer {
    fn drop(&mut self) {
        self.end();
    }
}

async fn accept(
    listener: std::net::TcpListener,
    service: Arc<AdminService>,
    mut accepts: watch::Receiver<bool>,
    mut stopped: watch::Receiver<bool>,
) {
    tokio::select! {
        _ = accepts.wait_for(|accepts| *accepts) => {}
        _ = stopped.wait_for(|stop| *stop) => return,
    }
    let slots = ConnectionSlots::new(Arc::clone(&service.metrics), service.max_connections);
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return error!("the {} listener can't be used: {error}", service.name),
    };
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => break,
            accepted = next(&listener, service.name) => accepted,
        };
        // Ended tasks are removed here, so that the set does not grow.
        while connections.try_join_next().is_some() {}
        let Some((stream, peer)) = accepted else {
            continue;
        };
        let Some(slot) = slots.take(peer.ip()) else {
            continue;
        };
        let stream = WriteTimeoutStream::new(stream, service.timeouts.write, Arc::clone(&slots));
        connections.spawn(handshake_and_serve(
            stream,
            (peer, slot),
            Arc::clone(&service),
            stopped.clone(),
        ));
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(STOP_TIMEOUT, all_ended).await;
}

/// Accepts the next connection.
async fn next(listener: &TcpListener, name: &str) -> Option<(TcpStream, SocketAddr)> {
    match listener.accept().await {
        Ok(accepted) => Some(accepted),
        Err(error) => {
            // Usually the process is out of file descriptors, which an immediate retry would not change.
            warn!("the {name} listener can't accept: {error}");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

/// Performs the TLS handshake, if configured, under the deadline of a head, and serves the connection.
async fn handshake_and_serve(
    stream: WriteTimeoutStream<TcpStream>,
    (peer, slot): (SocketAddr, SlotGuard),
    service: Arc<AdminService>,
    mut stopped: watch::Receiver<bool>,
) {
    let Some(encryption) = &service.encryption else {
        return serve_connection(stream, (peer, slot), &service, stopped).await;
    };
    let handshakes = &service.metrics.connections.tls_handshakes;
    let Some(config) = encryption() else {
        return handshakes.count("no_certificate");
    };
    let deadline = Instant::now() + service.timeouts.head;
    let handshake = tokio::select! {
        handshake = tls::accept(stream, config, deadline) => handshake,
        () = slot.evicted() => return,
        _ = stopped.wait_for(|stop| *stop) => return,
    };
    match handshake {
        Ok(stream) => {
            handshakes.count("ok");
            serve_connection(stream, (peer, slot), &service, stopped).await;
        }
        Err(reason) => handshakes.count(reason),
    }
}

/// Serves a connection. Requests carry the peer's address as [`ConnectInfo`].
async fn serve_connection<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    (peer, slot): (SocketAddr, SlotGuard),
    service: &AdminService,
    mut stopped: watch::Receiver<bool>,
) {
    let router = TowerToHyperService::new(service.router.clone());
    let handler = service_fn(|mut request: Request<Incoming>| {
        let response_guard = slot.begin_response();
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = router.call(request);
        async move {
            let answer = answer.await;
            drop(response_guard);
            answer
        }
    });
    // The head timeout also closes an idle connection.
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(service.timeouts.head)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), handler);
    let mut http = std::pin::pin!(http);
    // An error of a connection concerns only its client.
    tokio::select! {
        _ = http.as_mut() => return,
        () = slot.evicted() => return,
        _ = stopped.wait_for(|stop| *stop) => http.as_mut().graceful_shutdown(),
    }
    let _ = http.await;
}

/// The media type of OpenMetrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type AdminResponse = (StatusCode, [(HeaderName, &'static str); 2], String);

fn answer(status: StatusCode, kind: &'static str, text: String) -> AdminResponse {
    (status, [(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store")], text)
}

/// Refuses a request for a foreign host: the page of another site could read the answer (DNS rebinding).
async fn check_hosts(
    State(state): State<AdminState>,
    request: axum::extract::Request,
    next: Next,
) -> axum::response::Response {
    let is_foreign = state.hosts.is_some_and(|hosts| {
        let named = request.headers().get_all(HOST).iter().map(HeaderValue::as_bytes);
        let target = request.uri().authority();
        !hosts.accept(named.chain(target.map(|target| target.as_str().as_bytes())))
    });
    match is_foreign {
        true => answer(StatusCode::FORBIDDEN, TEXT, FOREIGN_HOST.into()).into_response(),
        false => next.run(request).await,
    }
}

async fn livez() -> Result<AdminResponse, Infallible> {
    Ok(answer(StatusCode::OK, TEXT, "ok\n".into()))
}

async fn readyz(State(state): State<AdminState>, RawQuery(query): RawQuery) -> AdminResponse {
    let now = SystemTime::now();
    let report = state.readiness.report(now);
    let status = if report.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let verbose = query.is_some_and(|query| query.split('&').any(is_verbose));
    answer(status, TEXT, page(&report, verbose, now))
}

async fn metrics(State(state): State<AdminState>, headers: HeaderMap) -> AdminResponse {
    let accept = headers.get_all(ACCEPT).iter().map(HeaderValue::as_bytes);
    if prefers_open_metrics(accept) {
        let text = state.metrics.render_open_metrics();
        return answer(StatusCode::OK, OPEN_METRICS, text);
    }
    match state.metrics.render() {
        Ok(text) => answer(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text),
        Err(error) => {
            error!("can't encode the metrics: {error}");
            answer(
                StatusCode::INTERNAL_SERVER_ERROR,
                TEXT,
                "the metrics can't be encoded\n".into(),
            )
        }
    }
}

fn is_verbose(parameter: &str) -> bool {
    matches!(parameter, "verbose" | "verbose=" | "verbose=1" | "verbose=true")
}

/// Renders `/readyz`: one word, then the failed checks; with `verbose` all checks and the last reload error. Secrets
/// are masked.
fn page(report: &ReadinessReport, verbose: bool, now: SystemTime) -> String {
    let mut page = String::from(if report.ready { "ready\n" } else { "not ready\n" });
    for check in &report.checks {
        // A check that fails after the proxy became ready does not make it unready.
        if verbose || (!report.ready && !check.passed) {
            let mark = if check.passed { '+' } else { '-' };
            page.push_str(&format!("[{mark}] {}: {}\n", check.name, check.detail));
        }
    }
    for (name, words) in report.notes.iter().filter(|_| verbose) {
        page.push_str(&format!("[!] {name}: {words}\n"));
    }
    if verbose && let Some((at, error)) = &report.reload_error {
        let ago = now.duration_since(*at).unwrap_or_default().as_secs();
        page.push_str(&format!(
            "[!] the last reload was rejected {ago} s ago, the previous snapshot stays in use:\n"
        ));
        page.push_str(error.trim_end());
        page.push('\n');
    }
    redact::masked(&page).into_owned()
}

/// The answer to a request for a foreign host.
const FOREIGN_HOST: &str = "the host must be an IP address, `localhost` or one of `admin.hosts`\n";
const TEXT: &str = "text/plain; charset=utf-8";

#[cfg(test)]
mod tests;
