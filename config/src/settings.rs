//! Settings of the process: listeners, limits, logs and shutdown.

use std::net::SocketAddr;
use std::path::PathBuf;

use rules::{AdminHosts, RejectBody, TrustedProxies};

use crate::notify::NotificationSink;
use crate::operators::ChangePolicy;
use crate::tls::ListenerTls;
use crate::traces::{TraceCollector, TraceSettings};

/// The settings of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The listeners for requests. A change needs a restart, except of certificates.
    pub listeners: Vec<Listener>,
    /// The listener of the admin API, health and metrics; none if it is `off`.
    pub admin: Option<AdminListener>,
    /// The address of the listener of health and metrics alone; none if there is none. A change needs a restart.
    pub health: Option<SocketAddr>,
    /// The listener for the admins of orgs alone; none if there is none.
    pub tenants: Option<TenantsListener>,
    /// The number of threads that serve requests; none means one per core. A change needs a restart.
    pub threads: Option<usize>,
    /// Limits of the whole process. A change needs a restart.
    pub limits: ProcessLimits,
    /// The process log. A change needs a restart.
    pub log: ProcessLogSettings,
    /// The access log. A change of output or format needs a restart.
    pub access_log: AccessLog,
    /// The decisions that are kept for `sluice why`; none if they are `off`. A change needs a restart.
    pub receipts: Option<ReceiptSettings>,
    /// The tenants that requests are counted by; none if they are not counted by tenant. A change needs a restart.
    pub tenant_metrics: Option<TenantMetrics>,
    /// Bodies of Sluice's own answers, by status.
    pub errors: Vec<(u16, RejectBody)>,
    /// The maximum size of a request body, in bytes; none means unlimited.
    pub body_limit: Option<u64>,
    /// The conditions that changes of flags must meet. A change needs a restart.
    pub changes: ChangePolicy,
    /// The receivers of notifications. A change needs a restart.
    pub notify: Vec<NotificationSink>,
    /// The export of traces; none if requests are not traced.
    pub traces: Option<TraceSettings>,
    /// The shutdown of the process.
    pub drain: Drain,
    /// The proxies whose forwarding headers are trusted.
    pub trusted_proxies: TrustedProxies,
    /// The key that requests to upstreams are signed with; none if they are not signed.
    pub signing_key: Option<SigningKey>,
    /// The socket to kill flags on this machine; none if there is none. A change needs a restart.
    pub break_glass: Option<BreakGlassSettings>,
    /// The upgrade of the running process; none for the default. A change needs a restart.
    pub upgrade: Option<UpgradeSettings>,
}

/// The listener of the admin API, health and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminListener {
    /// The address; a loopback one unless there are operators. A change needs a restart.
    pub address: SocketAddr,
    /// The TLS of its connections; none for plain text. Adding or removing TLS needs a restart, other changes of it
    /// do not.
    pub tls: Option<ListenerTls>,
    /// The names by which it may be requested without TLS. A change needs a restart.
    pub hosts: AdminHosts,
    /// True if the web pages are served. A change needs a restart.
    pub has_console: bool,
}

/// The listener for the admins of orgs alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantsListener {
    /// The address. A change needs a restart.
    pub address: SocketAddr,
    /// The TLS of its connections; none for plain text. Adding or removing TLS needs a restart, other changes of it
    /// do not.
    pub tls: Option<ListenerTls>,
    /// The URL of the listener for people; none unless a proxy is in front of it. A change needs a restart.
    pub public_url: Option<Box<str>>,
}

impl TenantsListener {
    /// The name of the listener, which no other one can have beside it.
    pub const NAME: &str = "tenants";
}

/// The socket to kill flags on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakGlassSettings {
    /// The path of the socket.
    pub socket: PathBuf,
    /// The path of the journal of kills.
    pub journal: PathBuf,
}

/// The upgrade of the running process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradeSettings {
    /// The path of the socket at which the next process connects.
    pub socket: PathBuf,
}

/// A key that requests to upstreams are signed with. `Debug` does not print the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// The name of the key, for upstreams that know two.
    pub id: Box<str>,
    /// The secret, of 32 to 4,096 bytes.
    pub secret: Box<[u8]>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// An address that accepts requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The name, for logs.
    pub name: Box<str>,
    /// The address; with port 0 the system chooses one.
    pub address: SocketAddr,
    /// The TLS of its connections; none for plain text. Adding or removing TLS needs a restart, other changes of it
    /// do not.
    pub tls: Option<ListenerTls>,
    /// True if HTTP/2 with prior knowledge is accepted on connections without TLS.
    pub h2c: bool,
    /// True if each connection must begin with a PROXY header.
    pub proxy_protocol: bool,
    /// True if a client that ends its side of the connection aborts its request.
    pub abort_on_close: bool,
    /// The limits of its connections.
    pub limits: ConnectionLimits,
}

/// Limits of the whole process, as written. Omitted limits are derived from the machine at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProcessLimits {
    /// The maximum number of requests sent to upstreams at once.
    pub max_in_flight: Option<usize>,
    /// The same for one client address; for IPv6 one /64.
    pub max_in_flight_per_client: Option<usize>,
    /// The maximum number of WebSocket connections.
    pub max_tunnels: Option<usize>,
    /// The same for one client address.
    pub max_tunnels_per_client: Option<usize>,
    /// The maximum memory for requests with their buffers, in bytes.
    pub max_buffered: Option<u64>,
    /// The same for one client address.
    pub max_buffered_per_client: Option<u64>,
}

/// Limits of the connections of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// The maximum time for the head of a request, in milliseconds.
    pub head_timeout_ms: u64,
    /// The maximum time for the body of a request, in milliseconds.
    pub body_timeout_ms: u64,
    /// The maximum time for one write to a client, in milliseconds.
    pub write_timeout_ms: u64,
    /// The maximum time that a connection is idle, in milliseconds.
    pub idle_timeout_ms: u64,
    /// The maximum size of a request head, in bytes.
    pub head_size: usize,
    /// The maximum number of fields of a request head.
    pub head_fields: usize,
    /// The maximum number of connections at once.
    pub connections: usize,
    /// The same from one address; for IPv6 from one /64.
    pub connections_per_client: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            head_timeout_ms: 10_000,
            body_timeout_ms: 600_000,
            write_timeout_ms: 60_000,
            idle_timeout_ms: 60_000,
            head_size: 32 * 1024,
            head_fields: 100,
            connections: 10_000,
            connections_per_client: 1_000,
        }
    }
}

/// The log of errors and state changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProcessLogSettings {
    /// The least important level that is logged; none means the default of the process.
    pub level: Option<LogLevel>,
    /// The format of lines; none means the default of the process.
    pub format: Option<ProcessLogFormat>,
}

/// A level of the process log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Failures.
    Error,
    /// Unusual conditions.
    Warn,
    /// Changes of the state.
    Info,
    /// Details for the search for an error.
    Debug,
    /// All details.
    Trace,
}

/// The format of the process log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessLogFormat {
    /// Lines of text.
    Text,
    /// JSON objects.
    Json,
}

impl LogLevel {
    /// Returns its word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// The log with one line for each request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccessLog {
    /// The destination.
    pub output: LogOutput,
    /// The format of a line.
    pub format: LogFormat,
    /// True if queries are logged.
    pub query: bool,
}

/// The decisions of requests that are kept in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptSettings {
    /// The number of requests that are kept.
    pub keep: usize,
    /// The share of the forwarded requests that are kept, in millionths. Every refused request is.
    pub sample_ppm: u32,
}

impl Default for ReceiptSettings {
    fn default() -> Self {
        Self {
            keep: 4096,
            sample_ppm: 0,
        }
    }
}

/// The format of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// A JSON object, for machines.
    #[default]
    Json,
    /// Columns, for people.
    Human,
}

/// The destination of log lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LogOutput {
    /// Standard output.
    #[default]
    Stdout,
    /// Standard error.
    Stderr,
    /// Nowhere.
    Off,
    /// A file that lines are appended to.
    File(PathBuf),
}

/// The tenants that requests are counted by. The others are counted together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantMetrics {
    /// The number of tenants that are counted because they are seen first.
    pub max: usize,
    /// The ids of tenants that are counted in any case.
    pub names: Vec<Box<str>>,
}

/// The shutdown of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// The time to keep serving while readiness reports not ready, in milliseconds; none means the default of the
    /// process.
    pub delay_ms: Option<u64>,
    /// The maximum time for in-flight requests afterwards, in milliseconds.
    pub timeout_ms: u64,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            delay_ms: None,
            timeout_ms: 30_000,
        }
    }
}

impl Settings {
    /// Returns the fields that differ in `new` and need a restart to change.
    #[must_use]
    pub fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        let differences = [
            ("listeners", !listen_alike(&self.listeners, &new.listeners)),
            ("admin", !admin_alike(self.admin.as_ref(), new.admin.as_ref())),
            ("health", self.health != new.health),
            (
                "console",
                !tenants_alike(self.tenants.as_ref(), new.tenants.as_ref()),
            ),
            ("break_glass", self.break_glass != new.break_glass),
            ("upgrade", self.upgrade != new.upgrade),
            ("control", self.changes != new.changes),
            ("notify", self.notify != new.notify),
            ("traces", collector(self) != collector(new)),
            ("threads", self.threads != new.threads),
            ("limits", self.limits != new.limits),
            ("log", self.log != new.log),
            ("metrics", self.tenant_metrics != new.tenant_metrics),
            (
                "access_log",
                (&self.access_log.output, self.access_log.format)
                    != (&new.access_log.output, new.access_log.format),
            ),
            ("receipts", self.receipts != new.receipts),
        ];
        differences
            .into_iter()
            .filter(|(_, differs)| *differs)
            .map(|(field, _)| field)
            .collect()
    }
}

/// Returns the collector of traces; a change of the sampling alone needs no restart.
fn collector(settings: &Settings) -> Option<&TraceCollector> {
    settings.traces.as_ref().map(|traces| &traces.collector)
}

/// Returns true if two admin listeners differ only in settings that change without a restart.
fn admin_alike(one: Option<&AdminListener>, other: Option<&AdminListener>) -> bool {
    let fixed = |listener: &AdminListener| {
        let AdminListener {
            address,
            tls,
            hosts,
            has_console,
        } = listener;
        (*address, tls.is_some(), hosts.clone(), *has_console)
    };
    one.map(fixed) == other.map(fixed)
}

/// Returns true if two listeners for the admins of orgs differ only in settings that change without a restart.
fn tenants_alike(one: Option<&TenantsListener>, other: Option<&TenantsListener>) -> bool {
    let fixed = |listener: &TenantsListener| {
        let TenantsListener {
            address,
            tls,
            public_url,
        } = listener;
        (*address, tls.is_some(), public_url.clone())
    };
    one.map(fixed) == other.map(fixed)
}

/// Returns true if two lists of listeners differ only in settings that change without a restart.
fn listen_alike(one: &[Listener], other: &[Listener]) -> bool {
    let bound = |listener: &Listener| {
        let Listener {
            name,
            address,
            tls,
            h2c,
            proxy_protocol,
            abort_on_close,
            limits,
        } = listener;
        (
            name.clone(),
            *address,
            tls.is_some(),
            *h2c,
            *proxy_protocol,
            *abort_on_close,
            *limits,
        )
    };
    one.iter().map(bound).eq(other.iter().map(bound))
}
