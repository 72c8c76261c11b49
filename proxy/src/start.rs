//! Start of a proxy. Listeners are bound before anything is served (`sockets`), so that errors appear at once and by
//! name. `running` has what follows.

use std::io;
use std::net::SocketAddr;
use std::num::NonZero;
use std::os::fd::IntoRawFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use axum::Router;
use parking_lot::Mutex;
use pingora::listeners::ListenerConfig;
use pingora::protocols::l4::stream::L4BufferSettings;
use pingora::server::{Fds, ListenFds};
use pingora::services::Service as _;
use pingora::services::listening::Service;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use traces::{Destination, EventSignal, Tracer};

use crate::access_log::{AccessLogFormat, AccessLogOutput, AccessLogger, MAX_QUEUED_LINES};
use crate::admin::{
    ADMIN_LISTENER, AdminServer, AdminState, HEALTH_LISTENER, TlsConfigSource, admin_router, health_router,
};
use crate::capacity::Capacity;
use crate::current::Current;
use crate::decider::head_limits;
use crate::edge::{Admission, Backpressure, Edge, EdgeLimits, ListenerProtocol};
use crate::fetch_timing::FetchTiming;
use crate::key_store::KeyStore;
use crate::log_drops::LogDropsCollector;
use crate::machine::Machine;
use crate::metrics::{Metrics, ReloadResult};
use crate::prepared_snapshot::{PrepareError, PreparedSnapshot};
use crate::publisher::Publisher;
use crate::readiness::Readiness;
use crate::receipts::{Receipts, ReceiptsCollector};
use crate::running::{Running, SideServers};
use crate::shared::{Probe, Shared};
use crate::shares::{Shares, SharesCollector, shed_when_short};
use crate::sockets::{BindError, BoundSocket, BoundSockets};
use crate::traces::ExportCollector;
use crate::upstreams::{Connector, UpstreamStore};
use config::{
    EvaluationSignal, Listener, LoadedConfig, LogFormat, LogOutput, Settings, TenantsListener,
    TraceCollector, TraceProtocol,
};

/// The options of a start beside the documents.
#[derive(Default)]
pub struct StartOptions {
    /// The sockets of the listeners, bound by the same documents. Default: the start binds them.
    pub sockets: Option<BoundSockets>,
    /// The start of accepting connections.
    pub accepting: Accepting,
    /// Routes that are merged into the admin listener.
    pub admin_routes: Option<Router>,
    /// Routes of the listener for the admins of orgs.
    pub tenants_routes: Option<Router>,
    /// Destination and format of the access log, in place of those of the documents.
    pub access_log: Option<(AccessLogOutput, AccessLogFormat)>,
    /// The dropped lines of the process log, for the metrics.
    pub log_drops: Option<Arc<logging::Drops>>,
    /// The delay of a drain, unless the documents set it.
    pub default_drain_delay: Duration,
    /// The timing of key fetches.
    pub fetch_timing: FetchTiming,
    /// Called at each stage of a request, for tests.
    pub probe: Option<Probe>,
}

/// The start of accepting connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accepting {
    /// At once.
    #[default]
    AtStart,
    /// With [`Running::accept`]. The sockets listen before.
    Later,
}

/// The reason why a proxy can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener's address can't be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The documents can't be served.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// Traces can't be exported.
    #[error(transparent)]
    Traces(#[from] traces::StartError),
    /// The access log can't be opened.
    #[error("the access log can't be opened: {0}")]
    AccessLog(io::Error),
    /// The system provides no threads.
    #[error("can't start worker threads: {0}")]
    Threads(io::Error),
}

/// Starts a proxy that serves loaded documents. When it returns, the proxy listens.
///
/// # Errors
/// A part of the documents can't be served. Nothing is served then.
pub fn start(loaded: &LoadedConfig, options: StartOptions) -> Result<Running, StartError> {
    let settings = &loaded.settings;
    let sockets = options.sockets.map_or_else(|| BoundSockets::bind(settings), Ok)?;
    let (go, accepts) = watch::channel(options.accepting == Accepting::AtStart);
    let copies = sockets.copies();
    let (listeners, side) = sockets.into_parts();
    let admin_listener = settings.admin.as_ref();
    let is_encrypted = admin_listener.is_some_and(|admin| admin.tls.is_some());
    let hosts = admin_listener.filter(|_| !is_encrypted);
    let hosts = hosts.map(|admin| Arc::new(admin.hosts.clone()));
    let threads = settings
        .threads
        .unwrap_or_else(|| thread::available_parallelism().map_or(1, NonZero::get));
    let runtime = runtime(threads).map_err(StartError::Threads)?;

    let metrics = Arc::new(Metrics::new());
    if let Some(tenants) = &loaded.settings.tenant_metrics {
        metrics.count_tenants(&tenants.names, tenants.max);
    }
    if let Some(drops) = options.log_drops {
        metrics.register(LogDropsCollector::process_log(drops));
    }
    let keys = KeyStore::new(runtime.handle().clone(), options.fetch_timing, &metrics);
    let readiness = Readiness::new(Arc::clone(&keys));
    let upstreams = UpstreamStore::new(runtime.handle().clone(), &metrics);
    let prepared = Arc::new(PreparedSnapshot::prepare(
        loaded,
        None,
        (&keys, &upstreams),
        &metrics,
    )?);
    upstreams.publish(&prepared.upstreams);
    let access_log = access_log(settings, options.access_log, &metrics).map_err(StartError::AccessLog)?;
    let receipts = settings
        .receipts
        .map(|receipts| (receipts.keep, receipts.sample_ppm));
    let (keep, sample_ppm) = receipts.unwrap_or_default();
    let receipts = Arc::new(Receipts::new(keep, sample_ppm));
    metrics.register(ReceiptsCollector::new(&receipts));
    metrics.publish(
        Arc::clone(&prepared.meters),
        &prepared.decider.snapshot.revision.0,
        SystemTime::now(),
    );
    metrics.reloads.count(ReloadResult::Applied, SystemTime::now());
    readiness.set_awaited_flags(&loaded.awaited_flags);
    readiness.set_snapshot(&prepared.decider.snapshot.revision.0, SystemTime::now());
    let shares = Shares::new(Capacity::new(Machine::of_process(), &settings.limits, threads));
    metrics.register(SharesCollector::new(Arc::clone(&shares)));
    let connector = Connector::new(shares.capacity().pooled);
    let shared = Arc::new(Shared::new(
        Current::new(prepared),
        metrics,
        (access_log, receipts),
        (shares, connector),
        options.probe,
    ));

    if let Some(traces) = &settings.traces {
        let tracer = Tracer::start(destination(&traces.collector))?;
        let counts = Arc::clone(tracer.counts());
        shared.metrics.register(ExportCollector::new(counts));
        // Set nowhere else.
        let _ = shared.tracer.set(tracer);
    }

    let bound = listeners.iter().map(BoundSocket::bound).collect();
    let (stop, stopped) = watch::channel(false);
    let admin = match side.admin {
        Some(listening) => {
            let encryption = is_encrypted.then(|| encryption(&shared, None));
            let state = AdminState {
                metrics: Arc::clone(&shared.metrics),
                readiness: Arc::clone(&readiness),
                hosts,
            };
            let router = admin_router(state).merge(options.admin_routes.unwrap_or_default());
            Some(serve_admin(
                (ADMIN_LISTENER, &accepts),
                listening,
                (&shared, router),
                encryption,
            )?)
        }
        None => None,
    };
    let health = side.health.map(|listening| {
        let address = listening.address;
        let state = AdminState {
            metrics: Arc::clone(&shared.metrics),
            readiness: Arc::clone(&readiness),
            // A page in a browser can reach a loopback address under a foreign name. Others are reached by probes and
            // Prometheus, by names that the document need not know.
            hosts: address.ip().is_loopback().then(Arc::default),
        };
        let name = (HEALTH_LISTENER, &accepts);
        serve_admin(name, listening, (&shared, health_router(state)), None)
    });
    let health = health.transpose()?;
    let tenants = side.tenants.map(|listening| {
        let has_tls = settings
            .tenants
            .as_ref()
            .is_some_and(|tenants| tenants.tls.is_some());
        let encryption = has_tls.then(|| encryption(&shared, Some(TenantsListener::NAME)));
        let router = options.tenants_routes.unwrap_or_default();
        let name = (TenantsListener::NAME, &accepts);
        serve_admin(name, listening, (&shared, router), encryption)
    });
    let tenants = tenants.transpose()?;
    let (shares, metrics) = (Arc::clone(&shared.shares), Arc::clone(&shared.metrics));
    runtime.spawn(shed_when_short(shares, metrics, stopped.clone()));
    // Last, because sockets that pingora was handed can't be taken back.
    let listening = listeners.into_iter().zip(&settings.listeners);
    serve(&runtime, &shared, listening, (&accepts, &stopped));
    let publisher = Publisher::new(
        shared,
        (keys, upstreams),
        readiness,
        settings,
        options.default_drain_delay,
    );
    Ok(Running::new(
        runtime,
        publisher,
        (bound, copies),
        SideServers {
            admin,
            health,
            tenants,
        },
        (go, stop),
    ))
}

fn runtime(threads: usize) -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name("proxy")
        .enable_all()
        .build()
}

/// Returns the collector of the documents, and the resource of this process.
fn destination(collector: &TraceCollector) -> Destination {
    let own = [
        ("service.name", &*collector.service_name),
        ("service.version", env!("CARGO_PKG_VERSION")),
    ];
    let own = own.map(|(name, value)| (name.into(), value.into()));
    Destination {
        url: collector.url.clone(),
        protocol: match collector.protocol {
            TraceProtocol::Http => traces::Protocol::Http,
            TraceProtocol::Grpc => traces::Protocol::Grpc,
        },
        headers: collector.headers.clone(),
        roots: collector.roots.clone(),
        timeout: Duration::from_millis(collector.timeout_ms),
        resource: own
            .into_iter()
            .chain(collector.attributes.iter().cloned())
            .collect(),
        events: match collector.evaluations {
            EvaluationSignal::Logs => EventSignal::Logs,
            EvaluationSignal::SpanEvents => EventSignal::SpanEvents,
        },
    }
}

/// Hands the bound listeners to pingora.
fn serve<'l>(
    runtime: &Runtime,
    shared: &Arc<Shared>,
    listeners: impl Iterator<Item = (BoundSocket, &'l Listener)>,
    (accepts, stopped): (&watch::Receiver<bool>, &watch::Receiver<bool>),
) {
    for (listening, definition) in listeners {
        let key = listening.address.to_string();
        let edge = edge(listening.name, definition, shared);
        let mut service = Service::new(edge.listener.to_string(), edge);
        service.set_connection_filter(Arc::new(Backpressure(Arc::clone(&shared.shares))));
        let mut sockets = Fds::new();
        sockets.add(key.clone(), listening.socket.into_raw_fd());
        // The edge has buffers of its own.
        service.add_listener(ListenerConfig::tcp(&key).l4_buffer(L4BufferSettings::unbuffered()));
        let sockets: ListenFds = Arc::new(Mutex::new(sockets));
        let (mut accepts, stopped) = (accepts.clone(), stopped.clone());
        runtime.spawn(async move {
            if accepts.wait_for(|accepts| *accepts).await.is_ok() {
                service.start_service(Some(sockets), stopped, 1).await;
            }
        });
    }
}

/// Returns the connection handling of a listener.
pub(crate) fn edge(listener: Box<str>, definition: &Listener, shared: &Arc<Shared>) -> Edge {
    let limits = definition.limits;
    let gauge = shared.metrics.connections.open(&listener);
    let admission = Admission::new(limits.connections, limits.connections_per_client, gauge);
    let limits = EdgeLimits {
        head: head_limits(&limits),
        head_timeout: Duration::from_millis(limits.head_timeout_ms),
        body_timeout: Duration::from_millis(limits.body_timeout_ms),
        write_timeout: Duration::from_millis(limits.write_timeout_ms),
        idle_timeout: Duration::from_millis(limits.idle_timeout_ms),
        abort_on_close: definition.abort_on_close,
    };
    Edge {
        shared: Arc::clone(shared),
        listener,
        limits,
        admission: Arc::new(admission),
        expects_proxy_header: definition.proxy_protocol,
        protocol: match (&definition.tls, definition.h2c) {
            (Some(_), _) => ListenerProtocol::Tls,
            (None, true) => ListenerProtocol::PlainOrHttp2,
            (None, false) => ListenerProtocol::Plain,
        },
    }
}

/// Returns a source of the TLS configuration of a listener, or with none of the admin listener: that of the current
/// snapshot.
fn encryption(shared: &Arc<Shared>, listener: Option<&'static str>) -> TlsConfigSource {
    let shared = Arc::clone(shared);
    Arc::new(move || shared.current.load().tls(listener))
}

/// Serves the admin listener, the health listener, or that for the admins of orgs.
fn serve_admin(
    (name, accepts): (&'static str, &watch::Receiver<bool>),
    listening: BoundSocket,
    (shared, router): (&Shared, Router),
    encryption: Option<TlsConfigSource>,
) -> Result<(SocketAddr, AdminServer), StartError> {
    let address = listening.address;
    let most = shared.shares.capacity().admin_connections();
    // A third of the reserve is for files and the store: customers take from it as little as possible.
    let most = if name == TenantsListener::NAME {
        most.div_ceil(2)
    } else {
        most
    };
    let metrics = Arc::clone(&shared.metrics);
    let server = AdminServer::start_with(
        (name, listening.socket),
        router,
        metrics,
        encryption,
        (most, accepts.clone()),
    );
    let failed = |reason| BindError {
        listener: name.into(),
        address,
        reason,
    };
    Ok((address, server.map_err(failed)?))
}

fn access_log(
    settings: &Settings,
    instead: Option<(AccessLogOutput, AccessLogFormat)>,
    metrics: &Arc<Metrics>,
) -> io::Result<AccessLogger> {
    let (output, format) = instead.unwrap_or_else(|| {
        let output = match &settings.access_log.output {
            LogOutput::Stdout => AccessLogOutput::Stdout,
            LogOutput::Stderr => AccessLogOutput::Stderr,
            LogOutput::Off => AccessLogOutput::Off,
            LogOutput::File(path) => AccessLogOutput::File(path.clone()),
        };
        let format = match settings.access_log.format {
            LogFormat::Json => AccessLogFormat::Json,
            LogFormat::Human => AccessLogFormat::Human,
        };
        (output, format)
    });
    AccessLogger::start(output, format, MAX_QUEUED_LINES, metrics)
}
