//! The reasons for which the stage in force does not end yet.

use config::Advance;
use rules::Timestamp;

use super::evidence::{CheckResult, CheckVerdict, verdict_of};
use super::managed_plan::ManagedPlan;
use super::window;

/// A reason for which the stage in force does not end yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// The plan is not running.
    NotRunning,
    /// Its duration has not passed.
    Time {
        /// The time that is left, in milliseconds.
        remaining_ms: i64,
    },
    /// A check that can apply has not passed.
    Check {
        /// The check.
        check: String,
        /// Its verdict.
        verdict: CheckVerdict,
    },
    /// No check applies, so that nothing says that the stage is good.
    Unmeasured,
    /// Roles have to approve the edited plan.
    Approval {
        /// The roles.
        roles: Vec<String>,
    },
    /// The window of the next stage, or of the plan after the last one, is closed.
    Window {
        /// The next opening; none if there is none within two weeks.
        opens: Option<Timestamp>,
    },
    /// A person has to advance it.
    Person,
}

/// Returns the reasons for which the stage in force does not end yet; none if it can end.
#[must_use]
pub fn waits(managed: &ManagedPlan, evidence: &[CheckResult], now: Timestamp) -> Vec<Wait> {
    let ManagedPlan { plan, run } = managed;
    let current = run.stage.and_then(|stage| Some((stage, plan.stages.get(stage)?)));
    let (true, Some((index, stage))) = (run.state == super::run::RolloutState::Running, current) else {
        return vec![Wait::NotRunning];
    };
    let mut waits = Vec::new();
    let needed = i64::try_from(stage.for_ms).unwrap_or(i64::MAX);
    let remaining_ms = needed.saturating_sub(run.clock.passed_ms(now));
    if remaining_ms > 0 {
        waits.push(Wait::Time { remaining_ms });
    }
    let checks = plan.applicable_checks(index);
    let verdicts: Vec<_> = checks
        .map(|check| (&*check.name, verdict_of(evidence, &check.name)))
        .collect();
    // A check that turned out not to apply does not block, unless it is the last one: then nothing was measured.
    if verdicts
        .iter()
        .all(|(_, verdict)| *verdict == CheckVerdict::NotApplicable)
    {
        waits.push(Wait::Unmeasured);
    }
    for (check, verdict) in verdicts {
        if matches!(verdict, CheckVerdict::Fail | CheckVerdict::Inconclusive) {
            let check = check.to_owned();
            waits.push(Wait::Check { check, verdict });
        }
    }
    let missing = managed.missing_approvals();
    if !missing.is_empty() {
        let roles = missing.into_iter().map(str::to_owned).collect();
        waits.push(Wait::Approval { roles });
    }
    let windows = managed
        .next_stage()
        .map_or(&*plan.window, |next| plan.window_of(next));
    if !window::is_open(windows, now) {
        let opens = window::next_opening(windows, now);
        waits.push(Wait::Window { opens });
    }
    if stage.advance == Advance::Manual {
        waits.push(Wait::Person);
    }
    waits
}
