//! What an upstream is: a named group of endpoints and how to talk to them. Definitions only;
//! addresses, pools and health live in the proxy.

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
    /// How long each step may take.
    pub timeouts: UpstreamTimeouts,
    /// How it may read paths: which gates are asked of a path that can be read in several ways.
    pub reads: Reads,
}

/// One address of an upstream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// A host name or an IP address (IPv6 without brackets).
    pub host: Box<str>,
    /// The TCP port.
    pub port: u16,
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
}

impl Default for UpstreamTimeouts {
    fn default() -> Self {
        Self {
            connect_timeout_ms: 3_000,
            read_timeout_ms: 60_000,
            write_timeout_ms: 60_000,
            idle_timeout_ms: 60_000,
        }
    }
}
