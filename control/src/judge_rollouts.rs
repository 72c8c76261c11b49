//! The seam to the measurements of rollouts: verdicts about the stage in force, and the evidence behind them.

use std::collections::BTreeMap;

use changes::{CheckResult, ManagedPlan, Refusal, Revision};
use rules::Timestamp;

use crate::engine::ApplyError;
use crate::minute_report::MinuteReport;
use crate::stage_report::StageReport;

/// Gives the verdicts of the checks of a rollout plan.
pub trait JudgeRollouts: Send + Sync {
    /// Returns the verdicts about the stage in force. A check without a verdict is inconclusive.
    fn verdicts(&self, flag: &str, managed: &ManagedPlan) -> Vec<CheckResult>;

    /// Returns the evidence about the stage in force, as it was looked at last; none before the first look.
    fn evidence(&self, flag: &str, managed: &ManagedPlan) -> Option<StageReport>;

    /// Returns the counts of the flag's arms by minute: those of the last 24 hours with requests, the oldest first.
    fn minutes(&self, flag: &str) -> Vec<MinuteReport>;

    /// Returns the conditions that held up the last step of the controller.
    fn refusals(&self, _flag: &str) -> Vec<Refusal> {
        Vec::new()
    }

    /// Returns the number of looks at the checks so far. The verdicts change only with it, but for those about reports.
    fn looks(&self) -> u64;

    /// Corrects the times of stages if the system clock has jumped, before a change that depends on them. Returns the time
    /// to judge the change at. A request may have waited since it was received; a judge without clocks returns the time of
    /// that.
    fn follow_clock(&self, received: Timestamp) -> FollowedTime {
        FollowedTime::at(received)
    }

    /// Looks at the checks of a flag now, and takes the step that is due. `request_id` identifies the step in the audit
    /// log. If the time of the stage is not corrected, only a step that a failed check requires is taken.
    fn look(&self, flag: &str, managed: &ManagedPlan, request_id: &str, at: &FollowedTime) -> Look;
}

/// A time of the system clock at which the times of stages are right, but for those whose correction failed.
#[derive(Debug)]
pub struct FollowedTime {
    /// The time.
    pub now: Timestamp,
    /// The flags whose correction failed, with its error. No step of them may be taken by the time of their stage.
    pub uncorrected: BTreeMap<String, ApplyError>,
}

impl FollowedTime {
    /// Returns a time at which no correction was necessary.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            uncorrected: BTreeMap::new(),
        }
    }
}

/// The result of a look at a plan.
#[derive(Debug, Clone, PartialEq)]
pub enum Look {
    /// No step is due.
    NoStep,
    /// A step was taken, at this revision.
    Stepped(Revision),
    /// A step is due, and was rejected: a condition of a promotion is not met, or another change was first.
    Rejected(Vec<Refusal>),
    /// A step is due, and could not be committed. The log of the process has the cause.
    Failed,
}
