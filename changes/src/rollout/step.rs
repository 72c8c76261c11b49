//! The next step of a running plan.

use config::{CheckAction, RolloutPlan};
use rules::Timestamp;
use serde::{Deserialize, Serialize};

use super::evidence::{CheckResult, CheckVerdict, verdict_of};
use super::managed_plan::ManagedPlan;
use super::run::{RolloutState, Run};
use super::wait::waits;

/// A step of a plan. It names the run and the turn that it was computed at, so that it can be taken once only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The id of the run.
    pub run: u64,
    /// The number of turns of the run.
    pub sequence: u64,
    /// The action.
    pub action: StepAction,
}

/// The action of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepAction {
    /// Enter the stage with this index.
    Enter {
        /// The index.
        stage: usize,
    },
    /// Pause the plan.
    Pause {
        /// The check that failed.
        check: String,
    },
    /// Roll the plan back.
    RollBack {
        /// The check that failed.
        check: String,
    },
    /// Complete the plan, and take its last step.
    Complete,
}

impl StepAction {
    /// Returns true if the step is due only once the time of the stage has passed.
    #[must_use]
    pub fn depends_on_time(&self) -> bool {
        match self {
            Self::Enter { .. } | Self::Complete => true,
            Self::Pause { .. } | Self::RollBack { .. } => false,
        }
    }
}

/// Returns the next step of the plan; none if it waits. The same arguments always yield the same step: there is no state
/// besides them, so that a restart loses nothing.
///
/// A failing check has precedence over everything; of several, the one with the gravest effect.
#[must_use]
pub fn step(managed: &ManagedPlan, evidence: &[CheckResult], now: Timestamp) -> Option<Step> {
    let ManagedPlan { plan, run } = managed;
    if run.state != RolloutState::Running {
        return None;
    }
    let action = match failure(plan, run, evidence) {
        Some((CheckAction::Rollback, check)) => StepAction::RollBack { check },
        Some((CheckAction::Pause, check)) => StepAction::Pause { check },
        // A failing check that only notifies is one of the reasons to wait.
        Some((CheckAction::Notify, _)) | None => {
            if !waits(managed, evidence, now).is_empty() {
                return None;
            }
            match managed.next_stage() {
                Some(stage) => StepAction::Enter { stage },
                None => StepAction::Complete,
            }
        }
    };
    let (id, sequence) = (run.id, run.sequence);
    Some(Step {
        run: id,
        sequence,
        action,
    })
}

/// Returns the gravest effect of the failing checks, and the first check with it.
fn failure(plan: &RolloutPlan, run: &Run, evidence: &[CheckResult]) -> Option<(CheckAction, String)> {
    let checks = plan.applicable_checks(run.stage?);
    let failing = checks.filter(|check| verdict_of(evidence, &check.name) == CheckVerdict::Fail);
    // The first one of the gravest: `max_by_key` would return the last.
    let gravest = failing.reduce(
        |gravest, check| {
            if check.then > gravest.then { check } else { gravest }
        },
    )?;
    Some((gravest.then, gravest.name.to_string()))
}
