//! What a promotion must meet, in numbers, how far one change may reach,
//! and when a flag has outlived its purpose. All of it can be configured.

use crate::stale::StaleLimits;

const HOUR_MS: i64 = 3_600_000;

/// What changes must meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// How long a flag must have been in its present state before it is promoted, in milliseconds; 24 h.
    pub soak_ms: i64,
    /// What it must have besides to become ga.
    pub ga: GaPolicy,
    /// More tenants than these are served something else only by a change that is forced; 1,000. None: any number.
    pub max_blast_radius: Option<usize>,
    /// From when on flags count as stale.
    pub stale: StaleLimits,
}

/// What a flag must have to become ga.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GaPolicy {
    /// So many tenants that opted in or are on the allowlist have it on; 10.
    pub tenants: usize,
    /// Neither killed, restored nor reverted for so long, in milliseconds; 72 h.
    pub stable_ms: i64,
    /// Whether its definition must say `revertible: true`; it must.
    pub revertible: Revertible,
    /// On whose behalf somebody must have signed off; nobody's.
    pub sign_offs: Vec<String>,
    /// So many requests that it let through may have met errors within the window; 0. None: any number.
    pub errors: Option<u64>,
    /// The window in which errors are counted, in milliseconds; 24 h.
    pub errors_window_ms: i64,
}

/// Whether a flag that becomes ga must be known to turn back without harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Revertible {
    /// Its definition must say so.
    #[default]
    Required,
    /// It need not.
    Optional,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            soak_ms: 24 * HOUR_MS,
            ga: GaPolicy::default(),
            max_blast_radius: Some(1_000),
            stale: StaleLimits::default(),
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
