//! The seam to the log of the process, whose levels change at run time.

use std::time::Duration;

use rules::Timestamp;

/// The longest time after which the former levels return.
pub const MAX_LOG_LEVEL_TIME: Duration = Duration::from_secs(24 * 3600);

/// The levels of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLevelState {
    /// The directives in force: a level, and `MODULE=LEVEL`, separated by commas.
    pub level: String,
    /// The time at which the directives `afterwards` return; none if the levels stay.
    pub until: Option<Timestamp>,
    /// The directives that return then.
    pub afterwards: Option<String>,
}

/// Shows and sets the levels of the log.
pub trait SetLogLevels: Send + Sync {
    /// Returns the levels in force.
    fn show(&self) -> LogLevelState;

    /// Sets the levels for an operator, with a time after which the former ones return. The log has a line about it, if
    /// the former or the new levels show it.
    ///
    /// # Errors
    /// Each directive that can't be followed, as a sentence. Nothing changed.
    fn set(&self, directives: &str, time: Option<Duration>, by: &str) -> Result<LogLevelState, Vec<String>>;
}
