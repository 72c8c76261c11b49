//! The configurable conditions of promotions, the limit of one change's effect, and the ages at which flags are
//! stale.

use crate::stale::StaleLimits;

const HOUR_MS: i64 = 3_600_000;

/// The conditions that changes must meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LifecyclePolicy {
    /// The minimum time in the present lifecycle before a promotion, in milliseconds; default 24 h.
    pub soak_ms: i64,
    /// The further conditions of a promotion to ga.
    pub ga: GaPolicy,
    /// The largest number of tenants whose decisions a change may alter without `force`; default 1,000. None: any
    /// number.
    pub max_blast_radius: Option<usize>,
    /// The ages at which flags are stale.
    pub stale: StaleLimits,
    /// The source of the metrics of rollout plans that are not counted by the proxy.
    pub metrics: MetricSource,
}

/// The source of metrics that the proxy does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MetricSource {
    /// There is none: a plan whose checks need one is refused.
    #[default]
    Missing,
    /// A Prometheus is configured.
    Prometheus,
}

/// The conditions of a promotion to ga.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GaPolicy {
    /// The minimum number of tenants that opted in or are on the allowlist, and have it on; default 10.
    pub tenants: usize,
    /// The minimum time since the last kill, restore or revert, in milliseconds; default 72 h.
    pub stable_ms: i64,
    /// The requirement of `revertible: true` in the definition; required by default.
    pub revertible: Revertible,
    /// The roles that must have signed off; none by default.
    pub sign_offs: Vec<String>,
    /// The largest number of requests that the flag let through and that met an error within the window; default 0.
    /// None: any number.
    pub errors: Option<u64>,
    /// The window in which errors are counted, in milliseconds; default 24 h.
    pub errors_window_ms: i64,
}

/// The requirement that a flag can be reverted without harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Revertible {
    /// The definition must say `revertible: true`.
    #[default]
    Required,
    /// Not required.
    Optional,
}

impl Default for LifecyclePolicy {
    fn default() -> Self {
        Self {
            soak_ms: 24 * HOUR_MS,
            ga: GaPolicy::default(),
            max_blast_radius: Some(1_000),
            stale: StaleLimits::default(),
            metrics: MetricSource::default(),
        }
    }
}

impl Default for GaPolicy {
    fn default() -> Self {
        Self {
            tenants: 10,
            stable_ms: 72 * HOUR_MS,
            revertible: Revertible::Required,
            sign_offs: Vec::new(),
            errors: Some(0),
            errors_window_ms: 24 * HOUR_MS,
        }
    }
}
