//! Events of circuit breakers, for the control plane.

use std::sync::Arc;
use std::time::SystemTime;

use rules::BreakerEventKind;

/// An event of the circuit breaker of a flag for one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerEvent {
    /// The kind.
    pub kind: BreakerEventKind,
    /// The flag's key.
    pub flag: Arc<str>,
    /// The tenant's id.
    pub tenant: Arc<str>,
    /// The time.
    pub at: SystemTime,
    /// The tenant's requests in the last 60 s; of a trial that failed, 1. 0 for half-open and closed.
    pub requests: u64,
    /// The errors among them.
    pub errors: u64,
}
