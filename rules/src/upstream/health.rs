//! How the endpoints of an upstream are checked.

use std::ops::RangeInclusive;

/// A check of each endpoint, again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// What is done.
    pub probe: HealthProbe,
    /// From one check to the next, in milliseconds.
    pub interval_ms: u64,
    /// How long a check may take, in milliseconds.
    pub timeout_ms: u64,
    /// After so many good checks in a row an endpoint gets requests again.
    pub healthy: u32,
    /// After so many bad ones it gets none.
    pub unhealthy: u32,
    /// What becomes of requests when no endpoint is healthy.
    pub none_healthy: NoneHealthy,
}

/// What is done to check an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthProbe {
    /// A connection is made.
    Tcp,
    /// A `GET` is sent, by the upstream's protocol and TLS.
    Http {
        /// To this path.
        path: Box<str>,
        /// With this `Host`; the endpoint's own where there is none.
        host: Option<Box<str>>,
        /// One of these is a good answer.
        statuses: RangeInclusive<u16>,
    },
}

/// What becomes of requests when no endpoint is healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoneHealthy {
    /// They go to any endpoint.
    Forward,
    /// They are refused.
    Refuse,
}

impl HealthCheck {
    /// This check, as it is when nothing more is said of it.
    #[must_use]
    pub fn new(probe: HealthProbe) -> Self {
        Self {
            probe,
            interval_ms: 5_000,
            timeout_ms: 2_000,
            healthy: 2,
            unhealthy: 3,
            none_healthy: NoneHealthy::Forward,
        }
    }
}
