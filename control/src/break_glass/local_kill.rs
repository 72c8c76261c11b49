//! One kill of a flag on this machine, its limits, and the reasons why it is not made.

use rules::Timestamp;

use super::journal::JournalError;

/// The default duration of a kill: an hour, in milliseconds.
pub const DEFAULT_KILL_MS: i64 = 3_600_000;
/// The longest duration of a kill: a week, in milliseconds.
pub const MAX_KILL_MS: i64 = 7 * 24 * 3_600_000;
/// The largest number of flags killed at a time.
pub const MAX_LOCAL_KILLS: usize = 1_000;
/// The longest reason, in bytes.
pub const MAX_REASON: usize = 1_000;

/// A flag that is killed on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalKill {
    /// The flag.
    pub flag: String,
    /// The time it expires.
    pub until: Timestamp,
    /// The user of the process that requested it.
    pub by: String,
    /// The reason.
    pub reason: String,
}

/// The origin of a request to kill or restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KillOrigin {
    /// The user of the process that sent the request.
    pub by: String,
    /// The id of the request.
    pub request_id: String,
    /// The time of the request.
    pub at: Timestamp,
}

/// The reason why a local kill was not made or ended.
#[derive(Debug, thiserror::Error)]
pub enum BreakGlassError {
    /// The duration is out of range.
    #[error("the duration of a kill is 1 second to 7 days")]
    Duration,
    /// Too many flags are killed.
    #[error("{MAX_LOCAL_KILLS} flags are killed already")]
    Full,
    /// The reason is missing or too long.
    #[error("a reason of 1 to {MAX_REASON} bytes is needed, without control characters")]
    Reason,
    /// Writing to the journal failed; nothing was changed.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Another process holds the journal.
    #[error("another process holds the break-glass journal")]
    OtherProcess,
    /// The journal can't be used.
    #[error("{reason}")]
    Unavailable {
        /// The problem, with the path of the journal.
        reason: String,
        /// The problem for clients, without the path.
        client_detail: String,
        /// The help.
        help: &'static str,
    },
}

/// The process through which kills can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KillAvailability {
    /// Kills can be made through this process.
    Available,
    /// Another process makes kills; this process applies them within a second.
    OtherProcess,
    /// The journal cannot be used. The kills in its readable part are applied.
    Unavailable {
        /// The problem.
        reason: String,
        /// The help.
        help: &'static str,
    },
}
