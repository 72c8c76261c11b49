//! Health checks of an upstream's endpoints.

use std::ops::RangeInclusive;

/// A check of each endpoint, again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// The probe.
    pub probe: HealthProbe,
    /// From one check to the next, in milliseconds.
    pub interval_ms: u64,
    /// The timeout of a check, in milliseconds.
    pub timeout_ms: u64,
    /// The number of successful checks in a row after which an endpoint gets requests again.
    pub healthy: u32,
    /// The number of failed checks in a row after which it gets none.
    pub unhealthy: u32,
    /// The action if no endpoint is healthy.
    pub none_healthy: NoneHealthy,
}

/// The probe of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthProbe {
    /// A connection is made.
    Tcp,
    /// A `GET` is sent, by the upstream's protocol and TLS.
    Http {
        /// To this path.
        path: Box<str>,
        /// With this `Host`; that of the endpoint if `None`.
        host: Option<Box<str>>,
        /// One of these is a good answer.
        statuses: RangeInclusive<u16>,
    },
}

/// The action if no endpoint is healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoneHealthy {
    /// They go to any endpoint.
    Forward,
    /// They are refused.
    Refuse,
}

impl HealthCheck {
    /// Creates a check with defaults for everything but the probe.
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
