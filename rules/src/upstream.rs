//! What an upstream is: a named group of endpoints and how to talk to them. Definitions only;
//! addresses, pools and health live in the proxy.

mod health;
mod tls;

pub use self::health::{HealthCheck, HealthProbe, NoneHealthy};
pub use self::tls::{UpstreamClientCertificate, UpstreamTls};
use crate::{Reads, Site};

/// A named group of endpoints that serve the same thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Its name.
    pub name: Box<str>,
    /// Where it was written.
    pub site: Site,
    /// Where to connect; at least one.
    pub endpoints: Box<[Endpoint]>,
    /// What they speak.
    pub protocol: UpstreamProtocol,
    /// How connections to them are encrypted, if they are.
    pub tls: Option<UpstreamTls>,
    /// How they are checked, if they are.
    pub health: Option<HealthCheck>,
    /// How one of them is chosen.
    pub balance: Balance,
    /// How long each step may take.
    pub timeouts: UpstreamTimeouts,
    /// How it may read paths: which gates are asked of a path that can be read in several ways.
    pub reads: Reads,
    /// How often a request is turned to an upstream again, where that is safe.
    pub retries: u32,
    /// When an endpoint that fails requests gets none for a while.
    pub ejection: Option<Ejection>,
    /// The most requests at once.
    pub max_in_flight: Option<u32>,
    /// How often host names are resolved again, in milliseconds.
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

/// What an upstream speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UpstreamProtocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2: agreed on by ALPN where there is TLS, by prior knowledge where there is none.
    Http2,
}

/// How an endpoint is chosen. Weights count in each way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Balance {
    /// In turn.
    RoundRobin,
    /// The one with fewer requests under way, of two that are drawn.
    LeastRequest,
    /// Always the same one for a tenant, as long as it is there.
    Sticky,
}

/// When an endpoint that fails requests gets none for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ejection {
    /// After so many failures in a row.
    pub failures: u32,
    /// For so long, in milliseconds.
    pub for_ms: u64,
}

/// How long each step with an upstream may take, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpstreamTimeouts {
    /// Until connected.
    pub connect_timeout_ms: u64,
    /// Between two reads.
    pub read_timeout_ms: u64,
    /// Of one write.
    pub write_timeout_ms: u64,
    /// How long an idle connection is kept.
    pub idle_timeout_ms: u64,
    /// From the first choice of an endpoint to the end of the answer.
    pub total_timeout_ms: Option<u64>,
}

/// The largest weight of an endpoint.
pub const MAX_WEIGHT: u32 = 100;
/// The most retries.
pub const MAX_RETRIES: u32 = 8;

impl Upstream {
    /// An upstream of these endpoints, with everything else as it is when nothing is said of it.
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

    /// Whether both define the same; where they were written makes no difference.
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
        }
    }
}
