//! The system's clock. It is read here and passed on as an argument.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use control::{ClockReading, Clocks};
use rules::Timestamp;

/// Returns the system's time.
pub(crate) fn now() -> Timestamp {
    timestamp(SystemTime::now())
}

/// Returns the system clock, and a monotonic clock that begins now.
pub(crate) fn both() -> Clocks {
    let start = Instant::now();
    Arc::new(move || ClockReading {
        system: now(),
        monotonic: start.elapsed(),
    })
}

/// Returns a time as a timestamp.
pub(crate) fn timestamp(at: SystemTime) -> Timestamp {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
