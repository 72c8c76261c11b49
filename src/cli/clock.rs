//! The clock of the commands: what time it is, or what time they are told it is.

use std::time::{SystemTime, UNIX_EPOCH};

use rules::{InvalidTime, Timestamp};

/// The system's time.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Reads `--now`.
pub(crate) fn parse(text: &str) -> Result<Timestamp, InvalidTime> {
    Timestamp::parse(text)
}
