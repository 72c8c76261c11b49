//! The course of a plan: its turns with time, actor and reason, for its document and its display. The audit log has the
//! same turns without a limit.

use rules::Timestamp;
use serde::{Deserialize, Serialize};

/// The number of turns that are kept; the oldest ones are dropped.
pub const MAX_COURSE: usize = 100;

/// A turn of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CourseEntry {
    /// The time.
    #[serde(with = "crate::timestamp")]
    pub at: Timestamp,
    /// The actor.
    pub by: String,
    /// The turn.
    pub turn: Turn,
    /// The role of an approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The stage in force afterwards, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// The reason: of a person, the check that failed, or the change of the flag that paused the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A kind of turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// The plan was set.
    Set,
    /// Later stages were edited.
    Edited,
    /// A role approved.
    Approved,
    /// The plan was started.
    Started,
    /// The next stage was entered.
    StageEntered,
    /// It was paused.
    Paused,
    /// It was resumed.
    Resumed,
    /// It was rolled back.
    RolledBack,
    /// It was cancelled.
    Cancelled,
    /// It was completed.
    Completed,
}
