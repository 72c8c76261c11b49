//! The clock of the commands: what time it is, or what time they are told it is.

use std::time::{SystemTime, UNIX_EPOCH};

use rules::{InvalidTime, Timestamp};

/// The system's time.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Whole seconds since 1970.
pub(crate) fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.0.div_euclid(1_000)).unwrap_or(0)
}

/// Reads `--now`.
pub(crate) fn parse(text: &str) -> Result<Timestamp, InvalidTime> {
    Timestamp::parse(text)
}
