//! What the process is set to, beside what decides requests.

use std::net::SocketAddr;
use std::path::PathBuf;

use rules::{RejectBody, TrustedProxies};

use crate::operators::ChangePolicy;
use crate::tls::ListenerTls;

/// What the process is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where requests arrive. A change needs a restart.
    pub listeners: Vec<Listener>,
    /// Where the admin API, health and metrics are, if they are anywhere.
    pub admin: Option<AdminListener>,
    /// Worker threads; none: one a core. A change needs a restart.
    pub threads: Option<usize>,
    /// How much the process takes. A change needs a restart.
    pub limits: ProcessLimits,
    /// One line for each request. A change of output or format needs a restart.
    pub access_log: AccessLog,
    /// Bodies for answers of our own, by status.
    pub errors: Vec<(u16, RejectBody)>,
    /// The largest request body, in bytes; none: any.
    pub body_limit: Option<u64>,
    /// What changes must meet. A change needs a restart.
    pub changes: ChangePolicy,
    /// How the process ends.
    pub drain: Drain,
    /// Who may say for whom a request is forwarded.
    pub trusted_proxies: TrustedProxies,
    /// What requests to upstreams are signed with, if they are.
    pub signing_key: Option<SigningKey>,
    /// Where flags can be killed on this machine. A change needs a restart.
    pub break_glass: Option<BreakGlass>,
}

/// Where the admin API, health and metrics are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminListener {
    /// Without operators a loopback address. A change needs a restart.
    pub address: SocketAddr,
    /// How its connections are encrypted, if they are. That they are needs a restart; how doesn't.
    pub tls: Option<ListenerTls>,
}

/// Where flags can be killed on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakGlass {
    /// The socket.
    pub socket: PathBuf,
    /// What was done.
    pub journal: PathBuf,
}

/// A key that requests to upstreams are signed with. The secret never shows in `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Its name, for upstreams that know two.
    pub id: Box<str>,
    /// 32 to 4,096 bytes.
    pub secret: Box<[u8]>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// An address that requests arrive at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Its name.
    pub name: Box<str>,
    /// Where; with port 0 the system chooses.
    pub address: SocketAddr,
    /// How its connections are encrypted, if they are. That they are needs a restart; how doesn't.
    pub tls: Option<ListenerTls>,
    /// Whether HTTP/2 is taken on connections that are not.
    pub h2c: bool,
    /// Whether connections begin with a PROXY header.
    pub proxy_protocol: bool,
    /// What connections may take.
    pub limits: ConnectionLimits,
}

/// How much the process takes over all listeners, as written; what is left out is derived from the machine at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProcessLimits {
    /// The most requests that upstreams are asked at once.
    pub max_in_flight: Option<usize>,
    /// The same for one client address; IPv6: one /64.
    pub max_in_flight_per_client: Option<usize>,
    /// The most tunnels.
    pub max_tunnels: Option<usize>,
    /// The same for one client address.
    pub max_tunnels_per_client: Option<usize>,
    /// The most memory for requests, in bytes.
    pub max_buffered: Option<u64>,
    /// The same for one client address.
    pub max_buffered_per_client: Option<u64>,
}

/// What the connections of a listener may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// How long the head of a request may take, in milliseconds.
    pub head_timeout_ms: u64,
    /// How long the body of a request may take, in milliseconds.
    pub body_timeout_ms: u64,
    /// How long one write to a client may take, in milliseconds.
    pub write_timeout_ms: u64,
    /// How long a connection may be idle, in milliseconds.
    pub idle_timeout_ms: u64,
    /// The largest head, in bytes.
    pub head_size: usize,
    /// The most fields of a head.
    pub head_fields: usize,
    /// The most connections at a time.
    pub connections: usize,
    /// The same from one address; IPv6: from one /64.
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

/// One line for each request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccessLog {
    /// Where to.
    pub output: LogOutput,
    /// How a line looks.
    pub format: LogFormat,
    /// Whether queries are written.
    pub query: bool,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// A JSON object, for machines.
    #[default]
    Json,
    /// Columns, for people.
    Human,
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LogOutput {
    /// Standard output.
    #[default]
    Stdout,
    /// Standard error.
    Stderr,
    /// Nowhere.
    Off,
    /// To the end of a file.
    File(PathBuf),
}

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// How long it serves on while it says that it is not ready, in milliseconds.
    pub delay_ms: u64,
    /// How long requests in flight may take then, in milliseconds.
    pub timeout_ms: u64,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            delay_ms: 0,
            timeout_ms: 30_000,
        }
    }
}

impl Settings {
    /// The fields in which `new` differs that only a restart can change.
    #[must_use]
    pub fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        let differences = [
            ("listeners", !listen_alike(&self.listeners, &new.listeners)),
            ("admin", !admin_alike(self.admin.as_ref(), new.admin.as_ref())),
            ("break_glass", self.break_glass != new.break_glass),
            ("control", self.changes != new.changes),
            ("threads", self.threads != new.threads),
            ("limits", self.limits != new.limits),
            (
                "access_log",
                (&self.access_log.output, self.access_log.format)
                    != (&new.access_log.output, new.access_log.format),
            ),
        ];
        differences
            .into_iter()
            .filter(|(_, differs)| *differs)
            .map(|(field, _)| field)
            .collect()
    }
}

/// Whether two admin listeners differ in nothing but what changes without a restart.
fn admin_alike(one: Option<&AdminListener>, other: Option<&AdminListener>) -> bool {
    let bound = |AdminListener { address, tls }: &AdminListener| (*address, tls.is_some());
    one.map(bound) == other.map(bound)
}

/// Whether two lists of listeners differ in nothing but what changes without a restart.
fn listen_alike(one: &[Listener], other: &[Listener]) -> bool {
    let bound = |listener: &Listener| {
        let Listener {
            name,
            address,
            tls,
            h2c,
            proxy_protocol,
            limits,
        } = listener;
        (
            name.clone(),
            *address,
            tls.is_some(),
            *h2c,
            *proxy_protocol,
            *limits,
        )
    };
    one.iter().map(bound).eq(other.iter().map(bound))
}
