//! The seam to the measurements of rollouts: verdicts about the stage in force.

use changes::{CheckResult, ManagedPlan};

use crate::stage_report::StageReport;

/// Gives the verdicts of the checks of a rollout plan.
pub trait JudgeRollouts: Send + Sync {
    /// Returns the verdicts about the stage in force. A check without a verdict is inconclusive.
    fn verdicts(&self, flag: &str, managed: &ManagedPlan) -> Vec<CheckResult>;

    /// Returns the evidence about the stage in force; none before it was judged.
    fn report(&self, _flag: &str, _managed: &ManagedPlan) -> Option<StageReport> {
        None
    }
}
