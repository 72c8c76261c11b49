//! The times of a shutdown, as the active document and the process set them.

use std::time::Duration;

/// The times of a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainTimes {
    /// The time to keep serving while readiness reports not ready.
    pub delay: Duration,
    /// The maximum time for in-flight requests afterwards.
    pub timeout: Duration,
}
