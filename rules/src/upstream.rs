//! Definitions of upstreams: named groups of endpoints and how to connect to them. Addresses, pools and
//! health are kept in the proxy.

mod health;
mod tls;

pub use self::health::{HealthCheck, HealthProbe, NoneHealthy};
pub use self::tls::{UpstreamClientCertificate, UpstreamTls};
use crate::{Reads, Site};

/// A named group of endpoints that serve the same application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Its name.
    pub name: Box<str>,
    /// The place of its definition.
    pub site: Site,
    /// The endpoints; at least one.
    pub endpoints: Box<[Endpoint]>,
    /// Their protocol.
    pub protocol: UpstreamProtocol,
    /// The encryption of connections; `None` for plain text.
    pub tls: Option<UpstreamTls>,
    /// The health check of each endpoint, if there is one.
    pub health: Option<HealthCheck>,
    /// The choice of an endpoint.
    pub balance: Balance,
    /// The timeouts of each step.
    pub timeouts: UpstreamTimeouts,
    /// The ways in which it may read paths. They determine the gates of an ambiguous path.
    pub reads: Reads,
    /// The most retries of a request that can safely be sent again.
    pub retries: u32,
    /// The ejection of failing endpoints.
    pub ejection: Option<Ejection>,
    /// The most requests at once.
    pub max_in_flight: Option<u32>,
    /// The interval between resolutions of host names, in milliseconds.
    pub resolve_interval_ms: u64,
}

/// One address of an upstream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// A host name or an IP address (IPv6 without brackets).
    pub host: Box<str>,
    /// The TCP port.
    pub port: u16,
    /// Its share of the requests, beside those of the others.
    pub weight: u32,
}

/// The protocol of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UpstreamProtocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2: by ALPN with TLS, by prior knowledge without.
    Http2,
}

/// The choice of an endpoint. Each respects weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Balance {
    /// Endpoints take turns.
    RoundRobin,
    /// The one with fewer requests under way, of two that are drawn.
    LeastRequest,
    /// The same endpoint for a tenant, while it is available.
    Sticky,
}

/// The ejection of an endpoint after failed requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ejection {
    /// The number of failures in a row.
    pub failures: u32,
    /// The duration in milliseconds.
    pub for_ms: u64,
}

/// The timeouts of the steps of a request, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpstreamTimeouts {
    /// Until connected.
    pub connect_timeout_ms: u64,
    /// Between two reads.
    pub read_timeout_ms: u64,
    /// The limit of one write.
    pub write_timeout_ms: u64,
    /// The lifetime of an idle connection.
    pub idle_timeout_ms: u64,
    /// From the first choice of an endpoint to the end of the answer.
    pub total_timeout_ms: Option<u64>,
    /// The silence of both sides after which a tunnel ends.
    pub tunnel_timeout_ms: u64,
}

/// The largest weight of an endpoint.
pub const MAX_WEIGHT: u32 = 100;
/// The most retries.
pub const MAX_RETRIES: u32 = 8;

impl Upstream {
    /// Creates an upstream of these endpoints, with defaults for everything else.
    #[must_use]
    pub fn new(name: impl Into<Box<str>>, endpoints: impl Into<Box<[Endpoint]>>) -> Self {
        Self {
            name: name.into(),
            site: Site::default(),
            endpoints: endpoints.into(),
            protocol: UpstreamProtocol::Http1,
            tls: None,
            health: None,
            balance: Balance::RoundRobin,
            timeouts: UpstreamTimeouts::default(),
            retries: 3,
            ejection: Some(Ejection::default()),
            max_in_flight: None,
            resolve_interval_ms: 30_000,
            reads: Reads::ALL,
        }
    }

    /// Returns true if both define the same, wherever they are written.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let here = Self {
            site: other.site,
            ..self.clone()
        };
        here == *other
    }
}

impl Default for Ejection {
    fn default() -> Self {
        Self {
            failures: 5,
            for_ms: 10_000,
        }
    }
}

impl Default for UpstreamTimeouts {
    fn default() -> Self {
        Self {
            connect_timeout_ms: 3_000,
            read_timeout_ms: 60_000,
            write_timeout_ms: 60_000,
            idle_timeout_ms: 60_000,
            total_timeout_ms: None,
            tunnel_timeout_ms: 3_600_000,
        }
    }
}
