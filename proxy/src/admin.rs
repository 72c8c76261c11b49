//! The admin side of a proxy: alive, ready, metrics. It has a listener, a thread and a runtime of its own, so
//! that neither side can hold up the other.

mod connection_slots;
mod write_timeout;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::{ConnectInfo, DefaultBodyLimit, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, StatusCode};
use axum::routing::get;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::{error, warn};

use self::connection_slots::{ConnectionSlots, SlotGuard};
pub use self::connection_slots::{MAX_ADMIN_CONNECTIONS, MAX_ADMIN_CONNECTIONS_PER_CLIENT};
use self::write_timeout::WriteTimeoutStream;
use crate::edge::tls;
use crate::metrics::Metrics;
use crate::readiness::{Readiness, ReadinessReport};

/// Longest body of a request, in bytes, that a handler reads unless it says otherwise.
pub const MAX_ADMIN_BODY_BYTES: usize = 64 * 1024;
/// How long clients may take.
const CLIENT_TIMEOUTS: ClientTimeouts = ClientTimeouts {
    head: Duration::from_secs(10),
    write: Duration::from_secs(10),
};
/// About the longest head, in bytes, that is read: a buffer's length.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// How long the last answers may take after the end was asked for.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a client may take.
#[derive(Debug, Clone, Copy)]
struct ClientTimeouts {
    /// For a whole head, from the connection's beginning or the answer before.
    head: Duration,
    /// To take something of what is written to it.
    write: Duration,
}

/// What the pages are made from.
#[derive(Debug, Clone)]
pub struct AdminState {
    /// For `/metrics`.
    pub metrics: Arc<Metrics>,
    /// For `/readyz`.
    pub readiness: Arc<Readiness>,
}

/// What the handshakes of the admin listener go by at the moment; with nothing to go by there are none.
pub(crate) type TlsConfigSource = Arc<dyn Fn() -> Option<Arc<ServerConfig>> + Send + Sync>;

/// What is answered on the admin listener, and over what.
struct AdminService {
    router: Router,
    metrics: Arc<Metrics>,
    /// None: connections are not encrypted.
    encryption: Option<TlsConfigSource>,
    timeouts: ClientTimeouts,
    /// Most connections at once.
    max_connections: usize,
}

/// A running admin listener. Dropping it ends it.
#[derive(Debug)]
pub struct AdminServer {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// `/livez`, `/readyz` and `/metrics`. Others are merged to it.
pub fn admin_router(state: AdminState) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .layer(DefaultBodyLimit::max(MAX_ADMIN_BODY_BYTES))
        .with_state(state)
}

impl AdminServer {
    /// Serves `router` on `listener` until the server is stopped. Connections that were closed for the sake of
    /// others are counted.
    pub fn start(listener: std::net::TcpListener, router: Router, metrics: Arc<Metrics>) -> io::Result<Self> {
        Self::start_with(listener, router, metrics, None, MAX_ADMIN_CONNECTIONS)
    }

    /// The same with `most` connections at once, over TLS where there is something to encrypt them by.
    pub(crate) fn start_with(
        listener: std::net::TcpListener,
        router: Router,
        metrics: Arc<Metrics>,
        encryption: Option<TlsConfigSource>,
        max_connections: usize,
    ) -> io::Result<Self> {
        let service = AdminService {
            router,
            metrics,
            encryption,
            timeouts: CLIENT_TIMEOUTS,
            max_connections,
        };
        Self::serve(listener, service)
    }

    fn serve(listener: std::net::TcpListener, service: AdminService) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = watch::channel(false);
        let thread = thread::Builder::new().name("admin".into()).spawn(move || {
            runtime.block_on(accept(listener, Arc::new(service), stopped));
            runtime.shutdown_timeout(Duration::ZERO);
        })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }

    /// Ends it: no more connections, and the answers under way within two seconds. Blocks for as long.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the admin listener had ended in a panic");
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
    mut stopped: watch::Receiver<bool>,
) {
    let slots = ConnectionSlots::new(Arc::clone(&service.metrics), service.max_connections);
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return error!("the admin listener can't be used: {error}"),
    };
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => break,
            accepted = next(&listener) => accepted,
        };
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

/// The next connection.
async fn next(listener: &TcpListener) -> Option<(TcpStream, SocketAddr)> {
    match listener.accept().await {
        Ok(accepted) => Some(accepted),
        Err(error) => {
            // Most often there are too many open files, which trying again at once would not change.
            warn!("the admin listener can't accept: {error}");
            tokio::time::sleep(Duration::from_millis(100)).await;
            None
        }
    }
}

/// A connection from its beginning: first the handshake, if there is to be one, which has the time of a head.
async fn handshake_and_serve(
    stream: WriteTimeoutStream<TcpStream>,
    (peer, slot): (SocketAddr, SlotGuard),
    service: Arc<AdminService>,
    mut stopped: watch::Receiver<bool>,
) {
    let Some(encryption) = &service.encryption else {
        return serve_connection(stream, (peer, slot), &service, stopped).await;
    };
    let handshakes = &service.metrics.tls_handshakes;
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

/// Requests bring the peer's address along, as [`ConnectInfo`].
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
    // A connection that is kept alive without a request is closed after the same time.
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(service.timeouts.head)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), handler);
    let mut http = std::pin::pin!(http);
    // How a connection ended is the business of whoever opened it.
    tokio::select! {
        _ = http.as_mut() => return,
        () = slot.evicted() => return,
        _ = stopped.wait_for(|stop| *stop) => http.as_mut().graceful_shutdown(),
    }
    let _ = http.await;
}

type AdminResponse = (StatusCode, [(HeaderName, &'static str); 2], String);

fn answer(status: StatusCode, kind: &'static str, text: String) -> AdminResponse {
    (status, [(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-store")], text)
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

async fn metrics(State(state): State<AdminState>) -> AdminResponse {
    match state.metrics.render() {
        Ok(text) => answer(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text),
        Err(error) => {
            error!("the metrics can't be put into text: {error}");
            answer(
                StatusCode::INTERNAL_SERVER_ERROR,
                TEXT,
                "the metrics can't be shown\n".into(),
            )
        }
    }
}

fn is_verbose(parameter: &str) -> bool {
    matches!(parameter, "verbose" | "verbose=" | "verbose=1" | "verbose=true")
}

/// One word, then what failed; with `verbose` everything, and the last error of a reload. Secrets are masked.
fn page(report: &ReadinessReport, verbose: bool, now: SystemTime) -> String {
    let mut page = String::from(if report.ready { "ready\n" } else { "not ready\n" });
    for check in &report.checks {
        // A check that failed after it had passed once is no reason, and only of interest to the curious.
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
            "[!] the last reload was refused {ago} s ago, what was served before stays:\n"
        ));
        page.push_str(error.trim_end());
        page.push('\n');
    }
    redact::masked(&page).into_owned()
}

const TEXT: &str = "text/plain; charset=utf-8";

#[cfg(test)]
mod tests;
