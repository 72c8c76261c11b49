//! The run of a plan: its state, the stages in force, approvals and checklist.

use rules::Timestamp;
use serde::{Deserialize, Serialize};

use super::course::CourseEntry;
use super::stage_clock::StageClock;

/// The run of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Identifies the run: a digest of the plan and of its start. It is another one from the start on, so that no two runs share
    /// evidence, also if the store is restored from a backup between them.
    pub id: u64,
    /// The number of its turns. A step that was computed at another number is refused.
    pub sequence: u64,
    /// The state.
    pub state: RolloutState,
    /// The stage that was entered last, by its index; none before the start. A rollback to the stage before lowers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<usize>,
    /// The stages in force. It is independent of the state: a pause keeps it.
    pub exposed: Exposed,
    /// The time in the stage.
    #[serde(default)]
    pub clock: StageClock,
    /// The reason of a pause, a rollback or a cancellation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub halt: Option<Halt>,
    /// The approvals that were given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
    /// The items of the checklist that are done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checked: Vec<CheckedItem>,
    /// The last turns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub course: Vec<CourseEntry>,
}

/// The state of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RolloutState {
    /// Approvals are missing.
    Draft,
    /// It can be started when its checklist is complete.
    Approved,
    /// It advances.
    Running,
    /// It was paused; its stages stay in force.
    Paused,
    /// It was rolled back.
    RolledBack,
    /// A person ended it.
    Cancelled,
    /// Its last stage has ended.
    Completed,
}

/// The stages in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exposed {
    /// None: the flag is decided as without a plan.
    Nothing,
    /// The stages up to this one, each with its percentage.
    Through(usize),
    /// The stages up to this one, each with 0 %.
    Withdrawn(usize),
}

/// The reason of a pause, a rollback or a cancellation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Halt {
    /// The actor.
    pub by: String,
    /// The reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The check that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// The change of the flag that paused the plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<PausingChange>,
    /// The time.
    #[serde(with = "crate::timestamp")]
    pub at: Timestamp,
}

/// A change of a flag that pauses its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PausingChange {
    /// The flag was killed.
    Kill,
    /// The lifecycle was set by hand.
    Lifecycle,
}

/// An approval of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The role that approved.
    pub role: String,
    /// The actor.
    pub by: String,
    /// The time.
    #[serde(with = "crate::timestamp")]
    pub at: Timestamp,
}

/// An item of the checklist that is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckedItem {
    /// The item.
    pub item: String,
    /// The actor.
    pub by: String,
    /// The time.
    #[serde(with = "crate::timestamp")]
    pub at: Timestamp,
}

impl PausingChange {
    /// Returns the name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Lifecycle => "lifecycle",
        }
    }

    /// Returns the change as a sentence.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Kill => "the flag was killed",
            Self::Lifecycle => "the lifecycle was set by hand",
        }
    }
}

impl RolloutState {
    /// All states.
    pub const ALL: [Self; 7] = [
        Self::Draft,
        Self::Approved,
        Self::Running,
        Self::Paused,
        Self::RolledBack,
        Self::Cancelled,
        Self::Completed,
    ];

    /// Returns the name in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Approved => "approved",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::RolledBack => "rolled_back",
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
        }
    }

    /// Returns true while the plan runs or is paused: it then decides over the rollout and the lifecycle of the flag.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Paused)
    }

    /// Returns true before the start.
    #[must_use]
    pub const fn is_prepared(self) -> bool {
        matches!(self, Self::Draft | Self::Approved)
    }
}
