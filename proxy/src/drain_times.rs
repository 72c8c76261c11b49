//! The times of a shutdown, as the active document and the process set them.

use std::time::Duration;

/// Time in which a connection without a request may send one more during a shutdown.
pub const DRAIN_IDLE: Duration = Duration::from_secs(1);

/// The times of a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainTimes {
    /// The time to keep serving while readiness reports not ready.
    pub delay: Duration,
    /// The maximum time for in-flight requests afterwards.
    pub timeout: Duration,
    /// The time in which open connections without a request may send one, which is the last of its connection; at most
    /// [`DRAIN_IDLE`].
    pub idle: Duration,
}

impl DrainTimes {
    /// Returns the maximum time of the shutdown.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.delay + self.timeout
    }
}
