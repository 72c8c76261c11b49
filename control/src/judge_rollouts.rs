//! The seam to the measurements of rollouts: verdicts about the stage in force.

use changes::{CheckResult, ManagedPlan};

/// Gives the verdicts of the checks of a rollout plan.
pub trait JudgeRollouts: Send + Sync {
    /// Returns the verdicts about the stage in force. A check without a verdict is inconclusive.
    fn verdicts(&self, flag: &str, managed: &ManagedPlan) -> Vec<CheckResult>;
}
